"""Check a folder of runbooks as a set, before anything is deployed: `make runbooks-check`."""

import json
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

from firstline.runbooks import catalogue, documents
from firstline.runbooks.catalogue import Catalogue, Problem
from firstline.runbooks.model import Command, Runbook

TEMPLATE = Path("documents/template.yaml")
SCHEMA = Path("schema.json")
_RENDER = "is out of date; run `make runbooks` and commit the result"


def check(folder: Path) -> list[Problem]:
    """Everything that is wrong with a runbooks folder: the runbooks, their scripts, and what is generated from them.

    The scripts are read by shellcheck where it is installed.
    """
    runbooks, problems = catalogue.read(folder)
    for runbook in runbooks:
        problems += script_problems(runbook, (folder / f"{runbook.id}.yaml").read_text(encoding="utf-8"))
    count = sum(1 for runbook in runbooks if runbook.mode != "off" for _ in runbook.commands())
    if count > documents.MAX_DOCUMENTS:
        message = f"{count} documents, and a template takes {documents.MAX_DOCUMENTS}; switch runbooks off"
        problems.append(Problem(file=str(TEMPLATE), line=0, key="", message=message))
    if not problems:
        # While runbooks are wrong there is nothing to compare with.
        problems += [
            Problem(file=str(path), line=0, key="", message=_RENDER)
            for path, text in rendered(Catalogue(runbooks)).items()
            if not (folder / path).is_file() or (folder / path).read_text(encoding="utf-8") != text
        ]
    return problems


def rendered(runbooks: Catalogue) -> dict[Path, str]:
    """The generated files of a runbooks folder, by their path in it."""
    return {TEMPLATE: documents.render_template(runbooks), SCHEMA: catalogue.schema()}


def script_problems(runbook: Runbook, text: str) -> Iterator[Problem]:
    """What shellcheck has to say about a runbook's scripts, at the lines of its YAML (`text`)."""
    shellcheck = shutil.which("shellcheck")
    if shellcheck is None:
        return
    for location, command in _located(runbook):
        head = documents.guards(command)
        # shellcheck has no name for a script that comes from a YAML file; it reads standard input.
        done = subprocess.run(  # noqa: S603
            [shellcheck, "--shell=bash", "--format=json", "-"],
            input="\n".join([*head, command.run]),
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
        first = catalogue.line_of(text, (*location, "run")) + 1
        for found in json.loads(done.stdout):
            yield Problem(
                file=f"{runbook.id}.yaml",
                line=first + found["line"] - 1 - len(head),
                key=".".join(map(str, (*location, "run"))),
                message=f"SC{found['code']}: {found['message']} https://www.shellcheck.net/wiki/SC{found['code']}",
            )


def _located(runbook: Runbook) -> Iterator[tuple[tuple[str | int, ...], Command]]:
    for number, step in enumerate(runbook.steps):
        yield ("steps", number), step
    if runbook.verify:
        yield ("verify",), runbook.verify
    for number, undo in enumerate(runbook.rollback):
        yield ("rollback", number), undo
