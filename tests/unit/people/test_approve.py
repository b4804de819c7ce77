"""Decisions on a plan: who may decide, on which plan, how often, and how an answer is refused."""

from datetime import timedelta
from typing import Any

import pytest

from firstline.channels.summary import summarise
from firstline.errors import ExecutionsUnavailable, NotEntitled, NotNow, Superseded, TooLate
from firstline.models import Approval, IncidentRecord, RemediationPlan
from firstline.people.approve import LINK_IS_VALID_FOR, Answer, announcement, answer_plan, invite
from firstline.remediation.limits import beginning_of
from tests.support.builders import INCIDENT_ID, NOW, a_plan, a_waiting_record
from tests.support.memory import MemoryExecutions, MemoryStore

APPROVERS = ("U1", "U2", "U3")
DESTRUCTIVE = a_plan(risk="destructive", decision="approve")

OTHER = a_plan(title="rm -rf /", decision="approve")


class Waiting:
    """An incident whose plan waits for people, and its execution."""

    def __init__(self, record: IncidentRecord) -> None:
        self.store = MemoryStore(record)
        self.executions = MemoryExecutions()

    @property
    def signals(self) -> list[tuple[str, str]]:
        return self.executions.told

    @property
    def writes(self) -> int:
        return self.store.calls.count("save_answer")

    def meanwhile(self, **changes: Any) -> None:
        """Let somebody else change the record between a read and the write that follows it."""
        self.store.meanwhile["save_answer"] = lambda: self.store.change(INCIDENT_ID, **changes)


def says(
    waiting: Waiting, approver: str = "U1", approves: bool = True, digest: str | None = None, **more: Any
) -> IncidentRecord:
    """Answer the plan as `approver`, who approves unless told otherwise."""
    answer = Answer(approves, approver, approver.lower(), digest or waiting.store.only.plan_digest or "")
    history, executions = waiting.store.incidents, waiting.executions
    return answer_plan(
        INCIDENT_ID,
        answer,
        NOW,
        incidents=history,
        remediations=waiting.store.remediations,
        executions=executions,
        show=lambda record: None,
        **{"approvers": APPROVERS} | more,
    )


@pytest.mark.parametrize("risk", ["read_only", "safe", "disruptive"])
def test_one_approval_is_enough_for_a_plan_that_is_not_destructive(risk: str) -> None:
    waiting = Waiting(a_waiting_record(a_plan(risk=risk, decision="approve")))
    assert says(waiting).decision == "approved"
    assert waiting.signals == [("approved", "u1")]


@pytest.mark.parametrize(
    ("said", "decision", "told"),
    [
        ([("U1", True)], None, [("acknowledged", "u1")]),
        ([("U1", True), ("U2", True)], "approved", [("acknowledged", "u1"), ("approved", "u1 and u2")]),
        ([("U1", True), ("U2", False)], "refused", [("acknowledged", "u1"), ("refused", "u2")]),
        ([("U1", True), ("U1", False)], "refused", [("acknowledged", "u1"), ("refused", "u1")]),
        ([("U9", False)], "refused", [("refused", "u9")]),
    ],
    ids=[
        "one approves",
        "both approve",
        "the second refuses",
        "the first thinks better of it",
        "a person who is no approver refuses",
    ],
)
def test_a_destructive_plan_needs_two_approvers(said: list[tuple[str, bool]], decision: str | None, told: Any) -> None:
    waiting = Waiting(a_waiting_record(DESTRUCTIVE))
    for approver, approves in said:
        record = says(waiting, approver, approves)
    assert record.decision == decision
    assert waiting.signals == told


def test_two_approvals_of_one_person_count_once() -> None:
    waiting = Waiting(a_waiting_record(DESTRUCTIVE))
    says(waiting)
    with pytest.raises(Superseded, match="somebody else"):
        says(waiting)
    assert waiting.store.only.decision is None


def test_the_approval_of_a_person_who_is_no_approver_any_more_does_not_count() -> None:
    waiting = Waiting(a_waiting_record(DESTRUCTIVE))
    says(waiting, "U1")

    assert says(waiting, "U2", approvers=("U2", "U3")).decision is None
    assert says(waiting, "U3", approvers=("U2", "U3")).decision == "approved"


