"""Public incidents with recorded evidence: whether the right cause is found, and whether the incident pages.

The recordings are OpenSRE's evaluation suite, which is not part of the project.
"""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from firstline.classification import cause
from firstline.classification.classify import classify
from firstline.classification.vital_signs import KINDS
from firstline.models import (
    PAGING_RANK,
    SEVERITY_RANK,
    Evidence,
    Incident,
    MetricReading,
    NormalizedAlert,
    Resource,
    ResourceChange,
)
from firstline.policy.rules import NO_RULES
from tests.support.needs import INCIDENTS

pytestmark = pytest.mark.needs("incidents")

CATEGORY = {
    "storage full": "storage_full",
    "connections exhausted": "connection_exhaustion",
    "CPU saturated": "cpu_saturation",
    "replication lag": "replication_lag",
    "failover": "failover",
}
"""The suite's word for each category of causes."""


def folders(suite: str) -> list[Path]:
    found = sorted(path.parent for path in (INCIDENTS / "opensre" / suite).glob("*/alert.json"))
    assert found, f"{INCIDENTS} has no opensre/{suite}/*/alert.json"
    return found


def alert_of(folder: Path) -> tuple[NormalizedAlert, dict[str, Any]]:
    """Return the alert without its severity, and the labels and annotations that its sender gave it."""
    body = json.loads((folder / "alert.json").read_text())
    said = body["commonLabels"] | body["commonAnnotations"]
    alert = NormalizedAlert(
        source=body["alert_source"],
        alert_name=said["alertname"],
        severity="medium",
        severity_stated=False,
        message=said["summary"],
        labels={"DBInstanceIdentifier": said["db_instance"]} if "db_instance" in said else {},
        timestamp=datetime(2026, 1, 1, tzinfo=UTC),
        raw_payload=None,
        status="firing",
        fingerprint="f",
        group_key="g",
    )
    return alert, said


def results_of(body: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the metrics of a file, which holds either a list of metrics or a single metric."""
    return body.get("metric_data_results", [body])


def evidence_of(folder: Path, said: dict[str, Any]) -> tuple[Evidence, datetime]:
    """Return the recorded metrics and events as evidence, and the time at the end of the recording."""
    series = [
        result
        for file in sorted(folder.glob("aws_cloudwatch_metrics*.json"))
        for result in results_of(json.loads(file.read_text()))
        if result.get("values")
    ]
    own, replica = said.get("db_instance"), said.get("read_replica")
    known = {sign.name for sign in KINDS["AWS/RDS"].signs}
    readings = [
        MetricReading(
            name=result["metric_name"],
            statistic=result["stat"],
            now=result["values"][-1],
            hour_ago=result["values"][0],
            lowest=min(result["values"]),
            highest=max(result["values"]),
        )
        for result in series
        if result["metric_name"] in known and result["dimensions"][0]["Value"] in (own, replica)
    ]
    events = folder / "aws_rds_events.json"
    changes = [
        ResourceChange(at=event["date"], what="RDS event", categories=event["event_categories"])
        for event in (json.loads(events.read_text())["events"] if events.exists() else [])
    ]
    resource = Resource(kind="RDS", namespace="AWS/RDS", id=own) if own else None
    now = max([datetime.fromisoformat(stamp) for result in series for stamp in result["timestamps"]], default=NOW)
    evidence = Evidence(
        same_name_last_hour=1,
        earlier=[],
        deployments=[],
        local_time=now,
        business_hours=False,
        readings=readings,
        resource=resource,
        changes=sorted(changes, key=lambda change: change.at, reverse=True),
    )
    return evidence, now


NOW = datetime(2026, 1, 1, tzinfo=UTC)


def truth(folder: Path, name: str) -> str:
    lines = (folder / "scenario.yml").read_text().splitlines()
    return next(line.partition(":")[2].strip() for line in lines if line.startswith(f"{name}:"))


def test_the_cause_of_all_rds_incidents_but_one_is_named_in_its_category_and_of_a_healthy_one_none() -> None:
    right = []
    for folder in folders("rds_postgres"):
        _, said = alert_of(folder)
        evidence, now = evidence_of(folder, said)
        found = cause.find(evidence, now)
        healthy = truth(folder, "failure_mode") == "healthy"
        named = CATEGORY.get(found.category) if found else "healthy" if cause.is_well(evidence, now) else None
        right.append(named == truth(folder, "failure_mode"))
        assert found is None or not healthy, f"{folder.name} is healthy, and the cause is {found}"
    assert len(right) >= 8
    assert right.count(False) <= 1


def test_no_cause_is_named_for_a_cluster_that_is_not_read() -> None:
    for folder in folders("eks"):
        _, said = alert_of(folder)
        evidence, now = evidence_of(folder, said)
        assert cause.find(evidence, now) is None


def test_with_a_hidden_severity_what_is_broken_pages_and_what_is_well_does_not() -> None:
    for folder in folders("rds_postgres"):
        alert, said = alert_of(folder)
        evidence, now = evidence_of(folder, said)
        incident = Incident(incident_id="i", group_key="g", opened_at=now, alert=alert, alert_count=1, hosts=[])
        verdict = classify(
            incident,
            evidence=evidence,
            rules=NO_RULES,
            offered=[],
            model=None,
            now=now + timedelta(seconds=1),
        )
        pages = SEVERITY_RANK[verdict.severity] >= PAGING_RANK
        assert pages == (truth(folder, "severity") == "critical"), (folder.name, verdict.severity, verdict.reasons)
