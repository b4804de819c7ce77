"""Whatever people say of earlier incidents: nobody talks a critical alert down, and no real one stays hidden."""

from datetime import timedelta
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from firstline.classification.rules import NO_RULES
from firstline.classification.verdict import classify
from firstline.feedback import called_real
from firstline.models import SEVERITY_RANK, EarlierIncident, Feedback, Severity

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
def pasts(draw: st.DrawFn) -> list[EarlierIncident]:
    return [
        EarlierIncident(
            incident_id=f"earlier-{number}",
            opened_at=NOW - timedelta(days=number + 1),
            closed_at=NOW - timedelta(days=number + 1) + timedelta(minutes=5),
            severity=draw(st.sampled_from(SEVERITIES)),
            outcome=draw(st.sampled_from(OUTCOMES)),
            feedback=draw(st.lists(words(), max_size=4)),
            note=draw(st.one_of(st.none(), st.text(max_size=50))),
        )
        for number in range(draw(st.integers(0, 8)))
    ]


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_no_history_of_words_breaks_the_invariants(
    incident: Any, evidence: Any, judged: Any, model: Any, data: st.DataObject
) -> None:
    """With a model that says what it likes, and without one."""
    source = data.draw(st.sampled_from(["critical", "high", "medium", "low", "info"]), "source")
    past = data.draw(pasts(), "past")
    says = judged(severity=data.draw(st.sampled_from(SEVERITIES)), confidence=data.draw(st.floats(0, 1)))

    alone, advised = (
        classify(
            incident(severity=source), evidence=evidence(earlier=past), rules=NO_RULES, offered=(), model=one, now=NOW
        )
        for one in (None, model(says))
    )

    assert SEVERITY_RANK[alone.severity] >= SEVERITY_RANK[source], "people's words raise; alone they lower nothing"
    if source == "critical":
        assert SEVERITY_RANK[advised.severity] >= SEVERITY_RANK["high"]
    if source == "high":
        assert advised.severity != "noise"
        cleared = sum(one.outcome == "self_cleared" and not called_real(one.feedback) for one in past)
        assert SEVERITY_RANK[advised.severity] >= SEVERITY_RANK["high"] or cleared >= 3
    if any(one.outcome == "suppressed" and called_real(one.feedback) for one in past):
        assert "noise" not in (alone.severity, advised.severity), "somebody said that one of these was real"
