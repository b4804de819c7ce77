"""A canary takes the way of every alert, wakes nobody, and is in no list."""

from datetime import datetime

import pytest

from firstline.adapters.dynamodb.incidents import TableIncidents
from firstline.adapters.dynamodb.table import Table
from firstline.incidents.canary import signed
from tests.simulation.door import SECRETS
from tests.simulation.timeline import Timeline, time_of


def send(line: Timeline, status: str, began: datetime) -> None:
    """Post a flight's beginning or its end, as the canary's function does."""
    secret, now = SECRETS["sources/canary"], line.world.clock.now()
    body, headers = signed(secret, "one", status, began_at=began, at=now)
    line.answers.append(line.world.door.request("ingest", "/alerts/canary", headers, body.decode()))


@pytest.mark.parametrize("stopped", [False, True], ids=["one execution", "succeeded by another"])
def test_a_canary_goes_the_whole_way_and_reaches_nobody(stopped: bool) -> None:
    with Timeline().running() as line:
        if stopped:  # reconcile lets another execution go on
            line.at(1.5).do(lambda: line.world.stop_execution(0))
        began = time_of(1)
        line.at(1).do(lambda: send(line, "firing", began))
        line.run_until(200 if stopped else 60)
        table = TableIncidents(Table(line.world.memory, "firstline-sim"))  # type: ignore[arg-type]
        (incident,) = line.incidents()
        record = table.record(incident)

        assert record is not None
        assert record.paged_at is not None
        assert line.is_open(incident)
        assert list(table.open_records()) == []

        line.at(line.now + 1).do(lambda: send(line, "resolved", began))
        line.run_until(line.now + 400)

        assert line.answers == [202, 202]
        assert not line.is_open(incident)
        assert list(table.closed_since(began)) == []
        # Whoever stops an execution is told that this ends no incident, whatever the incident is.
        assert [message.kind for message in line.world.messages] == ["news"] * stopped
        assert not line.world.pagerduty.incidents
        assert not line.world.slack.by_incident
