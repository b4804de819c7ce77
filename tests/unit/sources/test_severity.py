"""The severity that senders state in words, phrases, names and numbers."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firstline.sources import normalize, normalize_batch
from firstline.sources.cloudwatch_alarm import severity_word, topic_severity_word
from firstline.sources.severity import SCALES, WORDS, from_number, from_word
from tests.unit.sources.events import event

STATED = {
    "not an emergency": "medium",
    "not yet critical": "medium",
    "uncritical": "medium",
    "Minor outage": "medium",
    # A word of a scale with an addition.
    "P1 - Critical": "critical",
    "P2: customers notice": "high",
    "P3 (Moderate)": "medium",
    "4 - Low": "low",
    "P5 - Informational": "info",
    "1 - Critical": "critical",
    "3 – Moderate": "medium",
    "Critical (P1)": "critical",
    "[P2] Major": "high",
    "Sev-1: Outage": "critical",
    "SEV2": "high",
    "sev 3": "medium",
    "Severity 1": "critical",
    "priority #2": "high",
    "Priority-4": "low",
    "S2": "high",
    "severity::1": "critical",
    "prio=3": "medium",
    "P0": "critical",
    "Pri 1": "critical",
    # Jira's and syslog's.
    "Blocker": "critical",
    "Highest": "critical",
    "Panic": "critical",
    "Normal": "medium",
    "Trivial": "low",
    "Lowest": "low",
    "Immediate": "critical",
    "Important": "high",
    "not important": "medium",
    "3 - Serious": "high",
    "cosmetic": "low",
    "🔴 Critical": "critical",
    "HIGH!": "high",
    "High priority": "high",
    "high_severity": "high",
    "Low: cosmetic": "low",
    "high - customers affected": "high",
    "warning: two of three": "medium",
    "Alert: critical": "critical",
    "medium/high": "medium",
    # A change: what it is now counts.
    "Warning -> Critical": "critical",
    "Critical \u2192 Warning": "medium",
    "P3 => P1": "critical",
    "changed from warning to critical": "critical",
    "raised from P3 to P1 (was P4)": "critical",
    "high -> #ops": "high",
    "due to critical load": "critical",
    # Negation.
    "non-critical": "medium",
    "non-paging": "medium",
    "do-not-page": "medium",
    "NonCritical": "medium",
    "noncritical": "medium",
    "not critical": "medium",
    "not so critical": "medium",
    "non_urgent": "medium",
    "isn't critical": "medium",
    "no longer critical": "medium",
    "less critical": "medium",
    "un-urgent": "medium",
    "non-critical, low": "low",
    "not low": None,
    "non-prod critical": "critical",
    # Compounds that tell of a measure or a thing.
    "low-latency": None,
    "high-cpu": None,
    "high_availability": None,
    "HighMemory": None,
    "low disk space": None,
    "cpu-high": None,
    "error-rate": None,
    "page load": None,
    # No word of any scale.
    "host/node": None,
    "not classified": None,
    "P6": None,
    "S9": None,
    "S3Bucket": None,
    "P10": None,
    "p99": None,
    "p3.2xlarge": None,
    "lowercase": None,
    "7": None,
    "": None,
    "– / –": None,
}


@pytest.mark.parametrize(("text", "severity"), STATED.items())
def test_a_text_states_one_severity_or_none(text: str, severity: str | None) -> None:
    assert from_word(text) == severity


@pytest.mark.parametrize(
    ("name", "word"),
    [
        ("checkout-NonCritical-depth", None),
        ("non-critical queue depth", None),
        ("no critical errors since noon", None),
        ("queue [non-critical] depth", "non-critical"),
        ("severity: low-latency", None),
        ("severity: not critical", "not critical"),
        ("LedgerLagCritical", "critical"),
        ("ledger critical-path latency", None),
        ("CriticalSectionHeld", None),
        ("EmergencyBrake of the press", None),
        ("uncritical lag of the ledger", None),
        ("ledger p99 latency", None),
        ("ledger Sev 1 lag", "sev1"),
        ("Prio2: ledger lags", "sev2"),
        ("ledger priority-3", "sev3"),
        ("ledger S3 errors", None),
        ("ledger p 1 errors", None),
        ("ledger priority queue 1", None),
        ("Severity: 3 (Moderate)", "3 (Moderate)"),
        ("severity = sev 2. See the runbook", "sev 2"),
        ('{"team": "ledger", "severity": "high"}', "high"),
        ('{"priority":"P4"}', "P4"),
        ("priority: as agreed", None),
        ("severity: low team: high", "low"),
    ],
)
def test_a_severity_is_found_in_an_alarm_name_only_as_a_word_of_its_own(name: str, word: str | None) -> None:
    assert severity_word(name) == word


@pytest.mark.parametrize(
    ("topic", "word"),
    [
        ("ledger-non-critical", None),
        ("alarms-noncritical", None),
        ("NotCriticalAlarms", None),
        ("ledger-critical", "critical"),
        ("nonprod-critical", "critical"),
        ("non-prod-critical", "critical"),
        ("LedgerCriticalAlarms", "critical"),
        ("low-latency-trading", None),
        ("high-cpu-alarms", None),
        ("alarms-cpu-high", None),
        ("high-priority-pages", "high"),
        ("ledger-alarms-low", "low"),
        ("urgent-alarms", "urgent"),
        ("ledger-not-urgent", None),
        ("ledger-sev-1", "sev1"),
    ],
)
def test_a_severity_is_found_in_a_topic_name_only_if_it_grades_the_alarms(topic: str, word: str | None) -> None:
    assert topic_severity_word(f"arn:aws:sns:eu-west-1:210987654321:{topic}") == word


@given(st.sampled_from(sorted(WORDS)), st.sampled_from(["{}", "{}!", "[{}]", " {} ", "{}: it burns", "{} - 17 hosts"]))
def test_a_severity_word_keeps_its_severity_between_signs_and_in_capitals(word: str, frame: str) -> None:
    assert from_word(frame.format(word)) == WORDS[word]
    assert from_word(frame.format(word.upper())) == WORDS[word]


@given(st.sampled_from(sorted(WORDS)), st.sampled_from(["non-{}", "not {}", "Not-so-{}", "non{}", "NOT {}!"]))
def test_a_negated_severity_word_states_medium_or_nothing(word: str, frame: str) -> None:
    assert from_word(frame.format(word)) == ("medium" if WORDS[word] in ("critical", "high") else None)


@given(st.text(max_size=80))
def test_any_text_at_all_states_a_known_severity_or_none(text: str) -> None:
    assert from_word(text) in {*WORDS.values(), None}
    # The search in names raises nothing.
    severity_word(text)
    topic_severity_word(text)


@pytest.mark.parametrize(
    ("scale", "number", "severity"),
    [
        ("GuardDuty", 9.4, "critical"),
        ("GuardDuty", 9, "critical"),
        ("GuardDuty", "8.9", "high"),
        ("GuardDuty", 7.0, "high"),
        ("GuardDuty", 6.99, "medium"),
        ("GuardDuty", 4, "medium"),
        ("GuardDuty", 1, "low"),
        ("Security Hub", 90, "critical"),
        ("Security Hub", 0, "info"),
        ("Azure Monitor", "0", "critical"),
        ("Azure Monitor", 3, "info"),
        ("Zabbix", "4", "high"),
        ("GuardDuty", -1, None),
        ("GuardDuty", float("nan"), None),
        ("GuardDuty", 10**400, None),
        ("GuardDuty", "high", None),
        ("GuardDuty", None, None),
        ("GuardDuty", [], None),
    ],
)
def test_a_number_states_the_severity_of_its_senders_scale(scale: str, number: Any, severity: str | None) -> None:
    assert from_number(scale, number) == severity


@pytest.mark.parametrize("scale", SCALES)
def test_the_steps_of_a_scale_fall_and_never_repeat(scale: str) -> None:
    steps = [lowest for lowest, _ in SCALES[scale]]

    assert steps == sorted(set(steps), reverse=True)


@pytest.mark.parametrize(
    ("priority", "severity"), [("P1 - Critical", "critical"), ("4 - Low", "low"), ("SEV-2 (major)", "high")]
)
def test_the_priority_of_a_pagerduty_incident_goes_before_its_urgency(priority: str, severity: str) -> None:
    data = {"id": "Q1", "title": "Ledger", "status": "triggered", "urgency": "high", "priority": {"summary": priority}}

    (alert,) = normalize("pagerduty", {"event": {"event_type": "incident.triggered", "data": data}})

    assert alert.severity == severity


def test_an_unknown_severity_phrase_counts_as_high_and_is_reported() -> None:
    batch = normalize_batch("generic", {"alert_name": "Ledger", "severity": "low-latency"})

    assert [alert.severity for alert in batch.alerts] == ["high"]
    assert batch.unknown_severities == ["low-latency"]


@pytest.mark.parametrize(
    "word",
    ["<no value>", "N/A", "-", "null", "undefined", "Unknown", "not set", "Not classified", "❓", "(unspecified)"],
)
def test_a_placeholder_for_no_value_states_no_severity(word: str) -> None:
    batch = normalize_batch("generic", {"alert_name": "Ledger", "severity": word})

    (alert,) = batch.alerts
    assert (alert.severity, alert.severity_stated, batch.unknown_severities) == ("medium", False, [])


@pytest.mark.parametrize("number", [0, 1, 3, "2", "-1", "7.5", 10, "99"])
def test_a_number_of_no_known_scale_states_no_severity(number: Any) -> None:
    alertmanager = {"status": "firing", "labels": {"alertname": "Lag", "severity": str(number)}}
    for source, body in (
        ("generic", {"alert_name": "Lag", "severity": number}),
        ("generic", {"alert_name": "Lag", "labels": {"level": number}}),
        ("prometheus", {"alerts": [alertmanager]}),
        ("grafana", {"alerts": [alertmanager]}),
    ):
        batch = normalize_batch(source, body)
        (alert,) = batch.alerts
        assert (alert.severity, alert.severity_stated, batch.unknown_severities) == ("medium", False, [])


@pytest.mark.parametrize(("said", "severity"), [("P1", "critical"), ("1 - Critical", "critical"), ("loud 1", "high")])
def test_a_severity_text_with_a_number_and_a_word_is_read_by_its_word(said: str, severity: str) -> None:
    (alert,) = normalize_batch("generic", {"alert_name": "Lag", "severity": said}).alerts
    assert alert.severity == severity


def test_a_pagerduty_priority_that_is_only_a_number_leaves_the_urgency() -> None:
    body = event("pagerduty/triggered")
    body["event"]["data"] |= {"priority": {"summary": "1"}, "urgency": "low"}
    (alert,) = normalize_batch("pagerduty", body).alerts
    assert alert.severity == "low"
