"""A storm through the whole of Firstline: few executions and pages, each critical cause by its name, right counts."""

import json
from collections import Counter, defaultdict

import pytest

from firstline.adapters.dynamodb.incidents import TableIncidents
from firstline.adapters.dynamodb.table import Table
from tests.simulation.stored import plain
from tests.simulation.storm import ALERTS, CRITICAL, SECONDS, causes, storm
from tests.simulation.timeline import Alert, Timeline

PER_MINUTE = 30
"""The incidents that a source may open in a minute, by the template."""


# In a group for each cause, all alerts but its first only join. In one for each host, each could begin an incident.
@pytest.mark.parametrize("group_by_host", [False, True], ids=["a group for each cause", "a group for each host"])
def test_ten_thousand_alerts_of_fifty_causes_page_each_critical_cause_once_and_soon(*, group_by_host: bool) -> None:
    with Timeline().running() as line:
        began: dict[str, float] = defaultdict(lambda: float("inf"))
        for delivery in storm(1):
            name, severity = delivery.cause
            alerts = [Alert(name, host, severity, service=host if group_by_host else "shop") for host in delivery.hosts]
            line.at(delivery.after).push(*alerts, again=(1, 2, 4, 8))
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
        assert sum(live.joined for live in lives) == len(alerts_of) == ALERTS
        stored = Counter(each.incident_id for each, _ in alerts_of)
        assert {live.incident_id: live.firing for live in lives} == stored
        loud = Counter(each.incident_id for each, severity in alerts_of if severity == "critical")
        assert {live.incident_id: live.loud.critical for live in lives if live.loud.critical} == loud
        assert loud.total() == CRITICAL * ALERTS // len(causes())
