"""Reconcile: executions that ended or missed a signal, holds that are over, and messages that are out of date."""

from dataclasses import replace
from typing import Any

import pytest

from firstline.errors import (
    ChannelFailed,
    ExecutionsUnavailable,
)
from firstline.incidents.lifecycle import BadEnd, ExecutionState
from firstline.models import Hold, Incident
from tests.support.builders import a_classification, a_plan, at
from tests.support.reconciling import CRITICAL, Instead, World, counted


@pytest.fixture
def world() -> World:
    return World()


# --- executions -------------------------------------------------------------------------------------------------------


# The seconds of two runs of reconcile: the first comes too early for half a minute, the next a little early.
TOO_EARLY, NEXT_RUN = 18 / 60, 77.4 / 60


def test_an_execution_that_ingest_did_not_start_within_half_a_minute_is_started(world: World) -> None:
    incident = world.opens(0, started=False)

    world.run(TOO_EARLY)
    assert world.executions.started == []
    world.run(NEXT_RUN)

    assert world.executions.started == [(incident.incident_id, 1)]
    assert counted("StartedByReconcile") == 1


def test_a_running_execution_without_a_verdict_is_not_started_again(world: World) -> None:
    incident = world.opens(started=False)
    world.executions.states[incident.incident_id, 1] = "RUNNING"

    world.minutes(1, 20)

    assert world.executions.started == []


@pytest.mark.parametrize("awaiting", [None, "acknowledgement", "resolution"])
@pytest.mark.parametrize("state", ["ENDED", "UNKNOWN"])
def test_an_execution_that_ended_while_its_incident_is_open_gets_a_successor(
    world: World, awaiting: str | None, state: ExecutionState
) -> None:
    incident = world.opens(severity="low", awaiting=awaiting)
    world.executions.states[incident.incident_id, 1] = state

    world.minutes(1, 10)

    assert world.executions.started == [(incident.incident_id, 2)]
    live = world.live(incident)
    assert (live.generation, live.task_token, live.awaiting) == (2, None, None)
    assert counted("RestartedByReconcile") == 1


def test_a_successor_that_could_not_be_started_is_started_by_the_next_run(world: World) -> None:
    incident = world.opens(severity="low")
    world.executions.states[incident.incident_id, 1] = "ENDED"
    start = world.executions.start

    def fails(incident: Incident, generation: int) -> None:
        raise ExecutionsUnavailable("throttled")

    object.__setattr__(world.reconciler, "executions", Instead(world.executions, start=fails))
    world.run(1)
    assert world.live(incident).generation == 2
    object.__setattr__(world.reconciler, "executions", Instead(world.executions, start=start))
    world.minutes(2, 3)

    assert world.executions.started == [(incident.incident_id, 2)]


def test_two_runs_at_the_same_moment_start_one_successor(world: World) -> None:
    incident = world.opens(severity="low")
    world.executions.states[incident.incident_id, 1] = "ENDED"
    world.store.meanwhile["begin_generation"] = lambda: world.store.incidents.begin_generation(
        world.live(incident), at(1)
    )

    world.run(1)

    assert world.live(incident).generation == 2
    assert world.executions.started == []


def test_executions_that_end_again_and_again_get_successors_less_and_less_often(world: World) -> None:
    incident = world.opens(severity="low")
    for minute in range(1, 61):
        for generation in range(1, 61):
            world.executions.states[incident.incident_id, generation] = "ENDED"
        world.run(minute)

    # Sixty would be one a minute.
    assert 5 <= world.live(incident).generation <= 11


@pytest.mark.parametrize("status", ["SUCCEEDED", "FAILED", "ABORTED", "TIMED_OUT"])
def test_the_event_about_an_end_starts_the_successor_at_once(world: World, status: str) -> None:
    incident = world.opens(severity="low", awaiting="resolution")

    assert world.reconciler.mend(world.ended(incident, status=status), at(0.5)) is True

    assert world.executions.started == [(incident.incident_id, 2)]
    # EventBridge may deliver the event twice.
    assert world.reconciler.mend(world.ended(incident, status=status), at(0.6)) is False


def test_the_end_of_an_older_execution_or_of_a_closed_incident_starts_no_successor(world: World) -> None:
    incident = world.opens(severity="low")
    detail = world.ended(incident)
    world.reconciler.mend(detail, at(1))
    started = list(world.executions.started)

    assert world.reconciler.mend(detail, at(20)) is False
    world.store.incidents.close(incident, 2, "resolved", "over", [], at(21), joined=1)
    assert world.reconciler.mend(world.ended(incident, 2, "SUCCEEDED"), at(21)) is False
    assert world.executions.started == started


