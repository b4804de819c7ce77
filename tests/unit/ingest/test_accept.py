"""Tests of ingestion into a table in memory: what is written, started and signalled, and how many requests it takes."""

from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from firstline.ingest.changes import FLAP_OPENINGS, HOSTS, MOST_WRITES
from firstline.ingest.fold import REOPEN_AFTER
from firstline.models import Location, NormalizedAlert
from tests.support.builders import NOON, alert, at
from tests.support.depth import tries
from tests.unit.ingest.door import Door, many, resolved

# --- requests ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [1, 1_000])
def test_the_number_of_requests_for_a_delivery_does_not_grow_with_its_group(size: int) -> None:
    door = Door()
    assert door.requests_of(NOON, alert()) <= 3, "it opens"
    door.accept(at(0.5), *many(size))

    assert door.requests_of(at(1), alert(), alert()) == 1, "duplicates"
    assert door.requests_of(at(2), alert(fingerprint="new")) <= 3, "one joins"
    assert door.requests_of(at(3), resolved(3)) <= 3, "one ends"
    assert door.live().firing == size + 1


def test_a_delivery_of_duplicates_in_many_groups_is_one_request() -> None:
    door = Door()
    delivery = [alert(group_key=f"g-{number}") for number in range(40)]
    door.accept(NOON, *delivery)

    assert door.requests_of(at(1), *delivery) == 1


# --- an incident's life -----------------------------------------------------------------------------------------------


def test_an_incident_opens_takes_more_alerts_and_counts_their_ends() -> None:
    door = Door()
    opened = door.accept(NOON, alert(severity="high"))
    door.accept(at(1), alert(fingerprint="fp-2"), alert(fingerprint="fp-3", severity="critical"))
    door.accept(at(2), resolved(2, fingerprint="fp-2"))

    live = door.live()
    assert opened.incident_ids == [live.incident_id]
    assert door.starts == [(live.incident_id, 1)]
    assert (live.joined, live.firing, live.counts.ranks) == (3, 2, (0, 0, 1, 1, 1))
    assert (live.loud.high, live.loud.critical) == (1, 1)
    door.check_counts()


def test_an_alert_that_gets_worse_is_counted_as_joined_again_and_as_firing_once() -> None:
    door = Door()
    door.accept(NOON, alert(severity="low"))
    door.accept(at(1), alert(severity="critical"))
    door.accept(at(2), alert(severity="critical"))

    assert (door.live().joined, door.live().firing, door.live().loud.critical) == (2, 1, 1)


def test_people_read_each_alert_counted_once_however_often_it_got_worse_or_fired_again() -> None:
    door = Door()
    door.accept(NOON, alert(severity="low"))
    door.accept(at(1), alert(severity="critical"))
    door.accept(at(2), resolved(2))
    door.accept(at(3), alert(severity="critical"), alert(fingerprint="fp-2"))

    assert (door.live().joined, door.live().firing) == (4, 2), "a decision about fewer is out of date"
    assert (door.store.only.alert_count, door.live().alerts) == (2, 2)


def test_the_incident_is_about_the_worst_alert_whatever_the_order_of_the_alerts() -> None:
    alerts = [alert(), alert(fingerprint="fp-2", severity="critical", host="web-2"), alert(fingerprint="fp-3")]
    ids = set()
    for order in (alerts, alerts[::-1]):
        door = Door()
        door.accept(NOON, *order)
        record = door.store.only
        ids.add(record.incident.incident_id)
        assert record.incident.alert.fingerprint == "fp-2"
        assert record.incident.alert.raw_payload is None
        assert record.incident.hosts == ["web-1", "web-2"]
    assert len(ids) == 1


