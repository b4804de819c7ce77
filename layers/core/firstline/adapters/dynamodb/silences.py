"""Silences in the table, so that a person can silence an alert without a deployment.

| what | pk | sk |
|---|---|---|
| a silence | `SILENCES` | `<expires at>#<id>` |
| the end of a silence that lasts until its incident resolves | `SILENCE_ENDS` | the same |

One query reads the silences that have not expired; if one of them lasts until its incident resolves, a second query
reads the ends. The function that closes incidents may write only ends, so it can silence nothing.
"""

from datetime import datetime, timedelta

from pydantic import ValidationError

from firstline.adapters.dynamodb.table import Item, TableStore, stamp
from firstline.errors import HistoryUnavailable
from firstline.observability import logger
from firstline.policy.holds import LONGEST, Silence

MOST = 200
"""The most silences that are read for a new alert: those that expire first."""

REMEMBERED = timedelta(seconds=10)
"""The time for which one process uses the silences that it has read."""


class TableSilences(TableStore):
    """The silences in the table. Every method raises `HistoryUnavailable` when DynamoDB fails."""

    def since(self, at: datetime, *, limit: int | None = None) -> list[Silence]:
        """Return the silences that expire after a time, earliest first, at most `limit` (None: all).

        Those that were ended early are included.
        """
        items = self._table.query("SILENCES", since=stamp(at), limit=limit, consistent=True)
        silences = [silence for item in items if (silence := _read(item)) is not None]
        if not any(silence.until_resolved and silence.ended_at is None for silence in silences):
            return silences
        ends = {item["sk"]: item for item in self._table.query("SILENCE_ENDS", since=stamp(at), consistent=True)}
        return [_ended(silence, ends.get(_sort_key(silence))) for silence in silences]

    def find(self, silence_id: str, now: datetime) -> Silence | None:
        """Return a silence by its id; None if it is unknown, or expired more than 30 days ago."""
        return next((silence for silence in self.since(now - LONGEST) if silence.id == silence_id), None)

    def save(self, silence: Silence) -> None:
        """Store a new or changed silence; its item stays after its expiry as long as a closed incident stays stored."""
        item: Item = {"pk": "SILENCES", "sk": _sort_key(silence)}
        item |= {"silence": silence.model_dump_json(), "expires_at": self._table.expiry(silence.expires_at)}
        self._table.put(item)

    def end(self, silence: Silence, by: str, now: datetime) -> Silence:
        """End a silence now and return it; other processes notice within ten seconds (`REMEMBERED`)."""
        ended = silence.model_copy(update={"ended_at": now, "ended_by": by})
        self.save(ended)
        return ended

    def end_resolved(self, silence_id: str, now: datetime) -> None:
        """End a silence that lasts until its incident resolves, unless it is over already."""
        silence = self.find(silence_id, now)
        if silence is not None and silence.active(now):
            end: Item = {"pk": "SILENCE_ENDS", "sk": _sort_key(silence), "ended_at": stamp(now)}
            self._table.put(end | {"expires_at": self._table.expiry(silence.expires_at)})


class RememberedSilences:
    """The silences, read again after ten seconds (`REMEMBERED`).

    If they cannot be read, those that were read last still hold, and in a new process nothing is silenced. Reconcile
    ends the hold of an alert whose silence was ended meanwhile.
    """

    def __init__(self, silences: TableSilences) -> None:
        self._silences = silences
        self._read_at: datetime | None = None
        self._known: list[Silence] = []

    def at(self, now: datetime) -> list[Silence]:
        """Return the silences that have not ended at a time."""
        if self._read_at is None or now - self._read_at >= REMEMBERED:
            self._read_at = now
            try:
                self._known = self._silences.since(now, limit=MOST)
            except HistoryUnavailable as error:
                known = len(self._known)
                logger.error("The silences cannot be read, so only the %s read last hold alerts: %s", known, error)
        return self._known


def _sort_key(silence: Silence) -> str:
    return f"{stamp(silence.expires_at)}#{silence.id}"


def _ended(silence: Silence, end: Item | None) -> Silence:
    """Return the silence with the end from its item in SILENCE_ENDS; unchanged without one or if a person ended it."""
    if end is None or silence.ended_at is not None or not silence.until_resolved:
        return silence
    return silence.model_copy(
        update={"ended_at": datetime.fromisoformat(end["ended_at"]), "ended_by": "the alert resolved"}
    )


def _read(item: Item) -> Silence | None:
    """Return the silence, or None if it is invalid, because an invalid silence must not stop new alerts."""
    try:
        return Silence.model_validate_json(item["silence"])
    except ValidationError as error:
        logger.error("Silence %s in the table is invalid and silences nothing: %s", item["sk"], error)
        return None
