"""A table's stream on one machine: a function gets what was written, in order, and again what it did not take."""

import json
import threading
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from moto import mock_aws

from local.emulator import events, transactions
from local.emulator.events import StreamReader, read_stream
from local.emulator.runtime import Invocation

TABLE = "streamed"
WANTED = {"dynamodb": {"Keys": {"sk": {"S": ["LIVE"]}}}}


class Functions:
    """A function that does not take the record with this key the first times."""

    def __init__(self, refused: str = "", times: int = 0, *, fails: int = 0, until: str = "last") -> None:
        self.refused, self.times, self.fails, self.until = refused, times, fails, until
        self.batches: list[list[str]] = []
        self.taken: list[str] = []
        self.stopping = threading.Event()

    def invoke(self, name: str, payload: bytes) -> Invocation:
        records = json.loads(payload)["Records"]
        names = [record["dynamodb"]["Keys"]["pk"]["S"] for record in records]
        self.batches.append(names)
        if self.fails > 0:
            self.fails -= 1
            return Invocation(b"{}", failed=True)
        failed = []
        if self.refused in names and self.times > 0:
            self.times -= 1
            place = names.index(self.refused)
            failed = [{"itemIdentifier": records[place]["dynamodb"]["SequenceNumber"]}]
            names = names[:place]
        self.taken += names
        if self.until in self.taken:
            self.stopping.set()
        return Invocation(json.dumps({"batchItemFailures": failed}).encode(), failed=False)


@pytest.fixture
def dynamodb(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Return a client of moto with a table that has a stream."""
    monkeypatch.setattr(events, "POLL_SECONDS", 0.01)
    transactions.install()
    with mock_aws():
        client = boto3.client("dynamodb", region_name="eu-west-1")
        client.create_table(
            TableName=TABLE,
            BillingMode="PAY_PER_REQUEST",
            KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}],
            AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name in ("pk", "sk")],
            StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"},
        )
        yield client


def item(name: str, sk: str = "LIVE") -> dict[str, Any]:
    return {"pk": {"S": name}, "sk": {"S": sk}}


def put(name: str, sk: str = "LIVE", **more: Any) -> dict[str, Any]:
    return {"Put": {"TableName": TABLE, "Item": item(name, sk), **more}}


def read(client: Any, functions: Functions) -> None:
    arn = client.describe_table(TableName=TABLE)["Table"]["LatestStreamArn"]
    streams = boto3.client("dynamodbstreams", region_name="eu-west-1")
    read_stream(StreamReader(arn, "publish", (WANTED,)), streams, functions, functions.stopping)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("functions", "batches"),
    [
        (Functions(), [["a", "b", "last"]]),
        (Functions(refused="b", times=2), [["a", "b", "last"], ["b", "last"], ["b", "last"]]),
        (Functions(fails=1), [["a", "b", "last"], ["a", "b", "last"]]),
    ],
    ids=["all are taken", "b is refused twice", "the function fails once"],
)
def test_what_a_function_did_not_take_comes_again(
    dynamodb: Any, functions: Functions, batches: list[list[str]]
) -> None:
    for name in ("a", "b", "last"):
        dynamodb.put_item(TableName=TABLE, Item=item(name))
        dynamodb.put_item(TableName=TABLE, Item=item(name, "ALERT"))  # the reader wants only LIVE
    read(dynamodb, functions)
    assert functions.batches == batches
    assert functions.taken == ["a", "b", "last"]


def test_a_transaction_that_was_refused_is_not_in_the_stream(dynamodb: Any) -> None:
    never = {"ConditionExpression": "attribute_exists(nothing)"}
    with pytest.raises(ClientError, match="TransactionCanceled"):
        dynamodb.transact_write_items(TransactItems=[put("refused"), put("b", **never)])
    dynamodb.transact_write_items(TransactItems=[put("a"), put("last")])
    functions = Functions()
    read(dynamodb, functions)
    assert functions.taken == ["a", "last"]
