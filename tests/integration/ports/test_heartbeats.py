"""Heartbeats: beats, ends, absences, and since when they are watched."""

import pytest

from firstline.adapters.dynamodb import heartbeats as stored
from firstline.incidents.heartbeats import Heartbeats
from tests.support.builders import NOON, alert, at


def test_a_resolve_is_no_beat(heartbeats: Heartbeats) -> None:
    heartbeats.beat(alert(), NOON)
    heartbeats.beat(alert(status="resolved"), at(1))
    heartbeats.beat(alert(fingerprint="fp-2", status="resolved"), at(1))

    first, second = sorted(heartbeats.pulses()[0], key=lambda pulse: pulse.key)

    assert (first.beat_at, first.resolved_at) == (NOON, at(1))
    assert second.resolved_at is not None
    assert second.beat_at < second.resolved_at


def test_absence_is_marked_and_a_beat_leaves_the_mark(heartbeats: Heartbeats) -> None:
    heartbeats.beat(alert(), NOON)
    ((pulse,), _) = heartbeats.pulses()
    heartbeats.mark(pulse, at(10), at(10))
    heartbeats.beat(alert(), at(11))
    ((marked,), _) = heartbeats.pulses()
    heartbeats.mark(marked, None, at(12))
    ((back,), _) = heartbeats.pulses()

    assert (marked.absent_since, marked.beat_at) == (at(10), at(11))
    assert back.absent_since is None


def test_what_is_forgotten_stays_so_until_its_next_beat(heartbeats: Heartbeats) -> None:
    heartbeats.beat(alert(), NOON)

    assert heartbeats.forget("generic:fp-1", "ana", at(1))
    assert not heartbeats.forget("generic:fp-9", "ana", at(1))
    ((forgotten,), _) = heartbeats.pulses()
    heartbeats.beat(alert(status="resolved"), at(2))
    ((still,), _) = heartbeats.pulses()
    heartbeats.beat(alert(), at(3))
    ((again,), _) = heartbeats.pulses()

    assert (forgotten.forgotten_at, forgotten.forgotten_by) == (at(1), "ana")
    assert still.forgotten_at == at(1)
    assert (again.forgotten_at, again.forgotten_by) == (None, None)


def test_the_watch_knows_since_when_it_looks_without_a_gap(heartbeats: Heartbeats) -> None:
    seen = []
    for minutes in (0, 1, 5, 11, 12):
        _, before = heartbeats.pulses()
        seen.append(heartbeats.watch(before, [], at(minutes)))

    assert seen == [NOON, NOON, NOON, at(11), at(11)]


def test_of_one_source_no_more_are_watched_than_it_may_have(
    heartbeats: Heartbeats, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stored, "MOST_OF_A_SOURCE", 2)
    first, second, third = (alert(fingerprint=f"fp-{number}") for number in range(3))
    elsewhere = alert(source="grafana", fingerprint="fp-2")

    assert [heartbeats.beat(each, NOON) for each in (first, second, third, elsewhere)] == [True, True, False, True]
    assert heartbeats.beat(first, at(1)), "what is watched beats on"
    assert heartbeats.beat(first, NOON), "an old word of a known one is no new one"
    assert {pulse.key for pulse in heartbeats.pulses()[0]} == {"generic:fp-0", "generic:fp-1", "grafana:fp-2"}


def test_a_heartbeat_that_is_forgotten_makes_room_at_the_next_check(
    heartbeats: Heartbeats, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stored, "MOST_OF_A_SOURCE", 1)
    heartbeats.beat(alert(), NOON)
    heartbeats.expect("backup", alert(source="firstline"), NOON)
    assert not heartbeats.beat(alert(fingerprint="fp-2"), NOON)

    heartbeats.forget("generic:fp-1", "ana", at(1))
    pulses, before = heartbeats.pulses()
    heartbeats.watch(before, pulses, at(1))

    assert heartbeats.beat(alert(fingerprint="fp-2"), at(2))
    assert not heartbeats.beat(alert(fingerprint="fp-3"), at(2))
    assert heartbeats.pulses()[1] is not None, "a beat leaves the record of the check"
