"""Tests of storms: which alerts join a storm instead of opening an incident, and whom the storm pages."""

from typing import Any

import pytest

from firstline.errors import HistoryUnavailable
from firstline.incidents.groups import Limits
from firstline.ingest.fold import Arrival
from firstline.ingest.storm import storm_alert, storm_key
from firstline.models import SEVERITY_RANK, NormalizedAlert, Severity
from firstline.policy.holds import Holds, Silence
from firstline.policy.match import AlertMatch
from firstline.policy.paging import PagingPolicy
from firstline.policy.rules import Rules
from tests.support.builders import NOON, alert, at
from tests.unit.ingest.door import Door

STORM = "storm:generic"


def causes(count: int, name: str = "Noise", **what: Any) -> list[NormalizedAlert]:
    """Return so many alerts with different names, each in a group of its own."""
    return [
        alert(alert_name=f"{name}{n}", group_key=f"{name}-{n}", fingerprint=f"{name}-{n}", **what) for n in range(count)
    ]


def stormy(*, per_minute: int, **what: Any) -> Door:
    """Return a door at which so many alerts of a source a minute open incidents; further ones join its storm."""
    return Door(limits=Limits(per_minute, per_minute), **what)


def test_alerts_beyond_the_limit_of_their_source_join_one_storm_and_are_counted() -> None:
    door = stormy(per_minute=3)
    accepted = door.accept(NOON, *causes(20))

    storm = door.live(STORM)
    assert (storm.joined, storm.firing) == (20 - 3, 20 - 3)
    assert len(door.lives()) == 3 + 1, "three incidents and the storm"
    assert sum(group.in_storm for group in accepted.groups) == 20 - 3
    record = door.store.incidents.record(storm.incident_id)
    assert record is not None
    assert (record.incident.storm, record.incident.alert.severity) == (True, "high")
    assert record.incident.first_alert.startswith("Noise")
    door.check_counts()


def test_a_duplicate_in_a_storm_is_one_request_and_its_resolve_counts_there() -> None:
    door = stormy(per_minute=3)
    noise = causes(6)
    door.accept(NOON, *noise)

    assert door.requests_of(at(1), *noise) == 1
    ended = [each.model_copy(update={"status": "resolved", "ends_at": at(2)}) for each in noise[4:]]
    door.accept(at(2), *ended)

    assert door.live(STORM).firing == 1
    door.check_counts()


def test_alerts_that_page_have_a_limit_of_their_own() -> None:
    door = stormy(per_minute=3)
    door.accept(NOON, *causes(20, severity="low"))
    accepted = door.accept(NOON, *causes(3, "Cause", severity="critical"))

    assert sum(group.in_storm for group in accepted.groups) == 0
    assert [door.live(f"Cause-{n}").loud.critical for n in range(3)] == [1, 1, 1]


def test_a_critical_alert_that_joins_a_storm_pages_even_after_the_storm_was_acknowledged() -> None:
    door = stormy(per_minute=3)
    door.accept(NOON, *causes(20, severity="critical"))
    storm = door.live(STORM)
    assert (storm.loud.critical, storm.counts.ranks[4]) == (20 - 3, 20 - 3)
    paged = {"judged": 20 - 3, "decided": 4, "judged_loud": storm.loud, "paged_loud": storm.loud}
    door.waits(STORM, awaiting="resolution", paged_seq=1, paged_rank=4, acked_seq=1, acked_rank=4, **paged)

    door.accept(at(1), *causes(4, "More", severity="critical"))

    # A minute later three of the four open incidents of their own.
    assert door.live(STORM).loud.critical == (20 - 3) + (4 - 3)
    assert door.woken == [STORM]


def test_one_source_cannot_use_up_the_limit_of_another() -> None:
    door = stormy(per_minute=3)
    door.accept(NOON, *causes(20))
    accepted = door.accept(NOON, alert(source="datadog"))

    assert accepted.groups[0].in_storm == 0


def test_alerts_that_do_not_page_join_a_storm_at_once_until_five_minutes_after_its_last_alert() -> None:
    door = stormy(per_minute=3)
    door.accept(NOON, *causes(6))
    door.accept(at(4), *causes(2, "Later"))
    assert (door.live(STORM).joined, len(door.lives())) == (3 + 2, 4), "both joined at once"

    door.accept(at(9.5), *causes(2, "Over"))

    assert (door.live(STORM).joined, len(door.lives())) == (5, 4 + 2), "both opened incidents"


def hosts(count: int, name: str, **what: Any) -> list[NormalizedAlert]:
    """Return so many critical alerts of one name, each in a group of its own."""
    return [
        alert(alert_name=name, group_key=f"{name}/{n}", fingerprint=f"{name}/{n}", severity="critical", **what)
        for n in range(count)
    ]


