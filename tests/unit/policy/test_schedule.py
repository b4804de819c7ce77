"""Tests of recurring times: when windows, rules and freezes are active, and when windows end."""

from bisect import bisect_left
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import cache
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo, available_timezones

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from firstline.policy.holds import WINDOW_AT_MOST, Window
from firstline.policy.match import RuleMatch
from firstline.policy.remediation import Freeze
from firstline.policy.schedule import WEEKDAYS, clock_changes
from tests.support.builders import an_alert
from tests.support.depth import tries

BERLIN = ZoneInfo("Europe/Berlin")


def window(*when: dict[str, Any]) -> Window:
    """Return a window with these schedules, in Berlin's time zone unless one names another."""
    return Window.model_validate(
        {
            "id": "w",
            "reason": "r",
            "owner": "ada",
            "when": [{"time_zone": "Europe/Berlin"} | times for times in when],
            "match": {"host": "*"},
            "suppress": True,
        }
    )


@pytest.mark.parametrize(
    ("when", "now", "ends"),
    [
        pytest.param([{"hours": "22:00-06:00"}], "2026-12-01T23:30", "2026-12-02T06:00", id="over midnight"),
        pytest.param([{"hours": "22:00-06:00"}], "2026-12-02T05:59:59", "2026-12-02T06:00", id="to the second"),
        pytest.param(
            [{"weekdays": "sun", "hours": "02:00-04:00"}], "2026-12-06T02:00", "2026-12-06T04:00", id="weekly"
        ),
        pytest.param([{"dates": "2026-12-24..2026-12-26"}], "2026-12-24T08:00", "2026-12-27T00:00", id="days"),
        pytest.param(
            [{"hours": "20:00-24:00"}, {"hours": "00:00-03:00"}], "2026-12-01T21:00", "2026-12-02T03:00", id="in a row"
        ),
        pytest.param([{"weekdays": ["sat", "sun"]}], "2026-03-28T12:00", "2026-03-30T00:00", id="when clocks change"),
    ],
)
def test_a_window_ends_when_none_of_its_schedules_is_active_any_more(
    when: list[dict[str, Any]], now: str, ends: str
) -> None:
    moment = datetime.fromisoformat(now).replace(tzinfo=BERLIN)

    assert window(*when).end(moment) == datetime.fromisoformat(ends).replace(tzinfo=BERLIN)


def test_a_window_without_an_end_holds_for_31_days_at_most() -> None:
    always = window({"hours": ["00:00-12:00", "12:00-24:00"]})
    now = datetime(2026, 12, 1, 12, tzinfo=BERLIN)

    assert always.end(now) == now + WINDOW_AT_MOST


SPRING = "2027-03-28"  # 02:00 becomes 03:00 at 01:00 UTC
AUTUMN = "2026-10-25"  # 03:00 becomes 02:00 at 01:00 UTC


@pytest.mark.parametrize(
    ("hours", "now", "ends"),
    [
        pytest.param("22:00-02:30", f"{AUTUMN}T00:15Z", f"{AUTUMN}T00:30Z", id="the first end of two"),
        pytest.param("22:00-02:30", f"{AUTUMN}T01:15Z", f"{AUTUMN}T01:30Z", id="the second end of two"),
        pytest.param("02:30-04:00", f"{AUTUMN}T00:45Z", f"{AUTUMN}T01:00Z", id="put back to before its begin"),
        pytest.param("22:00-02:30", f"{SPRING}T00:45Z", f"{SPRING}T01:00Z", id="an end that does not come"),
        pytest.param("02:30-04:00", f"{SPRING}T01:00Z", f"{SPRING}T02:00Z", id="a begin that does not come"),
    ],
)
def test_a_window_ends_by_the_wall_clock_on_a_day_when_the_clocks_change(hours: str, now: str, ends: str) -> None:
    assert window({"hours": hours}).end(datetime.fromisoformat(now)) == datetime.fromisoformat(ends)


