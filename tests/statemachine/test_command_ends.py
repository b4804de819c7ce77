"""The end of a command: EventBridge tells it before the execution waits, while it waits, twice, or never.

None of that changes what is sent, and a command costs the same transitions however long it takes.
"""

import pytest

from tests.bench.transitions import INCIDENT, PATHS
from tests.statemachine.incident import Incident
from tests.statemachine.run_command import End, Run
from tests.statemachine.world import World
from tests.template.machine import Machine


def full_disk(world: World, severity: str = "high") -> Incident:
    """Fire an alert about a full disk on web-1; its runbook looks, and then acts."""
    return world.fires("ScratchFull", severity=severity, host="web-1", labels={"mountpoint": "/scratch"})


def resolve(world: World) -> None:
    """Resolve the alert about the full disk."""
    world.resolves("ScratchFull", severity="high", host="web-1", labels={"mountpoint": "/scratch"})


def most(path: str) -> int:
    """Return the number of transitions that the benchmark promises for a path."""
    return Machine.load(INCIDENT).fewest_transitions(*PATHS[path][0])


@pytest.mark.parametrize("end", ["heard", "early", "twice"])
def test_a_remediation_costs_what_is_promised_however_the_ends_of_its_commands_are_told(world: World, end: End) -> None:
    world.commands.script("find-biggest", Run(end=end))
    world.commands.script("free-space", Run(end=end))
    incident = full_disk(world).stands_in("Await Recovery")
    resolve(world)
    incident.ends()

    assert world.commands.steps() == ["find-biggest", "free-space"]
    assert [sent.reads for sent in world.commands.sent] == [1, 1]
    assert len(incident.transitions) == most("a look and an act, the alert resolves") == 22


def test_a_remediation_whose_verification_holds_costs_what_is_promised(world: World) -> None:
    incident = full_disk(world, severity="medium")
    incident.stands_in("Await Recovery").times_out()
    incident.ends()

    assert incident.record.outcome == "auto_resolved"
    assert len(incident.transitions) == most("a look and an act, the verification holds") == 28


def test_a_command_whose_end_is_not_told_is_read_once_its_time_is_over(world: World) -> None:
    world.commands.script("find-biggest", Run(end="lost"))
    world.commands.script("free-space", Run(end="lost"))
    incident = full_disk(world)
    waited = []
    for _ in range(2):
        waited.append(incident.stands_in("Await Step").time_out_seconds)
        incident.times_out()
    plan = incident.stands_in("Await Recovery").record.plan
    assert plan is not None
    for_delivery = 75  # the minute that Systems Manager has to reach a host, and some seconds for the event
    assert waited == [for_delivery + step.timeout_seconds for step in plan.steps]
    resolve(world)
    incident.ends()

    assert [sent.reads for sent in world.commands.sent] == [1, 1]
    assert len(incident.transitions) == most("a look and an act, the alert resolves")


def test_an_end_that_is_told_after_its_command_was_read_changes_nothing(world: World) -> None:
    world.commands.script("find-biggest", Run(end="lost"))
    incident = full_disk(world).stands_in("Await Step")
    incident.times_out()
    incident.stands_in("Await Recovery")

    world.commands.tell_end(world.commands.newest)
    world.commands.tell_end(next(iter(world.commands.sent)).command_id)

    assert incident.path[-1] == "Await Recovery"
    assert world.commands.steps() == ["find-biggest", "free-space"]


def test_while_the_table_cannot_take_the_token_the_command_is_polled(world: World) -> None:
    world.aws.conflicts("COMMAND#", 1_000)  # each write of a token
    world.commands.script("free-space", Run(unfinished_reads=2))
    incident = full_disk(world).stands_in("Await Recovery")

    assert world.commands.steps() == ["find-biggest", "free-space"]
    assert [sent.reads for sent in world.commands.sent] == [1, 3]
    assert incident.path.count("Wait") == 2


def test_the_end_of_a_command_that_is_not_ours_moves_no_incident(world: World) -> None:
    incident = full_disk(world).stands_in("Await Recovery")
    before = incident.path
    world.functions.call("reconcile", ended("not-ours"))

    assert incident.path == before


def ended(command_id: str) -> dict[str, object]:
    """Return Systems Manager's event about a command that was sent by somebody else."""
    return {
        "detail-type": "EC2 Command Status-change Notification",
        "detail": {"command-id": command_id, "document-name": "Mine", "status": "Success"},
    }
