"""The simulation's table against DynamoDB Local: the same requests, the same answers, the same contents."""

from collections.abc import Iterator
from itertools import product
from random import Random
from typing import Any

import pytest
from botocore.exceptions import ParamValidationError

from tests.integration.conftest import client_of, databases, declared_table
from tests.integration.table_pair import ITEM, KEY, Pair, bound, expressions_of, pair_of, sent
from tests.integration.table_requests import Requests
from tests.simulation.table import MemoryDynamoDB
from tests.support.depth import some


@pytest.fixture(params=databases())
def pair(request: pytest.FixtureRequest) -> Iterator[Pair]:
    """Provide the two tables, the other one in DynamoDB Local or in moto."""
    yield from pair_of(client_of(request.param, request))


@pytest.fixture
def local(request: pytest.FixtureRequest) -> Iterator[Pair]:
    """Provide the two tables where only DynamoDB Local is strict enough to be compared with."""
    yield from pair_of(client_of("dynamodb-local", request))


# --- random requests --------------------------------------------------------------------------------------------------


@pytest.mark.needs("dynamodb-local")
@pytest.mark.parametrize("seed", list(some(range(12))))
def test_random_requests_have_the_same_answers_and_leave_the_same_items(local: Pair, seed: int) -> None:
    requests = Requests(Random(seed))
    for _ in range(60):
        sent(local, requests.call())
    local.agree_on_contents()


# --- keys, limits and pages -------------------------------------------------------------------------------------------

WRONG_PUTS: list[dict[str, Any]] = [
    {"sk": {"S": ""}},
    {"pk": {"N": "1"}},
    {"pk": {"S": "k" * 2049}},
    {"sk": {"S": "k" * 1025}},
    {"status_pk": {"N": "1"}},
    {"status_pk": {"S": ""}},
    {"": {"S": "no name"}},
    {"m": {"M": {"": {"S": "no name"}}}},
    {"s": {"S": "x" * 409_600}},
    {"s": {"SS": []}},
    {"s": {"NS": ["1", "1"]}},
    {"s": {"NULL": False}},
    {"s": {}},
]


@pytest.mark.needs("dynamodb-local")
@pytest.mark.parametrize("attributes", WRONG_PUTS, ids=lambda attributes: repr(attributes)[:30])
def test_a_wrong_item_is_refused(local: Pair, attributes: dict[str, Any]) -> None:
    refused = local.agree("put_item", Item={**KEY, **attributes})
    assert refused[1] == "ValidationException"
    local.agree_on_contents()


@pytest.mark.needs("dynamodb-local")
def test_an_item_grows_to_400_kb_and_no_further(local: Pair) -> None:
    most = 400 * 1024 - sum(map(len, ("pk", "A", "sk", "1", "s")))
    local.agree("put_item", Item={**KEY, "s": {"S": "x" * most}})
    local.agree("update_item", Key=KEY, UpdateExpression="SET t = :t", ExpressionAttributeValues={":t": {"S": ""}})
    local.agree_on_contents()


@pytest.mark.needs("dynamodb-local")
def test_a_request_for_a_key_names_the_whole_key_and_nothing_else(local: Pair) -> None:
    for key in (
        {"pk": KEY["pk"]},
        {**KEY, "s": {"S": "x"}},
        {**KEY, "sk": {"N": "1"}},
        {"pk": KEY["pk"], "s": {"S": "x"}},
    ):
        local.agree("get_item", Key=key)
        local.agree("update_item", Key=key, UpdateExpression="REMOVE s")
        local.agree("delete_item", Key=key)


