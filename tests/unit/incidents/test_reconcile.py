"""Reconcile: what everything else may have missed, against the real store in memory."""

import itertools
import json
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any

import pytest

from firstline.adapters.dynamodb.open_incidents import count_open
from firstline.channels.delivery import Channel
from firstline.contracts import ExecutionInput
from firstline.errors import (
    ChannelFailed,
    ConfigurationError,
    ExecutionsUnavailable,
    HistoryUnavailable,
)
from firstline.incidents.lifecycle import ExecutionState
from firstline.incidents.reconcile import MOST_LIVES, MOST_RECORDS, Reconciler
from firstline.models import Hold, Incident, IncidentRecord, Live, NormalizedAlert
from firstline.observability import metrics
from firstline.people.page import overdue, page_on_call
from firstline.people.show import show_again
from firstline.policy.paging import ONLY_THE_TOPIC
from tests.support.builders import a_classification, a_plan, alert, at, open_for
from tests.support.changes import ending, joining, stored
from tests.support.memory import MemoryChannel, MemoryStore, passing

CRITICAL: dict[str, Any] = {"severity": "critical"}


class Executions:
    """Step Functions: which executions run, and what they were told."""

    def __init__(self) -> None:
        self.states: dict[tuple[str, int], ExecutionState] = {}
        self.failed: list[str] = []
        self.started: list[tuple[str, int]] = []
        self.told: list[str] = []
        self.waiting = True
        self.down = False

    def start(self, incident: Incident, generation: int) -> None:
        self._reach()
        self.started.append((incident.incident_id, generation))
        self.states.setdefault((incident.incident_id, generation), "RUNNING")

    def signal(self, token: str, signal: str, by: str) -> bool:
        self._reach()
        self.told.append(signal)
        return self.waiting

    def describe(self, incident_id: str, generation: int) -> ExecutionState:
        self._reach()
        return self.states.get((incident_id, generation), "UNKNOWN")

    def failed_since(self, since: datetime) -> list[str]:
        self._reach()
        return self.failed

    def _reach(self) -> None:
        if self.down:
            raise ExecutionsUnavailable("throttled")


class World:
    """The store, Step Functions and the channels. Time is in minutes after noon."""

    def __init__(self) -> None:
        self.store = MemoryStore()
        self.executions = Executions()
        self.topic = MemoryChannel(wakes="again")
        self.slack = MemoryChannel(wakes="never")
        self.hold_is_over: str | None = None
        self.rules_are_broken = False
        self.seconds = 0.0
        self.each_page_takes = 0.0
        self.reconciler = Reconciler(
            incidents=self.store.incidents,
            executions=self.executions,
            topic=self.topic,
            page_after=timedelta(minutes=5),
            page=self._page,
            show=self._show,
            hold_over=lambda incident_id, now: self.hold_is_over,
            count_open=lambda: count_open(self.store.table),
            watch=self._watch,
            clock=lambda: self.seconds,
        )

    @property
    def channels(self) -> dict[str, Channel]:
        return {"sns": self.topic, "slack": self.slack}

    def opens(self, minutes: float = 0, *, started: bool = True, awaiting: str | None = None, **what: Any) -> Incident:
        """Open an incident, as ingest does; its execution runs, has judged it, and waits if told so."""
        given = alert(timestamp=at(minutes), **what)
        opened = open_for(self.store.groups, given, now=at(minutes))
        if started:
            self.executions.states[opened.incident_id, 1] = "RUNNING"
            verdict = a_classification(severity=given.severity, runbook_id=None)
            live = self.live(opened)
            self.store.incidents.judge(opened, 1, verdict, at(minutes), seen=live)
        if awaiting is not None:
            self.store.change(opened.incident_id, awaiting=awaiting, task_token="token")
        return opened

    def joins(self, incident: Incident, minutes: float, **what: Any) -> NormalizedAlert:
        given = alert(fingerprint=f"joined-{minutes}", timestamp=at(minutes), group_key=incident.group_key, **what)
        self.store.groups.apply(joining(self.live(incident), given, now=at(minutes)))
        return given

    def ends(self, incident: Incident, minutes: float, given: NormalizedAlert | None = None) -> None:
        firing = stored(given or incident.alert, incident, incident.opened_at)
        self.store.groups.apply(ending(incident, firing, now=at(minutes)))

    def live(self, incident: Incident) -> Live:
        live = self.store.incidents.live(incident.group_key)
        assert live is not None
        return live

    def run(self, *minutes: float) -> None:
        metrics.clear_metrics()
        for minute in minutes:
            self.reconciler.run(at(minute))

    def minutes(self, begin: int, end: int) -> None:
        self.run(*range(begin, end + 1))

    def ended(self, incident: Incident, generation: int = 1, status: str = "FAILED") -> dict[str, Any]:
        """Step Functions' event about the end of an execution."""
        self.executions.states[incident.incident_id, generation] = "ENDED"
        given = ExecutionInput(incident=incident, generation=generation).model_dump_json()
        return {"name": incident.incident_id, "status": status, "input": given}

    @property
    def pages(self) -> int:
        return len([told for told in self.topic.told if told.kind == "paged"])

    def _page(self, record: IncidentRecord, reason: str, now: datetime) -> None:
        self.seconds += self.each_page_takes
        page_on_call(
            overdue(record, reason),
            policy=ONLY_THE_TOPIC,
            channels=self.channels,
            incidents=self.store.incidents,
            now=now,
            on_call=lambda level: None,
            must_claim=True,
        )

    def _show(self, record: IncidentRecord, now: datetime) -> bool:
        return show_again(record, channels=self.channels, incidents=self.store.incidents, now=now)

    def _watch(self, now: datetime) -> None:
        if self.rules_are_broken:
            raise ConfigurationError("rules.yaml: is not YAML")


