"""The writing of one group of a delivery in few transactions; `accept.py` reads the group and finds out what changes.

The group key of `sources/identity.py` decides which alerts are one group.
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
from firstline.privacy.alert_redaction import without_secrets

if TYPE_CHECKING:
    from firstline.ingest.accept import Delivery

ATTEMPTS = 10
"""The number of tries to write a group that other functions write at the same time: about five seconds with pauses."""


class OutOfTime(Exception):
    """The time limit of the delivery is over: the remaining alerts are left to the backlog queue."""


@dataclass
class AcceptedGroup:
    """The result for one group. `incident_id` is the incident that its alerts opened or joined, or None.

    `new` counts the alerts that entered the incident or got worse in it, `in_storm` those that were put into a storm,
    and `duplicates` the group's other messages.
    """

    incident_id: str | None = None
    new: int = 0
    duplicates: int = 0
    in_storm: int = 0


@dataclass
class FoldedGroup:
    """The changes to the alerts of one group (`folded`), and the `Live` item of the group's newest incident (`own`)."""

    key: str
    own: Live | None
    folded: list[Folded]

    def of(self, *fates: Fate) -> list[Folded]:
        """Return the changes to alerts that have one of these effects, such as `enters` (joins or opens) or `ends`."""
        return [folded for folded in self.folded if folded.fate in fates]

    @property
    def nothing_to_write(self) -> bool:
        """True if every alert of the group is a duplicate or late."""
        return not self.of("refreshed", "worsens", "enters", "ends", "alone")

    @property
    def incident_id(self) -> str | None:
        """The id of the group's open incident, or None."""
        return self.own.incident_id if self.own is not None and self.own.open else None


class GroupWriter:
    """The writer of one group of a delivery, which starts over if another function changes the group meanwhile.

    `granted` is true once the source's limit of new incidents a minute has let this group open one. `written` holds
    the fingerprints of the alerts written so far.
    """

    def __init__(self, delivery: "Delivery", key: str) -> None:
        self.delivery = delivery
        self.key = key
        self.result = AcceptedGroup()
        self.granted = False
        self.written: set[str] = set()

    def write(self) -> None:
        """Write the group and add its result to the delivery's.

        Raises
        ------
        HistoryUnavailable
            Other functions changed the group in each of the tries, or the table is unavailable.
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
        """Raise `OutOfTime` if the delivery's time limit is over."""
        if self.delivery.out_of_time:
            raise OutOfTime

    def leave(self, group: FoldedGroup) -> None:
        """Add the group's alerts that still have to be written to the result's `left`; the caller keeps them."""
        known = {folded.before.fingerprint for folded in group.of("duplicate", "late") if folded.before is not None}
        known |= self.written
        left = [alert for alert in self.delivery.alerts[self.key] if alert.fingerprint not in known]
        self.delivery.result.left += left

    def write_once(self, group: FoldedGroup) -> str | None:
        """Write the group's changes once; return the id of the incident or storm that new alerts entered, or None."""
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
        """Count a change, which is in the table now: its new alerts in the result, its fingerprints in `written`."""
        self.result.new += len(change.new)
        self.written |= {write.after.fingerprint for write in change.writes}

    def put_alone(self, folded: Folded) -> None:
        """Write only the alert's own item, because no open incident counts the alert."""
        assert folded.after is not None  # noqa: S101 - it has a new last word
        after = changes.stored(folded, alert=without_secrets(folded.after.alert).without_raw())
        inhibits = changes.inhibits_more(folded.before, after)
        self.delivery.ports.groups.put_alone(after, self.key, before=folded.before, inhibits=inhibits)
        self.written.add(after.fingerprint)

    def apply(self, live_key: str, pieces: Sequence[Piece], incident_id: str | None = None) -> str:
        """Write alerts into an open incident, signal its execution if it has to look, and return the incident's id.

        `live_key` is the key of the incident's `Live` item. Without `incident_id`, that item names the incident.
        """
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
        """Open the group's incident with the alerts, or add them to a storm; return the incident's id.

        `own` is the `Live` item of the group's last incident, which is closed; None if there was none.
        """
        delivery, lead = self.delivery, changes.lead(newcomers)
        hold = changes.common_hold(newcomers)
        levels = delivery.judge.levels_in_storm(lead.arrival.alert, lead.rank, delivery.now)
        key = storm_key(lead.alert.source, hold, levels)
        storms = [delivery.lives.get(storm_key(lead.alert.source)), delivery.lives.get(key)] if hold is None else []
        lasts = next((each for each in storms if still_storms(each, delivery.now)), None)
        storm = delivery.lives.get(key)
        if lasts is not None and lead.rank < PAGING_RANK:
            return self.join_storm(newcomers, key, storm, "the limit allows while a storm lasts", None)
        refused = self.ask_for_token(lead, hold, own, lasts, levels)
        if refused is None:
            incident, opened = changes.incident(newcomers, self.key, own, delivery.now, hold=hold)
            return self.open(newcomers, incident, own, opened)
        if hold is not None:
            view, _ = delivery.ports.groups.read({key: ()})
            delivery.take(view)
            storm = delivery.lives.get(key)
            if storm is not None and storm.open and not on_hold(storm, delivery.now):
                # The hold of the storm's incident was ended early, so alerts that are still held need their own.
                incident, opened = changes.incident(newcomers, self.key, own, delivery.now, hold=hold)
                return self.open(newcomers, incident, own, opened)
        return self.join_storm(newcomers, key, storm, refused, hold, levels)

    def ask_for_token(
        self, lead: Newcomer, hold: Hold | None, own: Live | None, storm: Live | None, levels: Sequence[str]
    ) -> str | None:
        """Take one of a minute's tokens for new incidents; return None, or the limit that forbids one, in words.

        Held alerts take a token of the minute in which their hold ends, because they call people then. While a storm
        lasts, alerts of one name and of paging severity get only one incident of their own (one for each set of
        escalation levels that they page); further alerts of the name join the storm, which pages for them.

        Parameters
        ----------
        lead
            The alert that the incident would be named after.
        hold
            The hold with which the incident would begin, or None.
        own
            The `Live` item of the group's last incident, which is closed; None if there was none.
        storm
            The `Live` item of the storm that lasts for these alerts; None if there is none, or if they are held.
        levels
            The escalation levels that `lead` pages in a storm; empty if they are those of its source's storm.
        """
        if self.granted:
            return None
        delivery, alert, paging = self.delivery, lead.alert, lead.rank >= PAGING_RANK
        at = delivery.now if hold is None else hold.until
        asked = (alert.source, alert.alert_name, paging, at)
        opening = f"{self.key}\n{own.incident_id if own is not None else ''}"
        name = "\n".join((alert.alert_name, *levels))
        if storm is not None and not delivery.ports.groups.claim_name(alert.source, name, storm, opening):
            return "one of each alert name while a storm lasts"
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
        """Add the alerts to the storm with this key, opening it if it is not open; return the incident's id.

        `storm` is the storm's `Live` item, if any, and `limit` says in words which limit sends the alerts there. A
        storm that is opened begins with `hold`, if any, and pages `levels`; if there are none, those of its source's
        storm.
        """
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
        """Write a new incident with its alerts, start its execution, and return its id.

        `before` is the `Live` item of the group's previous incident; `opened` holds the times of the group's openings
        in the last hour. The execution is started even if only the first transaction could be written.
        """
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
    """Return the key of the `Live` item that counts an alert; the alert must have one."""
    before = folded.before
    assert before is not None  # noqa: S101 - an incident counts it
    assert before.live_key is not None  # noqa: S101 - an incident counts it
    return before.live_key
