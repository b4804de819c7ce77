"""One DynamoDB table in memory, behind the methods of boto3's low-level client.

The table answers as DynamoDB does: real expressions, transactions, sparse indexes, pages, limits, and the exceptions of
a real client. `tests/integration/test_simulated_table.py` compares it with DynamoDB Local. It is not DynamoDB in this:

- It never refuses or conflicts by itself; whoever simulates that raises what `error` and `cancelled` return.
- It knows one table, and of the requests only the parameters in `_PARAMETERS`.
- Write units are an approximation: one for each started KB of the larger of the item before and after, twice that in a
  transaction, and for each index whose entry changes one for each started KB, twice that if the entry moves.
"""

from bisect import bisect_left, bisect_right, insort
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cache, wraps
from threading import RLock
from typing import Any, NamedTuple

import boto3
from boto3.dynamodb.types import TypeDeserializer
from botocore.exceptions import ClientError, ParamValidationError

from tests.simulation import expressions
from tests.simulation.expressions import Expression, Given, KeyPart
from tests.simulation.values import (
    Invalid,
    Item,
    Path,
    Unsuitable,
    clean,
    cleaned,
    copied,
    ordered,
    project,
    size_of_item,
)

type Request = Mapping[str, Any]
type Key = tuple[Any, ...]
"""An item's key, as Python sorts it."""

MAX_ITEM_BYTES = 400 * 1024
MAX_PAGE_BYTES = 1024 * 1024
_KEY_BYTES = {"HASH": 2048, "RANGE": 1024}

_CONDITIONAL = {
    *("ConditionExpression", "ExpressionAttributeNames", "ExpressionAttributeValues"),
    "ReturnValuesOnConditionCheckFailure",
}
_READ = {"ProjectionExpression", "ExpressionAttributeNames"}
_PARAMETERS: dict[str, tuple[set[str], set[str]]] = {
    "get_item": ({"TableName", "Key"}, {"ConsistentRead", *_READ}),
    "put_item": ({"TableName", "Item"}, {"ReturnValues", *_CONDITIONAL}),
    "update_item": ({"TableName", "Key"}, {"UpdateExpression", "ReturnValues", *_CONDITIONAL}),
    "delete_item": ({"TableName", "Key"}, {"ReturnValues", *_CONDITIONAL}),
    "query": (
        {"TableName", "KeyConditionExpression"},
        {"IndexName", "Limit", "ExclusiveStartKey", "ScanIndexForward", "ConsistentRead", "Select", "FilterExpression"}
        | {"ExpressionAttributeValues", *_READ},
    ),
    "batch_get_item": ({"RequestItems"}, set()),
    "transact_get_items": ({"TransactItems"}, set()),
    "transact_write_items": ({"TransactItems"}, {"ClientRequestToken"}),
    "Get": ({"TableName", "Key"}, _READ),
    "Keys": ({"Keys"}, {"ConsistentRead", *_READ}),
    "Put": ({"TableName", "Item"}, _CONDITIONAL),
    "Update": ({"TableName", "Key", "UpdateExpression"}, _CONDITIONAL),
    "Delete": ({"TableName", "Key"}, _CONDITIONAL),
    "ConditionCheck": ({"TableName", "Key", "ConditionExpression"}, _CONDITIONAL),
}
"""What each operation, and each part of one, must have and may have. Every one may ask for its consumed capacity."""
_REPORTS = {"ReturnConsumedCapacity", "ReturnItemCollectionMetrics"}
_RETURNS = {
    "put_item": {"NONE", "ALL_OLD"},
    "delete_item": {"NONE", "ALL_OLD"},
    "update_item": {"NONE", "ALL_OLD", "ALL_NEW", "UPDATED_OLD", "UPDATED_NEW"},
}


class _Write(NamedTuple):
    """One write, checked as far as the request alone allows."""

    key: Key
    attributes: Item
    kind: str
    given: Given
    condition: Expression[Callable[[Item, Given], bool]] | None
    update: Expression[Callable[[Item, Given], Item]] | None
    request: Request


