"""Error lines as they are read from CloudWatch Logs: from which log group, within which bounds, and if permitted."""

from datetime import UTC, datetime, timedelta
from typing import Any
from unittest.mock import patch

import boto3
import pytest
from botocore.exceptions import ClientError
from botocore.validate import ParamValidator
from moto import mock_aws

from firstline.adapters.aws.error_logs import MAX_EVENTS, MAX_REQUESTS, MOST_REQUESTS, ErrorLogReader
from firstline.adapters.aws.resource_state import Watched
from tests.support.builders import NOON

LOGS = "arn:aws:logs:eu-central-1:123456789012:log-group:"
EVERY = (f"{LOGS}*",)


class Service:
    """Answers every call with what it was given, and remembers what it was asked."""

    def __init__(self, *answers: dict[str, Any]) -> None:
        self.answers = list(answers)
        self.asked: list[dict[str, Any]] = []

    def __getattr__(self, name: str) -> Any:
        def call(**given: Any) -> dict[str, Any]:
            self.asked.append({"call": name, **given})
            return self.answers[min(len(self.asked), len(self.answers)) - 1]

        return call


def page(*texts: str, more: bool = False) -> dict[str, Any]:
    moment = int(NOON.timestamp() * 1_000)
    events = [{"timestamp": moment, "message": text} for text in texts]
    return {"events": events} | ({"nextToken": "next"} if more else {})


def watched(namespace: str = "AWS/Lambda", **dimensions: str) -> Watched:
    named = dimensions or {"FunctionName": "pay"}
    return Watched(namespace, named, "123456789012", "eu-central-1", "aws")


def read(reader: ErrorLogReader, what: Watched, **services: Service) -> Any:
    return reader.read(what, services.__getitem__, NOON, NOON + timedelta(minutes=2))


def test_the_lines_around_the_alarms_start_are_read() -> None:
    logs = Service(page("ERROR no row 1", "ERROR no row 2"))

    found = read(ErrorLogReader(EVERY), watched(), logs=logs)

    assert (found.group, found.complete) == ("/aws/lambda/pay", True)
    assert [(line.times, line.shape) for line in found.lines] == [(2, "no row <n>")]
    (asked,) = logs.asked
    assert asked["logGroupName"] == "/aws/lambda/pay"
    assert asked["startTime"] == int((NOON - timedelta(minutes=15)).timestamp() * 1_000)
    assert asked["endTime"] == int((NOON + timedelta(minutes=2)).timestamp() * 1_000)
    assert asked["limit"] == MAX_EVENTS


def test_a_log_without_end_costs_three_requests() -> None:
    logs = Service(page("ERROR no row 1", more=True))
    found = read(ErrorLogReader(EVERY), watched(), logs=logs)
    assert len(logs.asked) == MAX_REQUESTS
    assert (found.lines[0].times, found.complete) == (MAX_REQUESTS, False)


def test_a_log_that_cannot_be_searched_says_why_and_is_no_gap() -> None:
    class Refusing:
        def filter_log_events(self, **_: Any) -> Any:
            raise ClientError({"Error": {"Code": "InvalidOperation", "Message": "log class"}}, "FilterLogEvents")

    found = ErrorLogReader(EVERY).read(watched(), lambda _: Refusing(), NOON, NOON)
    assert found is not None
    assert (found.group, found.lines, found.complete) == ("/aws/lambda/pay", [], False)
    assert "InvalidOperation" in str(found.unread)


def test_enough_events_end_the_search() -> None:
    logs = Service(page(*["ERROR no row"] * MAX_EVENTS, more=True))
    found = read(ErrorLogReader(EVERY), watched(), logs=logs)
    assert (len(logs.asked), found.lines[0].times, found.complete) == (1, MAX_EVENTS, False)


@pytest.mark.parametrize(
    "permitted",
    [(), (f"{LOGS}/aws/lambda/other:*",), (f"{LOGS}/aws/lambda/pa:*",)],
    ids=["none listed", "another function", "a name that begins alike"],
)
def test_a_log_that_the_owner_does_not_list_is_not_read(permitted: tuple[str, ...]) -> None:
    logs = Service()
    assert read(ErrorLogReader(permitted), watched(), logs=logs) is None
    assert logs.asked == []


def test_by_default_and_of_other_kinds_nothing_is_read() -> None:
    assert not ErrorLogReader(()).covers(watched())
    assert not ErrorLogReader(EVERY).covers(watched("AWS/SQS", QueueName="jobs"))
    assert ErrorLogReader(EVERY).covers(watched())


TASK = {
    "taskDefinition": {
        "containerDefinitions": [
            {
                "environment": [{"name": "DB_PASSWORD", "value": "swordfish"}],
                "logConfiguration": {"logDriver": "awslogs", "options": {"awslogs-group": "/ecs/web"}},
            },
            {"logConfiguration": {"logDriver": "awslogs", "options": {"awslogs-group": "/ecs/web"}}},
            {"logConfiguration": {"logDriver": "splunk", "options": {"splunk-url": "https://x"}}},
            {},
        ]
    }
}


