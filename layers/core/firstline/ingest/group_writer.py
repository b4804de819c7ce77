"""One group of a delivery: folded into what was read of it, and written in as few transactions as possible.

Which alerts are one group is decided before, by the group key of `sources/identity.py`.
"""

import random
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from firstline.errors import GroupChanged, HistoryUnavailable
from firstline.incidents.pages import on_hold
from firstline.ingest import changes
from firstline.ingest.changes import Newcomer, Piece
from firstline.ingest.fold import Fate, Folded
from firstline.ingest.storm import still_storms, storm_alert, storm_key
from firstline.models import PAGING_RANK, Change, Hold, Incident, Live
from firstline.privacy.alerts import without_secrets

if TYPE_CHECKING:
    from firstline.ingest.accept import Delivery

ATTEMPTS = 10
"""The most folds of a group that others write at the same time. With growing pauses: about five seconds."""


class OutOfTime(Exception):
    """The sender does not wait any longer: what is not written yet is left to the backlog."""


@dataclass
class AcceptedGroup:
    """The result for the alerts of one group. `incident_id` is None if they open and join no incident."""

    incident_id: str | None = None
    new: int = 0
    duplicates: int = 0
    in_storm: int = 0


@dataclass
class FoldedGroup:
    """The folded alerts of one group, before it is decided where those belong that enter."""

    key: str
    own: Live | None
    folded: list[Folded]

    def of(self, *fates: Fate) -> list[Folded]:
        """Return the alerts with one of these fates."""
        return [folded for folded in self.folded if folded.fate in fates]

    @property
    def nothing_to_write(self) -> bool:
        """True if every alert is known."""
        return not self.of("refreshed", "worsens", "enters", "ends", "alone")

    @property
    def incident_id(self) -> str | None:
        """The group's open incident, or None."""
        return self.own.incident_id if self.own is not None and self.own.open else None


