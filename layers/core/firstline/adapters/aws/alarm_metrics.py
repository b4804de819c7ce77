"""The metric of a CloudWatch alarm around the moment when it fired: what a person would look at first.

What is measured is read from the alarm itself, never from what came in as an alert. Only alarms of this account and
region can be read; of all others nothing is asked.
"""

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, cast

from botocore.exceptions import BotoCoreError, ClientError

from firstline.errors import MetricsUnavailable
from firstline.models import MetricSeries, NormalizedAlert

if TYPE_CHECKING:
    from mypy_boto3_cloudwatch import CloudWatchClient

PERIODS = 15
"""So many values up to the moment: enough to tell a jump from a slope."""

DEFAULT_PERIOD_SECONDS = 300


class AlarmMetrics:
    """Reads alarms' metrics. Two requests for an alarm of one's own, none for any other alert.

    Example
    -------
    >>> AlarmMetrics(boto3.client("cloudwatch"), account="123456789012", region="eu-west-1").around(alert, opened_at)
    """

    def __init__(self, client: "CloudWatchClient", *, account: str, region: str) -> None:
        self._client = client
        self._account = account
        self._region = region

    def around(self, alert: NormalizedAlert, moment: datetime) -> MetricSeries | None:
        """The values before a moment; None when the alert is no alarm of this account, or watches no metric.

        Raises
        ------
        MetricsUnavailable
            CloudWatch did not answer, or not in time.
        """
        if alert.source != "cloudwatch" or (alert.account, alert.region) != (self._account, self._region):
            return None
        try:
            return self._read(alert.alert_name, moment)
        except (ClientError, BotoCoreError) as error:
            raise MetricsUnavailable(f"alarm {alert.alert_name}: {error}") from error

    def _read(self, name: str, moment: datetime) -> MetricSeries | None:
        alarms = self._client.describe_alarms(AlarmNames=[name], AlarmTypes=["MetricAlarm"])["MetricAlarms"]
        if not alarms:
            return None
        alarm = cast("dict[str, Any]", alarms[0])
        period = _period_seconds(alarm)
        # The period in which it fired is still open: its value so far counts too.
        end = moment + timedelta(seconds=period)
        answer = self._client.get_metric_data(
            MetricDataQueries=_queries(alarm, period),
            StartTime=moment - PERIODS * timedelta(seconds=period),
            EndTime=end,
            ScanBy="TimestampDescending",
        )
        found = next((one for one in answer["MetricDataResults"] if one.get("Values")), None)
        if found is None:
            return None
        values, begins = found["Values"][:PERIODS], found["Timestamps"]
        return MetricSeries(
            label=_label(alarm, found.get("Label") or "")[:500],
            period_seconds=period,
            values=list(reversed(values)),
            ends_at=begins[0] + timedelta(seconds=period),
        )


def _queries(alarm: dict[str, Any], period: int) -> list[Any]:
    """The alarm's own queries, or the one that its single metric amounts to."""
    if alarm.get("Metrics"):
        return list(alarm["Metrics"])
    metric = {name: alarm[name] for name in ("Namespace", "MetricName", "Dimensions") if name in alarm}
    stat = {"Metric": metric, "Period": period, "Stat": alarm.get("ExtendedStatistic") or alarm.get("Statistic")}
    return [{"Id": "watched", "MetricStat": stat}]


def _period_seconds(alarm: dict[str, Any]) -> int:
    given = [one.get("Period") or one.get("MetricStat", {}).get("Period") for one in alarm.get("Metrics") or ()]
    return int(alarm.get("Period") or max((one for one in given if one), default=DEFAULT_PERIOD_SECONDS))


def _label(alarm: dict[str, Any], label: str) -> str:
    """What is measured, and what the alarm compares it with."""
    stat = alarm.get("ExtendedStatistic") or alarm.get("Statistic")
    what = f"{alarm['MetricName']}, {stat}" if alarm.get("MetricName") else label or "metric math"
    if "Threshold" not in alarm:
        return what
    comparison = str(alarm.get("ComparisonOperator", "")).removesuffix("Threshold")
    return f"{what}; the alarm fires when {comparison} {alarm['Threshold']:g}"
