"""The metric that an alarm watches: its values around the alarm, and whether it is back in its range."""

from collections.abc import Iterator
from datetime import timedelta
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
from firstline.errors import MetricsUnavailable
from tests.integration.alarm_reading import (
    ACCOUNT,
    NOTHING,
    REGION,
    Counting,
    alarm_on,
    each_five_minutes,
    fires,
    math_on,
    reader,
    stat,
)
from tests.support.builders import NOON, at

if TYPE_CHECKING:
    from mypy_boto3_cloudwatch import CloudWatchClient
    from mypy_boto3_cloudwatch.type_defs import DimensionTypeDef

WHERE: "list[DimensionTypeDef]" = [{"Name": "InstanceId", "Value": "i-0123456789abcdef0"}]


@pytest.fixture
def cloudwatch() -> "Iterator[CloudWatchClient]":
    with mock_aws():
        yield boto3.client("cloudwatch", region_name=REGION)


@pytest.fixture
def metrics(cloudwatch: "CloudWatchClient") -> AlarmReader:
    return reader(cloudwatch)


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


def test_a_series_has_the_last_values_up_to_the_alarm_oldest_first(
    cloudwatch: "CloudWatchClient", metrics: AlarmReader
) -> None:
    watch(cloudwatch)
    measure(cloudwatch, *range(20), 55, 97)

    seen = metrics.around(fires(), NOON, NOON)

    assert seen is not None
    series = seen.metric
    assert series is not None
    assert series.values[-2:] == [55, 97]
    assert len(series.values) <= alarm_metric.PERIODS
    assert series.period_seconds == 300
    assert series.ends_at == at(5), "the last value is of the five minutes from noon on"
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
def test_nothing_is_asked_about_an_alarm_of_another_account_region_or_source(
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


def test_a_cloudwatch_that_does_not_answer_is_an_error_that_names_the_alarm(
    cloudwatch: "CloudWatchClient", metrics: AlarmReader
) -> None:
    throttled = ClientError({"Error": {"Code": "Throttling", "Message": "Rate exceeded"}}, "DescribeAlarms")
    with (
        patch.object(cloudwatch, "_make_api_call", side_effect=throttled),
        pytest.raises(MetricsUnavailable, match=r"alarm HighCpu: .*Rate exceeded"),
    ):
        metrics.around(fires(), NOON, NOON)


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
