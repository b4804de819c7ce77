"""A DynamoDB table, reduced to the operations that Firstline uses, with plain values in and out.

If a condition does not hold, methods return False or None, or raise `WriteRefused`. If DynamoDB fails, every method
raises `HistoryUnavailable`.
"""

import random
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from itertools import batched
from typing import TYPE_CHECKING, Any, cast

from botocore.exceptions import ClientError

from firstline.adapters.aws.clients import raising
from firstline.adapters.dynamodb.edits import Edit
from firstline.errors import FirstlineError, HistoryUnavailable

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.client import DynamoDBClient

type Item = dict[str, Any]
type Key = tuple[str, str]

INDEXES = {
    "by_status": ("status_pk", "status_sk"),
    "due": ("due_pk", "due_sk"),
    "by_incident": ("incident_id", "rank_n"),
}
"""The table's indexes, each with its two keys. They hold nothing but keys, so a change of anything else costs nothing
there."""

MOST_WRITES = 100
"""The most writes that one transaction takes, and the most items that one BatchGetItem returns."""

READ_AT_ONCE = 50
"""The number of items that one request reads after an index has named them."""

LONGEST_KEY = 2_048
"""The most bytes of a partition key."""

ATTEMPTS = 8
"""The most tries of a single write while transactions hold its item, and of a batch that is read in parts."""

LONGEST_OPEN = timedelta(days=365)
"""The longest time that an execution, and so an open incident, lasts: its items expire this much later than others."""

THROTTLED = frozenset({"ThrottlingError", "ProvisionedThroughputExceeded"})
"""The reasons of a transaction that was cancelled because of too many writes."""

_FIRST_PAUSE, _LONGEST_PAUSE = 0.02, 0.32


class WriteRefused(FirstlineError):
    """A transaction was cancelled: a condition did not hold, or another writer had the same item at that moment.

    `refused` holds the positions of the writes whose condition did not hold, `conflicts` those of the writes whose item
    another writer had. Both are empty if DynamoDB throttled the transaction.
    """

    def __init__(self, message: str, refused: frozenset[int], conflicts: frozenset[int] = frozenset()) -> None:
        super().__init__(message)
        self.refused = refused
        self.conflicts = conflicts