def test_while_a_storm_lasts_a_name_that_pages_opens_one_incident_and_its_other_alerts_page_in_the_storm() -> None:
    door = stormy(per_minute=5)
    door.accept(NOON, *causes(9))
    door.accept(at(1), *hosts(4, "Disk"), *hosts(3, "Memory"))
    door.accept(at(4), *hosts(6, "Disk"))

    assert [live.group_key for live in door.lives() if live.loud.critical == 1] == ["Disk/0", "Memory/0"]
    # Three more Disks and two more Memories, and of the second six Disks two that had not joined yet.
    assert door.live(STORM).loud.critical == 3 + 2 + 2
    door.check_counts()


def test_a_name_whose_opening_failed_during_a_storm_may_still_open_its_one_incident() -> None:
    door = stormy(per_minute=5)
    door.accept(NOON, *causes(9))
    door.store.faults["open"] = HistoryUnavailable("down")
    with pytest.raises(HistoryUnavailable):
        door.accept(at(1), *hosts(1, "Disk"))
    door.store.faults.clear()

    door.accept(at(2), *reversed(hosts(2, "Disk")))

    assert (door.live("Disk/0").loud.critical, door.live(STORM).loud.critical) == (1, 1)


def test_after_a_storm_a_name_that_pages_may_open_several_incidents_again() -> None:
    door = stormy(per_minute=5)
    door.accept(NOON, *causes(9))
    door.accept(at(1), *hosts(2, "Disk"))

    door.accept(at(6.5), *hosts(5, "Disk"))

    # One during the storm, and three after it: of the five hosts one has an incident and one fires in the storm.
    assert sum(live.group_key.startswith("Disk") for live in door.lives()) == 1 + 3


def test_after_a_storm_was_closed_the_next_one_opens_another_incident() -> None:
    door = stormy(per_minute=3)
    noise = causes(6)
    door.accept(NOON, *noise)
    first = door.live(STORM).incident_id
    door.close(STORM, at(1))

    assert door.requests_of(at(2), *noise) == 1, "the alerts of a closed storm are duplicates for a while"
    door.accept(at(2), *causes(6, "Later"))

    assert door.live(STORM).incident_id != first
    assert door.live(STORM).joined == 3


def test_two_deliveries_that_open_a_storm_at_once_open_one_storm() -> None:
    door = stormy(per_minute=1)
    door.accept(NOON, alert(group_key="takes the token", fingerprint="t"))
    door.store.meanwhile["open"] = lambda: door.accept(NOON, *causes(1, "Other"))

    door.accept(NOON, *causes(1))

    assert door.live(STORM).joined == 2
    assert len(door.starts) == 2, "of the alert within the limit and of the storm"


def test_a_storm_that_is_written_in_threads_loses_no_alert() -> None:
    door = stormy(per_minute=3, threads=True)
    door.accept(NOON, *causes(60))

    assert sum(live.joined for live in door.lives()) == 60
    door.check_counts()


# --- the people of a route -------------------------------------------------------------------------------------------

LEVEL = {"channels": ["sns"], "on_call": "somebody", "acknowledge_within": "5m"}
ROUTED = PagingPolicy.model_validate(
    {
        "levels": [LEVEL | {"name": name} for name in ("everybody", "payments", "platform")],
        "routes": [
            {"service": ["payments-*"], "levels": ["payments"]},
            {"route": ["platform-team"], "severity": ["critical"], "levels": ["platform"]},
            {"levels": ["everybody"]},
        ],
    }
)


def services(*names: str, severity: str = "critical", name: str = "Disk") -> list[NormalizedAlert]:
    """Return alerts of one name, each for one of the services and in a group of its own."""
    keys = [f"{name}/{service}/{severity}" for service in names]
    return [
        alert(alert_name=name, service=service, group_key=key, fingerprint=key, severity=severity)
        for service, key in zip(names, keys, strict=True)
    ]


def test_in_a_storm_a_name_opens_one_incident_for_each_route_and_then_joins_the_storm_of_that_route() -> None:
    door = stormy(per_minute=5, paging=ROUTED)
    door.accept(NOON, *causes(9))
    door.accept(at(1), *services("shop", "search", "payments-api", "payments-web", "payments-db"))

    own = {"Disk/shop/critical", "Disk/payments-api/critical"}
    assert {live.group_key for live in door.lives() if live.loud.critical == 1} == own | {STORM}
    payments = door.live(storm_key("generic", levels=["payments"]))
    assert (payments.is_storm, payments.loud.critical, door.live(STORM).loud.critical) == (True, 2, 1)
    record = door.store.incidents.record(payments.incident_id)
    assert record is not None
    assert [level.name for level in ROUTED.levels_for(record.incident, "critical")] == ["payments"]
    door.check_counts()


