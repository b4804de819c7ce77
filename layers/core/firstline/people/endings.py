"""The end of an incident: its outcome and the words for it. Pure."""

from collections.abc import Sequence
from typing import Literal

from firstline.contracts import CloseIncidentInput
from firstline.incidents.hold_at_end import waited_for
from firstline.incidents.message_facts import severity
from firstline.incidents.reasons import EXPIRED
from firstline.models import PAGING_RANK, SEVERITY_RANK, IncidentRecord, Outcome, StepResult
from firstline.models.plan import RUN_SUCCEEDED

type EndedBy = Literal["resolved", "verified", "expired", "person"]


def outcome_of(
    record: IncidentRecord, ended_by: EndedBy, results: Sequence[StepResult], *, without_data: bool = False
) -> Outcome:
    """Return the outcome of an incident: the first of these cases that applies.

    - Nobody resolved the incident in time: `expired`.
    - An alert ended without data (`without_data`), so nobody saw it recover: `no_data`, unless a person resolved the
      incident or it was held.
    - A person was paged, acknowledged or resolved the incident: `resolved`, even if a runbook had acted before.
    - The incident was held: `self_cleared` if a rule held it, `suppressed` by a silence, a window or an inhibition.
    - A runbook's act succeeded and changed something: `auto_resolved`.
    - The severity pages people: `resolved`, even without a page on record, so that history never ignores the alert.
    - Otherwise: `self_cleared`.
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


def end_in_words(event: CloseIncidentInput, record: IncidentRecord) -> str:
    """Return the sentence that says why the incident is closed."""
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
