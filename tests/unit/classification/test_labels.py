"""The labels of closed incidents: the right verdict by people's answers or by the end, and a model's disagreements."""

from typing import Any

import pytest

from firstline.classification.earned_say import Label
from firstline.classification.labels import decider_of, disagreement, label_of, outcome
from firstline.models import Feedback, Stance
from tests.support.builders import NOW, a_classification, a_live, a_plan, a_record, a_result, an_alert, an_incident
from tests.support.changes import counts_for


def test_each_model_with_its_prompt_is_measured_by_itself() -> None:
    verdict = a_classification(decided_by="llm", model="m", prompt_version="3")
    assert decider_of(verdict) == "llm:m:3"
    assert decider_of(verdict.model_copy(update={"prompt_version": "4"})) == "llm:m:4"
    assert decider_of(a_classification(decided_by="history", model="m")) == "history"


def word(said: Any, severity: Any = None) -> Feedback:
    return Feedback(person="slack:U1", by="ana", said=said, severity=severity, at=NOW)


JOINED_BY = {
    "high": a_live(an_incident(an_alert(severity="medium")), own=counts_for(2, 3), judged=1),
    "critical": a_live(an_incident(an_alert(severity="medium")), own=counts_for(2, 4), judged=1),
}
"""The live half of a medium incident after an alert of this severity joined that its verdict does not cover."""


@pytest.mark.parametrize(
    ("severity", "ended", "changes", "right"),
    [
        # The end proves the verdict, or does not.
        ("high", "resolved", {"acknowledged_at": NOW}, True),
        ("critical", "resolved", {"acknowledged_at": NOW}, True),
        ("high", "resolved", {}, None),
        ("high", "expired", {}, None),
        ("medium", "resolved", {}, True),
        ("low", "resolved", {}, None),
        ("medium", "auto_resolved", {}, True),
        ("medium", "self_cleared", {}, None),
        ("low", "self_cleared", {}, True),
        ("noise", "suppressed", {}, None),
        ("medium", "resolved", {"live": JOINED_BY["critical"]}, False),
        ("critical", "resolved", {"live": JOINED_BY["critical"], "acknowledged_at": NOW}, True),
        # People's answers count before the end.
        ("high", "resolved", {"acknowledged_at": NOW, "feedback": [word("noise")]}, False),
        ("noise", "suppressed", {"feedback": [word("noise")]}, True),
        ("noise", "suppressed", {"feedback": [word("real")]}, False),
        ("high", "expired", {"feedback": [word("noise"), word("real")]}, True),
        ("medium", "self_cleared", {"feedback": [word("wrong_severity", "low")]}, False),
        ("medium", "resolved", {"live": JOINED_BY["high"], "feedback": [word("real")]}, True),
        # The incident is still open.
        ("high", None, {"feedback": [word("real")]}, None),
    ],
)
def test_a_verdict_was_right_by_peoples_answers_or_else_by_how_the_incident_ended(
    severity: Any, ended: Any, changes: dict[str, Any], right: bool | None
) -> None:
    record = a_record(
        an_incident(an_alert()), classification=a_classification(severity=severity), outcome=ended, **changes
    )
    assert outcome(record) is right


def test_an_incident_that_was_never_classified_was_neither_right_nor_wrong() -> None:
    assert outcome(a_record(classification=None, outcome="resolved", acknowledged_at=NOW)) is None


MEDIUM, HIGH = Stance(severity="medium"), Stance(severity="high")


def _label(verdict: dict[str, Any], **changes: Any) -> Label:
    return label_of(a_record(an_incident(an_alert()), classification=a_classification(**verdict), **changes))


def test_people_say_the_right_severity_unless_they_disagree() -> None:
    said = [word("wrong_severity", "low")]
    assert _label({"severity": "high"}, outcome="resolved", feedback=said).severity == "low"
    assert _label({"severity": "high"}, outcome="resolved", feedback=[*said, _other("critical")]).severity is None


def test_the_end_proves_the_severity_that_stood_without_the_model() -> None:
    ended = {"outcome": "resolved", "acknowledged_at": NOW}
    assert _label({"severity": "high"}, **ended).severity == "high"
    assert _label({"severity": "high", "without_model": HIGH, "model_says": MEDIUM}, **ended).severity == "high"


def test_a_page_that_only_the_model_wanted_is_not_proven_by_who_took_it() -> None:
    raised = {"severity": "high", "without_model": MEDIUM, "model_says": HIGH}
    assert _label(raised, outcome="resolved", acknowledged_at=NOW).severity is None
    assert _label(raised, outcome="resolved", feedback=[word("real")]).severity == "high"


@pytest.mark.parametrize(
    ("ended", "risk", "cured_by", "failed"),
    [
        ("auto_resolved", "safe", "free-disk-space", None),
        ("resolved", "safe", None, "free-disk-space"),
        ("resolved", "read_only", None, None),
    ],
)
def test_a_runbook_that_acted_is_judged_by_the_end(
    ended: Any, risk: Any, cured_by: str | None, failed: str | None
) -> None:
    plan = a_plan(runbook_id="free-disk-space", risk=risk)
    label = _label({}, outcome=ended, plan=plan, results=[a_result()])
    assert (label.cured_by, label.failed) == (cured_by, failed)


def test_a_runbook_that_never_ran_proves_nothing() -> None:
    label = _label({}, outcome="resolved", plan=a_plan())
    assert (label.cured_by, label.failed) == (None, None)


def test_a_blame_is_right_unless_people_call_the_cause_wrong() -> None:
    blames = {"is_deployment_related": True}
    assert _label(blames, outcome="resolved", feedback=[word("wrong_cause")]).blame is False
    assert _label(blames, outcome="resolved", feedback=[word("real")]).blame is True
    assert _label(blames, outcome="resolved").blame is None
    assert _label({}, outcome="resolved", feedback=[word("wrong_cause")]).blame is None


def test_a_disagreement_is_a_verdict_of_the_model_that_differs_from_the_one_without_it() -> None:
    def found(**verdict: Any) -> object:
        return disagreement(a_record(classification=a_classification(**verdict), outcome="resolved"))

    assert found() is None
    assert found(without_model=MEDIUM, model_says=MEDIUM) is None
    assert found(without_model=MEDIUM, model_says=HIGH, model="m", prompt_version="3") is not None


def _other(severity: Any) -> Feedback:
    return Feedback(person="slack:U2", by="bo", said="wrong_severity", severity=severity, at=NOW)
