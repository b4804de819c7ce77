"""The vital signs of AWS resources: the metrics that show how a resource is, and how their values are written.

Each CloudWatch namespace has a fixed list. The adapter reads these metrics and no others, so that an alert cannot
choose what is read.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Literal

from firstline.models import AlarmEvidence, Evidence, MetricReading, ResourceChange
from firstline.text import short_duration

type Unit = Literal["bytes", "percent", "seconds", "milliseconds", "count"]

MAX_LINES = 4
MAX_READINGS = 3
MAX_FACTS = 4

SIGN_PERIOD = timedelta(minutes=5)
"""The period of the values of vital signs."""

_CURRENT = 2 * SIGN_PERIOD
"""The age up to which a value says how a resource is now. An older one is shown with its age, and proves nothing."""

_GIB = 2**30
_MIB = 2**20
_CHANGED = 0.2
"""The share by which a metric must have changed within the hour to be shown before the others."""


@dataclass(frozen=True, slots=True)
class VitalSign:
    """A metric that shows how a resource is: CloudWatch's name and statistic, its unit, and people's words for it."""

    name: str
    statistic: str
    unit: Unit
    words: str


@dataclass(frozen=True, slots=True)
class ResourceKind:
    """A kind of resource: its short name (`word`), the CloudWatch dimensions that name it, and its vital signs.

    The value of the first dimension is the resource's own name.
    """

    word: str
    dimensions: tuple[str, ...]
    signs: tuple[VitalSign, ...]


def _signs(*rows: tuple[str, str, Unit, str]) -> tuple[VitalSign, ...]:
    return tuple(VitalSign(*row) for row in rows)


KINDS: Mapping[str, ResourceKind] = {
    "AWS/RDS": ResourceKind(
        "RDS",
        ("DBInstanceIdentifier",),
        _signs(
            ("FreeStorageSpace", "Minimum", "bytes", "free storage"),
            ("CPUUtilization", "Average", "percent", "CPU"),
            ("DatabaseConnections", "Maximum", "count", "connections"),
            ("FreeableMemory", "Minimum", "bytes", "freeable memory"),
            ("SwapUsage", "Maximum", "bytes", "swap"),
            ("ReplicaLag", "Maximum", "seconds", "replica lag"),
            # A primary of PostgreSQL knows how much its slowest replica has yet to fetch; Aurora counts otherwise.
            ("OldestReplicationSlotLag", "Maximum", "bytes", "lag of the slowest replication slot"),
            ("AuroraReplicaLag", "Maximum", "milliseconds", "replica lag"),
            ("Deadlocks", "Average", "count", "deadlocks a second"),
            ("DiskQueueDepth", "Average", "count", "disk queue"),
            ("BurstBalance", "Minimum", "percent", "burst balance"),
            ("EBSIOBalance%", "Minimum", "percent", "I/O balance"),
            ("EBSByteBalance%", "Minimum", "percent", "throughput balance"),
            ("CPUCreditBalance", "Minimum", "count", "CPU credits"),
            ("ReadIOPS", "Average", "count", "read IOPS"),
            ("WriteIOPS", "Average", "count", "write IOPS"),
        ),
    ),
    "AWS/EC2": ResourceKind(
        "EC2",
        ("InstanceId",),
        _signs(
            ("CPUUtilization", "Average", "percent", "CPU"),
            ("StatusCheckFailed_System", "Maximum", "count", "failed system checks"),
            ("StatusCheckFailed_Instance", "Maximum", "count", "failed instance checks"),
            ("CPUCreditBalance", "Minimum", "count", "CPU credits"),
            ("NetworkIn", "Average", "bytes", "network in"),
        ),
    ),
    "AWS/ApplicationELB": ResourceKind(
        "ALB",
        ("LoadBalancer", "TargetGroup"),
        _signs(
            ("RequestCount", "Sum", "count", "requests"),
            ("HTTPCode_Target_5XX_Count", "Sum", "count", "5xx of targets"),
            ("HTTPCode_ELB_5XX_Count", "Sum", "count", "5xx of the load balancer"),
            ("TargetResponseTime", "Average", "seconds", "response time"),
            ("UnHealthyHostCount", "Maximum", "count", "unhealthy targets"),
            ("HealthyHostCount", "Minimum", "count", "healthy targets"),
        ),
    ),
    "AWS/ApiGateway": ResourceKind(
        "API",
        # REST APIs are named, HTTP APIs have an id; they count failures under different names.
        ("ApiName", "ApiId", "Stage"),
        _signs(
            ("Count", "Sum", "count", "requests"),
            ("5XXError", "Sum", "count", "5xx"),
            ("5xx", "Sum", "count", "5xx"),
            ("4XXError", "Sum", "count", "4xx"),
            ("Latency", "Average", "milliseconds", "latency"),
            ("IntegrationLatency", "Average", "milliseconds", "latency of the integration"),
        ),
    ),
    "AWS/Lambda": ResourceKind(
        "Lambda",
        ("FunctionName",),
        _signs(
            ("Invocations", "Sum", "count", "invocations"),
            ("Errors", "Sum", "count", "errors"),
            ("Throttles", "Sum", "count", "throttles"),
            ("Duration", "Maximum", "milliseconds", "longest run"),
            ("ConcurrentExecutions", "Maximum", "count", "concurrent runs"),
        ),
    ),
    "AWS/SQS": ResourceKind(
        "SQS",
        ("QueueName",),
        _signs(
            ("ApproximateAgeOfOldestMessage", "Maximum", "seconds", "oldest message"),
            ("ApproximateNumberOfMessagesVisible", "Maximum", "count", "waiting messages"),
            ("NumberOfMessagesSent", "Sum", "count", "sent"),
            ("NumberOfMessagesDeleted", "Sum", "count", "done"),
        ),
    ),
    "AWS/ECS": ResourceKind(
        "ECS",
        ("ServiceName", "ClusterName"),
        _signs(
            ("CPUUtilization", "Average", "percent", "CPU"),
            ("MemoryUtilization", "Maximum", "percent", "memory"),
        ),
    ),
    "AWS/DynamoDB": ResourceKind(
        "DynamoDB",
        ("TableName",),
        _signs(
            ("ReadThrottleEvents", "Sum", "count", "throttled reads"),
            ("WriteThrottleEvents", "Sum", "count", "throttled writes"),
            ("ConsumedReadCapacityUnits", "Sum", "count", "read units"),
            ("ConsumedWriteCapacityUnits", "Sum", "count", "write units"),
        ),
    ),
}


def sign_of(namespace: str, name: str) -> VitalSign | None:
    """Return the vital sign for a metric of a CloudWatch namespace, or None if it is not one."""
    kind = KINDS.get(namespace)
    return next((sign for sign in kind.signs if sign.name == name), None) if kind else None


def amount(value: float, unit: Unit) -> str:
    """Return a value with its unit as people write it: `0.5 GiB`, `97 %`, `12 min`."""
    if unit == "bytes":
        return f"{value / _GIB:.3g} GiB" if abs(value) >= _GIB / 10 else f"{value / _MIB:.3g} MiB"
    if unit == "percent":
        return f"{value:.3g} %"
    if unit == "milliseconds":
        return f"{value / 1000:.3g} s"
    if unit == "seconds":
        return f"{value / 60:.3g} min" if value >= 120 else f"{value:.3g} s"
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def is_current(reading: MetricReading) -> bool:
    """Return True if a reading's newest value is at most 10 minutes old, and so says how the resource is now."""
    return reading.age_seconds <= _CURRENT.total_seconds()


