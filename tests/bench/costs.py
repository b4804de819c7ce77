"""The requests and write units that an alert costs in the table, for groups of any size.

Write units are those that the simulation's table counts. DynamoDB Local counts the same for the table itself, and four
for each index entry that a transaction writes, which is more than the documentation says.
"""

import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from firstline.adapters.dynamodb.table import Table
from firstline.ingest.accept import WRITE_WITHIN
from firstline.models import NormalizedAlert
from tests.bench.crowd import client_of, ingestion
from tests.bench.table import create_table, declared_table
from tests.simulation.table import MemoryDynamoDB
from tests.support.builders import alert, at
from tests.support.dynamodb_local import dynamodb_local
from tests.support.memory import MemoryExecutions
from tests.support.needs import NEEDS

DUPLICATE, NEW, JOIN, RESOLVE = "duplicate", "new group", "join", "resolve"
LIMITS = {DUPLICATE: 1, NEW: 3, JOIN: 3, RESOLVE: 3}
"""The most requests to DynamoDB that each kind of alert may take."""

SIZES = (1, 5_000, 20_000)


@dataclass
class Cost:
    """The cost of a delivery: requests, writes in its transactions, write units, and executions that it started.

    `left` counts the alerts for which there was no time, which go to the backlog queue.
    """

    requests: Counter[str] = field(default_factory=Counter)
    writes: int = 0
    write_units: float = 0
    started: int = 0
    left: int = 0

    @property
    def total(self) -> int:
        """Return the number of requests."""
        return self.requests.total()


class CountingClient:
    """A DynamoDB client that adds up what its requests cost, as the table in memory counts or DynamoDB Local says."""

    def __init__(self, client: Any) -> None:
        self._client = client
        self.cost = Cost()

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._client, name)
        if name in ("exceptions", "meta"):
            return method

        def call(**request: Any) -> Any:
            self.cost.requests[name] += 1
            self.cost.writes += len(request.get("TransactItems", ()))
            if isinstance(self._client, MemoryDynamoDB):
                before = self._client.write_units.total()
                answer = method(**request)
                self.cost.write_units += self._client.write_units.total() - before
                return answer
            answer = method(**request, ReturnConsumedCapacity="INDEXES")
            if name not in ("get_item", "batch_get_item", "query"):
                self.cost.write_units += _units(answer.get("ConsumedCapacity", ()))
            return answer

        return call


class Door:
    """Ingestion over a table, with the cost of each delivery."""

    def __init__(self, client: Any, name: str) -> None:
        self.client = CountingClient(client)
        self.executions = MemoryExecutions()
        self.table = Table(self.client, name, sleep=lambda _: None)  # type: ignore[arg-type]
        self._ingestion = ingestion(self.table, self.executions, sleep=lambda _: None)

    def send(self, *alerts: NormalizedAlert, now: datetime | None = None, within: float | None = None) -> Cost:
        """Send a delivery and return what it cost."""
        cost = self.client.cost = Cost()
        self.executions.starts.clear()
        cost.left = len(self._ingestion.accept(alerts, now or at(1), within=within).left)
        cost.started = len(self.executions.started)
        return cost


def door_in_memory() -> Door:
    """Return ingestion over the simulation's table."""
    return Door(MemoryDynamoDB.from_template(declared_table()), "memory")


def many(count: int, **what: Any) -> list[NormalizedAlert]:
    """Return so many different alerts of one group."""
    return [alert(fingerprint=f"many-{number:05}", host=f"web-{number}", **what) for number in range(count)]


def measure(door: Door, size: int) -> dict[str, Cost]:
    """Return the cost of each kind of alert for a group that has so many alerts."""
    group = f"group-of-{size}"
    door.send(*many(size, group_key=group), now=at(0))
    known = alert(fingerprint="many-00000", host="web-0", group_key=group)
    ended = known.model_copy(update={"status": "resolved", "timestamp": at(1), "ends_at": at(1)})
    return {
        DUPLICATE: door.send(known),
        NEW: door.send(alert(fingerprint="first", group_key=f"beside-{size}")),
        JOIN: door.send(alert(fingerprint="another", group_key=group)),
        RESOLVE: door.send(ended),
    }


def rows() -> list[tuple[str, str, str]]:
    """Count the cost of an alert on the simulation's table and on DynamoDB Local, and return the rows of a table."""
    memory = _measured(door_in_memory)
    if NEEDS["dynamodb-local"]() is not None:
        return _rows(memory, memory)
    with dynamodb_local("1g") as address:
        table = create_table(client_of(address))
        door = Door(client_of(address), table.name)
        return [*_rows(memory, _measured(lambda: door)), *_delivery(door)]


def _delivery(door: Door) -> list[tuple[str, str, str]]:
    """Measure a delivery of 5,000 alerts on DynamoDB Local, without a limit of time and with that of HTTP."""
    found = []
    for what, within in {"no limit": None, f"{WRITE_WITHIN:g} s for writes": WRITE_WITHIN}.items():
        alerts = many(5_000, group_key=f"big-{what}")
        began = time.perf_counter()
        cost = door.send(*alerts, within=within)
        seconds = time.perf_counter() - began
        measured = f"{seconds:.1f} s, {cost.requests['transact_write_items']} transactions, {cost.left:,} for the queue"
        found.append((f"5,000 alerts of one group in one delivery, {what}", measured, "≤ 4 s"))
    return found


def _measured(door: Callable[[], Door]) -> dict[int, dict[str, Cost]]:
    return {size: measure(door(), size) for size in SIZES}


def _rows(memory: dict[int, dict[str, Cost]], local: dict[int, dict[str, Cost]]) -> list[tuple[str, str, str]]:
    found = []
    for size, costs in memory.items():
        for kind, cost in costs.items():
            start = f" and {cost.started} StartExecution" if cost.started else ""
            units = f"{cost.write_units:g} write units ({local[size][kind].write_units:g} by DynamoDB Local)"
            found.append((f"{kind}, group of {size:,}", f"{cost.total} requests{start}, {units}", f"≤ {LIMITS[kind]}"))
    return found


def _units(consumed: Any) -> float:
    parts = consumed if isinstance(consumed, list) else [consumed]
    total = 0.0
    for part in parts:
        with suppress(KeyError, TypeError):
            total += part["CapacityUnits"]
    return total