def test_a_whole_role_cannot_give_one_of_two_approvals_but_can_refuse() -> None:
    waiting = Waiting(a_waiting_record(DESTRUCTIVE))
    says(waiting, "U1")

    with pytest.raises(NotEntitled, match="u2 is a whole role"):
        says(waiting, "U2", shared=("U2",))

    assert waiting.store.only.decision is None
    assert says(waiting, "U2", approves=False, shared=("U2",)).decision == "refused"


def test_a_whole_role_may_approve_a_plan_that_needs_one_approval() -> None:
    waiting = Waiting(a_waiting_record(a_plan(decision="approve")))
    assert says(waiting, "U2", shared=("U2",)).decision == "approved"


@pytest.mark.parametrize(
    ("case", "changes", "error", "words"),
    [
        ("resolved", {"resolved_at": NOW, "resolved_by": "bo"}, TooLate, "The incident ended 0 s ago"),
        ("closed", {"closed_at": NOW, "status": "CLOSED"}, TooLate, "The incident ended"),
        ("no plan", {"plan": None}, TooLate, "no plan"),
        ("a plan that asks nobody", {"plan": a_plan()}, TooLate, "no plan that waits for an approval"),
        (
            "approved",
            {"decision": "approved", "decided_by": "bo", "decided_at": NOW},
            Superseded,
            "approved by bo 0 s ago",
        ),
        (
            "refused",
            {"decision": "refused", "decided_by": "bo", "decided_at": NOW},
            Superseded,
            "refused by bo 0 s ago",
        ),
        ("another plan was saved", {"plan_digest": "b" * 64}, Superseded, "plan has changed"),
        ("the plan is not what its digest says", {"plan": OTHER}, Superseded, "plan has changed"),
    ],
)
@pytest.mark.parametrize("approves", [True, False])
def test_an_answer_that_comes_too_late_or_to_another_plan_is_refused_and_not_stored(
    case: str, changes: dict[str, Any], error: Any, words: str, approves: bool
) -> None:
    asked = a_waiting_record()
    # Without its live half, which the store makes anew of the changed fields.
    waiting = Waiting(asked.model_copy(update={"live": None} | changes))

    with pytest.raises(error, match=words):
        says(waiting, approves=approves, digest=asked.plan_digest)

    assert (waiting.writes, waiting.signals) == (0, [])


def running_on_web_1(store: MemoryStore) -> RemediationPlan:
    """Let a plan of another incident, for the same host, begin."""
    plan = a_plan(runbook_id="high-memory", planned_at=NOW)
    state = store.remediations.state(plan.runbook_id, NOW)
    store.remediations.reserve(beginning_of(plan, "the-first-one", state, NOW), NOW)
    return plan


def test_the_deciding_approval_takes_the_plans_locks_and_counts_its_run() -> None:
    waiting = Waiting(a_waiting_record(a_plan(decision="approve")))
    assert waiting.store.remediations.locks == {}

    says(waiting)

    (run,) = waiting.store.remediations.runs
    assert (run.incident_id, run.decision, run.at) == (INCIDENT_ID, "approve", NOW)
    assert waiting.store.remediations.locks == {"host:i-0123456789abcdef0": (INCIDENT_ID, NOW + timedelta(hours=1))}


def test_an_approval_is_refused_while_another_remediation_has_the_host_and_counts_afterwards() -> None:
    waiting = Waiting(a_waiting_record(a_plan(decision="approve")))
    other = running_on_web_1(waiting.store)

    with pytest.raises(NotNow, match="web-1 is locked by high-memory of incident the-first-one"):
        says(waiting)
    assert (waiting.writes, waiting.signals, waiting.store.only.decision) == (0, [], None)

    waiting.store.remediations.settle(other, "the-first-one", "verified", began=NOW, accepted=None, demote=None, at=NOW)
    assert says(waiting).decision == "approved"


