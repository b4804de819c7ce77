"""Tests of PagerDuty's webhooks at the front door: actions of people on incidents that Firstline or others opened."""

import hashlib
import hmac
import json
from typing import Any

import pytest

from firstline.errors import HistoryUnavailable
from tests.support.builders import NOON, a_page, a_record, an_alert, an_incident
from tests.support.memory import MemoryStore
from tests.unit.ingest.behind_the_door import TOKEN, World, post

OWN = {"id": "PD1", "incident_key": "firstline:inc-1", "title": "t", "status": "triggered", "urgency": "high"}
"""An incident in PagerDuty that Firstline opened."""
PERSON = {"type": "user_reference", "summary": "Ada"}


@pytest.fixture
def world() -> World:
    return World()


def from_pagerduty(
    world: World, event_type: str, data: dict[str, Any], agent: dict[str, Any] | None = PERSON
) -> tuple[int, Any]:
    """Post a signed webhook about the incident `data`, caused by `agent`; return the status and the answer."""
    event = {
        "id": "e-1",
        "event_type": event_type,
        "resource_type": "incident",
        "occurred_at": "2026-03-02T11:59:00Z",
        "agent": agent,
        "data": data,
    }
    body = json.dumps({"event": event}).encode()
    signature = "v1=" + hmac.new(TOKEN.encode(), body, hashlib.sha256).hexdigest()
    return post(world, "/alerts/pagerduty", body, token=None, x_pagerduty_signature=signature)


@pytest.mark.parametrize(
    ("event_type", "acknowledged_by", "resolved_by"),
    [
        ("incident.acknowledged", "Ada", None),
        ("incident.resolved", None, "Ada"),
        ("incident.triggered", None, None),
    ],
)
def test_an_action_on_firstlines_own_pagerduty_incident_changes_the_incident_and_is_no_alert(
    world: World, event_type: str, acknowledged_by: str | None, resolved_by: str | None
) -> None:
    status, answer = from_pagerduty(world, event_type, OWN)

    assert (status, answer["alert_count"]) == (202, 0)
    record = world.store.only
    assert (record.acknowledged_by, record.resolved_by) == (acknowledged_by, resolved_by)
    assert not world.alerts


