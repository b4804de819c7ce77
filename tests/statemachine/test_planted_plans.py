"""A remediate function that lies: the machine sends nothing that no person, and no runbook's record, has allowed."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.statemachine.functions import NAMES_NO_STATE
from tests.statemachine.run_command import Run
from tests.statemachine.world import STACK_NAME, World

type Plan = dict[str, Any]
type Lie = Callable[[Plan], None]


def document(name: str) -> str:
    return f"{STACK_NAME}_runbook-{name}"


def lies(world: World, lie: Lie) -> None:
    """Let the remediate function change each plan that it returns."""

    def changed(handler: Callable[[Any], Any], event: Any) -> Any:
        answer = handler(event)
        if answer.get("plan"):
            lie(answer["plan"])
            planned = (event.get("happened") or {}).get("state") == "Plan Remediation"
            if planned and answer["plan"]["decision"] == "auto":
                answer["go"] = "Announce Remediation"
            if answer.get("next") and answer["plan"]["decision"] == "auto":
                answer["next"]["go"] = "Announce Remediation"
        return answer

    for state in (NAMES_NO_STATE, "Plan Remediation", "What Now?"):
        world.functions.plan("remediate", changed, state=state, for_good=True)


def by_itself(name: str) -> Lie:
    """Return a lie: the plan may run by itself, and sends this document."""

    def lie(plan: Plan) -> None:
        plan["decision"] = "auto"
        plan["steps"][0]["document"] = document(name)

    return lie


@pytest.mark.parametrize(
    "name", ["destructive-low-disk.free-space", "disruptive-crash-loop.settle", "disruptive-dead-service.start"]
)
def test_a_plan_that_claims_to_need_no_approval_is_stopped_at_its_claim(world: World, name: str) -> None:
    lies(world, by_itself(name))

    incident = world.fires("CacheCold", severity="medium", host="web-1")
    incident.stands_in("Await Resolution")

    assert "Claim Step" in incident.path
    assert "Read Switch" not in incident.path
    assert world.commands.attempts == []
    assert any("no approval of exactly this step is on record" in message.text for message in world.told("slack"))


def test_an_act_that_the_plan_calls_a_look_is_not_sent(world: World) -> None:
    def lie(plan: Plan) -> None:
        by_itself("destructive-low-disk.free-space")(plan)
        plan["steps"][0]["kind"] = "diagnose"

    lies(world, lie)

    world.fires("CacheCold", severity="medium", host="web-1").stands_in("Await Resolution")

    assert world.commands.attempts == []


def other_host(plan: Plan) -> None:
    plan["targets"][0]["instance_id"] = "i-0123456789abcdef0"


def other_parameters(plan: Plan) -> None:
    plan["steps"][0]["parameters"] = {"mountpoint": ["/home"]}


def other_version(plan: Plan) -> None:
    plan["steps"][0]["document_version"] = "7"


def other_document(plan: Plan) -> None:
    plan["steps"][0]["document"] = document("safe-empty-tank.fill")


def all_hosts_at_once(plan: Plan) -> None:
    plan["max_concurrency"] = "100%"


def no_canary(plan: Plan) -> None:
    plan["steps"][0]["kind"] = "rollback"


def without_guard(plan: Plan) -> None:
    plan["guard_alarm"] = None if plan["guard_alarm"] else "another-alarm"


def other_failures(plan: Plan) -> None:
    plan["max_errors"] = "100%"


@pytest.mark.parametrize(
    "lie",
    [
        other_host,
        other_parameters,
        other_version,
        other_document,
        all_hosts_at_once,
        no_canary,
        without_guard,
        other_failures,
    ],
)
def test_a_step_that_was_changed_after_its_approval_is_not_sent(world: World, lie: Lie) -> None:
    incident = world.fires("CacheCold", severity="medium", host="web-1")
    incident.stands_in("Await Resolution")
    lies(world, lie)

    incident.is_approved("ada")
    incident.stands_in("Await Resolution")

    assert "Claim Step" in incident.path
    assert world.commands.attempts == []


@pytest.mark.parametrize(
    ("runbook", "name"), [("high-memory", "disruptive-high-memory.restart"), ("empty-tank", "safe-empty-tank.fill")]
)
def test_a_runbook_that_a_person_demoted_does_not_run_by_itself(world: World, runbook: str, name: str) -> None:
    lies(world, by_itself(name))
    world.remediations.demote(runbook, "ada", world.now())

    world.fires("CacheCold", severity="medium", host="web-1").stands_in("Await Resolution")

    assert world.commands.attempts == []


def test_a_forged_signal_of_an_approval_runs_nothing(world: World) -> None:
    incident = world.fires("CacheCold", severity="medium", host="web-1").stands_in("Await Resolution")
    live = incident.record.live
    assert live is not None

    assert world.executions.signal(live.task_token or "", "approved", "ada")
    incident.stands_in("Await Resolution")

    assert "Announce Remediation" not in incident.path
    assert world.commands.attempts == []


def test_after_a_forged_success_the_commands_own_failure_counts(world: World) -> None:
    world.commands.script("free-space", Run(end="lost", status="Failed", unfinished_reads=1))
    incident = world.fires("ScratchFull", severity="low", host="web-1", labels={"mountpoint": "/scratch"})
    incident.stands_in("Await Step")

    assert world.executions.signal(incident.token or "", "Success", "Run Command")
    incident.stands_in("Await Acknowledgement")

    assert "failed at step free-space" in world.told("pagerduty")[0].text
