"""The say of a model: the verdict without it, changed by those of its moves that count."""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial

from firstline.classification.case import Case
from firstline.classification.earned import (
    BLAME,
    EARNED_AT,
    EVERYTHING,
    NOTHING_EARNED,
    RUNBOOK,
    Earned,
    Move,
    settled,
    severity_move,
)
from firstline.classification.guardrails import Changes
from firstline.classification.labels import llm_decider
from firstline.models import Classification, Stance

RAISES: tuple[Move, ...] = ("tell to page", "drop to page")
"""The moves that a model may make a few times a week before it has earned them."""


def _never(_: str) -> bool:
    return False


@dataclass(frozen=True, slots=True)
class Say:
    """The say of models: what each has earned; and `may_raise`, which takes one of the week's guesses for an incident.

    `may_raise` returns False if none is left, or if nobody can tell.
    """

    earned: Earned = NOTHING_EARNED
    may_raise: Callable[[str], bool] = field(default=_never)


NO_SAY = Say()
FULL_SAY = Say(EVERYTHING)
"""Every move counts, within the guardrails: for tests and evals of a model's own verdicts."""


def settle(judged: Classification, plain: Classification, case: Case, say: Say) -> Classification:
    """Return the verdict without the model, with its words and those of its moves that count.

    Parameters
    ----------
    judged
        The model's verdict within the guardrails: its words are the summary, the cause and the first steps.
    plain
        The verdict of rules and history.
    """
    decider = llm_decider(judged.model or "unknown", judged.prompt_version or "unknown")
    counts = partial(say.earned.counts, decider)
    stands = settled(plain.stance, judged.stance, counts)
    both = {"without_model": plain.stance, "model_says": judged.stance}
    if stands == judged.stance:
        return judged.model_copy(update=both)
    reasons = [*plain.reasons, *(reason for reason in judged.reasons if reason not in plain.reasons)]
    reasons += [_not_counted(move, decider, say.earned) for move in _moves(stands, judged.stance)]
    changes, guessed = Changes(stands.severity, reasons), False
    if _may_guess(stands, judged.stance, case) and say.may_raise(case.incident.incident_id):
        guessed = True
        changes.at_least(judged.severity, "the model guesses so, and nobody stated or judged how bad this alert is")
    by_model = guessed or (stands.severity == judged.severity != plain.severity)
    decided = judged if by_model else plain
    return judged.model_copy(
        update={
            **both,
            "severity": changes.severity,
            "runbook_id": stands.runbook_id,
            "can_be_remediated": stands.runbook_id is not None,
            "is_deployment_related": stands.is_deployment_related,
            "decided_by": decided.decided_by,
            "confidence": decided.confidence,
            "reasons": changes.reasons,
        }
    )


def _may_guess(stands: Stance, judged: Stance, case: Case) -> bool:
    unjudged = case.takes_a_word and case.word is None
    return unjudged and severity_move(stands.severity, judged.severity) in RAISES


def _moves(stands: Stance, judged: Stance) -> list[Move]:
    """Return the moves that the model made and that do not count."""
    moves = [severity_move(stands.severity, judged.severity)]
    moves += [RUNBOOK] if stands.runbook_id != judged.runbook_id else []
    moves += [BLAME] if stands.is_deployment_related != judged.is_deployment_related else []
    return [move for move in moves if move is not None]


def _not_counted(move: Move, decider: str, earned: Earned) -> str:
    wealth = earned.wealth(decider, move)
    return f"Not counted ({move}): the model has not earned it yet ({wealth:.2g} of {EARNED_AT:g})."
