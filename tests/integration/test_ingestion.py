"""Ingestion on the real table: what is started, told and counted, and what a lost reply or a race does to it."""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from firstline.adapters.dynamodb.groups import TableGroups
from firstline.adapters.dynamodb.incidents import TableIncidents
from firstline.adapters.dynamodb.table import Table
from firstline.errors import HistoryUnavailable
from firstline.incidents.hold import IngestHolds
from firstline.ingest.accept import Ingestion
from firstline.ingest.fold import FLAP_OPENINGS, Limits
from firstline.models import NormalizedAlert
from firstline.policy.holds import Holds, Silence
from firstline.policy.match import AlertMatch
from tests.support.builders import NOON, a_classification, alert, at
from tests.support.memory import MemoryExecutions

PLENTY = Limits(per_minute=100, per_minute_and_alert=100)


class CountingClient:
    """A DynamoDB client that counts its requests and may fail before or after one."""

    def __init__(self, client: Any) -> None:
        self._client = client
        self.requests: list[str] = []
        self.lose_reply_of: str | None = None

    def __getattr__(self, name: str) -> Any:
        attribute = getattr(self._client, name)
        if name == "exceptions" or not callable(attribute):
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


@pytest.fixture
def client(table: Table) -> CountingClient:
    return CountingClient(table._client)


@pytest.fixture
def executions() -> MemoryExecutions:
    return MemoryExecutions()


@pytest.fixture
def history(table: Table) -> TableIncidents:
    return TableIncidents(table)


@pytest.fixture
def ingestion(table: Table, client: CountingClient, executions: MemoryExecutions) -> Ingestion:
    return build(table, client, executions)


def build(
    table: Table,
    client: CountingClient,
    executions: MemoryExecutions,
    limits: Limits = PLENTY,
    *,
    silences: Sequence[Silence] = (),
    rules_hold: bool = False,
) -> Ingestion:
    counted = Table(client, table.name)  # type: ignore[arg-type]
    holds = IngestHolds(
        incidents=TableIncidents(counted),
        executions=executions,
        quiet=lambda _: Holds(silences=silences),
        rules_hold=lambda: rules_hold,
    )
    return Ingestion(TableGroups(counted), executions, limits, sleep=lambda _: None, holds=holds)


def wait_on(table: Table, incident_id: str, awaiting: str) -> None:
    """Let the incident's execution wait, as the state machine does."""
    waiting = {":token": f"token-{awaiting}", ":awaiting": awaiting}
    table.update(f"INCIDENT#{incident_id}", "INCIDENT", "SET task_token = :token, awaiting = :awaiting", waiting)


def resolved(**what: Any) -> NormalizedAlert:
    return alert(**({"status": "resolved", "ends_at": at(5)} | what))


# --- requests --------------------------------------------------------------------------------------------------------


def test_a_new_alert_costs_three_requests_and_a_duplicate_one(
    ingestion: Ingestion, client: CountingClient, executions: MemoryExecutions
) -> None:
    ingestion.accept([alert()], NOON)
    new = list(client.requests)
    client.requests.clear()
    ingestion.accept([alert(), alert()], at(1))

    assert new == ["get_item", "transact_write_items", "transact_write_items"]
    assert client.requests == ["get_item"]
    assert len(executions.starts) == 1


def test_in_a_storm_that_is_known_an_alert_costs_three_requests(
    table: Table, client: CountingClient, executions: MemoryExecutions
) -> None:
    ingestion = build(table, client, executions, Limits(per_minute=2, per_minute_and_alert=2))
    for number in range(4):
        ingestion.accept([alert(group_key=f"g-{number}")], NOON)
    client.requests.clear()

    ingestion.accept([alert(group_key="g-9")], at(0.5))

    assert client.requests == ["get_item", "update_item", "transact_write_items"]


# --- what is lost on the way -----------------------------------------------------------------------------------------


