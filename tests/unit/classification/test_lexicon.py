"""The guess at the severity of an alert whose source states none, by the alert's words."""

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firstline.classification import lexicon
from firstline.classification.classify import classify
from firstline.models import Classification, Evidence, Incident
from firstline.policy.rules import NO_RULES
from tests.support.builders import alert


@pytest.mark.parametrize(
    ("name", "message", "severity"),
    [
        ("PostgresqlDown", "The instance is down", "critical"),
        ("etcd-no-leader", "Member 3 sees no leader", "critical"),
        ("ReplicaCheck", "The ledger may suffer data loss", "critical"),
        ("ReplicaCheck", "The follower has crashed", "high"),
        ("LedgerErrors", "5% of the requests end with 5xx", "high"),
        ("LedgerErrors", "5% of the requests end with 4xx", "medium"),
        ("Volume is full", "", "high"),
        ("SlowQueries", "Queries take longer than 2 s", "medium"),
        ("QueueDepth", "12000 messages wait", "medium"),
        ("WarningCountdown", "The countdown runs", "medium"),
        ("Daily report: total orders", "", "low"),
        ("Daily report: total orders", "Informational", "info"),
        ("Backup of the ledger completed", "It was completed successfully", "info"),
        ("Backup of the ledger completed", "It was completed, and 3 volumes are missing, unable to read them", "high"),
        ("StreamLatencyCritical", "", "critical"),
        ("LedgerMetricsMissing", "Metrics are missing", "medium"),
        ("LedgerHostRestarted", "The host has restarted", "low"),
        ("LedgerCalls", "Number of calls per minute", "low"),
        ("LedgerCalls", "For more info see the dashboard", "medium"),
        ("LedgerCalls", "The number of calls per minute is too high", "medium"),
        ("LedgerDown", "Number of calls per minute", "critical"),
        ("ledger-dlq", "Messages in the dead letter queue", "medium"),
        ("ledger-port", "The port went up and down 6 times", "medium"),
        ("LedgerRequests", "10 requests were late in 5 minutes", "medium"),
        ("LedgerPool", "It runs out in 5 minutes", "high"),
        ("sequence-number-constant", "It has been the same for 10 minutes", "high"),
        ("ストレージ", "ディスク使用率", "medium"),
        ("決済サービス停止", "", "critical"),
        ("Ledger", "サーバーが応答していません。", "high"),
        ("Kontobuch nicht erreichbar", "", "critical"),
        ("Ledger", "Le service est indisponible", "high"),
        ("Ledger", "Posible pérdida de datos", "critical"),
        ("Ledger", "O serviço está fora do ar", "high"),
        ("Ledger", "数据库不可用", "high"),
        ("Ledger", "서비스 중단", "high"),
    ],
)
def test_the_words_of_an_alert_give_their_usual_severity(name: str, message: str, severity: str) -> None:
    assert lexicon.read(name, message).severity == severity


def test_a_guess_names_its_words_the_strongest_first() -> None:
    guess = lexicon.read("ApiDown", "has expired: unable to serve, no index, cpu is idle")

    assert guess.words == ("down", "unable to", "has expired")
    assert guess.because == "its words (down, unable to, has expired) usually mean critical"


def test_an_alert_without_known_words_is_medium() -> None:
    assert lexicon.read("Foo", "bar").because == "its words do not suggest one either, so it counts as medium"


@pytest.mark.parametrize("spelling", ["KubeAPINotRunning", "kube-api_not_running", "Kube API: NOT RUNNING!"])
def test_words_count_in_camel_case_with_hyphens_and_in_capitals(spelling: str) -> None:
    assert lexicon.read(spelling, "") == lexicon.Guess("critical", ("not running",))


def test_a_word_within_a_longer_word_does_not_count() -> None:
    assert lexicon.read("CountdownShutdownSlowdownDownstream", "informed").words == ()


@pytest.mark.parametrize(
    ("name", "meant_otherwise"),
    [("IndexDown", "IndexScaledDown"), ("PageFull", "PageFaultsFullSync"), ("LinkMissing", "LinkMissingLabel")],
)
def test_a_word_within_a_longer_phrase_does_not_count_by_itself(name: str, meant_otherwise: str) -> None:
    assert lexicon.read(name, "").severity in ("high", "critical")
    assert lexicon.read(meant_otherwise, "") == lexicon.Guess("medium", ())


@pytest.mark.parametrize(
    ("message", "severity", "words"),
    [
        ("Predicted to fill within the next 4 hours", "high", ("within 4 hours",)),
        ("Predicted to fill within four days", "medium", ("within 4 days",)),
        ("Will run out in the next hour", "critical", ("run out", "within 1 hour")),
    ],
)
def test_the_time_that_is_left_decides_the_severity(message: str, severity: Any, words: tuple[str, ...]) -> None:
    assert lexicon.read("LedgerForecast", message) == lexicon.Guess(severity, words)


