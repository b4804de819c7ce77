"""Messages of AWS that are no CloudWatch alarms: the alert each becomes, and messages with odd parts."""

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest

from firstline.errors import UnreadablePayload
from firstline.models import NormalizedAlert
from firstline.sources import normalize, normalize_batch
from tests.support.depth import some
from tests.unit.sources.notices import (
    BACKUP,
    BEANSTALK,
    BUDGET,
    bridged,
    by_rule,
    custom,
    deployment,
    finding,
    health,
    hub,
    insight,
    invocation,
    over_sns,
    pipeline,
    rds,
    scaling,
)

FIRES, ENDS = "firing", "resolved"
NEITHER = None

HEALTHY = "Environment health has transitioned from Severe to Ok."
SEVERE = "Environment health has transitioned from Ok to Severe. 100.0 % of the requests fail."
QUEUE = "arn:aws:ecs:eu-central-1:381904772516:service/blue/queue"

MESSAGES: list[tuple[str, Any, str | None, str | None, str | None]] = [
    # id, message, expected status, expected severity, expected service
    ("invocation", invocation(), FIRES, "medium", "ledger-import"),
    ("invocation", invocation("Success"), NEITHER, None, None),
    ("insight", insight(), FIRES, "high", None),
    ("insight worse", insight("SEVERITY_UPGRADED"), FIRES, "high", None),
    ("insight over", insight("CLOSED_INSIGHT"), ENDS, None, None),
    ("insight more", insight("NEW_RECOMMENDATION"), NEITHER, None, None),
    ("pipeline", by_rule(pipeline("Pipeline")), FIRES, "medium", "ledger"),
    ("pipeline runs", by_rule(pipeline("Stage", state="STARTED")), NEITHER, None, None),
    ("mail", {"eventType": "Bounce", "mail": {"messageId": "m"}, "bounce": {}}, NEITHER, None, None),
    ("replica", rds("0045", "Replication has stopped: error 1062."), FIRES, "high", "wallet"),
    ("replica again", rds("0046", "Replication for the Read Replica resumed."), ENDS, None, "wallet"),
    ("failover", rds("0013", "Multi-AZ instance failover started."), FIRES, "high", "wallet"),
    ("failover over", rds("0049", "Multi-AZ instance failover completed."), ENDS, None, "wallet"),
    ("failover failed", rds("0069", "Cluster failover failed.", kind="db-cluster"), FIRES, "critical", "wallet"),
    ("storage", rds("0089", "The free storage capacity is low at 9%."), FIRES, "medium", "wallet"),
    ("backup", rds("0002", "Finished DB Instance backup."), NEITHER, None, None),
    ("backup begins", rds("0001", "Backing up DB instance"), NEITHER, None, None),
    ("created", rds("0005", "DB instance created"), NEITHER, None, None),
    ("cooling", rds("0220", "The instance is in the cooling-off period; unable to scale."), NEITHER, None, None),
    ("of tomorrow, bad", rds("9901", "The engine has crashed."), FIRES, "medium", "wallet"),
    ("of tomorrow", rds("9902", "The engine likes its new name."), NEITHER, None, None),
    (
        "redshift",
        {
            "Event Source": "cluster",
            "Resource": "dwh",
            "Severity": "ERROR",
            "Event Message": "The cluster could not be resized.",
            "About this Event": "http://docs.aws.amazon.com/redshift/#REDSHIFT-EVENT-3600",
        },
        *(FIRES, "high", "dwh"),
    ),
    (
        "redshift, good",
        {
            "Event Source": "cluster",
            "Resource": "dwh",
            "Severity": "INFO",
            "Event Message": "No failures while it was resized.",
        },
        *(NEITHER, None, None),
    ),
    ("cache", {"ElastiCache:SnapshotComplete": "sessions-001"}, NEITHER, None, None),
    ("cache failed", {"ElastiCache:SnapshotFailed": "sessions-001"}, FIRES, "high", "sessions-001"),
    ("cache replaced", {"ElastiCache:CacheNodeReplaceStarted": "sessions-001"}, FIRES, "high", "sessions-001"),
    ("cache replaced, over", {"ElastiCache:CacheNodeReplaceComplete": "sessions-001"}, ENDS, None, "sessions-001"),
    ("cache failover", {"ElastiCache:FailoverComplete": "sessions-001"}, FIRES, "low", "sessions-001"),
    ("cache as text", "ElastiCache:AddCacheNodeFailed : sessions", FIRES, "high", "sessions"),
    ("memory", {"MemoryDB:ClusterScalingComplete": "carts"}, NEITHER, None, None),
    ("launch", scaling("EC2_INSTANCE_LAUNCH"), NEITHER, None, None),
    ("termination", scaling("EC2_INSTANCE_TERMINATE"), NEITHER, None, None),
    ("test", scaling("TEST_NOTIFICATION"), NEITHER, None, None),
    ("no launch", scaling("EC2_INSTANCE_LAUNCH_ERROR"), FIRES, "high", "render-farm"),
    ("no end", scaling("EC2_INSTANCE_TERMINATE_ERROR"), FIRES, "high", "render-farm"),
    (
        "hook",
        {"AutoScalingGroupName": "render-farm", "LifecycleTransition": "autoscaling:EC2_INSTANCE_TERMINATING"},
        *(NEITHER, None, None),
    ),
    ("health", health(), FIRES, "high", "SQS"),
    ("health over", health("closed"), ENDS, "high", "SQS"),
    ("health later", health("upcoming", "scheduledChange"), FIRES, "medium", "SQS"),
    ("health news", health("open", "accountNotification"), FIRES, "low", "SQS"),
    ("backup failed", BACKUP.format(state="failed"), FIRES, "high", "ledger"),
    ("backup done", BACKUP.format(state="was completed successfully"), NEITHER, None, None),
    ("backup started", BACKUP.format(state="was started"), NEITHER, None, None),
    ("guardduty 9.0", finding(9.0), FIRES, "critical", None),
    ("guardduty 8.9", finding(8.9), FIRES, "high", None),
    ("guardduty 7", finding(7), FIRES, "high", None),
    ("guardduty 6.9", finding(6.9), FIRES, "medium", None),
    ("guardduty 4", finding("4.0"), FIRES, "medium", None),
    ("guardduty 3.9", finding(3.9), FIRES, "low", None),
    ("guardduty, none", finding(None), FIRES, "medium", None),
    ("guardduty, archived", finding(8, service={"archived": True}), NEITHER, None, None),
    ("hub", hub(), FIRES, "high", "exports"),
    ("hub by number", hub(Severity={"Normalized": 90}), FIRES, "critical", "exports"),
    ("hub info", hub(Severity={"Label": "INFORMATIONAL"}), FIRES, "info", "exports"),
    ("hub resolved", hub(Workflow={"Status": "RESOLVED"}), ENDS, "high", "exports"),
    ("hub suppressed", hub(Workflow={"Status": "SUPPRESSED"}), ENDS, "high", "exports"),
    ("hub archived", hub(RecordState="ARCHIVED"), ENDS, "high", "exports"),
    ("hub passed", hub(Compliance={"Status": "PASSED"}), ENDS, "high", "exports"),
    ("budget", BUDGET, FIRES, "medium", "Lab"),
    (
        "anomaly",
        {
            "accountId": "381904772516",
            "anomalyId": "an-1",
            "monitorName": "all",
            "impact": {"totalImpact": 312.5},
            "rootCauses": [{"service": "Amazon EC2", "region": "eu-central-1"}],
        },
        *(FIRES, "medium", "Amazon EC2"),
    ),
    ("deployed", deployment("SUCCEEDED"), NEITHER, None, None),
    ("deploying", deployment("CREATED"), NEITHER, None, None),
    ("not deployed", deployment("FAILED"), FIRES, "high", "wallet"),
    ("custom", custom(), FIRES, "medium", "imports"),
    ("custom, stated", custom(severity="P2", service="importer"), FIRES, "high", "importer"),
    ("custom, over", custom(status="resolved"), ENDS, "medium", "imports"),
    ("custom, good", custom(status="Completed"), NEITHER, None, None),
    ("beanstalk", BEANSTALK.format(message=SEVERE), FIRES, "critical", "shop"),
    ("beanstalk over", BEANSTALK.format(message=HEALTHY), ENDS, None, "shop"),
    ("beanstalk deploys", BEANSTALK.format(message="Deploying new version to instance(s)."), NEITHER, None, None),
    ("beanstalk fails", BEANSTALK.format(message="Failed to deploy application."), FIRES, "high", "shop"),
    (
        "stack",
        "StackId='arn:aws:cloudformation:x:1:stack/shop/9'\nStackName='shop'\nLogicalResourceId='shop'\n"
        "ResourceType='AWS::CloudFormation::Stack'\nResourceStatus='UPDATE_ROLLBACK_COMPLETE'\n",
        *(FIRES, "high", "shop"),
    ),
    (
        "resource of a stack",
        "StackId='arn:aws:cloudformation:x:1:stack/shop/9'\nStackName='shop'\nLogicalResourceId='Queue'\n"
        "ResourceType='AWS::SQS::Queue'\nResourceStatus='CREATE_FAILED'\n",
        *(NEITHER, None, None),
    ),
    ("compliance", {"messageType": "ConfigurationItemChangeNotification", "configSnapshotId": 1}, NEITHER, None, None),
    ("bucket", {"Service": "Amazon S3", "Event": "s3:TestEvent", "Bucket": "exports"}, NEITHER, None, None),
    (
        "mail",
        {"notificationType": "Received", "mail": {"commonHeaders": {"from": ["a@example.com"], "subject": "It burns"}}},
        *(FIRES, "medium", None),
    ),
    ("mail that was sent", {"notificationType": "Bounce", "mail": {"source": "a@example.com"}}, NEITHER, None, None),
    ("text", "disk of build-3 is full", FIRES, "medium", None),
    ("json", {"job": "rotate", "status": "broken", "severity": "P1"}, FIRES, "critical", None),
    ("json, good", {"job": "rotate", "status": "SUCCESS"}, NEITHER, None, None),
]

