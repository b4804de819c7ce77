"""A storm of writes to one incident: its counts move to shards, and stay exact until the close."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from typing import Any, cast

import pytest

from firstline.adapters.dynamodb.groups import SHARDS, TableGroups
from firstline.adapters.dynamodb.table import Table
from firstline.errors import GroupChanged, HistoryUnavailable
from firstline.incidents.store import Incidents
from firstline.models import AlertWrite, Counts, Hold, Incident
from tests.integration.ports.conftest import (
    CROWD,
    Open,
    Ports,
    assert_holds_all,
    close,
    close_while_others_join,
    conflict,
    live_of,
    record_of,
    written_keys,
)
from tests.support.builders import alert, at
from tests.support.changes import ending, joining

SILENCE = Hold(by="silence", id="s-1", reason="maintenance", until=at(60), seconds=3_600)


@pytest.fixture
def contended(ports: Ports) -> TableGroups:
    return ports.contended


@pytest.fixture
def sharded(contended: TableGroups, opened: Open) -> Incident:
    """Open an incident whose counts are on shards."""
    given = opened(alert())
    contended.apply(joining(given, alert(fingerprint="fp-2", severity="high"), now=at(1)))
    return given


def test_an_alert_that_meets_a_conflict_is_counted_on_shards(
    incidents: Incidents, contended: TableGroups, opened: Open
) -> None:
    incident = opened(alert())

    contended.apply(joining(incident, alert(fingerprint="fp-2", severity="high"), now=at(1)))

    live = live_of(incidents, incident)

    assert len(live.shards) == SHARDS
    assert (live.own.joined, live.joined, live.firing, live.loud.high) == (1, 2, 2, 1)
    assert (live.last_alert_at, live.loud_since, live.due_at) == (at(1), at(1), at(2))
    assert record_of(incidents, incident).alert_count == 2


def test_each_alert_on_a_shard_is_a_change_that_the_wait_sees(
    incidents: Incidents, contended: TableGroups, sharded: Incident
) -> None:
    before = live_of(incidents, sharded).own.changes
    quiet = contended.apply(joining(sharded, alert(fingerprint="fp-3"), now=at(2)))
    loud = contended.apply(joining(sharded, alert(fingerprint="fp-4", severity="critical"), now=at(3)))
    assert (quiet.own.changes, loud.own.changes) == (before + 1, before + 2)


def test_an_alert_that_only_changes_itself_is_written_beside_a_shard(
    groups: TableGroups, incidents: Incidents, sharded: Incident
) -> None:
    views, _ = groups.read({"group-1": ["fp-1"]})
    before = views["group-1"].alerts["fp-1"]
    newer = before.model_copy(update={"began_at": at(4), "received_at": at(4)})
    change = replace(joining(sharded, alert(), now=at(4)), writes=(AlertWrite(before, newer),), adds=Counts(), new=())

    assert groups.apply(change) == live_of(incidents, sharded)

    views, _ = groups.read({"group-1": ["fp-1"]})
    assert views["group-1"].alerts["fp-1"] == newer


def test_an_alert_that_meets_no_conflict_is_counted_on_the_shards_too(groups: TableGroups, sharded: Incident) -> None:
    live = groups.apply(joining(sharded, alert(fingerprint="fp-3"), now=at(2)))
    assert (live.own.joined, live.joined) == (1, 3)


def test_an_incident_on_shards_is_closed_with_all_of_them(
    incidents: Incidents, groups: TableGroups, sharded: Incident
) -> None:
    closed = close(incidents, sharded, 5)

    assert closed == record_of(incidents, sharded)
    assert (closed.status, closed.alert_count, closed.live and closed.live.shards) == ("CLOSED", 2, ())
    with pytest.raises(GroupChanged):
        groups.apply(joining(sharded, alert(fingerprint="fp-3"), now=at(6)))
    assert not live_of(incidents, sharded).open


def test_an_incident_on_shards_is_not_closed_while_one_of_them_counts_more(
    incidents: Incidents, contended: TableGroups, sharded: Incident
) -> None:
    contended.apply(joining(sharded, alert(fingerprint="fp-3"), now=at(2)))

    assert incidents.close(sharded, 1, "resolved", "", [], at(5), joined=2) is None
    assert incidents.close(sharded, 1, "resolved", "", [], at(5), joined=None) is None

    views, _ = contended.read({"group-1": ["fp-1", "fp-2", "fp-3"]})
    live = contended.apply(ending(sharded, *views["group-1"].alerts.values(), now=at(6)))
    assert (live.joined, live.firing, live.last_end_at) == (3, 0, at(6))
    assert incidents.close(sharded, 1, "resolved", "", [], at(7), joined=None) is not None


def test_close_against_join_loses_no_alert(
    incidents: Incidents, groups: TableGroups, sharded: Incident, crowd: int
) -> None:
    taken = close_while_others_join(groups, incidents, sharded, crowd)

    assert_holds_all(incidents, sharded, 2 + taken)


def test_an_alert_on_a_shard_is_held_back_until_a_person_ends_the_hold(
    incidents: Incidents, contended: TableGroups, opened: Open
) -> None:
    incident = opened(alert(), hold=SILENCE)
    late = alert(fingerprint="fp-3", severity="critical")

    held = contended.apply(joining(incident, alert(fingerprint="fp-2", severity="high"), now=at(1), held=True))
    assert (held.joined, held.loud.high) == (2, 0)

    incidents.end_hold(incident.incident_id, "ada", at(2))

    with pytest.raises(GroupChanged):
        contended.apply(joining(incident, late, now=at(3), held=True))


def test_an_incident_on_shards_is_due_each_minute(incidents: Incidents, sharded: Incident) -> None:
    (due,) = incidents.due(at(2), 10)
    incidents.postpone(due, at(30))
    assert live_of(incidents, sharded).due_at == at(3)


def test_the_next_incident_of_the_group_has_no_shards(incidents: Incidents, opened: Open, sharded: Incident) -> None:
    close(incidents, sharded, 5)
    live = live_of(incidents, opened(alert(fingerprint="fp-9", timestamp=at(9))))
    assert (live.joined, live.shards) == (1, ())


class OneAtATime:
    """A client that has each item in one transaction at a time, as DynamoDB does."""

    def __init__(self, client: Any) -> None:
        self._client = client
        self._busy: set[tuple[str, str]] = set()
        self._lock = threading.Lock()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._client, name)

    def transact_write_items(self, **request: Any) -> Any:
        """Write, and keep the items for a moment; refuse if another transaction has one of them."""
        keys = written_keys(request)
        with self._lock:
            taken = [key in self._busy for key in keys]
            if any(taken):
                raise conflict(taken)
            self._busy.update(keys)
        try:
            answer = self._client.transact_write_items(**request)
            time.sleep(0.002)
            return answer
        finally:
            with self._lock:
                self._busy.difference_update(keys)


def test_a_storm_of_writers_is_counted_exactly(ports: Ports, incidents: Incidents, opened: Open, crowd: int) -> None:
    incident = opened(alert())
    table = Table(cast("Any", OneAtATime(ports.table._client)), ports.table.name)

    def join(number: int) -> None:
        change = joining(incident, alert(fingerprint=f"new-{number}", severity="high"), now=at(1))
        while True:
            with suppress(HistoryUnavailable):
                TableGroups(table).apply(change)
                return

    with ThreadPoolExecutor(crowd) as pool:
        list(pool.map(join, range(2 * crowd)))

    live = live_of(incidents, incident)
    assert (live.joined, live.firing, live.loud.high) == (2 * crowd + 1, 2 * crowd + 1, 2 * crowd)
    assert len(incidents.members(incident.incident_id, limit=500)) == 2 * crowd + 1
    assert live.shards or crowd < CROWD, "so many writers meet conflicts; the few that moto can serve may not"
