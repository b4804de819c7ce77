"""The error lines in the log of an AWS resource around the time when its alarm fired. Nothing is read by default.

Only log groups that the owner lists are read (parameter `ErrorLogGroupArns`; IAM grants no others). They are searched
with FilterLogEvents, which costs nothing and whose time, requests and bytes can be bounded. Logs Insights is not used:
it is priced by the data that it scans, and nobody can tell before how much that is. What is found is grouped by its
shape and redacted in this process (`classification.error_lines`); no line is kept, logged or sent anywhere.

Where a resource logs is found by fixed rules, never by a text of the alert. DescribeTaskDefinition returns environments
as well, which may hold secrets: only the options of the log drivers are looked at.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from fnmatch import fnmatchcase
from typing import Any

from firstline.adapters.aws.clients import AWS_FAILURES
from firstline.adapters.aws.resource_state import Clients, Watched, text
from firstline.classification.error_lines import LogEvent, group
from firstline.models import ErrorLog

BEFORE, AFTER = timedelta(minutes=15), timedelta(minutes=5)
"""The time before the alarm's start, and the time after, whose lines are read."""

MAX_REQUESTS = 3
"""The most FilterLogEvents requests for one alarm. Each answers at most 1 MB, or nothing although more lines follow."""

MOST_REQUESTS = 4
"""The most requests for one alarm's log, including those that find the log group."""

MAX_EVENTS = 600
MAX_GROUPS = 2

_ERRORS = (
    "%[Ee]rror|ERROR|[Ee]xception|EXCEPTION|[Ff]atal|FATAL|CRITICAL|SEVERE|[Pp]anic|PANIC|Traceback|Failure"
    "|timed.out|[Oo]ut.of.memory|OOMKilled|Execution.failed%"
)
_FAILED_REQUESTS = '{ ($.status = "5*") || ($.status >= 500) }'
"""The filter for failed requests in a JSON access log, whose status is a text or a number."""

_RDS_LOGS = ("error", "postgresql", "alert")
"""The logs of a database that hold its errors: MySQL, MariaDB and SQL Server; PostgreSQL; Oracle."""


class ErrorLogReader:
    """The error lines of resources, in the log groups that the owner lists.

    Parameters
    ----------
    permitted
        ARNs of log groups, in which `*` is anything.
    """

    def __init__(self, permitted: Sequence[str]) -> None:
        self._permitted = tuple(permitted)

    def covers(self, watched: Watched) -> bool:
        """Return True if the log of this kind of resource can be found, and the owner permits a log group at all."""
        return bool(self._permitted) and watched.namespace in _GROUPS

    def read(self, watched: Watched, clients: Clients, moment: datetime, now: datetime) -> ErrorLog | None:
        """Return the most frequent error lines around a moment; None if the resource has no log that may be read.

        Read are the lines from 15 minutes before the moment to 5 minutes after it or to `now`, whichever is earlier.
        That takes at most four requests, of which at most three search the log groups. If a log group cannot be
        searched, the returned `ErrorLog.unread` says why.

        Raises
        ------
        botocore.exceptions.ClientError, botocore.exceptions.BotoCoreError
            AWS did not say where the resource logs.
        """
        found = dict.fromkeys(_GROUPS[watched.namespace](watched, clients))
        groups = [name for name in found if self._may_read(watched.arn("logs", f"log-group:{name}:*"))][:MAX_GROUPS]
        if not groups:
            return None
        events: list[LogEvent] = []
        complete, left = True, min(MAX_REQUESTS, MOST_REQUESTS - _TO_FIND.get(watched.namespace, 1))
        times = (moment, now)
        for place, name in enumerate(groups):
            pattern = _FAILED_REQUESTS if watched.namespace == _API and not _logs_runs(name) else _ERRORS
            share = left if place == len(groups) - 1 else left - 1
            try:
                seen, used, ended = _search(clients("logs"), name, pattern, times, share, MAX_EVENTS - len(events))
            except AWS_FAILURES as failure:  # such as a log group of a class that cannot be searched
                return ErrorLog(group=text(name), complete=False, unread=text(failure))
            events += seen
            left -= used
            complete = complete and ended
        return ErrorLog(group=text(", ".join(groups)), lines=group(events), complete=complete)

    def _may_read(self, arn: str) -> bool:
        return any(fnmatchcase(arn, pattern) for pattern in self._permitted)


