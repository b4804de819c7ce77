"""The simulation as a test: seeds, and that a seed replays exactly.

`make test` runs a few; `make simulate`, and CI after `make test`, run these and many more.
"""

from dataclasses import replace
from itertools import count

import pytest

from tests.simulation import drawing, kinds, scenario, shrink
from tests.simulation.planted import BUGS, FOUND_BY, planted
from tests.support.depth import some

SEEDS = range(1, 13)


@pytest.mark.parametrize("seed", list(some(SEEDS)))
def test_a_seed_breaks_no_rule(seed: int) -> None:
    ran = scenario.run(drawing.drawn(seed))

    assert not ran.violations, f"make simulate ARGS='--replay {seed}' tells the story: {ran.violations[0]}"
    assert ran.oracle.checks["counts"] > 0, "the oracle compared the counts of alerts, so it looked at all"


@pytest.mark.parametrize("kind", kinds.KINDS)
def test_a_kind_of_weather_only_adds_to_what_a_seed_draws(kind: str) -> None:
    plain = next(drawn for drawn in map(drawing.drawn, count(1)) if kind not in kinds.of(drawn.seed))
    forced = drawing.drawn(plain.seed, forced=[kind])

    assert len(forced.happenings) > len(plain.happenings)
    assert set(forced.happenings) > set(plain.happenings)
    assert replace(forced, happenings=plain.happenings) == plain


def test_a_seed_with_several_kinds_of_weather_breaks_no_rule() -> None:
    takes_days = "expiry"
    all_others = [kind for kind in kinds.KINDS if kind != takes_days]
    within_hours = next(seed for seed in count(1) if takes_days not in kinds.of(seed))
    ran = scenario.run(drawing.drawn(within_hours, forced=all_others))

    assert not ran.violations
    assert ran.oracle.checks["heartbeat"] > 0, "the oracle looked at a heartbeat, one of these kinds"


def test_a_seed_replays_exactly() -> None:
    first, second = (scenario.run(drawing.drawn(7), remember=1_000_000) for _ in range(2))

    assert [call[:5] for call in first.world.calls.log] == [call[:5] for call in second.world.calls.log]
    assert first.world.messages == second.world.messages
    assert first.world.memory.snapshot() == second.world.memory.snapshot()


def test_the_faults_of_a_seed_replay_as_a_list() -> None:
    first = scenario.run(drawing.drawn(9))
    faults = [fault for _, fault in first.world.faults.happened]
    second = scenario.run(replace(drawing.drawn(9), only=scenario.exactly(faults)))

    assert faults
    assert [fault for _, fault in second.world.faults.happened] == faults
    assert second.world.memory.snapshot() == first.world.memory.snapshot()


def test_a_failing_seed_shrinks() -> None:
    bug = next(bug for bug in BUGS if bug.name == "a resolve that is not subtracted")
    given = drawing.drawn(FOUND_BY[bug.name])

    with planted(bug):
        rule = scenario.run(given).violations[0].rule
        small = shrink.shrunk(given, rule, runs=12)
        ran = scenario.run(small, remember=1_000)

    assert len(small.happenings) < len(given.happenings)
    assert any(rule in line for line in shrink.story(ran))
