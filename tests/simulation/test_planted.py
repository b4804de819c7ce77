"""Planted bugs as a test: each still fits the product, and the simulation finds a few quickly; in CI, each of them."""

import os
from concurrent.futures import ProcessPoolExecutor
from functools import partial

import pytest

from tests.simulation.planted import BUGS, Planted, planted, runs_to_find
from tests.support.needs import REQUIRE_ALL

MOST_RUNS = 500
QUICKLY = (
    "a resolve that is not subtracted",
    "a page that is sent without a claim",
    "a successor of the same generation",
    "an expiry on what still fires",
)


def test_there_are_at_least_twenty_planted_bugs() -> None:
    assert len({bug.name for bug in BUGS}) == len(BUGS) >= 20


@pytest.mark.parametrize("bug", BUGS, ids=lambda bug: bug.name)
def test_a_planted_bug_still_fits_the_product(bug: Planted) -> None:
    with planted(bug):
        pass


def test_the_simulation_finds_planted_bugs(capsys: pytest.CaptureFixture[str]) -> None:
    everything = bool(os.environ.get(REQUIRE_ALL))
    numbers = [number for number, bug in enumerate(BUGS) if everything or bug.name in QUICKLY]
    find = partial(runs_to_find, most=MOST_RUNS)
    if everything:
        with ProcessPoolExecutor(os.cpu_count() or 1) as pool:
            found = list(pool.map(find, numbers))
    else:
        found = [find(number) for number in numbers]

    said = [
        f"{BUGS[number].name}: {rule or 'NOT FOUND'} after {runs} runs"
        for number, (runs, rule) in zip(numbers, found, strict=True)
    ]
    with capsys.disabled():
        print("", *said, sep="\n")
    assert all(rule for _, rule in found), [text for text in said if "NOT FOUND" in text]
