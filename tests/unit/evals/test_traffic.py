"""Recurring traffic through the real code: memory spares the model, and never makes less of what turned critical."""

import pytest

from evals import traffic


@pytest.fixture(scope="module")
def counted() -> traffic.Counted:
    return traffic.replay(traffic.Settings(incidents=900))


def test_most_of_what_comes_back_needs_no_model(counted: traffic.Counted) -> None:
    """At 30 incidents a day, half of 200 causes are hardly ever met twice; `make eval ARGS=--traffic` has the rest."""
    assert counted.after_warm_up >= 500
    assert counted.share <= 0.35
    assert counted.share < 1 - 0.6


def test_what_is_remembered_is_mostly_right(counted: traffic.Counted) -> None:
    assert counted.from_memory >= 400
    assert counted.right_from_memory / counted.from_memory >= 0.9


def test_no_critical_incident_is_downgraded_by_a_stale_entry(counted: traffic.Counted) -> None:
    assert counted.turned_critical >= 8
    assert counted.downgraded == []


@pytest.mark.parametrize("turn", traffic.TURNS)
def test_a_harmless_cause_that_turns_critical_is_judged_afresh(turn: traffic.Turn) -> None:
    """It was confirmed as harmless again and again, for 15 days; then it shows that it is not."""
    settings = traffic.Settings(incidents=900, speaks=0.5)
    first = next(one for one in traffic.causes(settings) if one.turn == turn)
    seen = traffic.after_its_turn(settings, first)
    assert seen.before.decided_by == "cache"
    assert seen.before.severity == "low"
    assert seen.after.decided_by == "llm"
    assert seen.after.severity == "critical"


def test_the_same_settings_give_the_same_traffic() -> None:
    few = traffic.Settings(incidents=150)
    assert traffic.replay(few) == traffic.replay(few)