def counted(name: str) -> float:
    found: Sequence[float] = metrics.metric_set.get(name, {}).get("Value", [])
    return sum(found)


@pytest.fixture
def world() -> World:
    return World()


# --- pages ------------------------------------------------------------------------------------------------------------


def test_an_incident_below_paging_severity_is_left_alone(world: World) -> None:
    world.opens(severity="medium")

    world.minutes(1, 60)

    assert world.pages == 0
    assert world.executions.started == []


def test_a_critical_that_nobody_was_paged_for_is_paged_in_time_and_once_a_round(world: World) -> None:
    incident = world.opens(**CRITICAL)

    world.minutes(1, 4)
    assert world.pages == 0
    world.minutes(5, 10)
    assert world.pages == 1
    assert counted("PagedByReconcile") == 1
    # Nobody answers for fifteen minutes, and the execution does not page again within five more.
    world.minutes(11, 24)
    assert world.pages == 1
    world.minutes(25, 26)
    assert world.pages == 2
    assert [page.seq for page in world.store.records[incident.incident_id].pages] == [1, 2]


def test_an_acknowledged_critical_is_not_paged(world: World) -> None:
    incident = world.opens(**CRITICAL)
    world.store.incidents.acknowledge(incident.incident_id, "ada", at(1))

    world.minutes(1, 60)

    assert world.pages == 0


def test_the_time_begins_with_the_first_critical_however_often_more_join(world: World) -> None:
    incident = world.opens(severity="low", started=True)
    for minute in range(1, 30):
        world.joins(incident, minute, severity="critical")
        world.run(minute + 0.9)
        if world.pages:
            break

    assert minute <= 6


def test_what_is_written_more_often_than_each_minute_is_looked_at_all_the_same(world: World) -> None:
    incident = world.opens(**CRITICAL)
    for minute in range(1, 8):
        for part in range(1, 6):
            world.joins(incident, minute + part / 6, severity="low")
        world.run(minute + 0.9)

    assert world.pages == 1


def test_two_runs_at_the_same_moment_page_once(world: World) -> None:
    incident = world.opens(**CRITICAL)
    world.store.meanwhile["claim_page"] = lambda: world.reconciler.run(at(6))

    world.run(6)

    assert world.pages == 1
    assert world.live(incident).paged_seq == 1


def test_a_page_that_nobody_took_is_tried_again_each_minute(world: World) -> None:
    world.opens(**CRITICAL)
    world.topic.failures = [passing() for _ in range(8)]  # each page is tried twice

    world.minutes(5, 7)
    assert world.pages == 0
    assert counted("ReconcileFailed") == 3
    world.minutes(8, 9)

    assert world.pages == 1