def test_a_write_whose_reply_was_lost_is_started_by_the_retry(
    ingestion: Ingestion, client: CountingClient, executions: MemoryExecutions, history: TableIncidents
) -> None:
    client.lose_reply_of = "transact_write_items"
    with pytest.raises(HistoryUnavailable):
        ingestion.accept([alert()], NOON)
    assert not executions.started

    ingestion.accept([alert()], at(1))

    (incident_id,) = executions.started
    (record,) = history.open_records()
    assert record.incident.incident_id == incident_id
    assert record.status == "STARTED"


def test_an_incident_that_could_not_be_started_stays_pending_and_the_next_duplicate_starts_it_with_the_same_input(
    ingestion: Ingestion, executions: MemoryExecutions, history: TableIncidents
) -> None:
    executions.down = True
    (accepted,) = ingestion.accept([alert()], NOON)
    executions.down = False
    (pending,) = history.open_records()

    ingestion.accept([alert()], at(1))
    ingestion.accept([alert()], at(2))

    (started,) = history.open_records()
    assert (pending.status, started.status) == ("PENDING", "STARTED")
    assert executions.starts == [(accepted.incident_id, pending.incident.model_dump_json())]


# --- the life of an incident -----------------------------------------------------------------------------------------


def test_the_waiting_execution_is_told_that_the_alert_resolved(
    ingestion: Ingestion, executions: MemoryExecutions, history: TableIncidents, table: Table
) -> None:
    (accepted,) = ingestion.accept([alert()], NOON)
    assert accepted.incident_id is not None
    wait_on(table, accepted.incident_id, "resolution")

    ingestion.accept([resolved()], at(5))

    record = history.record(accepted.incident_id)
    assert record is not None
    assert record.resolved_at == at(5)
    assert executions.tokens == ["token-resolution"]
    assert [what for what, _ in executions.told] == ["resolved"]


def test_a_critical_alert_that_joins_a_lesser_incident_wakes_somebody_after_all(
    ingestion: Ingestion, executions: MemoryExecutions, history: TableIncidents, table: Table
) -> None:
    (accepted,) = ingestion.accept([alert()], NOON)
    assert accepted.incident_id is not None
    wait_on(table, accepted.incident_id, "resolution")

    ingestion.accept([alert(fingerprint="fp-2", severity="critical")], at(1))

    record = history.record(accepted.incident_id)
    assert record is not None
    assert record.worsened_to == "critical"
    assert executions.tokens == ["token-resolution"]
    assert [what for what, _ in executions.told] == ["Worsened"]


def test_a_flapping_alert_keeps_one_incident_open_until_it_is_quiet(
    ingestion: Ingestion, history: TableIncidents
) -> None:
    for turn in range(FLAP_OPENINGS + 3):
        ingestion.accept([alert(timestamp=at(turn * 5))], at(turn * 5))
        ingestion.accept([resolved(timestamp=at(turn * 5), ends_at=at(turn * 5 + 1))], at(turn * 5 + 1))

    records = list(history.open_records())
    last = records[-1]
    assert len(records) == FLAP_OPENINGS + 1
    assert last.incident.flapping
    assert last.resolved_at is None
    assert last.quiet_since == at((FLAP_OPENINGS + 2) * 5 + 1)
    assert last.alert_count == 3


# --- storms ----------------------------------------------------------------------------------------------------------


def test_a_storm_of_200_alerts_becomes_a_handful_of_incidents_and_every_alert_is_counted(
    table: Table, client: CountingClient, executions: MemoryExecutions, history: TableIncidents
) -> None:
    ingestion = build(table, client, executions, Limits(per_minute=30, per_minute_and_alert=3))
    storm = [alert(group_key=f"g-{n}", fingerprint=f"fp-{n}", host=f"web-{n}") for n in range(200)]

    with ThreadPoolExecutor(4) as senders:
        list(senders.map(lambda start: ingestion.accept(storm[start : start + 20], NOON), range(0, 200, 20)))
        list(senders.map(lambda start: ingestion.accept(storm[start : start + 20], at(0.5)), range(0, 200, 20)))

    records = list(history.open_records())
    storms = [record for record in records if record.incident.storm]
    assert len(records) <= 4
    assert len(storms) == 1
    assert sum(record.alert_count for record in records) == 200
    assert storms[0].incident.alert.severity == "high"
    assert set(executions.started) == {record.incident.incident_id for record in records}


