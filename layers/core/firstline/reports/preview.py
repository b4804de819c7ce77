"""What a rule, a silence or a window would have hidden, from incidents that are over; and which of those were real."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import timedelta

from firstline.models import IncidentRecord


@dataclass(slots=True)
class Preview:
    """Closed incidents, sorted.

    Attributes
    ----------
    seen
        How many were looked at.
    hidden
        Nobody would have heard of these, and as far as the records say nobody missed anything.
    real
        Nobody would have heard of these in time, and they became real; each with how that shows.
    late
        People would have heard of these, but later: they lasted longer than the wait.
    """

    seen: int = 0
    hidden: list[IncidentRecord] = field(default_factory=list)
    real: list[tuple[IncidentRecord, str]] = field(default_factory=list)
    late: list[IncidentRecord] = field(default_factory=list)


def preview(
    records: Iterable[IncidentRecord], applies: Callable[[IncidentRecord], bool], *, wait: timedelta | None = None
) -> Preview:
    """Sort closed incidents by what would have become of them.

    Parameters
    ----------
    applies
        Whether the incident would have been hidden.
    wait
        Only for so long: what lasted longer would have come late. None hides for good.
    """
    found = Preview()
    for record in records:
        found.seen += 1
        if not applies(record):
            continue
        why = became_real(record)
        if wait is not None and not _over_within(record, wait):
            found.late.append(record)
        elif why is not None:
            found.real.append((record, why))
        else:
            found.hidden.append(record)
    return found


def became_real(record: IncidentRecord) -> str | None:
    """How it shows that somebody had to know of an incident; None when nothing says so, or somebody said: noise."""
    for word in reversed(record.feedback):
        if word.said == "noise":
            return None
        return f"{word.by} said so"
    if record.acknowledged_by is not None:
        return f"{record.acknowledged_by} took it"
    if record.outcome == "auto_resolved":
        runbook = record.plan.runbook_id if record.plan else "a runbook"
        return f"{runbook} cured it"
    if record.paged_at is not None:
        return "somebody was paged"
    if record.outcome == "resolved":
        return "it ended with a human's help"
    return None


def _over_within(record: IncidentRecord, wait: timedelta) -> bool:
    ended = record.resolved_at or record.closed_at
    return ended is not None and ended - record.incident.opened_at < wait
