"""Tests of messages that are no alarms: which resolve an alert, which are ignored, and which are the same alert."""

from typing import Any

import pytest

from firstline.sources import normalize, normalize_batch
from firstline.sources.notices.notice import essence
from tests.unit.sources.notices import bridged, by_rule, insight, invocation, over_sns, pipeline


def keys(*messages: Any) -> list[tuple[str, str]]:
    """Return fingerprint and group key of the only alert in each message, sent through SNS."""
    alerts = [normalize("cloudwatch", over_sns(message))[0] for message in messages]
    return [(alert.fingerprint, alert.group_key) for alert in alerts]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (invocation(), invocation(order=2)),
        (insight(), insight("CLOSED_INSIGHT")),
        (pipeline("Pipeline"), by_rule(pipeline("Pipeline"))),
        ("No backup of ledger for 3 days", "No backup of ledger for 4 days"),
    ],
    ids=["tries of one invocation", "insight and its end", "pipeline by event and by rule", "another number of days"],
)
def test_two_messages_about_the_same_problem_are_one_alert(one: Any, other: Any) -> None:
    first, second = keys(one, other)

    assert first == second


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (pipeline("Pipeline"), pipeline("Stage", stage="Deploy")),
        (pipeline("Action", stage="Deploy", action="Blue"), pipeline("Action", stage="Deploy", action="Green")),
    ],
)
def test_the_parts_of_a_pipeline_are_alerts_of_one_incident(one: Any, other: Any) -> None:
    (alert, group), (other_alert, other_group) = keys(one, other)

    assert alert != other_alert
    assert group == other_group


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("it lags for 90 minutes, then for 2 days", "it lags for , then for"),
        ("5 dayparts of 3 weekly runs", "5 dayparts of 3 weekly runs"),
    ],
)
def test_durations_are_removed_from_a_texts_essence_and_other_numbers_are_not(text: str, kept: str) -> None:
    assert essence(text) == kept


@pytest.mark.parametrize(
    ("began", "ended"),
    [
        (("PROBLEM: pump 7 leaks", "PROBLEM: pump 7"), ("RESOLVED: pump 7 leaks", "RESOLVED: pump 7")),
        (("[ALARM] pump 7 leaks since 03:01", None), ("✅ [OK] pump 7 leaks since 03:01", None)),
        (("pump 7 leaks", None), ("Recovered - pump 7 leaks", None)),
        (({"pump": 7, "state": "LEAKS"}, "pump 7"), ({"state": "recovered", "pump": 7}, "pump 7")),
        (({"pump": 7, "pumpAlarmState": "SET"}, "pump 7"), ({"pump": 7, "pumpAlarmState": "CLEARED"}, "pump 7")),
        (({"pump": 7, "status": "red"}, "pump 7"), ({"pump": 7, "status": "green"}, "pump 7")),
        (({"detail": {"pump": 7, "status": "bad"}}, None), ({"detail": {"pump": 7, "status": "OK"}}, None)),
    ],
)
def test_a_message_of_an_unknown_sender_resolves_the_alert_if_its_state_is_an_end(began: Any, ended: Any) -> None:
    (fires,), (ends,) = (normalize("cloudwatch", over_sns(*message)) for message in (began, ended))

    assert (fires.status, ends.status) == ("firing", "resolved")
    assert (ends.fingerprint, ends.group_key) == (fires.fingerprint, fires.group_key)


@pytest.mark.parametrize(
    "text", ["OK to shut pump 7 down?", "Resolved tickets: none", "pump 7: not OK: leaks", "UNRESOLVED: pump 7", "ok"]
)
def test_a_text_that_only_resembles_an_end_is_firing(text: str) -> None:
    assert normalize("cloudwatch", over_sns(text))[0].status == "firing"


@pytest.mark.parametrize(
    "message",
    [
        bridged("Kiln Firing Job State Change", {"FiringJobName": "tiles", "FiringJobStatus": "Completed"}),
        bridged("Kiln Deployment Status Change", {"kiln": 4, "jobStatus": "SUCCEED"}),
        bridged("Kiln Automation Status-change Notification", {"Kiln": 4, "Status": "Success"}),
        bridged("Kiln Canary TestRun Successful", {"kiln": 4}),
        bridged("Inspector2 Scan", {"scan-status": "INITIAL_SCAN_COMPLETE", "repository-name": "glaze"}),
        bridged("Email Bounced", {"eventType": "Bounce"}),
        over_sns({"importTaskStatus": "Succeeded", "previousTaskStatus": "Failed", "kiln": 4}),
        over_sns({"Records": [{"eventSource": "aws:s3", "eventName": "ObjectRemoved:Delete"}]}),
        over_sns({"messageType": "ConfigurationItemChangeNotification", "notificationCreationTime": "2026-05-04"}),
        over_sns("Successfully validated SNS topic for Amazon SES event publishing."),
    ],
)
def test_a_success_is_ignored_with_a_reason_whatever_the_key_of_the_state(message: Any) -> None:
    batch = normalize_batch("cloudwatch", message)

    assert (batch.alerts, len(batch.ignored)) == ([], 1)


@pytest.mark.parametrize(
    "message",
    [
        bridged("Kiln Firing Job State Change", {"FiringJobName": "tiles", "FiringJobStatus": "Failed"}),
        bridged("Kiln Canary TestRun Failure", {"kiln": 4}),
        over_sns({"summary": "the kiln is cold", "doorStatus": "closed", "severity": "high"}),
    ],
)
def test_a_failure_is_firing_although_another_field_says_that_something_is_well(message: Any) -> None:
    assert normalize("cloudwatch", message)[0].status == "firing"


def test_an_api_call_that_cloudtrail_recorded_is_named_by_the_call_and_the_caller() -> None:
    detail = {"eventSource": "iam.amazonaws.com", "eventName": "DeleteRole", "eventTime": "2026-05-04T03:02:01Z"}
    ada, bob = (
        normalize("cloudwatch", bridged("AWS API Call via CloudTrail", {**detail, "userIdentity": {"userName": name}}))
        for name in ("ada", "bob")
    )

    assert (ada[0].alert_name, bob[0].alert_name) == ("DeleteRole by ada", "DeleteRole by bob")
    assert ada[0].group_key != bob[0].group_key


def test_an_event_without_findings_is_ignored_with_a_reason() -> None:
    batch = normalize_batch("cloudwatch", bridged("Security Hub Findings - Imported", {"findings": []}))

    assert (batch.alerts, len(batch.ignored)) == ([], 1)
