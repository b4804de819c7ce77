"""Decisions on a plan: however many people answer at once, the store makes one decision of it."""

import itertools
from collections import Counter
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from http import HTTPStatus
from typing import Any
from urllib.parse import urlencode

import pytest

from firstline.channels.delivery import Channel
from firstline.console.approval_requests import ApprovalHandler
from firstline.errors import Superseded, TooLate
from firstline.incidents.store import Incidents
from firstline.models import SEVERITY_RANK, Approval, Decision, Incident, IncidentRecord, RemediationPlan
from firstline.people import approve, links
from firstline.people.approve import Answer
from firstline.people.operate import Operations
from firstline.remediation.store import Remediations
from tests.integration.ports.conftest import CROWD, Open, Wait, close, live_of, record_of
from tests.support.builders import a_plan, alert, at
from tests.support.memory import MemoryChannel, MemoryDocuments, MemoryExecutions, MemoryStore

KEY = "k" * 32
LATER = at(1)
PLAN = a_plan(decision="approve")
DESTRUCTIVE = a_plan(decision="approve", risk="destructive")
APPROVERS = tuple(f"U{number}" for number in range(CROWD))


@pytest.fixture
def executions() -> MemoryExecutions:
    return MemoryExecutions()


@pytest.fixture
def handler(incidents: Incidents, remediations: Remediations, executions: MemoryExecutions) -> ApprovalHandler:
    trail = MemoryStore().trail

    def operations(channels: Mapping[str, Channel]) -> Operations:
        return Operations(incidents, remediations, executions, trail, channels, APPROVERS, lambda alert: None)

    return ApprovalHandler(lambda: (KEY,), APPROVERS, incidents, MemoryDocuments(), operations)


type Plan = Callable[..., Incident]


@pytest.fixture
def planned(opened: Open, wait: Wait, remediations: Remediations) -> Plan:
    """Open an incident with a plan, whose execution waits for an answer to its page."""

    def plan_for(plan: RemediationPlan = PLAN, group_key: str = "group-1") -> Incident:
        incident = opened(alert(severity="high", group_key=group_key))
        remediations.keep(plan, incident.incident_id)
        wait(incident, "acknowledgement")
        return incident

    return plan_for


def answer(approver: str = "U1", approves: bool = True, plan: RemediationPlan = PLAN) -> Answer:
    return Answer(approves, approver, f"{approver} (Slack)", plan.digest())


def form(incident_id: str, approver: str, plan: RemediationPlan, decision: str = "approve") -> bytes:
    link = links.Link(
        incident_id=incident_id, approver=approver, name=approver, plan_digest=plan.digest(), expires_at=at(60)
    )
    return urlencode({"token": links.sign(link, [KEY]), "decision": decision}).encode()


def decide(
    incident_id: str,
    said: Answer,
    incidents: Incidents,
    remediations: Remediations,
    executions: MemoryExecutions,
    now: datetime = LATER,
) -> Any:
    return approve.answer_plan(
        incident_id,
        said,
        now,
        approvers=APPROVERS,
        incidents=incidents,
        remediations=remediations,
        executions=executions,
        show=lambda record: None,
    )


def test_a_yes_is_written_down_and_told(
    planned: Plan, incidents: Incidents, remediations: Remediations, executions: MemoryExecutions
) -> None:
    incident_id = planned().incident_id

    decided = decide(incident_id, answer(), incidents, remediations, executions)

    assert decided == incidents.record(incident_id)
    assert (decided.decision, decided.decided_by, decided.decided_at) == ("approved", "U1 (Slack)", at(1))
    assert [(said.approver, said.at) for said in decided.approvals] == [("U1", at(1))]
    assert executions.told == [("approved", "U1 (Slack)")]


def test_a_no_is_a_decision_and_nobodys_approval(
    planned: Plan, incidents: Incidents, remediations: Remediations, executions: MemoryExecutions
) -> None:
    decided = decide(planned().incident_id, answer(approves=False), incidents, remediations, executions)

    assert (decided.decision, decided.decided_by, decided.approvals) == ("refused", "U1 (Slack)", [])
    assert executions.told == [("refused", "U1 (Slack)")]


