"""The simulation's table against DynamoDB Local and moto: the same requests, the same answers, the same contents."""

import re
from collections.abc import Callable, Iterator, Mapping
from decimal import Decimal
from pathlib import Path
from random import Random
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.integration.conftest import client_of, declared_table, new_table
from tests.integration.table_requests import STATUSES, Call, Requests
from tests.simulation.table import MemoryDynamoDB

ROOT = Path(__file__).parents[2]
REFERENCES = [pytest.param("dynamodb-local", marks=pytest.mark.needs("dynamodb-local")), "moto"]


class Pair:
    """A table of the simulation and one of a database that it is compared with."""

    def __init__(self, client: Any) -> None:
        self.client = client
        self.name = new_table(client).name
        self.memory = MemoryDynamoDB.from_template(declared_table(), name=self.name)

    def agree(self, method: str, **request: Any) -> Any:
        """Send a request to both, compare what they answer, and return it."""
        if method not in {"transact_write_items", "transact_get_items", "batch_get_item"}:
            request = {"TableName": self.name, **request}
        expected = answer_of(getattr(self.client, method), request)
        found = answer_of(getattr(self.memory, method), request)
        assert found == expected, f"{method} {request}: {found} instead of {expected}"
        return expected

    def agree_on_contents(self) -> None:
        """Compare all that the table and its index hold."""
        items = [
            item for page in self.client.get_paginator("scan").paginate(TableName=self.name) for item in page["Items"]
        ]
        order = sorted(map(normal, items), key=lambda item: (item["pk"]["S"], item["sk"]["S"]))
        assert [normal(item) for item in self.memory.snapshot()] == order
        for status in STATUSES:
            condition, values = "status_pk = :status", {":status": {"S": status}}
            self.agree(
                "query", IndexName="by_status", KeyConditionExpression=condition, ExpressionAttributeValues=values
            )


@pytest.fixture(params=REFERENCES)
def pair(request: pytest.FixtureRequest) -> Iterator[Pair]:
    """Provide an empty table of the simulation beside one of DynamoDB Local, then beside one of moto."""
    client = client_of(request.param, request)
    made = Pair(client)
    yield made
    client.delete_table(TableName=made.name)


@pytest.fixture
def local(request: pytest.FixtureRequest) -> Iterator[Pair]:
    """Provide the two tables where only DynamoDB Local is strict enough to be compared with."""
    client = client_of("dynamodb-local", request)
    made = Pair(client)
    yield made
    client.delete_table(TableName=made.name)


def answer_of(method: Callable[..., Any], request: Mapping[str, Any]) -> Any:
    """Return what a method returns or raises, in a form that does not depend on who answers."""
    try:
        answer = dict(method(**request))
    except ClientError as error:
        code = error.response["Error"]["Code"]
        reasons = [
            (reason["Code"], normal(reason.get("Item", {}))) for reason in error.response.get("CancellationReasons", [])
        ]
        # DynamoDB Local refuses the whole transaction when one update does not suit its item; DynamoDB cancels it.
        if any(reason == "ValidationError" for reason, _ in reasons):
            return "ClientError", "ValidationException", {}, []
        return type(error).__name__, code, normal(error.response.get("Item", {})), reasons
    return {name: part for name, part in normal(answer).items() if name not in {"ResponseMetadata", "ConsumedCapacity"}}


def normal(value: Any) -> Any:
    """Return a value with numbers as numbers and sets in order."""
    match value:
        case {"N": str(text)}:
            return {"N": Decimal(text).normalize()}
        case {"SS": list(members)} | {"BS": list(members)}:
            return {"set": sorted(members)}
        case {"NS": list(members)}:
            return {"set": sorted(map(Decimal, members))}
        case {"Responses": dict(tables), **rest}:
            # A batch comes in any order.
            return {"Responses": {name: sorted(map(normal, items), key=repr) for name, items in tables.items()}, **rest}
        case dict():
            return {name: normal(value[name]) for name in sorted(value)}
        case list():
            return [normal(part) for part in value]
    return value


# --- random requests --------------------------------------------------------------------------------------------------


def sent(pair: Pair, call: Call) -> Any:
    """Send a request of the generator to both, with the table's name where it belongs."""
    method, request = call
    if method == "batch_get_item":
        request = {"RequestItems": {pair.name: request}}
    for part in request.get("TransactItems", ()):
        for inner in part.values():
            inner["TableName"] = pair.name
    return pair.agree(method, **request)