def test_a_page_whose_record_failed_is_not_sent_again_while_it_rings(world: World) -> None:
    world.opens(**CRITICAL)
    world.store.faults["finish_page"] = HistoryUnavailable("throttled")
    world.run(5)
    del world.store.faults["finish_page"]

    world.minutes(6, 9)

    assert world.pages == 1


def test_one_incident_that_resists_keeps_no_other_from_being_paged(world: World) -> None:
    world.opens(**CRITICAL)
    other = world.opens(group_key="group-2", **CRITICAL)
    read = world.store.incidents.record

    def record(incident_id: str) -> IncidentRecord | None:
        if incident_id != other.incident_id:
            raise KeyError("a bug that only this record meets")
        return read(incident_id)

    object.__setattr__(world.reconciler, "incidents", Instead(world.store.incidents, record=record))
    world.minutes(5, 6)

    assert [told.record.incident.incident_id for told in world.topic.told] == [other.incident_id]
    assert counted("ReconcileFailed") > 0


def test_an_incident_that_resists_is_tried_less_and_less_often(world: World) -> None:
    incident = world.opens(severity="low", awaiting="resolution")
    tried: list[int] = []
    minute = 0

    def describe(incident_id: str, generation: int) -> ExecutionState:
        tried.append(minute)
        raise KeyError("a bug")

    object.__setattr__(world.reconciler, "executions", Instead(world.executions, describe=describe))
    for minute in range(1, 41):
        world.run(minute)

    assert [late - early for early, late in itertools.pairwise(tried)] == [1, 2, 4, 8, 10, 10]
    assert world.live(incident).open


class Instead:
    """A port with some of its methods replaced."""

    def __init__(self, port: object, **methods: Callable[..., Any]) -> None:
        self._port, self._methods = port, methods

    def __getattr__(self, name: str) -> Any:
        return self._methods.get(name) or getattr(self._port, name)


# --- executions -------------------------------------------------------------------------------------------------------


def test_an_execution_that_was_never_started_is_started(world: World) -> None:
    incident = world.opens(started=False)

    world.run(0.3)
    assert world.executions.started == []
    world.run(1.29)

    assert world.executions.started == [(incident.incident_id, 1)]
    assert counted("StartedByReconcile") == 1


def test_one_that_runs_and_has_judged_nothing_yet_is_left_alone(world: World) -> None:
    incident = world.opens(started=False)
    world.executions.states[incident.incident_id, 1] = "RUNNING"

    world.minutes(1, 20)

    assert world.executions.started == []


@pytest.mark.parametrize("awaiting", [None, "acknowledgement", "resolution"])
@pytest.mark.parametrize("state", ["ENDED", "UNKNOWN"])
def test_an_execution_that_ended_while_its_incident_is_open_is_succeeded(
    world: World, awaiting: str | None, state: ExecutionState
) -> None:
    incident = world.opens(severity="low", awaiting=awaiting)
    world.executions.states[incident.incident_id, 1] = state

    world.minutes(1, 10)

    assert world.executions.started == [(incident.incident_id, 2)]
    live = world.live(incident)
    assert (live.generation, live.task_token, live.awaiting) == (2, None, None)
    assert counted("RestartedByReconcile") == 1


def test_a_successor_that_could_not_be_started_is_started_next(world: World) -> None:
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


def test_executions_that_end_again_and_again_are_succeeded_less_and_less_often(world: World) -> None:
    incident = world.opens(severity="low")
    for minute in range(1, 61):
        for generation in range(1, 61):
            world.executions.states[incident.incident_id, generation] = "ENDED"
        world.run(minute)

    assert 5 <= world.live(incident).generation <= 11


@pytest.mark.parametrize("status", ["SUCCEEDED", "FAILED", "ABORTED", "TIMED_OUT"])
def test_the_event_about_an_end_starts_the_successor_at_once(world: World, status: str) -> None:
    incident = world.opens(severity="low", awaiting="resolution")

    assert world.reconciler.mend(world.ended(incident, status=status), at(0.5)) is True

    assert world.executions.started == [(incident.incident_id, 2)]
    # EventBridge may say it twice.
    assert world.reconciler.mend(world.ended(incident, status=status), at(0.6)) is False


def test_the_end_of_an_older_execution_or_of_a_closed_incident_means_nothing(world: World) -> None:
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
    world.executions.failed = ["unknown", incident.incident_id]

    world.run(2)

    assert world.executions.started == [(incident.incident_id, 2)]


