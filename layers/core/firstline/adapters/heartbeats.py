"""Heartbeats in the table.

| what | pk | sk |
|---|---|---|
| a heartbeat, by its labels | `HEARTBEATS` | `PULSE#<source>:<fingerprint>` |
| one that is required and was never seen | `HEARTBEATS` | `PULSE#required:<id>` |
| when the audit last looked, and since when it looks without a gap | `HEARTBEATS` | `WATCH` |
"""

from datetime import datetime, timedelta

from pydantic import ValidationError

from firstline.adapters.table import Item, Table, stamp
from firstline.classification.heartbeats import REQUIRED, Pulse
from firstline.models import NormalizedAlert
from firstline.observability import logger
from firstline.privacy.alerts import without_secrets

GAP = timedelta(minutes=5)
"""After so long without a look, nobody knows what was lost meanwhile."""

_PK = "HEARTBEATS"
_KNOWN = ("beat_at", "resolved_at", "absent_since", "forgotten_at", "forgotten_by")


class TableHeartbeats:
    """Read and write heartbeats. Raises `HistoryUnavailable` when DynamoDB does not do its part."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def beat(self, alert: NormalizedAlert, now: datetime) -> None:
        """It came, or its sender said that it is over. One request."""
        self._note(f"{alert.source}:{alert.fingerprint}", alert, now, over=alert.status == "resolved")

    def expect(self, name: str, alert: NormalizedAlert, now: datetime) -> None:
        """One that is required is waited for from now on."""
        self._note(f"{REQUIRED}{name}", alert, now, over=False)

    def pulses(self) -> tuple[list[Pulse], Item | None]:
        """All of them, and what is known of the watch. One request for every thousand or so."""
        items = list(self._table.query(_PK, consistent=True))
        watch = next((item for item in items if item["sk"] == "WATCH"), None)
        return [pulse for item in items if (pulse := _read(item)) is not None], watch

    def watch(self, before: Item | None, now: datetime) -> datetime:
        """Somebody looks. Since when without a gap."""
        since = now
        if before is not None and now - datetime.fromisoformat(before["looked_at"]) <= GAP:
            since = datetime.fromisoformat(before["since"])
        self._table.put({"pk": _PK, "sk": "WATCH", "looked_at": stamp(now), "since": stamp(since)})
        return since

    def mark(self, pulse: Pulse, absent_since: datetime | None, now: datetime) -> None:
        """People are told of its absence, or of its return."""
        change, values = "SET told_at = :now REMOVE absent_since", {":now": stamp(now)}
        if absent_since is not None:
            change, values = "SET told_at = :now, absent_since = :since", values | {":since": stamp(absent_since)}
        self._table.update(_PK, f"PULSE#{pulse.key}", change, values)

    def forget(self, key: str, by: str, now: datetime) -> bool:
        """It is not expected any more, until it comes again. False when no heartbeat is called so.

        The item stays, so that the audit can end what it said of an absence.
        """
        change = "SET forgotten_at = :now, forgotten_by = :by"
        return self._table.update(_PK, f"PULSE#{key}", change, {":now": stamp(now), ":by": by}) is not None

    def _note(self, key: str, alert: NormalizedAlert, now: datetime, *, over: bool) -> None:
        kept = without_secrets(alert.without_raw()).model_dump_json()
        # One that begins with its end has never beaten: its first time is then as good as any.
        change = "resolved_at = :now, beat_at = if_not_exists(beat_at, :past)" if over else "beat_at = :now"
        values: dict[str, object] = {":now": stamp(now), ":alert": kept, ":expiry": self._table.expiry(now)}
        if over:
            values[":past"] = stamp(now - timedelta(seconds=1))
        self._table.update(
            _PK,
            f"PULSE#{key}",
            f"SET {change}, alert = :alert, expires_at = :expiry"
            + ("" if over else " REMOVE forgotten_at, forgotten_by"),
            values,
            condition="attribute_exists(pk) OR attribute_not_exists(pk)",
        )


def _read(item: Item) -> Pulse | None:
    if not item["sk"].startswith("PULSE#"):
        return None
    known = {name: item[name] for name in _KNOWN if name in item}
    try:
        alert = NormalizedAlert.kept(item["alert"])
        return Pulse(key=item["sk"].removeprefix("PULSE#"), alert=alert, **known)
    except ValidationError:
        logger.exception("a heartbeat cannot be read", key=item["sk"])
        return None
