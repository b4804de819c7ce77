"""The commands `firstline silence`: add, list, extend, expire, and `from`, which silences alerts like an incident's.

No function may add a silence. A person does, with the operators' managed policy, which allows writing to the table.
"""

import sys
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

import typer

from firstline.adapters.dynamodb.silences import REMEMBERED, TableSilences
from firstline.errors import ConfigurationError
from firstline.policy.holds import Silence
from firstline_cli import silence_words
from firstline_cli.console import LOGIN, REFUSED, UNKNOWN, USAGE, PersonOption, console_of, here, in_columns, refusal
from firstline_cli.incident_ids import IncidentArgument, record_of
from firstline_cli.spreadsheet import ListOutputOption, for_scripts
from firstline_cli.stacks import CHOSEN, LOCAL, Stack, StackOption, stack_of, table_of

silence = typer.Typer(help="Silence alerts for a while, at once, without a deployment.", no_args_is_help=True)

ReasonOption = Annotated[str, typer.Option(help="Why; every incident that is held shows it.")]
ForOption = Annotated[str, typer.Option("--for", help="How long: 30m, 4h, 2d; at most 30d.")]
OwnerOption = Annotated[str, typer.Option(help="The person to ask about the silence.")]
UntilOption = Annotated[bool, typer.Option(help="End the silence when the first incident that it holds resolves.")]
CriticalOption = Annotated[bool, typer.Option(help="Also hold alerts that their source calls critical.")]
YesOption = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]
NameArgument = Annotated[str, typer.Argument(help="The silence's id.")]

_SAME_END = timedelta(minutes=1)
"""The time by which the ends of two silences differ at most that a person gave twice."""

_NARROW = 3
"""The fewest characters other than * and ? that make a pattern narrow."""


@silence.command()
def add(
    matchers: Annotated[
        list[str], typer.Argument(help="alert_name='Disk*' host=web-1 labels.cluster=eu; all must fit.")
    ],
    reason: ReasonOption,
    lasts: ForOption = "2h",
    owner: OwnerOption = LOGIN,
    until_resolved: UntilOption = False,
    even_critical: CriticalOption = False,
    yes: YesOption = False,
    stack: StackOption = CHOSEN,
) -> None:
    """Hold matching alerts from now on; open incidents are not held. Ask first if the silence is broad."""
    found = stack_of(stack)
    details = {"owner": owner, "reason": reason, "until_resolved": until_resolved, "even_critical": even_critical}
    made = _made(matchers, lasts, details)
    if made.match.severity == ("critical",) and not even_critical:
        raise refusal("A silence does not hold alerts that their source calls critical: give --even-critical.", USAGE)
    if not yes and _is_broad(made) and found.name != LOCAL:
        _ask(made, found)
    _save(made, found)


@silence.command("from")
def from_(
    incident: IncidentArgument,
    reason: ReasonOption,
    lasts: ForOption = "2h",
    owner: OwnerOption = LOGIN,
    until_resolved: UntilOption = False,
    even_critical: CriticalOption = False,
    stack: StackOption = CHOSEN,
) -> None:
    """Hold further alerts like an incident's: with its name and environment, on its host or else of its service."""
    found = stack_of(stack)
    known = record_of(found.table, incident).incident
    alert = known.alert
    if known.storm:
        raise refusal(
            f"{known.incident_id} is a storm of alerts with many names: silence them with `firstline silence add`.",
            USAGE,
        )
    if alert.severity == "critical" and not even_critical:
        raise refusal(
            f"{alert.source} calls this alert critical, and a silence does not hold it: give --even-critical.", USAGE
        )
    about = {"alert_name": alert.alert_name, "host": alert.host, "environment": alert.environment}
    if alert.host is None:
        about["service"] = alert.service
    matchers = [f"{key}={_literal(value)}" for key, value in about.items() if value]
    details = {"owner": owner, "reason": reason, "until_resolved": until_resolved, "even_critical": even_critical}
    _save(_made(matchers, lasts, details), found)


@silence.command()
def extend(
    name: NameArgument,
    lasts: Annotated[str, typer.Option("--for", help="How long from now on: 30m, 4h, 2d; at most 30d.")] = "2h",
    by: PersonOption = LOGIN,
    stack: StackOption = CHOSEN,
) -> None:
    """Let a silence last longer, from now on. A new one takes its place; alerts that the old one holds stay held."""
    silences, now = TableSilences(table_of(stack)), datetime.now(UTC)
    before = _active(silences, name, now)
    after = _valid(lambda: silence_words.extended(before, lasts, now))
    silences.save(after)
    silences.end(before, by, now)
    print(f"{after.id} takes its place, until {here(after.expires_at)}.")