@pytest.mark.parametrize("given", [None, "", "{}", "not JSON"])
def test_an_event_without_the_input_is_left_to_the_next_run(world: World, given: str | None) -> None:
    incident = world.opens(severity="low")
    detail = world.ended(incident) | {"input": given}

    assert world.reconciler.mend(detail, at(1)) is False
    world.run(1)

    assert world.executions.started == [(incident.incident_id, 2)]


def test_the_list_of_failed_executions_finds_one_that_is_not_due(world: World) -> None:
    incident = world.opens(severity="low")
    world.run(1)
    world.executions.states[incident.incident_id, 1] = "ENDED"
    names = ("unknown", incident.incident_id)
    world.executions.bad_ends = [BadEnd(name, "FAILED", at(2)) for name in names]

    world.run(2)

    assert world.executions.started == [(incident.incident_id, 2)]


def test_operators_are_told_of_stopped_executions_after_their_successors_have_started(world: World) -> None:
    incident = world.opens(severity="low")
    world.executions.states[incident.incident_id, 1] = "ENDED"
    ends = [BadEnd(incident.incident_id, "ABORTED", at(1)), BadEnd("since yesterday", "ABORTED", at(-23 * 60))]
    world.executions.bad_ends = ends
    told = list[tuple[object, object]]()
    world.reconciler = replace(
        world.reconciler, stopped=lambda ended, now: told.append((ended, [*world.executions.started]))
    )

    world.run(1)

    assert told == [(ends, [(incident.incident_id, 2)])]


@pytest.mark.parametrize("message", ["stopped", "ceiling", "throttles", "unheard"])
def test_a_message_to_operators_that_fails_does_not_stop_pages(world: World, message: str) -> None:
    called = list[str]()

    def fail(*_: object) -> None:
        called.append(message)
        raise ChannelFailed("SNS is down", retryable=True)

    world.opens(**CRITICAL)
    parts: dict[str, Any] = {message: fail}
    world.reconciler = replace(world.reconciler, **parts)

    world.run(6)

    assert called == [message]
    assert world.pages == 1
    assert counted("OpenIncidents") == 1
    # Half an hour of it raises an alarm, which CloudWatch sends.
    assert counted("ReconcileFailed") == (message in ("stopped", "ceiling"))


def test_reconcile_pages_although_step_functions_cannot_be_reached(world: World) -> None:
    world.opens(**CRITICAL)
    world.executions.down = True

    world.run(6)

    assert world.pages == 1
    assert counted("OpenIncidents") == 1


# --- signals ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("awaiting", ["hold", "recovery", "acknowledgement", "resolution"])
def test_an_execution_that_waits_although_no_alert_fires_is_woken(world: World, awaiting: str) -> None:
    incident = world.opens(severity="low", awaiting=awaiting)
    world.ends(incident, 1)

    world.run(2)

    assert world.executions.told == ["ended"]
    assert counted("ToldByReconcile") == 1


def test_an_execution_that_waits_for_quiet_although_an_alert_fires_is_woken(world: World) -> None:
    world.opens(severity="low", awaiting="quiet")

    world.run(2)

    assert world.executions.told == ["joined"]


def test_an_execution_that_waits_for_an_acknowledgement_that_came_is_woken(world: World) -> None:
    incident = world.opens(awaiting="acknowledgement", **CRITICAL)
    world.run(1)
    assert world.executions.told == []
    world.store.incidents.acknowledge(incident.incident_id, "ada", at(2))

    world.run(3)

    assert world.executions.told == ["acknowledged"]


def test_an_execution_that_missed_a_persons_resolve_is_woken(world: World) -> None:
    incident = world.opens(severity="low", awaiting="resolution")
    world.store.incidents.resolve(incident.incident_id, "ada", at(2))

    world.run(3)

    assert world.executions.told == ["resolved"]


def test_a_resolve_before_which_alerts_joined_unseen_wakes_no_execution(world: World) -> None:
    incident = world.opens(severity="low", awaiting="resolution")
    world.store.incidents.resolve(incident.incident_id, "ada", at(2), seen=1)
    world.joins(incident, 3, severity="low")

    world.run(4)

    assert world.executions.told == []


