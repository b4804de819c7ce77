"""Similar incidents of other groups as a hint: they count less than a group's own past."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest

from firstline.classification.classify import classify
from firstline.classification.history import opinion
from firstline.models import EarlierIncident, Evidence, Incident, SimilarIncident
from firstline.policy.rules import NO_RULES

type Alike = Callable[..., list[SimilarIncident]]


@pytest.fixture
def alike(ended: Callable[..., list[EarlierIncident]]) -> Alike:
    """Make similar incidents of another group that ended with these outcomes."""

    def make(*outcomes: str, score: float = 0.9, **changes: Any) -> list[SimilarIncident]:
        known = [
            incident.model_copy(update={"alert_name": "HeapFull", "service": "search"})
            for incident in ended(*outcomes, **changes)
        ]
        return [SimilarIncident(incident=incident, score=score) for incident in known]

    return make


@pytest.mark.parametrize(
    ("source", "outcomes", "what", "at_least"),
    [
        ("low", ("resolved", "resolved"), {}, "medium"),
        ("info", ("resolved", "resolved", "self_cleared"), {"severity": "critical"}, "medium"),  # and nobody is woken
        ("low", ("resolved", "self_cleared"), {}, None),
        ("low", ("resolved", "resolved"), {"severity": "low"}, None),
        ("low", ("resolved", "resolved"), {"score": 0.5}, None),  # not like enough
        ("low", ("resolved", "resolved"), {"days": 20}, None),  # too long ago
        ("medium", ("resolved", "resolved"), {"severity": "critical"}, None),
    ],
)
def test_similar_incidents_that_needed_a_human_raise_an_alert_to_medium(
    source: Any,
    outcomes: tuple[str, ...],
    what: dict[str, Any],
    at_least: str | None,
    alike: Alike,
    evidence: Callable[..., Evidence],
    now: datetime,
) -> None:
    past = opinion(evidence(similar=alike(*outcomes, **what)), source, now)
    assert past.at_least == at_least
    if at_least:
        assert past.because == f"2 of {len(outcomes)} similar incidents needed a human"


def test_a_groups_own_past_counts_instead_of_similar_incidents(
    alike: Alike, ended: Callable[..., list[EarlierIncident]], evidence: Callable[..., Evidence], now: datetime
) -> None:
    known = evidence(
        similar=alike("resolved", "resolved"), earlier=ended("self_cleared", "self_cleared", "self_cleared")
    )
    assert opinion(known, "low", now).at_least is None


@pytest.mark.parametrize("source", ["critical", "high", "medium", "low", "info"])
def test_similar_incidents_that_came_to_nothing_lower_no_severity(
    source: str, alike: Alike, incident: Callable[..., Incident], evidence: Callable[..., Evidence], now: datetime
) -> None:
    quiet = evidence(similar=alike("suppressed", "self_cleared", "self_cleared", "self_cleared", "suppressed"))
    verdict = classify(incident(severity=source), evidence=quiet, rules=NO_RULES, offered=[], model=None, now=now)
    assert verdict.severity == ("low" if source == "info" else source)
    past = opinion(quiet, "info", now)
    assert (past.usually_nothing, past.clears_itself) == (None, None)


def test_a_runbook_that_cured_similar_incidents_is_chosen_unless_another_cured_this_group(
    alike: Alike,
    incident: Callable[..., Incident],
    evidence: Callable[..., Evidence],
    ended: Callable[..., list[EarlierIncident]],
    offered: Any,
    now: datetime,
) -> None:
    known = {"similar": alike("auto_resolved", "auto_resolved", runbook_id="low-disk")}
    verdict = classify(incident(), evidence=evidence(**known), rules=NO_RULES, offered=offered, model=None, now=now)
    assert verdict.runbook_id == "low-disk"
    assert "Runbook low-disk cured similar incidents 2 times before." in verdict.reasons
    assert verdict.first_steps[0] == "A similar incident (HeapFull of search), yesterday, ended cured by a runbook"

    own = evidence(**known, earlier=ended("auto_resolved", runbook_id="high-memory"))
    verdict = classify(incident(), evidence=own, rules=NO_RULES, offered=offered, model=None, now=now)
    assert verdict.runbook_id == "high-memory"
