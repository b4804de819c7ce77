"""Every port in memory, for tests: the promises of the adapters without AWS.

`tests/integration/ports` runs the same tests over this store, moto and DynamoDB Local. A test makes it fail with `down`
or `faults`, and lets others write in between with `meanwhile`.
"""

import threading
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import wraps
from typing import Any

from firstline.channels.delivery import Wakes
from firstline.classification.calibration import Calibration, ConfidenceTally, bin_of, decider_of, outcome
from firstline.classification.history import ended
from firstline.classification.templates import family_of
from firstline.errors import (
    AlreadyPlanned,
    ChannelFailed,
    DocumentUnreadable,
    ExecutionsUnavailable,
    GroupChanged,
    HistoryUnavailable,
    LockHeld,
    RateLimited,
    ReleasesUnreadable,
    RemediationContended,
)
from firstline.incidents.audit_trail import Entry, Fact, chained
from firstline.ingest.fold import GroupState, Limits
from firstline.models import (
    SEVERITY_RANK,
    AlertCount,
    Approval,
    Classification,
    Decision,
    Deployment,
    EarlierIncident,
    Feedback,
    Incident,
    IncidentRecord,
    NormalizedAlert,
    Note,
    Notification,
    Outcome,
    Page,
    PlannedStep,
    RemediationPlan,
    RunbookRun,
    RunOutcome,
    ServiceActivity,
    SourceSeverity,
    StepResult,
    Target,
)
from firstline.people.feedback import calls_real
from firstline.policy.heartbeats import REQUIRED, LastCheck, Pulse
from firstline.remediation.locks import Lease
from firstline.remediation.plan import RemediationState, Resolution
from firstline.remediation.releases import ReleaseHistory
from firstline.remediation.steps import Document, document_name
from firstline.runbooks import documents
from firstline.runbooks.model import Runbook

STORM_LASTS = timedelta(minutes=5)
CANDIDATES = 60
SCRIPT = "#!/usr/bin/env bash\nset -euo pipefail\nlogrotate --force\n"


class MemoryStore:
    """The store of one stack. Each call is atomic, is noted in `calls`, and can be made to fail.

    Attributes
    ----------
    down
        Makes every call raise `HistoryUnavailable`.
    faults
        What the call of a method raises, by the method's name.
    meanwhile
        What happens once, just before the call of a method, by the method's name.
    """

    def __init__(self, *records: IncidentRecord) -> None:
        self.lock = threading.RLock()
        self.calls: list[str] = []
        self.down = False
        self.faults: dict[str, Exception] = {}
        self.meanwhile: dict[str, Callable[[], object]] = {}
        self.records: dict[str, IncidentRecord] = {}
        self.incidents = MemoryIncidents(self)
        self.groups = MemoryGroups(self)
        self.remediations = MemoryRemediations(self)
        self.trail = MemoryTrail(self)
        self.heartbeats = MemoryHeartbeats(self)
        for record in records:
            self.put(record)

    def put(self, record: IncidentRecord) -> None:
        """Store an incident as it is, whatever was there."""
        self.records[record.incident.incident_id] = record

    def admit(self, incident: Incident, **changes: Any) -> IncidentRecord:
        """Store an incident as it is while its execution runs, unless it is stored already."""
        fields: dict[str, Any] = {"status": "STARTED", "alert_count": incident.alert_count}
        record = IncidentRecord(incident=incident, last_alert_at=incident.opened_at, **fields | changes)
        return self.records.setdefault(incident.incident_id, record)

    @property
    def only(self) -> IncidentRecord:
        """The one incident that is stored."""
        (record,) = self.records.values()
        return record

    def told(self, incident_id: str) -> list[tuple[str, Mapping[str, Any]]]:
        """Return what is on the incident's trail, with its facts."""
        return [(entry.what, entry.facts) for entry in self.trail.kept.get(incident_id, [])]

    def change(self, incident_id: str, **changes: Any) -> IncidentRecord:
        """Write fields of an incident, as the state machine writes its task token."""
        record = self.records[incident_id].model_copy(update=changes)
        self.records[incident_id] = record
        return record