class _Index:
    """Items in the order of a key schema: the table itself, or a sparse index of it."""

    def __init__(self, declared: Mapping[str, Any], table_keys: Iterable[str] = ()) -> None:
        self.names = [part["AttributeName"] for part in declared["KeySchema"]]
        projected = declared.get("Projection", {"ProjectionType": "ALL"})
        self._paths: list[Path] | None = None
        if projected["ProjectionType"] != "ALL":
            names = {*self.names, *table_keys, *projected.get("NonKeyAttributes", ())}
            self._paths = [(name,) for name in sorted(names)]
        self._partitions: dict[Any, list[tuple[Any, Key]]] = {}
        self.items: dict[Key, tuple[Item, int]] = {}

    def entry(self, item: Item | None) -> Item | None:
        """Return what the index holds of an item."""
        if item is None or any(name not in item for name in self.names):
            return None
        return item if self._paths is None else project(item, self._paths)

    def set(self, key: Key, item: Item | None, size: int) -> None:
        """Put, replace or remove the entry of an item."""
        old, new = self.items.get(key, (None, 0))[0], self.entry(item)
        before, after = self.key_of(old), self.key_of(new)
        if old is not None and before != after:
            self._partitions[before[0]].remove((before[1:], key))
            del self.items[key]
        if new is not None:
            if old is None or before != after:
                insort(self._partitions.setdefault(after[0], []), (after[1:], key))
            self.items[key] = new, size if self._paths is None else size_of_item(new)

    def key_of(self, item: Item | None) -> Key:
        """Return an entry's key in this index, or nothing."""
        return () if item is None else tuple(ordered(item[name]) for name in self.names)

    def between(self, partition: Any, parts: Iterable[tuple[str, list[Any]]]) -> list[tuple[Any, Key]]:
        """Return the entries of a partition for which each operator holds with its sort keys."""
        entries = self._partitions.get(partition, [])
        low, high = 0, len(entries)
        for op, values in parts:
            first, last = (values[0],), (values[-1],)
            if op == "begins_with":
                prefix = values[0]
                low = bisect_left(entries, prefix, key=lambda entry: entry[0][0][: len(prefix)])
                high = bisect_right(entries, prefix, key=lambda entry: entry[0][0][: len(prefix)])
            if op in {"=", ">=", "BETWEEN"}:
                low = bisect_left(entries, first, key=lambda entry: entry[0])
            if op == ">":
                low = bisect_right(entries, first, key=lambda entry: entry[0])
            if op in {"=", "<=", "BETWEEN"}:
                high = bisect_right(entries, last, key=lambda entry: entry[0])
            if op == "<":
                high = bisect_left(entries, first, key=lambda entry: entry[0])
        return entries[low:high]


def _operation(method: Callable[..., dict[str, Any]]) -> Callable[..., dict[str, Any]]:
    """Count and check a request, and raise what the real client raises."""
    name = method.__name__
    api = "".join(word.capitalize() for word in name.split("_"))

    @wraps(method)
    def call(self: "MemoryDynamoDB", **request: Any) -> dict[str, Any]:
        self.requests[name] += 1
        try:
            _check_parameters(name, request)
            with self._lock:
                return method(self, request)
        except (Invalid, Unsuitable) as error:
            raise self.error("ValidationException", str(error), api) from None

    return call


