"""The part of the oracle that watches people: what they heard of each alert, and when."""

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from tests.simulation.clock import START
from tests.simulation.door import Key, Word
from tests.simulation.faults import HARMLESS, Fault
from tests.simulation.held import Holding
from tests.simulation.paged import PAGE_AFTER, PAGES, Paged
from tests.simulation.stored import StoredAlert, StoredLive, plain
from tests.simulation.watch import MINUTE, PAGING, Watch, rank

if TYPE_CHECKING:
    from tests.simulation.clients import Published

HELD_BY_RULE = {"LinkFlaps": timedelta(minutes=5)}
AT_ONCE = timedelta(seconds=15)
"""The time within which a page goes out in calm weather; reconcile, which finds what was missed, comes each minute."""

WHILE_IT_ACTS = timedelta(minutes=2, seconds=30)
"""The time for a page while a remediation runs: reconcile pages a minute after the alert joined, when it next comes."""

TOLD = timedelta(minutes=4)
"""The time in which people read of an alert that joined: its execution tells them, or reconcile does."""

LONGEST_PAUSE = timedelta(minutes=12)
"""Reconcile tries again after a pause of ten minutes at most."""

CALM = timedelta(minutes=15)


@dataclass
class Heard:
    """Watches messages, and whether a person hears of each alert that pages."""

    watch: Watch
    worst_to_human: timedelta = timedelta(0)
    worst_calm: timedelta = timedelta(0)
    sends: dict[str, list["Published"]] = field(default_factory=lambda: defaultdict(list))
    _held: set[str] = field(default_factory=set)
    _worst: dict[Key, int] = field(default_factory=dict)
    _fired: dict[Key, list[Word]] = field(default_factory=lambda: defaultdict(list))
    _fired_in: dict[str, list[Word]] = field(default_factory=lambda: defaultdict(list))
    _ended: dict[Key, datetime] = field(default_factory=dict)
    _slack_failed: list[datetime] = field(default_factory=list)

    def __post_init__(self) -> None:
        world = self.watch.world
        self._holding = Holding(world)
        self._paged = Paged(self.watch, self.sends, self._fired, self._fired_in)
        world.faults.listeners.append(self._fault)
        world.on_message.append(self._message)
        world.witness.accepted.append(self._accepted)

    def _fault(self, at: datetime, fault: Fault) -> None:
        if fault.kind not in HARMLESS and ":slack." in fault.label:
            self._slack_failed.append(at)

    # --- each minute --------------------------------------------------------------------------------------------------

    def look(self, lives: Sequence[StoredLive], alerts: Sequence[StoredAlert]) -> None:
        """Check that nobody was forgotten after a page."""
        self._held |= {live.incident_id for live in lives if "held_until" in live.item}
        self._paged.look(lives, alerts)

    # --- at each message ----------------------------------------------------------------------------------------------

    def _message(self, message: "Published") -> None:
        self.sends[message.incident_id].append(message)
        if message.kind in PAGES and (live := self._live(message.incident_id)) is not None:
            self._paged.page(message, live)

    # --- at each accepted word ----------------------------------------------------------------------------------------

    def _accepted(self, word: Word, before: Word | None) -> None:
        """Check, when the time is over, that a person heard of a new alert that pages."""
        key, fired = word.said.key, before is not None and before.said.firing
        if word.said.firing:
            self._fired[key].append(word)
            if stored := self.watch.stored.alert(key):
                self._fired_in[stored.incident_id].append(word)
        else:
            self._ended[key] = word.at
        # An alert that fires keeps its worst rank until it ends.
        worst = max(self._worst.get(key, 0), rank(before)) if fired and before is not None else 0
        if word.said.firing or self.watch.world.witness.is_sure(key):  # else it may fire all the same, as bad as before
            self._worst[key] = max(worst, rank(word)) if word.said.firing else 0
        if word.said.firing and not fired:
            self._later(TOLD, lambda: self._told(word), f"was anybody told of {key}?")
        if not word.said.firing or rank(word) <= worst or rank(word) < PAGING:
            return
        if key.source != "pagerduty":  # PagerDuty has paged for its own incident: Firstline shows that in Slack
            self._later(AT_ONCE, lambda: self._prompt(word), f"was anybody paged for {key} at once?")
        self._check_later(word, PAGE_AFTER + MINUTE + timedelta(seconds=30))

    def _later(self, after: timedelta, check: Callable[[], object], label: str) -> None:
        self.watch.world.clock.at(self.watch.world.clock.now() + after, check, label)

    def _check_later(self, word: Word, within: timedelta) -> None:
        at = max(word.at + within, self.watch.world.clock.now() + timedelta(seconds=1))
        self.watch.world.clock.at(at, lambda: self._reached(word, within), f"did anybody hear of {word.said.key}?")

    def _still(self, word: Word) -> bool:
        """Tell whether what a word said is still so, without an end in between."""
        last = self.watch.world.witness.last.get(word.said.key)
        same = last is not None and last.said.firing and last.said.episode == word.said.episode
        return (
            same
            and self._ended.get(word.said.key, START) <= word.at
            and self.watch.world.witness.is_sure(word.said.key)
        )

    def _joined(self, word: Word) -> tuple[StoredAlert, StoredLive] | None:
        """Return the alert that still fires, and its incident if that is open."""
        alert = self.watch.stored.alert(word.said.key) if self._still(word) else None
        live = self._live(alert.incident_id) if alert is not None else None
        return (alert, live) if alert is not None and live is not None and live.is_open else None

    def _told(self, word: Word) -> None:
        """Check that people read of an alert that joined an incident which they were told of."""
        joined, now = self._joined(word), self.watch.world.clock.now()
        if joined is None:
            return
        self.watch.checks["told"] += 1
        incident = joined[1].incident_id
        told = [send.at for send in self.sends[incident] if send.channel == "slack"]
        since = word.began
        if not told or told[0] >= since or told[-1] >= since:
            return
        refused = sum(1 for at in self._slack_failed if at >= since)
        pauses = min(LONGEST_PAUSE, MINUTE * 2.0 ** min(refused, 10)) if refused else timedelta(0)
        if now - word.at < TOLD + self.watch.allowance(word.at) + pauses:
            self._later(MINUTE, lambda: self._told(word), f"was anybody told of {word.said.key}?")
            return
        self.watch.say("not told", f"{word.said.key} joined {incident}, accepted {word.at:%d %H:%M:%S}")

    def _acts(self, live: StoredLive) -> bool:
        """Tell whether the incident's remediation acted, or its execution waits for a command."""
        return "acted_at" in live.item or any(
            execution.status == "RUNNING"
            and execution._input.get("incident", {}).get("incident_id") == live.incident_id
            and execution.path[-1:] == ["Await Step"]
            for execution in self.watch.world.step_functions.executions.values()
        )

    def _prompt(self, word: Word, within: timedelta = AT_ONCE) -> None:
        """Check that in calm weather what is worse than people know pages at once, or soon during a remediation."""
        joined, since = self._joined(word), word.at - CALM
        if joined is None or self.watch.troubled(since) or self.watch.stopped(since):
            return
        alert, live = joined
        if "held_until" in live.item or live.group_key.startswith("storm:") or not self._worse(alert, word):
            return
        if acts := self._acts(live):
            within = WHILE_IT_ACTS
        if acts and all(
            (plain(live.item.get(f"loud_{rank}")) or 0) <= (plain(live.item.get(f"judged_loud_{rank}")) or 0)
            for rank in ("high", "critical")
        ):
            return  # the verdict knew of it, so the remediation has its time first
        self.watch.checks["prompt"] += 1
        waited = self.watch.world.calls.waited(word.at - AT_ONCE)
        if self.watch.world.clock.now() - word.at < within + waited:
            again = f"was anybody paged for {word.said.key} at once?"
            self._later(MINUTE / 6, lambda: self._prompt(word, within), again)
        elif self.human(alert.incident_id, word.at - AT_ONCE, word.at, must_page=True) is None:
            self.watch.say("slow", f"{word.said.key} joined {live.incident_id} at {word.at:%d %H:%M:%S}: no page yet")

    def _reached(self, word: Word, within: timedelta) -> None:
        key, now = word.said.key, self.watch.world.clock.now()
        self.watch.checks["reached"] += 1
        if not self._still(word):
            return
        alert = self.watch.stored.alert(key)
        if alert is None and self.watch.world.queues.waiting:
            self._check_later(word, now - word.at + MINUTE)
            return
        if alert is None:
            self.watch.say("covered", f"{key} was accepted at {word.at:%d %H:%M:%S} and is not stored")
            return
        worse = self._worse(alert, word)
        heard = self.human(alert.incident_id, word.at, now, must_page=worse)
        if heard is None and key.source == "pagerduty":
            heard = self._shown(alert.incident_id, word)
        if heard is None and not worse:
            # A slow ingest stores an alert, and others tell of it, before its sender has the answer.
            heard = self.human(alert.incident_id, word.began, now)
        if heard is not None:
            if alert.incident_id in self._held:
                return  # a silence or a rule may hold it longer than it waited for people
            took = max(timedelta(0), heard - word.at)
            live = next((live for live in self.watch.stored.lives() if live.incident_id == alert.incident_id), None)
            took = max(timedelta(0), took - self._excuse(alert, live, word))
            self.worst_to_human = max(self.worst_to_human, took)
            if not self.watch.troubled(word.at):
                self.worst_calm = max(self.worst_calm, took)
            return
        live = next((live for live in self.watch.stored.lives() if live.incident_id == alert.incident_id), None)
        excuse = self._excuse(alert, live, word)
        limit = PAGE_AFTER + MINUTE + timedelta(seconds=30) + excuse + self.watch.allowance(word.at)
        if now - word.at < limit:
            self._check_later(word, limit)
        elif not self._alarmed(alert.incident_id):
            self.watch.say(
                "nobody heard", f"{key} ({word.said.severity}) of {alert.incident_id}, accepted {word.at:%d %H:%M:%S}"
            )

    def _shown(self, incident_id: str, word: Word) -> datetime | None:
        """Return when Slack first showed an incident that PagerDuty pages for; without Slack nothing shows it."""
        if word.at < self.watch.world.without_slack_until:
            return word.at
        return next(
            (send.at for send in self.sends[incident_id] if send.channel == "slack" and send.at >= word.began), None
        )

    def _live(self, incident_id: str) -> StoredLive | None:
        return next((live for live in self.watch.stored.lives() if live.incident_id == incident_id), None)

    def _worse(self, alert: StoredAlert, word: Word) -> bool:
        """Tell whether a word is worse than all that people could know of the incident before, if they knew of it.

        A verdict may be worse than what its alerts said; then a page told people so.
        """
        live = self._live(alert.incident_id)
        paged = any(send.kind in PAGES and send.at < word.at for send in self.sends[alert.incident_id])
        if paged and live is not None and (plain(live.item.get("paged_rank")) or 0) >= rank(word):
            return False
        since = datetime.fromisoformat(plain(live.item["opened_at"])) - MINUTE if live is not None else START
        earlier = (
            rank(known)
            for other in self.watch.stored.alerts()
            if other.incident_id == alert.incident_id
            for known in self._fired[other.key]
            if since <= known.at < word.at
        )
        knew = False
        for known in earlier:  # of thousands the first is mostly enough
            knew = True
            if known >= rank(word):
                return False
        return knew

    def human(self, incident_id: str, since: datetime, until: datetime, *, must_page: bool = False) -> datetime | None:
        """Return when a person heard of an alert that came at a time: the first page since, or an earlier page that
        still stands with a message since, or a press that answers it."""
        sends = self.sends[incident_id]
        page = next((send.at for send in sends if send.kind in PAGES and send.at >= since), None)
        if page is not None:
            return page
        paged_before = any(send.kind in PAGES and send.at < since for send in sends)
        told = next((send.at for send in sends if send.channel == "slack" and send.at >= since), None)
        pressed = [
            press.at
            for press in self.watch.world.people.pressed
            if press.incident_id == incident_id and press.button != "take back"
        ]
        if (paged_before or pressed) and told is not None and not must_page:
            return told
        if paged_before and not must_page and since < self.watch.world.without_slack_until:
            return since  # without Slack only pages tell what joined: the next one, if nobody has the incident
        return next((at for at in pressed if at >= since), None)

    def _excuse(self, alert: StoredAlert, live: StoredLive | None, word: Word) -> timedelta:
        """Return how much longer an alert may wait: held by a silence or a rule, or after a verified cure."""
        excuse = timedelta(0)
        if live is None:
            return excuse
        if "held_until" in live.item or alert.incident_id in self._held:  # who judges it again takes the hold away
            over, item = self._holding.over(word), live.item
            told = item.get("hold_ended_at", item.get("held_until"))
            ended = over if told is None else datetime.fromisoformat(plain(told))
            excuse = max(excuse, (ended if alert.key.name in HELD_BY_RULE else min(ended, over)) - word.at)
        if "verified_at" in live.item:
            excuse = max(excuse, datetime.fromisoformat(plain(live.item["verified_at"])) - word.at)
        return max(excuse, HELD_BY_RULE.get(alert.key.name, timedelta(0)))

    def _alarmed(self, incident_id: str) -> bool:
        """Tell whether an execution of the incident ended as Undelivered, which raises an alarm of its own."""
        return any(
            execution.error == "Undelivered" and execution._input.get("incident", {}).get("incident_id") == incident_id
            for execution in self.watch.world.step_functions.executions.values()
        )
