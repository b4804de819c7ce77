"""The evidence around an alarm, as AWS has it: for alarms of this account and region only."""

from collections.abc import Iterator
from datetime import timedelta
from threading import Event
from typing import TYPE_CHECKING, Any, cast
from unittest.mock import patch
from zoneinfo import ZoneInfo

import boto3
import pytest
from botocore.exceptions import ClientError
from moto import mock_aws

from firstline.adapters.aws import alarm_metric
from firstline.adapters.aws.alarm_evidence import AlarmReader
from firstline.adapters.aws.alarm_metric import OwnAlarms
from firstline.adapters.aws.error_logs import ErrorLogReader
from firstline.errors import MetricsUnavailable
from tests.support.builders import NOON, alert, at

if TYPE_CHECKING:
    from mypy_boto3_cloudwatch import CloudWatchClient
    from mypy_boto3_cloudwatch.type_defs import DimensionTypeDef

ACCOUNT, REGION = "123456789012", "eu-central-1"
WHERE: "list[DimensionTypeDef]" = [{"Name": "InstanceId", "Value": "i-0123456789abcdef0"}]


@pytest.fixture
def cloudwatch() -> "Iterator[CloudWatchClient]":
    with mock_aws():
        yield boto3.client("cloudwatch", region_name=REGION)


@pytest.fixture
def metrics(cloudwatch: "CloudWatchClient") -> AlarmReader:
    return reader(cloudwatch)


def reader(cloudwatch: "CloudWatchClient", **other: Any) -> AlarmReader:
    """Return a reader with this CloudWatch client, and moto's or given ones for the other services."""
    known: dict[str, Any] = {"cloudwatch": cloudwatch, "cloudtrail": NOTHING, **other}  # moto has no LookupEvents

    def client(service: str) -> Any:
        return known.get(service) or boto3.client(cast("Any", service), region_name=REGION)

    return AlarmReader(client, account=ACCOUNT, region=REGION)


def fires(**what: Any) -> Any:
    return alert(**{"source": "cloudwatch", "alert_name": "HighCpu", "account": ACCOUNT, "region": REGION} | what)


def watch(cloudwatch: "CloudWatchClient", **what: Any) -> None:
    single: dict[str, Any] = {
        "Namespace": "AWS/EC2",
        "MetricName": "CPUUtilization",
        "Dimensions": WHERE,
        "Statistic": "Average",
        "Period": 300,
    }
    given = what or single
    cloudwatch.put_metric_alarm(
        AlarmName="HighCpu",
        ComparisonOperator="GreaterThanThreshold",
        Threshold=90,
        EvaluationPeriods=1,
        **given,
    )


def measure(cloudwatch: "CloudWatchClient", *values: float) -> None:
    """Put one value each five minutes, the last at noon."""
    for number, value in enumerate(values):
        moment = NOON - timedelta(minutes=5) * (len(values) - 1 - number)
        cloudwatch.put_metric_data(
            Namespace="AWS/EC2",
            MetricData=[{"MetricName": "CPUUtilization", "Dimensions": WHERE, "Value": value, "Timestamp": moment}],
        )


def test_the_values_up_to_the_moment_oldest_first(cloudwatch: "CloudWatchClient", metrics: AlarmReader) -> None:
    watch(cloudwatch)
    measure(cloudwatch, *range(20), 55, 97)

    seen = metrics.around(fires(), NOON, NOON)

    assert seen is not None
    series = seen.metric
    assert series is not None
    assert series.values[-2:] == [55, 97]
    assert len(series.values) <= 15
    assert series.period_seconds == 300
    assert series.ends_at == at(5)
    assert series.label == "CPUUtilization, Average; the alarm fires when GreaterThan 90"


def test_metric_math_is_read_as_the_alarm_defines_it(cloudwatch: "CloudWatchClient", metrics: AlarmReader) -> None:
    stat = {
        "Metric": {"Namespace": "AWS/EC2", "MetricName": "CPUUtilization", "Dimensions": WHERE},
        "Period": 300,
        "Stat": "Maximum",
    }
    watch(cloudwatch, Metrics=[{"Id": "m1", "MetricStat": stat, "ReturnData": True, "Label": "worst host"}])
    measure(cloudwatch, 10, 99)

    seen = metrics.around(fires(), NOON, NOON)

    assert seen is not None
    series = seen.metric
    assert series is not None
    assert series.values[-1] == 99


@pytest.mark.parametrize(
    "other",
    [{"account": "999999999999"}, {"region": "us-east-1"}, {"source": "prometheus"}, {"account": None}],
)
def test_nothing_is_asked_about_what_is_not_ones_own(
    other: dict[str, Any], cloudwatch: "CloudWatchClient", metrics: AlarmReader
) -> None:
    with patch.object(cloudwatch, "_make_api_call", side_effect=AssertionError("asked")):
        assert metrics.around(fires(**other), NOON, NOON) is None


