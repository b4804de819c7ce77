"""The audit trail in the table: items that are written once and never changed.

| what | pk | sk |
|---|---|---|
| an entry | `TRAIL#<incident id>` | `<number, six digits>` |
"""

from collections.abc import Sequence
from datetime import datetime

from firstline.adapters.dynamodb.table import Item, TableStore
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
        """Append the facts that the incident's trail does not have yet, each as an entry of the time `at`, one by one.

        Each entry is a plain write under its own key: a transaction would cost twice as much. A writer that dies in
        between leaves a sound chain, and whoever appends the same facts again adds the rest.

        Raises
        ------
        HistoryUnavailable
            The table could not be read or written, or too many writers append at once.
        """
        expiry = self._table.late_expiry(at)
        refused: Entry | None = None
        for tries in range(ATTEMPTS):
            known = self.entries(incident_id)
            if refused is not None and refused in known:
                # The client repeated a write whose reply was lost.
                _log(refused)
            written = {_said(entry) for entry in known}
            by_words = {_said(fact): fact for fact in facts}
            missing = [fact for words, fact in by_words.items() if words not in written]
            new = chained(incident_id, missing, at, known[-1] if known else None)
            refused = next((entry for entry in new if not self._write(incident_id, entry, expiry)), None)
            if refused is None:
                return
            self._table.pause(tries)
        raise HistoryUnavailable(f"too many writers append to the audit trail of {incident_id} at once; try again")

    def _write(self, incident_id: str, entry: Entry, expiry: int) -> bool:
        """Write an entry; return False if another writer took its number."""
        item: Item = {"pk": f"TRAIL#{incident_id}", "sk": f"{entry.number:06}", "entry": entry.model_dump_json()}
        item |= {"layout": LAYOUT, "expires_at": expiry}
        if not self._table.put(item, "attribute_not_exists(pk)"):
            return False
        _log(entry)
        return True


def _log(entry: Entry) -> None:
    """Log an entry's hash: it proves later whether somebody changed the trail in the table."""
    logger.info("Audit trail entry written", what=entry.what, number=entry.number, trail_hash=entry.hash)


def _said(fact: Fact) -> str:
    """Return a text that is equal for equal facts; it can be put into a set, which a fact's dictionary cannot."""
    return repr((fact.what, fact.who, sorted(fact.facts.items())))
