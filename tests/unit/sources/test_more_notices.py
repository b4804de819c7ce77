"""Tests of further messages that are no alarms: findings about access, environments, mails and the documented shape."""

from typing import Any

import pytest

from firstline.sources import normalize, normalize_batch
from tests.unit.sources.notices import bridged, over_sns

HEALTHY = "Environment health has transitioned from Severe to Ok."
SEVERE = "Environment health has transitioned from Ok to Severe. 100.0 % of the requests fail."


def environment(message: str) -> dict[str, Any]:
    told = {"Message": message, "EnvironmentName": "blue", "ApplicationName": "ledger", "Severity": "WARN"}
    return bridged("Health status change", told)


def access(status: str, **detail: Any) -> dict[str, Any]:
    told = {"id": "f-1", "status": status, "resource": "arn:aws:s3:::bucket-of-all", **detail}
    return bridged("Access Analyzer Finding", told)


def emr(state: str, severity: str) -> dict[str, Any]:
    told = {"state": state, "severity": severity, "name": "nightly"}
    return bridged("EMR Cluster State Change", told) | {"source": "aws.emr"}


MAIL = (
    "Event Source : db-instance\nIdentifier Link: https://console.aws.amazon.com/rds\nSourceId: wallet\n"
    "Notification time: 2026-05-04 03:01:59.000\nMessage: Multi-AZ instance failover started.\n"
    "Event ID : https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/USER_Events.html#RDS-EVENT-0013"
)


@pytest.mark.parametrize(
    ("message", "status", "severity", "about"),
    [
        (bridged("Incident Created", {"incident-record-id": "7"}), "firing", "medium", None),
        (bridged("Outage Started", {"zone": "a"}), "firing", "medium", None),
        (
            bridged("Glue Job State Change", {"jobName": "etl", "state": "FAILED", "severity": "ERROR"}),
            "firing",
            "high",
            "etl",
        ),
        (environment(SEVERE), "firing", "critical", "ledger"),
        (environment(HEALTHY), "resolved", None, "ledger"),
        (access("ACTIVE", isPublic=True), "firing", "high", "bucket-of-all"),
        (access("RESOLVED"), "resolved", None, "bucket-of-all"),
        (emr("TERMINATED_WITH_ERRORS", "CRITICAL"), "firing", "critical", "nightly"),
        (over_sns(MAIL, "RDS Notification Message"), "firing", "high", "wallet"),
    ],
)
def test_a_message_becomes_one_alert_with_its_status_severity_and_service(
    message: Any, status: str, severity: str | None, about: str | None
) -> None:
    (alert,) = normalize("cloudwatch", message)

    assert (alert.status, alert.service) == (status, about)
    assert severity is None or alert.severity == severity


@pytest.mark.parametrize(
    "message",
    [
        environment("New application version was deployed."),
        emr("TERMINATED", "INFO"),
        bridged("CodeCommit Repository State Change", {"event": "referenceUpdated"}),
        bridged("Object Deleted", {"bucket": {"name": "b"}}),
    ],
)
def test_a_message_about_no_problem_is_ignored_with_a_reason(message: Any) -> None:
    batch = normalize_batch("cloudwatch", message)

    assert (batch.alerts, len(batch.ignored)) == ([], 1)


@pytest.mark.parametrize(
    ("began", "ended"),
    [(environment(SEVERE), environment(HEALTHY)), (access("ACTIVE"), access("RESOLVED", isPublic=False))],
)
def test_the_end_of_a_problem_has_the_identity_of_its_beginning(began: Any, ended: Any) -> None:
    (first,), (second,) = normalize("cloudwatch", began), normalize("cloudwatch", ended)

    assert (first.fingerprint, first.group_key) == (second.fingerprint, second.group_key)


def test_an_event_about_an_instance_has_a_host_and_no_service() -> None:
    detail = {"instance-id": "i-0f1e2d3c4b5a69788", "instance-action": "terminate"}

    (alert,) = normalize("cloudwatch", bridged("EC2 Spot Instance Interruption Warning", detail))

    assert (alert.host, alert.service) == ("i-0f1e2d3c4b5a69788", None)


def test_the_headline_of_a_notification_says_what_happened() -> None:
    event = bridged("Amazon OpenSearch Service Notification", {"event": "High disk usage", "status": "Warning"})

    (alert,) = normalize("cloudwatch", event)

    assert "High disk usage" in alert.alert_name


@pytest.mark.parametrize(("topic", "severity"), [("jobs", "medium"), ("jobs-critical", "critical")])
def test_the_generic_shape_on_a_topic_takes_account_region_and_severity_from_the_topic(
    topic: str, severity: str
) -> None:
    told = {"alert_name": "Import is late", "host": "mq-1"}
    arn = f"arn:aws:sns:eu-west-3:210987654321:{topic}"

    (began,) = normalize("cloudwatch", over_sns(told, topic=arn))
    (ended,) = normalize("cloudwatch", over_sns(told | {"status": "resolved"}, topic=arn))

    said = {"alert_name": "Import is late", "host": "mq-1", "account": "210987654321", "region": "eu-west-3"}
    assert began.model_dump(include={*said, "severity"}) == said | {"severity": severity}
    assert (ended.status, ended.fingerprint, ended.group_key) == ("resolved", began.fingerprint, began.group_key)
