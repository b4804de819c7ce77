"""A storm of ten thousand alerts of fifty causes in five minutes, five of them critical, and what it must lead to."""

import json
from collections import Counter, defaultdict
from random import Random
from typing import NamedTuple

from firstline.adapters.dynamodb.incidents import TableIncidents
from firstline.adapters.dynamodb.table import Table
from tests.simulation.stored import plain
from tests.simulation.timeline import Alert, Timeline

CAUSES = 50
CRITICAL = 5
ALERTS = 10_000
SECONDS = 300
TOGETHER = 8
"""The most alerts of a cause that its sender puts into one delivery."""

PER_MINUTE = 30
"""The incidents that a source may open in a minute, by the template."""

SEVERITIES = ("medium", "low", "low", "info")
"""The severities of causes that are not critical."""


class Cause(NamedTuple):
    """Something that went wrong, on as many hosts as alerts come of it."""

    name: str
    severity: str


class Delivery(NamedTuple):
    """Alerts of one cause, one for each host, so many seconds after the begin."""

    after: float
    cause: Cause
    hosts: tuple[str, ...]


def causes() -> list[Cause]:
    """Return the causes, the critical ones last."""
    others = [Cause(f"Noise{number:02}", SEVERITIES[number % len(SEVERITIES)]) for number in range(CAUSES - CRITICAL)]
    return [*others, *(Cause(f"Cause{number}", "critical") for number in range(CRITICAL))]


def storm(seed: int, alerts: int = ALERTS) -> list[Delivery]:
    """Draw the deliveries of a storm of so many alerts in their order. No alert comes twice.

    What is not critical begins within a minute, as if a network failed; a critical cause begins at any time.
    """
    random = Random(f"storm {seed}")
    deliveries = []
    for cause in causes():
        begins = random.uniform(0, SECONDS * 0.8 if cause.severity == "critical" else 50)
        left, after = list(range(alerts // CAUSES)), begins
        while left:
            together, left = left[: (size := random.randint(1, TOGETHER))], left[size:]
            hosts = tuple(f"{cause.name.lower()}-{number:03}" for number in together)
            deliveries.append(Delivery(after, cause, hosts))
            after = random.uniform(begins, SECONDS)
    return sorted(deliveries)


def check_pages(alerts: int = ALERTS, *, group_by_host: bool) -> None:
    """Play a storm; raise AssertionError unless executions and pages are few, and all that is critical is paged soon.

    In a group for each cause, all alerts but its first only join. In one for each host, each could begin an incident.
    """
    with Timeline().running() as line:
        began: dict[str, float] = defaultdict(lambda: float("inf"))
        for delivery in storm(1, alerts):
            name, severity = delivery.cause
            firing = [Alert(name, host, severity, service=host if group_by_host else "shop") for host in delivery.hosts]
            line.at(delivery.after).push(*firing, again=(1, 2, 4, 8))
            began[delivery.cause.name] = min(began[delivery.cause.name], delivery.after)
        line.run_until(SECONDS + 60)

        critical = [cause.name for cause in causes() if cause.severity == "critical"]
        assert len(critical) == CRITICAL
        for name in critical:
            line.between(began[name], began[name] + 60).expect_page(name)
        executions = [each._input["incident"]["alert"] for each in line.world.step_functions.executions.values()]
        assert len(executions) <= 55
        assert len(line.pages()) <= 10
        assert set(line.answers) == {202}

        # Each critical name begins an incident of its own; of the others only the first minute's tokens, and one storm.
        assert {alert["alert_name"] for alert in executions} >= set(critical)
        assert sum(alert["severity"] != "critical" for alert in executions) <= PER_MINUTE + 1
        table = TableIncidents(Table(line.world.memory, "firstline-sim"))  # type: ignore[arg-type]
        lives = [live for each in line.stored.lives() if (live := table.live(each.group_key))]
        assert [live.is_storm for live in lives].count(True) == 1
        # What is counted is right: so many alerts of each incident are stored as firing, and so many of those are loud.
        alerts_of = [(each, json.loads(each.item["alert"]["S"])["severity"]) for each in line.stored.alerts()]
        assert all(each.firing and not plain(each.item["held"]) for each, _ in alerts_of)
        assert sum(live.joined for live in lives) == len(alerts_of) == alerts
        stored = Counter(each.incident_id for each, _ in alerts_of)
        assert {live.incident_id: live.firing for live in lives} == stored
        loud = Counter(each.incident_id for each, severity in alerts_of if severity == "critical")
        assert {live.incident_id: live.loud.critical for live in lives if live.loud.critical} == loud
        assert loud.total() == CRITICAL * alerts // CAUSES
