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
"""The exit codes: a check found something wrong; the command was typed wrong; an incident, stack or other name in it is
unknown; the action was refused; AWS does not answer."""

LOGIN = getpass.getuser()
PersonOption = Annotated[str, typer.Option(help="Your name, which is stored with the change.")]

LONGEST_LOOK = 3_650
"""The most days that a command looks back: more than a stack keeps its incidents, and less than a date can hold."""

_LOG_WIDTH = 150


def console_of() -> "Console":
    """Return a console that prints strings without markup. To a file or a pipe it is 150 characters wide."""
    from rich.console import Console

    width = None if Console().is_terminal else _LOG_WIDTH
    # Strings are no markup, because names and reasons come from alerts.
    return Console(width=width, markup=False, emoji=False, highlight=False)


def print_styled(lines: "Iterable[tuple[str, str]]") -> None:
    """Print lines, each a pair of its text and its style for rich, such as `bold`, or "" for none.

    To a file or a pipe, print them without styles, and without importing rich.
    """
    if sys.stdout.isatty():
        console = console_of()
        for line, style in lines:
            console.print(line, style=style)
    else:
        for line, _ in lines:
            print(line)


def in_columns(rows: "Iterable[Sequence[str]]") -> str:
    """Return rows as lines of text in aligned columns, each as wide as its longest cell, without importing rich."""
    cells = list(rows)
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    padded = ("  ".join(map(str.ljust, row, widths)) for row in cells)
    return "".join(f"{line.rstrip()}\n" for line in padded)


def here(moment: "datetime") -> str:
    """Write a moment in this machine's time zone: `18:00`, or `Sun 1 Mar 18:00` on another day."""
    from datetime import UTC, datetime

    from firstline.text import local_time

    now = datetime.now().astimezone()
    return local_time(moment, now.tzinfo or UTC, now)


def refusal(why: object, code: int = USAGE) -> typer.Exit:
    """Print on stderr why a command cannot be carried out, and return the exit to raise, with the exit code `code`.

    `why` is an error or a text. If it names a copy in `.cache/mine` of a runbook or policy, the path of the original is
    printed instead: a person who edits the copy would lose the change.
    """
    from firstline_cli import checkout, overlay

    print(overlay.named(str(why), checkout.CHECKOUT), file=sys.stderr)
    return typer.Exit(code)


def known_zone(zone: str) -> str:
    """Check the value of `--time-zone`: return it, or "" if it is empty; end the command if it names no time zone."""
    from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

    try:
        return zone and ZoneInfo(zone).key
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise refusal(f"--time-zone: {zone!r} is no time zone; write a name such as Europe/Berlin.") from None
