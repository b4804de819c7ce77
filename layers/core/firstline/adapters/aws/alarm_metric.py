"""The metric that a CloudWatch alarm watches: its values when it fired, and whether it is back in its range now."""

import operator
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta, tzinfo
from itertools import pairwise
from math import isfinite
from typing import Any, cast

from firstline.adapters.aws.clients import raising
from firstline.adapters.aws.resource_state import Clients
from firstline.errors import MetricsUnavailable
from firstline.models import MetricSeries, NormalizedAlert
from firstline.privacy.safe_text import safe_line
from firstline.text import zoned_time

PERIODS = 15
"""The number of a metric's newest values that are read: enough to tell a jump from a slope."""

DEFAULT_PERIOD_SECONDS = 300

_BREACHES: Mapping[str, Callable[[float, float], bool]] = {
    "GreaterThanThreshold": operator.gt,
    "GreaterThanOrEqualToThreshold": operator.ge,
    "LessThanThreshold": operator.lt,
    "LessThanOrEqualToThreshold": operator.le,
}
"""CloudWatch's comparisons with a fixed threshold. Alarms on anomalies use other ones."""


class OwnAlarms:
    """A reader of CloudWatch's alarms of this account and region: their definitions, and whether they recovered.

    The times in its sentences for people are in the time zone `zone`.
    """

    def __init__(self, clients: Clients, *, account: str, region: str, zone: tzinfo = UTC) -> None:
        self.clients = clients
        self.account = account
        self.region = region
        self._zone = zone

    def covers(self, alert: NormalizedAlert) -> bool:
        """Return True if the alert is an alarm of this account and region. No request is made."""
        return alert.source == "cloudwatch" and (alert.account, alert.region) == (self.account, self.region)

    def definition(self, alert: NormalizedAlert) -> dict[str, Any] | None:
        """Return CloudWatch's description of an alarm, or None if the alarm does not exist or is a composite alarm.

        Raises
        ------
        MetricsUnavailable
            CloudWatch did not describe the alarm.
        """
        with raising(MetricsUnavailable, f"CloudWatch did not describe alarm {alert.alert_name}"):
            found = self.clients("cloudwatch").describe_alarms(
                AlarmNames=[alert.alert_name], AlarmTypes=["MetricAlarm"]
            )["MetricAlarms"]
        return cast("dict[str, Any]", found[0]) if found else None

    def recovered(self, alert: NormalizedAlert, now: datetime) -> str | None:
        """Return a sentence that says whether the alarm's metric is back in its range, or None if that is unknown.

        Only the metric's newest complete period is compared with the threshold. The alarm may look at several periods,
        so the sentence ends with the alarm's own state. At most two requests.

        Raises
        ------
        MetricsUnavailable
            CloudWatch did not answer.
        """
        alarm = self.definition(alert) if self.covers(alert) else None
        breaches = _BREACHES.get(str((alarm or {}).get("ComparisonOperator")))
        bound = threshold(alarm) if alarm else None
        if alarm is None or breaches is None or bound is None:
            return None
        with raising(MetricsUnavailable, f"CloudWatch did not return the metric of alarm {alert.alert_name}"):
            found = newest(self.clients("cloudwatch"), alarm, now)
        if found is None or not isfinite(found[1]):
            return None
        at, value = found
        where = "still out of its range" if breaches(value, bound) else "back in its range"
        says = str(alarm.get("StateValue", "")).replace("_", " ")
        when = zoned_time(at, self._zone, now)
        return f"{when}: {value:.4g}, {where} ({label(alarm, '')[:200]}). CloudWatch says {says}."


