"""Requests to AWS as boto3 sends them: which actions on which resources each needs, and who is refused."""

from collections.abc import Callable
from typing import Any

import boto3
import pytest
from botocore.awsrequest import AWSPreparedRequest
from werkzeug.test import EnvironBuilder
from werkzeug.wrappers import Request

from local.emulator.access import Access, accesses, caller
from local.emulator.roles import Roles
from local.emulator.server import ServiceError

ACCOUNT, REGION = "123456789012", "eu-west-1"
TABLE = f"arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/incidents"
LEADING = "dynamodb:LeadingKeys"


class Sent(Exception):
    """A request that was stopped before it left."""


def sent(service: str, call: Callable[[Any], object], key: str = "IngestFunctionRole") -> tuple[Request, bytes]:
    """Return the request that a call of boto3 would send."""
    found: list[AWSPreparedRequest] = []

    def stop(request: AWSPreparedRequest, **_: Any) -> None:
        found.append(request)
        raise Sent

    client: Any = boto3.session.Session().client(  # type: ignore[call-overload]
        service, region_name=REGION, aws_access_key_id=key, aws_secret_access_key="x"
    )
    client.meta.events.register("before-send", stop)
    with pytest.raises(Sent):
        call(client)
    (prepared,) = found
    body = prepared.body or b""
    body = body if isinstance(body, bytes) else str(body).encode()
    headers = [
        (name, value.decode() if isinstance(value, bytes) else value) for name, value in prepared.headers.items()
    ]
    builder = EnvironBuilder(
        path="/" + prepared.url.split("/", 3)[3].split("?")[0], method=prepared.method, headers=headers, data=body
    )
    return Request(builder.get_environ()), body


def key(pk: str) -> dict[str, Any]:
    return {"pk": {"S": pk}, "sk": {"S": "any"}}


TABLE_REQUESTS: list[tuple[Callable[[Any], object], list[Access]]] = [
    (
        lambda table: table.put_item(TableName="incidents", Item=key("PLAN#1")),
        [Access("dynamodb:PutItem", TABLE, {LEADING: ["PLAN#1"]})],
    ),
    (
        lambda table: table.query(
            TableName="incidents",
            IndexName="due",
            KeyConditionExpression="due_pk = :pk",
            ExpressionAttributeValues={":pk": {"S": "DUE#1"}},
        ),
        [Access("dynamodb:Query", f"{TABLE}/index/due", {LEADING: ["DUE#1"]})],
    ),
    (
        lambda table: table.transact_write_items(
            TransactItems=[
                {"Put": {"TableName": "incidents", "Item": key("A")}},
                {"ConditionCheck": {"TableName": "incidents", "Key": key("B"), "ConditionExpression": "x = y"}},
            ]
        ),
        [
            Access("dynamodb:PutItem", TABLE, {LEADING: ["A"]}),
            Access("dynamodb:ConditionCheckItem", TABLE, {LEADING: ["B"]}),
        ],
    ),
    (
        lambda table: table.batch_get_item(RequestItems={"incidents": {"Keys": [key("A"), key("B")]}}),
        [Access("dynamodb:BatchGetItem", TABLE, {LEADING: ["A", "B"]})],
    ),
    (lambda table: table.scan(TableName="incidents"), [Access("dynamodb:Scan", TABLE)]),
]


@pytest.mark.parametrize(("call", "needed"), TABLE_REQUESTS)
def test_requests_to_the_table_need_their_partitions(call: Callable[[Any], object], needed: list[Access]) -> None:
    request, body = sent("dynamodb", call)
    signer = caller(request)
    assert signer is not None

    assert accesses(request, body, signer, ACCOUNT) == needed


