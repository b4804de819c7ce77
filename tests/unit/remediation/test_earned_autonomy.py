"""Autonomy that a runbook earns by verified runs in a row and loses by one failure."""

from datetime import timedelta
from typing import Any

import pytest

from firstline.models import RemediationPlan, StepResult
from firstline.remediation.limits import beginning_of
from firstline.remediation.settle import conclude
from firstline.runbooks.model import Runbook
from tests.support.builders import (
    NOW,
    a_plan,
    a_record,
    a_result,
    an_incident,
)
from tests.support.memory import MemoryStore
from tests.support.spool import a_runbook
from tests.unit.remediation.desk import Desk
from tests.unit.remediation.office import CLOSE, CLOSED, Office

ENOUGH = 2
"""The verified runs in a row after which the runbook of `EARNS` runs by itself."""
EARNS = a_plan(auto_after=ENOUGH)
PROVEN = [a_result(changed=True), a_result(step_id="verify", kind="verify")]


def runs(
    office: Office, incident_id: str, results: list[StepResult], plan: RemediationPlan = EARNS, **ends: Any
) -> None:
    """Let a run of the runbook with these results end, in an incident of its own that ended like `ends`."""
    incident = an_incident().model_copy(update={"incident_id": incident_id, "group_key": incident_id})
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
    assert office.said == [], "one run is not enough"
    runs(office, "two", PROVEN, **CURED)
    assert office.remediations.standing("low-disk").runs_by_itself(ENOUGH)
    assert [said.split(":")[0] for said in office.said] == ["low-disk earned auto"]

    runs(office, "three", [a_result(changed=True)], outcome="resolved")
    assert not office.remediations.standing("low-disk").runs_by_itself(ENOUGH)
    assert office.said[-1].startswith("low-disk lost auto: it did not help in incident three. It asks for approval")


def test_a_runbook_whose_scripts_change_earns_its_autonomy_anew() -> None:
    office = Office(MemoryStore())
    before, after = (EARNS.model_copy(update={"scripts": scripts}) for scripts in ("before", "after"))
    for incident_id in ("one", "two"):
        runs(office, incident_id, PROVEN, before, **CURED)
    earned = office.remediations.standing("low-disk")

    assert (earned.of("before").runs_by_itself(ENOUGH), earned.of("after").runs_by_itself(ENOUGH)) == (True, False)

    runs(office, "three", PROVEN, after, **CURED)
    assert office.remediations.standing("low-disk").in_a_row == 1
    runs(office, "four", PROVEN, after, **CURED)
    anew = office.remediations.standing("low-disk")
    assert (anew.of("after").runs_by_itself(ENOUGH), anew.of("before").runs_by_itself(ENOUGH)) == (True, False)
    assert [said.split(":")[0] for said in office.said] == ["low-disk earned auto"] * 2


def three_verified_runs(desk: Desk, runbook: Runbook) -> None:
    """Let the runbook run three times, days ago, with approval and a verified cure."""
    for number in range(3):
        earned = a_plan(runbook_id=runbook.id, auto_after=3, scripts=runbook.scripts, locks=[])
        state = desk.remediations.state(runbook.id, NOW)
        desk.remediations.reserve(beginning_of(earned, f"earlier-{number}", state, NOW - timedelta(days=3)), NOW)
        ends: Any = {"began": NOW - timedelta(days=3), "accepted": True, "demote": None, "proven": True, "at": NOW}
        assert desk.remediations.settle(earned, f"earlier-{number}", "verified", **ends)


@pytest.mark.parametrize(("changed", "decision"), [(False, "auto"), (True, "approve")])
def test_a_plan_of_changed_scripts_asks_whatever_the_old_ones_earned(desk: Desk, changed: bool, decision: str) -> None:
    no_limit = {"cooldown": "1m", "per_hour": 100, "max_hosts": 5}
    earns: dict[str, Any] = {"mode": "approve", "earns": {"auto_after": 3}, "limits": no_limit}
    steps = [{"id": "drain", "kind": "act", "run": 'drain --all -- "$SSM_spool"\n'}]
    three_verified_runs(desk, a_runbook(**earns))
    desk.runbooks = [a_runbook(**earns, steps=steps) if changed else a_runbook(**earns)]

    made = desk.plan().plan

    assert made is not None
    assert made.decision == decision


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
