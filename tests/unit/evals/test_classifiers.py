"""Classifiers: what each is given, and answers that are recorded and replayed."""

import json
from pathlib import Path

import pytest

from evals.cases import Case, read
from evals.classifiers import Classifier, Obedient, Policy, Recorder, Replay, history_only, rules_only
from firstline.classification.model import Judgement, ModelVerdict
from firstline.classification.prompt import Prompt
from firstline.errors import ConfigurationError, ModelGaveNoVerdict
from firstline.models import Usage
from firstline.runbooks.catalogue import Catalogue


@pytest.fixture(scope="module")
def policy() -> Policy:
    return Policy.of()


@pytest.fixture
def case() -> Case:
    """An alert whose words say low, and whose earlier incidents say high."""
    return read(Path("evals/cases/recurring/quiet-words-loud-history"))


class Says:
    """A model with one answer."""

    def __init__(self, severity: str, tokens: int = 700) -> None:
        self._severity, self._tokens = severity, tokens

    def verdict(self, prompt: Prompt) -> ModelVerdict:
        judgement = Judgement.model_validate(
            {
                "severity": self._severity,
                "cause": "The disk of the replica fails",
                "is_deployment_related": False,
                "can_be_remediated": False,
                "runbook_id": None,
                "confidence": 0.9,
                "summary": "Replica lags",
                "first_steps": [],
            }
        )
        return ModelVerdict(
            judgement=judgement, model="says", usage=Usage(prompt_tokens=self._tokens - 1, completion_tokens=1)
        )


class Fails:
    """A model that gives no verdict."""

    def __init__(self, tokens: int = 12) -> None:
        self._tokens = tokens

    def verdict(self, prompt: Prompt) -> ModelVerdict:
        raise ModelGaveNoVerdict("it refused", usage=Usage(prompt_tokens=self._tokens))


def test_only_a_classifier_with_history_knows_how_earlier_incidents_ended(policy: Policy, case: Case) -> None:
    assert rules_only(policy).judge(case).classification.severity == "low", "as the alert's words say"
    assert history_only(policy).judge(case).classification.severity == "high", "as its earlier incidents say"


def test_a_model_is_asked_and_its_tokens_are_counted(policy: Policy, case: Case) -> None:
    found = Classifier("m", policy, lambda name: Says("critical", tokens=700)).judge(case)

    # Without the model it is high, as its earlier incidents say.
    assert (found.classification.severity, found.without_model) == ("critical", "high")
    assert (found.asked_model, found.no_verdict, found.classification.usage.tokens) == (True, False, 700)


def test_the_tokens_of_a_model_that_gives_no_verdict_are_counted(policy: Policy, case: Case) -> None:
    failed = Classifier("m", policy, lambda name: Fails(tokens=12)).judge(case)

    assert (failed.classification.severity, failed.no_verdict, failed.classification.usage.tokens) == ("high", True, 12)


def test_what_a_rule_decides_asks_no_model(policy: Policy) -> None:
    watchdog = read(Path("evals/cases/noise/watchdog-of-a-second-cluster"))

    found = Classifier("m", policy, lambda name: Says("critical")).judge(watchdog)

    assert (found.classification.severity, found.asked_model, found.by_rule) == ("noise", False, True)


def test_an_action_by_itself_is_what_the_policy_says_of_a_promoted_runbook(policy: Policy) -> None:
    safe = read(Path("evals/cases/real/conntrack-table-of-the-nat-host"))  # risk: safe
    disruptive = read(Path("evals/cases/recurring/session-cache-eats-memory-again"))  # in production

    assert history_only(policy).judge(safe).acts_by_itself
    found = history_only(policy).judge(disruptive)
    assert (found.classification.runbook_id, found.acts_by_itself) == ("high-memory", True)

    destructive = {"risk": "destructive", "earns": None}
    runbooks = Catalogue([runbook.model_copy(update=destructive) for runbook in policy.runbooks.values()])
    cautious = Policy(policy.rules, runbooks)
    assert not history_only(cautious).judge(safe).acts_by_itself, "what is destructive always asks"


def test_the_obedient_model_lowers_no_page(policy: Policy, case: Case) -> None:
    assert Classifier("obedient", policy, lambda name: Obedient()).judge(case).classification.severity == "high"


def test_recorded_answers_come_back(policy: Policy, case: Case, tmp_path: Path) -> None:
    Classifier("m", policy, lambda name: Recorder(Says("critical", tokens=700), tmp_path, name)).judge(case)
    replay = Replay(tmp_path)

    found = Classifier("replay", policy, replay).judge(case)

    assert (found.classification.severity, found.classification.usage.tokens) == ("critical", 700)
    assert replay.stale == []


def test_a_recorded_failure_is_replayed_as_a_failure(policy: Policy, case: Case, tmp_path: Path) -> None:
    Classifier("m", policy, lambda name: Recorder(Fails(), tmp_path, name)).judge(case)

    found = Classifier("replay", policy, Replay(tmp_path)).judge(case)

    assert found.no_verdict
    assert any("it refused" in reason for reason in found.classification.reasons)


def test_an_answer_to_another_question_is_stale(policy: Policy, case: Case, tmp_path: Path) -> None:
    Classifier("m", policy, lambda name: Recorder(Says("high"), tmp_path, name)).judge(case)
    path = tmp_path / f"{case.name}.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"prompt": "0123456789abcdef"}))
    replay = Replay(tmp_path)

    Classifier("replay", policy, replay).judge(case)

    assert replay.stale == [case.name]


def test_a_case_without_a_recorded_answer_gets_no_verdict(policy: Policy, case: Case, tmp_path: Path) -> None:
    assert Classifier("replay", policy, Replay(tmp_path)).judge(case).no_verdict


def test_a_broken_record_and_a_missing_folder_are_named(policy: Policy, case: Case, tmp_path: Path) -> None:
    path = tmp_path / f"{case.name}.json"
    path.parent.mkdir(parents=True)
    path.write_text('{"prompt": "x", "judgement": 3}')
    with pytest.raises(ConfigurationError, match="no valid recorded answer"):
        Classifier("replay", policy, Replay(tmp_path)).judge(case)
    with pytest.raises(ConfigurationError, match="make one with --record"):
        Replay(tmp_path / "nowhere")
