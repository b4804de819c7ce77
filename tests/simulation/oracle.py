"""The oracle: it knows what went in and what came out, and says what must not be.

Allowances: a fault that was injected costs time. Each check names its limit in calm weather; every serious fault since
the trouble began adds to it, up to a bound.
"""

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, NamedTuple

from tests.simulation.door import Key, Word
from tests.simulation.faults import HARMLESS, Fault
from tests.simulation.stored import Stored, StoredAlert, StoredLive, plain

if TYPE_CHECKING:
    from tests.simulation.clients import Published
    from tests.simulation.world import World

MINUTE = timedelta(minutes=1)
PAGE_AFTER = timedelta(minutes=5)
WINDOW = timedelta(minutes=5)
FLAPPING_WINDOW = timedelta(minutes=10)
LONGEST_LEVEL = timedelta(minutes=15)
REOPEN_AFTER = timedelta(minutes=30)
MEND = timedelta(minutes=2)
RANKS = {"critical": 4, "high": 3, "medium": 2, "low": 1, "info": 0}
PAGING = 3
NOISE = ("OddNoise",)
HELD_BY_RULE = {"LinkFlaps": timedelta(minutes=5)}


class Violation(NamedTuple):
    """A broken rule: when, which, and what is wrong in words."""

    at: datetime
    rule: str
    about: str


def rank(word: Word) -> int:
    """Return the rank that the declared rules leave to an alert."""
    said = word.said
    if said.environment in ("test", "dev"):
        return min(RANKS[said.severity], RANKS["medium"])
    if said.key.name in NOISE and said.severity != "critical":
        return 0
    return RANKS[said.severity]


