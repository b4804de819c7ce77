"""A scenario's access to a running stack: it sends alerts, waits, presses buttons, and checks outcomes."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from firstline.adapters.dynamodb.incidents import TableIncidents
from firstline.adapters.dynamodb.table import Table
from firstline.models import IncidentRecord
from local.demo import senders
from local.demo.story import Story
from local.emulator.inbox import Message
from local.emulator.stack import APPROVER, Stack

_WAIT_SECONDS = 300.0
_POLL_SECONDS = 1.5
_SOON_SECONDS = 60.0
_TRIES = 6


class DidNotHappen(Exception):
    """The failure of a scenario: a request was refused, or a condition did not hold in time; the message says which."""


def awaits(record: IncidentRecord, *signals: str) -> bool:
    """Return True if an incident's execution waits for one of these signals."""
    return record.live is not None and record.live.awaiting in signals


@dataclass(frozen=True)
class Check:
    """The check of one outcome: what must hold, in words, whether it held, and the value that was seen."""

    what: str
    holds: bool
    seen: str = ""


@dataclass
class Stage:
    """One scenario on a running stack. `label` names it in the output.

    `wait_turn` waits until each of the scenarios in `after` has opened an incident.
    """

    label: str
    stack: Stack
    story: Story
    after: tuple["Stage", ...] = ()
    checks: list[Check] = field(default_factory=list)
    incidents: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.history = TableIncidents(Table(self.stack.client("dynamodb"), self.stack.created.table_name))

    def check(self, what: str, holds: bool, seen: object = "") -> None:
        """Record whether an outcome (`what`) holds, and the value that was `seen`; the scenario goes on either way."""
        self.checks.append(Check(what, holds, str(seen)))

    def send(self, source: str, payload: Any, what: str = "") -> list[str]:
        """Send a payload to a source's webhook, and return the ids of the incidents that its alerts opened or joined.

        `what` names the payload in the line that is printed; without it, no line is printed.

        Raises
        ------
        DidNotHappen
            The payload was not accepted.
        """
        for _ in range(_TRIES):
            answer = senders.send(self.stack.url("api"), source, payload, self.stack.secrets[source])
            if answer.status < 500:
                break
            time.sleep(1)  # a 5xx says that it was not kept: the real senders try again, too
        path = "deployments" if source == "deployments" else f"alerts/{source}"
        if what:
            self.story.say(self.label, f"POST /{path} ({what}): {answer.status}", style="bold")
        if answer.status != 202:
            raise DidNotHappen(f"POST /{path} answered {answer.status}: {answer.body[:300]!r}")
        incidents: list[str] = answer.json().get("incidents", [])
        for incident_id in incidents:
            self.story.name(incident_id, self.label)
            if incident_id not in self.incidents:
                self.incidents.append(incident_id)
        return incidents

    def open(self, source: str, payload: Any, what: str) -> str:
        """Send an alert (`what`, in words for the output) that opens one incident, and return the incident's id.

        Raises
        ------
        DidNotHappen
            The alert opened no incident or several.
        """
        incidents = self.send(source, payload, what)
        if len(incidents) != 1:
            raise DidNotHappen(f"{what} should have opened one incident; it opened {len(incidents)}.")
        return incidents[0]

    def wait_turn(self) -> None:
        """Wait, at most five minutes, until each of the scenarios in the attribute `after` has opened an incident."""
        deadline = time.monotonic() + _WAIT_SECONDS
        while not all(stage.incidents for stage in self.after) and time.monotonic() < deadline:
            time.sleep(_POLL_SECONDS)

    def wait(self, incident_id: str, what: str, holds: Callable[[IncidentRecord], bool]) -> IncidentRecord:
        """Wait until a condition holds for an incident's record, and return the record; `what` names the condition.

        Raises
        ------
        DidNotHappen
            The condition did not hold within five minutes.
        """
        deadline = time.monotonic() + _WAIT_SECONDS
        while True:
            record = self.history.record(incident_id)
            if record is not None and holds(record):
                return record
            if time.monotonic() > deadline:
                states = " → ".join(self.story.states(incident_id)[-4:]) or "not started"
                raise DidNotHappen(f"{incident_id}: {what} did not happen. Its execution: … {states}.")
            time.sleep(_POLL_SECONDS)

    def wait_closed(self, incident_id: str) -> IncidentRecord:
        """Wait until an incident is closed, and return its record."""
        return self.wait(incident_id, "closing", lambda record: record.status == "CLOSED")

    def wait_for(self, incident_id: str, awaiting: str) -> IncidentRecord:
        """Wait until an incident's execution waits for a signal, such as `acknowledgement`, and return the record."""
        return self.wait(incident_id, f"waiting for {awaiting}", lambda record: awaits(record, awaiting))

    def check_soon(self, what: str, holds: Callable[[], bool]) -> None:
        """Record whether an outcome holds within a minute, because people are told after the record is written."""
        deadline = time.monotonic() + _SOON_SECONDS
        while not holds() and time.monotonic() < deadline:
            time.sleep(_POLL_SECONDS)
        self.check(what, holds())

    def press(self, incident_id: str, action: str) -> None:
        """Press a button of the incident's Slack message as the approver.

        Raises
        ------
        DidNotHappen
            Firstline did not answer 200.
        """
        self.story.say(self.label, f"{APPROVER} presses [{action.capitalize()}] in Slack", style="bold")
        value = self.stack.inbox.value(incident_id, action)
        answer = senders.press(self.stack.url("api"), value, action, APPROVER, self.stack.secrets["slack"])
        if answer.status != 200:
            raise DidNotHappen(f"Pressing {action} was answered {answer.status}: {answer.body[:300]!r}")

    def messages(self, incident_id: str, channel: str, kind: str | None = None) -> list[Message]:
        """Return a channel's messages about an incident, of one kind or all, without those in threads."""
        return [
            message
            for message in self.stack.inbox.messages()
            if (message.incident, message.channel) == (incident_id, channel) and not message.thread
            if kind in (None, message.kind)
        ]
