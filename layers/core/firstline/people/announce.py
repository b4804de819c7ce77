"""Tell people what Firstline does by itself, ask them what it may not decide, and close what is over."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
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
"""What the notify function gets, told apart by the state that sends it."""

RUN_SUCCEEDED = "Success"
"""Run Command's word for a command that exited with 0."""

METRICS: dict[Outcome, str] = {
    "suppressed": "Suppressed",
    "self_cleared": "SelfCleared",
    "auto_resolved": "AutoResolved",
    "resolved": "ResolvedByHuman",
    "expired": "Expired",
}
"""What the dashboard calls each end."""


def announce(
    event: NotifyInput,
    *,
    channels: Mapping[str, Channel],
    incidents: Incidents,
    now: datetime,
    resolve_within: timedelta,
    end_silence: Callable[[str, datetime], None],
) -> NotifyOutput:
    """Do what one of the notify function's states is there for.

    Suppressed noise is written down and counted, and nobody is told. Closing is written before anybody is told, and a
    channel that fails then is logged only: the incident is over. `told` is false when no channel took the message.

    Parameters
    ----------
    end_silence
        Ends a silence, by its id, that waited for its incident to resolve.

    Raises
    ------
    ChannelFailed
        `Notify Ops` has channels and none took the message, or nobody could be asked for an approval at all: a human is
        needed and knows nothing.
    HistoryUnavailable
        The table could not be reached.
    """
    record = incidents.record(event.incident.incident_id) or _unwritten(event.incident)
    outcome: Outcome | None = None
    match event:
        case RecordSuppressionInput():
            outcome = "suppressed"
            _close(record, outcome, "; ".join(event.classification.reasons), [], incidents, now)
            told = False
        case AnnounceRemediationInput():
            told = _tell("remediating", record, {"plan": event.plan}, event.plan.decision_reason, channels, now)
        case RequestApprovalInput():
            told = _ask("approval", record, {"plan": event.plan}, event.plan.decision_reason, channels, now)
            if not told:
                raise ChannelFailed(
                    "Nobody can be asked to approve: set the secret slack/bot-token (docs/channels/slack.md).",
                    retryable=False,
                )
        case NotifyOpsInput():
            known = {"plan": event.plan or record.plan, "results": event.results or record.results}
            told = _ask("needs_human", record, known, event.reason, channels, now)
        case CloseIncidentInput():
            results = event.results or record.results
            outcome = outcome_of(record, event.ended_by, results)
            hold = waited_for(record)
            reason = event.reason if hold is None else f"{hold.reason} {event.reason}"
            closed = _close(record, outcome, reason, results, incidents, now)
            outcome = closed.outcome or outcome
            if hold is not None:
                told = False  # nobody heard that it began
                if hold.until_resolved:
                    _end(hold, end_silence, now)
            else:
                told = _tell("closed", closed, {"results": closed.results or results}, event.reason, channels, now)
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
    """How an incident ended, from what ended the waiting and what had happened until then.

    Once a human was called it is the human's, whatever a runbook did before. An incident that should have woken
    somebody never counts as cleared by itself, even if no page is on record: history must not learn to ignore it. Only
    where a rule waits for exactly that did it clear by itself; what a silence or a window kept back tells nothing.
    """
    if ended_by == "expired":
        return "expired"
    if record.pages or record.paged_at or record.acknowledged_at:
        return "resolved"
    hold = waited_for(record)
    if hold is not None:
        return "self_cleared" if hold.by == "rule" else "suppressed"
    if any(result.kind == "act" and result.status == RUN_SUCCEEDED for result in results):
        return "auto_resolved"
    return "resolved" if SEVERITY_RANK[severity(record)] >= PAGING_RANK else "self_cleared"


def waited_for(record: IncidentRecord) -> Hold | None:
    """What an incident still waited for when it resolved; None when people had heard of it, or were about to."""
    hold = record.classification.hold if record.classification else None
    if hold is None or record.hold_ended_at is not None or record.worsened_to is not None:
        return None
    return hold if record.resolved_at is not None and record.resolved_at < hold.until else None


def _close(
    record: IncidentRecord,
    outcome: Outcome,
    reason: str,
    results: Sequence[StepResult],
    incidents: Incidents,
    now: datetime,
) -> IncidentRecord:
    closed = incidents.close(record.incident.incident_id, outcome, reason, results, now)
    if record.status != "CLOSED":
        _count(closed, outcome, now)
    return closed


def _count(closed: IncidentRecord, outcome: Outcome, now: datetime) -> None:
    metrics.add_metric(name=METRICS[outcome], unit="Count", value=1)
    if outcome not in ("suppressed", "expired"):
        ended = closed.resolved_at or closed.closed_at or now
        seconds = max(0.0, (ended - closed.incident.opened_at).total_seconds())
        metrics.add_metric(name="TimeToResolve", unit="Seconds", value=seconds)


def _tell(
    kind: NotificationKind,
    record: IncidentRecord,
    known: Mapping[str, object],
    reason: str,
    channels: Mapping[str, Channel],
    now: datetime,
) -> bool:
    """Tell everybody; what the state machine knows goes over what the table says."""
    return bool(tell_all(_notification(kind, record, known, reason, now), channels).reached)


def _ask(
    kind: NotificationKind,
    record: IncidentRecord,
    known: Mapping[str, object],
    reason: str,
    channels: Mapping[str, Channel],
    now: datetime,
) -> bool:
    """Like `_tell`, but silence is a failure when there was a channel to speak through."""
    told = tell_all(_notification(kind, record, known, reason, now), channels)
    if told.failed and not told.reached:
        raise next(iter(told.failed.values()))
    return bool(told.reached)


def _notification(
    kind: NotificationKind, record: IncidentRecord, known: Mapping[str, object], reason: str, now: datetime
) -> Notification:
    return Notification(kind=kind, record=record.model_copy(update=dict(known)), reason=reason[:4_000], at=now)


def _unwritten(incident: Incident) -> IncidentRecord:
    return IncidentRecord(
        incident=incident, status="STARTED", alert_count=incident.alert_count, last_alert_at=incident.opened_at
    )
