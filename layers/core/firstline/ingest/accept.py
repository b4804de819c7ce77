"""Acceptance of a delivery's alerts: read once, write group by group, and start or signal the groups' executions.

If a function dies between these steps, nothing is lost. The first write opens the incident in the table. The next
delivery, or reconcile (the periodic repair), starts an execution that was not started and signals a waiting one.
"""

import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import chain

from firstline.errors import ExecutionsUnavailable, HistoryUnavailable
from firstline.incidents.groups import Groups, GroupView, Limits
from firstline.ingest import changes
from firstline.ingest.changes import Newcomer
from firstline.ingest.fold import Arrival, Folded, fold
from firstline.ingest.group_writer import AcceptedGroup, FoldedGroup, GroupWriter
from firstline.ingest.judge import Judge
from firstline.ingest.storm import storm_key
from firstline.models import PAGING_RANK, SEVERITY_RANK, Incident, Live, NormalizedAlert
from firstline.observability import logger

PARALLEL_GROUPS = 16
"""The number of groups that are written at the same time: a delivery may hold hundreds while its sender waits."""

START_WITHIN = timedelta(seconds=10)
"""The age from which on a delivery starts the execution of an open incident again if it has not begun."""

STARTED_AGAIN = 5
"""The largest number of incidents whose execution one delivery starts again; reconcile starts the others."""

WRITE_WITHIN = 2.5
"""The seconds after which the remaining alerts go to the backlog queue, because senders wait for about five seconds.

Reading 5,000 alerts and packing those that remain takes 0.35 s of a whole processor, and a function of 512 MB has three
tenths of one. So the answer comes within four seconds.
"""

PAGING_RANKS = (PAGING_RANK, SEVERITY_RANK["critical"])

type Spread = Callable[[Callable[[str], None], Sequence[str]], None]
"""A function that calls its first argument with each of the keys, possibly in parallel. That argument never raises."""


def in_threads(work: Callable[[str], None], keys: Sequence[str]) -> None:
    """Call `work` with each key, in up to `PARALLEL_GROUPS` threads at once, and return when all calls have ended."""
    if len(keys) < 2:
        for key in keys:
            work(key)
        return
    with ThreadPoolExecutor(min(PARALLEL_GROUPS, len(keys))) as pool:
        list(pool.map(work, keys))


@dataclass
class AcceptedDelivery:
    """The result of accepting a delivery. `left` are alerts for which there was no time; the caller must keep them."""

    groups: list[AcceptedGroup] = field(default_factory=list)
    left: list[NormalizedAlert] = field(default_factory=list)

    @property
    def incident_ids(self) -> list[str]:
        """The ids of the incidents that the alerts opened or joined, sorted."""
        return sorted({group.incident_id for group in self.groups if group.incident_id is not None})


@dataclass(frozen=True)
class Ports:
    """The outside functions that ingestion calls.

    Parameters
    ----------
    start
        Starts the incident's execution with a number (`Live.generation`); starting it again changes nothing.
    tell
        Signals the waiting execution of an incident, if the incident's `Live` item says that it has to look.
    incident
        Returns an incident by its id, or None.
    sleep
        Waits for a number of seconds before a group that another writer changed is read and written again.
    clock
        Returns seconds, from which the time that a delivery takes is measured.
    spread
        Calls a function with each of several group keys, possibly at the same time.
    """

    groups: Groups
    start: Callable[[Incident, int], None]
    tell: Callable[[Live], object]
    incident: Callable[[str], Incident | None]
    sleep: Callable[[float], None] = time.sleep
    clock: Callable[[], float] = time.monotonic
    spread: Spread = in_threads


class Ingestion:
    """The acceptance of normalised alerts into the table.

    Parameters
    ----------
    limits
        The largest number of incidents of a source that may begin in a minute; further alerts join its storm incident.
    judge
        The owner's rules, which decide how bad an alert is and whether it is held.
    """

    def __init__(self, ports: Ports, limits: Limits, judge: Judge) -> None:
        self._ports = ports
        self._limits = limits
        self._judge = judge

    def accept(
        self,
        alerts: Sequence[NormalizedAlert],
        now: datetime,
        *,
        received_at: datetime | None = None,
        within: float | None = None,
    ) -> AcceptedDelivery:
        """Write every group of the delivery, and start or signal the executions of its incidents.

        Parameters
        ----------
        received_at
            The time of receipt, if the delivery waited in a queue since then; `now` by default.
        within
            The seconds after which the remaining groups are not written but returned as `left`; None for no limit.

        Raises
        ------
        HistoryUnavailable
            Some groups could not be written. The sender should send the whole delivery again; alerts that were written
            count as duplicates then.
        """
        until = None if within is None else self._ports.clock() + within
        delivery = Delivery(self._ports, self._limits, self._judge, now, received_at or now, until)
        return delivery.accept(alerts)


