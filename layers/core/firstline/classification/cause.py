"""The cause of an incident without a model: named only if structured evidence names it, with that evidence.

Each rule reads numbers and AWS's own words for states and kinds of events, never free text: a log line or a message can
name no cause. The first rule that holds is the cause, so the rules stand from what explains the others to what is
explained by them. What was as bad at the same hour a week ago is a habit, and no cause.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from firstline.classification.vital_signs import told, told_change
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
    "hardware",
    "stopped",
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

MIN_READINGS = 3
"""The fewest vital signs by which a resource can be called well."""

_GIB, _MIB = 2**30, 2**20
_FREE_SHARE = 0.05
_SATURATED_PERCENT = 90
_CREDITS_LEFT = 5
_LAG_SECONDS = 300
_QUEUE = 20
_GROWN = 1.5
_SLOWER = 3
_FAILED_SHARE = 0.01
_MIN_CONNECTIONS = 50
_AT_ITS_PEAK = 0.95
_OLD_MESSAGE_SECONDS = 600

_FAILURES = frozenset(
    {
        *("Errors", "Throttles", "5XXError", "5xx", "HTTPCode_Target_5XX_Count", "HTTPCode_ELB_5XX_Count"),
        *("UnHealthyHostCount", "StatusCheckFailed_System", "StatusCheckFailed_Instance"),
        *("ReadThrottleEvents", "WriteThrottleEvents"),
    }
)
"""Metrics that count failures: a resource that has any now is not well, whether or not a rule can say why."""

_WELL_STATES = frozenset({"available", "running", "active", "ok", "in-use"})
_EXPLAINS_ONLY: frozenset[Category] = frozenset({"maintenance", "changed"})
"""Work that was planned is no fault, and a change is a suspect: neither says that something is broken."""

_WRITES = re.compile(r"(?:Update|Modify|Put|Delete|Stop|Reboot|Terminate|Deploy|Register|Deregister|Set|Detach|Remove)")
_NO_CHANGE = re.compile(r".*(?:Tag|Alarm|LogGroup|RetentionPolicy)")
"""The verbs of AWS's calls that change how a resource works, and what they change without that."""


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
class _Seen:
    """The evidence about one resource, as the rules read it."""

    resource: Resource
    readings: Mapping[str, MetricReading]
    changes: tuple[ResourceChange, ...]

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

    def rose(self, name: str) -> bool:
        """Return True if a count of failures rose: AWS leaves out most that are zero."""
        reading = self.readings[name]
        return reading.now > 0 and reading.now >= _GROWN * max(reading.hour_ago or 0.0, reading.week_ago or 0.0)

    def share(self, part: str, whole: str) -> float:
        """Return which share one metric is of another; 0 if either is not known."""
        of = self.now(whole)
        return (self.now(part) or 0.0) / of if of else 0.0

    def event(self, category: str) -> ResourceChange | None:
        """Return the newest event of a category that AWS gives it."""
        return next((change for change in self.changes if category in change.categories), None)


def find(evidence: Evidence | AlarmEvidence, opened_at: datetime) -> Cause | None:
    """Return the cause that the evidence names, or None if it names none."""
    if evidence.resource is None:
        return None
    recent = tuple(change for change in evidence.changes if change.at >= opened_at - RECENT)
    own = {reading.name: reading for reading in reversed(evidence.readings)}
    seen = _Seen(evidence.resource, own, recent)
    rules = _RULES.get(evidence.resource.namespace)
    named = next(rules(seen), None) if rules else None
    return named or _changed(seen, opened_at)


def _changed(seen: _Seen, opened_at: datetime) -> Cause | None:
    """Suspect the newest change that somebody made before failures rose; on its own a change names nothing."""
    failing = [name for name in seen.readings if name in _FAILURES and seen.rose(name)]
    by_people = (change for change in seen.changes if change.who is not None and change.at <= opened_at)
    writes = (change for change in by_people if _WRITES.match(change.what) and not _NO_CHANGE.match(change.what))
    change = next(writes, None)
    if change is None or not failing:
        return None
    return seen.cause("changed", f"Perhaps a change just before it, {told_change(change)}", *failing[:2])


