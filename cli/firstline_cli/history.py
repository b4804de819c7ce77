"""The commands about the past: `report`, `replay`, `audit` and `learn`."""

import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from firstline.text import count
from firstline_cli import checkout
from firstline_cli.checkout import CHECKOUT, runbooks_folder
from firstline_cli.console import WRONG, console_of, known_zone, refusal
from firstline_cli.incident_ids import IncidentArgument, full_id
from firstline_cli.stacks import CHOSEN, Stack, StackOption, stack_of, table_of

if TYPE_CHECKING:
    from firstline.reports.pages import Clocks

history = typer.Typer(help=__doc__)

type Output = Literal["table", "json", "csv"]
type By = Literal["week", "service", "runbook"]

ZoneOption = Annotated[
    str,
    typer.Option(
        help="The time zone of weeks, nights and hours in rules; by default the stack's TimeZone.", callback=known_zone
    ),
]


@history.command()
def report(
    days: Annotated[
        float | None, typer.Option(help="How far to look back: 30, --model 7, --runbooks 90.", min=0.001, max=400)
    ] = None,
    by: Annotated[By, typer.Option(help="What the lines of the table are.")] = "week",
    since_change: Annotated[
        str, typer.Option(help="Compare before and after a change: 2026-11-10, or 2026-11-10T14:00.")
    ] = "",
    output: Annotated[Output, typer.Option("--output", "-o", help="How to print it.")] = "table",
    of_runbooks: Annotated[bool, typer.Option("--runbooks", help="How each runbook did, and what it earned.")] = False,
    of_model: Annotated[bool, typer.Option("--model", help="What the model took, by day and by incident.")] = False,
    of_people: Annotated[
        bool, typer.Option("--people", help="Which verdicts people called right, what was hidden, rules they suggest.")
    ] = False,
    environment: Annotated[str, typer.Option(help="With --runbooks: whose modes to show.")] = "dev",
    time_zone: ZoneOption = "",
    hours: Annotated[float | None, typer.Option(help="The same in hours.", min=0.01, hidden=True)] = None,
    stack: StackOption = CHOSEN,
) -> None:
    """Report MTTA, MTTR, how incidents ended, pages by person, the noisiest groups, and the model's cost."""
    if sum((of_runbooks, of_model, of_people)) > 1 or (output != "table" and (of_runbooks or of_model or of_people)):
        raise refusal("--runbooks, --model and --people each print a table: give one of them, and no --output.")
    found, now = stack_of(stack), datetime.now(UTC)
    days = hours / 24 if hours else days
    if of_model:
        from firstline_cli import spending

        spending.print_spending(console_of(), found.table, now - timedelta(days=days or 7))
    elif of_people:
        from firstline_cli import feedback_report

        feedback_report.print_lessons(console_of(), found.table, days or 30)
    elif of_runbooks:
        from firstline_cli import records

        console_of().print(records.runbooks_grid(found.table, runbooks_folder(), environment, days or 90))
    else:
        _report(found, now, timedelta(days=days or 30), by, since_change, output, time_zone or found.time_zone)


def _report(stack: Stack, now: datetime, span: timedelta, by: By, since_change: str, output: Output, zone: str) -> None:
    from firstline_cli import figures
    from firstline_cli.learn import follow_ups

    clocks = _clocks(zone)
    change = _moment(since_change, zone, now) if since_change else None
    read = figures.read(stack.table, clocks, since=now - span, until=now, by=by, change=change)
    items, problems = follow_ups.open_items(CHECKOUT / follow_ups.FOLDER)
    for problem in problems:
        print(problem, file=sys.stderr)
    if output == "json":
        print(figures.as_json(read, items))
    elif output == "csv":
        sys.stdout.write(figures.as_csv(read))
    else:
        from firstline_cli import figures_tables

        figures_tables.print_report(console_of(), read, items, zone)


