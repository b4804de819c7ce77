"""Verdicts from memory: what proves a verdict, in which circumstances it is used again, and what ends it."""

import subprocess
import sys
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from firstline.classification import memory
from firstline.classification.case import Case
from firstline.classification.classify import classify
from firstline.classification.templates import template_of
from firstline.models import (
    SEVERITY_RANK,
    AlertCount,
    Classification,
    EarlierIncident,
    Evidence,
    Feedback,
    Incident,
    SimilarIncident,
)
from firstline.policy.rules import NO_RULES, Rules
from tests.support.depth import tries

type DaysAgo = Callable[..., EarlierIncident]
type Decide = Callable[..., Classification]

GROUP = "prometheus:HighMemory:web-1"


@pytest.fixture
def days_ago(incident: Callable[..., Incident], evidence: Callable[..., Evidence], now: datetime) -> DaysAgo:
    """Make an incident of `days` ago with the same words and circumstances, and with people's answers `said`."""

    def make(days: float = 3, *said: str, **changes: Any) -> EarlierIncident:
        source = changes.pop("source", "medium")
        opened_at = now - timedelta(days=days)
        words = [
            Feedback(
                person=f"slack:{number}",
                by=f"person {number}",
                said=word if word in ("real", "noise", "wrong_cause") else "wrong_severity",
                severity=None if word in ("real", "noise", "wrong_cause") else word,
                at=opened_at + timedelta(hours=1),
            )
            for number, word in enumerate(said)
        ]
        this = incident(severity=source)
        whole: dict[str, Any] = {
            "incident_id": f"before-{days:g}",
            "opened_at": opened_at,
            "closed_at": opened_at + timedelta(minutes=9),
            "severity": "medium",
            "outcome": "resolved",
            "group_key": GROUP,
            "template": template_of(this.alert),
            "evidence_class": memory.evidence_class(Case.of(this, evidence(), NO_RULES, now)),
            "cause": "The nightly report keeps everything in memory.",
            "chosen_runbook_id": "high-memory",
            "decided_by": "llm",
            "feedback": words,
        }
        return EarlierIncident(**(whole | changes))

    return make


@pytest.fixture
def recall(incident: Callable[..., Incident], evidence: Callable[..., Evidence], now: datetime) -> Callable[..., Any]:
    """Look for a verdict from memory; keywords change the evidence or the incident."""

    def run(*earlier: EarlierIncident, source: Any = "medium", **changes: Any) -> Any:
        around = {name: changes.pop(name) for name in list(changes) if name in Evidence.model_fields}
        this = incident(severity=source, **changes)
        known = evidence(earlier=list(earlier), **around)
        return memory.recall(Case.of(this, known, NO_RULES, now))

    return run


# --- what proves a verdict ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("group", "lowered"), [(GROUP, True), ("prometheus:HighMemory:web-2", False)])
def test_what_a_state_presumes_is_lowered_only_by_answers_on_its_own_group(
    group: str, lowered: bool, incident: Callable[..., Incident], evidence: Callable[..., Evidence], days_ago: DaysAgo
) -> None:
    this = incident(severity="high", severity_stated=False, presumed_from="triggered")
    case = Case.of(this, evidence(), NO_RULES, this.opened_at)
    known = days_ago(3, "low", group_key=group, evidence_class=memory.evidence_class(case))
    around = evidence(earlier=[known] if lowered else [], similar=[SimilarIncident(incident=known, score=1)])

    verdict = classify(this, evidence=around, rules=NO_RULES, offered=(), model=None, now=this.opened_at)

    assert verdict.severity == ("low" if lowered else "high")


@pytest.mark.parametrize(
    ("said", "what", "severity"),
    [
        (["real"], {}, "medium"),
        (["real", "real"], {}, "medium"),
        (["low"], {}, "low"),
        (["noise"], {"outcome": "self_cleared", "severity": "noise"}, "noise"),
        ([], {"outcome": "auto_resolved", "runbook_id": "high-memory"}, "medium"),
        ([], {"outcome": "resolved", "taken_by": "Ada"}, "medium"),
        ([], {"outcome": "resolved", "taken_by": "Ada", "severity": "high"}, "high"),
    ],
)
def test_a_person_or_the_outcome_proves_a_verdict(
    said: list[str], what: dict[str, Any], severity: str, recall: Any, days_ago: DaysAgo
) -> None:
    found = recall(days_ago(3, *said, **what))
    assert isinstance(found, memory.Known)
    assert found.severity == severity
    assert "3 days ago" in found.because


