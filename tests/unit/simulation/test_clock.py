"""Virtual time: events run in order, ties by the seed, and modules read the time from the clock."""

from datetime import UTC, datetime, timedelta
from functools import partial
from random import Random
from zoneinfo import ZoneInfo

import pytest

from tests.simulation.clock import START, VirtualClock, frozen_datetime


def order(seed: int) -> list[int]:
    """Return the order in which eight events of the same time run."""
    clock, seen = VirtualClock(Random(seed)), list[int]()
    for number in range(8):
        clock.after(1, partial(seen.append, number), f"event {number}")
    clock.run()
    return seen


def test_events_run_in_the_order_of_their_times_and_move_the_clock() -> None:
    clock, seen = VirtualClock(Random(1)), list[tuple[str, datetime]]()
    clock.after(60, lambda: seen.append(("late", clock.now())), "late")
    clock.at(START + timedelta(seconds=5), lambda: seen.append(("early", clock.now())), "early")

    event = clock.step()

    assert event is not None
    assert event.label == "early"
    clock.run()
    assert seen == [("early", START + timedelta(seconds=5)), ("late", START + timedelta(seconds=60))]
    assert clock.step() is None


def test_a_seed_gives_one_order_and_other_seeds_give_others() -> None:
    assert order(7) == order(7)
    assert sorted(order(7)) == list(range(8))
    assert len({tuple(order(seed)) for seed in range(20)}) > 10


def test_a_cancelled_event_neither_runs_nor_moves_the_clock() -> None:
    clock = VirtualClock(Random(1))
    clock.after(10, lambda: pytest.fail("it was cancelled"), "cancelled").cancel()

    clock.run()

    assert clock.now() == START


def test_what_is_due_until_a_time_is_found_among_many_events() -> None:
    clock, random = VirtualClock(Random(1)), Random(2)
    events = [clock.after(random.uniform(0, 100), lambda: None, f"{number}") for number in range(200)]
    for event in events[::3]:
        event.cancel()

    for seconds in (0, 1, 37.5, 100):
        until = START + timedelta(seconds=seconds)
        expected = {event.label for event in events if event.pending and event.time <= until}
        assert {event.label for event in clock.due(until)} == expected


def test_running_until_a_time_leaves_what_comes_later() -> None:
    clock, seen = VirtualClock(Random(1)), list[str]()
    clock.after(10, lambda: seen.append("first"), "first")
    clock.after(30, lambda: seen.append("second"), "second")

    clock.run_for(20)

    assert seen == ["first"]
    assert clock.now() == START + timedelta(seconds=20)


def test_an_event_in_the_past_is_refused() -> None:
    clock = VirtualClock(Random(1))
    clock.run_for(20)

    with pytest.raises(ValueError, match="is before"):
        clock.at(START, lambda: None, "too late")


def test_events_without_end_are_noticed() -> None:
    clock = VirtualClock(Random(1))

    def again() -> None:
        clock.after(1, again, "again")

    again()
    with pytest.raises(RuntimeError, match="Events are left after 10"):
        clock.run(10)


def test_the_frozen_class_in_place_of_datetime_reads_the_clock() -> None:
    clock = VirtualClock(Random(1))
    frozen = frozen_datetime(clock)
    clock.run_for(90)

    assert frozen.now(UTC) == START + timedelta(seconds=90)
    assert frozen.now(ZoneInfo("Europe/Berlin")).utcoffset() == timedelta(hours=1)
    assert frozen.now() == (START + timedelta(seconds=90)).replace(tzinfo=None)


def test_the_frozen_class_in_place_of_datetime_makes_plain_datetimes_and_counts_them_as_its_own() -> None:
    frozen = frozen_datetime(VirtualClock(Random(1)))
    made = (
        frozen.now(UTC),
        frozen(2026, 1, 1),
        frozen.fromisoformat("2026-01-01T00:00:00Z"),
        frozen.fromtimestamp(0, UTC),
    )
    assert {type(value) for value in made} == {datetime}
    assert all(isinstance(value, frozen) for value in made)
    assert not isinstance("2026", frozen)
