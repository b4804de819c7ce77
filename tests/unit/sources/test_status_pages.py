"""Tools that need more than a table of words: status pages, incident.io, canaries, Instana."""

from typing import Any

import pytest

from firstline.models import NormalizedAlert
from firstline.sources import normalize_batch
from tests.unit.sources.events import RECEIVED_AT


def read(body: Any) -> list[NormalizedAlert]:
    batch = normalize_batch("generic", body, received_at=RECEIVED_AT)
    assert batch.unknown_severities == []
    assert bool(batch.alerts) != bool(batch.ignored)
    return batch.alerts


def component(new: str, old: str = "operational") -> dict[str, Any]:
    return {
        "meta": {"generated_at": "2026-04-02T06:07:09Z"},
        "page": {"id": "p1", "status_indicator": "major", "status_description": "Partial System Outage"},
        "component_update": {
            "created_at": "2026-04-02T06:07:08Z",
            "new_status": new,
            "old_status": old,
            "component_id": "c7",
            "id": "u1",
        },
        "component": {"id": "c7", "name": "Ledger API", "status": new, "created_at": "2024-01-01T00:00:00Z"},
    }


def page_incident(status: str, impact: str = "major") -> dict[str, Any]:
    update = {"status": status, "body": "We look into it", "created_at": "2026-04-02T06:07:08Z", "id": "u2"}
    return {
        "meta": {"generated_at": "2026-04-02T06:07:09Z"},
        "page": {"id": "p1", "status_indicator": "major", "status_description": "Partial System Outage"},
        "incident": {
            "id": "i3",
            "name": "Transfers are late",
            "status": status,
            "impact": impact,
            "shortlink": "https://stspg.example/i3",
            "updated_at": "2026-04-02T06:07:08Z",
            "incident_updates": [update],
            "components": [],
        },
    }


@pytest.mark.parametrize(
    ("status", "severity"),
    [("degraded_performance", "medium"), ("partial_outage", "high"), ("major_outage", "critical")],
)
def test_a_component_of_a_status_page_fires_until_it_is_operational(status: str, severity: str) -> None:
    (down,), (up,) = read(component(status)), read(component("operational", status))

    assert (down.alert_name, down.status, down.severity) == ("Ledger API", "firing", severity)
    assert (up.status, up.fingerprint, up.group_key) == ("resolved", down.fingerprint, down.group_key)


@pytest.mark.parametrize(("impact", "severity"), [("minor", "medium"), ("major", "high"), ("critical", "critical")])
def test_an_incident_of_a_status_page_fires_with_its_impact_until_it_is_resolved(impact: str, severity: str) -> None:
    (begins,), (ends,) = read(page_incident("investigating", impact)), read(page_incident("resolved", impact))

    assert (begins.alert_name, begins.message, begins.severity) == ("Transfers are late", "We look into it", severity)
    assert (ends.status, ends.fingerprint) == ("resolved", begins.fingerprint)


def test_an_impact_of_none_states_no_severity() -> None:
    (alert,) = read(page_incident("identified", "none"))

    assert not alert.severity_stated


@pytest.mark.parametrize("status", ["monitoring", "postmortem", "scheduled", "in_progress", "verifying", "completed"])
def test_a_status_pages_maintenance_and_later_stages_are_ignored(status: str) -> None:
    assert read(page_incident(status, "maintenance")) == []


def test_a_component_under_maintenance_is_ignored() -> None:
    assert read(component("under_maintenance")) == []


# --- incident.io ------------------------------------------------------------------------------------------------------


def io_alert(event: str, status: str) -> dict[str, Any]:
    alert = {
        "id": "01A",
        "alert_source_id": "01S",
        "deduplication_key": "ledger-lag",
        "title": "Ledger lags",
        "description": "by 40 minutes",
        "status": status,
        "source_url": "https://monitor.example/7",
        "metadata": {"service": "ledger", "severity": "P2"},
        "updated_at": "2026-04-02T06:07:08Z",
    }
    return {"event_type": f"public_alert.{event}", f"public_alert.{event}": alert}


