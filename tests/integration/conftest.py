"""The table exactly as template.yaml declares it, in DynamoDB Local, or in moto where that is lacking."""

import itertools
import json
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from botocore import xform_name
from botocore.client import BaseClient
from botocore.exceptions import ClientError
from moto import mock_aws
from moto.core import responses
from moto.dynamodb.models import dynamodb_backends
from samtranslator.yaml_helper import yaml_parse

from firstline.adapters.dynamodb.table import Table
from tests.integration.chat_server import Script, Server, serving
from tests.simulation.table import MemoryDynamoDB
from tests.support import needs
from tests.support.dynamodb_local import dynamodb_local as server_of_dynamodb

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.client import DynamoDBClient

ROOT = Path(__file__).parents[2]
STACK_ON_AWS = "firstline-prod"
ACCOUNT = "123456789012"
STATE_MACHINE = f"arn:aws:states:eu-central-1:{ACCOUNT}:stateMachine:{STACK_ON_AWS}-incident"
_NUMBERS = itertools.count(1)

# moto looks through all methods of a service's class for each request.
responses.method_names_from_class = cache(responses.method_names_from_class)  # type: ignore[attr-defined]


@cache
def declared_table() -> dict[str, Any]:
    """Return the table's properties in template.yaml that CreateTable takes too.

    Not the TTL: DynamoDB Local really removes what expired, and the tests' dates are in the past or will be.
    """
    properties = yaml_parse((ROOT / "template.yaml").read_text())["Resources"]["Table"]["Properties"]
    names = ("AttributeDefinitions", "KeySchema", "GlobalSecondaryIndexes", "BillingMode")
    return {name: properties[name] for name in names}


@pytest.fixture(autouse=True)
def _no_images(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let moto's EC2 begin without its hundreds of images in every region."""
    monkeypatch.setenv("MOTO_EC2_LOAD_DEFAULT_AMIS", "false")


@pytest.fixture(scope="session")
def dynamodb_local() -> Iterator[str]:
    """DynamoDB Local's address; it lives in memory, and as long as the tests."""
    needs.require("dynamodb-local")
    # It lives for minutes, in which the work of Java's second compiler does not pay.
    with server_of_dynamodb("256m", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC") as address:
        yield address


@pytest.fixture(scope="session")
def _local_client(dynamodb_local: str) -> "DynamoDBClient":
    """Provide the client that all tests with a table in DynamoDB Local share."""
    return boto3.client("dynamodb", endpoint_url=dynamodb_local)


@pytest.fixture
def dynamodb() -> "Iterator[DynamoDBClient]":
    """Provide an empty DynamoDB by moto, without a socket."""
    with mock_aws():
        yield _one_at_a_time(boto3.client("dynamodb"))


@pytest.fixture
def table_on_aws() -> Iterator[Table]:
    """Provide the table of a stack on AWS, as a command finds it by the stack's name."""
    with mock_aws():
        yield deployed_table()


def deployed_table() -> Table:
    """Make a stack's table, and the stack with its output, within moto. The simulation's table has the items."""
    client, name = boto3.client("dynamodb"), f"{STACK_ON_AWS}-Table-1A2B3C"
    client.create_table(TableName=name, **declared_table())
    vars(_backend())["simulated"] = MemoryDynamoDB(declared_table(), name=name)
    template = {
        "Resources": {"Topic": {"Type": "AWS::SNS::Topic"}},
        "Outputs": {"TableName": {"Value": name}, "StateMachineArn": {"Value": STATE_MACHINE}},
    }
    boto3.client("cloudformation").create_stack(StackName=STACK_ON_AWS, TemplateBody=json.dumps(template))
    return Table(client, name)


def _backend() -> Any:
    """Return moto's DynamoDB, which begins anew with every test that mocks AWS."""
    return dynamodb_backends[ACCOUNT][os.environ["AWS_DEFAULT_REGION"]]


_call = BaseClient._make_api_call  # type: ignore[attr-defined]


def _call_or_simulate(client: Any, operation: str, parameters: dict[str, Any]) -> Any:
    """Let the simulation's table answer for a deployed one: moto's takes twenty times as long for each request.

    `test_simulated_table.py` compares it with DynamoDB Local. What it does not know (DescribeTable) is asked of moto.
    """
    if client.meta.service_model.service_name != "dynamodb" or "amazonaws" not in client.meta.endpoint_url:
        return _call(client, operation, parameters)
    method = getattr(vars(_backend()).get("simulated"), xform_name(operation), None)
    if method is None:
        return _call(client, operation, parameters)
    try:
        return method(**parameters)
    except ClientError as error:
        raise client.exceptions.from_code(error.response["Error"]["Code"])(error.response, operation) from error


BaseClient._make_api_call = _call_or_simulate  # type: ignore[attr-defined]


def databases() -> list[str]:
    """Name what the tests' tables are in: DynamoDB Local, or moto on a machine that lacks it and may.

    Moto is the laxer one: what passes on DynamoDB Local hardly ever fails there.
    """
    is_lacking = needs.NEEDS["dynamodb-local"]() is not None and not os.environ.get(needs.REQUIRE_ALL)
    return ["moto" if is_lacking else "dynamodb-local"]


@pytest.fixture(params=databases())
def table_client(request: pytest.FixtureRequest) -> "DynamoDBClient":
    """Provide a client for each of `databases`."""
    return client_of(request.param, request)


def client_of(database: str, request: pytest.FixtureRequest) -> "DynamoDBClient":
    """Provide a client for moto or for DynamoDB Local."""
    if database == "moto":
        client: DynamoDBClient = request.getfixturevalue("dynamodb")
        return client
    local: DynamoDBClient = request.getfixturevalue("_local_client")
    return local


@pytest.fixture
def table(table_client: "DynamoDBClient") -> Iterator[Table]:
    """Provide the table, empty."""
    made = new_table(table_client)
    yield made
    table_client.delete_table(TableName=made.name)


def new_table(client: "DynamoDBClient") -> Table:
    """Create an empty table with a name of its own."""
    name = f"firstline-{next(_NUMBERS)}"
    client.create_table(TableName=name, **declared_table())
    return Table(client, name)


@pytest.fixture
def serve() -> Iterator[Callable[[Script], Server]]:
    """Start a model's server that acts by a script, as many as a test likes."""
    with ExitStack() as servers:
        yield lambda script: servers.enter_context(serving(script))


def _one_at_a_time(client: "DynamoDBClient") -> "DynamoDBClient":
    """Lock each call: moto checks a condition and then writes, so two threads could both win, as in no DynamoDB."""
    lock, call = threading.Lock(), client._make_api_call  # type: ignore[attr-defined]

    def locked(*arguments: Any) -> Any:
        with lock:
            return call(*arguments)

    client._make_api_call = locked  # type: ignore[attr-defined]
    return client
