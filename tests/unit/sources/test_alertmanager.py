"""Prometheus and Grafana beyond the tables in test_normalize.py."""

from typing import Any

import pytest

from firstline.errors import UnreadablePayload
from firstline.sources import normalize, normalize_batch
from tests.unit.sources.events import RECEIVED_AT, alert, event, read


def disk_alert(**labels: str) -> dict[str, Any]:
    payload = event("prometheus/firing")
    payload["commonLabels"] = {}
    payload["alerts"][0]["labels"] |= labels
    payload["alerts"][0]["fingerprint"] = ""
    return payload


def test_each_alert_s_own_status_counts() -> None:
    batch = read("prometheus/mixed")

    assert [alert.status for alert in batch.alerts] == ["firing", "resolved", "firing"]
    assert [alert.host for alert in batch.alerts] == [
        "ip-10-0-3-17.eu-west-1.compute.internal",
        "10.0.3.18",
        "2001:db8::7",
    ]
    assert len({alert.fingerprint for alert in batch.alerts}) == 3
    assert len({alert.group_key for alert in batch.alerts}) == 1
    assert batch.truncated == 2


def test_the_raw_payload_is_the_alert_not_the_whole_group() -> None:
    payload = event("prometheus/mixed")

    assert [alert.raw_payload for alert in normalize("prometheus", payload)] == payload["alerts"]


@pytest.mark.parametrize("label", ["cluster", "namespace", "service", "environment", "region", "alertname"])
def test_what_keeps_two_incidents_apart(label: str) -> None:
    one, other = (normalize("prometheus", disk_alert(**{label: value}))[0] for value in ("a", "b"))

    assert one.group_key != other.group_key
    assert one.fingerprint != other.fingerprint


def test_hosts_share_an_incident() -> None:
    one, other = (normalize("prometheus", disk_alert(instance=f"web-{n}:9100"))[0] for n in (1, 2))

    assert one.group_key == other.group_key
    assert one.fingerprint != other.fingerprint


def test_a_fingerprint_that_is_none_is_computed() -> None:
    payload = disk_alert()
    payload["alerts"][0]["fingerprint"] = "unknown"

    assert normalize("prometheus", payload)[0].fingerprint == "26066cf10f12a354"


def test_equal_fingerprints_with_different_labels_are_read_anew() -> None:
    first, second = (disk_alert(instance=f"web-{n}:9100") for n in (1, 2))
    for payload in (first, second):
        payload["alerts"][0]["fingerprint"] = "00000000000000aa"

    assert normalize("prometheus", first)[0].host == "web-1"
    assert normalize("prometheus", second)[0].host == "web-2"
    assert normalize("prometheus", first)[0].host == "web-1"


def test_more_alerts_than_are_remembered() -> None:
    payload = event("prometheus/firing")
    template = payload["alerts"][0]
    payload["commonLabels"] = {}
    payload["alerts"] = [
        template | {"fingerprint": f"{n:016x}", "labels": template["labels"] | {"instance": f"web-{n}:9100"}}
        for n in range(2_500)
    ]

    for _ in range(2):
        assert [alert.host for alert in normalize("prometheus", payload)] == [f"web-{n}" for n in range(2_500)]


def test_labels_that_only_the_group_states_count_too() -> None:
    payload = event("prometheus/firing")
    del payload["alerts"][0]["labels"]["severity"]

    assert normalize("prometheus", payload)[0].severity == "critical"


def test_a_resolved_alert_without_an_end_ended_when_it_was_received() -> None:
    payload = event("prometheus/resolved")
    payload["alerts"][0]["endsAt"] = "0001-01-01T00:00:00Z"

    alert = normalize("prometheus", payload, received_at=RECEIVED_AT)[0]

    assert (alert.timestamp, alert.ends_at) == (RECEIVED_AT, None)


def test_an_empty_group_is_no_error() -> None:
    assert normalize("prometheus", {"alerts": []}) == []


@pytest.mark.parametrize("payload", [[], None, "text", 7, {}, {"alerts": None}, {"alerts": {"a": 1}}])
def test_what_is_no_notification(payload: Any) -> None:
    for source in ("prometheus", "grafana"):
        with pytest.raises(UnreadablePayload, match="no list `alerts`"):
            normalize(source, payload)


@pytest.mark.parametrize(
    ("state", "status"), [("alerting", "firing"), ("no_data", "firing"), ("No Data", None), ("ok", "resolved")]
)
def test_a_legacy_state_is_found_in_the_title_too(state: str, status: str | None) -> None:
    payload = event("grafana/legacy-alerting")
    del payload["state"]
    payload["title"] = f"[{state.title()}] Load of web"

    assert normalize("grafana", payload)[0].status == (status or "firing")


def test_a_legacy_alert_of_several_series_has_no_host() -> None:
    payload = event("grafana/legacy-alerting")
    payload["evalMatches"].append({"value": 99, "metric": "load", "tags": {"host": "web-8"}})

    assert normalize("grafana", payload)[0].host is None


@pytest.mark.parametrize("change", [{"state": "on fire"}, {"ruleName": None}])
def test_a_legacy_alert_that_makes_no_sense(change: dict[str, Any]) -> None:
    with pytest.raises(UnreadablePayload, match="legacy alert"):
        normalize("grafana", event("grafana/legacy-alerting") | change)


def test_grafana_s_severity_none_opens_nothing() -> None:
    payload = event("grafana/firing")
    payload["alerts"][0]["labels"]["severity"] = "None"

    assert normalize_batch("grafana", payload).ignored == ["severity none: High memory is not meant for people"]


def test_the_message_says_it_all() -> None:
    assert alert("prometheus/firing").message.startswith("Filesystem has less than 3% space left.\nFilesystem on /dev")
