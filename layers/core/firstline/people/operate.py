"""A person's actions on an incident: one code path for Slack's buttons, the command line and the console.

Each action is checked against the person's role, takes effect under the store's conditions, is put on the trail with
what proved who the person is, and is shown to everybody else. Doing it twice does no harm.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from firstline.channels.delivery import Channel, tell_others, tell_slack
from firstline.channels.slack_feedback import said
from firstline.classification import feedback_store, lasting_words
from firstline.errors import (
    ExecutionsUnavailable,
    FeedbackRefused,
    HistoryUnavailable,
    JoinedSince,
    OperationRefused,
    UnknownIncident,
)
from firstline.incidents import lifecycle
from firstline.incidents.audit_trail import (
    Fact,
    Trail,
    acknowledged,
    append_or_log,
    decided,
    judged,
    noted,
    resolved,
)
from firstline.incidents.lifecycle import Executions
from firstline.incidents.message_facts import why_idle
from firstline.incidents.pages import on_hold
from firstline.incidents.store import Incidents
from firstline.models import Feedback, Hold, IncidentRecord, NormalizedAlert, Notification
from firstline.observability import logger, metrics
from firstline.people import approve
from firstline.people.action import Action, Does
from firstline.people.actor import REOPENED, Actor, acted, check_role
from firstline.people.members import joined_since, names, stored_members
from firstline.people.message_updates import mark_shown, show_again
from firstline.people.refusals import nothing_to_do, reopened_already
from firstline.people.reported_alerts import PersonsReport, reopened, reported
from firstline.privacy.safe_text import safe_text
from firstline.remediation.store import Remediations
from firstline.text import count, one_line, short_duration

MAX_REASON = 300
"""The most characters of a reason on the trail."""


class Done(NamedTuple):
    """The result of an action: a sentence for the person, and the incident's record after the action."""

    said: str
    record: IncidentRecord | None = None


class Raised(NamedTuple):
    """An alert that a person raised, and the sentence, with a space before it, on what holds it; empty if nothing."""

    alert: NormalizedAlert
    held: str = ""


@dataclass(frozen=True)
class Operations:
    """The actions that people may take on incidents, with the stores and channels that carry them out.

    Any operator may refuse a plan, because a refusal runs nothing, and may give feedback, because
    `classification/history.py` and the guardrails limit what feedback changes.

    Parameters
    ----------
    approvers, shared
        The names of the approvers, and of those among them that are a whole IAM role.
    submit
        Hands an alert to ingest's queue; raises QuarantineUnavailable if the queue does not take it.
    held
        Returns the silence, window or inhibition that holds an alert, or None; may raise HistoryUnavailable.
    """

    incidents: Incidents
    remediations: Remediations
    executions: Executions
    trail: Trail
    channels: Mapping[str, Channel]
    approvers: Sequence[str]
    submit: Callable[[NormalizedAlert], None]
    shared: Sequence[str] = ()
    held: Callable[[NormalizedAlert, datetime], Hold | None] = lambda alert, now: None  # noqa: ARG005

    def act(self, action: Action, incident_id: str, actor: Actor, now: datetime) -> Done:
        """Carry out a person's action on an incident.

        Raises
        ------
        OperationRefused, ApprovalRefused, FeedbackRefused
            Nothing was changed; the message says why, and what to do instead.
        ExecutionsUnavailable
            The action is stored, but the execution could not be told; reconcile (the periodic repair) does so within
            two minutes.
        HistoryUnavailable, QuarantineUnavailable
            The table or the queue could not be reached and nothing was changed; the person can repeat it.
        """
        check_role(actor, "operator")
        deed = _Deed(self, action, incident_id, actor, now)
        try:
            done = deed.do()
        except JoinedSince as since:
            raise OperationRefused(deed.tell_what_joined(since)) from None
        logger.info("A person acted", extra={"does": action.does, "incident_id": incident_id, "through": actor.through})
        return done

    def open(self, report: PersonsReport, actor: Actor, now: datetime) -> Raised:
        """Hand a person's report to ingest, which opens its incident within seconds. Return the report as an alert.

        Raises
        ------
        NotPermitted
            The person is a reader.
        QuarantineUnavailable
            The queue did not take the report; the person can repeat it.
        """
        check_role(actor, "operator")
        return self.raise_alert(reported(report, actor, now), now)

    def raise_alert(self, alert: NormalizedAlert, now: datetime) -> Raised:
        """Hand an alert that a person raised to ingest; return it with what holds it, as nobody is told of a held one.

        Raises
        ------
        QuarantineUnavailable
            The queue did not take the alert; the person can repeat it.
        """
        self.submit(alert)
        try:
            hold, live = self.held(alert, now), self.incidents.live(alert.group_key)
        except HistoryUnavailable:
            logger.exception("It is not known whether something holds the alert that a person raised")
            return Raised(alert)
        if hold is None or (live is not None and live.open and not on_hold(live, now)):
            return Raised(alert)
        lasts = short_duration(hold.until - now)
        why = one_line(hold.reason, MAX_REASON)
        return Raised(alert, f" But it is held, for {lasts} at the most; until then nobody else hears of it. {why}")