def series(client: Any, alarm: dict[str, Any], moment: datetime) -> MetricSeries | None:
    """Read the last values, at most 15, of the alarm's own metric up to a moment; None if there are none. One request.

    Values older than a missing one are left out. So the values follow each other by one period, and the time of each
    is known from the end of the newest one.
    """
    seconds = period_seconds(alarm)
    period = timedelta(seconds=seconds)
    # The period in which it fired is still open: its value so far counts too.
    found = _read(client, alarm, moment - PERIODS * period, moment + period)
    if found is None:
        return None
    points = [(at, value) for at, value in zip(found["Timestamps"], found["Values"], strict=True) if isfinite(value)]
    if not points:
        return None
    gap = next((place for place, (a, b) in enumerate(pairwise(points), 1) if a[0] - b[0] >= 2 * period), PERIODS)
    values = [value for _, value in reversed(points[: min(gap, PERIODS)])]
    ends_at = points[0][0] + period
    return MetricSeries(
        label=safe_line(label(alarm, found.get("Label") or ""), 500),
        period_seconds=seconds,
        values=values,
        ends_at=ends_at,
        behind_seconds=max(0, int((moment - ends_at).total_seconds())),
        threshold=threshold(alarm),
    )


def newest(client: Any, alarm: dict[str, Any], now: datetime) -> tuple[datetime, float] | None:
    """Return the newest value of an alarm's metric and the end of its period; None without a complete period.

    The value may be NaN or infinite, which metric math can compute. The period that is not over `now` is left out, and
    so is any that began more than four periods ago. One request.
    """
    period = timedelta(seconds=period_seconds(alarm))
    found = _read(client, alarm, now - 4 * period, now)
    ended = zip(found["Timestamps"], found["Values"], strict=True) if found else ()
    return next(((at + period, value) for at, value in ended if at + period <= now), None)


def _read(client: Any, alarm: dict[str, Any], begin: datetime, end: datetime) -> dict[str, Any] | None:
    answer = client.get_metric_data(
        MetricDataQueries=_queries(alarm), StartTime=begin, EndTime=end, ScanBy="TimestampDescending"
    )
    # Of an alarm on anomalies, the bounds of the band come as further results.
    band = alarm.get("ThresholdMetricId")
    results = (result for result in answer["MetricDataResults"] if band is None or result["Id"] != band)
    return next((result for result in results if result.get("Values")), None)


def _queries(alarm: dict[str, Any]) -> list[Any]:
    """Return the queries for GetMetricData that read what an alarm watches: one metric, or its metric math."""
    if alarm.get("Metrics"):
        return list(alarm["Metrics"])
    metric = {name: alarm[name] for name in ("Namespace", "MetricName", "Dimensions") if name in alarm}
    stat = {"Metric": metric, "Period": period_seconds(alarm), "Stat": _statistic(alarm)}
    return [{"Id": "watched", "MetricStat": stat}]


def _statistic(alarm: dict[str, Any]) -> str | None:
    return alarm.get("ExtendedStatistic") or alarm.get("Statistic")


def period_seconds(alarm: dict[str, Any]) -> int:
    """Return the period of the alarm's metric in seconds: the longest if the alarm has several metrics."""
    queries = alarm.get("Metrics") or ()
    periods = [query.get("Period") or query.get("MetricStat", {}).get("Period") for query in queries]
    return int(alarm.get("Period") or max(filter(None, periods), default=DEFAULT_PERIOD_SECONDS))


def threshold(alarm: dict[str, Any]) -> float | None:
    """Return the fixed value that an alarm compares with, or None if it has none: an alarm on anomalies has a band."""
    given = alarm.get("Threshold")
    return given if given is not None and isfinite(given) else None


def label(alarm: dict[str, Any], given: str) -> str:
    """Describe the alarm's metric and threshold: `CPUUtilization, Average; the alarm fires when GreaterThan 90`.

    `given` names the metric if the alarm does not.
    """
    measured = f"{alarm['MetricName']}, {_statistic(alarm)}" if alarm.get("MetricName") else given or "metric math"
    if (bound := threshold(alarm)) is None:
        return measured
    comparison = str(alarm.get("ComparisonOperator", "")).removesuffix("Threshold")
    return f"{measured}; the alarm fires when {comparison} {bound:g}"