@history.command()
def replay(
    *,
    days: Annotated[int, typer.Option(help="How far to look back.", min=1, max=400)] = 30,
    rules: Annotated[
        Path | None, typer.Option(help="Changed rules.", exists=True, dir_okay=False, show_default=False)
    ] = None,
    runbooks: Annotated[
        Path | None, typer.Option(help="A folder of changed runbooks.", exists=True, file_okay=False)
    ] = None,
    paging: Annotated[Path | None, typer.Option(help="Changed levels and routes.", exists=True, dir_okay=False)] = None,
    before: Annotated[
        Path,
        typer.Option(
            help="The runbooks folder as it is deployed.",
            exists=True,
            file_okay=False,
            # Only a command that runs reads the owner's files: a wrong one must not hide the help.
            default_factory=lambda: checkout.RUNBOOKS,
            show_default="the checkout's and yours",
        ),
    ],
    environment: Annotated[str, typer.Option(help="Whose modes of runbooks count.")] = "",
    output: Annotated[Literal["text", "json"], typer.Option("--output", "-o", help="How to print it.")] = "text",
    time_zone: ZoneOption = "",
    stack: StackOption = CHOSEN,
) -> None:
    """Replay past incidents with changed rules, runbooks or paging: which pages would be gone, and which new.

    The command ends with 1 if a page for a real incident would not be sent.
    """
    if not (rules or runbooks or paging):
        raise refusal("No changed file is named: give --rules, --runbooks or --paging.")
    from firstline_cli import replaying

    files = replaying.files_of(before)
    changed = replaying.changed(files, rules, runbooks, paging)
    found = stack_of(stack)
    zone, environment = time_zone or found.time_zone, environment or found.environment or "prod"
    replayed = replaying.replay_of(found.table, files, changed, days, zone, environment, datetime.now(UTC))
    if output == "json":
        print(replaying.as_json(replayed, days))
    else:
        replaying.print_replay(console_of(), replayed, days)
    raise typer.Exit(WRONG if replayed.missed else 0)


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
    """Show an incident's audit trail: each decision, why, its result, and where the entries' chain of hashes breaks."""
    from firstline_cli import records

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
    """Draft a postmortem and an eval case of a closed incident, and a runbook if people noted commands that helped."""
    from firstline.errors import FeedbackRefused
    from firstline_cli.learn import writing

    table = table_of(stack)
    incident = full_id(table, incident)
    folder = out or Path(".cache") / "learn" / incident
    try:
        drafts = writing.write(table, incident, folder, runbooks_folder())
    except FeedbackRefused as error:
        raise refusal(error, 1) from None
    print(folder / "postmortem.md", folder / "PULL_REQUEST.md", drafts.case, sep="\n")
    if drafts.runbook:
        left = count(len(drafts.problems), "problem")
        print(f"{drafts.runbook} (a draft in the mode shadow, with {left} left to mend)")
    print("These are drafts for people to review: Firstline uses none of them by itself.")


def _clocks(zone: str) -> "Clocks":
    """Return the time zone of the report, and the checkout's on-call schedules, which say the people's time zones."""
    from zoneinfo import ZoneInfo

    from firstline.policy.oncall import load_oncall
    from firstline.reports.pages import Clocks
    from firstline_cli.checkout import read_policy

    file = checkout.RUNBOOKS / "policy" / "oncall.yaml"
    return Clocks(ZoneInfo(zone), read_policy(load_oncall, file).schedules if file.exists() else {})


def _moment(written: str, zone: str, now: datetime) -> datetime:
    """Read `2026-11-10` (midnight) or `2026-11-10T14:00`, in `zone` unless it has an offset; refuse a future time."""
    from zoneinfo import ZoneInfo

    try:
        moment = datetime.fromisoformat(written)
    except ValueError:
        raise refusal(f"--since-change: {written!r} is no day; write 2026-11-10, or 2026-11-10T14:00.") from None
    moment = moment if moment.tzinfo else moment.replace(tzinfo=ZoneInfo(zone))
    if moment >= now:
        raise refusal(f"--since-change: {written} is in the future, so there is nothing to compare.")
    return moment
