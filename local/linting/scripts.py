"""What is wrong with a runbook's scripts: what shellcheck says, and the dangerous commands in them."""

import difflib
import json
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass

from firstline.runbooks import catalogue, documents
from firstline.runbooks.catalogue import Problem
from firstline.runbooks.model import Accepted, Risk, Runbook, Step
from local.linting import bash
from local.linting.dangers import BOMB, DANGERS, LOOKS_ONLY, UNREAD, Danger
from local.linting.words import SOME, UNKNOWN

type Location = tuple[str | int, ...]

RISKS: tuple[Risk, ...] = ("read_only", "safe", "disruptive", "destructive")
"""From the smallest on."""

KNOWN = {danger.id: danger for danger in (*DANGERS, BOMB, LOOKS_ONLY, UNREAD)}
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
    """What shellcheck has to say about a runbook's scripts, at the lines of its YAML (`text`); nothing without it."""
    shellcheck = shutil.which("shellcheck")
    if shellcheck is None:
        return
    for script in _scripts(runbook):
        head = documents.guards(script.variables)
        # shellcheck has no name for a script that comes from a YAML file; it reads standard input.
        done = subprocess.run(
            [shellcheck, "--shell=bash", "--format=json", "-"],
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
    """The dangerous commands of a runbook's scripts that its risk does not cover and nobody has accepted."""
    met: dict[Location, set[str]] = {}
    for script in _scripts(runbook):
        accepted = {one.danger for one in script.accepted}
        for danger, line in found_in(script.text, parameters_of(runbook), looks=script.looks):
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


def found_in(script: str, given: dict[str, str], *, looks: bool) -> Iterator[tuple[Danger, int]]:
    """Every danger of a script with its line, from 1; of one that only looks also whatever changes something."""
    read = bash.read(script, given)
    found: set[tuple[str, int]] = set()
    for call in read.calls:
        changing = looks and LOOKS_ONLY.call(call)
        found |= {
            (danger.id, call.line)
            for danger in DANGERS
            # That it changes something is all there is to say of what would be fine in an act.
            if danger.call(call) and not (changing and danger.allowed in RISKS)
        }
        if changing:
            found.add((LOOKS_ONLY.id, call.line))
    for redirect in read.writes:
        found |= {(danger.id, redirect.line) for danger in DANGERS if danger.write(redirect)}
    found |= {(danger.id, redirect.line) for redirect in read.reads for danger in DANGERS if danger.read(redirect)}
    found |= {(BOMB.id, line) for line in read.bombs} | {(UNREAD.id, line) for line in read.unread}
    yield from ((KNOWN[danger], line) for danger, line in sorted(found, key=lambda one: (one[1], one[0])))


def accepted(runbook: Runbook) -> Iterator[tuple[Location, Accepted]]:
    """What a runbook's owner has accepted, and where: for people to read."""
    seen = {script.owner: script.accepted for script in _scripts(runbook)}
    yield from ((owner, one) for owner, several in seen.items() for one in several)


def parameters_of(runbook: Runbook) -> dict[str, str]:
    """The variables of a runbook's parameters, with what is known of their values."""
    return {f"SSM_{name}": SOME if parameter.problem("") else UNKNOWN for name, parameter in runbook.parameters.items()}


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
    """A problem at a line of a script, from 1, or at the key itself."""
    at = catalogue.line_of(text, location)
    if line > 0:
        # A script in a block begins on the line after its key, another one beside it.
        is_block = text.splitlines()[at - 1].rstrip().endswith(("|", "|-", "|+", ">", ">-"))
        at += line - (0 if is_block else 1)
    return Problem(file=f"{runbook.id}.yaml", line=at, key=".".join(map(str, location)), message=message)


def _scripts(runbook: Runbook) -> Iterator[_Script]:
    """Every script of a runbook."""
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
