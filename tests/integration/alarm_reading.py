"""The readers of alarms over answers of AWS that a test gives, for alarms of one account and region."""

from datetime import timedelta
from typing import TYPE_CHECKING, Any, cast

import boto3

from firstline.adapters.aws.alarm_evidence import AlarmReader
from tests.support.builders import NOON, alert

if TYPE_CHECKING:
    from mypy_boto3_cloudwatch import CloudWatchClient

ACCOUNT, REGION = "123456789012", "eu-central-1"


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


NOTHING = Counting(lookup_events={"Events": []}, describe_scaling_activities={"ScalingActivities": []})


def reader(cloudwatch: "CloudWatchClient", **other: Any) -> AlarmReader:
    """Return a reader with this CloudWatch client, and moto's or given ones for the other services."""
    known: dict[str, Any] = {"cloudwatch": cloudwatch, "cloudtrail": NOTHING, **other}  # moto has no LookupEvents

    def client(service: str) -> Any:
        return known.get(service) or boto3.client(cast("Any", service), region_name=REGION)

    return AlarmReader(client, account=ACCOUNT, region=REGION)


def fires(**what: Any) -> Any:
    return alert(**{"source": "cloudwatch", "alert_name": "HighCpu", "account": ACCOUNT, "region": REGION} | what)


def on(
    namespace: str, dimensions: dict[str, str], *, values: Any = (9.0, 8.0), **other: Any
) -> tuple[AlarmReader, Counting]:
    """Return a reader of an alarm on a resource, and its CloudWatch, with a value each five minutes, newest first."""
    cloudwatch = Counting(describe_alarms=alarm_on(namespace, **dimensions), get_metric_data=each_five_minutes(*values))
    quiet: dict[str, Any] = {"cloudtrail": NOTHING, "application-autoscaling": NOTHING}
    return reader(cast("Any", cloudwatch), **(quiet | other)), cloudwatch


def math_on(*queries: dict[str, Any]) -> dict[str, Any]:
    return {"MetricAlarms": [{"Metrics": [{"Id": f"q{number}", **query} for number, query in enumerate(queries)]}]}


def stat(**what: Any) -> dict[str, Any]:
    where = [{"Name": "DBInstanceIdentifier", "Value": "orders"}]
    metric = {"Namespace": "AWS/RDS", "MetricName": "CPUUtilization", "Dimensions": where}
    return {"MetricStat": {"Metric": metric, "Period": 60, "Stat": "Average"}, **what}
