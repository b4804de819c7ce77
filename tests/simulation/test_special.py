"""The special scenarios in small; `make simulate ARGS='--special year'` and `crowd` run them whole, as CI does."""

from datetime import timedelta

from tests.simulation import scenario, special
from tests.simulation.clock import START


def test_an_incident_of_three_weeks_ends_with_its_alert() -> None:
    ran = scenario.run(special.year(days=21))

    assert not ran.violations
    assert ran.world.clock.now() > START + timedelta(days=21)
    assert ran.oracle.checks["reached"] >= 4, "the oracle looked whether each alert reached people"
    assert not any(live.is_open for live in ran.oracle.stored.lives())


def test_a_crowd_of_alerts_is_counted_to_the_last() -> None:
    ran = scenario.run(special.crowd(300))

    (live,) = ran.oracle.stored.lives()
    assert not ran.violations
    assert (live.is_open, live.firing, live.joined) == (False, 0, 300)
