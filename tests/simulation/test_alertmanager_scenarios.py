"""Alertmanager and its receiver: batches, repeats, ends, retries, silences, inhibitions, and pairs of it."""

from functools import partial
from typing import cast

import pytest

from tests.simulation.senders import Alertmanager
from tests.simulation.timeline import Alert, Timeline

GROUP_WAIT, GROUP_INTERVAL, REPEAT_INTERVAL = 10, 60, 1800


def fires(line: Timeline, seconds: float, name: str, *hosts: str, severity: str = "critical") -> None:
    """Let a condition begin on hosts; Alertmanager tells of it in its own time."""
    for host in hosts:
        line.at(seconds).do(partial(line.world.fire, "prometheus", name, host, severity))


def ends(line: Timeline, seconds: float, name: str, *hosts: str) -> None:
    """Let a condition end on hosts."""
    for host in hosts:
        line.at(seconds).do(partial(line.world.end, "prometheus", name, host))


def deliveries(line: Timeline) -> int:
    """Return how many deliveries reached ingest."""
    return line.world.functions.invocations["ingest"]


# --- sending, batching, repeats, ends, retries -----------------------------------------------------------------------


def test_an_alert_is_sent_after_the_group_wait_and_paged() -> None:
    with Timeline().running() as line:
        fires(line, 1, "DbDown", "db-1")
        line.run_until(60)

        line.between(0, 1 + GROUP_WAIT).expect_no_page()
        line.between(1 + GROUP_WAIT, 30).expect_page("db-1", channel="pagerduty", times=1)


def test_alerts_that_begin_within_the_group_wait_come_in_one_batch_and_are_one_page() -> None:
    with Timeline().running() as line:
        fires(line, 1, "DbDown", "db-1", "db-2")
        fires(line, 8, "DbDown", "db-3")
        line.run_until(60)

        assert deliveries(line) == 1
        assert line.live(line.incidents()[0]).firing == 3
        line.between(0, 60).expect_page("DbDown", channel="pagerduty", times=1)


def test_an_alert_that_begins_later_comes_with_the_next_batch_and_joins() -> None:
    with Timeline().running() as line:
        fires(line, 1, "DbDown", "db-1", severity="high")
        fires(line, 30, "DbDown", "db-2")
        line.run_until(150)

        assert len(line.incidents()) == 1
        assert line.live(line.incidents()[0]).firing == 2
        line.between(1 + GROUP_WAIT + GROUP_INTERVAL, 140).expect_page("db-2")


def test_repeats_of_what_is_acknowledged_are_taken_and_change_nothing() -> None:
    with Timeline().running() as line:
        fires(line, 1, "DbDown", "db-1")
        line.at(60).press("acknowledge")
        line.run_until(120)
        before = deliveries(line)
        line.run_until(4 * REPEAT_INTERVAL)

        assert deliveries(line) - before >= 3
        assert len(line.incidents()) == 1
        live = line.live(line.incidents()[0])
        assert (live.joined, live.firing) == (1, 1)
        line.between(60, 4 * REPEAT_INTERVAL).expect_no_page()


def test_a_group_that_ends_host_by_host_closes_with_the_last_one() -> None:
    with Timeline().running() as line:
        fires(line, 1, "DbDown", "db-1", "db-2")
        line.at(60).press("acknowledge")
        ends(line, 200, "DbDown", "db-1")
        ends(line, 700, "DbDown", "db-2")
        line.run_until(650)
        incident = line.incidents()[0]
        assert line.is_open(incident)
        assert line.live(incident).firing == 1
        line.run_until(1200)

        assert not line.is_open(incident)
        assert line.head(incident)["outcome"] == "resolved"
        assert line.world.pagerduty.incidents[f"firstline:{incident}"] == "resolved"


def test_an_alert_that_returns_with_another_severity_joins_and_both_end() -> None:
    """Each severity is an alert of its own for Alertmanager, with an end of its own."""
    with Timeline().running() as line:
        fires(line, 1, "DbDown", "db-1", severity="high")
        ends(line, 30, "DbDown", "db-1")
        fires(line, 40, "DbDown", "db-1", severity="medium")
        ends(line, 200, "DbDown", "db-1")
        line.run_until(900)

        assert len(line.incidents()) == 1
        assert not line.is_open(line.incidents()[0])


@pytest.mark.parametrize("kind", ["refuse", "lost"])
def test_a_batch_that_is_refused_or_not_answered_is_sent_again_and_taken_once(kind: str) -> None:
    with Timeline().running() as line:
        line.at(0).fault("http", "", "/alerts/prometheus", "refuse" if kind == "refuse" else "lost", times=3)
        fires(line, 1, "DbDown", "db-1", "db-2")
        line.run_until(120)

        assert len(line.faults.happened) == 3
        assert len(line.incidents()) == 1
        assert line.live(line.incidents()[0]).joined == 2
        line.between(0, 120).expect_page("DbDown", channel="pagerduty", times=1)


# --- silences --------------------------------------------------------------------------------------------------------


def test_what_was_silenced_before_it_fires_pages_when_the_silence_is_over() -> None:
    with Timeline().running() as line:
        line.at(0).silence("DbDown", 900)
        fires(line, 1, "DbDown", "db-1", severity="high")
        line.run_until(1100)

        line.between(0, 900).expect_no_page()
        line.between(900, 1030).expect_page("db-1")


