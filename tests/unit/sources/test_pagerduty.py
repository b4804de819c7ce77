"""Webhooks of PagerDuty beyond the tables in test_normalize.py: which fire, and which signals they give."""

from datetime import UTC, datetime
from typing import Any

import pytest

from firstline.errors import UnreadablePayload
from firstline.models import NormalizedAlert
from firstline.sources import normalize, normalize_batch, signals
from firstline.sources.signal import AlertSignal, IncidentNote, OwnIncidentSeen, OwnIncidentSignal, Signal
from tests.unit.sources.events import event


def test_a_webhook_of_version_1_or_2_is_refused_and_the_error_names_the_v3_subscription() -> None:
    with pytest.raises(UnreadablePayload, match=r"version 1 or 2.*V3 webhook subscription"):
        normalize("pagerduty", event("pagerduty/version-2"))


@pytest.mark.parametrize(
    ("kind", "status", "fires"),
    [
        ("incident.unacknowledged", "triggered", True),
        ("incident.escalated", "triggered", True),
        ("incident.priority_updated", "triggered", True),
        ("incident.priority_updated", "acknowledged", False),
        ("incident.triggered", "resolved", False),
        ("incident.reassigned", "triggered", False),
        ("incident.something_of_tomorrow", "triggered", False),
    ],
)
def test_an_incident_fires_when_it_is_triggered_anew_and_not_when_it_is_answered_or_unknown(
    kind: str, status: str, fires: bool
) -> None:
    payload = event("pagerduty/triggered")
    payload["event"]["event_type"] = kind
    payload["event"]["data"]["status"] = status

    assert [alert.status for alert in normalize("pagerduty", payload)] == (["firing"] if fires else [])


OWN = "disk-web-7-20260211T0814-1a2b3c4d"
SEEN = OwnIncidentSeen("Q1W2E3R4T5Y6U7", OWN)
SAID_AT = datetime(2026, 2, 11, 8, 14, 0, 458_000, UTC)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("own-acknowledged", [OwnIncidentSignal(OWN, "acknowledged", "Ada Lovelace", SEEN.sender_id, SAID_AT), SEEN]),
        # Resolved by a timer or a service and by no person: no signal of an answer.
        ("own-resolved", [OwnIncidentSeen(SEEN.sender_id, OWN, over=True)]),
        ("own-triggered", [SEEN]),
        (
            "acknowledged",
            [AlertSignal("pagerduty:Q1W2E3R4T5Y6U7", "acknowledged", "Ada Lovelace", SEEN.sender_id, SAID_AT)],
        ),
        ("resolved", []),
        ("ping", []),
    ],
)
def test_each_example_webhook_gives_exactly_these_signals(name: str, expected: list[Signal]) -> None:
    assert signals("pagerduty", event(f"pagerduty/{name}")) == expected


@pytest.mark.parametrize("name", ["own-acknowledged", "own-resolved"])
@pytest.mark.parametrize(
    ("agent", "by"),
    [
        ({"type": "user_reference", "summary": "Ada Lovelace"}, "Ada Lovelace"),
        ({"type": "user_reference"}, "somebody in PagerDuty"),
        ({"type": "service_reference", "summary": "checkout"}, None),
        ({"type": "event_rule_reference", "summary": "a rule"}, None),
        ({"type": "integration_reference", "summary": "an integration"}, None),
        ({"summary": "Ada Lovelace"}, None),
        (None, None),
        ("Ada Lovelace", None),
    ],
)
def test_only_a_person_acknowledges_or_resolves_an_incident_of_firstline(name: str, agent: Any, by: str | None) -> None:
    webhook = event(f"pagerduty/{name}")
    webhook["event"]["agent"] = agent
    found = [signal.by for signal in signals("pagerduty", webhook) if isinstance(signal, OwnIncidentSignal)]
    assert found == ([] if by is None else [by])


MERGED = {
    "type": "merge_resolve_reason",
    "incident": {"id": "Q9", "type": "incident_reference", "summary": "[#9] Main"},
}
PERSON = {"type": "user_reference", "summary": "Ada Lovelace"}


