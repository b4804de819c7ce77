"""The commands `firstline runbooks`: check, render as SSM documents, reset."""

import getpass
import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from firstline_cli.checkout import runbooks_folder
from firstline_cli.stacks import LOCAL, StackOption, table_of

if TYPE_CHECKING:
    from firstline.runbooks.model import Runbook

runbooks = typer.Typer(help="Check runbooks, and render them as SSM documents.", no_args_is_help=True)


@runbooks.command()
def render() -> None:
    """Check the runbooks, then write their SSM documents and the editors' schema."""
    from firstline.runbooks.catalogue import Catalogue
    from firstline_cli.lint.check import read_checked, rendered

    folder = runbooks_folder()
    sound, problems = read_checked(folder)
    if problems:
        for problem in problems:
            print(f"runbooks/{problem}", file=sys.stderr)
        print("Nothing was rendered.", file=sys.stderr)
        raise typer.Exit(1)
    for path, text in rendered(Catalogue(sound)).items():
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, encoding="utf-8")
        print(f"wrote runbooks/{path}")
    _print_accepted(sound)


@runbooks.command()
def check() -> None:
    """Say what is wrong with the runbooks, by file and line."""
    from firstline.runbooks import catalogue
    from firstline_cli.lint.check import check as problems_of

    folder = runbooks_folder()
    problems = problems_of(folder)
    _print_accepted(catalogue.read(folder)[0])
    for problem in problems:
        print(f"runbooks/{problem}", file=sys.stderr)
    count = f"{len(problems)} problem{'s' if len(problems) > 1 else ''}"
    print(count if problems else "The runbooks are sound, and their documents up to date.")
    raise typer.Exit(1 if problems else 0)


@runbooks.command()
def reset(
    runbook: Annotated[str, typer.Argument(help="Its id, as in runbooks/<id>.yaml.")],
    by: Annotated[str, typer.Option(help="Who says that it is mended; it is kept.")] = getpass.getuser(),
    stack: StackOption = LOCAL,
) -> None:
    """Let a runbook that did not help run by itself again, as far as its mode allows."""
    from firstline.adapters.dynamodb.remediations import TableRemediations

    if TableRemediations(table_of(stack)).reset(runbook, by, datetime.now(UTC)):
        print(f"{runbook} may run by itself again, where its mode is auto.")
    else:
        print(f"Nothing to do: nothing keeps {runbook} from running by itself but its own mode.")


def _print_accepted(sound: "list[Runbook]") -> None:
    """Print the dangerous commands that a runbook's author has accepted, so that a reviewer sees them."""
    from firstline_cli.lint.scripts import accepted

    for runbook in sound:
        for location, one in accepted(runbook):
            print(f"accepted  runbooks/{runbook.id}.yaml {'.'.join(map(str, location))}: {one.danger}: {one.because}")
