"""PagerDuty's events: one dedup key through an incident's life, within its limits whatever an alert says."""

import json
from typing import Any

import pytest

from firstline.channels.pagerduty import MAX_EVENT_BYTES, render
from firstline.channels.summary import StackInfo
from firstline.models import AlertLink, Counts, Member
from tests.support.builders import (
    CONSOLE,
    HOSTILE,
    INCIDENT_ID,
    NOW,
    a_classification,
    a_notification,
    a_page,
    a_plan,
    a_record,
    a_result,
    a_waiting_record,
    an_alert,
    an_incident,
    hostile_notification,
)

KEY = f"firstline:{INCIDENT_ID}"


def test_a_page_triggers_with_the_reason_the_first_steps_what_was_tried_and_links() -> None:
    alert = an_alert(links=[AlertLink(kind="runbook", url="https://wiki.example/disk")])
    record = a_record(an_incident(alert), plan=a_plan(), results=[a_result(status="Failed")])
    stack = StackInfo(execution_url=CONSOLE, address="https://api.example")

    event = render(a_notification("paged", record, "The runbook failed."), stack)

    assert event is not None
    assert (event["event_action"], event["dedup_key"]) == ("trigger", KEY)
    payload = event["payload"]
    assert payload["summary"] == "DiskFull on web-1: The runbook failed. /var is 97% full"
    assert (payload["source"], payload["severity"]) == ("web-1", "error")
    assert (payload["component"], payload["group"], payload["class"]) == ("shop", "prod", "DiskFull")
    assert payload["timestamp"] == "2026-03-01T03:12:00+00:00"
    details = payload["custom_details"]
    assert details["what was tried"] == ["Runbook: Free disk space", "rotate-logs (act) on web-1: Failed"]
    assert details["do first"] == ["Look at /var/log.", "Ask the shop's team whether orders fail."]
    assert list(details)[:3] == ["why you", "what happens", "do first"]
    assert details["why you"] == "The runbook failed."
    assert details["since"] == "03:12 UTC, 4 min before this page"
    assert details["labels"] == {"mountpoint": "/var", "team": "web"}
    page = f"https://api.example/console/incidents/{INCIDENT_ID}"
    assert event["links"] == [
        {"href": page, "text": "Open in Firstline (api.example)"},
        {"href": "https://wiki.example/disk", "text": "Runbook (wiki.example)"},
        {"href": "https://prometheus.example/graph?g0.expr=disk", "text": "Prometheus (prometheus.example)"},
        {"href": f"{CONSOLE}:{INCIDENT_ID}", "text": "Watch the execution (eu-west-1.console.example)"},
    ]
    assert event["client_url"] == page


def test_without_the_console_the_event_links_to_the_execution() -> None:
    event = render(a_notification("paged"), StackInfo(execution_url=CONSOLE))
    assert event is not None
    assert event["client_url"] == f"{CONSOLE}:{INCIDENT_ID}"


@pytest.mark.parametrize(
    ("severity", "expected"),
    [("critical", "critical"), ("high", "error"), ("medium", "warning"), ("low", "info"), ("noise", "info")],
)
def test_each_severity_has_one_of_pagerdutys(severity: str, expected: str) -> None:
    event = render(a_notification(record=a_record(classification=a_classification(severity=severity))))
    assert event is not None
    assert event["payload"]["severity"] == expected


def test_fields_that_an_alert_does_not_have_are_left_out_of_the_event() -> None:
    alert = an_alert(host=None, service=None, environment=None, url=None)
    event = render(a_notification(record=a_record(an_incident(alert))))
    assert event is not None
    assert event["payload"]["source"] == "prometheus"
    assert not {"component", "group"} & event["payload"].keys()
    assert event["links"] == []
    assert "client_url" not in event
    assert event["payload"]["custom_details"]["what was tried"] == "nothing was run"


OVER = Counts(joined=1, ranks=(0, 0, 0, 1, 0), loud_high=1)
"""The counts when the one alert ended."""

FIRES = OVER.model_copy(update={"firing": 1})


