"""Announcements of what Firstline does by itself, requests for what it may not decide, and the end of an incident."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import Annotated, Literal

from pydantic import Field

from firstline.channels.delivery import Channel, tell_all
from firstline.channels.summary import severity
from firstline.contracts import (
    AnnounceRemediationInput,
    CloseIncidentInput,
    NotifyOpsInput,
    NotifyOutput,
    RecordSuppressionInput,
    RequestApprovalInput,
)
from firstline.errors import ChannelFailed, HistoryUnavailable
from firstline.incidents.store import Incidents
from firstline.models import (
    PAGING_RANK,
    SEVERITY_RANK,
    Hold,
    Incident,
    IncidentRecord,
    Notification,
    NotificationKind,
    Outcome,
    StepResult,
)
from firstline.observability import logger, metrics

type NotifyInput = Annotated[
    RecordSuppressionInput | AnnounceRemediationInput | RequestApprovalInput | NotifyOpsInput | CloseIncidentInput,
    Field(discriminator="state"),
]
"""The input of the notify function; its `state` tells which state of the machine sent it."""

RUN_SUCCEEDED = "Success"
"""Run Command's status of a command that exited with 0."""

METRICS: dict[Outcome, str] = {
    "suppressed": "Suppressed",
    "self_cleared": "SelfCleared",
    "auto_resolved": "AutoResolved",
    "resolved": "ResolvedByHuman",
    "expired": "Expired",
}
"""The metric that counts each outcome."""


def announce(
    event: NotifyInput,
    *,
    channels: Mapping[str, Channel],
    incidents: Incidents,
    now: datetime,
    resolve_within: timedelta,
    end_silence: Callable[[str, datetime], None],
) -> NotifyOutput:
    """Serve a state of the notify function: tell people, and close the incident where it ends.

    Suppressed noise is written down and counted, but no channel is told. A closed incident is written before the
    channels are told, and a channel that fails then is only logged: the incident is over. `told` is false if no
    channel took the message.

    Parameters
    ----------
    end_silence
        Ends a silence, by its id, that waited for its incident to resolve.

    Raises
    ------
    ChannelFailed
        A human is needed and knows nothing: `Notify Ops` has channels and none took the message, or no channel could
        ask for an approval.
    HistoryUnavailable
        The table could not be reached.
    """
    record = incidents.record(event.incident.incident_id) or unwritten(event.incident)
    tell = partial(_tell, channels=channels, now=now)
    outcome: Outcome | None = None
    told = False
    match event:
        case RecordSuppressionInput():
            outcome = "suppressed"
            _close(record, outcome, "; ".join(event.classification.reasons), [], incidents, now)
        case AnnounceRemediationInput():
            told = tell("remediating", _with(record, plan=event.plan), event.plan.decision_reason)
        case RequestApprovalInput():
            told = tell("approval", _with(record, plan=event.plan), event.plan.decision_reason, required=True)
            if not told:
                raise ChannelFailed(
                    "Nobody can be asked to approve: set the secret slack/bot-token (docs/channels/slack.md).",
                    retryable=False,
                )
        case NotifyOpsInput():
            known = _with(record, plan=event.plan or record.plan, results=event.results or record.results)
            told = tell("needs_human", known, event.reason, required=True)
        case CloseIncidentInput():
            results = event.results or record.results
            hold = waited_for(record)
            reason = event.reason if hold is None else f"{hold.reason} {event.reason}"
            closed = _close(record, outcome_of(record, event.ended_by, results), reason, results, incidents, now)
            outcome = closed.outcome
            if hold is None:
                told = tell("closed", _with(closed, results=closed.results or results), event.reason)
            elif hold.until_resolved:  # no channel was told of its begin, so none is told of its end
                _end(hold, end_silence, now)
    return NotifyOutput(told=told, outcome=outcome, resolve_within_seconds=int(resolve_within.total_seconds()))


def _end(hold: Hold, end_silence: Callable[[str, datetime], None], now: datetime) -> None:
    try:
        end_silence(hold.id, now)
    except HistoryUnavailable:
        # The incident is closed; the silence runs out by itself in the end.
        logger.exception("The silence could not be ended", extra={"silence": hold.id})


def outcome_of(
    record: IncidentRecord, ended_by: Literal["resolved", "verified", "expired"], results: Sequence[StepResult]
) -> Outcome:
    """Return how an incident ended, from the event that ended it and what had happened before.

    Once a human was called it is the human's, whatever a runbook did before. An incident that should have woken a
    person never counts as cleared by itself, even if no page is on record: history must not learn to ignore it. A held
    incident that resolved cleared by itself if a rule held it; one under a silence or in a maintenance window is
    suppressed.
    """
    if ended_by == "expired":
        return "expired"
    if record.pages or record.paged_at or record.acknowledged_at:
        return "resolved"
    if hold := waited_for(record):
        return "self_cleared" if hold.by == "rule" else "suppressed"
    if any(result.kind == "act" and result.status == RUN_SUCCEEDED for result in results):
        return "auto_resolved"
    return "resolved" if SEVERITY_RANK[severity(record)] >= PAGING_RANK else "self_cleared"


def waited_for(record: IncidentRecord) -> Hold | None:
    """Return the hold in which the incident resolved; None if people were told of it or were about to be."""
    hold = record.classification.hold if record.classification else None
    if hold is None or record.hold_ended_at is not None or record.worsened_to is not None:
        return None
    return hold if record.resolved_at is not None and record.resolved_at < hold.until else None


def unwritten(incident: Incident) -> IncidentRecord:
    """Build the record of an incident that is missing in the table."""
    return IncidentRecord(
        incident=incident, status="STARTED", alert_count=incident.alert_count, last_alert_at=incident.opened_at
    )


def _close(
    record: IncidentRecord,
    outcome: Outcome,
    reason: str,
    results: Sequence[StepResult],
    incidents: Incidents,
    now: datetime,
) -> IncidentRecord:
    """Close the incident, and count its end unless it was closed before."""
    closed = incidents.close(record.incident.incident_id, outcome, reason, results, now)
    if record.status != "CLOSED":
        metrics.add_metric(name=METRICS[outcome], unit="Count", value=1)
        if outcome not in ("suppressed", "expired"):
            ended = closed.resolved_at or closed.closed_at or now
            seconds = max(0.0, (ended - closed.incident.opened_at).total_seconds())
            metrics.add_metric(name="TimeToResolve", unit="Seconds", value=seconds)
    return closed


def _tell(
    kind: NotificationKind,
    record: IncidentRecord,
    reason: str,
    *,
    channels: Mapping[str, Channel],
    now: datetime,
    required: bool = False,
) -> bool:
    """Tell every channel and return True if one took the message.

    If it is `required`, raise the first failure if none did.
    """
    told = tell_all(Notification(kind=kind, record=record, reason=reason[:4_000], at=now), channels)
    if required and told.failed and not told.reached:
        raise next(iter(told.failed.values()))
    return bool(told.reached)


def _with(record: IncidentRecord, **known: object) -> IncidentRecord:
    """Return the record, with the values from the event where the state machine knows newer ones."""
    return record.model_copy(update=known)
