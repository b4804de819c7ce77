"""The evidence around an alarm, as AWS has it: its resource's state, readings and changes, its tags and logs."""

from threading import Event
from typing import Any, cast

import pytest
from botocore.exceptions import ClientError

from firstline.adapters.aws.alarm_evidence import AlarmReader
from firstline.adapters.aws.error_logs import ErrorLogReader
from tests.integration.alarm_reading import (
    ACCOUNT,
    NOTHING,
    REGION,
    Counting,
    alarm_on,
    each_five_minutes,
    fires,
    math_on,
    on,
    reader,
    stat,
)
from tests.support.builders import NOON, at

OTHER_ACCOUNT = "999999999999"
MOST_REQUESTS = 12
DOLLARS_OF_1000_METRICS = 0.01
RDS_NOW = {
    "DBInstances": [
        {
            "DBInstanceStatus": "storage-full",
            "DBInstanceClass": "db.r6g.large",
            "AllocatedStorage": 100,
            "MultiAZ": True,
            "Engine": "postgres",
            "DBParameterGroups": [{"DBParameterGroupName": "default.postgres16"}],
            "StatusInfos": [{"StatusType": "read replication", "Normal": False, "Status": "error"}],
        }
    ]
}
RDS_EVENTS = {
    "Events": [
        {"Date": at(-30), "Message": "Backup finished", "EventCategories": ["backup"]},
        {"Date": at(-3), "Message": "Multi-AZ failover started", "EventCategories": ["failover"]},
    ]
}
WRITES = {
    "Events": [
        {"EventTime": at(-9), "EventName": "ModifyDBInstance", "Username": "anna", "ReadOnly": "false"},
        {"EventTime": at(-2), "EventName": "DescribeDBInstances", "Username": "bob", "ReadOnly": "true"},
    ]
}


def test_a_databases_state_metrics_and_changes_are_read() -> None:
    rds = Counting(describe_db_instances=RDS_NOW, describe_events=RDS_EVENTS)
    trail = Counting(lookup_events=WRITES)
    an_hour_of_nine_after_three = [9.0] * 12 + [3.0]  # newest first, one each five minutes
    alarms, _ = on(
        "AWS/RDS",
        {"DBInstanceIdentifier": "orders"},
        values=an_hour_of_nine_after_three,
        rds=rds,
        cloudtrail=trail,
    )

    seen = alarms.around(fires(), NOON, NOON)

    assert seen is not None
    assert seen.missing == []
    assert seen.resource is not None
    assert (seen.resource.kind, seen.resource.id, seen.resource.state) == ("RDS", "orders", "storage-full")
    assert seen.resource.number("allocated_storage_gib") == 100
    assert (seen.resource.number("max_connections"), seen.resource.fact("replication")) == (1_802, "error")
    assert [change.what for change in seen.changes] == [
        "Multi-AZ failover started",
        "ModifyDBInstance",
        "Backup finished",
    ]
    assert seen.changes[1].who == "anna"
    reading = seen.readings[0]
    assert (reading.name, reading.now, reading.hour_ago) == ("FreeStorageSpace", 9, 3)


def test_a_databases_evidence_takes_few_requests_and_costs_a_cent_at_most() -> None:
    rds = Counting(describe_db_instances=RDS_NOW, describe_events=RDS_EVENTS)
    trail = Counting(lookup_events=WRITES)
    alarms, cloudwatch = on("AWS/RDS", {"DBInstanceIdentifier": "orders"}, rds=rds, cloudtrail=trail)

    alarms.around(fires(), NOON, NOON)

    assert len(cloudwatch.calls) + len(rds.calls) + len(trail.calls) == 7 <= MOST_REQUESTS
    metrics_asked = sum(
        len(given["MetricDataQueries"]) for name, given in cloudwatch.calls if name == "get_metric_data"
    )
    assert metrics_asked * DOLLARS_OF_1000_METRICS / 1_000 <= 0.01