def test_a_calming_message_does_not_lower_an_alarming_name() -> None:
    calming = "Info: informational notice, heartbeat, completed, no action"

    assert lexicon.read("PaymentGatewayDown", calming).severity == "critical"


def test_calming_words_do_not_lower_a_loss_of_data() -> None:
    calming = "warning, only slow, possibly stale, may be pending, degraded, indicates a restart"

    assert lexicon.read("LedgerReplica", f"Data loss: {calming}").severity == "critical"


def test_words_beyond_the_bound_of_a_text_are_not_read() -> None:
    assert lexicon.read("x" * 100_000 + " down", "y " * 100_000).severity == "medium"


_PIECES = st.sampled_from(
    [
        "corrupt",
        "Down",
        "停止",
        " ",
        "_",
        "-",
        "no",
        "endpoint",
        "İ",
        "4xx",
        "in 4 hours",
        "<3 % left",
        "not",
        "info",
        "\x00",
        "é",
    ]
)


@given(
    name=st.lists(_PIECES | st.text(max_size=5)).map("".join),
    message=st.lists(_PIECES | st.text(max_size=5)).map("".join),
)
def test_any_text_is_read(name: str, message: str) -> None:
    guess = lexicon.read(name, message)

    assert guess.severity in ("critical", "high", "medium", "low", "info")
    assert len(guess.words) <= 3


@pytest.fixture
def decide(
    incident: Callable[..., Incident], evidence: Callable[..., Evidence], offered: Any, now: Any
) -> Callable[..., Classification]:
    def run(model: Any = None, **alert: Any) -> Classification:
        return classify(incident(**alert), evidence=evidence(), rules=NO_RULES, offered=offered, model=model, now=now)

    return run


def test_a_stated_severity_is_not_replaced_by_a_guess(decide: Callable[..., Classification]) -> None:
    verdict = decide(alert_name="EverythingIsDown", severity="medium")

    assert verdict.severity == "medium"
    assert "prometheus says medium." in verdict.reasons


def test_an_unstated_severity_is_guessed_and_the_reason_says_so(decide: Callable[..., Classification]) -> None:
    verdict = decide(alert_name="EverythingIsDown", severity="medium", severity_stated=False)

    assert verdict.severity == "critical"
    assert any(reason.startswith("prometheus gives no severity; its words (down") for reason in verdict.reasons)


def test_a_model_may_not_lower_a_guessed_critical_below_high(
    decide: Callable[..., Classification], judged: Callable[..., Any], model: Callable[..., Any]
) -> None:
    obedient = model(judged(severity="noise", confidence=1.0))

    verdict = decide(obedient, alert_name="EverythingIsDown", severity="medium", severity_stated=False)

    assert verdict.severity == "high"
    assert verdict.reasons[0].startswith("prometheus gives no severity;")


def test_history_does_not_suppress_an_alert_whose_words_mean_critical(
    incident: Callable[..., Incident],
    evidence: Callable[..., Evidence],
    ended: Callable[..., Any],
    offered: Any,
    now: Any,
) -> None:
    def judge(message: str) -> Classification:
        return classify(
            incident(alert_name="Verifier", message=message, severity="info"),
            evidence=evidence(earlier=ended(*["self_cleared"] * 5)),
            rules=NO_RULES,
            offered=offered,
            model=None,
            now=now,
        )

    assert judge("Verifier was slow").severity == "noise"
    alarming = judge("The ledger is down: an outage")
    assert alarming.severity == "low"
    assert any(reason.startswith("Not noise, although 5 of the last 5") for reason in alarming.reasons)


@pytest.mark.parametrize(
    ("message", "words"),
    [
        ("3 objects are unreadable on all copies. Data loss.", "data loss"),
        ("Split-brain: both nodes are primary", "split brain"),
        ("The cluster has lost quorum", "lost quorum"),
        ("Data loss: 3 blocks have no copy", "data loss"),
        ("Snapshot verified, no data loss", None),
        ("Data Loss Prevention: the weekly report is ready", None),
        ("Ransomware protection: new definitions", None),
        ("The split brain was resolved", None),
        ("Writes fail, which may lead to permanent data loss", None),
        ("Weekly drill: data loss in the sandbox", None),
        ("CPU is high", None),
    ],
)
def test_only_a_loss_of_data_that_is_stated_as_a_fact_counts(message: str, words: str | None) -> None:
    assert lexicon.loss_stated(alert(message=message)) == words
