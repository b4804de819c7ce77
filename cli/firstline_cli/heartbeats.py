"""The commands `firstline heartbeat`: list the heartbeats, and forget one whose sender is gone."""

import sys
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated, Any

import typer
from rich.table import Table as Grid

from firstline.adapters.dynamodb.heartbeats import TableHeartbeats
from firstline.policy.heartbeats import MOST_OF_A_SOURCE, Heartbeat, Pulse, called, expectation, seen
from firstline.text import in_words
from firstline_cli.console import LOGIN, UNKNOWN, PersonOption, console_of, here, refusal
from firstline_cli.rules import FileOption, read_rules
from firstline_cli.spreadsheet import ListOutputOption, for_scripts
from firstline_cli.stacks import CHOSEN, StackOption, table_of

heartbeat = typer.Typer(help="List the heartbeats, and forget those whose sender is gone.", no_args_is_help=True)


@heartbeat.command("list")
def list_(
    *,
    every: Annotated[bool, typer.Option("--all", help="Those that were forgotten, too.")] = False,
    file: FileOption,
    output: ListOutputOption = "table",
    stack: StackOption = CHOSEN,
) -> None:
    """List every heartbeat that has come once or that rules.yaml requires: its last arrival, interval and state."""
    declared, now = read_rules(file).heartbeats, datetime.now(UTC)
    pulses, _ = TableHeartbeats(table_of(stack)).pulses()
    shown = [pulse for pulse in pulses if every or pulse.forgotten_at is None]
    if output != "table":
        plain = [_plain(pulse, expectation(pulse, declared), pulses) for pulse in shown]
        sys.stdout.write(for_scripts(plain, _COLUMNS, output))
        return
    if not shown:
        print("No heartbeat is known: none has come, and rules.yaml requires none.")
        return
    grid = Grid("id", "what", "declared as", "last came", "state", show_edge=False)
    for pulse in sorted(shown, key=lambda pulse: pulse.beat_at):
        expected = expectation(pulse, declared)
        came = "never" if pulse.requirement is not None else f"{in_words(now - pulse.beat_at)} ago"
        name = f"{expected.id}, every {in_words(expected.every)}" if expected else "nothing"
        grid.add_row(pulse.key, called(pulse.alert), name, came, _state(pulse, expected, pulses))
    console_of().print(grid)
    counted = Counter(pulse.alert.source for pulse in pulses if pulse.requirement is None and not pulse.forgotten_at)
    for source, number in counted.items():
        if number >= MOST_OF_A_SOURCE:
            print(f"{source} has {number} heartbeats, the most that are watched: forget those whose sender is gone.")


@heartbeat.command()
def forget(
    *,
    name: Annotated[str, typer.Argument(help="The heartbeat's id, as `list` shows it.")],
    by: PersonOption = LOGIN,
    file: FileOption,
    stack: StackOption = CHOSEN,
) -> None:
    """Stop waiting for a heartbeat until it comes again. An incident about its absence resolves in a minute."""
    declared, now = read_rules(file).heartbeats, datetime.now(UTC)
    heartbeats = TableHeartbeats(table_of(stack))
    pulses, _ = heartbeats.pulses()
    pulse = next((pulse for pulse in pulses if pulse.key == name), None)
    if pulse is None or pulse.forgotten_at is not None:
        raise refusal(f"There is no watched heartbeat {name!r}: `firstline heartbeat list` shows them.", UNKNOWN)
    expected = expectation(pulse, declared)
    if expected is not None and expected.required and all(other.key == name for other in seen(expected, pulses)):
        raise refusal(
            f"Heartbeat {expected.id} is required, and {name} is its only sender, so its absence would page: first "
            f"take `required: true` out of {file}, and deploy."
        )
    heartbeats.forget(name, by, now)
    print(f"The heartbeat {called(pulse.alert)} is forgotten; it is watched again when it comes again.")
    if pulse.absent_since is not None and expected is not None:
        print("The incident about its absence resolves within a minute.")


_COLUMNS = ("id", "what", "declared_as", "every_seconds", "last_came_at", "state")


def _plain(pulse: Pulse, expected: Heartbeat | None, pulses: Sequence[Pulse]) -> dict[str, Any]:
    return {
        "id": pulse.key,
        "what": called(pulse.alert),
        "declared_as": expected.id if expected else "",
        "every_seconds": int(expected.every.total_seconds()) if expected else None,
        "last_came_at": None if pulse.requirement is not None else pulse.beat_at.isoformat(),
        "state": _state(pulse, expected, pulses),
    }


def _state(pulse: Pulse, expected: Heartbeat | None, pulses: Sequence[Pulse]) -> str:
    """Return a heartbeat's state in words, such as `absent since 03:12`.

    `pulse` is what is stored on the heartbeat, `expected` its declaration in rules.yaml or None, `pulses` what is
    stored on all heartbeats.
    """
    if pulse.forgotten_at is not None:
        return f"forgotten {here(pulse.forgotten_at)} by {pulse.forgotten_by}"
    if expected is None:
        return "not watched"
    if pulse.absent_since is not None:
        return f"absent since {here(pulse.absent_since)}"
    if pulse.requirement is not None:
        return "was seen" if seen(expected, pulses) else "waited for"
    return "there"
