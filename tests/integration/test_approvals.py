"""Decisions on a plan against DynamoDB: however many people answer at once, the table makes one decision of it."""

import json
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from http import HTTPStatus
from typing import Any
from urllib.parse import urlencode

import boto3
import pytest
from moto import mock_aws

from firstline.adapters.documents import SsmDocuments
from firstline.adapters.groups import TableGroups
from firstline.adapters.history import TableIncidents
from firstline.adapters.table import Table, stamp
from firstline.approvals import deciding, links
from firstline.approvals.deciding import Answer
from firstline.approvals.visiting import Desk
from firstline.errors import DocumentUnreadable, Superseded, TooLate
from firstline.grouping import Limits, fold, open_incident
from firstline.models import Approval, PlannedStep, RemediationPlan
from tests.support.builders import NOON, a_plan, alert, at
from tests.support.memory import MemoryChannel

KEY = "k" * 32
LATER, DEADLINE = at(1), at(60)
APPROVERS = tuple(f"U{number}" for number in range(50))


class Executions:
    """Counts what the waiting execution is told."""

    def __init__(self) -> None:
        self.told: list[tuple[str, str]] = []

    def signal(self, token: str, signal: str, by: str) -> bool:
        self.told.append((signal, by))
        return True

    def interrupt(self, token: str, error: str, cause: str) -> bool:
        raise AssertionError("a decision never interrupts")


class Scripts:
    """Every step says hello."""

    def script(self, step: PlannedStep) -> str:
        return "#!/usr/bin/env bash\necho hello\n"


@pytest.fixture
def history(table: Table) -> TableIncidents:
    return TableIncidents(table)


@pytest.fixture
def executions() -> Executions:
    return Executions()


@pytest.fixture
def desk(history: TableIncidents) -> Desk:
    return Desk(lambda: (KEY,), APPROVERS, history, Scripts())


type Wait = Callable[..., str]


@pytest.fixture
def waiting(table: Table, history: TableIncidents) -> Wait:
    """Opens an incident whose plan waits for people until 13:00, as the state machine does it."""

    def wait(plan: RemediationPlan | None = None, *, until: datetime = DEADLINE) -> str:
        groups = TableGroups(table)
        before = groups.read("group-1")
        folded = fold(before, [alert()], NOON)
        after, incident = open_incident(folded, NOON)
        groups.open_incident(
            before, after, incident, folded.new_alerts, NOON, limits=Limits(100, 100), member=after.group_key
        )
        history.save_plan(incident.incident_id, plan or a_plan())
        values = {":token": "t-1", ":awaiting": "approval", ":until": stamp(until)}
        table.update(
            f"INCIDENT#{incident.incident_id}",
            "INCIDENT",
            "SET task_token = :token, awaiting = :awaiting, decide_by = :until",
            values,
        )
        return incident.incident_id

    return wait


def answer(approver: str = "U1", approves: bool = True, plan: RemediationPlan | None = None) -> Answer:
    return Answer(approves, approver, f"{approver} (Slack)", (plan or a_plan()).digest())


def form(incident_id: str, approver: str, plan: RemediationPlan, decision: str = "approve") -> bytes:
    link = links.Link(
        incident_id=incident_id, approver=approver, name=approver, plan_digest=plan.digest(), expires_at=at(60)
    )
    return urlencode({"token": links.sign(link, [KEY]), "decision": decision}).encode()


def decide(
    incident_id: str, said: Answer, history: TableIncidents, executions: Executions, now: datetime = LATER
) -> Any:
    return deciding.decide(incident_id, said, now, approvers=APPROVERS, history=history, executions=executions)


def test_a_yes_is_written_down_and_told(waiting: Wait, history: TableIncidents, executions: Executions) -> None:
    incident_id = waiting()

    decided = decide(incident_id, answer(), history, executions)

    assert decided == history.record(incident_id)
    assert (decided.decision, decided.decided_by, decided.decided_at) == ("approved", "U1 (Slack)", at(1))
    assert [(said.approver, said.at) for said in decided.approvals] == [("U1", at(1))]
    assert executions.told == [("approved", "U1 (Slack)")]


