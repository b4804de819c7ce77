"""A runbook draft out of the commands that a person noted. In shadow, outside of `runbooks/`, and plainly unfinished.

The commands come from notes alone, which authenticated people wrote; never from an alert, a model or a host's output.
They stand as they were written: what of them should be a parameter is for people to say.
"""

import re
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import yaml

from firstline.classification.redaction import safe_line
from firstline.models import Note
from firstline.runbooks.catalogue import Problem
from local.learning.story import Story
from local.linting.check import read_checked

MAX_COMMANDS = 50
FENCE = "```"

HEAD = """\
# DRAFT, unreviewed. From the commands that {people} noted after {incident}.
# To be filled in before it is copied to runbooks/{id}.yaml:
#   match       which alerts it is really for, and examples.no_match: the most similar one that it would not help
#   parameters  what of the commands differs from host to host: a value that comes from the alert, with its pattern
#   risk        what the worst of the commands can do; order, timeouts, and what to do when one fails
#   verify      how one sees that it helped. As it stands, it never says so, and rollback is missing
"""


class _Block(str):
    """A text that YAML shows line by line."""


class _Dumper(yaml.SafeDumper):
    pass


_Dumper.add_representer(_Block, lambda dumper, text: dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|"))


def commands(notes: Sequence[Note]) -> list[str]:
    """What people noted as commands: lines that begin with `$ `, and lines between fences."""
    return [line for note in notes for line in _commands(note.text)][:MAX_COMMANDS]


def write(story: Story, folder: Path) -> Path | None:
    """Write the draft, or nothing where nobody noted a command."""
    found = commands(story.record.notes)
    if not found:
        return None
    draft = _draft(story, found)
    people = ", ".join(sorted({note.by for note in story.record.notes if list(_commands(note.text))}))
    head = HEAD.format(people=safe_line(people, 200), incident=story.incident.incident_id, id=draft["id"])
    text = yaml.dump(draft, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=110)
    path = folder / "runbook.yaml"
    path.write_text(head + text, encoding="utf-8")
    return path


def problems(draft: Path, runbooks: Path) -> list[Problem]:
    """What `runbooks check` would say of the draft among the others, without putting it there."""
    name = f"{yaml.safe_load(draft.read_text(encoding='utf-8'))['id']}.yaml"
    with tempfile.TemporaryDirectory() as copy:
        for path in runbooks.glob("*.yaml"):
            shutil.copy(path, copy)
        shutil.copy(draft, Path(copy) / name)
        _, found = read_checked(Path(copy))
    return [problem for problem in found if problem.file == name]


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


def _draft(story: Story, found: Sequence[str]) -> dict[str, Any]:
    alert = story.incident.alert
    # A star stands for anything in a match; names are compared without punctuation anyway.
    name = safe_line(alert.alert_name.replace("*", " "), 200)
    slug = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:34].strip("-") or "alert"
    example = {"alert": name, "source": alert.source, "host": alert.host, "service": alert.service}
    return {
        "id": f"draft-{slug}",
        "title": safe_line(f"Draft: what helped with {name}", 120),
        "match": {"alerts": [name]},
        "examples": {"match": [{key: value for key, value in example.items() if value}]},
        "mode": "shadow",
        "risk": "disruptive",
        "target": "host",
        "limits": {"cooldown": "1h", "per_hour": 1, "max_hosts": 1},
        "steps": [{"id": "as-noted", "kind": "act", "timeout": "5m", "run": _Block("\n".join(found) + "\n")}],
        "verify": {
            "within": "5m",
            "run": _Block("echo 'to be filled in: how does one see that it helped?'\nexit 1\n"),
        },
    }
