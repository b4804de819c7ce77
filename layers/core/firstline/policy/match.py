"""Which alerts a rule, a silence, a maintenance window or a heartbeat is about."""

import fnmatch
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, Self

from pydantic import BeforeValidator, Field, StringConstraints, model_validator

from firstline.models import Frozen, NormalizedAlert, SourceSeverity
from firstline.policy.schedule import WEEKDAYS, Spans, Weekdays, within


def _one_or_many(value: object) -> object:
    return (value,) if isinstance(value, str) else value


type Phrase = Annotated[str, StringConstraints(min_length=1, max_length=200)]
type Patterns = Annotated[tuple[Phrase, ...], BeforeValidator(_one_or_many)]
"""One shell pattern or several; any may match. Case does not matter."""


@dataclass(frozen=True, slots=True)
class Key:
    """One key of a match against one alert: what it wants, what the alert has, and whether that fits."""

    name: str
    wants: str
    has: str
    fits: bool


class AlertMatch(Frozen):
    """Every key that is given must hold; of the values of one key, any one."""

    alert_name: Patterns = ()
    source: Patterns = ()
    severity: Annotated[tuple[SourceSeverity, ...], BeforeValidator(_one_or_many)] = ()
    service: Patterns = ()
    environment: Patterns = ()
    host: Patterns = ()
    labels: dict[str, Patterns] = Field(default={})
    message: Patterns = ()

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        given = {name: getattr(self, name) for name in self.model_fields_set}
        if not any(value is not None and value != () and value != {} for value in given.values()):
            raise ValueError(
                f"an empty match would hold for every alert; name at least one of {', '.join(type(self).model_fields)}"
            )
        return self

    def fits(self, alert: NormalizedAlert) -> bool:
        """Whether every key holds for the alert."""
        return all(key.fits for key in self.keys(alert))

    def keys(self, alert: NormalizedAlert) -> Iterator[Key]:
        """Each key that is given, against the alert."""
        for name in ("alert_name", "source", "service", "environment", "host"):
            patterns = getattr(self, name)
            if patterns:
                value = getattr(alert, name)
                yield _key(name, patterns, value, _fits(patterns, value))
        if self.severity:
            yield _key("severity", self.severity, alert.severity, alert.severity in self.severity)
        for label, patterns in self.labels.items():
            value = alert.labels.get(label)
            yield _key(f"labels.{label}", patterns, value, _fits(patterns, value))
        if self.message:
            yield _key("message", self.message, alert.message, _mentions(self.message, alert.message))

    def covers(self, other: "AlertMatch") -> bool:
        """Whether everything that the other one fits is sure to be fitted by this one. False when nobody can say."""
        plain = ("alert_name", "source", "service", "environment", "host")
        return (
            all(_covered(getattr(other, name), getattr(self, name)) for name in plain)
            and all(_covered(other.labels.get(label, ()), wanted) for label, wanted in self.labels.items())
            and (not self.severity or (bool(other.severity) and set(other.severity) <= set(self.severity)))
            and (not self.message or (bool(other.message) and set(other.message) <= set(self.message)))
        )


class RuleMatch(AlertMatch):
    """What a rule may ask beyond the alert: the local time, and whether the group flaps."""

    hours: Spans = ()
    weekdays: Weekdays = ()
    flapping: bool | None = Field(default=None)

    def holds(self, alert: NormalizedAlert, *, local_time: datetime, flapping: bool) -> bool:
        """Whether every key holds."""
        return all(key.fits for key in self.all_keys(alert, local_time=local_time, flapping=flapping))

    def all_keys(self, alert: NormalizedAlert, *, local_time: datetime, flapping: bool) -> Iterator[Key]:
        """Each key that is given, against the alert and the moment."""
        yield from self.keys(alert)
        if self.hours:
            spans = [f"{begin:%H:%M}-{end:%H:%M}" for begin, end in self.hours]
            clock = local_time.time()
            yield _key("hours", spans, f"{clock:%H:%M}", any(within(span, clock) for span in self.hours))
        if self.weekdays:
            today = WEEKDAYS[local_time.weekday()]
            yield _key("weekdays", self.weekdays, today, today in self.weekdays)
        if self.flapping is not None:
            yield _key("flapping", [str(self.flapping).lower()], str(flapping).lower(), flapping is self.flapping)

    def covers(self, other: AlertMatch) -> bool:
        """Whether everything that the other one holds for is sure to be held for by this one."""
        theirs: dict[str, Any] = {}
        if isinstance(other, RuleMatch):
            theirs = {"hours": other.hours, "weekdays": other.weekdays, "flapping": other.flapping}
        return (
            super().covers(other)
            and (not self.hours or (bool(theirs.get("hours")) and set(theirs["hours"]) <= set(self.hours)))
            and (not self.weekdays or (bool(theirs.get("weekdays")) and set(theirs["weekdays"]) <= set(self.weekdays)))
            and (self.flapping is None or theirs.get("flapping") is self.flapping)
        )


def _key(name: str, wants: Sequence[str], has: str | None, fits: bool) -> Key:
    return Key(name, " or ".join(wants), "nothing" if has is None else has, fits)


def _fits(patterns: tuple[str, ...], value: str | None) -> bool:
    return value is not None and any(fnmatch.fnmatchcase(value.casefold(), one.casefold()) for one in patterns)


def _mentions(phrases: tuple[str, ...], message: str) -> bool:
    """Does one of the phrases occur as whole words? `disk` is in "Disk full" and not in "diskette"."""
    return any(re.search(rf"(?<!\w){re.escape(phrase)}(?!\w)", message, re.IGNORECASE) for phrase in phrases)


def _covered(narrow: tuple[str, ...], wide: tuple[str, ...]) -> bool:
    """Whether each of the narrow patterns is within one of the wide ones; no wide ones ask for nothing."""
    if not wide:
        return True
    return bool(narrow) and all(any(_within_pattern(one, other) for other in wide) for one in narrow)


def _within_pattern(narrow: str, wide: str) -> bool:
    """Sound, not complete: a `*` swallows the text of a pattern, too; `?` and `[` are only compared as they stand."""
    narrow, wide = narrow.casefold(), wide.casefold()
    if narrow == wide or not wide.strip("*"):
        return True
    if not any(sign in narrow for sign in "*?["):
        return fnmatch.fnmatchcase(narrow, wide)
    return not any(sign in wide for sign in "?[") and "[" not in narrow and fnmatch.fnmatchcase(narrow, wide)
