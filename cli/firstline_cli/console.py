"""The terminal that commands write to, and the name of the person at it."""

import getpass
import sys
from typing import Annotated

import typer
from rich.console import Console

LOGIN = getpass.getuser()
PersonOption = Annotated[str, typer.Option(help="Your name; it is kept.")]

_LOG_WIDTH = 150


def console_of() -> Console:
    """Return a console that prints strings as they are, and is wide where its output goes to a file or a pipe."""
    width = None if Console().is_terminal else _LOG_WIDTH
    # Strings are no markup here: names and reasons come from alerts.
    return Console(width=width, markup=False, emoji=False, highlight=False)


def refusal(why: object, code: int = 2) -> typer.Exit:
    """Print why a command cannot be carried out, and return the exit to raise."""
    print(why, file=sys.stderr)
    return typer.Exit(code)


def percent(share: float | None) -> str:
    """Format a share in percent, or a dash if it is None."""
    return "–" if share is None else f"{share:.0%}"
