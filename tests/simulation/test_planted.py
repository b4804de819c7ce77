"""Planted bugs as a test: each still fits the product, and the simulation finds those that it is known to find.

`make simulate ARGS=planted` counts the runs that it takes to find each of them, the others included.
"""

import pytest

from tests.simulation.planted import BUGS, FOUND_BY, Planted, broken_by, planted
from tests.support.depth import THOROUGH

QUICKLY = ("a resolve that is not subtracted", "no page for something worse", "an expiry on what still fires")
KNOWN = [bug for bug in BUGS if bug.name in FOUND_BY]


def test_there_are_at_least_twenty_planted_bugs_each_with_a_name_of_its_own() -> None:
    assert len({bug.name for bug in BUGS}) == len(BUGS) >= 20


def test_each_seed_that_finds_a_bug_names_a_planted_one() -> None:
    assert FOUND_BY.keys() <= {bug.name for bug in BUGS}


@pytest.mark.parametrize("bug", BUGS, ids=lambda bug: bug.name)
def test_a_planted_bug_still_fits_the_product(bug: Planted) -> None:
    with planted(bug):
        pass


@pytest.mark.parametrize(
    "bug",
    [bug for bug in KNOWN if THOROUGH or bug.name in QUICKLY],
    ids=lambda bug: bug.name,
)
def test_the_simulation_finds_a_planted_bug(bug: Planted) -> None:
    assert broken_by(bug)
