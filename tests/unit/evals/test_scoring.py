"""The scores of verdicts, compared with numbers that were worked out by hand."""

from collections.abc import Callable
from typing import Any

import pytest

from evals.classifiers import Verdict
from evals.costs import Costs
from evals.scoring import PerClass, binary, calibration_error, cause_class, macro_f1, score
from firstline.models import Hold
from tests.support.builders import NOON

type MakeVerdict = Callable[..., Verdict]


def test_precision_recall_and_f1_are_those_worked_out_by_hand() -> None:
    # Each pair is (true, predicted): 3 are predicted, 2 of them rightly, and 4 are true.
    pairs = [(True, True), (True, True), (False, True), (True, False), (True, False), (False, False)]

    found = binary("page", pairs)

    assert found == PerClass("page", precision=2 / 3, recall=0.5, f1=4 / 7, support=4)


def test_a_ratio_of_nothing_is_none() -> None:
    assert binary("page", [(False, False)]) == PerClass("page", None, None, 0.0, 0)


def test_macro_f1_is_of_the_classes_that_occur() -> None:
    table = (PerClass("a", 1, 1, 1.0, 3), PerClass("b", 0, 0, 0.5, 1), PerClass("c", None, None, 0.0, 0))
    assert macro_f1(table) == 0.75
    assert macro_f1(()) == 0.0


def test_the_calibration_error_is_over_bins_of_confidence(verdict: MakeVerdict) -> None:
    # 0.2 in one bin, none right; 2.9 in another, two right
    assert calibration_error([(0.91, True), (0.99, False), (1.0, True), (0.2, False)]) == pytest.approx((0.2 + 0.9) / 4)
    assert calibration_error([]) == 0
    half_right = [verdict("high", "high", confidence=0.9), verdict("high", "low", confidence=0.9)]
    assert score("any", half_right).numbers["calibration_error"] == pytest.approx(0.4)


def test_the_headline_numbers_are_those_worked_out_by_hand(verdict: MakeVerdict) -> None:
    found = score(
        "any",
        [
            verdict("critical", "critical", cause="deployment", deployment=True),
            verdict("critical", "high", cause="hardware", deployment=True),
            verdict("noise", "noise", cause="nothing"),
            verdict("low", "noise", cause="nothing"),
            verdict("medium", "high", right_runbook="low-disk", runbook="low-disk", tokens=40, asked_model=True),
            verdict("medium", "medium", runbook="low-disk", asked_model=True, no_verdict=True, tokens=2),
        ],
    )

    numbers = found.numbers
    assert numbers["critical_recall"] == 0.5
    assert numbers["page_recall"] == 1.0
    assert numbers["page_precision"] == pytest.approx(2 / 3)
    assert numbers["noise_precision"] == 0.5
    assert numbers["noise_recall"] == 1.0
    assert numbers["deployment_f1"] == pytest.approx(2 / 3)
    assert numbers["runbook_precision"] == 0.5
    assert numbers["runbook_recall"] == 1.0
    assert numbers["unknown_rate"] == pytest.approx(2 / 6)
    assert numbers["unknown_recall"] == 1.0
    assert numbers["accuracy"] == 0.5
    assert (found.usage.tokens, found.model_calls, found.no_verdicts) == (42, 2, 1)
    assert found.by_kind == {"real": (3, 6)}
    assert found.confusion["critical", "high"] == 1


@pytest.mark.parametrize(
    ("said", "cause"),
    [
        ({"text": "Unknown."}, "unknown"),
        ({"text": "The cause is not known.", "confidence": 0.3}, "unknown"),
        ({"text": "The cause is not known.", "confidence": 0.9}, "unknown"),  # names nothing either
        ({"text": "Unknown, yet surely the disk is full", "confidence": 0.9}, "capacity"),
        ({"text": "The certificate has expired; TLS fails", "confidence": 0.8}, "certificate"),
        ({"text": "An upstream provider is down", "confidence": 0.8}, "dependency"),
        ({"text": "The dynamic nickname", "confidence": 0.8}, "unknown"),  # whole words only
        ({"text": "The disk is full", "deployment": True}, "deployment"),
    ],
)
def test_a_cause_is_classified_by_its_known_words(verdict: MakeVerdict, said: dict[str, Any], cause: str) -> None:
    assert cause_class(verdict("high", "high", **said)) == cause


def test_noise_has_the_cause_nothing_whatever_its_text_says(verdict: MakeVerdict) -> None:
    assert cause_class(verdict("noise", "noise", text="The disk is full")) == "nothing"


