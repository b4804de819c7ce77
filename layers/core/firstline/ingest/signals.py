"""The answers to messages that are no alerts: people's words at a sender, and a sender's own requests."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import TYPE_CHECKING

from firstline.errors import ExecutionsUnavailable, FeedbackRefused
from firstline.incidents import lifecycle
from firstline.observability import logger
from firstline.sources.signal import (
    AlertSignal,
    IncidentNote,
    OwnIncidentSeen,
    OwnIncidentSignal,
    SubscriptionConfirmation,
)

if TYPE_CHECKING:
    from firstline.incidents.store import Incidents
    from firstline.sources.signal import (
        Signal,
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
        case OwnIncidentSeen(sender_id, incident_id, over):
            if _was_paged_as(sender_id, incident_id, now, incidents) and over:
                incidents.forget_page(sender_id, incident_id, now)
        case OwnIncidentSignal():
            _apply(signal, now, incidents, executions)
        case AlertSignal():
            live = incidents.live(signal.group_key)
            if live is not None and live.open:
                _effect(signal, live.incident_id, now, incidents, executions)
        case IncidentNote():
            _save_note(signal, now, incidents)


def _was_paged_as(sender_id: str, incident_id: str, now: datetime, incidents: Incidents) -> bool:
    """Return True if Firstline paged for the incident at PagerDuty, and it is known there under this id.

    The first id that is seen is remembered until that one is over there. So nobody who knows how our ids are made can
    answer a page with an incident of their own.
    """
    record = incidents.record(incident_id)
    pages = record.pages if record is not None else []
    # A page that goes out at this moment is not written down yet.
    paged_there = any("pagerduty" in page.delivered_to or page.at is None for page in pages)
    if paged_there and incidents.remember_page(sender_id, incident_id, now):
        return True
    logger.info("a webhook of PagerDuty is about no page of ours", incident=incident_id, sender_id=sender_id)
    return False


def _apply(signal: OwnIncidentSignal, now: datetime, incidents: Incidents, executions: lifecycle.Executions) -> None:
    if _was_paged_as(signal.sender_id, signal.incident_id, now, incidents):
        _effect(signal, signal.incident_id, now, incidents, executions)


def _effect(
    signal: OwnIncidentSignal | AlertSignal,
    incident_id: str,
    now: datetime,
    incidents: Incidents,
    executions: lifecycle.Executions,
) -> None:
    """Let a change have its effect, unless a later one of the same incident there came in before it."""
    said_at = min(signal.said_at or now, now)
    if not incidents.take_in_order(signal.sender_id, said_at, now):
        logger.info("a webhook of PagerDuty came late or twice", incident=incident_id, sender_id=signal.sender_id)
        return
    try:
        _EFFECTS[signal.kind](incident_id, signal.by, now, incidents=incidents, executions=executions)
    except ExecutionsUnavailable:
        logger.exception("the execution could not be told; reconcile will")


_EFFECTS: Mapping[str, Callable[..., object]] = {
    "acknowledged": lifecycle.acknowledge,
    "taken back": lifecycle.take_back,
    "resolved": lifecycle.resolve_by_hand,
}


def _save_note(note: IncidentNote, now: datetime, incidents: Incidents) -> None:
    incident_id = incidents.incident_paged_as(note.sender_id)
    if incident_id is None:
        return
    from firstline.classification import feedback_store

    try:
        feedback_store.save_note(incident_id, note.by, note.text, now, incidents=incidents)
    except FeedbackRefused as refused:
        logger.info("a note was not kept: %s", refused)
