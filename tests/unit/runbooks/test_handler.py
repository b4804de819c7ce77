"""functions/remediate: the thin part around planning."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from firstline.errors import ConfigurationError
from firstline.models import Classification, Incident, NormalizedAlert, RemediationPlan, RunbookRun, Target
from firstline.runbooks.plan import Resolution
from functions.remediate import app

type Make[T] = Callable[..., T]

ENVIRONMENT = {
    "TABLE_NAME": "firstline",
    "ENVIRONMENT_NAME": "staging",
    "REMEDIATION_MODE": "auto",
    "DOCUMENT_PREFIX": "firstline-staging",
    "TARGET_TAG_KEY": "Firstline",
    "TARGET_TAG_VALUE": "managed",
    "APPROVAL_TIMEOUT_SECONDS": "900",
    "HISTORY_DAYS": "90",
}


@dataclass
class Context:
    """What Lambda hands over."""

    function_name: str = "remediate"
    memory_limit_in_mb: int = 256
    invoked_function_arn: str = "arn:aws:lambda:eu-west-1:111122223333:function:remediate"
    aws_request_id: str = "1"


class Everywhere:
    """Finds any host, and remembers nothing."""

    def resolve(self, hints: Sequence[str]) -> Resolution:
        return Resolution(targets=[Target(instance_id="i-0123456789abcdef0", name=hints[0])], problem=None)

    def runs_since(self, runbook_id: str, since: datetime) -> list[RunbookRun]:
        return []

    def record_runs(self, runbook_id: str, incident_id: str, instance_ids: Sequence[str], at: datetime) -> None:
        pass

    def save_plan(self, incident_id: str, plan: RemediationPlan) -> None:
        pass


@pytest.fixture
def event(
    make_incident: Make[Incident], make_alert: Make[NormalizedAlert], make_classification: Make[Classification]
) -> dict[str, Any]:
    alert = make_alert(alert_name="NodeFilesystemAlmostOutOfSpace", labels={"mountpoint": "/data"})
    return {
        "incident": make_incident(alert).model_dump(mode="json"),
        "classification": make_classification(runbook_id="low-disk").model_dump(mode="json"),
    }


@pytest.fixture(autouse=True)
def _fresh(monkeypatch: pytest.MonkeyPatch, runbooks_dir: Path) -> None:
    for factory in (app._settings, app._catalogue, app._rules):
        factory.cache_clear()
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("RUNBOOKS_DIR", str(runbooks_dir))
    monkeypatch.setattr(app, "_targets", Everywhere)
    monkeypatch.setattr(app, "_history", Everywhere)


def test_the_handler_answers_with_the_contract_every_key_included(event: dict[str, Any]) -> None:
    answer = app.handler(event, Context())  # type: ignore[arg-type]

    assert answer["plan"]["decision"] == "auto"
    assert answer["plan"]["steps"][1]["document"] == "firstline-staging-low-disk-free-space"
    assert answer["plan"]["steps"][1]["parameters"]["mountpoint"] == ["/data"]
    assert set(answer["plan"]) == set(RemediationPlan.model_fields)

    event["classification"]["runbook_id"] = None
    assert app.handler(event, Context()) == {"plan": None, "reason": "no runbook chosen"}  # type: ignore[arg-type]


def test_a_missing_setting_is_named(event: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DOCUMENT_PREFIX")

    with pytest.raises(ConfigurationError, match="DOCUMENT_PREFIX"):
        app.handler(event, Context())  # type: ignore[arg-type]
