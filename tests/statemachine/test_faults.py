"""Faults of commands: each ends with a cure or a human, and no command is executed twice.

| fault                                   | shown in                                                       |
|-----------------------------------------|----------------------------------------------------------------|
| SendCommand's reply is lost             | test_remediation (dropped, timed out); here, before a rollback |
| SendCommand is throttled                | test_remediation (by name, nameless; for a moment, for good)   |
| SendCommand is denied                   | test_remediation (any other refusal); here, in a rollback      |
| the host is offline, Undeliverable      | here                                                           |
| a command is in progress for ever       | test_remediation; test_failures (cannot be cancelled)          |
| the agent dies after the first step     | here; really killed in integration/test_command_faults         |
| output of 10 MB                         | here; really written in integration/test_command_faults        |
| a step sleeps past its time-out         | here; really slept in integration/test_command_faults          |
| the verification flaps                  | here                                                           |
| the alert resolves while a command runs | test_races (a step, the verification); here, in a rollback     |
| the approver answers twice              | here; fifty at once in integration/test_approvals              |
"""

from collections import Counter

import pytest

from tests.statemachine.incident import Incident
from tests.statemachine.run_command import NEVER, Run
from tests.statemachine.test_remediation import FAILED, full_disk, stuck_queue, tried
from tests.statemachine.world import World

DELIVERY = ["Undeliverable", "Delivery Timed Out", "Invalid Platform"]
"""The ends of an invocation on a host that never ran anything."""


def executed_at_most_once(world: World) -> None:
    """Repeat only a verification, because it changes nothing."""
    counts = Counter(sent.step for sent in world.commands.sent if sent.step != "verify")
    assert max(counts.values(), default=0) <= 1, counts


def ends_with_a_human(world: World, incident: Incident) -> str:
    """Return the text of the only page."""
    incident.stands_in("Await Acknowledgement")
    executed_at_most_once(world)
    (page,) = world.told("pagerduty")
    return f"{page.text}\n{page.raw}"


def ends_cured(world: World, incident: Incident) -> None:
    """Assert that the incident is closed and nobody was paged."""
    assert incident.ends()[-1] == "Close Incident"
    executed_at_most_once(world)
    assert incident.record.outcome == "auto_resolved"
    assert world.woken() == []


@pytest.mark.parametrize("status", DELIVERY)
def test_a_host_that_cannot_be_reached_is_left_to_a_human(world: World, status: str) -> None:
    """Pass over a step that may fail; the next one meets the same host."""
    world.commands.script("find-biggest", Run(status))
    world.commands.script("free-space", Run(status))

    read = ends_with_a_human(world, full_disk(world, severity="low"))

    assert f"free-space (act) on web-1: {status}" in read


def test_the_commands_of_an_offline_host_are_cancelled_and_a_human_is_paged(world: World) -> None:
    world.commands.script("find-biggest", Run(unfinished_reads=NEVER))
    world.commands.script("free-space", Run(unfinished_reads=NEVER))

    read = ends_with_a_human(world, full_disk(world))

    assert all(sent.cancelled for sent in world.commands.sent)
    assert "Cancelled: did not end in time" in read


def test_an_agent_that_dies_after_the_first_step_is_told_with_what_was_not_undone(world: World) -> None:
    """Call a human at once when neither the second step nor its rollback answers."""
    for step in ("drain", "refill", "start-again"):
        world.commands.script(step, Run(unfinished_reads=NEVER))
    incident = stuck_queue(world)

    read = ends_with_a_human(world, incident)

    assert world.commands.steps() == ["look", "drain", "refill"]
    assert "It was not all rolled back. Failed: refill; undone: nothing; not tried: start-again." in read
    assert tried(incident)[0] == ("look", "Success")


@pytest.mark.parametrize("run", [Run(lost=True), Run(hangs=True)], ids=["dropped", "timed out"])
def test_a_lost_reply_stops_the_runbook_and_undoes_what_may_have_been_done(
    world: World, run: Run, impatient: set[str]
) -> None:
    world.commands.script("drain", run)
    if run.hangs:
        impatient.add("Run Step")

    read = ends_with_a_human(world, stuck_queue(world))

    assert world.commands.steps() == ["look", "drain", "refill", "start-again"]
    assert "Unstick a queue failed at step drain. It was rolled back." in read


@pytest.mark.parametrize("status", DELIVERY[:2])
def test_a_rollback_does_not_go_on_at_a_host_that_is_gone(world: World, status: str) -> None:
    world.commands.script("drain", FAILED)
    world.commands.script("refill", Run(status))

    read = ends_with_a_human(world, stuck_queue(world))

    assert world.commands.steps() == ["look", "drain", "refill"]
    assert "Failed: refill; undone: nothing; not tried: start-again." in read


def test_a_rollback_goes_on_for_the_hosts_that_answer(world: World) -> None:
    first = world.instance_ids["web-1"]
    world.commands.script("drain", FAILED)
    world.commands.script("refill", Run(on_host={first: "Undeliverable"}))

    read = ends_with_a_human(world, stuck_queue(world, "web-1", "web-2"))

    assert world.commands.steps() == ["look", "drain", "refill", "start-again"]
    assert "Failed: refill; undone: start-again." in read


