"""Valid models for tests; a test names what matters to it. Some are plain, some have hostile text everywhere."""

import itertools
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any, Literal

from firstline.incidents.groups import Groups
from firstline.models import (
    SEVERITY_RANK,
    Classification,
    Feedback,
    Incident,
    IncidentRecord,
    Live,
    Loud,
    NormalizedAlert,
    Note,
    Notification,
    Page,
    PlanLimits,
    PlannedRelease,
    PlannedStep,
    Released,
    RemediationPlan,
    StepResult,
    Target,
)
from tests.support.changes import counts_for, joining, opened_by

NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
OPENED = datetime(2026, 3, 1, 3, 12, tzinfo=UTC)
NOW = OPENED + timedelta(minutes=4)
DEADLINE = NOW + timedelta(minutes=23)
INCIDENT_ID = "DiskFull-web-1-20260301-0312-a1b2c3"
CONSOLE = "https://eu-west-1.console.example/states#/executions/arn:aws:states:eu-west-1:1:execution:firstline-incident"

HOSTILE = (
    "<!channel> <@U123> <https://evil.example|click> & *bold* _it_ ~no~ `code` @here :bomb: "
    "\u202egnp.exe\u2066 zero\u200bwidth null\x00 bell\x07 esc\x1b[31m\r\nnext\u2028line"
)


_FINGERPRINTS = itertools.count()


def at(minutes: float) -> datetime:
    """Return the time so many minutes after `NOON`."""
    return NOON + timedelta(minutes=minutes)


def alert(**what: Any) -> NormalizedAlert:
    """Return a firing alert of medium severity, with other fields where they are given."""
    fields: dict[str, Any] = {
        "source": "generic",
        "alert_name": "DiskFull",
        "severity": "medium",
        "message": "disk is full",
        "labels": {"mountpoint": "/data"},
        "timestamp": NOON,
        "raw_payload": {"any": "thing"},
        "status": "firing",
        "fingerprint": "fp-1",
        "group_key": "group-1",
        "host": "web-1",
    }
    return NormalizedAlert(**(fields | what))


def incident(**what: Any) -> Incident:
    """Return an incident about `alert()`, with other fields where they are given."""
    fields: dict[str, Any] = {
        "incident_id": "DiskFull-web-1-20260302T120000Z-0a1b2c3d",
        "group_key": "group-1",
        "opened_at": NOON,
        "alert": alert().without_raw(),
        "alert_count": 1,
        "hosts": ["web-1"],
    }
    return Incident(**(fields | what))


def open_for(groups: Groups, *alerts: NormalizedAlert, now: datetime | None = None, **what: Any) -> Incident:
    """Open an incident for alerts of one group, as ingest does, and return it."""
    now = now or alerts[0].timestamp
    opened = opened_by(*alerts, now=now, **what)
    views, _ = groups.read({opened.group_key: ()})
    change = joining(opened, *alerts, now=now, held=opened.hold is not None)
    groups.open(replace(change, needs_hold=False), opened, views[opened.group_key].live, [now])
    return opened


def receive_into(groups: Groups, minutes: float = 0, **what: Any) -> Incident:
    """Take in a new alert so many minutes after noon, as ingest does, and return its incident."""
    given = alert(fingerprint=f"fp-{next(_FINGERPRINTS)}", timestamp=at(minutes), **what)
    views, _ = groups.read({given.group_key: ()})
    live = views[given.group_key].live
    if live is None or not live.open:
        return open_for(groups, given, now=at(minutes))
    groups.apply(joining(live, given, now=at(minutes)))
    return incident(incident_id=live.incident_id, group_key=live.group_key)


