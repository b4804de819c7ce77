"""The last known hand-over of each on-call schedule, in the table.

| what | pk | sk |
|---|---|---|
| who was on call at the last look, and since when | `HANDOVER#<schedule>` | `LAST` |
"""

from datetime import datetime

from firstline.adapters.dynamodb.table import Item, TableStore, stamp
from firstline.people.hand_over import Holding


class TableHandOvers(TableStore):
    """The last known hand-over of each on-call schedule, in the table.

    Every method raises `HistoryUnavailable` when DynamoDB fails.
    """

    def last(self, schedule: str) -> Holding | None:
        """Return who was on call at the last look at a schedule, and since when; None before the first look."""
        item = self._table.get(f"HANDOVER#{schedule}", "LAST")
        if item is None:
            return None
        before = item.get("unsaid_person")
        unsaid = (before, datetime.fromisoformat(item["unsaid_since"])) if before else None
        return Holding(item["person"], datetime.fromisoformat(item["since"]), unsaid)

    def claim(self, schedule: str, new: Holding, seen: Holding | None) -> bool:
        """Store `new` as who is on call now; return False, and store nothing, if what is stored is no longer `seen`.

        `seen` is what the caller read before: None if nothing was stored.
        """
        item: Item = {"pk": f"HANDOVER#{schedule}", "sk": "LAST", "person": new.person, "since": stamp(new.since)}
        if new.unsaid:
            item |= {"unsaid_person": new.unsaid[0], "unsaid_since": stamp(new.unsaid[1])}
        if seen is None:
            return self._table.put(item, "attribute_not_exists(pk)")
        as_seen = "person = :person AND since = :since"
        as_seen += f" AND attribute_{'' if seen.unsaid else 'not_'}exists(unsaid_person)"
        return self._table.put(item, as_seen, {":person": seen.person, ":since": stamp(seen.since)})
