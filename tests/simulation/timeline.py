"""A vocabulary for exact timelines: what happens at which second, which call fails, and what people must hear when.

Times are seconds since the begin. Everything is scheduled first; `run_until` lets it happen, and only then the
expectations about that time can be checked.
"""

import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import count
from typing import Any

import yaml

from firstline.policy.paging import PagingPolicy
from firstline.policy.rules import Rules
from tests.simulation.clients import Published
from tests.simulation.clock import START
from tests.simulation.door import Key
from tests.simulation.faults import Fault, Faults, Kind
from tests.simulation.people import Habits
from tests.simulation.stack import surroundings
from tests.simulation.stored import Stored, StoredAlert, StoredLive, plain
from tests.simulation.webhooks import Alert, payload, said, time_of
from tests.simulation.world import MACHINE, World

NOBODY = Habits(acknowledge=0, resolve=0, approve=0, refuse=0)
"""People who do only what the timeline says."""

THE_MACHINE_ITSELF = "outside"
"""The actor of a call to AWS that no function makes."""

__all__ = ["NOBODY", "THE_MACHINE_ITSELF", "Alert", "ExactFaults", "Moment", "Span", "Timeline", "press_now", "time_of"]

PAGES = ("page", "trigger")


@dataclass
class _Rule:
    """The `nth` call from now on whose label has all these parts meets a fault, or `action` happens right before it."""

    parts: tuple[str, ...]
    nth: int
    times: int
    kind: Kind | None = None
    action: Callable[[], object] | None = None
    seen: int = 0

    def fits(self, label: str) -> bool:
        """Count the call, and return True if it is one that the rule is about."""
        if not all(part in label for part in self.parts):
            return False
        self.seen += 1
        return self.nth <= self.seen < self.nth + self.times


@dataclass
class ExactFaults(Faults):
    """Faults that a timeline places: nothing is drawn."""

    rules: list[_Rule] = field(default_factory=list)
    act: Callable[[Callable[[], object]], object] = lambda action: action()

    def choose(self, label: str, kinds: Any, now: datetime) -> Kind | None:
        """Return the fault that a rule has for this call; let happen first what should happen before it."""
        self._counts[label] += 1
        chosen: Kind | None = None
        for rule in list(self.rules):
            if not rule.fits(label):
                continue
            if rule.action is not None:
                self.act(rule.action)
            chosen = rule.kind or chosen
        if chosen is not None:
            self.happened.append((now, Fault(label, self._counts[label], chosen)))
        return chosen