@pytest.mark.needs("dynamodb-local")
@pytest.mark.parametrize("seed", range(12))
def test_random_requests_have_the_same_answers_and_leave_the_same_items(local: Pair, seed: int) -> None:
    requests = Requests(Random(seed))
    for _ in range(60):
        sent(local, requests.call())
    local.agree_on_contents()


# --- expressions ------------------------------------------------------------------------------------------------------

KEY = {"pk": {"S": "A"}, "sk": {"S": "1"}}
ITEM: dict[str, Any] = {
    **KEY,
    "s": {"S": "x"},
    "n": {"N": "5"},
    "m": {"M": {"a": {"N": "1"}, "l": {"L": [{"N": "1"}, {"N": "2"}, {"N": "3"}]}}},
    "l": {"L": [{"S": "a"}, {"S": "b"}, {"S": "c"}]},
    "ss": {"SS": ["b", "a"]},
    "z": {"NULL": True},
}
GIVEN: dict[str, Any] = {
    ":x": {"S": "x"},
    ":a": {"S": "a"},
    ":b": {"S": "b"},
    ":five": {"N": "5.0"},
    ":one": {"N": "1"},
    ":big": {"N": "99999999999999999999999999999999999999"},
    ":huge": {"N": "1E200"},
    ":nan": {"N": "abc"},
    ":null": {"NULL": True},
    ":true": {"BOOL": True},
    ":map": {"M": {}},
    ":list": {"L": [{"S": "a"}]},
    ":ab": {"SS": ["a", "b"]},
    ":only_a": {"SS": ["a"]},
    ":numbers": {"NS": ["10", "9", "-1"]},
    ":twice": {"SS": ["a", "a"]},
    ":none": {"SS": []},
    ":unknown": {"S": "Q"},
    "#s": "s",
    "#dot": "a.b",
    "#status": "status",
}
CONDITIONS = """
    gone <> :x | gone <> gona | gone = gona | NOT gone = :x | gone < :x | n <> :x | n = :five | n >= :five
    s < :one | s < :map | s < :null | z = :null | s = s | s <> #s | n > :one OR s < :true | s > :a and not n = :one
    begins_with(s, :one) | begins_with(n, :x) | begins_with(:x, s) | begins_with(s) | s BETWEEN :b AND :a
    s BETWEEN :a AND :x | s BETWEEN :a AND :one | n BETWEEN n AND :five | :x between :a and s | size(n) > :one
    size(gone) > :one | size(s) < :x | size(:x) = :one | size(:five) = :one | size(m) > :one | size(l) = size(m)
    size(s) = size(s) | size(ss) > :one | SIZE(s) > :one | ((s = :x)) | (s = :x) | ((s = :x) AND n = :five)
    (s = :x) AND ((n = :five)) | NOT NOT s = :x | NOT (s = :x) | NOT s = :a AND n = :five
    s = :a OR s = :x AND n = :one | s = :x OR s = :a AND n = :one | attribute_type(s, :unknown)
    attribute_type(s, :one) | attribute_exists(:x) | attribute_exists(m.q.r) | attribute_exists(m.l[2])
    attribute_not_exists(m.l[3]) | attribute_exists(s[0]) | attribute_exists(pk) | attribute_exists(s) = :true
    Attribute_Exists(s) | unknown(s) | attribute_exists(s, n) | contains(l, :a) | contains(l, :one)
    contains(ss, :a) | contains(ss, :one) | contains(s, :one) | contains(s, s) | contains(:ab, s) | contains(m, :a)
    m.l[1] = :one | ss = :ab | ss = :only_a | l = :list | s IN (:a, :x) | s in (:a) | s IN (:one) | s IN (:a, s)
    gone IN (:a, :b) | gone IN (gona) | status = :x | #status = :x | #unknown = :x | s = :unknown_value
    s = :x garbage | s = | = :x | AND | s = :x AND | (s = :x | s = :x) | s == :x | s = "x" | #dot = :x | m.#dot = :x
    m..a = :x | l[a] = :x | l[-1] = :x | ss = :twice | ss = :none | n = :nan | n = :huge | n = :big
"""
UPDATES = """
    REMOVE q.r | REMOVE m.q | REMOVE m.q.r | REMOVE s.r | REMOVE l[9] | REMOVE l[0], l[1]
    REMOVE l[0], l[2], m.l[1] | REMOVE l[0] SET l[9] = :a, l[7] = :b | SET q.r = :a | SET m.q = :a
    SET l[1] = :x, l[0] = l[1] | SET m = s | SET q = gone | SET q = gone + :one | SET q = s + :one | SET q = n + :x
    SET q = n - :one, n = :one | SET n = n-:one | SET q = n + n + n | SET n = n + n
    SET q = if_not_exists(n, :one) + :one | SET q = if_not_exists(gone, :x)
    SET q = if_not_exists(gone, if_not_exists(gona, :one)) | SET q = if_not_exists(:a, :a)
    SET q = if_not_exists(s, n) | SET q = list_append(l, :list) | SET q = list_append(:list, l)
    SET q = list_append(l, :x) | SET q = list_append(s, l) | SET q = list_append(gone, :list)
    SET l = list_append(if_not_exists(gone, :list), :list) | SET q = list_append(l) | SET n = :a, n = :b
    SET m.a = :a, m = :b | SET m.a = :a, m[0] = :b | SET n = :a SET s = :a | SET pk = :a | SET m.l[9] = :x
    ADD n :x | ADD s :one | ADD q :one | ADD m.q :one | ADD m.a :one | ADD q.q :one | ADD ss :ab | ADD ss :numbers
    ADD q :numbers | ADD l :list | ADD n n | ADD n :big | ADD n :one, q :one | DELETE ss :ab | DELETE ss :only_a
    DELETE gone :ab | DELETE s :ab | DELETE ss :numbers | DELETE ss :a | DELETE m.q :ab
    DELETE ss :ab REMOVE l ADD n :one | set q = :a remove s | SET | REMOVE | SET q = | SET q :a | REMOVE s SET
    SET status = :a | SET #status = :a, #dot = :one | SET q = z | SET q = :map | SET q = :none | SET n = n + :big
    SET s = :x REMOVE s | SET status_pk = :a | REMOVE status_pk
"""