@dataclass
class Delivery:
    """One delivery while it is written: what was read from the table, and the results so far.

    Attributes
    ----------
    until
        The time by the ports' clock after which the remaining alerts are left; None for no limit.
    alerts
        The alerts of the delivery by group key.
    views
        What the table holds of each group, by group key.
    lives
        The `Live` item of each group and storm, by group key; None if there is none.
    inhibitors
        How many firing alerts inhibit others, in the table and in this delivery, by the key of the inhibition.
    sources
        How many firing alerts of this delivery inhibit others, by the key of the inhibition.
    refused
        For each new incident that was refused, the limit in words. The key is the incident's source, its alert's name,
        whether it pages, and the time at which it would have called people (now, or the end of its hold).
    started
        The incidents whose execution this delivery has started, or tried to start.
    """

    ports: Ports
    limits: Limits
    judge: Judge
    now: datetime
    received_at: datetime
    until: float | None
    alerts: defaultdict[str, list[NormalizedAlert]] = field(default_factory=lambda: defaultdict(list))
    views: dict[str, GroupView] = field(default_factory=dict)
    lives: dict[str, Live | None] = field(default_factory=dict)
    inhibitors: dict[str, int] = field(default_factory=dict)
    sources: Counter[str] = field(default_factory=Counter)
    errors: list[Exception] = field(default_factory=list)
    result: AcceptedDelivery = field(default_factory=AcceptedDelivery)
    refused: dict[tuple[str, str, bool, datetime], str] = field(default_factory=dict)
    started: set[str] = field(default_factory=set)
    started_again: int = 0

    @property
    def out_of_time(self) -> bool:
        """True if the time limit is over, so that the remaining alerts are left."""
        return self.until is not None and self.ports.clock() >= self.until

    def accept(self, alerts: Sequence[NormalizedAlert]) -> AcceptedDelivery:
        """Write the alerts group by group, start or signal the executions of their incidents, and return the result.

        Raises HistoryUnavailable if a group could not be written.
        """
        for alert in alerts:
            self.alerts[alert.group_key].append(alert)
        # What inhibits comes in together with what it inhibits, more often than not.
        self.sources.update(chain(*(self.judge.inhibits(alert) for alert in alerts if alert.status == "firing")))
        if self.alerts:
            self.read(list(self.alerts))
        todo = []
        for key, group in self.alerts.items():
            folded = self.fold(key)
            if folded.nothing_to_write:
                self.result.groups.append(AcceptedGroup(folded.incident_id, duplicates=len(group)))
                self.start_pending(folded.own)
            else:
                todo.append(key)
        self.ports.spread(self.write, todo)
        for live in list(self.lives.values()):
            self.start_pending(live)
        if self.errors:
            count = len(self.errors)
            raise HistoryUnavailable(
                f"{count} of {len(self.alerts)} groups could not be written, send the delivery again: {self.errors[0]}"
            ) from self.errors[0]
        return self.result

    # --- read and fold ------------------------------------------------------------------------------------------------

    def read(self, keys: Sequence[str]) -> None:
        """Read groups, their sources' storms and their alerts' inhibitions from the table, and keep them in `self`."""
        alerts = [alert for key in keys for alert in self.alerts[key]]
        firing = [alert for alert in alerts if alert.status == "firing"]
        wanted: dict[str, Iterable[str]] = {storm_key(source): () for source in {alert.source for alert in alerts}}
        wanted |= {self.storm_of(alert, rank): () for alert in firing for rank in PAGING_RANKS}
        wanted |= {key: {alert.fingerprint for alert in self.alerts[key]} for key in keys}
        views, inhibitors = self.ports.groups.read(wanted, {*chain(*map(self.judge.inhibited_by, firing))})
        self.take(views)
        self.inhibitors.update({key: count + self.sources[key] for key, count in inhibitors.items()})
        elsewhere = _counting(views) - wanted.keys()
        if elsewhere:
            self.take(self.ports.groups.read(dict.fromkeys(elsewhere, ()))[0])

    def storm_of(self, alert: NormalizedAlert, rank: int) -> str:
        """Return the group key of the storm that the alert would join if its severity had the rank `rank` (0 to 4)."""
        return storm_key(alert.source, levels=self.judge.levels_in_storm(alert, rank, self.now))

    def take(self, views: Mapping[str, GroupView]) -> None:
        """Keep each group as it was just read from the table, in place of what was known of it."""
        for key, view in views.items():
            self.views[key] = view
            self.lives[key] = view.live

    def fold(self, key: str) -> FoldedGroup:
        """Compare a group's alerts in the delivery with those in the table, and return what changes for each alert."""
        view = self.views.get(key, GroupView())
        own = view.live
        flapping = own is not None and own.open and own.flapping
        by_alert: defaultdict[str, list[Arrival]] = defaultdict(list)
        for alert in self.alerts[key]:
            rank = self.judge.rank(alert, self.now, flapping=flapping)
            by_alert[alert.fingerprint].append(Arrival(alert, self.received_at, rank))
        folded = [fold(view.alerts.get(alert), arrivals, self.lives, self.now) for alert, arrivals in by_alert.items()]
        return FoldedGroup(key, own, folded)

    def newcomer(self, folded: Folded) -> Newcomer:
        """Prepare an alert to join an incident: find its hold and its inhibitions, and remove its secrets."""
        arrival = folded.arrival
        assert arrival is not None  # noqa: S101 - what joins was made to fire by a message
        hold = self.judge.hold_on(arrival.alert, self.now, self.inhibitors)
        return changes.newcomer(folded, arrival, hold, self.judge.inhibits(arrival.alert))

    # --- write --------------------------------------------------------------------------------------------------------

    def write(self, key: str) -> None:
        """Write one group. Log an error and add it to `errors` of the delivery, so that the next groups are written."""
        try:
            GroupWriter(self, key).write()
        except Exception as error:  # noqa: BLE001 - a bug that one group meets must not cost the others
            logger.error(
                "the alerts of group %s could not be written and have to be sent again: %s",
                key,
                error,
                exc_info=not isinstance(error, HistoryUnavailable),
            )
            self.errors.append(error)

    def start(self, incident: Incident, generation: int) -> None:
        """Start the execution of an incident that has the number `generation`.

        If Step Functions refuses, the next delivery or the next run of reconcile (the periodic repair) starts it.
        """
        try:
            self.ports.start(incident, generation)
        except ExecutionsUnavailable as error:
            logger.error("incident %s has no execution yet, reconcile starts it: %s", incident.incident_id, error)

    def tell(self, live: Live) -> None:
        """Keep the `Live` item that a write returned, and signal the incident's execution if it has to look."""
        self.lives[live.group_key] = live
        try:
            self.ports.tell(live)
        except ExecutionsUnavailable:
            logger.exception("the execution of incident %s was not signalled, reconcile does it", live.incident_id)

    def start_pending(self, live: Live | None) -> None:
        """Start an open incident's execution again, if it has not begun `START_WITHIN` after the opening.

        A delivery does this for at most `STARTED_AGAIN` incidents, and for each only once. It does nothing for None.
        """
        if live is None or not live.open or live.started >= live.generation or live.incident_id in self.started:
            return
        if self.now - live.opened_at < START_WITHIN or self.started_again == STARTED_AGAIN:
            return
        self.started_again += 1
        self.started.add(live.incident_id)
        try:
            incident = self.ports.incident(live.incident_id)
        except HistoryUnavailable:
            return  # reconcile starts it
        if incident is not None:
            self.start(incident, live.generation)


def _counting(views: Mapping[str, GroupView]) -> set[str]:
    """Return the keys of the `Live` items that count the firing alerts of the groups in `views`."""
    alerts = [alert for view in views.values() for alert in view.alerts.values()]
    return {alert.live_key for alert in alerts if alert.firing and alert.live_key is not None}