def test_alerts_of_one_group_that_race_into_a_storm_are_counted_once(
    table: Table, client: CountingClient, executions: MemoryExecutions, history: TableIncidents
) -> None:
    ingestion = build(table, client, executions, Limits(per_minute=1, per_minute_and_alert=1))
    ingestion.accept([alert(group_key="first")], NOON)
    ingestion.accept([alert(group_key="begins the storm")], NOON)
    racing = [alert(group_key=f"g-{n % 4}", fingerprint=f"fp-{n}") for n in range(40)]

    with ThreadPoolExecutor(8) as senders:
        list(senders.map(lambda one: _until_taken(ingestion, one), racing))

    assert sum(record.alert_count for record in history.open_records()) == 42


def test_a_storm_that_lasts_does_not_open_more_incidents_each_minute(
    table: Table, client: CountingClient, executions: MemoryExecutions, history: TableIncidents
) -> None:
    ingestion = build(table, client, executions, Limits(per_minute=10, per_minute_and_alert=2))
    for minute in range(12):
        keys = [f"g-{minute}-{n}" for n in range(4)]
        ingestion.accept([alert(group_key=key, timestamp=at(minute)) for key in keys], at(minute))

    assert len(list(history.open_records())) == 3


def test_a_storm_is_over_when_all_of_its_alerts_are(
    table: Table, client: CountingClient, executions: MemoryExecutions, history: TableIncidents
) -> None:
    ingestion = build(table, client, executions, Limits(per_minute=1, per_minute_and_alert=1))
    keys = [f"g-{n}" for n in range(5)]
    ingestion.accept([alert(group_key=key) for key in keys], NOON)
    (storm,) = [record for record in history.open_records() if record.incident.storm]

    ingestion.accept([resolved(group_key=key) for key in keys[:4]], at(5))
    still = history.record(storm.incident.incident_id)
    ingestion.accept([resolved(group_key=keys[4])], at(6))
    over = history.record(storm.incident.incident_id)

    assert still is not None
    assert over is not None
    # One of the five opened an incident of its own; it may be any of them.
    assert over.resolved_at is not None
    assert over.resolved_at >= at(5)


def test_after_a_storm_was_closed_the_next_one_opens_another_incident(
    table: Table, client: CountingClient, executions: MemoryExecutions, history: TableIncidents
) -> None:
    ingestion = build(table, client, executions, Limits(per_minute=1, per_minute_and_alert=1))
    ingestion.accept([alert(group_key=f"g-{n}") for n in range(3)], NOON)
    (first,) = [record for record in history.open_records() if record.incident.storm]
    history.close(first.incident.incident_id, "resolved", "a human said so", [], at(1))

    ingestion.accept([alert(group_key=f"h-{n}", timestamp=at(2)) for n in range(3)], at(2))

    (second,) = [record for record in history.open_records() if record.incident.storm]
    assert second.incident.incident_id != first.incident.incident_id


# --- races -----------------------------------------------------------------------------------------------------------


def test_many_senders_of_one_group_at_once_open_one_incident_and_lose_no_alert(
    ingestion: Ingestion, executions: MemoryExecutions, history: TableIncidents
) -> None:
    alerts = [alert(fingerprint=f"fp-{n}") for n in range(24)]

    with ThreadPoolExecutor(6) as senders:
        list(senders.map(lambda one: _until_taken(ingestion, one), alerts))

    (record,) = history.open_records()
    assert record.alert_count == 24
    assert list(executions.started) == [record.incident.incident_id]