def test_an_execution_that_missed_an_approval_is_woken(world: World) -> None:
    incident = world.opens(awaiting="resolution", **CRITICAL)
    world.store.incidents.acknowledge(incident.incident_id, "ada", at(0.5))
    plan = a_plan(decision="approve")
    world.store.change(incident.incident_id, plan=plan, plan_digest=plan.digest())
    world.run(1)
    assert world.executions.told == []

    world.store.change(incident.incident_id, decision="approved", decided_by="ada", decided_at=at(2))
    world.minutes(2, 11)
    assert "approved" in world.executions.told


def test_an_approval_that_was_acted_on_wakes_no_execution(world: World) -> None:
    incident = world.opens(awaiting="resolution", **CRITICAL)
    plan = a_plan(decision="approve")
    world.store.incidents.acknowledge(incident.incident_id, "ada", at(0.5))
    world.store.change(
        incident.incident_id, plan=plan, plan_digest=plan.digest(), decision="approved", decided_at=at(1)
    )
    world.store.change(incident.incident_id, acted_at=at(1))

    world.minutes(2, 12)

    assert world.executions.told == []


def test_a_signal_that_no_execution_waits_for_is_not_counted_as_a_failure(world: World) -> None:
    incident = world.opens(severity="low", awaiting="resolution")
    world.ends(incident, 1)
    world.executions.waiting = False

    world.run(2)

    assert counted("ToldByReconcile") == 0
    assert counted("ReconcileFailed") == 0


# --- holds ------------------------------------------------------------------------------------------------------------


def held(world: World, until: float = 30) -> Incident:
    incident = world.opens(awaiting="hold", **CRITICAL)
    hold = Hold(by="silence", id="s-1", reason="because", until=at(until), seconds=60)
    verdict = a_classification(severity="critical").model_copy(update={"hold": hold})
    world.store.change(incident.incident_id, classification=verdict, held_until=at(until))
    return incident


def test_an_incident_on_hold_is_neither_paged_nor_woken(world: World) -> None:
    held(world)

    world.minutes(1, 29)

    assert world.pages == 0
    assert world.executions.told == []


def test_a_hold_whose_reason_is_gone_is_ended(world: World) -> None:
    incident = held(world)
    world.hold_is_over = "nothing holds DiskFull any more"

    world.run(2)

    assert world.live(incident).hold_ended_because == "nothing holds DiskFull any more"
    assert world.executions.told[0] == "go on"
    assert counted("HoldEndedByReconcile") == 1


def test_an_execution_that_misses_the_end_of_its_hold_is_woken_and_its_page_sent(world: World) -> None:
    held(world, until=10)

    world.minutes(1, 16)

    assert "go on" in world.executions.told
    assert world.pages == 1


# --- messages ---------------------------------------------------------------------------------------------------------


def test_an_alert_that_joined_is_shown_once(world: World) -> None:
    incident = world.opens(severity="medium", awaiting="resolution")
    world.store.incidents.mark_shown(incident, world.live(incident).version)
    world.run(1)
    assert world.slack.told == []

    world.joins(incident, 2, severity="medium", host="web-2")
    world.minutes(3, 12)

    assert [(told.kind, told.reason) for told in world.slack.told] == [("changed", "Joined: medium DiskFull on web-2.")]
    assert world.topic.told == []
    assert counted("ShownByReconcile") == 1


def test_reconcile_shows_a_change_only_after_half_a_minute(world: World) -> None:
    incident = world.opens(severity="medium", awaiting="resolution")
    world.store.incidents.mark_shown(incident, world.live(incident).version)
    world.store.incidents.acknowledge(incident.incident_id, "Ana", at(2))

    world.run(2 + TOO_EARLY)
    assert world.slack.told == []
    world.run(2 + NEXT_RUN)

    assert len(world.slack.told) == 1


def test_an_alert_that_joined_is_shown_without_that_half_minute(world: World) -> None:
    incident = world.opens(severity="medium", awaiting="resolution")
    world.store.incidents.mark_shown(incident, world.live(incident).version)
    world.joins(incident, 2, severity="medium")

    world.run(2.1)

    assert len(world.slack.told) == 1


def test_an_incident_of_which_nobody_was_told_is_not_shown(world: World) -> None:
    incident = world.opens(severity="medium")
    world.joins(incident, 2, severity="medium")

    world.minutes(3, 20)

    assert world.slack.told == []


def test_a_message_that_no_channel_takes_is_tried_less_and_less_often(world: World) -> None:
    world.opens(severity="medium", awaiting="resolution")
    world.slack.failures = [ChannelFailed("invalid_auth", retryable=False) for _ in range(100)]

    world.minutes(1, 60)

    # Sixty would be one a minute.
    assert 5 <= world.slack.attempts <= 12