def expressions_of(texts: str) -> list[str]:
    return [text.strip() for line in texts.strip().splitlines() for text in line.split("|")]


def bound(**expressions: str) -> dict[str, Any]:
    """Return expressions with the names and values that they use."""
    used = set(re.findall(r"[:#]\w+", " ".join(expressions.values())))
    names = {ref: GIVEN[ref] for ref in used & GIVEN.keys() if ref[0] == "#"}
    values = {ref: GIVEN[ref] for ref in used & GIVEN.keys() if ref[0] == ":"}
    request: dict[str, Any] = dict(expressions)
    request |= {"ExpressionAttributeNames": names} if names else {}
    return request | ({"ExpressionAttributeValues": values} if values else {})


@pytest.mark.needs("dynamodb-local")
def test_conditions_hold_as_in_dynamodb(local: Pair) -> None:
    for condition in expressions_of(CONDITIONS):
        request = bound(ConditionExpression=condition)
        for before in (ITEM, {**KEY, "n": {"N": "1"}}):
            local.agree("put_item", Item=before)
            local.agree("delete_item", Key=KEY, **request)
        local.agree("delete_item", Key={**KEY, "sk": {"S": "nothing here"}}, **request)


@pytest.mark.needs("dynamodb-local")
def test_updates_write_as_in_dynamodb(local: Pair) -> None:
    for update in expressions_of(UPDATES):
        request = bound(UpdateExpression=update)
        local.agree("put_item", Item=ITEM)
        local.agree("update_item", Key=KEY, ReturnValues="ALL_NEW", **request)
        local.agree("put_item", Item=ITEM)
        local.agree(
            "transact_write_items", TransactItems=[{"Update": {"TableName": local.name, "Key": KEY, **request}}]
        )
        local.agree("update_item", Key={**KEY, "sk": {"S": update}}, ReturnValues="ALL_NEW", **request)
    local.agree_on_contents()


@pytest.mark.needs("dynamodb-local")
@pytest.mark.parametrize("paths", ["m.q, s, l[0], l[2], q.r", "m, m.a", "gone", "l[1], l[1]", "#dot, m.l[0], m.a", ""])
def test_a_projection_keeps_the_same_parts(local: Pair, paths: str) -> None:
    request = bound(ProjectionExpression=paths)
    local.agree("put_item", Item={**ITEM, "a.b": {"N": "1"}})
    local.agree("get_item", Key=KEY, **request)
    local.agree("get_item", Key={**KEY, "sk": {"S": "nothing here"}}, **request)