def test_further_alerts_of_a_route_join_its_storm_and_open_no_other() -> None:
    door = stormy(per_minute=2, paging=ROUTED)
    door.accept(NOON, *services(*(f"payments-{n}" for n in range(6))))
    door.accept(at(2), *services(*(f"payments-{n}" for n in range(6, 12))))

    payments = door.live(storm_key("generic", levels=["payments"]))
    assert len(door.lives()) == 2 + 1, "two incidents and the storm"
    assert payments.joined == 12 - 2


def test_the_route_that_a_rule_gives_chooses_the_storm_only_for_the_severity_of_the_route() -> None:
    # The rule gives the route platform-team to Node, and ROUTED has that route for criticals only.
    door = stormy(per_minute=1, paging=ROUTED, rules=ruled("platform-team"))
    door.accept(NOON, *services("first", "nodes", name="Node"))
    door.accept(NOON, *services("first", "nodes", name="Node", severity="high"))

    assert door.live(storm_key("generic", levels=["platform"])).loud.critical == 1
    assert door.live(STORM).loud.high == 2


def test_alerts_that_do_not_page_join_the_storm_of_their_source_whatever_their_route() -> None:
    door = stormy(per_minute=3, paging=ROUTED)
    door.accept(NOON, *services(*(f"payments-{n}" for n in range(9)), severity="low"))

    assert door.live(STORM).joined == 9 - 3


def ruled(route: str) -> Rules:
    """Return rules that give the route to all alerts called `Node`."""
    rule = {"id": "nodes", "reason": "theirs", "match": {"alert_name": "Node"}, "route": route}
    return Rules.model_validate({"rules": [rule]})


# --- what is held -----------------------------------------------------------------------------------------------------

EVERYTHING = Silence(
    id="s-1",
    match=AlertMatch(source=("*",)),
    owner="ada",
    reason="moving house",
    created_at=NOON,
    expires_at=at(480),
    even_critical=True,
)


def test_many_held_alerts_become_a_few_held_incidents_and_one_held_storm() -> None:
    door = stormy(per_minute=3, holds=Holds(silences=[EVERYTHING]))
    for minute in range(9):
        door.accept(at(minute), *causes(5, f"Minute{minute}", severity="high"))

    held = door.live(storm_key("generic", EVERYTHING.hold(NOON)))
    assert (len(door.lives()), held.joined) == (3 + 1, 9 * 5 - 3)
    assert all(live.held_until == at(480) and live.loud.high == 0 for live in door.lives())
    door.check_counts()


def test_held_alerts_do_not_use_up_the_limit_of_alerts_that_are_not_held() -> None:
    door = stormy(per_minute=3, holds=Holds(silences=[EVERYTHING]))
    door.accept(NOON, *causes(9))
    door.holds = Holds()

    assert sum(group.in_storm for group in door.accept(NOON, *causes(3, "Loud")).groups) == 0


def test_a_held_alert_does_not_join_a_storm_whose_hold_a_person_ended() -> None:
    door = stormy(per_minute=3, holds=Holds(silences=[EVERYTHING]))
    door.accept(NOON, *causes(9, severity="high"))
    key = storm_key("generic", EVERYTHING.hold(NOON))
    door.store.incidents.end_hold(door.live(key).incident_id, "a person", at(1))

    door.accept(at(2), *causes(2, "Later", severity="high"))

    assert (door.live(key).joined, door.live("Later-0").held_until) == (9 - 3, at(480))


def test_an_alert_that_joined_a_held_storm_ends_in_it_also_after_the_silence_is_over() -> None:
    door = stormy(per_minute=3, holds=Holds(silences=[EVERYTHING]))
    noise = causes(5)
    door.accept(NOON, *noise)
    door.holds = Holds()

    ended = [each.model_copy(update={"status": "resolved", "ends_at": at(490)}) for each in noise[3:]]
    door.accept(at(490), *ended)

    assert door.live(storm_key("generic", EVERYTHING.hold(NOON))).firing == 0


# --- the storm's alert ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("first", "of_storm"), [("low", "high"), ("high", "high"), ("critical", "critical")])
def test_the_alert_of_a_storm_is_high_or_as_critical_as_its_first_alert_and_names_the_limit(
    first: Severity, of_storm: str
) -> None:
    arrival = Arrival(alert(alert_name="TargetDown", message="x" * 4_000), NOON, SEVERITY_RANK[first])

    found = storm_alert(arrival, STORM, "5 a minute")

    assert (found.severity, found.labels) == (of_storm, {"first_alert": "TargetDown"})
    assert "5 a minute" in found.message
