"""The sentence that people read, from how a state ended."""

from typing import Any

import pytest

from firstline.contracts import ErrorOutput, Observed
from firstline.people.reasons import sentence
from tests.unit.remediation.test_next_move import plan


def error(state: str, name: str, cause: str = "") -> Observed:
    return Observed(state=state, error=ErrorOutput(Error=name, Cause=cause))


def result(state: str, value: dict[str, Any]) -> Observed:
    return Observed(state=state, result=value)


@pytest.mark.parametrize(
    ("happened", "expected"),
    [
        (
            error("Classify", "HistoryUnavailable"),
            "Classify failed (HistoryUnavailable): nobody knows yet how bad this is.",
        ),
        (error("Plan Remediation", "KeyError"), "Plan Remediation failed (KeyError)."),
        (
            error("Request Approval", "ChannelFailed"),
            "Nobody could be asked to approve Unstick a queue (ChannelFailed).",
        ),
        (error("Ask For Approval", "States.Timeout"), "Nobody decided on Unstick a queue in time."),
        (error("Ask For Approval", "DynamoDb.X"), "Ask For Approval failed (DynamoDb.X)."),
        (error("Await Resolution", "States.Timeout"), "Nobody resolved it in time, and the alert did not either."),
        (error("Hold", "Worsened", "It got worse: so it did."), "It got worse: so it did."),
        (result("Ask For Approval", {"signal": "refused", "by": "grace"}), "Unstick a queue: refused by grace."),
        (result("Await Resolution", {"signal": "resolved", "by": "ada"}), "Resolved by ada."),
        (result("Read Incident", {"resolved_by": {"S": "ada"}}), "Resolved by ada."),
        (
            result("Read Incident", {"worsened_to": {"S": "critical"}}),
            "It got worse: an alert of severity critical joined.",
        ),
        (
            result("Read Incident", {"resolved_by": {"S": "ada"}, "worsened_to": {"S": "critical"}}),
            "Resolved by ada.",
        ),
    ],
)
def test_how_a_state_ended_in_words(happened: Observed, expected: str) -> None:
    assert sentence(happened, plan()) == expected
