"""The operator's command: how incidents went, what people say of them, rules, silences, heartbeats and runbooks."""

import logging
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from firstline.adapters.dynamodb.incidents import TableIncidents
from firstline.errors import FeedbackRefused
from firstline.observability import logger
from firstline.reports import periods
from firstline.text import in_words
from firstline_cli import heartbeats, lasting, models, records, rules, runbooks, spending, words
from firstline_cli.checkout import runbooks_folder
from firstline_cli.console import LOGIN, PersonOption, console_of, percent, refusal
from firstline_cli.learn import writing
from firstline_cli.stacks import LOCAL, StackOption, stack_of, table_of

app = typer.Typer(help=__doc__, no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)
app.add_typer(runbooks.runbooks, name="runbooks")
app.add_typer(rules.rules, name="rules")
app.add_typer(rules.silence, name="silence")
app.add_typer(heartbeats.heartbeat, name="heartbeat")
app.add_typer(models.model, name="model")
app.add_typer(lasting.imports, name="import")
app.add_typer(lasting.lasting, name="words")


@app.callback()
def quiet(context: typer.Context) -> None:
    """Keep the functions' log lines out of what a command prints."""
    level = logger.log_level
    logger.setLevel(logging.WARNING)
    context.call_on_close(lambda: logger.setLevel(level))


IncidentArgument = Annotated[str, typer.Argument(help="Its id, which is the name of its execution.")]


@app.command()
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
    stack: StackOption = LOCAL,
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


@app.command()
def audit(
    incident: IncidentArgument,
    verify: Annotated[
        bool, typer.Option("--verify", help="Compare it with Step Functions' history and with CloudTrail.")
    ] = False,
    export: Annotated[
        Path | None, typer.Option(help="A folder for the trail and the histories that it is compared with.")
    ] = None,
    stack: StackOption = LOCAL,
) -> None:
    """Show an incident's audit trail: each decision, its grounds and its result, and where the chain is broken."""
    console, found = console_of(), stack_of(stack)
    whole = records.print_trail(console, found.table, incident)
    if verify or export:
        whole = records.print_comparison(console, found, incident, export) and whole
    raise typer.Exit(0 if whole else 1)


@app.command()
def judge(
    incident: IncidentArgument,
    answer: Annotated[
        str, typer.Argument(help="real, noise, wrong-cause, or the severity that would have been right.")
    ],
    by: PersonOption = LOGIN,
    stack: StackOption = LOCAL,
) -> None:
    """Say whether a verdict was right. It counts for the next incident of the group."""
    try:
        print(words.keep_judgement(table_of(stack), incident, answer, by))
    except FeedbackRefused as error:
        raise refusal(error, 1) from None


@app.command()
def note(
    incident: IncidentArgument,
    text: Annotated[str, typer.Argument(help="What it was and what fixed it; - reads stdin.")],
    by: PersonOption = LOGIN,
    stack: StackOption = LOCAL,
) -> None:
    """Keep what fixed an incident, for the next one of its group. Commands: one a line, each beginning with $."""
    try:
        print(words.keep_note(table_of(stack), incident, sys.stdin.read() if text == "-" else text, by))
    except FeedbackRefused as error:
        raise refusal(error, 1) from None


@app.command()
def learn(
    incident: Annotated[str, typer.Argument(help="Its id, which is the name of its execution. It must be over.")],
    out: Annotated[Path | None, typer.Option(help="The folder; by default .cache/learn/<incident>.")] = None,
    stack: StackOption = LOCAL,
) -> None:
    """Draft what an incident teaches: a postmortem, an eval case, a runbook where commands were noted. For review."""
    folder = out or Path(".cache") / "learn" / incident
    try:
        drafts = writing.write(table_of(stack), incident, folder, runbooks_folder())
    except FeedbackRefused as error:
        raise refusal(error, 1) from None
    print(folder / "postmortem.md", folder / "PULL_REQUEST.md", drafts.case, sep="\n")
    if drafts.runbook:
        print(f"{drafts.runbook} (a draft in shadow; {len(drafts.problems)} things are left to mend)")
    print("Drafts for people to review: nothing of it is used by itself.")


def _report_grid(numbers: periods.Report, hours: float) -> Table:
    grid = Table(title=f"The last {hours:g} hours", title_justify="left", show_header=False)
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
