"""The model: heard when it talks sense, and never missed when it does not."""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext

import pytest

from firstline.models import SEVERITY_RANK
from tests.e2e.conftest import MODEL_DEADLINE_SECONDS
from tests.e2e.model import KEY, Model
from tests.e2e.running import LocalStack

VERDICT = {
    "severity": "critical",
    "cause": "A full connection pool.",
    "is_deployment_related": False,
    "can_be_remediated": False,
    "runbook_id": None,
    "confidence": 0.9,
    "summary": "Checkout has no free database connections left.",
    "first_steps": ["Look for long transactions."],
}
LATE_SECONDS = 5.0
"""For what Classify does besides asking the model, on a busy machine."""


def test_the_models_verdict_and_words_reach_people(asking: LocalStack, model: Model) -> None:
    alert = {"alert_name": "E2eModelSpeaks", "severity": "medium", "service": "checkout"}
    with model.answering(VERDICT):
        incident = asking.open("generic", alert)
        record = asking.wait_for(incident, "acknowledgement")

    assert record.classification is not None
    assert (record.classification.decided_by, record.classification.severity) == ("llm", "critical")
    page = asking.wait_told(incident, "pagerduty", "trigger")
    assert VERDICT["summary"] in page["text"]
    question = next(asked for asked in model.asked if "E2eModelSpeaks" in str(asked["messages"]))
    assert (question["key"], question["path"]) == (f"Bearer {KEY}", "/v1/chat/completions")
    asking.press(incident, "resolve")
    asking.wait_closed(incident)


@pytest.mark.parametrize(
    ("how", "broken"),
    [
        ("Gone", lambda model: nullcontext()),
        ("Hangs", Model.hanging),
        ("Babbles", Model.babbling),
    ],
)
def test_without_the_model_the_incident_goes_on_and_is_never_less_severe(
    asking: LocalStack, model: Model, how: str, broken: Callable[[Model], AbstractContextManager[None]]
) -> None:
    alert = {"alert_name": f"E2eModel{how}", "severity": "high", "service": "checkout"}
    with broken(model):
        incident = asking.open("generic", alert)
        record = asking.wait_for(incident, "acknowledgement")

    verdict = record.classification
    assert verdict is not None
    assert verdict.decided_by != "llm"
    assert any("gave no verdict" in reason for reason in verdict.reasons), verdict.reasons
    assert SEVERITY_RANK[verdict.severity] >= SEVERITY_RANK["high"]
    classify = next(visit for visit in asking.visits(incident) if visit.state == "Classify")
    assert classify.left is not None
    took = (classify.left - classify.entered).total_seconds()
    assert took < MODEL_DEADLINE_SECONDS + LATE_SECONDS, "one deadline, not several"
    asking.wait_told(incident, "pagerduty", "trigger")
    asking.press(incident, "resolve")
    asking.wait_closed(incident)
