"""Heartbeats in the table, against moto and Amazon's own DynamoDB Local."""

import pytest

from firstline.adapters.dynamodb.heartbeats import TableHeartbeats
from firstline.adapters.dynamodb.table import Table
from tests.support.builders import NOON, alert, at


@pytest.fixture
def heartbeats(table: Table) -> TableHeartbeats:
    return TableHeartbeats(table)


def test_an_older_beat_that_is_written_late_leaves_the_newer_one(heartbeats: TableHeartbeats) -> None:
    heartbeats.beat(alert(), at(5))
    heartbeats.beat(alert(), NOON)

    assert [pulse.beat_at for pulse in heartbeats.pulses()[0]] == [at(5)]


def test_a_beat_costs_one_request_and_the_first_one_of_a_heartbeat_two(
    heartbeats: TableHeartbeats, table: Table
) -> None:
    requests: list[str] = []
    table._client.meta.events.register("before-call.dynamodb", lambda model, **_: requests.append(model.name))

    heartbeats.beat(alert(), NOON)
    heartbeats.beat(alert(), at(5))
    heartbeats.beat(alert(fingerprint="fp-2"), at(1))

    new = ["UpdateItem", "TransactWriteItems"]
    assert requests == [*new, "UpdateItem", *new]


def test_the_beats_of_a_fingerprint_are_one_heartbeat(heartbeats: TableHeartbeats) -> None:
    for fingerprint, moment in (("fp-1", NOON), ("fp-1", at(5)), ("fp-2", at(1))):
        heartbeats.beat(alert(fingerprint=fingerprint), moment)

    pulses, watch = heartbeats.pulses()
    assert {(pulse.key, pulse.beat_at) for pulse in pulses} == {("generic:fp-1", at(5)), ("generic:fp-2", at(1))}
    assert watch is None, "no check has run"
