"""The evidence around a CloudWatch alarm: what a person would look at first.

CloudWatch's description of the alarm says what it measures and which resource it is about; the text of the alert is not
trusted for that. Only alarms of this account and region can be read; for all others no request is made.

Requests for one alarm, all of which only read: DescribeAlarms; then, at the same time, three of GetMetricData (for the
alarm's own metric, and for the metrics that show how its resource is now and how it was a week ago), at most three
describe calls, at most two for what changed, and one for the owner's tags. That is ten at most; with error lines
(`error_logs`), which not every kind of resource has, twelve at most. GetMetricData costs $0.01 for 1,000 metrics, so
one alarm costs less than $0.001; the rest is free.
"""

import re
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from datetime import UTC, datetime, timedelta, tzinfo
from functools import partial
from math import isfinite
from typing import Any

from firstline.adapters.aws import alarm_metric, resource_changes, resource_state
from firstline.adapters.aws.alarm_metric import OwnAlarms
from firstline.adapters.aws.error_logs import ErrorLogReader
from firstline.adapters.aws.owner_tags import TagReader
from firstline.adapters.aws.resource_state import Clients, Watched, resource_of
from firstline.classification.vital_signs import KINDS, SIGN_PERIOD, VitalSign
from firstline.models import AlarmEvidence, MetricReading, NormalizedAlert, OwnerTags, Resource, ResourceChange
from firstline.observability import logger
from firstline.privacy.safe_text import safe_line

DEADLINE_SECONDS = 5.0
"""The time for all requests of one alarm together; an answer that comes later is left out."""

HOUR = timedelta(hours=1)
WEEK = timedelta(days=7)
MAX_CHANGES = 10


