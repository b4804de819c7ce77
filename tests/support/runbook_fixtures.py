"""Alerts, incidents and runbooks to plan with."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from firstline.models import Classification, Incident, NormalizedAlert, Target
from firstline.runbooks import catalogue
from firstline.runbooks.catalogue import Catalogue
from firstline.runbooks.model import Runbook

NOW = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)

type Make[T] = Callable[..., T]


@pytest.fixture(scope="session")
def runbooks_dir() -> Path:
    return Path(__file__).parents[2] / "runbooks"


@pytest.fixture(scope="session")
def shipped(runbooks_dir: Path) -> Catalogue:
    return catalogue.load(runbooks_dir)


@pytest.fixture
def now() -> datetime:
    return NOW


@pytest.fixture(scope="session")
def make_alert() -> Make[NormalizedAlert]:
    def make(**changes: Any) -> NormalizedAlert:
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

    return make


@pytest.fixture(scope="session")
def make_incident(make_alert: Make[NormalizedAlert]) -> Make[Incident]:
    def make(alert: NormalizedAlert | None = None, **changes: Any) -> Incident:
        alert = alert or make_alert()
        fields: dict[str, Any] = {
            "incident_id": "SpoolFull-web-1-20260302-0930-ab12",
            "group_key": alert.group_key,
            "opened_at": NOW,
            "alert": alert,
            "alert_count": 1,
            "hosts": [alert.host] if alert.host else [],
        }
        return Incident(**(fields | changes))

    return make


@pytest.fixture(scope="session")
def make_classification() -> Make[Classification]:
    def make(**changes: Any) -> Classification:
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

    return make


@pytest.fixture(scope="session")
def runbook_fields() -> Make[dict[str, Any]]:
    """A small sound runbook as its YAML would be read; keyword arguments replace top-level keys."""

    def make(**changes: Any) -> dict[str, Any]:
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

    return make


@pytest.fixture(scope="session")
def make_runbook(runbook_fields: Make[dict[str, Any]]) -> Make[Runbook]:
    return lambda **changes: Runbook.model_validate(runbook_fields(**changes))


@pytest.fixture
def web_1() -> Target:
    return Target(instance_id="i-0123456789abcdef0", name="web-1")


@pytest.fixture
def web_2() -> Target:
    return Target(instance_id="i-0123456789abcdef1", name="web-2")
