"""The simulation's table against DynamoDB Local and moto: the same requests, the same answers, the same contents."""

import re
from collections.abc import Callable, Iterator, Mapping
from decimal import Decimal
from itertools import product
from pathlib import Path
from random import Random
from typing import Any

import pytest
import yaml
from botocore.exceptions import ClientError, ParamValidationError

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


ADAPTERS = [
    ("SET last_alert_at = :a REMOVE quiet_since ADD alert_count :one", None),
    ("SET last_alert_at = :a ADD groups :only_a, alert_count :one", "attribute_exists(pk) AND attribute_not_exists(resolved_at)"),
    ("SET resolved_at = :a, resolved_by = :b DELETE groups :only_a", "groups = :only_a AND attribute_not_exists(resolved_at)"),
    ("DELETE groups :only_a", "attribute_exists(pk)"),
    ("SET #status = :a", "#status = :x"),
    ("REMOVE pending ADD version :one", "incident_id = :x"),
    ("ADD opened :one SET expires_at = :five", "attribute_not_exists(opened) OR opened < :five"),
    ("SET pages = list_append(if_not_exists(pages, :list), :list), paged_at = if_not_exists(paged_at, :a)", None),
    ("SET held_back = :a", "attribute_exists(pk) AND (attribute_not_exists(held_back) OR contains(:ab, held_back))"),
    ("SET notes = list_append(if_not_exists(notes, :list), :list)", "attribute_exists(pk) AND size(notes) = :one"),
    ("REMOVE held.#s SET version = version + :one", "attribute_exists(held.#s)"),
    ("SET lease_until = :a", "held_by = :x AND lease_until > :a"),
    ("SET held_by = :a", "attribute_not_exists(pk) OR lease_until <= :b OR held_by = :x"),
    ("ADD n1 :one, r1 :one SET expires_at = if_not_exists(expires_at, :five)", None),
    ("ADD held_tokens :one SET n = :one", "(attribute_not_exists(n) OR n <= :five) AND (attribute_not_exists(opened) OR opened <= :one)"),
    ("SET #status = :a, status_pk = :a, status_sk = :b, closed_at = :a REMOVE task_token, awaiting", "attribute_not_exists(closed_at)"),
]  # fmt: skip
"""Updates and their conditions as the adapters send them, with other values."""

INCIDENTS: list[dict[str, Any]] = [
    {"incident_id": {"S": "x"}, "status": {"S": "x"}, "version": {"N": "3"}, "held": {"M": {"s": {"S": "a"}}}},
    {"groups": {"SS": ["a"]}, "alert_count": {"N": "7"}, "quiet_since": {"S": "a"}, "opened": {"N": "5"}},
    {"groups": {"SS": ["a", "b"]}, "resolved_at": {"S": "a"}, "held_back": {"S": "b"}, "opened": {"N": "1"}},
    {"held_by": {"S": "x"}, "lease_until": {"S": "b"}, "notes": {"L": [{"S": "a"}]}, "paged_at": {"S": "a"}},
    {"status_pk": {"S": "OPEN"}, "status_sk": {"S": "a"}, "task_token": {"S": "t"}, "worsened_to": {"S": "critical"}},
    {"closed_at": {"S": "a"}, "acknowledged_at": {"S": "a"}, "worsened_to": {"S": "critical"}, "paged_at": {"S": "a"}},
]


def machine_updates() -> list[dict[str, Any]]:
    """Return every update that a state of the machine makes, without its table and key."""
    states = yaml.safe_load((ROOT / "statemachine" / "incident.asl.yaml").read_text())["States"]
    updates = [state["Arguments"] for state in states.values() if "updateItem" in state.get("Resource", "")]
    return [{name: part for name, part in update.items() if name not in {"TableName", "Key"}} for update in updates]


def test_the_adapters_updates_write_as_in_dynamodb(pair: Pair) -> None:
    for update, condition in ADAPTERS:
        request = bound(UpdateExpression=update, **({"ConditionExpression": condition} if condition else {}))
        update_everywhere(pair, request)


def test_the_machines_updates_write_as_in_dynamodb(pair: Pair) -> None:
    updates = machine_updates()
    assert updates
    for request in updates:
        update_everywhere(pair, request)


def update_everywhere(pair: Pair, request: Mapping[str, Any]) -> None:
    """Send an update to every incident and to an item that is not there, by itself and in a transaction."""
    for incident in INCIDENTS:
        pair.agree("put_item", Item={**KEY, **incident})
        pair.agree("update_item", Key=KEY, ReturnValues="ALL_NEW", **request)
        pair.agree("put_item", Item={**KEY, **incident})
        part = {"TableName": pair.name, "Key": KEY, **request}
        pair.agree("transact_write_items", TransactItems=[{"Update": part}])
        pair.agree("get_item", Key=KEY)
    pair.agree("delete_item", Key=KEY)
    pair.agree("update_item", Key=KEY, ReturnValues="ALL_NEW", **request)
    pair.agree_on_contents()


@pytest.mark.needs("dynamodb-local")
@pytest.mark.parametrize("paths", ["m.q, s, l[0], l[2], q.r", "m, m.a", "gone", "l[1], l[1]", "#dot, m.l[0], m.a", ""])
def test_a_projection_keeps_the_same_parts(local: Pair, paths: str) -> None:
    request = bound(ProjectionExpression=paths)
    local.agree("put_item", Item={**ITEM, "a.b": {"N": "1"}})
    local.agree("get_item", Key=KEY, **request)
    local.agree("get_item", Key={**KEY, "sk": {"S": "nothing here"}}, **request)


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
    pk = :a | :a = pk | pk = :a AND sk = :b | sk > :a AND pk = :a | (pk = :a) AND (sk > :a) | pk = :a AND :a < sk | pk > :a
    sk = :a | pk = :a OR sk = :a | pk = :a AND s = :a | pk = :a AND sk <> :a | pk = :one | pk = :a AND sk = :one | NOT pk = :a
    pk = :a AND sk BETWEEN :a AND :x | pk = :a AND sk BETWEEN :x AND :a | pk = :a AND begins_with(sk, :b) | pk = :a AND pk = :a
    pk = :a AND sk = :a AND s = :a | begins_with(pk, :a) | pk = :a AND contains(sk, :a) | pk = :a AND attribute_exists(sk)
    pk = sk | pk = :a AND sk IN (:a) | pk = :a AND size(sk) > :one | pk.a = :a | pk =
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
    assert memory.requests == {"put_item": 2, "delete_item": 1, "transact_write_items": 1}


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
