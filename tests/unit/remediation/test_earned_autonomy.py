"""Autonomy that a runbook earns by verified runs in a row and loses by one failure."""

from typing import Any

import pytest

from firstline.models import StepResult
from firstline.remediation.limits import beginning_of
from firstline.remediation.settle import conclude
from tests.support.builders import (
    NOW,
    a_plan,
    a_record,
    a_result,
    an_incident,
)
from tests.support.memory import MemoryStore
from tests.unit.remediation.office import CLOSE, CLOSED, Office

EARNS = a_plan(auto_after=2)


PROVEN = [a_result(changed=True), a_result(step_id="verify", kind="verify")]


def runs(office: Office, incident_id: str, results: list[StepResult], **ends: Any) -> None:
    """Let a run of the runbook with these results end, in an incident of its own that ended like `ends`."""
    incident = an_incident().model_copy(update={"incident_id": incident_id, "group_key": incident_id})
    plan = EARNS
    state = office.remediations.state(plan.runbook_id, NOW)
    item = beginning_of(plan.model_copy(update={"locks": []}), incident_id, state, NOW)
    office.remediations.reserve(item, NOW)
    office.store.put(a_record(incident, **CLOSED | {"plan": plan} | ends))
    event = CLOSE.model_copy(update={"incident": incident, "results": results, "plan": plan})
    store = office.store
    ports: Any = {"records": store.incidents, "remediations": store.remediations, "trail": store.trail}
    conclude(event, **ports, say=office.said.append, now=NOW)


CURED: dict[str, Any] = {"outcome": "auto_resolved", "outcome_reason": "It holds."}


def test_autonomy_is_earned_by_verified_runs_in_a_row_and_lost_by_one_failure() -> None:
    office = Office(MemoryStore())

    runs(office, "one", PROVEN, **CURED)
    assert office.said == []
    runs(office, "two", PROVEN, **CURED)
    assert office.remediations.standing("low-disk").runs_by_itself(2)
    assert [said.split(":")[0] for said in office.said] == ["low-disk earned auto"]

    runs(office, "three", [a_result(changed=True)], outcome="resolved")
    assert not office.remediations.standing("low-disk").runs_by_itself(2)
    assert office.said[-1].startswith("low-disk lost auto: it did not help in incident three. It asks for approval")


@pytest.mark.parametrize(
    "results",
    [
        [a_result(changed=False), a_result(step_id="verify", kind="verify")],
        [a_result(changed=True)],
        [a_result(changed=True), a_result(step_id="verify", kind="verify", status="Failed")],
    ],
    ids=["changed nothing", "no verification", "the verification failed"],
)
def test_a_run_that_changed_nothing_or_was_not_verified_earns_nothing(results: list[StepResult]) -> None:
    office = Office(MemoryStore())

    runs(office, "one", results, **CURED)

    assert office.remediations.standing("low-disk").in_a_row == 0
