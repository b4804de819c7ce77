"""The commands about incidents: list them, show one, and act on one."""

import sys
import time
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from firstline_cli import actions
from firstline_cli.console import USAGE, console_of, in_columns, print_styled, refusal
from firstline_cli.incident_ids import IncidentArgument
from firstline_cli.stacks import CHOSEN, Stack, StackOption, stack_of

if TYPE_CHECKING:
    from firstline.incidents.status import Filter
    from firstline_cli.listing import Row

incidents = typer.Typer(
    help="List the open incidents, show one, and act on it.", invoke_without_command=True, no_args_is_help=False
)

WATCH_SECONDS = 5

type Output = Literal["table", "json", "csv"]

OpenOption = Annotated[bool, typer.Option("--open", help="Only open incidents, which is the default.")]
UnownedOption = Annotated[bool, typer.Option("--unowned", help="Only incidents that need a person and have none.")]
MineOption = Annotated[bool, typer.Option("--mine", help="Only incidents that you have.")]
AllOption = Annotated[bool, typer.Option("--all", help="Also incidents that closed within --since.")]
SeverityOption = Annotated[str, typer.Option(help="Only this severity and worse: critical, high, medium, low.")]
ServiceOption = Annotated[str, typer.Option(help="Only incidents of this service.")]
SinceOption = Annotated[str, typer.Option(help="With --all: how far back, as 24h or 7d.")]
OutputOption = Annotated[Output, typer.Option("--output", "-o", help="How to print it.")]
WatchOption = Annotated[bool, typer.Option("--watch", help=f"List again every {WATCH_SECONDS} seconds.")]


@incidents.callback()
def incidents_(
    context: typer.Context,
    only_open: OpenOption = False,
    unowned: UnownedOption = False,
    mine: MineOption = False,
    every: AllOption = False,
    severity: SeverityOption = "",
    service: ServiceOption = "",
    since: SinceOption = "24h",
    output: OutputOption = "table",
    watch: WatchOption = False,
    stack: StackOption = CHOSEN,
) -> None:
    """List the open incidents, those without an owner first; or act on one of them."""
    if context.invoked_subcommand is None:
        list_(only_open, unowned, mine, every, severity, service, since, output, watch, stack)


@incidents.command("list")
def list_(
    only_open: OpenOption = False,
    unowned: UnownedOption = False,
    mine: MineOption = False,
    every: AllOption = False,
    severity: SeverityOption = "",
    service: ServiceOption = "",
    since: SinceOption = "24h",
    output: OutputOption = "table",
    watch: WatchOption = False,
    stack: StackOption = CHOSEN,
) -> None:
    """List the incidents: those without an owner first, then by severity, then by age."""
    from firstline_cli import listing

    if every and only_open:
        raise refusal("--open and --all exclude each other: give one of them.")
    span = _span(since) if every else None
    wanted = _filter(severity, service, unowned)
    found = stack_of(stack)
    name = _my_name(found) if mine else ""
    if not watch:
        print_rows(_rows(found, wanted, name, span), output)
        return
    if output != "table":
        raise refusal("--watch shows a table: give no --output with it.")
    from rich.live import Live

    console = console_of()
    with Live(console=console, screen=console.is_terminal, auto_refresh=False) as live:
        while True:
            live.update(listing.table(_rows(found, wanted, name, span)), refresh=True)
            try:
                time.sleep(WATCH_SECONDS)
            except KeyboardInterrupt:
                return


@incidents.command()
def show(
    incident: IncidentArgument,
    output: Annotated[Literal["text", "json"], typer.Option("--output", "-o", help="How to print it.")] = "text",
    stack: StackOption = CHOSEN,
) -> None:
    """Show an incident: who has it, what it waits for, what the alert says, its plan, and what happened."""
    from firstline_cli import one_incident

    found = stack_of(stack)
    if output == "json":
        print(one_incident.as_json(found.table, incident))
    else:
        print_styled(one_incident.text(found.table, incident))


actions.add_to(incidents)


def print_rows(rows: "list[Row]", output: Output) -> None:
    """Print the rows of the list of incidents."""
    from firstline_cli import listing

    if output == "json":
        print(listing.as_json(rows))
    elif output == "csv":
        sys.stdout.write(listing.as_csv(rows))
    elif not rows:
        print("No incident.")
    elif sys.stdout.isatty():
        console_of().print(listing.table(rows))
    else:
        sys.stdout.write(in_columns(map(listing.cells, rows)))


def _rows(stack: Stack, wanted: "Filter", name: str, span: timedelta | None) -> "list[Row]":
    from firstline_cli import listing

    now = datetime.now(UTC)
    rows = listing.rows(stack.table, wanted, now, closed_since=now - span if span else None)
    return [row for row in rows if not name or row.is_of(name)]


def _filter(severity: str, service: str, unowned: bool) -> "Filter":
    from typing import get_args

    from firstline.incidents.status import Filter
    from firstline.models import Severity

    known: tuple[Severity, ...] = get_args(Severity.__value__)
    least = severity.removesuffix("+")
    if least and least not in known:
        raise refusal(f"{severity!r} is no severity; known are {', '.join(known)}.")
    at_least = next((severity for severity in known if severity == least), None)
    return Filter(unowned=unowned, at_least=at_least, service=service)


def _my_name(stack: Stack) -> str:
    from firstline_cli.requests import post

    return str(post(stack, "whoami", {})["name"])


def _span(text: str) -> timedelta:
    from pydantic import TypeAdapter, ValidationError

    from firstline.policy.durations import Duration

    try:
        span: timedelta = TypeAdapter(Duration).validate_python(text)
    except ValidationError:
        raise refusal(f"--since: {text!r} is no duration; write 45m, 24h or 7d.", USAGE) from None
    return span
