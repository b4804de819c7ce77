"""Decisions on a plan: however many people answer at once, the store makes one decision of it."""

import itertools
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from http import HTTPStatus
from typing import Any
from urllib.parse import urlencode

import pytest

from firstline.errors import Superseded, TooLate
from firstline.incidents.store import Incidents
from firstline.models import Approval, RemediationPlan
from firstline.people import approve, links
from firstline.people.approval_requests import ApprovalHandler
from firstline.people.approve import Answer
from tests.integration.ports.conftest import Change, Open
from tests.support.builders import NOON, a_plan, alert, at
from tests.support.memory import MemoryChannel, MemoryDocuments, MemoryExecutions

KEY = "k" * 32
LATER, DEADLINE = at(1), at(60)
APPROVERS = tuple(f"U{number}" for number in range(50))


@pytest.fixture
def executions() -> MemoryExecutions:
    return MemoryExecutions()


@pytest.fixture
def handler(incidents: Incidents, executions: MemoryExecutions) -> ApprovalHandler:
    return ApprovalHandler(lambda: (KEY,), APPROVERS, incidents, executions, MemoryDocuments())


type Wait = Callable[..., str]


@pytest.fixture
def waiting(opened: Open, change: Change) -> Wait:
    """Open an incident whose plan waits for people until 13:00, as the state machine does it."""

    def wait(plan: RemediationPlan | None = None, *, until: datetime = DEADLINE) -> str:
        incident_id = opened(alert()).incident_id
        plan = plan or a_plan()
        waits = {"task_token": "t-1", "awaiting": "approval", "decide_by": until}
        change(incident_id, plan=plan, plan_digest=plan.digest(), **waits)
        return incident_id

    return wait


def answer(approver: str = "U1", approves: bool = True, plan: RemediationPlan | None = None) -> Answer:
    return Answer(approves, approver, f"{approver} (Slack)", (plan or a_plan()).digest())


def form(incident_id: str, approver: str, plan: RemediationPlan, decision: str = "approve") -> bytes:
    link = links.Link(
        incident_id=incident_id, approver=approver, name=approver, plan_digest=plan.digest(), expires_at=at(60)
    )
    return urlencode({"token": links.sign(link, [KEY]), "decision": decision}).encode()


def decide(
    incident_id: str, said: Answer, incidents: Incidents, executions: MemoryExecutions, now: datetime = LATER
) -> Any:
    return approve.decide(incident_id, said, now, approvers=APPROVERS, incidents=incidents, executions=executions)


def test_a_yes_is_written_down_and_told(waiting: Wait, incidents: Incidents, executions: MemoryExecutions) -> None:
    incident_id = waiting()

    decided = decide(incident_id, answer(), incidents, executions)

    assert decided == incidents.record(incident_id)
    assert (decided.decision, decided.decided_by, decided.decided_at) == ("approved", "U1 (Slack)", at(1))
    assert [(said.approver, said.at) for said in decided.approvals] == [("U1", at(1))]
    assert executions.told == [("approved", "U1 (Slack)")]


def test_a_no_is_a_decision_and_nobodys_approval(
    waiting: Wait, incidents: Incidents, executions: MemoryExecutions
) -> None:
    decided = decide(waiting(), answer(approves=False), incidents, executions)

    assert (decided.decision, decided.decided_by, decided.approvals) == ("refused", "U1 (Slack)", [])
    assert executions.told == [("refused", "U1 (Slack)")]


def test_a_destructive_plan_takes_two_people(waiting: Wait, incidents: Incidents, executions: MemoryExecutions) -> None:
    plan = a_plan(risk="destructive")
    incident_id = waiting(plan)

    first = decide(incident_id, answer("U1", plan=plan), incidents, executions)
    with pytest.raises(Superseded, match="must be somebody else"):
        decide(incident_id, answer("U1", plan=plan), incidents, executions)
    assert (first.decision, executions.told) == (None, [])

    second = decide(incident_id, answer("U2", plan=plan), incidents, executions)

    assert (second.decision, second.decided_by) == ("approved", "U1 (Slack) and U2 (Slack)")
    assert executions.told == [("approved", "U1 (Slack) and U2 (Slack)")]


def test_one_no_refuses_what_somebody_else_had_approved(
    waiting: Wait, incidents: Incidents, executions: MemoryExecutions
) -> None:
    plan = a_plan(risk="destructive")
    incident_id = waiting(plan)
    decide(incident_id, answer("U1", plan=plan), incidents, executions)

    decided = decide(incident_id, answer("U2", approves=False, plan=plan), incidents, executions)

    assert (decided.decision, decided.decided_by) == ("refused", "U2 (Slack)")
    assert executions.told == [("refused", "U2 (Slack)")]


