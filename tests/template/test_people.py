"""The stack's managed policies for people: what they allow, and which addresses need a signed request."""

from typing import Any

import pytest

from tests.template.test_iam_senders import template

TABLE = "AWS::DynamoDB::Table"


@pytest.fixture(scope="module")
def resources() -> dict[str, tuple[str, Any]]:
    return dict(template().resources())


def statements(resources: dict[str, tuple[str, Any]], name: str) -> dict[str, dict[str, Any]]:
    kind, properties = resources[name]
    assert kind == "AWS::IAM::ManagedPolicy"
    return {statement["Sid"]: statement for statement in properties["PolicyDocument"]["Statement"]}


def test_an_operator_may_call_operate_and_silence_and_nothing_more(resources: dict[str, tuple[str, Any]]) -> None:
    given = statements(resources, "OperatorPolicy")
    assert {sid: statement["Action"] for sid, statement in given.items()} == {
        "Operate": "execute-api:Invoke",
        "OpenTheConsole": "execute-api:Invoke",
        "Silence": "dynamodb:PutItem",
    }
    assert str(given["Operate"]["Resource"]).endswith("${HttpApi}/*/POST/operate/*'}")
    assert str(given["OpenTheConsole"]["Resource"]).endswith("${HttpApi}/*/POST/console/tickets'}")
    assert given["Silence"]["Condition"] == {
        "Null": {"dynamodb:LeadingKeys": "false"},
        "ForAllValues:StringEquals": {"dynamodb:LeadingKeys": ["SILENCES"]},
    }


def test_a_reader_only_reads_and_opens_the_console(resources: dict[str, tuple[str, Any]]) -> None:
    given = statements(resources, "ReaderPolicy")
    assert str(given.pop("OpenTheConsole")["Resource"]).endswith("${HttpApi}/*/POST/console/tickets'}")
    asked = [statement["Action"] for statement in given.values()]
    actions = {action for given in asked for action in ([given] if isinstance(given, str) else given)}
    assert actions == {
        *("dynamodb:GetItem", "dynamodb:BatchGetItem", "dynamodb:Query"),
        *("cloudformation:DescribeStacks", "states:DescribeExecution", "states:GetExecutionHistory"),
    }


def test_only_operate_and_tickets_are_signed_by_iam_and_both_are(resources: dict[str, tuple[str, Any]]) -> None:
    (body,) = [properties["Body"] for kind, properties in resources.values() if kind == "AWS::ApiGatewayV2::Api"]
    signed = {
        path: operation.get("security") for path, methods in body["paths"].items() for operation in methods.values()
    }
    assert {path for path, security in signed.items() if security} == {"/operate/{proxy+}", "/console/tickets"}
    assert signed["/operate/{proxy+}"] == signed["/console/tickets"] == [{"AWS_IAM": []}]
    scheme = body["components"]["securitySchemes"]["AWS_IAM"]
    assert scheme["x-amazon-apigateway-authtype"] == "awsSigv4"