def transitions(name: str, first: datetime, last: datetime) -> Iterator[datetime]:
    """Yield the moments at which a zone's clocks change, to the quarter of an hour."""
    zone, quarter, week = ZoneInfo(name), timedelta(minutes=15), timedelta(days=7)
    # No zone has two changes within a week: a week that begins and ends alike has none.
    mondays = [first + number * week for number in range((last - first) // week + 1)]
    offsets = [monday.astimezone(zone).utcoffset() for monday in mondays]
    for monday, (before, after) in zip(mondays, pairwise(offsets), strict=False):
        if before != after:
            quarters = [monday + number * quarter for number in range(week // quarter + 1)]
            changed = bisect_left(quarters, True, key=lambda at: at.astimezone(zone).utcoffset() != before)
            yield quarters[changed]


@cache
def changes_of_clocks() -> list[tuple[str, datetime]]:
    """Return the changes of the clocks in two years, of one time zone for each distinct set of changes."""
    seen, changes = set(), []
    for name in sorted(available_timezones()):
        found = tuple(transitions(name, datetime(2026, 1, 1, tzinfo=UTC), datetime(2028, 1, 1, tzinfo=UTC)))
        offsets = tuple(moment.astimezone(ZoneInfo(name)).utcoffset() for moment in found)
        if (found, offsets) not in seen:
            seen.add((found, offsets))
            changes += [(name, moment) for moment in found]
    return changes


CHANGES = st.deferred(lambda: st.sampled_from(changes_of_clocks()))
CLOCKS = st.builds("{:02}:{:02}".format, st.integers(0, 23), st.sampled_from((0, 15, 30, 45)))


# Most moments are outside of the window that is drawn; to drop them costs little.
@settings(max_examples=tries(400), suppress_health_check=[HealthCheck.filter_too_much])
@given(
    CHANGES,
    CLOCKS,
    CLOCKS,
    st.integers(-40, 40),
    st.none() | st.sampled_from(["mon", "fri", "sat", "sun"]),
)
def test_a_window_ends_at_the_first_moment_at_which_it_is_off(
    change: tuple[str, datetime], begin: str, end: str, quarters: int, weekday: str | None
) -> None:
    assume(begin != end)
    zone, moment = change
    when = {"time_zone": zone, "hours": f"{begin}-{end}"} | ({"weekdays": weekday} if weekday else {})
    around = window(when)
    now = moment + quarters * timedelta(minutes=15)
    first_off = now
    while around.on(first_off):
        first_off += timedelta(minutes=15)
    assume(first_off > now)
    assert around.end(now) == first_off
    assert around.end(now + timedelta(seconds=1)) == first_off


@settings(max_examples=tries(400))
@given(CHANGES, CLOCKS, CLOCKS, st.integers(-120, 120), st.sampled_from(WEEKDAYS))
def test_rules_windows_and_freezes_are_active_at_the_same_times(
    change: tuple[str, datetime], begin: str, end: str, quarters: int, weekday: str
) -> None:
    assume(begin != end)
    zone, moment = change
    now = moment + quarters * timedelta(minutes=15)
    words = {"weekdays": weekday, "hours": f"{begin}-{end}"}
    local = now.astimezone(ZoneInfo(zone))
    # The expectation, computed here once more: the day on which the span began that contains now.
    clock = f"{local:%H:%M}"
    began = local.date() if clock >= begin else local.date() - timedelta(days=1)
    inside = begin <= clock < end if begin < end else clock >= begin or clock < end
    meant = inside and WEEKDAYS[began.weekday()] == weekday

    rule = RuleMatch.model_validate(words)
    assert rule.holds(an_alert(), local_time=local, flapping=False) is meant
    assert window({"time_zone": zone} | words).on(now) is meant
    assert Freeze.model_validate({"reason": "r", "time_zone": zone} | words).holds(now, []) is meant


def test_every_change_of_clocks_in_any_time_zone_is_found() -> None:
    assert len({name for name, _ in changes_of_clocks()}) > 20
    for name, moment in changes_of_clocks():
        before = moment - timedelta(hours=30)
        assert moment in list(clock_changes(ZoneInfo(name), before, timedelta(days=3)))
