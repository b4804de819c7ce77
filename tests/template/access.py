"""Accesses to the table, and whether a statement of a role grants them."""

from collections.abc import Iterator
from typing import Any, NamedTuple

from local.emulator.iam import conditions_hold


class Access(NamedTuple):
    """One thing done to the table, as IAM judges it: BatchGetItem with all its keys together."""

    action: str
    keys: tuple[str, ...]
    index_name: str | None = None


def accesses(operation: str, request: dict[str, Any]) -> Iterator[Access]:
    """Yield the accesses of one request; each part of a transaction counts by itself."""
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
    """A DynamoDB client that notes what is asked of it. The next transactions may collide with another writer's."""

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


def allows(statement: dict[str, Any], access: Access) -> bool:
    """Tell whether a statement grants an access."""
    actions = statement["Action"] if isinstance(statement["Action"], list) else [statement["Action"]]
    granted = statement["Resource"] if isinstance(statement["Resource"], list) else [statement["Resource"]]
    index = access.index_name
    resource = {"Fn::Sub": f"${{Table.Arn}}/index/{index}"} if index else {"Fn::GetAtt": ["Table", "Arn"]}
    if access.action not in actions or resource not in granted:
        return False
    return conditions_hold(statement, {"dynamodb:LeadingKeys": access.keys} if access.keys else {})


def of_the_table(statements: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [statement for statement in statements if "dynamodb" in str(statement["Action"])]
