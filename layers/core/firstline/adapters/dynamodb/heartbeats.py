"""Heartbeats in the table.

| what | pk | sk |
|---|---|---|
| a heartbeat that arrived | `HEARTBEATS` | `PULSE#<source>:<fingerprint>` |
| a heartbeat that is required and never arrived | `HEARTBEATS` | `PULSE#required:<id>` |
| the last check; since when checks were regular; the number of heartbeats of each source | `HEARTBEATS` | `WATCH` |

A new heartbeat adds one to its source's number in the same transaction; each check counts all again and stores that.
"""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timedelta

from pydantic import ValidationError

from firstline.adapters.dynamodb.table import Item, TableStore, WriteRefused, stamp
from firstline.models import NormalizedAlert
from firstline.observability import logger
from firstline.policy.heartbeats import AGAIN, LONGEST_EVERY, MOST_OF_A_SOURCE, REQUIRED, LastCheck, Pulse
from firstline.privacy.alert_redaction import without_secrets

_PK = "HEARTBEATS"
_NEWEST = (
    "(attribute_not_exists(beat_at) OR beat_at <= :now) AND (attribute_not_exists(resolved_at) OR resolved_at <= :now)"
)
"""The condition that nothing later is known of a heartbeat: a delivery from the quarantine comes late."""

_UNTIL_TOLD = 2 * LONGEST_EVERY + AGAIN
"""The longest time from one write of a heartbeat's item to the next: a beat, and each day of an absence."""

_TIMES = ("beat_at", "resolved_at", "absent_since", "told_at", "forgotten_at", "forgotten_by")


class TableHeartbeats(TableStore):
    """The heartbeats in the table. Every method raises `HistoryUnavailable` when DynamoDB fails."""

    def beat(self, alert: NormalizedAlert, now: datetime) -> bool:
        """Record that a heartbeat arrived or that its sender resolved it.

        Return False, and record nothing, if the heartbeat is new and its source has 500 heartbeats already
        (`MOST_OF_A_SOURCE`). A new heartbeat takes two requests.
        """
        key, change, values = _note(alert, now, self._expiry(now))
        if self._table.update(_PK, key, change, values, condition=f"attribute_exists(pk) AND {_NEWEST}") is not None:
            return True
        new = self._table.update_request(_PK, key, change, values, condition="attribute_not_exists(pk)")
        counted = self._table.update_request(
            _PK,
            "WATCH",
            "ADD #count :one",
            {":one": 1, ":most": MOST_OF_A_SOURCE},
            condition="attribute_not_exists(#count) OR #count < :most",
            names={"#count": _count(alert.source)},
        )
        try:
            self._table.transact_patiently(new, counted)
        except WriteRefused as error:
            # The heartbeat exists, and something later is known of it.
            return 0 in error.refused
        return True

    def expect(self, name: str, alert: NormalizedAlert, now: datetime) -> None:
        """Store a required heartbeat (`name`) that was never seen, so that its absence is noticed.

        `alert` is stored where an arrived heartbeat has its own alert: the text that people read about the absence.
        """
        _, change, values = _note(alert, now, self._expiry(now))
        self._table.update(_PK, f"PULSE#{REQUIRED}{name}", change, values, condition=_NEWEST)

    def pulses(self) -> tuple[list[Pulse], LastCheck | None]:
        """Return all stored heartbeats, and the last check if there was one. One request for about a thousand."""
        items = list(self._table.query(_PK, consistent=True))
        # Before the first check it has counts only.
        check = next((item for item in items if item["sk"] == "WATCH" and "looked_at" in item), None)
        last = None if check is None else LastCheck(looked_at=check["looked_at"], since=check["since"])
        return [pulse for item in items if (pulse := _read(item)) is not None], last

    def watch(self, before: LastCheck | None, pulses: Sequence[Pulse], now: datetime) -> datetime:
        """Record a check of all heartbeats (`pulses`) at `now`, and the number of heartbeats of each source.

        Return since when checks have come without a gap. `before` is the last check, None if this is the first.
        """
        since = now if before is None else before.begin(now)
        known = [pulse for pulse in pulses if pulse.requirement is None and pulse.forgotten_at is None]
        found = Counter(pulse.key.partition(":")[0] for pulse in known)
        counts = {_count(source): number for source, number in found.items()}
        self._table.put({"pk": _PK, "sk": "WATCH", "looked_at": stamp(now), "since": stamp(since), **counts})
        return since

    def mark(self, pulse: Pulse, absent_since: datetime | None, now: datetime) -> None:
        """Record that people were told of a heartbeat: that it is absent (since `absent_since`) or, with None, back."""
        values: Item = {":now": stamp(now), ":expiry": self._expiry(now)}
        change = "SET told_at = :now, expires_at = :expiry"
        if absent_since is None:
            change += " REMOVE absent_since"
        else:
            change, values = f"{change}, absent_since = :since", values | {":since": stamp(absent_since)}
        self._table.update(_PK, f"PULSE#{pulse.key}", change, values)

    def forget(self, key: str, by: str, now: datetime) -> bool:
        """Stop expecting a heartbeat until it arrives again; return False if none is stored under the key.

        Its item stays, so that reconcile can resolve the alert about its absence.
        """
        change = "SET forgotten_at = :now, forgotten_by = :by"
        return self._table.update(_PK, f"PULSE#{key}", change, {":now": stamp(now), ":by": by}) is not None

    def _expiry(self, now: datetime) -> int:
        """Return when a heartbeat's item that is written `now` expires, in seconds since the epoch.

        That is late enough for the item to be there until the heartbeat is absent, and while people are told of that.
        """
        return self._table.expiry(now + _UNTIL_TOLD)


def _note(alert: NormalizedAlert, now: datetime, expiry: int) -> tuple[str, str, Item]:
    """Return a heartbeat's sort key, and the update expression and values that record that it came or ended.

    `expiry` is when its item expires, in seconds since the epoch.
    """
    safe = without_secrets(alert.without_raw()).model_dump_json()
    values = {":now": stamp(now), ":alert": safe, ":expiry": expiry}
    change = "SET alert = :alert, expires_at = :expiry, "
    if alert.status == "resolved":
        # A heartbeat that is resolved before it was ever seen still needs a `beat_at`; any earlier time will do.
        change += "resolved_at = :now, beat_at = if_not_exists(beat_at, :past)"
        values[":past"] = stamp(now - timedelta(seconds=1))
    else:
        change += "beat_at = :now REMOVE forgotten_at, forgotten_by"
    return f"PULSE#{alert.source}:{alert.fingerprint}", change, values


def _count(source: str) -> str:
    """Return the name of the attribute that counts a source's heartbeats on the item `WATCH`: `of_grafana`."""
    return f"of_{source}"


def _read(item: Item) -> Pulse | None:
    if not item["sk"].startswith("PULSE#"):
        return None
    known = {name: item[name] for name in _TIMES if name in item}
    try:
        alert = NormalizedAlert.from_stored(item["alert"])
        return Pulse(key=item["sk"].removeprefix("PULSE#"), alert=alert, **known)
    except ValidationError:
        logger.exception("A heartbeat in the table is invalid and is not watched", key=item["sk"])
        return None
