"""The end of an incident: its outcome and the words for it. Pure."""

from collections.abc import Sequence
from typing import Literal

from firstline.contracts import CloseIncidentInput
from firstline.incidents.reasons import EXPIRED
from firstline.incidents.standing import severity
from firstline.models import PAGING_RANK, SEVERITY_RANK, Hold, IncidentRecord, Outcome, StepResult
from firstline.models.live import loudest_since
from firstline.models.plan import RUN_SUCCEEDED

type EndedBy = Literal["resolved", "verified", "expired", "person"]


def outcome_of(
    record: IncidentRecord, ended_by: EndedBy, results: Sequence[StepResult], *, without_data: bool = False
) -> Outcome:
    """Return how an incident ended, from the event that ended it and what had happened before.

    Once a person was called or has resolved it, it is the person's, whatever a runbook did before. An incident that
    should have woken a person never counts as cleared by itself, even if no page is on record: history must not learn
    to ignore it. A held incident that resolved cleared by itself if a rule held it; one under a silence or in a
    maintenance window is suppressed. A runbook of which nothing changed anything cured nothing. An alert that ended
    without data was not seen to recover, so it counts as nobody's success.
    """
    if ended_by == "expired":
        return "expired"
    if without_data and ended_by != "person" and waited_for(record) is None:
        return "no_data"
    if ended_by == "person" or record.pages or record.paged_at or record.acknowledged_at:
        return "resolved"
    if hold := waited_for(record):
        return "self_cleared" if hold.by == "rule" else "suppressed"
    if any(result.kind == "act" and result.status == RUN_SUCCEEDED and result.changed for result in results):
        return "auto_resolved"
    return "resolved" if SEVERITY_RANK[severity(record)] >= PAGING_RANK else "self_cleared"


def waited_for(record: IncidentRecord) -> Hold | None:
    """Return the hold in which the incident resolved; None if people were told of it or were about to be."""
    hold, live = record.classification.hold if record.classification else None, record.live
    if hold is None or record.hold_ended_at is not None or (live is not None and loudest_since(live, live.judged_loud)):
        return None
    return hold if record.resolved_at is not None and record.resolved_at < hold.until else None


def end_in_words(event: CloseIncidentInput, record: IncidentRecord) -> str:
    """Write why the incident is closed."""
    match event.ended_by:
        case "person":
            return f"Resolved by {record.resolved_by or 'somebody'}."
        case "expired":
            return EXPIRED
        case "verified":
            return event.reason
        case "resolved":
            if record.alert_count > 1:
                cleared = f"All {record.alert_count} alerts resolved."
            elif record.results and event.reason.endswith("and the alert resolved."):
                return event.reason
            else:
                cleared = "The alert resolved."
            return f"{event.reason} {cleared}" if record.results else cleared
