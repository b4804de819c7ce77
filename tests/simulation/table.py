"""One DynamoDB table in memory, behind the methods of boto3's low-level client.

The table answers as DynamoDB does: real expressions, transactions, sparse indexes, pages, limits, and the exceptions of
a real client. `tests/integration/test_simulated_table.py` compares it with DynamoDB Local. It is not DynamoDB in this:

- It never throttles or conflicts by itself; whoever simulates that raises what `error` and `cancelled` return.
- It knows one table, none of the parameters that expressions replaced (`Expected`, `AttributesToGet`, ...), and reports
  no consumed capacity. A batch leaves no key unprocessed, and a transaction with a token runs again.
- Where DynamoDB Local differs from the developer guide, it follows the guide: numbers come back without a zero too
  many, an update that does not suit its item cancels a transaction with a reason `ValidationError`, two writes of one
  item are refused before any condition, and `UPDATED_NEW` returns only the parts that the update wrote.
- Write units are an approximation: one for each started KB of the larger of the item before and after, twice that in a
  transaction, and the same for each index whose entry changes, twice that if the entry moves, counted when the index
  shows the change.
"""

from collections import Counter, deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from threading import RLock
from typing import Any

from boto3.dynamodb.types import TypeDeserializer
from botocore.exceptions import ClientError

from tests.simulation import expressions
from tests.simulation.expressions import KeyPart
from tests.simulation.indexes import NOTHING, Entry, Index, Key, Place, write_units
from tests.simulation.parser import Expression, Given
from tests.simulation.requests import (
    Answer,
    Request,
    Write,
    all_resolved,
    check_parameters,
    checked,
    given_in,
    handed_out,
    parsed_in,
    real_client,
)
from tests.simulation.values import (
    Invalid,
    Item,
    Unsuitable,
    cleaned,
    ordered,
    size_of,
    size_of_item,
)

MAX_ITEM_BYTES = 400 * 1024
MAX_PAGE_BYTES = 1024 * 1024
MAX_PARTS = 100
"""The most keys of a batch, and the most parts of a transaction."""

_KEY_BYTES = {"HASH": 2048, "RANGE": 1024}
_RETURNED = {"NONE", "ALL_OLD", "ALL_NEW", "UPDATED_OLD", "UPDATED_NEW"}
_PLAIN_QUERY = {"TableName", "IndexName", "KeyConditionExpression", "ExpressionAttributeValues"}
_PLAIN_QUERY |= {"ScanIndexForward", "ConsistentRead", "Limit"}
_REFUSED = "The conditional request failed"


