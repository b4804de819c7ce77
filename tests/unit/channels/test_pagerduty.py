"""PagerDuty's events: one dedup key through an incident's life, within its limits whatever an alert says."""

import json

import pytest

from firstline.channels.pagerduty import MAX_EVENT_BYTES, dedup_key, render
from tests.support.builders import (
    CONSOLE,
    HOSTILE,
    INCIDENT_ID,
    a_classification,
    a_notification,
    a_plan,
    a_record,
    a_result,
    an_alert,
    an_incident,
    hostile_notification,
)

KEY = f"firstline:{INCIDENT_ID}"


def test_a_page_triggers_with_what_a_human_needs() -> None:
    record = a_record(plan=a_plan(), results=[a_result(status="Failed")])

    event = render(a_notification("paged", record, "The runbook failed."), console_url=CONSOLE)

    assert event is not None
    assert (event["event_action"], event["dedup_key"]) == ("trigger", KEY)
    payload = event["payload"]
    assert payload["summary"].startswith("DiskFull on web-1: The disk of web-1 is almost full")
    assert (payload["source"], payload["severity"]) == ("web-1", "error")
    assert (payload["component"], payload["group"], payload["class"]) == ("shop", "prod", "DiskFull")
    assert payload["timestamp"] == "2026-03-01T03:12:00+00:00"
    details = payload["custom_details"]
    assert details["what was tried"] == ["Runbook: Free disk space", "rotate-logs (act) on web-1: Failed"]
    assert details["first steps"] == ["Look at /var/log.", "Ask the shop's team whether orders fail."]
    assert details["why a human"] == "The runbook failed."
    assert details["labels"] == {"mountpoint": "/var", "team": "web"}
    assert event["links"] == [
        {"href": f"{CONSOLE}:{INCIDENT_ID}", "text": "Watch the execution"},
        {"href": "https://prometheus.example/graph?g0.expr=disk", "text": "The alert, at prometheus.example"},
    ]
    assert event["client_url"] == f"{CONSOLE}:{INCIDENT_ID}"


@pytest.mark.parametrize(
    ("severity", "expected"),
    [("critical", "critical"), ("high", "error"), ("medium", "warning"), ("low", "info"), ("noise", "info")],
)
def test_severities_are_mapped(severity: str, expected: str) -> None:
    event = render(a_notification(record=a_record(classification=a_classification(severity=severity))))
    assert event is not None
    assert event["payload"]["severity"] == expected


def test_what_nobody_said_is_left_out() -> None:
    alert = an_alert(host=None, service=None, environment=None, url=None)
    event = render(a_notification(record=a_record(an_incident(alert))))
    assert event is not None
    assert event["payload"]["source"] == "prometheus"
    assert not {"component", "group"} & event["payload"].keys()
    assert event["links"] == []
    assert "client_url" not in event
    assert event["payload"]["custom_details"]["what was tried"] == "nothing was run"


@pytest.mark.parametrize(("kind", "action"), [("acknowledged", "acknowledge"), ("closed", "resolve")])
def test_later_moments_use_the_same_key(kind: str, action: str) -> None:
    assert render(a_notification(kind)) == {"event_action": action, "dedup_key": KEY}


def test_an_incident_that_woke_nobody_ends_without_pagerduty() -> None:
    quiet = a_record(incident=an_incident(an_alert(severity="medium")), classification=None, pages=[], paged_at=None)

    assert render(a_notification("closed", record=quiet)) is None
    assert render(a_notification("acknowledged", record=quiet)) is None


@pytest.mark.parametrize("kind", ["suppressed", "remediating", "approval", "needs_human"])
def test_pagerduty_does_not_hear_of_what_wakes_nobody(kind: str) -> None:
    assert render(a_notification(kind)) is None


@pytest.mark.parametrize("filler", [HOSTILE, "😀", '"\\', "\x01", "x"])
def test_no_alert_breaks_an_event(filler: str) -> None:
    event = render(hostile_notification("paged", filler), console_url=CONSOLE)

    assert event is not None
    assert len(json.dumps(event, ensure_ascii=False).encode()) <= MAX_EVENT_BYTES
    assert 1 <= len(event["payload"]["summary"]) <= 1_024
    assert "\n" not in event["payload"]["summary"]
    # The alert's own address was no web address, so only Firstline's is offered.
    assert [link["text"] for link in event["links"]] == ["Watch the execution"]


def test_the_key_is_the_incident() -> None:
    assert dedup_key(an_incident()) == KEY