KEY_CONDITIONS = """
    pk = :a | :a = pk | pk = :a AND sk = :b | sk > :a AND pk = :a | (pk = :a) AND (sk > :a) | pk = :a AND :a < sk
    pk > :a | sk = :a | pk = :a OR sk = :a | pk = :a AND s = :a | pk = :a AND sk <> :a | pk = :one
    pk = :a AND sk = :one | NOT pk = :a | pk = :a AND sk BETWEEN :a AND :x | pk = :a AND sk BETWEEN :x AND :a
    pk = :a AND begins_with(sk, :b) | pk = :a AND pk = :a | pk = :a AND sk = :a AND s = :a | begins_with(pk, :a)
    pk = :a AND contains(sk, :a) | pk = :a AND attribute_exists(sk) | pk = sk | pk = :a AND sk IN (:a)
    pk = :a AND size(sk) > :one | pk.a = :a | pk =
"""


@pytest.mark.needs("dynamodb-local")
def test_key_conditions_select_as_in_dynamodb(local: Pair) -> None:
    for sort in ("a", "b", "ba", "bé", "c", "x", "y"):
        local.agree("put_item", Item={"pk": {"S": "a"}, "sk": {"S": sort}})
    for condition in expressions_of(KEY_CONDITIONS):
        local.agree("query", **bound(KeyConditionExpression=condition))


def test_pages_go_on_where_the_last_one_ended(pair: Pair) -> None:
    for number in range(7):
        key = {"pk": {"S": "A"}, "sk": {"S": f"{number}"}}
        pair.agree("put_item", Item={**key, "status_pk": {"S": "OPEN"}, "status_sk": {"S": f"{9 - number}"}})
    for query, forward in product(
        [{"KeyConditionExpression": "pk = :p"}, {"KeyConditionExpression": "status_pk = :p", "IndexName": "by_status"}],
        [True, False],
    ):
        values = {":p": {"S": "OPEN" if "IndexName" in query else "A"}}
        request = {**query, "ExpressionAttributeValues": values, "ScanIndexForward": forward, "Limit": 3}
        sizes = []
        while "LastEvaluatedKey" in (page := pair.agree("query", **request)):
            sizes.append(page["Count"])
            request["ExclusiveStartKey"] = page["LastEvaluatedKey"]
        assert [*sizes, page["Count"]] == [3, 3, 1]


@pytest.mark.needs("dynamodb-local")
def test_a_page_ends_after_a_megabyte(local: Pair) -> None:
    for number in range(4):
        local.agree("put_item", Item={"pk": {"S": "a"}, "sk": {"S": f"{number}"}, "s": {"S": "x" * 390_000}})
    first = local.agree("query", **bound(KeyConditionExpression="pk = :a"))
    assert first["Count"] == 3
    local.agree("query", **bound(KeyConditionExpression="pk = :a"), ExclusiveStartKey=first["LastEvaluatedKey"])


OTHER_TABLE: dict[str, Any] = {
    "BillingMode": "PAY_PER_REQUEST",
    "AttributeDefinitions": [
        {"AttributeName": "id", "AttributeType": "B"},
        {"AttributeName": "kind", "AttributeType": "S"},
        {"AttributeName": "at", "AttributeType": "N"},
    ],
    "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}],
    "GlobalSecondaryIndexes": [
        {
            "IndexName": "by_time",
            "KeySchema": [
                {"AttributeName": "kind", "KeyType": "HASH"},
                {"AttributeName": "at", "KeyType": "RANGE"},
            ],
            "Projection": {"ProjectionType": "INCLUDE", "NonKeyAttributes": ["s"]},
        },
        {
            "IndexName": "by_number",
            "KeySchema": [{"AttributeName": "at", "KeyType": "HASH"}],
            "Projection": {"ProjectionType": "KEYS_ONLY"},
        },
    ],
}


