"""Tests of the source datadog, beyond the tables in test_normalize.py."""

from typing import Any
from urllib.parse import urlencode

import pytest

from firstline.errors import UnreadablePayload
from firstline.sources import normalize, normalize_batch
from firstline.sources.body import parse_body
from tests.unit.sources.events import alert, event


def monitor(**change: Any) -> dict[str, Any]:
    return event("datadog/recommended-triggered") | change


@pytest.mark.parametrize(
    ("transition", "status"),
    [
        ("Triggered", "firing"),
        ("Re-Triggered", "firing"),
        ("Warn", "firing"),
        ("Re-Warn", "firing"),
        ("No Data", "firing"),
        ("Re-No Data", "firing"),
        ("Renotify", "firing"),
        ("something new", "firing"),
        ("Recovered", "resolved"),
        ("Warn Recovered", "resolved"),
        ("No Data Recovered", "resolved"),
    ],
)
def test_a_transition_is_firing_unless_it_says_that_something_recovered(transition: str, status: str) -> None:
    assert normalize("datadog", monitor(alert_transition=transition))[0].status == status


@pytest.mark.parametrize("transition", ["Muted", "acknowledged", "Snoozed"])
def test_a_transition_that_neither_fires_nor_ends_is_ignored(transition: str) -> None:
    batch = normalize_batch("datadog", monitor(alert_transition=transition))

    assert (batch.alerts, len(batch.ignored)) == ([], 1)


def test_without_a_transition_the_alert_type_success_means_resolved() -> None:
    payload = monitor(alert_transition="", title="Disk is nearly full", alert_type="success")

    assert normalize("datadog", payload)[0].status == "resolved"
    assert normalize("datadog", payload | {"alert_type": "error"})[0].status == "firing"


@pytest.mark.parametrize(
    ("change", "severity"),
    [
        ({"alert_priority": "P4"}, "low"),
        ({"alert_priority": "", "priority": "P1"}, "critical"),
        ({"alert_priority": "", "priority": 5}, "info"),
        # How loud the event is in the stream is no severity; the title's priority is.
        ({"alert_priority": "", "priority": "low"}, "critical"),
        ({"alert_priority": "", "priority": "low", "title": "Disk"}, "high"),
        ({"alert_priority": "", "title": "Disk", "alert_transition": "Warn"}, "medium"),
        ({"alert_priority": "", "title": "Disk", "alert_transition": "?", "alert_type": "warning"}, "medium"),
        ({"alert_priority": "", "title": "Disk", "alert_transition": "", "alert_type": ""}, "medium"),
        ({"alert_priority": "", "severity": "Major"}, "high"),
    ],
)
def test_the_severity_comes_from_priority_title_transition_or_type_in_this_order(
    change: dict[str, Any], severity: str
) -> None:
    assert normalize("datadog", monitor(**change))[0].severity == severity


@pytest.mark.parametrize(
    ("title", "name"),
    [
        ("[P2] [Triggered on {service:keep-api}] Error monitor", "Error monitor"),
        ("[Re-No Data on {host:a,env:b}] Disk", "Disk"),
        ("[Recovered] [EU] Disk", "[EU] Disk"),
        ("[EU] Disk", "[EU] Disk"),
        ("[EU]Disk", "[EU]Disk"),
        ("[EU] [P2] [Triggered on {host:a}] Disk", "[EU] Disk"),
        ("[P2] [EU] [Recovered] [db] Disk", "[EU] [db] Disk"),
        ("[P1] ", "[P1]"),
        ("[Triggered on {broken Disk", "[Triggered on {broken Disk"),
        ("[unclosed", "[unclosed"),
    ],
)
def test_the_alert_name_is_the_title_without_priority_and_transition(title: str, name: str) -> None:
    assert normalize("datadog", monitor(title=title))[0].alert_name == name


