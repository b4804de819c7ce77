"""docs/runbooks.md, followed to the letter: its runbook is sound, and its scenarios end as they say."""

import re
from pathlib import Path

import pytest

from firstline.remediation.plan import parameter_values
from firstline_cli.lint.check import read_checked
from local.rehearsal.rehearse import rehearse, scenarios
from tests.runbooks.conftest import SHIPPED, StartHost

GUIDE = (Path(__file__).parents[2] / "docs" / "runbooks.md").read_text()


def block(language: str, after: str) -> str:
    """Return the first code block of a language that follows a phrase in docs/runbooks.md."""
    return GUIDE.partition(after)[2].partition(f"```{language}\n")[2].partition("```")[0]


@pytest.fixture
def followed(tmp_path: Path) -> Path:
    """Return a folder with the runbook and the scenarios of the guide."""
    (tmp_path / "runbooks").mkdir()
    (tmp_path / "runbooks/stuck-queue.yaml").write_text(block("yaml", "**1. Write it.**"))
    (tmp_path / "scenarios/stuck-queue").mkdir(parents=True)
    for name in ("cured", "not-cured"):
        text = block("bash", f"`mine/scenarios/stuck-queue/{name}.sh`:")
        (tmp_path / f"scenarios/stuck-queue/{name}.sh").write_text(text)
    return tmp_path


def test_the_runbook_that_the_guide_writes_is_sound_and_begins_in_shadow(followed: Path) -> None:
    (runbook,), problems = read_checked(followed / "runbooks")

    assert problems == []
    assert runbook.mode == "shadow"


@pytest.mark.parametrize("name", ["cured", "not-cured"])
def test_a_host_that_the_guide_breaks_ends_as_it_says(followed: Path, name: str, start_host: StartHost) -> None:
    (runbook,), _ = read_checked(followed / "runbooks")
    (scenario,) = [scenario for scenario in scenarios("stuck-queue", followed / "scenarios") if scenario.name == name]
    values, _ = parameter_values(runbook, runbook.examples.match[0].as_alert())

    rehearsal = rehearse(runbook, values, start_host(), scenario=scenario, most_attempts=2)

    assert not any(attempt.succeeded for attempt in rehearsal.of("before"))
    assert rehearsal.ending == scenario.ending
    assert rehearsal.after is not None
    assert rehearsal.after.exit_code == 0


def test_the_guides_table_shows_every_shipped_runbook_with_its_risk_and_mode() -> None:
    table = GUIDE.partition("## What ships")[2].partition("## Its keys")[0]
    rows = re.findall(r"^\| `([a-z-]+)` \| (.+) \| (\w+) \| (\w+) \|$", table, re.MULTILINE)

    assert rows == [(book.id, book.title, book.risk, book.mode) for book in SHIPPED.values()]


def test_every_stand_in_is_named_in_the_guide() -> None:
    from local.emulator.hosts import HOST_FILES

    paragraph = GUIDE.partition("A tool that cannot be real has a stand-in")[2].partition("\n\n")[0]
    named = {word.split()[0] for word in re.findall(r"`([a-z -]+)`", paragraph)}
    # runuser is no tool of a runbook: it is how a step runs as somebody else.
    assert {path.name for path in (HOST_FILES / "bin").iterdir()} - {"runuser"} <= named
