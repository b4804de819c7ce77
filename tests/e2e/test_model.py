"""The model: heard when it talks sense, and never missed when it does not."""

from collections.abc import Callable
from contextlib import AbstractContextManager

import pytest

from firstline.models import SEVERITY_RANK, Classification
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
    "cites": ["alert"],
}
FIRST = ("E2eModelIsHeard", "E2eModelIsHeardAgain", "E2eModelIsHeardOnceMore", "E2eModelIsHeardAtLast")
"""Other words each time: what somebody resolved is remembered, and no model is asked about the same."""


@pytest.fixture(scope="module", autouse=True)
def _client_is_imported(stacks: dict[str, LocalStack], model: Model) -> None:
    """Ask until the model is heard: a new process imports its client within the first deadline, maybe all of it."""
    stacks["asking"].set_secret("llm/api-key", KEY)
    with model.answering(VERDICT):
        for name in FIRST:
            incident, verdict = _classified(stacks["asking"], name, severity=None)
            _resolve(stacks["asking"], incident)
            if verdict.model is not None:
                return


def test_the_models_verdict_and_words_reach_people(asking: LocalStack, model: Model) -> None:
    with model.answering(VERDICT):
        incident, verdict = _classified(asking, "E2eModelSpeaks", severity=None)

    assert (verdict.decided_by, verdict.severity) == ("llm", "critical"), verdict.reasons
    assert any("the model guesses so" in reason for reason in verdict.reasons), verdict.reasons
    page = asking.wait_told(incident, "pagerduty", "trigger")
    assert VERDICT["summary"] in page["text"]
    question = next(asked for asked in model.asked if "E2eModelSpeaks" in str(asked["messages"]))
    assert (question["key"], question["path"]) == (f"Bearer {KEY}", "/v1/chat/completions")
    _resolve(asking, incident)


@pytest.mark.parametrize(
    ("how", "broken", "asked"),
    [
        ("Gone", Model.gone, 0),
        ("Hangs", Model.hanging, 1),
        ("Babbles", Model.babbling, 1),
    ],
)
def test_without_the_model_the_incident_goes_on_no_less_severe_and_later_ones_ask_it_again(
    asking: LocalStack, model: Model, how: str, broken: Callable[[Model], AbstractContextManager[None]], asked: int
) -> None:
    with broken(model):
        incident, verdict = _classified(asking, f"E2eModel{how}", severity="high")

    assert verdict.decided_by != "llm"
    assert any("gave no verdict" in reason for reason in verdict.reasons), verdict.reasons
    assert SEVERITY_RANK[verdict.severity] >= SEVERITY_RANK["high"]
    asking.wait_told(incident, "pagerduty", "trigger")
    questions = [question for question in model.asked if incident.split("-")[0] in str(question["messages"])]
    assert len(questions) == asked, "a server in trouble is not asked again and again"
    _resolve(asking, incident)

    # Once the model answers again, it is asked again. That ends a row of failures, which would open its circuit.
    before = len(model.asked)
    incident, _ = _classified(asking, f"E2eModel{how}NoMore", severity="high")
    assert len(model.asked) > before
    _resolve(asking, incident)


def _classified(asking: LocalStack, alert_name: str, *, severity: str | None) -> tuple[str, Classification]:
    stated = {} if severity is None else {"severity": severity}
    incident = asking.open("generic", {"alert_name": alert_name, "service": "checkout", **stated})
    verdict = asking.wait(incident, "is classified", lambda record: record.classification is not None).classification
    assert verdict is not None
    return incident, verdict


def _resolve(asking: LocalStack, incident: str) -> None:
    asking.press(incident, "resolve")
    asking.wait_closed(incident)
