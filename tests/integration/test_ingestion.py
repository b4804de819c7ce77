"""Ingestion on the real table: what a delivery costs, and what lost replies, races and many senders do to it."""

import random
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from firstline.adapters.dynamodb.groups import TableGroups
from firstline.adapters.dynamodb.incidents import TableIncidents
from firstline.adapters.dynamodb.table import Table
from firstline.errors import HistoryUnavailable
from firstline.incidents import lifecycle
from firstline.incidents.groups import Limits
from firstline.ingest.accept import Ingestion, Ports
from firstline.ingest.judge import Judge
from firstline.models import Live, NormalizedAlert, StoredAlert
from firstline.policy.holds import Holds
from firstline.policy.rules import NO_RULES
from tests.support.builders import NOON, alert, at
from tests.support.memory import MemoryExecutions

PLENTY = Limits(per_minute=1_000, per_minute_and_alert=1_000)


class CountingClient:
    """A DynamoDB client that counts its requests and may fail before or after one."""

    def __init__(self, client: Any) -> None:
        self._client = client
        self.requests: list[str] = []
        self.lose_reply_of: str | None = None

    def __getattr__(self, name: str) -> Any:
        attribute = getattr(self._client, name)
        if name in ("exceptions", "meta") or not callable(attribute):
            return attribute

        def call(**arguments: Any) -> Any:
            self.requests.append(name)
            answer = attribute(**arguments)
            if self.lose_reply_of == name:
                self.lose_reply_of = None
                from botocore.exceptions import ReadTimeoutError

                raise ReadTimeoutError(endpoint_url="https://dynamodb")
            return answer

        return call


class Ingest:
    """Ingestion over one table."""

    def __init__(self, table: Table, limits: Limits = PLENTY) -> None:
        self.client = CountingClient(table._client)
        self.table = Table(self.client, table.name, sleep=lambda _: None)  # type: ignore[arg-type]
        self.incidents = TableIncidents(self.table)
        self.groups = TableGroups(self.table)
        self.executions = MemoryExecutions()
        ports = Ports(
            self.groups,
            start=self.executions.start,
            tell=lambda live: lifecycle.tell(live, self.executions),
            incident=self._incident,
            sleep=lambda _: None,
        )
        judge = Judge(rules=lambda: NO_RULES, quiet=lambda _: Holds(), zone=UTC)
        self.accept = Ingestion(ports, limits, judge).accept

    def _incident(self, incident_id: str) -> Any:
        record = self.incidents.record(incident_id)
        return record.incident if record else None

    def requests_of(self, now: datetime, *alerts: NormalizedAlert) -> list[str]:
        self.client.requests.clear()
        self.accept(alerts, now)
        return list(self.client.requests)

    def live(self, group_key: str = "group-1") -> Live:
        live = self.incidents.live(group_key)
        assert live is not None
        return live

    def firing(self, live: Live, alerts: Sequence[NormalizedAlert]) -> list[StoredAlert]:
        """The alerts of these that fire and that the incident counts."""
        wanted: dict[str, set[str]] = {}
        for each in alerts:
            wanted.setdefault(each.group_key, set()).add(each.fingerprint)
        views, _ = self.groups.read(wanted)
        stored = [each for view in views.values() for each in view.alerts.values()]
        return [each for each in stored if each.firing and each.incident_id == live.incident_id]


@pytest.fixture
def ingest(table: Table) -> Ingest:
    return Ingest(table)


def resolved(minutes: float, **what: Any) -> NormalizedAlert:
    return alert(status="resolved", timestamp=at(minutes), ends_at=at(minutes), **what)


def until_taken(ingest: Ingest, *alerts: NormalizedAlert, now: datetime = NOON) -> None:
    """Send again on 503, as a sender does, who has more patience than a crowd on a busy machine needs."""
    for _ in range(200):
        try:
            ingest.accept(alerts, now)
        except HistoryUnavailable:
            continue
        return
    pytest.fail("the alerts were never taken")


def at_once(work: Callable[[NormalizedAlert], None], alerts: Sequence[NormalizedAlert], senders: int = 8) -> None:
    with ThreadPoolExecutor(senders) as pool:
        list(pool.map(work, alerts))


# --- requests ---------------------------------------------------------------------------------------------------------


def test_a_duplicate_costs_one_request_and_any_other_alert_three(ingest: Ingest) -> None:
    opens = ingest.requests_of(NOON, alert())
    duplicate = ingest.requests_of(NOON, alert(), alert())
    joins = ingest.requests_of(NOON, alert(fingerprint="fp-2"))
    ends = ingest.requests_of(at(0.1), resolved(0.1))

    assert opens == ["batch_get_item", "update_item", "transact_write_items"]
    assert duplicate == ["batch_get_item"]
    assert joins == ends == ["batch_get_item", "transact_write_items", "get_item"]
    assert len(ingest.executions.starts) == 1