@dataclass
class Oracle:
    """Watches a world from its beginning."""

    world: "World"
    pace: float = 60
    violations: list[Violation] = field(default_factory=list)
    worst_to_human: timedelta = timedelta(0)
    worst_calm: timedelta = timedelta(0)
    checks: Counter[str] = field(default_factory=Counter)
    _serious: list[datetime] = field(default_factory=list)
    _worst: dict[Key, int] = field(default_factory=dict)
    _fired: dict[Key, list[Word]] = field(default_factory=lambda: defaultdict(list))
    _since: dict[tuple[str, str], datetime] = field(default_factory=dict)
    _sends: dict[str, list["Published"]] = field(default_factory=lambda: defaultdict(list))
    _page_keys: Counter[tuple[Any, ...]] = field(default_factory=Counter)
    _crashes_seen: int = 0
    _commands_seen: int = 0
    _fired_at: dict[str, datetime] = field(default_factory=dict)
    _history_seen: dict[str, tuple[int, datetime]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.stored = Stored(self.world.memory)
        self.world.faults.listeners.append(self._fault)
        self.world.on_message.append(self._message)
        self.world.witness.accepted.append(self._accepted)
        self.world.clock.after(30, self._look, "the oracle looks")

    # --- reporting ----------------------------------------------------------------------------------------------------

    def say(self, rule: str, about: str) -> None:
        """Report a broken rule."""
        self.violations.append(Violation(self.world.clock.now(), rule, about))

    def allowance(self, since: datetime) -> timedelta:
        """Return how much longer something may take because of the faults since a time."""
        number = sum(1 for at in self._serious if at >= since - MINUTE)
        faults = min(timedelta(minutes=12), MINUTE * (2**number - 1) if number < 4 else timedelta(minutes=12))
        return faults + timedelta(seconds=self.pace) - MINUTE  # what reconcile mends waits for its next run

    def _fault(self, at: datetime, fault: Fault) -> None:
        if fault.kind not in HARMLESS:
            self._serious.append(at)

    # --- each minute --------------------------------------------------------------------------------------------------

    def _look(self) -> None:
        self.world.clock.after(self.pace, self._look, "the oracle looks")
        lives, alerts = self.stored.lives(), self.stored.alerts()
        self._crashed()
        self._counted(lives, alerts)
        self._covered(lives, alerts)
        self._executed(lives)
        self._ended(lives, alerts)
        self._closed_firing()
        self._paged_again(lives, alerts)
        self._commanded()
        self._paced()

    def _lasting(self, rule: str, about: str, wrong: bool, limit: timedelta, text: str) -> None:
        """Report something that has been wrong for longer than the limit."""
        key, now = (rule, about), self.world.clock.now()
        if not wrong:
            self._since.pop(key, None)
            return
        since = self._since.setdefault(key, now)
        if now - since > limit + self.allowance(since):
            self.say(rule, f"{text} since {since:%d %H:%M:%S}")

    def _crashed(self) -> None:
        for crash in self.world.crashes[self._crashes_seen :]:
            self.say("crash", f"{crash.function} {crash.state}: {crash.error} (faults: {', '.join(crash.faults)})")
        self._crashes_seen = len(self.world.crashes)
        for execution in self.world.step_functions.executions.values():
            if execution.status == "FAILED" and execution.error in ("States.Runtime", "States.QueryEvaluationError"):
                self.say("machine", f"{execution.name} failed: {execution.error} {execution.cause}")

    def _counted(self, lives: list[StoredLive], alerts: list[StoredAlert]) -> None:
        """Exact counts, and no expiry on what is open."""
        firing = Counter(alert.incident_id for alert in alerts if alert.firing)
        for live in lives:
            if live.is_open and live.firing != firing[live.incident_id]:
                self.say(
                    "counts", f"{live.incident_id}: firing {live.firing}, but {firing[live.incident_id]} alerts fire"
                )
            if live.is_open and "expires_at" in live.item:
                self.say("expiry", f"{live.incident_id} is open and has expires_at")
            self.checks["counts"] += 1
        for alert in alerts:
            if alert.firing and "expires_at" in alert.item:
                self.say("expiry", f"{alert.key} fires and has expires_at")

    def _covered(self, lives: list[StoredLive], alerts: list[StoredAlert]) -> None:
        """Each alert whose last accepted word is firing belongs to an open incident, or to one that knew of it."""
        by_incident = {live.incident_id: live for live in lives}
        stored = {alert.key: alert for alert in alerts}
        if self.world.queues.waiting:
            return  # what is in the backlog is durable, and not stored yet
        closed = self.stored.closed()
        for key, word in self.world.witness.last.items():
            if not word.said.firing or not self.world.witness.is_sure(key):
                continue
            self.checks["covered"] += 1
            alert = stored.get(key)
            live = by_incident.get(alert.incident_id) if alert else None
            known = closed.get(alert.incident_id) if alert else None
            if alert is None or not alert.firing:
                self.say(
                    "covered", f"{key} was accepted as firing at {word.at:%d %H:%M:%S} and is not stored as firing"
                )
            elif (live is None or not live.is_open) and known is None:
                self.say("covered", f"{key} fires in {alert.incident_id}, which is neither open nor closed")
            elif known is not None and word.at > known + REOPEN_AFTER:
                self.say("covered", f"{key} was said at {word.at:%d %H:%M:%S}, long after {alert.incident_id} closed")
            elif known is not None and key.name not in NOISE and self._closed_unknowing(alert, word, known):
                self.say("covered", f"{alert.incident_id} closed without knowing of {key}")

    def _closed_unknowing(self, alert: StoredAlert, word: Word, closed: datetime) -> bool:
        """Tell whether a paging alert was part of an incident that ended before any person heard of it."""
        if rank(word) < PAGING or word.at > closed:
            return False
        return not self._human(alert.incident_id, word.at, closed + MINUTE) and not self._resolved_by_hand(
            alert.incident_id
        )

    def _resolved_by_hand(self, incident_id: str) -> bool:
        return any(
            press.incident_id == incident_id and press.button == "resolve" for press in self.world.people.pressed
        )

    def _executed(self, lives: list[StoredLive]) -> None:
        """An open record has a running execution; a closed one has none."""
        running: dict[str, list[Any]] = defaultdict(list)
        for execution in self.world.step_functions.executions.values():
            if execution.status == "RUNNING" and ":stateMachine:" in execution.machine_arn:
                incident = execution._input.get("incident", {}).get("incident_id")
                if incident:
                    running[incident].append(execution)
        for live in lives:
            if not live.incident_id:
                continue
            name = live.incident_id
            self.checks["executed"] += 1
            self._lasting(
                "zombie", name, live.is_open and not running[name], MEND, f"{name} is open without an execution"
            )
            self._lasting(
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
            limit = (FLAPPING_WINDOW if flapping else WINDOW) + MEND + MINUTE + self.allowance(since)
            if self.world.clock.now() - since > limit:
                self.say(
                    "resolve lost", f"nothing fires in {live.incident_id} since {since:%d %H:%M:%S}, and it is open"
                )

    def _closed_firing(self) -> None:
        """An incident closes by itself only if nothing of it fires, or after a runbook's verification."""
        for incident, outcome, live in self.stored.ends():
            by_itself = outcome in ("resolved", "self_cleared") and live["resolved_by"] is None
            counts = [live["own"], *live["shards"]]
            if by_itself and live["verified_at"] is None and sum(count["firing"] for count in counts) > 0:
                self.say("closed firing", f"{incident} is {outcome}, and it fires")

    def _paged_again(self, lives: list[StoredLive], alerts: list[StoredAlert]) -> None:
        """An unanswered page is followed by the next one, for as long as something that pages fires."""
        last, now = self.world.witness.last, self.world.clock.now()
        loud = {
            alert.incident_id
            for alert in alerts
            if alert.firing and alert.key in last and rank(last[alert.key]) >= PAGING and last[alert.key].said.firing
        }
        for live in lives:
            pages = [send.at for send in self._sends[live.incident_id] if send.kind in ("page", "trigger")]
            if not live.is_open or live.incident_id not in loud or not pages:
                continue
            newest = pages[-1]
            presses = self.world.people.pressed
            answered = any(press.incident_id == live.incident_id and press.at >= newest for press in presses)
            limit = LONGEST_LEVEL + PAGE_AFTER + MEND + self.allowance(newest)
            if not answered and now - newest > limit:
                self.say("not paged again", f"{live.incident_id} since {newest:%d %H:%M:%S}, and nobody answered")

    def _commanded(self) -> None:
        """No act is sent twice to one host of one incident."""
        sent = self.world.fleet.sent
        for command in sent[self._commands_seen :]:
            if command.step in ("verify", "peek"):
                continue
            for host in command.hosts:
                key = ("command", command.incident_id, command.runbook, command.step, host)
                self._page_keys[key] += 1
                if self._page_keys[key] > 1:
                    self.say("command twice", f"{command.incident_id}: {command.step} on {host} again at {command.at}")
        self._commands_seen = len(sent)

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
                self.say("busy loop", f"{execution.name} made {number - before} events in {minutes:.0f} min")

    # --- at each message ----------------------------------------------------------------------------------------------

    def _message(self, message: "Published") -> None:
        self._sends[message.incident_id].append(message)
        if message.kind not in ("page", "trigger"):
            return
        live = next((live for live in self.stored.lives() if live.incident_id == message.incident_id), None)
        if live is None:
            return
        key = ("page", message.incident_id, plain(live.item.get("paged_seq")), message.channel)
        self._page_keys[key] += 1
        times = self._page_keys[key]
        # A lost reply, a claim that could not be written and a mark that was not written cost one page more each.
        self.checks["paged again"] += times > 1
        if times > 1 + self._paging_faults(message.at - timedelta(minutes=20)):
            self.say("page twice", f"{message.incident_id} by {message.channel}: {times} times, number {key[2]}")
        self._after_answer(message, live)

    def _paging_faults(self, since: datetime) -> int:
        """Count the faults in what pages since a time."""
        return sum(
            1
            for at, fault in self.world.faults.happened
            if at >= since
            and fault.label.startswith(("escalate", "reconcile", "machine/Page", "outside:"))
            and fault.kind not in HARMLESS
        )

    def _after_answer(self, message: "Published", live: StoredLive) -> None:
        """After an acknowledgement there is no further page, unless something worse joined, or it is a storm."""
        if live.group_key.startswith("storm:"):
            return
        presses = [
            press
            for press in self.world.people.pressed
            if press.button == "acknowledge"
            and press.incident_id == message.incident_id
            and press.status is not None
            and 200 <= press.status < 300
            and not press.met_fault
        ]
        if not presses or any(at >= presses[-1].at - MINUTE for at in self._serious):
            return
        answered = presses[-1].at
        earlier = [send for send in self._sends[message.incident_id] if send.kind in ("page", "trigger")][:-1]
        if not earlier or earlier[-1].at > answered or message.at - answered < timedelta(seconds=30):
            return
        mine = {alert.key for alert in self.stored.alerts() if alert.incident_id == message.incident_id}
        known = [rank(word) for key, word in self.world.witness.last.items() if key in mine and word.at <= answered]
        newer = [rank(word) for key, word in self.world.witness.last.items() if key in mine and word.at > answered]
        if max(newer, default=0) <= max(known, default=0):
            self.say("page after answer", f"{message.incident_id} at {message.at}, answered {answered}")

    # --- at each accepted word ----------------------------------------------------------------------------------------

    def _accepted(self, word: Word, before: Word | None) -> None:
        """Check, when the time is over, that a person heard of a new alert that pages."""
        if word.said.firing:
            self._fired[word.said.key].append(word)
        key, fired = word.said.key, before is not None and before.said.firing
        # An alert that fires keeps its worst rank until it ends.
        worst = max(self._worst.get(key, 0), rank(before)) if fired and before is not None else 0
        if word.said.firing or self.world.witness.is_sure(key):  # else it may fire all the same, as bad as before
            self._worst[key] = max(worst, rank(word)) if word.said.firing else 0
        if not word.said.firing or rank(word) <= worst or rank(word) < PAGING:
            return
        self._check_later(word, PAGE_AFTER + MINUTE + timedelta(seconds=30))

    def _check_later(self, word: Word, within: timedelta) -> None:
        at = max(word.at + within, self.world.clock.now() + timedelta(seconds=1))
        self.world.clock.at(at, lambda: self._reached(word, within), f"did anybody hear of {word.said.key}?")

    def _reached(self, word: Word, within: timedelta) -> None:
        key, now = word.said.key, self.world.clock.now()
        self.checks["reached"] += 1
        last = self.world.witness.last.get(key)
        if (
            last is None
            or not last.said.firing
            or not self.world.witness.is_sure(key)
            or last.said.episode != word.said.episode
        ):
            return  # it ended meanwhile
        alert = self.stored.alert(key)
        if alert is None and self.world.queues.waiting:
            self._check_later(word, now - word.at + MINUTE)
            return
        if alert is None:
            self.say("covered", f"{key} was accepted at {word.at:%d %H:%M:%S} and is not stored")
            return
        heard = self._human(alert.incident_id, word.at, now, must_page=self._worse(alert, word))
        if heard is not None:
            took = max(timedelta(0), heard - word.at)
            live = next((live for live in self.stored.lives() if live.incident_id == alert.incident_id), None)
            took = max(timedelta(0), took - self._excuse(alert, live, word))
            self.worst_to_human = max(self.worst_to_human, took)
            if not self._troubled(word.at):
                self.worst_calm = max(self.worst_calm, took)
            return
        live = next((live for live in self.stored.lives() if live.incident_id == alert.incident_id), None)
        excuse = self._excuse(alert, live, word)
        limit = PAGE_AFTER + MINUTE + timedelta(seconds=30) + excuse + self.allowance(word.at)
        if now - word.at < limit:
            self._check_later(word, limit)
        elif not self._alarmed(alert.incident_id):
            self.say(
                "nobody heard", f"{key} ({word.said.severity}) of {alert.incident_id}, accepted {word.at:%d %H:%M:%S}"
            )

    def _troubled(self, since: datetime) -> bool:
        return any(at >= since - MINUTE for at in self._serious)

    def _worse(self, alert: StoredAlert, word: Word) -> bool:
        """Tell whether a word is worse than all that people could know of the incident before, if they knew of it."""
        live = next((live for live in self.stored.lives() if live.incident_id == alert.incident_id), None)
        opened = datetime.fromisoformat(plain(live.item["opened_at"])) if live is not None else word.at
        earlier = (
            rank(known)
            for other in self.stored.alerts()
            if other.incident_id == alert.incident_id
            for known in self._fired[other.key]
            if opened <= known.at < word.at
        )
        knew = False
        for known in earlier:
            knew = True
            if known >= rank(word):
                return False
        return knew

    def _human(self, incident_id: str, since: datetime, until: datetime, *, must_page: bool = False) -> datetime | None:
        """Return when a person heard of an alert that came at a time: the first page since, or an earlier page that
        still stands with a message since, or a press that answers it."""
        sends = self._sends[incident_id]
        page = next((send.at for send in sends if send.kind in ("page", "trigger") and send.at >= since), None)
        if page is not None:
            return page
        paged_before = any(send.kind in ("page", "trigger") and send.at < since for send in sends)
        told = next((send.at for send in sends if send.channel == "slack" and send.at >= since), None)
        pressed = [press.at for press in self.world.people.pressed if press.incident_id == incident_id]
        if (paged_before or pressed) and told is not None and not must_page:
            return told
        return next((at for at in pressed if at >= since), None)

    def _excuse(self, alert: StoredAlert, live: StoredLive | None, word: Word) -> timedelta:
        """Return how much longer an alert may wait: held by a silence or a rule, or after a verified cure."""
        excuse = timedelta(0)
        if live is None:
            return excuse
        held = live.item.get("held_until")
        if held is not None and "hold_ended_at" not in live.item:
            excuse = max(excuse, datetime.fromisoformat(plain(held)) - word.at)
        if "hold_ended_at" in live.item:
            excuse = max(excuse, datetime.fromisoformat(plain(live.item["hold_ended_at"])) - word.at)
        if "verified_at" in live.item:
            excuse = max(excuse, datetime.fromisoformat(plain(live.item["verified_at"])) - word.at)
        return max(excuse, HELD_BY_RULE.get(alert.key.name, timedelta(0)))

    def _alarmed(self, incident_id: str) -> bool:
        """Tell whether an execution of the incident ended as Undelivered, which raises an alarm of its own."""
        return any(
            execution.error == "Undelivered" and execution._input.get("incident", {}).get("incident_id") == incident_id
            for execution in self.world.step_functions.executions.values()
        )

    def finish(self) -> None:
        """Look once more at the end."""
        if not self.violations:
            self._look()
