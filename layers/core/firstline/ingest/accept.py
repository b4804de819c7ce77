"""Ingestion of alerts: folds each group, writes it once, and starts or tells its execution.

Nothing is lost between the writes. An incident is PENDING until its execution runs, and a sender that tries again or
reconcile starts a PENDING one. Reconcile tells the execution of a resolved incident that still waits.
"""

import random
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from firstline.errors import ExecutionsUnavailable, GroupChanged, HistoryUnavailable, RateLimited
from firstline.incidents import lifecycle
from firstline.incidents.hold import IngestHolds
from firstline.incidents.store import Groups
from firstline.ingest.fold import STORM_GROUP_KEY, Fold, GroupState, Limits, fold, open_incident, storm_alert
from firstline.models import Hold, NormalizedAlert
from firstline.observability import logger
from firstline.privacy.alerts import without_secrets

ATTEMPTS = 10
"""The most folds of a group that others write at the same time. With growing pauses: about five seconds."""

LIMIT_REMEMBERED = timedelta(minutes=1)
"""The time for which this process remembers that a limit was met before it asks the table again."""

PARALLEL_GROUPS = 8
"""The groups of a batch that are written at once: a batch may hold hundreds, and every sender waits for the answer."""


class _CountedMeanwhile(GroupChanged):
    """Another process wrote the group after the storm had counted its alerts: fold again, without counting again."""


@dataclass(frozen=True)
class AcceptedGroup:
    """The result for the alerts of one group. `incident_id` is None if they open and join no incident."""

    incident_id: str | None
    new: int = 0
    duplicates: int = 0
    in_storm: int = 0


