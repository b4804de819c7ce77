"""Signals: the table first, then the waiting execution."""

from datetime import datetime
from typing import Any

import pytest

from firstline import lifecycle
from firstline.models import IncidentRecord
from firstline.observability import metrics
from tests.alerts import NOON, at, incident


def record(**what: Any) -> IncidentRecord:
    fields: dict[str, Any] = {"incident": incident(), "status": "STARTED", "alert_count": 1, "last_alert_at": NOON}
    return IncidentRecord(**(fields | what))


class FakeHistory:
    """Answers each write with one record, or says that it came too late."""

    def __init__(self, answer: IncidentRecord | None) -> None:
        self.answer = answer
        self.written: list[str] = []

    def acknowledge(self, incident_id: str, by: str, now: datetime) -> IncidentRecord | None:
        self.written.append(f"acknowledged by {by}")
        return self.answer

    def resolve(self, incident_id: str, by: str, now: datetime) -> IncidentRecord | None:
        self.written.append(f"resolved by {by}")
        return self.answer

    def end_hold(self, incident_id: str, because: str, now: datetime) -> IncidentRecord | None:
        self.written.append(f"hold ended: {because}")
        return self.answer


class FakeExecutions:
    def __init__(self) -> None:
        self.told: list[tuple[str, ...]] = []

    def signal(self, token: str, signal: str, by: str) -> bool:
        self.told.append((token, signal, by))
        return True

    def interrupt(self, token: str, error: str, cause: str) -> bool:
        self.told.append((token, error))
        return True


@pytest.mark.parametrize(
    ("awaiting", "told"),
    [
        ("acknowledgement", [("t", "acknowledged", "ada")]),
        # It has gone on, or is not there yet; an acknowledgement must not end a wait for something else.
        ("resolution", []),
        ("recovery", []),
        ("approval", []),
        (None, []),
    ],
)
def test_an_acknowledgement_ends_only_the_wait_for_one(awaiting: str | None, told: list[tuple[str, ...]]) -> None:
    history, executions = (
        FakeHistory(record(awaiting=awaiting, task_token="t", acknowledged_by="ada")),
        FakeExecutions(),
    )

    assert lifecycle.acknowledge("inc", "ada", NOON, history=history, executions=executions) is history.answer

    assert history.written == ["acknowledged by ada"]
    assert executions.told == told


@pytest.mark.parametrize("awaiting", ["hold", "approval", "recovery", "acknowledgement", "resolution"])
def test_the_end_of_the_trouble_ends_every_wait(awaiting: str) -> None:
    waiting = record(awaiting=awaiting, task_token="t", resolved_by="ada", resolved_at=NOON)
    executions = FakeExecutions()

    lifecycle.resolve("inc", "ada", NOON, history=FakeHistory(waiting), executions=executions)

    assert executions.told == [("t", "resolved", "ada")]


def test_a_person_who_resolves_has_taken_it_too_and_that_is_measured() -> None:
    metrics.clear_metrics()
    waiting = record(awaiting="resolution", task_token="t", resolved_by="ada", paged_at=at(0))
    history, executions = FakeHistory(waiting), FakeExecutions()

    lifecycle.resolve_by_hand("inc", "ada", at(2), history=history, executions=executions)

    assert history.written == ["acknowledged by ada", "resolved by ada"]
    assert executions.told == [("t", "resolved", "ada")]
    assert metrics.metric_set["TimeToAcknowledge"]["Value"] == [120.0]
    metrics.clear_metrics()


@pytest.mark.parametrize("say", [lifecycle.acknowledge, lifecycle.resolve])
def test_who_comes_too_late_tells_nobody(say: Any) -> None:
    executions = FakeExecutions()

    assert say("inc", "bob", NOON, history=FakeHistory(None), executions=executions) is None

    assert executions.told == []


@pytest.mark.parametrize(
    ("awaiting", "told"), [("hold", [("t", "go on", "somebody joined")]), ("resolution", []), (None, [])]
)
def test_who_waits_is_told_to_go_on(awaiting: Any, told: list[tuple[str, ...]]) -> None:
    executions = FakeExecutions()
    ended = record(awaiting=awaiting, task_token="t", hold_ended_at=NOON, hold_ended_because="somebody joined")
    history = FakeHistory(ended)

    lifecycle.end_hold("inc", "somebody joined", NOON, history=history, executions=executions)

    assert history.written == ["hold ended: somebody joined"]
    assert executions.told == told


@pytest.mark.parametrize("decision", ["approved", "refused"])
def test_a_decision_is_told_in_the_words_of_the_state_machine(decision: str) -> None:
    executions = FakeExecutions()
    waiting = record(awaiting="approval", task_token="t", decision=decision, decided_by="ada")

    assert lifecycle.tell_decided(waiting, executions=executions)

    assert executions.told == [("t", decision, "ada")]


@pytest.mark.parametrize(
    ("what", "told"),
    [
        ({"awaiting": "resolution", "task_token": "t"}, [("t", "Worsened")]),
        ({"awaiting": "approval", "task_token": "t"}, [("t", "Worsened")]),
        ({"awaiting": "hold", "task_token": "t"}, [("t", "Worsened")]),
        # A runbook is at work, or somebody is awake already.
        ({"awaiting": "recovery", "task_token": "t"}, []),
        ({"awaiting": "resolution", "task_token": "t", "paged_at": NOON}, []),
        ({"awaiting": "resolution"}, []),
    ],
)
def test_worse_news_wake_somebody_unless_somebody_is_awake(what: dict[str, Any], told: list[tuple[str, ...]]) -> None:
    executions = FakeExecutions()

    lifecycle.tell_worsened(record(**what), "critical", executions=executions)

    assert executions.told == told