class _Port:
    """A part of the store: every public method is one atomic call."""

    def __init__(self, store: MemoryStore) -> None:
        self._store = store

    def __init_subclass__(cls) -> None:
        for name, method in list(vars(cls).items()):
            if callable(method) and not name.startswith("_"):
                setattr(cls, name, _atomic(name, method))


def _atomic(name: str, method: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(method)
    def call(port: _Port, *args: Any, **options: Any) -> Any:
        store = port._store
        happens = store.meanwhile.pop(name, None)
        if happens:
            happens()
        with store.lock:
            store.calls.append(name)
            if store.down:
                raise HistoryUnavailable("the table is down")
            if name in store.faults:
                raise store.faults[name]
            return method(port, *args, **options)

    return call


class MemoryIncidents(_Port):
    """Incidents and their evidence."""

    def __init__(self, store: MemoryStore) -> None:
        super().__init__(store)
        self._records = store.records
        self._deployments: dict[tuple[datetime, str, str], Deployment] = {}
        self._pages: dict[str, str] = {}
        self._over: dict[str, IncidentRecord] = {}
        """The closed incidents that are evidence, each as the writer that knew most words wrote it."""
        self._received: list[tuple[str, str | None, datetime, int]] = []
        """The count of each write of new alerts: name, service, time, number."""

    # --- evidence ---

    def alerts_named(self, alert_name: str, now: datetime) -> AlertCount:
        return self._count(lambda name, service: name == alert_name, now)

    def service_activity(self, service: str, now: datetime) -> ServiceActivity:
        last: dict[str | None, Deployment] = {}
        for deployment in sorted(self._deployments.values(), key=lambda deployment: deployment.deployed_at):
            if deployment.service.casefold() == service.casefold():
                last[deployment.environment] = deployment
        alerts = self._count(lambda name, of: (of or "").casefold() == service.casefold(), now)
        return ServiceActivity(alerts=alerts, deployments=list(last.values()))

    def earlier_incidents(self, group_key: str, limit: int = 20) -> list[EarlierIncident]:
        over = [record for record in self._over.values() if record.incident.group_key == group_key]
        newest = _endings(over)
        hidden = [record for record in over if record.outcome == "suppressed" and any(map(calls_real, record.feedback))]
        first = _endings(hidden)[:limit]
        chosen = {earlier.incident_id: earlier for earlier in [*first, *newest[: limit - len(first)]]}
        return sorted(chosen.values(), key=lambda earlier: earlier.closed_at, reverse=True)

    def incidents_like(self, alert: NormalizedAlert) -> list[EarlierIncident]:
        found: dict[str, EarlierIncident] = {}
        over = [record for record in self._over.values() if not record.incident.storm]
        service = (alert.service or "").casefold()
        same_name = [record for record in over if family_of(record.incident.alert) == family_of(alert)]
        of_service = [record for record in over if service and _service(record) == service]
        for records in (same_name, of_service):
            newest_of_day = {(_day(earlier), earlier.group_key): earlier for earlier in reversed(_endings(records))}
            newest = sorted(newest_of_day.values(), key=lambda earlier: earlier.closed_at, reverse=True)
            found |= {earlier.incident_id: earlier for earlier in newest[:CANDIDATES]}
        return sorted(found.values(), key=lambda earlier: earlier.closed_at, reverse=True)

    def deployments_since(self, since: datetime) -> list[Deployment]:
        found = [deployment for deployment in self._deployments.values() if deployment.deployed_at >= since]
        return sorted(found, key=lambda deployment: deployment.deployed_at, reverse=True)

    def save_deployment(self, deployment: Deployment) -> None:
        self._deployments[deployment.deployed_at, deployment.service, deployment.version] = deployment

    def calibration(self, now: datetime) -> Calibration:
        since = f"{now.replace(day=1) - timedelta(days=1):%Y-%m}"
        tallies: defaultdict[str, ConfidenceTally] = defaultdict(ConfidenceTally)
        for record in self._over.values():
            verdict, right = record.classification, outcome(record)
            if verdict is None or right is None or f"{record.incident.opened_at:%Y-%m}" < since:
                continue
            claimed = verdict.confidence if verdict.raw_confidence is None else verdict.raw_confidence
            one = [int(number == bin_of(claimed)) for number in range(10)]
            tallies[decider_of(verdict)] += ConfidenceTally(tuple(int(right) * n for n in one), tuple(one))
        return Calibration(dict(tallies))

    def remember_the_end(self, record: IncidentRecord) -> None:
        self._remember(record)

    # --- read ---

    def record(self, incident_id: str) -> IncidentRecord | None:
        return self._records.get(incident_id)

    def open_records(self) -> Iterator[IncidentRecord]:
        opened = [record for record in self._records.values() if record.closed_at is None]
        return iter(sorted(opened, key=lambda record: record.incident.opened_at))

    def closed_since(self, since: datetime) -> Iterator[IncidentRecord]:
        closed = [record for record in self._records.values() if record.closed_at and record.closed_at >= since]
        return iter(sorted(closed, key=lambda record: record.closed_at or since))

    def runs_since(self, runbook_id: str, since: datetime) -> list[RunbookRun]:
        return self._store.remediations._runs_since(runbook_id, since)

    def incident_paged_as(self, pagerduty_id: str) -> str | None:
        return self._pages.get(pagerduty_id)

    # --- write ---

    def save_classification(self, incident_id: str, classification: Classification) -> None:
        self._change(incident_id, classification=classification)

    def save_page(self, incident_id: str, page: Page, at: datetime) -> None:
        if record := self._records.get(incident_id):
            self._change(incident_id, pages=[*record.pages, page], paged_at=record.paged_at or at)

    def mark_paged(self, incident_id: str, at: datetime) -> None:
        if record := self._records.get(incident_id):
            self._change(incident_id, paged_at=record.paged_at or at)

    def save_slack_message(self, incident_id: str, channel: str, ts: str) -> None:
        self._change(incident_id, slack_channel=channel, slack_ts=ts)

    def remember_page(self, pagerduty_id: str, incident_id: str, at: datetime) -> None:
        self._pages[pagerduty_id] = incident_id

    def acknowledge(self, incident_id: str, by: str, now: datetime) -> IncidentRecord | None:
        record = self._open(incident_id)
        if record is None or record.acknowledged_at:
            return None
        return self._change(incident_id, acknowledged_at=now, acknowledged_by=by)

    def resolve(self, incident_id: str, by: str, now: datetime) -> IncidentRecord | None:
        return self._change(incident_id, resolved_at=now, resolved_by=by) if self._open(incident_id) else None

    def end_hold(self, incident_id: str, because: str, now: datetime) -> IncidentRecord | None:
        record = self._open(incident_id)
        if record is None or record.hold_ended_at:
            return None
        return self._change(incident_id, hold_ended_at=now, hold_ended_because=because)

    def hold_back(self, incident_id: str, severity: SourceSeverity) -> None:
        record = self._open(incident_id)
        if record and (record.held_back is None or SEVERITY_RANK[record.held_back] < SEVERITY_RANK[severity]):
            self._change(incident_id, held_back=severity)

    def decide(
        self, incident_id: str, word: Approval, decision: Decision | None, *, seen: IncidentRecord
    ) -> IncidentRecord | None:
        record = self._open(incident_id)
        if record is None or record.awaiting != "approval" or record.decision:
            return None
        if record.decide_by is None or word.at >= record.decide_by or record.plan_digest != seen.plan_digest:
            return None
        if len(record.approvals) != len(seen.approvals):
            return None
        changes: dict[str, Any] = {}
        if decision != "refused":
            changes["approvals"] = [*record.approvals, word]
        if decision is not None:
            deciders = [word] if decision == "refused" else [*record.approvals, word]
            by = " and ".join(decider.by for decider in deciders)
            changes |= {"decision": decision, "decided_by": by, "decided_at": word.at}
        return self._change(incident_id, **changes)

    def close(
        self, incident_id: str, outcome: Outcome, reason: str, results: Sequence[StepResult], at: datetime
    ) -> IncidentRecord:
        record = self._records.get(incident_id)
        if record is None:
            raise HistoryUnavailable(f"incident {incident_id} is not in memory")
        if record.closed_at is None:
            ended = {"status": "CLOSED", "outcome": outcome, "outcome_reason": reason, "results": list(results)}
            record = self._change(incident_id, **ended, closed_at=at, task_token=None, awaiting=None) or record
        self._remember(record)
        self._store.groups._settle(record, at)
        return record

    def append_feedback(self, incident_id: str, word: Feedback, *, seen: IncidentRecord) -> IncidentRecord | None:
        record = self._records.get(incident_id)
        if record is None or len(record.feedback) != len(seen.feedback):
            return None
        return self._change(incident_id, feedback=[*record.feedback, word])

    def append_note(self, incident_id: str, note: Note, *, seen: IncidentRecord) -> IncidentRecord | None:
        record = self._records.get(incident_id)
        if record is None or len(record.notes) != len(seen.notes):
            return None
        return self._change(incident_id, notes=[*record.notes, note])

    # --- pieces ---

    def _open(self, incident_id: str) -> IncidentRecord | None:
        record = self._records.get(incident_id)
        return record if record and record.resolved_at is None and record.closed_at is None else None

    def _change(self, incident_id: str, **changes: Any) -> IncidentRecord | None:
        return self._store.change(incident_id, **changes) if incident_id in self._records else None

    def _remember(self, record: IncidentRecord) -> None:
        before = self._over.get(record.incident.incident_id)
        if record.closed_at is not None and (before is None or _words(before) <= _words(record)):
            self._over[record.incident.incident_id] = record

    def _count(self, counts: Callable[[str, str | None], bool], now: datetime) -> AlertCount:
        until = now + timedelta(minutes=1)
        found = [(at, count) for name, service, at, count in self._received if counts(name, service) and at <= until]
        hour = sum(count for at, count in found if at >= now - timedelta(hours=1))
        return AlertCount(last_hour=hour, last_day=sum(count for at, count in found if at >= now - timedelta(days=1)))


def _words(record: IncidentRecord) -> int:
    return len(record.feedback) + len(record.notes)


def _service(record: IncidentRecord) -> str:
    return (record.incident.alert.service or "").casefold()


def _day(earlier: EarlierIncident) -> str:
    return f"{earlier.closed_at:%Y-%m-%d}"


def _endings(records: Iterable[IncidentRecord]) -> list[EarlierIncident]:
    endings = [earlier for record in records if (earlier := ended(record)) is not None]
    return sorted(endings, key=lambda earlier: (earlier.closed_at, earlier.incident_id), reverse=True)


class MemoryGroups(_Port):
    """Groups of alerts, and how many incidents may begin in a minute."""

    def __init__(self, store: MemoryStore) -> None:
        super().__init__(store)
        self.written: list[NormalizedAlert] = []
        self._groups: dict[str, GroupState] = {}
        self._members: dict[str, set[str]] = {}
        self._inputs: dict[str, str] = {}
        self._opened: defaultdict[tuple[str | None, str], int] = defaultdict(int)
        self._storms: dict[str | None, datetime] = {}

    def read(self, group_key: str) -> GroupState:
        group = self._groups.get(group_key, GroupState(group_key=group_key))
        return group.model_copy(update={"open": False}) if group.settled_at else group

    def write(
        self,
        before: GroupState,
        after: GroupState,
        new: Sequence[NormalizedAlert],
        now: datetime,
        *,
        counted: bool = False,
    ) -> None:
        self._put(before, after)
        if new and after.incident_id is not None:
            self._log(new, now)
            record = self._store.records.get(after.incident_id)
            if record and after.open and not counted:
                changes = {"last_alert_at": now, "quiet_since": None, "alert_count": record.alert_count + len(new)}
                self._store.change(after.incident_id, **changes)

    def open_incident(
        self,
        before: GroupState,
        after: GroupState,
        incident: Incident,
        new: Sequence[NormalizedAlert],
        now: datetime,
        *,
        limits: Limits | None,
        member: str,
    ) -> str:
        if incident.incident_id in self._store.records:
            raise GroupChanged(f"{incident.incident_id} is there already")
        self._check(before)
        minute, name = f"{now:%Y-%m-%dT%H:%M}", incident.alert.alert_name
        if limits is not None:
            if self._opened[None, minute] >= limits.per_minute or self._storms_at(None, now):
                raise RateLimited(f"{limits.per_minute} a minute", alert_name=None)
            if self._opened[name, minute] >= limits.per_minute_and_alert or self._storms_at(name, now):
                raise RateLimited(f"{limits.per_minute_and_alert} a minute of one name", alert_name=name)
            self._opened[None, minute] += 1
            self._opened[name, minute] += 1
        self._put(before, after)
        self._log(new, now)
        self._members[incident.incident_id] = {member}
        self._inputs[incident.incident_id] = incident.model_dump_json()
        self._store.put(
            IncidentRecord(
                incident=incident,
                status="PENDING",
                alert_count=incident.alert_count,
                last_alert_at=incident.opened_at,
            )
        )
        return self._inputs[incident.incident_id]

    def execution_input(self, incident_id: str) -> str | None:
        if incident_id in self._store.records and incident_id not in self._inputs:
            return self._store.records[incident_id].incident.model_dump_json()
        return self._inputs.get(incident_id)

    def mark_started(self, incident_id: str, group_key: str) -> None:
        group, record = self._groups.get(group_key), self._store.records.get(incident_id)
        if group is None or record is None or group.incident_id != incident_id or record.status != "PENDING":
            return
        self._store.change(incident_id, status="STARTED")
        self._groups[group_key] = group.model_copy(update={"pending": False, "version": group.version + 1})

    def remember_storm(self, alert_name: str | None, now: datetime) -> None:
        self._storms[alert_name] = now + STORM_LASTS

    def join_storm(self, incident_id: str, group_key: str, count: int, now: datetime) -> bool:
        record = self._store.incidents._open(incident_id)
        if record is None:
            return False
        self._members.setdefault(incident_id, set()).add(group_key)
        self._store.change(incident_id, last_alert_at=now, alert_count=record.alert_count + count)
        return True

    def leave(self, incident_id: str, group_key: str, by: str, now: datetime) -> IncidentRecord | None:
        record, members = self._store.records.get(incident_id), self._members.get(incident_id, set())
        members.discard(group_key)
        if record is None or members or record.resolved_at or record.closed_at:
            return None
        return self._store.change(incident_id, resolved_at=now, resolved_by=by)

    def mark_quiet_since(self, incident_id: str, now: datetime) -> None:
        if incident_id in self._store.records:
            self._store.change(incident_id, quiet_since=now)

    def worsen(self, incident_id: str, severity: SourceSeverity) -> IncidentRecord | None:
        known = incident_id in self._store.records
        return self._store.change(incident_id, worsened_to=severity) if known else None

    def _check(self, before: GroupState) -> None:
        known = self._groups.get(before.group_key)
        if (known.version if known else 0) != before.version:
            raise GroupChanged(f"{before.group_key} was written since")

    def _put(self, before: GroupState, after: GroupState) -> None:
        self._check(before)
        self._groups[after.group_key] = after.model_copy(update={"version": before.version + 1})

    def _log(self, new: Sequence[NormalizedAlert], now: datetime) -> None:
        self.written += new
        self._store.incidents._received.append((new[0].alert_name, new[0].service, now, len(new)))

    def _storms_at(self, alert_name: str | None, now: datetime) -> bool:
        return alert_name in self._storms and now <= self._storms[alert_name]

    def _settle(self, record: IncidentRecord, at: datetime) -> None:
        incident_id = record.incident.incident_id
        for group_key in {record.incident.group_key, *self._members.get(incident_id, ())}:
            group = self._groups.get(group_key)
            if group and group.incident_id == incident_id:
                settled = {"settled_at": at, "pending": False, "version": group.version + 1}
                self._groups[group_key] = group.model_copy(update=settled)


class MemoryRemediations(_Port):
    """Reserved remediations, their locks and what became of them."""

    def __init__(self, store: MemoryStore) -> None:
        super().__init__(store)
        self.version = 0
        self.held: dict[str, Lease] = {}
        self.locks: dict[str, tuple[str, datetime]] = {}
        self.runs: list[RunbookRun] = []
        self.why_demoted: dict[str, str] = {}

    def plan_of(self, incident_id: str) -> RemediationPlan | None:
        record = self._store.records.get(incident_id)
        return record.plan if record else None

    def state(self, runbook_id: str, since: datetime) -> RemediationState:
        return RemediationState(
            version=self.version,
            held=list(self.held.values()),
            runs=self._runs_since(runbook_id, since),
            demoted=self.why_demoted.get(runbook_id),
        )

    def reserve(self, plan: RemediationPlan, run: RunbookRun, *, state: RemediationState, now: datetime) -> None:
        me = run.incident_id
        record = self._store.records.get(me)
        if record is None or record.plan is not None:
            raise AlreadyPlanned(f"{me} has a plan, or is not in the table")
        if state.version != self.version:
            raise RemediationContended("a remediation began or ended since")
        taken = [name for name in plan.locks if not self._free(name, me, now)]
        if taken:
            raise LockHeld(f"{', '.join(taken)} is in the hands of another incident")
        self.version += 1
        self.locks |= dict.fromkeys(plan.locks, (me, run.until))
        mine = Lease(incident_id=me, runbook_id=run.runbook_id, locks=plan.locks, until=run.until)
        self.held = {lease.incident_id: lease for lease in state.held if lease.until > now} | {me: mine}
        self.runs.append(run)
        self._store.change(me, plan=plan, plan_digest=plan.digest())

    def keep_shadow(self, run: RunbookRun) -> None:
        if run not in self.runs:
            self.runs.append(run)

    def settle(
        self,
        plan: RemediationPlan,
        incident_id: str,
        outcome: RunOutcome,
        *,
        accepted: bool | None,
        demote: str | None,
        at: datetime,
    ) -> bool:
        for name in plan.locks:
            if name in self.locks and not self._free(name, "", at) and self.locks[name][0] == incident_id:
                self.locks[name] = (incident_id, at)
        open_runs = [
            number
            for number, run in enumerate(self.runs)
            if (run.runbook_id, run.incident_id, run.at) == (plan.runbook_id, incident_id, plan.planned_at)
            and run.decision != "shadow"
            and run.outcome is None
        ]
        if not open_runs:
            return False
        (number,) = open_runs
        ending = {"outcome": outcome, "ended_at": at, "accepted": accepted}
        self.runs[number] = self.runs[number].model_copy(update=ending)
        if self.held.pop(incident_id, None):
            self.version += 1
        if demote:
            self.why_demoted[plan.runbook_id] = demote
        return True

    def demoted(self, runbook_id: str) -> str | None:
        return self.why_demoted.get(runbook_id)

    def reset(self, runbook_id: str, by: str, at: datetime) -> bool:
        return self.why_demoted.pop(runbook_id, None) is not None

    def _free(self, name: str, me: str, now: datetime) -> bool:
        owner, until = self.locks.get(name, (me, now))
        return owner == me or until <= now

    def _runs_since(self, runbook_id: str, since: datetime) -> list[RunbookRun]:
        found = [run for run in self.runs if run.runbook_id == runbook_id and run.at >= since]
        return sorted(found, key=lambda run: (run.at, run.incident_id))


class MemoryTrail(_Port):
    """Audit trails by incident."""

    def __init__(self, store: MemoryStore) -> None:
        super().__init__(store)
        self.kept: dict[str, list[Entry]] = {}

    def append(self, incident_id: str, facts: Sequence[Fact], at: datetime) -> None:
        known = self.kept.setdefault(incident_id, [])
        there = [Fact(what=entry.what, who=entry.who, facts=entry.facts) for entry in known]
        new = [fact for number, fact in enumerate(facts) if fact not in there and fact not in facts[:number]]
        known += chained(incident_id, new, at, known[-1] if known else None)

    def entries(self, incident_id: str) -> list[Entry]:
        return list(self.kept.get(incident_id, []))


class MemoryHeartbeats(_Port):
    """Heartbeats, by their key."""

    def __init__(self, store: MemoryStore) -> None:
        super().__init__(store)
        self._pulses: dict[str, Pulse] = {}
        self._last: LastCheck | None = None

    def beat(self, alert: NormalizedAlert, now: datetime) -> None:
        key = f"{alert.source}:{alert.fingerprint}"
        if alert.status == "resolved":
            past = now - timedelta(seconds=1)
            known = self._pulses.get(key) or Pulse(key=key, alert=alert, beat_at=past)
            self._pulses[key] = known.model_copy(update={"alert": alert.without_raw(), "resolved_at": now})
        else:
            self._beats(key, alert, now)

    def expect(self, name: str, alert: NormalizedAlert, now: datetime) -> None:
        self._beats(f"{REQUIRED}{name}", alert, now)

    def pulses(self) -> tuple[list[Pulse], LastCheck | None]:
        return [self._pulses[key] for key in sorted(self._pulses)], self._last

    def watch(self, before: LastCheck | None, now: datetime) -> datetime:
        self._last = LastCheck(looked_at=now, since=before.begin(now) if before else now)
        return self._last.since

    def mark(self, pulse: Pulse, absent_since: datetime | None, now: datetime) -> None:
        if pulse.key in self._pulses:
            marked = self._pulses[pulse.key].model_copy(update={"absent_since": absent_since})
            self._pulses[pulse.key] = marked

    def forget(self, key: str, by: str, now: datetime) -> bool:
        if key not in self._pulses:
            return False
        self._pulses[key] = self._pulses[key].model_copy(update={"forgotten_at": now, "forgotten_by": by})
        return True

    def _beats(self, key: str, alert: NormalizedAlert, now: datetime) -> None:
        known = self._pulses.get(key) or Pulse(key=key, alert=alert, beat_at=now)
        again = {"alert": alert.without_raw(), "beat_at": now, "forgotten_at": None, "forgotten_by": None}
        self._pulses[key] = known.model_copy(update=again)


@dataclass
class MemoryExecutions:
    """The state machine's executions: which were started, and what the waiting ones were told.

    Attributes
    ----------
    starts
        Every start that was asked for, with its input: starting again changes nothing.
    told
        Signals with who gave them, and errors with their cause.
    waiting
        Whether anything still waits on a task token.
    """

    starts: list[tuple[str, str]] = field(default_factory=list)
    told: list[tuple[str, str]] = field(default_factory=list)
    tokens: list[str] = field(default_factory=list)
    waiting: bool = True
    down: bool = False

    @property
    def started(self) -> dict[str, str]:
        return dict(reversed(self.starts))

    def start(self, incident_id: str, execution_input: str) -> None:
        self._reach()
        self.starts.append((incident_id, execution_input))

    def signal(self, token: str, signal: str, by: str) -> bool:
        return self._tell(token, signal, by)

    def interrupt(self, token: str, error: str, cause: str) -> bool:
        return self._tell(token, error, cause)

    def _tell(self, token: str, what: str, why: str) -> bool:
        self._reach()
        self.tokens.append(token)
        self.told.append((what, why))
        return self.waiting

    def _reach(self) -> None:
        if self.down:
            raise ExecutionsUnavailable("throttled")


@dataclass
class MemoryChannel:
    """A channel that keeps what it was told. `failures` are raised one after the other before it starts to work."""

    wakes: Wakes = "never"
    failures: list[ChannelFailed] = field(default_factory=list)
    silent: bool = False
    told: list[Notification] = field(default_factory=list)
    attempts: int = 0
    heard: bool = True

    def tell(self, notification: Notification) -> bool:
        self.attempts += 1
        if self.failures:
            raise self.failures.pop(0)
        if self.silent:
            return False
        self.told.append(notification)
        return True

    def has_subscriber(self) -> bool:
        return self.heard


def passing() -> ChannelFailed:
    """Return a failure that a retry may mend."""
    return ChannelFailed("503 for a moment", retryable=True)


def lasting() -> ChannelFailed:
    """Return a failure that a retry won't mend."""
    return ChannelFailed("invalid_auth", retryable=False)


class MemoryDocuments:
    """Systems Manager after a deployment of these runbooks. Every script is the same, or None cannot be read."""

    def __init__(
        self, runbooks: Iterable[Runbook] = (), prefix: str = "firstline", *, script: str | None = SCRIPT
    ) -> None:
        self.text = script
        self.deployed = {
            document_name(prefix, runbook.id, step_id): Document(
                version="3", content=documents.content(runbook, step_id, command)
            )
            for runbook in runbooks
            for step_id, command in runbook.commands()
        }

    def read(self, name: str, version: str | None = None) -> Document | None:
        document = self.deployed.get(name)
        return document if document and version in (None, document.version) else None

    def script(self, step: PlannedStep) -> str:
        if self.text is None:
            raise DocumentUnreadable(f"document {step.document}: AccessDenied")
        return self.text


@dataclass
class MemoryReleases:
    """Releases by place; a place that is not there cannot be read."""

    places: dict[str, ReleaseHistory] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)

    def of_group(self, application: str, deployment_group: str) -> ReleaseHistory:
        return self._of(f"{application}/{deployment_group}")

    def of_configuration(self, application: str, environment: str, profile: str) -> ReleaseHistory:
        return self._of(f"{application}/{environment}/{profile}")

    def _of(self, place: str) -> ReleaseHistory:
        self.asked.append(place)
        if place not in self.places:
            raise ReleasesUnreadable(f"AccessDenied on {place}")
        return self.places[place]


@dataclass
class MemoryTargets:
    """Hosts by name, in a fleet of some size."""

    hosts: dict[str, Target]
    fleet: int = 100
    windows: set[str] = field(default_factory=set)
    asked: list[list[str]] = field(default_factory=list)

    def resolve(self, hints: Sequence[str]) -> Resolution:
        self.asked.append(list(hints))
        unknown = [hint for hint in hints if hint not in self.hosts]
        if unknown:
            return Resolution(targets=[], problem=f"{unknown[0]} is nobody's name")
        windows = [self.hosts[hint].name for hint in hints if hint in self.windows]
        return Resolution(targets=[self.hosts[hint] for hint in hints], problem=None, windows=windows)

    def fleet_size(self) -> int:
        return self.fleet
