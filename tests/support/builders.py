"""Valid models for tests; a test names what matters to it. Some are plain, some have hostile text everywhere."""

import itertools
from datetime import UTC, datetime, timedelta
from typing import Any

from firstline.incidents.store import Groups
from firstline.ingest.fold import Limits, fold, open_incident
from firstline.models import (
    Classification,
    Feedback,
    Incident,
    IncidentRecord,
    NormalizedAlert,
    Note,
    Notification,
    Page,
    PlannedRelease,
    PlannedStep,
    Released,
    RemediationPlan,
    StepResult,
    Target,
)

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
    """A time, so many minutes after noon."""
    return NOON + timedelta(minutes=minutes)


def alert(**what: Any) -> NormalizedAlert:
    """A firing alert of medium severity; whatever is given replaces it."""
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
    """An incident about `alert()`."""
    fields: dict[str, Any] = {
        "incident_id": "DiskFull-web-1-20260302T120000Z-0a1b2c3d",
        "group_key": "group-1",
        "opened_at": NOON,
        "alert": alert().without_raw(),
        "alert_count": 1,
        "hosts": ["web-1"],
    }
    return Incident(**(fields | what))


def open_for(
    groups: Groups, *alerts: NormalizedAlert, now: datetime | None = None, limits: Limits | None = None
) -> Incident:
    """Open an incident for alerts of one group, as ingest does."""
    now = now or alerts[0].timestamp
    before = groups.read(alerts[0].group_key)
    folded = fold(before, alerts, now)
    after, opened = open_incident(folded, now)
    member = after.group_key
    groups.open_incident(before, after, opened, folded.new_alerts, now, limits=limits, member=member)
    return opened


def receive_into(groups: Groups, minutes: float = 0, **what: Any) -> Incident:
    """Take in a new alert at a minute after noon, as ingest does, and return its incident."""
    given = alert(fingerprint=f"fp-{next(_FINGERPRINTS)}", timestamp=at(minutes), **what)
    before = groups.read(given.group_key)
    folded = fold(before, [given], at(minutes))
    if not folded.opens:
        groups.write(before, folded.group, folded.new_alerts, at(minutes))
        return incident()
    after, opened = open_incident(folded, at(minutes))
    limits = Limits(10_000, 10_000)
    groups.open_incident(before, after, opened, folded.new_alerts, at(minutes), limits=limits, member=after.group_key)
    return opened


def an_alert(**changes: Any) -> NormalizedAlert:
    """A full disk, said by Alertmanager."""
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
    """The incident that the full disk opened."""
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
    """What was decided about it."""
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
    """What a runbook would do about it."""
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
        "approval_timeout_seconds": 600,
        "max_concurrency": "1",
        "max_errors": "0",
        "waves": 1,
        "locks": ["host:i-0123456789abcdef0"],
        "planned_at": NOW,
        "lease_until": NOW + timedelta(hours=1),
        "policy_version": "0123456789ab",
    }
    return RemediationPlan(**fields | changes)


def a_release(**changes: Any) -> PlannedRelease:
    """A release that a plan takes back."""
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
    """A plan that takes a release back: it has no hosts."""
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
    """How its one step ended."""
    fields: dict[str, Any] = {
        "step_id": "rotate-logs",
        "kind": "act",
        "instance_id": "i-0123456789abcdef0",
        "command_id": "c1",
        "status": "Success",
        "output": "rotated 3 files",
    }
    return StepResult(**fields | changes)


def a_page(**changes: Any) -> Page:
    """A page that went out at the first level."""
    fields: dict[str, Any] = {
        "level": 0,
        "on_call": "Ana",
        "delivered_to": ["pagerduty"],
        "acknowledge_within_seconds": 300,
        "has_next_level": True,
        "resolve_within_seconds": 3_600,
    }
    return Page(**fields | changes)


def a_record(incident: Incident | None = None, **changes: Any) -> IncidentRecord:
    """The incident as the table knows it after it was classified."""
    fields: dict[str, Any] = {
        "incident": incident or an_incident(),
        "status": "STARTED",
        "alert_count": 1,
        "last_alert_at": OPENED,
        "classification": a_classification(),
    }
    return IncidentRecord(**fields | changes)


def a_waiting_record(plan: RemediationPlan | None = None, **changes: Any) -> IncidentRecord:
    """An incident whose execution waits for a decision on its plan."""
    plan = plan or a_plan(decision="approve", decision_reason="runbook low-disk asks for approval")
    waiting: dict[str, Any] = {
        "plan": plan,
        "plan_digest": plan.digest(),
        "awaiting": "approval",
        "task_token": "token",
        "decide_by": DEADLINE,
    }
    return a_record(**waiting | changes)


def a_notification(
    kind: Any = "paged", record: IncidentRecord | None = None, reason: str = "No runbook fits."
) -> Notification:
    """One moment of it."""
    return Notification(kind=kind, record=record or a_record(), reason=reason, at=NOW)


def hostile_notification(kind: Any, filler: str = HOSTILE) -> Notification:
    """An incident in which every text that a stranger may have written is hostile, and as long as models allow."""

    def up_to(limit: int) -> str:
        return (filler * (limit // len(filler) + 1))[:limit]

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
    record = a_record(
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
        outcome="resolved" if kind == "closed" else None,
        feedback=[Feedback(person=f"slack:U{number}", by=up_to(256), said="noise", at=NOW) for number in range(9)],
        notes=[Note(by=up_to(256), text=up_to(2_000), at=NOW)],
    )
    return Notification(kind=kind, record=record, reason=text, at=NOW)