class MemoryDynamoDB:
    """A table with the methods of boto3's DynamoDB client.

    `requests` counts the requests by operation, and `write_units` the write units. `index_lag` returns how many of the
    newest changes no index shows yet.
    """

    def __init__(
        self, properties: Mapping[str, Any], *, name: str | None = None, index_lag: Callable[[], int] | None = None
    ) -> None:
        self.exceptions = _real_client().exceptions
        self.meta = _real_client().meta
        self.requests: Counter[str] = Counter()
        self.write_units: Counter[str] = Counter()
        self.index_lag = index_lag
        self._name = name
        self._lock = RLock()
        self._types = {each["AttributeName"]: each["AttributeType"] for each in properties["AttributeDefinitions"]}
        self._roles = {part["AttributeName"]: part["KeyType"] for part in properties["KeySchema"]}
        self._table = _Index(properties)
        indexes = properties.get("GlobalSecondaryIndexes", ())
        self._indexes = {index["IndexName"]: _Index(index, self._table.names) for index in indexes}
        self._held_back: deque[tuple[Key, Item | None, int]] = deque()
        self._expiry = properties.get("TimeToLiveSpecification", {}).get("AttributeName", "expires_at")

    @classmethod
    def from_template(
        cls, properties: Mapping[str, Any], *, name: str | None = None, index_lag: Callable[[], int] | None = None
    ) -> "MemoryDynamoDB":
        """Make an empty table from the properties of an AWS::DynamoDB::Table. Without a name it answers to all."""
        return cls(properties, name=name, index_lag=index_lag)

    # --- for the simulation and its oracle ----------------------------------------------------------------------------

    def snapshot(self) -> list[Item]:
        """Return a copy of every item, in the order of the keys."""
        return [_handed_out(item) for _, (item, _) in sorted(self._table.items.items(), key=lambda entry: entry[0])]

    def items(self) -> Iterator[dict[str, Any]]:
        """Yield every item with plain values, in the order of the keys."""
        deserialize = TypeDeserializer().deserialize
        for item in self.snapshot():
            yield {name: deserialize(value) for name, value in item.items()}

    def expire(self, now_epoch_seconds: float) -> int:
        """Delete the items whose time to live is over, and return their number. It costs no write units."""
        past = [
            key
            for key, (item, _) in self._table.items.items()
            if "N" in item.get(self._expiry, {}) and ordered(item[self._expiry]) < now_epoch_seconds
        ]
        for key in past:
            self._set(key, None)
        return len(past)

    def error(self, code: str, message: str = "", operation: str = "", **more: Any) -> ClientError:
        """Return an exception as the real client raises it, to be raised in the place of an answer."""
        response = {"Error": {"Code": code, "Message": message}, "ResponseMetadata": {"HTTPStatusCode": 400}, **more}
        error: ClientError = self.exceptions.from_code(code)(response, operation)
        return error

    def cancelled(self, reasons: list[dict[str, Any]]) -> ClientError:
        """Return a cancelled transaction's exception; each reason has a `Code`, such as `TransactionConflict`."""
        codes = ", ".join(reason["Code"] for reason in reasons)
        message = f"Transaction cancelled, please refer cancellation reasons for specific reasons [{codes}]"
        return self.error(
            "TransactionCanceledException", message, "TransactWriteItems", Message=message, CancellationReasons=reasons
        )

    # --- reads --------------------------------------------------------------------------------------------------------

    @_operation
    def get_item(self, request: Request) -> dict[str, Any]:
        """Return an item."""
        return self._read(request)

    @_operation
    def batch_get_item(self, request: Request) -> dict[str, Any]:
        """Return up to 100 items, in no particular order; never leave any unprocessed."""
        ((name, asked),) = request["RequestItems"].items()
        _check_parameters("Keys", asked)
        parts = [{**asked, "TableName": name, "Key": key} for key in asked["Keys"]]
        if len(parts) > 100:
            raise Invalid("Too many items requested for the BatchGetItem call")
        self._check_distinct(parts, "Provided list of item keys contains duplicates")
        found = [answer["Item"] for answer in map(self._read, parts) if answer]
        return {"Responses": {name: found}, "UnprocessedKeys": {}}

    @_operation
    def transact_get_items(self, request: Request) -> dict[str, Any]:
        """Return up to 100 items as they stand at one moment."""
        parts = [part["Get"] for part in request["TransactItems"]]
        self._check_transaction(request, parts)
        return {"Responses": [self._read(part) for part in parts]}

    @_operation
    def query(self, request: Request) -> dict[str, Any]:
        """Return a page of a partition's items."""
        self._check_table(request["TableName"])
        index, key = self._queried(request.get("IndexName"), request)
        parsed = expressions.key_condition(request["KeyConditionExpression"])
        projection, filtered = _parsed(request, "ProjectionExpression"), _parsed(request, "FilterExpression")
        given = _given(request, parsed, projection, filtered)
        partition, ranges = self._conditions(index, parsed.run, given)
        if filtered and {path[0] for path in _resolved(filtered.paths, given)} & {*index.names}:
            raise Invalid("Filter Expression can only contain non-primary key attributes")
        limit = request.get("Limit")
        if limit is not None and limit < 1:
            raise Invalid("Limit must be at least 1")
        entries = index.between(partition, ranges)
        forward = request.get("ScanIndexForward", True)
        if start := request.get("ExclusiveStartKey"):
            entries = self._after(index, key, entries, cleaned(start), partition, forward)
        if not forward:
            entries = entries[::-1]
        items, read, scanned = [], 0, 0
        for _, place in entries:
            item, size = index.items[place]
            scanned, read = scanned + 1, read + size
            if not filtered or filtered.run(item, given):
                items.append(item)
            if scanned == limit or read > MAX_PAGE_BYTES:
                break
        answer: dict[str, Any] = {"Count": len(items), "ScannedCount": scanned}
        if request.get("Select") != "COUNT":
            paths = projection and _resolved(projection.paths, given)
            answer["Items"] = [_handed_out(item, paths) for item in items]
        if scanned and (scanned == limit or read > MAX_PAGE_BYTES):
            answer["LastEvaluatedKey"] = _handed_out({name: item[name] for name in key})
        return answer

    def _queried(self, name: str | None, request: Request) -> tuple[_Index, list[str]]:
        """Return what to query, and the attributes of its starting keys."""
        if name is None:
            return self._table, self._table.names
        if name not in self._indexes:
            raise Invalid(f"The table does not have the specified index: {name}")
        if request.get("ConsistentRead"):
            raise Invalid("Consistent reads are not supported on global secondary indexes")
        self._catch_up(self.index_lag() if self.index_lag else 0)
        return self._indexes[name], [*{*self._table.names, *self._indexes[name].names}]

    def _conditions(self, index: _Index, parts: list[KeyPart], given: Given) -> tuple[Any, list[tuple[str, list[Any]]]]:
        """Return the partition, and what must hold of the sort key."""
        found: dict[str, tuple[str, list[Any]]] = {}
        for path, op, refs in parts:
            ((name, *rest),) = _resolved([path], given)
            if rest or name in found or name not in index.names:
                raise Invalid("Query condition missed key schema element")
            if any(given[ref].keys() != {self._types[name]} for ref in refs):
                raise Invalid("Condition parameter type does not match schema type")
            found[name] = op, [ordered(given[ref]) for ref in refs]
            if "" in found[name][1]:
                raise Invalid(
                    f"The AttributeValue for a key attribute cannot contain an empty string value. Key: {name}"
                )
        op, values = found.pop(index.names[0], ("", []))
        if op != "=":
            raise Invalid("Query condition missed key schema element, or Query key condition not supported")
        return values[0], [*found.values()]

    def _after(
        self, index: _Index, key: list[str], entries: list[tuple[Any, Key]], start: Item, partition: Any, forward: bool
    ) -> list[tuple[Any, Key]]:
        if start.keys() != {*key} or index.key_of(start)[0] != partition:
            raise Invalid("The provided starting key is invalid, or outside query boundaries")
        place = index.key_of(start)[1:], self._table.key_of(start)
        return entries[bisect_right(entries, place) :] if forward else entries[: bisect_left(entries, place)]

    def _read(self, request: Request) -> dict[str, Any]:
        key = self._key(request)
        projection = _parsed(request, "ProjectionExpression")
        given = _given(request, projection)
        item, _ = self._table.items.get(key, (None, 0))
        paths = projection and _resolved(projection.paths, given)
        return {} if item is None else {"Item": _handed_out(item, paths)}

    # --- writes -------------------------------------------------------------------------------------------------------

    @_operation
    def put_item(self, request: Request) -> dict[str, Any]:
        """Put an item in the place of the one with its key."""
        return self._write_one("put_item", "Put", request)

    @_operation
    def update_item(self, request: Request) -> dict[str, Any]:
        """Update an item, or create it."""
        return self._write_one("update_item", "Update", request)

    @_operation
    def delete_item(self, request: Request) -> dict[str, Any]:
        """Delete an item, if there is one."""
        return self._write_one("delete_item", "Delete", request)

    @_operation
    def transact_write_items(self, request: Request) -> dict[str, Any]:
        """Make up to 100 writes, or none."""
        parts = [next(iter(part.items())) for part in request["TransactItems"]]
        for kind, part in parts:
            _check_parameters(kind, part)
        self._check_transaction(request, [part for _, part in parts])
        writes = [self._checked(kind, part) for kind, part in parts]
        news, reasons = [], []
        for write in writes:
            reason: dict[str, Any] = {"Code": "None"}
            try:
                if self._holds(write):
                    news.append((write.key, self._new(write)))
                else:
                    reason = {"Code": "ConditionalCheckFailed", "Message": "The conditional request failed"}
                    reason |= self._old_if_asked(write)
            except Unsuitable as error:
                reason = {"Code": "ValidationError", "Message": str(error)}
            reasons.append(reason)
        if any(reason["Code"] != "None" for reason in reasons):
            raise self.cancelled(reasons)
        for write, (key, new) in zip(writes, news, strict=True):
            self._count("transact_write_items", key, new, 2)
            if write.kind != "ConditionCheck":
                self._set(key, new)
        return {}

    def _write_one(self, operation: str, kind: str, request: Request) -> dict[str, Any]:
        returned = request.get("ReturnValues", "NONE")
        if returned not in _RETURNS[operation]:
            raise Invalid("Return values set to invalid value")
        write = self._checked(kind, request)
        old, _ = self._table.items.get(write.key, (None, 0))
        if not self._holds(write):
            self._count(operation, write.key, old)
            message = "The conditional request failed"
            more = {"Message": message, **self._old_if_asked(write)}
            raise self.error("ConditionalCheckFailedException", message, f"{kind}Item", **more)
        new = self._new(write)
        self._count(operation, write.key, new)
        self._set(write.key, new)
        item = new if returned.endswith("NEW") else old
        if returned == "NONE" or item is None:
            return {}
        if returned.startswith("ALL"):
            return {"Attributes": _handed_out(item)}
        changed = _handed_out(item, _resolved(write.update.paths if write.update else (), write.given))
        return {"Attributes": changed} if changed else {}

    def _checked(self, kind: str, request: Request) -> _Write:
        condition, update = _parsed(request, "ConditionExpression"), _parsed(request, "UpdateExpression")
        given = _given(request, condition, update)
        attributes = cleaned(request["Item" if kind == "Put" else "Key"])
        key = self._key(request, attributes)
        if kind == "Put":
            self._check_index_keys(attributes, Invalid)
            if size_of_item(attributes) > MAX_ITEM_BYTES:
                raise Invalid("Item size has exceeded the maximum allowed size")
        if update and {path[0] for path in _resolved(update.paths, given)} & self._roles.keys():
            raise Invalid("One or more parameter values were invalid: Cannot update attribute that is part of the key")
        return _Write(key, attributes, kind, given, condition, update, request)

    def _holds(self, write: _Write) -> bool:
        if write.condition is None:
            return True
        item, _ = self._table.items.get(write.key, ({}, 0))
        return write.condition.run(item, write.given)

    def _old_if_asked(self, write: _Write) -> dict[str, Any]:
        item, _ = self._table.items.get(write.key, (None, 0))
        asked = write.request.get("ReturnValuesOnConditionCheckFailure") == "ALL_OLD"
        return {"Item": _handed_out(item)} if asked and item is not None else {}

    def _new(self, write: _Write) -> Item | None:
        """Return the item as it is after the write."""
        old, _ = self._table.items.get(write.key, (None, 0))
        if write.kind in {"Delete", "ConditionCheck"}:
            return None if write.kind == "Delete" else old
        if write.kind == "Put":
            return write.attributes
        before = old or write.attributes
        new = write.update.run(before, write.given) if write.update else before
        self._check_index_keys(new, Unsuitable)
        if size_of_item(new) > MAX_ITEM_BYTES:
            raise Unsuitable("Item size to update has exceeded the maximum allowed size")
        return new

    def _set(self, key: Key, new: Item | None) -> None:
        size = size_of_item(new) if new else 0
        self._table.set(key, new, size)
        if self._indexes:
            self._held_back.append((key, new, size))
            if self.index_lag is None:
                self._catch_up(0)

    def _catch_up(self, lag: int) -> None:
        while len(self._held_back) > lag:
            change = self._held_back.popleft()
            for index in self._indexes.values():
                index.set(*change)

    def _count(self, operation: str, key: Key, new: Item | None, factor: int = 1) -> None:
        old, size = self._table.items.get(key, (None, 0))
        self.write_units[operation] += factor * _units(max(size, size_of_item(new or {})))
        for index in self._indexes.values():
            before, after = index.entry(old), index.entry(new)
            if before != after:
                times = 2 if before and after and index.key_of(before) != index.key_of(after) else 1
                self.write_units[operation] += times * _units(size_of_item(after or before or {}))

    # --- checks -------------------------------------------------------------------------------------------------------

    def _key(self, request: Request, attributes: Item | None = None) -> Key:
        """Check the table and the key of a request, and return the key."""
        self._check_table(request["TableName"])
        item = cleaned(request["Key"]) if attributes is None else attributes
        if "Key" in request and item.keys() != self._roles.keys():
            raise Invalid("The provided key element does not match the schema")
        for name, role in self._roles.items():
            value = item.get(name, {})
            if self._types[name] not in value:
                raise Invalid(f"One or more parameter values were invalid: Missing the key or type mismatch: {name}")
            if not 0 < size_of_item({"": value}) <= _KEY_BYTES[role]:
                raise Invalid(f"One or more parameter values are not valid: empty or too long key: {name}")
        return self._table.key_of(item)

    def _check_index_keys(self, item: Item, refusal: type[Exception]) -> None:
        for index in self._indexes.values():
            for name in index.names:
                if name in item and (self._types[name] not in item[name] or "" in item[name].values()):
                    raise refusal(f"One or more parameter values were invalid: Type mismatch for Index Key {name}")

    def _check_transaction(self, request: Request, parts: list[Request]) -> None:
        if len(parts) > 100:
            raise Invalid("Member must have length less than or equal to 100")
        self._check_distinct(parts, "Transaction request cannot include multiple operations on one item")

    def _check_distinct(self, parts: list[Request], message: str) -> None:
        keys = [self._key(part, cleaned(part["Item"]) if "Item" in part else None) for part in parts]
        if len({*keys}) < len(keys):
            raise Invalid(message)

    def _check_table(self, name: str) -> None:
        if self._name not in {None, name}:
            raise self.error("ResourceNotFoundException", "Requested resource not found")