@pytest.mark.parametrize(
    ("kind", "changes", "agent", "expected"),
    [
        ("acknowledged", {}, PERSON, "acknowledged"),
        ("acknowledged", {}, None, None),
        ("unacknowledged", {}, None, "taken back"),
        ("unacknowledged", {}, PERSON, "taken back"),
        ("reopened", {}, PERSON, "taken back"),
        ("escalated", {}, None, "taken back"),
        ("reassigned", {}, PERSON, "taken back"),
        ("delegated", {}, PERSON, "taken back"),
        ("delegated", {"status": "acknowledged"}, PERSON, None),
        ("resolved", {"status": "resolved"}, PERSON, "resolved"),
        ("resolved", {"status": "resolved"}, None, None),
        ("resolved", {"status": "resolved", "resolve_reason": MERGED}, PERSON, "acknowledged"),
        ("resolved", {"status": "resolved", "resolve_reason": MERGED}, None, None),
        ("resolved", {"status": "resolved", "resolve_reason": "x"}, PERSON, "resolved"),
        ("triggered", {}, PERSON, None),
        ("priority_updated", {}, PERSON, None),
        ("responder.added", {}, PERSON, None),
        ("status_update_published", {}, PERSON, None),
        ("workflow.started", {}, PERSON, None),
    ],
)
def test_an_incident_that_firstline_opened_is_acknowledged_taken_back_or_resolved_by_its_event(
    kind: str, changes: Any, agent: Any, expected: str | None
) -> None:
    webhook = event("pagerduty/own-triggered")
    webhook["event"] |= {"event_type": f"incident.{kind}", "agent": agent}
    webhook["event"]["data"] |= changes

    *told, seen = signals("pagerduty", webhook)

    assert [signal.kind for signal in told if isinstance(signal, OwnIncidentSignal)] == [expected] * (
        expected is not None
    )
    assert seen == OwnIncidentSeen(SEEN.sender_id, OWN, over=kind == "resolved")
    assert normalize("pagerduty", webhook) == []


@pytest.mark.parametrize("change", [{"id": "pd 1"}, {"id": "x" * 99}, {"id": 7}, {"incident_key": "firstline:a b"}])
def test_an_incident_with_an_id_of_another_form_gives_no_signal(change: dict[str, Any]) -> None:
    webhook = event("pagerduty/own-acknowledged")
    webhook["event"]["data"] |= change
    assert not any(isinstance(told, OwnIncidentSignal | OwnIncidentSeen) for told in signals("pagerduty", webhook))


def test_an_incident_without_a_title_and_with_an_overlong_id_can_be_stored() -> None:
    webhook = event("pagerduty/triggered")
    webhook["event"]["data"] |= {"id": "x" * 300, "title": None, "incident_key": None}
    (alert,) = normalize("pagerduty", webhook)
    assert NormalizedAlert.model_validate(alert.model_dump()) == alert


@pytest.mark.parametrize(
    "reason", [MERGED, {"type": "merge_resolve_reason"}, {"type": "merge_resolve_reason", "incident": 7}]
)
def test_an_incident_resolved_by_a_merge_resolves_no_alert(reason: Any) -> None:
    webhook = event("pagerduty/resolved")
    webhook["event"]["data"]["resolve_reason"] = reason
    batch = normalize_batch("pagerduty", webhook)

    assert batch.alerts == []
    assert "merged into" in batch.ignored[0]


def test_an_annotation_becomes_a_note_with_the_incident_and_the_author() -> None:
    note = IncidentNote("Q1W2E3R4T5Y6U7", "looking", "Ada Lovelace (PagerDuty)")
    assert signals("pagerduty", event("pagerduty/annotated")) == [note]


def test_a_pagerduty_webhook_sent_to_another_source_gives_no_signals() -> None:
    assert signals("generic", event("pagerduty/own-resolved")) == []


@pytest.mark.parametrize(
    "payload",
    [[], {}, {"event": []}, {"event": {"event_type": 7}}, {"event": {"event_type": "incident.triggered", "data": {}}}],
)
def test_a_payload_that_is_no_pagerduty_webhook_is_refused(payload: Any) -> None:
    with pytest.raises(UnreadablePayload, match="pagerduty: "):
        normalize("pagerduty", payload)