@pytest.mark.needs("dynamodb-local")
def test_an_index_shows_what_it_projects_in_the_order_of_its_keys(request: pytest.FixtureRequest) -> None:
    for pair in pair_of(client_of("dynamodb-local", request), OTHER_TABLE):
        for name, at in ((b"a", "10"), (b"b", "9"), (b"c", "-1.5"), (b"d", "0")):
            item = {"id": {"B": name}, "kind": {"S": "a"}, "at": {"N": at}, "s": {"S": "x"}, "n": {"N": "1"}}
            pair.agree("put_item", Item=item)
        pair.agree("update_item", Key={"id": {"B": b"d"}}, **bound(UpdateExpression="SET n = :five REMOVE kind"))
        pair.agree("update_item", Key={"id": {"B": b"c"}}, **bound(UpdateExpression="SET s = :b, #status = :a"))
        for condition in ("kind = :a", "kind = :a AND #at > :one", "kind = :a AND #at BETWEEN :one AND :nine"):
            request_of_index = bound(KeyConditionExpression=condition)
            for forward in (True, False):
                pair.agree("query", IndexName="by_time", ScanIndexForward=forward, **request_of_index)
                pair.agree("query", IndexName="by_time", ScanIndexForward=forward, Limit=1, **request_of_index)
        pair.agree("query", IndexName="by_number", **bound(KeyConditionExpression="#at = :nine"))
        pair.agree("query", IndexName="by_number", ConsistentRead=True, **bound(KeyConditionExpression="#at = :nine"))
        pair.agree("query", IndexName="by_nothing", **bound(KeyConditionExpression="#at = :nine"))
        pair.agree("query", **bound(KeyConditionExpression="id = :a"))


@pytest.mark.needs("dynamodb-local")
def test_batches_and_transactions_have_at_most_a_hundred_parts(local: Pair) -> None:
    keys = [{"pk": {"S": "A"}, "sk": {"S": f"{number}"}} for number in range(101)]
    for most in (100, 101):
        local.agree("batch_get_item", RequestItems={local.name: {"Keys": keys[:most]}})
        for kind in ("Put", "Delete"):
            key_name = "Item" if kind == "Put" else "Key"
            parts = [{kind: {"TableName": local.name, key_name: key}} for key in keys[:most]]
            local.agree("transact_write_items", TransactItems=parts)
    local.agree_on_contents()


@pytest.mark.needs("dynamodb-local")
def test_return_values_are_as_in_dynamodb(local: Pair) -> None:
    for returned, before in product(["NONE", "ALL_OLD", "ALL_NEW", "UPDATED_OLD", "UPDATED_NEW"], [True, False]):
        for method, more in (
            ("put_item", {"Item": {**KEY, "s": {"S": "new"}}}),
            ("delete_item", {"Key": KEY}),
            ("update_item", {"Key": KEY, **bound(UpdateExpression="SET q = :x REMOVE s ADD n :one")}),
            ("update_item", {"Key": KEY}),
        ):
            if returned.startswith("UPDATED") and "UpdateExpression" not in more:
                continue  # DynamoDB Local fails
            local.agree("put_item" if before else "delete_item", **{"Item": ITEM} if before else {"Key": KEY})
            local.agree(method, ReturnValues=returned, **more)
    local.agree_on_contents()


# --- what only the simulation has -------------------------------------------------------------------------------------


@pytest.fixture
def memory() -> MemoryDynamoDB:
    """Provide an empty table of the simulation."""
    return MemoryDynamoDB.from_template(declared_table())


def put_open(memory: MemoryDynamoDB, sort: str, **more: Any) -> None:
    keys = {"status_pk": {"S": "OPEN"}, "status_sk": {"S": sort}}
    memory.put_item(TableName="any", Item={"pk": {"S": "A"}, "sk": {"S": sort}, **keys, **more})


def open_ones(memory: MemoryDynamoDB) -> list[str]:
    request = {"KeyConditionExpression": "status_pk = :open", "ExpressionAttributeValues": {":open": {"S": "OPEN"}}}
    return [item["sk"]["S"] for item in memory.query(TableName="any", IndexName="by_status", **request)["Items"]]