@silence.command("list")
def list_(
    every: Annotated[bool, typer.Option("--all", help="Also silences that ended in the last 30 days.")] = False,
    output: ListOutputOption = "table",
    stack: StackOption = CHOSEN,
) -> None:
    """List the active silences."""
    now = datetime.now(UTC)
    found = TableSilences(table_of(stack)).since(now - timedelta(days=30) if every else now)
    listed = [silence for silence in found if every or silence.active(now)]
    if output != "table":
        plain = [silence_words.plain(silence, now) for silence in listed]
        sys.stdout.write(for_scripts(plain, silence_words.COLUMNS, output))
        return
    shown = list(silence_words.rows(listed, now))
    if not shown:
        print("Nothing is silenced.")
    elif sys.stdout.isatty():
        from rich.table import Table as Grid

        grid = Grid(*silence_words.HEAD, show_edge=False)
        for row in shown:
            grid.add_row(*row)
        console_of().print(grid)
    else:
        sys.stdout.write(in_columns([silence_words.HEAD, *shown]))


@silence.command()
def expire(
    name: NameArgument,
    by: PersonOption = LOGIN,
    stack: StackOption = CHOSEN,
) -> None:
    """End a silence now. The alerts that it held are classified again within a minute."""
    silences, now = TableSilences(table_of(stack)), datetime.now(UTC)
    silences.end(_active(silences, name, now), by, now)
    print(f"{name} is over.")


def _active(silences: TableSilences, name: str, now: datetime) -> Silence:
    """Return the active silence of this id; end the command if there is none."""
    found = silences.find(name, now)
    if found is None or not found.active(now):
        raise refusal(f"There is no active silence {name!r}: `firstline silence list --all` shows all.", UNKNOWN)
    return found


def _made(matchers: Sequence[str], lasts: str, details: Mapping[str, Any]) -> Silence:
    return _valid(lambda: silence_words.make_silence(matchers, lasts, datetime.now(UTC), details))


def _valid(make: Callable[[], Silence]) -> Silence:
    """Return the silence that `make` builds; end the command with the reason if it cannot."""
    try:
        return make()
    except ConfigurationError as error:
        raise refusal(error) from None


def _save(made: Silence, stack: Stack) -> None:
    """Store the silence, and print which past incidents it would have hidden."""
    from firstline.adapters.dynamodb.incidents import TableIncidents
    from firstline.reports.preview import preview_silence
    from firstline_cli.previews import PREVIEW_DAYS, print_preview

    _check_new(made, stack)
    TableSilences(stack.table).save(made)
    seconds = int(REMEMBERED.total_seconds())
    print(f"{made.id} is on within {seconds} seconds, until {here(made.expires_at)}.")
    closed = TableIncidents(stack.table).closed_since(made.created_at - timedelta(days=PREVIEW_DAYS))
    print_preview(console_of(), made.id, preview_silence(closed, made), PREVIEW_DAYS)


def _check_new(made: Silence, stack: Stack) -> None:
    """End the command if an active silence has the same conditions, and ends later or at most a minute earlier."""
    same = ("match", "until_resolved", "even_critical")
    for other in TableSilences(stack.table).since(made.expires_at - _SAME_END):
        if other.active(made.created_at) and all(getattr(other, name) == getattr(made, name) for name in same):
            raise refusal(
                f"{other.owner} silences these alerts already, until {here(other.expires_at)}: "
                f"`firstline silence extend {other.id}` makes that longer.",
                REFUSED,
            )


def _is_broad(made: Silence) -> bool:
    """Return True if no pattern has three or more characters besides `*` and `?`, so that nearly all alerts fit."""
    given = made.match.model_dump(mode="json", exclude_defaults=True)
    labels = given.pop("labels", {})
    patterns = [pattern for values in (*given.values(), *labels.values()) for pattern in values]
    return not any(len(pattern.replace("*", "").replace("?", "")) >= _NARROW for pattern in patterns)


def _ask(made: Silence, stack: Stack) -> None:
    critical = ", critical ones too" if made.even_critical else ""
    what = f"This holds nearly every alert of {stack.name} ({stack.environment or 'environment unknown'}){critical}."
    if not sys.stdin.isatty():
        raise refusal(f"{what} This is no terminal, so nobody can be asked: give --yes, or narrower patterns.", USAGE)
    typer.confirm(f"{what} Go on?", abort=True, err=True)


def _literal(value: str) -> str:
    """Return a pattern that fits this text, with `?` (any character) for each `*`, which would fit any text."""
    return value.replace("*", "?")
