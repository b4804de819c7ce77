"""The emulator's table and moto without the emulator's patches: they say the same of every kind of value."""

from typing import Any

import boto3
import pytest
from moto import mock_aws
from moto.core.serialize import BaseJSONSerializer
from moto.dynamodb.models.dynamo_type import DynamoType

from local.emulator import values

TABLE = "values"
ITEM: dict[str, Any] = {
    "text": {"S": "ü"},
    "empty": {"S": ""},
    "number": {"N": "1.50"},
    "bytes": {"B": b"\x00\xff"},
    "yes": {"BOOL": True},
    "no": {"BOOL": False},
    "nothing": {"NULL": True},
    "texts": {"SS": ["a", "b"]},
    "numbers": {"NS": ["1", "2"]},
    "blobs": {"BS": [b"a", b"b"]},
    "list": {"L": [{"S": "x"}, {"N": "2"}, {"L": []}, {"M": {"S": {"S": "a name that is a type"}}}]},
    "map": {"M": {"N": {"N": "3"}, "deep": {"M": {"er": {"L": [{"NULL": True}]}}}, "none": {"M": {}}}},
}
OTHER: dict[str, Any] = {name: {"S": "other"} for name in ITEM}


def _answers() -> list[Any]:
    """Return what a table says of its items, and in which order and by which values it finds them."""
    with mock_aws():
        client = boto3.client("dynamodb", region_name="eu-west-1")
        client.create_table(
            TableName=TABLE,
            BillingMode="PAY_PER_REQUEST",
            KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}],
            AttributeDefinitions=[
                {"AttributeName": "pk", "AttributeType": "S"},
                {"AttributeName": "sk", "AttributeType": "N"},
            ],
        )
        for partition in ("1", "one"):
            for number in ("10", "9", "-1", "1.0"):
                item = ITEM if number == "9" else OTHER
                client.put_item(TableName=TABLE, Item={"pk": {"S": partition}, "sk": {"N": number}, **item})
        partition_key: dict[str, Any] = {":pk": {"S": "1"}}
        told: list[Any] = [
            client.get_item(TableName=TABLE, Key={"pk": {"S": "1"}, "sk": {"N": "9.0"}}),
            client.query(TableName=TABLE, KeyConditionExpression="pk = :pk", ExpressionAttributeValues=partition_key),
            client.query(
                TableName=TABLE,
                KeyConditionExpression="pk = :pk AND sk > :least",
                ExpressionAttributeValues={**partition_key, ":least": {"N": "1"}},
                ScanIndexForward=False,
            ),
        ]
        for name, value in ITEM.items():
            for sought in (value, {"N": "1.5"}, {"S": "1.50"}):
                told.append(
                    client.scan(
                        TableName=TABLE,
                        FilterExpression="#name = :sought",
                        ExpressionAttributeNames={"#name": name},
                        ExpressionAttributeValues={":sought": sought},
                    )
                )
    for answer in told:
        del answer["ResponseMetadata"]
    return told


def test_every_kind_of_value_is_told_and_found_as_without_patches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(DynamoType, "cast_value", property(values._cast_anything))
    monkeypatch.setattr(DynamoType, "__eq__", values._equal_as_moto)
    monkeypatch.setattr(BaseJSONSerializer, "_serialize_type_structure", values._serialize_structure)
    as_moto_says = _answers()

    values.install()

    assert _answers() == as_moto_says
    _, _, sorted_query, *_ = as_moto_says
    greatest_first = sorted_query["Items"]
    assert [item["sk"] for item in greatest_first] == [{"N": "10"}, {"N": "9"}]
    assert greatest_first[1].items() >= ITEM.items()