EVENTS: list[tuple[str, dict[str, Any], str | None, str | None, str | None]] = [
    (
        "database",
        bridged(
            "RDS DB Instance Event",
            {
                "EventCategories": ["failover"],
                "SourceType": "DB_INSTANCE",
                "SourceIdentifier": "wallet",
                "Message": "Multi-AZ instance failover started.",
                "EventID": "RDS-EVENT-0013",
            },
        ),
        *(FIRES, "high", "wallet"),
    ),
    ("backup", bridged("Backup Job State Change", {"state": "COMPLETED", "resourceArn": "x"}), NEITHER, None, None),
    (
        "backup failed",
        bridged("Backup Job State Change", {"state": "FAILED", "resourceArn": "arn:aws:ec2:x:1:volume/vol-1"}),
        *(FIRES, "medium", "vol-1"),
    ),
    (
        "build",
        bridged("CodeBuild Build State Change", {"build-status": "FAILED", "project-name": "web"}),
        FIRES,
        "medium",
        "web",
    ),
    ("build runs", bridged("CodeBuild Build State Change", {"build-status": "IN_PROGRESS"}), NEITHER, None, None),
    (
        "pipeline",
        bridged("CodePipeline Pipeline Execution State Change", {"state": "FAILED", "pipeline": "web"}),
        FIRES,
        "medium",
        "web",
    ),
    (
        "machine",
        bridged(
            "Step Functions Execution Status Change", {"status": "TIMED_OUT", "stateMachineArn": "arn:a:b:c:d:e:pay"}
        ),
        *(FIRES, "medium", "pay"),
    ),
    ("deployed", bridged("CodeDeploy Deployment State-change Notification", {"state": "SUCCESS"}), NEITHER, None, None),
    (
        "not deployed",
        bridged("CodeDeploy Deployment State-change Notification", {"state": "FAILURE", "application": "wallet"}),
        *(FIRES, "medium", "wallet"),
    ),
    ("launched", bridged("EC2 Instance Launch Successful", {"AutoScalingGroupName": "a"}), NEITHER, None, None),
    ("not launched", bridged("EC2 Instance Launch Unsuccessful", {"AutoScalingGroupName": "a"}), FIRES, "high", "a"),
    ("state", bridged("EC2 Instance State-change Notification", {"state": "stopped"}), NEITHER, None, None),
    ("clock", bridged("Scheduled Event", {}), NEITHER, None, None),
    (
        "service",
        bridged("ECS Service Action", {"eventType": "ERROR", "eventName": "SERVICE_TASK_PLACEMENT_FAILURE"}, QUEUE),
        *(FIRES, "high", "queue"),
    ),
    (
        "service, steady",
        bridged("ECS Service Action", {"eventType": "INFO", "eventName": "SERVICE_STEADY_STATE"}, QUEUE),
        ENDS,
        None,
        "queue",
    ),
    (
        "service, news",
        bridged("ECS Service Action", {"eventType": "INFO", "eventName": "X"}, QUEUE),
        NEITHER,
        None,
        None,
    ),
    (
        "task",
        bridged("ECS Task State Change", {"group": "service:queue", "stopCode": "TaskFailedToStart"}),
        *(FIRES, "medium", "queue"),
    ),
    (
        "task, done",
        bridged("ECS Task State Change", {"stopCode": "EssentialContainerExited", "containers": [{"exitCode": 0}]}),
        *(NEITHER, None, None),
    ),
    (
        "task, unhealthy",
        bridged(
            "ECS Task State Change",
            {
                "group": "service:queue",
                "stopCode": "ServiceSchedulerInitiated",
                "stoppedReason": "Task failed container health checks",
            },
        ),
        *(FIRES, "medium", "queue"),
    ),
    (
        "task, unhealthy, that ends well when it is told to",
        bridged(
            "ECS Task State Change",
            {
                "group": "service:queue",
                "stopCode": "ServiceSchedulerInitiated",
                "stoppedReason": "Task failed ELB health checks in (target-group shop)",
                "containers": [{"exitCode": 0}],
            },
        ),
        *(FIRES, "medium", "queue"),
    ),
    (
        "task, of an older agent",
        bridged("ECS Task State Change", {"stoppedReason": "Essential container in task exited"}),
        *(FIRES, "medium", None),
    ),
    (
        "task, scaled in",
        bridged(
            "ECS Task State Change",
            {"stopCode": "ServiceSchedulerInitiated", "stoppedReason": "Scaling activity initiated by deployment"},
        ),
        *(NEITHER, None, None),
    ),
    ("task, stopped", bridged("ECS Task State Change", {"stopCode": "UserInitiated"}), NEITHER, None, None),
    (
        "inspector",
        bridged("Inspector2 Finding", {"severity": "CRITICAL", "status": "ACTIVE", "findingArn": "f", "title": "CVE"}),
        *(FIRES, "critical", None),
    ),
    ("inspector, closed", bridged("Inspector2 Finding", {"severity": "HIGH", "status": "CLOSED"}), ENDS, "high", None),
    (
        "macie",
        bridged(
            "Macie Finding", {"severity": {"description": "Low"}, "resourcesAffected": {"s3Bucket": {"name": "b"}}}
        ),
        *(FIRES, "low", "b"),
    ),
    (
        "advisor",
        bridged("Trusted Advisor Check Item Refresh Notification", {"check-name": "Limits", "status": "WARN"}),
        *(FIRES, "medium", None),
    ),
    (
        "rule",
        bridged(
            "Config Rules Compliance Change",
            {"configRuleName": "r", "resourceId": "b", "newEvaluationResult": {"complianceType": "COMPLIANT"}},
        ),
        *(ENDS, "medium", "b"),
    ),
    (
        "rule, over SNS",
        bridged(
            "Config Rules Compliance Change",
            {
                "configRuleName": "r",
                "newEvaluationResult": {
                    "complianceType": "NON_COMPLIANT",
                    "evaluationResultIdentifier": {"evaluationResultQualifier": {"resourceId": "b"}},
                },
            },
        ),
        *(FIRES, "medium", "b"),
    ),
    (
        "certificate",
        bridged("ACM Certificate Approaching Expiration", {"DaysToExpiry": 5, "CommonName": "shop.example"}, "arn:x"),
        *(FIRES, "high", "shop.example"),
    ),
    ("of tomorrow", bridged("Moon Phase Change", {"status": "SUCCEEDED"}), NEITHER, None, None),
    ("of tomorrow, bad", bridged("Moon Phase Change", {"status": "FAILED"}), FIRES, "medium", None),
]

