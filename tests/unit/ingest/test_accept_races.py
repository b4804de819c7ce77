"""Tests of ingestion when writes fail, when replies are lost, and when others write the same group."""

from datetime import timedelta
from typing import Any

import pytest

from firstline.errors import HistoryUnavailable
from firstline.models import NormalizedAlert
from tests.support.builders import NOON, alert, at
from tests.unit.ingest.door import Door, many, resolved


def test_a_critical_alert_whose_write_failed_joins_and_pages_when_it_is_sent_again() -> None:
    door = Door()
    door.accept(NOON, alert(severity="low"))
    critical = alert(fingerprint="fp-2", severity="critical")
    door.store.faults["apply"] = HistoryUnavailable("throttled")
    with pytest.raises(HistoryUnavailable):
        door.accept(at(1), critical)
    assert door.live().loud.critical == 0
    door.store.faults.clear()

    door.accept(at(2), critical)

    assert (door.live().loud.critical, door.live().loud_since) == (1, at(2))


def test_a_resolve_is_counted_once_however_often_its_write_fails() -> None:
    door = Door()
    door.accept(NOON, alert(), alert(fingerprint="fp-2"))
    door.store.faults["apply"] = HistoryUnavailable("throttled")
    with pytest.raises(HistoryUnavailable):
        door.accept(at(1), resolved(1))
    door.store.faults.clear()
    door.accept(at(2), resolved(1))
    door.accept(at(3), resolved(1))

    assert door.live().firing == 1


def test_all_other_groups_are_written_if_one_group_cannot_be_written() -> None:
    door = Door()
    sick = "g-0"
    original = door.store.groups.open

    def opens(change: Any, *rest: Any) -> Any:
        if change.group_key == sick:
            raise ValueError("a bug of ours")
        return original(change, *rest)

    door.store.groups._adapter.open = opens  # type: ignore[attr-defined]
    with pytest.raises(HistoryUnavailable, match="1 of 40 groups"):
        door.accept(NOON, *(alert(group_key=f"g-{number}") for number in range(40)))

    assert len(door.lives()) == 39


def test_an_execution_that_was_not_started_is_started_by_a_delivery_ten_seconds_later() -> None:
    door = Door(down=True)
    door.accept(NOON, alert())
    door.down = False

    door.accept(NOON + timedelta(seconds=5), alert())
    assert door.starts == []
    door.accept(at(1), alert())

    assert door.starts == [(door.live().incident_id, 1)]
    assert len(door.lives()) == 1


def test_a_firing_delivery_that_comes_once_more_after_its_alerts_ended_opens_nothing() -> None:
    door = Door()
    firing = many(1_000, timestamp_orders=True)
    door.accept(NOON, *firing)
    ended = {"status": "resolved", "timestamp": at(5), "ends_at": at(5)}
    door.accept(at(5), *(each.model_copy(update=ended) for each in firing))
    door.close("group-1", at(10))

    door.accept(at(11), *firing)

    assert not door.live().open
    assert [each for each in door.alerts() if each.firing] == []


def test_an_alert_that_fires_again_with_its_old_begin_returns_to_its_open_incident() -> None:
    door = Door()
    door.accept(NOON, alert(began_at=NOON))
    first = door.live().incident_id
    door.accept(at(4), resolved(4, began_at=NOON))

    door.accept(at(4.1), alert(began_at=NOON))

    assert (door.live().incident_id, door.live().firing, door.live().joined) == (first, 1, 2)


def test_an_alert_is_accepted_even_if_its_execution_cannot_be_signalled() -> None:
    door = Door()
    door.accept(NOON, alert())
    door.waits(awaiting="resolution", judged=1)
    door.down = True

    door.accept(at(1), alert(fingerprint="fp-2", severity="critical"))

    assert door.live().loud.critical == 1


@pytest.mark.parametrize(
    "arrives", [alert(fingerprint="fp-2"), alert(severity="high")], ids=["another alert", "the same alert, worse"]
)
def test_an_alert_opens_an_incident_if_its_groups_incident_is_closed_between_read_and_write(
    arrives: NormalizedAlert,
) -> None:
    door = Door()
    door.accept(NOON, alert())
    first = door.live().incident_id
    door.store.meanwhile["apply"] = lambda: door.close("group-1", at(1))

    door.accept(at(1), arrives)

    assert door.live().incident_id != first
    assert (door.live().open, door.live().firing) == (True, 1)


def test_two_deliveries_that_open_a_group_at_once_open_one_incident() -> None:
    door = Door()
    door.store.meanwhile["open"] = lambda: door.accept(NOON, alert(fingerprint="fp-2"))

    door.accept(NOON, alert())

    assert len(door.starts) == 1
    assert (door.live().joined, door.live().firing) == (2, 2)


def test_alerts_of_many_senders_in_threads_are_each_counted_once_in_one_incident() -> None:
    from concurrent.futures import ThreadPoolExecutor

    door = Door(threads=True)
    # Twenty deliveries at once, each of up to three of the same twenty alerts.
    with ThreadPoolExecutor(8) as senders:
        list(senders.map(lambda number: door.accept(NOON, *many(20)[number : number + 3]), range(20)))

    assert (door.live().joined, door.live().firing, len(door.lives())) == (20, 20, 1)
    door.check_counts()
