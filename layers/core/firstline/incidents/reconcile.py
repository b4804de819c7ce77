"""Reconciliation, once a minute, of open incidents with their executions, pages, holds and messages.

Firstline writes every action to the table first. So the table shows what got lost afterwards (a function that died
between its write and its call, a signal that Step Functions did not take, an execution that ended too early), and
reconcile repairs it. It reads only incidents that are due, so that its cost does not grow with those that need nothing.

Two runs at the same moment do no harm: every effect is claimed, or written under a condition.
"""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import islice
from typing import Any

from pydantic import ValidationError

from firstline.errors import ConfigurationError, ExecutionsUnavailable, HistoryUnavailable
from firstline.incidents import lifecycle
from firstline.incidents.backoff import LONGEST, SHORTEST, Backoff
from firstline.incidents.lifecycle import BadEnd
from firstline.incidents.pages import on_hold, page_overdue, page_within
from firstline.incidents.reconcile_look import NEWS_AFTER, Look, Spare, missed_signal, next_look, out_of_date
from firstline.incidents.reconcile_memory import Resting
from firstline.incidents.stopped_executions import TOLD_WITHIN
from firstline.incidents.store import Incidents
from firstline.models import ExecutionInput, Incident, IncidentRecord
from firstline.observability import logger, metrics
from firstline.text import in_words

LOOK_AHEAD = timedelta(seconds=75)
"""The time by which an incident is looked at before it is due.

Each write makes an incident due a minute later. Without this, an incident that is written more often than once a minute
would never be due."""

EARLY = LOOK_AHEAD - SHORTEST
"""The time by which an incident is looked at before its rest (`resting`) ends."""

MOST_LIVES = 400
"""The most open incidents that one run looks at, those first that have been due for longest."""

MOST_RECORDS = 300
"""The most incidents that one run reads whole (`IncidentRecord`), not only their live half."""

MOST_FAILED = 30
"""The most failed executions whose incidents one run looks at."""

MOST_IN_INDEX = 50
"""The most incidents in the index of open incidents that are compared with their live halves, oldest first."""

STARTS_WITHIN = timedelta(seconds=30)
"""The time that ingest has to start the execution of an incident that it opened."""

FAILED_WITHIN = timedelta(minutes=3)
"""The age of failed executions that a run looks at; earlier runs saw the older ones."""

SECONDS = 38.0
"""The seconds that a run spends on incidents, so that it does not time out; the others wait for the next run."""

SCHEDULES_BEGIN_WITHIN = 28.0
"""The seconds of a run after which it no longer copies on-call schedules. A copy may take 25 seconds, and Lambda ends
the function after 55."""


