"""Severities that are presumed from a sender's state, where the sender states no severity."""

from typing import Any

import pytest

from firstline.models import NormalizedAlert, kind_of
from firstline.sources import normalize
from tests.unit.sources.events import alert as alert_of
from tests.unit.sources.events import event


def datadog(**said: str) -> NormalizedAlert:
    return normalize("datadog", {"title": "Disk", "alert_id": "7", "alert_transition": "Triggered", **said})[0]


def pagerduty(**said: Any) -> NormalizedAlert:
    payload = event("pagerduty/triggered")
    payload["event"]["data"] |= {"urgency": None, "priority": None} | said
    return normalize("pagerduty", payload)[0]


@pytest.mark.parametrize(
    ("alert", "severity", "presumed"),
    [
        (datadog(), "high", "triggered"),
        (datadog(alert_type="error"), "high", "triggered"),
        (datadog(alert_transition="Re-Triggered", alert_type="error"), "high", "triggered"),
        (datadog(alert_transition="", alert_type="error"), "high", "triggered"),
        (datadog(alert_transition="No Data", alert_type="error"), "high", "no data"),
        (datadog(alert_transition="Warn", alert_type="warning"), "medium", None),
        (datadog(alert_priority="P2"), "high", None),
        (datadog(tags="severity:low"), "low", None),
        (pagerduty(urgency="high"), "high", "high urgency"),
        (pagerduty(), "high", "high urgency"),
        (pagerduty(urgency="low"), "low", None),
        (pagerduty(urgency="high", priority={"summary": "P4"}), "low", None),
        (alert_of("cloudwatch/sns-rds-event"), "high", "firing"),
        (alert_of("cloudwatch/sns-guardduty"), "high", None),
        (alert_of("cloudwatch/eventbridge-contributor"), "medium", None),
        (normalize("generic", {"memo": "Token in /etc", "manage_url": "https://c.example/1"})[0], "high", "firing"),
        (normalize("generic", {"alert_name": "Disk", "status": "CRITICAL"})[0], "critical", None),
        (normalize("generic", {"alert_name": "Disk", "severity": "purple"})[0], "high", None),
    ],
)
def test_a_severity_that_is_taken_from_a_state_is_presumed_and_not_stated(
    alert: NormalizedAlert, severity: str, presumed: str | None
) -> None:
    assert (alert.severity, alert.presumed_from) == (severity, presumed)
    assert not (alert.severity_stated and presumed)


def test_an_alert_about_missing_data_is_another_kind_than_the_one_about_the_value() -> None:
    value, missing = kind_of(datadog()), kind_of(datadog(alert_transition="No Data"))

    assert (missing.alert_name, value.alert_name) == ("Disk (no data)", "Disk")
    assert missing.key != value.key
