"""Reconcile: the pages that it sends, how often it looks at incidents, and that one failure stops nothing else."""

import itertools
import json
from dataclasses import replace
from datetime import datetime

import pytest

from firstline.errors import (
    HistoryUnavailable,
    MetricsUnavailable,
)
from firstline.incidents.lifecycle import ExecutionState
from firstline.incidents.reconcile import MOST_LIVES, MOST_RECORDS, SCHEDULES_BEGIN_WITHIN
from firstline.models import Hold, Incident, IncidentRecord, Page
from firstline.observability import metrics
from tests.support.builders import a_classification, alert, at
from tests.support.changes import joining
from tests.support.memory import passing
from tests.support.reconciling import CRITICAL, Instead, World, counted


@pytest.fixture
def world() -> World:
    return World()


# --- pages ------------------------------------------------------------------------------------------------------------


def test_an_incident_below_paging_severity_is_left_alone(world: World) -> None:
    world.opens(severity="medium")

    world.minutes(1, 60)

    assert world.pages == 0
    assert world.executions.started == []


def test_an_unpaged_critical_is_paged_after_five_minutes_and_then_once_a_round(world: World) -> None:
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


def test_the_time_until_the_page_counts_from_the_first_critical_however_many_join(world: World) -> None:
    incident = world.opens(severity="low", started=True)
    for minute in range(1, 7):
        world.joins(incident, minute, severity="critical")
        world.run(minute + 0.9)

    assert world.pages == 1, "after minute 6, five after the first critical"


def test_an_incident_that_is_written_more_often_than_each_minute_is_looked_at(world: World) -> None:
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


def test_an_incident_that_cannot_be_repaired_keeps_no_other_from_being_paged(world: World) -> None:
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


def test_an_incident_that_cannot_be_repaired_is_tried_less_and_less_often(world: World) -> None:
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


# --- bounds -----------------------------------------------------------------------------------------------------------


def test_an_idle_incident_costs_one_look_in_ten_minutes_and_no_write(world: World) -> None:
    incident = world.opens(severity="medium", awaiting="resolution")
    world.store.incidents.mark_shown(incident, world.live(incident).version)
    world.minutes(1, 20)
    written = world.store.client.write_units.total()
    world.executions.described.clear()

    world.minutes(21, 40)

    assert len(world.executions.described) == 2
    assert world.store.client.write_units.total() == written


def test_an_incident_that_rests_is_not_read(world: World) -> None:
    incident = world.opens(severity="medium", awaiting="resolution")
    world.store.incidents.mark_shown(incident, world.live(incident).version)
    world.minutes(1, 3)
    read = world.store.client.requests["batch_get_item"]

    world.minutes(4, 9)

    assert world.store.client.requests["batch_get_item"] == read


def test_an_alert_that_joins_or_an_acknowledgement_ends_an_incidents_rest(world: World) -> None:
    incident = world.opens(severity="medium", awaiting="resolution")
    world.store.incidents.mark_shown(incident, world.live(incident).version)
    world.minutes(1, 4)
    world.executions.described.clear()

    world.joins(incident, 4.5, severity="low")
    world.run(5)
    assert len(world.executions.described) == 1
    world.store.incidents.acknowledge(incident.incident_id, "ada", at(5.5))
    world.run(6)

    assert len(world.executions.described) == 2


def test_a_second_write_with_the_same_due_time_ends_an_incidents_rest(world: World) -> None:
    incident = world.opens(severity="low", awaiting="resolution")
    world.joins(incident, 1, severity="low")
    world.run(1.1)
    world.executions.described.clear()
    given = alert(fingerprint="the-second", timestamp=at(1), group_key=incident.group_key, severity="low")
    world.store.groups.apply(joining(world.live(incident), given, now=at(1)))

    world.run(2.1)

    assert len(world.executions.described) == 1


@pytest.mark.parametrize("judged_at", [0.5, 3.5], ids=["before its due time", "after"])
def test_a_verdict_that_pages_ends_an_incidents_rest(world: World, judged_at: float) -> None:
    incident = world.opens(severity="medium", awaiting="resolution")
    world.store.incidents.mark_shown(incident, world.live(incident).version)
    world.run(0.1)
    world.minutes(1, int(judged_at))
    verdict = a_classification(severity="critical")
    world.store.incidents.judge(incident, 1, verdict, at(judged_at), seen=world.live(incident))

    # Then the page for which nothing else happens is overdue after five minutes.
    world.minutes(int(judged_at) + 1, int(judged_at) + 6)

    assert world.pages == 1


@pytest.mark.parametrize("held", [False, True], ids=["pages", "holds"])
def test_a_verdict_ends_the_rest_that_began_while_it_was_formed(world: World, *, held: bool) -> None:
    incident = world.opens(severity="medium", awaiting="resolution")
    world.store.incidents.mark_shown(incident, world.live(incident).version)
    world.run(0.1)
    # Reconcile finds nothing due at minute 1, while the verdict is formed on what was read before.
    seen = world.live(incident)
    world.run(1.1)
    hold = Hold(by="silence", id="s-1", reason="Silenced.", until=at(3), seconds=120) if held else None
    verdict = a_classification(severity="critical").model_copy(update={"hold": hold})
    world.store.incidents.judge(incident, 1, verdict, at(0.9), seen=seen)
    world.executions.described.clear()

    world.run(2)

    assert world.executions.described == [incident.incident_id]