@dataclass(frozen=True)
class Reconciler:
    """The repair of open incidents that are due, and the other checks of each minute.

    Parameters
    ----------
    page_after
        The longest time that a due page may wait before reconcile sends it.
    page
        Pages for an incident if a page is still due, and gives the reason; raises if no person was woken.
    show
        Brings an incident's message up to date; returns False if no channel took it, or nobody needs to see it.
    hold_over
        Returns why an incident's hold should end early, or None.
    count_open
        Counts the open incidents.
    watch
        Checks every heartbeat.
    stopped, unheard, ceiling, throttles
        Tell operators which executions were stopped (of those that ended badly), that nobody is subscribed to the page
        topic, that the model's ceiling is reached, and which functions Lambda refused to run.
    on_call
        Announces the hand-overs that are due, and copies schedules that are kept elsewhere.
    failures, restarts, shows
        The growing pauses, by incident, between tries to repair, to start a successor, and to show the message.
    resting
        The incidents that need no look for a while.
    """

    incidents: Incidents
    executions: lifecycle.Executions
    page_after: timedelta
    page: Callable[[IncidentRecord, str, datetime], object]
    show: Callable[[IncidentRecord, datetime], bool]
    hold_over: Callable[[str, datetime], str | None]
    count_open: Callable[[], int]
    watch: Callable[[datetime], object]
    stopped: Callable[[Sequence[BadEnd], datetime], object]
    unheard: Callable[[datetime], object]
    ceiling: Callable[[datetime], object]
    on_call: Callable[[datetime], object] = lambda now: None  # noqa: ARG005
    throttles: Callable[[datetime], object] = lambda now: None  # noqa: ARG005
    clock: Callable[[], float] = time.monotonic
    failures: Backoff = field(default_factory=Backoff)
    restarts: Backoff = field(default_factory=Backoff)
    shows: Backoff = field(default_factory=Backoff)
    resting: Resting = field(default_factory=Resting)

    def run(self, now: datetime) -> int:
        """Repair every open incident that is due; an incident that fails does not stop the others.

        Returns
        -------
        int
            The number of incidents that were looked at.

        Raises
        ------
        HistoryUnavailable
            The table could not be read. The metric `ReconcileFailed` counts it, which has an alarm.
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
        with _apart("not known whether somebody is subscribed to the page topic: nobody is told"):
            self.unheard(now)
        errors: list[str] = []
        with _apart("operators not told that the model's ceiling is reached: tried again in the next run", errors):
            self.ceiling(now)
        if errors:
            _count("ReconcileFailed")
        with _apart("Lambda's throttles not read: refused functions of this hour are not told"):
            self.throttles(now)
        if self.clock() < began + SCHEDULES_BEGIN_WITHIN:
            with _apart("hand-overs and copies of on-call schedules failed: tried again in the next run"):
                self.on_call(now)
        return looked_at

    def mend(self, detail: Mapping[str, Any], now: datetime) -> bool:
        """Start a successor if an execution ended while its incident is open. Return True if it was started.

        Parameters
        ----------
        detail
            Step Functions' event about the end of an execution.
        """
        try:
            ended = ExecutionInput.model_validate_json(detail.get("input") or "")
        except ValidationError:
            # Step Functions leaves an input out that is too long for the event. The next run finds this execution.
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
        """Take every step that an incident may need; one that fails stops neither later steps nor other incidents."""
        failures: list[str] = []
        for step in (self._page_overdue, self._keep_running, self._end_hold, self._tell, self._show):
            with _apart("incident not repaired yet", failures, incident_id=look.incident_id, step=step.__name__):
                if look.live.open:
                    step(look)
        if failures:
            _count("ReconcileFailed")
            later = self.failures.tried(look.incident_id, look.now)
            # An overdue page is tried each minute, without growing pauses.
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
        with _apart("incident not postponed: the next run looks at it again", incident_id=look.incident_id):
            # Runs look ahead by more than a minute; so the run at `until` finds the incident, and no earlier one.
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
        """Start the incident's execution if nobody started it, or a successor if it has ended."""
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
        """Start a successor of an execution that ended; return True if it was started.

        Return False if the pause since the last start is not over, if the incident is over, or if another process was
        faster.
        """
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
        logger.warning("successor execution started", incident_id=look.incident_id, generation=successor.generation)
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
        """Wake the execution if it waits and has missed a signal."""
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
        """Bring the incident's message up to date, unless the execution, or whoever changed it, may be doing so now."""
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
        """Return the whole incident, which is read once for each look; None if this run may read no more incidents.

        Raises
        ------
        HistoryUnavailable
            The table has the incident's `Live` item, but not its record.
        """
        if look.record is None and look.may_read():
            look.record = self.incidents.record(look.incident_id)
            if look.record is None:
                raise HistoryUnavailable(
                    f"the table has the LIVE item of incident {look.incident_id} but not its record"
                )
        return look.record

    def _read_again(self, look: Look) -> None:
        live = self.incidents.live(look.live.group_key)
        if live is None or live.incident_id != look.incident_id:
            live = look.live.model_copy(update={"open": False})
        look.take(live)

    # --- what no due time finds ---------------------------------------------------------------------------------------

    def _mend_failed(self, now: datetime, spare: Spare) -> None:
        """Start successors of executions that failed a moment ago, in case Step Functions' event got lost."""
        ended: list[BadEnd] = []
        errors: list[str] = []
        with _apart("failed executions could not be listed: tried again in the next run", errors):
            ended = self.executions.ended_badly(now - TOLD_WITHIN)
        failed = [end.name for end in ended if end.at >= now - FAILED_WITHIN]
        seen: set[str] = set()
        for name in failed[:MOST_FAILED]:
            with _apart("no successor for a failed execution: tried again", errors, execution=name):
                incident_id = self.executions.incident_of(name)
                if incident_id is None or incident_id in seen:
                    continue
                seen.add(incident_id)
                record = self.incidents.record(incident_id)
                if record is not None and record.live is not None and record.live.open:
                    self._keep_running(Look(record.live, now, spare, record=record))
        with _apart("operators not told of stopped executions: tried again in the next run", errors):
            self.stopped(ended, now)
        if errors:
            _count("ReconcileFailed")

    def _mend_index(self) -> None:
        """Remove from the index of open incidents those whose `Live` item is closed or does not exist.

        Only somebody who edits the table by hand can leave such an incident in the index.
        """
        with _apart("the index of open incidents could not be repaired: tried again in 10 minutes"):
            for record in islice(self.incidents.open_records(), MOST_IN_INDEX):
                if record.live is None or not record.live.open:
                    self.incidents.repair_index(record.incident.incident_id)
                    _count("IndexRepaired")


def _count(name: str) -> None:
    metrics.add_metric(name=name, unit="Count", value=1)


@contextmanager
def _apart(message: str, failures: list[str] | None = None, **about: str) -> Iterator[None]:
    """Log any error of the `with` block, add `message` to `failures`, and go on with the next step or incident.

    `about` are further fields of the log line.
    """
    try:
        yield
    except Exception:  # noqa: BLE001 - whatever it is, it must not cost the others
        logger.exception(message, extra=about)
        if failures is not None:
            failures.append(message)