class Table:
    """One table with keys `pk` and `sk`. Items are plain dictionaries; `None` values are not written.

    Parameters
    ----------
    keep_days
        The number of days after which an item expires, counted from the time that `expiry` is given.
    sleep
        Waits for some seconds between two tries.
    chance
        Returns a random number from 0 to 1, which makes the waits of colliding writers differ.
    """

    def __init__(
        self,
        client: "DynamoDBClient",
        name: str,
        *,
        keep_days: int = 90,
        sleep: Callable[[float], object] = time.sleep,
        chance: Callable[[], float] = random.random,
    ) -> None:
        self._client = client
        self.name = name
        self.chance = chance
        self._keep_seconds = keep_days * 86_400
        self._sleep = sleep

    def expiry(self, now: datetime) -> int:
        """Return the time `keep_days` after `now`, in seconds since the epoch: when an item expires (its TTL)."""
        return int(now.timestamp()) + self._keep_seconds

    def late_expiry(self, now: datetime) -> int:
        """Return when an item that is needed beyond a short history expires, in seconds since the epoch.

        That is `keep_days` and a year after `now`: a year is the longest time for which an incident may be open.
        """
        return self.expiry(now + LONGEST_OPEN)

    def pause(self, tries: int) -> None:
        """Wait a random time before another try, so that colliding writers spread out.

        It is at most 0.02 seconds if `tries` is 0, and twice as long for each further try, up to 0.32 seconds.
        """
        self._sleep(self.chance() * min(_LONGEST_PAUSE, _FIRST_PAUSE * 2**tries))

    def get_all(self, keys: Iterable[Key]) -> dict[Key, Item]:
        """Return the items with these keys; an item that does not exist is left out. One request for every hundred.

        Each item is read consistently, but not all at the same moment.
        """
        found: dict[Key, Item] = {}
        for chunk in batched(dict.fromkeys(keys), MOST_WRITES, strict=False):
            left: Any = {self.name: {"Keys": [_key(*key) for key in chunk], "ConsistentRead": True}}
            for tries in range(ATTEMPTS):
                answer = self._call("batch_get_item", RequestItems=left)
                items = map(deserialize, answer["Responses"].get(self.name, ()))
                found |= {(item["pk"], item["sk"]): item for item in items}
                left = answer.get("UnprocessedKeys")
                if not left:
                    break
                self.pause(tries)
            if left:
                raise HistoryUnavailable(f"table {self.name} returned only a part of the items in {ATTEMPTS} tries")
        return found

    def edit(self, key: Key, edit: Edit) -> Item | None:
        """Update an item and return all of it, or None if the condition does not hold."""
        answer = self._call("update_item", **self.edit_request(key, edit)["Update"], ReturnValues="ALL_NEW")
        return None if answer is None else deserialize(answer["Attributes"])

    def edit_request(self, key: Key, edit: Edit) -> Item:
        """Return an edit of an item as one of a transaction's writes."""
        return self.update_request(
            *key, edit.expression(), edit.all_values(), condition=edit.condition(), names=edit.names()
        )

    def get(self, pk: str, sk: str) -> Item | None:
        """Return an item as it stands now; None if it does not exist, or if the key is too long for DynamoDB."""
        if not _can_be_a_key(pk):
            return None
        item = self._call("get_item", **self._key(pk, sk), ConsistentRead=True).get("Item")
        return None if item is None else deserialize(item)

    def put(
        self, item: Mapping[str, Any], condition: str | None = None, values: Mapping[str, Any] | None = None
    ) -> bool:
        """Write or overwrite an item; return False if there is a condition (with its `values`) that does not hold."""
        request = self.put_request(item, condition=condition, values=values)["Put"]
        return self._call("put_item", **request) is not None

    def update(
        self,
        pk: str,
        sk: str,
        expression: str,
        values: Mapping[str, Any],
        *,
        condition: str | None = "attribute_exists(pk)",
        names: Mapping[str, str] | None = None,
    ) -> Item | None:
        """Update an item and return all of it, or None if the condition does not hold.

        With the condition None, an item that does not exist is created. `values` and `names` are the values and the
        attribute names behind the placeholders (`:…` and `#…`) in the expression and in the condition.
        """
        request = self.update_request(pk, sk, expression, values, condition=condition, names=names)["Update"]
        answer = self._call("update_item", **request, ReturnValues="ALL_NEW")
        return None if answer is None else deserialize(answer["Attributes"])

    def query(
        self,
        pk: str,
        *,
        index: str | None = None,
        since: str | None = None,
        until: str = "~",
        newest_first: bool = False,
        limit: int | None = None,
        consistent: bool = False,
    ) -> Iterator[Item]:
        """Yield the items of one partition by their sort keys (`newest_first`: backwards), at most `limit` (None: all).

        With `since`, yield only those whose sort key lies from `since` to `until`. The table's keys are `pk` and `sk`;
        those of its indexes are in `INDEXES`. A `consistent` query sees every earlier write; an index cannot do that.
        """
        partition, sort = ("pk", "sk") if index is None else INDEXES[index]
        condition, values = f"{partition} = :pk", {":pk": pk}
        if since is not None:
            condition += f" AND {sort} BETWEEN :since AND :until"
            values |= {":since": since, ":until": until}
        arguments: Item = {
            "TableName": self.name,
            "KeyConditionExpression": condition,
            "ExpressionAttributeValues": _serialize(values),
            "ScanIndexForward": not newest_first,
            "ConsistentRead": consistent,
        }
        if index is not None:
            arguments["IndexName"] = index
        left = limit
        while left is None or left > 0:
            page = self._call("query", **arguments, **({} if left is None else {"Limit": left}))
            yield from map(deserialize, page["Items"])
            if "LastEvaluatedKey" not in page:
                return
            if left is not None:
                left -= len(page["Items"])
            arguments["ExclusiveStartKey"] = page["LastEvaluatedKey"]

    def query_whole(self, pk: str, index: str, *, since: str | None = None, limit: int | None = None) -> Iterator[Item]:
        """Yield the items of an index's partition, in the index's order, with all attributes that the table has.

        The index holds only their keys, so one more request reads each fifty. The index lags behind the table: an item
        that has left the partition in the table by now is left out, although it counts towards `limit`.
        """
        partition = INDEXES[index][0]
        named = ((item["pk"], item["sk"]) for item in self.query(pk, index=index, since=since, limit=limit))
        for keys in batched(named, READ_AT_ONCE, strict=False):
            found = self.get_all(keys)
            yield from (found[key] for key in keys if key in found and found[key].get(partition) == pk)

    def transact(self, *writes: Item) -> None:
        """Make all of these writes or none, in one request.

        Raises
        ------
        WriteRefused
            A condition did not hold, another writer had one of the items, or DynamoDB throttled the request.
        """
        # botocore gives each transaction a token of its own, so its own retry after a lost reply changes nothing.
        with raising(HistoryUnavailable, f"table {self.name}"):
            try:
                self._client.transact_write_items(TransactItems=cast("Any", writes))
            except ClientError as error:
                reasons: Any = error.response.get("CancellationReasons", [])
                codes = [reason.get("Code") for reason in reasons]
                refused = frozenset(i for i, code in enumerate(codes) if code == "ConditionalCheckFailed")
                conflicts = frozenset(i for i, code in enumerate(codes) if code == "TransactionConflict")
                # No client retries a transaction that was cancelled because a partition took no more at that moment.
                if refused or conflicts or THROTTLED.intersection(codes):
                    raise WriteRefused(str(error), refused, conflicts) from error
                raise

    def transact_patiently(self, *writes: Item) -> None:
        """Make all of these writes or none, and try again while other writers have one of the items.

        Raises
        ------
        WriteRefused
            A condition did not hold.
        """
        for tries in range(ATTEMPTS):
            try:
                return self.transact(*writes)
            except WriteRefused as error:
                if error.refused:
                    raise
                self.pause(tries)
        raise HistoryUnavailable(f"table {self.name}: other writers had the same items in {ATTEMPTS} tries; try again")

    def guarded_put(self, item: Mapping[str, Any], guard: Edit) -> Item:
        """Return a put as one of a transaction's writes; it fails unless the condition of `guard` holds."""
        request = self.put_request(item, condition=guard.condition(), values=guard.all_values())["Put"]
        return {"Put": request | {"ExpressionAttributeNames": guard.names()}}

    def put_request(
        self, item: Mapping[str, Any], *, condition: str | None = None, values: Mapping[str, Any] | None = None
    ) -> Item:
        """Return a put, without attributes that are None, for a transaction; it fails if a condition does not hold."""
        plain = {name: value for name, value in item.items() if value is not None}
        return {"Put": {"TableName": self.name, "Item": _serialize(plain), **_conditional(condition, values)}}

    def update_request(
        self,
        pk: str,
        sk: str,
        expression: str,
        values: Mapping[str, Any],
        *,
        condition: str | None = None,
        names: Mapping[str, str] | None = None,
    ) -> Item:
        """Return an update, as by `update`, for a transaction; it fails if it has a condition that does not hold."""
        request = self._key(pk, sk) | {"UpdateExpression": expression} | _conditional(condition, values)
        return {"Update": request | ({"ExpressionAttributeNames": dict(names)} if names else {})}

    def check_request(self, key: Key, guard: Edit) -> Item:
        """Return a check as one part of a transaction, which fails unless the item meets the condition of `guard`."""
        condition = _conditional(guard.condition(), guard.all_values())
        return {"ConditionCheck": self._key(*key) | condition | {"ExpressionAttributeNames": guard.names()}}

    def _key(self, pk: str, sk: str) -> Item:
        return {"TableName": self.name, "Key": _key(pk, sk)}

    def _call(self, operation: str, **arguments: Any) -> Any:
        """Call an operation of DynamoDB; return the answer, or None if the request's condition does not hold.

        A write fails while a transaction has its item. boto3 does not retry that, so it is tried again here.
        """
        with raising(HistoryUnavailable, f"table {self.name}"):
            for tries in range(ATTEMPTS):
                try:
                    return getattr(self._client, operation)(**arguments)
                except ClientError as error:
                    match error.response["Error"]["Code"]:
                        case "ConditionalCheckFailedException":
                            return None
                        case "TransactionConflictException" if tries < ATTEMPTS - 1:
                            self.pause(tries)
                        case _:
                            raise
        raise AssertionError("the last try returns or raises")


