"""What the past says: five outcomes in, an opinion out."""

from collections.abc import Callable
from datetime import datetime

import pytest

from firstline.classification.history import opinion
from firstline.models import EarlierIncident, Evidence, Outcome, Severity, SourceSeverity


@pytest.mark.parametrize(
    ("outcomes", "usually_nothing", "clears_itself"),
    [
        ((), False, False),
        (("self_cleared", "self_cleared"), False, False),
        (("self_cleared", "self_cleared", "self_cleared"), True, True),
        (("suppressed", "suppressed", "self_cleared"), True, False),
        (("suppressed",) * 5, True, False),
        (("resolved", "self_cleared", "resolved", "self_cleared", "self_cleared"), True, True),
        # Only the last five count: the pattern has ended.
        (("resolved", "resolved", "resolved", "self_cleared", "self_cleared", "self_cleared"), False, False),
        (("expired", "auto_resolved", "auto_resolved"), False, False),
    ],
)
def test_what_usually_comes_of_it(
    outcomes: tuple[Outcome, ...],
    usually_nothing: bool,
    clears_itself: bool,
    ended: Callable[..., list[EarlierIncident]],
    evidence: Callable[..., Evidence],
    now: datetime,
) -> None:
    past = opinion(evidence(earlier=ended(*outcomes)), "medium", now)
    assert (past.usually_nothing is not None) is usually_nothing
    assert (past.clears_itself is not None) is clears_itself


@pytest.mark.parametrize(("decided", "usually_nothing"), [("low", True), ("medium", False), ("high", False)])
def test_what_nobody_heeded_comes_to_nothing_only_if_it_was_low(
    decided: Severity,
    usually_nothing: bool,
    ended: Callable[..., list[EarlierIncident]],
    evidence: Callable[..., Evidence],
    now: datetime,
) -> None:
    past = opinion(evidence(earlier=ended("expired", "expired", "expired", severity=decided)), "info", now)
    assert (past.usually_nothing is not None) is usually_nothing
    assert past.clears_itself is None


@pytest.mark.parametrize(
    ("source", "decided", "at_least"),
    [("medium", "high", "high"), ("high", "high", None), ("critical", "high", None), ("info", "low", "low")],
)
def test_people_had_to_act(
    source: SourceSeverity,
    decided: Severity,
    at_least: Severity | None,
    ended: Callable[..., list[EarlierIncident]],
    evidence: Callable[..., Evidence],
    now: datetime,
) -> None:
    earlier = ended("resolved", "resolved", "self_cleared", "resolved", severity=decided)
    assert opinion(evidence(earlier=earlier), source, now).at_least == at_least


def test_the_lowest_of_the_severities_that_people_acted_on_counts(
    ended: Callable[..., list[EarlierIncident]], evidence: Callable[..., Evidence], now: datetime
) -> None:
    severities: tuple[Severity, ...] = ("critical", "medium", "high")
    earlier = [
        one.model_copy(update={"severity": severity})
        for one, severity in zip(ended("resolved", "resolved", "resolved"), severities, strict=True)
    ]
    assert opinion(evidence(earlier=earlier), "low", now).at_least == "medium"


def test_what_is_older_than_a_month_is_no_evidence(
    ended: Callable[..., list[EarlierIncident]], evidence: Callable[..., Evidence], now: datetime
) -> None:
    past = opinion(evidence(earlier=ended(*["self_cleared"] * 5, days=31)), "info", now)
    assert past.usually_nothing is None


def test_cures_are_counted(
    ended: Callable[..., list[EarlierIncident]], evidence: Callable[..., Evidence], now: datetime
) -> None:
    earlier = ended("auto_resolved", "resolved", "auto_resolved", runbook_id="low-disk")
    assert opinion(evidence(earlier=earlier), "high", now).cures == {"low-disk": 2}


def test_the_reason_counts_in_words(
    ended: Callable[..., list[EarlierIncident]], evidence: Callable[..., Evidence], now: datetime
) -> None:
    past = opinion(evidence(earlier=ended("self_cleared", "resolved", "self_cleared", "self_cleared")), "low", now)
    assert past.clears_itself == "3 of the last 4 incidents of this group cleared by themselves"