def test_an_approval_is_refused_if_another_remediation_takes_the_host_at_the_same_moment() -> None:
    waiting = Waiting(a_waiting_record(a_plan(decision="approve")))
    waiting.store.meanwhile["save_answer"] = lambda: running_on_web_1(waiting.store)

    with pytest.raises(NotNow, match="web-1 is locked by high-memory"):
        says(waiting)

    assert waiting.store.only.decision is None


def test_a_plan_can_be_refused_while_another_remediation_has_the_host() -> None:
    waiting = Waiting(a_waiting_record(a_plan(decision="approve")))
    running_on_web_1(waiting.store)

    assert says(waiting, approves=False).decision == "refused"


def test_an_approval_is_refused_while_the_runbook_cools_down() -> None:
    waiting = Waiting(a_waiting_record(a_plan(decision="approve")))
    ran = a_plan(planned_at=NOW)
    state = waiting.store.remediations.state(ran.runbook_id, NOW)
    waiting.store.remediations.reserve(beginning_of(ran, "the-first-one", state, NOW), NOW)
    waiting.store.remediations.settle(ran, "the-first-one", "failed", began=NOW, accepted=None, demote=None, at=NOW)

    with pytest.raises(NotNow, match="ran on web-1 0 seconds ago and cools down for 1 minute"):
        says(waiting)


def test_an_unknown_incident_is_refused() -> None:
    answer = Answer(True, "U1", "u1", "")
    store, executions = MemoryStore(), MemoryExecutions()
    with pytest.raises(TooLate, match="does not know this incident"):
        answer_plan(
            INCIDENT_ID,
            answer,
            NOW,
            approvers=APPROVERS,
            incidents=store.incidents,
            remediations=store.remediations,
            executions=executions,
            show=lambda record: None,
        )


def test_only_approvers_can_approve_or_get_a_link() -> None:
    waiting = Waiting(a_waiting_record())
    with pytest.raises(NotEntitled, match="u9 is no approver"):
        says(waiting, "U9")
    with pytest.raises(NotEntitled, match="eve is no approver"):
        invite(INCIDENT_ID, "U9", "eve", NOW, approvers=APPROVERS, incidents=waiting.store.incidents)
    assert waiting.writes == 0


def test_an_answer_that_loses_a_race_is_refused_with_the_decision_that_won() -> None:
    asked = a_waiting_record()
    waiting = Waiting(asked)
    waiting.meanwhile(decision="refused", decided_by="bo", decided_at=NOW)
    with pytest.raises(Superseded, match="refused by bo"):
        says(waiting)
    assert (waiting.writes, waiting.signals) == (1, [])


def test_two_approvals_at_the_same_moment_both_count() -> None:
    asked = a_waiting_record(DESTRUCTIVE)
    waiting = Waiting(asked)
    first = Approval(approver="U2", by="u2", at=NOW)
    waiting.meanwhile(approvals=[first])

    assert says(waiting).decision == "approved"

    assert (waiting.writes, waiting.signals) == (2, [("approved", "u2 and u1")])


def test_an_answer_that_loses_every_race_is_refused_with_the_reason() -> None:
    waiting = Waiting(a_waiting_record())

    def another() -> None:
        # Before each write somebody else's approval is stored, and the next one stands ready.
        waiting.meanwhile(approvals=[*waiting.store.only.approvals, Approval(approver="U2", by="u2", at=NOW)])
        happens = waiting.store.meanwhile.pop("save_answer")
        happens()
        waiting.store.meanwhile["save_answer"] = another

    waiting.store.meanwhile["save_answer"] = another
    with pytest.raises(Superseded, match="at this very moment"):
        says(waiting)
    assert waiting.signals == []


@pytest.mark.parametrize("awaiting", ["acknowledgement", "resolution"])
def test_a_plan_can_be_approved_whatever_its_incident_waits_for(awaiting: str) -> None:
    waiting = Waiting(a_waiting_record(awaiting=awaiting))
    assert says(waiting).decision == "approved"
    assert waiting.signals == [("approved", "u1")]


