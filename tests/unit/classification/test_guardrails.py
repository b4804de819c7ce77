"""The guardrails: the invariants hold for every answer of a model."""

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from firstline.classification.classify import classify
from firstline.models import SEVERITY_RANK, Classification, Deployment, EarlierIncident, Evidence, Incident
from firstline.policy.rules import NO_RULES, Rules
from tests.support.depth import tries

type Judge = Callable[..., Classification]


@pytest.fixture
def judge(
    incident: Callable[..., Incident],
    evidence: Callable[..., Evidence],
    judged: Callable[..., Any],
    model: Callable[..., Any],
    offered: Any,
    now: Any,
) -> Judge:
    """Classify an incident with a model that answers `said`; the named keywords describe the incident."""

    def run(
        source: str = "high",
        storm: bool = False,
        earlier: list[EarlierIncident] | None = None,
        deployments: list[Deployment] | None = None,
        rules: Rules = NO_RULES,
        **said: Any,
    ) -> Classification:
        return classify(
            incident(severity=source, storm=storm),
            evidence=evidence(earlier=earlier or [], deployments=deployments or []),
            rules=rules,
            offered=offered,
            model=model(judged(**said)),
            now=now,
        )

    return run


@pytest.mark.parametrize(
    ("source", "said", "confidence", "becomes"),
    [
        ("critical", "critical", 0.9, "critical"),
        ("critical", "high", 0.9, "high"),
        ("critical", "medium", 1.0, "high"),
        ("critical", "noise", 1.0, "high"),
        ("high", "critical", 0.9, "critical"),
        ("high", "medium", 1.0, "high"),
        ("high", "noise", 1.0, "high"),
        ("medium", "critical", 0.6, "critical"),
        ("medium", "low", 0.6, "low"),
        ("medium", "noise", 0.79, "low"),
        ("medium", "noise", 0.8, "noise"),
        ("low", "noise", 0.8, "noise"),
        ("info", "noise", 0.6, "low"),
        ("info", "noise", 0.9, "noise"),
        # Below 0.5 the model may only go up.
        ("critical", "low", 0.4, "critical"),
        ("medium", "low", 0.4, "medium"),
        ("medium", "noise", 0.0, "medium"),
        ("medium", "high", 0.1, "high"),
        ("info", "noise", 0.4, "low"),
    ],
)
def test_a_model_alone_moves_a_severity_only_within_its_bounds(
    judge: Judge, source: str, said: str, confidence: float, becomes: str
) -> None:
    assert judge(source, severity=said, confidence=confidence).severity == becomes


@pytest.mark.parametrize(
    ("source", "said", "becomes"),
    [("high", "medium", "medium"), ("high", "noise", "low"), ("critical", "low", "high")],
)
def test_with_history_on_its_side_a_model_may_call_off_a_page_but_never_a_critical_one(
    judge: Judge, ended: Callable[..., list[EarlierIncident]], source: str, said: str, becomes: str
) -> None:
    earlier = ended("self_cleared", "self_cleared", "self_cleared", "resolved")
    assert judge(source, earlier=earlier, severity=said).severity == becomes


def test_firstlines_own_suppressions_do_not_back_a_model(
    judge: Judge, ended: Callable[..., list[EarlierIncident]]
) -> None:
    assert judge("high", earlier=ended(*["suppressed"] * 5), severity="low").severity == "high"


@pytest.mark.parametrize(("needed_at", "becomes"), [("critical", "high"), ("high", "high"), ("medium", "low")])
def test_a_model_may_not_call_an_alert_noise_that_people_had_to_act_on(
    judge: Judge, ended: Callable[..., list[EarlierIncident]], needed_at: str, becomes: str
) -> None:

    earlier = ended("resolved", "resolved", "resolved", severity=needed_at)
    verdict = judge("info", earlier=earlier, severity="noise", confidence=1.0)
    assert verdict.severity == becomes
    assert any("needed a human" in reason for reason in verdict.reasons)


def test_a_storm_is_never_below_high(judge: Judge) -> None:
    assert judge("low", storm=True, severity="noise", confidence=1.0).severity == "high"


@pytest.mark.parametrize(
    ("decision", "said", "becomes"),
    [
        ({"at_most": "medium"}, "critical", "medium"),
        ({"at_most": "medium"}, "low", "medium"),  # first raised to the model's lowest, high; then bounded by the rule
        ({"at_least": "critical"}, "high", "critical"),
        ({"at_least": "low", "at_most": "low"}, "critical", "low"),
    ],
)
def test_the_bound_of_a_rule_overrides_the_model(
    judge: Judge, decision: dict[str, str], said: str, becomes: str
) -> None:
    rule = {"id": "mine", "reason": "we agreed so", "match": {"alert_name": "*"}} | decision
    verdict = judge("high", rules=Rules.model_validate({"rules": [rule]}), severity=said)
    assert verdict.severity == becomes


def test_the_reasons_tell_each_change_of_the_models_severity(judge: Judge) -> None:
    verdict = judge("critical", severity="noise", runbook_id=None)
    assert verdict.reasons == [
        "The model test-model (prompt 8) says noise, confidence 0.9.",
        "Raised from noise to high: a model may not take what the source called critical below high.",
    ]
    assert verdict.decided_by == "llm"
    assert (verdict.model, verdict.usage.tokens) == ("test-model", 700)


def test_an_unsure_model_decides_nothing_but_its_words_are_kept(judge: Judge) -> None:
    verdict = judge("medium", severity="low", confidence=0.3, runbook_id="low-disk", can_be_remediated=True)
    assert verdict.decided_by == "rules"
    assert verdict.runbook_id == "high-memory"  # the declared match, not the model's guess
    assert verdict.summary == "Memory on web-1 is nearly full."
    assert verdict.usage.tokens == 700
    assert "That is below 0.5: rules and history decide." in verdict.reasons


