"""Tests of the identity of messages that are no alarms, and of texts that hold several alerts."""

from itertools import combinations
from typing import Any

import pytest

from firstline.sources import normalize, normalize_batch
from firstline.sources.notices.notice import essence
from tests.unit.sources.notices import (
    ALERTMANAGER,
    BACKUP,
    BEANSTALK,
    BUDGET,
    TOPIC,
    bridged,
    custom,
    deployment,
    finding,
    health,
    hub,
    over_sns,
    rds,
    scaling,
)
from tests.unit.sources.test_notices import EVENTS, HEALTHY, SEVERE


def keys(*payloads: Any) -> list[tuple[str, str]]:
    """Return fingerprint and group key of the only alert in each payload."""
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
    ids=[
        "replication stopped and resumed",
        "failover",
        "shutdown and restart",
        "offline maintenance",
        "another figure",
        "text and event",
        "node replaced",
        "health opened and closed",
        "finding resolved",
        "finding counted again",
        "budget on another day",
        "environment severe and healthy",
        "thread of a custom message",
        "another time",
        "another id of a run",
        "another id of a request",
        "another time of an event",
    ],
)
def test_two_messages_about_the_same_problem_are_one_alert(one: Any, other: Any) -> None:
    first, second = keys(over_sns(one), over_sns(other))
    assert first == second


DIFFERENT_PROBLEMS = [
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


def test_messages_about_different_problems_are_different_alerts_and_incidents() -> None:
    found = keys(*map(over_sns, DIFFERENT_PROBLEMS))
    assert all(a[0] != b[0] and a[1] != b[1] for a, b in combinations(found, 2))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (deployment("FAILED"), deployment("FAILED", "d-BBB222")),
        (BACKUP.format(state="failed"), BACKUP.format(state="expired").replace("6f0e", "7f0e")),
    ],
)
def test_two_failed_runs_of_one_deployment_or_backup_are_two_alerts_of_one_incident(one: Any, other: Any) -> None:
    (alert, group), (other_alert, other_group) = keys(over_sns(one), over_sns(other))
    assert alert != other_alert
    assert group == other_group


def test_two_messages_with_the_same_subject_and_different_texts_are_two_alerts() -> None:
    one, other = keys(over_sns("Cron <root@a> tidy", "Cron"), over_sns("Cron <root@b> tidy", "Cron"))
    assert one != other


def test_the_text_of_alertmanagers_sns_template_fires_and_resolves_each_of_its_alerts() -> None:
    firing = normalize("cloudwatch", over_sns(ALERTMANAGER.format(state="Firing")))
    over = normalize("cloudwatch", over_sns(ALERTMANAGER.format(state="Resolved")))

    assert [(a.alert_name, a.severity, a.service) for a in firing] == [
        ("LedgerLag", "critical", "ledger"),
        ("LedgerQueue", "medium", "ledger"),
    ]
    assert firing[0].message.splitlines() == ["Ledger lags behind", "It lags.", "   For ten minutes."]
    assert [a.status for a in over] == ["resolved", "resolved"]
    assert [a.fingerprint for a in over] == [a.fingerprint for a in firing]


def test_the_text_of_alertmanagers_sns_template_gives_the_same_alert_as_its_json() -> None:
    as_text = normalize("cloudwatch", over_sns(ALERTMANAGER.format(state="Firing")))
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

    assert (as_json[0].fingerprint, as_json[0].group_key) == (as_text[0].fingerprint, as_text[0].group_key)
    assert as_json[0].timestamp.isoformat() == "2026-05-04T03:01:59.123456+00:00"


@pytest.mark.parametrize(
    "payload", [rds("0045", "stopped"), {"alerts": [{"labels": {"alertname": "X"}}], "status": "firing"}]
)
def test_a_known_message_is_read_without_an_sns_envelope(payload: Any) -> None:
    assert len(normalize("cloudwatch", payload)) == 1


def test_a_message_without_a_severity_takes_it_from_the_topics_name() -> None:
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
def test_times_and_random_ids_are_removed_from_a_texts_essence_and_names_are_not(text: str, kept: str) -> None:
    assert essence(text) == kept


@pytest.mark.parametrize(
    "part",
    ["\n", " ", "a", "A", "1", "1:1", "Mon, ",
     "Labels:\n", " - a = b\n", "Alerts Firing:\n", "StackId='", "A: ", "A:  x", "a\n",
     "Resource ARN : ", "BackupJob ID :", "AWS Budgets: ", "associated with your ", "0123456789abcdef", "ElastiCache:"],
)  # fmt: skip
def test_a_text_of_the_greatest_length_is_read_in_linear_time(part: str) -> None:
    """Check only that it ends: with quadratic time, each text would take minutes."""
    text = part * (250_000 // len(part))
    for message in (text, f"x\n{text}", f"An AWS Backup job\n{text}", f"Alerts Firing:\nLabels:\n - a = b\n{text}"):
        batch = normalize_batch("cloudwatch", over_sns(message, "AWS Elastic Beanstalk Notification"))
        assert batch.alerts or batch.ignored


def test_failed_executions_of_an_automation_are_one_alert_that_is_named_without_their_ids() -> None:
    ssm = "arn:aws:ssm:eu-central-1:123456789012:automation-"
    runs = [
        bridged("EC2 Automation Execution Status-change Notification", {"ExecutionId": run, "Status": "Failed"})
        | {"source": "aws.ssm", "resources": [f"{ssm}execution/{run}", f"{ssm}definition/patch-fleet:1"]}
        for run in ("0f0e7c1d-1234-4321-9999-0a0b0c0d0e01", "1f0e7c1d-1234-4321-9999-0a0b0c0d0e02")
    ]

    (alert,) = normalize("cloudwatch", runs[0])
    assert "execution/" not in alert.alert_name
    assert "0f0e7c1d" not in f"{alert.alert_name} {alert.service}"
    assert keys(runs[0]) == keys(runs[1])