def io_incident(event: str, category: str, severity: str = "Major") -> dict[str, Any]:
    incident = {
        "id": "01I",
        "reference": "INC-7",
        "name": "Ledger is late",
        "summary": "Transfers wait",
        "permalink": "https://app.incident.io/incidents/7",
        "incident_status": {"name": "Whatever", "category": category},
        "severity": {"name": severity, "rank": 2},
        "updated_at": "2026-04-02T06:07:08Z",
    }
    named = {"incident": incident} if "status_updated" in event else incident
    return {"event_type": f"public_incident.{event}", f"public_incident.{event}": named}


def test_an_alert_of_incident_io_fires_and_resolves() -> None:
    (fires,) = read(io_alert("alert_created_v1", "firing"))
    (ends,) = read(io_alert("alert_resolved_v1", "resolved"))

    assert (fires.alert_name, fires.severity, fires.service) == ("Ledger lags", "high", "ledger")
    assert (ends.status, ends.fingerprint, ends.group_key) == ("resolved", fires.fingerprint, fires.group_key)


@pytest.mark.parametrize("category", ["triage", "active", "live"])
def test_an_incident_of_incident_io_fires_when_created_and_resolves_when_it_is_over(category: str) -> None:
    (begins,) = read(io_incident("incident_created_v2", category))

    assert (begins.alert_name, begins.status, begins.severity) == ("Ledger is late", "firing", "high")
    for event in ("incident_updated_v2", "incident_status_updated_v2"):
        assert read(io_incident(event, category)) == []
        for over in ("post-incident", "learning", "closed", "declined", "canceled"):
            (ends,) = read(io_incident(event, over))
            assert (ends.status, ends.fingerprint) == ("resolved", begins.fingerprint)


@pytest.mark.parametrize(
    "event",
    [
        "public_incident.follow_up_created_v1",
        "public_incident.action_updated_v1",
        "private_incident.incident_created_v2",
    ],
)
def test_other_events_of_incident_io_are_ignored(event: str) -> None:
    assert read({"event_type": event, event: {"id": "01F"}}) == []


def test_an_incident_of_incident_io_that_was_merged_is_ignored() -> None:
    assert read(io_incident("incident_updated_v2", "merged")) == []


# --- canaries, Instana ------------------------------------------------------------------------------------------------


def test_each_incident_of_a_canary_is_an_alert_of_high_severity() -> None:
    body = {
        "Description": "SSH Login Attempt",
        "Timestamp": "2026-02-11 07:00:00 (UTC)",
        "CanaryName": "files-2",
        "CanaryID": "0002",
        "IncidentHash": "ab12",
        "Intro": "Somebody tried to log in to files-2.",
        "AlertType": "CanaryIncident",
    }
    (alert,) = read(body)

    assert (alert.alert_name, alert.severity, alert.status) == ("SSH Login Attempt", "high", "firing")
    assert (alert.message, alert.timestamp.isoformat()) == (body["Intro"], "2026-02-11T07:00:00+00:00")
    assert read({**body, "IncidentHash": "cd34"})[0].fingerprint != alert.fingerprint


def test_a_canary_token_that_was_used_is_an_alert_of_high_severity() -> None:
    (alert,) = read({"memo": "Key on db-1", "manage_url": "https://canary.example/m", "channel": "DNS", "time": "x"})

    assert (alert.alert_name, alert.severity) == ("Key on db-1", "high")


def test_an_issue_of_instana_fires_and_resolves() -> None:
    issue = {"id": "53", "type": "issue", "state": "OPEN", "start": 1775110028000, "severity": 10, "text": "GC is slow"}
    (opens,) = read({"issue": issue})
    (closes,) = read({"issue": {**issue, "state": "CLOSED", "end": 1775113628000}})

    assert (opens.alert_name, opens.severity) == ("GC is slow", "critical")
    assert read({"issue": {**issue, "severity": 5}})[0].severity == "medium"
    assert (closes.status, closes.fingerprint) == ("resolved", opens.fingerprint)
