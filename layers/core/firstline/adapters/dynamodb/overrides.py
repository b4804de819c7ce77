"""Overrides of on-call schedules in the table.

| what | pk | sk |
|---|---|---|
| an override | `ONCALL#<schedule>` | `<ends at>#<made at>#<person>` |

One query reads all overrides of a schedule that are not over. They are deleted three months after their end.
"""

from datetime import datetime, timedelta
from math import ceil

from pydantic import ValidationError

from firstline.adapters.dynamodb.table import Item, TableStore, stamp
from firstline.observability import logger
from firstline.policy.oncall import Override

KEPT = timedelta(days=90)


class TableOverrides(TableStore):
    """The overrides of on-call schedules in the table. Every method raises `HistoryUnavailable` when DynamoDB fails."""

    def of(self, schedule: str, since: datetime) -> list[Override]:
        """Return the overrides of a schedule that are not over at a time; a withdrawal ends an override."""
        return [override for override in self.made(schedule, since) if not override.is_over(since)]

    def made(self, schedule: str, since: datetime) -> list[Override]:
        """Return the overrides of a schedule whose planned end is after a time, with those that were withdrawn."""
        items = self._table.query(f"ONCALL#{schedule}", since=stamp(since), consistent=True)
        return [override for item in items if (override := _read(item)) is not None]

    def save(self, override: Override) -> None:
        """Store an override, new or withdrawn."""
        key = f"{stamp(override.ends_at)}#{stamp(override.at)}#{override.person}"
        # Fields that are not set are left out: a function of the last release refuses fields that it does not know.
        said = override.model_dump_json(exclude_none=True)
        item: Item = {"pk": f"ONCALL#{override.schedule}", "sk": key, "override": said}
        self._table.put(item | {"expires_at": ceil((override.ends_at + KEPT).timestamp())})


def _read(item: Item) -> Override | None:
    try:
        return Override.from_stored(item["override"])
    except ValidationError as error:
        logger.error("An override cannot be read, so it does not count", extra={"item": item["sk"], "why": str(error)})
        return None