@pytest.mark.parametrize(
    ("namespace", "dimensions", "service", "answers", "facts"),
    [
        (
            "AWS/EC2",
            {"InstanceId": "i-1"},
            "ec2",
            {
                "describe_instance_status": {
                    "InstanceStatuses": [
                        {
                            "InstanceState": {"Name": "running"},
                            "SystemStatus": {"Status": "impaired"},
                            "InstanceStatus": {"Status": "ok"},
                            "Events": [
                                {"Code": "instance-reboot", "Description": "[Completed] done"},
                                {"Code": "system-reboot", "Description": "soon", "NotBefore": NOON},
                            ],
                        }
                    ]
                }
            },
            {
                "state": "running",
                "system_check": "impaired",
                "scheduled_event": f"system-reboot, not before {NOON}",
                "scheduled_for": NOON.isoformat(),
            },
        ),
        (
            "AWS/ApplicationELB",
            {"TargetGroup": "targetgroup/web/1", "LoadBalancer": "app/web/2"},
            "elbv2",
            {
                "describe_target_health": {
                    "TargetHealthDescriptions": [
                        {"TargetHealth": {"State": "healthy"}},
                        {"TargetHealth": {"State": "unhealthy", "Reason": "Target.Timeout"}},
                    ]
                }
            },
            {"healthy": "1", "unhealthy": "1", "unhealthy_because": "Target.Timeout"},
        ),
        (
            "AWS/Lambda",
            {"FunctionName": "pay"},
            "lambda",
            {"get_function_concurrency": {"ReservedConcurrentExecutions": 5}},
            {"reserved_concurrency": "5"},
        ),
        (
            "AWS/SQS",
            {"QueueName": "jobs"},
            "sqs",
            {
                "get_queue_url": {"QueueUrl": "https://queue.example"},
                "get_queue_attributes": {"Attributes": {"ApproximateNumberOfMessages": "12"}},
            },
            {"waiting": "12"},
        ),
        (
            "AWS/ECS",
            {"ClusterName": "main", "ServiceName": "web"},
            "ecs",
            {
                "describe_services": {
                    "services": [
                        {
                            "status": "ACTIVE",
                            "runningCount": 1,
                            "desiredCount": 3,
                            "deployments": [{"rolloutState": "IN_PROGRESS"}],
                        }
                    ]
                }
            },
            {"state": "ACTIVE", "running": "1", "desired": "3", "rollout": "IN_PROGRESS"},
        ),
        (
            "AWS/DynamoDB",
            {"TableName": "orders"},
            "dynamodb",
            {"describe_table": {"Table": {"TableStatus": "ACTIVE", "ProvisionedThroughput": {"ReadCapacityUnits": 5}}}},
            {"state": "ACTIVE", "billing_mode": "PROVISIONED", "read_units": "5"},
        ),
    ],
)
def test_each_kind_of_resource_is_described_with_few_requests(
    namespace: str, dimensions: dict[str, str], service: str, answers: dict[str, Any], facts: dict[str, str]
) -> None:
    client = Counting(**answers)
    alarms, cloudwatch = on(namespace, dimensions, **{service: client})
    seen = alarms.around(fires(), NOON, NOON)
    assert seen is not None
    assert seen.missing == []
    assert seen.resource is not None
    found = {fact.name: fact.value for fact in seen.resource.facts}
    found |= {"state": seen.resource.state} if seen.resource.state else {}
    assert found.items() >= facts.items()
    changes = 2  # requests for them, which `NOTHING` answers
    assert len(cloudwatch.calls) + len(client.calls) + changes <= MOST_REQUESTS


def test_what_cannot_be_read_costs_only_itself() -> None:
    denied = ClientError({"Error": {"Code": "AccessDenied", "Message": "no"}}, "DescribeDBInstances")
    rds = Counting(describe_db_instances=denied, describe_events=RDS_EVENTS)
    alarms, _ = on("AWS/RDS", {"DBInstanceIdentifier": "orders"}, rds=rds)
    seen = alarms.around(fires(), NOON, NOON)
    assert seen is not None
    assert seen.changes[0].what == "Multi-AZ failover started"
    assert seen.readings
    assert seen.resource is not None
    assert seen.resource.state is None
    assert len(seen.missing) == 1
    assert seen.missing[0].startswith("the resource's state could not be read: An error occurred (AccessDenied)")


def test_what_does_not_answer_in_time_is_missing() -> None:
    answered = Event()

    class Slow:
        def describe_db_instances(self, **_: Any) -> Any:
            answered.wait(30)
            return RDS_NOW

        def describe_events(self, **_: Any) -> Any:
            return RDS_EVENTS

    cloudwatch = Counting(
        describe_alarms=alarm_on("AWS/RDS", DBInstanceIdentifier="orders"), get_metric_data=each_five_minutes(9.0)
    )
    clients: dict[str, Any] = {"cloudwatch": cloudwatch, "rds": Slow(), "cloudtrail": NOTHING}
    alarms = AlarmReader(clients.__getitem__, account=ACCOUNT, region=REGION, deadline_seconds=3)
    seen = alarms.around(fires(), NOON, NOON)
    answered.set()
    assert seen is not None
    assert seen.missing == ["the resource's state could not be read: no answer within 3 s"]
    assert seen.changes


