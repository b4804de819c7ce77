"""What people and senders may say of an open incident: mine, over. (Yes and no to a plan: `firstline.approvals`.)

Always in the same order: first the table, under a condition, then the waiting execution. An execution that begins to
wait after the table was written sees it there; one that waits already is told. So no signal is lost between the two.
"""

from datetime import datetime
from typing import Protocol

from firstline.models import Feedback, IncidentRecord, Note, SourceSeverity
from firstline.observability import metrics
from firstline.people.reasons import worsened


class Signals(Protocol):
    """The waiting executions."""

    def signal(self, token: str, signal: str, by: str) -> bool:
        """End a wait."""

    def interrupt(self, token: str, error: str, cause: str) -> bool:
        """End a wait with an error."""


class Incidents(Protocol):
    """The incidents' records."""

    def acknowledge(self, incident_id: str, by: str, now: datetime) -> IncidentRecord | None:
        """None when somebody did before, or it is over."""

    def resolve(self, incident_id: str, by: str, now: datetime) -> IncidentRecord | None:
        """None when it was before."""


class HeldIncidents(Protocol):
    """The records of incidents that may wait."""

    def end_hold(self, incident_id: str, because: str, now: datetime) -> IncidentRecord | None:
        """None when somebody did before, or it is over."""


class Judged(Protocol):
    """The incidents' records, as people's words change them."""

    def record(self, incident_id: str) -> IncidentRecord | None:
        """The incident so far."""

    def append_word(self, incident_id: str, word: Feedback, *, seen: IncidentRecord) -> IncidentRecord | None:
        """Append a word; None when somebody else spoke since the record was `seen`."""

    def append_note(self, incident_id: str, note: Note, *, seen: IncidentRecord) -> IncidentRecord | None:
        """Append a note, in the same way."""

    def remember_the_end(self, record: IncidentRecord) -> None:
        """Bring the evidence for the group's next incident up to date, if this one is over."""


def acknowledge(
    incident_id: str, by: str, now: datetime, *, history: Incidents, executions: Signals
) -> IncidentRecord | None:
    """Somebody takes it. None when somebody did before, or it is over, or there is no such incident."""
    record = history.acknowledge(incident_id, by, now)
    if record is not None:
        _count_acknowledgement(record, now)
        tell_acknowledged(record, executions=executions)
    return record


def tell_acknowledged(record: IncidentRecord, *, executions: Signals) -> bool:
    """Tell the execution of an acknowledged incident, if that is what it waits for."""
    if not record.task_token or record.awaiting != "acknowledgement":
        return False
    return executions.signal(record.task_token, "acknowledged", record.acknowledged_by or "somebody")


def resolve(
    incident_id: str, by: str, now: datetime, *, history: Incidents, executions: Signals
) -> IncidentRecord | None:
    """It is over. None when it was before, or there is no such incident."""
    record = history.resolve(incident_id, by, now)
    if record is not None:
        tell_resolved(record, executions=executions)
    return record


def resolve_by_hand(
    incident_id: str, by: str, now: datetime, *, history: Incidents, executions: Signals
) -> IncidentRecord | None:
    """A person says that it is over, and has thereby taken it, too: it did not clear by itself."""
    taken = history.acknowledge(incident_id, by, now)
    if taken is not None:
        _count_acknowledgement(taken, now)
    return resolve(incident_id, by, now, history=history, executions=executions)


def tell_resolved(record: IncidentRecord, *, executions: Signals) -> bool:
    """Tell the execution of a resolved incident, whatever it waits for. False when it waits for nothing."""
    if not record.task_token:
        return False
    return executions.signal(record.task_token, "resolved", record.resolved_by or "the sender")


def tell_worsened(record: IncidentRecord, severity: SourceSeverity, *, executions: Signals) -> bool:
    """Wake somebody after all: an alert of paging severity joined an incident that nobody was paged for."""
    if record.paged_at or not record.task_token or record.awaiting not in ("hold", "approval", "resolution"):
        return False
    return executions.interrupt(record.task_token, "Worsened", worsened(severity))


def end_hold(
    incident_id: str, because: str, now: datetime, *, history: HeldIncidents, executions: Signals
) -> IncidentRecord | None:
    """An incident that waits, or is about to, waits no longer. None when it did not, or it is over."""
    record = history.end_hold(incident_id, because, now)
    if record is not None:
        tell_hold_ended(record, executions=executions)
    return record


def tell_hold_ended(record: IncidentRecord, *, executions: Signals) -> bool:
    """Tell the execution of an incident that it has waited enough, if that is what it waits for."""
    if not record.task_token or record.awaiting != "hold" or record.hold_ended_at is None:
        return False
    return executions.signal(record.task_token, "go on", record.hold_ended_because or "somebody")


def tell_decided(record: IncidentRecord, *, executions: Signals) -> bool:
    """Tell the execution of an incident whose plan was decided on, if that is what it waits for."""
    if not record.task_token or record.decision is None or record.awaiting != "approval":
        return False
    return executions.signal(record.task_token, record.decision, record.decided_by or "somebody")


def _count_acknowledgement(record: IncidentRecord, now: datetime) -> None:
    since = record.paged_at or record.incident.opened_at
    metrics.add_metric(name="TimeToAcknowledge", unit="Seconds", value=max(0.0, (now - since).total_seconds()))
