"""An alarm's metric, as CloudWatch has it: for alarms of this account and region only."""

from collections.abc import Iterator
from datetime import timedelta
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

import boto3
import pytest
from botocore.exceptions import ClientError
from moto import mock_aws

from firstline.adapters.aws.alarm_metrics import AlarmMetrics
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
def metrics(cloudwatch: "CloudWatchClient") -> AlarmMetrics:
    return AlarmMetrics(cloudwatch, account=ACCOUNT, region=REGION)


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


def test_the_values_up_to_the_moment_oldest_first(cloudwatch: "CloudWatchClient", metrics: AlarmMetrics) -> None:
    watch(cloudwatch)
    measure(cloudwatch, *range(20), 55, 97)

    series = metrics.around(fires(), NOON)

    assert series is not None
    assert series.values[-2:] == [55, 97]
    assert len(series.values) <= 15
    assert series.period_seconds == 300
    assert series.ends_at == at(5)
    assert series.label == "CPUUtilization, Average; the alarm fires when GreaterThan 90"


def test_metric_math_is_read_as_the_alarm_defines_it(cloudwatch: "CloudWatchClient", metrics: AlarmMetrics) -> None:
    stat = {
        "Metric": {"Namespace": "AWS/EC2", "MetricName": "CPUUtilization", "Dimensions": WHERE},
        "Period": 300,
        "Stat": "Maximum",
    }
    watch(cloudwatch, Metrics=[{"Id": "m1", "MetricStat": stat, "ReturnData": True, "Label": "worst host"}])
    measure(cloudwatch, 10, 99)

    series = metrics.around(fires(), NOON)

    assert series is not None
    assert series.values[-1] == 99


@pytest.mark.parametrize(
    "other",
    [{"account": "999999999999"}, {"region": "us-east-1"}, {"source": "prometheus"}, {"account": None}],
)
def test_nothing_is_asked_about_what_is_not_ones_own(
    other: dict[str, Any], cloudwatch: "CloudWatchClient", metrics: AlarmMetrics
) -> None:
    with patch.object(cloudwatch, "_make_api_call", side_effect=AssertionError("asked")):
        assert metrics.around(fires(**other), NOON) is None


def test_an_alarm_that_is_gone_or_has_no_data_has_no_series(
    cloudwatch: "CloudWatchClient", metrics: AlarmMetrics
) -> None:
    assert metrics.around(fires(), NOON) is None
    watch(cloudwatch)
    assert metrics.around(fires(), NOON) is None


def test_a_cloudwatch_that_does_not_answer_is_said(cloudwatch: "CloudWatchClient", metrics: AlarmMetrics) -> None:
    throttled = ClientError({"Error": {"Code": "Throttling", "Message": "Rate exceeded"}}, "DescribeAlarms")
    with (
        patch.object(cloudwatch, "_make_api_call", side_effect=throttled),
        pytest.raises(MetricsUnavailable, match=r"alarm HighCpu: .*Rate exceeded"),
    ):
        metrics.around(fires(), NOON)
