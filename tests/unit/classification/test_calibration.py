"""The calibration of confidence: smoothed, never falling, and never with more power than was claimed."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firstline.classification.calibration import (
    BINS,
    ENOUGH,
    UNCALIBRATED,
    Calibration,
    ConfidenceTally,
    bin_of,
    decider_of,
    outcome,
    tallied,
)
from firstline.models import Feedback
from tests.support.builders import NOW, a_classification, a_live, a_record, an_alert, an_incident
from tests.support.changes import counts_for


@st.composite
def tallies(draw: st.DrawFn) -> ConfidenceTally:
    count = draw(st.lists(st.integers(0, 500), min_size=BINS, max_size=BINS))
    return ConfidenceTally(tuple(draw(st.integers(0, number)) for number in count), tuple(count))


@given(tally=tallies(), one=st.floats(0, 1), other=st.floats(0, 1))
def test_a_surer_verdict_is_never_worth_less(tally: ConfidenceTally, one: float, other: float) -> None:
    calibration = Calibration({"rules": tally})
    curve = tally.curve()
    assert len(curve) == BINS
    assert list(curve) == sorted(curve)
    assert all(0 <= value <= 1 for value in curve)
    low, high = sorted((one, other))
    assert calibration.worth("rules", low) <= calibration.worth("rules", high)
    assert calibration.trust("rules", one) <= one, "outcomes take power away, and add none"


def test_what_nobody_has_counted_is_taken_as_claimed() -> None:
    assert UNCALIBRATED.worth("rules", 0.73) == 0.73
    few = tallied([("rules", 0.9, False)] * (ENOUGH - 1))
    assert few.worth("rules", 0.9) == 0.9
    assert few.worth("history", 0.9) == 0.9


def test_from_enough_outcomes_on_they_count() -> None:
    wrong = tallied([("llm:m:3", 0.95, False)] * ENOUGH)
    assert wrong.worth("llm:m:3", 0.95) < 0.2
    right = tallied([("llm:m:3", 0.65, True)] * 100)
    assert right.worth("llm:m:3", 0.65) > 0.95
    assert right.trust("llm:m:3", 0.65) == 0.65


def test_the_share_that_was_right_is_found() -> None:
    outcomes = [("history", 0.9, number % 10 < 6) for number in range(1_000)]
    assert tallied(outcomes).worth("history", 0.9) == pytest.approx(0.6, abs=0.01)


def test_a_bin_that_contradicts_its_neighbours_is_pooled_with_them() -> None:
    outcomes = [("x", 0.65, True)] * 40 + [("x", 0.75, False)] * 40
    calibration = tallied(outcomes)
    assert calibration.worth("x", 0.65) == calibration.worth("x", 0.75) == pytest.approx(0.5, abs=0.05)


def test_tallies_add_up() -> None:
    one, other = (tallied([("x", 0.5, right)]).tallies["x"] for right in (True, False))
    assert (one + other).right[5] == 1
    assert (one + other).outcomes == 2


@pytest.mark.parametrize(("confidence", "number"), [(0, 0), (0.0999, 0), (0.1, 1), (0.95, 9), (1.0, 9)])
def test_every_confidence_has_its_bin(confidence: float, number: int) -> None:
    assert bin_of(confidence) == number


def test_another_model_or_prompt_starts_anew() -> None:
    verdict = a_classification(decided_by="llm", model="m", prompt_version="3")
    assert decider_of(verdict) == "llm:m:3"
    assert decider_of(verdict.model_copy(update={"prompt_version": "4"})) == "llm:m:4"
    assert decider_of(a_classification(decided_by="history", model="m")) == "history"


def test_a_verdict_keeps_what_was_claimed() -> None:
    calibration = tallied([("rules", 0.9, False)] * 50)
    applied = calibration.applied(a_classification(confidence=0.9, decided_by="rules"))
    assert applied.raw_confidence == 0.9
    assert applied.confidence < 0.2


def word(said: Any, severity: Any = None) -> Feedback:
    return Feedback(person="slack:U1", by="ana", said=said, severity=severity, at=NOW)


JOINED_BY = {
    "high": a_live(an_incident(an_alert(severity="medium")), own=counts_for(2, 3), judged=1),
    "critical": a_live(an_incident(an_alert(severity="medium")), own=counts_for(2, 4), judged=1),
}
"""The live half after an alert of that severity joined, which the verdict did not know of."""


@pytest.mark.parametrize(
    ("severity", "ended", "changes", "right"),
    [
        # How it ended, where that says something.
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
        # What people say goes before it.
        ("high", "resolved", {"acknowledged_at": NOW, "feedback": [word("noise")]}, False),
        ("noise", "suppressed", {"feedback": [word("noise")]}, True),
        ("noise", "suppressed", {"feedback": [word("real")]}, False),
        ("high", "expired", {"feedback": [word("noise"), word("real")]}, True),
        ("medium", "self_cleared", {"feedback": [word("wrong_severity", "low")]}, False),
        ("medium", "resolved", {"live": JOINED_BY["high"], "feedback": [word("real")]}, True),
        # Not over yet, or never classified.
        ("high", None, {"feedback": [word("real")]}, None),
    ],
)
def test_whether_a_verdict_was_right(severity: Any, ended: Any, changes: dict[str, Any], right: bool | None) -> None:
    record = a_record(
        an_incident(an_alert()), classification=a_classification(severity=severity), outcome=ended, **changes
    )
    assert outcome(record) is right


def test_what_was_never_classified_was_neither_right_nor_wrong() -> None:
    assert outcome(a_record(classification=None, outcome="resolved", acknowledged_at=NOW)) is None