def is_well(evidence: Evidence | AlarmEvidence, opened_at: datetime) -> bool:
    """Return True if the resource shows no fault now: enough was read, nothing fails, and no rule holds."""
    resource = evidence.resource
    if resource is None or len(evidence.readings) < MIN_READINGS:
        return False
    if any(reading.name in _FAILURES and reading.now > 0 for reading in evidence.readings):
        return False
    state = (resource.state or "").casefold()
    return (not state or state in _WELL_STATES) and find(evidence, opened_at) is None


def _rds(seen: _Seen) -> Iterator[Cause]:
    resource = seen.resource
    allocated = resource.number("allocated_storage_gib")
    bound = max(_GIB, _FREE_SHARE * allocated * _GIB) if allocated else _GIB
    free = seen.now("FreeStorageSpace")
    if resource.state == "storage-full" or (free is not None and free < bound):
        yield seen.cause("storage full", "The storage of the database is full", "FreeStorageSpace")
    if (event := seen.event("failover")) is not None:
        yield seen.cause("failover", f"The database failed over ({told_change(event)})")
    if (event := seen.event("maintenance")) is not None:
        yield seen.cause("maintenance", f"AWS works on the database ({told_change(event)})")
    if seen.above("ReplicaLag", _LAG_SECONDS):
        words = "The replica is behind its primary"
        yield seen.cause("replication lag", words, "ReplicaLag", "WriteIOPS")
    yield from _credits(seen)
    if seen.above("CPUUtilization", _SATURATED_PERCENT):
        yield seen.cause("CPU saturated", "The CPU of the database is saturated", "CPUUtilization")
    if seen.below("FreeableMemory", 100 * _MIB) or (seen.above("SwapUsage", _GIB) and seen.grew("SwapUsage", 2)):
        yield seen.cause("memory short", "The database is short of memory", "FreeableMemory", "SwapUsage")
    if _connections_rose(seen):
        words = "The connections grew by half or more within the hour, and stay there"
        yield seen.cause("connections exhausted", words, "DatabaseConnections")
    if seen.above("DiskQueueDepth", _QUEUE) and seen.grew("DiskQueueDepth", 3):
        words = "The disk cannot keep up with its reads and writes"
        yield seen.cause("disk saturated", words, "DiskQueueDepth", "ReadIOPS", "WriteIOPS")


def _connections_rose(seen: _Seen) -> bool:
    """Return True if connections grew by half within the hour and stay there: AWS does not tell the limit itself."""
    reading = seen.readings.get("DatabaseConnections")
    if reading is None or reading.now < _MIN_CONNECTIONS:
        return False
    stays = reading.highest is None or reading.now >= _AT_ITS_PEAK * reading.highest
    return stays and seen.grew("DatabaseConnections", _GROWN)


def _credits(seen: _Seen) -> Iterator[Cause]:
    """Find used-up burst credits. A type without credits has no such metric."""
    for name in ("BurstBalance", "CPUCreditBalance"):
        reading = seen.readings.get(name)
        if reading is not None and seen.below(name, _CREDITS_LEFT) and (reading.hour_ago or 0) > reading.now:
            yield seen.cause("burst credits used up", "The burst credits are used up", name, "CPUUtilization")


def _ec2(seen: _Seen) -> Iterator[Cause]:
    resource = seen.resource
    if resource.state in ("stopping", "stopped", "shutting-down", "terminated"):
        yield seen.cause("stopped", f"The instance is {resource.state}")
    if resource.fact("system_check") == "impaired":
        words = "AWS's own check of the machine under the instance fails"
        yield seen.cause("hardware", words, "StatusCheckFailed_System")
    if (event := resource.fact("scheduled_event")) is not None:
        yield seen.cause("maintenance", f"AWS has scheduled work on the instance: {event}")
    yield from _credits(seen)
    if seen.above("CPUUtilization", _SATURATED_PERCENT):
        yield seen.cause("CPU saturated", "The CPU of the instance is saturated", "CPUUtilization")


