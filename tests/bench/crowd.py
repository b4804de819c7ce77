"""A crowd of senders of single alerts, each with an ingest of its own, so many at once as a test asks for.

The crowd runs in virtual time (`virtual`) on the simulation's table, or against a server of DynamoDB's API in several
processes, because Python runs one thread of a process at a time.
"""

import multiprocessing
import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import boto3
from botocore.config import Config

from firstline.adapters.aws.clients import SENDER_WAITS
from firstline.adapters.dynamodb.groups import TableGroups
from firstline.adapters.dynamodb.table import Table
from firstline.errors import HistoryUnavailable
from firstline.incidents import lifecycle
from firstline.incidents.groups import Limits
from firstline.ingest.accept import Ingestion, Ports
from firstline.ingest.judge import Judge
from firstline.models import NormalizedAlert
from firstline.policy.holds import Holds
from firstline.policy.rules import NO_RULES
from tests.bench.virtual import CollidingTable, VirtualThreads
from tests.support.builders import NOON
from tests.support.memory import MemoryExecutions

PLENTY = Limits(per_minute=100_000, per_minute_and_alert=100_000)

SENT_AGAIN = 50
"""The number of times that a sender repeats one alert at most."""

COMES_AGAIN = 0.5
"""The seconds before a sender repeats an alert for the first time; each further pause is twice as long."""


@dataclass
class Outcome:
    """The result of a crowd.

    Parameters
    ----------
    seconds
        The time of each answer, refusals included.
    refused
        The number of answers that asked the sender to come again.
    lost
        The number of alerts that were never taken.
    requests, conflicts
        The requests to DynamoDB and those of them that collided, by operation.
    started
        The names of executions that were started.
    """

    seconds: list[float] = field(default_factory=list)
    refused: int = 0
    lost: int = 0
    requests: Counter[str] = field(default_factory=Counter)
    conflicts: Counter[str] = field(default_factory=Counter)
    started: set[str] = field(default_factory=set)

    def __add__(self, other: "Outcome") -> "Outcome":
        return Outcome(
            self.seconds + other.seconds,
            self.refused + other.refused,
            self.lost + other.lost,
            self.requests + other.requests,
            self.conflicts + other.conflicts,
            self.started | other.started,
        )

    def percentile(self, part: float) -> float:
        """Return the seconds within which this fraction of the answers came."""
        return sorted(self.seconds)[min(len(self.seconds) - 1, int(part * len(self.seconds)))]


def ingestion(
    table: Table,
    executions: MemoryExecutions,
    limits: Limits = PLENTY,
    sleep: Callable[[float], None] = time.sleep,
) -> Ingestion:
    """Return ingestion over a table, without rules and without silences."""
    ports = Ports(
        TableGroups(table),
        start=executions.start,
        tell=lambda live: lifecycle.tell(live, executions),
        incident=lambda _: None,
        sleep=sleep,
    )
    return Ingestion(ports, limits, Judge(rules=lambda: NO_RULES, quiet=lambda _: Holds(), zone=UTC))


@dataclass
class Sender:
    """A sender of the crowd. It sends its next alert when the last is taken."""

    accept: Callable[[list[NormalizedAlert], datetime], object]
    now: Callable[[], datetime]
    seconds: Callable[[], float]
    sleep: Callable[[float], None]
    outcome: Outcome

    def send_all(self, alerts: Iterable[NormalizedAlert]) -> None:
        """Send alerts until none is left. Several senders may share the iterator."""
        for alert in alerts:
            self.send(alert)

    def send(self, alert: NormalizedAlert) -> None:
        """Send an alert again and again until it is taken, at most `SENT_AGAIN` times."""
        for again in range(SENT_AGAIN):
            began = self.seconds()
            try:
                self.accept([alert], self.now())
            except HistoryUnavailable:
                self.outcome.refused += 1
            else:
                return
            finally:
                self.outcome.seconds.append(self.seconds() - began)
            self.sleep(COMES_AGAIN * (again + 1))
        self.outcome.lost += 1


# --- in virtual time --------------------------------------------------------------------------------------------------


def send_virtually(
    client: CollidingTable,
    threads: VirtualThreads,
    alerts: Sequence[NormalizedAlert],
    *,
    at_once: int = 100,
    limits: Limits = PLENTY,
) -> Outcome:
    """Send alerts one by one, `at_once` at the same time, in virtual time."""
    random.seed(threads.random.random())
    outcome, executions, left = Outcome(), MemoryExecutions(), iter(alerts)
    client.requests.clear()
    client.conflicts.clear()

    def now() -> datetime:
        return NOON + timedelta(seconds=threads.now)

    def sender() -> None:
        table = Table(client, "crowd", sleep=threads.sleep, chance=threads.random.random)  # type: ignore[arg-type]
        accept = ingestion(table, executions, limits, threads.sleep).accept
        Sender(accept, now, lambda: threads.now, threads.sleep, outcome).send_all(left)

    threads.run([sender] * at_once)
    outcome.requests, outcome.conflicts = client.requests, client.conflicts
    outcome.started = set(executions.started)
    return outcome


# --- against a server -------------------------------------------------------------------------------------------------


def client_of(address: str, connections: int = 10, *, patient: bool = False) -> Any:
    """Return a client as ingest has it, with enough connections for the threads that share it.

    A client for each thread would cost more than all its requests. A `patient` one waits for a DynamoDB Local on a busy
    machine, where only units count.
    """
    config = SENDER_WAITS.merge(Config(max_pool_connections=connections))
    if patient:
        config = config.merge(Config(read_timeout=60))
    return boto3.client("dynamodb", endpoint_url=address, config=config)


def send_at_once(
    address: str,
    table: str,
    alerts: Sequence[NormalizedAlert],
    *,
    at_once: int = 100,
    processes: int = 2,
    limits: Limits = PLENTY,
) -> Outcome:
    """Send alerts one by one, `at_once` at the same time, from several processes."""
    parts = [alerts[number::processes] for number in range(processes)]
    send = partial(_send, address, table, at_once=at_once // processes, limits=limits)
    if processes == 1:
        return send(parts[0])
    with multiprocessing.get_context("spawn").Pool(processes) as pool:
        return sum(pool.map(send, parts, chunksize=1), Outcome())


def _send(address: str, table: str, alerts: Sequence[NormalizedAlert], *, at_once: int, limits: Limits) -> Outcome:
    outcome, executions, client = Outcome(), MemoryExecutions(), client_of(address, at_once)
    client.meta.events.register("before-call.dynamodb", lambda model, **_: outcome.requests.update([model.name]))
    lock, left = threading.Lock(), iter(alerts)
    # One moment for all: on a slow machine, the rate limit's next minute would begin.
    now = datetime.now(UTC)

    def shared() -> Iterable[NormalizedAlert]:
        while True:
            with lock:
                alert = next(left, None)
            if alert is None:
                return
            yield alert

    def send(_: int) -> None:
        accept = ingestion(Table(client, table), executions, limits).accept
        Sender(accept, lambda: now, time.perf_counter, time.sleep, outcome).send_all(shared())

    with ThreadPoolExecutor(at_once) as pool:
        list(pool.map(send, range(at_once)))
    outcome.started = set(executions.started)
    return outcome