@pytest.mark.parametrize(
    ("said", "runbook_id", "reason"),
    [
        ({"runbook_id": "low-disk", "can_be_remediated": True}, "low-disk", None),
        ({"runbook_id": None, "can_be_remediated": True}, None, None),
        ({"runbook_id": "drop-tables", "can_be_remediated": True}, None, "not offered"),
        ({"runbook_id": "low-disk", "can_be_remediated": False}, None, "none can help"),
        (
            {"runbook_id": "low-disk", "can_be_remediated": True, "severity": "noise"},
            None,
            "nothing is run for noise",
        ),
    ],
)
def test_a_models_runbook_counts_only_if_it_was_offered_and_can_help(
    judge: Judge, said: dict[str, Any], runbook_id: str | None, reason: str | None
) -> None:
    verdict = judge("medium", **said)
    assert verdict.runbook_id == runbook_id
    assert verdict.can_be_remediated is (runbook_id is not None)
    if reason is None:
        assert len(verdict.reasons) == 1, "nothing was refused"
    else:
        assert any(reason in text for text in verdict.reasons)


def test_a_storm_gets_no_runbook_although_the_model_names_one(judge: Judge) -> None:
    assert judge(storm=True, runbook_id="low-disk", can_be_remediated=True).runbook_id is None


def test_a_deployment_that_nobody_saw_is_not_blamed(judge: Judge, deployment: Callable[..., Deployment]) -> None:
    assert judge(is_deployment_related=True).is_deployment_related is False
    assert judge(is_deployment_related=True, deployments=[deployment()]).is_deployment_related is True


def test_the_texts_of_a_model_are_cut_and_hold_no_links(judge: Judge) -> None:
    verdict = judge(
        summary="Click https://evil.example/login\u202e now\nplease",
        cause="x " * 9_000,
        first_steps=["a " * 999, "", "\u200b", "see www.evil.example", *["look further"] * 20],
    )
    assert verdict.summary == "Click [link removed] now please"
    assert 499 <= len(verdict.cause) <= 500
    assert len(verdict.first_steps) <= 5
    assert all(0 < len(step) <= 300 for step in verdict.first_steps)
    assert not any("evil" in step for step in verdict.first_steps)


@pytest.mark.parametrize("cites", [[], ["e99"], ["alert", "e99"], ["the logs"]])
def test_a_cause_that_cites_no_given_evidence_is_left_out(judge: Judge, cites: list[str]) -> None:
    verdict = judge(cause="A leak.", cites=cites)
    assert verdict.cause == ""
    assert "Its cause is left out" in verdict.reasons[0]


@pytest.mark.parametrize("cites", [["alert"], ["e1"], ["e1", "alert"]])
def test_a_cause_that_cites_given_evidence_is_kept(judge: Judge, cites: list[str]) -> None:
    assert judge(cause="A leak.", cites=cites).cause == "A leak."


def test_empty_texts_of_a_model_are_replaced_by_plain_facts(judge: Judge) -> None:
    verdict = judge(summary=" ", cause="", first_steps=[])
    assert verdict.summary.startswith("HighMemory on web-1")
    assert verdict.cause == ""
    assert verdict.first_steps


def test_texts_of_one_word_are_replaced_by_plain_facts(judge: Judge) -> None:
    """Small models fill a field with its own name or the alert's, as Gemma 3 270M did."""
    junk = judge(summary="high_memory", cause="HighMemory", first_steps=["", "is_deployment_related"])
    plain = judge(summary="", cause="", first_steps=[])
    assert (junk.summary, junk.cause, junk.first_steps) == (plain.summary, plain.cause, plain.first_steps)


@settings(max_examples=tries(400), suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_no_verdict_breaks_the_invariants(judge: Judge, ended: Any, data: st.DataObject) -> None:
    """Let a model that obeys an attacker answer anything, after any past of the group."""
    source = data.draw(st.sampled_from(["critical", "high", "medium", "low", "info"]), "source")
    storm = data.draw(st.booleans(), "storm")
    outcomes = data.draw(
        st.lists(st.sampled_from(["suppressed", "self_cleared", "auto_resolved", "resolved", "expired"]), max_size=6)
    )
    verdict = judge(
        source,
        storm=storm,
        earlier=ended(*outcomes),
        severity=data.draw(st.sampled_from(["critical", "high", "medium", "low", "noise"]), "said"),
        confidence=data.draw(st.floats(min_value=0, max_value=1), "confidence"),
        runbook_id=data.draw(st.one_of(st.none(), st.sampled_from(["low-disk", "high-memory", "rm -rf /", ""]))),
        can_be_remediated=data.draw(st.booleans()),
        is_deployment_related=data.draw(st.booleans()),
        summary=data.draw(st.text(max_size=2_000)),
        cause=data.draw(st.text(max_size=600)),
        first_steps=data.draw(st.lists(st.text(max_size=400), max_size=8)),
    )
    rank = SEVERITY_RANK[verdict.severity]
    if source == "critical" or storm:
        assert rank >= SEVERITY_RANK["high"]
    if source == "high":
        assert verdict.severity != "noise"
        assert rank >= SEVERITY_RANK["high"] or outcomes.count("self_cleared") >= 3
    if verdict.severity == "noise":
        assert verdict.runbook_id is None
    assert verdict.runbook_id in (None, "low-disk", "high-memory")
    assert verdict.can_be_remediated is (verdict.runbook_id is not None)
    assert verdict.is_deployment_related is False
    assert verdict.reasons
    assert Classification.model_validate_json(verdict.model_dump_json()) == verdict
