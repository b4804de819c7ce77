"""What holds for all runbooks together: the file `runbooks/policy/remediation.yaml`.

How wide remediation may reach at a time, when nothing may change, and what a runbook has to show before its owner gives
it more freedom.
"""

import fnmatch
import re
from collections.abc import Sequence
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Annotated, Literal, Self
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, BeforeValidator, Field, StringConstraints, model_validator

from firstline.models import Frozen
from firstline.policy_files import load_policy

type Weekday = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]

_WEEKDAYS: tuple[Weekday, ...] = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_HOURS = re.compile(r"([01]\d|2[0-3]):([0-5]\d)-(?:([01]\d|2[0-3]):([0-5]\d)|24:00)")
_DAY = r"(\d{4}-\d{2}-\d{2})"
_DATES = re.compile(rf"{_DAY}(?:\.\.{_DAY})?")
_MIDNIGHT = time(0)


def _one_or_many(value: object) -> object:
    return [value] if isinstance(value, (str, date)) else value


def _hours(value: object) -> object:
    """`"22:00-06:00"` -> (22:00, 06:00): from the first minute to the last before the second, over midnight or not."""
    found = _HOURS.fullmatch(value) if isinstance(value, str) else None
    if found is None:
        raise ValueError('write local time as "22:00-06:00", in quotes')
    begin = time(int(found[1]), int(found[2]))
    end = time(int(found[3]), int(found[4])) if found[3] else _MIDNIGHT
    if begin == end:
        raise ValueError("these hours are empty; leave `hours` out to mean the whole day")
    return begin, end


def _dates(value: object) -> object:
    """`2026-12-24` or `2026-12-20..2027-01-03` -> first and last day."""
    if isinstance(value, date) and not isinstance(value, datetime):
        return value, value
    found = _DATES.fullmatch(value) if isinstance(value, str) else None
    if found is None:
        raise ValueError(f"{value!r} is no day; write 2026-12-24, or 2026-12-20..2027-01-03 for several")
    first = date.fromisoformat(found[1])
    last = date.fromisoformat(found[2]) if found[2] else first
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
type Percent = Annotated[int, Field(ge=1, le=100)]
type Reason = Annotated[str, StringConstraints(min_length=1, max_length=200, strip_whitespace=True)]


class Freeze(Frozen):
    """A time in which nothing may be changed. Of `dates`, `weekdays` and `hours`, all that are given must hold.

    Hours that reach over midnight belong to the day on which they begin: `fri` with `22:00-06:00` ends on Saturday
    morning. Runbooks that only look are not held up.
    """

    reason: Reason
    time_zone: Annotated[str, AfterValidator(_time_zone)] = "UTC"
    environments: list[Annotated[str, StringConstraints(min_length=1)]] = Field(default=[])
    dates: Annotated[list[Dates], BeforeValidator(_one_or_many)] = Field(default=[])
    weekdays: Annotated[list[Weekday], BeforeValidator(_one_or_many)] = Field(default=[])
    hours: Annotated[list[Hours], BeforeValidator(_one_or_many)] = Field(default=[])

    @model_validator(mode="after")
    def _says_when(self) -> Self:
        if not (self.dates or self.weekdays or self.hours):
            raise ValueError(
                "it would last for ever; give dates, weekdays or hours (to stop everything, set mode: off)"
            )
        return self

    def holds(self, now: datetime, environments: Sequence[str]) -> bool:
        """Whether it is on. Of several names for where this is, any one that the freeze names is enough."""
        if self.environments and not any(
            fnmatch.fnmatchcase(name.casefold(), pattern.casefold())
            for name in environments
            for pattern in self.environments
        ):
            return False
        local = now.astimezone(ZoneInfo(self.time_zone))
        today, clock = local.date(), local.time()
        if not self.hours:
            return self._day(today)
        return any(
            (begin <= clock and (clock < end or end <= begin) and self._day(today))
            or (end <= begin and clock < end and self._day(today - timedelta(days=1)))
            for begin, end in self.hours
        )

    def _day(self, day: date) -> bool:
        return (not self.dates or any(first <= day <= last for first, last in self.dates)) and (
            not self.weekdays or _WEEKDAYS[day.weekday()] in self.weekdays
        )


class Fleet(Frozen):
    """How many hosts all remediations together may have in their hands at a time; the smaller of the two counts.

    The fleet is every managed instance with the stack's tag. A share is rounded up, so that one host always may.
    """

    max_hosts: int = Field(default=10, ge=1, le=1_000)
    max_percent: Percent = 50

    def allows(self, fleet: int) -> int:
        """Hosts at a time, in a fleet of this size."""
        return min(self.max_hosts, share_of(self.max_percent, fleet))


class ToApprove(Frozen):
    """What a runbook in shadow must show before people are asked about its plans."""

    shadowed: int = Field(default=5, ge=1)


class ToAuto(Frozen):
    """What a runbook that asks must show before it may run by itself."""

    run: int = Field(default=10, ge=1)
    accepted_percent: Percent = 95
    verified_percent: Percent = 95


class Autonomy(Frozen):
    """When the report says that a runbook has earned its next mode. A person still has to give it."""

    to_approve: ToApprove = ToApprove()
    to_auto: ToAuto = ToAuto()


class RemediationPolicy(Frozen):
    """The whole file. What is left out has the defaults below."""

    fleet: Fleet = Fleet()
    freezes: list[Freeze] = Field(default=[], max_length=200)
    autonomy: Autonomy = Autonomy()

    def freeze_at(self, now: datetime, *environments: str) -> Freeze | None:
        """The first freeze that is on."""
        names = [name.strip() for name in environments if name.strip()]
        return next((freeze for freeze in self.freezes if freeze.holds(now, names)), None)


def share_of(percent: int, fleet: int) -> int:
    """So many hosts of a fleet, rounded up and at least one."""
    return max(1, -(-fleet * percent // 100))


def load_remediation_policy(path: Path) -> RemediationPolicy:
    """Read and check the file. Raises `ConfigurationError`, which names the key and what to write."""
    return load_policy(path, RemediationPolicy, missing="every stack needs a remediation policy")
