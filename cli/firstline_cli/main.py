"""The operator's command: how incidents went, what people say of them, rules, silences, heartbeats and runbooks."""

import getpass
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table

from firstline.reports.periods import Report
from firstline.text import in_words
from firstline_cli import heartbeats, rules, runbooks
from firstline_cli.checkout import runbooks_folder
from firstline_cli.console import console_of
from firstline_cli.stacks import LOCAL, StackOption, table_of

if TYPE_CHECKING:
    from firstline_cli.learn.writing import Drafts

app = typer.Typer(help=__doc__, no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)
app.add_typer(runbooks.runbooks, name="runbooks")
app.add_typer(rules.rules, name="rules")
app.add_typer(rules.silence, name="silence")
app.add_typer(heartbeats.heartbeat, name="heartbeat")


@app.command()
def report(
    hours: Annotated[
        float | None, typer.Option(help="How far to look back: 24, --model 7 days, --people 30, --runbooks 90.")
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
    from firstline.adapters.dynamodb.incidents import TableIncidents
    from firstline.reports.periods import report as reckon
    from firstline_cli.records import runbooks_grid
    from firstline_cli.spending import print_spending
    from firstline_cli.words import print_lessons

    incidents = table_of(stack)
    if of_model:
        print_spending(console_of(), incidents, datetime.now(UTC) - timedelta(hours=hours or 7 * 24))
    elif of_people:
        print_lessons(console_of(), incidents, (hours or 30 * 24) / 24)
    elif of_runbooks:
        console_of().print(runbooks_grid(incidents, runbooks_folder(), environment, (hours or 90 * 24) / 24))
    else:
        since = datetime.now(UTC) - timedelta(hours=hours or 24)
        _print_report(reckon(TableIncidents(incidents).closed_since(since)), hours or 24)


@app.command()
def audit(
    incident: Annotated[str, typer.Argument(help="Its id, which is the name of its execution.")],
    stack: StackOption = LOCAL,
) -> None:
    """Show an incident's audit trail: each decision, its grounds and its result, and where the chain is broken."""
    from firstline_cli.records import print_trail

    raise typer.Exit(0 if print_trail(console_of(), table_of(stack), incident) else 1)


@app.command()
def judge(
    incident: Annotated[str, typer.Argument(help="Its id, which is the name of its execution.")],
    answer: Annotated[
        str, typer.Argument(help="real, noise, wrong-cause, or the severity that would have been right.")
    ],
    by: Annotated[str, typer.Option(help="Who says so; it is kept.")] = getpass.getuser(),
    stack: StackOption = LOCAL,
) -> None:
    """Say whether a verdict was right. It counts for the next incident of the group."""
    from firstline_cli.words import say

    print(_or_refused(lambda: say(table_of(stack), incident, answer, by)))


@app.command()
def note(
    incident: Annotated[str, typer.Argument(help="Its id, which is the name of its execution.")],
    text: Annotated[str, typer.Argument(help="What it was and what fixed it; - reads stdin.")],
    by: Annotated[str, typer.Option(help="Who says so; it is kept.")] = getpass.getuser(),
    stack: StackOption = LOCAL,
) -> None:
    """Keep what fixed an incident, for the next one of its group. Commands: one a line, each beginning with $."""
    from firstline_cli.words import write

    words = sys.stdin.read() if text == "-" else text
    print(_or_refused(lambda: write(table_of(stack), incident, words, by)))


@app.command()
def learn(
    incident: Annotated[str, typer.Argument(help="Its id, which is the name of its execution. It must be over.")],
    out: Annotated[Path | None, typer.Option(help="The folder; by default .cache/learn/<incident>.")] = None,
    stack: StackOption = LOCAL,
) -> None:
    """Draft what an incident teaches: a postmortem, an eval case, a runbook where commands were noted. For review."""
    from firstline_cli.learn.writing import write

    folder = out or Path(".cache") / "learn" / incident
    print(_or_refused(lambda: _drafted(write(table_of(stack), incident, folder, runbooks_folder()))))


def _drafted(drafts: "Drafts") -> str:
    lines = [f"{drafts.folder / name}" for name in ("postmortem.md", "PULL_REQUEST.md")] + [str(drafts.case)]
    if drafts.runbook:
        lines.append(f"{drafts.runbook} (a draft in shadow; {len(drafts.problems)} things are left to mend)")
    return "\n".join([*lines, "Drafts for people to review: nothing of it is used by itself."])


def _or_refused(say: Callable[[], str]) -> str:
    from firstline.errors import FeedbackRefused

    try:
        return say()
    except FeedbackRefused as refused:
        print(refused, file=sys.stderr)
        raise typer.Exit(1) from None


def _print_report(numbers: Report, hours: float) -> None:
    from firstline_cli.spending import money

    table = Table(title=f"The last {hours:g} hours", title_justify="left", show_header=False)
    rows = {
        "Incidents": str(numbers.incidents),
        "Suppressed as noise": str(numbers.suppressed),
        "Alerts in them": str(numbers.alerts),
        "Mean time to acknowledge (MTTA)": in_words(numbers.mean_time_to_acknowledge),
        "Mean time to resolve (MTTR)": in_words(numbers.mean_time_to_resolve),
        "Cured by a runbook": _share(numbers.auto_resolved_share),
        "Cleared by themselves": _share(numbers.self_cleared_share),
        "Escalated to a human": _share(numbers.escalated_share),
        "A model was asked about": str(numbers.asked),
        "Its tokens, in and out": f"{numbers.usage.prompt_tokens:,} and {numbers.usage.completion_tokens:,}",
        "What it cost": money(numbers.usage.cost),
    }
    for name, value in rows.items():
        table.add_row(name, value)
    console_of().print(table)


def _share(share: float | None) -> str:
    return "–" if share is None else f"{share:.0%}"
