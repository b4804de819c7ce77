"""An incident's clock is ahead by the time that its waits skipped."""

import json

import pytest

from local.emulator.lapse import Lapse


def payload(incident_id: str) -> bytes:
    return json.dumps({"incident": {"incident_id": incident_id}}).encode()


@pytest.mark.parametrize(
    ("factor", "seconds", "takes"), [(1, 300, 300), (10, 300, 30), (10, 301, 31), (10, 1, 1), (60, 5, 1)]
)
def test_a_wait_takes_its_part_of_the_time_and_at_least_a_second(factor: float, seconds: float, takes: int) -> None:
    assert Lapse(factor).shortened(seconds) == takes


def test_what_waits_left_out_adds_up_for_this_incident_alone() -> None:
    lapse = Lapse(10)  # leaves out nine tenths of each wait
    lapse.timed_out("a", 300)
    lapse.timed_out("a", 100)
    lapse.timed_out("b", 100)

    assert [lapse.ahead(payload(name)) for name in "abc"] == [360, 90, 0]


def test_the_clock_is_also_ahead_for_an_event_that_has_only_the_incidents_id() -> None:
    lapse = Lapse(10)  # leaves out nine tenths of each wait
    lapse.timed_out("a", 300)

    assert lapse.ahead(b'{"incident_id": "a"}') == 270


@pytest.mark.parametrize("event", [{}, {"incident": "a"}, {"incident": None}, {"incident_id": 7}, ["a"], "a"])
def test_an_event_about_no_incident_has_the_real_time(event: object) -> None:
    lapse = Lapse(10)
    lapse.timed_out("a", 300)

    assert lapse.ahead(json.dumps(event).encode()) == 0


def test_without_a_time_lapse_every_clock_is_right() -> None:
    lapse = Lapse()
    lapse.timed_out("a", 300)

    assert lapse.ahead(payload("a")) == 0
