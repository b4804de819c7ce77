"""The on-call schedules in `runbooks/policy/oncall.yaml`: rotations, layers, holidays and overrides. Pure.

Who is on call at a moment is decided by the first of these that covers it: an override (of several the one made last),
a holiday, a layer (of several the last in the file), the rotation. So exactly one person is on call at each moment,
except on a schedule that is copied from another tool: there it may be nobody. Turns begin at a time of the wall clock,
also when the clocks change.

Example
-------
>>> roster = load_oncall(path).schedules["platform"]
>>> roster.shift((), datetime(2026, 11, 30, 3, tzinfo=UTC)).person
'dora'
"""

from collections.abc import Collection, Iterator, Sequence
from datetime import UTC, date, datetime, time, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Annotated, NamedTuple, Self
from zoneinfo import ZoneInfo

from pydantic import AwareDatetime, BeforeValidator, Field, StringConstraints, field_validator, model_validator

from firstline.models import Frozen, Name, Text
from firstline.policy.durations import Duration, between
from firstline.policy.files import load_policy
from firstline.policy.people import FILE as PEOPLE_FILE
from firstline.policy.people import People, PersonName
from firstline.policy.schedule import (
    WEEKDAYS,
    Dates,
    Spans,
    TimeZone,
    Weekdays,
    begin_days,
    clock_changes,
    one_or_many,
    wall_clock,
)

FILE = "runbooks/policy/oncall.yaml"
NOBODY = "nobody"
"""The name that stands for nobody, in a gap of a schedule that is copied from another tool."""

NUMBERS = "oncall/"
"""The path of the secrets with phone numbers that people.yaml only refers to."""

LONGEST_SHIFT = timedelta(days=7, hours=1)
"""The longest shift that is not reported: a week, and an hour more for a week in which the clocks are set back."""

HALF_A_YEAR = timedelta(days=183)
_LOOK_DAYS = 370
_DAY = timedelta(days=1)
_MOMENT = timedelta(microseconds=1)

type ScheduleName = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9._-]{0,39}$")]

type Turn = Annotated[Duration, between(_DAY, timedelta(weeks=8))]
"""The length of a turn: one day to eight weeks, such as `1d`, `1w` or `2w`."""

type Rotation = Annotated[tuple[PersonName, ...], Field(min_length=1, max_length=100), BeforeValidator(one_or_many)]
"""People in the order of their turns; after the last, the first is next."""


def _clock(value: object) -> object:
    if isinstance(value, str) and len(value) == 5:
        try:
            return time.fromisoformat(value)
        except ValueError:
            pass
    if isinstance(value, time):
        return value
    raise ValueError(f'{value!r} is no time of day; write local time as "09:00", in quotes')


class Handover(Frozen):
    """The hand-over from one turn to the next: how long a turn lasts, and at which local time it ends."""

    every: Turn = timedelta(weeks=1)
    at: Annotated[time, BeforeValidator(_clock)] = time(9)

    @model_validator(mode="after")
    def _is_whole_days(self) -> Self:
        if self.every % _DAY:
            raise ValueError(
                "every: this turn is not of whole days; write 1d, 1w or 2w, and use a layer for hours of a day"
            )
        return self


class Layer(Frozen):
    """A part of the week with a rotation of its own, such as the nights.

    Hours over midnight belong to the day on which they begin.
    """

    hours: Spans = Field(default=())
    weekdays: Weekdays = Field(default=())
    rotation: Rotation

    @model_validator(mode="after")
    def _says_when(self) -> Self:
        if not (self.hours or self.weekdays):
            raise ValueError(
                "the layer has no hours or weekdays, so it covers everything; give one, or change the rotation"
            )
        return self

    def day(self, local: datetime) -> date | None:
        """Return the day on which the layer's hours around a local time began; None if the layer does not cover it."""
        for day in begin_days(self.hours, local):
            if not self.weekdays or WEEKDAYS[day.weekday()] in self.weekdays:
                return day
        return None


class Holidays(Frozen):
    """Whole local days with a rotation of their own, in which each day is a turn."""

    dates: Annotated[tuple[Dates, ...], BeforeValidator(one_or_many), Field(min_length=1)]
    rotation: Rotation

    def number(self, day: date) -> int | None:
        """Return the number of a day among the holidays in the order of dates, from 0; None if it is no holiday."""
        before = 0
        for first, last in sorted(self.dates):
            if first <= day <= last:
                return before + (day - first).days
            before += (last - first).days + 1
        return None


