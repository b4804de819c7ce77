"""Heartbeats in the table.

| what | pk | sk |
|---|---|---|
| a heartbeat, by its labels | `HEARTBEATS` | `PULSE#<source>:<fingerprint>` |
| one that is required and was never seen | `HEARTBEATS` | `PULSE#required:<id>` |
| the last check, and since when there are checks without a gap | `HEARTBEATS` | `WATCH` |
"""

from datetime import datetime, timedelta

from pydantic import ValidationError

from firstline.adapters.dynamodb.table import Item, TableStore, stamp
from firstline.models import NormalizedAlert
from firstline.observability import logger
from firstline.policy.heartbeats import REQUIRED, LastCheck, Pulse
from firstline.privacy.alerts import without_secrets

_PK = "HEARTBEATS"
_NEWEST = (
    "(attribute_not_exists(beat_at) OR beat_at <= :now) AND (attribute_not_exists(resolved_at) OR resolved_at <= :now)"
)
"""The condition that nothing later is known: what lay in the quarantine comes late."""

_TIMES = ("beat_at", "resolved_at", "absent_since", "told_at", "forgotten_at", "forgotten_by")


class TableHeartbeats(TableStore):
    """The heartbeats in the table. Every method raises `HistoryUnavailable` when DynamoDB fails."""

    def beat(self, alert: NormalizedAlert, now: datetime) -> None:
        """Record that the heartbeat arrived at a time, or that its sender resolved it. One request."""
        self._note(f"{alert.source}:{alert.fingerprint}", alert, now, over=alert.status == "resolved")

    def expect(self, name: str, alert: NormalizedAlert, now: datetime) -> None:
        """Start to expect a required heartbeat that was never seen."""
        self._note(f"{REQUIRED}{name}", alert, now, over=False)

    def pulses(self) -> tuple[list[Pulse], LastCheck | None]:
        """Return every heartbeat record and the record of the last check. One request per thousand or so."""
        items = list(self._table.query(_PK, consistent=True))
        check = next((item for item in items if item["sk"] == "WATCH"), None)
        last = None if check is None else LastCheck(looked_at=check["looked_at"], since=check["since"])
        return [pulse for item in items if (pulse := _read(item)) is not None], last

    def watch(self, before: LastCheck | None, now: datetime) -> datetime:
        """Record this check and return the start of the uninterrupted watch."""
        since = now if before is None else before.begin(now)
        self._table.put({"pk": _PK, "sk": "WATCH", "looked_at": stamp(now), "since": stamp(since)})
        return since

    def mark(self, pulse: Pulse, absent_since: datetime | None, now: datetime) -> None:
        """Record that people were told about the absence, or with None about the return."""
        change, values = "SET told_at = :now REMOVE absent_since", {":now": stamp(now)}
        if absent_since is not None:
            change, values = "SET told_at = :now, absent_since = :since", values | {":since": stamp(absent_since)}
        self._table.update(_PK, f"PULSE#{pulse.key}", change, values)

    def forget(self, key: str, by: str, now: datetime) -> bool:
        """Stop expecting this heartbeat until it is seen again. Return False if it is unknown.

        The item stays, so that reconcile can resolve the alert about its absence.
        """
        change = "SET forgotten_at = :now, forgotten_by = :by"
        return self._table.update(_PK, f"PULSE#{key}", change, {":now": stamp(now), ":by": by}) is not None

    def _note(self, key: str, alert: NormalizedAlert, now: datetime, *, over: bool) -> None:
        safe = without_secrets(alert.without_raw()).model_dump_json()
        values = {":now": stamp(now), ":alert": safe, ":expiry": self._table.expiry(now)}
        change = "SET alert = :alert, expires_at = :expiry, "
        if over:
            # A heartbeat that is resolved before it was ever seen still needs a `beat_at`; any earlier time will do.
            change += "resolved_at = :now, beat_at = if_not_exists(beat_at, :past)"
            values[":past"] = stamp(now - timedelta(seconds=1))
        else:
            change += "beat_at = :now REMOVE forgotten_at, forgotten_by"
        self._table.update(_PK, f"PULSE#{key}", change, values, condition=_NEWEST)


def _read(item: Item) -> Pulse | None:
    if not item["sk"].startswith("PULSE#"):
        return None
    known = {name: item[name] for name in _TIMES if name in item}
    try:
        alert = NormalizedAlert.from_stored(item["alert"])
        return Pulse(key=item["sk"].removeprefix("PULSE#"), alert=alert, **known)
    except ValidationError:
        logger.exception("a heartbeat cannot be read", key=item["sk"])
        return None
