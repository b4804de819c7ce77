"""The gate against regressions: verdicts without a model may not get worse than the baseline.

`make eval ARGS=--accept` accepts new results as the baseline.
"""

import re
from pathlib import Path

import pytest

from evals import baseline, console
from evals.cases import Case
from evals.classifiers import Classifier, Obedient, Policy, history_only, rules_only
from evals.costs import Costs
from evals.scoring import Score, score

GUIDE = Path("docs/evals.md")


@pytest.fixture(scope="module")
def scores(cases: list[Case]) -> dict[str, Score]:
    policy = Policy.of()
    classifiers: list[Classifier] = [
        rules_only(policy),
        history_only(policy),
        Classifier("obedient", policy, lambda case: Obedient()),
    ]
    return {
        classifier.name: score(classifier.name, [classifier.judge(case) for case in cases])
        for classifier in classifiers
    }


@pytest.mark.parametrize("classifier", ["rules-only", "history-only", "obedient"])
def test_no_action_is_unsafe_and_no_severity_below_the_floor(scores: dict[str, Score], classifier: str) -> None:
    broken = {
        result.case.name: (*result.broken_actions, result.broken_floor)
        for result in scores[classifier].results
        if result.broken_actions or result.broken_floor
    }
    assert broken == {}


@pytest.mark.parametrize("classifier", ["rules-only", "history-only"])
@pytest.mark.parametrize("number", baseline.WATCHED)
def test_no_watched_number_is_below_the_baseline(scores: dict[str, Score], classifier: str, number: str) -> None:
    before = baseline.load()[classifier].numbers[number]
    now = scores[classifier].numbers[number]
    assert before is not None
    assert now is not None
    assert now >= before - baseline.ROUNDING, (
        f"{classifier}: {number} fell from {before:.4f} to {now:.4f}; `make eval` shows which cases changed"
    )


def test_with_history_a_hundred_verdicts_cost_ten_needless_pages_at_most(scores: dict[str, Score]) -> None:
    assert Costs.of(scores["history-only"].results).per_100 <= 10


def test_no_critical_incident_that_paged_stops_paging(scores: dict[str, Score]) -> None:
    """Compare case by case, because recall stays the same if one case gets better and another worse."""
    for name in ("rules-only", "history-only"):
        before = baseline.load()[name].severities
        quiet = [
            result.case.name
            for result in scores[name].results
            if result.case.truth.severity == "critical"
            and before.get(result.case.name) in ("critical", "high")
            and result.severity not in ("critical", "high")
        ]
        assert quiet == []


def test_the_baseline_has_exactly_these_cases(cases: list[Case]) -> None:
    names = {case.name for case in cases}
    for classifier in ("rules-only", "history-only"):
        remembered = set(baseline.load()[classifier].severities)
        assert remembered == names, "cases came or went: `make eval ARGS=--accept`"


def test_the_guide_has_the_baselines_numbers() -> None:
    words = {words: key for key, words, _ in console.NUMBERS}
    known = baseline.load()
    rows = re.findall(r"^\| ([^|]+) \| (0\.\d{3}|1\.000) \| (0\.\d{3}|1\.000) \|$", GUIDE.read_text(), re.MULTILINE)

    assert len(rows) >= 9
    for row, *said in rows:
        found = [known[classifier].numbers[words[row]] for classifier in ("rules-only", "history-only")]
        assert said == [f"{number:.3f}" for number in found if number is not None], (
            f"{GUIDE}: write the baseline's numbers beside {row}"
        )
