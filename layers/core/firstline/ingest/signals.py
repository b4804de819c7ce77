"""The answers to messages that are no alerts: people's words at a sender, and a sender's own requests."""

from collections.abc import Callable
from datetime import datetime

from firstline.errors import ExecutionsUnavailable, FeedbackRefused
from firstline.incidents import lifecycle
from firstline.incidents.store import Incidents
from firstline.observability import logger
from firstline.sources.signal import (
    IncidentNote,
    OwnIncidentSeen,
    OwnIncidentSignal,
    Signal,
    SubscriptionConfirmation,
)


def take_signal(
    signal: Signal,
    now: datetime,
    incidents: Incidents,
    executions: lifecycle.Executions,
    confirm_subscription: Callable[[str, str], None],
) -> None:
    """Act on one message."""
    match signal:
        case SubscriptionConfirmation(topic_arn, token):
            confirm_subscription(topic_arn, token)
        case OwnIncidentSeen(sender_id, incident_id):
            incidents.remember_page(sender_id, incident_id, now)
        case OwnIncidentSignal():
            _apply(signal, now, incidents, executions)
        case IncidentNote():
            _save_note(signal, now, incidents)


def _apply(signal: OwnIncidentSignal, now: datetime, incidents: Incidents, executions: lifecycle.Executions) -> None:
    apply = lifecycle.acknowledge if signal.kind == "acknowledged" else lifecycle.resolve_by_hand
    try:
        apply(signal.incident_id, signal.by, now, incidents=incidents, executions=executions)
    except ExecutionsUnavailable:
        logger.exception("the execution could not be told; reconcile will")


def _save_note(note: IncidentNote, now: datetime, incidents: Incidents) -> None:
    incident_id = incidents.incident_paged_as(note.sender_id)
    if incident_id is None:
        return
    from firstline.people import feedback_store

    try:
        feedback_store.save_note(incident_id, note.by, note.text, now, incidents=incidents)
    except FeedbackRefused as refused:
        logger.info("a note was not kept: %s", refused)
