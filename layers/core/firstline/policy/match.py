"""Matches of alerts, as rules, silences, maintenance windows and heartbeats declare them, and their common fields."""

import fnmatch
import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Literal, Self

from pydantic import BeforeValidator, Field, StringConstraints, model_validator

from firstline.models import Frozen, NormalizedAlert, SourceSeverity
from firstline.policy.schedule import WEEKDAYS, Spans, Weekdays, one_or_many, within

type Bound = Literal["critical", "high", "medium", "low"]
type Id = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9-]{0,63}$")]
type Reason = Annotated[str, StringConstraints(min_length=1, max_length=500, strip_whitespace=True)]
type Owner = Annotated[str, StringConstraints(min_length=1, max_length=100, strip_whitespace=True)]

type Phrase = Annotated[str, StringConstraints(min_length=1, max_length=200)]
type Patterns = Annotated[tuple[Phrase, ...], BeforeValidator(one_or_many)]
"""One shell pattern or several; any may match. Case does not matter."""

_PLAIN = ("alert_name", "source", "service", "environment", "host")
"""The keys that hold patterns for the alert's field of the same name."""

_LISTS = ("severity", "message", "hours", "weekdays")
"""The keys that list plain values."""


@dataclass(frozen=True, slots=True)
class Key:
    """One key of a match compared with one alert: the wanted value, the alert's value, and True if they fit."""

    name: str
    wants: str
    has: str
    fits: bool


class AlertMatch(Frozen):
    """The conditions on an alert. Every given key must match; a key matches if any of its values does."""

    alert_name: Patterns = ()
    source: Patterns = ()
    severity: Annotated[tuple[SourceSeverity, ...], BeforeValidator(one_or_many)] = ()
    service: Patterns = ()
    environment: Patterns = ()
    host: Patterns = ()
    labels: dict[str, Patterns] = Field(default={})
    message: Patterns = ()

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if all(getattr(self, name) in (None, (), {}) for name in self.model_fields_set):
            raise ValueError(
                f"an empty match would hold for every alert; name at least one of {', '.join(type(self).model_fields)}"
            )
        return self

    def fits(self, alert: NormalizedAlert) -> bool:
        """Return True if every key holds for the alert."""
        return all(key.fits for key in self.keys(alert))

    def keys(self, alert: NormalizedAlert) -> Iterator[Key]:
        """Compare each key that is given with the alert."""
        for name in _PLAIN:
            if patterns := getattr(self, name):
                yield _pattern_key(name, patterns, getattr(alert, name))
        if self.severity:
            yield _key("severity", self.severity, alert.severity, alert.severity in self.severity)
        for label, patterns in self.labels.items():
            yield _pattern_key(f"labels.{label}", patterns, alert.labels.get(label))
        if self.message:
            yield _key("message", self.message, alert.message, _mentions(self.message, alert.message))


class RuleMatch(AlertMatch):
    """The conditions of a rule: on the alert, on the local time, and on whether the group flaps."""

    hours: Spans = ()
    weekdays: Weekdays = ()
    flapping: bool | None = Field(default=None)

    def holds(self, alert: NormalizedAlert, *, local_time: datetime, flapping: bool) -> bool:
        """Return True if every key holds."""
        return all(key.fits for key in self.all_keys(alert, local_time=local_time, flapping=flapping))

    def all_keys(self, alert: NormalizedAlert, *, local_time: datetime, flapping: bool) -> Iterator[Key]:
        """Compare each key that is given with the alert and the moment."""
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

    def covers(self, other: "RuleMatch") -> bool:
        """Return True if this match surely holds whenever the other one holds; False if unsure."""
        return (
            all(_covered(getattr(other, name), getattr(self, name)) for name in _PLAIN)
            and all(_covered(other.labels.get(label, ()), wanted) for label, wanted in self.labels.items())
            and all(_subset(getattr(other, name), getattr(self, name)) for name in _LISTS)
            and self.flapping in (None, other.flapping)
        )


def _key(name: str, wants: Sequence[str], has: str | None, fits: bool) -> Key:
    return Key(name, " or ".join(wants), "nothing" if has is None else has, fits)


def _pattern_key(name: str, patterns: Sequence[str], value: str | None) -> Key:
    fits = value is not None and any(fnmatch.fnmatchcase(value.casefold(), pattern.casefold()) for pattern in patterns)
    return _key(name, patterns, value, fits)


def _mentions(phrases: tuple[str, ...], message: str) -> bool:
    """Return True if a phrase occurs as whole words: `disk` is in "Disk full" and not in "diskette"."""
    return any(re.search(rf"(?<!\w){re.escape(phrase)}(?!\w)", message, re.IGNORECASE) for phrase in phrases)


def _subset(narrow: Collection[object], wide: Collection[object]) -> bool:
    """Return True if the narrow key asks for nothing beyond the wide one; an empty key allows everything."""
    return not wide or (bool(narrow) and set(narrow) <= set(wide))


def _covered(narrow: tuple[str, ...], wide: tuple[str, ...]) -> bool:
    """Return True if each of the narrow patterns is within one of the wide ones; an empty key allows everything."""
    return not wide or (bool(narrow) and all(any(_within_pattern(inner, outer) for outer in wide) for inner in narrow))


def _within_pattern(narrow: str, wide: str) -> bool:
    """Return True if the wide pattern is sure to match whatever the narrow one does.

    Sound, not complete: a `*` also swallows the text of a pattern; `?` and `[` are only compared as they stand.
    """
    narrow, wide = narrow.casefold(), wide.casefold()
    if narrow == wide or not wide.strip("*"):
        return True
    if not any(sign in narrow for sign in "*?["):
        return fnmatch.fnmatchcase(narrow, wide)
    return not any(sign in wide for sign in "?[") and "[" not in narrow and fnmatch.fnmatchcase(narrow, wide)