@pytest.mark.parametrize(
    ("said", "what"),
    [
        ([], {}),
        ([], {"outcome": "suppressed", "severity": "noise"}),  # Firstline's own opinion
        ([], {"outcome": "self_cleared", "severity": "low"}),  # once is chance
        ([], {"outcome": "expired", "severity": "low"}),
        ([], {"outcome": "resolved", "taken_by": "Ada", "severity": "low"}),
        (["wrong_cause"], {}),
        (["real", "noise"], {}),
        (["real"], {"severity": "noise", "outcome": "suppressed"}),  # real, and nobody says how bad
    ],
)
def test_neither_firstlines_opinion_nor_chance_nor_people_who_disagree_prove_a_verdict(
    said: list[str], what: dict[str, Any], recall: Any, days_ago: DaysAgo
) -> None:
    assert recall(days_ago(3, *said, **what)) == memory.Unknown("nobody has confirmed a verdict on these words")


def test_clearing_by_itself_three_times_in_a_row_proves_a_verdict(recall: Any, days_ago: DaysAgo) -> None:
    quiet = [days_ago(days, outcome="self_cleared", severity="low") for days in (1, 2, 3)]
    found = recall(*quiet)
    assert isinstance(found, memory.Known)
    assert (found.severity, found.entry.incident_id) == ("low", "before-1")
    assert isinstance(recall(*quiet[:2], days_ago(3, severity="low")), memory.Unknown)


def test_words_that_were_never_seen_are_unknown_without_a_reason(recall: Any, days_ago: DaysAgo) -> None:
    assert recall() == memory.Unknown(None)
    assert recall(days_ago(1, "real", template="high memory: swap is at <n>")) == memory.Unknown(None)


# --- what a verdict holds for ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "changes",
    [
        {"message": "Memory is at 12 % for 99 minutes"},
        {"host": "web-2", "hosts": ["web-2"]},
        {"same_name_last_hour": 10},
        {"local_time": datetime(2026, 3, 8, 3, 0).astimezone()},
    ],
)
def test_a_verdict_holds_although_numbers_hosts_and_hours_differ(
    changes: dict[str, Any], recall: Any, days_ago: DaysAgo
) -> None:
    assert isinstance(recall(days_ago(3, "real"), **changes), memory.Known)


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"source": "critical"}, "critical"),
        ({"source": "low"}, "low"),
        ({"severity_stated": False}, "medium by its words"),
        ({"environment": "staging"}, "environment staging"),
        ({"service": "search"}, "service search"),
        ({"flapping": True}, "flapping"),
        ({"same_name_last_hour": 11}, "several alerts of the name"),
        ({"same_name_last_hour": 51}, "many alerts of the name"),
        ({"same_service": AlertCount(last_hour=30, last_day=30)}, "several of the service"),
        ({"hosts": [f"web-{number}" for number in range(9)]}, "several hosts"),
    ],
)
def test_a_verdict_does_not_hold_in_other_circumstances(
    changes: dict[str, Any], why: str, recall: Any, days_ago: DaysAgo
) -> None:
    found = recall(days_ago(3, "real"), **changes)
    assert isinstance(found, memory.Unknown)
    assert found.because is not None
    assert "was for other circumstances" in found.because
    assert why in found.because


def test_a_verdict_does_not_hold_for_more_alarming_words_of_the_same_template(
    recall: Any, days_ago: DaysAgo, incident: Callable[..., Incident], evidence: Callable[..., Evidence], now: datetime
) -> None:
    """Judge alerts that differ only in a quoted word, which the template masks."""
    ok = incident(severity="medium", message='State is "ok"')
    known = memory.evidence_class(Case.of(ok, evidence(), NO_RULES, now))
    quiet = days_ago(3, "real", template=template_of(ok.alert), evidence_class=known)
    assert isinstance(recall(quiet, message='State is "fine"'), memory.Known)
    found = recall(quiet, message='State is "corrupted"')
    assert isinstance(found, memory.Unknown)
    assert "words mean" in str(found.because)


