"""The handler of presses in Slack: acts on each, answers the person who pressed, and updates the incident's message."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from firstline.channels import slack_feedback
from firstline.channels.delivery import Channel, tell_others, tell_slack
from firstline.errors import ApprovalRefused, ChannelFailed, ExecutionsUnavailable, FeedbackRefused, JoinedSince
from firstline.incidents.audit_trail import Trail, acknowledged, append_or_log, judged, noted, resolved
from firstline.incidents.lifecycle import Executions, acknowledge, resolve_by_hand
from firstline.incidents.store import Incidents
from firstline.models import Feedback, IncidentRecord, Notification
from firstline.observability import logger, metrics
from firstline.people import approve, feedback_store, lasting_words
from firstline.people.buttons import Press
from firstline.people.links import Link
from firstline.people.members import joined_since, names, stored_members
from firstline.people.show import mark_shown, show_again
from firstline.remediation.store import Remediations
from firstline.text import count


@dataclass(frozen=True)
class PressHandler:
    """Handles the presses of one request. Pressing twice does no harm.

    Anybody may refuse a plan, because that only brings a human in, and anybody may give feedback:
    `classification/history.py` and the guardrails limit what it changes.

    Parameters
    ----------
    approvers
        Slack user ids; only they may approve or get a link to the approval page.
    address
        Signs a link to the approval page and returns it as an address; raises NotEntitled while the page is closed.
    whisper
        Sends a message that only one user sees: channel, user, text, and a link for that user or None. May raise
        ChannelFailed. None without a bot, as is `open_form`.
    open_form
        Puts a form before the person whose press gave the trigger id; may raise ChannelFailed.
    """

    incidents: Incidents
    remediations: Remediations
    executions: Executions
    trail: Trail
    channels: Mapping[str, Channel]
    approvers: Sequence[str]
    address: Callable[[Link], str]
    whisper: Callable[[str, str, str, str | None], object] | None
    open_form: Callable[[str, dict[str, Any]], object] | None

    def handle(self, press: Press, now: datetime) -> None:
        """Act on a press, answer the person who pressed, and update the incident's message.

        Raises
        ------
        HistoryUnavailable
            The table could not be reached and nothing was decided; Slack says so, and the person can repeat it.
        """
        try:
            match press.button:
                case "acknowledge" | "resolve":
                    self._change(press, now)
                case "review":
                    self._invite(press, now)
                case "approve" | "refuse":
                    self._decide(press, now)
                case "note":
                    self._open_form(press)
                case "judge":
                    self._judge(press, now)
                case "word":
                    self._say(press, now)
                case "write":
                    self._write(press, now)
        except (ApprovalRefused, FeedbackRefused) as refused:
            self._answer(press, str(refused))
        except JoinedSince as since:
            self._tell_what_joined(press, since, now)
        except ExecutionsUnavailable:
            logger.exception("A button was written down, but the execution could not be told; reconcile will")
            self._answer(press, "Noted. AWS is slow to react, so it takes effect within a minute or two.")

    def _change(self, press: Press, now: datetime) -> None:
        ports: Any = {"incidents": self.incidents, "executions": self.executions}
        if press.button == "acknowledge":

            def show(record: IncidentRecord) -> None:
                self._say_acknowledged(press, record, now)

            record = acknowledge(press.incident_id, press.by, now, **ports, show=show)
        else:
            record = resolve_by_hand(press.incident_id, press.by, now, seen=press.seen, **ports)
        if record is None:
            self._answer(press, "Nothing to do: this incident is over, or no longer waits for that.")
            return
        logger.info("A button was pressed", extra={"button": press.button, "incident_id": press.incident_id})
        if press.button == "resolve":
            self._say_resolved(press, record, now)

    def _say_acknowledged(self, press: Press, record: IncidentRecord, now: datetime) -> None:
        append_or_log(self.trail, press.incident_id, acknowledged(record), now)
        reason = f"{press.by} pressed Acknowledge."
        notification = Notification(kind="acknowledged", record=record, reason=reason, at=now)
        if tell_slack(notification, self.channels):
            mark_shown(record, self.incidents)
        tell_others(notification, self.channels)  # PagerDuty must stop paging, too

    def _say_resolved(self, press: Press, record: IncidentRecord, now: datetime) -> None:
        """Show in Slack that a person resolved the incident; other channels hear of it when it is closed."""
        append_or_log(self.trail, press.incident_id, resolved(record), now)
        reason = f"{press.by} pressed Resolve."
        tell_slack(Notification(kind="closed", record=record, reason=reason, at=now), self.channels)

    def _tell_what_joined(self, press: Press, since: JoinedSince, now: datetime) -> None:
        """Tell the person who pressed Resolve what they had not seen, and show the message anew."""
        record = self.incidents.record(press.incident_id)
        more = f"{count(since.joined - since.seen, 'more alert')} joined since this message was written"
        if record is not None:
            shown_at = record.live.last_paged_at if record.live else None
            if new := names(joined_since(stored_members(record, self.incidents), shown_at)):
                more += f", among them perhaps these: {new}"
        self._answer(
            press, f"Not resolved: {more}. Look at them, and press Resolve under the new message if it is over."
        )
        if record is not None:
            show_again(record, channels=self.channels, incidents=self.incidents, now=now, reason=f"{more}.")

    def _invite(self, press: Press, now: datetime) -> None:
        link = approve.invite(
            press.incident_id, press.user_id, press.user_name, now, approvers=self.approvers, incidents=self.incidents
        )
        text = f"The plan, for your eyes only: this link decides in your name, until {link.expires_at:%H:%M} UTC."
        self._answer(press, text, self.address(link))

    def _decide(self, press: Press, now: datetime) -> None:
        approves = press.button == "approve"
        answer = approve.Answer(approves, press.user_id, press.by, press.plan_digest)

        def show(decided: IncidentRecord) -> None:
            append_or_log(self.trail, press.incident_id, acknowledged(decided), now)
            approve.tell_people(decided, answer, now, channels=self.channels, incidents=self.incidents)

        approve.decide(
            press.incident_id,
            answer,
            now,
            approvers=self.approvers,
            incidents=self.incidents,
            remediations=self.remediations,
            executions=self.executions,
            show=show,
        )
        logger.info("A button was pressed", extra={"button": press.button, "incident_id": press.incident_id})

    def _open_form(self, press: Press) -> None:
        # Nothing is read first: the trigger is good for three seconds, a cold start included.
        if self.open_form is None:
            logger.warning("No form can be opened: the secret slack/bot-token is not set")
            return
        try:
            view = slack_feedback.note_form(press.incident_id, press.channel, resolves=press.resolves, seen=press.seen)
            self.open_form(press.trigger_id, view)
        except ChannelFailed as failure:
            logger.warning("Could not open the form for a note", extra={"why": str(failure)})
            self._answer(press, "Slack would not open the form in time. Press the button again.")

    def _judge(self, press: Press, now: datetime) -> None:
        answer = feedback_of(press, now)
        record = feedback_store.save_feedback(press.incident_id, answer, incidents=self.incidents)
        append_or_log(self.trail, press.incident_id, [judged(answer)], now)
        metrics.add_metric(name="Judged", unit="Count", value=1)
        text = f"Noted: {slack_feedback.said(answer)}. {self._lasting(record, answer)}"
        self._answer(press, text)
        self._show(record, now)

    def _lasting(self, record: IncidentRecord, answer: Feedback) -> str:
        """Keep the right severity of an alert that nobody states one of as a word, and return what follows."""
        verdict = record.classification
        if answer.severity is None or verdict is None or verdict.subject is None:
            return feedback_store.consequence(record, answer)
        try:
            word = lasting_words.word_of(answer, verdict.subject, approver=self._approves(answer))
        except FeedbackRefused as refused:
            return str(refused)
        self.incidents.save_word(word)
        return lasting_words.what_follows(word)

    def _approves(self, answer: Feedback) -> bool:
        return answer.person.removeprefix("slack:") in self.approvers

    def _say(self, press: Press, now: datetime) -> None:
        """Keep a person's word on an alert, and show it at once: nobody else needs to be asked."""
        record = self.incidents.record(press.incident_id)
        if record is None:
            raise FeedbackRefused(feedback_store.UNKNOWN)
        answer = Feedback.model_validate(
            {"person": f"slack:{press.user_id}", "by": press.by, "at": now, "said": "word", "severity": press.answer}
        )
        subject = lasting_words.kind_in(record, press.subject)
        word = lasting_words.word_of(answer, subject, approver=self._approves(answer))
        if not self.incidents.save_word(word):
            raise FeedbackRefused("Somebody else said how bad this alert is a moment ago. Look at the message.")
        record = feedback_store.save_feedback(press.incident_id, answer, incidents=self.incidents)
        append_or_log(self.trail, press.incident_id, [judged(answer)], now)
        metrics.add_metric(name="Judged", unit="Count", value=1)
        self._answer(press, f"Noted. {lasting_words.what_follows(word)}")
        self._show(record, now)
        reason = f"{press.by} says how bad this alert is from now on: {word.severity}."
        show_again(record, channels=self.channels, incidents=self.incidents, now=now, reason=reason)

    def _write(self, press: Press, now: datetime) -> None:
        record = feedback_store.save_note(press.incident_id, press.by, press.answer, now, incidents=self.incidents)
        append_or_log(self.trail, press.incident_id, [noted(record.notes[-1])], now)
        over = None
        text = "Thank you: whoever meets this next reads it."
        if press.resolves:
            try:
                over = resolve_by_hand(
                    press.incident_id,
                    press.by,
                    now,
                    seen=press.seen,
                    incidents=self.incidents,
                    executions=self.executions,
                )
            except ExecutionsUnavailable:
                logger.exception("A note resolved an incident, but its execution could not be told; reconcile will")
                text += " AWS is slow to react, so the incident ends within a minute or two."
        self._answer(press, text)
        if over is not None:
            self._say_resolved(press, over, now)
        else:
            self._show(record, now)

    def _show(self, record: IncidentRecord, now: datetime) -> None:
        """Update a closed incident's message.

        An open incident shows the feedback in its next message; a suppressed one has no message.
        """
        if record.closed_at is not None and record.slack_ts is not None:
            reason = (record.outcome_reason or "")[:4_000]
            tell_slack(Notification(kind="closed", record=record, reason=reason, at=now), self.channels)

    def _answer(self, press: Press, text: str, link: str | None = None) -> None:
        """Answer the person who pressed. A failure is only logged, because the press has already taken effect."""
        if self.whisper is None:
            logger.warning("Nothing to answer a button with: the secret slack/bot-token is not set")
            return
        try:
            self.whisper(press.channel, press.user_id, text, link)
        except ChannelFailed as failure:
            logger.warning("Could not answer a button", extra={"why": str(failure)})


def feedback_of(press: Press, now: datetime) -> Feedback:
    """Turn the chosen menu entry into a `Feedback`. Slack's user ids tell people apart; names may change."""
    said, _, severity = press.answer.partition("-")
    fields = {"said": "wrong_severity", "severity": severity} if said == "severity" else {"said": said}
    return Feedback.model_validate({"person": f"slack:{press.user_id}", "by": press.by, "at": now, **fields})
