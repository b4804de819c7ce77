"""The milestones of an incident's life, derived from the table's stream of changes."""

from typing import Any

import pytest

from firstline.adapters.dynamodb.live import live_key
from firstline.adapters.dynamodb.stream import milestones_in
from firstline.incidents.pages import LEASE
from firstline.models import Approval, Incident, Page, RemediationPlan
from firstline.remediation.limits import beginning_of
from tests.support.builders import a_classification, a_page, a_plan, alert, at, open_for
from tests.support.changes import ending, joining, stored
from tests.support.memory import MemoryStore
from tests.support.streams import AT, Stream

SEVERE = alert(severity="critical")


class Stage:
    """A store with one open incident, and the stream of the store's table."""

    def __init__(self) -> None:
        self.store = MemoryStore()
        self.stream = Stream(self.store.client)
        self.incident: Incident = open_for(self.store.groups, SEVERE)
        self.me = self.incident.incident_id

    def told(self) -> list[str]:
        return [milestone.type for milestone in self.stream.milestones()]

    def skip(self) -> None:
        """Read the milestones until now, so that the next ones are those of what the test does next."""
        self.told()

    def live(self) -> Any:
        return self.store.incidents.live(self.incident.group_key)

    def waits(self, awaiting: str) -> None:
        change, values = "SET task_token = :token, awaiting = :awaiting", {":token": awaiting, ":awaiting": awaiting}
        self.store.table.update(*live_key(self.incident.group_key), change, values)

    def pages(self, minutes: float, **place: Any) -> Page:
        page = a_page(**{"delivered_to": [], "at": None, **place})
        assert self.store.incidents.claim_page(self.incident, page, at(minutes) + LEASE, at(minutes), seen=self.live())
        assert self.told() == [], "a page that is only claimed is no milestone"
        sent = page.model_copy(update={"delivered_to": ["pagerduty"], "at": at(minutes)})
        self.store.incidents.finish_page(self.incident, sent, at(minutes + 5), at(minutes))
        return sent


@pytest.fixture
def stage() -> Stage:
    """Return a stage on which an incident has just opened."""
    return Stage()


def test_the_opening_and_the_verdict_are_milestones_once_although_the_verdict_is_stored_twice(stage: Stage) -> None:
    verdict = a_classification(severity="critical")
    stage.store.incidents.judge(stage.incident, 1, verdict, at(1), seen=stage.live())
    stage.store.incidents.judge(stage.incident, 1, verdict, at(1), seen=stage.live())  # a retry

    opened, classified = stage.stream.milestones()
    assert (opened.id, opened.at, opened.by) == (f"{stage.me}/opened", stage.incident.opened_at, SEVERE.source)
    # A verdict has no time of its own: the milestone has that of the stream's record.
    assert (classified.type, classified.verdict, classified.at) == ("classified", verdict, AT)


def test_alerts_that_join_are_no_milestones(stage: Stage) -> None:
    stage.skip()
    for number in range(50):
        more = alert(severity="critical", fingerprint=f"f-{number}")
        stage.store.groups.apply(joining(stage.incident, more, now=at(1)))
    assert stage.told() == []


def test_the_first_page_is_the_milestone_paged_and_later_ones_are_escalated(stage: Stage) -> None:
    stage.skip()
    first = stage.pages(1, seq=1)
    (paged,) = stage.stream.milestones()
    assert (paged.type, paged.id, paged.page, paged.at) == ("paged", f"{stage.me}/paged/1", first, at(1))
    for seq, place in ((2, {"level": 1}), (3, {"level": 0, "round": 1})):
        stage.pages(6 * seq, seq=seq, **place)
        assert stage.told() == ["escalated"]


def test_each_acknowledgement_and_its_withdrawal_is_a_milestone(stage: Stage) -> None:
    stage.skip()
    stage.pages(1)
    stage.skip()
    stage.store.incidents.acknowledge(stage.me, "ada", at(2))
    stage.store.incidents.take_back(stage.me, at(3))
    stage.store.incidents.acknowledge(stage.me, "grace", at(4))
    stage.store.incidents.acknowledge(stage.me, "grace", at(4))  # pressed twice
    told = stage.stream.milestones()
    assert [(milestone.type, milestone.by) for milestone in told] == [
        ("acknowledged", "ada"),
        ("acknowledgement_withdrawn", None),
        ("acknowledged", "grace"),
    ]
    assert len({milestone.id for milestone in told}) == 3


