"""Silences in the table: whoever is awake at 3 am makes one without deploying anything.

| what | pk | sk |
|---|---|---|
| a silence | `SILENCES` | `<expires at>#<id>` |

One query reads those that have not run out. Whether one is active is reckoned from its own times.
"""

from datetime import datetime, timedelta

from pydantic import ValidationError

from firstline.adapters.table import Item, Table, stamp
from firstline.classification.silences import LONGEST, Silence
from firstline.errors import HistoryUnavailable
from firstline.observability import logger

MOST = 200
"""So many are read while alerts wait to be judged, those that run out first before the others."""

REMEMBERED = timedelta(seconds=10)
"""How long one process goes on with what it has read."""


class TableSilences:
    """Read and write silences. Raises `HistoryUnavailable` when DynamoDB does not do its part."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def since(self, at: datetime, *, limit: int | None = None) -> list[Silence]:
        """Those that ran out, or will run out, after a time; the ones that were ended early among them."""
        items = self._table.query("SILENCES", since=stamp(at), limit=limit, consistent=True)
        return [silence for item in items if (silence := _read(item)) is not None]

    def find(self, silence_id: str, now: datetime) -> Silence | None:
        """One by its id, also when it has run out of late."""
        return next((one for one in self.since(now - LONGEST) if one.id == silence_id), None)

    def save(self, silence: Silence) -> None:
        """Write it, or what became of it."""
        item = {
            "pk": "SILENCES",
            "sk": f"{stamp(silence.expires_at)}#{silence.id}",
            "silence": silence.model_dump_json(),
            # Kept as long as the incidents that name it.
            "expires_at": self._table.expiry(silence.expires_at),
        }
        self._table.put(item)

    def end(self, silence: Silence, by: str, now: datetime) -> Silence:
        """It is over from now on, for everybody who reads it within `REMEMBERED`."""
        ended = silence.model_copy(update={"ended_at": now, "ended_by": by})
        self.save(ended)
        return ended

    def end_resolved(self, silence_id: str, now: datetime) -> None:
        """An incident that it kept back has resolved, which is what it waited for."""
        silence = self.find(silence_id, now)
        if silence is not None and silence.active(now):
            self.end(silence, "the alert resolved", now)


class RememberedSilences:
    """The silences for a process that asks again and again. What cannot be read silences nothing."""

    def __init__(self, silences: TableSilences) -> None:
        self._silences = silences
        self._known: tuple[datetime, list[Silence]] | None = None

    def at(self, now: datetime) -> list[Silence]:
        """Those that have not run out at a time."""
        if self._known is None or now - self._known[0] >= REMEMBERED:
            try:
                self._known = now, self._silences.since(now, limit=MOST)
            except HistoryUnavailable as error:
                logger.error("the silences could not be read, so nothing is silenced: %s", error)
                self._known = now, []
        return self._known[1]


def _read(item: Item) -> Silence | None:
    """One that makes no sense silences nothing, and must not stop alerts from coming in."""
    try:
        return Silence.model_validate_json(item["silence"])
    except ValidationError as error:
        logger.error("silence %s is not read: %s", item["sk"], error)
        return None