@pytest.mark.parametrize(
    "alarm",
    [
        alarm_on("Custom/App", DBInstanceIdentifier="orders"),
        alarm_on("AWS/RDS", EngineName="postgres"),
        alarm_on("AWS/ECS", ServiceName="web"),
    ],
    ids=["not a namespace of AWS", "of no single database", "without its cluster"],
)
def test_an_alarm_that_names_no_resource_asks_for_its_metric_alone(alarm: dict[str, Any]) -> None:
    cloudwatch = Counting(describe_alarms=alarm, get_metric_data=each_five_minutes(9.0))
    seen = reader(cast("Any", cloudwatch)).around(fires(), NOON, NOON)
    assert seen is not None
    assert seen.metric is not None
    assert (seen.resource, seen.readings, seen.changes) == (None, [], [])
    assert [name for name, _ in cloudwatch.calls] == ["describe_alarms", "get_metric_data"]


@pytest.mark.parametrize(
    ("alarm", "known"),
    [
        (math_on(stat()), True),
        (math_on(stat(AccountId=ACCOUNT)), True),
        (math_on(stat(AccountId=OTHER_ACCOUNT)), False),
        (math_on(stat(), stat(AccountId=OTHER_ACCOUNT)), False),
        (math_on(stat(), {"Expression": "q0 / 100"}), True),
        (math_on(stat(), {"Expression": "ANOMALY_DETECTION_BAND(q0, 2)"}), True),
        (math_on(stat(), {"Expression": "q0 / SUM( SEARCH ('{AWS/RDS} CPU', 'Sum'))"}), False),
        (math_on(stat(), {"Expression": "DB_PERF_INSIGHTS('RDS', 'db-X', 'os.cpu')"}), False),
        (math_on({"Expression": 'SELECT MAX(CPUUtilization) FROM SCHEMA("AWS/RDS")'}), False),
        (math_on({"Expression": "q0 / 100", "AccountId": OTHER_ACCOUNT}, stat()), False),
    ],
    ids=[
        *("no account said", "our account", "another account", "ours and another's"),
        *("a formula", "a band", "a search", "performance insights", "a query"),
        "a formula of another account",
    ],
)
def test_a_metric_of_another_account_or_found_by_a_search_names_no_resource_of_ours(
    alarm: dict[str, Any], *, known: bool
) -> None:
    quiet = Counting(describe_db_instances=RDS_NOW, describe_events={"Events": []})
    cloudwatch = Counting(describe_alarms=alarm, get_metric_data=each_five_minutes(9.0))
    seen = reader(cast("Any", cloudwatch), rds=quiet).around(fires(), NOON, NOON)
    assert seen is not None
    assert (seen.resource is not None, bool(quiet.calls)) == (known, known)


def test_a_metric_with_values_of_only_five_minutes_has_none_of_an_hour_ago() -> None:
    cloudwatch = Counting(
        describe_alarms=alarm_on("AWS/RDS", DBInstanceIdentifier="orders"), get_metric_data=each_five_minutes(9.0, 8.0)
    )
    rds = Counting(describe_db_instances=RDS_NOW, describe_events=RDS_EVENTS)
    seen = reader(cast("Any", cloudwatch), rds=rds, cloudtrail=NOTHING).around(fires(), NOON, NOON)
    assert seen is not None
    assert (seen.readings[0].now, seen.readings[0].hour_ago) == (9, None)


@pytest.mark.parametrize(
    ("namespace", "dimensions", "service", "answers"),
    [
        ("AWS/RDS", {"DBInstanceIdentifier": "x"}, "rds", {"describe_db_instances": {"DBInstances": []}}),
        ("AWS/EC2", {"InstanceId": "i-1"}, "ec2", {"describe_instance_status": {"InstanceStatuses": []}}),
        ("AWS/ECS", {"ServiceName": "s", "ClusterName": "c"}, "ecs", {"describe_services": {"services": []}}),
    ],
)
def test_a_resource_that_aws_does_not_know_is_said_to_be_unknown(
    namespace: str, dimensions: dict[str, str], service: str, answers: dict[str, Any]
) -> None:
    client = Counting(describe_events={"Events": []}, **answers)
    alarms, _ = on(namespace, dimensions, **{service: client})
    seen = alarms.around(fires(), NOON, NOON)
    assert seen is not None
    assert seen.missing == ["the resource's state could not be read: AWS does not know it, or not any more"]
    assert seen.resource is not None
    assert not seen.resource.described


