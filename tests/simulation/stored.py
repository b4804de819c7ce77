"""What the table holds, as the oracle reads it: live halves, alerts and the ends of incidents."""

import json
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
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


@dataclass
class Stored:
    """A reader of the table's items, past the client: it costs nothing and meets no fault."""

    memory: MemoryDynamoDB
    _names: dict[tuple[str, str], Key] = field(default_factory=dict)
    _places: dict[Key, Any] = field(default_factory=dict)
    _ended: set[str] = field(default_factory=set)

    def _items(self) -> Iterator[Mapping[str, Any]]:
        for item, _ in self.memory._table.entries.values():
            if item is not None:
                yield item

    def lives(self) -> list[StoredLive]:
        """Return every live half, with its shards added."""
        shards: dict[str, list[Mapping[str, Any]]] = defaultdict(list)
        found = []
        for item in self._items():
            key = item["sk"]["S"]
            if key == "LIVE":
                found.append(item)
            elif key.startswith("SHARD#"):
                shards[item["pk"]["S"].removeprefix("INCIDENT#")].append(item)
        lives = []
        for item in found:
            incident = plain(item.get("incident_id")) or ""
            parts = [item, *(shards[incident] if "shards" in item else [])]
            lives.append(
                StoredLive(
                    item["pk"]["S"].removeprefix("GROUP#"),
                    incident,
                    plain(item.get("status")) == "OPEN",
                    plain(item.get("generation")) or 1,
                    sum(plain(part.get("firing")) or 0 for part in parts),
                    sum(plain(part.get("joined")) or 0 for part in parts),
                    item,
                )
            )
        return lives

    def alerts(self) -> list[StoredAlert]:
        """Return every alert of every group."""
        found = []
        for item in self._items():
            if item["sk"]["S"].startswith("ALERT#") and item["pk"]["S"].startswith("GROUP#"):
                found.append(self._stored(item))
        return found

    def alert(self, key: Key) -> StoredAlert | None:
        """Return one alert as it is stored, or None."""
        place = self._places.get(key)
        if place is None:
            return next((alert for alert in self.alerts() if alert.key == key), None)
        item, _ = self.memory._table.entries.get(place, (None, 0))
        return self._stored(item) if item is not None else None

    def _stored(self, item: Mapping[str, Any]) -> StoredAlert:
        return StoredAlert(
            self._key_of({**item}),
            bool(plain(item.get("firing"))),
            plain(item.get("incident_id")) or "",
            plain(item.get("live_key")) or "",
            item,
        )

    def _key_of(self, item: Mapping[str, Any]) -> Key:
        place = item["pk"]["S"], item["sk"]["S"]
        if place not in self._names:
            alert = json.loads(item["alert"]["S"])
            self._names[place] = key = Key(alert["source"], alert["alert_name"], alert.get("host") or "")
            self._places[key] = self.memory._table.key_of({**item})
        return self._names[place]

    def closed(self) -> dict[str, datetime]:
        """Return when each closed incident was closed."""
        return {
            item["pk"]["S"].removeprefix("INCIDENT#"): datetime.fromisoformat(plain(item["closed_at"]))
            for item in self._items()
            if item["sk"]["S"] == "INCIDENT" and "closed_at" in item and item["pk"]["S"].startswith("INCIDENT#")
        }

    def ends(self) -> Iterator[tuple[str, str, Mapping[str, Any]]]:
        """Yield the incidents that were closed since the last time: id, outcome, and the live half at that moment."""
        for item in self._items():
            if item["sk"]["S"] == "INCIDENT" and "outcome" in item and "live" in item:
                incident = item["pk"]["S"].removeprefix("INCIDENT#")
                if incident not in self._ended:
                    self._ended.add(incident)
                    yield incident, plain(item["outcome"]), json.loads(item["live"]["S"])
