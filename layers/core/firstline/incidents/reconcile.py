"""Every minute: what everything else may have missed.

Anything that Firstline does is written to the table first. So whatever got lost afterwards (a function that died
between its write and its call, a signal that Step Functions did not take, an execution that failed) can be seen there,
and mended.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from typing import Protocol

from firstline.channels.delivery import Channel
from firstline.errors import ChannelFailed, ConfigurationError, ExecutionsUnavailable
from firstline.incidents import lifecycle
from firstline.incidents.store import Groups, Incidents
from firstline.models import PAGING_RANK, SEVERITY_RANK, IncidentRecord, Notification
from firstline.observability import logger, metrics
from firstline.policy.silences import Silence
from firstline.privacy.alerts import for_outsiders

ABANDONED_AFTER = timedelta(hours=2)
"""A resolved incident that is still open after this has no execution any more: no step may take longer than an hour."""


class LastResort(Channel, Protocol):
    """The page topic, to which Firstline's own alarms go, too."""

    def is_heard(self) -> bool:
        """Return True if anyone is subscribed to it."""


@dataclass(frozen=True)
class Reconciler:
    """One run over the open incidents.

    Parameters
    ----------
    page_after
        How long an open incident of paging severity may go without a page.
    flap_quiet
        How long a flapping incident must be quiet to count as resolved.
    silences
        Those that have not run out at a time; asked only when an incident waits for one.
    watch
        Looks whether every heartbeat of others is there.
    """

    incidents: Incidents
    groups: Groups
    executions: lifecycle.Executions
    topic: LastResort
    page_after: timedelta
    flap_quiet: timedelta
    silences: Callable[[datetime], Sequence[Silence]]
    watch: Callable[[datetime], object]

    def run(self, now: datetime) -> int:
        """Look at every open incident and mend it; one that resists does not keep the others from it.

        Returns
        -------
        int
            How many are open.

        Raises
        ------
        HistoryUnavailable
            The table could not be read: no heartbeat, and its absence raises an alarm.
        """
        count = 0
        silences = cache(lambda: self.silences(now))
        for record in self.incidents.open_records():
            count += 1
            try:
                self._look_at(record, now, silences)
            except (ExecutionsUnavailable, ChannelFailed):
                logger.exception("this incident is tried again in a minute", incident_id=record.incident.incident_id)
        try:
            self.watch(now)
        except (ConfigurationError, ExecutionsUnavailable):
            logger.exception("nobody knows whether every heartbeat is there")
        metrics.add_metric(name="OpenIncidents", unit="Count", value=count)
        metrics.add_metric(name="Heartbeat", unit="Count", value=1)
        self._look_who_listens()
        return count

    def _look_who_listens(self) -> None:
        """Report an unsubscribed page topic before the first page needs it."""
        heard = self.topic.is_heard()
        metrics.add_metric(name="PageTopicUnheard", unit="Count", value=0 if heard else 1)
        if not heard:
            logger.error(
                "Nobody is subscribed to the page topic: the last resort, and every alarm of this stack, is lost"
            )

    def _look_at(self, record: IncidentRecord, now: datetime, silences: Callable[[], Sequence[Silence]]) -> None:
        # The page comes first: whatever else is wrong with the incident, it needs a human.
        if self._nobody_was_paged(record, now):
            self._page(record, now)
        if record.status == "PENDING":
            self._start(record)
        elif record.resolved_at:
            self._end(record, record.resolved_at, now)
        elif record.quiet_since and now - record.quiet_since >= self.flap_quiet:
            by = "reconcile: a flapping alert has been quiet"
            lifecycle.resolve(
                record.incident.incident_id, by, now, incidents=self.incidents, executions=self.executions
            )
        elif record.awaiting == "hold" and record.worsened_to is None:
            self._look_at_hold(record, now, silences)
        elif record.awaiting == "acknowledgement" and record.acknowledged_at:
            self._mended("ToldAgain", lifecycle.tell_acknowledged(record, executions=self.executions))
        elif record.awaiting == "approval" and record.decision:
            self._mended("ToldAgain", lifecycle.tell_decided(record, executions=self.executions))
        elif record.worsened_to:
            self._mended("ToldAgain", lifecycle.tell_worsened(record, record.worsened_to, executions=self.executions))

    def _look_at_hold(self, record: IncidentRecord, now: datetime, silences: Callable[[], Sequence[Silence]]) -> None:
        """End the hold if its silence was ended; tell an execution that missed the end of its hold."""
        if record.hold_ended_at is not None:
            self._mended("ToldAgain", lifecycle.tell_hold_ended(record, executions=self.executions))
            return
        hold = record.classification.hold if record.classification else None
        if hold is None or hold.by != "silence" or now >= hold.until:
            return
        if not any(silence.id == hold.id and silence.active(now) for silence in silences()):
            incident_id, because = record.incident.incident_id, f"silence {hold.id} was ended"
            lifecycle.end_hold(incident_id, because, now, incidents=self.incidents, executions=self.executions)

    def _nobody_was_paged(self, record: IncidentRecord, now: datetime) -> bool:
        if record.paged_at or record.acknowledged_at or record.resolved_at:
            return False
        ranks = [SEVERITY_RANK[severity] for severity in self._severities(record)]
        since = record.last_alert_at if record.worsened_to else max(record.incident.opened_at, _waits_until(record))
        return max(ranks) >= PAGING_RANK and now - since >= self.page_after

    @staticmethod
    def _severities(record: IncidentRecord) -> list[str]:
        decided = record.classification.severity if record.classification else record.incident.alert.severity
        return [decided, record.worsened_to or "info"]

    def _page(self, record: IncidentRecord, now: datetime) -> None:
        minutes = int(self.page_after.total_seconds() // 60)
        reason = f"It has been open for more than {minutes} minutes and nobody was paged."
        self.topic.tell(for_outsiders(Notification(kind="paged", record=record, reason=reason, at=now)))
        # Afterwards: to page twice is better than to believe that somebody was paged.
        self.incidents.mark_paged(record.incident.incident_id, now)
        metrics.add_metric(name="PagedByAudit", unit="Count", value=1)

    def _end(self, record: IncidentRecord, resolved_at: datetime, now: datetime) -> None:
        told = lifecycle.tell_resolved(record, executions=self.executions)
        self._mended("ToldAgain", told)
        if not told and now - resolved_at >= ABANDONED_AFTER:
            incident_id, by = record.incident.incident_id, record.resolved_by or "somebody"
            self.incidents.close(
                incident_id, "resolved", f"Resolved by {by}; its execution is gone.", record.results, now
            )
            self._mended("ClosedByAudit", True)

    def _start(self, record: IncidentRecord) -> None:
        incident = record.incident
        execution_input = self.groups.execution_input(incident.incident_id)
        if execution_input is not None:
            self.executions.start(incident.incident_id, execution_input)
            self.groups.mark_started(incident.incident_id, incident.group_key)
            self._mended("StartedByAudit", True)

    @staticmethod
    def _mended(metric: str, did: bool) -> None:
        if did:
            metrics.add_metric(name=metric, unit="Count", value=1)


def _waits_until(record: IncidentRecord) -> datetime:
    """Return until when the incident waits, so that nobody is paged."""
    holds = [record.incident.hold, record.classification.hold if record.classification else None]
    until = max((hold.until for hold in holds if hold is not None), default=record.incident.opened_at)
    return until if record.hold_ended_at is None else min(until, record.hold_ended_at)
