"""Late evidence: an alert that pages by its source's own severity is paged first, and its evidence is added after."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import pytest

from firstline.classification import late_evidence
from firstline.classification.classify import classify
from firstline.errors import MetricsUnavailable
from firstline.models import (
    AlarmEvidence,
    Evidence,
    Incident,
    MetricReading,
    MetricSeries,
    NormalizedAlert,
    OwnerTags,
    Resource,
)
from firstline.policy.rules import NO_RULES
from tests.support.classification_fixtures import NOW

STORAGE_IS_FULL = AlarmEvidence(
    resource=Resource(kind="RDS", namespace="AWS/RDS", id="orders", state="storage-full"),
    readings=[MetricReading(name="FreeStorageSpace", now=0.4 * 2**30, hour_ago=13 * 2**30)],
    metric=MetricSeries(label="free", period_seconds=60, values=[1.0], ends_at=NOW),
    tags=OwnerTags(team="core"),
    missing=["the resource's metrics a week ago could not be read: throttled"],
)


@dataclass
class Alarms:
    """A reader of alarms that answers with `seen`, or raises it, and records the alerts that it was asked about."""

    seen: AlarmEvidence | Exception | None = None
    asked: list[str] = field(default_factory=list)

    def covers(self, alert: NormalizedAlert) -> bool:
        return alert.source == "cloudwatch"

    def around(self, alert: NormalizedAlert, moment: datetime, now: datetime) -> AlarmEvidence | None:
        self.asked.append(alert.alert_name)
        if isinstance(self.seen, Exception):
            raise self.seen
        return self.seen


@pytest.mark.parametrize(
    ("due", "alert", "paged"),
    [
        (True, {"severity": "critical"}, False),
        (True, {"severity": "high"}, False),
        (False, {"severity": "critical"}, True),
        (False, {"severity": "medium"}, False),
        (False, {"severity": "critical", "severity_stated": False}, False),
        (False, {"severity": "critical", "source": "prometheus"}, False),
    ],
)
def test_evidence_of_an_alarm_that_states_high_or_critical_waits_for_its_page(
    incident: Callable[..., Incident], due: bool, alert: dict[str, Any], paged: bool
) -> None:
    assert late_evidence.is_due(incident(**{"source": "cloudwatch", **alert}), Alarms(), paged=paged) == due


@pytest.fixture
def first(incident: Callable[..., Incident], evidence: Callable[..., Evidence]) -> Any:
    """Return a critical incident, and the verdict by which it was paged before its evidence was read."""
    opened = incident(source="cloudwatch", severity="critical")
    verdict = classify(opened, evidence=evidence(), rules=NO_RULES, offered=[], model=None, now=NOW)
    return opened, verdict.model_copy(update={"evidence_due": True})


def test_after_the_page_the_verdict_has_its_evidence_and_its_cause(first: Any) -> None:
    incident, verdict = first
    added = late_evidence.with_evidence(verdict, incident, Alarms(STORAGE_IS_FULL), NOW + timedelta(seconds=2))
    assert added.cause.startswith("The storage of the database is full")
    assert added.evidence == [
        "RDS orders: storage-full, free storage 0.4 GiB (1 h ago 13 GiB)",
        "Tagged: team core",
    ]
    assert added.series == STORAGE_IS_FULL.metric
    assert not added.evidence_due
    assert added.reasons == [*verdict.reasons, *STORAGE_IS_FULL.missing]
    same = {"cause", "evidence", "evidence_due", "reasons", "series"}
    assert added.model_dump(exclude=same) == verdict.model_dump(exclude=same)


def test_late_evidence_does_not_replace_a_models_cause(first: Any) -> None:
    incident, verdict = first
    told = verdict.model_copy(update={"model": "m", "cause": "A leak."})
    assert late_evidence.with_evidence(told, incident, Alarms(STORAGE_IS_FULL), NOW).cause == "A leak."


@pytest.mark.parametrize("seen", [None, MetricsUnavailable("throttled")])
def test_evidence_that_could_not_be_read_after_the_page_is_no_longer_due(first: Any, seen: Any) -> None:
    incident, verdict = first
    added = late_evidence.with_evidence(verdict, incident, Alarms(seen), NOW)
    assert (added.evidence_due, added.evidence, added.cause) == (False, [], verdict.cause)


def test_evidence_that_was_added_is_not_read_again(first: Any) -> None:
    incident, verdict = first
    alarms = Alarms(STORAGE_IS_FULL)
    added = late_evidence.with_evidence(verdict, incident, alarms, NOW)
    assert late_evidence.with_evidence(added, incident, alarms, NOW) is added
    assert alarms.asked == ["HighMemory"]
