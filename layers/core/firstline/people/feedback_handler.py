"""The answers and notes that people give in Slack: store each, tell its author what follows, update the message.

Anybody may answer. `classification/history.py` and the guardrails limit what an answer changes.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from firstline.channels import slack_feedback
from firstline.channels.delivery import Channel, tell_all
from firstline.errors import ChannelFailed, ExecutionsUnavailable, FeedbackRefused
from firstline.incidents.audit_trail import Trail, judged, noted, witness
from firstline.incidents.lifecycle import Executions, resolve_by_hand
from firstline.incidents.store import Incidents
from firstline.models import Feedback, IncidentRecord, Notification
from firstline.observability import logger, metrics
from firstline.people import judge
from firstline.people.buttons import Press, Whisper, tell_one


@dataclass(frozen=True)
class Ear:
    """The handler of answers and notes, with everything that they touch.

    Parameters
    ----------
    open_form
        Puts a form before the person whose press gave the trigger id; may raise ChannelFailed.
    """

    incidents: Incidents
    executions: Executions
    trail: Trail
    channels: Mapping[str, Channel]
    whisper: Whisper | None
    open_form: Callable[[str, dict[str, Any]], object] | None

    def hear(self, press: Press, now: datetime) -> None:
        """Store the answer or the note, or open the form that the person asked for.

        Raises
        ------
        HistoryUnavailable
            The table could not be reached; Slack says so, and the person can repeat it.
        """
        try:
            match press.button:
                case "note":
                    self._ask(press)
                case "judge":
                    self._judge(press, now)
                case "write":
                    self._write(press, now)
        except FeedbackRefused as refused:
            tell_one(self.whisper, press, str(refused))

    def _ask(self, press: Press) -> None:
        # Nothing is read first: the trigger is good for three seconds, a cold start included.
        if self.open_form is None:
            logger.warning("No form can be opened: the secret slack/bot-token is not set")
            return
        try:
            view = slack_feedback.note_form(press.incident_id, press.channel, resolves=press.resolves)
            self.open_form(press.trigger_id, view)
        except ChannelFailed as failure:
            logger.warning("Could not open the form for a note", extra={"why": str(failure)})
            tell_one(self.whisper, press, "Slack would not open the form in time. Press the button again.")

    def _judge(self, press: Press, now: datetime) -> None:
        word = word_of(press, now)
        record = judge.give(press.incident_id, word, incidents=self.incidents)
        witness(self.trail, press.incident_id, [judged(word)], now)
        metrics.add_metric(name="Judged", unit="Count", value=1)
        text = f"Noted: {slack_feedback.said(word)}. {judge.consequence(record, word)}"
        tell_one(self.whisper, press, text)
        self._show(record, now)

    def _write(self, press: Press, now: datetime) -> None:
        record = judge.note(press.incident_id, press.by, press.answer, now, incidents=self.incidents)
        witness(self.trail, press.incident_id, [noted(record.notes[-1])], now)
        resolved = None
        text = "Thank you: whoever meets this next reads it."
        if press.resolves:
            try:
                resolved = resolve_by_hand(
                    press.incident_id, press.by, now, incidents=self.incidents, executions=self.executions
                )
            except ExecutionsUnavailable:
                logger.exception("A note resolved an incident, but its execution could not be told; reconcile will")
                text += " AWS is slow to react, so the incident ends within a minute or two."
        tell_one(self.whisper, press, text)
        if resolved is not None:
            closed = Notification(kind="closed", record=resolved, reason=f"{press.by} pressed Resolve.", at=now)
            tell_all(closed, self._slack(), rounds=1)
        else:
            self._show(record, now)

    def _show(self, record: IncidentRecord, now: datetime) -> None:
        """Update the message of a closed incident. An open one shows it in its next message; a hidden one has none."""
        if record.closed_at is not None and record.slack_ts is not None:
            reason = (record.outcome_reason or "")[:4_000]
            notification = Notification(kind="closed", record=record, reason=reason, at=now)
            tell_all(notification, self._slack(), rounds=1)  # Slack gives a button three seconds

    def _slack(self) -> dict[str, Channel]:
        return {name: channel for name, channel in self.channels.items() if name == "slack"}


def word_of(press: Press, now: datetime) -> Feedback:
    """Turn the chosen menu entry into a `Feedback`. Slack's user ids tell people apart; names may change."""
    said, _, severity = press.answer.partition("-")
    fields = {"said": "wrong_severity", "severity": severity} if said == "severity" else {"said": said}
    return Feedback.model_validate({"person": f"slack:{press.user_id}", "by": press.by, "at": now, **fields})
