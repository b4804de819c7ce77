"""Messages that are no alarms: what each says, what makes two of them one alert, and that no odd part is too much."""

import json
from collections.abc import Iterator
from itertools import combinations
from typing import Any

import pytest

from firstline.errors import UnreadablePayload
from firstline.models import NormalizedAlert
from firstline.sources import normalize, normalize_batch
from firstline.sources.notice import essence
from tests.unit.sources.notices import (
    ALERTMANAGER,
    BACKUP,
    BEANSTALK,
    BUDGET,
    TOPIC,
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
    # what, the message, what it does, its severity, what it is about
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
def test_what_a_message_says(payload: Any, state: str | None, severity: str | None, about: str | None) -> None:
    batch = normalize_batch("cloudwatch", payload)

    if state is NEITHER:
        assert batch.alerts == []
        assert batch.ignored[0]
        return
    (alert,) = batch.alerts
    assert (alert.status, alert.service, alert.account, bool(alert.region)) == (state, about, "381904772516", True)
    assert severity is None or alert.severity == severity
    assert alert.alert_name not in ("RDS Notification Message", "AWS Health Event")


def keys(*payloads: Any) -> list[tuple[str, str]]:
    """The identity and the incident of each message's one alert."""
    alerts = [normalize("cloudwatch", payload)[0] for payload in payloads]
    return [(alert.fingerprint, alert.group_key) for alert in alerts]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (rds("0045", "Replication has stopped."), rds("0046", "Replication resumed.")),
        (rds("0013", "Failover started."), rds("0049", "Failover completed.")),
        (rds("0004", "DB instance shutdown"), rds("0006", "DB instance restarted")),
        (rds("0026", "DB instance taken offline"), rds("0027", "Offline maintenance completed")),
        (rds("0089", "Low at 9%."), rds("0089", "Low at 7%.")),
        (rds("0013", "Failover started."), EVENTS[0][1]),
        ({"ElastiCache:CacheNodeReplaceStarted": "a"}, {"ElastiCache:CacheNodeReplaceComplete": "a"}),
        (health(), health("closed")),
        (hub(), hub(Workflow={"Status": "RESOLVED"})),
        (finding(8), finding(8, service={"count": 9})),
        (BUDGET.replace("AMOUNT", "410"), BUDGET.replace("AMOUNT", "466").replace("May 04", "May 05")),
        (BEANSTALK.format(message=SEVERE), BEANSTALK.format(message=HEALTHY)),
        (custom(threadId="t"), custom(threadId="t", status="ok")),
        ("Import failed at 03:02:01 UTC on 2026-05-04", "Import failed at 03:17:55 UTC on 2026-05-05"),
        ("Run 7f0e7c1d-1234-4321-9999-0a0b0c0d0e0f broke", "Run 7f0e7c1d-1234-4321-9999-0a0b0c0d0eff broke"),
        ({"host": "a", "requestId": "1", "ts": 1.5}, {"ts": 1.75, "host": "a", "requestId": "2"}),
        (bridged("Moon", {"what": "x", "eventTime": "now"}), bridged("Moon", {"what": "x", "eventTime": "then"})),
    ],
)
def test_the_same_thing_again_is_one_alert(one: Any, other: Any) -> None:
    first, second = keys(over_sns(one), over_sns(other))
    assert first == second


TWO = [
    rds("0045", "Replication has stopped."),
    rds("0045", "Replication has stopped.", source="orders"),
    rds("0007", "Allocated storage has been exhausted."),
    rds("0007", "Allocated storage has been exhausted.", kind="db-cluster"),
    {"ElastiCache:SnapshotFailed": "a"},
    {"ElastiCache:SnapshotFailed": "b"},
    scaling("EC2_INSTANCE_LAUNCH_ERROR"),
    scaling("EC2_INSTANCE_TERMINATE_ERROR"),
    health(),
    finding(8),
    finding(8, id="another"),
    hub(),
    hub(Id="another"),
    BUDGET,
    BUDGET.replace("Lab", "Production"),
    BUDGET.replace("400", "450"),
    BACKUP.format(state="failed"),
    BACKUP.format(state="failed").replace("ledger", "orders").replace("6f0e", "7f0e"),
    BEANSTALK.format(message=SEVERE),
    BEANSTALK.format(message=SEVERE).replace("shop-prod", "shop-test"),
    custom(),
    custom("Nightly export is stuck"),
    "disk of build-3 is full",
    "disk of build-4 is full",
    "disk of i-0f1e2d3c4b5a69788 is full",
    "disk of i-0f1e2d3c4b5a69789 is full",
    {"host": "a"},
    {"host": "b"},
    {"database_id": "a"},
    finding(8, id=None),
    finding(8, id=None, title="Another"),
    "account 381904772516 is locked",
    "account 381904772517 is locked",
    deployment("FAILED"),
]


