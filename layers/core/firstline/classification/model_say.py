"""The say of a model: how far its verdict changes the verdict of rules and history.

A kind of change counts once the model has earned it: once its earlier changes of that kind were mostly right.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial

from firstline.classification.case import Case
from firstline.classification.earned_say import (
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
"""The changes of severity that a model may make a few times a week before it has earned them."""


def _never(_: str) -> bool:
    return False


@dataclass(frozen=True, slots=True)
class Say:
    """The power of models over verdicts: the kinds of change (moves) each has earned, and a few unearned raises a week.

    `may_raise` takes an incident's id, uses up one of the week's raises and returns True; False if none is left or the
    number cannot be read.
    """

    earned: Earned = NOTHING_EARNED
    may_raise: Callable[[str], bool] = field(default=_never)


NO_SAY = Say()
FULL_SAY = Say(EVERYTHING)
"""The say under which every move of a model counts, within the guardrails: for tests and evals."""


def settle(judged: Classification, plain: Classification, case: Case, say: Say) -> Classification:
    """Return the verdict of rules and history with the model's texts, and with those changes by the model that count.

    A kind of change counts once the model has earned it. If neither the source, a rule nor a person states a severity,
    the model may also raise it without having earned that, a few times a week. `say` has both.

    Parameters
    ----------
    judged
        The model's verdict after the guardrails: the result has its summary, cause and first steps.
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
        changes.at_least(judged.severity, "the model guesses so, and neither the source nor a person states a severity")
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
    """Return the kinds of changes (moves) by the model that do not count.

    They are the differences between its verdict, `judged`, and the result, `stands`, which has only what counts.
    """
    moves = [severity_move(stands.severity, judged.severity)]
    moves += [RUNBOOK] if stands.runbook_id != judged.runbook_id else []
    moves += [BLAME] if stands.is_deployment_related != judged.is_deployment_related else []
    return [move for move in moves if move is not None]


def _not_counted(move: Move, decider: str, earned: Earned) -> str:
    wealth = earned.wealth(decider, move)
    return f"Not counted ({move}): the model has not earned it yet ({wealth:.2g} of {EARNED_AT:g})."