@pytest.mark.parametrize(
    ("what", "services", "group"),
    [
        (
            watched("AWS/ECS", ServiceName="web", ClusterName="main"),
            {"ecs": Service({"services": [{"taskDefinition": "web:3"}]}, TASK)},
            "/ecs/web",
        ),
        (
            watched("AWS/RDS", DBInstanceIdentifier="orders"),
            {"rds": Service({"DBInstances": [{"EnabledCloudwatchLogsExports": ["postgresql", "upgrade"]}]})},
            "/aws/rds/instance/orders/postgresql",
        ),
        (
            watched("AWS/RDS", DBInstanceIdentifier="orders"),
            {
                "rds": Service(
                    {"DBInstances": [{"EnabledCloudwatchLogsExports": ["error"], "DBClusterIdentifier": "shop"}]}
                )
            },
            "/aws/rds/cluster/shop/error",
        ),
        (
            watched("AWS/ApiGateway", ApiName="shop", Stage="prod"),
            {"apigateway": Service({"items": [{"id": "a1", "name": "shop"}, {"id": "b2", "name": "other"}]})},
            "API-Gateway-Execution-Logs_a1/prod",
        ),
        (
            watched("AWS/ApiGateway", ApiId="a1", Stage="$default"),
            {"apigatewayv2": Service({"AccessLogSettings": {"DestinationArn": f"{LOGS}/http/shop"}})},
            "/http/shop",
        ),
    ],
    ids=["ECS", "RDS", "RDS in a cluster", "a REST API", "an HTTP API"],
)
def test_where_a_resource_logs_is_found_by_fixed_rules(what: Watched, services: Any, group: str) -> None:
    logs = Service(page("ERROR Execution failed"))
    found = read(ErrorLogReader(EVERY), what, logs=logs, **services)
    assert found.group == group
    assert [asked["logGroupName"] for asked in logs.asked] == [group]
    assert "swordfish" not in found.model_dump_json(), "the password in the task's environment"


def test_what_it_takes_to_find_a_log_shortens_the_search() -> None:
    ecs, logs = Service({"services": [{"taskDefinition": "web:3"}]}, TASK), Service(page("ERROR no row 1", more=True))
    read(ErrorLogReader(EVERY), watched("AWS/ECS", ServiceName="web", ClusterName="main"), ecs=ecs, logs=logs)
    assert len(ecs.asked) + len(logs.asked) == MOST_REQUESTS


def test_of_an_access_log_only_failed_requests_are_asked_for() -> None:
    stage = Service({"AccessLogSettings": {"DestinationArn": f"{LOGS}/http/shop"}})
    logs = Service(page('{"status":"502","routeKey":"GET /orders"}'))
    found = read(
        ErrorLogReader(EVERY), watched("AWS/ApiGateway", ApiId="a1", Stage="$default"), logs=logs, apigatewayv2=stage
    )
    assert logs.asked[0]["filterPattern"].startswith("{ ($.status")
    assert found.lines[0].shape == "status 5xx get <path>"


@pytest.mark.parametrize(
    ("what", "services"),
    [
        (watched("AWS/RDS", DBInstanceIdentifier="orders"), {"rds": Service({"DBInstances": [{}]})}),
        (watched("AWS/ApiGateway", ApiName="shop"), {}),
        (watched("AWS/ApiGateway", ApiId="a1", Stage="x"), {"apigatewayv2": Service({})}),
    ],
    ids=["exports no log", "stage unknown", "writes no access log"],
)
def test_a_resource_without_a_log_has_none(what: Watched, services: Any) -> None:
    logs = Service()
    assert read(ErrorLogReader(EVERY), what, logs=logs, **services) is None
    assert logs.asked == []


def test_a_log_is_read_as_aws_has_it() -> None:
    """The names of the parameters are checked by boto3; moto knows no regular expression, so that it is left out."""
    with mock_aws():
        logs = boto3.client("logs", region_name="eu-central-1")
        logs.create_log_group(logGroupName="/aws/lambda/pay")
        logs.create_log_stream(logGroupName="/aws/lambda/pay", logStreamName="one")
        now = datetime.now(UTC)
        stamps = [int((now - timedelta(minutes=minutes)).timestamp() * 1_000) for minutes in (60, 3, 2)]
        events: list[Any] = [{"timestamp": stamp, "message": "[ERROR] no row 7"} for stamp in stamps]
        logs.put_log_events(logGroupName="/aws/lambda/pay", logStreamName="one", logEvents=events)
        ask = logs.filter_log_events

        def without_pattern(**given: Any) -> Any:
            return ask(**{name: value for name, value in given.items() if name != "filterPattern"})

        with patch.object(logs, "filter_log_events", without_pattern):
            found = ErrorLogReader(EVERY).read(watched(), lambda _: logs, now, now)

    assert found is not None
    assert [(line.times, line.shape) for line in found.lines] == [(2, "no row <n>")]


@pytest.mark.parametrize(
    ("service", "operation", "given"),
    [
        ("logs", "FilterLogEvents", {"logGroupName": "g", "startTime": 1, "endTime": 2, "limit": 9, "nextToken": "t"}),
        ("logs", "FilterLogEvents", {"filterPattern": "%x%", "logGroupName": "g"}),
        ("ecs", "DescribeTaskDefinition", {"taskDefinition": "web:3"}),
        ("apigateway", "GetRestApis", {"limit": 500}),
        ("apigatewayv2", "GetStage", {"ApiId": "a", "StageName": "$default"}),
        ("resourcegroupstaggingapi", "GetResources", {"ResourceARNList": ["arn:aws:sqs:r:1:jobs"]}),
    ],
)
def test_boto3_knows_each_parameter(service: Any, operation: str, given: dict[str, Any]) -> None:
    shape = boto3.client(service, region_name="eu-central-1").meta.service_model.operation_model(operation).input_shape
    assert not ParamValidator().validate(given, shape).has_errors()
