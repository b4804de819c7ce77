"""The sentences that tell people how the last state of an execution ended."""

from typing import Any

import pytest

from firstline.contracts import ErrorOutput, NotifyOpsInput, Observed
from firstline.incidents.reasons import sentence, with_its_reason
from tests.support.builders import incident
from tests.unit.remediation.moves import plan


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
        (error("What Now?", "Lambda.Unknown"), "The incident's record could not be read (Lambda.Unknown)"),
        (error("Notify Ops", "ChannelFailed", "a stack trace"), "Slack is down"),
        (error("Notify Ops", "KeyError"), "Notify Ops failed (KeyError)."),
        (error("Await Resolution", "States.Timeout"), "Nobody resolved it in time, and the alert did not either."),
        (error("Await Acknowledgement", "States.Timeout"), "Nobody acknowledged it in time."),
        (result("Await Resolution", {"signal": "refused", "by": "grace"}), "Unstick a queue: refused by grace."),
        (result("Await Acknowledgement", {"signal": "approved", "by": "ada"}), "Unstick a queue: approved by ada."),
        (result("Await Resolution", {"signal": "resolved", "by": "ada"}), "Resolved by ada."),
        (result("Await Resolution", {"signal": "escalated", "by": "ada"}), "Escalated by ada."),
        (result("Hold", {"signal": "go on", "by": "a silence was ended"}), "Hold ended."),
        (result("Close Incident", {}), "Close Incident ended."),
        (Observed(state="Await Quiet", result="anything"), "Await Quiet ended."),
    ],
)
def test_a_sentence_says_how_a_state_ended(happened: Observed, expected: str) -> None:
    assert sentence(happened, plan()).startswith(expected)


@pytest.mark.parametrize(
    ("happened", "expected"),
    [
        (None, "A disk is full."),
        # These ends are no reason: the event keeps its own.
        (Observed(state="Classify"), "A disk is full."),
        (error("Hold", "States.Timeout"), "A disk is full."),
        (error("Await Acknowledgement", "States.Timeout"), "A disk is full."),
        (error("Await Quiet", "States.Timeout"), "A disk is full."),
        (result("Await Resolution", {"signal": "joined", "by": "the sender"}), "A disk is full."),
        (result("Await Acknowledgement", {"signal": "ended", "by": "the sender"}), "A disk is full."),
        (result("Hold", {"signal": "go on", "by": "somebody"}), "A disk is full."),
        (error("Classify", "KeyError"), "Classify failed (KeyError): nobody knows yet how bad this is."),
        (error("Hold", "DynamoDb.X"), "Hold failed (DynamoDb.X)."),
        (error("Await Resolution", "States.Timeout"), "Nobody resolved it in time, and the alert did not either."),
        (result("Await Resolution", {"signal": "resolved", "by": "ada"}), "Resolved by ada."),
    ],
)
def test_people_read_why_the_last_state_ended_only_if_that_is_the_reason(
    happened: Observed | None, expected: str
) -> None:
    event = NotifyOpsInput(
        state="Notify Ops", incident=incident(), results=[], reason="A disk is full.", happened=happened
    )
    assert with_its_reason(event).reason == expected
