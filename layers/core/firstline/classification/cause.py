"""The rules that name an incident's cause from structured evidence, without a model.

Each rule reads numbers and AWS's own words for states and kinds of events, never free text: a log line or a message
cannot name a cause. The first rule that holds gives the cause, so root causes stand before their symptoms. A metric
that was as bad at the same hour a week ago names no cause.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime

from firstline.classification import database_cause
from firstline.classification.database_cause import credits_used_up
from firstline.classification.resource_evidence import Cause, Seen
from firstline.classification.vital_signs import KINDS, told_change
from firstline.models import AlarmEvidence, Evidence, Resource

MIN_READINGS = 3
"""The number of metrics that must have been read before a resource counts as well, unless its kind has fewer."""

_SATURATED_PERCENT = 90
_SLOWER = 3
_FAILED_SHARE = 0.01
_OLD_MESSAGE_SECONDS = 600

FAILURES = frozenset(
    {
        *("Errors", "Throttles", "5XXError", "5xx", "HTTPCode_Target_5XX_Count", "HTTPCode_ELB_5XX_Count"),
        *("UnHealthyHostCount", "StatusCheckFailed_System", "StatusCheckFailed_Instance"),
        *("ReadThrottleEvents", "WriteThrottleEvents"),
    }
)
"""Metrics that count failures. A resource with failures now is not well, even if no rule names a cause."""

_WELL_STATES = frozenset({"available", "running", "active", "ok", "in-use"})
"""The states that AWS gives a healthy resource, in lower case. A resource with any other state is not well."""

_WRITES = re.compile(r"(?:Update|Modify|Put|Delete|Stop|Reboot|Terminate|Deploy|Register|Deregister|Set|Detach|Remove)")
_NO_CHANGE = re.compile(r".*(?:Tag|Alarm|LogGroup|RetentionPolicy)")
"""The first pattern: AWS calls that change a resource. The second: those of them that do not change how it works."""


def find(evidence: Evidence | AlarmEvidence, opened_at: datetime) -> Cause | None:
    """Return the first cause that a rule finds in the evidence of the affected resource, or None.

    `opened_at` is when the incident began: a change of the resource after it is no cause.
    """
    seen = Seen.of(evidence, opened_at)
    if seen is None:
        return None
    rules = _RULES.get(seen.resource.namespace)
    named = next(rules(seen), None) if rules else None
    return named or _changed(seen)


def _changed(seen: Seen) -> Cause | None:
    """Return the newest change that somebody made to the resource shortly before the incident, as its cause.

    None if nobody changed how the resource works, or if neither a count of failures rose nor a database's connections
    fell.
    """
    failing = [name for name in seen.readings if name in FAILURES and seen.rose(name)]
    if database_cause.connections_fell(seen):
        failing.append("DatabaseConnections")
    by_people = (change for change in seen.changes if change.who is not None and change.at <= seen.opened_at)
    writes = (change for change in by_people if _WRITES.match(change.what) and not _NO_CHANGE.match(change.what))
    change = next(writes, None)
    if change is None or not failing:
        return None
    return seen.cause("changed", f"Perhaps a change just before it, {told_change(change)}", *failing[:2])


def is_well(evidence: Evidence | AlarmEvidence, opened_at: datetime) -> bool:
    """Return True if the resource shows no fault now, with at least three current metrics (or all that its kind has).

    False if AWS did not describe the resource or reported a failure of it, if a metric counts failures now, if the
    state is none that AWS gives a healthy resource, if tasks are missing or most connections were lost, if no task runs
    or no target is healthy, or if `find` names a cause of an incident that began at `opened_at`. Also False if no rule
    and no count of failures could show a fault of this kind of resource.
    """
    seen = Seen.of(evidence, opened_at)
    if seen is None or not seen.resource.described or len(seen.readings) < _least_readings(seen.resource):
        return False
    if not _would_show_a_fault(seen.resource.namespace):
        return False
    if 0 in (seen.resource.number("running"), seen.resource.number("healthy")):
        return False
    failing = any(name in FAILURES and reading.now > 0 for name, reading in seen.readings.items())
    if failing or _short_of_tasks(seen) or database_cause.connections_fell(seen) or seen.event("failure") is not None:
        return False
    state = (seen.resource.state or "").casefold()
    return (not state or state in _WELL_STATES) and find(evidence, opened_at) is None


def _would_show_a_fault(namespace: str) -> bool:
    """Return True if the evidence about this kind of resource would show a fault, so that its silence says something.

    That is so if this module has rules on causes for it, or if one of the metrics that are read of it counts failures.
    """
    kind = KINDS.get(namespace)
    return namespace in _RULES or (kind is not None and any(sign.name in FAILURES for sign in kind.signs))


def _least_readings(resource: Resource) -> int:
    kind = KINDS.get(resource.namespace)
    return min(MIN_READINGS, len(kind.signs)) if kind else MIN_READINGS


def _ec2(seen: Seen) -> Iterator[Cause]:
    resource = seen.resource
    if resource.state in ("stopping", "stopped", "shutting-down", "terminated"):
        yield seen.cause("stopped", f"The instance is {resource.state}")
    if resource.fact("system_check") == "impaired":
        words = "AWS's own check of the machine under the instance fails"
        yield seen.cause("hardware", words, "StatusCheckFailed_System")
    event, begins = resource.fact("scheduled_event"), resource.fact("scheduled_for")
    if event is not None and (begins is None or datetime.fromisoformat(begins) <= seen.opened_at):
        yield seen.cause("maintenance", f"AWS has scheduled work on the instance: {event}")
    yield from credits_used_up(seen)
    if seen.above("CPUUtilization", _SATURATED_PERCENT):
        yield seen.cause("CPU saturated", "The CPU of the instance is saturated", "CPUUtilization")


def _alb(seen: Seen) -> Iterator[Cause]:
    healthy, unhealthy = seen.resource.number("healthy"), seen.resource.number("unhealthy")
    if unhealthy:
        why = seen.resource.fact("unhealthy_because")
        words = f"{unhealthy:g} of {unhealthy + (healthy or 0):g} targets are unhealthy{f' ({why})' if why else ''}"
        yield seen.cause("unhealthy targets", words, "UnHealthyHostCount", "HTTPCode_Target_5XX_Count")
    failed = max(seen.share(name, "RequestCount") for name in ("HTTPCode_Target_5XX_Count", "HTTPCode_ELB_5XX_Count"))
    if failed >= _FAILED_SHARE and seen.above("TargetResponseTime", 1) and seen.grew("TargetResponseTime", _SLOWER):
        yield seen.cause("backend slow", "The targets answer slowly, and requests fail", "TargetResponseTime")


def _api(seen: Seen) -> Iterator[Cause]:
    failed = max(seen.share(name, "Count") for name in ("5XXError", "5xx"))
    if failed >= _FAILED_SHARE and seen.above("IntegrationLatency", 1_000) and seen.grew("IntegrationLatency", _SLOWER):
        yield seen.cause(
            "backend slow", "The API's integration answers slowly, and requests fail", "IntegrationLatency"
        )


def _lambda(seen: Seen) -> Iterator[Cause]:
    if seen.above("Throttles", 1):
        reserved = seen.resource.fact("reserved_concurrency")
        words = f"The function is throttled{f' at its {reserved} reserved runs' if reserved else ''}"
        yield seen.cause("throttled", words, "Throttles", "ConcurrentExecutions")


def _sqs(seen: Seen) -> Iterator[Cause]:
    old = seen.above("ApproximateAgeOfOldestMessage", _OLD_MESSAGE_SECONDS)
    if old and seen.now("NumberOfMessagesDeleted") == 0 and (seen.now("NumberOfMessagesSent") or 0) > 0:
        words = "Nothing takes messages from the queue"
        yield seen.cause("not consumed", words, "ApproximateAgeOfOldestMessage", "ApproximateNumberOfMessagesVisible")


def _short_of_tasks(seen: Seen) -> bool:
    running, desired = seen.resource.number("running"), seen.resource.number("desired")
    return running is not None and desired is not None and running < desired


def _ecs(seen: Seen) -> Iterator[Cause]:
    running, desired = seen.resource.number("running") or 0, seen.resource.number("desired") or 0
    rollout, pending = seen.resource.fact("rollout"), seen.resource.number("pending") or 0
    starting = running > 0 and running + pending >= desired and rollout != "FAILED"  # as after each scaling
    if _short_of_tasks(seen) and not starting:
        words = f"{running:g} of {desired:g} tasks run{f', its rollout is {rollout}' if rollout else ''}"
        yield seen.cause("tasks missing", words)
    if seen.above("MemoryUtilization", _SATURATED_PERCENT + 5):
        yield seen.cause("memory short", "The tasks of the service are short of memory", "MemoryUtilization")
    if seen.above("CPUUtilization", _SATURATED_PERCENT):
        yield seen.cause("CPU saturated", "The CPU of the service is saturated", "CPUUtilization")


def _dynamodb(seen: Seen) -> Iterator[Cause]:
    for name, which in (("ReadThrottleEvents", "reads"), ("WriteThrottleEvents", "writes")):
        if seen.above(name, 1):
            mode = seen.resource.fact("billing_mode")
            yield seen.cause("throttled", f"The table throttles {which}{f' ({mode})' if mode else ''}", name)


_RULES: Mapping[str, Callable[[Seen], Iterator[Cause]]] = {
    "AWS/RDS": database_cause.causes,
    "AWS/EC2": _ec2,
    "AWS/ApplicationELB": _alb,
    "AWS/ApiGateway": _api,
    "AWS/Lambda": _lambda,
    "AWS/SQS": _sqs,
    "AWS/ECS": _ecs,
    "AWS/DynamoDB": _dynamodb,
}