def _search(
    client: Any, name: str, pattern: str, times: tuple[datetime, datetime], requests: int, most: int
) -> tuple[list[LogEvent], int, bool]:
    """Search a log group from 15 minutes before a moment to 5 minutes after it.

    Return the events found, the number of requests made, and True if the whole time was searched.

    Parameters
    ----------
    pattern
        The filter pattern for CloudWatch Logs that the events match.
    times
        The moment; and the present time, beyond which nothing is searched.
    requests, most
        The most requests to make, and the most events to return.
    """
    moment, now = times
    asked: dict[str, Any] = {
        "logGroupName": name,
        "startTime": _milliseconds(moment - BEFORE),
        "endTime": _milliseconds(min(now, moment + AFTER)),
        "filterPattern": pattern,
    }
    events: list[LogEvent] = []
    for used in range(1, requests + 1):
        if most <= len(events):
            return events, used - 1, False
        answer = client.filter_log_events(**asked, limit=most - len(events))
        events += [LogEvent(event["timestamp"], event["message"]) for event in answer.get("events", [])]
        if not answer.get("nextToken"):
            return events, used, True
        asked["nextToken"] = answer["nextToken"]
    return events, requests, False


def _milliseconds(moment: datetime) -> int:
    return int(moment.timestamp() * 1_000)


def _of_function(watched: Watched, _clients: Clients) -> Iterator[str]:
    """Yield the default log group of a Lambda function; its configuration, which may name another, is not read."""
    yield f"/aws/lambda/{watched.id}"


def _of_service(watched: Watched, clients: Clients) -> Iterator[str]:
    """Yield the log groups of a service's containers, from its task definition (only of the log driver `awslogs`)."""
    ecs = clients("ecs")
    cluster, service = watched.dimensions["ClusterName"], watched.dimensions["ServiceName"]
    for known in ecs.describe_services(cluster=cluster, services=[service])["services"]:
        task = ecs.describe_task_definition(taskDefinition=known["taskDefinition"])["taskDefinition"]
        for container in task.get("containerDefinitions", []):
            log = container.get("logConfiguration") or {}
            options = log.get("options") or {}
            here = options.get("awslogs-region", watched.region) == watched.region
            if log.get("logDriver") == "awslogs" and here and "awslogs-group" in options:
                yield options["awslogs-group"]


def _of_database(watched: Watched, clients: Clients) -> Iterator[str]:
    """Yield the log groups that a database exports its errors to."""
    for known in clients("rds").describe_db_instances(DBInstanceIdentifier=watched.id)["DBInstances"]:
        cluster = known.get("DBClusterIdentifier")
        place = f"cluster/{cluster}" if cluster else f"instance/{watched.id}"
        exported = known.get("EnabledCloudwatchLogsExports") or ()
        yield from (f"/aws/rds/{place}/{log}" for log in _RDS_LOGS if log in exported)


def _of_api(watched: Watched, clients: Clients) -> Iterator[str]:
    """Yield the log group of an API's stage: the access log of an HTTP API, the execution log of a REST API."""
    stage = watched.dimensions.get("Stage")
    if stage is None:
        return
    if (api := watched.dimensions.get("ApiId")) is not None:
        known = clients("apigatewayv2").get_stage(ApiId=api, StageName=stage)
        arn = (known.get("AccessLogSettings") or {}).get("DestinationArn", "")
        if ":log-group:" in arn:
            yield arn.partition(":log-group:")[2].removesuffix(":*")
        return
    apis = clients("apigateway").get_rest_apis(limit=500)["items"]
    yield from (f"{_RUNS}{known['id']}/{stage}" for known in apis if known.get("name") == watched.id)


_API = "AWS/ApiGateway"
_RUNS = "API-Gateway-Execution-Logs_"


def _logs_runs(name: str) -> bool:
    return name.startswith(_RUNS)


_GROUPS: Mapping[str, Callable[[Watched, Clients], Iterator[str]]] = {
    "AWS/Lambda": _of_function,
    "AWS/ECS": _of_service,
    "AWS/RDS": _of_database,
    _API: _of_api,
}
_TO_FIND: Mapping[str, int] = {"AWS/Lambda": 0, "AWS/ECS": 2}
"""The number of requests that find a resource's log groups, by namespace; 1 for one that is not listed."""
