"""The people around a stack: the engineer on call, approvers, and whoever resolves incidents by hand."""

import hmac
import json
from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from random import Random
from typing import Any, NamedTuple
from urllib.parse import urlencode
from zlib import crc32

from tests.simulation.channels import PagerDuty, Slack
from tests.simulation.clients import Published
from tests.simulation.clock import VirtualClock
from tests.simulation.door import SECRETS, Door
from tests.simulation.senders import pagerduty_event

ADA = {"id": "PADA", "summary": "Ada Lovelace", "type": "user_reference"}
TIMER = {"id": "P0", "summary": "shop", "type": "service_reference"}
INTEGRATION = {"id": "P1", "summary": "Checks", "type": "inbound_integration_reference"}


class Pressed(NamedTuple):
    """A person's press: when it began and was answered (`at`), what, for which incident, and the answer's status."""

    began: datetime
    at: datetime
    button: str
    incident_id: str
    status: int | None
    met_fault: bool


@dataclass(frozen=True)
class Habits:
    """The habits of people: how often they do what, as shares of the occasions."""

    acknowledge: float = 0.7
    resolve: float = 0.15
    approve: float = 0.5
    refuse: float = 0.15
    slow: bool = False


@dataclass
class People:
    """They react to what reaches them, after a while, at random."""

    clock: VirtualClock
    random: Random
    door: Door
    slack: Slack
    pagerduty: PagerDuty
    habits: Habits = field(default_factory=Habits)
    pressed: list[Pressed] = field(default_factory=list)
    begun: set[tuple[str, str]] = field(default_factory=set)
    """Buttons that were pressed for incidents, answered or not yet."""
    pressing: dict[tuple[str, str], datetime] = field(default_factory=dict)
    """The start of each press that is not answered yet, by button and incident."""
    unheard: set[tuple[str, datetime]] = field(default_factory=set)
    """Changes of incidents in PagerDuty, with their time, that it could not tell in all its tries."""
    _asked: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))

    def heard(self, message: Published) -> None:
        """React to a message."""
        habits, lot = self.habits, self.random.random
        if message.kind in ("page", "trigger"):
            if lot() < habits.acknowledge:
                self._later("acknowledge", message.incident_id, 20, 3600 if habits.slow else 600)
            if lot() < habits.resolve:
                self._later("resolve", message.incident_id, 120, 1800)
        elif message.channel == "slack" and "approve" in message.content.get("buttons", {}):
            value = message.content["buttons"]["approve"]
            for person in ("ada", "eve"):
                if person in self._asked[value]:
                    continue
                self._asked[value].add(person)
                draw = lot()
                if draw < habits.approve:
                    self._later("approve", message.incident_id, 10, 600, person)
                elif draw < habits.approve + habits.refuse:
                    self._later("refuse", message.incident_id, 10, 600, person)

    def _later(self, button: str, incident_id: str, least: float, most: float, person: str = "ada") -> None:
        self.clock.after(
            self.random.uniform(least, most),
            lambda: self.press(button, incident_id, person),
            f"{person} presses {button} of {incident_id}",
        )

    def press(self, button: str, incident_id: str, person: str = "ada") -> None:
        """Press a button under the incident's message in Slack, or in PagerDuty's app if it is not in Slack."""
        value = self.slack.button(incident_id, button)
        known = self.pagerduty.incidents.get(f"firstline:{incident_id}")
        if (
            button in ("acknowledge", "resolve")
            and known == "triggered"
            and (value is None or self.random.random() < 0.5)
        ):
            self._note(button, incident_id, lambda: self._in_pagerduty(button, incident_id))
        elif value is not None:
            self._note(button, incident_id, lambda: self._in_slack(button, value, person))

    def _in_slack(self, button: str, value: str, person: str) -> int | None:
        action: dict[str, Any] = {"type": "button", "action_id": button, "value": value}
        interaction = {
            "type": "block_actions",
            "user": {"id": f"U0{person.upper()}", "name": person},
            "channel": {"id": "#ops-alerts"},
            "trigger_id": "1.2",
            "actions": [action],
        }
        body = urlencode({"payload": json.dumps(interaction)})
        stamp = str(int(self.clock.now().timestamp()))
        signed = f"v0:{stamp}:{body}".encode()
        digest = hmac.digest(SECRETS["slack/signing-secret"].encode(), signed, "sha256").hex()
        headers = {"x-slack-request-timestamp": stamp, "x-slack-signature": f"v0={digest}"}
        return self.door.request("respond", "/respond/slack", headers, body)

    def _in_pagerduty(self, button: str, incident_id: str) -> int | None:
        kind = "acknowledged" if button == "acknowledge" else "resolved"
        return self._changes(kind, incident_id, kind, ADA)

    def _changes(self, kind: str, incident_id: str, status: str, agent: Mapping[str, str], **data: Any) -> int | None:
        """PagerDuty changes its own state first and then tells; it retries on 5xx."""
        key = f"firstline:{incident_id}"
        self.pagerduty.incidents[key] = status
        event = pagerduty_event(kind, self.clock.now(), id=f"Q{crc32(key.encode())}", key=key, agent=agent)
        event["event"]["data"] |= {"status": status, **data}
        return self._tell(event, (2, 10, 60, 300), (incident_id, self.clock.now()))

    def by_itself(self, kind: str, by_timer: bool, lot: float) -> None:
        """Let PagerDuty's timer, or an integration, change one of Firstline's incidents there: it answers nothing."""
        if incident_id := self._known_there(lot):
            self._changes(kind, incident_id, kind, TIMER if by_timer else INTEGRATION)

    def take_back(self, incident_id: str) -> None:
        """Let PagerDuty take an acknowledgement back when its time is over."""
        if self.pagerduty.incidents.get(f"firstline:{incident_id}") == "acknowledged":
            self._note(
                "take back", incident_id, lambda: self._changes("unacknowledged", incident_id, "triggered", TIMER)
            )

    def by_hand(self, what: str, seconds: float, lot: float) -> None:
        """Let a person snooze, give away or merge one of Firstline's incidents in PagerDuty."""
        incident_id = self._known_there(lot)
        if incident_id is None:
            return
        status = self.pagerduty.incidents[f"firstline:{incident_id}"]
        match what:
            case "snooze":
                self._note("acknowledge", incident_id, lambda: self._in_pagerduty("acknowledge", incident_id))
                self.clock.after(seconds, lambda: self.take_back(incident_id), f"the snooze of {incident_id} is over")
            case "reassign":
                self._changes("reassigned", incident_id, status, ADA)
            case "delegate":
                self._note("take back", incident_id, lambda: self._changes("delegated", incident_id, "triggered", ADA))
            case "merge":
                reason = {"type": "merge_resolve_reason", "incident": {"id": "QOTHER", "summary": "Another"}}
                self._note(
                    "acknowledge",
                    incident_id,
                    lambda: self._changes("resolved", incident_id, "resolved", ADA, resolve_reason=reason),
                )

    def _known_there(self, lot: float) -> str | None:
        known = [key for key, status in self.pagerduty.incidents.items() if status != "resolved"]
        return known[int(lot * len(known))].removeprefix("firstline:") if known else None

    def _note(self, button: str, incident_id: str, change: Callable[[], int | None]) -> None:
        faults, began = len(self.door.calls.faults.happened), self.clock.now()
        self.begun.add((button, incident_id))
        self.pressing[button, incident_id] = began
        status = change()
        self.pressing.pop((button, incident_id), None)  # another press of the same may have ended meanwhile
        met_fault = len(self.door.calls.faults.happened) > faults
        self.pressed.append(Pressed(began, self.clock.now(), button, incident_id, status, met_fault))

    def _tell(self, event: dict[str, Any], pauses: tuple[float, ...], change: tuple[str, datetime]) -> int | None:
        status = self.door.post("pagerduty", event)
        if status is None or status >= 500:
            if pauses:
                self.clock.after(pauses[0], lambda: self._tell(event, pauses[1:], change), "PagerDuty tries again")
            else:
                self.unheard.add(change)
        return status
