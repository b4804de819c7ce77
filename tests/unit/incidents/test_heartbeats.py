"""Heartbeats: when a heartbeat is absent, which alerts that sends, and how an outage of the check counts."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import pytest
from pydantic import ValidationError

from firstline.errors import HistoryUnavailable
from firstline.incidents.heartbeats import Watch
from firstline.models import NormalizedAlert
from firstline.policy.heartbeats import Heartbeat, Pulse, absent_since
from tests.support.builders import alert, at
from tests.support.memory import MemoryStore

EVERY_5_MINUTES = Heartbeat.model_validate(
    {"id": "watchdog", "match": {"alert_name": "Watchdog"}, "reason": "Look at Prometheus.", "every": "5m"}
)
LONG_AGO = at(-10_000)


def watchdog(cluster: str = "eu", **what: Any) -> NormalizedAlert:
    labels = {"alertname": "Watchdog", "cluster": cluster}
    return alert(alert_name="Watchdog", source="prometheus", labels=labels, fingerprint=f"fp-{cluster}", **what)


def pulse(beat: float = 0, resolved: float | None = None, **what: Any) -> Pulse:
    resolved_at = None if resolved is None else at(resolved)
    return Pulse(key="prometheus:fp-eu", alert=watchdog(), beat_at=at(beat), resolved_at=resolved_at, **what)


@pytest.mark.parametrize(
    ("what", "minutes", "watched", "since"),
    [
        pytest.param(pulse(), 9.99, LONG_AGO, None, id="one missed"),
        pytest.param(pulse(), 10, LONG_AGO, at(10), id="two missed"),
        pytest.param(pulse(), 60, LONG_AGO, at(10), id="many missed: absent since the second"),
        pytest.param(pulse(0, resolved=1), 1, LONG_AGO, at(1), id="resolved: absent at once"),
        pytest.param(pulse(2, resolved=1), 3, LONG_AGO, None, id="fires again after it was resolved"),
        pytest.param(pulse(), 60, at(55), None, id="checks were interrupted: patience not over yet"),
        pytest.param(pulse(), 65, at(55), at(65), id="checks were interrupted: patience over again"),
        pytest.param(pulse(absent_since=at(10)), 60, at(55), at(10), id="checks were interrupted: reported before"),
        pytest.param(pulse(58, absent_since=at(10)), 60, at(55), None, id="checks were interrupted: came back"),
    ],
)
def test_a_heartbeat_is_absent_after_its_patience(
    what: Pulse, minutes: float, watched: datetime, since: datetime | None
) -> None:
    assert absent_since(what, EVERY_5_MINUTES, at(minutes), watched_since=watched) == since


class World:
    """A store of heartbeats, and the alerts (`said`) that the check of them sends."""

    def __init__(self, *declared: Heartbeat) -> None:
        self.declared = declared
        self.store = MemoryStore()
        self.said: list[NormalizedAlert] = []

    def beats(self, minutes: float, cluster: str = "eu", status: str = "firing") -> None:
        self.store.heartbeats.beat(watchdog(cluster, status=status), at(minutes))

    def forget(self, minutes: float, key: str = "prometheus:fp-eu") -> None:
        assert self.store.heartbeats.forget(key, "ana", at(minutes))

    def accept(self, alerts: Sequence[NormalizedAlert], now: datetime) -> None:
        self.said += alerts

    def look(self, *minutes: float) -> list[str]:
        """Check the heartbeats at each of these minutes; return name and status of the alerts that were sent."""
        before = len(self.said)
        for minute in minutes:
            Watch(lambda: self.declared, self.store.heartbeats, self.accept).look(at(minute))
        return [f"{alert.alert_name} {alert.status}" for alert in self.said[before:]]


def minutes(begin: int, end: int) -> range:
    return range(begin, end + 1)


def test_an_absence_and_a_return_are_each_reported_once() -> None:
    world = World(EVERY_5_MINUTES)
    world.beats(0)

    assert world.look(*minutes(0, 9)) == []
    assert world.look(*minutes(10, 30)) == ["Watchdog is absent firing"]
    world.beats(31)
    assert world.look(*minutes(31, 40)) == ["Watchdog is absent resolved"]
    assert world.look(*minutes(41, 60)) == ["Watchdog is absent firing"]


def test_the_alert_says_which_heartbeat_for_how_long_and_what_to_do() -> None:
    world = World(EVERY_5_MINUTES)
    world.beats(0)
    world.look(*minutes(0, 10))
    (said,) = world.said

    assert said.message == (
        "The heartbeat Watchdog of cluster eu has been silent for 10 minutes; it should come every 5 minutes. "
        "Until it is back, alerts may not arrive. Look at Prometheus."
    )
    assert (said.source, said.severity, said.timestamp) == ("firstline", "critical", at(10))
    assert said.group_key == "firstline:heartbeat:prometheus:fp-eu"
    assert said.labels["cluster"] == "eu"


def test_each_cluster_has_its_own_heartbeat() -> None:
    world = World(EVERY_5_MINUTES)
    for cluster in ("eu", "us"):
        world.beats(0, cluster)
    world.look(*minutes(0, 8))
    world.beats(9, "us")

    world.look(*minutes(9, 12))

    assert [alert.labels["cluster"] for alert in world.said] == ["eu"]


def test_resolved_counts_as_absence_until_it_fires_again() -> None:
    world = World(EVERY_5_MINUTES)
    world.beats(0)
    world.look(0)
    world.beats(1, status="resolved")
    assert world.look(1, 2) == ["Watchdog is absent firing"]
    assert "was resolved, although it should always fire" in world.said[-1].message

    world.beats(3)
    assert world.look(3) == ["Watchdog is absent resolved"]


def test_a_heartbeat_that_was_never_seen_is_not_absent() -> None:
    assert World(EVERY_5_MINUTES).look(*minutes(0, 60)) == []


def test_a_required_heartbeat_is_absent_even_if_never_seen() -> None:
    world = World(EVERY_5_MINUTES.model_copy(update={"required": True}))

    assert world.look(*minutes(0, 9)) == []
    assert world.look(*minutes(10, 20)) == ["Heartbeat watchdog is absent firing"]
    world.beats(21)
    assert world.look(21) == ["Heartbeat watchdog is absent resolved"]
    assert world.look(*minutes(22, 40)) == ["Watchdog is absent firing"], "once seen, it has the name of its alert"


def test_a_forgotten_heartbeat_is_not_absent_until_it_comes_again() -> None:
    world = World(EVERY_5_MINUTES)
    world.beats(0)
    world.forget(1)

    assert world.look(*minutes(1, 60)) == []
    world.beats(61, status="resolved")
    assert world.look(61) == [], "a resolve is no return"
    world.beats(62)
    assert world.look(*minutes(62, 80)) == ["Watchdog is absent firing"]


def test_forgetting_a_heartbeat_resolves_its_absence() -> None:
    world = World(EVERY_5_MINUTES)
    world.beats(0)
    world.look(*minutes(0, 10))
    world.forget(11)

    assert world.look(11, 12) == ["Watchdog is absent resolved"]
    assert world.said[-1].message == "The heartbeat Watchdog of cluster eu is no longer expected: ana had it forgotten."


def test_a_forgotten_heartbeat_does_not_meet_the_requirement() -> None:
    world = World(EVERY_5_MINUTES.model_copy(update={"required": True}))
    world.look(0)
    world.beats(1)
    world.look(*minutes(1, 3))
    world.forget(4)

    assert world.look(*minutes(4, 30)) == ["Heartbeat watchdog is absent firing"]


def test_a_required_heartbeat_cannot_be_forgotten() -> None:
    world = World(EVERY_5_MINUTES.model_copy(update={"required": True}))
    world.look(0)
    world.forget(1, "required:watchdog")

    assert world.look(*minutes(2, 40)) == ["Heartbeat watchdog is absent firing"]


def test_an_undeclared_heartbeat_is_not_watched() -> None:
    world = World()
    world.beats(0)

    assert world.look(*minutes(0, 60)) == []


def test_after_an_outage_the_wait_for_a_heartbeat_begins_anew() -> None:
    world = World(EVERY_5_MINUTES)
    world.beats(0)
    world.look(*minutes(0, 3))
    world.store.down = True
    with pytest.raises(HistoryUnavailable):
        world.look(4)
    world.store.down = False

    assert world.look(*minutes(60, 69)) == []
    assert world.look(70) == ["Watchdog is absent firing"]


def test_an_unmarked_absence_is_reported_again_with_the_same_alert() -> None:
    world = World(EVERY_5_MINUTES)
    world.beats(0)
    world.look(*minutes(0, 9))
    world.store.faults["mark"] = HistoryUnavailable("broken")
    for minute in (10, 11):
        with pytest.raises(HistoryUnavailable):
            world.look(minute)

    first, second = world.said
    same = ("fingerprint", "group_key", "timestamp", "severity", "status")
    assert [getattr(first, name) for name in same] == [getattr(second, name) for name in same]


def test_an_interval_must_be_between_one_minute_and_two_days() -> None:
    def heartbeat(every: str) -> Heartbeat:
        return Heartbeat.model_validate({"id": "a", "match": {"host": "x"}, "reason": "r", "every": every})

    assert heartbeat("1m").patience == timedelta(minutes=2)
    assert heartbeat("2d").patience == timedelta(days=4)
    for every in ("59s", "3d"):
        with pytest.raises(ValidationError, match="every"):
            heartbeat(every)


def test_the_default_patience_is_twice_alertmanagers_repeat_interval() -> None:
    assert Heartbeat.model_validate({"id": "a", "match": {"host": "x"}, "reason": "r"}).patience == timedelta(hours=8)


def test_a_lasting_absence_sends_the_same_alert_again_each_day() -> None:
    world = World(EVERY_5_MINUTES)
    world.beats(0)

    assert world.look(*minutes(0, 10)) == ["Watchdog is absent firing"]
    assert world.look(*range(11, 24 * 60 + 10)) == []
    assert world.look(*range(24 * 60 + 10, 48 * 60 + 5)) == ["Watchdog is absent firing"]
    assert world.look(*range(48 * 60 + 5, 48 * 60 + 20)) == ["Watchdog is absent firing"]
    first, *again = world.said
    assert {each.fingerprint for each in again} == {first.fingerprint}
    assert {each.timestamp for each in again} == {first.timestamp}


def test_a_heartbeat_that_is_absent_again_after_its_return_is_reported_at_once() -> None:
    world = World(EVERY_5_MINUTES)
    world.beats(0)
    world.look(*minutes(0, 10))
    world.beats(11)

    assert world.look(*minutes(11, 22)) == ["Watchdog is absent resolved", "Watchdog is absent firing"]