def test_a_silence_during_an_incident_holds_what_fires_after_it() -> None:
    with Timeline().running() as line:
        fires(line, 1, "DbDown", "db-1", severity="high")
        line.at(60).press("acknowledge")
        line.at(100).silence("DiskFull", 900)
        fires(line, 120, "DiskFull", "web-1", severity="high")
        ends(line, 400, "DiskFull", "web-1")
        line.run_until(1500)

        line.between(0, 60).expect_page("db-1", channel="pagerduty", times=1)
        line.between(60, 1500).expect_no_page()


def test_a_silence_that_is_ended_early_pages_what_still_fires() -> None:
    with Timeline().running() as line:
        line.at(0).silence("DbDown", 7200)
        fires(line, 1, "DbDown", "db-1", severity="high")
        line.at(600).do(line.world.end_silence)
        line.run_until(800)

        line.between(0, 600).expect_no_page()
        line.between(600, 730).expect_page("db-1")


# --- inhibitions -----------------------------------------------------------------------------------------------------

INHIBITIONS = """
rules: []
inhibit:
  - id: zone-down
    source: {alert_name: ZoneDown}
    target: {alert_name: ShopErrors}
    equal: [environment]
    reason: What runs in a zone that is down fails.
"""


def test_while_its_source_fires_a_target_is_held_and_its_end_pages() -> None:
    with Timeline().running() as line:
        line.declare(INHIBITIONS)
        fires(line, 1, "ZoneDown", "zone-a")
        line.at(60).press("acknowledge")
        fires(line, 100, "ShopErrors", "web-1", severity="high")
        ends(line, 900, "ZoneDown", "zone-a")
        line.run_until(1200)

        line.between(60, 900).expect_no_page()
        line.between(900, 1200).expect_page("ShopErrors")


def test_a_target_that_fires_before_its_source_is_paged() -> None:
    with Timeline().running() as line:
        line.declare(INHIBITIONS)
        fires(line, 1, "ShopErrors", "web-1", severity="high")
        fires(line, 100, "ZoneDown", "zone-a")
        line.run_until(200)

        line.between(0, 60).expect_page("ShopErrors")
        line.between(100, 200).expect_page("ZoneDown")


def test_when_source_and_target_end_the_target_was_nobodys_trouble() -> None:
    with Timeline().running() as line:
        line.declare(INHIBITIONS)
        fires(line, 1, "ZoneDown", "zone-a")
        line.at(60).press("acknowledge")
        fires(line, 100, "ShopErrors", "web-1", severity="high")
        ends(line, 600, "ShopErrors", "web-1")
        ends(line, 660, "ZoneDown", "zone-a")
        line.run_until(1500)

        line.between(60, 1500).expect_no_page()
        assert line.open_incidents() == []


# --- a pair ----------------------------------------------------------------------------------------------------------

ALERT = Alert("DbDown", "db-1", "critical", began=1)


@pytest.mark.parametrize("behind", [0.0, 0.2, 15.0, 290.0])
def test_of_a_pair_that_both_send_each_word_counts_once(behind: float) -> None:
    with Timeline().running() as line:
        for late in (0, behind):
            line.at(11 + late).push(ALERT)
        line.at(400).press("acknowledge")
        for late in (0, behind):
            line.at(600 + late).push(ALERT.resolved(590))
        line.run_until(580)
        assert line.live(line.incidents()[0]).joined == 1
        line.run_until(1400)

        assert len(line.incidents()) == 1
        assert line.open_incidents() == []
        line.between(0, 60).expect_page("db-1", channel="pagerduty", times=1)
        line.between(400, 1400).expect_no_page()


def test_a_firing_that_the_late_one_of_a_pair_sends_after_the_resolve_ends_with_its_own_resolve() -> None:
    with Timeline().running() as line:
        line.at(11).push(ALERT)
        line.at(60).press("acknowledge")
        line.at(300).push(ALERT.resolved(290))
        line.at(304).push(ALERT)
        line.at(360).push(ALERT.resolved(290))
        line.run_until(1200)

        assert len(line.incidents()) == 1
        assert line.open_incidents() == []
        assert line.head(line.incidents()[0])["outcome"] == "resolved"


def test_when_one_of_a_pair_is_dead_the_other_one_is_enough() -> None:
    with Timeline().running() as line:
        pair = cast("Alertmanager", line.world.senders["prometheus-pair"])
        pair.twin = 0.0  # the other one sends nothing
        line.at(1).do(lambda: line.world.fire("prometheus-pair", "DbDown", "db-1", "critical"))
        line.at(60).press("acknowledge")
        line.at(400).do(lambda: line.world.end("prometheus-pair", "DbDown", "db-1"))
        line.run_until(1600)

        line.between(0, 60).expect_page("db-1", channel="pagerduty", times=1)
        assert line.open_incidents() == []


def test_both_of_a_pair_that_send_everything_open_one_incident_and_end_it() -> None:
    with Timeline().running() as line:
        pair = cast("Alertmanager", line.world.senders["prometheus-pair"])
        pair.twin = 1.0  # the other one sends everything as well
        line.at(1).do(lambda: line.world.fire("prometheus-pair", "DbDown", "db-1", "critical"))
        line.at(60).press("acknowledge")
        line.at(400).do(lambda: line.world.end("prometheus-pair", "DbDown", "db-1"))
        line.run_until(1600)

        assert deliveries(line) == 4, "the firing and the end, from each"
        assert len(line.incidents()) == 1
        assert line.open_incidents() == []
        line.between(0, 1600).expect_page("db-1", channel="pagerduty", times=1)