ALL = [(f"message: {row[0]}", over_sns(row[1]), *row[2:]) for row in MESSAGES]
ALL += [(f"event: {row[0]}", row[1], *row[2:]) for row in EVENTS]
ALL += [(f"event over SNS: {row[0]}", over_sns(row[1]), *row[2:]) for row in EVENTS]


@pytest.mark.parametrize(("payload", "state", "severity", "about"), [row[1:] for row in ALL], ids=[r[0] for r in ALL])
def test_a_message_is_ignored_or_becomes_one_alert_with_its_status_service_and_severity(
    payload: Any, state: str | None, severity: str | None, about: str | None
) -> None:
    batch = normalize_batch("cloudwatch", payload)

    if state is NEITHER:
        assert batch.alerts == []
        assert batch.ignored[0]
        return
    (alert,) = batch.alerts
    assert (alert.status, alert.service, alert.account, bool(alert.region)) == (state, about, "381904772516", True)
    assert severity is None or alert.severity == severity
    assert alert.alert_name not in ("RDS Notification Message", "AWS Health Event")
    assert not re.search(r"\bNone\b", f"{alert.alert_name} {alert.message}")


JUNK: tuple[Any, ...] = (None, True, 7, 1.5, "", "x", "\x00\u202e", [], [None], [7], {}, {"a": 1})


