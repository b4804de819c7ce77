"""The conditions on alerts in rules, silences, windows and heartbeats, and the field types that these share."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, StringConstraints, model_validator

from firstline.models import Frozen, NormalizedAlert, SourceSeverity
from firstline.policy import pattern
from firstline.policy.schedule import WEEKDAYS, Spans, Weekdays, begin_days, one_or_many, reaches_over


def _says_a_word(phrase: str) -> str:
    if not phrase.strip():
        raise ValueError("the phrase is blank and matches no message; write words of the message")
    return phrase


type Bound = Literal["critical", "high", "medium", "low"]
type Id = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9-]{0,63}$")]
type Reason = Annotated[str, StringConstraints(min_length=1, max_length=500, strip_whitespace=True)]
type Owner = Annotated[str, StringConstraints(min_length=1, max_length=100, strip_whitespace=True)]

type Phrase = Annotated[str, StringConstraints(min_length=1, max_length=1_000)]
type Patterns = Annotated[tuple[Phrase, ...], BeforeValidator(one_or_many)]
"""One pattern or several, compared by `firstline.policy.pattern`; one of them has to match."""

type Phrases = Annotated[tuple[Annotated[Phrase, AfterValidator(_says_a_word)], ...], BeforeValidator(one_or_many)]
"""One phrase or several to look for in a text; one of them has to be in it."""

PATTERN_KEYS = ("alert_name", "source", "service", "environment", "host")
"""The keys that hold patterns for the alert's field of the same name."""

_LISTS = ("severity", "message")
"""The keys that list plain values."""


@dataclass(frozen=True, slots=True)
class Key:
    """The comparison of one condition, such as `host`, with an alert: values wanted, value found, and if it fits."""

    name: str
    wants: str
    has: str
    fits: bool


class AlertMatch(Frozen):
    """The conditions on an alert. Every key that is given must match, and a key matches if any of its values does."""

    alert_name: Patterns = ()
    source: Patterns = ()
    severity: Annotated[tuple[SourceSeverity, ...], BeforeValidator(one_or_many)] = ()
    service: Patterns = ()
    environment: Patterns = ()
    host: Patterns = ()
    labels: dict[str, Patterns] = Field(default={})
    message: Phrases = ()

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if all(getattr(self, name) in (None, (), {}) for name in self.model_fields_set):
            raise ValueError(
                f"an empty match fits every alert; give at least one of {', '.join(type(self).model_fields)}"
            )
        return self

    def fits(self, alert: NormalizedAlert) -> bool:
        """Return True if every given key matches the alert."""
        return all(key.fits for key in self.keys(alert))

    def keys(self, alert: NormalizedAlert) -> Iterator[Key]:
        """Yield the comparison of each given key with the alert."""
        for name in PATTERN_KEYS:
            if patterns := getattr(self, name):
                yield _pattern_key(name, patterns, getattr(alert, name))
        if self.severity:
            yield _key("severity", self.severity, alert.severity, alert.severity in self.severity)
        for label, patterns in self.labels.items():
            yield _pattern_key(f"labels.{label}", patterns, alert.labels.get(label))
        if self.message:
            yield _key("message", self.message, alert.message, pattern.mentions(self.message, alert.message))


class RuleMatch(AlertMatch):
    """The conditions of a rule: on the alert, on the local time, and on whether the group flaps."""

    hours: Spans = ()
    weekdays: Weekdays = ()
    flapping: bool | None = Field(default=None)

    def holds(self, alert: NormalizedAlert, *, local_time: datetime, flapping: bool) -> bool:
        """Return True if every given key matches the alert, the time in the rules' time zone, and the flapping.

        `flapping` is True if the alert's group opens incidents again and again.
        """
        return all(key.fits for key in self.all_keys(alert, local_time=local_time, flapping=flapping))

    def all_keys(self, alert: NormalizedAlert, *, local_time: datetime, flapping: bool) -> Iterator[Key]:
        """Yield the comparison of each given key with the alert, the local time and the flapping (as in `holds`)."""
        yield from self.keys(alert)
        begun = begin_days(self.hours, local_time)
        if self.hours:
            spans = [f"{begin:%H:%M}-{end:%H:%M}" for begin, end in self.hours]
            yield _key("hours", spans, f"{local_time:%H:%M}", bool(begun))
        if self.weekdays:
            # Hours over midnight belong to the day on which they begin.
            days = [WEEKDAYS[day.weekday()] for day in begun or [local_time.date()]]
            yield _key("weekdays", self.weekdays, " or ".join(days), not set(days).isdisjoint(self.weekdays))
        if self.flapping is not None:
            yield _key("flapping", [str(self.flapping).lower()], str(flapping).lower(), flapping is self.flapping)

    def covers(self, other: "RuleMatch") -> bool:
        """Return True if this match certainly holds whenever `other` holds; False if that is not certain."""
        return (
            all(covered(getattr(other, name), getattr(self, name)) for name in PATTERN_KEYS)
            and all(covered(other.labels.get(label, ()), wanted) for label, wanted in self.labels.items())
            and all(subset(getattr(other, name), getattr(self, name)) for name in _LISTS)
            and self._covers_times(other)
            and self.flapping in (None, other.flapping)
        )

    def _covers_times(self, other: "RuleMatch") -> bool:
        if self.hours or not self.weekdays:
            return subset(other.hours, self.hours) and subset(other.weekdays, self.weekdays)
        days = set(other.weekdays or WEEKDAYS)
        if any(map(reaches_over, other.hours)):
            days |= {WEEKDAYS[(WEEKDAYS.index(day) + 1) % 7] for day in days}
        return days <= set(self.weekdays)


def _key(name: str, wants: Sequence[str], has: str | None, fits: bool) -> Key:
    return Key(name, " or ".join(wants), "nothing" if has is None else has, fits)


def _pattern_key(name: str, patterns: Sequence[str], value: str | None) -> Key:
    return _key(name, patterns, value, value is not None and pattern.fits(patterns, value))


def subset(narrow: Collection[object], wide: Collection[object]) -> bool:
    """Return True if each value in `narrow` is also in `wide`; an empty collection stands for all values."""
    return not wide or (bool(narrow) and set(narrow) <= set(wide))


def covered(narrow: tuple[str, ...], wide: tuple[str, ...]) -> bool:
    """Return True if every text that fits one of `narrow` certainly fits one of `wide`; an empty tuple fits all."""
    return not wide or (bool(narrow) and all(any(pattern.covers(outer, inner) for outer in wide) for inner in narrow))
