"""Simulation of the trust that models earn: models of very different quality judge incidents.

The real classification judges the cases, with its guardrails on each simulated model. A model first replays incidents
that people have judged, as `firstline model try` does: kinds of changes to a verdict that proved right count from then
on. Then it judges as many more, and the costs of verdicts with it and without it, in needless pages, are compared.
"""

import random
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from statistics import fmean

from evals.cases import Case
from evals.classifiers import ModelFor, Policy, opinions
from firstline.classification import guardrails, prompt, verdict_without_model
from firstline.classification.case import Case as Known
from firstline.classification.earned_say import NOTHING_EARNED, Bet, Label, bets_on, earned, settled
from firstline.classification.model import Judgement, ModelVerdict
from firstline.errors import ModelGaveNoVerdict
from firstline.models import SEVERITIES, Severity, Stance
from firstline.policy.costs import MISSED_PAGE_COST, cost

REPLAYED = 300
READ_EACH = 30
"""The number of verdicts after which the earned trust is read again; in production this happens every few minutes."""

NAME = "simulated"


@dataclass(frozen=True, slots=True)
class Judged:
    """A case with its right severity, the verdict without a model (`plain`), and those with a model.

    `by_severity` has the verdict for each severity that a model may say.
    """

    name: str
    truth: Severity
    label: Label
    plain: Stance
    by_severity: Mapping[Severity, Stance]