class Override(Frozen):
    """A span of time that a person is on call in place of whoever would have been. An override moves nobody's turns.

    `ended_at` and `ended_by` are set when somebody withdrew the override; the time before that stays covered.
    """

    schedule: Name
    person: PersonName
    begins_at: AwareDatetime
    ends_at: AwareDatetime
    reason: Text = ""
    by: Name
    at: AwareDatetime
    ended_at: AwareDatetime | None = None
    ended_by: Name | None = None
    copied_from: Name | None = Field(default=None, exclude=True)
    """The tool that the span is copied from, if it comes from a followed schedule; such an override is never stored."""

    @model_validator(mode="after")
    def _lasts(self) -> Self:
        if self.ends_at <= self.begins_at:
            raise ValueError("the override ends before it begins; swap the two times")
        return self

    def covers(self, moment: datetime) -> bool:
        """Return True from the override's begin until just before its end."""
        return self.begins_at <= moment < self.end

    @property
    def end(self) -> datetime:
        """The time at which the override ends or ended; its begin if it was withdrawn before that."""
        return self.ends_at if self.ended_at is None else max(self.begins_at, min(self.ends_at, self.ended_at))

    def is_over(self, moment: datetime) -> bool:
        """Return True if the override has ended at this moment, or was withdrawn before it began."""
        return self.end <= max(moment, self.begins_at)

    @property
    def id(self) -> str:
        """The eight hexadecimal digits by which people name the override."""
        told = f"{self.schedule}#{self.ends_at.isoformat()}#{self.at.isoformat()}#{self.person}"
        return sha256(told.encode()).hexdigest()[:8]


class Shift(NamedTuple):
    """One person's time on call without a break, and why that person is on call.

    `since` or `until` is None if nobody else was or will be on call within a year.
    """

    person: str
    since: datetime | None
    until: datetime | None
    because: str


class Roster(Frozen):
    """A schedule of the people on call.

    Parameters
    ----------
    starts
        The local day on which the first person of the rotation begins, at the time of the hand-over. Turns before that
        day follow the same order backwards.
    """

    time_zone: TimeZone = "UTC"
    starts: date
    handover: Handover = Handover()
    rotation: Rotation
    layers: Annotated[tuple[Layer, ...], Field(max_length=10)] = ()
    holidays: Holidays | None = None

    @property
    def members(self) -> tuple[str, ...]:
        """The names of everybody in the schedule, each once: first the rotation, then the layers, then the holidays."""
        extra = [name for part in (*self.layers, self.holidays) if part for name in part.rotation]
        return tuple(dict.fromkeys([*self.rotation, *extra]))

    def who(self, overrides: Sequence[Override], moment: datetime) -> tuple[str, str]:
        """Return the person on call at a moment, and the reason in words, such as `layer` or `override by ada`.

        `overrides` are this schedule's, in any order; those that do not cover the moment make no difference.
        """
        covering = [override for override in overrides if override.covers(moment)]
        if covering:
            last = max(covering, key=lambda override: override.at)
            return last.person, f"says {last.copied_from}" if last.copied_from else f"override by {last.by}"
        if self.rotation == (NOBODY,):
            return NOBODY, "the schedule has no copy, or a gap"
        local = wall_clock(ZoneInfo(self.time_zone), moment)
        if self.holidays and (number := self.holidays.number(local.date())) is not None:
            return self.holidays.rotation[number % len(self.holidays.rotation)], "holiday"
        for layer in reversed(self.layers):
            if (day := layer.day(local)) is not None:
                return layer.rotation[self._turn(day) % len(layer.rotation)], "layer"
        day = local.date() if local.time() >= self.handover.at else local.date() - _DAY
        return self.rotation[self._turn(day) % len(self.rotation)], "rotation"

    def local(self, *moments: datetime) -> list[datetime]:
        """Convert moments to the schedule's time zone."""
        return [moment.astimezone(ZoneInfo(self.time_zone)) for moment in moments]

    def shift(self, overrides: Sequence[Override], moment: datetime) -> Shift:
        """Return the shift at a moment: the person, the begin, the end and the reason."""
        person, because = self.who(overrides, moment)
        until = next((at for at in self._after(overrides, moment) if self.who(overrides, at)[0] != person), None)
        since = next(
            (at for at in self._before(overrides, moment) if self.who(overrides, at - _MOMENT)[0] != person), None
        )
        return Shift(person, since, until, because)

    def shifts(self, overrides: Sequence[Override], begin: datetime, end: datetime) -> Iterator[Shift]:
        """Yield the shifts from the one at `begin` to the last one that begins before `end`, in order."""
        moment: datetime | None = begin
        while moment is not None and moment < end:
            shift = self.shift(overrides, moment)
            yield shift
            moment = shift.until

    def _turn(self, day: date) -> int:
        """Return the number of the turn that a local day belongs to: 0 from the day `starts` on, negative before it."""
        return (day - self.starts).days // self.handover.every.days

    def _after(self, overrides: Sequence[Override], moment: datetime) -> Iterator[datetime]:
        """Yield the moments of the coming year at which the person on call may change, the nearest first."""
        first = moment.astimezone(ZoneInfo(self.time_zone)).date()
        for number in range(_LOOK_DAYS):
            yield from (at for at in self._edges(overrides, first + number * _DAY) if at > moment)

    def _before(self, overrides: Sequence[Override], moment: datetime) -> Iterator[datetime]:
        """Yield the moments of the last year at which the person on call may have changed, the nearest first."""
        last = moment.astimezone(ZoneInfo(self.time_zone)).date()
        for number in range(_LOOK_DAYS):
            yield from (at for at in reversed(self._edges(overrides, last - number * _DAY)) if at <= moment)

    def _edges(self, overrides: Sequence[Override], day: date) -> list[datetime]:
        """Return the moments of a local day at which the person on call may change, in UTC and in order.

        For a local time that the clocks show twice or skip, both possible moments are returned, and the change of the
        clocks itself.
        """
        zone = ZoneInfo(self.time_zone)
        clocks = {self.handover.at, time(0), *(edge for layer in self.layers for span in layer.hours for edge in span)}
        edges = {
            datetime.combine(day, clock, zone).replace(fold=fold).astimezone(UTC) for clock in clocks for fold in (0, 1)
        }
        begin, end = (datetime.combine(day + number * _DAY, time(0), zone).astimezone(UTC) for number in (0, 1))
        if end - begin != _DAY:
            edges.update(clock_changes(zone, begin, end - begin))
        spans = [(override.begins_at, override.end) for override in overrides]
        edges.update(at.astimezone(UTC) for span in spans for at in span if begin <= at < end)
        return sorted(edges)


