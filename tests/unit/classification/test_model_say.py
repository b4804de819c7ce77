"""The say of a model: its texts are used from the first day, its changes (moves) once they have been earned."""

from collections.abc import Callable
from typing import Any

import pytest

from firstline.classification.classify import classify
from firstline.classification.earned_say import Bet, Move, earned
from firstline.classification.model_say import NO_SAY, Say
from firstline.models import Classification, Evidence, Incident
from firstline.policy.rules import NO_RULES

type Decide = Callable[..., Classification]
DECIDER = "llm:test-model:8"


def _granted(*moves: Move) -> Say:
    return Say(earned({DECIDER: [Bet(move, f"{number}", 1.0) for move in moves for number in range(9)]}))


@pytest.fixture
def decide(
    incident: Callable[..., Incident],
    evidence: Callable[..., Evidence],
    offered: Any,
    now: Any,
    model: Any,
    judged: Any,
    deployment: Any,
) -> Decide:
    """Let a model answer `says` on an incident that is medium without it, with a runbook and a deployment before."""

    def run(say: Say = NO_SAY, *, says: dict[str, Any], **changes: Any) -> Classification:
        return classify(
            incident(**({"severity": "medium"} | changes)),
            evidence=evidence(deployments=[deployment(12)]),
            rules=NO_RULES,
            offered=offered,
            model=model(judged(**says)),
            now=now,
            say=say,
        )

    return run


def test_a_model_that_earned_nothing_gives_its_words_and_nothing_else(decide: Decide) -> None:
    says = {"severity": "critical", "runbook_id": None, "is_deployment_related": False, "summary": "The heap grows."}
    verdict = decide(says=says)
    assert verdict.summary == "The heap grows."
    assert (verdict.severity, verdict.decided_by) == ("medium", "rules")
    assert verdict.runbook_id is not None
    assert verdict.is_deployment_related
    assert "Not counted (tell to page): the model has not earned it yet (1 of 20)." in verdict.reasons
    assert "Not counted (runbook): the model has not earned it yet (1 of 20)." in verdict.reasons


def test_the_verdict_keeps_what_the_model_says_and_what_stands_without_it(decide: Decide) -> None:
    verdict = decide(says={"severity": "critical", "runbook_id": None})
    assert verdict.without_model == verdict.stance
    assert verdict.model_says is not None
    assert (verdict.model_says.severity, verdict.model_says.runbook_id) == ("critical", None)


def test_only_the_move_that_a_model_earned_counts(decide: Decide) -> None:
    verdict = decide(_granted("tell to page"), says={"severity": "critical", "runbook_id": None})
    assert (verdict.severity, verdict.decided_by) == ("critical", "llm")
    assert verdict.runbook_id is not None
    assert decide(_granted("runbook"), says={"severity": "critical", "runbook_id": None}).runbook_id is None


def test_what_another_model_earned_does_not_count(decide: Decide) -> None:
    of_another = Say(earned({"llm:other:6": [Bet("tell to page", f"{number}", 1.0) for number in range(9)]}))
    assert decide(of_another, says={"severity": "critical"}).severity == "medium"


def test_earned_moves_stay_within_the_guardrails(decide: Decide) -> None:
    verdict = decide(_granted("page to tell", "within a class"), says={"severity": "low"}, severity="critical")
    assert verdict.severity == "high"


def _guesses(left: int) -> tuple[Say, list[str]]:
    """Return a say with this many guesses left in the week, and the list of incidents that took one."""
    taken: list[str] = []

    def take(incident_id: str) -> bool:
        if len(taken) < left:
            taken.append(incident_id)
            return True
        return False

    return Say(may_raise=take), taken


def test_a_model_may_raise_an_unstated_severity_while_guesses_are_left_and_the_reason_says_so(decide: Decide) -> None:
    say, taken = _guesses(1)
    unstated = {"severity_stated": False, "alert_name": "Queue", "message": "42"}
    verdict = decide(say, says={"severity": "critical"}, **unstated)
    assert (verdict.severity, verdict.decided_by) == ("critical", "llm")
    assert any("the model guesses so, and neither the source nor a person" in reason for reason in verdict.reasons)
    assert len(taken) == 1
    assert decide(say, says={"severity": "critical"}, **unstated).severity != "critical", "none is left this week"


@pytest.mark.parametrize(
    ("says", "changes"),
    [
        ({"severity": "critical"}, {}),
        ({"severity": "low"}, {"severity_stated": False, "alert_name": "Queue", "message": "42"}),
        ({"severity": "critical"}, {"severity_stated": False, "storm": True}),
    ],
    ids=["stated", "lowered", "storm"],
)
def test_a_guess_is_used_only_to_raise_an_unstated_severity_outside_a_storm(
    decide: Decide, says: Any, changes: Any
) -> None:
    say, taken = _guesses(5)
    decide(say, says=says, **changes)
    assert taken == []
