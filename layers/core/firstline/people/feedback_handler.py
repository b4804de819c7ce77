"""The handler of answers and notes in Slack: stores each, tells its author what follows, updates the message.

Anybody may answer. `classification/history.py` and the guardrails limit what an answer changes.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from firstline.channels import slack_feedback
from firstline.channels.delivery import Channel, tell_slack
from firstline.errors import ChannelFailed, ExecutionsUnavailable, FeedbackRefused
from firstline.incidents.audit_trail import Trail, append_or_log, judged, noted
from firstline.incidents.lifecycle import Executions, resolve_by_hand
from firstline.incidents.store import Incidents
from firstline.models import Feedback, IncidentRecord, Notification
from firstline.observability import logger, metrics
from firstline.people import judge
from firstline.people.buttons import Press, Whisper, tell_one


@dataclass(frozen=True)
class FeedbackHandler:
    """Handles answers and notes of one request.

    Parameters
    ----------
    open_form
        Puts a form before the person whose press gave the trigger id; may raise ChannelFailed.
    """

    history: Incidents
    executions: Executions
    trail: Trail
    channels: Mapping[str, Channel]
    whisper: Whisper | None
    open_form: Callable[[str, dict[str, Any]], object] | None

    def handle(self, press: Press, now: datetime) -> None:
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
        record = judge.save_feedback(press.incident_id, word, history=self.history)
        append_or_log(self.trail, press.incident_id, [judged(word)], now)
        metrics.add_metric(name="Judged", unit="Count", value=1)
        text = f"Noted: {slack_feedback.said(word)}. {judge.consequence(record, word)}"
        tell_one(self.whisper, press, text)
        self._show(record, now)

    def _write(self, press: Press, now: datetime) -> None:
        record = judge.save_note(press.incident_id, press.by, press.answer, now, history=self.history)
        append_or_log(self.trail, press.incident_id, [noted(record.notes[-1])], now)
        resolved = None
        text = "Thank you: whoever meets this next reads it."
        if press.resolves:
            try:
                resolved = resolve_by_hand(
                    press.incident_id, press.by, now, history=self.history, executions=self.executions
                )
            except ExecutionsUnavailable:
                logger.exception("A note resolved an incident, but its execution could not be told; reconcile will")
                text += " AWS is slow to react, so the incident ends within a minute or two."
        tell_one(self.whisper, press, text)
        if resolved is not None:
            reason = f"{press.by} pressed Resolve."
            tell_slack(Notification(kind="closed", record=resolved, reason=reason, at=now), self.channels)
        else:
            self._show(record, now)

    def _show(self, record: IncidentRecord, now: datetime) -> None:
        """Update a closed incident's message.

        An open incident shows the feedback in its next message; a suppressed one has no message.
        """
        if record.closed_at is not None and record.slack_ts is not None:
            reason = (record.outcome_reason or "")[:4_000]
            tell_slack(Notification(kind="closed", record=record, reason=reason, at=now), self.channels)


def word_of(press: Press, now: datetime) -> Feedback:
    """Turn the chosen menu entry into a `Feedback`. Slack's user ids tell people apart; names may change."""
    said, _, severity = press.answer.partition("-")
    fields = {"said": "wrong_severity", "severity": severity} if said == "severity" else {"said": said}
    return Feedback.model_validate({"person": f"slack:{press.user_id}", "by": press.by, "at": now, **fields})
