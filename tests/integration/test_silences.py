"""Silences in the table, against moto and Amazon's own DynamoDB Local."""

from datetime import timedelta
from typing import Any

import pytest

from firstline.adapters.dynamodb.silences import MOST, REMEMBERED, RememberedSilences, TableSilences
from firstline.adapters.dynamodb.table import Table
from firstline.errors import HistoryUnavailable
from firstline.policy.holds import Silence
from firstline.policy.match import AlertMatch
from tests.support.builders import NOON, at


@pytest.fixture
def requests(table: Table) -> list[str]:
    """Record the requests to DynamoDB."""
    seen: list[str] = []
    table._client.meta.events.register("before-call.dynamodb", lambda model, **_: seen.append(model.name))
    return seen


@pytest.fixture
def silences(table: Table) -> TableSilences:
    return TableSilences(table)


def silence(name: str = "s-1", minutes: float = 60, **what: Any) -> Silence:
    return Silence(
        id=name,
        match=AlertMatch(labels={"cluster": ("eu", "us*")}),
        owner="ada",
        reason="because",
        created_at=NOON,
        expires_at=at(minutes),
        **what,
    )


def test_a_silence_is_read_until_it_runs_out(silences: TableSilences) -> None:
    silences.save(silence(minutes=60))

    assert silences.since(at(59.9)) == [silence(minutes=60)]
    assert silences.since(at(60.1)) == []


def test_a_silence_that_is_ended_stays_and_is_over(silences: TableSilences) -> None:
    silences.save(silence())

    silences.end(silence(), "grace", at(10))

    (found,) = silences.since(at(10))
    assert (found.ended_at, found.ended_by, found.active(at(10))) == (at(10), "grace", False)


def test_a_silence_until_resolved_is_ended_once(silences: TableSilences) -> None:
    silences.save(silence(until_resolved=True))

    silences.end_resolved("s-1", at(5))
    silences.end_resolved("s-1", at(6))
    silences.end_resolved("unknown", at(7))

    assert [silence.ended_at for silence in silences.since(at(8))] == [at(5)]


def test_a_resolve_ends_no_silence_of_a_fixed_time_and_no_other_one(table: Table) -> None:
    silences = TableSilences(table)
    silences.save(silence("s-1"))
    silences.save(silence("s-2", until_resolved=True))

    silences.end_resolved("s-1", at(5))

    assert [found.ended_at for found in silences.since(at(8))] == [None, None]


def test_a_silence_is_found_by_its_id_also_when_it_is_over(silences: TableSilences) -> None:
    silences.save(silence("s-1", minutes=60))

    assert silences.find("s-1", at(24 * 60)) == silence("s-1", minutes=60)
    assert silences.find("s-2", at(1)) is None


def test_many_silences_are_read_with_one_request(silences: TableSilences, requests: list[str]) -> None:
    for number in range(MOST + 5):
        silences.save(silence(f"s-{number}", 60 + number))
    requests.clear()

    assert len(silences.since(NOON, limit=MOST)) == MOST
    assert requests == ["Query"]


def test_a_process_reads_silences_again_after_some_seconds(silences: TableSilences, requests: list[str]) -> None:
    remembered = RememberedSilences(silences)
    assert remembered.at(NOON) == []
    silences.save(silence())
    requests.clear()

    assert remembered.at(NOON + REMEMBERED - timedelta(milliseconds=1)) == []
    assert requests == []
    assert remembered.at(NOON + REMEMBERED) == [silence()]
    assert requests == ["Query"]


@pytest.mark.parametrize("known", [[], [silence()]])
def test_a_table_that_is_down_leaves_the_silences_that_were_read_before(
    silences: TableSilences, monkeypatch: pytest.MonkeyPatch, known: list[Silence]
) -> None:
    def down(*_: Any, **__: Any) -> list[Silence]:
        raise HistoryUnavailable("down")

    for each in known:
        silences.save(each)
    remembered = RememberedSilences(silences)
    assert remembered.at(NOON) == known

    monkeypatch.setattr(silences, "since", down)

    assert remembered.at(NOON + REMEMBERED) == known
    assert RememberedSilences(silences).at(NOON) == [], "a new process knows none"
