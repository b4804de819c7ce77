"""Copies, in the table, of on-call schedules that people keep in PagerDuty or in a calendar.

| what | pk | sk |
|---|---|---|
| the copy | `FOLLOWED#<schedule>` | `COPY` |
| when a function last began to read the schedule | `FOLLOWED#<schedule>` | `TRIED` |
"""

from datetime import datetime, timedelta

from pydantic import ValidationError

from firstline.adapters.dynamodb.table import TableStore, stamp
from firstline.observability import logger
from firstline.policy.followed_schedules import Copy


class TableCopies(TableStore):
    """The copies of on-call schedules in the table. Every method raises `HistoryUnavailable` when DynamoDB fails."""

    def of(self, schedule: str) -> Copy | None:
        """Return the copy of a schedule, or None if there is none that can be read."""
        item = self._table.get(f"FOLLOWED#{schedule}", "COPY")
        try:
            return None if item is None else Copy.from_stored(item["copy"])
        except ValidationError as error:
            logger.error("A schedule's copy in the table is invalid", extra={"schedule": schedule, "why": str(error)})
            return None

    def save(self, schedule: str, copy: Copy) -> None:
        """Store a schedule's copy in place of its earlier copy."""
        self._table.put({"pk": f"FOLLOWED#{schedule}", "sk": "COPY", "copy": copy.model_dump_json()})

    def claim(self, schedule: str, now: datetime, every: timedelta) -> bool:
        """Claim the next read of a schedule; return False if another caller began one less than `every` ago."""
        item = {"pk": f"FOLLOWED#{schedule}", "sk": "TRIED", "tried_at": stamp(now)}
        return self._table.put(item, "attribute_not_exists(pk) OR tried_at <= :before", {":before": stamp(now - every)})
