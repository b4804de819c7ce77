"""A thousand senders of single alerts, a hundred at once, while transactions collide as DynamoDB lets them.

In virtual time the seconds are DynamoDB's and the pauses between tries, without the functions' own time. Against
DynamoDB Local they are those of this machine, whose cores the database, the proxy and all senders share, whereas each
function at AWS has its own. Counts hold in both.
"""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime

from firstline.adapters.dynamodb.incidents import TableIncidents
from firstline.adapters.dynamodb.table import Table
from firstline.incidents.groups import Limits
from firstline.models import Live, NormalizedAlert
from tests.bench.crowd import PLENTY, Outcome, client_of, ingestion, send_at_once, send_virtually
from tests.bench.table import create_table, declared_table
from tests.bench.virtual import CollidingTable, VirtualThreads
from tests.integration.conflicts import colliding
from tests.simulation.table import MemoryDynamoDB
from tests.support.builders import NOON, alert
from tests.support.dynamodb_local import dynamodb_local
from tests.support.memory import MemoryExecutions
from tests.support.needs import NEEDS

SENDERS = 1_000
GROUP = "crowd"
USUAL = Limits(per_minute=30, per_minute_and_alert=5)
FEW = Limits(per_minute=1, per_minute_and_alert=1)


@dataclass
class Crowd:
    """A table, and a crowd of senders in front of it."""

    table: Table
    send: Callable[[list[NormalizedAlert], Limits], Outcome]
    now: Callable[[], datetime]
    senders: int = SENDERS

    def deliver(self, *alerts: NormalizedAlert) -> None:
        """Take in alerts in one delivery, before the crowd comes."""
        ingestion(self.table, MemoryExecutions()).accept(alerts, self.now())

    def live(self, group_key: str = GROUP) -> Live:
        """Return a group's live half.

        Raises
        ------
        RuntimeError
            The group has no incident.
        """
        live = TableIncidents(self.table).live(group_key)
        if live is None:
            raise RuntimeError(f"{group_key} has no incident")
        return live

    def alert(self, number: int, severity: str, group_key: str = GROUP) -> NormalizedAlert:
        """Return an alert with a fingerprint of its own."""
        fingerprint = f"{group_key}-{number}"
        return alert(fingerprint=fingerprint, severity=severity, group_key=group_key, timestamp=self.now())

    # --- what it sends ------------------------------------------------------------------------------------------------

    def joins(self, severity: str) -> Outcome:
        """Let the crowd send alerts of one group whose incident is open."""
        self.deliver(self.alert(self.senders, severity))
        return self.opens(severity)

    def opens(self, severity: str, limits: Limits = PLENTY) -> Outcome:
        """Let the crowd send alerts of one group that has no incident."""
        return self.send([self.alert(number, severity) for number in range(self.senders)], limits)

    def resolves(self) -> Outcome:
        """Let the crowd send the ends of alerts that came in one delivery."""
        alerts = [self.alert(number, "high") for number in range(self.senders)]
        self.deliver(*alerts)
        ended = {"status": "resolved", "ends_at": self.now()}
        return self.send([alert.model_copy(update=ended) for alert in alerts], PLENTY)

    def storm(self, severity: str, limits: Limits = FEW) -> Outcome:
        """Let the crowd send alerts of a group each, nearly all of which join the source's storm."""
        alerts = [self.alert(number, severity, group_key=f"group-{number}") for number in range(self.senders)]
        return self.send(alerts, limits)


KINDS: dict[str, Callable[[Crowd], Outcome]] = {
    "joins, all loud": lambda crowd: crowd.joins("high"),
    "joins, none loud": lambda crowd: crowd.joins("low"),
    "first opening": lambda crowd: crowd.opens("high"),
    "first opening, usual limits": lambda crowd: crowd.opens("high", USUAL),
    "resolves": lambda crowd: crowd.resolves(),
    "storm of low ones": lambda crowd: crowd.storm("low"),
    "storm of loud ones": lambda crowd: crowd.storm("high"),
}


def virtual_crowd(seed: int = 1, senders: int = SENDERS, at_once: int = 100) -> Crowd:
    """Return a crowd in virtual time."""
    threads = VirtualThreads(seed)
    memory = MemoryDynamoDB.from_template(declared_table())
    client = CollidingTable(memory, threads)

    def send(alerts: list[NormalizedAlert], limits: Limits) -> Outcome:
        return send_virtually(client, threads, alerts, at_once=at_once, limits=limits)

    return Crowd(Table(memory, "crowd"), send, lambda: NOON, senders)  # type: ignore[arg-type]


@contextmanager
def crowd(dynamodb: str, senders: int = SENDERS, at_once: int = 100, processes: int = 2) -> Iterator[Crowd]:
    """Yield a crowd before a table of DynamoDB Local, behind a proxy that lets transactions collide."""
    with colliding(dynamodb) as proxy:
        table = create_table(client_of(dynamodb))

        def send(alerts: list[NormalizedAlert], limits: Limits) -> Outcome:
            proxy.conflicts.clear()
            sizes = {"at_once": at_once, "processes": processes}
            outcome = send_at_once(proxy.address, table.name, alerts, limits=limits, **sizes)
            outcome.conflicts = proxy.conflicts
            return outcome

        try:
            yield Crowd(table, send, lambda: datetime.now(UTC), senders)
        finally:
            table._client.delete_table(TableName=table.name)


def rows() -> list[tuple[str, str, str]]:
    """Measure each kind of crowd in virtual time, and return the rows of a table."""
    wanted = "p99 < 2 s, ≤ 1 % refused"
    return [(what, told(send(virtual_crowd())), wanted) for what, send in KINDS.items()]


def rows_on_this_machine() -> list[tuple[str, str, str]]:
    """Measure each kind of crowd against DynamoDB Local, if it is installed, and return the rows of a table."""
    lack = NEEDS["dynamodb-local"]()
    if lack is not None:
        return [("a crowd of senders", f"not measured: {lack}", "")]
    found = []
    with dynamodb_local() as address:
        for what, send in KINDS.items():
            with crowd(address) as senders:
                found.append((what, told(send(senders)), "0 lost"))
    return [*found, ("load of this machine", f"{os.getloadavg()[0]:.1f} on {os.cpu_count()} cores", "")]


def told(outcome: Outcome) -> str:
    """Return the times and counts of a crowd in words."""
    times = ", ".join(f"p{part} {outcome.percentile(part / 100):.2f} s" for part in (50, 99))
    each = outcome.requests.total() / SENDERS
    collided = outcome.conflicts.total() / SENDERS
    return f"{times}; {outcome.lost} lost, {outcome.refused} refused; {each:.1f} requests each, {collided:.1f} collide"