def test_an_incident_keeps_each_different_location_that_names_a_machine_or_pod() -> None:
    here, there = Location(hosts=["web-1"], accounts=["1"]), Location(hosts=["web-2"], accounts=["2"])
    pod = Location(pod="shop-7f9", regions=["eu-west-1"])
    said = [there, here, here, pod, Location(regions=["eu-west-1"])]
    alerts = [alert(fingerprint=f"fp-{number}", location=location) for number, location in enumerate(said)]
    kept = []
    for order in (alerts, alerts[::-1]):
        door = Door()
        door.accept(NOON, *order)
        kept.append(door.store.only.incident.locations)

    assert kept[0] == kept[1], "the same input for the same execution"
    assert kept[0] == [here, there, pod]


def test_an_incident_keeps_one_location_more_than_a_plan_may_have_so_that_planning_refuses() -> None:
    door = Door()
    door.accept(NOON, *many(HOSTS + 9))

    assert len(door.store.only.incident.locations) == HOSTS + 1


def test_a_group_of_any_size_is_written_in_transactions_that_fit() -> None:
    door = Door()
    door.accept(NOON, *many(3 * MOST_WRITES + 1))

    assert (door.live().joined, door.live().firing) == (3 * MOST_WRITES + 1, 3 * MOST_WRITES + 1)
    assert len(door.starts) == 1


def test_an_alert_that_fires_after_its_incident_was_closed_opens_another_only_after_the_reopen_time() -> None:
    door = Door()
    door.accept(NOON, alert())
    first = door.live().incident_id
    door.close("group-1", at(5))

    soon = door.requests_of(at(6), alert())
    door.accept(at(5) + REOPEN_AFTER, alert())

    assert soon == 1
    assert door.live().incident_id != first
    assert door.live().open


def test_an_alert_that_ends_after_its_incident_was_closed_opens_another_when_it_fires_again() -> None:
    door = Door()
    door.accept(NOON, alert())
    first = door.live().incident_id
    door.close("group-1", at(5))
    door.accept(at(6), resolved(6))
    door.accept(at(7), alert(timestamp=at(7)))

    assert door.live().incident_id != first
    assert (door.live().joined, door.live().firing) == (1, 1)


def test_a_group_that_opens_more_than_three_incidents_within_an_hour_flaps() -> None:
    door, openings = Door(), []
    for turn in range(FLAP_OPENINGS + 2):
        minutes = turn * 10
        door.accept(at(minutes), alert(timestamp=at(minutes)))
        record = door.store.incidents.record(door.live().incident_id)
        assert record is not None
        openings.append((record.incident.opened_last_hour, record.incident.flapping, door.live().flapping))
        door.accept(at(minutes + 1), resolved(minutes + 1))
        door.close("group-1", at(minutes + 6))

    assert openings == [(1, False, False), (2, False, False), (3, False, False), (4, True, True), (5, True, True)]


# --- waking -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("awaiting", "arrives", "woken"),
    [
        ("resolution", alert(fingerprint="fp-2"), False),
        ("resolution", alert(fingerprint="fp-2", severity="critical"), True),
        ("recovery", alert(fingerprint="fp-2", severity="critical"), False),
        ("recovery", resolved(1), True),
        ("acknowledgement", resolved(1), True),
        ("quiet", alert(fingerprint="fp-2"), True),
    ],
    ids=[
        "a medium joins one that waits for a person",
        "a critical joins one that waits for a person",
        "a critical joins during a remediation",
        "all end during a remediation",
        "all end before an acknowledgement",
        "an alert fires during the quiet",
    ],
)
def test_a_waiting_execution_is_signalled_only_by_an_alert_that_matters_to_its_wait(
    awaiting: str, arrives: NormalizedAlert, woken: bool
) -> None:
    door = Door()
    door.accept(NOON, alert())
    door.waits(awaiting=awaiting, judged=1)

    door.accept(at(1), arrives)

    assert bool(door.woken) is woken


def test_a_return_in_the_quiet_window_counts_as_a_change_that_no_wait_may_miss() -> None:
    door = Door()
    door.accept(NOON, alert())
    door.accept(at(1), resolved(1))
    before = door.live().own.changes

    door.accept(at(2), alert(timestamp=at(2)))

    assert door.live().own.changes > before
    assert (door.live().joined, door.live().firing) == (2, 1)


