"""A crowd of senders, each with one alert at a time, in several processes: Python runs one of its threads at a time.

The clients of a process share their connections, because a client of its own costs each thread more than its requests.
"""

import multiprocessing
import os
import time
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from typing import Any

import boto3
from botocore.config import Config

from firstline.adapters.aws.clients import SENDER_WAITS
from firstline.adapters.dynamodb.groups import TableGroups
from firstline.adapters.dynamodb.table import Table
from firstline.errors import HistoryUnavailable
from firstline.incidents import lifecycle
from firstline.incidents.store import Limits
from firstline.ingest.accept import Ingestion, Ports
from firstline.ingest.judge import Judge
from firstline.models import NormalizedAlert
from firstline.policy.holds import Holds
from firstline.policy.rules import NO_RULES
from tests.support.memory import MemoryExecutions

PLENTY = Limits(per_minute=100_000, per_minute_and_alert=100_000)

SENT_AGAIN = 50
"""The most times that a sender repeats one alert. Each waits a little longer than before."""


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
    requests
        The requests to DynamoDB by operation.
    started
        The names of executions that were started.
    """

    seconds: list[float] = field(default_factory=list)
    refused: int = 0
    lost: int = 0
    requests: Counter[str] = field(default_factory=Counter)
    started: set[str] = field(default_factory=set)

    def __add__(self, other: "Outcome") -> "Outcome":
        return Outcome(
            self.seconds + other.seconds,
            self.refused + other.refused,
            self.lost + other.lost,
            self.requests + other.requests,
            self.started | other.started,
        )

    def percentile(self, part: float) -> float:
        """Return the seconds within which this part of the answers came."""
        return sorted(self.seconds)[min(len(self.seconds) - 1, int(part * len(self.seconds)))]


def ingestion(table: Table, executions: MemoryExecutions, limits: Limits = PLENTY) -> Ingestion:
    """Return ingestion over a table, without rules and silences."""
    ports = Ports(
        TableGroups(table),
        start=executions.start,
        tell=lambda live: lifecycle.tell(live, executions),
        incident=lambda _: None,
    )
    return Ingestion(ports, limits, Judge(rules=lambda: NO_RULES, quiet=lambda _: Holds(), zone=UTC))


def client_of(address: str, connections: int) -> Any:
    """Return a client as ingest has it, with enough connections."""
    config = SENDER_WAITS.merge(Config(max_pool_connections=connections))
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
    """Send alerts one by one, so many at once, and return what came of it."""
    parts = [list(alerts[number::processes]) for number in range(processes)]
    send = partial(_send, address, table, at_once=at_once // processes, limits=limits)
    if processes == 1:
        return send(parts[0])
    context = multiprocessing.get_context("spawn")
    with context.Pool(processes) as pool:
        pool.map(_warm, range(processes * 4), chunksize=1)
        return sum(pool.map(send, parts, chunksize=1), Outcome())


def _warm(_: int) -> int:
    """Let each process import its modules before anything is measured."""
    time.sleep(0.1)
    return os.getpid()


def _send(address: str, table: str, alerts: Sequence[NormalizedAlert], *, at_once: int, limits: Limits) -> Outcome:
    outcome, executions, client = Outcome(), MemoryExecutions(), client_of(address, at_once)
    client.meta.events.register("before-call.dynamodb", lambda model, **_: outcome.requests.update([model.name]))
    accept = ingestion(Table(client, table), executions, limits).accept

    def send(alert: NormalizedAlert) -> None:
        for again in range(SENT_AGAIN):
            began = time.perf_counter()
            try:
                accept([alert], datetime.now(UTC))
            except HistoryUnavailable:
                outcome.refused += 1
                outcome.seconds.append(time.perf_counter() - began)
                time.sleep(0.1 * again)
            else:
                outcome.seconds.append(time.perf_counter() - began)
                return
        outcome.lost += 1

    with ThreadPoolExecutor(at_once) as pool:
        list(pool.map(send, alerts))
    outcome.started = set(executions.started)
    return outcome
