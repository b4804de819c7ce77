"""The commands about the past: `report`, `audit` and `learn`."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from firstline.adapters.dynamodb.incidents import TableIncidents
from firstline.errors import FeedbackRefused
from firstline.reports import periods
from firstline.text import count, in_words
from firstline_cli import records, spending, words
from firstline_cli.checkout import runbooks_folder
from firstline_cli.console import console_of, percent, refusal
from firstline_cli.incident_ids import IncidentArgument, full_id
from firstline_cli.learn import writing
from firstline_cli.stacks import CHOSEN, StackOption, stack_of, table_of

history = typer.Typer(help=__doc__)


@history.command()
def report(
    hours: Annotated[
        float | None,
        typer.Option(help="How far to look back: 24, --model 7 days, --people 30, --runbooks 90.", min=0.01),
    ] = None,
    of_runbooks: Annotated[bool, typer.Option("--runbooks", help="How each runbook did, and what it earned.")] = False,
    of_model: Annotated[bool, typer.Option("--model", help="What the model took, by day and by incident.")] = False,
    of_people: Annotated[
        bool, typer.Option("--people", help="Which verdicts people called right, what was hidden, rules they suggest.")
    ] = False,
    environment: Annotated[str, typer.Option(help="With --runbooks: whose modes to show.")] = "dev",
    stack: StackOption = CHOSEN,
) -> None:
    """Report MTTA, MTTR, how incidents ended (by themselves, by a runbook, with a human), and the model's cost."""
    incidents, console = table_of(stack), console_of()
    if of_model:
        spending.print_spending(console, incidents, datetime.now(UTC) - timedelta(hours=hours or 7 * 24))
    elif of_people:
        words.print_lessons(console, incidents, (hours or 30 * 24) / 24)
    elif of_runbooks:
        console.print(records.runbooks_grid(incidents, runbooks_folder(), environment, (hours or 90 * 24) / 24))
    else:
        since = datetime.now(UTC) - timedelta(hours=hours or 24)
        console.print(_report_grid(periods.report(TableIncidents(incidents).closed_since(since)), hours or 24))


@history.command()
def audit(
    incident: IncidentArgument,
    verify: Annotated[
        bool, typer.Option("--verify", help="Compare it with Step Functions' history and with CloudTrail.")
    ] = False,
    export: Annotated[
        Path | None, typer.Option(help="A folder for the trail and the histories that it is compared with.")
    ] = None,
    stack: StackOption = CHOSEN,
) -> None:
    """Show an incident's audit trail: each decision, its grounds and its result, and where the chain is broken."""
    console, found = console_of(), stack_of(stack)
    incident = full_id(found.table, incident)
    whole = records.print_trail(console, found.table, incident)
    if verify or export:
        whole = records.print_comparison(console, found, incident, export) and whole
    raise typer.Exit(0 if whole else 1)


@history.command()
def learn(
    incident: IncidentArgument,
    out: Annotated[Path | None, typer.Option(help="The folder; by default .cache/learn/<incident>.")] = None,
    stack: StackOption = CHOSEN,
) -> None:
    """Draft what an incident that is over teaches: a postmortem, an eval case, a runbook where commands were noted."""
    table = table_of(stack)
    incident = full_id(table, incident)
    folder = out or Path(".cache") / "learn" / incident
    try:
        drafts = writing.write(table, incident, folder, runbooks_folder())
    except FeedbackRefused as error:
        raise refusal(error, 1) from None
    print(folder / "postmortem.md", folder / "PULL_REQUEST.md", drafts.case, sep="\n")
    if drafts.runbook:
        print(f"{drafts.runbook} (a draft in shadow; {len(drafts.problems)} things are left to mend)")
    print("Drafts for people to review: nothing of it is used by itself.")


def _hours(hours: float) -> str:
    return count(int(hours), "hour") if hours.is_integer() else f"{hours:g} hours"


def _report_grid(numbers: periods.Report, hours: float) -> Table:
    grid = Table(title=f"Incidents that ended within {_hours(hours)}", title_justify="left", show_header=False)
    rows = {
        "Incidents": str(numbers.incidents),
        "Suppressed as noise": str(numbers.suppressed),
        "Alerts in them": str(numbers.alerts),
        "Mean time to acknowledge (MTTA)": in_words(numbers.mean_time_to_acknowledge),
        "Mean time to resolve (MTTR)": in_words(numbers.mean_time_to_resolve),
        "Cured by a runbook": percent(numbers.auto_resolved_share),
        "Cleared by themselves": percent(numbers.self_cleared_share),
        "Escalated to a human": percent(numbers.escalated_share),
        "A model was asked about": str(numbers.asked),
        "Its tokens, in and out": f"{numbers.usage.prompt_tokens:,} and {numbers.usage.completion_tokens:,}",
        "What it cost": spending.money(numbers.usage.cost),
    }
    for row in rows.items():
        grid.add_row(*row)
    return grid
