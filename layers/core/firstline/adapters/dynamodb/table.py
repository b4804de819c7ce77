"""DynamoDB, reduced to what Firstline does with it: plain values in and out, and two kinds of trouble.

Either a condition did not hold, which is an answer, or DynamoDB did not do its part, which is `HistoryUnavailable`.
"""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, cast

from boto3.dynamodb.types import TypeDeserializer, TypeSerializer
from botocore.exceptions import BotoCoreError, ClientError

from firstline.errors import FirstlineError, HistoryUnavailable

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.client import DynamoDBClient

type Item = dict[str, Any]


class WriteRefused(FirstlineError):
    """A transaction was cancelled: a condition did not hold, or somebody wrote the same item at the same moment.

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
        """When an item written now may go, in seconds since the epoch."""
        return int(now.timestamp()) + self._keep_seconds

    def get(self, pk: str, sk: str) -> Item | None:
        """One item, as it stands now."""
        item = self._call("get_item", **self._key(pk, sk), ConsistentRead=True).get("Item")
        return None if item is None else _deserialize(item)

    def put(self, item: Mapping[str, Any]) -> None:
        """Write an item, whatever was there."""
        self._call("put_item", **self.put_request(item)["Put"])

    def put_if(self, item: Mapping[str, Any], condition: str, values: Mapping[str, Any]) -> bool:
        """Write an item unless the condition does not hold. False when it does not."""
        try:
            self._client.put_item(**self.put_request(item, condition=condition, values=values)["Put"])
        except self._client.exceptions.ConditionalCheckFailedException:
            return False
        except (ClientError, BotoCoreError) as error:
            raise HistoryUnavailable(f"table {self.name}: {error}") from error
        return True

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
        """Update an item and return it whole, or None when the condition does not hold. Without one it is made."""
        request = self.update_request(pk, sk, expression, values, condition=condition, names=names)["Update"]
        try:
            answer = self._client.update_item(**request, ReturnValues="ALL_NEW")
        except self._client.exceptions.ConditionalCheckFailedException:
            return None
        except (ClientError, BotoCoreError) as error:
            raise HistoryUnavailable(f"table {self.name}: {error}") from error
        return _deserialize(answer["Attributes"])

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
        """The items of one partition whose sort key lies between two texts, page by page.

        The table's keys are `pk` and `sk`; an index's are `status_pk` and `status_sk`. `consistent` sees every write
        that came before; an index cannot.
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
        """All of these writes or none, in one request.

        Raises
        ------
        WriteRefused
            A condition did not hold, or somebody wrote at the same moment.
        """
        try:
            self._client.transact_write_items(TransactItems=cast("Any", writes))
        except self._client.exceptions.TransactionCanceledException as error:
            codes = [reason.get("Code") for reason in error.response.get("CancellationReasons", [])]
            refused = frozenset(i for i, code in enumerate(codes) if code == "ConditionalCheckFailed")
            if refused or "TransactionConflict" in codes:
                raise WriteRefused(str(error), refused) from error
            raise HistoryUnavailable(f"table {self.name}: {error}") from error
        except (ClientError, BotoCoreError) as error:
            raise HistoryUnavailable(f"table {self.name}: {error}") from error

    def put_request(
        self, item: Mapping[str, Any], *, condition: str | None = None, values: Mapping[str, Any] | None = None
    ) -> Item:
        """A put, as a part of a transaction."""
        plain = {name: value for name, value in item.items() if value is not None}
        request: Item = {"TableName": self.name, "Item": _serialize(plain)}
        if condition is not None:
            request["ConditionExpression"] = condition
        if values:
            request["ExpressionAttributeValues"] = _serialize(values)
        return {"Put": request}

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
        """An update, as a part of a transaction."""
        request: Item = self._key(pk, sk)
        request |= {"UpdateExpression": expression, "ExpressionAttributeValues": _serialize(values)}
        if condition is not None:
            request["ConditionExpression"] = condition
        if names:
            request["ExpressionAttributeNames"] = dict(names)
        return {"Update": request}

    def condition_check(self, pk: str, sk: str, condition: str, values: Mapping[str, Any]) -> Item:
        """A condition on an item that is not written, as a part of a transaction."""
        request: Item = self._key(pk, sk)
        return {
            "ConditionCheck": request
            | {"ConditionExpression": condition, "ExpressionAttributeValues": _serialize(values)}
        }

    def _key(self, pk: str, sk: str) -> Item:
        return {"TableName": self.name, "Key": {"pk": {"S": pk}, "sk": {"S": sk}}}

    def _call(self, operation: str, **arguments: Any) -> Item:
        try:
            answer: Item = getattr(self._client, operation)(**arguments)
        except (ClientError, BotoCoreError) as error:
            raise HistoryUnavailable(f"table {self.name}: {error}") from error
        return answer


def stamp(at: datetime) -> str:
    """A time as text that sorts as the time does."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def _serialize(values: Mapping[str, Any]) -> Item:
    serializer = TypeSerializer()
    return {name: serializer.serialize(value) for name, value in values.items()}


def _deserialize(item: Mapping[str, Any]) -> Item:
    deserializer = TypeDeserializer()
    return {name: deserializer.deserialize(value) for name, value in item.items()}
