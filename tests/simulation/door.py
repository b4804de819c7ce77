"""The way of a delivery into the stack, and the witness that notes which words of senders were accepted."""

import hmac
import json
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple

from tests.simulation.calls import Calls, Killed
from tests.simulation.functions import Functions

SECRETS = {
    "sources/generic": "t0ken-of-generic",
    "sources/prometheus": "t0ken-of-prometheus",
    "sources/datadog": "t0ken-of-datadog",
    "sources/pagerduty": "s1gning-pagerduty",
    "sources/canary": "s1gning-canary",
    "slack/bot-token": "xoxb-1",
    "slack/signing-secret": "s1gning-slack",
    "pagerduty/routing-key": "r0uting-key",
}


class Key(NamedTuple):
    """An alert, as its sender and its receiver both know it."""

    source: str
    name: str
    host: str


class Said(NamedTuple):
    """One word of a sender about an alert. `stamp` is the time in it; `episode` is when the alert began to fire."""

    key: Key
    firing: bool
    severity: str
    stamp: datetime
    episode: datetime
    environment: str = "prod"


class Word(NamedTuple):
    """The last accepted word about an alert, when it was accepted, and when its delivery began."""

    said: Said
    at: datetime
    began: datetime


ORDERED_BY_STAMP = ("cloudwatch", "datadog", "pagerduty")
"""Sources whose every word has its own time: an older word that comes later changes nothing."""


@dataclass
class Witness:
    """The words of senders, and those that were accepted.

    Attributes
    ----------
    last
        The last accepted word about each alert.
    unsure
        Alerts about which words crossed, or got no clear answer: nothing is known of them until the next clear word.
    accepted
        Called with each accepted word, and with the one before; with itself if nobody knows what the stack knew.
    """

    accepted: list[Callable[[Word, Word | None], object]] = field(default_factory=list)
    last: dict[Key, Word] = field(default_factory=dict)
    unsure: dict[Key, datetime] = field(default_factory=dict)
    _under_way: dict[Key, list[list[Any]]] = field(default_factory=lambda: defaultdict(list))
    _unanswered: dict[Key, Said] = field(default_factory=dict)
    """The newest word about an alert that got no clear answer, until a word that is not older gets one."""

    def is_sure(self, key: Key) -> bool:
        """Tell whether the last accepted word about an alert is surely what the stack should know."""
        return key not in self.unsure and not self._under_way.get(key)

    def fires(self, key: Key) -> bool:
        """Tell whether the last accepted word about an alert is that it fires."""
        return key in self.last and self.last[key].said.firing

    def under_way(self) -> list[Key]:
        """Return the alerts of which a delivery is under way, the one that began last at the end."""
        return [key for key, flights in self._under_way.items() if flights]

    def begins(self, said: Sequence[Said], now: datetime) -> list[tuple[Said, list[Any]]]:
        """Note that a delivery is under way."""
        under_way = []
        for word in said:
            flight: list[Any] = [word, False, now]  # crossed another one?
            for other in self._under_way[word.key]:
                if other[0].firing != word.firing:
                    other[1] = flight[1] = True
            self._under_way[word.key] = [*self._under_way.pop(word.key, ()), flight]
            under_way.append((word, flight))
        return under_way

    def ends(self, under_way: Sequence[tuple[Said, list[Any]]], status: int, now: datetime) -> None:
        """Note the answer to a delivery."""
        for said, flight in under_way:
            # A delivery and its retry say the same, so only identity tells them apart.
            others = self._under_way[said.key] = [each for each in self._under_way[said.key] if each is not flight]
            known, was_unsure = self.last.get(said.key), said.key in self.unsure
            unanswered = self._unanswered.get(said.key)
            if not 200 <= status < 300:
                # It may have had its effect all the same, if it says something new.
                if known is None or known.said.firing != said.firing:
                    self.unsure[said.key] = now
                    if unanswered is None or not self._is_late(said, unanswered):
                        self._unanswered[said.key] = said
                continue
            if flight[1]:
                self.unsure[said.key] = now
            elif not others and (unanswered is None or not self._is_late(said, unanswered)):
                self.unsure.pop(said.key, None)
                self._unanswered.pop(said.key, None)
            if known is not None and (self._is_late(said, known.said) or known.at > now):
                continue
            word = Word(said, now, flight[2])
            self.last[said.key] = word
            for listener in self.accepted:
                listener(word, word if was_unsure else known)

    def _is_late(self, said: Said, known: Said) -> bool:
        if said.key.source in ORDERED_BY_STAMP:
            return said.stamp < known.stamp
        # Of the others, only Alertmanager names the episode that a resolve ends.
        return said.key.source == "prometheus" and not said.firing and said.episode < known.episode