def test_waiting_for_quiet_is_resolved_leaving_it_is_reopened_and_the_end_is_closed(stage: Stage) -> None:
    stage.skip()
    stage.store.groups.apply(ending(stage.live(), stored(SEVERE, stage.incident, at(0)), now=at(2)))
    assert stage.told() == [], "the execution does not wait for quiet yet"
    for awaiting, told in (
        ("quiet", "resolved"),
        ("quiet", None),
        ("acknowledgement", "reopened"),
        ("quiet", "resolved"),
    ):
        stage.waits(awaiting)
        assert stage.told() == ([told] if told else []), awaiting
    closed = stage.store.incidents.close(stage.incident, 1, "self_cleared", "It cleared.", [], at(9), joined=None)
    assert closed is not None
    (milestone,) = stage.stream.milestones()
    assert (milestone.type, milestone.outcome, milestone.reason, milestone.at) == (
        "closed",
        "self_cleared",
        "It cleared.",
        at(9),
    )


def test_a_resolve_that_is_withdrawn_gives_resolved_and_reopened(stage: Stage) -> None:
    stage.skip()
    stage.store.incidents.resolve(stage.me, "ada", at(2))
    stage.store.incidents.withdraw_resolve(stage.incident, seen=stage.live())
    told = stage.stream.milestones()
    assert [(milestone.type, milestone.by) for milestone in told] == [("resolved", "ada"), ("reopened", None)]


def decides(stage: Stage, decision: Any, by: str) -> RemediationPlan:
    """Make a plan that asks, and let a person answer; return the plan."""
    plan = a_plan(decision="approve", planned_at=at(1))
    stage.store.remediations.keep(plan, stage.me)
    record = stage.store.incidents.record(stage.me)
    assert record is not None
    begins = beginning_of(plan, stage.me, stage.store.remediations.state(plan.runbook_id, at(0)), at(2))
    stage.store.incidents.save_answer(
        stage.me,
        Approval(approver=by, by=by, at=at(2)),
        decision,
        seen=record,
        begins=begins if decision == "approved" else None,
    )
    return plan


@pytest.mark.parametrize("decision", ["approved", "refused"])
def test_a_plan_and_its_decision_are_milestones(stage: Stage, decision: Any) -> None:
    stage.skip()
    decides(stage, decision, by="ada")

    told = stage.stream.milestones()
    # An approval acknowledges the incident, too.
    assert [(milestone.type, milestone.by) for milestone in told if milestone.type != "acknowledged"] == [
        ("planned", "policy"),
        (decision, "ada"),
    ]


def test_the_end_of_a_plan_that_ran_is_a_milestone_with_its_run(stage: Stage) -> None:
    plan = decides(stage, "approved", by="ada")
    stage.skip()
    stage.store.remediations.settle(plan, stage.me, "verified", began=at(2), accepted=None, demote=None, at=at(5))

    (milestone,) = stage.stream.milestones()
    assert (milestone.type, milestone.by, milestone.at) == ("remediated", "state machine", at(5))
    assert milestone.run is not None
    assert milestone.run.outcome == "verified"


def test_the_end_of_a_plan_that_did_not_run_is_no_milestone(stage: Stage) -> None:
    plan = decides(stage, "refused", by="ada")
    stage.skip()
    stage.store.remediations.settle(plan, stage.me, "not_run", began=None, accepted=None, demote=None, at=at(5))

    assert stage.told() == []


def test_a_run_in_shadow_is_no_milestone(stage: Stage) -> None:
    stage.skip()
    plan = a_plan(planned_at=at(1))
    run = beginning_of(plan, stage.me, stage.store.remediations.state(plan.runbook_id, at(0)), at(1)).run
    stage.store.remediations.keep_shadow(run)
    assert stage.told() == []


def test_a_stream_record_delivered_twice_gives_milestones_with_the_same_ids(stage: Stage) -> None:
    stage.store.incidents.judge(stage.incident, 1, a_classification(), at(1), seen=stage.live())
    stage.waits("quiet")
    records = stage.stream.take()
    first, again = ([milestone.id for record in records for milestone in milestones_in(record)] for _ in range(2))
    assert first == again
    assert len(set(first)) == len(first) == 3, "opened, classified and resolved"


def test_an_item_that_expires_is_no_milestone() -> None:
    image = {"pk": {"S": "INCIDENT#1"}, "sk": {"S": "INCIDENT"}}
    gone = {"eventName": "REMOVE", "dynamodb": {"SequenceNumber": "1", "Keys": image, "OldImage": image}}
    assert milestones_in(gone) == []
