"""Incidents and evidence with everything filled in, so that a test names only what it is about."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from firstline.classification.model import Judgement, ModelVerdict
from firstline.classification.prompt import Prompt
from firstline.models import Deployment, EarlierIncident, Evidence, Incident, NormalizedAlert, Outcome, Severity, Usage

NOW = datetime(2026, 3, 4, 10, 30, tzinfo=UTC)  # a Wednesday


@dataclass(frozen=True)
class Runbook:
    """A runbook as classification sees it."""

    id: str
    title: str


@dataclass
class FakeModel:
    """A model that gives one answer, or raises it, and keeps the prompts that it was given."""

    answer: ModelVerdict | Exception
    asked: list[Prompt] = field(default_factory=list)

    def verdict(self, prompt: Prompt) -> ModelVerdict:
        self.asked.append(prompt)
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


@pytest.fixture
def now() -> datetime:
    return NOW


@pytest.fixture
def incident() -> Callable[..., Incident]:
    """Return a builder of incidents; its keywords are fields of the alert or of the incident."""

    def make(**changes: Any) -> Incident:
        alert: dict[str, Any] = {
            "source": "prometheus",
            "alert_name": "HighMemory",
            "severity": "high",
            "message": "Memory is at 97 % for 10 minutes",
            "labels": {"team": "payments"},
            "timestamp": NOW - timedelta(minutes=2),
            "raw_payload": None,
            "status": "firing",
            "fingerprint": "f1",
            "group_key": "prometheus:HighMemory:web-1",
            "host": "web-1",
            "environment": "prod",
            "service": "payments",
        }
        alert |= {name: changes.pop(name) for name in list(changes) if name in NormalizedAlert.model_fields}
        whole: dict[str, Any] = {
            "incident_id": "HighMemory-web-1-20260304-1030-abc123",
            "group_key": alert["group_key"],
            "opened_at": NOW,
            "alert_count": 1,
            "hosts": ["web-1"],
        }
        return Incident(alert=NormalizedAlert(**alert), **(whole | changes))

    return make


@pytest.fixture
def evidence() -> Callable[..., Evidence]:
    """Return a builder of evidence."""

    def make(**changes: Any) -> Evidence:
        whole: dict[str, Any] = {
            "same_name_last_hour": 1,
            "earlier": [],
            "deployments": [],
            "local_time": NOW,
            "business_hours": True,
        }
        return Evidence(**(whole | changes))

    return make


@pytest.fixture
def ended() -> Callable[..., list[EarlierIncident]]:
    """Return a builder of earlier incidents, newest first, one a day: `ended("self_cleared", "resolved")`."""

    def make(*outcomes: Outcome, severity: Severity = "high", runbook_id: str | None = None, days: int = 1) -> Any:
        return [
            EarlierIncident(
                incident_id=f"earlier-{number}",
                opened_at=NOW - timedelta(days=days * (number + 1)),
                closed_at=NOW - timedelta(days=days * (number + 1)) + timedelta(minutes=9),
                severity=severity,
                outcome=outcome,
                runbook_id=runbook_id,
            )
            for number, outcome in enumerate(outcomes)
        ]

    return make


@pytest.fixture
def deployment() -> Callable[..., Deployment]:
    """Return a builder of deployments."""

    def make(minutes_ago: int = 12, **changes: Any) -> Deployment:
        whole: dict[str, Any] = {"service": "payments", "version": "1.8.0", "environment": "prod"}
        return Deployment(deployed_at=NOW - timedelta(minutes=minutes_ago), **(whole | changes))

    return make


@pytest.fixture
def judged() -> Callable[..., ModelVerdict]:
    """Return a builder of a model's verdicts."""

    def make(**changes: Any) -> ModelVerdict:
        whole: dict[str, Any] = {
            "severity": "high",
            "cause": "A leak in the new version.",
            "is_deployment_related": False,
            "can_be_remediated": False,
            "runbook_id": None,
            "confidence": 0.9,
            "summary": "Memory on web-1 is nearly full.",
            "first_steps": ["Look at the heap."],
            "cites": ["alert"],
        }
        return ModelVerdict(
            judgement=Judgement(**(whole | changes)),
            model="test-model",
            usage=Usage(prompt_tokens=600, completion_tokens=100),
        )

    return make


@pytest.fixture
def model() -> Callable[[ModelVerdict | Exception], FakeModel]:
    """Return a builder of models that give one answer."""
    return FakeModel


@pytest.fixture
def offered() -> Sequence[Runbook]:
    """Return the runbooks that classification may choose from."""
    return (Runbook("high-memory", "Restart the service that eats the memory"), Runbook("low-disk", "Rotate logs"))
