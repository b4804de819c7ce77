"""The kill switch: somebody turns remediation off, before it begins or while it runs."""

from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

import pytest

from tests.statemachine.incident import Incident
from tests.statemachine.run_command import Run
from tests.statemachine.test_remediation import full_disk, stuck_queue
from tests.statemachine.world import STACK_NAME, World

type Turn = Callable[[str], object]


@pytest.fixture
def turn(world: World) -> Iterator[Turn]:
    """Write the switch; it is not there at first, which means on, nor for the next test."""
    name = f"/firstline/{STACK_NAME}/remediation"
    yield lambda value: world.client("ssm").put_parameter(Name=name, Value=value, Type="String", Overwrite=True)
    with suppress(world.client("ssm").exceptions.ParameterNotFound):
        world.client("ssm").delete_parameter(Name=name)


def test_while_remediation_is_switched_off_no_command_is_sent_and_people_read_why(world: World, turn: Turn) -> None:
    turn("off")

    incident = full_disk(world, severity="low").stands_in("Await Resolution")

    assert world.commands.steps() == []
    assert "Read Switch" not in incident.path
    assert "remediation has been switched off" in world.told("slack")[0].text


@pytest.mark.parametrize("word", ["off", "OFF", " stop ", "false"])
def test_switched_off_meanwhile_no_further_step_is_sent_and_somebody_reads_what_was_done(
    world: World, turn: Turn, word: str
) -> None:
    world.commands.script("drain", Run(on_read=lambda: turn(word)))

    incident = stuck_queue(world).stands_in("Await Acknowledgement")

    assert world.commands.steps() == ["look", "drain"], "neither the next step nor the rollback"
    assert incident.path[-5:-1] == ["Read Switch", "Switched Off?", "Next Move", "Page On-Call"]
    (page,) = world.told("pagerduty")
    assert "was stopped before step restart: remediation has been switched off" in page.text
    assert "drain (act) on web-1: Success" in page.text


def test_after_a_person_has_resolved_the_incident_no_further_step_is_sent(world: World) -> None:
    def resolves() -> None:
        (record,) = world.history.open_records()
        Incident(world, record.incident.incident_id).is_resolved()

    world.commands.script("drain", Run(on_read=resolves))

    incident = stuck_queue(world)
    incident.ends()

    assert world.commands.steps() == ["look", "drain"], "neither the next step nor the rollback"
    assert incident.record.outcome_reason == "Resolved by ada."


def test_a_switch_that_says_on_stops_nothing(world: World, turn: Turn) -> None:
    turn("On")

    incident = stuck_queue(world).stands_in("Await Recovery")

    assert world.commands.steps() == ["look", "drain", "restart"]
    assert incident.path.count("Switched Off?") == 2, "a look needs no switch"


def test_each_command_names_its_documents_version_and_an_act_takes_one_host_at_a_time(world: World) -> None:
    stuck_queue(world, "web-1", "web-2").stands_in("Await Recovery")

    assert {sent.version for sent in world.commands.sent} == {"1"}
    assert [(sent.step, sent.rates) for sent in world.commands.sent] == [
        ("look", ("100%", "100%")),
        ("drain", ("1", "0")),
        ("restart", ("1", "0")),
    ]


def test_the_trail_of_a_cure_tells_each_step_in_order(world: World) -> None:
    incident = full_disk(world, severity="medium")
    incident.stands_in("Await Recovery").times_out()
    incident.ends()

    entries = world.trail(incident.id)

    assert [entry.what for entry in entries] == ["classified", "planned", "ran", "ran", "ran", "over", "closed"]
    assert entries[-2].facts["outcome"] == "verified"


def test_a_runbook_that_did_not_help_is_demoted_and_gives_its_host_back(world: World) -> None:
    world.commands.script("verify", Run("Failed"))
    incident = full_disk(world)
    for _ in range(3):  # as often as the runbook verifies
        incident.stands_in("Await Recovery").times_out()
    incident.stands_in("Await Acknowledgement")

    entries = world.trail(incident.id)
    assert [entry.what for entry in entries].count("paged") == 1
    assert entries[-1].what == "over"
    assert entries[-1].facts["demoted"] is True
    plan = incident.record.plan
    assert plan is not None
    state = world.remediations.state(plan.runbook_id, plan.planned_at)
    assert [run.outcome for run in state.runs] == ["failed"]
    assert state.held == [], "the page gave the host back"
    assert "did not help" in str(world.remediations.standing(plan.runbook_id).demoted)


def test_after_a_resolve_during_the_announcement_no_act_is_sent(world: World) -> None:
    def resolved_first(handler: Callable[[Any], Any], event: Any) -> Any:
        Incident(world, event["incident"]["incident_id"]).is_resolved()
        return handler(event)

    world.functions.plan("notify", resolved_first, state="Announce Remediation")

    incident = world.fires("TankEmpty", severity="low", host="web-1")
    incident.ends()

    assert world.commands.attempts == []
    assert incident.path[-3:] == ["Claim Step", "Next Move", "Close Incident"]
    assert incident.record.outcome_reason == "Resolved by ada."
