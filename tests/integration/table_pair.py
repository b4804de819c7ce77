"""Two tables that must answer alike: the simulation's, and one of DynamoDB Local or moto."""

import itertools
import re
from collections.abc import Callable, Iterator, Mapping
from decimal import Decimal
from typing import Any

from botocore.exceptions import ClientError

from tests.integration.conftest import declared_table
from tests.integration.table_requests import STATUSES, Call
from tests.simulation.table import MemoryDynamoDB

REPORTS = {"ResponseMetadata", "ConsumedCapacity", "ItemCollectionMetrics"}
"""The parts of an answer that are not about the items."""

_NUMBERS = itertools.count(1)

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
    ":nine": {"N": "9.00"},
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
    "#at": "at",
}


class Pair:
    """A table of the simulation and one of a database that it is compared with."""

    def __init__(self, client: Any, properties: Mapping[str, Any]) -> None:
        self.client = client
        self.name = f"pair-{next(_NUMBERS)}"
        self.memory = MemoryDynamoDB.from_template(properties, name=self.name)
        client.create_table(TableName=self.name, **properties)

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


def pair_of(client: Any, properties: Mapping[str, Any] | None = None) -> Iterator[Pair]:
    """Yield two empty tables, by default as the template declares them, and delete the client's afterwards."""
    pair = Pair(client, properties or _with_a_whole_index())
    yield pair
    client.delete_table(TableName=pair.name)


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
    return {name: part for name, part in normal(answer).items() if name not in REPORTS}


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


def sent(pair: Pair, call: Call) -> Any:
    """Send a request of the generator to both, with the table's name where it belongs."""
    method, request = call
    if method == "batch_get_item":
        request = {"RequestItems": {pair.name: request}}
    for part in request.get("TransactItems", ()):
        for inner in part.values():
            inner["TableName"] = pair.name
    return pair.agree(method, **request)


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


def _with_a_whole_index() -> dict[str, Any]:
    """Return the declared table, with an index of whole items: one of keys refuses to be asked for anything else."""
    declared = declared_table()
    for index in declared["GlobalSecondaryIndexes"]:
        if index["IndexName"] == "by_status":
            index["Projection"] = {"ProjectionType": "ALL"}
    return declared
