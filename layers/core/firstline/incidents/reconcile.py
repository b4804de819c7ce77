"""Reconciliation, once a minute, of open incidents with their executions, pages and holds.

Firstline writes every action to the table first. So the table shows what got lost afterwards (a function that died
between its write and its call, a signal that Step Functions did not take, an execution that failed), and reconcile
mends it.
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
from firstline.policy.holds import Silence
from firstline.privacy.alerts import for_outsiders

ABANDONED_AFTER = timedelta(hours=2)
"""The time after which a resolved incident that is still open has lost its execution: no step may take over an hour."""


class LastResort(Channel, Protocol):
    """The page topic, which also gets Firstline's own alarms."""

    def has_subscriber(self) -> bool:
        """Return True if anyone is subscribed to the topic."""


@dataclass(frozen=True)
class Reconciler:
    """One run over the open incidents.

    Parameters
    ----------
    page_after
        The longest time that an open incident of paging severity may go without a page.
    flap_quiet
        The time for which a flapping incident must be quiet to count as resolved.
    silences
        Returns the silences that have not run out at a time; asked only if an incident waits for one.
    watch
        Checks every heartbeat.
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
        """Check and mend every open incident; one that fails does not stop the others.

        Returns
        -------
        int
            The number of open incidents.

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
                self._reconcile(record, now, silences)
            except (ExecutionsUnavailable, ChannelFailed):
                logger.exception("this incident is tried again in a minute", incident_id=record.incident.incident_id)
        try:
            self.watch(now)
        except (ConfigurationError, ExecutionsUnavailable):
            logger.exception("the heartbeats could not be checked")
        metrics.add_metric(name="OpenIncidents", unit="Count", value=count)
        metrics.add_metric(name="Heartbeat", unit="Count", value=1)
        self._check_page_topic()
        return count

    def _check_page_topic(self) -> None:
        """Report an unsubscribed page topic before the first page needs it."""
        subscribed = self.topic.has_subscriber()
        metrics.add_metric(name="PageTopicUnheard", unit="Count", value=0 if subscribed else 1)
        if not subscribed:
            logger.error(
                "Nobody is subscribed to the page topic, so pages of last resort and this stack's alarms reach nobody: "
                "subscribe an address to it"
            )

    def _reconcile(self, record: IncidentRecord, now: datetime, silences: Callable[[], Sequence[Silence]]) -> None:
        # The page comes first: whatever else is wrong with the incident, it needs a human.
        if self._needs_page(record, now):
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
            self._reconcile_hold(record, now, silences)
        elif record.awaiting == "acknowledgement" and record.acknowledged_at:
            self._count_mended("ToldAgain", lifecycle.tell_acknowledged(record, executions=self.executions))
        elif record.awaiting == "approval" and record.decision:
            self._count_mended("ToldAgain", lifecycle.tell_decided(record, executions=self.executions))
        elif record.worsened_to:
            self._count_mended(
                "ToldAgain", lifecycle.tell_worsened(record, record.worsened_to, executions=self.executions)
            )

    def _reconcile_hold(self, record: IncidentRecord, now: datetime, silences: Callable[[], Sequence[Silence]]) -> None:
        """End the hold if its silence was ended; tell an execution that missed the end of its hold."""
        if record.hold_ended_at is not None:
            self._count_mended("ToldAgain", lifecycle.tell_hold_ended(record, executions=self.executions))
            return
        hold = record.classification.hold if record.classification else None
        if hold is None or hold.by != "silence" or now >= hold.until:
            return
        if not any(silence.id == hold.id and silence.active(now) for silence in silences()):
            incident_id, because = record.incident.incident_id, f"silence {hold.id} was ended"
            lifecycle.end_hold(incident_id, because, now, incidents=self.incidents, executions=self.executions)

    def _needs_page(self, record: IncidentRecord, now: datetime) -> bool:
        if record.paged_at or record.acknowledged_at or record.resolved_at:
            return False
        ranks = [SEVERITY_RANK[severity] for severity in self._severities(record)]
        since = record.last_alert_at if record.worsened_to else max(record.incident.opened_at, _held_until(record))
        return max(ranks) >= PAGING_RANK and now - since >= self.page_after

    @staticmethod
    def _severities(record: IncidentRecord) -> list[str]:
        decided = record.classification.severity if record.classification else record.incident.alert.severity
        return [decided, record.worsened_to or "info"]

    def _page(self, record: IncidentRecord, now: datetime) -> None:
        minutes = int(self.page_after.total_seconds() // 60)
        reason = f"It has been open for more than {minutes} minutes and nobody was paged."
        self.topic.tell(for_outsiders(Notification(kind="paged", record=record, reason=reason, at=now)))
        # Only after the page: to page twice is better than to record a page that never went out.
        self.incidents.mark_paged(record.incident.incident_id, now)
        metrics.add_metric(name="PagedByAudit", unit="Count", value=1)

    def _end(self, record: IncidentRecord, resolved_at: datetime, now: datetime) -> None:
        told = lifecycle.tell_resolved(record, executions=self.executions)
        self._count_mended("ToldAgain", told)
        if not told and now - resolved_at >= ABANDONED_AFTER:
            incident_id, by = record.incident.incident_id, record.resolved_by or "somebody"
            self.incidents.close(
                incident_id, "resolved", f"Resolved by {by}; its execution is gone.", record.results, now
            )
            self._count_mended("ClosedByAudit", True)

    def _start(self, record: IncidentRecord) -> None:
        incident = record.incident
        execution_input = self.groups.execution_input(incident.incident_id)
        if execution_input is not None:
            self.executions.start(incident.incident_id, execution_input)
            self.groups.mark_started(incident.incident_id, incident.group_key)
            self._count_mended("StartedByAudit", True)

    @staticmethod
    def _count_mended(metric: str, done: bool) -> None:
        if done:
            metrics.add_metric(name=metric, unit="Count", value=1)


def _held_until(record: IncidentRecord) -> datetime:
    """Return the end of the incident's hold, before which no person is paged."""
    holds = [record.incident.hold, record.classification.hold if record.classification else None]
    until = max((hold.until for hold in holds if hold is not None), default=record.incident.opened_at)
    return until if record.hold_ended_at is None else min(until, record.hold_ended_at)