def test_step_functions_out_of_reach_keeps_nobody_from_being_paged(world: World) -> None:
    world.opens(**CRITICAL)
    world.executions.down = True

    world.run(6)

    assert world.pages == 1
    assert counted("Heartbeat") == 1


# --- signals ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("awaiting", ["hold", "recovery", "acknowledgement", "resolution"])
def test_an_execution_that_waits_although_nothing_fires_is_told(world: World, awaiting: str) -> None:
    incident = world.opens(severity="low", awaiting=awaiting)
    world.ends(incident, 1)

    world.run(2)

    assert world.executions.told == ["ended"]
    assert counted("ToldByReconcile") == 1


def test_one_that_waits_for_quiet_although_something_fires_is_told(world: World) -> None:
    world.opens(severity="low", awaiting="quiet")

    world.run(2)

    assert world.executions.told == ["joined"]


def test_one_that_waits_for_an_acknowledgement_that_came_is_told(world: World) -> None:
    incident = world.opens(awaiting="acknowledgement", **CRITICAL)
    world.run(1)
    assert world.executions.told == []
    world.store.incidents.acknowledge(incident.incident_id, "ada", at(2))

    world.run(3)

    assert world.executions.told == ["acknowledged"]


def test_one_that_a_person_resolved_is_told(world: World) -> None:
    incident = world.opens(severity="low", awaiting="resolution")
    world.store.incidents.resolve(incident.incident_id, "ada", at(2))

    world.run(3)

    assert world.executions.told == ["resolved"]


def test_a_resolve_that_did_not_know_of_what_joined_is_no_reason_to_wake(world: World) -> None:
    incident = world.opens(severity="low", awaiting="resolution")
    world.store.incidents.resolve(incident.incident_id, "ada", at(2), seen=1)
    world.joins(incident, 3, severity="low")

    world.run(4)

    assert world.executions.told == []


def test_an_approval_that_the_execution_missed_is_told(world: World) -> None:
    incident = world.opens(awaiting="resolution", **CRITICAL)
    world.store.incidents.acknowledge(incident.incident_id, "ada", at(0.5))
    plan = a_plan(decision="approve")
    world.store.change(incident.incident_id, plan=plan, plan_digest=plan.digest())
    world.run(1)
    assert world.executions.told == []

    world.store.change(incident.incident_id, decision="approved", decided_by="ada", decided_at=at(2))
    world.minutes(2, 11)
    assert "approved" in world.executions.told


def test_an_approval_that_was_acted_on_is_not_told_again(world: World) -> None:
    incident = world.opens(awaiting="resolution", **CRITICAL)
    plan = a_plan(decision="approve")
    world.store.incidents.acknowledge(incident.incident_id, "ada", at(0.5))
    world.store.change(
        incident.incident_id, plan=plan, plan_digest=plan.digest(), decision="approved", decided_at=at(1)
    )
    world.store.change(incident.incident_id, acted_at=at(1))

    world.minutes(2, 12)

    assert world.executions.told == []


def test_a_wait_that_is_over_already_is_no_error(world: World) -> None:
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


def test_an_incident_on_hold_waits(world: World) -> None:
    held(world)

    world.minutes(1, 29)

    assert world.pages == 0
    assert world.executions.told == []


def test_a_hold_that_nothing_gives_reason_for_any_more_is_ended(world: World) -> None:
    incident = held(world)
    world.hold_is_over = "nothing holds DiskFull any more"

    world.run(2)

    assert world.live(incident).hold_ended_because == "nothing holds DiskFull any more"
    assert world.executions.told[0] == "go on"
    assert counted("HoldEndedByReconcile") == 1


def test_an_execution_that_sleeps_through_the_end_of_its_hold_is_told_and_its_person_paged(world: World) -> None:
    held(world, until=10)

    world.minutes(1, 16)

    assert "go on" in world.executions.told
    assert world.pages == 1


# --- messages ---------------------------------------------------------------------------------------------------------


def test_what_joined_is_shown_once(world: World) -> None:
    incident = world.opens(severity="medium", awaiting="resolution")
    world.store.incidents.mark_shown(incident, world.live(incident).version)
    world.run(1)
    assert world.slack.told == []

    world.joins(incident, 2, severity="medium", host="web-2")
    world.minutes(3, 12)

    assert [(told.kind, told.reason) for told in world.slack.told] == [("changed", "Joined: medium DiskFull on web-2.")]
    assert world.topic.told == []
    assert counted("ShownByReconcile") == 1


