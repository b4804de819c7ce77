"""The last hand-over of each on-call schedule in the table.

| what | pk | sk |
|---|---|---|
| who has it, as people were told | `HANDOVER#<schedule>` | `LAST` |
"""

from datetime import datetime

from firstline.adapters.dynamodb.table import Item, TableStore, stamp
from firstline.people.hand_over import Holding


class TableHandOvers(TableStore):
    """The last hand-overs in the table. Every method raises `HistoryUnavailable` when DynamoDB fails."""

    def last(self, schedule: str) -> Holding | None:
        """Return who was given a schedule last, and when; None if nobody ever was."""
        item = self._table.get(f"HANDOVER#{schedule}", "LAST")
        return None if item is None else Holding(item["person"], datetime.fromisoformat(item["since"]))

    def claim(self, schedule: str, new: Holding, seen: Holding | None) -> bool:
        """Write who has a schedule now, unless another run has done so since it was seen."""
        item: Item = {"pk": f"HANDOVER#{schedule}", "sk": "LAST", "person": new.person, "since": stamp(new.since)}
        if seen is None:
            return self._table.put(item, "attribute_not_exists(pk)")
        return self._table.put(
            item, "person = :person AND since = :since", {":person": seen.person, ":since": stamp(seen.since)}
        )
