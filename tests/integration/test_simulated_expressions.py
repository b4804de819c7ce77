"""The simulation's expressions against DynamoDB Local; those that Firstline sends against moto where it is lacking."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.integration.conftest import client_of, databases
from tests.integration.table_pair import ITEM, KEY, Pair, bound, expressions_of, pair_of
from tests.support.depth import some

ROOT = Path(__file__).parents[2]


@pytest.fixture(params=databases())
def pair(request: pytest.FixtureRequest) -> Iterator[Pair]:
    """Provide the two tables, the other one in DynamoDB Local or in moto."""
    yield from pair_of(client_of(request.param, request))


@pytest.fixture
def local(request: pytest.FixtureRequest) -> Iterator[Pair]:
    """Provide the two tables where only DynamoDB Local is strict enough to be compared with."""
    yield from pair_of(client_of("dynamodb-local", request))


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


@pytest.mark.needs("dynamodb-local")
def test_conditions_hold_as_in_dynamodb(local: Pair) -> None:
    for condition in some(expressions_of(CONDITIONS)):
        request = bound(ConditionExpression=condition)
        for before in (ITEM, {**KEY, "n": {"N": "1"}}):
            local.agree("put_item", Item=before)
            local.agree("delete_item", Key=KEY, **request)
        local.agree("delete_item", Key={**KEY, "sk": {"S": "nothing here"}}, **request)


@pytest.mark.needs("dynamodb-local")
def test_updates_write_as_in_dynamodb(local: Pair) -> None:
    for update in some(expressions_of(UPDATES)):
        request = bound(UpdateExpression=update)
        local.agree("put_item", Item=ITEM)
        local.agree("update_item", Key=KEY, ReturnValues="ALL_NEW", **request)
        local.agree("put_item", Item=ITEM)
        local.agree(
            "transact_write_items", TransactItems=[{"Update": {"TableName": local.name, "Key": KEY, **request}}]
        )
        local.agree("update_item", Key={**KEY, "sk": {"S": update}}, ReturnValues="ALL_NEW", **request)
    local.agree_on_contents()


OURS = "incident_id = :x AND #status = :x"
ADAPTERS = {
    "SET joined = :five, changes = :five, due_sk = :a, loud_since = :b": f"{OURS} AND n = :five AND changes = :one",
    "SET firing = :nine REMOVE quiet_at ADD n :one": f"{OURS} AND attribute_not_exists(shards)",
    "SET shards = :five": f"{OURS} AND attribute_not_exists(shards)",
    "SET acked_seq = :five, acked_at = :a": "attribute_not_exists(acked_at) OR acked_seq < paged_seq",
    "SET hold_ended_at = :a": "held_until > :a AND attribute_not_exists(hold_ended_at)",
    "SET page_done = :five": f"{OURS} AND loud_high = paged_loud_high AND attribute_not_exists(shards)",
    "SET paged_seq = :five, lease = :b REMOVE loud_since": f"{OURS} AND n = :five AND NOT attribute_exists(acked_at)",
    "ADD opened :one SET expires_at = :five": "attribute_not_exists(opened) OR opened < :five",
    "SET notes = list_append(if_not_exists(notes, :list), :list)": "attribute_not_exists(notes) OR notes = :list",
    "REMOVE held.#s SET version = version + :one": "attribute_exists(held.#s)",
    "SET lease_until = :a": "held_by = :x AND lease_until > :a",
    "SET held_by = :a": "attribute_not_exists(pk) OR lease_until <= :b OR held_by = :x",
    "ADD n1 :one, r1 :one SET expires_at = if_not_exists(expires_at, :five)": None,
    "ADD tokens :one": "(attribute_not_exists(n) OR n <= :five) AND (attribute_not_exists(opened) OR opened <= :one)",
    "SET #status = :a, status_pk = :a, status_sk = :b, closed_at = :a REMOVE task_token, awaiting, due_pk, due_sk": (
        "attribute_exists(pk) AND attribute_not_exists(closed_at)"
    ),
}
"""Updates with their conditions in the forms that the adapters send, with other values."""

SAME: dict[str, Any] = {"incident_id": {"S": "x"}, "status": {"S": "x"}, "paged_loud_high": {"N": "1"}}
INCIDENTS: list[dict[str, Any]] = [
    {**SAME, "n": {"N": "5"}, "version": {"N": "3"}, "held": {"M": {"s": {"S": "a"}}}, "loud_high": {"N": "2"}},
    {**SAME, "n": {"N": "5"}, "changes": {"N": "1"}, "quiet_at": {"S": "a"}, "loud_high": {"N": "1"}},
    {"acked_at": {"S": "a"}, "acked_seq": {"N": "1"}, "paged_seq": {"N": "2"}, "held_until": {"S": "b"}},
    {"held_by": {"S": "x"}, "lease_until": {"S": "b"}, "notes": {"L": [{"S": "a"}]}, "opened": {"N": "5"}},
    {"status_pk": {"S": "OPEN"}, "status_sk": {"S": "a"}, "task_token": {"S": "t"}, "due_pk": {"S": "DUE#0"}},
    {"closed_at": {"S": "a"}, "opened": {"N": "1"}, "shards": {"N": "16"}, "loud_high": {"N": "1"}},
]
LIVES: list[dict[str, Any]] = [
    {
        "incident_id": {"S": "x"},
        "generation": {"N": "1"},
        "status": {"S": status},
        "changes": {"N": changes},
        "firing": {"N": firing},
        "paged_seq": {"N": "0"},
    }
    for status, changes, firing in [("OPEN", "1", "1"), ("OPEN", "1", "0"), ("OPEN", "2", "1"), ("CLOSED", "1", "1")]
]
"""A group's live half as it is, without an alert that fires, after a further change, and closed."""


def machine_updates() -> list[dict[str, Any]]:
    """Return every update that a state of the machine makes, without its table and key, for the first of `LIVES`."""
    states = yaml.safe_load((ROOT / "statemachine" / "incident.asl.yaml").read_text())["States"]
    updates = [state["Arguments"] for state in states.values() if "updateItem" in state.get("Resource", "")]
    for state in states.values():
        if "transactWriteItems" in state.get("Resource", ""):
            updates += [part["Update"] for part in state["Arguments"]["TransactItems"] if "Update" in part]
    return [
        {name: evaluated(part) for name, part in update.items() if name not in {"TableName", "Key"}}
        for update in updates
    ]


def evaluated(part: Any) -> Any:
    """Return a part of a request with a value in the place of each expression."""
    match part:
        case {"N": str(text)} if text.startswith("{%"):
            return {"N": "0" if "cursor" in text else "1"}
        case {"S": str(text)} if text.startswith("{%"):
            return {"S": "x"}
        case dict():
            return {name: evaluated(value) for name, value in part.items()}
    return part


def test_the_adapters_updates_write_as_in_dynamodb(pair: Pair) -> None:
    for update, condition in ADAPTERS.items():
        request = bound(UpdateExpression=update, **({"ConditionExpression": condition} if condition else {}))
        update_everywhere(pair, request, INCIDENTS)


def test_the_machines_updates_write_as_in_dynamodb(pair: Pair) -> None:
    updates = machine_updates()
    assert len(updates) >= 6
    for request in updates:
        update_everywhere(pair, request, LIVES)


def update_everywhere(pair: Pair, request: Mapping[str, Any], items: Sequence[Mapping[str, Any]]) -> None:
    """Send an update to every item and to one that is not there, by itself and in a transaction."""
    for incident in items:
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
