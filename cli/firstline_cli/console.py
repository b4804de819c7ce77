"""The terminal that commands write to, the name of the person at it, and the codes that commands end with."""

import getpass
import sys
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from rich.console import Console

WRONG, USAGE, UNKNOWN, REFUSED, AWS_FAILED = 1, 2, 3, 4, 5
"""Something is wrong; the command makes no sense; what it names is unknown; it is refused; AWS does not answer."""

LOGIN = getpass.getuser()
PersonOption = Annotated[str, typer.Option(help="Your name; it is kept.")]

_LOG_WIDTH = 150


def console_of() -> "Console":
    """Return a console that prints strings as they are, and is wide where its output goes to a file or a pipe."""
    from rich.console import Console

    width = None if Console().is_terminal else _LOG_WIDTH
    # Strings are no markup here: names and reasons come from alerts.
    return Console(width=width, markup=False, emoji=False, highlight=False)


def print_styled(lines: "Iterable[tuple[str, str]]") -> None:
    """Print lines, each with its style on a terminal; without rich, which takes its time, where nobody sees styles."""
    if sys.stdout.isatty():
        console = console_of()
        for line, style in lines:
            console.print(line, style=style)
    else:
        for line, _ in lines:
            print(line)


def in_columns(rows: "Iterable[Sequence[str]]") -> str:
    """Write rows for a file or a pipe: columns below each other, however wide they are, without rich and its styles."""
    cells = list(rows)
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    padded = ("  ".join(map(str.ljust, row, widths)) for row in cells)
    return "".join(f"{line.rstrip()}\n" for line in padded)


def here(moment: "datetime") -> str:
    """Write a moment by the clock of this machine: `18:00`, or `Sun 1 Mar 18:00` on another day."""
    from datetime import UTC, datetime

    from firstline.text import local_time

    now = datetime.now().astimezone()
    return local_time(moment, now.tzinfo or UTC, now)


def refusal(why: object, code: int = USAGE) -> typer.Exit:
    """Print why a command cannot be carried out, and return the exit to raise."""
    print(why, file=sys.stderr)
    return typer.Exit(code)
