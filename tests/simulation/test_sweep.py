"""The fault sweep as a test: the stories as they are told, and a few of the cells. `.ci/run` sweeps thousands.

`make simulate ARGS=sweep` runs every cell, which takes a quarter of an hour on two cores.
"""

import pytest

from tests.simulation import sweep
from tests.simulation.stories import PROBE, STORIES
from tests.support.depth import THOROUGH

SEED = 20260105
MOST = 3 if THOROUGH else 1
FEW = {"storm": 1, "batch": min(2, MOST)}
"""The cells of stories that take long: fewer than of others."""

ONCE_BAD = ("cured/eventbridge:command/3/refuse",)
"""Cells in which something was wrong once, in the product or in its judge."""


def chosen() -> list[sweep.Cell]:
    """Return the cells to run."""
    drawn = sweep.sample(MOST, SEED)
    by_story = {story: [cell for cell in drawn if cell.story == story] for story in STORIES}
    return [cell for story, some in by_story.items() for cell in some[: FEW.get(story, MOST)]]


@pytest.mark.parametrize("story", STORIES)
def test_a_story_without_faults_has_the_pages_and_commands_that_it_tells(story: str) -> None:
    told, ran = STORIES[story], sweep.clean(story)

    pages = [message for message in ran.world.messages if message.kind in ("page", "trigger")]
    assert not ran.violations
    assert len(pages) == told.pages
    assert len(ran.world.fleet.sent) == told.commands
    assert not any(live.is_open for live in ran.oracle.stored.lives())
    # The alert that probes the stack after a fault is not part of this run, so no page above is its page.
    assert not any(PROBE in message.incident_id for message in ran.world.messages)


def test_no_single_fault_loses_an_alert_or_does_anything_twice() -> None:
    swept = list(sweep.sweep(chosen(), 1))

    broken = [f"{each.cell}: {each.violation.rule}: {each.violation.about}" for each in swept if each.violation]
    assert not broken, "python -m tests.simulation sweep --cell '<the part before the colon>' tells the story"
    assert len({each.cell.story for each in swept}) == len(STORIES)


@pytest.mark.parametrize("cell", ONCE_BAD)
def test_a_cell_that_was_bad_once_is_good(cell: str) -> None:
    assert sweep.judge(sweep.Cell.of(cell)).violation is None


def test_there_are_cells_for_every_story_and_kind_of_fault() -> None:
    kinds = {cell.kind for cell in sweep.every_cell()}

    assert len(sweep.every_cell()) >= 1_000
    assert kinds >= {"refuse", "lost", "echo", "conflict", "kill before", "kill after", "others first", "busy", "slow"}


def test_a_cell_is_judged_the_same_whether_it_forks_or_runs_from_its_beginning() -> None:
    some = [cell for cell in sweep.sample(3, SEED) if cell.story in ("noise", "worse")]

    assert {each.cell: each for each in sweep.sweep(some, 2)} == {cell: sweep.judge(cell) for cell in some}


def test_an_error_in_a_run_that_forked_is_an_error_of_the_sweep(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sweep, "_judged", lambda cell, ran: 1 / 0)
    a_few = sweep.cells("noise")[:40:10]

    with pytest.raises(RuntimeError, match="ZeroDivisionError"):
        list(sweep.sweep(a_few, 1))


def test_a_call_that_is_never_made_is_an_error_of_the_sweep() -> None:
    with pytest.raises(RuntimeError, match="made no such calls"):
        list(sweep.sweep([sweep.Cell("noise", "nobody:calls.this", 1, "refuse")], 1))


def test_a_cell_is_found_by_its_id() -> None:
    for cell in sweep.sample(3, SEED):
        assert sweep.Cell.of(str(cell)) == cell
