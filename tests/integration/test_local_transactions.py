"""Transactions on the emulator's table write everything or nothing, and copy only what they name."""

from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from moto import mock_aws
from moto.dynamodb.models.table import Table

from local.emulator import transactions

TABLE = "transactions"


@pytest.fixture
def dynamodb() -> Iterator[Any]:
    transactions.install()
    with mock_aws():
        client = boto3.client("dynamodb", region_name="eu-west-1")
        client.create_table(
            TableName=TABLE,
            BillingMode="PAY_PER_REQUEST",
            KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}],
            AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name in ("pk", "sk")],
        )
        for name in ("counted", "deleted", "bystander"):
            client.put_item(TableName=TABLE, Item={**key(name), "n": {"N": "1"}})
        yield client


def key(name: str) -> dict[str, Any]:
    return {"pk": {"S": name}, "sk": {"S": "item"}}


def add_one(name: str, **more: Any) -> dict[str, Any]:
    values = {":one": {"N": "1"}}
    return {
        "Update": {
            "TableName": TABLE,
            "Key": key(name),
            "UpdateExpression": "ADD n :one",
            "ExpressionAttributeValues": values,
            **more,
        }
    }


def numbers(dynamodb: Any) -> dict[str, int]:
    items = dynamodb.scan(TableName=TABLE)["Items"]
    return {item["pk"]["S"]: int(item["n"]["N"]) for item in items}


def test_everything_is_written(dynamodb: Any) -> None:
    dynamodb.transact_write_items(
        TransactItems=[
            add_one("counted"),
            {"Put": {"TableName": TABLE, "Item": {**key("new"), "n": {"N": "7"}}}},
            {"Delete": {"TableName": TABLE, "Key": key("deleted")}},
        ]
    )

    assert numbers(dynamodb) == {"counted": 2, "bystander": 1, "new": 7}


def test_nothing_is_written_if_one_condition_fails(dynamodb: Any) -> None:
    refused = {"ConditionExpression": "attribute_not_exists(pk)"}
    with pytest.raises(dynamodb.exceptions.TransactionCanceledException) as cancelled:
        dynamodb.transact_write_items(
            TransactItems=[
                add_one("counted"),
                {"Delete": {"TableName": TABLE, "Key": key("deleted")}},
                {"Put": {"TableName": TABLE, "Item": {**key("new"), "n": {"N": "7"}}}},
                add_one("bystander", **refused),
            ]
        )

    codes = [reason["Code"] for reason in cancelled.value.response["CancellationReasons"]]
    assert codes == ["None", "None", "None", "ConditionalCheckFailed"]
    assert numbers(dynamodb) == {"counted": 1, "deleted": 1, "bystander": 1}
    dynamodb.transact_write_items(TransactItems=[add_one("counted")])
    assert numbers(dynamodb)["counted"] == 2


def test_the_table_is_not_copied(dynamodb: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def copied(self: Table, memo: object) -> Table:
        raise AssertionError("a whole table was copied")

    monkeypatch.setattr(Table, "__deepcopy__", copied, raising=False)

    dynamodb.transact_write_items(TransactItems=[add_one("counted"), add_one("bystander")])

    assert numbers(dynamodb) == {"counted": 2, "deleted": 1, "bystander": 2}
