"""The console's tickets (links for one log-in) and sessions in the table, under the hash of their tokens.

Each carries a pass: the right of one person to look and to act until a time.

| what | pk | sk |
|---|---|---|
| a ticket, and when it was used | `TICKET#<hash>` | `TICKET` |
| a session, and when it was ended | `SESSION#<hash>` | `SESSION` |
"""

from datetime import datetime, timedelta
from math import ceil

from pydantic import ValidationError

from firstline.adapters.dynamodb.table import Item, TableStore, stamp
from firstline.console.sessions import Pass, hash_of, new_token
from firstline.observability import logger

KEPT = timedelta(days=1)
"""The time for which a ticket or session is kept after its end, so that a used ticket differs from an unknown one."""


class TableSessions(TableStore):
    """The console's tickets (links for one log-in) and sessions, in the table.

    Every method raises `HistoryUnavailable` when DynamoDB fails.
    """

    def mint(self, given: Pass, now: datetime) -> str:
        """Store a ticket (a link for one log-in) with the rights in a person's pass, and return the ticket's token."""
        return self._put("TICKET", given, now)

    def redeem(self, token: str, now: datetime) -> Pass | None:
        """Use a ticket (a link for one log-in) up and return its pass, the person's rights.

        None if the ticket is unknown, expired or was used before.
        """
        unused = "attribute_exists(pk) AND attribute_not_exists(over_at)"
        pk = f"TICKET#{hash_of(token)}"
        used = self._table.update(pk, "TICKET", "SET over_at = :now", {":now": stamp(now)}, condition=unused)
        return None if used is None else _valid(used, now)

    def begin(self, given: Pass, now: datetime) -> str:
        """Store a session with the rights in a person's pass, and return the session's token."""
        return self._put("SESSION", given, now)

    def find(self, token: str, now: datetime) -> Pass | None:
        """Return the pass of a session by its token, or None if the session is unknown or over."""
        item = self._table.get(f"SESSION#{hash_of(token)}", "SESSION")
        return None if item is None or "over_at" in item else _valid(item, now)

    def end(self, token: str, now: datetime) -> None:
        """End the session with this token."""
        self._table.update(f"SESSION#{hash_of(token)}", "SESSION", "SET over_at = :now", {":now": stamp(now)})

    def _put(self, kind: str, given: Pass, now: datetime) -> str:
        token = new_token()
        item: Item = {"pk": f"{kind}#{hash_of(token)}", "sk": kind, "pass": given.model_dump_json(), "at": stamp(now)}
        self._table.put(item | {"expires_at": ceil((given.expires_at + KEPT).timestamp())}, "attribute_not_exists(pk)")
        return token


def _valid(item: Item, now: datetime) -> Pass | None:
    """Return an item's pass, or None if it has expired or cannot be read; the table deletes it only days later."""
    try:
        given = Pass.model_validate_json(item["pass"])
    except ValidationError as error:
        logger.warning("A console session is unreadable; its person must log in again", extra={"why": str(error)})
        return None
    return given if now < given.expires_at else None
