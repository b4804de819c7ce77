"""The commands `firstline runbooks`: check, render as SSM documents, promote, demote."""

import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from firstline.adapters.dynamodb.remediations import TableRemediations
from firstline.runbooks import catalogue
from firstline.runbooks.model import Runbook
from firstline_cli import overlay
from firstline_cli.checkout import CHECKOUT, runbooks_folder
from firstline_cli.console import LOGIN, UNKNOWN, PersonOption, refusal
from firstline_cli.lint import check as lint
from firstline_cli.lint.scripts import accepted
from firstline_cli.stacks import CHOSEN, StackOption, stack_of, table_of

runbooks = typer.Typer(help="Check runbooks, and render them as SSM documents.", no_args_is_help=True)


@runbooks.command()
def render() -> None:
    """Check the runbooks, then write their SSM documents and the editors' schema."""
    for folder in _folders():
        sound, problems = lint.read_checked(folder)
        _print_problems(folder, problems)
        if problems:
            raise refusal("Nothing was rendered: mend the problems above, and run the command again.", 1)
        for path, text in lint.rendered(catalogue.Catalogue(sound)).items():
            target = folder / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(text, encoding="utf-8")
            print(f"wrote {target.relative_to(CHECKOUT)}")
    _print_accepted(sound)


@runbooks.command()
def check() -> None:
    """Report the problems of the runbooks, each with file, line and fix."""
    problems = []
    for folder in _folders():
        # The files rendered from the owner's runbooks are made anew for each build, so they are not compared.
        found = lint.check(folder) if folder == CHECKOUT / overlay.RUNBOOKS else lint.read_checked(folder)[1]
        _print_problems(folder, found)
        problems += found
    _print_accepted(catalogue.read(folder)[0])
    count = f"{len(problems)} problem{'s' if len(problems) > 1 else ''}"
    print(count if problems else "The runbooks are sound, and their documents are up to date.")
    raise typer.Exit(1 if problems else 0)


@runbooks.command()
def promote(
    runbook: Annotated[str, typer.Argument(help="Its id, as in runbooks/<id>.yaml.")],
    by: PersonOption = LOGIN,
    stack: StackOption = CHOSEN,
) -> None:
    """Let a runbook whose mode is approve or auto run by itself, until a run of it does not help."""
    found, known = stack_of(stack), _known(runbook)
    if known.risk == "destructive":
        raise refusal(f"{runbook} cannot be promoted: a destructive runbook always asks a person.")
    TableRemediations(found.table).promote(runbook, by, datetime.now(UTC))
    if (mode := known.mode_in(found.environment)) in ("off", "shadow"):
        print(f"{runbook} may run by itself once its mode here is approve or auto. Until then it is {mode}.")
        return
    print(f"{runbook} may run by itself, as far as the stack's RemediationMode allows.")


@runbooks.command()
def demote(
    runbook: Annotated[str, typer.Argument(help="Its id, as in runbooks/<id>.yaml.")],
    by: PersonOption = LOGIN,
    stack: StackOption = CHOSEN,
) -> None:
    """Let a runbook ask for approval before each run, until a person promotes it."""
    table, known = table_of(stack), _known(runbook)
    TableRemediations(table).demote(known.id, by, datetime.now(UTC))
    print(f"{runbook} asks for approval from now on. To undo it: firstline runbooks promote {runbook}")


def _known(runbook_id: str) -> Runbook:
    known = {runbook.id: runbook for runbook in catalogue.read(runbooks_folder())[0]}
    if runbook_id not in known:
        raise refusal(f"There is no runbook {runbook_id!r}; known are {', '.join(known)}.", UNKNOWN)
    return known[runbook_id]


def _folders() -> tuple[Path, ...]:
    """Return the folder of the shipped runbooks and, if the owner has changed or added some, the folder with both."""
    together = runbooks_folder()
    return tuple(dict.fromkeys((CHECKOUT / overlay.RUNBOOKS, together)))


def _print_problems(folder: Path, problems: Sequence[catalogue.Problem]) -> None:
    for problem in problems:
        print(overlay.named(f"{folder}/{problem}", CHECKOUT).removeprefix(f"{CHECKOUT}/"), file=sys.stderr)


def _print_accepted(sound: Sequence[Runbook]) -> None:
    """Print the dangers that the authors of runbooks have accepted, so that a reviewer sees them."""
    for runbook in sound:
        for location, danger in accepted(runbook):
            where = ".".join(map(str, location))
            print(f"accepted  runbooks/{runbook.id}.yaml {where}: {danger.danger}: {danger.because}")