class Followed(Frozen):
    """A schedule that the team keeps in another tool, and that is copied every 15 minutes.

    Parameters
    ----------
    pagerduty_schedule
        The id of a schedule in PagerDuty, whose API token is the secret `pagerduty/api-token`.
    ical
        `ssm:oncall/<name>`: the SSM parameter, below the stack's `SecretsPrefix`, that holds a calendar's address.
    time_zone
        The time zone in which messages show the schedule's times.
    """

    pagerduty_schedule: Annotated[str, StringConstraints(pattern=r"^[A-Z0-9]{5,20}$")] | None = None
    ical: Annotated[str, StringConstraints(pattern=r"^ssm:oncall/[A-Za-z0-9_.-]{1,60}$")] | None = None
    time_zone: TimeZone = "UTC"

    @model_validator(mode="after")
    def _has_one_origin(self) -> Self:
        if (self.pagerduty_schedule is None) == (self.ical is None):
            raise ValueError("a followed schedule needs either `pagerduty_schedule` or `ical`; write one of them")
        return self

    @property
    def tool(self) -> str:
        """The tool that keeps the schedule, for messages: `PagerDuty` or `its calendar`."""
        return "PagerDuty" if self.pagerduty_schedule else "its calendar"


class OnCall(Frozen):
    """The whole file oncall.yaml: schedules by name. A stack without schedules pages as paging.yaml says.

    `followed` are schedules that the team keeps in other tools.
    """

    schedules: dict[ScheduleName, Roster] = Field(default={}, max_length=100)
    followed: dict[ScheduleName, Followed] = Field(default={}, max_length=20)

    @model_validator(mode="after")
    def _names_differ(self) -> Self:
        if twice := set(self.schedules) & set(self.followed):
            raise ValueError(f"followed.{min(twice)}: `schedules` has this name, too; give one of them another name")
        return self

    @field_validator("schedules", "followed", mode="before")
    @classmethod
    def _may_be_empty(cls, given: object) -> object:
        return {} if given is None else given


NO_SCHEDULES = OnCall()
"""The schedules to use while oncall.yaml cannot be read: none."""


def load_oncall(path: Path) -> OnCall:
    """Read and check the on-call schedules.

    Raises
    ------
    ConfigurationError
        The file is missing or invalid; the message names the key, its line and the fix.
    """
    return load_policy(path, OnCall, missing="if nobody takes turns, create it with `schedules: {}`")


def problems(
    on_call: OnCall, people: People, now: datetime, texted: Collection[str] = ()
) -> Iterator[tuple[tuple[int | str, ...], str]]:
    """Yield each problem of the schedules: its place, as `("schedules", "platform")`, and a text with the fix.

    Reported are people who are not in people.yaml, who cannot be reached, or who may only read, and shifts of more than
    a week in the coming half year.

    Parameters
    ----------
    texted
        The names of the schedules whose people get text messages, so that each of them needs a phone number.
    """
    for name, schedule in on_call.schedules.items():
        place = ("schedules", name)
        for person in schedule.members:
            entry = people.people.get(person)
            if entry is None:
                yield place, f"{person!r} is not in {PEOPLE_FILE}; add the person there"
            elif entry.phone is None and name in texted:
                yield place, f"{person} gets pages by SMS and has no phone; add the number in {PEOPLE_FILE}"
            elif entry.phone_parameter is not None and not entry.phone_parameter.startswith(NUMBERS):
                fix = f"store the number of {person} below {NUMBERS} and write ssm:{NUMBERS}{person}"
                yield place, f"the stack may not read {entry.phone_parameter!r}; {fix}"
            elif entry.phone is None and entry.slack is None and entry.mail is None:
                yield place, f"nothing can wake {person}; add phone, slack or mail in {PEOPLE_FILE}"
            if entry is not None and entry.role == "reader":
                yield place, f"{person} is a reader, who cannot take an incident; change the role in {PEOPLE_FILE}"
        for shift in schedule.shifts((), now, now + HALF_A_YEAR):
            if shift.until is None or shift.since is None or shift.until - shift.since > LONGEST_SHIFT:
                begins = f"from {shift.since or now:%Y-%m-%d}"
                yield place, f"{shift.person} is on call for more than a week {begins}; shorten the turns"
                break
