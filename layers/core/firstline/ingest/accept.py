"""Ingestion of alerts: one read for the whole delivery, one transaction for each group, then start or tell.

Nothing is lost between the writes. An incident is open from its first transaction on, and whoever meets one whose
execution has not begun starts it: the next delivery, or reconcile. What an execution should be told is in the record.
"""

import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import chain

from firstline.errors import ExecutionsUnavailable, HistoryUnavailable
from firstline.incidents.store import Groups, GroupView, Limits
from firstline.ingest import changes
from firstline.ingest.changes import Newcomer
from firstline.ingest.fold import Arrival, Folded, fold
from firstline.ingest.group_writer import AcceptedGroup, FoldedGroup, GroupWriter
from firstline.ingest.judge import Judge
from firstline.ingest.storm import storm_key
from firstline.models import PAGING_RANK, SEVERITY_RANK, Incident, Live, NormalizedAlert
from firstline.observability import logger

PARALLEL_GROUPS = 16
"""The groups of a delivery that are written at once: it may hold hundreds, and every sender waits for the answer."""

START_WITHIN = timedelta(seconds=10)
"""The time after which an incident whose execution has not begun is started again by any delivery."""

STARTED_AGAIN = 5
"""The most incidents that one delivery starts again; reconcile starts the others."""

WRITE_WITHIN = 2.5
"""The seconds after which what is not written yet goes to the backlog: senders wait for about five.

To read 5,000 alerts and to pack what is left of them takes 0.35 s of a whole processor; a function of 512 MB has three
tenths of one. So the answer comes within four seconds.
"""

PAGING_RANKS = (PAGING_RANK, SEVERITY_RANK["critical"])

type Spread = Callable[[Callable[[str], None], Sequence[str]], None]
"""Calls a function with each of the keys, possibly at the same time. The function raises nothing."""


def in_threads(work: Callable[[str], None], keys: Sequence[str]) -> None:
    """Call a function with each of the keys in threads."""
    if len(keys) < 2:
        for key in keys:
            work(key)
        return
    with ThreadPoolExecutor(min(PARALLEL_GROUPS, len(keys))) as pool:
        list(pool.map(work, keys))


@dataclass
class AcceptedDelivery:
    """The result for a delivery. `left` are the alerts for which the time did not suffice: nothing keeps them yet."""

    groups: list[AcceptedGroup] = field(default_factory=list)
    left: list[NormalizedAlert] = field(default_factory=list)

    @property
    def incident_ids(self) -> list[str]:
        """The incidents that the alerts opened or joined."""
        return sorted({group.incident_id for group in self.groups if group.incident_id is not None})


@dataclass(frozen=True)
class Ports:
    """Everything outside that ingestion uses.

    Parameters
    ----------
    start
        Starts an incident's execution of a generation; starting it again changes nothing.
    tell
        Tells the execution that waits, if it must look at the record by what its live half says.
    incident
        Returns an incident by its id, or None.
    sleep, clock, spread
        Pauses before folding again; counts the seconds that a delivery takes; writes groups at the same time.
    """

    groups: Groups
    start: Callable[[Incident, int], None]
    tell: Callable[[Live], object]
    incident: Callable[[str], Incident | None]
    sleep: Callable[[float], None] = time.sleep
    clock: Callable[[], float] = time.monotonic
    spread: Spread = in_threads


class Ingestion:
    """Accepts normalised alerts.

    Parameters
    ----------
    limits
        The most incidents of a source that may begin in a minute; further alerts join its storm incident.
    judge
        Says how bad an alert is and what holds it, by what the owner declared.
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
        """Write every group of the delivery and start or tell its execution.

        Parameters
        ----------
        received_at
            When the delivery was received, if it was kept since then.
        within
            The seconds after which groups that are not written yet are left; None if there is time.

        Raises
        ------
        HistoryUnavailable
            Some groups could not be written. The sender should send the whole delivery again; written alerts are then
            duplicates.
        """
        until = None if within is None else self._ports.clock() + within
        delivery = Delivery(self._ports, self._limits, self._judge, now, received_at or now, until)
        return delivery.accept(alerts)


@dataclass
class Delivery:
    """One delivery on its way into the table: what was read, and what came of it so far.

    Attributes
    ----------
    until
        By the ports' clock, when the alerts that are not written yet are left.
    refused
        The limits that are reached for the rest of a minute, by source, alert name, whether it pages, and the minute.
    started
        The incidents whose execution this delivery has started, or tried to.
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
        """True if the alerts that are not written yet are to be left."""
        return self.until is not None and self.ports.clock() >= self.until

    def accept(self, alerts: Sequence[NormalizedAlert]) -> AcceptedDelivery:
        """Write every group; see `Ingestion.accept`."""
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
            raise HistoryUnavailable(f"{count} of {len(self.alerts)} groups: {self.errors[0]}") from self.errors[0]
        return self.result

    # --- read and fold ------------------------------------------------------------------------------------------------

    def read(self, keys: Sequence[str]) -> None:
        """Read groups, their sources' storms and the inhibitions of their alerts as they stand now."""
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
        """Return the key of the storm that an alert of a rank would join."""
        return storm_key(alert.source, levels=self.judge.levels_in_storm(alert, rank, self.now))

    def take(self, views: Mapping[str, GroupView]) -> None:
        """Remember what was read."""
        for key, view in views.items():
            self.views[key] = view
            self.lives[key] = view.live

    def fold(self, key: str) -> FoldedGroup:
        """Fold the alerts of a group into what was read of it."""
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
        """Prepare an alert that joins an incident."""
        arrival = folded.arrival
        assert arrival is not None  # noqa: S101 - what joins was made to fire by a message
        hold = self.judge.hold_on(arrival.alert, self.now, self.inhibitors)
        return changes.newcomer(folded, arrival, hold, self.judge.inhibits(arrival.alert))

    # --- write --------------------------------------------------------------------------------------------------------

    def write(self, key: str) -> None:
        """Write one group; never raise, because the other groups have to be written, too."""
        try:
            GroupWriter(self, key).write()
        except Exception as error:  # noqa: BLE001 - a bug that one group meets must not cost the others
            logger.error("a group could not be written: %s", error, exc_info=not isinstance(error, HistoryUnavailable))
            self.errors.append(error)

    def start(self, incident: Incident, generation: int) -> None:
        """Start an execution, or leave it to the next delivery and reconcile."""
        try:
            self.ports.start(incident, generation)
        except ExecutionsUnavailable as error:
            logger.error("the incident waits until a delivery or reconcile starts it: %s", error)

    def tell(self, live: Live) -> None:
        """Remember a live half after a write, and wake its execution if it must look."""
        self.lives[live.group_key] = live
        try:
            self.ports.tell(live)
        except ExecutionsUnavailable:
            logger.exception("the execution could not be told; reconcile will")

    def start_pending(self, live: Live | None) -> None:
        """Start the execution of an open incident that should have begun by now."""
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
    """Return the keys of the live halves that count the alerts of some groups which fire."""
    alerts = [alert for view in views.values() for alert in view.alerts.values()]
    return {alert.live_key for alert in alerts if alert.firing and alert.live_key is not None}
