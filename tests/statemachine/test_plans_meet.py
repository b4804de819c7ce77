"""Plans meet people and each other: a runbook is demoted or promoted while a plan runs, and two plans want one host."""

from tests.statemachine.functions import meanwhile
from tests.statemachine.incident import Incident
from tests.statemachine.run_command import Run
from tests.statemachine.world import World


def stuck_queue(world: World, host: str = "web-1") -> Incident:
    """Fire an alert whose runbook looks, drains and restarts."""
    return world.fires("QueueStuck", severity="medium", host=host)


def demoted(world: World) -> None:
    """Let a person demote the runbook of a stuck queue."""
    world.remediations.demote("stuck-queue", "ada", world.now())


def test_who_demotes_a_runbook_while_its_plan_runs_stops_the_next_act(world: World) -> None:
    world.commands.script("drain", Run(on_read=lambda: demoted(world)))

    stuck_queue(world).stands_in("Await Acknowledgement")

    assert world.commands.steps() == ["look", "drain"]
    (page,) = world.told("pagerduty")
    assert "was stopped before step restart" in page.text


def test_who_demotes_a_runbook_after_the_next_move_was_chosen_stops_the_act_at_its_claim(world: World) -> None:
    world.functions.plan("remediate", meanwhile(lambda: demoted(world)), state="Next Move")

    incident = stuck_queue(world).stands_in("Await Resolution")

    assert world.commands.steps() == ["look"]
    assert incident.path[-4:] == ["Claim Step", "Next Move", "Notify Ops", "Await Resolution"]
    assert "the record of stuck-queue does not let it run by itself" in world.told("slack")[-1].text


def test_a_promotion_approves_no_plan_that_waits(world: World) -> None:
    waiting = world.fires("CacheCold", severity="medium", host="web-1").stands_in("Await Resolution")
    world.remediations.promote("cold-cache", "the owner", world.now())
    world.passes(120)
    world.reconciles()

    assert waiting.path[-1] == "Await Resolution"
    assert world.commands.attempts == []


def test_a_host_that_a_plan_has_locked_gets_no_second_plan_a_human_reads_why_and_the_first_plan_goes_on(
    world: World,
) -> None:
    world.commands.script("look", Run(end="lost"))
    first = stuck_queue(world).stands_in("Await Step")

    second = world.fires("ScratchFull", severity="low", host="web-1", labels={"mountpoint": "/scratch"})
    second.stands_in("Await Resolution")

    assert world.commands.steps() == ["look"]
    assert second.record.plan is None
    assert f"web-1 is locked by stuck-queue of incident {first.id}" in world.told("slack")[-1].text
    first.times_out()
    first.stands_in("Await Recovery")
    assert world.commands.steps() == ["look", "drain", "restart"]