def test_a_destructive_plan_takes_two_people(
    planned: Plan, incidents: Incidents, remediations: Remediations, executions: MemoryExecutions
) -> None:
    plan = DESTRUCTIVE
    incident_id = planned(plan).incident_id

    first = decide(incident_id, answer("U1", plan=plan), incidents, remediations, executions)
    with pytest.raises(Superseded, match="must be somebody else"):
        decide(incident_id, answer("U1", plan=plan), incidents, remediations, executions)
    assert (first.decision, executions.told) == (None, [("acknowledged", "U1 (Slack)")])

    second = decide(incident_id, answer("U2", plan=plan), incidents, remediations, executions)

    assert (second.decision, second.decided_by) == ("approved", "U1 (Slack) and U2 (Slack)")
    assert [said for said, _ in executions.told] == ["acknowledged", "approved"]


def test_one_no_refuses_what_somebody_else_had_approved(
    planned: Plan, incidents: Incidents, remediations: Remediations, executions: MemoryExecutions
) -> None:
    plan = DESTRUCTIVE
    incident_id = planned(plan).incident_id
    decide(incident_id, answer("U1", plan=plan), incidents, remediations, executions)

    decided = decide(incident_id, answer("U2", approves=False, plan=plan), incidents, remediations, executions)

    assert (decided.decision, decided.decided_by) == ("refused", "U2 (Slack)")
    assert executions.told[1:] == [("refused", "U2 (Slack)")]


def test_many_posts_at_once_are_one_decision(
    planned: Plan,
    incidents: Incidents,
    remediations: Remediations,
    executions: MemoryExecutions,
    handler: ApprovalHandler,
) -> None:
    plan = PLAN
    incident_id = planned(plan).incident_id
    slack = MemoryChannel()
    bodies = [
        form(incident_id, approver, plan, "refuse" if number % 5 == 0 else "approve")
        for number, approver in enumerate(APPROVERS)
    ]

    def post(body: bytes) -> HTTPStatus:
        return handler.answer(incident_id, body, at(1), {"slack": slack}).status

    with ThreadPoolExecutor(CROWD) as people:
        statuses = Counter(people.map(post, bodies))

    assert statuses == {HTTPStatus.SEE_OTHER: 1, HTTPStatus.CONFLICT: CROWD - 1}
    record = incidents.record(incident_id)
    assert record is not None
    assert executions.told == [(record.decision, record.decided_by)]
    assert len(slack.told) == 1


def test_many_uses_of_one_link_at_once_are_one(
    planned: Plan,
    incidents: Incidents,
    remediations: Remediations,
    executions: MemoryExecutions,
    handler: ApprovalHandler,
) -> None:
    plan = DESTRUCTIVE
    incident_id = planned(plan).incident_id
    body = form(incident_id, "U1", plan)

    def post(_: int) -> HTTPStatus:
        return handler.answer(incident_id, body, at(1), {}).status

    with ThreadPoolExecutor(CROWD) as clicks:
        statuses = Counter(clicks.map(post, range(CROWD)))

    assert statuses == {HTTPStatus.SEE_OTHER: 1, HTTPStatus.CONFLICT: CROWD - 1}
    record = incidents.record(incident_id)
    assert record is not None
    assert (len(record.approvals), record.decision, len(executions.told)) == (1, None, 1)


