"""The handling of messages that are no alerts: what people do in PagerDuty, and SNS's requests for confirmation."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

from firstline.errors import ExecutionsUnavailable, FeedbackRefused, HistoryUnavailable
from firstline.incidents import lifecycle
from firstline.incidents.store import Incidents
from firstline.observability import logger
from firstline.sources.signal import (
    AlertSignal,
    IncidentNote,
    OwnIncidentSeen,
    OwnIncidentSignal,
    Signal,
    SubscriptionConfirmation,
)

_EFFECTS: Mapping[str, Callable[..., object]] = {
    "acknowledged": lifecycle.acknowledge,
    "taken back": lifecycle.take_back,
    "resolved": lifecycle.resolve_by_hand,
}


@dataclass(frozen=True)
class SignalHandler:
    """The handler of senders' messages that are no alerts.

    Parameters
    ----------
    confirm_subscription
        Confirms the subscription to an SNS topic, given the topic's ARN and the token that the topic sent.
    """

    incidents: Incidents
    executions: lifecycle.Executions
    confirm_subscription: Callable[[str, str], None]

    def take(self, signal: Signal, now: datetime) -> None:
        """Act on a message: confirm a subscription to an SNS topic, or take over what people did in PagerDuty.

        What they did there, such as to acknowledge, changes Firstline's incident; a note is stored with the incident. A
        message may also only tell the id that PagerDuty gave to the incident, which is remembered.
        """
        match signal:
            case SubscriptionConfirmation(topic_arn, token):
                self.confirm_subscription(topic_arn, token)
            case OwnIncidentSeen(sender_id, incident_id, over):
                if self._was_paged_as(sender_id, incident_id, now) and over:
                    self.incidents.forget_page(sender_id, incident_id, now)
            case OwnIncidentSignal():
                if self._was_paged_as(signal.sender_id, signal.incident_id, now):
                    self._apply(signal, signal.incident_id, now)
            case AlertSignal():
                live = self.incidents.live(signal.group_key)
                if live is not None and live.open:
                    self._apply(signal, live.incident_id, now)
            case IncidentNote():
                self._save(signal, now)

    def _was_paged_as(self, sender_id: str, incident_id: str, now: datetime) -> bool:
        """Return True if Firstline paged for the incident through PagerDuty, and PagerDuty's id of it is `sender_id`.

        The first id that PagerDuty sends for an incident is remembered until that PagerDuty incident is over. So an
        incident that somebody else opens in PagerDuty, with a forged key, cannot answer Firstline's page.
        """
        record = self.incidents.record(incident_id)
        pages = record.pages if record is not None else []
        # A page that goes out at this moment is not written down yet.
        paged_there = any("pagerduty" in page.delivered_to or page.at is None for page in pages)
        if paged_there and self.incidents.remember_page(sender_id, incident_id, now):
            return True
        logger.info(
            "a webhook of PagerDuty is ignored: Firstline did not page for its incident",
            incident=incident_id,
            sender_id=sender_id,
        )
        return False

    def _apply(self, signal: OwnIncidentSignal | AlertSignal, incident_id: str, now: datetime) -> None:
        """Change the incident as PagerDuty's message says; ignore a message that came twice or after a later one.

        PagerDuty sends a message again whose answer it did not get. By then, people may have been paged for more.
        """
        event = f"{signal.kind} {(signal.said_at or now).isoformat()}"
        said_at = min(signal.said_at or now, now)
        if not self.incidents.take_in_order(signal.sender_id, event, said_at, now):
            logger.info(
                "a webhook of PagerDuty is ignored: it came twice, or after a later change of its incident",
                incident=incident_id,
                sender_id=signal.sender_id,
            )
            return
        try:
            _EFFECTS[signal.kind](incident_id, signal.by, now, incidents=self.incidents, executions=self.executions)
        except ExecutionsUnavailable:
            logger.exception("the execution of incident %s was not signalled, reconcile does it", incident_id)
        try:
            self.incidents.mark_taken(signal.sender_id, event, said_at)
        except HistoryUnavailable:
            # An error as the answer would make PagerDuty send it again, though it took effect.
            logger.warning(
                "not stored that a webhook of PagerDuty on incident %s took effect", incident_id, exc_info=True
            )

    def _save(self, note: IncidentNote, now: datetime) -> None:
        incident_id = self.incidents.incident_paged_as(note.sender_id)
        if incident_id is None:
            return
        from firstline.classification import feedback_store

        try:
            feedback_store.save_note(incident_id, note.by, note.text, now, incidents=self.incidents)
        except FeedbackRefused as refused:
            logger.info("a note from PagerDuty on incident %s is not stored: %s", incident_id, refused)