def told(reading: MetricReading, namespace: str) -> str:
    """Return a reading with its past in words: `free storage 0.5 GiB (1 h ago 13 GiB, a week ago 14 GiB)`.

    A value that is not of now is shown with its age alone: `CPU 5 % (55 min ago, none since)`. `namespace` is the
    CloudWatch namespace of the metric, which decides its unit and people's words for it.
    """
    sign = sign_of(namespace, reading.name)
    unit: Unit = sign.unit if sign else "count"
    shown = f"{sign.words if sign else reading.name} {amount(reading.now, unit)}"
    if not is_current(reading):
        return f"{shown} ({short_duration(timedelta(seconds=reading.age_seconds))} ago, none since)"
    then = [
        f"{when} {amount(value, unit)}"
        for when, value in (("1 h ago", reading.hour_ago), ("a week ago", reading.week_ago))
        if value is not None
    ]
    past = f" ({', '.join(then)})" if then else ""
    return f"{shown}{past}"


def lines(evidence: Evidence | AlarmEvidence, *, first: tuple[str, ...] = ()) -> list[str]:
    """Return at most `MAX_LINES` lines about the resource: its state, its metrics, facts and changes.

    Parameters
    ----------
    first
        The names of the metrics to show first, those that the cause cites. Next come those that changed most.
    """
    return list(_lines(evidence, first))[:MAX_LINES]


def _lines(evidence: Evidence | AlarmEvidence, first: tuple[str, ...]) -> Iterator[str]:
    resource = evidence.resource
    if resource is None:
        return
    ranked = sorted(
        evidence.readings, key=lambda reading: (reading.name not in first, not is_current(reading), -_changed(reading))
    )
    shown = [reading for reading in ranked if reading.name in first or _changed(reading) >= _CHANGED]
    metrics = [told(reading, resource.namespace) for reading in (shown or ranked)[:MAX_READINGS]]
    yield f"{resource.kind} {resource.id}: {', '.join(filter(None, [resource.state or '', *metrics])) or 'no data'}"
    if resource.facts:
        yield ", ".join(f"{fact.name.replace('_', ' ')} {fact.value}" for fact in resource.facts[:MAX_FACTS])
    for change in evidence.changes[:2]:
        yield told_change(change)


def told_change(change: ResourceChange) -> str:
    """Return a change with its time and its author in words: `02:12 CET: ModifyDBInstance by anna`."""
    return f"{change.at:%H:%M %Z}: {change.what}{f' by {change.who}' if change.who else ''}"


def _changed(reading: MetricReading) -> float:
    """Return how much the metric changed within the hour, as a share of the larger value; 0 if that is unknown."""
    if reading.hour_ago is None or not is_current(reading):
        return 0.0
    largest = max(abs(reading.now), abs(reading.hour_ago))
    return abs(reading.now - reading.hour_ago) / largest if largest else 0.0
