"""After people were told: what is settled, what is given back, and what stands on the trail."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest

from firstline.contracts import (
    AnnounceRemediationInput,
    CloseIncidentInput,
    NotifyOpsInput,
    PageOnCallInput,
    RecordSuppressionInput,
    RequestApprovalInput,
)
from firstline.errors import HistoryUnavailable
from firstline.models import RunbookRun
from firstline.people.announce import NotifyInput
from firstline.remediation.settle import conclude
from tests.support.builders import NOW, a_classification, a_page, a_plan, a_record, a_result, an_incident
from tests.support.memory import MemoryRemediations, MemoryStore

INCIDENT = an_incident()
PLAN = a_plan()
CLOSE = CloseIncidentInput(
    state="Close Incident", incident=INCIDENT, results=[a_result()], ended_by="verified", reason="It holds."
)
OPS = NotifyOpsInput(state="Notify Ops", incident=INCIDENT, plan=PLAN, results=[a_result()], reason="It failed.")
PAGE = PageOnCallInput(
    incident=INCIDENT, classification=None, plan=PLAN, results=[a_result(status="Failed")], reason="It failed.", level=0
)


@dataclass
class Office:
    """A record, its reserved remediation, and the trail."""

    store: MemoryStore

    @property
    def remediations(self) -> MemoryRemediations:
        return self.store.remediations

    def conclude(self, event: NotifyInput | PageOnCallInput) -> list[str]:
        store = self.store
        conclude(event, records=store.incidents, remediations=store.remediations, trail=store.trail, now=NOW)
        return [what for what, _ in store.told(INCIDENT.incident_id)]

    @property
    def run(self) -> RunbookRun:
        (run,) = self.remediations.runs
        return run


@pytest.fixture
def office() -> Office:
    """An incident whose plan is reserved."""
    office = Office(MemoryStore(a_record()))
    me, until = INCIDENT.incident_id, NOW + timedelta(hours=1)
    run = RunbookRun(
        runbook_id=PLAN.runbook_id, incident_id=me, instance_ids=["i-1"], decision="auto", at=NOW, until=until
    )
    office.remediations.reserve(PLAN, run, state=office.remediations.state(PLAN.runbook_id, NOW), now=NOW)
    return office


def test_a_cure_is_verified_and_gives_everything_back(office: Office) -> None:
    office.store.put(a_record(plan=PLAN, outcome="auto_resolved", outcome_reason="It holds."))

    assert office.conclude(CLOSE) == ["ran", "over", "closed"]
    assert (office.run.outcome, office.run.ended_at) == ("verified", NOW)
    assert office.remediations.held == {}
    assert all(until <= NOW for _, until in office.remediations.locks.values())
    assert office.remediations.why_demoted == {}


@pytest.mark.parametrize("event", [OPS, PAGE])
def test_what_did_not_help_gives_everything_back_and_the_runbook_asks_from_now_on(
    office: Office, event: NotifyOpsInput | PageOnCallInput
) -> None:
    office.conclude(event)

    assert office.run.outcome == "failed"
    assert office.remediations.held == {}
    assert office.remediations.why_demoted == {PLAN.runbook_id: f"it did not help in incident {INCIDENT.incident_id}"}


def test_the_first_end_counts(office: Office) -> None:
    office.conclude(PAGE)
    office.store.put(a_record(plan=PLAN, outcome="resolved", pages=[a_page()]))
    told = office.conclude(CLOSE)

    assert office.run.outcome == "failed"
    assert told.count("over") == 1


def test_the_cure_of_somebody_else_does_not_count_for_the_runbook(office: Office) -> None:
    office.store.put(a_record(plan=PLAN, outcome="resolved"))

    office.conclude(CLOSE)

    assert office.run.outcome == "failed"


@pytest.mark.parametrize(("decision", "accepted"), [("approved", True), ("refused", False), (None, None)])
def test_what_people_decided_is_counted_and_on_the_trail(
    office: Office, decision: str | None, accepted: bool | None
) -> None:
    changes: dict[str, Any] = {"decision": decision, "decided_by": "ada" if decision else None}
    office.store.put(a_record(plan=PLAN, **changes))

    told = office.conclude(OPS.model_copy(update={"results": []}))

    assert (office.run.accepted, office.run.outcome) == (accepted, "not_run")
    assert ("decided" in told) is (decision is not None)
    assert office.remediations.why_demoted == {}, "what never ran cannot have failed"


@pytest.mark.parametrize(
    "event",
    [
        AnnounceRemediationInput(state="Announce Remediation", incident=INCIDENT, plan=PLAN),
        RequestApprovalInput(state="Request Approval", incident=INCIDENT, plan=PLAN),
    ],
)
def test_what_only_begins_settles_nothing(
    office: Office, event: AnnounceRemediationInput | RequestApprovalInput
) -> None:
    office.conclude(event)

    assert office.run.outcome is None
    assert office.remediations.held


def test_a_page_stands_on_the_trail_with_who_was_woken(office: Office) -> None:
    office.store.put(a_record(plan=PLAN, pages=[a_page()]))

    office.conclude(PAGE)

    what, facts = office.store.told(INCIDENT.incident_id)[-1]
    assert what == "paged"
    assert facts["through"] == a_page().delivered_to
    assert facts["reason"] == "It failed."


def test_suppressed_noise_has_an_end_on_the_trail(office: Office) -> None:
    office.store.put(a_record(outcome="suppressed", outcome_reason="a test"))
    noise = a_classification(severity="noise")

    event = RecordSuppressionInput(state="Record Suppression", incident=INCIDENT, classification=noise)

    assert office.conclude(event) == ["closed"]


def test_an_output_is_on_the_trail_as_a_digest_only(office: Office) -> None:
    office.conclude(OPS.model_copy(update={"results": [a_result(output="the password is hunter2")]}))

    assert "hunter2" not in str(office.store.trail.entries(INCIDENT.incident_id))


def test_nothing_that_goes_wrong_here_reaches_people(office: Office) -> None:
    office.store.down = True
    office.conclude(PAGE)
    office.store.down, office.store.faults["append"] = False, HistoryUnavailable("no table")
    office.conclude(PAGE)
    office.store.records.clear()
    office.conclude(PAGE)

    assert office.run.outcome == "failed", "a trail that cannot be written does not keep locks"
