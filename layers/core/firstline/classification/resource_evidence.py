"""The evidence about one resource, with the questions that the rules on causes ask of it. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal, Self

from firstline.classification.vital_signs import is_current, told
from firstline.models import AlarmEvidence, Evidence, MetricReading, Resource, ResourceChange

type Category = Literal[
    "storage full",
    "failover",
    "maintenance",
    "replication lag",
    "connections exhausted",
    "CPU saturated",
    "memory short",
    "burst credits used up",
    "disk saturated",
    "lock contention",
    "hardware",
    "stopped",
    "misconfigured",
    "unhealthy targets",
    "throttled",
    "not consumed",
    "tasks missing",
    "backend slow",
    "changed",
]
"""The kinds of causes that evidence alone can name."""

RECENT = timedelta(hours=1)
"""The time after a change or an event of a resource for which it may explain an alert."""

GROWN = 1.5
"""The factor from which a metric has grown."""

_COLLAPSED = 0.1
_EXPLAINS_ONLY: frozenset[Category] = frozenset({"maintenance", "changed"})
"""The categories that explain an alert without a fault: planned work, and a change that is only a suspect."""


@dataclass(frozen=True, slots=True)
class Cause:
    """A cause that evidence names: a sentence for people with that evidence, and the names of the metrics it cites."""

    category: Category
    sentence: str
    metrics: tuple[str, ...] = ()

    @property
    def broken(self) -> bool:
        """True if the cause is a fault; False if it is planned work or a change."""
        return self.category not in _EXPLAINS_ONLY


@dataclass(frozen=True, slots=True)
class Seen:
    """The evidence about one resource: its metrics by name, and its changes within `RECENT` before the incident.

    A metric whose newest value is not of now is left out: no rule may take it for the present.
    """

    resource: Resource
    readings: Mapping[str, MetricReading]
    changes: tuple[ResourceChange, ...]
    opened_at: datetime

    @classmethod
    def of(cls, evidence: Evidence | AlarmEvidence, opened_at: datetime) -> Self | None:
        """Return the evidence about the affected resource; None if no resource was read.

        Metrics whose newest value is not of now are left out, and so are changes longer than `RECENT` before the
        incident.
        """
        if evidence.resource is None:
            return None
        recent = tuple(change for change in evidence.changes if change.at >= opened_at - RECENT)
        own = {reading.name: reading for reading in reversed(evidence.readings) if is_current(reading)}
        return cls(evidence.resource, own, recent, opened_at)

    def cause(self, category: Category, words: str, *metrics: str) -> Cause:
        """Return a cause whose sentence has `words`, the resource, and the values of those `metrics` that were read.

        The sentence is `<words> (SQS orders): oldest message 12 min.`.
        """
        cited = [told(self.readings[name], self.resource.namespace) for name in metrics if name in self.readings]
        evidence = f": {'; '.join(cited)}" if cited else ""
        return Cause(category, f"{words} ({self.resource.kind} {self.resource.id}){evidence}.", metrics)

    def now(self, name: str) -> float | None:
        """Return the metric's newest value; None if it was not read, or is too old to say how the resource is now."""
        reading = self.readings.get(name)
        return None if reading is None else reading.now

    def above(self, name: str, bound: float) -> bool:
        """Return True if the metric is at `bound` or above now, and was below it at this hour a week ago, if known."""
        reading = self.readings.get(name)
        return reading is not None and reading.now >= bound and (reading.week_ago is None or reading.week_ago < bound)

    def below(self, name: str, bound: float) -> bool:
        """Return True if the metric is below `bound` now, and was not below it at this hour a week ago, if known."""
        reading = self.readings.get(name)
        return reading is not None and reading.now < bound and (reading.week_ago is None or reading.week_ago >= bound)

    def grew(self, name: str, factor: float) -> bool:
        """Return True if the metric is at least `factor` times its value an hour ago and, if known, a week ago.

        False if the value an hour ago is unknown.
        """
        reading = self.readings.get(name)
        if reading is None or reading.hour_ago is None:
            return False
        return reading.now >= factor * max(reading.hour_ago, reading.week_ago or 0.0)

    def fell(self, name: str, to: float = _COLLAPSED) -> bool:
        """Return True if the metric is at most `to` (0 to 1) times its value an hour ago and, if known, a week ago.

        False if the value an hour ago is unknown or 0.
        """
        reading = self.readings.get(name)
        if reading is None or not reading.hour_ago:
            return False
        return reading.now <= to * min(reading.hour_ago, reading.week_ago or reading.hour_ago)

    def rose(self, name: str) -> bool:
        """Return True if a count of failures is above 0, and at least 1.5 times the counts an hour and a week ago.

        An unknown earlier count is taken as 0. The metric `name` must have been read.
        """
        reading = self.readings[name]
        return reading.now > 0 and reading.now >= GROWN * max(reading.hour_ago or 0.0, reading.week_ago or 0.0)

    def share(self, part: str, whole: str) -> float:
        """Return one metric divided by another (`part` / `whole`); 0 if either was not read."""
        of = self.now(whole)
        return (self.now(part) or 0.0) / of if of else 0.0

    def event(self, category: str) -> ResourceChange | None:
        """Return the resource's newest change with this AWS category, such as `failover`, or None."""
        return next((change for change in self.changes if category in change.categories), None)
