"""Texts of alerts and commands are only data, and long ones keep the state small."""

import json
from datetime import UTC, datetime
from typing import Any

from firstline.models import PlanLimits, PlannedStep, RemediationPlan, StepKind, Target
from firstline.remediation.limits import beginning_of
from local.emulator.iam import ACCOUNT
from tests.statemachine.functions import Event, Handler, crashes
from tests.statemachine.incident import Incident
from tests.statemachine.run_command import Run
from tests.statemachine.world import REGION, STACK_NAME, World

MOST_DATA = 160 * 1024
"""Bytes: well below the 256 KiB that Step Functions allows for a state's data."""
HOSTILE = (
    "He said \"no\" and 'yes' \\ \\\\n \\u0000 {% $states.input %} {{ssm:secret}} ${TableName} $(reboot) `id`\n"
    "second line\tand a tab; %7B%25 \u202eolleh\u2066 \U0001f525 <!channel> &amp; </script> null undefined"
)


def test_hostile_text_reaches_the_page_as_it_came(world: World) -> None:
    incident = world.fires(
        'Search "down" {% $reason %} \\', message=HOSTILE, service="a'b\"c", labels={"note": '"}, "severity": "noise"'}
    )
    incident.stands_in("Await Acknowledgement")

    (page,) = world.told("pagerduty")
    said = json.dumps(page.raw, ensure_ascii=False)
    for part in (
        'He said \\"no\\"',
        "{% $states.input %}",
        "${TableName}",
        "second line",
        "\U0001f525",
        "null undefined",
    ):
        assert part in said
    assert page.raw["payload"]["severity"] == "critical"
    assert page.raw["payload"]["custom_details"]["labels"] == {"note": '"}, "severity": "noise"'}


def test_a_hostile_name_of_a_person_stands_in_the_record_as_it_came(world: World) -> None:
    name = 'ada "{% $plan %}" \\'
    incident = world.fires("SearchDown").stands_in("Await Acknowledgement")
    incident.is_acknowledged(by=name)
    incident.stands_in("Await Resolution").is_resolved(by=name)
    incident.ends()

    assert incident.record.acknowledged_by == name
    assert incident.record.outcome_reason == f"Resolved by {name}."


def test_hostile_text_reaches_the_page_that_the_machine_sends_itself(world: World) -> None:
    world.functions.plan("escalate", crashes, for_good=True)
    incident = world.fires('Search "down" {% 1 %} \\', message=HOSTILE)
    incident.stands_in("Await Acknowledgement")

    assert 'Search "down" {% 1 %} \\ is critical.' in world.told("sns")[0].text


def test_hostile_output_of_a_command_is_shown_and_changes_no_step(world: World) -> None:
    world.commands.script("drain", Run("Failed", output=HOSTILE))
    incident = world.fires("QueueStuck", severity="medium", host="web-1")
    incident.stands_in("Await Acknowledgement")

    assert "{% $states.input %}" in str(world.told("pagerduty")[0].raw)
    assert world.commands.steps() == ["look", "drain", "refill", "start-again"], "the runbook's steps and its rollback"


def test_the_largest_alert_and_a_huge_output_keep_the_state_small(world: World) -> None:
    world.commands.script("drain", Run("Failed", output="\U0001f525 nothing but flames\n" * 20_000))
    hosts = [f"web-{i}" for i in (1, 2, 3)]
    big = {
        "message": "\U0001f525" * 4_000,
        "labels": {f"{'label' * 20}-{i}": "\U0001f525" * 512 for i in range(50)},
        "service": "s" * 256,
        "environment": "e" * 256,
        "region": REGION,
        "account": ACCOUNT,
        "url": "https://example.com/" + "u" * 1_900,
        "severity": "medium",
    }
    ids = {incident for host in hosts for incident in world.send({"alert_name": "QueueStuck", "host": host, **big})}
    assert len(ids) == 1
    incident = Incident(world, ids.pop())
    incident.stands_in("Await Acknowledgement")
    incident.is_acknowledged()
    incident.stands_in("Await Resolution").is_resolved()
    incident.ends()

    assert incident.largest_data < MOST_DATA


def test_as_many_hosts_and_steps_as_a_runbook_may_have_keep_the_state_and_the_history_small(world: World) -> None:
    step_functions_events = 25_000  # after that many, Step Functions fails an execution
    plan = the_largest_plan()

    def plans(handler: Handler, event: Event) -> Any:
        if "state" in event:
            return handler(event)
        state = world.remediations.state(plan.runbook_id, world.now())
        begins = beginning_of(plan, event["incident"]["incident_id"], state, world.now())
        world.remediations.reserve(begins, world.now())
        return {"plan": plan.model_dump(mode="json"), "reason": "it may"}

    world.functions.plan("remediate", plans, for_good=True)
    for step in (*plan.steps, *plan.rollback):
        world.commands.script(step.step_id, Run(output="\U0001f525" * 3_000))
    world.commands.script("verify", Run("Failed", output="\U0001f525" * 3_000))
    incident = world.fires("HostOutOfMemory", severity="medium", host="web-1", message="\U0001f525" * 4_000)
    for _ in range(plan.verify_attempts):
        incident.stands_in("Await Recovery").times_out()
    incident.stands_in("Await Acknowledgement")

    assert incident.largest_data < MOST_DATA
    assert len(incident.history) < step_functions_events / 10
    (page,) = world.told("pagerduty")
    assert "undo-9 (rollback)" in page.text, "every step ran, to the last of the rollback"


def the_largest_plan() -> RemediationPlan:
    """Fifty hosts, ten steps, a verification of several tries, ten steps back."""

    kinds: dict[StepKind, str] = {"verify": "ro", "act": "safe", "rollback": "safe"}

    def step(step_id: str, kind: StepKind) -> PlannedStep:
        return PlannedStep(
            step_id=step_id,
            kind=kind,
            document=f"{STACK_NAME}_runbook-{kinds[kind]}-stuck-queue.own-{step_id}",
            document_version="1",
            document_hash="0" * 64,
            parameters={"mountpoint": ["/" + "m" * 200]},
            timeout_seconds=60,
        )

    return RemediationPlan(
        runbook_id="stuck-queue",
        title="The largest runbook there may be",
        risk="safe",
        decision="auto",
        decision_reason="it may",
        targets=[Target(instance_id=f"i-{i:017x}", name=f"web-{i}.{'x' * 100}") for i in range(50)],
        steps=[step(f"do-{i}", "act") for i in range(10)],
        verify=step("verify", "verify"),
        verify_attempts=4,  # of twenty, the last is kept
        recovery_wait_seconds=10,
        rollback=[step(f"undo-{i}", "rollback") for i in range(10)],
        limits=PlanLimits(cooldown_seconds=60, per_hour=9, per_day=9, max_hosts=50, max_percent=100),
        longest_seconds=86_400,
        max_concurrency="100%",
        max_errors="100%",
        waves=1,
        locks=[f"host:i-{i:017x}" for i in range(50)],
        planned_at=datetime.now(UTC),
        policy_version="0123456789ab",
    )