class MemoryDynamoDB:
    """A table with the methods of boto3's DynamoDB client.

    `requests` and `write_units` count by operation. `index_lag` returns how many of the newest changes no index shows
    yet; without it an index shows a change at once. Without a name, the table answers to every name.
    """

    def __init__(
        self, properties: Mapping[str, Any], *, name: str | None = None, index_lag: Callable[[], int] | None = None
    ) -> None:
        self.exceptions = real_client().exceptions
        self.meta = real_client().meta
        self.requests: Counter[str] = Counter()
        self.write_units: Counter[str] = Counter()
        self.index_lag = index_lag
        self._name = name
        self._lock = RLock()
        self._types = {each["AttributeName"]: each["AttributeType"] for each in properties["AttributeDefinitions"]}
        self._roles = {part["AttributeName"]: part["KeyType"] for part in properties["KeySchema"]}
        self._table = Index(properties)
        indexes = properties.get("GlobalSecondaryIndexes", ())
        self._indexes = {index["IndexName"]: Index(index, self._table.names) for index in indexes}
        self._answered: dict[tuple[Any, ...], tuple[Index, str]] = {}
        """For queries of a form that was answered before: their index, and the placeholder of the partition's key."""
        self._unseen: deque[tuple[str, Key, Entry]] = deque()
        self.on_change: list[Callable[[Key, Item | None], object]] = []
        """Told of each item that changes, once it did. It must not change the item."""
        self.shares = False
        """Whether answers hold the stored items themselves, which then nobody may change."""
        self._expiry = properties.get("TimeToLiveSpecification", {}).get("AttributeName", "expires_at")

    @classmethod
    def from_template(
        cls, properties: Mapping[str, Any], *, name: str | None = None, index_lag: Callable[[], int] | None = None
    ) -> "MemoryDynamoDB":
        """Make an empty table from the properties of an AWS::DynamoDB::Table."""
        return cls(properties, name=name, index_lag=index_lag)

    # --- for the simulation and its oracle ----------------------------------------------------------------------------

    def snapshot(self) -> list[Item]:
        """Return a copy of every item, in the order of the keys."""
        return [handed_out(self._table.entries[key][0] or {}) for key in sorted(self._table.entries)]

    def items(self) -> Iterator[dict[str, Any]]:
        """Yield every item with plain values, in the order of the keys."""
        deserialize: Callable[[Any], Any] = TypeDeserializer().deserialize
        for item in self.snapshot():
            yield {name: deserialize(value) for name, value in item.items()}

    def expire(self, now_epoch_seconds: float) -> int:
        """Delete the items whose time to live is over, and return their number. It costs nothing."""
        times = {key: (item or {}).get(self._expiry, {}) for key, (item, _) in self._table.entries.items()}
        past = [key for key, time in times.items() if "N" in time and ordered(time) < now_epoch_seconds]
        for key in past:
            self._set("expire", key, NOTHING)
        return len(past)

    def error(self, code: str, message: str = "", operation: str = "", **more: Any) -> ClientError:
        """Return an exception as the real client raises it, such as a `ProvisionedThroughputExceededException`."""
        response = {"Error": {"Code": code, "Message": message}, "ResponseMetadata": {"HTTPStatusCode": 400}, **more}
        error: ClientError = self.exceptions.from_code(code)(response, operation)
        return error

    def cancelled(self, reasons: list[dict[str, Any]]) -> ClientError:
        """Return a cancelled transaction's exception. Each reason has a `Code`, such as `None` as a text."""
        codes = ", ".join(reason["Code"] for reason in reasons)
        message = f"Transaction cancelled, please refer cancellation reasons for specific reasons [{codes}]"
        more = {"Message": message, "CancellationReasons": reasons}
        return self.error("TransactionCanceledException", message, "TransactWriteItems", **more)

    # --- reads --------------------------------------------------------------------------------------------------------

    @checked
    def get_item(self, request: Request) -> Answer:
        """Return an item."""
        return self._read(request)

    @checked
    def batch_get_item(self, request: Request) -> Answer:
        """Return several items, in an order that nobody asked for."""
        found = {}
        for table, asked in request["RequestItems"].items():
            check_parameters("KeysAndAttributes", asked)
            gets = [{**asked, "TableName": table, "Key": key} for key in asked["Keys"]]
            self._check_parts(gets, "Provided list of item keys contains duplicates, or too many")
            found[table] = [answer["Item"] for answer in map(self._read, reversed(gets)) if answer]
        return {"Responses": found, "UnprocessedKeys": {}}

    @checked
    def transact_get_items(self, request: Request) -> Answer:
        """Return several items as they stand at one moment."""
        gets = [part for _, part in self._transaction(request)]
        return {"Responses": [self._read(part) for part in gets]}

    @checked
    def query(self, request: Request) -> Answer:
        """Return a page of a partition's items."""
        shape = (*request, request.get("IndexName"), request["KeyConditionExpression"])
        if (known := self._answered.get(shape)) is not None:
            index, ref = known
            if index.is_empty(request["ExpressionAttributeValues"].get(ref), self._catch_up):
                return {"Count": 0, "ScannedCount": 0, "Items": []}
        index = self._queried(request)
        condition = expressions.key_condition(request["KeyConditionExpression"])
        projection, wanted = parsed_in(request, "ProjectionExpression"), parsed_in(request, "FilterExpression")
        given = given_in(request, condition, projection, wanted)
        if wanted and {path[0] for path in all_resolved(wanted.paths, given)} & {*index.names}:
            raise Invalid("Filter Expression can only contain non-primary key attributes")
        limit = request.get("Limit")
        if limit is not None and limit < 1:
            raise Invalid("Limit must be at least 1")
        items, last, read, scanned = [], None, 0, 0
        for _, key in self._places(index, condition.run, given, request):
            item, size = index.entries[key]
            scanned, read = scanned + 1, read + size
            if item and (not wanted or wanted.run(item, given)):
                items.append(item)
            if scanned == limit or read > MAX_PAGE_BYTES:
                last = item
                break
        if request.keys() <= _PLAIN_QUERY:
            self._answered[shape] = (
                index,
                next(part.refs[0] for part in condition.run if part.path[0] == index.names[0]),
            )
        answer: Answer = {"Count": len(items), "ScannedCount": scanned}
        if request.get("Select") != "COUNT":
            answer["Items"] = [self._handed_out(item, projection, given) for item in items]
        return answer | ({"LastEvaluatedKey": {name: {**last[name]} for name in index.key_names}} if last else {})

    def _queried(self, request: Request) -> Index:
        self._check_table(request["TableName"])
        if "IndexName" not in request:
            return self._table
        if request["IndexName"] not in self._indexes:
            raise Invalid("The table does not have the specified index")
        if request.get("ConsistentRead"):
            raise Invalid("Consistent reads are not supported on global secondary indexes")
        self._catch_up()
        return self._indexes[request["IndexName"]]

    def _places(self, index: Index, parts: list[KeyPart], given: Given, request: Request) -> list[Place]:
        """Return where to look: the places of a partition that the key condition allows, in order, after the start."""
        conditions: dict[str, tuple[str, list[Any]]] = {}
        for path, op, refs in parts:
            ((name, *nested),) = all_resolved([path], given)
            if nested or name in conditions or name not in index.names:
                raise Invalid("Query condition missed key schema element")
            for ref in refs:
                self._check_key_value(str(name), given[ref])
            conditions[str(name)] = op, [ordered(given[ref]) for ref in refs]
        op, (partition, *_) = conditions.pop(index.names[0], ("", [None]))
        if op != "=":
            raise Invalid("Query condition missed key schema element, or query key condition not supported")
        places, forward = index.between(partition, conditions.values()), request.get("ScanIndexForward", True)
        if request.get("ExclusiveStartKey"):
            start = cleaned(request["ExclusiveStartKey"])
            if start.keys() != {*index.key_names} or index.key_of(start)[0] != partition:
                raise Invalid("The provided starting key is invalid, or outside query boundaries")
            place = index.key_of(start)[1:], self._table.key_of(start)
            places = [each for each in places if (each > place if forward else each < place)]
        return places if forward else places[::-1]

    def _read(self, request: Request) -> Answer:
        key = self._key(request)
        projection = parsed_in(request, "ProjectionExpression")
        given = given_in(request, projection)
        item, _ = self._table.entries.get(key, NOTHING)
        return {} if item is None else {"Item": self._handed_out(item, projection, given)}

    def _handed_out(self, item: Item, projection: Expression[Any] | None, given: Given) -> Item:
        return item if self.shares and projection is None else handed_out(item, projection, given)

    # --- writes -------------------------------------------------------------------------------------------------------

    @checked
    def put_item(self, request: Request) -> Answer:
        """Put an item, in the place of the one with its key."""
        return self._write("Put", request)

    @checked
    def update_item(self, request: Request) -> Answer:
        """Update an item, or create it."""
        return self._write("Update", request)

    @checked
    def delete_item(self, request: Request) -> Answer:
        """Delete an item, if there is one."""
        return self._write("Delete", request)

    @checked
    def transact_write_items(self, request: Request) -> Answer:
        """Make several writes, or none."""
        writes = [self._checked(kind, part) for kind, part in self._transaction(request)]
        results, reasons = [], []
        for write in writes:
            reasons.append({"Code": "None"})
            try:
                if self._holds(write):
                    results.append(self._result(write))
                else:
                    reasons[-1] = {"Code": "ConditionalCheckFailed", "Message": _REFUSED, **self._shown(write)}
            except Unsuitable as error:
                reasons[-1] = {"Code": "ValidationError", "Message": str(error)}
        if len(results) < len(writes):
            raise self.cancelled(reasons)
        for write, result in zip(writes, results, strict=True):
            self._count("transact_write_items", write, result, 2)
            self._set("transact_write_items", write.key, result)
        return {}

    def _transaction(self, request: Request) -> list[tuple[str, Request]]:
        parts = [next(iter(part.items())) for part in request["TransactItems"]]
        for kind, part in parts:
            check_parameters(kind, part)
        message = "Transaction request cannot include multiple operations on one item, or more than 100"
        self._check_parts([part for _, part in parts], message)
        return parts

    def _write(self, kind: str, request: Request) -> Answer:
        operation, returned = f"{kind.lower()}_item", request.get("ReturnValues", "NONE")
        if returned not in (_RETURNED if kind == "Update" else {"NONE", "ALL_OLD"}):
            raise Invalid("Return values set to invalid value")
        write = self._checked(kind, request)
        old = self._table.entries.get(write.key, NOTHING)
        if not self._holds(write):
            self._count(operation, write, old)
            more = {"Message": _REFUSED, **self._shown(write)}
            raise self.error("ConditionalCheckFailedException", _REFUSED, f"{kind}Item", **more)
        new = self._result(write)
        self._count(operation, write, new)
        self._set(operation, write.key, new)
        item, _ = new if returned.endswith("NEW") else old
        if returned == "NONE" or item is None or (returned.startswith("UPDATED") and not write.update):
            return {}
        attributes = self._handed_out(item, write.update if returned.startswith("UPDATED") else None, write.given)
        return {"Attributes": attributes} if attributes else {}

    def _checked(self, kind: str, request: Request) -> Write:
        condition, update = parsed_in(request, "ConditionExpression"), parsed_in(request, "UpdateExpression")
        given = given_in(request, condition, update)
        attributes = cleaned(request["Item" if kind == "Put" else "Key"])
        key = self._key(request, attributes)
        if kind == "Put":
            self._check_item(attributes, size_of_item(attributes), Invalid)
        if update and {path[0] for path in all_resolved(update.paths, given)} & self._roles.keys():
            raise Invalid("One or more parameter values were invalid: Cannot update attribute that is part of the key")
        shows_old = request.get("ReturnValuesOnConditionCheckFailure") == "ALL_OLD"
        return Write(kind, key, attributes, given, condition, update, shows_old)

    def _holds(self, write: Write) -> bool:
        item, _ = self._table.entries.get(write.key, NOTHING)
        return write.condition is None or write.condition.run(item or {}, write.given)

    def _shown(self, write: Write) -> dict[str, Any]:
        item, _ = self._table.entries.get(write.key, NOTHING)
        return {"Item": handed_out(item)} if write.shows_old and item else {}

    def _result(self, write: Write) -> Entry:
        """Return the item as it is after the write."""
        old = self._table.entries.get(write.key, NOTHING)
        if write.kind in {"Delete", "ConditionCheck"}:
            return NOTHING if write.kind == "Delete" else old
        item = write.attributes if write.kind == "Put" else old[0] or write.attributes
        if write.update:
            item = write.update.run(item, write.given)
        size = size_of_item(item)
        self._check_item(item, size, Unsuitable)
        return item, size

    def _count(self, operation: str, write: Write, new: Entry, factor: int = 1) -> None:
        _, size = self._table.entries.get(write.key, NOTHING)
        self.write_units[operation] += factor * write_units(max(size, new[1]))

    def _set(self, operation: str, key: Key, new: Entry) -> None:
        self._table.set(key, *new)
        for listener in self.on_change:
            listener(key, new[0])
        self._unseen.append((operation, key, new))
        if self.index_lag is None:
            self._catch_up()

    def _catch_up(self) -> None:
        """Let the indexes show all changes but the newest ones."""
        lag = self.index_lag() if self.index_lag else 0
        while len(self._unseen) > lag:
            operation, key, new = self._unseen.popleft()
            for index in self._indexes.values():
                self.write_units[operation] += index.set(key, *new)

    # --- checks -------------------------------------------------------------------------------------------------------

    def _key(self, request: Request, attributes: Item | None = None) -> Key:
        """Check the table and the key of a request, and return the key."""
        self._check_table(request["TableName"])
        item = cleaned(request.get("Item", request.get("Key", {}))) if attributes is None else attributes
        if "Key" in request and item.keys() != self._roles.keys():
            raise Invalid("The provided key element does not match the schema")
        for name in self._roles:
            if name not in item:
                raise Invalid(f"One or more parameter values were invalid: Missing the key {name} in the item")
            self._check_key_value(name, item[name])
        return self._table.key_of(item)

    def _check_key_value(self, name: str, value: Mapping[str, Any], refusal: type[Exception] = Invalid) -> None:
        most = _KEY_BYTES[self._roles.get(name, "RANGE")]
        text = value.get("S")  # by far the most frequent
        if text is not None and self._types[name] == "S" and text.isascii() and 0 < len(text) <= most:
            return
        if self._types[name] not in value:
            raise refusal(f"One or more parameter values were invalid: Type mismatch for key {name}")
        if not 0 < size_of({**value}) <= most:
            raise refusal(f"One or more parameter values are not valid: empty or too long key {name}")

    def _check_item(self, item: Item, size: int, refusal: type[Exception]) -> None:
        for index in self._indexes.values():
            for name in index.names:
                if name in item:
                    self._check_key_value(name, item[name], refusal)
        if size > MAX_ITEM_BYTES:
            raise refusal("Item size has exceeded the maximum allowed size")

    def _check_parts(self, parts: Sequence[Request], message: str) -> None:
        if len(parts) > MAX_PARTS or len({self._key(part) for part in parts}) < len(parts):
            raise Invalid(message)

    def _check_table(self, name: str) -> None:
        if self._name not in {None, name}:
            raise self.error("ResourceNotFoundException", "Requested resource not found")