def spoiled(value: Any) -> Iterator[Any]:
    """Yield each variant of a value in which one part is missing or replaced."""
    yield from JUNK
    if isinstance(value, dict):
        for key, item in value.items():
            yield {name: other for name, other in value.items() if name != key}
            for other in spoiled(item):
                yield {**value, key: other}
    if isinstance(value, list):
        for number, item in enumerate(value):
            for other in spoiled(item):
                yield [*value[:number], other, *value[number + 1 :]]


@pytest.mark.parametrize(
    "message", [row[1] for row in (*MESSAGES, *EVENTS) if isinstance(row[1], dict)], ids=lambda m: next(iter(m))
)
def test_a_message_with_any_part_missing_or_replaced_is_read_ignored_or_refused(message: dict[str, Any]) -> None:
    for variant in some(spoiled(message)):
        for payload in (variant, over_sns(json.dumps(variant))):
            try:
                batch = normalize_batch("cloudwatch", payload)
            except UnreadablePayload:
                continue
            for alert in batch.alerts:
                assert NormalizedAlert.model_validate(alert.model_dump()) == alert
                assert not re.search(r"\bNone\b", f"{alert.alert_name} {alert.message}")


def unknown(kind: str, source: str, resource: str | None = None, **detail: Any) -> dict[str, Any]:
    """Return an EventBridge event of a kind that no reader knows."""
    envelope = {"account": "381904772516", "region": "eu-west-1", "time": "2026-03-02T12:00:00Z", "id": "e-1"}
    return envelope | {
        "detail-type": kind,
        "source": source,
        "resources": [f"arn:{source.replace('.', ':')}:eu-west-1:381904772516:{resource}"] if resource else [],
        "detail": detail,
    }