def test_a_no_is_a_decision_and_nobodys_approval(
    waiting: Wait, history: TableIncidents, executions: Executions
) -> None:
    decided = decide(waiting(), answer(approves=False), history, executions)

    assert (decided.decision, decided.decided_by, decided.approvals) == ("refused", "U1 (Slack)", [])
    assert executions.told == [("refused", "U1 (Slack)")]


def test_a_destructive_plan_takes_two_people(waiting: Wait, history: TableIncidents, executions: Executions) -> None:
    plan = a_plan(risk="destructive")
    incident_id = waiting(plan)

    first = decide(incident_id, answer("U1", plan=plan), history, executions)
    with pytest.raises(Superseded, match="must be somebody else"):
        decide(incident_id, answer("U1", plan=plan), history, executions)
    assert (first.decision, executions.told) == (None, [])

    second = decide(incident_id, answer("U2", plan=plan), history, executions)

    assert (second.decision, second.decided_by) == ("approved", "U1 (Slack) and U2 (Slack)")
    assert executions.told == [("approved", "U1 (Slack) and U2 (Slack)")]


def test_one_no_refuses_what_somebody_else_had_approved(
    waiting: Wait, history: TableIncidents, executions: Executions
) -> None:
    plan = a_plan(risk="destructive")
    incident_id = waiting(plan)
    decide(incident_id, answer("U1", plan=plan), history, executions)

    decided = decide(incident_id, answer("U2", approves=False, plan=plan), history, executions)

    assert (decided.decision, decided.decided_by) == ("refused", "U2 (Slack)")
    assert executions.told == [("refused", "U2 (Slack)")]


def test_fifty_posts_at_once_are_one_decision(
    waiting: Wait, history: TableIncidents, executions: Executions, desk: Desk
) -> None:
    plan = a_plan()
    incident_id = waiting(plan)
    slack = MemoryChannel()
    bodies = [
        form(incident_id, approver, plan, "refuse" if number % 5 == 0 else "approve")
        for number, approver in enumerate(APPROVERS)
    ]

    def post(body: bytes) -> HTTPStatus:
        return desk.decide(incident_id, body, at(1), executions=executions, channels={"slack": slack}).status

    with ThreadPoolExecutor(50) as people:
        statuses = Counter(people.map(post, bodies))

    assert statuses == {HTTPStatus.SEE_OTHER: 1, HTTPStatus.CONFLICT: 49}
    record = history.record(incident_id)
    assert record is not None
    assert executions.told == [(record.decision, record.decided_by)]
    assert len(slack.told) == 1


def test_fifty_uses_of_one_link_at_once_are_one(
    waiting: Wait, history: TableIncidents, executions: Executions, desk: Desk
) -> None:
    plan = a_plan(risk="destructive")
    incident_id = waiting(plan)
    body = form(incident_id, "U1", plan)

    def post(_: int) -> HTTPStatus:
        return desk.decide(incident_id, body, at(1), executions=executions, channels={}).status

    with ThreadPoolExecutor(50) as clicks:
        statuses = Counter(clicks.map(post, range(50)))

    assert statuses == {HTTPStatus.SEE_OTHER: 1, HTTPStatus.CONFLICT: 49}
    record = history.record(incident_id)
    assert record is not None
    assert (len(record.approvals), record.decision, executions.told) == (1, None, [])


def test_fifty_approvers_of_a_destructive_plan_are_two(
    waiting: Wait, history: TableIncidents, executions: Executions, desk: Desk
) -> None:
    plan = a_plan(risk="destructive")
    incident_id = waiting(plan)

    def post(approver: str) -> HTTPStatus:
        body = form(incident_id, approver, plan)
        return desk.decide(incident_id, body, at(1), executions=executions, channels={}).status

    with ThreadPoolExecutor(50) as people:
        statuses = Counter(people.map(post, APPROVERS))

    assert statuses == {HTTPStatus.SEE_OTHER: 2, HTTPStatus.CONFLICT: 48}
    record = history.record(incident_id)
    assert record is not None
    assert len({said.approver for said in record.approvals}) == len(record.approvals) == 2
    assert executions.told == [("approved", record.decided_by)]