class Timeline:
    """One world in which only happens what is written down.

    Parameters
    ----------
    per_minute
        How many incidents a source may open in a minute; the template's limit by default.
    resolve_within
        After how many seconds what nobody needs is closed as expired; the template's by default.

    Attributes
    ----------
    answers
        The status of each delivery and press, in order; None stands for no answer.
    """

    def __init__(self, seed: int = 1, *, per_minute: int | None = None, resolve_within: int | None = None) -> None:
        given = {"INCIDENTS_PER_MINUTE": per_minute, "RESOLVE_WITHIN_SECONDS": resolve_within}
        self._limits = {name: str(value) for name, value in given.items() if value is not None}
        self.faults = ExactFaults(seed)
        self.world = World(seed, self.faults, habits=NOBODY, remember=200_000)
        self.faults.act = self._beside
        self.answers: list[int | None] = []
        self.stored = Stored(self.world.memory)

    @contextmanager
    def running(self) -> Iterator["Timeline"]:
        """Let the package run in this world for a block."""
        with self.world.running(), surroundings(self._limits):
            yield self

    # --- what happens -------------------------------------------------------------------------------------------------

    def at(self, seconds: float) -> "Moment":
        """Name a moment, at which something is to happen."""
        return Moment(self, seconds)

    def between(self, since: float, until: float) -> "Span":
        """Name a time, from and until, about which something is expected."""
        return Span(self, time_of(since), time_of(until))

    def run_until(self, seconds: float) -> None:
        """Let everything happen that is due by then."""
        self.world.clock.run_until(time_of(seconds))

    @property
    def now(self) -> float:
        """The seconds since the begin."""
        return (self.world.clock.now() - START).total_seconds()

    def pushes(self, *alerts: Alert, source: str = "prometheus") -> Callable[[], None]:
        """Return what delivers these alerts at the moment when it is called."""
        return lambda: self.deliver(tuple(map(self.fixed, alerts)), source, ())

    def reconcile_every(self, minutes: int) -> None:
        """Let reconcile run less often than each minute, for tests of long times."""
        reconcile, runs = self.world.reconcile, count()

        def sometimes(event: Mapping[str, Any] | None = None) -> None:
            if event is not None or next(runs) % minutes == 0:
                reconcile(event)

        vars(self.world)["reconcile"] = sometimes

    def cure(self, *hosts: str) -> None:
        """Let every step of a runbook succeed everywhere, and the verification on these hosts only."""

        def outcome(_alert: str, step: str, host: str) -> str:
            return "Success" if step not in ("verify", "test") or host in hosts else "Failed"

        vars(self.world.fleet)["_outcome"] = outcome

    def declare(self, rules: str) -> None:
        """Let every function know these rules, in place of the simulation's."""
        self.world.functions.restart(Rules.model_validate(yaml.safe_load(rules)))

    def page_by(self, policy: str) -> None:
        """Let every function know this paging policy."""
        self.world.functions.restart(paging=PagingPolicy.model_validate(yaml.safe_load(policy)))

    # --- what is known ------------------------------------------------------------------------------------------------

    def incidents(self) -> list[str]:
        """Return the ids of all incidents, the oldest first."""
        found: dict[str, None] = {}
        for execution in self.world.step_functions.executions.values():
            incident = execution._input.get("incident", {}).get("incident_id")
            if incident and execution.machine_arn == MACHINE:
                found[incident] = None
        return list(found)

    def live(self, incident_id: str) -> StoredLive:
        """Return the live half of an incident, as it is stored."""
        return next(live for live in self.stored.lives() if live.incident_id == incident_id)

    def is_open(self, incident_id: str) -> bool:
        """Return True if the incident is open."""
        return any(live.incident_id == incident_id and live.is_open for live in self.stored.lives())

    def open_incidents(self) -> list[str]:
        """Return the ids of the open incidents."""
        return [live.incident_id for live in self.stored.lives() if live.is_open]

    def alert(self, alert: Alert, source: str = "prometheus") -> StoredAlert | None:
        """Return an alert as it is stored, or None."""
        return self.stored.alert(Key(source, alert.name, alert.host))

    def head(self, incident_id: str) -> Mapping[str, Any]:
        """Return the plain attributes of the incident's item for people."""
        for item in self.stored._items():
            if item["pk"]["S"] == f"INCIDENT#{incident_id}" and item["sk"]["S"] == "INCIDENT":
                return {name: plain(value) for name, value in item.items()}
        raise LookupError(incident_id)

    def running_executions(self, incident_id: str) -> int:
        """Return how many executions of an incident run."""
        return sum(
            1
            for execution in self.world.step_functions.executions.values()
            if execution.status == "RUNNING" and execution._input.get("incident", {}).get("incident_id") == incident_id
        )

    def pages(self, incident_id: str | None = None) -> list[Published]:
        """Return the pages that woke somebody, of one incident or of all."""
        return [
            message
            for message in self.world.messages
            if message.kind in PAGES and incident_id in (None, message.incident_id)
        ]

    def commands(self) -> list[tuple[str, str]]:
        """Return the steps that were sent to hosts: step and host."""
        return [(sent.step, host) for sent in self.world.fleet.sent for host in sent.hosts]

    def requests(self, actor: str, service: str = "dynamodb") -> Counter[str]:
        """Count the calls of a function to a service, by operation."""
        return Counter(
            call.operation for call in self.world.calls.log if call.actor == actor and call.service == service
        )

    # --- pieces -------------------------------------------------------------------------------------------------------

    def _beside(self, action: Callable[[], object]) -> None:
        """Let something happen in the middle of a function's work, as another process would do it."""
        calls = self.world.calls
        frames, calls.frames = calls.frames, []
        try:
            action()
        finally:
            calls.frames = frames

    def deliver(self, alerts: tuple[Alert, ...], source: str, again: tuple[float, ...]) -> None:
        """Send one delivery, and without a 2xx again after each pause, unless the sender was told not to."""
        status = self.world.door.post(source, payload(alerts, source), said(alerts, source))
        self.answers.append(status)
        if again and (status is None or status >= 500):
            self.world.clock.after(again[0], lambda: self.deliver(alerts, source, again[1:]), "sent again")

    def fixed(self, alert: Alert) -> Alert:
        """Return the alert with the times that were left to the moment."""
        now = self.now
        began = now if alert.began is None else alert.began
        return replace(alert, began=began, ended=now if alert.ended == -1 else alert.ended)