def an_alert(**changes: Any) -> NormalizedAlert:
    """Return Alertmanager's alert about a full disk, with other fields where they are given."""
    return NormalizedAlert.model_validate(
        {
            "source": "prometheus",
            "alert_name": "DiskFull",
            "severity": "high",
            "message": "/var is 97% full",
            "labels": {"mountpoint": "/var", "team": "web"},
            "timestamp": OPENED,
            "raw_payload": None,
            "status": "firing",
            "fingerprint": "f1",
            "group_key": "g1",
            "host": "web-1",
            "url": "https://prometheus.example/graph?g0.expr=disk",
            "environment": "prod",
            "service": "shop",
        }
        | changes
    )


def an_incident(alert: NormalizedAlert | None = None, **changes: Any) -> Incident:
    """Return the incident that the alert about a full disk opened."""
    alert = alert or an_alert()
    fields: dict[str, Any] = {
        "incident_id": INCIDENT_ID,
        "group_key": alert.group_key,
        "opened_at": OPENED,
        "alert": alert,
        "alert_count": 1,
        "hosts": [alert.host] if alert.host else [],
    }
    return Incident(**fields | changes)


def a_classification(**changes: Any) -> Classification:
    """Return a classification that finds the full disk's incident high and chooses the runbook `low-disk`."""
    fields: dict[str, Any] = {
        "severity": "high",
        "cause": "Logs were not rotated.",
        "is_deployment_related": False,
        "can_be_remediated": True,
        "runbook_id": "low-disk",
        "confidence": 0.9,
        "summary": "The disk of web-1 is almost full; the shop will stop writing orders.",
        "first_steps": ["Look at /var/log.", "Ask the shop's team whether orders fail."],
        "decided_by": "rules",
        "reasons": ["The source says high."],
    }
    return Classification(**fields | changes)


def a_plan(**changes: Any) -> RemediationPlan:
    """Return a plan of the runbook `low-disk` with one step on one host."""
    fields: dict[str, Any] = {
        "runbook_id": "low-disk",
        "title": "Free disk space",
        "risk": "safe",
        "decision": "auto",
        "decision_reason": "The runbook may run by itself in prod.",
        "targets": [Target(instance_id="i-0123456789abcdef0", name="web-1")],
        "steps": [
            PlannedStep(
                step_id="rotate-logs",
                kind="act",
                document="firstline-low-disk-rotate-logs",
                document_version="1",
                document_hash="0" * 64,
                parameters={"path": ["/var/log"]},
                timeout_seconds=60,
            )
        ],
        "verify": None,
        "verify_attempts": 1,
        "recovery_wait_seconds": 60,
        "rollback": [],
        "approvals": 2 if changes.get("risk") == "destructive" else 1,
        "limits": PlanLimits(cooldown_seconds=60, per_hour=10, per_day=50, max_hosts=5, max_percent=100),
        "longest_seconds": 3_600,
        "max_concurrency": "1",
        "max_errors": "0",
        "waves": 1,
        "locks": ["host:i-0123456789abcdef0"],
        "planned_at": NOW,
        "policy_version": "0123456789ab",
    }
    return RemediationPlan(**fields | changes)


def a_whole_plan(**changes: Any) -> RemediationPlan:
    """Return a plan for two hosts that has each part: a step, a verification, a rollback step and a guard."""
    (step,) = a_plan().commands

    def other(step_id: str, kind: str) -> PlannedStep:
        values = {"step_id": step_id, "kind": kind, "document": f"firstline-low-disk-{step_id}"}
        return step.model_copy(update=values | {"parameters": {"path": [f"/srv/{step_id}"]}})

    fields: dict[str, Any] = {
        "targets": [Target(instance_id=f"i-0123456789abcdef{n}", name=f"web-{n + 1}") for n in (0, 1)],
        "verify": other("verify", "verify"),
        "rollback": [other("put-back", "rollback"), other("start", "rollback")],
        "guard_alarm": "checkout-errors",
    }
    return a_plan(**fields | changes)