@pytest.mark.parametrize(
    ("service", "call", "action", "resources"),
    [
        (
            "lambda",
            lambda client: client.invoke(FunctionName="f"),
            "lambda:InvokeFunction",
            [f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:f"],
        ),
        (
            "ssm",
            lambda client: client.send_command(DocumentName="d", InstanceIds=["i-1", "mi-2"]),
            "ssm:SendCommand",
            [
                f"arn:aws:ssm:{REGION}:{ACCOUNT}:document/d",
                f"arn:aws:ec2:{REGION}:{ACCOUNT}:instance/i-1",
                f"arn:aws:ssm:{REGION}:{ACCOUNT}:managed-instance/mi-2",
            ],
        ),
        (
            "ssm",
            lambda client: client.get_parameter(Name="/firstline/s/llm/key"),
            "ssm:GetParameter",
            [f"arn:aws:ssm:{REGION}:{ACCOUNT}:parameter/firstline/s/llm/key"],
        ),
        ("sns", lambda client: client.publish(TopicArn="arn:t", Message="m"), "sns:Publish", ["arn:t"]),
        (
            "sqs",
            lambda client: client.send_message(QueueUrl="http://127.0.0.1/1/q", MessageBody="m"),
            "sqs:SendMessage",
            [f"arn:aws:sqs:{REGION}:{ACCOUNT}:q"],
        ),
        (
            "stepfunctions",
            lambda client: client.start_execution(stateMachineArn="arn:m", input="{}"),
            "states:StartExecution",
            ["arn:m"],
        ),
        ("ec2", lambda client: client.describe_instances(), "ec2:DescribeInstances", ["*"]),
        ("cloudwatch", lambda client: client.describe_alarms(), "cloudwatch:DescribeAlarms", ["*"]),
        (
            "appconfig",
            lambda client: client.list_deployments(ApplicationId="a", EnvironmentId="e"),
            "appconfig:ListDeployments",
            [None],  # a resource that the local stack does not work out
        ),
    ],
)
def test_requests_to_other_services_need_their_resources(
    service: str, call: Callable[[Any], object], action: str, resources: list[str | None]
) -> None:
    request, body = sent(service, call)
    signer = caller(request)
    assert signer is not None

    assert accesses(request, body, signer, ACCOUNT) == [Access(action, resource) for resource in resources]


def roles(**condition: Any) -> Roles:
    statement = {"Effect": "Allow", "Action": "dynamodb:PutItem", "Resource": TABLE} | condition
    return Roles({"IngestFunctionRole": [statement]}, account=ACCOUNT, tags=lambda _: {})


def test_a_role_is_refused_what_no_statement_allows() -> None:
    mine = roles(Condition={"ForAllValues:StringLike": {LEADING: ["GROUP#*"]}, "Null": {LEADING: "false"}})

    mine.check(*sent("dynamodb", lambda table: table.put_item(TableName="incidents", Item=key("GROUP#1"))))
    with pytest.raises(ServiceError, match="not authorized to perform: dynamodb:PutItem"):
        mine.check(*sent("dynamodb", lambda table: table.put_item(TableName="incidents", Item=key("PLAN#1"))))
    with pytest.raises(ServiceError, match="not authorized to perform: dynamodb:DeleteItem"):
        mine.check(*sent("dynamodb", lambda table: table.delete_item(TableName="incidents", Key=key("GROUP#1"))))


def test_the_owner_of_the_account_may_do_everything() -> None:
    put = sent("dynamodb", lambda table: table.put_item(TableName="incidents", Item=key("PLAN#1")), key=ACCOUNT)

    roles().check(*put)


def test_commands_go_only_to_instances_with_the_tag() -> None:
    document, instance = f"arn:aws:ssm:{REGION}:{ACCOUNT}:document/*", f"arn:aws:ec2:{REGION}:{ACCOUNT}:instance/*"
    statements: list[dict[str, Any]] = [
        {"Effect": "Allow", "Action": "ssm:SendCommand", "Resource": document},
        {
            "Effect": "Allow",
            "Action": "ssm:SendCommand",
            "Resource": instance,
            "Condition": {"StringEquals": {"ssm:resourceTag/Firstline": "managed"}},
        },
    ]
    tags = {"i-1": {"Firstline": "managed"}, "i-2": {"Firstline": "other"}}
    machine = Roles({"Machine": statements}, account=ACCOUNT, tags=lambda node: tags.get(node, {}))

    def send(*nodes: str) -> None:
        machine.check(*sent("ssm", lambda ssm: ssm.send_command(DocumentName="d", InstanceIds=[*nodes]), "Machine"))

    send("i-1")
    for nodes in (["i-2"], ["i-1", "i-2"], ["i-3"]):
        with pytest.raises(ServiceError, match="not authorized"):
            send(*nodes)


def test_an_event_needs_its_bus_and_names_its_source() -> None:
    entry = {"EventBusName": "default", "Source": "firstline.s", "DetailType": "d", "Detail": "{}"}
    request, body = sent("events", lambda client: client.put_events(Entries=[entry, entry]))
    signer = caller(request)
    assert signer is not None
    bus, context = f"arn:aws:events:{REGION}:{ACCOUNT}:event-bus/default", {"events:source": "firstline.s"}
    assert accesses(request, body, signer, ACCOUNT) == [Access("events:PutEvents", bus, context)]
