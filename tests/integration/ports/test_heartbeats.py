"""Heartbeats: beats, ends, absences, and since when they are watched."""

from datetime import timedelta

import pytest

from firstline.adapters.dynamodb import heartbeats as stored
from firstline.incidents.heartbeats import Heartbeats
from firstline.policy.heartbeats import GAP
from tests.support.builders import NOON, alert, at


def test_a_resolve_is_no_beat(heartbeats: Heartbeats) -> None:
    heartbeats.beat(alert(), NOON)
    heartbeats.beat(alert(status="resolved"), at(1))
    heartbeats.beat(alert(fingerprint="fp-2", status="resolved"), at(1))

    first, second = sorted(heartbeats.pulses()[0], key=lambda pulse: pulse.key)

    assert (first.beat_at, first.resolved_at) == (NOON, at(1))
    assert second.resolved_at is not None
    assert second.beat_at < second.resolved_at


def test_a_marked_absence_stays_marked_after_a_beat_until_the_mark_is_taken_off(heartbeats: Heartbeats) -> None:
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


def test_the_watch_begins_anew_after_a_gap_between_two_checks(heartbeats: Heartbeats) -> None:
    begun = []
    after_a_gap = at(5) + GAP + timedelta(minutes=1)
    for check in (NOON, at(1), at(5), after_a_gap, after_a_gap + timedelta(minutes=1)):
        _, before = heartbeats.pulses()
        begun.append(heartbeats.watch(before, [], check))

    assert begun == [NOON, NOON, NOON, after_a_gap, after_a_gap]


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
    heartbeats.expect("backup", alert(source="firstline"), NOON)  # required, never seen: it takes no room
    assert not heartbeats.beat(alert(fingerprint="fp-2"), NOON), "the source has its most"

    heartbeats.forget("generic:fp-1", "ana", at(1))
    pulses, before = heartbeats.pulses()
    heartbeats.watch(before, pulses, at(1))

    assert heartbeats.beat(alert(fingerprint="fp-2"), at(2))
    assert not heartbeats.beat(alert(fingerprint="fp-3"), at(2)), "there was room for one"
    assert heartbeats.pulses()[1] is not None, "a beat leaves the record of the check"