@pytest.mark.parametrize(
    ("event", "headline"),
    [
        (
            unknown("SFTP Server File Upload Failed", "aws.transfer", "server/s-9", **{"failure-code": "DISK"}),
            "transfer SFTP Server File Upload Failed: s-9",
        ),
        (
            unknown(
                "DataSync Task Execution State Change", "aws.datasync", "task/task-7/execution/exec-9", State="ERROR"
            ),
            "DataSync Task Execution ERROR: task-7",
        ),
        (
            unknown(
                "EMR Cluster State Change", "aws.emr", state="TERMINATED_WITH_ERRORS", name="nightly", clusterId="j-1"
            ),
            "EMR Cluster TERMINATED_WITH_ERRORS: nightly",
        ),
        (
            unknown("Athena Query State Change", "aws.athena", currentState="FAILED", workgroupName="etl"),
            "Athena Query FAILED: etl",
        ),
        (unknown("Quota Exceeded", "acme.billing", userName="ann"), "acme.billing Quota Exceeded"),
    ],
)
def test_the_alert_name_of_an_unknown_event_names_service_failure_and_resource(event: Any, headline: str) -> None:
    for payload in (event, over_sns(json.dumps(event))):
        (alert,) = normalize("cloudwatch", payload)
        assert alert.alert_name == headline


def test_the_success_of_an_unknown_query_is_no_problem() -> None:
    event = unknown("Athena Query State Change", "aws.athena", currentState="SUCCEEDED", workgroupName="etl")

    assert normalize("cloudwatch", event) == []
