"""The stream of a table in memory: its records as Lambda hands them to a function."""

from copy import deepcopy
from datetime import UTC, datetime
from typing import Any

from firstline.adapters.dynamodb.stream import milestones_in
from firstline.incidents.milestones import Milestone
from local.emulator.events import fits
from tests.simulation.table import MemoryDynamoDB
from tests.support.memory import declared_mapping

AT = datetime(2026, 3, 1, 3, 30, tzinfo=UTC)
"""The time that the stream gives every write."""


class Stream:
    """The stream's records since this object was made that pass the filters of template.yaml."""

    def __init__(self, table: MemoryDynamoDB) -> None:
        self._table = table
        self._images: dict[Any, Any] = {}
        self._number = 0
        self.records: list[dict[str, Any]] = []
        table.on_change.append(self._changed)

    def take(self) -> list[dict[str, Any]]:
        """Return the records since the last call, oldest first."""
        taken, self.records = self.records, []
        return taken

    def milestones(self) -> list[Milestone]:
        """Return the milestones in the records since the last call."""
        return [milestone for record in self.take() for milestone in milestones_in(record)]

    def _changed(self, key: Any, item: Any) -> None:
        if item is None:
            self._images.pop(key, None)
            return
        before = self._images.get(key)
        record = {"eventName": "MODIFY" if before else "INSERT", "eventSource": "aws:dynamodb"}
        told: dict[str, Any] = {"Keys": {name: item[name] for name in ("pk", "sk")}}
        if not any(fits(pattern, record | {"eventName": "MODIFY", "dynamodb": told}) for pattern in declared_mapping()):
            return
        self._images[key] = after = deepcopy(item)
        # What does not change an item is not in a stream.
        if after != before and any(fits(pattern, record | {"dynamodb": told}) for pattern in declared_mapping()):
            self._number += 1
            told |= {"ApproximateCreationDateTime": AT.timestamp(), "SequenceNumber": f"{self._number:021}"}
            told |= {"NewImage": after, **({"OldImage": before} if before else {})}
            self.records.append(record | {"dynamodb": told})
