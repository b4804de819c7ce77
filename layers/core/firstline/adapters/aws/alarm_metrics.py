"""Metric of a CloudWatch alarm around the moment when it fired: what a person would look at first.

The alarm itself says what it measures; the alert is not trusted for that. Only alarms of this account and region can be
read; for all others no request is made.
"""

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, cast

from firstline.adapters.aws.clients import raising
from firstline.errors import MetricsUnavailable
from firstline.models import MetricSeries, NormalizedAlert

if TYPE_CHECKING:
    from mypy_boto3_cloudwatch import CloudWatchClient

PERIODS = 15
"""The number of values up to the moment: enough to tell a jump from a slope."""

DEFAULT_PERIOD_SECONDS = 300


class AlarmMetrics:
    """The metrics of this account's alarms. Two requests for such an alarm, none for any other alert.

    Example
    -------
    >>> AlarmMetrics(boto3.client("cloudwatch"), account="123456789012", region="eu-west-1").around(alert, opened_at)
    """

    def __init__(self, client: "CloudWatchClient", *, account: str, region: str) -> None:
        self._client = client
        self._account = account
        self._region = region

    def around(self, alert: NormalizedAlert, moment: datetime) -> MetricSeries | None:
        """Return the values before a moment, or None if the alert is no alarm of this account or watches no metric.

        Raises
        ------
        MetricsUnavailable
            CloudWatch did not answer, or not in time.
        """
        if alert.source != "cloudwatch" or (alert.account, alert.region) != (self._account, self._region):
            return None
        with raising(MetricsUnavailable, f"alarm {alert.alert_name}"):
            return self._read(alert.alert_name, moment)

    def _read(self, name: str, moment: datetime) -> MetricSeries | None:
        alarms = self._client.describe_alarms(AlarmNames=[name], AlarmTypes=["MetricAlarm"])["MetricAlarms"]
        if not alarms:
            return None
        alarm = cast("dict[str, Any]", alarms[0])
        seconds = _period_seconds(alarm)
        period = timedelta(seconds=seconds)
        answer = self._client.get_metric_data(
            MetricDataQueries=_queries(alarm, seconds),
            StartTime=moment - PERIODS * period,
            EndTime=moment + period,  # the period in which it fired is still open: its value so far counts too
            ScanBy="TimestampDescending",
        )
        found = next((result for result in answer["MetricDataResults"] if result.get("Values")), None)
        if found is None:
            return None
        label, values = _label(alarm, found.get("Label") or "")[:500], list(reversed(found["Values"][:PERIODS]))
        return MetricSeries(label=label, period_seconds=seconds, values=values, ends_at=found["Timestamps"][0] + period)


def _queries(alarm: dict[str, Any], period: int) -> list[Any]:
    """Return the alarm's own queries, or the query for its single metric."""
    if alarm.get("Metrics"):
        return list(alarm["Metrics"])
    metric = {name: alarm[name] for name in ("Namespace", "MetricName", "Dimensions") if name in alarm}
    return [{"Id": "watched", "MetricStat": {"Metric": metric, "Period": period, "Stat": _statistic(alarm)}}]


def _statistic(alarm: dict[str, Any]) -> str | None:
    return alarm.get("ExtendedStatistic") or alarm.get("Statistic")


def _period_seconds(alarm: dict[str, Any]) -> int:
    queries = alarm.get("Metrics") or ()
    periods = [query.get("Period") or query.get("MetricStat", {}).get("Period") for query in queries]
    return int(alarm.get("Period") or max(filter(None, periods), default=DEFAULT_PERIOD_SECONDS))


def _label(alarm: dict[str, Any], label: str) -> str:
    """Say what is measured, and what the alarm compares it with."""
    measured = f"{alarm['MetricName']}, {_statistic(alarm)}" if alarm.get("MetricName") else label or "metric math"
    if "Threshold" not in alarm:
        return measured
    comparison = str(alarm.get("ComparisonOperator", "")).removesuffix("Threshold")
    return f"{measured}; the alarm fires when {comparison} {alarm['Threshold']:g}"
