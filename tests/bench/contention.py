"""A thousand senders of single alerts, a hundred at once, while transactions collide as DynamoDB lets them.

Seconds are those of this machine, whose cores DynamoDB Local, the proxy and all senders share: each sender has a
hundredth of two cores here, and a Lambda function of its own at AWS. Counts hold anywhere.
"""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime

from firstline.adapters.dynamodb.incidents import TableIncidents
from firstline.adapters.dynamodb.table import Table
from firstline.incidents.store import Limits
from firstline.models import Live, NormalizedAlert
from tests.bench.crowd import PLENTY, Outcome, client_of, ingestion, send_at_once
from tests.bench.table import create_table
from tests.integration.conflicts import Proxy, colliding
from tests.support.builders import alert
from tests.support.dynamodb_local import dynamodb_local
from tests.support.memory import MemoryExecutions
from tests.support.needs import NEEDS

SENDERS = 1_000
GROUP = "crowd"


@dataclass
class Crowd:
    """A table behind the proxy, and a crowd that sends to it."""

    proxy: Proxy
    table: Table
    senders: int = SENDERS
    at_once: int = 100
    processes: int = 2

    def send(self, alerts: list[NormalizedAlert], limits: Limits = PLENTY) -> Outcome:
        """Let the crowd send these alerts, one each."""
        return send_at_once(
            self.proxy.address,
            self.table.name,
            alerts,
            at_once=self.at_once,
            processes=self.processes,
            limits=limits,
        )

    def deliver(self, *alerts: NormalizedAlert) -> None:
        """Send alerts in one delivery."""
        ingestion(self.table, MemoryExecutions()).accept(alerts, datetime.now(UTC))

    def live(self, group_key: str = GROUP) -> Live:
        """Return a group's live half."""
        live = TableIncidents(self.table).live(group_key)
        assert live is not None  # noqa: S101 - a crowd opened it
        return live

    # --- what it sends ------------------------------------------------------------------------------------------------

    def joins(self, severity: str) -> Outcome:
        """Send alerts of a group whose incident is open."""
        self.deliver(_alert(SENDERS, severity))
        return self.send([_alert(number, severity) for number in range(self.senders)])

    def opens(self, severity: str, limits: Limits = PLENTY) -> Outcome:
        """Send alerts of a group that does not exist."""
        return self.send([_alert(number, severity) for number in range(self.senders)], limits)

    def resolves(self) -> Outcome:
        """Send the ends of alerts that came in one delivery."""
        alerts = [_alert(number, "high") for number in range(self.senders)]
        self.deliver(*alerts)
        ended = {"status": "resolved", "ends_at": datetime.now(UTC)}
        return self.send([alert.model_copy(update=ended) for alert in alerts])

    def storm(self, severity: str, limits: Limits) -> Outcome:
        """Send alerts of as many groups, of which the source's storm takes nearly all."""
        alerts = [_alert(number, severity, group_key=f"group-{number}") for number in range(self.senders)]
        return self.send(alerts, limits)


@contextmanager
def crowd(dynamodb: str, **sizes: int) -> Iterator[Crowd]:
    """Put the proxy before DynamoDB, create the table, and yield a crowd."""
    with colliding(dynamodb) as proxy:
        yield Crowd(proxy, create_table(client_of(proxy.address, 10)), **sizes)


def rows() -> list[tuple[str, str, str]]:
    """Measure each kind of a crowd; needs DynamoDB Local."""
    lack = NEEDS["dynamodb-local"]()
    if lack is not None:
        return [("a crowd of senders", f"not measured: {lack.what}", "")]
    found = []
    few = Limits(per_minute=1, per_minute_and_alert=1)
    for what, send in {
        "joins, all loud": lambda crowd: crowd.joins("high"),
        "joins, none loud": lambda crowd: crowd.joins("low"),
        "first opening": lambda crowd: crowd.opens("high"),
        "first opening, usual limits": lambda crowd: crowd.opens("high", Limits(30, 5)),
        "resolves": lambda crowd: crowd.resolves(),
        "storm of low ones": lambda crowd: crowd.storm("low", few),
        "storm of loud ones": lambda crowd: crowd.storm("high", few),
    }.items():
        if len(sys.argv) > 1 and not any(word in what for word in sys.argv[1:]):
            continue
        with dynamodb_local() as address, crowd(address) as senders:
            outcome = send(senders)
            found.append((what, _told(outcome, senders.proxy), "0 lost, ≤ 10 refused, p99 < 2 s"))
    found.append(("load of the machine, of two cores", f"{os.getloadavg()[0]:.1f}", ""))
    return found


def _told(outcome: Outcome, proxy: Proxy) -> str:
    times = ", ".join(f"p{part} {outcome.percentile(part / 100):.2f} s" for part in (50, 99))
    each = outcome.requests.total() / SENDERS
    collided = proxy.conflicts.total()
    return f"{times}; {outcome.lost} lost, {outcome.refused} refused; {each:.1f} requests each, {collided} conflicts"


def _alert(number: int, severity: str, group_key: str = GROUP) -> NormalizedAlert:
    return alert(
        fingerprint=f"{group_key}-{number}", severity=severity, group_key=group_key, timestamp=datetime.now(UTC)
    )


if __name__ == "__main__":
    for row in rows():
        print(*row, sep=" | ")