def test_an_index_can_lag_behind_the_newest_changes() -> None:
    lag = 2
    memory = MemoryDynamoDB.from_template(declared_table(), index_lag=lambda: lag)
    for sort in "123":
        put_open(memory, sort)
    assert open_ones(memory) == ["1"]
    memory.delete_item(TableName="any", Key={"pk": {"S": "A"}, "sk": {"S": "1"}})
    assert open_ones(memory) == ["1", "2"], "the index still shows what is deleted"
    lag = 0
    assert open_ones(memory) == ["2", "3"]


def test_what_expired_is_deleted_from_table_and_index(memory: MemoryDynamoDB) -> None:
    put_open(memory, "past", expires_at={"N": "99"})
    put_open(memory, "now", expires_at={"N": "100"})
    put_open(memory, "text", expires_at={"S": "1"})
    assert memory.expire(100) == 1
    assert open_ones(memory) == ["now", "text"]
    assert [item["sk"] for item in memory.items()] == ["now", "text"]


def test_requests_and_write_units_are_counted(memory: MemoryDynamoDB) -> None:
    key = {"pk": {"S": "A"}, "sk": {"S": "1"}}
    memory.put_item(TableName="any", Item={**key, "s": {"S": "x" * 1500}})
    assert memory.write_units["put_item"] == 2
    memory.delete_item(TableName="any", Key=key)
    assert memory.write_units["delete_item"] == 2, "the item that goes counts"
    memory.transact_write_items(TransactItems=[{"Put": {"TableName": "any", "Item": key}}])
    assert memory.write_units["transact_write_items"] == 2
    put_open(memory, "1")
    assert memory.write_units["put_item"] == 2 + 2, "the table and its index"
    put_open(memory, "1", s={"S": "new"})
    assert memory.write_units["put_item"] == 4 + 2, "the entry changes where it is"
    memory.put_item(TableName="any", Item={**key, "status_pk": {"S": "CLOSED"}, "status_sk": {"S": "1"}})
    assert memory.write_units["put_item"] == 6 + 3, "the entry moves"
    assert memory.requests == {"put_item": 4, "delete_item": 1, "transact_write_items": 1}


def test_nothing_handed_out_or_in_changes_the_table(memory: MemoryDynamoDB) -> None:
    item: dict[str, Any] = {**KEY, "l": {"L": [{"S": "a"}]}, "ss": {"SS": ["a"]}}
    memory.put_item(TableName="any", Item=item)
    item["l"]["L"].append({"S": "b"})
    found = memory.get_item(TableName="any", Key=KEY)["Item"]
    found["l"]["L"].append({"S": "c"})
    found["ss"]["SS"].append("c")
    assert memory.snapshot() == [{**KEY, "l": {"L": [{"S": "a"}]}, "ss": {"SS": ["a"]}}]


def test_a_lost_transaction_can_be_simulated(memory: MemoryDynamoDB) -> None:
    with pytest.raises(memory.exceptions.TransactionCanceledException) as caught:
        raise memory.cancelled([{"Code": "TransactionConflict"}, {"Code": "None"}])
    assert caught.value.response["CancellationReasons"][0]["Code"] == "TransactionConflict"
    with pytest.raises(memory.exceptions.ProvisionedThroughputExceededException):
        raise memory.error("ProvisionedThroughputExceededException")


def test_a_request_that_boto3_would_not_send_is_not_taken(memory: MemoryDynamoDB) -> None:
    for request in ({"Key": KEY, "Colour": "red"}, {}, {"Key": {"pk": {"S": "A"}, "sk": {"S": 1}}}):
        with pytest.raises(ParamValidationError):
            memory.get_item(TableName="any", **request)


def test_another_tables_name_is_not_found() -> None:
    memory = MemoryDynamoDB.from_template(declared_table(), name="mine")
    with pytest.raises(memory.exceptions.ResourceNotFoundException):
        memory.get_item(TableName="another", Key=KEY)
