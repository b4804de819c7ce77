"""The end of a remediation: its audit trail is written, its locks are released, its runbook's record is updated."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from firstline.contracts import (
    AnnounceQuietInput,
    AnnounceRemediationInput,
    AwaitQuietInput,
    CloseIncidentInput,
    NotifyInput,
    NotifyOpsInput,
    PageOnCallInput,
    RecordSuppressionInput,
)
from firstline.errors import HistoryUnavailable, RemediationContended
from firstline.incidents.audit_trail import (
    Fact,
    Trail,
    acknowledged,
    all_ended,
    append_or_log,
    decided,
    held,
    joined,
    paged,
    ran,
    resolved,
)
from firstline.incidents.store import Incidents
from firstline.models import IncidentRecord, RemediationPlan, StepResult
from firstline.models.plan import RUN_SUCCEEDED
from firstline.observability import logger, metrics
from firstline.remediation.autonomy import is_proven, news_of_standing, outcome_of_run
from firstline.remediation.store import Remediations


def conclude(
    event: NotifyInput | PageOnCallInput,
    *,
    records: Incidents,
    remediations: Remediations,
    trail: Trail,
    say: Callable[[str], object],
    now: datetime,
    record: IncidentRecord | None = None,
) -> IncidentRecord | None:
    """Write to the audit trail what people were just told; if the remediation is over, store its outcome.

    A page, a message to ops and a closed incident end a remediation, unless its plan may still be approved. Errors of
    the table are logged and not raised: a lock that is not released ends by itself, and the incident's close tries
    again.

    Parameters
    ----------
    say
        Sends a text to the ops channel if a runbook earned or lost its autonomy; never raises.
    record
        The incident's record if it was read after people were told; None to read it here.

    Returns
    -------
    IncidentRecord | None
        The incident as it stands after people were told; None if it is unknown, or could not be read.
    """
    incident_id = event.incident.incident_id
    try:
        record = record or records.record(incident_id)
        if record is not None:
            over = _settle(event, record, remediations, say, now)
            append_or_log(trail, incident_id, _facts(event, record, over), now)
    except (HistoryUnavailable, RemediationContended):
        logger.exception("the remediation's outcome was not stored; its locks end by themselves")
        metrics.add_metric(name="RemediationUnsettled", unit="Count", value=1)
    return record


def _settle(
    event: NotifyInput | PageOnCallInput,
    record: IncidentRecord,
    remediations: Remediations,
    say: Callable[[str], object],
    now: datetime,
) -> list[Fact]:
    plan = _plan(event, record)
    if plan is None or not _is_over(event, record, plan):
        return []
    results = _results(event, record)
    outcome = outcome_of_run(plan, results, cured=_cured(event, record, results))
    # Of an alert that ended without data nobody knows whether the runbook helped.
    live = record.live
    without_data = record.outcome == "no_data" or (live is not None and live.firing <= 0 and live.lost > 0)
    did_not_help = outcome in ("failed", "undone") and not without_data
    incident_id = record.incident.incident_id
    accepted = None if record.decision is None else record.decision == "approved"
    demote = f"it did not help in incident {incident_id}" if did_not_help else None
    began = plan.planned_at if plan.decision == "auto" else record.decided_at if accepted else None
    proven = outcome == "verified" and is_proven(results)
    before = remediations.standing(plan.runbook_id).of(plan.scripts)
    if not remediations.settle(
        plan, incident_id, outcome, began=began, accepted=accepted, demote=demote, proven=proven, at=now
    ):
        return []
    if news := news_of_standing(plan, before, remediations.standing(plan.runbook_id)):
        say(news)
    facts = {"outcome": outcome, "runbook_id": plan.runbook_id, "plan_digest": plan.digest()}
    return [Fact(what="over", who="state machine", facts={**facts, "demoted": did_not_help})]


def _cured(event: NotifyInput | PageOnCallInput, record: IncidentRecord, results: list[StepResult]) -> bool:
    """Return True if the runbook helped: its verification held, or the incident's outcome is `auto_resolved`.

    After a person's approval, which acknowledges the incident, the outcome is `resolved` even if the runbook helped. In
    that case it helped if the alerts resolved and all its acts succeeded.
    """
    if record.outcome == "auto_resolved" or (record.live is not None and record.live.verified_at is not None):
        return True
    if record.outcome == "no_data":
        return False
    acts = [result for result in results if result.kind in ("act", "rollback")]
    succeeded = all(result.kind == "act" and result.status == RUN_SUCCEEDED for result in acts)
    ended = isinstance(event, CloseIncidentInput) and event.ended_by == "resolved"
    return ended and record.decision == "approved" and bool(acts) and succeeded


def _is_over(event: NotifyInput | PageOnCallInput, record: IncidentRecord, plan: RemediationPlan) -> bool:
    if record.status == "CLOSED":
        return True
    if isinstance(event, AnnounceRemediationInput | AnnounceQuietInput | AwaitQuietInput | RecordSuppressionInput):
        return False
    ended = isinstance(event, PageOnCallInput | NotifyOpsInput) and event.remediation is not None
    acted = bool(_results(event, record)) or (record.live is not None and record.live.acted_at is not None)
    return ended or acted or plan.decision != "approve" or record.decision == "refused"


def _facts(event: NotifyInput | PageOnCallInput, record: IncidentRecord, over: list[Fact]) -> list[Fact]:
    plan = _plan(event, record)
    facts = [
        *held(record),
        *joined(record),
        *paged(record),
        *acknowledged(record),
        *decided(record),
        *(ran(result, plan) for result in _results(event, record)),
        *over,
        *all_ended(record),
        *resolved(record),
    ]
    if record.status == "CLOSED" and record.outcome:
        live = record.live
        ended: dict[str, Any] = {
            "outcome": record.outcome,
            "reason": record.outcome_reason or "",
            "joined": live.alerts if live else record.alert_count,
            "firing": live.firing if live else 0,
        }
        facts.append(Fact(what="closed", who=record.resolved_by or "state machine", facts=ended))
    return facts


def _plan(event: NotifyInput | PageOnCallInput, record: IncidentRecord) -> RemediationPlan | None:
    given = event.plan if isinstance(event, PageOnCallInput | NotifyOpsInput) else None
    return given or record.plan


def _results(event: NotifyInput | PageOnCallInput, record: IncidentRecord) -> list[StepResult]:
    given = event.results if isinstance(event, PageOnCallInput | NotifyOpsInput | CloseIncidentInput) else []
    return given or record.results
