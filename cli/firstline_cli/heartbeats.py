"""The commands `firstline heartbeat`: list the heartbeats, and forget one whose sender is gone."""

import getpass
import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table as Grid
from rich.text import Text

from firstline_cli.checkout import RULES
from firstline_cli.console import console_of
from firstline_cli.rules import FileOption, read_rules
from firstline_cli.stacks import LOCAL, StackOption, table_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from firstline.policy.heartbeats import Heartbeat, Pulse

heartbeat = typer.Typer(help="List the heartbeats, and forget those whose sender is gone.", no_args_is_help=True)


@heartbeat.command("list")
def list_(
    every: Annotated[bool, typer.Option("--all", help="Those that were forgotten, too.")] = False,
    file: FileOption = RULES,
    stack: StackOption = LOCAL,
) -> None:
    """List every heartbeat that was seen or is required: its last arrival, its interval and its state."""
    from firstline.adapters.dynamodb.heartbeats import TableHeartbeats
    from firstline.policy.heartbeats import called
    from firstline.text import in_words

    declared, now = read_rules(file).heartbeats, datetime.now(UTC)
    pulses, _ = TableHeartbeats(table_of(stack)).pulses()
    shown = [pulse for pulse in pulses if every or pulse.forgotten_at is None]
    if not shown:
        print("No heartbeat is known: none has come, and reconcile waits for none that is required.")
        return
    grid = Grid("id", "what", "declared as", "last came", "state", show_edge=False)
    for pulse in sorted(shown, key=lambda one: one.beat_at):
        expected = _declared_as(pulse, declared)
        came = "never" if pulse.requirement is not None else f"{in_words(now - pulse.beat_at)} ago"
        name = f"{expected.id}, every {in_words(expected.every)}" if expected else "nothing"
        grid.add_row(Text(pulse.key), Text(called(pulse.alert)), name, came, Text(_state(pulse, expected, pulses)))
    console_of().print(grid)


@heartbeat.command()
def forget(
    name: Annotated[str, typer.Argument(help="The heartbeat's id, as `list` shows it.")],
    by: Annotated[str, typer.Option(help="Who has it forgotten; it is kept.")] = getpass.getuser(),
    file: FileOption = RULES,
    stack: StackOption = LOCAL,
) -> None:
    """Stop waiting for a heartbeat until it comes again. An incident about its absence resolves within a minute."""
    from firstline.adapters.dynamodb.heartbeats import TableHeartbeats
    from firstline.policy.heartbeats import called, seen

    declared, now = read_rules(file).heartbeats, datetime.now(UTC)
    heartbeats = TableHeartbeats(table_of(stack))
    pulses, _ = heartbeats.pulses()
    pulse = next((pulse for pulse in pulses if pulse.key == name), None)
    if pulse is None or pulse.forgotten_at is not None:
        print(f"No heartbeat {name!r} is waited for; `heartbeat list` shows them.", file=sys.stderr)
        raise typer.Exit(2)
    expected = _declared_as(pulse, declared)
    if expected is not None and expected.required and all(other.key == name for other in seen(expected, pulses)):
        print(
            f"Heartbeat {expected.id} is required, and nothing else of it is there: its absence would page. Take "
            f"`required: true` out of {file} and deploy it first.",
            file=sys.stderr,
        )
        raise typer.Exit(2)
    heartbeats.forget(name, by, now)
    print(f"{called(pulse.alert)} is not waited for any more. When it comes again, it is.")
    if pulse.absent_since is not None and expected is not None:
        print("The incident about its absence resolves within a minute.")


def _declared_as(pulse: "Pulse", declared: "Sequence[Heartbeat]") -> "Heartbeat | None":
    from firstline.policy.heartbeats import expectation

    return expectation(pulse, declared)


def _state(pulse: "Pulse", expected: "Heartbeat | None", pulses: "Sequence[Pulse]") -> str:
    """Name the heartbeat's state, as far as the table tells."""
    from firstline.policy.heartbeats import seen

    if pulse.forgotten_at is not None:
        return f"forgotten {pulse.forgotten_at:%Y-%m-%d %H:%M} by {pulse.forgotten_by}"
    if expected is None:
        return "not watched"
    if pulse.absent_since is not None:
        return f"absent since {pulse.absent_since:%Y-%m-%d %H:%M}"
    if pulse.requirement is not None:
        return "was seen" if seen(expected, pulses) else "waited for"
    return "there"