@cache
def _real_client() -> Any:
    """Return a client that never calls: the adapters catch the exceptions of its class."""
    return boto3.client(
        "dynamodb", region_name="eu-central-1", aws_access_key_id="none", aws_secret_access_key="none"
    )


def _check_parameters(operation: str, request: Request) -> None:
    required, optional = _PARAMETERS[operation]
    if not required <= request.keys() <= required | optional | _REPORTS:
        wrong = sorted(required - request.keys()) or sorted(request.keys() - required - optional)
        raise ParamValidationError(report=f"{operation} has parameters too few or unknown: {wrong}")


_PARSE: dict[str, Callable[[str], Expression[Any]]] = {
    "ConditionExpression": expressions.condition,
    "FilterExpression": expressions.condition,
    "ProjectionExpression": expressions.projection,
    "UpdateExpression": expressions.update,
}


def _parsed(request: Request, name: str) -> Expression[Any] | None:
    text = request.get(name)
    return None if text is None else _PARSE[name](text)


def _given(request: Request, *parsed: Expression[Any] | None) -> Given:
    """Return the request's names and values, checked against the expressions that use them."""
    values = request.get("ExpressionAttributeValues", {})
    given = {**request.get("ExpressionAttributeNames", {}), **{name: clean(value) for name, value in values.items()}}
    used: set[str] = set()
    for expression in parsed:
        if expression:
            used |= expression.placeholders
    if used != given.keys():
        raise Invalid(f"Expression attribute names or values undefined or unused: {sorted(used ^ given.keys())}")
    for expression in parsed:
        for check in expression.checks if expression else ():
            check(given)
    return given


def _resolved(paths: Iterable[Path], given: Given) -> list[Path]:
    return [expressions.resolved(path, given) for path in paths]


def _handed_out(item: Item, paths: Iterable[Path] | None = None) -> Item:
    kept = item if paths is None else project(item, paths)
    return {name: copied(value) for name, value in kept.items()}


def _units(size: int) -> int:
    return max(1, -(-size // 1024))
