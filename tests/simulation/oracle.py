"""The oracle: it knows what went in and what came out, and says what must not be.

`Oracle` watches what is stored, executions and commands; `Heard` watches people.
"""

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from tests.simulation.clock import START
from tests.simulation.door import Word
from tests.simulation.heard import Heard
from tests.simulation.heartbeats import HeartbeatCheck
from tests.simulation.hosts import Sent
from tests.simulation.paged import PAGE_AFTER, PAGES
from tests.simulation.stored import Stored, StoredAlert, StoredLive, plain
from tests.simulation.watch import MEND, MINUTE, PAGING, Violation, Watch, rank

if TYPE_CHECKING:
    from tests.simulation.world import World

__all__ = ["Oracle", "Violation"]

WINDOW = timedelta(minutes=5)
FLAPPING_WINDOW = timedelta(minutes=10)
REOPEN_AFTER = timedelta(minutes=30)

WORKED_OFF = timedelta(minutes=6)
"""The backlog is tried at once and again each three minutes."""

ACTS = ("drain", "restart", "warm")
SENDS_WITHIN = timedelta(seconds=10)
"""The time from the claim of a step until its command is sent."""


@dataclass
class Oracle:
    """Watches a world from its beginning."""

    world: "World"
    pace: float = 60
    _crashes_seen: int = 0
    _commands_seen: int = 0
    _fired_at: dict[str, datetime] = field(default_factory=dict)
    _stepped_at: dict[str, datetime] = field(default_factory=dict)
    _closed: dict[str, datetime] = field(default_factory=dict)
    _commanded_times: Counter[tuple[str, ...]] = field(default_factory=Counter)
    _history_seen: dict[str, tuple[int, datetime]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.watch = Watch(self.world, self.pace)
        self.heard = Heard(self.watch)
        self.heartbeat = HeartbeatCheck(self.watch)
        self.world.clock.after(30, self._look, "the oracle looks")

    @property
    def violations(self) -> list[Violation]:
        """The broken rules."""
        return self.watch.violations

    @property
    def checks(self) -> Counter[str]:
        """Return the number of checks by rule."""
        return self.watch.checks

    @property
    def stored(self) -> Stored:
        """Return the content of the table."""
        return self.watch.stored

    def finish(self) -> None:
        """Look once more at the end."""
        if not self.violations:
            self._look()

    def _look(self) -> None:
        self.world.clock.after(self.pace, self._look, "the oracle looks")
        lives, alerts = self.stored.lives(), self.stored.alerts()
        self._crashed()
        for text in self.stored.wrong:
            self.watch.say("wrong write", text)
        self._counted(lives, alerts)
        self._covered(lives, alerts)
        self._executed(lives)
        self._ended(lives, alerts)
        self._closed_firing(alerts)
        self.heard.look(lives, alerts)
        self.heartbeat.look()
        self._commanded()
        self._unreadable()
        self._paced()

    def _crashed(self) -> None:
        for crash in self.world.crashes[self._crashes_seen :]:
            self.watch.say(
                "crash", f"{crash.function} {crash.state}: {crash.error} (faults: {', '.join(crash.faults)})"
            )
        self._crashes_seen = len(self.world.crashes)
        for execution in self.world.step_functions.executions.values():
            if execution.status == "FAILED" and execution.error in ("States.Runtime", "States.QueryEvaluationError"):
                self.watch.say("machine", f"{execution.name} failed: {execution.error} {execution.cause}")

    def _counted(self, lives: list[StoredLive], alerts: list[StoredAlert]) -> None:
        """Exact counts, and no expiry on what is open."""
        firing = Counter(alert.incident_id for alert in alerts if alert.firing)
        for live in lives:
            if live.is_open and live.firing != firing[live.incident_id]:
                self.watch.say(
                    "counts", f"{live.incident_id}: firing {live.firing}, but {firing[live.incident_id]} alerts fire"
                )
            if live.is_open and "expires_at" in live.item:
                self.watch.say("expiry", f"{live.incident_id} is open and has expires_at")
            self.checks["counts"] += 1
        for alert in alerts:
            if alert.firing and "expires_at" in alert.item:
                self.watch.say("expiry", f"{alert.key} fires and has expires_at")

    def _covered(self, lives: list[StoredLive], alerts: list[StoredAlert]) -> None:
        """Each alert whose last accepted word is firing belongs to an open incident, or to one that knew of it."""
        by_incident = {live.incident_id: live for live in lives}
        stored = {alert.key: alert for alert in alerts}
        waiting = self.world.queues.waiting
        if waiting:
            oldest = min(waiting.values())
            if self.world.clock.now() - oldest > WORKED_OFF + self.watch.allowance(oldest):
                self.watch.say("backlog", f"alerts wait in the backlog since {oldest:%d %H:%M:%S}")
            return  # what is in the backlog is durable, and not stored yet
        closed = self._closed = self._closed | self.stored.closed()  # the table may have forgotten them
        for key, word in self.world.witness.last.items():
            if not word.said.firing or not self.world.witness.is_sure(key):
                continue
            self.checks["covered"] += 1
            alert = stored.get(key)
            live = by_incident.get(alert.incident_id) if alert else None
            known = closed.get(alert.incident_id) if alert else None
            if alert is None or not alert.firing:
                self.watch.say(
                    "covered", f"{key} was accepted as firing at {word.at:%d %H:%M:%S} and is not stored as firing"
                )
            elif (live is None or not live.is_open) and known is None:
                self.watch.say("covered", f"{key} fires in {alert.incident_id}, which is neither open nor closed")
            elif known is not None and word.at > known + REOPEN_AFTER + MINUTE:
                self.watch.say(
                    "covered", f"{key} was said at {word.at:%d %H:%M:%S}, long after {alert.incident_id} closed"
                )
            elif known is not None and self._closed_unknowing(alert, word, known):
                self.watch.say("covered", f"{alert.incident_id} closed without knowing of {key}")

    def _closed_unknowing(self, alert: StoredAlert, word: Word, closed: datetime) -> bool:
        """Tell whether a paging alert was part of an incident that ended before any person heard of it."""
        if rank(word) < PAGING or word.at > closed:
            return False
        if ("resolve", alert.incident_id) in self.world.people.begun:
            return False
        return not self.heard.human(alert.incident_id, word.at, closed + MINUTE)

    def _executed(self, lives: list[StoredLive]) -> None:
        """An open record has a running execution; a closed one has none."""
        running: dict[str, list[Any]] = defaultdict(list)
        for execution in self.world.step_functions.executions.values():
            if execution.status == "RUNNING" and ":stateMachine:" in execution.machine_arn:
                incident = execution._input.get("incident", {}).get("incident_id")
                if incident:
                    running[incident].append(execution)
        for name, executions in running.items():
            text = f"{name} has {len(executions)} executions"
            self.watch.lasting("twins", name, len(executions) > 1, MEND, text)
        for live in lives:
            if not live.incident_id:
                continue
            name = live.incident_id
            self.checks["executed"] += 1
            lost = live.is_open and not running[name] and self.world.clock.now() > self.watch.paused_until(name)
            self.watch.lasting("zombie", name, lost, MEND, f"{name} is open without an execution")
            self.watch.lasting(
                "ghost", name, not live.is_open and bool(running[name]), MEND, f"{name} is closed and still runs"
            )

    def _ended(self, lives: list[StoredLive], alerts: list[StoredAlert]) -> None:
        """An incident in which nothing fires any more closes after its window."""
        last = self.world.witness.last
        members: dict[str, list[StoredAlert]] = defaultdict(list)
        for alert in alerts:
            members[alert.incident_id].append(alert)
        for live in lives:
            mine = members[live.incident_id]
            over = bool(mine) and all(
                alert.key in last and not last[alert.key].said.firing and self.world.witness.is_sure(alert.key)
                for alert in mine
            )
            if not over:
                self._fired_at[live.incident_id] = self.world.clock.now()
            if not (live.is_open and over):
                continue
            flapping = bool(plain(live.item.get("flapping")))
            # An alert that ended last may be another incident's by now.
            ends = [last[alert.key].at for alert in mine]
            since = max(*ends, self._fired_at.get(live.incident_id, ends[0]))
            if self.watch.awaits_step(live.incident_id):
                self._stepped_at[live.incident_id] = self.world.clock.now()
            paused = max(self.watch.paused_until(live.incident_id), self._stepped_at.get(live.incident_id, START))
            late = self.world.clock.now() - MEND - MINUTE
            window = FLAPPING_WINDOW if flapping else WINDOW
            if late > max(since + window + self.watch.allowance(since), paused + self.watch.allowance(paused)):
                self.watch.say(
                    "resolve lost", f"nothing fires in {live.incident_id} since {since:%d %H:%M:%S}, and it is open"
                )

    def _closed_firing(self, alerts: list[StoredAlert]) -> None:
        """An incident closes by itself only if nothing of it fires, or after a runbook's verification."""
        for incident, outcome, live in self.stored.ends():
            by_itself = outcome in ("resolved", "self_cleared") and live.get("resolved_by") is None
            fires = next((alert.key for alert in alerts if alert.firing and alert.incident_id == incident), None)
            if by_itself and live.get("verified_at") is None and fires is not None:
                self.watch.say("closed firing", f"{incident} is {outcome}, and {fires} fires in it")

    def _commanded(self) -> None:
        """No act is sent twice to one host of one incident."""
        sent = self.world.fleet.sent
        for command in sent[self._commands_seen :]:
            if command.step in ("verify", "peek"):
                continue
            if command.step in ACTS and self._over(command):
                self.watch.say("acted after the end", f"{command.incident_id}: {command.step} at {command.at}")
            for host in command.hosts:
                key = (command.incident_id, command.runbook, command.step, host)
                self._commanded_times[key] += 1
                if self._commanded_times[key] > 1:
                    self.watch.say(
                        "command twice", f"{command.incident_id}: {command.step} on {host} again at {command.at}"
                    )
        self._commands_seen = len(sent)

    def _over(self, command: Sent) -> bool:
        """Tell whether nothing of the incident fired any more when a command was sent."""
        since = command.at - SENDS_WITHIN - self.world.calls.waited(command.at - MINUTE)
        witness = self.world.witness
        mine = [alert.key for alert in self.stored.alerts() if alert.incident_id == command.incident_id]
        last = [witness.last.get(key) if witness.is_sure(key) else None for key in mine]  # None may fire
        return bool(last) and all(word is not None and not word.said.firing and word.at < since for word in last)

    def _unreadable(self) -> None:
        """Check that people are paged for a source that cannot be read."""
        for source, at in self.world.door.unreadable.items():
            name = f"Unreadable-message-from-{source}"[:32]
            pages = (
                send for incident, sends in self.heard.sends.items() if incident.startswith(name) for send in sends
            )
            paged = any(send.kind in PAGES for send in pages)
            limit = PAGE_AFTER + MINUTE + timedelta(seconds=30) + self.watch.allowance(at)
            if not paged and self.world.clock.now() - at > limit:
                self.watch.say("nobody heard", f"{source} could not be read at {at:%d %H:%M:%S}")

    def _paced(self) -> None:
        """No execution goes round without waiting."""
        now = self.world.clock.now()
        for arn, execution in self.world.step_functions.executions.items():
            number = len(execution.history)
            before, at = self._history_seen.get(arn, (0, execution.started))
            if execution.status != "RUNNING" and before == number:
                continue
            self._history_seen[arn] = number, now
            minutes = max(1.0, (now - at) / MINUTE)
            if number - before > 600 * minutes:
                self.watch.say("busy loop", f"{execution.name} made {number - before} events in {minutes:.0f} min")