def _resolve(history: TableIncidents, table: Table, incident_id: str) -> None:
    assert history.resolve(incident_id, "the sender", at(1))


def _close(history: TableIncidents, table: Table, incident_id: str) -> None:
    history.close(incident_id, "expired", "nobody", [], at(1))


def _replan(history: TableIncidents, table: Table, incident_id: str) -> None:
    history.save_plan(incident_id, a_plan(title="Something else"))


def _go_on(history: TableIncidents, table: Table, incident_id: str) -> None:
    table.update(f"INCIDENT#{incident_id}", "INCIDENT", "SET awaiting = :a", {":a": "acknowledgement"})


@pytest.mark.parametrize(
    ("happens", "refused"),
    [(_resolve, TooLate), (_close, TooLate), (_replan, Superseded), (_go_on, TooLate)],
)
def test_what_happens_first_wins_even_between_the_read_and_the_write(
    happens: Any, refused: Any, waiting: Wait, history: TableIncidents, table: Table, executions: Executions
) -> None:
    incident_id = waiting()

    class Interrupted:
        """Something else happens to the incident right after it was read for the first time."""

        reads = 0

        def record(self, wanted: str) -> Any:
            record = history.record(wanted)
            if not self.reads:
                happens(history, table, wanted)
            self.reads += 1
            return record

        decide = staticmethod(history.decide)

    with pytest.raises(refused):
        decide(incident_id, answer(), Interrupted(), executions)  # type: ignore[arg-type]

    record = history.record(incident_id)
    assert record is not None
    assert (record.decision, record.approvals, executions.told) == (None, [], [])


def test_after_the_deadline_the_table_takes_no_word(waiting: Wait, history: TableIncidents) -> None:
    incident_id = waiting(until=at(1))
    seen = history.record(incident_id)
    assert seen is not None
    word = Approval(approver="U1", by="U1", at=at(1))
    assert history.decide(incident_id, word, "approved", seen=seen) is None
    assert history.decide(incident_id, word.model_copy(update={"at": NOON}), "approved", seen=seen) is not None


# --- what is shown ---


@pytest.fixture
def ssm() -> Iterator[Any]:
    """A Systems Manager with the shipped runbooks' documents' shape, and one of another kind."""
    with mock_aws():
        client = boto3.client("ssm")
        for name, step in {
            "firstline-low-disk-rotate-logs": {
                "action": "aws:runShellScript",
                "name": "rotate",
                "inputs": {"runCommand": ["#!/usr/bin/env bash\nset -e\necho hello\n"]},
            },
            "firstline-other": {"action": "aws:runDocument", "name": "other", "inputs": {"documentPath": "x"}},
        }.items():
            content = json.dumps({"schemaVersion": "2.2", "mainSteps": [step]})
            client.create_document(Name=name, Content=content, DocumentType="Command", DocumentFormat="JSON")
        yield client


def test_the_script_is_the_one_that_run_command_takes(ssm: Any) -> None:
    (step,) = a_plan().steps
    assert SsmDocuments(ssm).script(step) == "#!/usr/bin/env bash\nset -e\necho hello\n"


@pytest.mark.parametrize(
    ("document", "words"),
    [("firstline-gone", "document firstline-gone: .*InvalidDocument"), ("firstline-other", "holds no shell script")],
)
def test_what_cannot_be_shown_says_why(ssm: Any, document: str, words: str) -> None:
    (step,) = a_plan().steps
    with pytest.raises(DocumentUnreadable, match=words):
        SsmDocuments(ssm).script(step.model_copy(update={"document": document}))
