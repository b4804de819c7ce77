"""The verdict as a whole: whether source, rule, history or model decides, and the texts for people."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from firstline.classification.classify import classify
from firstline.classification.templates import template_of
from firstline.errors import ModelGaveNoVerdict
from firstline.models import (
    SEVERITY_RANK,
    Classification,
    Deployment,
    EarlierIncident,
    Evidence,
    Feedback,
    Incident,
    Usage,
)
from firstline.policy.rules import NO_RULES, Rules
from tests.support.depth import tries

type Decide = Callable[..., Classification]


def _rules(**decision: Any) -> Rules:
    rule = {"id": "mine", "reason": "We agreed so.", "match": {"alert_name": "HighMemory"}} | decision
    return Rules.model_validate({"rules": [rule]})


@pytest.fixture
def decide(incident: Callable[..., Incident], evidence: Callable[..., Evidence], offered: Any, now: datetime) -> Decide:
    """Classify an incident, by default without a model; further keywords change the incident."""

    def run(
        earlier: list[EarlierIncident] | None = None,
        deployments: list[Deployment] | None = None,
        rules: Rules = NO_RULES,
        runbooks: Any = offered,
        model: Any = None,
        missing: list[str] | None = None,
        **changes: Any,
    ) -> Classification:
        return classify(
            incident(**changes),
            evidence=evidence(earlier=earlier or [], deployments=deployments or [], missing=missing or []),
            rules=rules,
            offered=runbooks,
            model=model,
            now=now,
        )

    return run


@pytest.mark.parametrize(
    ("source", "becomes"),
    [("critical", "critical"), ("high", "high"), ("medium", "medium"), ("low", "low"), ("info", "low")],
)
def test_without_rule_history_and_model_the_source_decides(decide: Decide, source: str, becomes: str) -> None:
    verdict = decide(severity=source)
    assert verdict.severity == becomes
    assert verdict.decided_by == "rules"
    assert f"prometheus says {source}." in verdict.reasons
    assert "The model is off: rules and history decide." in verdict.reasons


@pytest.mark.parametrize(("source", "becomes"), [("low", "high"), ("info", "high"), ("medium", "medium")])
def test_a_stated_loss_of_data_is_never_low(decide: Decide, source: str, becomes: str) -> None:
    verdict = decide(severity=source, message="3 objects are unreadable on all copies. Data loss.")
    assert verdict.severity == becomes
    raised = f"prometheus says {source}. Raised to high: it states a loss (data loss), which is never {source}."
    assert (raised in verdict.reasons) == (becomes == "high")


def test_people_who_called_the_same_words_noise_keep_a_stated_loss_low(
    decide: Decide, ended: Any, incident: Callable[..., Incident]
) -> None:
    message = "Data loss on the training cluster"
    (before,) = ended("resolved", severity="high")
    noise = Feedback(person="p", by="Ada", said="noise", at=before.closed_at)
    words = {"template": template_of(incident(message=message).alert), "feedback": [noise]}
    assert decide([before.model_copy(update=words)], severity="low", message=message).severity == "low"
    assert decide([before], severity="low", message=message).severity == "high"


@pytest.mark.parametrize("severity", ["critical", "high", "medium", "low", "noise"])
@pytest.mark.parametrize("source", ["high", "info"])
def test_a_declared_severity_is_final_and_no_model_is_asked(
    decide: Decide, model: Any, judged: Any, source: str, severity: str
) -> None:
    asked = model(judged(severity="critical"))
    verdict = decide(rules=_rules(severity=severity), model=asked, severity=source)
    assert verdict.severity == severity
    assert verdict.decided_by == "rules"
    assert f"Rule mine says {severity}: We agreed so." in verdict.reasons
    assert asked.asked == []


def test_a_suppressed_incident_gets_no_runbook(decide: Decide) -> None:
    verdict = decide(rules=_rules(severity="noise"))
    assert (verdict.runbook_id, verdict.can_be_remediated) == (None, False)


def test_a_rule_may_not_silence_a_storm(decide: Decide) -> None:
    verdict = decide(rules=_rules(severity="noise"), storm=True, severity="low")
    assert verdict.severity == "high"
    assert "Raised from noise to high: a storm may hide anything." in verdict.reasons


def test_a_declared_bound_moves_the_sources_severity_without_a_model(decide: Decide) -> None:
    assert decide(rules=_rules(at_most="medium"), severity="critical").severity == "medium"
    assert decide(rules=_rules(at_least="high"), severity="low").severity == "high"


@pytest.mark.parametrize(
    ("source", "becomes", "decided_by"),
    [("info", "noise", "history"), ("low", "low", "rules"), ("high", "high", "rules")],
)
def test_history_makes_noise_only_of_alerts_that_their_source_calls_info(
    decide: Decide, ended: Any, source: str, becomes: str, decided_by: str
) -> None:
    verdict = decide(earlier=ended("suppressed", "self_cleared", "suppressed"), severity=source)
    assert (verdict.severity, verdict.decided_by) == (becomes, decided_by)


def test_history_raises_an_alert_that_people_had_to_act_on_before(decide: Decide, ended: Any) -> None:
    verdict = decide(earlier=ended("resolved", "resolved", "resolved", severity="high"), severity="medium")
    assert (verdict.severity, verdict.decided_by) == ("high", "history")
    assert any("needed a human at high or above" in reason for reason in verdict.reasons)


@settings(max_examples=tries(200), suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_without_a_model_nothing_is_below_what_the_source_said(decide: Decide, ended: Any, data: st.DataObject) -> None:
    source = data.draw(st.sampled_from(["critical", "high", "medium", "low", "info"]))
    outcomes = st.sampled_from(["suppressed", "self_cleared", "auto_resolved", "resolved", "expired"])
    severity = data.draw(st.sampled_from(["critical", "high", "medium", "low", "noise"]))
    earlier = ended(*data.draw(st.lists(outcomes, max_size=7)), severity=severity)
    verdict = decide(earlier=earlier, severity=source, storm=data.draw(st.booleans()))
    assert SEVERITY_RANK[verdict.severity] >= SEVERITY_RANK[source]


def test_a_model_that_fails_leaves_the_verdict_of_rules_and_history_and_its_tokens_are_counted(
    decide: Decide, model: Any
) -> None:
    alone = decide()
    failed = decide(
        model=model(ModelGaveNoVerdict("no answer within 15 s", usage=Usage(prompt_tokens=300, completion_tokens=20)))
    )
    assert "The model gave no verdict (no answer within 15 s): rules and history decide." in failed.reasons
    same = {"severity", "runbook_id", "confidence", "decided_by", "summary", "is_deployment_related", "model"}
    assert failed.model_dump(include=same) == alone.model_dump(include=same)
    assert failed.usage.tokens == 320


def test_a_deployment_of_the_service_is_the_first_suspect(decide: Decide, deployment: Any) -> None:
    verdict = decide(deployments=[deployment(12)])
    assert verdict.is_deployment_related
    assert "payments 1.8.0 was deployed 12 min before." in verdict.reasons
    assert verdict.cause == "Perhaps the deployment: payments 1.8.0 was deployed 12 min before."


@pytest.mark.parametrize(
    ("state", "happened", "which", "look"),
    [
        ("succeeded", "payments 1.8.0 was deployed", "", "Look at the deployment"),
        ("in_progress", "payments 1.8.0 began to go out", "", "Look at the deployment, which may still go on"),
        (
            "failed",
            "the deployment of payments 1.8.0 failed",
            " that failed",
            "See which hosts the failed deployment left on which version",
        ),
        (
            "rolled_back",
            "payments 1.8.0 was taken back",
            " that was taken back",
            "See whether the alert ends now that the deployment was taken back",
        ),
    ],
)
def test_cause_and_first_steps_say_how_far_the_deployment_came(
    state: str, happened: str, which: str, look: str, decide: Decide, deployment: Any
) -> None:
    verdict = decide(deployments=[deployment(12, state=state)])
    assert verdict.is_deployment_related
    assert f"{happened} 12 min before." in verdict.reasons
    assert verdict.cause == f"Perhaps the deployment{which}: {happened} 12 min before."
    assert f"{look}: {happened} 12 min before." in verdict.first_steps


def test_the_newest_state_of_a_deployment_counts(decide: Decide, deployment: Any) -> None:
    verdict = decide(deployments=[deployment(12, state="failed"), deployment(20, state="in_progress")])
    assert verdict.cause.startswith("Perhaps the deployment that failed")


def test_a_deployment_of_another_service_is_no_suspect(decide: Decide, deployment: Any) -> None:
    verdict = decide(deployments=[deployment(12, service="search")])
    assert not verdict.is_deployment_related
    assert verdict.cause == ""


def _acquitted(incident: EarlierIncident, **changes: Any) -> EarlierIncident:
    """Return the incident after Dora said that the blamed deployment was not the cause."""
    word = Feedback(person="p", by="Dora", said="wrong_cause", at=incident.closed_at)
    return incident.model_copy(update={"blamed_deployment": True, "feedback": [word], **changes})


def test_after_people_acquitted_a_deployment_the_next_deployment_is_only_a_hint(
    decide: Decide, deployment: Any, ended: Any
) -> None:
    earlier = [_acquitted(ended("resolved")[0], note="the backup of the index,\u202e password=hunter22")]
    verdict = decide(earlier=earlier, deployments=[deployment(12)])
    assert not verdict.is_deployment_related
    assert verdict.cause == (
        "Perhaps as before: the backup of the index, password=[redacted secret]. payments 1.8.0 was deployed 12 min "
        "before. But Dora said that the incident yesterday was not caused by a deployment."
    )
    assert "Not blamed: Dora said that the incident yesterday was not caused by a deployment." in verdict.reasons
    assert verdict.first_steps[1:3] == [
        "Check whether web-1 is up and reachable.",
        "Look at the deployment: payments 1.8.0 was deployed 12 min before.",
    ]


def test_after_an_acquittal_without_a_note_no_cause_is_named(decide: Decide, deployment: Any, ended: Any) -> None:
    verdict = decide(earlier=[_acquitted(ended("resolved")[0])], deployments=[deployment(12)])
    assert verdict.cause == ""
    assert any("Not blamed: Dora said" in reason for reason in verdict.reasons)


@pytest.mark.parametrize("source", ["critical", "high", "medium", "low", "info"])
@pytest.mark.parametrize("outcome", ["resolved", "self_cleared", "suppressed"])
@pytest.mark.parametrize("advised", [True, False])
def test_a_cause_that_people_called_wrong_changes_no_severity(
    decide: Decide, deployment: Any, ended: Any, model: Any, judged: Any, source: str, outcome: str, advised: bool
) -> None:
    doubted = [_acquitted(incident) for incident in ended(*[outcome] * 4)]
    trusted = [incident.model_copy(update={"feedback": []}) for incident in doubted]
    advice = model(judged(severity="low", confidence=0.9)) if advised else None
    first, second = (
        decide(earlier=earlier, deployments=[deployment(12)], severity=source, model=advice)
        for earlier in (trusted, doubted)
    )
    same = {"severity", "confidence", "decided_by", "runbook_id", "can_be_remediated"}
    assert first.model_dump(include=same) == second.model_dump(include=same)


def test_a_model_hears_of_peoples_word_and_alone_blames_no_deployment_against_it(
    decide: Decide, deployment: Any, ended: Any, model: Any, judged: Any
) -> None:
    asked = model(judged(is_deployment_related=True))
    blamed = decide(earlier=ended("resolved"), deployments=[deployment(12)], model=asked)
    verdict = decide(earlier=[_acquitted(ended("resolved")[0])], deployments=[deployment(12)], model=asked)
    assert (blamed.is_deployment_related, verdict.is_deployment_related) == (True, False)
    assert any("does not outweigh that Dora said that the incident" in reason for reason in verdict.reasons)
    assert '"a_deployment_was_blamed": true' in asked.asked[-1].data
    assert "a_deployment_was_blamed" not in asked.asked[0].data


def test_the_runbook_that_matches_best_is_chosen(decide: Decide) -> None:
    verdict = decide()
    assert (verdict.runbook_id, verdict.can_be_remediated) == ("high-memory", True)


def test_a_runbook_that_cured_the_group_before_is_chosen_over_a_better_match(decide: Decide, ended: Any) -> None:
    verdict = decide(earlier=ended("auto_resolved", "auto_resolved", runbook_id="low-disk"))
    assert verdict.runbook_id == "low-disk"
    assert "Runbook low-disk cured this group 2 times before." in verdict.reasons


@pytest.mark.parametrize("changes", [{"runbooks": []}, {"storm": True}], ids=["none fits", "a storm"])
def test_without_a_fitting_runbook_and_in_a_storm_nothing_is_run(decide: Decide, changes: dict[str, Any]) -> None:
    verdict = decide(**changes)
    assert (verdict.runbook_id, verdict.can_be_remediated) == (None, False)


def test_the_reasons_tell_of_missing_evidence_and_of_flapping(decide: Decide) -> None:
    reasons = decide(missing=["deployments could not be read: throttled"], flapping=True).reasons
    assert "deployments could not be read: throttled" in reasons
    assert any("flapping" in reason for reason in reasons)


def test_without_a_model_summary_and_first_steps_are_plain_facts(decide: Decide, ended: Any, deployment: Any) -> None:
    earlier = [ended("resolved")[0].model_copy(update={"outcome_reason": "restarted the worker by hand"})]
    verdict = decide(earlier=earlier, deployments=[deployment(12)], message="full: password=hunter22\u202e")
    assert verdict.summary == "HighMemory on web-1 (payments, prod). full: password=[redacted secret]."
    assert verdict.first_steps == [
        "The last incident of this group, yesterday, ended with a human's help: restarted the worker by hand",
        "Look at the deployment: payments 1.8.0 was deployed 12 min before.",
        "Check whether web-1 is up and reachable.",
        "The runbook that fits is high-memory: Restart the service that eats the memory.",
    ]


def test_summary_and_first_steps_name_the_hosts_or_else_the_service(decide: Decide) -> None:
    assert "on a, b, c and 2 more" in decide(hosts=list("abcde")).summary
    nowhere = decide(hosts=[], host=None)
    assert nowhere.summary.startswith("HighMemory (payments, prod).")
    assert "Check whether a, b are up and reachable." in decide(hosts=["a", "b"]).first_steps
    assert "Check whether payments is up and reachable." in nowhere.first_steps
    assert "Find out which host or service is affected." in decide(hosts=[], host=None, service=None).first_steps


# --- how sure the verdict is ---


def test_an_unsure_model_leaves_the_decision_to_a_human_with_the_evidence(
    decide: Decide, model: Any, judged: Any, deployment: Any, ended: Any
) -> None:
    earlier = [
        incident.model_copy(
            update={
                "note": "restarted it",
                "feedback": [Feedback(person="p", by="p", said="wrong_cause", at=incident.closed_at)],
            }
        )
        for incident in ended("resolved")
    ]
    unsure = model(judged(severity="low", confidence=0.3))
    verdict = decide(earlier=earlier, deployments=[deployment(12)], model=unsure)
    assert verdict.unsure == [
        "The model test-model (prompt 8) says low, confidence 0.3. That is not sure enough.",
        "Earlier, yesterday: high, ended with a human's help; people say: wrong cause. What fixed it: restarted it",
        "payments 1.8.0 was deployed 12 min before.",
    ]
    assert verdict.severity == "high", "an unsure model lowers nothing"


def test_a_sure_verdict_asks_no_human(decide: Decide, model: Any, judged: Any) -> None:
    assert decide().unsure == []
    assert decide(model=model(judged(confidence=0.9))).unsure == []
