"""Writes that belong together are one, and what a lost call leaves behind is enough for a retry to finish.

Each test lets every call of one delivery fail in each way, one after the other.
"""

import pytest

from tests.simulation.faults import Kind
from tests.simulation.timeline import Alert, Timeline

LOW = Alert("DbDown", "db-1", "low")
CRITICAL = Alert("DbDown", "db-2", "critical")
AGAIN = (5.0, 10.0)
"""The pauses of a sender that tries again twice."""

JOIN_FAULTS: list[tuple[str, str, Kind]] = [
    ("dynamodb", "transact_write_items", "refuse"),
    ("dynamodb", "transact_write_items", "lost"),
    ("dynamodb", "transact_write_items", "conflict"),
    ("dynamodb", "transact_write_items", "kill after"),
    ("dynamodb", "get_item", "kill before"),
    ("dynamodb", "", "kill after"),
    ("states", "send_task_success", "refuse"),
    ("states", "send_task_success", "lost"),
    ("states", "send_task_success", "kill before"),
    ("states", "send_task_success", "kill after"),
]


@pytest.mark.parametrize(("service", "operation", "kind"), JOIN_FAULTS)
def test_a_critical_that_joins_is_paged_whichever_call_of_its_delivery_fails(
    service: str, operation: str, kind: Kind
) -> None:
    with Timeline().running() as line:
        line.at(1).push(LOW)
        line.at(599).fault("ingest", service, operation, kind)
        line.at(600).push(CRITICAL, again=AGAIN)
        line.run_until(1000)

        assert len(line.faults.happened) == 1
        assert line.answers[-1] == 202
        line.between(0, 600).expect_no_page()
        line.between(600, 990).expect_page("db-2")
        assert len(line.incidents()) == 1
        assert (line.live(line.incidents()[0]).joined, line.live(line.incidents()[0]).firing) == (2, 2)


@pytest.mark.parametrize(("service", "operation", "kind"), JOIN_FAULTS)
def test_a_resolve_that_was_accepted_ends_its_incident_whichever_call_fails(
    service: str, operation: str, kind: Kind
) -> None:
    with Timeline().running() as line:
        line.at(1).push(CRITICAL)
        line.at(119).fault("ingest", service, operation, kind)
        line.at(120).push(Alert("DbDown", "db-2", began=1).resolved(), again=AGAIN)
        line.run_until(1000)

        assert len(line.faults.happened) == 1
        assert line.answers[-1] == 202
        line.between(0, 60).expect_page(channel="pagerduty", times=1)
        line.between(120, 1000).expect_no_page()
        assert line.open_incidents() == []
        assert line.head(line.incidents()[0])["outcome"] == "resolved"


@pytest.mark.parametrize(("service", "operation", "kind"), JOIN_FAULTS)
def test_a_critical_that_nothing_holds_ends_the_hold_that_it_joins_whichever_call_fails(
    service: str, operation: str, kind: Kind
) -> None:
    held, loud = Alert("DbDown", "db-1", "high"), Alert("DbDown", "db-2", "critical")
    with Timeline().running() as line:
        line.at(0.5).silence("DbDown", 8 * 3600)
        line.at(1).push(held)
        line.at(599).fault("ingest", service, operation, kind)
        line.at(600).push(loud, again=AGAIN)
        line.run_until(1000)

        assert len(line.faults.happened) == 1
        assert line.answers[-1] == 202
        line.between(0, 600).expect_no_page()
        line.between(600, 990).expect_page("db-2")


def test_a_held_high_is_paged_when_its_silence_ends_although_its_join_was_killed() -> None:
    with Timeline().running() as line:
        line.at(0.5).silence("DbDown", 600)
        line.at(1).push(Alert("DbDown", "db-1", "low"))
        line.at(119).fault("ingest", "dynamodb", "transact_write_items", "kill after")
        line.at(120).push(Alert("DbDown", "db-3", "high"), again=AGAIN)
        line.run_until(1100)

        assert line.faults.happened
        line.between(0, 599).expect_no_page()
        line.between(600, 1100).expect_page("db-3")


@pytest.mark.parametrize("kind", ["kill after", "lost", "refuse"])
def test_a_quiet_whose_write_fails_closes_its_incident_all_the_same(kind: Kind) -> None:
    flapping = Alert("LinkDown", "sw-1", "high")
    with Timeline().running() as line:
        line.at(1).push(flapping)
        line.at(10).push(Alert("LinkDown", "sw-1", "high", began=1).resolved())
        line.at(60).push(flapping)
        line.at(119).fault("ingest", "dynamodb", "transact_write_items", kind)
        line.at(120).push(Alert("LinkDown", "sw-1", "high", began=60).resolved(), again=AGAIN)
        line.run_until(1500)

        assert line.faults.happened
        assert line.answers[-1] == 202
        assert len(line.incidents()) == 1
        assert line.open_incidents() == []


def test_a_resolve_that_lands_after_the_alert_is_back_does_not_end_what_fires() -> None:
    with Timeline().running() as line:
        line.at(1).push(Alert("LinkDown", "sw-1", "high"))
        ended = Alert("LinkDown", "sw-1", "high", began=1, ended=100)
        back = Alert("LinkDown", "sw-1", "high", began=101)
        late = lambda: line.deliver((back,), "prometheus", ())  # noqa: E731
        line.at(118).before("ingest", "dynamodb", "transact_write_items", late)
        line.at(120).push(ended, again=AGAIN)
        line.run_until(3600)

        stored = line.alert(back)
        assert stored is not None
        assert stored.firing
        assert line.is_open(stored.incident_id)
        assert line.live(stored.incident_id).firing == 1
