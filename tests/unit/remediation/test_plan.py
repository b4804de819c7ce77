"""The planning of a remediation: from an incident and a chosen runbook to a plan, or to a reason for none."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from firstline.errors import HistoryUnavailable
from firstline.models import (
    Deployment,
    PlannedStep,
    RemediationPlan,
)
from tests.support.checked import all_checked
from tests.support.memory import (
    MemoryDocuments,
    MemoryStore,
)
from tests.support.spool import WEB_1, a_runbook, an_alert, an_incident
from tests.support.stored_records import delete, keys
from tests.unit.remediation.desk import Desk


def with_all_parts(desk: Desk) -> RemediationPlan:
    """Plan a runbook that looks, acts, verifies and could roll back; its `spool` comes from the alert's label, mail."""
    desk.runbooks = [
        a_runbook(
            steps=[
                {"id": "look", "kind": "diagnose", "run": "look", "on_failure": "continue", "timeout": "30s"},
                {"id": "drain", "kind": "act", "run": 'drain "$SSM_spool"'},
            ],
            rollback=[{"id": "refill", "run": 'refill "$SSM_spool"'}],
            verify={"run": "spool-is-empty", "within": "1m", "every": "20s"},
            limits={"cooldown": "30m", "per_hour": 3, "max_hosts": 2},
        )
    ]

    made = desk.plan().plan
    assert made is not None
    return made


def test_a_plan_has_the_targets_and_the_documents_of_its_steps_with_checked_values(desk: Desk) -> None:
    made = with_all_parts(desk)

    assert made.decision == "auto"
    assert made.targets == [WEB_1]
    assert [(step.document, step.parameters, step.on_failure) for step in all_checked(PlannedStep, made.steps)] == [
        ("firstline-dev-ro-drain-spool.look", {}, "continue"),
        ("firstline-dev-safe-drain-spool.drain", {"spool": ["mail"]}, "stop"),
    ]
    assert made.steps[0].timeout_seconds == 30
    assert [(step.document, step.kind) for step in made.rollback] == [
        ("firstline-dev-safe-drain-spool.refill", "rollback")
    ]


def test_a_plan_has_the_verification_and_the_cool_down_of_its_runbook(desk: Desk) -> None:
    made = with_all_parts(desk)

    assert made.verify is not None
    assert (made.verify.step_id, made.verify.kind, made.verify.document) == (
        "verify",
        "verify",
        "firstline-dev-ro-drain-spool.verify",
    )
    assert (made.verify_attempts, made.recovery_wait_seconds) == (3, 20)
    assert made.limits.cooldown_seconds == 30 * 60


def test_every_document_of_a_plan_has_the_version_that_is_deployed(desk: Desk) -> None:
    made = with_all_parts(desk)

    assert made.verify is not None
    sent = all_checked(PlannedStep, (*made.steps, *made.rollback, made.verify))
    deployed = {document.version for document in MemoryDocuments(desk.runbooks).deployed.values()}
    assert {step.document_version for step in sent} == deployed == {"3"}


def test_a_plan_is_unchanged_after_serialization(desk: Desk) -> None:
    made = with_all_parts(desk)

    assert RemediationPlan.model_validate(made.model_dump(mode="json")) == made


def test_a_plan_reserves_its_runs_and_is_kept(desk: Desk) -> None:
    output = desk.plan()

    assert output.plan is not None
    assert desk.store.only.plan == output.plan
    (run,) = desk.remediations.runs
    assert (run.runbook_id, run.instance_ids, run.at) == ("drain-spool", [WEB_1.instance_id], desk.now)
    assert run.until == desk.now + timedelta(seconds=output.plan.longest_seconds)
    assert desk.remediations.locks == {f"host:{WEB_1.instance_id}": (desk.incident.incident_id, run.until)}


def test_a_plan_is_on_the_trail_with_its_digest_policy_targets_and_documents(desk: Desk) -> None:
    output = desk.plan()

    assert output.plan is not None
    ((what, facts),) = desk.store.told(desk.incident.incident_id)
    assert what == "planned"
    assert facts["decision"] == "auto"
    assert facts["plan_digest"] == output.plan.digest()
    assert facts["policy_version"] == output.plan.policy_version
    assert facts["targets"] == [WEB_1.instance_id]
    assert facts["documents"] == ["firstline-dev-safe-drain-spool.drain:3"]


