"""Signals: the table first, then the waiting execution."""

from typing import Any

import pytest

from firstline.incidents import lifecycle
from firstline.models import IncidentRecord
from firstline.observability import metrics
from tests.support.builders import NOON, at, incident
from tests.support.memory import MemoryExecutions, MemoryStore

INCIDENT_ID = incident().incident_id


def record(**what: Any) -> IncidentRecord:
    fields: dict[str, Any] = {"incident": incident(), "status": "STARTED", "alert_count": 1, "last_alert_at": NOON}
    return IncidentRecord(**(fields | what))


@pytest.mark.parametrize(
    ("awaiting", "told"),
    [
        ("acknowledgement", [("acknowledged", "ada")]),
        # It has gone on, or is not there yet; an acknowledgement must not end a wait for something else.
        ("resolution", []),
        ("recovery", []),
        ("approval", []),
        (None, []),
    ],
)
def test_an_acknowledgement_ends_only_the_wait_for_one(awaiting: str | None, told: list[tuple[str, str]]) -> None:
    store, executions = MemoryStore(record(awaiting=awaiting, task_token="t")), MemoryExecutions()

    taken = lifecycle.acknowledge(INCIDENT_ID, "ada", NOON, incidents=store.incidents, executions=executions)

    assert taken == store.only
    assert (store.only.acknowledged_by, store.only.acknowledged_at) == ("ada", NOON)
    assert executions.told == told
    assert set(executions.tokens) <= {"t"}


@pytest.mark.parametrize("awaiting", ["hold", "approval", "recovery", "acknowledgement", "resolution"])
def test_the_end_of_the_trouble_ends_every_wait(awaiting: str) -> None:
    store, executions = MemoryStore(record(awaiting=awaiting, task_token="t")), MemoryExecutions()

    lifecycle.resolve(INCIDENT_ID, "ada", NOON, incidents=store.incidents, executions=executions)

    assert (executions.tokens, executions.told) == (["t"], [("resolved", "ada")])


def test_a_person_who_resolves_has_taken_it_too_and_that_is_measured() -> None:
    metrics.clear_metrics()
    store = MemoryStore(record(awaiting="resolution", task_token="t", paged_at=at(0)))
    executions = MemoryExecutions()

    lifecycle.resolve_by_hand(INCIDENT_ID, "ada", at(2), incidents=store.incidents, executions=executions)

    assert (store.only.acknowledged_by, store.only.resolved_by) == ("ada", "ada")
    assert executions.told == [("resolved", "ada")]
    assert metrics.metric_set["TimeToAcknowledge"]["Value"] == [120.0]
    metrics.clear_metrics()


@pytest.mark.parametrize("say", [lifecycle.acknowledge, lifecycle.resolve])
def test_an_incident_that_is_over_sends_no_signal(say: Any) -> None:
    over = record(awaiting="resolution", task_token="t", resolved_at=NOON, resolved_by="ada")
    executions = MemoryExecutions()

    for store in (MemoryStore(over), MemoryStore()):
        assert say(INCIDENT_ID, "bob", NOON, incidents=store.incidents, executions=executions) is None

    assert executions.told == []


@pytest.mark.parametrize(
    ("awaiting", "told"), [("hold", [("go on", "somebody joined")]), ("resolution", []), (None, [])]
)
def test_ending_a_hold_signals_only_an_execution_that_is_held(awaiting: Any, told: list[tuple[str, str]]) -> None:
    store, executions = MemoryStore(record(awaiting=awaiting, task_token="t")), MemoryExecutions()

    lifecycle.end_hold(INCIDENT_ID, "somebody joined", NOON, incidents=store.incidents, executions=executions)

    assert (store.only.hold_ended_at, store.only.hold_ended_because) == (NOON, "somebody joined")
    assert executions.told == told


@pytest.mark.parametrize("decision", ["approved", "refused"])
def test_a_decision_is_told_in_the_words_of_the_state_machine(decision: str) -> None:
    executions = MemoryExecutions()
    waiting = record(awaiting="approval", task_token="t", decision=decision, decided_by="ada")

    assert lifecycle.tell_decided(waiting, executions=executions)

    assert executions.told == [(decision, "ada")]


@pytest.mark.parametrize(
    ("what", "told"),
    [
        ({"awaiting": "resolution", "task_token": "t"}, ["Worsened"]),
        ({"awaiting": "approval", "task_token": "t"}, ["Worsened"]),
        ({"awaiting": "hold", "task_token": "t"}, ["Worsened"]),
        # A runbook is at work, or somebody is awake already.
        ({"awaiting": "recovery", "task_token": "t"}, []),
        ({"awaiting": "resolution", "task_token": "t", "paged_at": NOON}, []),
        ({"awaiting": "resolution"}, []),
    ],
)
def test_a_worse_alert_interrupts_the_wait_unless_a_page_went_out(what: dict[str, Any], told: list[str]) -> None:
    executions = MemoryExecutions()

    lifecycle.tell_worsened(record(**what), "critical", executions=executions)

    assert [error for error, _ in executions.told] == told