def a_release(**changes: Any) -> PlannedRelease:
    """Return a release that a plan takes back."""
    fields: dict[str, Any] = {
        "step_id": "roll-back",
        "through": "codedeploy",
        "place": "shop/live",
        "taken_back": Released(deployment="d-2", what="s3://releases/shop.zip (42)", at=OPENED - timedelta(minutes=30)),
        "put_back": Released(deployment="d-1", what="s3://releases/shop.zip (41)", at=OPENED - timedelta(days=3)),
        "latest": "d-2",
        "request": {"ApplicationName": "shop", "Description": "Firstline: 1"},
        "marker": "Firstline: 1",
        "timeout_seconds": 1_800,
    }
    return PlannedRelease(**fields | changes)


def a_release_plan(**changes: Any) -> RemediationPlan:
    """Return a plan that takes a release back, so it has no hosts."""
    fields: dict[str, Any] = {
        "runbook_id": "release-rollback",
        "title": "Put the last good release back",
        "risk": "disruptive",
        "targets": [],
        "steps": [a_release()],
        "recovery_wait_seconds": 900,
        "locks": ["release:codedeploy:shop/live"],
    }
    return a_plan(**fields | changes)


def a_result(**changes: Any) -> StepResult:
    """Return the result of the one step of `a_plan()`."""
    fields: dict[str, Any] = {
        "step_id": "rotate-logs",
        "kind": "act",
        "instance_id": "i-0123456789abcdef0",
        "command_id": "c1",
        "status": "Success",
        "output": "rotated 3 files",
        "changed": True,
    }
    return StepResult(**fields | changes)


def a_page(**changes: Any) -> Page:
    """Return a page that went out at the first level."""
    fields: dict[str, Any] = {
        "level": 0,
        "on_call": "Ana",
        "delivered_to": ["pagerduty"],
        "acknowledge_within_seconds": 300,
        "at": OPENED,
    }
    return Page(**fields | changes)


def a_live(incident: Incident | None = None, **changes: Any) -> Live:
    """Return an incident's live half that knows of its alerts only their number and the first one's severity."""
    incident = incident or an_incident()
    fields: dict[str, Any] = {
        "group_key": incident.group_key,
        "incident_id": incident.incident_id,
        "opened_at": incident.opened_at,
        "last_alert_at": incident.opened_at,
        "own": counts_for(*[SEVERITY_RANK[incident.alert.severity]] * incident.alert_count),
    }
    return Live(**fields | changes)


def live_half(record: IncidentRecord, **changes: Any) -> Live:
    """Return the live half that the fields of a record tell of, with `changes`."""
    verdict, seq = record.classification, max((page.seq for page in record.pages), default=0)
    seq = seq or int(record.paged_at is not None)
    counts = counts_for(*[SEVERITY_RANK[record.incident.alert.severity]] * record.alert_count)
    loud = Loud(high=counts.loud_high, critical=counts.loud_critical)
    rank = 0 if verdict is None else SEVERITY_RANK[verdict.severity]
    by_itself = record.resolved_at is not None and record.resolved_by is None
    told: dict[str, Any] = {
        "open": record.status == "OPEN",
        "last_alert_at": record.last_alert_at,
        "last_end_at": record.resolved_at if by_itself else None,
        "own": counts.model_copy(update={"firing": 0}) if by_itself else counts,
        "decided": None if verdict is None else rank,
        "judged": 0 if verdict is None else record.alert_count,
        "judged_loud": Loud() if verdict is None else loud,
        "started": int(verdict is not None),
        "held_until": verdict.hold.until if verdict is not None and verdict.hold is not None else None,
        "hold_ended_at": record.hold_ended_at,
        "hold_ended_because": record.hold_ended_because,
        "paged_seq": seq,
        "page_done": seq,
        "paged_at": record.paged_at,
        "last_paged_at": record.paged_at,
        "paged_rank": rank if seq else 0,
        "paged_loud": loud if seq else Loud(),
        "acked_rank": 0 if record.acknowledged_at is None else rank,
        "acked_seq": 0 if record.acknowledged_at is None else seq,
        "acked_at": record.acknowledged_at,
        "acked_by": record.acknowledged_by,
        "resolved_at": None if by_itself else record.resolved_at,
        "resolved_by": record.resolved_by,
        "resolved_seen": record.alert_count if record.resolved_by is not None else None,
        "closed_at": record.closed_at,
    }
    return a_live(record.incident, **told | changes)


