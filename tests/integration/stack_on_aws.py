"""A deployed Firstline within moto, as far as commands look at it: its outputs, parameters, topic and table."""

import json
from collections.abc import Mapping
from functools import cache
from typing import Any

import boto3
from samtranslator.yaml_helper import yaml_parse

from tests.integration.conftest import ROOT, declared_table

REGION = "eu-central-1"


def deployed_stack(name: str, *, region: str = REGION, api: str = "https://api.example.com", **parameters: str) -> str:
    """Make a stack with its table and its page topic, and return the topic's ARN."""
    topic: str = boto3.client("sns", region).create_topic(Name=f"{name}-page")["TopicArn"]
    boto3.client("dynamodb", region).create_table(TableName=f"{name}-Table", **declared_table())
    account = topic.split(":")[4]
    outputs = {
        "TableName": f"{name}-Table",
        "StateMachineArn": f"arn:aws:states:{region}:{account}:stateMachine:{name}-incident",
        "PageTopicArn": topic,
        "SecretsPrefix": f"/firstline/{name}",
        "ApiUrl": api,
        "SlackInteractivityUrl": "https://api.example.com/respond/slack",
    }
    template = {
        "Parameters": {
            key: {"Type": "String", "Default": str(parameter.get("Default", "dev"))}
            for key, parameter in _declared().items()
        },
        "Resources": {"Topic": {"Type": "AWS::SNS::Topic"}},
        "Outputs": {key: {"Value": value} for key, value in outputs.items()},
    }
    boto3.client("cloudformation", region).create_stack(
        StackName=name, TemplateBody=json.dumps(template), Parameters=_given(parameters)
    )
    return topic


@cache
def _declared() -> dict[str, Any]:
    parameters: dict[str, Any] = yaml_parse((ROOT / "template.yaml").read_text())["Parameters"]
    return parameters


def _given(parameters: Mapping[str, str]) -> Any:
    return [{"ParameterKey": key, "ParameterValue": value} for key, value in parameters.items()]