# --- time -------------------------------------------------------------------------------------------------------------


# Each group, or part of one, reads the clock of the time limit before it is written.


def test_the_groups_that_are_not_written_in_time_are_left_for_a_later_delivery() -> None:
    door = Door(each_reading_takes=0.1)
    delivery = [alert(group_key=f"g-{number}") for number in range(40)]

    first = door.accept(NOON, *delivery, within=1.0)
    rest = door.accept(at(1), *first.left, received_at=NOON)

    assert 0 < len(first.left) < 40
    assert rest.left == []
    assert len(door.lives()) == 40


def test_ends_after_the_close_of_their_incident_that_are_not_written_in_time_are_left() -> None:
    door = Door()
    door.accept(NOON, *many(40))
    door.close("group-1", at(1))
    door.each_reading_takes = 0.1
    ends = [each.model_copy(update={"status": "resolved", "ends_at": at(2)}) for each in many(40)]

    left = door.accept(at(2), *ends, within=1.0).left
    door.accept(at(3), *left, received_at=at(2))

    assert 0 < len(left) < 40
    assert not any(each.firing for each in door.alerts())


def test_the_alerts_of_a_big_group_that_are_not_written_in_time_are_left() -> None:
    door = Door(each_reading_takes=0.1)
    alerts = many(10 * MOST_WRITES)

    left = door.accept(NOON, *alerts, within=0.55).left
    written = door.live().joined
    door.accept(at(1), *left, received_at=NOON)

    assert 0 < written < len(alerts)
    assert len(left) == len(alerts) - written
    assert (door.live().joined, door.live().firing, len(door.starts)) == (len(alerts), len(alerts), 1)


# --- whatever the order -----------------------------------------------------------------------------------------------


@st.composite
def _deliveries(draw: st.DrawFn) -> list[list[NormalizedAlert]]:
    """Draw messages about a few alerts of two groups, in any order, with repetitions, as several deliveries."""
    messages = []
    for number in range(draw(st.integers(1, 4))):
        same: dict[str, Any] = {"fingerprint": f"fp-{number}", "group_key": f"g-{number % 2}", "timestamp_orders": True}
        severity = draw(st.sampled_from(["low", "high", "critical"]))
        messages.append(alert(severity=severity, timestamp=at(0), **same))
        if draw(st.booleans()):
            messages.append(resolved(5, **same))
            if draw(st.booleans()):
                messages.append(alert(severity=severity, timestamp=at(8), **same))
    order = [*range(len(messages)), *draw(st.lists(st.integers(0, len(messages) - 1), max_size=4))]
    deliveries: list[list[NormalizedAlert]] = [[]]
    for index in draw(st.permutations(order)):
        splits: bool = draw(st.booleans())
        if deliveries[-1] and splits:
            deliveries.append([])
        deliveries[-1].append(messages[index])
    return deliveries


@settings(max_examples=tries(60))
@given(_deliveries())
def test_the_same_alerts_fire_and_are_counted_once_in_whatever_order_their_messages_arrive(
    deliveries: Sequence[Sequence[NormalizedAlert]],
) -> None:
    shuffled, sorted_once = Door(), Door()
    for step, delivery in enumerate(deliveries):
        shuffled.accept(at(60 + step / 10), *delivery)
        shuffled.check_counts()
    messages = sorted((each for delivery in deliveries for each in delivery), key=lambda each: each.timestamp)
    for step, message in enumerate(messages):
        sorted_once.accept(at(60 + step / 10), message)

    def firing(door: Door) -> set[str]:
        return {each.fingerprint for each in door.alerts() if each.firing}

    assert firing(shuffled) == firing(sorted_once)
    covered = {live.incident_id for live in shuffled.lives() if live.open}
    assert all(each.incident_id in covered for each in shuffled.alerts() if each.firing)
