"""Tests of inhibitions: which alerts are held while a source alert fires, and what a mistake in the file is told."""

from pathlib import Path
from typing import Any

import pytest

from firstline.errors import ConfigurationError
from firstline.models import NormalizedAlert
from firstline.policy import rules
from firstline.policy.inhibition import AT_MOST, Inhibition, inhibited, source_keys, target_keys
from tests.support.builders import NOON, alert

NODE = {"id": "node-down", "source": {"alert_name": "NodeDown"}, "target": {"severity": ["high", "medium"]}}


def rule(**what: Any) -> Inhibition:
    return Inhibition.model_validate(NODE | {"equal": ["cluster", "node"], "reason": "because"} | what)


def down(**labels: str) -> NormalizedAlert:
    return alert(alert_name="NodeDown", severity="critical", labels=labels)


def held(declared: Inhibition, target: NormalizedAlert, *sources: NormalizedAlert) -> bool:
    """Return True if the rule holds the target while the source alerts fire."""
    counts: dict[str, int] = {}
    for source in sources:
        for key in source_keys([declared], source):
            counts[key] = counts.get(key, 0) + 1
    return inhibited([declared], target, counts) is declared


@pytest.mark.parametrize(
    ("source", "target", "holds"),
    [
        ({"cluster": "eu", "node": "n1"}, {"cluster": "eu", "node": "n1"}, True),
        ({"cluster": "eu", "node": "n1"}, {"cluster": "eu", "node": "n2"}, False),
        ({"cluster": "eu", "node": "n1"}, {"cluster": "eu"}, False),
        ({"cluster": "eu"}, {"cluster": "eu", "node": ""}, False),
        ({"cluster": "eu"}, {"cluster": "eu"}, True),
        ({}, {}, True),
        ({"cluster": "a", "node": "b"}, {"cluster": "a\0=b"}, False),
    ],
)
def test_a_source_holds_a_target_only_if_all_labels_in_equal_are_equal_or_both_missing(
    source: dict[str, str], target: dict[str, str], holds: bool
) -> None:
    assert held(rule(equal=["cluster", "node"]), alert(labels=target), down(**source)) is holds


def test_without_equal_labels_every_source_holds_every_target() -> None:
    assert held(rule(equal=[]), alert(labels={"a": "b"}), down(c="d"))


def test_equal_may_name_a_field_of_the_alert_such_as_its_host() -> None:
    by_host = rule(equal="host")

    assert held(by_host, alert(host="web-1"), down().model_copy(update={"host": "web-1"}))
    assert not held(by_host, alert(host="web-1"), down().model_copy(update={"host": "web-2"}))


def test_an_alert_that_matches_both_sides_is_never_held() -> None:
    both = rule(target={"alert_name": "*Down"}, equal=[])
    node_down = down()

    assert not held(both, node_down, node_down, down(node="another"))
    assert target_keys([both], node_down) == ()


def test_a_rule_without_firing_sources_holds_nothing() -> None:
    declared = rule(equal=[])
    (key,) = target_keys([declared], alert())

    assert inhibited([declared], alert(), {key: 0}) is None
    assert inhibited([declared], alert(), {key: -1}) is None
    assert inhibited([declared], alert(), {}) is None


def test_a_changed_rule_has_another_key_so_its_count_begins_anew() -> None:
    (before,) = source_keys([rule()], down(node="n1"))
    (reworded,) = source_keys([rule(reason="another")], down(node="n1"))
    (changed,) = source_keys([rule(source={"alert_name": "Node*"})], down(node="n1"))

    assert before == reworded != changed


def test_the_hold_of_an_inhibition_names_the_rule_and_reason_and_has_an_end() -> None:
    hold = rule(id="node-down", reason="because").hold(NOON)

    assert (hold.by, hold.id, hold.until - NOON) == ("inhibition", "node-down", AT_MOST)
    assert "because" in hold.reason


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ("{id: a, source: {alert_name: X}, target: {alert_name: Y}}", "inhibition 1 (a): `reason`"),
        ("{id: a, source: {alert_nam: X}, target: {alert_name: Y}, reason: r}", "unknown key `source.alert_nam`"),
        ("{id: a, source: {alert_name: X}, target: {}, reason: r}", "an empty match"),
        ('{id: a, source: {alert_name: "*"}, target: {alert_name: Y}, reason: r}', "make `source` narrower"),
        ("{id: a, source: {alert_name: X, hours: 1}, target: {alert_name: Y}, reason: r}", "write one of alert_name"),
    ],
)
def test_a_mistake_is_refused_with_its_place_and_fix(entry: str, message: str, tmp_path: Path) -> None:
    path = tmp_path / "rules.yaml"
    path.write_text(f"rules: []\ninhibit:\n  - {entry}\n")

    with pytest.raises(ConfigurationError, match=r"rules\.yaml") as refused:
        rules.load(path)

    assert message in str(refused.value)