def claims_a_page(world: World, incident: Incident) -> None:
    """Judge an incident critical and claim its first page, which then never goes out."""
    incidents = world.store.incidents
    incidents.judge(incident, 1, a_classification(severity="critical"), at(0.2), seen=world.live(incident))
    page = Page(level=0, on_call="primary", delivered_to=[], acknowledge_within_seconds=300)
    assert incidents.claim_page(incident, page, at(1.3), at(0.3), seen=world.live(incident))


def test_a_page_that_is_claimed_while_its_incident_rests_and_never_goes_out_is_resumed(world: World) -> None:
    incident = world.opens(severity="medium", awaiting="resolution")
    world.store.incidents.mark_shown(incident, world.live(incident).version)
    world.run(0.1)
    claims_a_page(world, incident)

    world.minutes(1, 7)

    assert world.pages == 1


def test_a_page_that_is_claimed_while_a_run_postpones_its_incident_and_never_goes_out_is_resumed(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("firstline.incidents.reconcile_memory.MOST", 0)  # no incident rests: each is postponed
    incident = world.opens(severity="medium", awaiting="resolution")
    world.store.incidents.mark_shown(incident, world.live(incident).version)
    world.store.meanwhile["postpone"] = lambda: claims_a_page(world, incident)
    world.run(0.1)

    world.minutes(1, 7)

    assert world.pages == 1


def test_incidents_beyond_the_most_that_rest_are_postponed_in_the_table(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("firstline.incidents.reconcile_memory.MOST", 2)
    for number in range(5):
        world.opens(group_key=f"group-{number}", severity="medium")

    world.minutes(1, 12)

    # In twelve minutes each of the five is looked at twice; three of them do not rest.
    assert world.store.calls.count("postpone") == 3 * 2
    assert len(world.executions.described) == 5 * 2


def test_incidents_that_a_run_has_no_time_for_are_looked_at_by_the_next_run(world: World) -> None:
    for number in range(5):
        world.opens(group_key=f"group-{number}", **CRITICAL)
    world.each_page_takes = 15.0

    world.run(6)
    assert world.pages == 3, "a run begins no page after 38 seconds"
    world.run(7)

    assert world.pages == 5


def test_a_run_reads_no_more_records_than_live_halves() -> None:
    assert MOST_RECORDS <= MOST_LIVES


def test_overdue_pages_come_before_messages_that_are_out_of_date(world: World) -> None:
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


def test_on_call_schedules_are_copied_only_by_a_run_that_has_the_time(world: World) -> None:
    looked: list[datetime] = []
    world.reconciler = replace(world.reconciler, on_call=looked.append)
    world.opens(**CRITICAL)
    world.each_page_takes = SCHEDULES_BEGIN_WITHIN + 2

    world.run(6)
    assert (world.pages, looked) == (1, []), "the page took the time of this run"
    world.run(7)

    assert looked == [at(7)]


def test_each_run_looks_at_throttles_and_goes_on_if_that_fails(world: World) -> None:
    looked: list[datetime] = []

    def look(now: datetime) -> None:
        looked.append(now)
        raise MetricsUnavailable("no answer")

    world.reconciler = replace(world.reconciler, throttles=look)
    world.run(6, 7)

    assert looked == [at(6), at(7)]


# --- the index, the heartbeat, the topic ------------------------------------------------------------------------------


def test_a_closed_incident_that_is_still_listed_as_open_is_taken_off_the_list(world: World) -> None:
    incident = world.opens(severity="low")
    # Half of a close: the live half says CLOSED, and the list of open incidents still has the incident.
    pk, sk = f"GROUP#{incident.group_key}", "LIVE"
    world.store.table.update(
        pk, sk, "SET #s = :closed REMOVE due_pk, due_sk", {":closed": "CLOSED"}, names={"#s": "status"}
    )

    world.minutes(1, 10)

    assert list(world.store.incidents.open_records()) == []
    assert counted("IndexRepaired") == 1


def test_rules_that_cannot_be_read_do_not_stop_pages_and_counts(world: World) -> None:
    world.opens(**CRITICAL)
    world.rules_are_broken = True

    world.run(6)

    assert world.pages == 1
    assert counted("OpenIncidents") == 1


def test_a_run_without_a_table_fails_and_is_counted(world: World) -> None:
    world.store.down = True

    with pytest.raises(HistoryUnavailable):
        world.run(1)

    assert counted("ReconcileFailed") == 1


def test_while_nothing_happens_no_metric_is_sent(world: World) -> None:
    """Run without any incident: each metric that is sent costs as much as three alarms."""
    for minute in range(12):
        world.run(minute)

    assert metrics.metric_set == {}


def test_the_input_of_an_execution_depends_on_the_opened_incident_alone(world: World) -> None:
    """Compare the input before and after changes, because a second start must send the same bytes."""
    incident = world.opens(severity="low")
    before = world.ended(incident)["input"]
    world.joins(incident, 1, severity="critical")
    world.store.incidents.acknowledge(incident.incident_id, "ada", at(2))
    record = world.store.records[incident.incident_id]

    assert world.ended(record.incident)["input"] == before
    assert json.loads(before)["generation"] == 1
