"""What the stack's managed policies let people do, and that only a signed request reaches `/operate`."""

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
        "Silence": "dynamodb:PutItem",
    }
    assert str(given["Operate"]["Resource"]).endswith("${HttpApi}/*/POST/operate/*'}")
    assert given["Silence"]["Condition"] == {
        "Null": {"dynamodb:LeadingKeys": "false"},
        "ForAllValues:StringEquals": {"dynamodb:LeadingKeys": ["SILENCES"]},
    }


def test_a_reader_only_reads(resources: dict[str, tuple[str, Any]]) -> None:
    asked = [statement["Action"] for statement in statements(resources, "ReaderPolicy").values()]
    actions = {action for one in asked for action in ([one] if isinstance(one, str) else one)}
    assert actions == {
        *("dynamodb:GetItem", "dynamodb:BatchGetItem", "dynamodb:Query"),
        *("cloudformation:DescribeStacks", "states:DescribeExecution", "states:GetExecutionHistory"),
    }


def test_only_operate_is_signed_by_iam_and_operate_is(resources: dict[str, tuple[str, Any]]) -> None:
    (body,) = [properties["Body"] for kind, properties in resources.values() if kind == "AWS::ApiGatewayV2::Api"]
    signed = {
        path: operation.get("security") for path, methods in body["paths"].items() for operation in methods.values()
    }
    assert {path for path, security in signed.items() if security} == {"/operate/{proxy+}"}
    assert signed["/operate/{proxy+}"] == [{"AWS_IAM": []}]
    scheme = body["components"]["securitySchemes"]["AWS_IAM"]
    assert scheme["x-amazon-apigateway-authtype"] == "awsSigv4"