def _alb(seen: _Seen) -> Iterator[Cause]:
    healthy, unhealthy = seen.resource.number("healthy"), seen.resource.number("unhealthy")
    if unhealthy:
        why = seen.resource.fact("unhealthy_because")
        words = f"{unhealthy:g} of {unhealthy + (healthy or 0):g} targets are unhealthy{f' ({why})' if why else ''}"
        yield seen.cause("unhealthy targets", words, "UnHealthyHostCount", "HTTPCode_Target_5XX_Count")
    failed = max(seen.share(name, "RequestCount") for name in ("HTTPCode_Target_5XX_Count", "HTTPCode_ELB_5XX_Count"))
    if failed >= _FAILED_SHARE and seen.above("TargetResponseTime", 1) and seen.grew("TargetResponseTime", _SLOWER):
        yield seen.cause("backend slow", "The targets answer slowly, and requests fail", "TargetResponseTime")


def _api(seen: _Seen) -> Iterator[Cause]:
    failed = max(seen.share(name, "Count") for name in ("5XXError", "5xx"))
    if failed >= _FAILED_SHARE and seen.above("IntegrationLatency", 1_000) and seen.grew("IntegrationLatency", _SLOWER):
        yield seen.cause(
            "backend slow", "The API's integration answers slowly, and requests fail", "IntegrationLatency"
        )


def _lambda(seen: _Seen) -> Iterator[Cause]:
    if seen.above("Throttles", 1):
        reserved = seen.resource.fact("reserved_concurrency")
        words = f"The function is throttled{f' at its {reserved} reserved runs' if reserved else ''}"
        yield seen.cause("throttled", words, "Throttles", "ConcurrentExecutions")


def _sqs(seen: _Seen) -> Iterator[Cause]:
    old = seen.above("ApproximateAgeOfOldestMessage", _OLD_MESSAGE_SECONDS)
    if old and seen.now("NumberOfMessagesDeleted") == 0 and (seen.now("NumberOfMessagesSent") or 0) > 0:
        words = "Nothing takes messages from the queue"
        yield seen.cause("not consumed", words, "ApproximateAgeOfOldestMessage", "ApproximateNumberOfMessagesVisible")


def _ecs(seen: _Seen) -> Iterator[Cause]:
    running, desired = seen.resource.number("running"), seen.resource.number("desired")
    if running is not None and desired is not None and running < desired:
        rollout = seen.resource.fact("rollout")
        words = f"{running:g} of {desired:g} tasks run{f', its rollout is {rollout}' if rollout else ''}"
        yield seen.cause("tasks missing", words)
    if seen.above("MemoryUtilization", _SATURATED_PERCENT + 5):
        yield seen.cause("memory short", "The tasks of the service are short of memory", "MemoryUtilization")
    if seen.above("CPUUtilization", _SATURATED_PERCENT):
        yield seen.cause("CPU saturated", "The CPU of the service is saturated", "CPUUtilization")


def _dynamodb(seen: _Seen) -> Iterator[Cause]:
    for name, which in (("ReadThrottleEvents", "reads"), ("WriteThrottleEvents", "writes")):
        if seen.above(name, 1):
            mode = seen.resource.fact("billing_mode")
            yield seen.cause("throttled", f"The table throttles {which}{f' ({mode})' if mode else ''}", name)


_RULES: Mapping[str, Callable[[_Seen], Iterator[Cause]]] = {
    "AWS/RDS": _rds,
    "AWS/EC2": _ec2,
    "AWS/ApplicationELB": _alb,
    "AWS/ApiGateway": _api,
    "AWS/Lambda": _lambda,
    "AWS/SQS": _sqs,
    "AWS/ECS": _ecs,
    "AWS/DynamoDB": _dynamodb,
}