def test_a_plan_that_cannot_be_put_on_the_trail_is_not_returned(desk: Desk) -> None:
    desk.store.faults["append"] = HistoryUnavailable("no table")

    with pytest.raises(HistoryUnavailable):
        desk.plan()


def test_the_policy_version_changes_with_the_runbook_and_the_settings(desk: Desk) -> None:
    def version(**changes: Any) -> str:
        desk.runbooks, desk.store = [a_runbook(**changes)], MemoryStore()
        made = desk.plan().plan
        assert made is not None
        return made.policy_version

    first = version()
    assert version() == first
    assert version(limits={"cooldown": "30m", "per_hour": 4, "max_hosts": 2}) != first
    desk.mode = "approve"
    assert version() != first


@pytest.mark.parametrize(
    ("trouble", "reason"),
    [
        ("missing", "firstline-dev-safe-drain-spool.drain is not in Systems Manager; deploy the stack"),
        (
            "changed",
            "firstline-dev-safe-drain-spool.drain in Systems Manager differs from its runbook; deploy the stack",
        ),
    ],
)
def test_a_document_that_is_missing_or_differs_from_the_runbook_stops_the_plan(
    desk: Desk, trouble: str, reason: str
) -> None:
    desk.documents = MemoryDocuments(desk.runbooks, "firstline-dev")
    name = "firstline-dev-safe-drain-spool.drain"
    if trouble == "missing":
        del desk.documents.deployed[name]
    else:
        document = desk.documents.deployed[name]
        other = {**document.content, "description": "something else"}
        desk.documents.deployed[name] = document.model_copy(update={"content": other})

    assert reason in desk.refusal()


def for_two_hosts(desk: Desk, step_seconds: int) -> RemediationPlan:
    step = {"id": "drain", "kind": "act", "run": "x", "timeout": f"{step_seconds}s"}
    desk.runbooks = [a_runbook(target="hosts", steps=[step], parameters={})]
    desk.incident = desk.incident.model_copy(update={"hosts": ["web-1", "web-2"]})
    made = desk.plan().plan
    assert made is not None
    return made


def test_of_two_hosts_the_first_is_a_canary_whose_failure_spares_the_second(desk: Desk) -> None:
    made = for_two_hosts(desk, 60)

    assert (made.waves, made.max_concurrency, made.max_errors) == (2, "1", "0")


def test_the_lease_covers_each_step_in_each_wave_and_each_verification_with_its_wait(desk: Desk) -> None:
    step_seconds, verification_seconds = 20 * 60, 60
    made = for_two_hosts(desk, step_seconds)

    verifications = made.verify_attempts * (made.recovery_wait_seconds + verification_seconds)
    assert made.longest_seconds > made.waves * step_seconds + verifications


def test_a_kill_switch_that_is_off_or_unreadable_stops_the_plan(desk: Desk) -> None:
    desk.switch = "off"
    assert "remediation has been switched off" in desk.refusal()

    desk.switch = "unreadable"
    assert "could not be read" in desk.refusal()


def test_a_runbook_in_shadow_is_counted_once_and_takes_no_lock(desk: Desk) -> None:
    desk.runbooks = [a_runbook(mode={"default": "auto", "staging": "shadow"})]

    outputs = [desk.plan(), desk.plan()]

    assert {output.reason for output in outputs} == {"shadow: would have run drain-spool on web-1 (drain)"}
    assert [output.plan for output in outputs] == [None, None]
    assert [run.decision for run in desk.remediations.runs] == ["shadow"], "planning twice counts one run"
    assert not desk.remediations.locks
    ((_, facts),) = desk.store.told(desk.incident.incident_id)
    assert facts["decision"] == "shadow"


def test_two_incidents_planned_at_the_same_moment_cannot_both_pass_a_limit(desk: Desk) -> None:
    desk.runbooks = [a_runbook(limits={"cooldown": "30m", "per_hour": 1, "max_hosts": 2})]
    other = replace(desk, incident=an_incident(an_alert(host="web-2"), incident_id="the-other-one"))
    desk.store.meanwhile["reserve"] = other.plan

    output = desk.plan()

    assert output.plan is None
    assert "ran on 1 hosts in the last hour and may run on 1" in output.reason
    assert [run.incident_id for run in desk.remediations.runs] == ["the-other-one"]