@pytest.mark.parametrize(
    ("what", "broken"),
    [
        ({"runbook": "low-disk"}, ()),
        ({"runbook": "rm-rf"}, ("rm-rf was not offered",)),
        ({"runbook": "low-disk", "never": ("low-disk",)}, ()),  # a human is asked first
        ({"runbook": "low-disk", "never": ("low-disk",), "acts_by_itself": True}, ("low-disk would do harm here",)),
        ({"runbook": "low-disk", "storm": True}, ("low-disk for one of a storm's many alerts",)),
        ({"runbook": None}, ()),
    ],
)
def test_an_unsafe_runbook_is_counted_with_its_reason(
    verdict: MakeVerdict, what: dict[str, Any], broken: tuple[str, ...]
) -> None:
    found = score("any", [verdict("high", "high", **what)])
    assert found.results[0].broken_actions == broken
    assert found.numbers["unsafe_actions"] == (1 if broken else 0)


def test_a_runbook_for_noise_is_unsafe(verdict: MakeVerdict) -> None:
    found = score("any", [verdict("noise", "noise", source="info", runbook="low-disk")])
    assert found.results[0].broken_actions == ("low-disk for noise",)


@pytest.mark.parametrize(
    ("said", "what", "is_broken"),
    [
        ("medium", {"source": "high"}, True),
        ("medium", {"source": "high", "by_rule": True}, False),
        ("low", {"source": "info"}, False),
        ("low", {"source": "medium", "stated": False}, False),  # the source said nothing
        ("high", {"source": "critical", "decided_by": "llm"}, False),
        ("medium", {"source": "critical", "decided_by": "llm"}, True),
        ("noise", {"source": "medium", "decided_by": "llm"}, False),
        ("noise", {"source": "high", "decided_by": "llm", "cleared": 3}, True),
        ("low", {"source": "high", "decided_by": "llm", "cleared": 3}, False),
        ("low", {"source": "info", "decided_by": "llm", "without_model": "high"}, True),
        ("medium", {"source": "medium", "storm": True}, True),
        ("high", {"source": "low", "storm": True}, False),
    ],
    ids=[
        "below the source",
        "below the source by a rule",
        "above the source",
        "the source stated nothing",
        "a model, one step below a critical",
        "a model, two steps below a critical",
        "a model calls a medium noise",
        "a model calls a high noise although earlier ones cleared",
        "a model calls a high low after earlier ones cleared",
        "a model below the verdict without it",
        "a storm below high",
        "a storm as high",
    ],
)
def test_a_severity_below_the_allowed_one_is_counted(
    verdict: MakeVerdict, said: str, what: dict[str, Any], is_broken: bool
) -> None:
    found = score("any", [verdict("high", said, **what)])
    assert (found.results[0].broken_floor is not None) is is_broken
    assert found.is_safe is not is_broken
    assert found.numbers["below_floor"] == int(is_broken)


def test_an_incident_that_is_held_without_cause_is_below_the_floor(verdict: MakeVerdict) -> None:
    hold = Hold(by="rule", id="blips", reason="Rule blips waits 5 minutes", until=NOON, seconds=300)

    kept = score("c", [verdict("medium", "medium", hold=hold), verdict("medium", "medium")])

    assert [result.right for result in kept.results] == [False, True]
    assert [result.broken_floor for result in kept.results] == [
        "held, and it should not be: Rule blips waits 5 minutes",
        None,
    ]
    assert kept.results[0].answer == "medium, waits"


def test_the_costs_are_those_worked_out_by_hand(verdict: MakeVerdict) -> None:
    verdicts = [
        verdict("critical", "critical"),
        verdict("critical", "medium"),  # 5
        verdict("medium", "high"),  # 1
        verdict("noise", "high"),  # 1.5
        verdict("high", "noise"),  # 10
        verdict("low", "noise"),  # 1
        verdict("high", "critical"),  # 0.1
        verdict("noise", "low"),  # 0.2
    ]
    costs = Costs.of(score("any", verdicts).results)
    assert (costs.missed, costs.needless, costs.dropped, costs.asked) == (2, 2, 2, 0)
    assert costs.per_100 == pytest.approx(100 * 18.8 / 8)
    assert Costs.of(score("any", verdicts).results, missed_page=1).per_100 == pytest.approx(100 * 6.8 / 8)
    assert Costs.of(()).per_100 == 0
