"""The draft of a runbook from the commands that people noted: in shadow mode, outside of `runbooks/`, unfinished.

The commands come only from notes, which authenticated people wrote, never from an alert, a model or a host's output.
They are not changed: people decide which parts become parameters.
"""

import re
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from firstline.models import Note
from firstline.policy.files import read_yaml
from firstline.privacy.safe_text import safe_line
from firstline.runbooks import catalogue
from firstline.runbooks.catalogue import Problem
from firstline_cli.learn.story import Story
from firstline_cli.learn.templates import render
from firstline_cli.lint.check import problems_of

MAX_COMMANDS = 50
FENCE = "```"


def commands(notes: Sequence[Note]) -> list[str]:
    """Return at most 50 commands from notes: what follows `$ ` at the start of a line, and lines between ``` fences."""
    return [line for note in notes for line in _commands(note.text)][:MAX_COMMANDS]


def write(story: Story, folder: Path) -> Path | None:
    """Write the draft into the folder and return its path, or return None if no note has a command."""
    found = commands(story.record.notes)
    if not found:
        return None
    alert = story.incident.alert
    # A star in a match fits any text; names are compared without punctuation anyway.
    name = safe_line(alert.alert_name.replace("*", " "), 200)
    slug = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:34].strip("-") or "alert"
    example = {"alert": name, "source": alert.source, "host": alert.host, "service": alert.service}
    people = ", ".join(sorted({note.by for note in story.record.notes if list(_commands(note.text))}))
    head = {"people": safe_line(people, 200), "incident_id": story.incident.incident_id}
    title = safe_line(f"Draft: what helped with {name}", 120)
    match = {"name": name, "example": {key: value for key, value in example.items() if value}}
    script = "\n".join(found) + "\n"
    text = render("runbook.yaml", **head, id=f"draft-{slug}", title=title, **match, commands=script)
    path = folder / "runbook.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def problems(draft: Path, runbooks: Path) -> list[Problem]:
    """Return the problems that `runbooks check` would find in the draft if it were in the folder `runbooks`."""
    name = read_yaml(draft, missing="draft it again")["id"]
    with tempfile.TemporaryDirectory() as copy:
        for path in runbooks.glob("*.yaml"):
            shutil.copy(path, copy)
        shutil.copy(draft, Path(copy) / f"{name}.yaml")
        read, found = catalogue.read(Path(copy))
        for runbook in read:
            if runbook.id == name:
                found += problems_of(runbook, Path(copy), read)
    return [problem for problem in found if problem.file == f"{name}.yaml"]


def _commands(text: str) -> Iterator[str]:
    fenced = False
    for line in text.splitlines():
        bare = line.strip()
        if bare.startswith(FENCE):
            fenced = not fenced
        elif bare.startswith("$ "):
            yield bare[2:].strip()
        elif fenced and bare:
            yield line.rstrip()