def _until_taken(ingestion: Ingestion, one: NormalizedAlert) -> None:
    """Send again on 503, as a sender does."""
    for _ in range(20):
        try:
            ingestion.accept([one], NOON)
        except HistoryUnavailable:
            continue
        return
    pytest.fail("the alert was never taken")


@pytest.fixture(autouse=True)
def _quiet_log(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    yield
    caplog.clear()


# --- what waits ------------------------------------------------------------------------------------------------------

SILENCE = Silence(
    id="s-1",
    match=AlertMatch(host=("web-*",)),
    owner="ada",
    reason="because",
    created_at=NOON,
    expires_at=at(60),
)


def test_a_silenced_alert_costs_no_request_more_and_its_incident_knows(
    table: Table, client: CountingClient, executions: MemoryExecutions, history: TableIncidents
) -> None:
    ingestion = build(table, client, executions, silences=[SILENCE])
    (accepted,) = ingestion.accept([alert()], NOON)

    record = history.record(str(accepted.incident_id))
    assert record is not None
    assert record.incident.hold is not None
    assert record.incident.hold.id == "s-1"
    assert client.requests == ["get_item", "transact_write_items", "transact_write_items"]


def test_silenced_alerts_make_no_storm(table: Table, client: CountingClient, executions: MemoryExecutions) -> None:
    ingestion = build(table, client, executions, Limits(per_minute=2, per_minute_and_alert=2), silences=[SILENCE])

    accepted = [ingestion.accept([alert(group_key=f"g-{number}")], NOON)[0] for number in range(6)]
    (loud,) = ingestion.accept([alert(group_key="loud", host="db-1")], NOON)

    assert len({result.incident_id for result in (*accepted, loud)}) == 7
    assert not any(result.in_storm for result in (*accepted, loud))


@pytest.mark.parametrize(
    ("joins", "ended", "requests"),
    [
        ({"host": "db-1", "severity": "high"}, True, ["get_item", "transact_write_items", "update_item"]),
        ({"host": "db-1"}, False, ["get_item", "transact_write_items"]),
        ({"host": "web-2", "severity": "high"}, False, ["get_item", "transact_write_items"]),
        ({"host": "web-2", "severity": "critical"}, True, ["get_item", "transact_write_items", "update_item"]),
    ],
)
def test_an_alert_that_would_page_and_is_not_silenced_ends_the_wait(
    joins: dict[str, Any],
    ended: bool,
    requests: list[str],
    table: Table,
    client: CountingClient,
    executions: MemoryExecutions,
    history: TableIncidents,
) -> None:
    ingestion = build(table, client, executions, silences=[SILENCE])
    (accepted,) = ingestion.accept([alert(severity="high")], NOON)
    incident_id = str(accepted.incident_id)
    wait_on(table, incident_id, "hold")
    client.requests.clear()

    ingestion.accept([alert(fingerprint="fp-2", **joins)], at(1))

    record = history.record(incident_id)
    assert record is not None
    assert (record.hold_ended_at is not None or record.worsened_to is not None) is ended
    assert bool(executions.told) is ended
    assert client.requests == requests


@pytest.mark.parametrize(("rules_hold", "requests"), [(True, 3), (False, 2)])
def test_an_alert_that_joins_costs_a_look_at_the_incident_only_where_rules_make_wait(
    rules_hold: bool,
    requests: int,
    table: Table,
    client: CountingClient,
    executions: MemoryExecutions,
    history: TableIncidents,
) -> None:
    ingestion = build(table, client, executions, rules_hold=rules_hold)
    (accepted,) = ingestion.accept([alert(severity="high")], NOON)
    history.save_classification(str(accepted.incident_id), a_classification(severity="high"))
    client.requests.clear()

    ingestion.accept([alert(fingerprint="fp-2", severity="high")], at(1))

    assert len(client.requests) == requests
    assert executions.told == []
