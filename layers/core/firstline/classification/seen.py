"""The evidence about one resource, as the rules that name a cause read it: numbers, states, kinds of events. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal, Self

from firstline.classification.vital_signs import told
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
"""An event of a resource explains what fires up to this time after it."""

GROWN = 1.5
"""The factor from which a metric has grown."""

_COLLAPSED = 0.1
_EXPLAINS_ONLY: frozenset[Category] = frozenset({"maintenance", "changed"})
"""Work that was planned is no fault, and a change is a suspect: neither says that something is broken."""


@dataclass(frozen=True, slots=True)
class Cause:
    """A cause, a sentence for people that holds its evidence, and the names of the metrics that it rests on.

    `broken` is false for what explains the alert, and is no fault itself: planned work, a change.
    """

    category: Category
    sentence: str
    metrics: tuple[str, ...] = ()

    @property
    def broken(self) -> bool:
        """Return True if something is broken now."""
        return self.category not in _EXPLAINS_ONLY


@dataclass(frozen=True, slots=True)
class Seen:
    """The evidence about one resource, as the rules read it."""

    resource: Resource
    readings: Mapping[str, MetricReading]
    changes: tuple[ResourceChange, ...]
    opened_at: datetime

    @classmethod
    def of(cls, evidence: Evidence | AlarmEvidence, opened_at: datetime) -> Self | None:
        """Return what was read of the resource; None if there is none. Events that are too old are left out."""
        if evidence.resource is None:
            return None
        recent = tuple(change for change in evidence.changes if change.at >= opened_at - RECENT)
        own = {reading.name: reading for reading in reversed(evidence.readings)}
        return cls(evidence.resource, own, recent, opened_at)

    def cause(self, category: Category, words: str, *metrics: str) -> Cause:
        """Name the cause, and cite the metrics."""
        cited = [told(self.readings[name], self.resource.namespace) for name in metrics if name in self.readings]
        evidence = f": {'; '.join(cited)}" if cited else ""
        return Cause(category, f"{words} ({self.resource.kind} {self.resource.id}){evidence}.", metrics)

    def now(self, name: str) -> float | None:
        """Return the metric's value now, or None if it was not read."""
        reading = self.readings.get(name)
        return None if reading is None else reading.now

    def above(self, name: str, bound: float) -> bool:
        """Return True if the metric is at `bound` or above now, and was not so at this hour a week ago."""
        reading = self.readings.get(name)
        return reading is not None and reading.now >= bound and (reading.week_ago is None or reading.week_ago < bound)

    def below(self, name: str, bound: float) -> bool:
        """Return True if the metric is below `bound` now, and was not so at this hour a week ago."""
        reading = self.readings.get(name)
        return reading is not None and reading.now < bound and (reading.week_ago is None or reading.week_ago >= bound)

    def grew(self, name: str, factor: float) -> bool:
        """Return True if the metric is at least `factor` times what it was an hour and, if known, a week ago."""
        reading = self.readings.get(name)
        if reading is None or reading.hour_ago is None:
            return False
        return reading.now >= factor * max(reading.hour_ago, reading.week_ago or 0.0)

    def fell(self, name: str, to: float = _COLLAPSED) -> bool:
        """Return True if the metric is at most this share of what it was an hour and, if known, a week ago."""
        reading = self.readings.get(name)
        if reading is None or not reading.hour_ago:
            return False
        return reading.now <= to * min(reading.hour_ago, reading.week_ago or reading.hour_ago)

    def rose(self, name: str) -> bool:
        """Return True if a count of failures rose: AWS leaves out most that are zero."""
        reading = self.readings[name]
        return reading.now > 0 and reading.now >= GROWN * max(reading.hour_ago or 0.0, reading.week_ago or 0.0)

    def share(self, part: str, whole: str) -> float:
        """Return which share one metric is of another; 0 if either is not known."""
        of = self.now(whole)
        return (self.now(part) or 0.0) / of if of else 0.0

    def event(self, category: str) -> ResourceChange | None:
        """Return the newest event of a category that AWS gives it."""
        return next((change for change in self.changes if category in change.categories), None)