# --- what ends a verdict ---------------------------------------------------------------------------------------------


def test_a_verdict_is_not_used_again_after_20_days(recall: Any, days_ago: DaysAgo) -> None:
    assert isinstance(recall(days_ago(20, "real")), memory.Known)
    assert "older than 20 days" in recall(days_ago(20.1, "real")).because


def test_a_deployment_of_the_service_ends_a_verdict(
    recall: Any, days_ago: DaysAgo, now: datetime, deployment: Any
) -> None:
    assert "last deployment" in recall(days_ago(3, "real"), service_deployed_at=now - timedelta(days=2)).because
    assert isinstance(recall(days_ago(3, "real"), service_deployed_at=now - timedelta(days=4)), memory.Known)
    assert "deployed just before" in recall(days_ago(3, "real"), deployments=[deployment(12)]).because


def test_a_verdict_outlives_a_deployment_only_if_a_model_agreed_with_it_afterwards(
    recall: Any, days_ago: DaysAgo, now: datetime
) -> None:
    confirmed = days_ago(3, "real", severity="medium")
    deployed = now - timedelta(days=2)

    def again(since: EarlierIncident) -> Any:
        return recall(since, confirmed, service_deployed_at=deployed)

    assert isinstance(again(days_ago(1, decided_by="llm", severity="medium")), memory.Known)
    assert "last deployment" in again(days_ago(1, decided_by="rules")).because
    assert "last deployment" in again(days_ago(2.5, decided_by="llm")).because, "it agreed before the deployment"
    assert "contradicted" in again(days_ago(1, decided_by="llm", severity="high")).because


def test_an_acknowledgement_without_an_answer_lowers_no_stated_severity(recall: Any, days_ago: DaysAgo) -> None:
    taken = days_ago(3, source="high", severity="medium", taken_by="Ada")
    assert "nobody said so" in recall(taken, source="high").because


@pytest.mark.parametrize(
    "later",
    [
        {"said": ["wrong_cause"]},
        {"said": ["noise", "real"]},
        {"severity": "high"},
        {"severity": "noise", "outcome": "suppressed"},
        {"severity": "low", "outcome": "expired"},
    ],
)
def test_a_later_incident_that_disagrees_ends_a_verdict(later: dict[str, Any], recall: Any, days_ago: DaysAgo) -> None:
    said = later.pop("said", [])
    found = recall(days_ago(1, *said, **later), days_ago(3, "real"))
    assert isinstance(found, memory.Unknown)
    assert "contradicted by before-1" in str(found.because)


def test_a_later_incident_that_needed_a_human_ends_a_harmless_verdict(recall: Any, days_ago: DaysAgo) -> None:
    harmless = days_ago(3, "noise", severity="low", outcome="self_cleared")
    assert "contradicted" in recall(days_ago(1, severity="noise", outcome="resolved"), harmless).because


def test_a_runbook_that_no_longer_cures_ends_a_verdict(recall: Any, days_ago: DaysAgo) -> None:
    cured = days_ago(3, outcome="auto_resolved", runbook_id="high-memory")
    assert isinstance(recall(days_ago(1, outcome="resolved", runbook_id=None), cured), memory.Known)
    assert "contradicted" in recall(days_ago(1, outcome="resolved", runbook_id="high-memory"), cured).because


def test_a_later_answer_replaces_an_earlier_one(recall: Any, days_ago: DaysAgo) -> None:
    found = recall(days_ago(1, "low"), days_ago(3, "real"))
    assert isinstance(found, memory.Known)
    assert (found.severity, found.entry.incident_id) == ("low", "before-1")


def test_a_verdict_from_memory_does_not_renew_itself(recall: Any, days_ago: DaysAgo) -> None:
    repeated = [days_ago(days, decided_by="cache") for days in range(1, 21)]
    assert isinstance(recall(*repeated, days_ago(20, "real")), memory.Known)
    assert "older than" in recall(*repeated, days_ago(21, "real")).because