@pytest.mark.parametrize(
    ("kind", "changes", "action"),
    [
        pytest.param("acknowledged", {}, "acknowledge", id="acknowledged"),
        pytest.param("closed", {"own": OVER}, "resolve", id="closed, its alerts ended"),
        pytest.param("closed", {"resolved_by": "ada", "resolved_at": NOW}, "resolve", id="closed by a person"),
        pytest.param("quiet", {"own": OVER}, "resolve", id="quiet, nobody has it"),
    ],
)
def test_an_acknowledgement_and_an_end_use_the_key_of_the_page(kind: str, changes: dict[str, Any], action: str) -> None:
    record = a_record(pages=[a_page()], **changes)
    assert render(a_notification(kind, record)) == {"event_action": action, "dedup_key": KEY}


def test_each_page_triggers_under_the_same_key() -> None:
    first, second = (render(a_notification("paged", a_record(pages=[a_page(seq=seq)]))) for seq in (1, 2))
    assert first is not None
    assert second is not None
    assert first["dedup_key"] == second["dedup_key"] == KEY
    assert first["event_action"] == second["event_action"] == "trigger"


@pytest.mark.parametrize("outcome", ["expired", "auto_resolved", "resolved"])
def test_an_incident_that_no_person_closed_while_it_fires_is_not_resolved(outcome: str) -> None:
    record = a_record(pages=[a_page()], own=FIRES, outcome=outcome, status="CLOSED", closed_at=NOW)
    assert render(a_notification("closed", record)) is None


def test_an_acknowledged_incident_is_resolved_in_pagerduty_at_its_close_and_not_when_it_is_quiet() -> None:
    record = a_record(pages=[a_page()], acknowledged_at=NOW, acknowledged_by="ada", own=OVER)
    assert render(a_notification("quiet", record)) is None
    assert render(a_notification("closed", record)) is not None


def test_a_page_names_the_alerts_and_the_plan_that_asks() -> None:
    members = [
        Member(alert_name="DbDown", severity="critical", host="db-1"),
        Member(alert_name="DiskFull", severity="high", host="web-1", firing=False),
    ]
    event = render(a_notification("paged", a_waiting_record(members=members, alert_count=5)))
    assert event is not None
    details = event["payload"]["custom_details"]
    assert details["alerts, worst first"] == [
        "critical DbDown on db-1",
        "high DiskFull on web-1 (over)",
        "and 3 more alerts",
    ]
    assert details["proposed"] == "Free disk space, on web-1 (safe). Approve in Slack."


def test_pagerduty_hears_nothing_of_an_incident_that_paged_nobody() -> None:
    quiet = a_record(incident=an_incident(an_alert(severity="medium")), classification=None, pages=[], paged_at=None)

    assert render(a_notification("closed", record=quiet)) is None
    assert render(a_notification("acknowledged", record=quiet)) is None


@pytest.mark.parametrize("kind", ["suppressed", "remediating", "approval", "needs_human", "changed"])
def test_pagerduty_hears_nothing_of_a_message_that_wakes_nobody(kind: str) -> None:
    assert render(a_notification(kind)) is None


@pytest.mark.parametrize("filler", [HOSTILE, "😀", '"\\', "\x01", "x"])
def test_hostile_text_stays_within_pagerdutys_limits_and_adds_no_link(filler: str) -> None:
    event = render(hostile_notification("paged", filler), StackInfo(execution_url=CONSOLE))

    assert event is not None
    assert len(json.dumps(event, ensure_ascii=False).encode()) <= MAX_EVENT_BYTES
    assert 1 <= len(event["payload"]["summary"]) <= 1_024
    assert "\n" not in event["payload"]["summary"]
    # The alert's own address was no web address, so only Firstline's is offered.
    assert [link["text"] for link in event["links"]] == ["Watch the execution (eu-west-1.console.example)"]


@pytest.mark.parametrize("kind", ["paged", "acknowledged", "quiet", "closed"])
def test_pagerduty_hears_nothing_of_its_own_incident(kind: str) -> None:
    record = a_record(an_incident(alert=an_alert(source="pagerduty", labels={"urgency": "high"})), pages=[a_page()])
    assert render(a_notification(kind, record)) is None
