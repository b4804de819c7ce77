"""The preview of a rule, a silence or a window: the closed incidents that it would have hidden, and which were real."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import timedelta

from firstline.models import IncidentRecord


@dataclass(slots=True)
class Preview:
    """Closed incidents, sorted by whether the rule, silence or window would have hidden them.

    Attributes
    ----------
    seen
        The number of incidents that were checked.
    hidden
        Incidents that no person would have heard of, and nothing in the records shows that one missed anything.
    real
        Incidents that no person would have heard of in time although they were real; each with what shows that.
    late
        Incidents that lasted longer than the wait, so people would have heard of them later.
    """

    seen: int = 0
    hidden: list[IncidentRecord] = field(default_factory=list)
    real: list[tuple[IncidentRecord, str]] = field(default_factory=list)
    late: list[IncidentRecord] = field(default_factory=list)


def preview(
    records: Iterable[IncidentRecord], applies: Callable[[IncidentRecord], bool], *, wait: timedelta | None = None
) -> Preview:
    """Sort closed incidents by whether the rule, silence or window would have hidden them.

    Parameters
    ----------
    applies
        Returns True if the incident would have been hidden.
    wait
        The time for which it would have been hidden; None hides it for good.
    """
    found = Preview()
    for record in records:
        found.seen += 1
        if not applies(record):
            continue
        ended = record.resolved_at or record.closed_at
        if wait is not None and (ended is None or ended - record.incident.opened_at >= wait):
            found.late.append(record)
        elif (why := _became_real(record)) is not None:
            found.real.append((record, why))
        else:
            found.hidden.append(record)
    return found


def _became_real(record: IncidentRecord) -> str | None:
    """Return the proof that a person had to know of an incident; None without proof, or if it was last called noise."""
    if record.feedback:
        word = record.feedback[-1]
        return None if word.said == "noise" else f"{word.by} said so"
    if record.acknowledged_by is not None:
        return f"{record.acknowledged_by} took it"
    if record.outcome == "auto_resolved":
        return f"{record.plan.runbook_id if record.plan else 'a runbook'} cured it"
    if record.paged_at is not None:
        return "somebody was paged"
    return "it ended with a human's help" if record.outcome == "resolved" else None
