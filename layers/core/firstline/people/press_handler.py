"""The handler of presses in Slack: turns each into an action of a person, and answers the person who pressed."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from firstline.channels import slack_feedback
from firstline.errors import (
    ApprovalRefused,
    ChannelFailed,
    ConfigurationError,
    ExecutionsUnavailable,
    FeedbackRefused,
    OperationRefused,
    QuarantineUnavailable,
)
from firstline.observability import logger
from firstline.people import approve
from firstline.people.action import Action, Does
from firstline.people.actor import LATER, Actor
from firstline.people.buttons import Press
from firstline.people.links import MISCONFIGURED, Link
from firstline.people.operate import Operations
from firstline.policy.people import People, Person
from firstline.text import one_line, short_duration

_ACTIONS: dict[str, Does] = {
    "acknowledge": "acknowledge",
    "resolve": "resolve",
    "approve": "approve",
    "refuse": "refuse",
    "judge": "judge",
    "word": "word",
    "write": "note",
}
"""The action of each button. A button that only asks for a link or a form has none."""

_ANSWERED = ("note", "judge", "word")
"""The actions that are answered to the person alone, because the incident's message does not show their effect."""


@dataclass(frozen=True)
class PressHandler:
    """The handler of button presses in Slack. Pressing a button twice does no harm.

    Parameters
    ----------
    people
        The list of people; only its approvers may approve or get a link to the approval page.
    address
        Signs a link to the approval page and returns it as an address; raises NotEntitled if the stack has no key.
    ticket
        Takes a person and an incident's id; returns a link to the incident in the console. Used for the first time,
        the link also signs the person in to the console.
    whisper
        Sends a message that only one user sees; takes the channel, the user, the text, and a link or None. May raise
        ChannelFailed. `whisper` and `open_form` are None if the stack has no Slack bot.
    open_form
        Opens a form for the person whose press gave the trigger id; may raise ChannelFailed.
    """

    operations: Operations
    people: People
    address: Callable[[Link], str]
    ticket: Callable[[Person, str], str]
    whisper: Callable[[str, str, str, str | None], object] | None
    open_form: Callable[[str, dict[str, Any]], object] | None

    def handle(self, press: Press, now: datetime) -> None:
        """Carry out what a press asks for, and answer the person who pressed.

        Raises
        ------
        HistoryUnavailable
            The table could not be reached and nothing was changed; Slack says so, and the person can press again.
        """
        try:
            match press.button:
                case "review":
                    self._invite(press, now)
                case "open":
                    self._open_console(press)
                case "note":
                    self._open_form(press)
                case _:
                    self._act(press, now)
        except FeedbackRefused as refused:
            # Slack has closed the form by now, and what was written into it would be lost.
            wrote = f"\nYou wrote:\n{press.answer}" if press.button == "write" and one_line(press.answer, 1) else ""
            self._answer(press, f"{refused}{wrote}")
        except (ApprovalRefused, OperationRefused) as refused:
            self._answer(press, str(refused))
        except ConfigurationError:
            logger.exception("A link cannot be signed: mend the key that this error names")
            self._answer(press, MISCONFIGURED)
        except QuarantineUnavailable:
            logger.exception(
                "An alert could not be handed to ingest's queue; the person was asked to repeat the action"
            )
            self._answer(press, "AWS did not take your request. Nothing was changed; press the button again.")
        except ExecutionsUnavailable:
            logger.exception("A press is stored, but its execution could not be told; reconcile tells it in a minute")
            self._answer(press, LATER)

    def _act(self, press: Press, now: datetime) -> None:
        person = self.people.of_slack(press.user_id, press.user_name)
        actor = Actor(person=person, through="Slack", principal=press.user_id)
        done = self.operations.act(action_of(press), press.incident_id, actor, now)
        if _ACTIONS[press.button] in _ANSWERED:
            self._answer(press, done.said)

    def _invite(self, press: Press, now: datetime) -> None:
        person = self.people.of_slack(press.user_id, press.user_name)
        link = approve.invite(
            press.incident_id,
            person.key,
            person.name,
            now,
            approvers=self.people.approvers,
            incidents=self.operations.incidents,
        )
        lasts = short_duration(link.expires_at - now)
        text = f"The plan, for your eyes only: for {lasts}, this link decides in your name."
        self._answer(press, text, self.address(link))

    def _open_console(self, press: Press) -> None:
        person = self.people.of_slack(press.user_id, press.user_name)
        text = "The incident, for your eyes only: this link is good once, for a minute."
        self._answer(press, text, self.ticket(person, press.incident_id))

    def _open_form(self, press: Press) -> None:
        # Nothing is read first: the trigger is good for three seconds, a cold start included.
        if self.open_form is None:
            logger.warning("A note's form cannot be opened in Slack: set the secret slack/bot-token")
            return
        try:
            view = slack_feedback.note_form(press.incident_id, press.channel, resolves=press.resolves, seen=press.seen)
            self.open_form(press.trigger_id, view)
        except ChannelFailed as failure:
            logger.warning("A note's form could not be opened in Slack", extra={"why": str(failure)})
            self._answer(press, "Slack would not open the form in time. Press the button again.")

    def _answer(self, press: Press, text: str, link: str | None = None) -> None:
        """Send an answer that only the person who pressed sees, with the address `link` to open, if there is one.

        A failure is only logged, because the press has already taken effect.
        """
        if self.whisper is None:
            logger.warning("A press cannot be answered in Slack: set the secret slack/bot-token")
            return
        try:
            self.whisper(press.channel, press.user_id, text, link)
        except ChannelFailed as failure:
            logger.warning("A press could not be answered in Slack", extra={"why": str(failure)})


def action_of(press: Press) -> Action:
    """Return the action that a press asks for."""
    does = _ACTIONS[press.button]
    answer: dict[str, Any] = {}
    match does:
        case "note":
            answer = {"text": press.answer, "resolves": press.resolves}
        case "word":
            answer = {"severity": press.answer, "subject": press.subject}
        case "judge":
            chosen, _, severity = press.answer.partition("-")
            answer = {"said": "wrong_severity", "severity": severity} if chosen == "severity" else {"said": chosen}
    return Action(does=does, seen=press.seen, plan_digest=press.plan_digest, **answer)