@dataclass
class Door:
    """HTTP and events into the stack."""

    calls: Calls
    functions: Functions
    witness: Witness
    quarantined: list[tuple[Mapping[str, Any], Sequence[Said]]] = field(default_factory=list)
    unreadable: dict[str, datetime] = field(default_factory=dict)
    """The time of a source's first delivery into the quarantine. It is told loudly, and then for a day no more."""
    _kept: list[tuple[Said, list[Any]]] = field(default_factory=list)
    _queued: list[tuple[Sequence[tuple[Said, list[Any]]], int, datetime]] = field(default_factory=list)

    def post(self, source: str, payload: Any, said: Sequence[Said] = ()) -> int | None:
        """POST a payload to a source's webhook with its proof. Return the status, or None without an answer."""
        body = json.dumps(payload)
        secret = SECRETS[f"sources/{source}"]
        if source == "pagerduty":
            proof = {"x-pagerduty-signature": f"v1={hmac.digest(secret.encode(), body.encode(), 'sha256').hex()}"}
        else:
            proof = {"authorization": f"Bearer {secret}"}
        return self.request("ingest", f"/alerts/{source}", {"content-type": "application/json", **proof}, body, said)

    def request(
        self, function: str, path: str, headers: Mapping[str, str], body: str, said: Sequence[Said] = ()
    ) -> int | None:
        """Make a request to the API."""
        kind = self.calls.faults.choose(f"http:{path}", ("refuse", "lost", "others first"), self.calls.clock.now())
        if kind == "refuse":
            return 503
        if kind == "others first":
            self.calls.let_others_go(3)
        event = {
            "rawPath": path,
            "requestContext": {"http": {"method": "POST"}, "domainName": "api.example.com"},
            "headers": {name.lower(): value for name, value in headers.items()},
            "body": body,
            "isBase64Encoded": False,
        }
        under_way = self.witness.begins(said, self.calls.clock.now())
        answer: Mapping[str, Any] = {}
        try:
            answer = self.functions.call(function, event)
            status = int(answer["statusCode"])
        except Killed:
            status = 503
        except Exception:  # noqa: BLE001 (API Gateway does the same)
            status = 500
        taken = json.loads(answer["body"]) if function == "ingest" and status == 202 else {}
        if taken.get("queued"):
            self._queued.append((under_way, status, self.calls.clock.now()))
        elif taken.get("status") == "quarantined":
            self._kept += under_way
            self.unreadable.setdefault(path.rpartition("/")[2], self.calls.clock.now())
        else:
            self.witness.ends(under_way, status, self.calls.clock.now())
        return None if kind == "lost" else status

    def worked_off(self) -> None:
        """Note that the backlog is empty: until then, what was said of its alerts crossed what waited there."""
        queued, self._queued = self._queued, []
        for under_way, status, at in queued:
            self.witness.ends(under_way, status, at)

    def redriven(self) -> None:
        """Note that the quarantine is empty: what was said in it is taken now."""
        kept, self._kept = self._kept, []
        self.witness.ends(kept, 202, self.calls.clock.now())

    def event(self, event: Mapping[str, Any], said: Sequence[Said] = (), attempt: int = 0) -> None:
        """Give ingest an event, as EventBridge does: Lambda tries twice more, then it goes to the quarantine."""
        under_way = self.witness.begins(said, self.calls.clock.now())
        try:
            self.functions.call("ingest", event)
            status = 200
        except (Killed, Exception):  # noqa: BLE001 (Lambda does the same)
            status = 500
        self.witness.ends(under_way, status, self.calls.clock.now())
        if status == 200:
            return
        if attempt < 2:
            again = 60.0 * (attempt + 1)
            self.calls.clock.after(again, lambda: self.event(event, said, attempt + 1), "an event is tried again")
        else:
            self.quarantined.append((event, said))
