"""Tests of a table with HistoryDays=1: what an open incident, a limit or a watch needs longer is kept longer."""

from datetime import timedelta
from typing import Any, cast

import pytest

from firstline.adapters.dynamodb.heartbeats import TableHeartbeats
from firstline.adapters.dynamodb.incidents import TableIncidents
from firstline.adapters.dynamodb.remediations import TableRemediations
from firstline.adapters.dynamodb.table import Table
from firstline.classification.labels import disagreement
from firstline.incidents.heartbeats import Watch
from firstline.models import NormalizedAlert, Stance
from firstline.policy.heartbeats import Heartbeat
from firstline.remediation.limits import beginning_of
from firstline.remediation.store import NOTHING_RUNS
from tests.support.builders import NOON, a_classification, a_plan, a_record, alert
from tests.support.memory import MemoryStore


@pytest.fixture
def store() -> MemoryStore:
    return MemoryStore()


@pytest.fixture
def table(store: MemoryStore) -> Table:
    return Table(cast("Any", store.client), "memory", keep_days=1)


def test_a_run_is_kept_for_the_longest_cooldown_although_history_is_kept_for_a_day(
    store: MemoryStore, table: Table
) -> None:
    longest_cooldown = timedelta(days=7)  # that a runbook may have
    run = beginning_of(a_plan(), "inc-1", NOTHING_RUNS, NOON).run
    TableRemediations(table).keep_shadow(run)
    store.client.expire((NOON + longest_cooldown).timestamp())
    assert TableIncidents(table).runs_since(run.runbook_id, NOON) == [run]


def test_pagerduty_leads_to_an_incident_that_is_open_for_months(store: MemoryStore, table: Table) -> None:
    incidents, months_later = TableIncidents(table), NOON + timedelta(days=200)
    incidents.remember_page("PD1", "inc-1", NOON)
    incidents.take_in_order("PD1", "acknowledged", NOON, NOON)
    store.client.expire(months_later.timestamp())
    assert incidents.incident_paged_as("PD1") == "inc-1"
    assert not incidents.remember_page("PD2", "inc-1", months_later), "PD1 is not over"
    assert not incidents.take_in_order("PD1", "resolved", NOON - timedelta(minutes=1), months_later), (
        "a later word is known"
    )


def test_a_model_is_judged_for_a_year_by_an_incident_that_was_open_for_days(store: MemoryStore, table: Table) -> None:
    high, low = Stance(severity="high"), Stance(severity="low")
    judged = a_classification(without_model=high, model_says=low, model="m", prompt_version="8")
    record = a_record(classification=judged, outcome="resolved")
    ended = record.incident.opened_at + timedelta(days=3)
    record = record.model_copy(update={"closed_at": ended})
    found = disagreement(record)
    assert found is not None
    TableIncidents(table).save_disagreement(record, found)
    store.client.expire((ended + timedelta(days=365)).timestamp())
    assert TableIncidents(table).disagreements() == [found], "a model may take a year to earn its say"


@pytest.mark.parametrize("required", [False, True])
def test_a_heartbeat_that_is_absent_for_days_is_told_each_day_until_it_is_back(
    store: MemoryStore, table: Table, required: bool
) -> None:
    every = timedelta(days=1)
    declared = Heartbeat(id="nightly", match={"alert_name": "Nightly"}, reason="r", every=every, required=required)
    beat, told = alert(alert_name="Nightly"), list[NormalizedAlert]()
    watch = Watch(lambda: [declared], TableHeartbeats(table), lambda alerts, now: told.extend(alerts))
    if not required:
        watch.heartbeats.beat(beat, NOON)
    for minute in range(0, 9 * 24 * 60, 5):
        now = NOON + timedelta(minutes=minute)
        store.client.expire(now.timestamp())
        watch.look(now)
    watch.heartbeats.beat(beat, now)
    watch.look(now)
    # Absent once it is silent for twice the day that it may take: it is told on each of the days 2 to 8.
    assert [said.status for said in told] == ["firing"] * 7 + ["resolved"]
    assert len({said.fingerprint for said in told}) == 1
