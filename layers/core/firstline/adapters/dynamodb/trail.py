"""The audit trail in the table: items that are written once, under a condition, and never again.

| what | pk | sk |
|---|---|---|
| an entry | `TRAIL#<incident id>` | `<number, six digits>` |
"""

from collections.abc import Iterable, Sequence
from datetime import datetime

from firstline.adapters.dynamodb.table import MOST_WRITES, Item, TableStore, WriteRefused
from firstline.errors import HistoryUnavailable
from firstline.incidents.audit_trail import Entry, Fact, chained
from firstline.models.live import LAYOUT
from firstline.observability import logger

ATTEMPTS = 10
"""The number of tries while others append to the same incident's trail."""


class TableTrail(TableStore):
    """The audit trails in the table. Every method raises `HistoryUnavailable` when DynamoDB fails."""

    def entries(self, incident_id: str) -> list[Entry]:
        """Return an incident's entries, oldest first, as they stand in the table."""
        items = self._table.query(f"TRAIL#{incident_id}", consistent=True)
        return [Entry.model_validate_json(item["entry"]) for item in items]

    def append(self, incident_id: str, facts: Sequence[Fact], at: datetime) -> None:
        """Write the facts that are not there yet, each after the last entry, all or none.

        Raises
        ------
        HistoryUnavailable
            The table could not be read or written, or too many writers append at once.
        """
        pk, expiry = f"TRAIL#{incident_id}", self._table.late_expiry(at)
        new: list[Entry] = []
        for tries in range(ATTEMPTS):
            known = self.entries(incident_id)
            # Refused, because the client repeated a write whose reply was lost.
            _log(entry for entry in new if entry in known)
            written = {_said(entry) for entry in known}
            by_words = {_said(fact): fact for fact in facts}
            missing = [fact for words, fact in by_words.items() if words not in written]
            new = chained(incident_id, missing[:MOST_WRITES], at, known[-1] if known else None)
            items = [
                {
                    "pk": pk,
                    "sk": f"{entry.number:06}",
                    "entry": entry.model_dump_json(),
                    "layout": LAYOUT,
                    "expires_at": expiry,
                }
                for entry in new
            ]
            if items and not self._write(items):
                self._table.pause(tries)
                continue
            _log(new)
            if len(missing) <= MOST_WRITES:
                return
        raise HistoryUnavailable(f"too many writers append to the trail of {incident_id} at once")

    def _write(self, items: Sequence[Item]) -> bool:
        """Write entries, all or none. Return True if none of them was there."""
        if len(items) == 1:  # most often; a transaction of one costs twice
            return self._table.put(items[0], "attribute_not_exists(pk)")
        try:
            self._table.transact(
                *(self._table.put_request(item, condition="attribute_not_exists(pk)") for item in items)
            )
        except WriteRefused:
            return False
        return True


def _log(entries: Iterable[Entry]) -> None:
    """Log a copy of each entry's hash, which a chain that was rewritten as a whole would not match."""
    for entry in entries:
        logger.info("on the trail", what=entry.what, number=entry.number, trail_hash=entry.hash)


def _said(fact: Fact) -> str:
    """Return a fact as a text that is the same for equal ones. A long trail has many, so they are looked up by it."""
    return repr((fact.what, fact.who, sorted(fact.facts.items())))
