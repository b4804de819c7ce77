"""Tests of alerts that ingest holds or grades by the owner's silences, rules and inhibitions."""

from typing import Any

import pytest

from firstline.models import NormalizedAlert
from firstline.policy.holds import Holds, Silence
from firstline.policy.match import AlertMatch
from firstline.policy.rules import Rules
from tests.support.builders import NOON, alert, at
from tests.unit.ingest.door import Door, resolved

# --- holds ------------------------------------------------------------------------------------------------------------


def silence(host: str = "web-*", minutes: float = 60, **what: Any) -> Silence:
    fields: dict[str, Any] = {"id": "s-1", "match": AlertMatch(host=(host,)), "owner": "ada", "reason": "because"}
    return Silence(**fields | {"created_at": NOON, "expires_at": at(minutes)} | what)


def test_an_incident_is_held_until_the_first_hold_ends_and_only_if_all_its_alerts_are_held() -> None:
    door = Door(holds=Holds(silences=[silence("web-1"), silence("web-2", 10, id="s-2")]))
    door.accept(NOON, alert(severity="high"), alert(fingerprint="fp-2", host="web-2", severity="high"))
    loud = Door(holds=door.holds)
    loud.accept(NOON, alert(severity="high"), alert(fingerprint="fp-2", host="db-1", severity="high"))

    hold = door.store.only.incident.hold
    assert hold is not None
    assert (hold.id, door.live().held_until, door.live().loud.high) == ("s-2", at(10), 0)
    assert loud.store.only.incident.hold is None
    assert loud.live().loud.high == 2


@pytest.mark.parametrize(
    ("joins", "minutes", "loud", "woken"),
    [
        pytest.param({"host": "db-1", "severity": "high"}, 1, 1, True, id="it would page and is not held"),
        pytest.param({"host": "db-1"}, 1, 0, False, id="it would not page"),
        pytest.param({"host": "web-2", "severity": "high"}, 1, 0, False, id="it is held"),
        pytest.param({"host": "web-2", "severity": "critical"}, 1, 1, True, id="a critical one is not silenced"),
        pytest.param({"host": "web-2", "severity": "high"}, 61, 1, True, id="the hold is over"),
    ],
)
def test_only_an_alert_that_pages_and_is_not_held_ends_the_wait_of_a_held_incident(
    joins: dict[str, Any], minutes: float, loud: int, woken: bool
) -> None:
    door = Door(holds=Holds(silences=[silence("web-*", minutes=60)]))
    door.accept(NOON, alert(host="web-1", severity="high"))
    door.waits(awaiting="hold", judged=1)

    door.accept(at(minutes), alert(fingerprint="fp-2", **joins))

    assert door.live().loud.high + door.live().loud.critical == loud
    assert bool(door.woken) is woken


def test_a_held_alert_pages_if_the_incidents_hold_ends_before_its_write() -> None:
    door = Door(holds=Holds(silences=[silence("web-1")]))
    door.accept(NOON, alert(host="web-1", severity="high"))
    held = door.live().incident_id
    door.store.meanwhile["apply"] = lambda: door.store.incidents.end_hold(held, "a person", at(1))

    door.accept(at(1), alert(host="web-1", fingerprint="fp-2", severity="high"))

    assert door.live().loud.high == 1, "the second; the first was held"


# --- rules ------------------------------------------------------------------------------------------------------------


def test_an_alert_that_joins_is_graded_by_the_rules_for_itself_and_not_for_the_first_alert() -> None:
    rule = {"id": "tests", "match": {"host": "test-*"}, "severity": "low", "reason": "nobody uses them"}
    door = Door(rules=Rules.model_validate({"rules": [rule]}))
    door.accept(NOON, alert(host="test-1", severity="critical"))
    assert door.live().loud.critical == 0

    door.accept(at(1), alert(fingerprint="fp-2", host="db-1", severity="critical"))

    assert (door.live().counts.ranks, door.live().loud.critical) == ((0, 1, 0, 0, 1), 1)


# --- inhibition -------------------------------------------------------------------------------------------------------

NODE = {
    "id": "node-down",
    "source": {"alert_name": "NodeDown"},
    "target": {"alert_name": "Pod*"},
    "equal": ["node"],
    "reason": "Its pods cannot run.",
}
INHIBITS = Rules.model_validate({"rules": [], "inhibit": [NODE]})
NODE_DOWN = alert(alert_name="NodeDown", group_key="node", fingerprint="n", labels={"node": "n1"}, severity="critical")


def pod(number: int, node: str = "n1", **what: Any) -> NormalizedAlert:
    fields: dict[str, Any] = {"alert_name": "PodDown", "group_key": f"pod-{number}", "labels": {"node": node}}
    return alert(**fields | {"fingerprint": f"p-{number}", "severity": "high"} | what)


def held_by(door: Door, group_key: str) -> str | None:
    record = door.store.incidents.record(door.live(group_key).incident_id)
    assert record is not None
    return record.incident.hold.by if record.incident.hold else None


def test_an_alert_is_held_if_it_comes_while_a_source_with_equal_labels_fires() -> None:
    node_up = resolved(2, **NODE_DOWN.model_dump(include={"group_key", "fingerprint", "source"}))
    door = Door(rules=INHIBITS)
    door.accept(NOON, NODE_DOWN)
    door.accept(at(1), pod(1), pod(2, "n2"))
    door.accept(at(2), node_up)
    door.accept(at(3), pod(3))

    assert held_by(door, "node") is None
    assert held_by(door, "pod-1") == "inhibition"
    assert held_by(door, "pod-2") is None, "it is on another node"
    assert held_by(door, "pod-3") is None, "it came after the node was up again"
    assert door.live("pod-1").loud.high == 0, "a held alert is not counted as one that calls people"


def test_a_source_holds_a_target_of_the_same_delivery_and_not_itself() -> None:
    door = Door(rules=INHIBITS)
    door.accept(NOON, pod(1), NODE_DOWN)

    assert (held_by(door, "pod-1"), held_by(door, "node")) == ("inhibition", None)


def test_the_count_of_firing_sources_is_exact_also_for_ends_after_the_close_of_their_incident() -> None:
    door = Door(rules=INHIBITS)
    (key,) = door.ingestion._judge.inhibited_by(pod(1))
    twin = NODE_DOWN.model_copy(update={"fingerprint": "n-2"})
    door.accept(NOON, NODE_DOWN, twin)
    door.accept(at(1), NODE_DOWN)
    assert door.counters(key) == {key: 2}

    door.close("node", at(2))
    ending = {"status": "resolved", "timestamp": at(3), "ends_at": at(3)}
    for source in (NODE_DOWN, twin, twin):
        door.accept(at(3), source.model_copy(update=ending))

    assert door.counters(key) == {key: 0}
