"""Reconciliation, once a minute, of open incidents with their executions, pages, holds and messages.

Firstline writes every action to the table first. So the table shows what got lost afterwards (a function that died
between its write and its call, a signal that Step Functions did not take, an execution that ended too early), and
reconcile mends it. It reads only what is due, so its cost does not grow with the incidents that need nothing.

Two runs at the same moment do no harm: every effect is claimed, or written under a condition.
"""

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import islice
from typing import Any, Protocol

from pydantic import ValidationError

from firstline.contracts import ExecutionInput
from firstline.errors import ConfigurationError, ExecutionsUnavailable, HistoryUnavailable
from firstline.incidents import lifecycle
from firstline.incidents.backoff import LONGEST, SHORTEST, Backoff
from firstline.incidents.look import NEWS_AFTER, Look, Spare, missed_signal, next_look, out_of_date
from firstline.incidents.pages import on_hold, page_overdue, page_within
from firstline.incidents.resting import Resting
from firstline.incidents.store import Incidents
from firstline.models import Incident, IncidentRecord
from firstline.observability import logger, metrics
from firstline.text import in_words

LOOK_AHEAD = timedelta(seconds=75)
"""The time before an incident is due in which it is looked at already.

Each write makes an incident due a minute later, so an incident that is written more often than once a minute would
otherwise never be due. Runs may be some seconds more or less than a minute apart."""

EARLY = LOOK_AHEAD - SHORTEST
"""The time before the end of its rest in which an incident is looked at already, for the same reason."""

MOST_LIVES = 400
"""The most open incidents that one run looks at: those that have been due for longest."""

MOST_RECORDS = 300
"""The most incidents of a run that are read whole."""

MOST_FAILED = 30
"""The most failed executions whose incidents one run looks at."""

MOST_IN_INDEX = 50
"""The most incidents in the index of open ones that are compared with their live halves, oldest first."""

STARTS_WITHIN = timedelta(seconds=30)
"""The time that whoever opened an incident has to start its execution."""

FAILED_WITHIN = timedelta(minutes=3)
"""Executions that failed before that were seen by an earlier run."""

STOPPED = ("ABORTED", "TIMED_OUT")
"""The ends of executions that did not end by themselves. Those that fail are counted by Step Functions."""

SECONDS = 38.0
"""The time that a run spends on incidents; the rest of them wait for the next run, so that no run times out."""

SCHEDULES_BEGIN_WITHIN = 28.0
"""Schedules that are kept elsewhere may take 25 seconds to copy, and Lambda ends the function after 55."""


class LastResort(Protocol):
    """The topic of last resort, which also gets Firstline's own alarms."""

    def has_subscriber(self) -> bool:
        """Return True if anyone is subscribed to the topic."""


