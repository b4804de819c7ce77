"""Items in the order of a key schema: the table itself, or a sparse index of it."""

from bisect import bisect_left, bisect_right, insort
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from tests.simulation.values import Item, Path, ordered, project, size_of_item

type Key = tuple[Any, ...]
"""An item's key in the table, as Python sorts it."""
type Entry = tuple[Item | None, int]
"""An item with its bytes. What is not there is `NOTHING`."""
type Place = tuple[Key, Key]
"""The sort key of an entry, and the key of its item, by which entries of one sort key are told apart."""

NOTHING: Entry = (None, 0)


class Index:
    """The items that have all keys of a schema, or the parts of them that are projected."""

    def __init__(self, declared: Mapping[str, Any], table_keys: Iterable[str] = ()) -> None:
        self.names = [part["AttributeName"] for part in declared["KeySchema"]]
        self.key_names = list(dict.fromkeys([*self.names, *table_keys]))
        projection = declared.get("Projection", {"ProjectionType": "ALL"})
        names = [*self.key_names, *projection.get("NonKeyAttributes", ())]
        self._paths: list[Path] | None = (
            None if projection["ProjectionType"] == "ALL" else [(name,) for name in dict.fromkeys(names)]
        )
        self._partitions: dict[Any, list[Place]] = {}
        self.entries: dict[Key, Entry] = {}

    def key_of(self, item: Item | None) -> Key:
        """Return an entry's key in this index, or nothing."""
        return () if item is None else tuple([ordered(item[name]) for name in self.names])

    def set(self, key: Key, item: Item | None, size: int) -> int:
        """Put, replace or remove the entry of an item. Return the write units that an index costs."""
        old, old_size = self.entries.get(key, NOTHING)
        new, new_size = self._entry(item, size)
        if old == new:
            return 0
        places = 0
        if old is None or new is None or any([old[name] != new[name] for name in self.names]):  # noqa: C419 - faster
            if old is not None:
                partition, *sort = self.key_of(old)
                self._partitions[partition].remove((tuple(sort), key))
                del self.entries[key]
                places += 1
            if new is not None:
                partition, *sort = self.key_of(new)
                insort(self._partitions.setdefault(partition, []), (tuple(sort), key))
                places += 1
        if new is not None:
            self.entries[key] = new, new_size
        return write_units(max(old_size, new_size)) * max(1, places)

    def _entry(self, item: Item | None, size: int) -> Entry:
        if item is None or any([name not in item for name in self.names]):  # noqa: C419 - faster
            return NOTHING
        if self._paths is None:
            return item, size
        projected = project(item, self._paths)
        return projected, size_of_item(projected)

    def is_empty(self, partition: Mapping[str, Any] | None, catch_up: Callable[[], object]) -> bool:
        """Tell whether a partition surely has no entry: most that reconcile asks for have none."""
        catch_up()
        text = (partition or {}).get("S")
        return bool(text) and not self._partitions.get(text)

    def between(self, partition: Any, conditions: Iterable[tuple[str, list[Any]]]) -> list[Place]:
        """Return the places in a partition for which each operator holds between the sort key and its values."""
        places = self._partitions.get(partition, [])
        low, high = 0, len(places)
        for op, values in conditions:
            first, last = (values[0],), (values[-1],)
            if op == "begins_with":
                length = len(values[0])
                low = bisect_left(places, values[0], key=lambda place: place[0][0][:length])
                high = bisect_right(places, values[0], key=lambda place: place[0][0][:length])
            if op in {"=", ">=", "BETWEEN"}:
                low = bisect_left(places, first, key=_sort_key)
            if op == ">":
                low = bisect_right(places, first, key=_sort_key)
            if op in {"=", "<=", "BETWEEN"}:
                high = bisect_right(places, last, key=_sort_key)
            if op == "<":
                high = bisect_left(places, first, key=_sort_key)
        return places[low:high]


def write_units(size: int) -> int:
    """Return one unit for each started KB, at least one."""
    return max(1, -(-size // 1024))


def _sort_key(place: Place) -> Key:
    return place[0]