def test_many_approvers_of_a_destructive_plan_are_two(
    planned: Plan,
    incidents: Incidents,
    remediations: Remediations,
    executions: MemoryExecutions,
    handler: ApprovalHandler,
) -> None:
    plan = DESTRUCTIVE
    incident_id = planned(plan).incident_id

    def post(approver: str) -> HTTPStatus:
        body = form(incident_id, approver, plan)
        return handler.answer(incident_id, body, at(1), {}).status

    with ThreadPoolExecutor(CROWD) as people:
        statuses = Counter(people.map(post, APPROVERS))

    assert statuses == {HTTPStatus.SEE_OTHER: 2, HTTPStatus.CONFLICT: CROWD - 2}
    record = incidents.record(incident_id)
    assert record is not None
    assert len({said.approver for said in record.approvals}) == len(record.approvals) == 2
    assert sorted(said for said, _ in executions.told) == ["acknowledged", "approved"]


def test_a_refusal_is_no_acknowledgement_but_a_change_that_the_wait_sees(planned: Plan, incidents: Incidents) -> None:
    incident = planned()
    before = live_of(incidents, incident)

    refused = _decide(incidents, incident, "U1", "refused")

    assert refused is not None
    assert (refused.acknowledged_at, live_of(incidents, incident).own.changes) == (None, before.own.changes + 1)


def test_the_first_of_two_approvals_is_an_acknowledgement(planned: Plan, incidents: Incidents) -> None:
    incident = planned(DESTRUCTIVE)

    approved = _decide(incidents, incident, "U2", UNDECIDED)

    assert approved is not None
    assert (approved.acknowledged_at, approved.acknowledged_by) == (LATER, "U2")
    assert approved.live is not None
    assert (approved.live.acked_rank, approved.live.due_at) == (SEVERITY_RANK["high"], LATER + timedelta(minutes=1))


UNDECIDED = None
"""The decision after the first of two approvals."""


def _decide(
    incidents: Incidents, incident: Incident, by: str, decision: Decision | None, seen: IncidentRecord | None = None
) -> IncidentRecord | None:
    word = Approval(approver=by, by=by, at=LATER)
    seen = seen or record_of(incidents, incident)
    return incidents.save_answer(incident.incident_id, word, decision, seen=seen)


def test_an_answer_on_an_old_record_or_after_the_decision_is_not_written(planned: Plan, incidents: Incidents) -> None:
    incident = planned(DESTRUCTIVE)
    without_answers = record_of(incidents, incident)

    assert _decide(incidents, incident, "U1", UNDECIDED, without_answers) is not None
    assert _decide(incidents, incident, "U2", UNDECIDED, without_answers) is None
    assert _decide(incidents, incident, "U2", "approved") is not None
    assert _decide(incidents, incident, "U3", "refused") is None
    assert [said.approver for said in record_of(incidents, incident).approvals] == ["U1", "U2"]


def test_an_answer_to_another_plan_is_not_written(planned: Plan, incidents: Incidents) -> None:
    incident = planned()
    seen = record_of(incidents, incident).model_copy(update={"plan_digest": "0" * 64})
    assert _decide(incidents, incident, "U1", "approved", seen) is None
    record = record_of(incidents, incident)
    assert (record.decision, record.acknowledged_at) == (None, None)


def _resolve(incidents: Incidents, incident: Incident) -> None:
    assert incidents.resolve(incident.incident_id, "ada", at(1))


def _close(incidents: Incidents, incident: Incident) -> None:
    close(incidents, incident, 1)


@pytest.mark.parametrize("happens", [_resolve, _close])
def test_the_end_wins_even_between_the_read_and_the_write(
    happens: Callable[[Incidents, Incident], None],
    planned: Plan,
    incidents: Incidents,
    remediations: Remediations,
    executions: MemoryExecutions,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    incident = planned()
    read, reads = incidents.record, itertools.count()

    def interrupted(wanted: str) -> Any:
        """Something else happens to the incident right after it was read for the first time."""
        record = read(wanted)
        if next(reads) == 0:
            happens(incidents, incident)
        return record

    monkeypatch.setattr(incidents, "record", interrupted)

    with pytest.raises(TooLate):
        decide(incident.incident_id, answer(), incidents, remediations, executions)

    record = incidents.record(incident.incident_id)
    assert record is not None
    assert (record.decision, record.approvals, executions.told) == (None, [], [])