def a_record(incident: Incident | None = None, **changes: Any) -> IncidentRecord:
    """Return an incident's record as the table has it after the classification.

    Fields of the live half may be given too. Without `live`, the other fields tell what it is.
    """
    live = {
        name: changes.pop(name) for name in Live.model_fields.keys() - IncidentRecord.model_fields if name in changes
    }
    fields: dict[str, Any] = {
        "incident": incident or an_incident(),
        "status": "OPEN",
        "alert_count": 1,
        "last_alert_at": OPENED,
        "classification": a_classification(),
    }
    record = IncidentRecord(**fields | changes)
    return record if "live" in changes else record.model_copy(update={"live": live_half(record, **live)})


def a_waiting_record(plan: RemediationPlan | None = None, **changes: Any) -> IncidentRecord:
    """Return the record of an incident whose plan waits for a decision, and its execution for an answer to the page."""
    plan = plan or a_plan(decision="approve", decision_reason="runbook low-disk asks for approval")
    waiting: dict[str, Any] = {
        "plan": plan,
        "plan_digest": plan.digest(),
        "awaiting": "acknowledgement",
        "task_token": "token",
        "pages": [a_page()],
        "paged_at": OPENED,
    }
    return a_record(**waiting | changes)


def a_notification(
    kind: Any = "paged", record: IncidentRecord | None = None, reason: str = "No runbook fits."
) -> Notification:
    """Return the notification of one moment of an incident."""
    return Notification(kind=kind, record=record or a_record(), reason=reason, at=NOW)


def hostile_notification(kind: Any, filler: str = HOSTILE) -> Notification:
    """Return a notification in which every text of a stranger is hostile, and as long as the models allow."""
    record = _hostile_record("resolved" if kind == "closed" else None, filler)
    return Notification(kind=kind, record=record, reason=_repeated(filler, 4_000), at=NOW)


def _repeated(filler: str, length: int) -> str:
    return (filler * (length // len(filler) + 1))[:length]


@cache
def _hostile_record(outcome: Literal["resolved"] | None, filler: str) -> IncidentRecord:
    """Return a record that nobody can change; to search its texts for secrets takes a tenth of a second."""

    def up_to(limit: int) -> str:
        return _repeated(filler, limit)

    alert = an_alert(
        source=up_to(256),
        alert_name=up_to(256),
        message=up_to(4_000),
        labels={f"{number}{up_to(500)}": up_to(100_000 if number == 0 else 2_000) for number in range(80)},
        host=up_to(256),
        url="javascript:alert(1)//" + up_to(1_900),
        service=up_to(256),
        environment=up_to(256),
        account=up_to(256),
        region=up_to(256),
    )
    incident = an_incident(alert, hosts=[f"{number}{up_to(250)}" for number in range(60)])
    text = up_to(4_000)
    return a_record(
        incident,
        classification=a_classification(summary=text, cause=text, first_steps=[text] * 20, unsure=[text] * 20),
        plan=a_plan(
            title=text,
            decision_reason=text,
            targets=[Target(instance_id=f"i-{number:017x}", name=up_to(256)) for number in range(50)],
        ),
        results=[
            a_result(instance_id=f"i-{number:017x}", status=up_to(200), output=up_to(500)) for number in range(50)
        ],
        pages=[a_page(on_call=text)],
        acknowledged_by=up_to(2_000),
        decision="approved",
        decided_by=up_to(2_000),
        resolved_by=up_to(2_000),
        outcome=outcome,
        feedback=[Feedback(person=f"slack:U{number}", by=up_to(256), said="noise", at=NOW) for number in range(9)],
        notes=[Note(by=up_to(256), text=up_to(2_000), at=NOW)],
    )