def test_a_denied_step_of_the_rollback_is_told_as_failed_with_the_refusal(world: World) -> None:
    world.commands.script("drain", FAILED)
    world.commands.script(
        "refill", Run(refusal=("AccessDeniedException", "not authorized to perform: ssm:SendCommand"))
    )

    read = ends_with_a_human(world, stuck_queue(world))

    assert world.commands.steps() == ["look", "drain", "start-again"]
    assert "It was not all rolled back. Failed: refill; undone: start-again." in read
    assert "not authorized to perform: ssm:SendCommand" in read


@pytest.mark.parametrize("status", ["Success", "Failed"])
def test_ten_megabytes_of_output_keep_the_state_below_20_kb(world: World, status: str) -> None:
    world.commands.script("free-space", Run(status, output="x" * 10_000_000))
    incident = full_disk(world, severity="medium")

    if status == "Success":
        incident.stands_in("Await Recovery").times_out()
        ends_cured(world, incident)
    else:
        ends_with_a_human(world, incident)
    assert incident.largest_data < 20_000


@pytest.mark.parametrize("status", ["Execution Timed Out", "ExecutionTimedOut"])
def test_a_step_that_sleeps_past_its_time_out_is_rolled_back_and_told(world: World, status: str) -> None:
    world.commands.script("drain", Run(status))

    read = ends_with_a_human(world, stuck_queue(world))

    assert world.commands.steps() == ["look", "drain", "refill", "start-again"]
    assert f"drain (act) on web-1: {status}" in read


def test_a_verification_that_holds_after_two_failures_proves_the_cure(world: World) -> None:
    """Repeat no act between two answers, and undo no cure."""
    world.commands.script("verify", FAILED, FAILED, Run(), FAILED)  # the fourth is never asked for
    incident = stuck_queue(world)
    for _ in range(3):
        incident.stands_in("Await Recovery").times_out()

    ends_cured(world, incident)
    assert world.commands.steps() == ["look", "drain", "restart", "verify", "verify", "verify"]


def test_a_verification_that_never_holds_on_all_hosts_at_once_proves_no_cure(world: World) -> None:
    """See no recovery where each host was sound at some moment, but never both at the same."""
    first, second = world.instance_ids["web-1"], world.instance_ids["web-2"]
    world.commands.script(
        "verify", Run(on_host={first: "Failed"}), Run(on_host={second: "Failed"}), Run(on_host={first: "Failed"})
    )
    incident = stuck_queue(world, "web-1", "web-2")
    for _ in range(3):
        incident.stands_in("Await Recovery").times_out()

    read = ends_with_a_human(world, incident)
    assert "ran, but its verification does not hold. It was rolled back." in read


def test_an_alert_that_fires_again_after_its_cure_is_left_to_a_human(world: World) -> None:
    """Let the runbook cool down, so that it does not act on the same host again and again."""
    incident = stuck_queue(world)
    incident.stands_in("Await Recovery")
    world.resolves("QueueStuck", severity="medium", host="web-1")
    ends_cured(world, incident)

    again = world.fires("QueueStuck", severity="high", host="web-1")
    again.stands_in("Await Acknowledgement")

    executed_at_most_once(world)
    assert "cools down" in world.told("pagerduty")[0].text


def test_a_rollback_is_finished_and_told_although_the_alert_resolves_during_it(world: World) -> None:
    resolve = Run(on_read=lambda: world.resolves("QueueStuck", severity="medium", host="web-1"))
    world.commands.script("drain", FAILED)
    world.commands.script("refill", resolve)
    incident = stuck_queue(world)

    assert incident.ends()[-1] == "Close Incident"

    executed_at_most_once(world)
    assert world.commands.steps() == ["look", "drain", "refill", "start-again"]
    assert "Unstick a queue failed at step drain. It was rolled back." in world.told("slack")[0].text
    assert world.woken() == [], "nothing fires any more"


@pytest.mark.parametrize("second", ["approve", "refuse"])
def test_an_approver_who_answers_twice_has_answered_once(world: World, second: str) -> None:
    incident = world.fires("CacheCold", severity="medium", host="web-1")
    incident.stands_in("Await Resolution").is_approved("ada")
    world.presses(second, incident.id)
    incident.stands_in("Await Recovery")
    world.presses(second, incident.id)

    assert incident.record.decision == "approved"
    world.resolves("CacheCold", severity="medium", host="web-1")
    incident.ends()
    assert world.commands.steps() == ["warm"]
    assert world.woken() == []


def test_an_approval_after_a_refusal_runs_nothing(world: World) -> None:
    incident = world.fires("CacheCold", severity="high", host="web-1")
    incident.stands_in("Await Acknowledgement").is_refused("ada")
    incident.stands_in("Await Acknowledgement")
    world.presses("approve", incident.id)

    assert incident.record.decision == "refused"
    assert world.commands.attempts == []
