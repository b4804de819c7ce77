"""A mail spool that runs full: its alert, its incident, and a small runbook that drains it, for tests of plans."""

from datetime import UTC, datetime
from typing import Any

from firstline.models import Classification, Incident, NormalizedAlert, Target
from firstline.runbooks.model import Runbook

NOW = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
WEB_1 = Target(instance_id="i-0123456789abcdef0", name="web-1")
WEB_2 = Target(instance_id="i-0123456789abcdef1", name="web-2")


def an_alert(**changes: Any) -> NormalizedAlert:
    """Return an alert about the spool, with other fields where they are given."""
    fields: dict[str, Any] = {
        "source": "prometheus",
        "alert_name": "SpoolFull",
        "severity": "high",
        "message": "The spool of web-1 is filling up",
        "labels": {"spool": "mail"},
        "timestamp": NOW,
        "raw_payload": None,
        "status": "firing",
        "fingerprint": "f1",
        "group_key": "g1",
        "host": "web-1",
    }
    return NormalizedAlert(**(fields | changes))


def an_incident(alert: NormalizedAlert | None = None, **changes: Any) -> Incident:
    """Return the incident that an alert about the spool opened."""
    alert = alert or an_alert()
    fields: dict[str, Any] = {
        "incident_id": "SpoolFull-web-1-20260302-0930-ab12",
        "group_key": alert.group_key,
        "opened_at": NOW,
        "alert": alert,
        "alert_count": 1,
        "hosts": [alert.host] if alert.host else [],
    }
    return Incident(**(fields | changes))


def a_classification(**changes: Any) -> Classification:
    """Return a classification that chooses the runbook `drain-spool`."""
    fields: dict[str, Any] = {
        "severity": "high",
        "cause": "The spool is full",
        "is_deployment_related": False,
        "can_be_remediated": True,
        "runbook_id": "drain-spool",
        "confidence": 0.9,
        "summary": "The spool is full",
        "first_steps": [],
        "decided_by": "rules",
        "reasons": [],
    }
    return Classification(**(fields | changes))


def runbook_fields(**changes: Any) -> dict[str, Any]:
    """Return the YAML fields of a small sound runbook; a change to None leaves a field out."""
    fields: dict[str, Any] = {
        "id": "drain-spool",
        "title": "Drain a full spool",
        "match": {"alerts": ["SpoolFull"]},
        "mode": "auto",
        "risk": "safe",
        "parameters": {"spool": {"from": "labels.spool", "pattern": "^[a-z]{1,20}$"}},
        "limits": {"cooldown": "30m", "per_hour": 3, "max_hosts": 2},
        "steps": [{"id": "drain", "kind": "act", "run": 'drain -- "$SSM_spool"\n'}],
        "verify": {"run": "spool-is-empty", "within": "1m", "every": "20s"},
    }
    return {key: value for key, value in (fields | changes).items() if value is not None}


def a_runbook(**changes: Any) -> Runbook:
    """Return the runbook that drains the spool."""
    return Runbook.model_validate(runbook_fields(**changes))