@dataclass(frozen=True)
class _Deed:
    """One action of one person on one incident, with the code that carries it out."""

    by: Operations
    action: Action
    incident_id: str
    actor: Actor
    now: datetime

    def do(self) -> Done:
        deeds: dict[Does, Callable[[], Done]] = {
            "acknowledge": self._acknowledge,
            "resolve": self._resolve,
            "reopen": self._reopen,
            "escalate": self._escalate,
            "note": self._note,
            "judge": self._judge,
            "word": self._say,
            "approve": self._decide,
            "refuse": self._decide,
        }
        return deeds[self.action.does]()

    @property
    def _ports(self) -> Any:
        return {"incidents": self.by.incidents, "executions": self.by.executions}

    def _append(self, facts: Sequence[Fact]) -> None:
        """Put what was done on the trail: first the person's action with its proof, then what it changed."""
        does = self.action.does
        reason = safe_text(self.action.text, MAX_REASON) if does in ("escalate", "reopen") else ""
        deed = acted(self.actor, does, self.now, reason)
        append_or_log(self.by.trail, self.incident_id, [deed, *facts], self.now)

    # --- who has it, and when it is over ------------------------------------------------------------------------------

    def _acknowledge(self) -> Done:
        record = lifecycle.acknowledge(
            self.incident_id, self.actor.by, self.now, **self._ports, show=self._show_acknowledged
        )
        if record is None:
            raise nothing_to_do(self._known(), self.action.does, self.now, seen=self.action.seen)
        return Done("You have the incident. Nobody else is paged unless it gets worse.", record)

    def _show_acknowledged(self, record: IncidentRecord) -> bool:
        """Show on all channels who has the incident. Return True if Slack took the message."""
        self._append(acknowledged(record))
        notification = Notification(
            kind="acknowledged", record=record, reason=f"Acknowledged by {self.actor.by}.", at=self.now
        )
        shown = tell_slack(notification, self.by.channels)
        if shown:
            mark_shown(record, self.by.incidents)
        tell_others(notification, self.by.channels)  # PagerDuty must stop paging, too
        return shown

    def _resolve(self) -> Done:
        record = lifecycle.resolve_by_hand(
            self.incident_id, self.actor.by, self.now, seen=self.action.seen, **self._ports
        )
        if record is None:
            raise nothing_to_do(self._known(), self.action.does, self.now, seen=self.action.seen)
        self._show_resolved(record)
        return Done("Resolved. An alert that fires from now on opens a new incident.", record)

    def _show_resolved(self, record: IncidentRecord) -> None:
        """Show in Slack that a person resolved the incident; other channels hear of it when it is closed."""
        self._append(resolved(record))
        reason = f"Resolved by {self.actor.by}."
        tell_slack(Notification(kind="closed", record=record, reason=reason, at=self.now), self.by.channels)

    def tell_what_joined(self, since: JoinedSince) -> str:
        """Show in Slack which alerts joined since this person looked; return the answer that refuses the Resolve.

        `since` is the store's refusal, which has the counts of alerts then and now.
        """
        record = self.by.incidents.record(self.incident_id)
        more = f"{count(since.joined - since.seen, 'more alert')} joined or got worse since you looked"
        if record is not None:
            shown_at = record.live.last_paged_at if record.live else None
            if new := names(joined_since(stored_members(record, self.by.incidents), shown_at)):
                more += f", among them perhaps these: {new}"
            show_again(
                record,
                channels=self.by.channels,
                incidents=self.by.incidents,
                now=self.now,
                reason=f"Not resolved: {more}.",
            )
        kept = "Your note is stored. " if self.action.does == "note" else ""
        return f"{kept}Not resolved: {more}. Look at them, and resolve the incident again if it is over."

    def _escalate(self) -> Done:
        record = lifecycle.escalate(self.incident_id, self.actor.by, self.now, seen=self.action.seen, **self._ports)
        if record is None:
            raise nothing_to_do(self._known(), self.action.does, self.now, seen=self.action.seen)
        self._append([])
        return Done("The next level is paged now.", record)

    def _reopen(self) -> Done:
        record = self._known()
        if record.status != "CLOSED":
            raise OperationRefused(
                f"{self.incident_id} is not closed, so it cannot be reopened. If it is closing, try again in a minute."
            )
        newest = self.by.incidents.live(record.incident.group_key)
        entries = self.by.trail.entries(self.incident_id)
        last = next((entry for entry in reversed(entries) if entry.facts.get("does") == "reopen"), None)
        if refused := reopened_already(record, newest, last, self.now):
            raise refused
        after = (newest.incident_id if newest else "", last.hash if last else "")
        alert = reopened(record, self.action.text, self.actor, self.now, after=after)
        raised = self.by.raise_alert(alert, self.now)
        self._append([])
        return Done(f"{REOPENED}{raised.held}", record)

    def _known(self) -> IncidentRecord:
        record = self.by.incidents.record(self.incident_id)
        if record is None:
            raise UnknownIncident(feedback_store.UNKNOWN)
        return record

    # --- the plan -----------------------------------------------------------------------------------------------------

    def _decide(self) -> Done:
        answer = approve.Answer(
            self.action.does == "approve", self.actor.person.key, self.actor.by, self.action.plan_digest
        )

        def show(record: IncidentRecord) -> None:
            self._append([*acknowledged(record), *decided(record)])
            by = self.by
            approve.tell_people(
                record, answer, self.now, approvers=by.approvers, channels=by.channels, incidents=by.incidents
            )

        record = approve.answer_plan(
            self.incident_id,
            answer,
            self.now,
            approvers=self.by.approvers,
            shared=self.by.shared,
            remediations=self.by.remediations,
            show=show,
            **self._ports,
        )
        if record.decision is None:
            return Done("You said yes. Somebody else must agree before it runs.", record)
        if not answer.approves:
            return Done("Refused: it does not run.", record)
        if idle := why_idle(record):
            return Done(f"Approved. {idle}", record)
        return Done("Approved: it runs now, unless the check right before it forbids it.", record)

    # --- what people say ----------------------------------------------------------------------------------------------

    def _note(self) -> Done:
        record = feedback_store.save_note(
            self.incident_id, self.actor.by, self.action.text, self.now, incidents=self.by.incidents
        )
        self._append([noted(record.notes[-1])])
        text = "Thank you: whoever meets this next reads it."
        if len(self.action.text.strip()) > feedback_store.MAX_NOTE_CHARS:
            text += f" Only its first {feedback_store.MAX_NOTE_CHARS} characters are kept."
        over = None
        if self.action.resolves:
            try:
                over = lifecycle.resolve_by_hand(
                    self.incident_id, self.actor.by, self.now, seen=self.action.seen, **self._ports
                )
            except ExecutionsUnavailable:
                logger.exception("A note resolved an incident, but its execution could not be told; reconcile will")
                text += " AWS is slow to react, so the incident ends within a minute or two."
        if over is not None:
            self._show_resolved(over)
        else:
            self._show_if_closed(record)
        return Done(text, over or record)

    def _feedback(self, said_as: str | None) -> Feedback:
        fields = {"said": said_as, "severity": self.action.severity}
        who = {"person": self.actor.person.key, "by": self.actor.by, "at": self.now}
        return Feedback.model_validate(who | fields)

    def _judge(self) -> Done:
        answer = self._feedback(self.action.said)
        record = feedback_store.save_feedback(self.incident_id, answer, incidents=self.by.incidents)
        self._append([judged(answer)])
        metrics.add_metric(name="Judged", unit="Count", value=1)
        follows = self._lasting(record, answer)
        self._show_if_closed(record)
        return Done(f"Noted: {said(answer)}. {follows}", record)

    def _lasting(self, record: IncidentRecord, answer: Feedback) -> str:
        """Store the severity in a person's feedback for all later alerts of this kind (a `Word`).

        Return a sentence for the person that says what follows, or why nothing is stored. Nothing is stored if the
        feedback has no severity, if the alert's source or a rule states one, if the severity is `noise` and the person
        no approver, or if somebody else has set one since.
        """
        verdict = record.classification
        if answer.severity is None or verdict is None or verdict.subject is None:
            return feedback_store.consequence(record, answer)
        try:
            word = lasting_words.word_of(answer, verdict.subject, approver=self.actor.person.may("approver"))
        except FeedbackRefused as refused:
            return str(refused)
        if not self.by.incidents.save_word(word):
            return "Somebody else has said since then how bad this alert is, and the last word counts."
        return lasting_words.what_follows(word)

    def _say(self) -> Done:
        """Store the severity that a person sets for all later alerts of this kind; update the incident's message."""
        answer = self._feedback("word")
        known = self._known()
        subject = lasting_words.kind_in(known, self.action.subject)
        feedback_store.require_room(known)
        word = lasting_words.word_of(answer, subject, approver=self.actor.person.may("approver"))
        if not self.by.incidents.save_word(word):
            raise FeedbackRefused("Somebody else said how bad this alert is a moment ago. Look at the message.")
        record = feedback_store.save_feedback(self.incident_id, answer, incidents=self.by.incidents)
        self._append([judged(answer)])
        metrics.add_metric(name="Judged", unit="Count", value=1)
        self._show_if_closed(record)
        reason = f"{self.actor.by} says how bad this alert is from now on: {word.severity}."
        show_again(record, channels=self.by.channels, incidents=self.by.incidents, now=self.now, reason=reason)
        return Done(f"Noted. {lasting_words.what_follows(word)}", record)

    def _show_if_closed(self, record: IncidentRecord) -> None:
        """Update the Slack message of a closed incident; an open incident shows the feedback in its next message.

        A suppressed incident has no message.
        """
        if record.closed_at is not None and record.slack_ts is not None:
            reason = (record.outcome_reason or "")[:4_000]
            tell_slack(Notification(kind="closed", record=record, reason=reason, at=self.now), self.by.channels)
