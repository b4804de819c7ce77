"""Tests of a table with HistoryDays=1: what an open incident, a limit or a watch needs longer is kept longer."""

from datetime import timedelta
from typing import Any, cast

import pytest

from firstline.adapters.dynamodb.heartbeats import TableHeartbeats
from firstline.adapters.dynamodb.table import Table
from firstline.incidents.heartbeats import Watch
from firstline.models import NormalizedAlert
from firstline.policy.heartbeats import Heartbeat
from tests.support.builders import NOON, alert
from tests.support.memory import MemoryStore


@pytest.fixture
def store() -> MemoryStore:
    return MemoryStore()


@pytest.fixture
def table(store: MemoryStore) -> Table:
    return Table(cast("Any", store.client), "memory", keep_days=1)


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
    for minute in range(0, 9 * 1_440, 5):
        now = NOON + timedelta(minutes=minute)
        store.client.expire(now.timestamp())
        watch.look(now)
    watch.heartbeats.beat(beat, now)
    watch.look(now)
    assert [said.status for said in told] == ["firing"] * 7 + ["resolved"]
    assert len({said.fingerprint for said in told}) == 1
