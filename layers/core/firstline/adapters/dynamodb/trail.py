"""The audit trail in the table: items that are written once and never changed.

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
"""The most tries while other writers append to the same incident's trail."""


class TableTrail(TableStore):
    """The audit trails in the table. Every method raises `HistoryUnavailable` when DynamoDB fails."""

    def entries(self, incident_id: str) -> list[Entry]:
        """Return the entries of an incident's trail, oldest first; their hashes are not checked."""
        items = self._table.query(f"TRAIL#{incident_id}", consistent=True)
        return [Entry.model_validate_json(item["entry"]) for item in items]

    def append(self, incident_id: str, facts: Sequence[Fact], at: datetime) -> None:
        """Append the facts that the incident's trail does not have yet, each as a new entry, all or none.

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
        raise HistoryUnavailable(f"too many writers append to the audit trail of {incident_id} at once; try again")

    def _write(self, items: Sequence[Item]) -> bool:
        """Write entries, all or none; return False if another writer took one of their numbers."""
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
    """Log each entry's hash, so that a trail that somebody rewrote in the table can be told from the original."""
    for entry in entries:
        logger.info("Audit trail entry written", what=entry.what, number=entry.number, trail_hash=entry.hash)


def _said(fact: Fact) -> str:
    """Return a text that is the same for equal facts; sets of such texts find facts that a trail has already."""
    return repr((fact.what, fact.who, sorted(fact.facts.items())))