# The newest value is of the five minutes from noon on, so its age begins at five past.
@pytest.mark.parametrize(("minutes", "age"), [(0, 0), (5, 0), (16, 11 * 60), (60, 55 * 60)])
def test_a_value_tells_its_age(minutes: int, age: int) -> None:
    alarms, _ = on("AWS/RDS", {"DBInstanceIdentifier": "orders"}, rds=Counting(describe_db_instances=RDS_NOW))
    seen = alarms.around(fires(), NOON, at(minutes))
    assert seen is not None
    assert [reading.age_seconds for reading in seen.readings] == [age]


@pytest.mark.parametrize(
    ("minutes_before", "kept", "behind"),
    [
        ({2: 30, 1: 20, 0: 10}, [30, 20, 10], 0),
        ({5: 30, 4: 20, 1: 10}, [10], 0),
        ({9: 30, 6: 20, 5: 10}, [20, 10], 4 * 60),
    ],
    ids=["no gap", "a gap before the last", "a gap before the last two, four minutes late"],
)
def test_only_the_values_of_each_minute_since_the_last_gap_are_kept(
    minutes_before: dict[int, float], kept: list[float], behind: int
) -> None:
    newest_first = sorted(minutes_before)
    values, times = [minutes_before[each] for each in newest_first], [at(-each) for each in newest_first]
    data = {"MetricDataResults": [{"Id": "m", "Label": "M", "Values": values, "Timestamps": times}]}
    cloudwatch = Counting(describe_alarms=alarm_on("Custom/App", App="x"), get_metric_data=data)
    seen = reader(cast("Any", cloudwatch)).around(fires(), NOON, NOON)
    assert seen is not None
    assert seen.metric is not None
    assert (seen.metric.values, seen.metric.behind_seconds) == (kept, behind)


def test_texts_of_aws_are_redacted_and_cut() -> None:
    events = {"Events": [{"Date": at(-1), "Message": "password=hunter2hunter2 " + "x" * 500, "EventCategories": []}]}
    rds = Counting(describe_db_instances=RDS_NOW, describe_events=events)
    alarms, _ = on("AWS/RDS", {"DBInstanceIdentifier": "orders"}, rds=rds)
    seen = alarms.around(fires(), NOON, NOON)
    assert seen is not None
    assert "hunter2" not in seen.changes[0].what
    assert len(seen.changes[0].what) <= 200


# --- tags and error lines -------------------------------------------------------------------------------------------


def test_tags_and_error_lines_are_read_with_the_rest() -> None:
    arn = f"arn:aws:cloudwatch:{REGION}:{ACCOUNT}:alarm:HighCpu"
    found = alarm_on("AWS/Lambda", FunctionName="pay")
    found["MetricAlarms"][0]["AlarmArn"] = arn
    mapping = {"ResourceARN": arn, "Tags": [{"Key": "team", "Value": "payments"}]}
    event = {"timestamp": int(NOON.timestamp() * 1_000), "message": "[ERROR] KeyError: 'user'"}
    clients: dict[str, Any] = {
        "cloudwatch": Counting(describe_alarms=found, get_metric_data=each_five_minutes(9.0)),
        "cloudtrail": NOTHING,
        "lambda": Counting(get_function_concurrency={}),
        "resourcegroupstaggingapi": Counting(get_resources={"ResourceTagMappingList": [mapping]}),
        "logs": Counting(filter_log_events={"events": [event]}),
    }
    logs = ErrorLogReader((f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:/aws/lambda/*:*",))
    seen = AlarmReader(clients.__getitem__, account=ACCOUNT, region=REGION, logs=logs).around(fires(), NOON, NOON)

    assert seen is not None
    assert seen.missing == []
    assert seen.tags.team == "payments"
    assert seen.log is not None
    assert [line.shape for line in seen.log.lines] == ["key error <value>"]


def test_without_the_owners_leave_no_log_is_asked() -> None:
    functions, never_asked = Counting(get_function_concurrency={}), Counting()
    alarms, _ = on("AWS/Lambda", {"FunctionName": "pay"}, **{"lambda": functions, "logs": never_asked})
    seen = alarms.around(fires(), NOON, NOON)
    assert seen is not None
    assert (seen.log, seen.missing, never_asked.calls) == (None, [], [])
