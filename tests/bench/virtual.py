"""Threads in virtual time, of which one runs at a time, and a table that takes that time and collides.

A crowd at AWS waits for DynamoDB: for requests, for transactions that collide, and between two tries. Only these take
time here, so the seconds are the same on every machine and for every run of a seed. The functions' own time is left
out.
"""

import heapq
import threading
from collections import Counter
from collections.abc import Callable, Sequence
from random import Random
from typing import Any

from botocore.exceptions import ClientError

from tests.simulation.table import MemoryDynamoDB

READ_SECONDS = 0.004
WRITE_SECONDS = 0.006
TRANSACTION_SECONDS = 0.010
"""The seconds of a transaction within DynamoDB's region. It holds its items for the whole of its time."""

WRITES = ("put_item", "update_item", "delete_item")
_CONFLICT = "Transaction is ongoing for the item"

type ItemKey = tuple[str, str]


class VirtualThreads:
    """Threads that sleep in virtual time. That whose sleep ends first runs next, until it sleeps again.

    A thread that begins to sleep wakes the next one itself: a dispatcher in between would double the changes of
    threads, which take most of the time of a crowd.
    """

    def __init__(self, seed: int = 1) -> None:
        self.now = 0.0
        self.random = Random(seed)
        self._paused: list[tuple[float, float, int, threading.Lock]] = []
        self._number = 0
        self._errors: list[BaseException] = []

    def sleep(self, seconds: float) -> None:
        """Let the calling thread sleep for so many virtual seconds."""
        mine = _taken()
        self._pause(seconds, mine)
        self._wake_next()
        mine.acquire()

    def run(self, works: Sequence[Callable[[], None]]) -> None:
        """Run pieces of work at once until the last has ended; raise the first error of any."""
        threads = [self._thread(work) for work in works]
        self._wake_next()
        for thread in threads:
            thread.join()
        if self._errors:
            raise self._errors[0]

    def _thread(self, work: Callable[[], None]) -> threading.Thread:
        begin = _taken()
        self._pause(0, begin)

        def body() -> None:
            begin.acquire()
            try:
                work()
            except BaseException as error:  # noqa: BLE001 - raised by `run`, in the thread that waits
                self._errors.append(error)
            finally:
                self._wake_next()

        thread = threading.Thread(target=body, daemon=True)
        thread.start()
        return thread

    def _pause(self, seconds: float, lock: threading.Lock) -> None:
        self._number += 1
        heapq.heappush(self._paused, (self.now + seconds, self.random.random(), self._number, lock))

    def _wake_next(self) -> None:
        """Go to the end of the sleep that ends first, and wake its thread, which may be the calling one."""
        if self._paused:
            self.now, _, _, lock = heapq.heappop(self._paused)
            lock.release()


def _taken() -> threading.Lock:
    """Return a lock that is taken: whoever acquires it waits until another thread releases it."""
    lock = threading.Lock()
    lock.acquire()
    return lock


class CollidingTable:
    """A client of the simulation's table whose requests take virtual time and whose transactions collide.

    `requests` and `conflicts` count by operation.
    """

    def __init__(self, memory: MemoryDynamoDB, threads: VirtualThreads) -> None:
        self.memory = memory
        self.requests: Counter[str] = Counter()
        self.conflicts: Counter[str] = Counter()
        self._threads = threads
        self._held: set[ItemKey] = set()

    def __getattr__(self, name: str) -> Any:
        method = getattr(self.memory, name)
        if name in ("exceptions", "meta"):
            return method

        def call(**request: Any) -> Any:
            self.requests[name] += 1
            if name == "transact_write_items":
                return self._transact(**request)
            self._sleep(WRITE_SECONDS if name in WRITES else READ_SECONDS)
            if name in WRITES and item_key(request) in self._held:
                raise self._conflict(name, self.memory.error("TransactionConflictException", _CONFLICT, name))
            return method(**request)

        return call

    def _transact(self, **request: Any) -> Any:
        keys = [item_key(part) for write in request["TransactItems"] for part in write.values()]
        if self._held.intersection(keys):
            conflict = {"Code": "TransactionConflict", "Message": _CONFLICT}
            reasons = [conflict if key in self._held else {"Code": "None"} for key in keys]
            self._sleep(WRITE_SECONDS)
            raise self._conflict("transact_write_items", self.memory.cancelled(reasons))
        self._held.update(keys)
        try:
            self._sleep(TRANSACTION_SECONDS)
            return self.memory.transact_write_items(**request)
        finally:
            self._held.difference_update(keys)

    def _conflict(self, operation: str, error: ClientError) -> ClientError:
        self.conflicts[operation] += 1
        return error

    def _sleep(self, seconds: float) -> None:
        """Sleep a little less or more than usual, so that requests do not march in step."""
        self._threads.sleep(seconds * self._threads.random.uniform(0.8, 1.4))


def item_key(request: dict[str, Any]) -> ItemKey:
    """Return the key of the item that a write, or a part of a transaction, is about."""
    attributes = request.get("Key") or request["Item"]
    return attributes["pk"]["S"], attributes["sk"]["S"]