class Ingestion:
    """Accepts normalised alerts.

    Parameters
    ----------
    limits
        The most incidents that may begin in a minute; further alerts join a storm incident.
    holds
        Holds incidents back; with None nothing is held.
    sleep
        Pauses before folding again; a test passes its own.
    """

    def __init__(
        self,
        groups: Groups,
        executions: lifecycle.Executions,
        limits: Limits,
        sleep: Callable[[float], None] = time.sleep,
        *,
        holds: IngestHolds | None = None,
    ) -> None:
        self._groups = groups
        self._executions = executions
        self._limits = limits
        self._sleep = sleep
        self._holds = holds
        # Remembered, so that an alert in a storm costs three requests: the limits met, until when, and the storm's id.
        self._limited: dict[str | None, tuple[datetime, RateLimited]] = {}
        self._storm: str | None = None

    def accept(self, alerts: Sequence[NormalizedAlert], now: datetime) -> list[AcceptedGroup]:
        """Write every group of the batch and start or tell its execution.

        Raises
        ------
        HistoryUnavailable
            Some groups could not be written. The sender should send the whole batch again; written alerts are then
            duplicates.
        """
        by_group: defaultdict[str, list[NormalizedAlert]] = defaultdict(list)
        for alert in alerts:
            by_group[alert.group_key].append(alert)
        if len(by_group) < 2:
            return [self._accept_group(key, group, now) for key, group in by_group.items()]
        with ThreadPoolExecutor(PARALLEL_GROUPS) as pool:
            return list(pool.map(lambda key: self._accept_group(key, by_group[key], now), by_group))

    def _accept_group(self, group_key: str, alerts: Sequence[NormalizedAlert], now: datetime) -> AcceptedGroup:
        counted = False
        for attempt in range(ATTEMPTS):
            before = self._groups.read(group_key)
            folded = fold(before, alerts, now, self._hold_on(now))
            # Redact only now: the fingerprint is made of raw values, and only new alerts need the redaction.
            folded = replace(folded, new_alerts=[without_secrets(alert) for alert in folded.new_alerts])
            try:
                return self._apply(before, folded, alerts, now, counted=counted)
            except GroupChanged as changed:
                counted = counted or isinstance(changed, _CountedMeanwhile)
                # Jitter grows with the attempts, so that processes that collide once do not collide again.
                self._sleep(random.uniform(0, 0.02 * 2 ** min(attempt, 6)))  # noqa: S311
        raise HistoryUnavailable(f"group {group_key} was written by others {ATTEMPTS} times in a row")

    def _apply(
        self, before: GroupState, folded: Fold, alerts: Sequence[NormalizedAlert], now: datetime, *, counted: bool
    ) -> AcceptedGroup:
        group, new = folded.group, len(folded.new_alerts)
        if folded.opens:
            return self._open(before, folded, now, counted=counted)
        if folded.changed:
            self._groups.write(before, group, folded.new_alerts, now, counted=counted)
        if group.pending and group.incident_id is not None:
            self._start_again(group.incident_id, group.group_key)
        severity = folded.worsened_to
        if severity is not None and group.incident_id is not None:
            worse = self._groups.worsen(group.incident_id, severity)
            if worse is not None:
                self._tell(lambda: lifecycle.tell_worsened(worse, severity, executions=self._executions))
        elif self._holds is not None and folded.joins and group.incident_id is not None:
            holds, incident_id = self._holds, group.incident_id
            self._tell(lambda: holds.handle_joined(incident_id, before, folded, now))
        if folded.quiets and group.incident_id is not None:
            self._groups.mark_quiet_since(group.incident_id, now)
        if folded.resolves and group.incident_id is not None:
            source = alerts[0].source
            resolved = self._groups.leave(group.incident_id, group.group_key, f"{source}: the alert resolved", now)
            if resolved is not None:
                self._tell(lambda: lifecycle.tell_resolved(resolved, executions=self._executions))
        return AcceptedGroup(before.incident_id if before.open else None, new=new, duplicates=len(alerts) - new)

    def _hold_on(self, now: datetime) -> Callable[[NormalizedAlert], Hold | None]:
        holds = self._holds
        return (lambda _: None) if holds is None else (lambda alert: holds.hold_on(alert, now))

    def _open(self, before: GroupState, folded: Fold, now: datetime, *, counted: bool) -> AcceptedGroup:
        new = folded.new_alerts
        after, incident = open_incident(folded, now)
        # A held incident disturbs no person, so it is no part of a storm either.
        limited = None if incident.hold else self._known_limit(incident.alert.alert_name, now)
        if limited is None:
            limits = None if incident.hold else self._limits
            try:
                execution_input = self._groups.open_incident(
                    before, after, incident, new, now, limits=limits, member=after.group_key
                )
            except RateLimited as limit:
                self._groups.remember_storm(limit.alert_name, now)
                self._limited[limit.alert_name] = (now + LIMIT_REMEMBERED, limit)
                limited = limit
            else:
                self._start(incident.incident_id, after.group_key, execution_input)
                return AcceptedGroup(incident.incident_id, new=len(new))
        storm = self._join_storm(after.group_key, new, limited, now, count=0 if counted else len(new))
        part_of_storm = {
            "held_until": None,
            "incident_id": storm,
            "pending": False,
            "flapping": False,
            "opened": before.opened,
        }
        try:
            self._groups.write(before, after.model_copy(update=part_of_storm), new, now, counted=True)
        except GroupChanged as changed:
            raise _CountedMeanwhile(str(changed)) from changed
        return AcceptedGroup(storm, new=len(new), in_storm=len(new))

    def _join_storm(
        self, group_key: str, new: Sequence[NormalizedAlert], limit: RateLimited, now: datetime, *, count: int
    ) -> str:
        """Make the group part of the storm incident, opening one if there is none, and return its id.

        The group joins the storm before it points to it: a crash in between leaves a storm that a person has to
        resolve, never an alert that no person is told of.
        """
        if self._storm is not None and self._groups.join_storm(self._storm, group_key, count, now):
            return self._storm
        before = self._groups.read(STORM_GROUP_KEY)
        if before.open and before.incident_id is not None:
            if before.pending:
                self._start_again(before.incident_id, STORM_GROUP_KEY)
            if self._groups.join_storm(before.incident_id, group_key, count, now):
                self._storm = before.incident_id
                return before.incident_id
        alert = storm_alert(new[0], limit.limit, now)
        folded = Fold(group=before.model_copy(update={"open": False}), changed=True, new_alerts=[alert], opens=True)
        after, incident = open_incident(folded, now)
        incident = incident.model_copy(update={"alert_count": len(new)})
        execution_input = self._groups.open_incident(
            before, after, incident, [alert], now, limits=None, member=group_key
        )
        self._start(incident.incident_id, STORM_GROUP_KEY, execution_input)
        self._storm = incident.incident_id
        return incident.incident_id

    def _known_limit(self, alert_name: str, now: datetime) -> RateLimited | None:
        for name in (None, alert_name):
            until, limit = self._limited.get(name, (now, None))
            if now < until:
                return limit
        return None

    def _start_again(self, incident_id: str, group_key: str) -> None:
        execution_input = self._groups.execution_input(incident_id)
        if execution_input is not None:
            self._start(incident_id, group_key, execution_input)

    def _start(self, incident_id: str, group_key: str, execution_input: str) -> None:
        try:
            self._executions.start(incident_id, execution_input)
        except ExecutionsUnavailable as error:
            logger.error("the incident stays PENDING until reconcile starts it: %s", error)
            return
        self._groups.mark_started(incident_id, group_key)

    @staticmethod
    def _tell(tell: Callable[[], object]) -> None:
        try:
            tell()
        except ExecutionsUnavailable:
            logger.exception("the execution could not be told; reconcile will")