def test_two_different_things_are_two_incidents() -> None:
    found = keys(*map(over_sns, TWO))
    assert all(a[0] != b[0] and a[1] != b[1] for a, b in combinations(found, 2))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (deployment("FAILED"), deployment("FAILED", "d-BBB222")),
        (BACKUP.format(state="failed"), BACKUP.format(state="expired").replace("6f0e", "7f0e")),
    ],
)
def test_two_failed_runs_of_one_thing_are_two_alerts_of_one_incident(one: Any, other: Any) -> None:
    (alert, group), (other_alert, other_group) = keys(over_sns(one), over_sns(other))
    assert alert != other_alert
    assert group == other_group


def test_the_same_subject_does_not_make_two_messages_one() -> None:
    one, other = keys(over_sns("Cron <root@a> tidy", "Cron"), over_sns("Cron <root@b> tidy", "Cron"))
    assert one != other


def test_alertmanager_s_text_is_read_like_its_json() -> None:
    firing = normalize("cloudwatch", over_sns(ALERTMANAGER.format(state="Firing")))
    over = normalize("cloudwatch", over_sns(ALERTMANAGER.format(state="Resolved")))
    labels = {"alertname": "LedgerLag", "cluster": "blue", "service": "ledger", "severity": "critical"}
    alerts = [
        {
            "status": "firing",
            "labels": labels,
            "annotations": {"summary": "Ledger lags behind", "description": "It lags."},
            "startsAt": "2026-05-04 03:01:59.123456789 +0000 UTC",
            "endsAt": "0001-01-01 00:00:00 +0000 UTC",
        }
    ]
    as_json = normalize("cloudwatch", over_sns({"receiver": "sns", "status": "firing", "alerts": alerts}))

    assert [(a.alert_name, a.severity, a.service) for a in firing] == [
        ("LedgerLag", "critical", "ledger"),
        ("LedgerQueue", "medium", "ledger"),
    ]
    assert [a.status for a in over] == ["resolved", "resolved"]
    assert [a.fingerprint for a in over] == [a.fingerprint for a in firing]
    assert (as_json[0].fingerprint, as_json[0].group_key) == (firing[0].fingerprint, firing[0].group_key)
    assert as_json[0].timestamp.isoformat() == "2026-05-04T03:01:59.123456+00:00"
    assert firing[0].message.splitlines() == ["Ledger lags behind", "It lags.", "   For ten minutes."]


@pytest.mark.parametrize(
    "payload", [rds("0045", "stopped"), {"alerts": [{"labels": {"alertname": "X"}}], "status": "firing"}]
)
def test_a_known_message_needs_no_envelope(payload: Any) -> None:
    assert len(normalize("cloudwatch", payload)) == 1


def test_the_topic_says_how_bad_it_is_where_the_message_does_not() -> None:
    payload = over_sns("disk of build-3 is full", topic=TOPIC.replace("news", "critical"))
    assert normalize("cloudwatch", payload)[0].severity == "critical"


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("at 2026-05-04T03:02:01.5Z it broke", "at it broke"),
        ("on Mon, 4 May 2026 at 3:02 AM", "on at"),
        ("May 4, 2026: 12 of 30 failed", ": 12 of 30 failed"),
        ("since 1777863721.25 down", "since down"),
        ("commit 0123456789abcdef0123 is bad", "commit is bad"),
        ("i-0123456789abcdef0 and vol-0123456789abcdef0", "i-0123456789abcdef0 and vol-0123456789abcdef0"),
        ("10.0.3.17:8080 and node-1234567890", "10.0.3.17:8080 and node-1234567890"),
    ],
)
def test_what_is_left_of_a_text(text: str, kept: str) -> None:
    assert essence(text) == kept


@pytest.mark.parametrize(
    "part",
    ["\n", " ", "a", "A", "1", "1:1", "Mon, ",
     "Labels:\n", " - a = b\n", "Alerts Firing:\n", "StackId='", "A: ", "A:  x", "a\n",
     "Resource ARN : ", "BackupJob ID :", "AWS Budgets: ", "associated with your ", "0123456789abcdef", "ElastiCache:"],
)  # fmt: skip
def test_a_text_of_the_greatest_length_is_read_in_linear_time(part: str) -> None:
    """A quadratic reading would take minutes."""
    text = part * (250_000 // len(part))
    for message in (text, f"x\n{text}", f"An AWS Backup job\n{text}", f"Alerts Firing:\nLabels:\n - a = b\n{text}"):
        batch = normalize_batch("cloudwatch", over_sns(message, "AWS Elastic Beanstalk Notification"))
        assert batch.alerts or batch.ignored


JUNK: tuple[Any, ...] = (None, True, 7, 1.5, "", "x", "\x00\u202e", [], [None], [7], {}, {"a": 1})


def spoiled(value: Any) -> Iterator[Any]:
    """Each variant of a value in which one part is missing or something else."""
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
def test_an_odd_part_costs_at_most_itself(message: dict[str, Any]) -> None:
    for variant in spoiled(message):
        for payload in (variant, over_sns(json.dumps(variant))):
            try:
                batch = normalize_batch("cloudwatch", payload)
            except UnreadablePayload:
                continue
            for alert in batch.alerts:
                assert NormalizedAlert.model_validate(alert.model_dump()) == alert
