"""Tests of the sources prometheus and grafana, beyond the tables in test_normalize.py."""

from typing import Any

import pytest

from firstline.errors import UnreadablePayload
from firstline.sources import normalize, normalize_batch
from tests.unit.sources.events import RECEIVED_AT, event, read


def disk_alert(**labels: str) -> dict[str, Any]:
    """Return a notification with one alert with these labels and without the sender's fingerprint."""
    payload = event("prometheus/firing")
    payload["commonLabels"] = {}
    payload["alerts"][0]["labels"] |= labels
    payload["alerts"][0]["fingerprint"] = ""
    return payload


def test_alerts_of_one_notification_have_their_own_status_host_and_fingerprint_and_one_group() -> None:
    batch = read("prometheus/mixed")

    assert [alert.status for alert in batch.alerts] == ["firing", "resolved", "firing"]
    assert [alert.host for alert in batch.alerts] == [
        "ip-10-0-3-17.eu-west-1.compute.internal",
        "10.0.3.18",
        "2001:db8::7",
    ]
    assert len({alert.fingerprint for alert in batch.alerts}) == 3
    assert len({alert.group_key for alert in batch.alerts}) == 1


def test_the_number_of_alerts_that_alertmanager_left_out_is_kept() -> None:
    assert event("prometheus/mixed")["truncatedAlerts"] == 2
    assert read("prometheus/mixed").truncated == 2


def test_the_raw_payload_of_an_alert_is_its_own_part_and_not_the_whole_notification() -> None:
    payload = event("prometheus/mixed")

    assert [alert.raw_payload for alert in normalize("prometheus", payload)] == payload["alerts"]


@pytest.mark.parametrize("label", ["cluster", "namespace", "service", "environment", "region", "alertname"])
def test_alerts_that_differ_in_this_label_belong_to_two_incidents(label: str) -> None:
    one, other = (normalize("prometheus", disk_alert(**{label: value}))[0] for value in ("a", "b"))

    assert one.group_key != other.group_key
    assert one.fingerprint != other.fingerprint


def test_the_same_alert_on_two_hosts_belongs_to_one_incident() -> None:
    one, other = (normalize("prometheus", disk_alert(instance=f"web-{n}:9100"))[0] for n in (1, 2))

    assert one.group_key == other.group_key
    assert one.fingerprint != other.fingerprint


def test_an_invalid_fingerprint_is_replaced_by_the_one_that_prometheus_would_compute() -> None:
    payload = disk_alert()
    payload["alerts"][0]["fingerprint"] = "unknown"
    fingerprint_by_prometheus = "26066cf10f12a354"

    assert normalize("prometheus", payload)[0].fingerprint == fingerprint_by_prometheus


def test_alerts_with_one_fingerprint_and_different_labels_are_not_taken_from_the_cache() -> None:
    first, second = (disk_alert(instance=f"web-{n}:9100") for n in (1, 2))
    for payload in (first, second):
        payload["alerts"][0]["fingerprint"] = "00000000000000aa"

    assert normalize("prometheus", first)[0].host == "web-1"
    assert normalize("prometheus", second)[0].host == "web-2"
    assert normalize("prometheus", first)[0].host == "web-1"


def test_more_alerts_than_the_cache_holds_are_read_correctly_twice() -> None:
    count = 1_100  # the cache holds 1,024
    payload = event("prometheus/firing")
    template = payload["alerts"][0]
    payload["commonLabels"] = {}
    payload["alerts"] = [
        template | {"fingerprint": f"{n:016x}", "labels": template["labels"] | {"instance": f"web-{n}:9100"}}
        for n in range(count)
    ]

    for _ in range(2):
        assert [alert.host for alert in normalize("prometheus", payload)] == [f"web-{n}" for n in range(count)]


def test_an_alert_without_a_severity_takes_it_from_the_common_labels() -> None:
    payload = event("prometheus/firing")
    payload["commonLabels"]["severity"] = "critical"
    del payload["alerts"][0]["labels"]["severity"]

    assert normalize("prometheus", payload)[0].severity == "critical"


def test_a_resolved_alert_without_an_end_time_has_the_time_of_receipt() -> None:
    payload = event("prometheus/resolved")
    payload["alerts"][0]["endsAt"] = "0001-01-01T00:00:00Z"

    alert = normalize("prometheus", payload, received_at=RECEIVED_AT)[0]

    assert (alert.timestamp, alert.ends_at) == (RECEIVED_AT, None)


def test_a_notification_without_alerts_is_no_error() -> None:
    assert normalize("prometheus", {"alerts": []}) == []


@pytest.mark.parametrize("payload", [[], None, "text", 7, {}, {"alerts": None}, {"alerts": {"a": 1}}])
def test_a_payload_without_a_list_of_alerts_is_refused(payload: Any) -> None:
    for source in ("prometheus", "grafana"):
        with pytest.raises(UnreadablePayload, match="no list `alerts`"):
            normalize(source, payload)


@pytest.mark.parametrize(
    ("state", "status"), [("alerting", "firing"), ("no_data", "firing"), ("No Data", "firing"), ("ok", "resolved")]
)
def test_the_state_of_a_legacy_alert_is_read_from_the_title_if_the_key_is_missing(state: str, status: str) -> None:
    payload = event("grafana/legacy-alerting")
    del payload["state"]
    payload["title"] = f"[{state.title()}] Load of web"

    assert normalize("grafana", payload)[0].status == status


def test_a_legacy_alert_of_several_series_has_no_host() -> None:
    payload = event("grafana/legacy-alerting")
    payload["evalMatches"].append({"value": 99, "metric": "load", "tags": {"host": "web-8"}})

    assert normalize("grafana", payload)[0].host is None


@pytest.mark.parametrize("change", [{"state": "on fire"}, {"ruleName": None}])
def test_a_legacy_alert_with_an_unknown_state_or_without_a_name_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(UnreadablePayload, match="legacy alert"):
        normalize("grafana", event("grafana/legacy-alerting") | change)


def test_an_alert_with_severity_none_is_ignored_because_it_is_not_meant_for_people() -> None:
    payload = event("grafana/firing")
    payload["alerts"][0]["labels"]["severity"] = "None"

    assert normalize_batch("grafana", payload).ignored == ["severity none: High memory is not meant for people"]


def test_the_message_is_the_summary_and_then_the_description() -> None:
    payload = event("prometheus/firing")
    payload["alerts"][0]["annotations"] = {
        "description": "/var of web-1 is at 98 %.",
        "summary": "Disk is nearly full.",
    }

    assert normalize("prometheus", payload)[0].message == "Disk is nearly full.\n/var of web-1 is at 98 %."