def test_an_event_that_took_effect_is_answered_well_though_that_could_not_be_stored(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def down(*_: Any) -> None:
        raise HistoryUnavailable("throttled")

    monkeypatch.setattr(world.store.incidents, "mark_taken", down)

    status, _ = from_pagerduty(world, "incident.acknowledged", OWN)

    # After an error PagerDuty would send it again, and it would answer a page that goes out meanwhile.
    assert (status, world.store.only.acknowledged_by) == (202, "Ada")


MERGED = {"type": "merge_resolve_reason", "incident": {"id": "PDMAIN", "summary": "[#7] Shop is down"}}


@pytest.mark.parametrize(
    ("event_type", "data", "acknowledged_by"),
    [
        ("incident.unacknowledged", {}, None),
        ("incident.reopened", {}, None),
        ("incident.reassigned", {}, None),
        ("incident.delegated", {}, None),
        ("incident.escalated", {}, None),
        ("incident.reassigned", {"status": "acknowledged"}, "Ada"),
        ("incident.priority_updated", {}, "Ada"),
        ("incident.something_of_tomorrow", {}, "Ada"),
        # Of another PagerDuty incident, which somebody gave the same key.
        ("incident.unacknowledged", {"id": "PD2"}, "Ada"),
    ],
)
def test_an_acknowledgement_is_taken_back_only_by_an_event_after_which_nobody_has_the_incident(
    world: World, event_type: str, data: dict[str, Any], acknowledged_by: str | None
) -> None:
    from_pagerduty(world, "incident.acknowledged", OWN | {"status": "acknowledged"})
    assert world.store.only.acknowledged_by == "Ada"

    status, answer = from_pagerduty(world, event_type, OWN | data, agent=None)

    assert (status, answer["alert_count"]) == (202, 0)
    assert (world.store.only.acknowledged_by, world.store.only.resolved_by) == (acknowledged_by, None)


def test_a_merge_counts_as_an_acknowledgement_and_not_as_a_resolve(world: World) -> None:
    from_pagerduty(world, "incident.resolved", OWN | {"status": "resolved", "resolve_reason": MERGED})

    record = world.store.only
    assert (record.acknowledged_by, record.resolved_by) == (
        "Ada (merged it into [#7] Shop is down in PagerDuty)",
        None,
    )


@pytest.mark.parametrize("event_type", ["incident.acknowledged", "incident.resolved"])
def test_only_the_pagerduty_incident_that_the_page_opened_counts(world: World, event_type: str) -> None:
    from_pagerduty(world, "incident.triggered", OWN)
    from_pagerduty(world, event_type, OWN | {"id": "PD2"})
    assert (world.store.only.acknowledged_by, world.store.only.resolved_by) == (None, None)

    # The page's incident is over there without a person, so the next page opened another one.
    from_pagerduty(world, "incident.resolved", OWN, None)
    from_pagerduty(world, event_type, OWN | {"id": "PD2"})
    assert "Ada" in (world.store.only.acknowledged_by, world.store.only.resolved_by)


@pytest.mark.parametrize("event_type", ["incident.acknowledged", "incident.resolved", "incident.triggered"])
def test_a_webhook_about_an_incident_that_was_not_paged_through_pagerduty_changes_nothing(
    world: World, event_type: str
) -> None:
    page = a_page(delivered_to=["sns", "slack"])
    world.store = MemoryStore(a_record(an_incident(incident_id="inc-1"), pages=[page], paged_at=NOON))

    from_pagerduty(world, event_type, OWN)

    assert (world.store.only.acknowledged_by, world.store.only.resolved_by) == (None, None)
    assert world.store.incidents.incident_paged_as("PD1") is None


@pytest.mark.parametrize(
    "key",
    [
        "firstline:",
        "firstline:password=hunter2 hunter2",
        "firstline:ghp_abc",
        "firstline:a\nb",
        "firstline:" + "a" * 81,
    ],
)
def test_a_key_with_other_text_after_firstlines_prefix_names_no_incident(world: World, key: str) -> None:
    for event_type in ("incident.triggered", "incident.acknowledged", "incident.resolved"):
        from_pagerduty(world, event_type, OWN | {"incident_key": key})

    assert world.store.incidents.incident_paged_as("PD1") is None
    assert (world.store.only.acknowledged_by, world.store.only.resolved_by) == (None, None)


@pytest.mark.parametrize(
    "agent",
    [None, {"type": "service_reference", "summary": "shop"}, {"summary": "Ada"}],
    ids=["nobody", "a service", "an agent that is not called a user"],
)
@pytest.mark.parametrize("event_type", ["incident.acknowledged", "incident.resolved"])
def test_an_acknowledgement_or_resolve_without_a_person_does_not_count(
    world: World, event_type: str, agent: dict[str, Any] | None
) -> None:
    from_pagerduty(world, event_type, OWN, agent)

    record = world.store.only
    assert (record.acknowledged_by, record.resolved_by) == (None, None)


def annotated(content: Any, pagerduty_id: Any = "PD1") -> dict[str, Any]:
    return {"id": "PNOTE", "type": "incident_note", "content": content, "incident": {"id": pagerduty_id}}


def test_a_note_in_pagerduty_is_stored_with_the_incident_once_and_redacted(world: World) -> None:
    from_pagerduty(world, "incident.triggered", OWN)

    for _ in range(2):
        status, answer = from_pagerduty(world, "incident.annotated", annotated("restarted it, password=hunter2hunter2"))

    assert (status, answer["alert_count"]) == (202, 0)
    (note,) = world.notes
    assert note.by == "Ada (PagerDuty)"
    assert note.text.startswith("restarted it, ")
    assert "hunter2" not in note.text


@pytest.mark.parametrize(
    "data",
    [
        annotated("of an incident that others opened", "PD2"),
        annotated(" \u200b "),
        annotated({"not": "text"}),
        annotated("x", ["PD1"]),
        {"content": "x", "incident": "PD1"},
        {},
    ],
    ids=[
        "another incident",
        "only invisible characters",
        "text of another type",
        "an id of another type",
        "an incident of another type",
        "nothing",
    ],
)
def test_an_empty_or_malformed_note_or_one_about_another_incident_is_not_stored(
    world: World, data: dict[str, Any]
) -> None:
    from_pagerduty(world, "incident.acknowledged", OWN)
    status, _ = from_pagerduty(world, "incident.annotated", data)
    assert status == 202
    assert world.notes == []
    assert world.kept == []


def test_a_note_on_an_unknown_incident_of_firstline_is_ignored(world: World) -> None:
    from_pagerduty(world, "incident.triggered", OWN | {"incident_key": "firstline:inc-9"})
    status, _ = from_pagerduty(world, "incident.annotated", annotated("late"))
    assert (status, world.notes) == (202, [])


THEIRS = {"id": "PD7", "incident_key": "their-own", "title": "Shop is slow", "status": "acknowledged"}


OPENED_BY_OTHERS = an_incident(alert=an_alert(source="pagerduty", group_key="pagerduty:PD7"), incident_id="inc-7")


def test_a_persons_acknowledgement_of_an_incident_that_others_opened_in_pagerduty_counts(world: World) -> None:
    world.store = MemoryStore(a_record(OPENED_BY_OTHERS, paged_at=NOON))

    from_pagerduty(world, "incident.acknowledged", THEIRS | {"id": "PD8"})
    from_pagerduty(world, "incident.acknowledged", THEIRS, None)
    assert world.store.only.acknowledged_by is None, "another incident, and no person"

    from_pagerduty(world, "incident.acknowledged", THEIRS)
    assert world.store.only.acknowledged_by == "Ada"


def test_a_reassignment_takes_back_an_acknowledgement_of_an_incident_that_others_opened(world: World) -> None:
    world.store = MemoryStore(a_record(OPENED_BY_OTHERS, paged_at=NOON))
    from_pagerduty(world, "incident.acknowledged", THEIRS)

    from_pagerduty(world, "incident.reassigned", THEIRS | {"status": "triggered"})

    assert world.store.only.acknowledged_by is None
