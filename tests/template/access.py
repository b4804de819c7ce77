"""Accesses to the table, and whether a statement of a role grants them."""

from collections.abc import Iterator
from typing import Any, NamedTuple

from local.emulator.iam import conditions_hold


class Access(NamedTuple):
    """An access to the table as IAM judges it; a BatchGetItem is one access with all its keys."""

    action: str
    keys: tuple[str, ...]
    index_name: str | None = None


def accesses(operation: str, request: dict[str, Any]) -> Iterator[Access]:
    """Yield the accesses that a request makes: one, or one for each part of a transaction."""
    if operation == "transact_write_items":
        for part in request["TransactItems"]:
            ((kind, write),) = part.items()
            yield Access(f"dynamodb:{kind}Item", (write.get("Item", write.get("Key"))["pk"]["S"],))
    elif operation == "query":
        yield Access("dynamodb:Query", (request["ExpressionAttributeValues"][":pk"]["S"],), request.get("IndexName"))
    elif operation == "batch_get_item":
        (asked,) = request["RequestItems"].values()
        yield Access("dynamodb:BatchGetItem", tuple(key["pk"]["S"] for key in asked["Keys"]))
    else:
        name = "".join(part.capitalize() for part in operation.split("_"))
        yield Access(f"dynamodb:{name}", ((request.get("Item") or request["Key"])["pk"]["S"],))


class Noting:
    """A DynamoDB client that keeps every access in `seen` and lets the next `conflicts` transactions collide."""

    def __init__(self, client: Any) -> None:
        self._client = client
        self.seen: list[Access] = []
        self.conflicts = 0

    def __getattr__(self, operation: str) -> Any:
        ask = getattr(self._client, operation)
        if not callable(ask) or operation in ("exceptions", "meta", "snapshot"):
            return ask

        def noted(**request: Any) -> Any:
            self.seen.extend(accesses(operation, request))
            if operation == "transact_write_items" and self.conflicts > 0:
                self.conflicts -= 1
                parts = len(request["TransactItems"])
                raise self._client.cancelled([{"Code": "TransactionConflict"}] + [{"Code": "None"}] * (parts - 1))
            return ask(**request)

        return noted


def as_list(value: Any) -> list[Any]:
    """Return the list itself, or a list of the one value that IAM allows in its place."""
    return value if isinstance(value, list) else [value]


def allows(statement: dict[str, Any], access: Access) -> bool:
    """Return True if a statement grants an access, its conditions on keys included."""
    actions, granted = as_list(statement["Action"]), as_list(statement["Resource"])
    index = access.index_name
    resource = {"Fn::Sub": f"${{Table.Arn}}/index/{index}"} if index else {"Fn::GetAtt": ["Table", "Arn"]}
    if access.action not in actions or resource not in granted:
        return False
    return conditions_hold(statement, {"dynamodb:LeadingKeys": access.keys} if access.keys else {})


def of_the_table(statements: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the statements that name an action of DynamoDB."""
    return [statement for statement in statements if "dynamodb" in str(statement["Action"])]
