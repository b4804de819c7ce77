"""Faster transactions on moto's DynamoDB.

moto 5.2.5 copies the whole table for each item of a transaction, to be able to roll it back, which takes seconds in a
storm. Here a transaction copies only the items that it names.
"""

import copy
from collections import defaultdict
from collections.abc import Mapping
from typing import Any

from moto.dynamodb.models import DynamoDBBackend
from moto.dynamodb.models.dynamo_type import DynamoType

_transact_on_whole_tables = DynamoDBBackend.transact_write_items


def install() -> None:
    """Make moto's DynamoDB in this process use `transact`."""
    setattr(DynamoDBBackend, "transact_write_items", transact)  # noqa: B010


def transact(self: Any, transact_items: list[dict[str, Any]]) -> None:
    """Make all writes of a transaction or none, with moto's own code on tables that have only the named items.

    No other thread may use the backend meanwhile.
    """
    operations = [operation for item in transact_items for operation in item.values()]
    wholes = {name: self.tables[name] for name in _tables_of(operations) if name in self.tables}
    named = {name: _keys_of(operations, name, whole) for name, whole in wholes.items()}
    parts = {name: _part_of(whole, named[name]) for name, whole in wholes.items()}
    streams = {name: whole.stream_shard for name, whole in wholes.items() if whole.stream_shard is not None}
    before = {name: len(shard.items) for name, shard in streams.items()}
    self.tables.update(parts)
    try:
        _transact_on_whole_tables(self, transact_items)
        for name, part in parts.items():
            _merge(part, wholes[name], named[name])
    except Exception:
        # moto has put into the stream the writes before the one whose condition did not hold.
        for name, shard in streams.items():
            del shard.items[before[name] :]
        raise
    finally:
        self.tables.update(wholes)


def _tables_of(operations: list[Mapping[str, Any]]) -> set[str]:
    return {str(operation.get("TableName")) for operation in operations}


def _keys_of(operations: list[Mapping[str, Any]], name: str, table: Any) -> list[tuple[Any, Any]]:
    keys = []
    for operation in operations:
        given = operation.get("Item") or operation.get("Key") or {}
        if operation.get("TableName") == name and table.hash_key_attr in given:
            range_key = given.get(table.range_key_attr)
            keys.append((DynamoType(given[table.hash_key_attr]), DynamoType(range_key) if range_key else None))
    return keys


def _part_of(table: Any, keys: list[tuple[Any, Any]]) -> Any:
    part = copy.copy(table)
    part.items = defaultdict(dict)
    for key in keys:
        _put(part, key, copy.deepcopy(_item(table, key)))
    part.__deepcopy__ = lambda _: table  # what moto puts back if the transaction is cancelled
    return part


def _merge(part: Any, table: Any, keys: list[tuple[Any, Any]]) -> None:
    for key in keys:
        _put(table, key, _item(part, key))


def _item(table: Any, key: tuple[Any, Any]) -> Any:
    hash_key, range_key = key
    found = table.items.get(hash_key)
    return found if range_key is None or found is None else found.get(range_key)


def _put(table: Any, key: tuple[Any, Any], item: Any) -> None:
    """Store an item in one of moto's tables under a key (hash, range or None); for no item, delete what is there."""
    hash_key, range_key = key
    items, last = (table.items, hash_key) if range_key is None else (table.items[hash_key], range_key)
    if item is not None:
        items[last] = item
    else:
        items.pop(last, None)