def test_a_transition_behind_a_prefix_of_the_owner_counts() -> None:
    titles = ("[prod] [Triggered on {host:web-1}] CPU", "[prod] [Recovered on {host:web-1}] CPU")
    began, ended = (normalize("datadog", {"title": title})[0] for title in titles)

    assert (began.status, ended.status) == ("firing", "resolved")
    assert (began.fingerprint, began.group_key) == (ended.fingerprint, ended.group_key)


def test_without_a_cycle_key_the_monitor_and_its_scope_identify_the_alert() -> None:
    def fingerprint(**change: Any) -> str:
        return normalize("datadog", monitor(alert_cycle_key="", **change))[0].fingerprint

    assert fingerprint(scope="host:web-7,service:checkout") == fingerprint(scope="service:checkout,host:web-7")
    assert fingerprint() == fingerprint(id="another-delivery")
    assert fingerprint(scope="host:web-7,service:checkout") != fingerprint(scope="host:web-8,service:checkout")
    assert fingerprint() != fingerprint(alert_id="1")


def test_the_alerts_of_a_monitor_with_the_host_in_its_title_belong_to_one_incident() -> None:
    one, other = (normalize("datadog", monitor(title=f"[Triggered] {host} is down"))[0] for host in ("web-1", "web-2"))

    assert one.alert_name != other.alert_name
    assert one.group_key == other.group_key


def test_tags_split_at_the_first_colon_only() -> None:
    found = normalize("datadog", monitor(tags="env:prod,url:https://a.example.com:8443/x"))[0]

    assert found.labels["url"] == "https://a.example.com:8443/x"


def test_an_alert_with_several_hosts_has_no_host() -> None:
    payload = monitor(hostname="", tags="host:web-1,host:web-2,env:prod", scope="")

    assert normalize("datadog", payload)[0].host is None


def test_an_instance_id_is_preferred_to_the_host_name() -> None:
    with_id, without = (
        monitor(hostname="web-7", tags=tags) for tags in ("instance_id:i-0a1b2c3d4e5f60718", "env:prod")
    )

    assert normalize("datadog", with_id)[0].host == "i-0a1b2c3d4e5f60718"
    assert normalize("datadog", without)[0].host == "web-7"


def test_the_names_of_unset_variables_are_ignored() -> None:
    payload = monitor(title="Disk", hostname="$HOSTNAME", tags="$TAGS", scope="", link="", last_updated="null")
    alert = normalize("datadog", payload)[0]

    assert (alert.host, alert.url, alert.labels) == (None, None, {})
    assert alert.timestamp.isoformat() == "2026-02-11T08:14:27+00:00", "the field `date` in place of `last_updated`"


def test_a_form_is_read_like_the_json_object_with_the_same_fields() -> None:
    payload = event("datadog/recommended-triggered")
    form = parse_body(urlencode(payload).encode(), "application/x-www-form-urlencoded; charset=utf-8")

    sent, expected = normalize("datadog", form)[0], alert("datadog/recommended-triggered")

    assert sent.without_raw() == expected.without_raw()


@pytest.mark.parametrize("payload", [[], None, {}, {"title": ""}, {"title": "$EVENT_TITLE"}])
def test_a_payload_without_a_title_is_refused(payload: Any) -> None:
    with pytest.raises(UnreadablePayload, match="datadog: "):
        normalize("datadog", payload)


def test_an_incident_of_datadogs_incident_management_fires_and_resolves_as_one_alert() -> None:
    began, ended = (
        normalize(
            "datadog",
            {"INCIDENT_TITLE": "Shop", "INCIDENT_SEVERITY": "SEV-1", "INCIDENT_STATUS": state, "INCIDENT_PUBLIC_ID": 7},
        )[0]
        for state in ("active", "resolved")
    )

    assert (began.alert_name, began.severity, began.status) == ("Shop", "critical", "firing")
    assert (ended.status, ended.fingerprint) == ("resolved", began.fingerprint)
