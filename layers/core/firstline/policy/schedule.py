"""Recurring times: dates, weekdays and hours in a time zone, for change freezes and maintenance windows."""

import re
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import Annotated, Literal, Self
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from firstline.models import Frozen

type Weekday = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]

WEEKDAYS: tuple[Weekday, ...] = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_HOURS = re.compile(r"([01]\d|2[0-3]):([0-5]\d)-(?:([01]\d|2[0-3]):([0-5]\d)|24:00)")
_DAY = r"(\d{4}-\d{2}-\d{2})"
_DATES = re.compile(rf"{_DAY}(?:\.\.{_DAY})?")
_MIDNIGHT = time(0)
_SECOND = timedelta(seconds=1)


def one_or_many(value: object) -> object:
    """Return a text or a date as a tuple with that one value; return any other value unchanged."""
    return (value,) if isinstance(value, (str, date)) else value


def _hours(value: object) -> object:
    """Read `"22:00-06:00"` as its begin and its end, which may be on the next day; raise ValueError if invalid."""
    found = _HOURS.fullmatch(value) if isinstance(value, str) else None
    if found is None:
        raise ValueError(f'{value!r} is no span of hours; write local time as "22:00-06:00", in quotes')
    begin = time(int(found[1]), int(found[2]))
    end = time(int(found[3]), int(found[4])) if found[3] else _MIDNIGHT
    if begin == end:
        raise ValueError("these hours are empty; leave `hours` out to mean the whole day")
    return begin, end


def _dates(value: object) -> object:
    """Read `2026-12-24` or `2026-12-20..2027-01-03` as the first and the last day; raise ValueError if invalid."""
    if isinstance(value, date) and not isinstance(value, datetime):
        return value, value
    found = _DATES.fullmatch(value) if isinstance(value, str) else None
    if found is None:
        raise ValueError(f"{value!r} is no day; write 2026-12-24, or 2026-12-20..2027-01-03 for several")
    first = date.fromisoformat(found[1])
    last = date.fromisoformat(found[2] or found[1])
    if last < first:
        raise ValueError(f"{value} ends before it begins; swap the two days")
    return first, last


def _time_zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError):
        raise ValueError(f"{name!r} is no time zone; write an IANA name such as Europe/Berlin") from None
    return name


type Hours = Annotated[tuple[time, time], BeforeValidator(_hours)]
type Dates = Annotated[tuple[date, date], BeforeValidator(_dates)]
type TimeZone = Annotated[str, AfterValidator(_time_zone)]
type Weekdays = Annotated[tuple[Weekday, ...], BeforeValidator(one_or_many)]
type Spans = Annotated[tuple[Hours, ...], BeforeValidator(one_or_many)]
"""One span of local time or several, as the owner writes `hours: "22:00-06:00"`."""


class Schedule(Frozen):
    """A recurring time. It is active when all of `dates`, `weekdays` and `hours` hold that are given.

    Hours that reach over midnight belong to the day on which they begin: `fri` with `22:00-06:00` ends on Saturday
    morning. On a day on which the clocks change, hours are those of the wall clock.
    """

    time_zone: TimeZone = "UTC"
    dates: Annotated[tuple[Dates, ...], BeforeValidator(one_or_many)] = Field(default=())
    weekdays: Weekdays = Field(default=())
    hours: Spans = Field(default=())

    @model_validator(mode="after")
    def _says_when(self) -> Self:
        if not (self.dates or self.weekdays or self.hours):
            raise ValueError("the schedule would last for ever; give dates, weekdays or hours")
        return self

    def on(self, now: datetime) -> bool:
        """Return True if the schedule is active now."""
        return any(map(self._day, begin_days(self.hours, now.astimezone(ZoneInfo(self.time_zone)))))

    @property
    def is_ever_on(self) -> bool:
        """True if the schedule can ever be active; False if none of its dates falls on one of its weekdays."""
        week = timedelta(days=7)
        ends = ((first, min(last, first + week)) for first, last in self.dates)
        days = (first + timedelta(days=day) for first, last in ends for day in range((last - first).days + 1))
        return not self.dates or any(map(self._day, days))

    def may_end(self, after: datetime, days: int) -> Iterator[datetime]:
        """Yield the moments after `after` at which the schedule may become inactive, in no order.

        These are the ends of its hours, midnights, and the first moment after each change of the clocks, for at least
        `days` days. For a local time that the clocks show twice, both moments are yielded.
        """
        zone = ZoneInfo(self.time_zone)
        first = after.astimezone(zone).date()
        clocks = {_MIDNIGHT, *(end for _, end in self.hours)}
        wall = (datetime.combine(first + timedelta(days=day), clock) for day in range(days + 1) for clock in clocks)
        ends = {local.replace(tzinfo=zone, fold=fold).astimezone(UTC) for local in wall for fold in (0, 1)}
        changes = clock_changes(zone, after.astimezone(UTC), timedelta(days=days + 1))
        yield from (moment for moment in (*ends, *changes) if moment > after)

    def _day(self, day: date) -> bool:
        return (not self.dates or any(first <= day <= last for first, last in self.dates)) and (
            not self.weekdays or WEEKDAYS[day.weekday()] in self.weekdays
        )


def begin_days(spans: Sequence[tuple[time, time]], local: datetime) -> list[date]:
    """Return the days on which those spans of hours that contain `local` began; without spans, the day of `local`.

    The span 22:00 to 06:00, which contains Saturday 02:00, began on Friday. A schedule's weekdays and dates are
    compared with the returned days.
    """
    today, clock = local.date(), local.time()
    if not spans:
        return [today]
    days = (today if clock >= span[0] else today - timedelta(days=1) for span in spans if within(span, clock))
    return list(dict.fromkeys(days))


def within(span: tuple[time, time], clock: time) -> bool:
    """Return True if a span contains a time of day. The span may reach over midnight; its end does not belong to it."""
    begin, end = span
    return begin <= clock < end if begin < end else clock >= begin or clock < end


def reaches_over(span: tuple[time, time]) -> bool:
    """Return True if a span of local time reaches over midnight into the next day."""
    begin, end = span
    return _MIDNIGHT < end < begin


def clock_changes(zone: ZoneInfo, after: datetime, span: timedelta) -> Iterator[datetime]:
    """Yield the first second after each change of a zone's clocks within `span` after a moment, in the order of time.

    It is assumed that clocks do not change twice within six hours.
    """
    known, step = after, timedelta(hours=6)
    while known < after + span:
        low, high = known, known + step
        if _offset(zone, low) != _offset(zone, high):
            known_offset = _offset(zone, low)
            while high - low > _SECOND:
                middle = low + (high - low) // 2
                low, high = (middle, high) if _offset(zone, middle) == known_offset else (low, middle)
            yield high.replace(microsecond=0)
        known += step


def wall_clock(zone: ZoneInfo, moment: datetime) -> datetime:
    """Return the local time at a moment, without its zone, as a clock shows it that is never set back.

    While the clocks show an hour for the second time, this clock stands at the moment before they were set back, so
    that nothing that happens at a local time happens twice.
    """
    local = moment.astimezone(zone)
    if local.fold:
        day = timedelta(days=1)
        back = max(change for change in clock_changes(zone, moment - day, day + _SECOND) if change <= moment)
        local = (back - _SECOND).astimezone(zone)
    return local.replace(tzinfo=None, fold=0)


def _offset(zone: ZoneInfo, moment: datetime) -> timedelta | None:
    return moment.astimezone(zone).utcoffset()