type Simulated = Callable[[Judged, random.Random], Stance]
"""A simulated model: a function that returns the verdict with this model on a case."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """The costs of verdicts in one run, after the model has replayed judged incidents, and its mistakes.

    The unit of costs is a needless page: `plain` is the cost without the model, `settled` with those of its changes
    that have proved right, `full` with all its changes. `worse` counts the verdicts that cost more with the changes
    that have proved right than without the model, `runbooks_lost` and `blames_lost` those that lost the right runbook
    or the right blame of a deployment.
    """

    plain: float
    settled: float
    full: float
    worse: int
    runbooks_lost: int
    blames_lost: int


@dataclass(frozen=True, slots=True)
class Worth:
    """The outcomes of all runs of one simulated model."""

    model: str
    runs: tuple[Outcome, ...]

    @property
    def runs_worse(self) -> float:
        """The share of the runs that cost more with the model than without it."""
        return fmean(run.settled > run.plain + 1e-9 for run in self.runs)

    @property
    def kept(self) -> float | None:
        """The cost that is saved by those of the model's changes that count, as a share of what all would save.

        None if all changes together would save nothing.
        """
        possible = sum(run.plain - run.full for run in self.runs)
        return sum(run.plain - run.settled for run in self.runs) / possible if possible > 0 else None


def judged_cases(cases: Sequence[Case], policy: Policy) -> list[Judged]:
    """Return each case with the verdict without a model, and with one for each severity that a model may say."""
    return [_judged(case, policy) for case in cases]


def _judged(case: Case, policy: Policy) -> Judged:
    known = opinions(case, policy)
    fallback = verdict_without_model.verdict_of(known)
    question = prompt.build(known.incident, evidence=known.evidence, offered=known.offered, now=known.now)
    plain, truth = fallback.stance, case.truth
    by_severity = dict.fromkeys(SEVERITIES, plain)
    if _is_asked_about(known):
        for severity in SEVERITIES:
            by_severity[severity] = guardrails.apply(_echo(plain, severity), known, fallback, question).stance
    label = Label(truth.severity, truth.cause == "deployment", cured_by=truth.runbook)
    if truth.runbook is None:
        label = label._replace(failed=plain.runbook_id)
    return Judged(case.name, truth.severity, label, plain, by_severity)


def _is_asked_about(known: Known) -> bool:
    return known.ruled is None and not (known.word and known.word.severity == "noise")


def _echo(plain: Stance, severity: Severity) -> ModelVerdict:
    """Return a model's verdict with this severity that otherwise agrees with the verdict without a model (`plain`).

    It names the same runbook, and blames a deployment if that verdict does.
    """
    judgement = Judgement(
        severity=severity,
        cause="Something.",
        is_deployment_related=plain.is_deployment_related,
        can_be_remediated=plain.runbook_id is not None,
        runbook_id=plain.runbook_id,
        confidence=1.0,
        summary="Something fires.",
        first_steps=[],
    )
    return ModelVerdict(judgement=judgement, model=NAME)


def always(severity: Severity) -> Simulated:
    """Return a simulated model that always says this severity."""
    return lambda case, _: case.by_severity[severity]


def _at_random(case: Judged, dice: random.Random) -> Stance:
    """Simulate a model that says a random severity, and half of the time names no runbook and no deployment."""
    judged = case.by_severity[dice.choice(SEVERITIES)]
    if dice.random() < 0.5:
        judged = judged.model_copy(update={"runbook_id": None, "is_deployment_related": False})
    return judged


def _contrarian(case: Judged, _: random.Random) -> Stance:
    """Simulate a model that says `low` if the verdict without it pages, otherwise `critical`."""
    contrary: Severity = "low" if case.plain.severity in ("critical", "high") else "critical"
    return case.by_severity[contrary]


def _echo_without_runbook(case: Judged, _: random.Random) -> Stance:
    """Simulate a model that repeats the severity of rules and history, and names no runbook and no deployment."""
    return Stance(severity=case.plain.severity)


def perfect(case: Judged, _: random.Random) -> Stance:
    """Simulate a model that says the right severity, as far as the guardrails allow it."""
    return case.by_severity[case.truth]


def _noisy_oracle(right: float) -> Simulated:
    """Return a simulated model that says the right severity with the probability `right`, otherwise a random one."""
    return lambda case, dice: perfect(case, dice) if dice.random() < right else _at_random(case, dice)


def answering(cases: Sequence[Case], policy: Policy, model_for: ModelFor) -> Simulated:
    """Return a real model in the form of a simulated one, with its verdict on each case, as the guardrails leave it.

    `model_for` returns the model to ask about a case. Without an answer, the verdict is that of rules and history.
    """
    stances = {case.name: _answered(case, policy, model_for) for case in cases}
    return lambda case, _: stances[case.name]


def _answered(case: Case, policy: Policy, model_for: ModelFor) -> Stance:
    known = opinions(case, policy)
    fallback = verdict_without_model.verdict_of(known)
    if not _is_asked_about(known):
        return fallback.stance
    question = prompt.build(known.incident, evidence=known.evidence, offered=known.offered, now=known.now)
    try:
        return guardrails.apply(model_for(case).verdict(question), known, fallback, question).stance
    except ModelGaveNoVerdict:
        return fallback.stance


MODELS: Mapping[str, Simulated] = {
    **{f"always {severity}": always(severity) for severity in SEVERITIES},
    "random": _at_random,
    "contrarian": _contrarian,
    "echo without runbook": _echo_without_runbook,
    "oracle, 50 % noise": _noisy_oracle(0.5),
    "oracle, 20 % noise": _noisy_oracle(0.8),
    "perfect": perfect,
}


def simulate(cases: Sequence[Judged], models: Mapping[str, Simulated] = MODELS, *, runs: int = 40) -> list[Worth]:
    """Return how each simulated model fares in `runs` runs with fixed seeds.

    In each run the model replays `REPLAYED` judged incidents, which shows where it is right, and then judges as many
    more.
    """
    return [
        Worth(name, tuple(_run(cases, model, _dice(name, seed)) for seed in range(runs)))
        for name, model in models.items()
    ]


def _dice(name: str, seed: int) -> random.Random:
    return random.Random(f"{name} {seed}")  # noqa: S311 - a simulation that can be repeated


def _run(cases: Sequence[Judged], model: Simulated, dice: random.Random) -> Outcome:
    bets: list[Bet] = []
    for case in dice.choices(cases, k=REPLAYED):
        bets += _bets(case, model(case, dice))
    sums: defaultdict[str, float] = defaultdict(float)
    say = NOTHING_EARNED
    for number, case in enumerate(dice.choices(cases, k=REPLAYED)):
        if number % READ_EACH == 0:
            say = earned({NAME: bets})
        judged = model(case, dice)
        _add(sums, case, judged, settled(case.plain, judged, partial(say.counts, NAME)))
        bets += _bets(case, judged)
    counted = (int(sums[name]) for name in ("worse", "runbooks", "blames"))
    return Outcome(sums["plain"], sums["settled"], sums["full"], *counted)


def _bets(case: Judged, judged: Stance) -> list[Bet]:
    return bets_on(case.plain, judged, case.label, case.name, MISSED_PAGE_COST)


def _add(sums: dict[str, float], case: Judged, judged: Stance, stands: Stance) -> None:
    plain = case.plain
    sums["plain"] += cost(plain.severity, case.truth)
    sums["full"] += cost(judged.severity, case.truth)
    sums["settled"] += cost(stands.severity, case.truth)
    sums["worse"] += cost(stands.severity, case.truth) > cost(plain.severity, case.truth)
    sums["runbooks"] += plain.runbook_id is not None and plain.runbook_id == case.label.cured_by != stands.runbook_id
    sums["blames"] += plain.is_deployment_related and bool(case.label.blame) and not stands.is_deployment_related