def test_an_alarm_that_is_gone_or_has_no_data_has_no_series(
    cloudwatch: "CloudWatchClient", metrics: AlarmReader
) -> None:
    assert metrics.around(fires(), NOON, NOON) is None
    watch(cloudwatch)
    seen = metrics.around(fires(), NOON, NOON)
    assert seen is not None
    assert seen.metric is None


def test_a_cloudwatch_that_does_not_answer_is_said(cloudwatch: "CloudWatchClient", metrics: AlarmReader) -> None:
    throttled = ClientError({"Error": {"Code": "Throttling", "Message": "Rate exceeded"}}, "DescribeAlarms")
    with (
        patch.object(cloudwatch, "_make_api_call", side_effect=throttled),
        pytest.raises(MetricsUnavailable, match=r"alarm HighCpu: .*Rate exceeded"),
    ):
        metrics.around(fires(), NOON, NOON)


# --- the affected resource ------------------------------------------------------------------------------------------


class Counting:
    """Answers each call with what it was given or with an error, and counts the calls."""

    def __init__(self, **answers: Any) -> None:
        self.answers = answers
        self.calls: list[tuple[str, dict[str, Any]]] = []

    def __getattr__(self, name: str) -> Any:
        def call(**given: Any) -> Any:
            self.calls.append((name, given))
            answer = self.answers[name]
            if isinstance(answer, Exception):
                raise answer
            return answer

        return call


def alarm_on(namespace: str, **dimensions: str) -> dict[str, Any]:
    pairs = [{"Name": name, "Value": value} for name, value in dimensions.items()]
    alarm = {"MetricName": "M", "Namespace": namespace, "Dimensions": pairs, "Statistic": "Average", "Period": 60}
    return {"MetricAlarms": [alarm]}


def each_five_minutes(*values: float, first: str = "m0") -> dict[str, Any]:
    """Return the values of one metric up to noon, newest first."""
    times = [NOON - timedelta(minutes=5 * number) for number in range(len(values))]
    return {"MetricDataResults": [{"Id": first, "Label": "M", "Values": list(values), "Timestamps": times}]}


MOST_REQUESTS = 12
DOLLARS_OF_1000_METRICS = 0.01
NOTHING = Counting(lookup_events={"Events": []}, describe_scaling_activities={"ScalingActivities": []})


def on(namespace: str, dimensions: dict[str, str], **other: Any) -> tuple[AlarmReader, Counting]:
    cloudwatch = Counting(
        describe_alarms=alarm_on(namespace, **dimensions), get_metric_data=each_five_minutes(*[9.0] * 12, 3.0)
    )
    quiet: dict[str, Any] = {"cloudtrail": NOTHING, "application-autoscaling": NOTHING}
    return reader(cast("Any", cloudwatch), **(quiet | other)), cloudwatch


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