class GroupWriter:
    """One group of a delivery: written, and read and folded again when others write it meanwhile."""

    def __init__(self, delivery: "Delivery", key: str) -> None:
        self.delivery = delivery
        self.key = key
        self.result = AcceptedGroup()
        self.granted = False
        self.written: set[str] = set()

    def write(self) -> None:
        """Write the group.

        Raises
        ------
        HistoryUnavailable
            It could not be written.
        """
        delivery = self.delivery
        for attempt in range(ATTEMPTS):
            if attempt:
                # Jitter grows with the attempts, so that processes that collide once do not collide again.
                delivery.ports.sleep(random.uniform(0, 0.02 * 2 ** min(attempt, 6)))  # noqa: S311
                delivery.read([self.key])
            group = delivery.fold(self.key)
            try:
                self.look_at_the_clock()
                self.result.incident_id = self.write_once(group) or group.incident_id
            except GroupChanged:
                continue
            except OutOfTime:
                self.leave(group)
            self.result.duplicates = max(0, len(delivery.alerts[self.key]) - self.result.new)
            delivery.result.groups.append(self.result)
            return
        raise HistoryUnavailable(
            f"group {self.key} was changed by other deliveries in each of {ATTEMPTS} tries: the sender has to try again"
        )

    def look_at_the_clock(self) -> None:
        """Raise `OutOfTime` if what is not written yet is to be left."""
        if self.delivery.out_of_time:
            raise OutOfTime

    def leave(self, group: FoldedGroup) -> None:
        """Leave what is not written yet to the backlog."""
        known = {folded.before.fingerprint for folded in group.of("duplicate", "late") if folded.before is not None}
        known |= self.written
        left = [alert for alert in self.delivery.alerts[self.key] if alert.fingerprint not in known]
        self.delivery.result.left += left

    def write_once(self, group: FoldedGroup) -> str | None:
        """Write what was folded. Return the incident that alerts joined or opened, if any."""
        pieces: defaultdict[str, list[Piece]] = defaultdict(list)
        for folded in group.of("ends"):
            pieces[_counting(folded)].append(changes.end(folded))
        for folded in group.of("refreshed"):
            pieces[_counting(folded)].append(changes.refresh(folded))
        worse: defaultdict[str, list[Newcomer]] = defaultdict(list)
        for folded in group.of("worsens"):
            worse[_counting(folded)].append(self.delivery.newcomer(folded))
        entering = [self.delivery.newcomer(folded) for folded in group.of("enters")]
        if group.incident_id is not None:
            worse[group.key] += entering
            entering = []
        for key, newcomers in worse.items():
            live = self.delivery.lives[key]
            assert live is not None  # noqa: S101 - an incident counts them
            pieces[key] += changes.join(newcomers, live, self.delivery.now)
        for folded in group.of("alone"):
            if self.written:
                self.look_at_the_clock()
            self.put_alone(folded)
        for key, parts in pieces.items():
            self.apply(key, parts)
        return self.enter(entering, group.own) if entering else None

    def count(self, change: Change) -> None:
        """Note what was written."""
        self.result.new += len(change.new)
        self.written |= {write.after.fingerprint for write in change.writes}

    def put_alone(self, folded: Folded) -> None:
        """Write an alert that no open incident counts."""
        assert folded.after is not None  # noqa: S101 - it has a new last word
        after = changes.stored(folded, alert=without_secrets(folded.after.alert).without_raw())
        inhibits = changes.inhibits_more(folded.before, after)
        self.delivery.ports.groups.put_alone(after, self.key, before=folded.before, inhibits=inhibits)
        self.written.add(after.fingerprint)

    def apply(self, live_key: str, pieces: Sequence[Piece], incident_id: str | None = None) -> str:
        """Write alerts into an open incident, and wake its execution if it must look."""
        if incident_id is None:
            live = self.delivery.lives[live_key]
            assert live is not None  # noqa: S101 - an incident is open there
            incident_id = live.incident_id
        for change in changes.changes(pieces, self.key, live_key, incident_id, self.delivery.now):
            if self.written:
                self.look_at_the_clock()
            live = self.delivery.ports.groups.apply(change)
            self.count(change)
            self.delivery.tell(live)
        return incident_id

    # --- alerts that enter, while their group has no open incident --------------------------------------------------

    def enter(self, newcomers: list[Newcomer], own: Live | None) -> str:
        """Open the group's incident with the alerts, or let them join their source's storm."""
        delivery, lead = self.delivery, changes.lead(newcomers)
        hold = changes.common_hold(newcomers)
        levels = delivery.judge.levels_in_storm(lead.arrival.alert, lead.rank, delivery.now)
        key = storm_key(lead.alert.source, hold, levels)
        storms = [delivery.lives.get(storm_key(lead.alert.source)), delivery.lives.get(key)] if hold is None else []
        lasts = next((each for each in storms if still_storms(each, delivery.now)), None)
        storm = delivery.lives.get(key)
        if lasts is not None and lead.rank < PAGING_RANK:
            return self.join_storm(newcomers, key, storm, "the limit a moment ago", None)
        refused = self.ask_for_token(lead, hold, own, lasts, levels)
        if refused is None:
            incident, opened = changes.incident(newcomers, self.key, own, delivery.now, hold=hold)
            return self.open(newcomers, incident, own, opened)
        if hold is not None:
            view, _ = delivery.ports.groups.read({key: ()})
            delivery.take(view)
            storm = delivery.lives.get(key)
            if storm is not None and storm.open and not on_hold(storm, delivery.now):
                # Somebody ended the hold of what was collected; what is still held waits by itself.
                incident, opened = changes.incident(newcomers, self.key, own, delivery.now, hold=hold)
                return self.open(newcomers, incident, own, opened)
        return self.join_storm(newcomers, key, storm, refused, hold, levels)

    def ask_for_token(
        self, lead: Newcomer, hold: Hold | None, own: Live | None, storm: Live | None, levels: Sequence[str]
    ) -> str | None:
        """Take a token for a new incident. Return None, or the limit that is reached in words.

        Alerts that are held take a token of the minute in which their hold ends: that is when they call people. While
        a storm lasts, a name that pages has one incident for the same levels; its further alerts are loud in a storm.
        """
        if self.granted:
            return None
        delivery, alert, paging = self.delivery, lead.alert, lead.rank >= PAGING_RANK
        at = delivery.now if hold is None else hold.until
        asked = (alert.source, alert.alert_name, paging, at)
        opening = f"{self.key}\n{own.incident_id if own is not None else ''}"
        name = "\n".join((alert.alert_name, *levels))
        if storm is not None and not delivery.ports.groups.claim_name(alert.source, name, storm, opening):
            return "one of a name while a storm lasts"
        if asked in delivery.refused:
            return delivery.refused[asked]
        refused = delivery.ports.groups.take_token(*asked[:2], delivery.limits, at, paging=paging, opening=opening)
        self.granted = refused is None
        if refused is not None:
            delivery.refused[asked] = refused
        return refused

    def join_storm(
        self,
        newcomers: list[Newcomer],
        key: str,
        storm: Live | None,
        limit: str,
        hold: Hold | None,
        levels: Sequence[str] = (),
    ) -> str:
        """Let the alerts join the storm of their source, or of its levels, opening it if there is none."""
        delivery = self.delivery
        self.result.in_storm = len(newcomers)
        if storm is not None and storm.open:
            return self.apply(key, changes.join(newcomers, storm, delivery.now), storm.incident_id)
        alert = storm_alert(changes.lead(newcomers).arrival, key, limit)
        incident, opened = changes.incident(newcomers, key, storm, delivery.now, hold=hold, storm=alert, levels=levels)
        return self.open(newcomers, incident, storm, opened)

    def open(
        self, newcomers: Sequence[Newcomer], incident: Incident, before: Live | None, opened: Sequence[datetime]
    ) -> str:
        """Write a new incident with its first alerts, then the rest of them, and start its execution."""
        delivery, now = self.delivery, self.delivery.now
        pieces = changes.open_with(newcomers, incident)
        first, *rest = changes.changes(pieces, self.key, incident.group_key, incident.incident_id, now)
        live = delivery.ports.groups.open(first, incident, before, opened)
        delivery.lives[live.group_key] = live
        delivery.started.add(live.incident_id)
        self.result.incident_id = live.incident_id
        self.count(first)
        try:
            for change in rest:
                self.look_at_the_clock()
                delivery.lives[live.group_key] = delivery.ports.groups.apply(change)
                self.count(change)
        finally:
            delivery.start(incident, live.generation)
        return incident.incident_id


def _counting(folded: Folded) -> str:
    """Return the key of the live half that counts an alert."""
    before = folded.before
    assert before is not None  # noqa: S101 - an incident counts it
    assert before.live_key is not None  # noqa: S101 - an incident counts it
    return before.live_key