def test_a_locked_host_gets_no_plan_even_if_the_ledger_of_runs_is_lost(desk: Desk) -> None:
    first = desk.plan()
    for pk, sk in keys(desk.store.table):
        if pk.startswith(("RUNS#", "REMEDIATION")):
            delete(desk.store.table, pk, sk)
    desk.incident = an_incident(incident_id="the-next-one")

    assert first.plan is not None
    assert desk.plan().reason == f"{first.plan.locks[0]} is being remediated by another incident"


def test_planning_fails_if_other_remediations_begin_at_every_try(desk: Desk) -> None:
    def somebody_always_plans() -> None:
        desk.remediations.begin_elsewhere()
        desk.store.meanwhile["reserve"] = somebody_always_plans

    desk.store.meanwhile["reserve"] = somebody_always_plans

    with pytest.raises(HistoryUnavailable, match="too many remediations"):
        desk.plan()


def test_a_plan_that_ran_out_of_time_is_not_returned_again(desk: Desk) -> None:
    made = desk.plan().plan
    assert made is not None
    desk.now += timedelta(seconds=made.longest_seconds)

    assert desk.plan().reason == "the incident's plan for drain-spool has run out of time"


def test_a_plan_that_waits_for_approval_takes_no_lock_and_stays_the_same(desk: Desk) -> None:
    desk.mode = "approve"

    output = desk.plan()

    assert output.plan is not None
    assert output.plan.decision == "approve"
    assert output.plan.decision_reason == output.reason == "this stack asks for approval before every remediation"
    assert (desk.remediations.runs, desk.remediations.locks, desk.remediations.held) == ([], {}, {})
    desk.now += timedelta(days=30)
    assert desk.plan().plan == output.plan


def test_a_plan_that_waits_for_approval_holds_the_size_of_the_fleet_for_the_check_after_it(desk: Desk) -> None:
    desk.mode = "approve"
    desk.inventory.fleet = 40

    made = desk.plan().plan

    assert made is not None
    assert made.limits.fleet == 40


def test_a_whole_role_does_not_count_where_two_people_must_approve(desk: Desk) -> None:
    desk.runbooks = [a_runbook(mode="approve", approvals=2)]
    desk.shared_approvers = desk.approvers[:1]

    assert "lets 1 approve, and 2 must approve drain-spool: add approvers" in desk.refusal()


def test_two_plans_for_the_same_host_may_wait_for_approval_at_once(desk: Desk) -> None:
    desk.mode = "approve"
    first = desk.plan()
    desk.incident = an_incident(incident_id="the-next-one")

    second = desk.plan()

    assert first.plan is not None
    assert second.plan is not None
    assert first.plan.targets == second.plan.targets


def test_planning_again_returns_the_same_plan(desk: Desk) -> None:
    first = desk.plan().plan

    assert first is not None
    assert desk.plan().plan == first


def test_a_host_with_a_plan_of_one_incident_is_locked_for_the_next(desk: Desk) -> None:
    desk.plan()
    desk.incident = an_incident(incident_id="the-next-one")

    later = desk.plan()

    assert later.plan is None
    assert "web-1 is locked by drain-spool of incident SpoolFull-web-1" in later.reason


def test_a_recent_deployment_of_the_service_makes_the_plan_need_approval(desk: Desk) -> None:
    desk.incident = an_incident(an_alert(service="shop"))
    # A deployment of another service does not count.
    for service, environment in (("cart", None), ("shop", "prod")):
        deployment = Deployment(service=service, version="7", environment=environment, deployed_at=desk.now)
        desk.store.incidents.save_deployment(deployment)

    made = desk.plan().plan

    assert made is not None
    assert made.decision == "approve"
    assert made.decision_reason == "shop 7 was deployed 0 seconds ago; a human should know before a host is touched"


def test_the_plan_of_a_runbook_that_only_looks_has_no_verification_and_waits_a_minute_for_a_recovery(
    desk: Desk,
) -> None:
    step = {"id": "look", "kind": "diagnose", "run": "look"}
    desk.runbooks = [a_runbook(steps=[step], verify=None, risk="read_only", parameters={})]

    output = desk.plan()

    assert output.plan is not None
    assert output.plan.verify is None
    assert output.plan.recovery_wait_seconds == 60
