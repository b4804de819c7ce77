"""A DynamoDB table, reduced to the operations that Firstline uses, with plain values in and out.

A condition that does not hold is an answer (False, None or `WriteRefused`). When DynamoDB fails, every method raises
`HistoryUnavailable`.
"""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, cast

from boto3.dynamodb.types import TypeDeserializer, TypeSerializer

from firstline.adapters.aws.clients import raising
from firstline.errors import FirstlineError, HistoryUnavailable

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.client import DynamoDBClient

type Item = dict[str, Any]


class WriteRefused(FirstlineError):
    """A transaction was cancelled: a condition did not hold, or another writer had the same item at that moment.

    `refused` holds the positions of the writes whose condition did not hold; it is empty for a mere conflict.
    """

    def __init__(self, message: str, refused: frozenset[int]) -> None:
        super().__init__(message)
        self.refused = refused


class Table:
    """One table with keys `pk` and `sk`. Items are plain dictionaries; `None` values are not written."""

    def __init__(self, client: "DynamoDBClient", name: str, *, keep_days: int = 90) -> None:
        self._client = client
        self.name = name
        self._keep_seconds = keep_days * 86_400

    def expiry(self, now: datetime) -> int:
        """Return when an item written now expires, in seconds since the epoch."""
        return int(now.timestamp()) + self._keep_seconds

    def get(self, pk: str, sk: str) -> Item | None:
        """Return one item as it stands now, or None."""
        item = self._call("get_item", **self._key(pk, sk), ConsistentRead=True).get("Item")
        return None if item is None else _deserialize(item)

    def put(
        self, item: Mapping[str, Any], condition: str | None = None, values: Mapping[str, Any] | None = None
    ) -> bool:
        """Write or overwrite an item if the condition holds. Return True if it was written."""
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

        With the condition None, an item that does not exist is created.
        """
        request = self.update_request(pk, sk, expression, values, condition=condition, names=names)["Update"]
        answer = self._call("update_item", **request, ReturnValues="ALL_NEW")
        return None if answer is None else _deserialize(answer["Attributes"])

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
        """Yield the items of one partition whose sort key lies between two texts, page by page.

        The table's keys are `pk` and `sk`; an index's are `status_pk` and `status_sk`. A `consistent` query sees every
        earlier write; an index cannot do that.
        """
        partition, sort = ("pk", "sk") if index is None else ("status_pk", "status_sk")
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
            yield from map(_deserialize, page["Items"])
            if "LastEvaluatedKey" not in page:
                return
            if left is not None:
                left -= len(page["Items"])
            arguments["ExclusiveStartKey"] = page["LastEvaluatedKey"]

    def transact(self, *writes: Item) -> None:
        """Make all of these writes or none, in one request.

        Raises
        ------
        WriteRefused
            A condition did not hold, or another writer had one of the items at that moment.
        """
        with raising(HistoryUnavailable, f"table {self.name}"):
            try:
                self._client.transact_write_items(TransactItems=cast("Any", writes))
            except self._client.exceptions.TransactionCanceledException as error:
                codes = [reason.get("Code") for reason in error.response.get("CancellationReasons", [])]
                refused = frozenset(i for i, code in enumerate(codes) if code == "ConditionalCheckFailed")
                if refused or "TransactionConflict" in codes:
                    raise WriteRefused(str(error), refused) from error
                raise

    def put_request(
        self, item: Mapping[str, Any], *, condition: str | None = None, values: Mapping[str, Any] | None = None
    ) -> Item:
        """Return a put as a part of a transaction."""
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
        """Return an update as a part of a transaction."""
        request = self._key(pk, sk) | {"UpdateExpression": expression} | _conditional(condition, values)
        return {"Update": request | ({"ExpressionAttributeNames": dict(names)} if names else {})}

    def condition_check(self, pk: str, sk: str, condition: str, values: Mapping[str, Any]) -> Item:
        """Return a condition on an item that is not written, as a part of a transaction."""
        return {"ConditionCheck": self._key(pk, sk) | _conditional(condition, values)}

    def _key(self, pk: str, sk: str) -> Item:
        return {"TableName": self.name, "Key": {"pk": {"S": pk}, "sk": {"S": sk}}}

    def _call(self, operation: str, **arguments: Any) -> Any:
        """Return DynamoDB's answer, or None if the request's condition does not hold."""
        with raising(HistoryUnavailable, f"table {self.name}"):
            try:
                return getattr(self._client, operation)(**arguments)
            except self._client.exceptions.ConditionalCheckFailedException:
                return None


class TableStore:
    """One kind of items in the table. Every method raises `HistoryUnavailable` when DynamoDB fails."""

    def __init__(self, table: Table) -> None:
        self._table = table


def stamp(at: datetime) -> str:
    """Return a time as text that sorts as the time does."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def _conditional(condition: str | None, values: Mapping[str, Any] | None) -> Item:
    request: Item = {} if condition is None else {"ConditionExpression": condition}
    return request | ({"ExpressionAttributeValues": _serialize(values)} if values else {})


def _serialize(values: Mapping[str, Any]) -> Item:
    serializer = TypeSerializer()
    return {name: serializer.serialize(value) for name, value in values.items()}


def _deserialize(item: Mapping[str, Any]) -> Item:
    deserializer = TypeDeserializer()
    return {name: deserializer.deserialize(value) for name, value in item.items()}