@dataclass(frozen=True)
class Reconciler:
    """One run over the open incidents that are due.

    Parameters
    ----------
    page_after
        The longest time that an open incident of paging severity may go without a page, or a further page may be late.
    page
        Pages for an incident, with a reason, if a page is still due; raises if no person was woken.
    show
        Brings an incident's message up to date; returns False if no channel took it, or nobody needs to see it.
    hold_over
        Returns why an incident's hold is over before its time, or None.
    count_open
        Counts the open incidents.
    watch
        Checks every heartbeat.
    on_call
        Says the hand-overs that are due, and does what else schedules need. No page waits for it.
    throttles
        Tells of functions that Lambda refused to run.
    """

    incidents: Incidents
    executions: lifecycle.Executions
    topic: LastResort
    page_after: timedelta
    page: Callable[[IncidentRecord, str, datetime], object]
    show: Callable[[IncidentRecord, datetime], bool]
    hold_over: Callable[[str, datetime], str | None]
    count_open: Callable[[], int]
    watch: Callable[[datetime], object]
    on_call: Callable[[datetime], object] = lambda now: None  # noqa: ARG005
    throttles: Callable[[datetime], object] = lambda now: None  # noqa: ARG005
    clock: Callable[[], float] = time.monotonic
    failures: Backoff = field(default_factory=Backoff)
    restarts: Backoff = field(default_factory=Backoff)
    shows: Backoff = field(default_factory=Backoff)
    resting: Resting = field(default_factory=Resting)

    def run(self, now: datetime) -> int:
        """Mend every open incident that is due; one that fails does not stop the others.

        Returns
        -------
        int
            The number of incidents that were looked at.

        Raises
        ------
        HistoryUnavailable
            The table could not be read. An alarm hears of runs that fail.
        """
        try:
            return self._run(now)
        except HistoryUnavailable:
            # Ends of executions may still be mended meanwhile, and then Lambda's own count of errors says nothing.
            _count("ReconcileFailed")
            raise

    def _run(self, now: datetime) -> int:
        began = self.clock()
        until = began + SECONDS
        spare = Spare(MOST_RECORDS)
        due = self.incidents.due(now + LOOK_AHEAD, MOST_LIVES, resting=self.resting.settled(now + EARLY))
        lives = [live for live in due if not self.resting.lasts(live, now)]
        # Who has to be woken comes first, whatever else is wrong and however much there is of it.
        lives.sort(key=lambda live: not page_overdue(live, now, self.page_after))
        looked_at = 0
        for live in lives:
            if self.clock() >= until:
                logger.error("out of time: these incidents wait for the next run", count=len(lives) - looked_at)
                break
            self._look_at(Look(live, now, spare))
            looked_at += 1
        self._mend_failed(now, spare)
        if now.minute % 10 == 0:
            self._mend_index()
        try:
            self.watch(now)
        except (ConfigurationError, ExecutionsUnavailable):
            logger.exception("the heartbeats could not be checked")
        # A metric costs as long as it is sent, so a gauge that stands at nothing is not.
        if open_incidents := self.count_open():
            metrics.add_metric(name="OpenIncidents", unit="Count", value=open_incidents)
        self._check_page_topic()
        with _apart("whether Lambda refused functions is not known for this hour"):
            self.throttles(now)
        if self.clock() < began + SCHEDULES_BEGIN_WITHIN:
            with _apart("the schedules of who is on call wait for the next run"):
                self.on_call(now)
        return looked_at

    def mend(self, detail: Mapping[str, Any], now: datetime) -> bool:
        """Start a successor if an execution ended while its incident is open. Return True if one was started.

        Parameters
        ----------
        detail
            Step Functions' event about the end of an execution.
        """
        if detail.get("status") in STOPPED:
            _count("ExecutionStopped")
        try:
            ended = ExecutionInput.model_validate_json(detail.get("input") or "")
        except ValidationError:
            # An input that is too long for the event is left out. The next run asks for this execution.
            logger.warning("an execution ended whose input is not in the event", execution=detail.get("name"))
            return False
        incident = ended.incident
        live = self.incidents.live(incident.group_key)
        if live is None or not live.open or live.incident_id != incident.incident_id:
            return False
        if live.generation != ended.generation:
            return False
        return self._succeed(Look(live, now, Spare(1)), incident)

    # --- one incident -------------------------------------------------------------------------------------------------

    def _look_at(self, look: Look) -> None:
        """Take every step that the incident needs. A step that fails keeps neither the others nor other incidents."""
        failures: list[str] = []
        for step in (self._page_overdue, self._keep_running, self._end_hold, self._tell, self._show):
            with _apart("this incident is tried again", failures, incident_id=look.incident_id, step=step.__name__):
                if look.live.open:
                    step(look)
        if failures:
            _count("ReconcileFailed")
            later = self.failures.tried(look.incident_id, look.now)
            # A person who has to be woken is tried each minute.
            overdue = page_overdue(look.live, look.now, self.page_after)
            look.again(look.now + SHORTEST if overdue else later, only=True)
        else:
            self.failures.worked(look.incident_id)
            look.again(next_look(look.live, look.now, self.page_after))
        self._postpone(look)

    def _postpone(self, look: Look) -> None:
        if look.unfinished or not look.live.open:
            return
        until = look.until or look.now + LONGEST
        if self.resting.begin(look.live, until, look.now):
            return
        with _apart("this incident is looked at again at once", incident_id=look.incident_id):
            # Runs look ahead, so this is found by the run at `until`, and by none that is a minute before it.
            self.incidents.postpone(look.live, until + SHORTEST)

    def _page_overdue(self, look: Look) -> None:
        if not page_overdue(look.live, look.now, self.page_after):
            return
        record = self._record(look)
        if record is None:
            return
        before = look.live.page_done
        within = in_words(page_within(look.live, self.page_after))
        self.page(record, f"Reconcile found that a page has been due for more than {within}.", look.now)
        self._read_again(look)
        if look.live.page_done > before:
            _count("PagedByReconcile")

    def _keep_running(self, look: Look) -> None:
        """Start an execution that nobody started, and the successor of one that has ended."""
        live = look.live
        state = self.executions.describe(live.incident_id, live.generation)
        if state == "RUNNING":
            return
        if state == "UNKNOWN" and live.started < live.generation:
            if look.now - live.opened_at >= STARTS_WITHIN and (record := self._record(look)) is not None:
                self.executions.start(record.incident, live.generation)
                _count("StartedByReconcile")
            look.again(look.now + SHORTEST)
            return
        record = self._record(look)
        if record is not None:
            self._succeed(look, record.incident)

    def _succeed(self, look: Look, incident: Incident) -> bool:
        """Let a new execution succeed one that has ended, unless its predecessors ended too often of late."""
        if not self.restarts.allows(look.incident_id, look.now):
            look.again(self.restarts.next_try(look.incident_id, look.now))
            return False
        successor = self.incidents.begin_generation(look.live, look.now)
        if successor is None:  # it is over, or somebody else was faster
            self._read_again(look)
            return False
        self.restarts.tried(look.incident_id, look.now)
        look.take(successor)
        self.executions.start(incident, successor.generation)
        logger.warning("an execution was succeeded", incident_id=look.incident_id, generation=successor.generation)
        _count("RestartedByReconcile")
        return True

    def _end_hold(self, look: Look) -> None:
        if not on_hold(look.live, look.now) or not look.may_read():
            return
        because = self.hold_over(look.incident_id, look.now)
        if because is None:
            return
        ended = lifecycle.end_hold(
            look.incident_id, because, look.now, incidents=self.incidents, executions=self.executions
        )
        if ended is not None and ended.live is not None:
            look.take(ended.live)
            _count("HoldEndedByReconcile")

    def _tell(self, look: Look) -> None:
        """Wake the execution if it waits although it has to look at the record."""
        live = look.live
        if live.task_token is None or live.awaiting is None:
            return
        told = lifecycle.tell(live, self.executions)
        if not told and (signal := missed_signal(look, lambda: self._record(look))):
            told = lifecycle.wake(live, signal, "reconcile", self.executions)
        if told:
            look.told = True
            _count("ToldByReconcile")
            look.again(look.now + SHORTEST)

    def _show(self, look: Look) -> None:
        """Bring the incident's message up to date, unless its execution or whoever changed it may be about to."""
        if not out_of_date(look.live):
            return
        if look.told or look.now - look.last_change < NEWS_AFTER:
            look.again(look.now + SHORTEST)
            return
        if not self.shows.allows(look.incident_id, look.now):
            look.again(self.shows.next_try(look.incident_id, look.now))
            return
        record = self._record(look)
        if record is None:
            return
        if self.show(record, look.now):
            self.shows.worked(look.incident_id)
            _count("ShownByReconcile")
        else:
            look.again(self.shows.tried(look.incident_id, look.now))

    # --- pieces of a look ---------------------------------------------------------------------------------------------

    def _record(self, look: Look) -> IncidentRecord | None:
        """Read the incident whole, once; return None if this run has read enough.

        Raises
        ------
        HistoryUnavailable
            The live half is there and the rest is not.
        """
        if look.record is None and look.may_read():
            look.record = self.incidents.record(look.incident_id)
            if look.record is None:
                raise HistoryUnavailable(f"incident {look.incident_id} has a live half and nothing else")
        return look.record

    def _read_again(self, look: Look) -> None:
        live = self.incidents.live(look.live.group_key)
        if live is None or live.incident_id != look.incident_id:
            live = look.live.model_copy(update={"open": False})
        look.take(live)

    # --- what no due time finds ---------------------------------------------------------------------------------------

    def _mend_failed(self, now: datetime, spare: Spare) -> None:
        """Look at the incidents whose executions failed a moment ago: Step Functions' event may have been lost."""
        failed: list[str] = []
        errors: list[str] = []
        with _apart("the failed executions are not known", errors):
            failed = self.executions.failed_since(now - FAILED_WITHIN)
        for incident_id in failed[:MOST_FAILED]:
            with _apart("its execution failed, and could not be succeeded", errors, incident_id=incident_id):
                record = self.incidents.record(incident_id)
                if record is not None and record.live is not None and record.live.open:
                    self._keep_running(Look(record.live, now, spare, record=record))
        if errors:
            _count("ReconcileFailed")

    def _mend_index(self) -> None:
        """Take incidents whose live half is closed or gone out of the list of open ones.

        No function leaves one behind: it takes somebody who edits the table by hand.
        """
        with _apart("the list of open incidents could not be mended"):
            for record in islice(self.incidents.open_records(), MOST_IN_INDEX):
                if record.live is None or not record.live.open:
                    self.incidents.repair_index(record.incident.incident_id)
                    _count("IndexRepaired")

    def _check_page_topic(self) -> None:
        """Report an unsubscribed page topic before the first page needs it."""
        subscribed = self.topic.has_subscriber()
        if not subscribed:
            _count("PageTopicUnheard")
            logger.error(
                "Nobody is subscribed to the page topic, so pages of last resort and this stack's alarms reach nobody: "
                "subscribe an address to it"
            )


def _count(name: str) -> None:
    metrics.add_metric(name=name, unit="Count", value=1)


@contextmanager
def _apart(message: str, failures: list[str] | None = None, **about: str) -> Iterator[None]:
    """Log an error of the block, whatever it is, and go on: one incident must not keep the others from being mended."""
    try:
        yield
    except Exception:  # noqa: BLE001 - whatever it is, it must not cost the others
        logger.exception(message, extra=about)
        if failures is not None:
            failures.append(message)