def test_whoever_changed_it_has_half_a_minute_to_show_it(world: World) -> None:
    incident = world.opens(severity="medium", awaiting="resolution")
    world.store.incidents.mark_shown(incident, world.live(incident).version)
    world.joins(incident, 2, severity="medium")

    world.run(2.3)
    assert world.slack.told == []
    world.run(3.29)

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

    assert 5 <= world.slack.attempts <= 12


# --- bounds -----------------------------------------------------------------------------------------------------------


def test_an_idle_incident_costs_one_look_in_ten_minutes(world: World) -> None:
    incident = world.opens(severity="medium", awaiting="resolution")
    world.store.incidents.mark_shown(incident, world.live(incident).version)
    world.minutes(1, 20)
    world.store.calls.clear()

    world.minutes(21, 40)

    assert world.store.calls.count("postpone") == 2


def test_a_run_looks_at_so_many_and_the_next_one_at_the_rest(world: World) -> None:
    for number in range(5):
        world.opens(group_key=f"group-{number}", **CRITICAL)
    world.each_page_takes = 15.0

    world.run(6)
    assert world.pages == 3
    world.run(7)

    assert world.pages == 5
    assert MOST_RECORDS <= MOST_LIVES


def test_who_must_be_woken_comes_before_what_is_only_out_of_date(world: World) -> None:
    for number in range(3):
        world.opens(group_key=f"low-{number}", severity="medium", awaiting="resolution")
    world.opens(1, group_key="critical", **CRITICAL)
    world.each_page_takes = 100.0

    world.run(6)

    assert world.pages == 1
    assert {told.record.incident.group_key for told in world.slack.told} <= {"critical"}


def test_open_incidents_are_counted(world: World) -> None:
    for number in range(3):
        world.opens(group_key=f"group-{number}", severity="low")
    closed = world.opens(group_key="closed", severity="low")
    world.store.incidents.close(closed, 1, "resolved", "over", [], at(1), joined=1)

    world.run(2)

    assert counted("OpenIncidents") == 3


# --- the index, the heartbeat, the topic ------------------------------------------------------------------------------


def test_a_closed_incident_leaves_the_list_of_open_ones(world: World) -> None:
    incident = world.opens(severity="low")
    pk, sk = f"GROUP#{incident.group_key}", "LIVE"
    world.store.table.update(
        pk, sk, "SET #s = :closed REMOVE due_pk, due_sk", {":closed": "CLOSED"}, names={"#s": "status"}
    )

    world.minutes(1, 10)

    assert list(world.store.incidents.open_records()) == []
    assert counted("IndexRepaired") == 1


def test_rules_that_cannot_be_read_keep_reconcile_from_nothing_else(world: World) -> None:
    world.opens(**CRITICAL)
    world.rules_are_broken = True

    world.run(6)

    assert world.pages == 1
    assert counted("Heartbeat") == 1


def test_without_a_table_there_is_no_heartbeat(world: World) -> None:
    world.store.down = True
    with pytest.raises(HistoryUnavailable):
        world.run(1)
    assert "Heartbeat" not in metrics.metric_set
    world.store.down = False

    world.run(2)

    assert counted("Heartbeat") == 1


@pytest.mark.parametrize(("heard", "unheard"), [(True, 0), (False, 1)])
def test_a_page_topic_without_subscriber_is_reported_before_the_first_page(
    world: World, heard: bool, unheard: int
) -> None:
    world.topic.heard = heard

    world.run(1)

    assert metrics.metric_set["PageTopicUnheard"]["Value"] == [unheard]


def test_the_input_of_an_execution_depends_on_the_opened_incident_alone(world: World) -> None:
    """A second start of the same name must have the same bytes, whatever happened since."""
    incident = world.opens(severity="low")
    before = world.ended(incident)["input"]
    world.joins(incident, 1, severity="critical")
    world.store.incidents.acknowledge(incident.incident_id, "ada", at(2))
    record = world.store.records[incident.incident_id]

    assert world.ended(record.incident)["input"] == before
    assert json.loads(before)["generation"] == 1