# --- what memory may not do ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("source", ["high", "critical"])
def test_memory_prevents_no_page_that_the_source_states(source: str, recall: Any, days_ago: DaysAgo) -> None:
    quiet = [days_ago(days, "low", source=source, severity="low", outcome="self_cleared") for days in range(1, 6)]
    assert "would prevent a page" in recall(*quiet, source=source).because


def test_a_verdict_of_another_group_lowers_no_severity_from_medium_on(recall: Any, days_ago: DaysAgo) -> None:
    lower = days_ago(3, "noise", group_key="other", outcome="self_cleared", severity="low")

    refused = recall(similar=[SimilarIncident(incident=lower, score=1)], source="medium")

    assert isinstance(refused, memory.Unknown)
    assert "another group's" in (refused.because or "")


def test_a_verdict_of_another_group_that_lowers_nothing_is_used(recall: Any, days_ago: DaysAgo) -> None:
    as_bad = days_ago(3, "real", group_key="other", severity="medium")

    assert isinstance(recall(similar=[SimilarIncident(incident=as_bad, score=1)], source="medium"), memory.Known)


@pytest.mark.parametrize("source", ["medium", "low"])
def test_answers_alone_make_no_noise_of_an_alert_above_info(source: str, recall: Any, days_ago: DaysAgo) -> None:
    called = days_ago(3, "noise", "noise", outcome="self_cleared", source=source)
    assert "to drop this alert takes a rule" in recall(called, source=source).because
    assert recall(days_ago(3, "noise", outcome="self_cleared", source="info"), source="info").severity == "noise"


def test_memory_is_not_used_if_some_evidence_could_not_be_read(recall: Any, days_ago: DaysAgo) -> None:
    assert "could not be read" in recall(days_ago(3, "real"), missing=["deployments could not be read"]).because


def test_a_storm_is_judged_afresh(recall: Any, days_ago: DaysAgo) -> None:
    assert isinstance(recall(days_ago(3, "real"), storm=True), memory.Unknown)


# --- within the verdict ---------------------------------------------------------------------------------------------


@pytest.fixture
def decide(incident: Callable[..., Incident], evidence: Callable[..., Evidence], offered: Any, now: datetime) -> Decide:
    def run(*earlier: EarlierIncident, model: Any = None, rules: Rules = NO_RULES, **changes: Any) -> Classification:
        this = incident(**({"severity": "medium"} | changes))
        known = evidence(earlier=list(earlier))
        return classify(this, evidence=known, rules=rules, offered=offered, model=model, now=now)

    return run


def test_a_verdict_from_memory_asks_no_model_and_names_its_incident(
    decide: Decide, days_ago: DaysAgo, model: Any, judged: Any
) -> None:
    asked = model(judged())
    verdict = decide(days_ago(3, "real"), model=asked)
    assert asked.asked == []
    assert (verdict.decided_by, verdict.cached_from, verdict.model, verdict.usage.tokens) == (
        "cache",
        "before-3",
        None,
        0,
    )
    assert (verdict.severity, verdict.runbook_id) == ("medium", "high-memory")
    assert verdict.cause == "The nightly report keeps everything in memory."
    assert "Memory is at 97 %" in verdict.summary  # about now, not about then
    assert verdict.reasons[0].startswith("Known: the verdict on before-3, 3 days ago, holds (person 0 confirmed it)")


def test_without_a_verdict_from_memory_the_model_is_asked_and_the_reason_says_why(
    decide: Decide, days_ago: DaysAgo, model: Any, judged: Any
) -> None:
    asked = model(judged(severity="medium"))
    verdict = decide(days_ago(3), model=asked)
    assert len(asked.asked) == 1
    assert verdict.decided_by == "llm"
    assert verdict.reasons[0] == "Not from memory: nobody has confirmed a verdict on these words."


def test_every_verdict_says_the_circumstances_that_it_holds_for(decide: Decide, model: Any, judged: Any) -> None:
    for verdict in (decide(), decide(model=model(judged())), decide(model=model(judged(confidence=0.1)))):
        assert verdict.evidence_class is not None
        assert verdict.evidence_class.startswith("medium, words mean ")