@dataclass(frozen=True)
class Moment:
    """A moment of a timeline; each method schedules something for it, and returns the moment."""

    timeline: Timeline
    seconds: float

    @property
    def time(self) -> datetime:
        """The moment on the world's clock."""
        return time_of(self.seconds)

    def do(self, action: Callable[[], object], label: str = "the timeline") -> "Moment":
        """Let anything happen."""
        self.timeline.world.clock.at(time_of(self.seconds), action, label)
        return self

    def push(self, *alerts: Alert, source: str = "prometheus", again: tuple[float, ...] = ()) -> "Moment":
        """Deliver alerts together, and after a refusal again after each of these pauses."""

        def push() -> None:
            self.timeline.deliver(tuple(map(self.timeline.fixed, alerts)), source, again)

        return self.do(push, f"push {alerts}")

    def press(self, button: str, number: int = 0, person: str = "ada") -> "Moment":
        """Let a person press a button under the message of an incident, counted from the oldest."""

        def press() -> None:
            self.timeline.answers.append(press_now(self.timeline, button, number, person))

        return self.do(press, f"press {button}")

    def silence(
        self, name: str, seconds: float, *, even_critical: bool = False, until_resolved: bool = False
    ) -> "Moment":
        """Silence an alert for a time."""
        how = {"even_critical": even_critical, "until_resolved": until_resolved}
        return self.do(lambda: self.timeline.world.silence(name, seconds, **how))

    def fault(self, who: str, service: str, operation: str, kind: Kind, nth: int = 1, times: int = 1) -> "Moment":
        """Let the nth call from then on fail: whose (a function, `function/state`, `outside`), which service and what.

        `times` lets as many calls in a row fail.
        """
        return self._rule(_Rule(_parts(who, service, operation), nth, times, kind=kind))

    def before(self, who: str, service: str, operation: str, action: Callable[[], object], nth: int = 1) -> "Moment":
        """Let something happen right before the nth call from then on."""
        return self._rule(_Rule(_parts(who, service, operation), nth, 1, action=action))

    def stop_faults(self) -> "Moment":
        """End all faults."""
        return self.do(self.timeline.faults.rules.clear)

    def _rule(self, rule: _Rule) -> "Moment":
        return self.do(lambda: self.timeline.faults.rules.append(rule), "a fault is placed")


@dataclass(frozen=True)
class Span:
    """A time that is over, and what is expected of it."""

    timeline: Timeline
    since: datetime
    until: datetime

    def pages(self, naming: str | None = None, channel: str | None = None) -> list[Published]:
        """Return the pages of this time that name something."""
        return [
            page
            for page in self.timeline.pages()
            if self.since <= page.at <= self.until
            and (channel is None or page.channel == channel)
            and (naming is None or naming in json.dumps(dict(page.content)) or naming in page.incident_id)
        ]

    def messages(self, naming: str | None = None, channel: str = "slack") -> list[Published]:
        """Return the messages of this time in a channel."""
        return [
            message
            for message in self.timeline.world.messages
            if self.since <= message.at <= self.until
            and message.channel == channel
            and (naming is None or naming in json.dumps(dict(message.content)) or naming in message.incident_id)
        ]

    def expect_page(self, naming: str | None = None, *, channel: str | None = None, times: int | None = None) -> None:
        """Expect pages; so many, if `times` is given."""
        found = self.pages(naming, channel)
        assert found if times is None else len(found) == times, self._story(f"page naming {naming}", times)

    def expect_no_page(self) -> None:
        """Expect that nobody is woken."""
        assert not self.pages(), self._story("page", 0)

    def _story(self, what: str, times: int | None) -> str:
        lines = [f"expected {'at least one' if times is None else times} {what} in {self.since:%T}–{self.until:%T}:"]
        for message in self.timeline.world.messages:
            content = str(dict(message.content))[:140]
            lines.append(f"{message.at:%T} {message.channel} {message.kind} {message.incident_id} {content}")
        return "\n".join(lines)


def press_now(timeline: Timeline, button: str, number: int = 0, person: str = "ada") -> int | None:
    """Press a button in Slack at this moment. Return the status, or None if there is no such button."""
    people, incident = timeline.world.people, timeline.incidents()[number]
    value = timeline.world.slack.button(incident, button)
    return None if value is None else people._in_slack(button, value, person)


def _parts(who: str, service: str, operation: str) -> tuple[str, ...]:
    return f"{who}:" if who else "", f"{service}." if service else "", operation