def test_a_decision_counts_although_no_execution_waits_for_it() -> None:
    waiting = Waiting(a_waiting_record(awaiting=None, task_token=None))
    assert says(waiting).decision == "approved"
    assert waiting.signals == []


@pytest.mark.parametrize(("approves", "who"), [(True, "u1"), (False, None)])
def test_an_approval_acknowledges_the_incident_and_a_refusal_does_not(approves: bool, who: str | None) -> None:
    waiting = Waiting(a_waiting_record())
    says(waiting, approves=approves)
    live = waiting.store.only.live
    assert live is not None
    assert (waiting.store.only.acknowledged_by, live.answered) == (who, approves)


def test_the_first_of_two_approvals_acknowledges_the_incident() -> None:
    waiting = Waiting(a_waiting_record(DESTRUCTIVE))
    says(waiting)
    assert waiting.store.only.acknowledged_by == "u1"
    assert waiting.signals == [("acknowledged", "u1")]


def test_a_decision_is_stored_even_if_the_execution_cannot_be_told() -> None:
    waiting = Waiting(a_waiting_record())
    waiting.executions.down = True
    with pytest.raises(ExecutionsUnavailable):
        says(waiting)
    assert waiting.store.only.decision == "approved"


def test_an_approval_link_is_personal_and_expires() -> None:
    record = a_waiting_record()
    link = invite(INCIDENT_ID, "U1", "ada", NOW, approvers=APPROVERS, incidents=MemoryStore(record).incidents)
    assert (link.approver, link.name, link.incident_id) == ("U1", "ada", INCIDENT_ID)
    assert (link.plan_digest, link.expires_at) == (record.plan_digest, NOW + LINK_IS_VALID_FOR)


@pytest.mark.parametrize(
    ("changes", "approves", "kind", "reason"),
    [
        ({"decision": "approved"}, True, "remediating", "Plan approved by ada."),
        ({"decision": "refused"}, False, "paged", "Plan refused by ada."),
        ({"decision": "refused", "acknowledged_at": NOW}, False, "needs_human", "Plan refused by ada."),
        ({"decision": "refused", "pages": [], "paged_at": None}, False, "needs_human", "Plan refused by ada."),
        (
            {"approvals": [Approval(approver="U1", by="ada", at=NOW)]},
            True,
            "approval",
            "1 of 2: ada said yes. Somebody else must agree.",
        ),
        (
            {"approvals": [Approval(approver=name, by=name.lower(), at=NOW) for name in ("GONE", "U1")]},
            True,
            "approval",
            "1 of 2: ada said yes. Somebody else must agree.",
        ),
    ],
    ids=[
        "approved",
        "refused",
        "refused, and somebody has it",
        "refused, and nobody was paged",
        "the first approval",
        "the first approval but for one of a person who is no approver any more",
    ],
)
def test_the_announcement_says_who_answered_and_what_follows(
    changes: Any, approves: bool, kind: str, reason: str
) -> None:
    record, later = a_waiting_record(DESTRUCTIVE, **changes), NOW + timedelta(seconds=1)
    told = announcement(record, "ada", approves, later, APPROVERS)
    assert (told.kind, told.reason) == (kind, reason)
    assert summarise(told).news == reason, "people read it, whatever letter the name begins with"


def test_any_change_of_a_plan_changes_its_digest() -> None:
    plan = a_plan()
    step = plan.steps[0]
    others = [
        a_plan(title="Another"),
        a_plan(risk="disruptive"),
        a_plan(targets=[plan.targets[0].model_copy(update={"instance_id": "i-0123456789abcdef1"})]),
        a_plan(steps=[step, step]),
        a_plan(verify=step),
        a_plan(rollback=[step]),
        *(
            a_plan(steps=[step.model_copy(update=change)])
            for change in (
                {"document": "firstline-other"},
                {"parameters": {"path": ["/"]}},
                {"timeout_seconds": 61},
                {"on_failure": "continue"},
            )
        ),
    ]
    assert len({other.digest() for other in (plan, *others)}) == len(others) + 1
    assert type(plan).model_validate_json(plan.model_dump_json()).digest() == plan.digest()