class TableStore:
    """The base of stores of one kind of items. Every method raises `HistoryUnavailable` when DynamoDB fails."""

    def __init__(self, table: Table) -> None:
        self._table = table


def stamp(at: datetime) -> str:
    """Return a time as text in UTC with microseconds; such texts sort as their times do."""
    return at.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def _can_be_a_key(pk: str) -> bool:
    """Return True if DynamoDB takes a text as a partition key; a text that a person typed may be too long."""
    try:
        return len(pk.encode()) <= LONGEST_KEY
    except UnicodeEncodeError:
        return False


def _key(pk: str, sk: str) -> Item:
    return {"pk": {"S": pk}, "sk": {"S": sk}}


def _conditional(condition: str | None, values: Mapping[str, Any] | None) -> Item:
    request: Item = {} if condition is None else {"ConditionExpression": condition}
    return request | ({"ExpressionAttributeValues": _serialize(values)} if values else {})


def _serialize(values: Mapping[str, Any]) -> Item:
    return {name: _attribute(value) for name, value in values.items()}


def _attribute(value: Any) -> Item:
    """Return a value as a typed DynamoDB attribute, such as `{"S": "text"}`.

    boto3's serializer is imported only for rare types, such as sets: it is slow to import, and slow for common types.
    """
    match value:
        case str() if type(value) is str:
            return {"S": value}
        case bool():
            return {"BOOL": value}
        case int():
            return {"N": str(value)}
        case None:
            return {"NULL": True}
        case list():
            return {"L": [_attribute(each) for each in value]}
        case dict():
            return {"M": _serialize(value)}
    from boto3.dynamodb.types import TypeSerializer

    return dict(TypeSerializer().serialize(value))


def deserialize(item: Mapping[str, Any]) -> Item:
    """Return an item of DynamoDB's typed attributes as plain values."""
    return {name: _value(stored) for name, stored in item.items()}


def _value(stored: Any) -> Any:
    """Return a typed DynamoDB attribute as a plain value; a whole number becomes an `int`."""
    match stored:
        case {"S": value} | {"BOOL": value}:
            return value
        case {"N": number} if number.removeprefix("-").isdigit():
            return int(number)
        case {"L": values}:
            return [_value(each) for each in values]
        case {"M": values}:
            return deserialize(values)
        case {"NULL": _}:
            return None
    from boto3.dynamodb.types import TypeDeserializer

    return TypeDeserializer().deserialize(stored)
