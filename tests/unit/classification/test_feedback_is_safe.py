"""The limits of people's answers: they never lower a critical alert, and never hide a real alert."""

from datetime import timedelta
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from firstline.classification import memory
from firstline.classification.case import Case
from firstline.classification.classify import classify
from firstline.classification.feedback import called_real
from firstline.classification.templates import template_of
from firstline.models import SEVERITY_RANK, EarlierIncident, Evidence, Feedback, Incident, Severity
from firstline.policy.rules import NO_RULES
from tests.support.depth import tries

from .conftest import NOW

SEVERITIES: list[Severity] = ["critical", "high", "medium", "low", "noise"]
OUTCOMES = ["suppressed", "self_cleared", "auto_resolved", "resolved", "expired"]


@st.composite
def words(draw: st.DrawFn) -> Feedback:
    said = draw(st.sampled_from(["real", "noise", "wrong_severity", "wrong_cause"]))
    return Feedback(
        person=f"slack:U{draw(st.integers(0, 3))}",
        by="somebody",
        said=said,
        severity=draw(st.sampled_from(SEVERITIES)) if said == "wrong_severity" else None,
        at=NOW,
    )


@st.composite
def pasts(draw: st.DrawFn, incident: Incident, evidence: Evidence) -> list[EarlierIncident]:
    """Draw earlier incidents with the same words and circumstances, so that memory may use their verdicts."""
    return [
        EarlierIncident(
            incident_id=f"earlier-{number}",
            opened_at=NOW - timedelta(days=number + 1),
            closed_at=NOW - timedelta(days=number + 1) + timedelta(minutes=5),
            severity=draw(st.sampled_from(SEVERITIES)),
            outcome=draw(st.sampled_from(OUTCOMES)),
            feedback=draw(st.lists(words(), max_size=4)),
            note=draw(st.one_of(st.none(), st.text(max_size=50))),
            group_key=incident.group_key,
            template=template_of(incident.alert),
            evidence_class=memory.evidence_class(Case.of(incident, evidence, NO_RULES, NOW)),
        )
        for number in range(draw(st.integers(0, 8)))
    ]


@settings(max_examples=tries(300), suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_no_answers_of_people_break_the_guardrails(
    incident: Any, evidence: Any, judged: Any, model: Any, data: st.DataObject
) -> None:

    source = data.draw(st.sampled_from(["critical", "high", "medium", "low", "info"]), "source")
    now_burning = incident(severity=source)
    past = data.draw(pasts(now_burning, evidence()), "past")
    said = data.draw(st.sampled_from(SEVERITIES), "said")
    says = judged(severity=said, confidence=data.draw(st.floats(0, 1)))

    alone, advised = (
        classify(now_burning, evidence=evidence(earlier=past), rules=NO_RULES, offered=(), model=asked, now=NOW)
        for asked in (None, model(says))
    )

    assert SEVERITY_RANK[alone.severity] >= SEVERITY_RANK[source], "people's words raise; alone they lower nothing"
    if source == "critical":
        assert SEVERITY_RANK[advised.severity] >= SEVERITY_RANK["high"]
    if source == "high":
        assert advised.severity != "noise"
        cleared = sum(incident.outcome == "self_cleared" and not called_real(incident.feedback) for incident in past)
        assert SEVERITY_RANK[advised.severity] >= SEVERITY_RANK["high"] or cleared >= 3
    if advised.severity == "noise" and source != "info":
        assert said == "noise" or any(incident.severity == "noise" for incident in past), (
            "people's words alone silence nothing"
        )
    if any(incident.outcome == "suppressed" and called_real(incident.feedback) for incident in past):
        assert "noise" not in (alone.severity, advised.severity), "somebody said that one of these was real"