class AlarmReader:
    """A reader of the evidence around the alarms of this account and region, with at most twelve requests for each.

    Parameters
    ----------
    clients
        Returns the boto3 client of a service; called from several threads.
    logs
        Reads error lines; by default it may read no log.
    tags
        Reads the owner's tags.
    clock
        A monotonic clock, in seconds.

    Example
    -------
    >>> AlarmReader(boto3.client, account="123456789012", region="eu-west-1").around(alert, opened_at, now)
    """

    def __init__(
        self,
        clients: Clients,
        *,
        account: str,
        region: str,
        partition: str = "aws",
        logs: ErrorLogReader | None = None,
        tags: TagReader | None = None,
        zone: tzinfo = UTC,
        deadline_seconds: float = DEADLINE_SECONDS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._alarms = OwnAlarms(clients, account=account, region=region, zone=zone)
        self._zone = zone
        self._logs = logs or ErrorLogReader(())
        self._tags = tags or TagReader()
        self._clients = clients
        self._account = account
        self._region = region
        self._partition = partition
        self._deadline_seconds = deadline_seconds
        self._clock = clock

    def covers(self, alert: NormalizedAlert) -> bool:
        """Return True if the alert is an alarm of this account and region."""
        return self._alarms.covers(alert)

    def around(self, alert: NormalizedAlert, moment: datetime, now: datetime) -> AlarmEvidence | None:
        """Return the evidence for an alarm: its metric up to `moment`, everything else as it is `now`.

        `moment` is the time at which the incident began. None if the alert is no alarm of this account and region, or
        if CloudWatch does not know the alarm. All requests together have five seconds by default. If a later request
        fails or is not done by then, the evidence lacks what it asked for, and a sentence in `missing` says why.

        Raises
        ------
        MetricsUnavailable
            CloudWatch did not describe the alarm.
        """
        if not self.covers(alert):
            return None
        ends = self._clock() + self._deadline_seconds
        alarm = self._alarms.definition(alert)
        if alarm is None:
            return None
        watched = self._watched(alarm)
        reads = self._reads(alarm, watched, moment, now)
        answers, missing = self._run(reads, ends)
        return _evidence(answers, missing, watched, now).in_zone(self._zone)

    def _watched(self, alarm: dict[str, Any]) -> Watched | None:
        """Return the resource that the alarm watches; None if its kind is unknown, or if the alarm watches several.

        None also if the alarm watches a metric of another account: a resource of this account may have the same name.
        A metric's region is the alarm's, as CloudWatch has no alarms across regions.
        """
        queries = alarm.get("Metrics") or ()
        if any(query.get("AccountId", self._account) != self._account or _selects(query) for query in queries):
            return None
        math = [query["MetricStat"]["Metric"] for query in queries if "MetricStat" in query]
        metrics = [alarm] if alarm.get("MetricName") else math
        places = []
        for metric in metrics:
            kind = KINDS.get(metric.get("Namespace", ""))
            given = {dimension["Name"]: dimension["Value"] for dimension in metric.get("Dimensions", [])}
            named = {name: given[name] for name in kind.dimensions if name in given} if kind else {}
            if kind is None or not named or (kind.word == "ECS" and len(named) < len(kind.dimensions)):
                return None
            places.append(Watched(metric["Namespace"], named, self._account, self._region, self._partition))
        return places[0] if places and all(place == places[0] for place in places) else None

    def _reads(
        self, alarm: dict[str, Any], watched: Watched | None, moment: datetime, now: datetime
    ) -> dict[str, Callable[[], object]]:
        """Return the functions that read the evidence for an alarm, each under the name of what it reads.

        They read the alarm's metric up to `moment`, error lines around it, and all else as it is `now`; if the resource
        that the alarm watches is unknown (`watched` is None), only the metric and the tags.
        """
        cloudwatch = self._clients("cloudwatch")
        reads: dict[str, Callable[[], object]] = {_METRIC: partial(alarm_metric.series, cloudwatch, alarm, moment)}
        if arn := alarm.get("AlarmArn"):
            reads[_TAGS] = partial(self._tags.read, arn, watched, self._clients)
        if watched is None:
            return reads
        reads[_NOW] = partial(_signs, cloudwatch, watched, now - HOUR, now)
        reads[_WEEK_AGO] = partial(_signs, cloudwatch, watched, now - WEEK - SIGN_PERIOD, now - WEEK)
        reads[_STATE] = partial(resource_state.describe, watched, self._clients)
        for name, read in resource_changes.READERS.get(watched.namespace, resource_changes.DEFAULT).items():
            reads[name] = partial(read, watched, self._clients, now)
        if self._logs.covers(watched):
            reads[_LOG] = partial(self._logs.read, watched, self._clients, moment, now)
        return reads

    def _run(self, reads: dict[str, Callable[[], object]], ends: float) -> tuple[dict[str, object], list[str]]:
        """Run all reads in parallel; return the answers by name, and a sentence for each failed read.

        A read that is not done when the reader's monotonic clock shows `ends` (in seconds) counts as failed.
        """
        pool = ThreadPoolExecutor(len(reads))
        try:
            futures = {name: pool.submit(read) for name, read in reads.items()}
            wait(futures.values(), timeout=max(0.0, ends - self._clock()))
            results = {name: _answer(name, future, self._deadline_seconds) for name, future in futures.items()}
        finally:
            pool.shutdown(wait=False, cancel_futures=True)
        answers = {name: answer for name, (answer, _) in results.items()}
        return answers, [why for _, why in results.values() if why is not None]


_SELECTING = re.compile(r"\b(?:SEARCH|DB_PERF_INSIGHTS|INSIGHT_RULE_METRIC|LAMBDA)\s*\(|^\s*SELECT\b", re.IGNORECASE)


def _selects(query: dict[str, Any]) -> bool:
    """Return True if a query's expression may read metrics that the alarm does not list, such as by `SEARCH(…)`.

    Which resource such an alarm watches is then unknown. Other expressions only compute with the listed metrics.
    https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/using-metric-math.html
    """
    return _SELECTING.search(query.get("Expression") or "") is not None


_METRIC = "the alarm's metric"
_NOW = "the resource's metrics"
_WEEK_AGO = "the resource's metrics a week ago"
_STATE = "the resource's state"
_TAGS = "the owner's tags"
_LOG = "the resource's log"
_OTHERS = (_METRIC, _NOW, _WEEK_AGO, _STATE, _TAGS, _LOG)


def _answer(name: str, future: "Future[object]", seconds: float) -> tuple[object, str | None]:
    """Return a read's answer and None; or, if the read failed, None and a sentence on why.

    A read that is not done yet failed, too; its sentence names the time limit, `seconds`.
    """
    if not future.done():
        return None, f"{name} could not be read: no answer within {seconds:g} s"
    try:
        return future.result(), None
    except Exception as error:  # noqa: BLE001 - whatever is wrong with a read, it must not stop the verdict
        logger.warning("Could not read a part of an alarm's evidence", what=name, error=repr(error))
        return None, f"{name} could not be read: {safe_line(str(error), 300)}"


def _evidence(answers: dict[str, Any], missing: list[str], watched: Watched | None, now: datetime) -> AlarmEvidence:
    tags = answers.get(_TAGS) or OwnerTags()
    if watched is None:
        return AlarmEvidence(metric=answers.get(_METRIC), tags=tags, missing=missing)
    state: Resource | None = answers.get(_STATE)
    changes: list[ResourceChange] = [
        change for name, found in answers.items() if name not in _OTHERS for change in found or []
    ]
    return AlarmEvidence(
        metric=answers.get(_METRIC),
        readings=_readings(watched, answers.get(_NOW) or {}, answers.get(_WEEK_AGO) or {}, now),
        resource=state or resource_of(watched).model_copy(update={"described": False}),
        changes=sorted(changes, key=lambda change: change.at, reverse=True)[:MAX_CHANGES],
        log=answers.get(_LOG),
        tags=tags,
        missing=missing,
    )


type _Values = dict[str, list[tuple[datetime, float]]]
"""The (time, value) pairs of each metric, newest first, by the metric's name."""


def _signs(client: Any, watched: Watched, begin: datetime, end: datetime) -> _Values:
    """Read the metrics that show how a resource is, from `begin` to `end`, with one request.

    Return the times and values of each metric by its name, newest first; a metric without values is left out, and so is
    a value that is no finite number.
    """
    signs = KINDS[watched.namespace].signs
    answer = client.get_metric_data(
        MetricDataQueries=[_query(number, sign, watched) for number, sign in enumerate(signs)],
        StartTime=begin - SIGN_PERIOD,
        EndTime=end,
        ScanBy="TimestampDescending",
    )
    found = {
        signs[int(series["Id"][1:])].name: [
            (at, value) for at, value in zip(series["Timestamps"], series["Values"], strict=True) if isfinite(value)
        ]
        for series in answer["MetricDataResults"]
    }
    return {name: points for name, points in found.items() if points}


def _query(number: int, sign: VitalSign, watched: Watched) -> dict[str, Any]:
    dimensions = [{"Name": name, "Value": value} for name, value in watched.dimensions.items()]
    metric = {"Namespace": watched.namespace, "MetricName": sign.name, "Dimensions": dimensions}
    period = int(SIGN_PERIOD.total_seconds())
    return {"Id": f"m{number}", "MetricStat": {"Metric": metric, "Period": period, "Stat": sign.statistic}}


def _readings(watched: Watched, newest: _Values, week_ago: _Values, now: datetime) -> list[MetricReading]:
    return [
        _reading(sign, newest[sign.name], week_ago.get(sign.name, []), now)
        for sign in KINDS[watched.namespace].signs
        if sign.name in newest
    ]


def _reading(
    sign: VitalSign, found: list[tuple[datetime, float]], week_ago: list[tuple[datetime, float]], now: datetime
) -> MetricReading:
    """Summarize the metric `sign` from its values (`found`) and those of a week ago, both with the newest value first.

    `hour_ago` of the result is None if the values do not reach back an hour.
    """
    values = [each for _, each in found]
    (newest, value), (oldest, earliest) = found[0], found[-1]
    return MetricReading(
        name=sign.name,
        statistic=sign.statistic,
        now=value,
        age_seconds=max(0, int((now - newest - SIGN_PERIOD).total_seconds())),
        hour_ago=earliest if newest - oldest >= HOUR - 2 * SIGN_PERIOD else None,
        week_ago=week_ago[0][1] if week_ago else None,
        lowest=min(values),
        highest=max(values),
    )
