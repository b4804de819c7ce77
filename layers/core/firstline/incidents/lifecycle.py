"""The lifecycle of an open incident: acknowledged, hold ended, resolved. Approvals: `firstline.people.approve`.

Each change is first written to the store, under a condition; then the waiting execution is told. An execution that
begins to wait after the write finds it in the store, and one that waits already is told: no signal is lost in between.
"""

from datetime import datetime
from typing import Protocol

from firstline.incidents.store import Incidents
from firstline.models import IncidentRecord, SourceSeverity
from firstline.observability import metrics
from firstline.people.reasons import worsened


class Executions(Protocol):
    """The executions of the state machine. Every method raises `ExecutionsUnavailable` when Step Functions fails."""

    def start(self, incident_id: str, execution_input: str) -> None:
        """Start an incident's execution; starting it again with the same input changes nothing."""

    def signal(self, token: str, signal: str, by: str) -> bool:
        """End the wait behind a task token; return False if nothing waits on it any more."""

    def interrupt(self, token: str, error: str, cause: str) -> bool:
        """End the wait with an error that the state machine catches; return False as `signal` does."""


def acknowledge(
    incident_id: str, by: str, now: datetime, *, incidents: Incidents, executions: Executions
) -> IncidentRecord | None:
    """Record who acknowledged the incident. Return None if someone already has, or the incident is over or unknown."""
    record = incidents.acknowledge(incident_id, by, now)
    if record is not None:
        _count_acknowledgement(record, now)
        tell_acknowledged(record, executions=executions)
    return record


def tell_acknowledged(record: IncidentRecord, *, executions: Executions) -> bool:
    """Tell the execution that the incident is acknowledged, if it waits for an acknowledgement."""
    if not record.task_token or record.awaiting != "acknowledgement":
        return False
    return executions.signal(record.task_token, "acknowledged", record.acknowledged_by or "somebody")


def resolve(
    incident_id: str, by: str, now: datetime, *, incidents: Incidents, executions: Executions
) -> IncidentRecord | None:
    """Mark the incident resolved and tell its execution. Return None if it was already over or is unknown."""
    record = incidents.resolve(incident_id, by, now)
    if record is not None:
        tell_resolved(record, executions=executions)
    return record


def resolve_by_hand(
    incident_id: str, by: str, now: datetime, *, incidents: Incidents, executions: Executions
) -> IncidentRecord | None:
    """Resolve the incident for a person, which also acknowledges it: the incident did not clear by itself."""
    taken = incidents.acknowledge(incident_id, by, now)
    if taken is not None:
        _count_acknowledgement(taken, now)
    return resolve(incident_id, by, now, incidents=incidents, executions=executions)


def tell_resolved(record: IncidentRecord, *, executions: Executions) -> bool:
    """Tell the execution that the incident is resolved, whatever it waits for. Return False if it waits for nothing."""
    if not record.task_token:
        return False
    return executions.signal(record.task_token, "resolved", record.resolved_by or "the sender")


def tell_worsened(record: IncidentRecord, severity: SourceSeverity, *, executions: Executions) -> bool:
    """Interrupt the execution because an alert of paging severity joined, unless a page went out before."""
    if record.paged_at or not record.task_token or record.awaiting not in ("hold", "approval", "resolution"):
        return False
    return executions.interrupt(record.task_token, "Worsened", worsened(severity))


def end_hold(
    incident_id: str, because: str, now: datetime, *, incidents: Incidents, executions: Executions
) -> IncidentRecord | None:
    """End the incident's hold, even one about to begin. Return None if it has ended or the incident is over."""
    record = incidents.end_hold(incident_id, because, now)
    if record is not None:
        tell_hold_ended(record, executions=executions)
    return record


def tell_hold_ended(record: IncidentRecord, *, executions: Executions) -> bool:
    """Tell the execution that the hold has ended, if it waits for that."""
    if not record.task_token or record.awaiting != "hold" or record.hold_ended_at is None:
        return False
    return executions.signal(record.task_token, "go on", record.hold_ended_because or "somebody")


def tell_decided(record: IncidentRecord, *, executions: Executions) -> bool:
    """Tell the execution the decision on its plan, if it waits for one."""
    if not record.task_token or record.decision is None or record.awaiting != "approval":
        return False
    return executions.signal(record.task_token, record.decision, record.decided_by or "somebody")


def _count_acknowledgement(record: IncidentRecord, now: datetime) -> None:
    since = record.paged_at or record.incident.opened_at
    metrics.add_metric(name="TimeToAcknowledge", unit="Seconds", value=max(0.0, (now - since).total_seconds()))
