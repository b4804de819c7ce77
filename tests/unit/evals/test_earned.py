"""Earned say on the cases: a model that knows nothing changes nothing, and one that knows earns its say."""

from random import Random
from statistics import fmean

import pytest

from evals import earned, unstated
from evals.cases import CASES, Case, load
from evals.classifiers import Obedient, Policy
from evals.earned import MODELS, Judged, Worth
from firstline.classification.model import ModelVerdict
from firstline.classification.prompt import Prompt
from firstline.errors import ModelGaveNoVerdict


@pytest.fixture(scope="module", name="cases")
def judged_cases(cases: list[Case]) -> list[Judged]:
    return earned.judged_cases(cases, Policy.of())


def _worth(cases: list[Judged], *names: str, runs: int = 5) -> dict[str, Worth]:
    chosen = {name: MODELS[name] for name in names}
    return {worth.model: worth for worth in earned.simulate(cases, chosen, runs=runs)}


def test_a_model_that_knows_nothing_makes_no_verdict_worse(cases: list[Judged]) -> None:
    ignorant = [name for name in MODELS if not name.startswith(("oracle", "perfect"))]
    for worth in _worth(cases, *ignorant).values():
        for run in worth.runs:
            assert (run.worse, run.runbooks_lost, run.blames_lost) == (0, 0, 0), worth.model


def test_runs_are_hardly_ever_worse_than_without_the_model(cases: list[Judged]) -> None:
    for worth in _worth(cases, "oracle, 50 % noise", "oracle, 20 % noise", runs=10).values():
        assert worth.runs_worse <= 0.1, worth.model  # none or one of ten


def test_a_perfect_model_keeps_half_of_its_gain_after_a_replay(cases: list[Judged]) -> None:
    """Use both sets of cases: on the first alone, rules miss so few pages that no model can earn anything."""
    both = [*cases, *earned.judged_cases(unstated.load(), Policy.of())]
    perfect = _worth(both, "perfect", runs=20)["perfect"]
    assert perfect.kept is not None
    assert perfect.kept >= 0.5
    assert perfect.runs_worse == 0


def test_what_a_model_has_not_earned_yet_costs_a_part_of_its_gain(cases: list[Judged]) -> None:
    perfect = _worth([*cases, *earned.judged_cases(unstated.load(), Policy.of())], "perfect")["perfect"]
    with_all_its_changes = fmean(run.full for run in perfect.runs)
    with_those_it_has_earned = fmean(run.settled for run in perfect.runs)
    assert with_all_its_changes < with_those_it_has_earned, "these are costs"


class Silent:
    """A model that never gives a verdict."""

    def verdict(self, prompt: Prompt) -> ModelVerdict:
        raise ModelGaveNoVerdict("it repeats itself")


def test_a_real_model_is_judged_by_its_answers_and_agrees_where_it_has_none() -> None:
    chosen, policy = load(CASES)[::8], Policy.of()
    judged = earned.judged_cases(chosen, policy)

    obedient = earned.answering(chosen, policy, lambda _: Obedient())
    silent = earned.answering(chosen, policy, lambda _: Silent())

    assert any(obedient(case, Random(1)) != case.plain for case in judged)
    assert all(silent(case, Random(1)) == case.plain for case in judged)
