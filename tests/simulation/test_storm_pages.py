"""A storm through the whole of Firstline: few executions, few pages, and each critical cause by its name."""

from collections import defaultdict

import pytest

from tests.simulation.storm import ALERTS, CRITICAL, SECONDS, causes, storm
from tests.simulation.timeline import Alert, Timeline


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
        assert len(line.world.step_functions.executions) <= 55
        assert len(line.pages()) <= 10
        assert sum(live.firing for live in line.stored.lives()) == ALERTS
        assert set(line.answers) == {202}
