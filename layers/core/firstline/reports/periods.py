"""The numbers of a period that teams compare: MTTA, MTTR, the share that Firstline resolved by itself."""

from collections.abc import Iterable
from datetime import timedelta
from statistics import fmean

from firstline.models import Frozen, IncidentRecord, Usage


class Report(Frozen):
    """A period's closed incidents in numbers. A mean or share over nothing is None, not zero.

    `incidents` leaves out the suppressed ones: noise that disturbed no person should not improve any mean.

    mean_time_to_acknowledge
        From the page (or without one, from the opening) to the acknowledgement.
    mean_time_to_resolve
        From the opening to the end, without incidents that only expired: their end is unknown.
    auto_resolved_share, escalated_share
        The share of `incidents` that a runbook cured, or that were paged. Between 0 and 1.
    asked, usage
        The number of incidents, noise too, about which a model was asked, and the usage of that.
    """

    incidents: int
    suppressed: int
    alerts: int
    mean_time_to_acknowledge: timedelta | None
    mean_time_to_resolve: timedelta | None
    auto_resolved_share: float | None
    self_cleared_share: float | None
    escalated_share: float | None
    asked: int
    usage: Usage


def report(records: Iterable[IncidentRecord]) -> Report:
    """Compute the numbers of a period from its closed incidents. Tests do not count."""
    every = real_incidents(records)
    real = [record for record in every if record.outcome != "suppressed"]
    usages = [record.classification.usage for record in every if record.classification]
    return Report(
        incidents=len(real),
        suppressed=len(every) - len(real),
        alerts=sum(record.alert_count for record in every),
        mean_time_to_acknowledge=_mean(filter(None, map(acknowledged_after, real))),
        mean_time_to_resolve=_mean(filter(None, map(resolved_after, real))),
        auto_resolved_share=_share(record.outcome == "auto_resolved" for record in real),
        self_cleared_share=_share(record.outcome == "self_cleared" for record in real),
        escalated_share=_share(record.paged_at is not None for record in real),
        asked=sum(usage.tokens > 0 for usage in usages),
        usage=sum(usages, Usage()),
    )


def real_incidents(records: Iterable[IncidentRecord]) -> list[IncidentRecord]:
    """Return the incidents without those that somebody tried Firstline with."""
    return [record for record in records if not record.incident.is_test]


def acknowledged_after(record: IncidentRecord) -> timedelta | None:
    """Return the time from the page (or the opening) to the acknowledgement, or None without one."""
    if record.acknowledged_at is None:
        return None
    return max(timedelta(microseconds=1), record.acknowledged_at - (record.paged_at or record.incident.opened_at))


def resolved_after(record: IncidentRecord) -> timedelta | None:
    """Return the time from the opening to the end, or None if it expired, ended without data, or goes on."""
    ended = record.resolved_at or record.closed_at
    if ended is None or record.outcome in ("expired", "no_data"):
        return None
    return max(timedelta(microseconds=1), ended - record.incident.opened_at)


def _mean(spans: Iterable[timedelta]) -> timedelta | None:
    seconds = [span.total_seconds() for span in spans]
    return timedelta(seconds=fmean(seconds)) if seconds else None


def _share(holds: Iterable[bool]) -> float | None:
    each = list(holds)
    return fmean(each) if each else None