def test_a_databases_state_metrics_and_changes_are_read_with_few_requests_for_a_cent_at_most() -> None:
    rds = Counting(describe_db_instances=RDS_NOW, describe_events=RDS_EVENTS)
    trail = Counting(lookup_events=WRITES)
    alarms, cloudwatch = on("AWS/RDS", {"DBInstanceIdentifier": "orders"}, rds=rds, cloudtrail=trail)

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
def test_each_kind_of_resource_is_described(
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


def math_on(*queries: dict[str, Any]) -> dict[str, Any]:
    return {"MetricAlarms": [{"Metrics": [{"Id": f"q{number}", **query} for number, query in enumerate(queries)]}]}


def stat(**what: Any) -> dict[str, Any]:
    where = [{"Name": "DBInstanceIdentifier", "Value": "orders"}]
    metric = {"Namespace": "AWS/RDS", "MetricName": "CPUUtilization", "Dimensions": where}
    return {"MetricStat": {"Metric": metric, "Period": 60, "Stat": "Average"}, **what}


@pytest.mark.parametrize(
    ("alarm", "known"),
    [
        (math_on(stat()), True),
        (math_on(stat(AccountId=ACCOUNT)), True),
        (math_on(stat(AccountId="999999999999")), False),
        (math_on(stat(), stat(AccountId="999999999999")), False),
        (math_on(stat(), {"Expression": "q0 / 100"}), True),
        (math_on(stat(), {"Expression": "ANOMALY_DETECTION_BAND(q0, 2)"}), True),
        (math_on(stat(), {"Expression": "q0 / SUM( SEARCH ('{AWS/RDS} CPU', 'Sum'))"}), False),
        (math_on(stat(), {"Expression": "DB_PERF_INSIGHTS('RDS', 'db-X', 'os.cpu')"}), False),
        (math_on({"Expression": 'SELECT MAX(CPUUtilization) FROM SCHEMA("AWS/RDS")'}), False),
        (math_on({"Expression": "q0 / 100", "AccountId": "999999999999"}, stat()), False),
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


@pytest.mark.parametrize(("minutes", "age"), [(0, 0), (5, 0), (16, 660), (60, 3_300)])
def test_a_value_tells_its_age(minutes: int, age: int) -> None:
    alarms, _ = on("AWS/RDS", {"DBInstanceIdentifier": "orders"}, rds=Counting(describe_db_instances=RDS_NOW))
    seen = alarms.around(fires(), NOON, at(minutes))
    assert seen is not None
    assert [reading.age_seconds for reading in seen.readings] == [age]


@pytest.mark.parametrize(
    ("ages", "values", "behind"), [((0, 1, 2), [3, 2, 1], 0), ((1, 4, 5), [1], 0), ((5, 6, 9), [2, 1], 240)]
)
def test_a_gap_ends_the_values_before_the_alarm(ages: tuple[int, ...], values: list[float], behind: int) -> None:
    times = [at(-minutes) for minutes in ages]
    data = {"MetricDataResults": [{"Id": "m", "Label": "M", "Values": [*range(1, 4)], "Timestamps": times}]}
    cloudwatch = Counting(describe_alarms=alarm_on("Custom/App", App="x"), get_metric_data=data)
    seen = reader(cast("Any", cloudwatch)).around(fires(), NOON, NOON)
    assert seen is not None
    assert seen.metric is not None
    assert (seen.metric.values, seen.metric.behind_seconds) == (values, behind)


def test_texts_of_aws_are_redacted_and_cut() -> None:
    events = {"Events": [{"Date": at(-1), "Message": "password=hunter2hunter2 " + "x" * 500, "EventCategories": []}]}
    rds = Counting(describe_db_instances=RDS_NOW, describe_events=events)
    alarms, _ = on("AWS/RDS", {"DBInstanceIdentifier": "orders"}, rds=rds)
    seen = alarms.around(fires(), NOON, NOON)
    assert seen is not None
    assert "hunter2" not in seen.changes[0].what
    assert len(seen.changes[0].what) <= 200


# --- is it well again? ----------------------------------------------------------------------------------------------


BERLIN = ZoneInfo("Europe/Berlin")


def now_reads(alarm: dict[str, Any], newest_first: list[float]) -> Any:
    """Return what is said at noon of an alarm with these values of the minutes before."""
    times = [NOON - timedelta(minutes=1 + number) for number in range(len(newest_first))]
    data = {"MetricDataResults": [{"Id": "watched", "Label": "M", "Values": newest_first, "Timestamps": times}]}
    cloudwatch = Counting(describe_alarms={"MetricAlarms": [alarm]}, get_metric_data=data)
    alarms = OwnAlarms(
        {"cloudwatch": cloudwatch}.__getitem__, account=ACCOUNT, region=REGION, zone=ZoneInfo("Europe/Berlin")
    )
    said = alarms.recovered(fires(), NOON)
    assert len(cloudwatch.calls) <= 2
    return said


ABOVE_90 = alarm_on("AWS/EC2", InstanceId="i-1")["MetricAlarms"][0] | {
    "Threshold": 90.0,
    "ComparisonOperator": "GreaterThanThreshold",
    "StateValue": "ALARM",
}


@pytest.mark.parametrize(
    ("changes", "value", "said"),
    [
        (
            {},
            40,
            f"{NOON.astimezone(BERLIN):%H:%M %Z}: 40, back in its range (M, Average; "
            "the alarm fires when GreaterThan 90). CloudWatch says ALARM.",
        ),
        ({}, 97, "still out of its range"),
        ({}, 90, "back in its range"),
        ({"ComparisonOperator": "GreaterThanOrEqualToThreshold"}, 90, "still out of its range"),
        ({"ComparisonOperator": "LessThanThreshold"}, 90, "back in its range"),
        ({"ComparisonOperator": "LessThanOrEqualToThreshold"}, 90, "still out of its range"),
        ({"StateValue": "INSUFFICIENT_DATA"}, 40, "CloudWatch says INSUFFICIENT DATA."),
    ],
)
def test_the_newest_whole_period_says_whether_a_metric_is_back(changes: Any, value: float, said: str) -> None:
    assert said in now_reads(ABOVE_90 | changes, newest_first=[value, 99, 99])


def test_a_value_of_another_day_is_told_with_its_day() -> None:
    cloudwatch = Counting(
        describe_alarms={"MetricAlarms": [ABOVE_90 | {"Period": 86_400}]},
        get_metric_data={"MetricDataResults": [{"Values": [40.0], "Timestamps": [at(-60 * 50)]}]},
    )
    alarms = OwnAlarms({"cloudwatch": cloudwatch}.__getitem__, account=ACCOUNT, region=REGION)
    assert (alarms.recovered(fires(), NOON) or "").startswith("Sun 1 Mar 10:00 UTC: 40, back in its range")


def test_a_period_that_is_not_over_does_not_count() -> None:
    began_less_than_a_period_ago: list[float] = [1, 1, 1, 1]
    said = now_reads(ABOVE_90 | {"Period": 300}, newest_first=[*began_less_than_a_period_ago, 97])
    assert "still out of its range" in said


@pytest.mark.parametrize(
    "changes",
    [
        {"ComparisonOperator": "GreaterThanUpperThreshold"},
        {"ComparisonOperator": "LessThanLowerThreshold", "Threshold": None, "ThresholdMetricId": "band"},
        {"ComparisonOperator": "LessThanLowerOrGreaterThanUpperThreshold"},
        {"Threshold": None},
        {"Threshold": float("nan")},
        {"Threshold": float("inf")},
    ],
)
def test_an_alarm_without_a_fixed_threshold_tells_nothing(changes: dict[str, Any]) -> None:
    assert now_reads(ABOVE_90 | changes, newest_first=[40]) is None
    alarm = {name: value for name, value in (ABOVE_90 | changes).items() if name != "Threshold"}
    assert now_reads(alarm, newest_first=[40]) is None


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
@pytest.mark.parametrize("comparison", ["GreaterThanThreshold", "LessThanThreshold", "LessThanOrEqualToThreshold"])
def test_a_value_that_is_no_number_is_neither_in_its_range_nor_out_of_it(value: float, comparison: str) -> None:
    alarm = ABOVE_90 | {"ComparisonOperator": comparison}
    assert now_reads(alarm, newest_first=[value, 40, 99]) is None
    assert "40, " in now_reads(alarm, newest_first=[40, value, value])


def test_values_that_are_no_numbers_are_no_evidence() -> None:
    answer = each_five_minutes(float("nan"), 7, float("inf"), 6)
    alarm = {"MetricAlarms": [alarm_on("AWS/EC2", InstanceId="i-1")["MetricAlarms"][0] | {"Threshold": float("nan")}]}
    cloudwatch = Counting(describe_alarms=alarm, get_metric_data=answer)
    ec2 = Counting(describe_instance_status={"InstanceStatuses": []})
    seen = reader(cast("Any", cloudwatch), ec2=ec2, cloudtrail=NOTHING).around(fires(), NOON, NOON)
    assert seen is not None
    assert [(reading.now, reading.lowest, reading.highest) for reading in seen.readings] == [(7, 6, 7)]
    assert seen.metric is not None
    assert (seen.metric.values, seen.metric.threshold) == ([7], None)


def test_the_band_of_an_alarm_on_anomalies_is_not_its_metric() -> None:
    band = [{"Id": "band", "Values": [float(bound)], "Timestamps": [NOON]} for bound in (10, 90)]
    metric = {"Id": "q0", "Values": [42.0], "Timestamps": [NOON]}
    alarm = math_on(stat(), {"Expression": "ANOMALY_DETECTION_BAND(q0, 2)", "Id": "band"})
    alarm["MetricAlarms"][0] |= {"ThresholdMetricId": "band"}
    for results, values in (([*band, metric], [42.0]), (band, None)):
        cloudwatch = Counting(describe_alarms=alarm, get_metric_data={"MetricDataResults": results})
        series = alarm_metric.series(cloudwatch, alarm["MetricAlarms"][0], NOON)
        assert (series.values if series else None) == values


def test_an_alarm_without_values_tells_nothing() -> None:
    assert now_reads(ABOVE_90, newest_first=[]) is None


def test_nobody_is_asked_about_an_alarm_of_another_account() -> None:
    no_clients: dict[str, Any] = {}
    alarms = OwnAlarms(no_clients.__getitem__, account=ACCOUNT, region=REGION)
    assert alarms.recovered(fires(account="999999999999"), NOON) is None


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
    lambda_ = Counting(get_function_concurrency={})
    alarms, _ = on("AWS/Lambda", {"FunctionName": "pay"}, **{"lambda": lambda_, "logs": Counting()})
    seen = alarms.around(fires(), NOON, NOON)
    assert seen is not None
    assert (seen.log, seen.missing) == (None, [])