def test_fifty_posts_at_once_are_one_decision(
    waiting: Wait, incidents: Incidents, executions: MemoryExecutions, handler: ApprovalHandler
) -> None:
    plan = a_plan()
    incident_id = waiting(plan)
    slack = MemoryChannel()
    bodies = [
        form(incident_id, approver, plan, "refuse" if number % 5 == 0 else "approve")
        for number, approver in enumerate(APPROVERS)
    ]

    def post(body: bytes) -> HTTPStatus:
        return handler.decide(incident_id, body, at(1), {"slack": slack}).status

    with ThreadPoolExecutor(50) as people:
        statuses = Counter(people.map(post, bodies))

    assert statuses == {HTTPStatus.SEE_OTHER: 1, HTTPStatus.CONFLICT: 49}
    record = incidents.record(incident_id)
    assert record is not None
    assert executions.told == [(record.decision, record.decided_by)]
    assert len(slack.told) == 1


def test_fifty_uses_of_one_link_at_once_are_one(
    waiting: Wait, incidents: Incidents, executions: MemoryExecutions, handler: ApprovalHandler
) -> None:
    plan = a_plan(risk="destructive")
    incident_id = waiting(plan)
    body = form(incident_id, "U1", plan)

    def post(_: int) -> HTTPStatus:
        return handler.decide(incident_id, body, at(1), {}).status

    with ThreadPoolExecutor(50) as clicks:
        statuses = Counter(clicks.map(post, range(50)))

    assert statuses == {HTTPStatus.SEE_OTHER: 1, HTTPStatus.CONFLICT: 49}
    record = incidents.record(incident_id)
    assert record is not None
    assert (len(record.approvals), record.decision, executions.told) == (1, None, [])


def test_fifty_approvers_of_a_destructive_plan_are_two(
    waiting: Wait, incidents: Incidents, executions: MemoryExecutions, handler: ApprovalHandler
) -> None:
    plan = a_plan(risk="destructive")
    incident_id = waiting(plan)

    def post(approver: str) -> HTTPStatus:
        body = form(incident_id, approver, plan)
        return handler.decide(incident_id, body, at(1), {}).status

    with ThreadPoolExecutor(50) as people:
        statuses = Counter(people.map(post, APPROVERS))

    assert statuses == {HTTPStatus.SEE_OTHER: 2, HTTPStatus.CONFLICT: 48}
    record = incidents.record(incident_id)
    assert record is not None
    assert len({said.approver for said in record.approvals}) == len(record.approvals) == 2
    assert executions.told == [("approved", record.decided_by)]


def _resolve(incidents: Incidents, change: Change, incident_id: str) -> None:
    assert incidents.resolve(incident_id, "the sender", at(1))


def _close(incidents: Incidents, change: Change, incident_id: str) -> None:
    incidents.close(incident_id, "expired", "nobody", [], at(1))


def _replan(incidents: Incidents, change: Change, incident_id: str) -> None:
    plan = a_plan(title="Something else")
    change(incident_id, plan=plan, plan_digest=plan.digest())


def _go_on(incidents: Incidents, change: Change, incident_id: str) -> None:
    change(incident_id, awaiting="acknowledgement")


@pytest.mark.parametrize(
    ("happens", "refused"),
    [(_resolve, TooLate), (_close, TooLate), (_replan, Superseded), (_go_on, TooLate)],
)
def test_what_happens_first_wins_even_between_the_read_and_the_write(
    happens: Any,
    refused: Any,
    waiting: Wait,
    incidents: Incidents,
    change: Change,
    executions: MemoryExecutions,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    incident_id = waiting()
    read, reads = incidents.record, itertools.count()

    def interrupted(wanted: str) -> Any:
        """Something else happens to the incident right after it was read for the first time."""
        record = read(wanted)
        if next(reads) == 0:
            happens(incidents, change, wanted)
        return record

    monkeypatch.setattr(incidents, "record", interrupted)

    with pytest.raises(refused):
        decide(incident_id, answer(), incidents, executions)

    record = incidents.record(incident_id)
    assert record is not None
    assert (record.decision, record.approvals, executions.told) == (None, [], [])


def test_after_the_deadline_the_table_takes_no_word(waiting: Wait, incidents: Incidents) -> None:
    incident_id = waiting(until=at(1))
    seen = incidents.record(incident_id)
    assert seen is not None
    word = Approval(approver="U1", by="U1", at=at(1))
    assert incidents.decide(incident_id, word, "approved", seen=seen) is None
    assert incidents.decide(incident_id, word.model_copy(update={"at": NOON}), "approved", seen=seen) is not None