def test_a_rule_counts_before_memory_and_its_bounds_hold_for_memory(
    decide: Decide, days_ago: DaysAgo, model: Any, judged: Any
) -> None:
    rule = {"id": "mine", "reason": "We agreed so.", "match": {"alert_name": "HighMemory"}}
    final = Rules.model_validate({"rules": [rule | {"severity": "low"}]})
    bound = Rules.model_validate({"rules": [rule | {"at_least": "high"}]})
    assert decide(days_ago(3, "real"), rules=final, model=model(judged())).decided_by == "rules"
    bounded = decide(days_ago(3, "real"), rules=bound, model=model(judged()))
    assert (bounded.severity, bounded.decided_by) == ("high", "cache")


def test_a_runbook_that_is_not_offered_any_more_is_not_named(decide: Decide, days_ago: DaysAgo, model: Any) -> None:
    gone = days_ago(3, "real", chosen_runbook_id="old-one")
    assert decide(gone, model=model(ValueError())).runbook_id is None


def test_with_the_model_off_memory_lowers_nothing(decide: Decide, days_ago: DaysAgo) -> None:
    verdict = decide(days_ago(3, "noise", severity="low", outcome="self_cleared"))
    assert (verdict.severity, verdict.decided_by) == ("medium", "rules")
    assert decide(days_ago(3, "real")).decided_by == "cache"


@settings(max_examples=tries(150), suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_no_memory_prevents_a_page(
    decide: Decide, days_ago: DaysAgo, model: Any, judged: Any, data: st.DataObject
) -> None:
    source = data.draw(st.sampled_from(["critical", "high", "medium", "low", "info"]))
    words = st.lists(st.sampled_from(["real", "noise", "wrong_cause", "low", "high", "critical"]), max_size=2)
    earlier = [
        days_ago(
            days,
            *data.draw(words),
            source=source,
            severity=data.draw(st.sampled_from(["critical", "high", "medium", "low", "noise"])),
            outcome=data.draw(st.sampled_from(["suppressed", "self_cleared", "auto_resolved", "resolved", "expired"])),
            runbook_id=data.draw(st.sampled_from([None, "high-memory"])),
        )
        for days in range(1, data.draw(st.integers(min_value=1, max_value=6)))
    ]
    verdict = decide(*earlier, severity=source, model=model(judged(severity="critical")))
    if verdict.decided_by == "cache" and source in ("high", "critical"):
        assert SEVERITY_RANK[verdict.severity] >= SEVERITY_RANK[source]


def test_neither_memory_nor_a_rule_imports_the_models_client() -> None:
    """Classify in a fresh process: importing the client would make each cold start several times slower."""
    root = Path(__file__).parents[3]
    program = f"""
import sys
sys.path[:0] = [{str(root)!r}, {str(root / "layers" / "core")!r}]
import firstline.adapters.llm.chat_model
from datetime import timedelta
from firstline.classification import memory
from firstline.classification.case import Case
from firstline.policy.rules import NO_RULES, Rules
from firstline.classification.templates import template_of
from firstline.classification.classify import classify
from firstline.models import EarlierIncident, Evidence
from tests.support.builders import NOON, alert, incident

this = incident(alert=alert(service="shop").without_raw())
around = Evidence(same_name_last_hour=1, earlier=[], deployments=[], local_time=NOON, business_hours=True)
cured = EarlierIncident(
    incident_id="before", opened_at=NOON - timedelta(days=1), closed_at=NOON - timedelta(hours=23),
    severity="medium", outcome="auto_resolved", runbook_id="low-disk", group_key="group-1",
    template=template_of(this.alert), evidence_class=memory.evidence_class(Case.of(this, around, NO_RULES, NOON)),
)
class Model:
    def verdict(self, prompt):
        raise AssertionError("the model was asked")
known = around.model_copy(update={{"earlier": [cured]}})
rule = {{"id": "r", "reason": "so", "match": {{"alert_name": "DiskFull"}}, "severity": "low"}}
for rules, by in ((NO_RULES, "cache"), (Rules.model_validate({{"rules": [rule]}}), "rules")):
    verdict = classify(this, evidence=known, rules=rules, offered=[], model=Model(), now=NOON)
    assert verdict.decided_by == by, verdict
print(sorted(name for name in sys.modules if name.split(".")[0] in ("openai", "httpx", "httpx2")))
"""
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert ran.stdout.strip() == "[]", ran.stderr[-2_000:]