# --- what is lost on the way ------------------------------------------------------------------------------------------


def test_an_opening_whose_reply_was_lost_is_found_by_the_senders_retry_and_started(ingest: Ingest) -> None:
    ingest.client.lose_reply_of = "transact_write_items"
    with pytest.raises(HistoryUnavailable):
        ingest.accept([alert()], NOON)
    assert ingest.executions.starts == []

    ingest.accept([alert()], NOON + timedelta(seconds=11))

    (record,) = ingest.incidents.open_records()
    assert list(ingest.executions.started) == [record.incident.incident_id]
    assert record.alert_count == 1


@pytest.mark.parametrize("arrives", [alert(fingerprint="fp-2", severity="critical"), resolved(1)], ids=["join", "end"])
def test_a_join_or_an_end_whose_reply_was_lost_counts_once(ingest: Ingest, arrives: NormalizedAlert) -> None:
    ingest.accept([alert(), alert(fingerprint="fp-3")], NOON)
    ingest.client.lose_reply_of = "transact_write_items"
    with pytest.raises(HistoryUnavailable):
        ingest.accept([arrives], at(1))

    ingest.accept([arrives], at(1.1))

    live = ingest.live()
    stored = ingest.firing(live, [alert(), arrives, alert(fingerprint="fp-3")])
    assert live.firing == len(stored), "the count is of those that are stored as firing"


# --- many at once -----------------------------------------------------------------------------------------------------


def test_many_senders_of_one_group_open_one_incident_and_lose_no_alert(ingest: Ingest) -> None:
    alerts = [alert(fingerprint=f"fp-{number}") for number in range(40)]
    at_once(lambda each: until_taken(ingest, each), alerts)

    live = ingest.live()
    assert (live.joined, live.firing) == (40, 40)
    assert len(ingest.firing(live, alerts)) == 40
    assert len(ingest.executions.started) == 1


def test_alerts_that_fire_and_end_in_a_crowd_are_counted_exactly(ingest: Ingest) -> None:
    alerts = [alert(fingerprint=f"fp-{number}") for number in range(12)]
    ends = [resolved(1, fingerprint=each.fingerprint) for each in alerts[:6]]
    ingest.accept(alerts, NOON)
    crowd = [*alerts, *ends, *ends, *(alert(fingerprint=f"more-{number}") for number in range(6))]
    random.Random(1).shuffle(crowd)
    at_once(lambda each: until_taken(ingest, each, now=at(1)), crowd)

    live = ingest.live()
    assert live.firing == len(ingest.firing(live, crowd)), "the count is of those that are stored as firing"


def test_a_storm_of_senders_becomes_a_few_incidents_and_every_alert_is_counted(table: Table) -> None:
    limit = 5
    ingest = Ingest(table, Limits(per_minute=limit, per_minute_and_alert=limit))
    alerts = [alert(group_key=f"g-{number}", fingerprint=f"fp-{number}") for number in range(60)]
    critical = [
        alert(alert_name=f"Cause{n}", group_key=f"c-{n}", fingerprint=f"c-{n}", severity="critical") for n in range(4)
    ]
    at_once(lambda each: until_taken(ingest, each), [*alerts, *critical, *alerts])

    records = list(ingest.incidents.open_records())
    storm = ingest.live("storm:generic")
    assert sum(record.alert_count for record in records) == len(alerts) + len(critical)
    assert len(records) == limit + len(critical) + 1, "and the storm"
    assert len(ingest.firing(storm, alerts)) == storm.firing == len(alerts) - limit
    assert set(ingest.executions.started) == {record.incident.incident_id for record in records}


def test_a_delivery_of_many_groups_and_of_one_big_group_is_written_whole(ingest: Ingest) -> None:
    big = [alert(fingerprint=f"big-{number}") for number in range(200)]
    small = [alert(group_key=f"g-{number}", fingerprint=f"fp-{number}") for number in range(30)]

    ingest.accept([*big, *small], NOON)

    assert (ingest.live().joined, ingest.live().firing) == (200, 200)
    assert len(list(ingest.incidents.open_records())) == 31


def test_the_last_resolve_of_several_at_once_tells_the_waiting_execution(ingest: Ingest) -> None:
    alerts = [alert(fingerprint=f"fp-{number}") for number in range(8)]
    ingest.accept(alerts, NOON)
    waiting = {":token": "token", ":awaiting": "resolution"}
    ingest.table.update("GROUP#group-1", "LIVE", "SET task_token = :token, awaiting = :awaiting", waiting)

    at_once(
        lambda each: until_taken(ingest, resolved(1, fingerprint=each.fingerprint), now=at(1)),
        alerts,
    )

    assert ingest.live().firing == 0
    assert ("ended", "the sender") in ingest.executions.told
