"""Tests of the ends of composite alarms, which another child may trigger than the child that triggered the alarm."""

import json
from datetime import datetime
from typing import Any

import pytest

from firstline.sources import Batch, normalize_batch
from tests.support.builders import NOON, at
from tests.unit.ingest.behind_the_door import World, post
from tests.unit.ingest.door import Door

ARN = "arn:aws:cloudwatch:eu-west-1:210987654321:alarm:"
RULE = f'ALARM("cart-5xx") OR (ALARM({ARN}cart-latency) AND NOT OK(cart-idle))'


def composite(state: str, child: str, when: datetime, rule: Any = RULE) -> dict[str, Any]:
    return {
        "AlarmName": "cart-P1",
        "AlarmArn": f"{ARN}cart-P1",
        "AWSAccountId": "210987654321",
        "NewStateValue": state,
        "NewStateReason": "A child changed.",
        "StateChangeTime": when.isoformat(),
        "AlarmRule": rule,
        "TriggeringChildren": [{"Arn": f"{ARN}{child}", "State": {"Value": state}}],
    }


def read(message: dict[str, Any]) -> Batch:
    return normalize_batch("cloudwatch", message, headers={"x-amz-sns-rawdelivery": "true"})


@pytest.mark.parametrize("began", ["cart-5xx", "cart-latency", "cart-idle"])
@pytest.mark.parametrize("ended", ["cart-5xx", "cart-latency"])
def test_a_composite_alarm_resolves_its_incident_whichever_child_triggers_the_end(began: str, ended: str) -> None:
    door = Door()
    (fires,) = read(composite("ALARM", began, NOON)).alerts
    door.accept(NOON, fires)

    over = read(composite("OK", ended, at(9)))
    door.accept(at(9), *over.alerts, *over.ends_elsewhere)

    assert door.live(fires.group_key).firing == 0
    assert (len(over.alerts), len(door.starts)) == (1, 1)


@pytest.mark.parametrize(
    ("named", "name"),
    [
        ('"cart 5xx (prod)"', "cart 5xx (prod)"),
        ('"cart\'s 5xx"', "cart's 5xx"),
        ("'cart 5xx'", "cart 5xx"),
        (" cart-5xx ", "cart-5xx"),
    ],
)
def test_a_child_is_found_in_the_rule_however_its_name_is_quoted(named: str, name: str) -> None:
    (fires,) = read(composite("ALARM", name, NOON, rule=f"ALARM({named}) OR ALARM(cart-latency)")).alerts

    over = read(composite("OK", "cart-latency", at(9), rule=f"ALARM({named}) OR ALARM(cart-latency)"))

    assert fires.group_key in {end.group_key for end in over.ends_elsewhere}


def test_a_firing_composite_alarm_and_an_end_of_a_plain_alarm_have_no_other_group_keys() -> None:
    assert not read(composite("ALARM", "cart-5xx", NOON)).ends_elsewhere
    plain = composite("OK", "cart-5xx", NOON, rule=None) | {"TriggeringChildren": None}
    assert not read(plain).ends_elsewhere


@pytest.mark.parametrize("rule", [7, "", "ALARM(", "ALARM(" * 2_000, '("' * 5_000])
def test_an_unreadable_rule_does_not_stop_the_end_of_its_alarm(rule: Any) -> None:
    over = read(composite("OK", "cart-5xx", NOON, rule=rule))

    assert (len(over.alerts), len(over.ends_elsewhere)) == (1, 1), "elsewhere: under the key without a child"


def test_a_child_that_its_rule_names_500_times_has_one_group_key() -> None:
    over = read(composite("OK", "cart-5xx", NOON, rule="ALARM(a) " * 500))

    assert (len(over.alerts), len(over.ends_elsewhere)) == (1, 2), "elsewhere: without a child, and under a"


def test_the_front_door_accepts_an_end_under_every_group_key_and_counts_one_alert() -> None:
    world = World()

    _, answer = post(world, "/alerts/cloudwatch", json.dumps(composite("OK", "cart-latency", NOON)))

    assert answer["alert_count"] == 1
    # One key without a child, and one for each of the three children that the rule names.
    assert len({alert.group_key for alert in world.alerts}) == len(world.alerts) == 1 + 3
