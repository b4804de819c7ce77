"""The writing of an incident's drafts into a folder, with a file that says what is left for people to do."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from evals.cases import read
from firstline.adapters.dynamodb.table import Table
from firstline.errors import FeedbackRefused
from firstline.runbooks.catalogue import Problem
from firstline_cli.learn import case, postmortem, runbook
from firstline_cli.learn.story import tell
from firstline_cli.learn.templates import render


@dataclass(frozen=True)
class Drafts:
    """The eval case's folder, the runbook's file (None if no note has a command), and problems found in the runbook."""

    case: Path
    runbook: Path | None
    problems: Sequence[Problem]


def write(table: Table, incident_id: str, folder: Path, runbooks: Path) -> Drafts:
    """Write the drafts of a closed incident into a folder: a postmortem, an eval case, and perhaps a runbook.

    The draft of a runbook is checked as if it were in the folder `runbooks`.

    Raises
    ------
    FeedbackRefused
        There is no such incident, it is still open, or the folder has files that a person may have edited.
    ConfigurationError
        The written eval case cannot be read, which is a bug of this package.
    """
    story = tell(table, incident_id)
    if folder.exists() and any(folder.iterdir()):
        raise FeedbackRefused(f"{folder} has drafts already, which may be edited: move them, or give --out.")
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "postmortem.md").write_text(postmortem.page(story), encoding="utf-8")
    place = case.write(story, folder / "case")
    read(place)
    draft = runbook.write(story, folder)
    problems = runbook.problems(draft, runbooks) if draft else []
    severity, told = story.severity()
    known = {"incident": story.incident, "outcome": story.record.outcome, "severity": severity, "told": told}
    made = {"case": place.relative_to(folder / "case"), "runbook": draft, "problems": problems}
    (folder / "PULL_REQUEST.md").write_text(render("PULL_REQUEST.md", **known, **made), encoding="utf-8")
    return Drafts(place, draft, problems)
