"""Claims of actions that the whole stack takes once, such as a message to operators.

| what | `pk` | `sk` |
|---|---|---|
| who holds the right to an action, and until when | `ONCE#<key>` | `ONCE` |
"""

from __future__ import annotations

from collections.abc import Collection
from itertools import batched
from typing import TYPE_CHECKING

from firstline.adapters.dynamodb.table import MOST_WRITES, TableStore, stamp

if TYPE_CHECKING:
    from datetime import datetime

    from firstline.adapters.dynamodb.table import Item


class Claims(TableStore):
    """The rights to actions that one process or incident of the stack takes at a time.

    Every method raises `HistoryUnavailable` when DynamoDB fails.
    """

    def claim_once(self, key: str, holder: str, now: datetime, *, until: datetime) -> bool:
        """Claim the right to an action (`key`) that only one incident of the stack may take until a time.

        Return False while another incident holds the right. The holder may claim it again.
        """
        free = "attribute_not_exists(pk) OR held_until <= :now OR held_by = :holder"
        return self._table.put(self._claim(key, holder, until), free, {":now": stamp(now), ":holder": holder})

    def claimed(self, keys: Collection[str], now: datetime) -> set[str]:
        """Return those of these keys whose claim somebody holds."""
        found = self._table.get_all((f"ONCE#{key}", "ONCE") for key in keys)
        held = {pk for (pk, _), item in found.items() if item["held_until"] > stamp(now)}
        return {key for key in keys if f"ONCE#{key}" in held}

    def claim_all(self, keys: Collection[str], holder: str, *, until: datetime) -> None:
        """Claim the right to each of these actions until a time, whoever holds it. One request for every hundred."""
        for some in batched(keys, MOST_WRITES, strict=False):
            self._table.transact_patiently(*(self._table.put_request(self._claim(key, holder, until)) for key in some))

    def _claim(self, key: str, holder: str, until: datetime) -> Item:
        expires_at = self._table.expiry(until)
        return {
            "pk": f"ONCE#{key}",
            "sk": "ONCE",
            "held_by": holder,
            "held_until": stamp(until),
            "expires_at": expires_at,
        }
