"""The content of the table, as the oracle reads it: live halves, alerts and the ends of incidents."""

import json
from collections import defaultdict
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any, NamedTuple

from tests.simulation.door import Key
from tests.simulation.table import MemoryDynamoDB


class StoredLive(NamedTuple):
    """The live half of an incident, as its item says."""

    group_key: str
    incident_id: str
    is_open: bool
    generation: int
    firing: int
    joined: int
    item: Mapping[str, Any]


class StoredAlert(NamedTuple):
    """An alert, as its item says."""

    key: Key
    firing: bool
    incident_id: str
    live_key: str
    item: Mapping[str, Any]


def plain(value: Mapping[str, Any] | None) -> Any:
    """Return an attribute's plain value."""
    if value is None:
        return None
    ((kind, content),) = value.items()
    return int(float(content)) if kind == "N" else content


class Stored:
    """A reader of the table's items, past the client: it costs nothing and meets no fault."""

    def __init__(self, memory: MemoryDynamoDB) -> None:
        self.memory = memory
        self._places: dict[Key, Any] = {}
        self._ended: set[str] = set()
        self._heads: dict[Any, Mapping[str, Any]] = {}
        self._lives: dict[Any, Mapping[str, Any]] = {}
        self._shards: dict[Any, Mapping[str, Any]] = {}
        self._alerts: dict[Any, StoredAlert] = {}
        self._read: list[StoredLive] | None = None
        self.wrong: list[str] = []
        """What no write may ever do, in words: it is seen at the write itself."""
        memory.on_change.append(self._changed)

    def _changed(self, key: Any, item: Mapping[str, Any] | None) -> None:
        pk, sk = key
        if sk == "INCIDENT" and pk.startswith("INCIDENT#"):
            _keep(self._heads, key, item)
        elif sk == "LIVE" or sk.startswith("SHARD#"):
            if sk == "LIVE":
                self._check_live(self._lives.get(key), item)
            _keep(self._lives if sk == "LIVE" else self._shards, key, item)
            self._read = None
        elif sk.startswith("ALERT#") and pk.startswith("GROUP#"):
            before, after = self._alerts.get(key), None if item is None else self._stored(key, item)
            _keep(self._alerts, key, after)
            if after is not None and after.firing:
                self._check_entry(before, after)

    def _check_live(self, before: Mapping[str, Any] | None, after: Mapping[str, Any] | None) -> None:
        """Note an incident that takes the place of one that is open."""
        was, now = plain((before or {}).get("incident_id")), plain((after or {}).get("incident_id"))
        if before is not None and was != now and plain(before.get("status")) == "OPEN":
            self.wrong.append(f"{now} took the place of {was}, which is open")

    def _check_entry(self, before: StoredAlert | None, after: StoredAlert) -> None:
        """Note an alert that begins to fire in an incident that is over."""
        head = self._heads.get((f"INCIDENT#{after.incident_id}", "INCIDENT"), {})
        knew = before is not None and before.firing and before.incident_id == after.incident_id
        if "closed_at" in head and not knew:
            self.wrong.append(f"{after.key} began to fire in {after.incident_id}, which is over")

    def _items(self) -> Iterator[Mapping[str, Any]]:
        for item, _ in self.memory._table.entries.values():
            if item is not None:
                yield item

    def lives(self) -> list[StoredLive]:
        """Return every live half, with its shards added."""
        if self._read is None:
            shards: dict[str, list[Mapping[str, Any]]] = defaultdict(list)
            for (pk, _), item in self._shards.items():
                shards[pk.removeprefix("INCIDENT#")].append(item)
            self._read = [_live(item, shards) for item in self._lives.values()]
        return [*self._read]

    def alerts(self) -> list[StoredAlert]:
        """Return every alert of every group."""
        return [*self._alerts.values()]

    def alert(self, key: Key) -> StoredAlert | None:
        """Return one alert as it is stored, or None."""
        return self._alerts.get(self._places.get(key))

    def _stored(self, place: Any, item: Mapping[str, Any]) -> StoredAlert:
        known = self._alerts.get(place)
        if known is None:
            alert = json.loads(item["alert"]["S"])
            key = Key(alert["source"], alert["alert_name"], alert.get("host") or "")
            self._places[key] = place
        else:
            key = known.key
        return StoredAlert(
            key,
            bool(plain(item.get("firing"))),
            plain(item.get("incident_id")) or "",
            plain(item.get("live_key")) or "",
            item,
        )

    def closed(self) -> dict[str, datetime]:
        """Return when each closed incident was closed."""
        return {
            pk.removeprefix("INCIDENT#"): datetime.fromisoformat(plain(item["closed_at"]))
            for (pk, _), item in self._heads.items()
            if "closed_at" in item
        }

    def ends(self) -> Iterator[tuple[str, str, Mapping[str, Any]]]:
        """Yield the incidents that were closed since the last time: id, outcome, and the live half at that moment."""
        for (pk, _), item in self._heads.items():
            incident = pk.removeprefix("INCIDENT#")
            if "outcome" in item and "live" in item and incident not in self._ended:
                self._ended.add(incident)
                yield incident, plain(item["outcome"]), json.loads(item["live"]["S"])


def _keep[T](items: dict[Any, T], key: Any, item: T | None) -> None:
    if item is None:
        items.pop(key, None)
    else:
        items[key] = item


def _live(item: Mapping[str, Any], shards: Mapping[str, list[Mapping[str, Any]]]) -> StoredLive:
    incident = plain(item.get("incident_id")) or ""
    parts = [item, *(shards.get(incident, ()) if "shards" in item else ())]
    return StoredLive(
        item["pk"]["S"].removeprefix("GROUP#"),
        incident,
        plain(item.get("status")) == "OPEN",
        plain(item.get("generation")) or 1,
        sum(plain(part.get("firing")) or 0 for part in parts),
        sum(plain(part.get("joined")) or 0 for part in parts),
        item,
    )
