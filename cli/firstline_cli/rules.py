"""The commands `firstline rules`: check, explain and preview."""

import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from firstline.adapters.dynamodb.silences import TableSilences
from firstline.errors import SourceError
from firstline.policy.rules import Rules, load
from firstline.sources import normalize_batch
from firstline.sources.body import parse_body
from firstline.text import count
from firstline_cli import checkout, overlay, policies, rules_console
from firstline_cli.checkout import CHECKOUT, read_policy
from firstline_cli.console import LONGEST_LOOK, UNKNOWN, console_of, known_zone, refusal
from firstline_cli.previews import PREVIEW_DAYS, print_preview
from firstline_cli.stacks import CHOSEN, NamedStackOption, StackOption, stack_of, table_of

rules = typer.Typer(help="Check, explain and preview rules, windows and silences.", no_args_is_help=True)

FileOption = Annotated[
    Path,
    typer.Option(
        "--rules",
        help="The rules file.",
        # Only a command that runs reads the owner's files: a wrong one must not hide the help.
        default_factory=lambda: checkout.RULES,
        show_default="the checkout's and yours",
    ),
]
ZoneOption = Annotated[
    str,
    typer.Option(
        help="The time zone of hours and weekdays in rules; by default the stack's TimeZone, without a stack UTC.",
        callback=known_zone,
    ),
]
DaysOption = Annotated[int, typer.Option(help="How far to look back.", min=1, max=LONGEST_LOOK)]


@rules.command()
def check(*, file: FileOption, days: DaysOption = PREVIEW_DAYS, stack: NamedStackOption = "") -> None:
    """Report what is wrong with rules.yaml, the policy files beside it, and samconfig.toml, with file, line and fix.

    A name or a pattern that can fit nothing, such as a misspelled source, is wrong too. With --stack, also name the
    patterns that fit no incident of the last `days` days; that is a hint and no problem.
    """
    known, found = policies.read_folder(file)
    read = known.rules
    problems = [
        f"{file}: rule {later.id} can never apply, because {earlier.id} stands before it and takes every alert that "
        f"{later.id} fits: move it up, or take it out."
        for later, earlier in read.covered()
    ]
    problems += map(str, policies.crossed(file, known))
    if (samconfig := file.absolute().parents[1].with_name(overlay.SAMCONFIG)).exists():
        problems += map(str, policies.in_parameters(samconfig))
    for problem in problems:
        print(overlay.named(problem, CHECKOUT), file=sys.stderr)
    if stack:
        routes = known.paging.routes if known.paging else ()
        for hint in rules_console.unmatched(read, routes, table_of(stack), days, datetime.now(UTC)):
            print(overlay.named(f"{file}: {hint}", CHECKOUT))
    if problems:
        print(f"{len(problems)} problem{'s' if len(problems) > 1 else ''}")
        raise typer.Exit(1)
    print(
        f"{count(len(read.rules), 'rule')}, {count(len(read.maintenance), 'maintenance window')}, "
        f"{count(len(read.heartbeats), 'heartbeat')} and {count(len(read.inhibit), 'inhibition')} are sound"
        f"{f', and so is {", ".join(found)}' if found else ''}."
    )


@rules.command()
def explain(
    *,
    alert_file: Annotated[
        Path,
        typer.Argument(
            help="The body as its sender would send it; - reads stdin.", exists=True, dir_okay=False, allow_dash=True
        ),
    ],
    source: Annotated[str, typer.Option(help="Who sends it: prometheus, datadog, generic, …")] = "generic",
    at: Annotated[str, typer.Option(help="The time of arrival to assume: 2026-12-01T03:00:00+00:00.")] = "",
    flapping: Annotated[bool, typer.Option(help="Assume that the alert's group flaps.")] = False,
    time_zone: ZoneOption = "",
    file: FileOption,
    stack: NamedStackOption = "",
) -> None:
    """Explain which rules, windows and silences fit an alert, key by key, which rule wins, and the severity."""
    now, read = _moment(at), read_rules(file)
    body = sys.stdin.buffer.read() if str(alert_file) == "-" else alert_file.read_bytes()
    try:
        batch = normalize_batch(source, parse_body(body, "application/json"), received_at=now)
    except SourceError as error:
        raise refusal(f"{alert_file}: the source {source} cannot read this body: {error}") from None
    found = stack_of(stack) if stack else None
    silences = TableSilences(found.table).since(now) if found else None
    zone = time_zone or (found.time_zone if found else "UTC")
    explainer = rules_console.Explainer(console_of(), read, silences, now, zone, flapping)
    raise typer.Exit(0 if explainer.explain(batch) else 1)


@rules.command()
def preview(
    *,
    name: Annotated[str, typer.Argument(help="The id of a rule, a window or a silence.")],
    days: DaysOption = PREVIEW_DAYS,
    time_zone: ZoneOption = "",
    file: FileOption,
    stack: StackOption = CHOSEN,
) -> None:
    """List the past incidents that a rule, window or silence would have hidden, and which of them were real."""
    read = read_rules(file)
    found = stack_of(stack)
    zone = time_zone or found.time_zone
    previewed = rules_console.preview_of(name, read, found.table, zone, days, datetime.now(UTC))
    if previewed is None:
        known = ", ".join([*(rule.id for rule in read.rules), *(window.id for window in read.maintenance)])
        raise refusal(f"There is no rule, window or silence {name!r}; {file} has {known}.", UNKNOWN)
    print_preview(console_of(), name, previewed, days)


def read_rules(file: Path) -> Rules:
    """Read the rules file; end the command if it is wrong."""
    return read_policy(load, file)


def _moment(at: str) -> datetime:
    try:
        moment = datetime.fromisoformat(at) if at else datetime.now(UTC)
    except ValueError:
        raise typer.BadParameter(f"{at!r} is no time; write one like 2026-12-01T03:00:00+00:00.") from None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
