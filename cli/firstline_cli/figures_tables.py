"""The figures of `firstline report` as tables for people."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import date, timedelta
from zoneinfo import ZoneInfo

from rich.console import Console
from rich.table import Table as Grid

from firstline.reports.periods import Comparison, Figures, Report
from firstline.reports.spread import ENOUGH_FOR_P90
from firstline.reports.wording import COLUMNS, advice_in_words, cost_of, few_in_words, side_by_side, spread_in_words
from firstline.text import in_words, one_line
from firstline_cli.learn.follow_ups import FollowUp

MOST_NAMES = 60


def print_report(console: Console, found: Report, follow_ups: Sequence[FollowUp], zone: str) -> None:
    """Print the report as tables, then the open action items of postmortems (`follow_ups`).

    `zone` is the name of the time zone in which its weeks begin.
    """
    console.print(_total(found))
    console.print(_rows(found))
    console.print(
        f"n is the number of values; p90 needs at least {ENOUGH_FOR_P90}. Weeks are in the time zone {zone}; the first "
        "and the last may not be whole."
    )
    if found.comparison is not None:
        _print_comparison(console, found.comparison)
    if found.people:
        console.print(_people(found))
    if found.noisiest:
        _print_noisiest(console, found)
    if follow_ups:
        console.print(_follow_ups(follow_ups, found.until.astimezone(ZoneInfo(zone)).date()))


def _grid(title: str, *columns: str) -> Grid:
    return Grid(*columns, title=title, title_justify="left")


def _total(found: Report) -> Grid:
    grid = _grid(f"Incidents that began in the last {in_words(found.until - found.since)}")
    grid.show_header = False
    for row in side_by_side(found.total):
        grid.add_row(*row)
    return grid


def _rows(found: Report) -> Grid:
    names = (found.by, "incidents", *COLUMNS)
    durations = ("MTTA p50 / p90 (n)", "MTTR p50 / p90 (n)", "pages (night)", "cost")
    grid = _grid(f"By {found.by}", *names, *durations)
    for row in found.rows:
        grid.add_row(one_line(row.name, MOST_NAMES), *_cells(row))
    return grid


def _cells(row: Figures) -> Iterator[str]:
    yield str(row.incidents)
    for endings in COLUMNS.values():
        yield str(sum(row.ends[ending] for ending in endings))
    yield spread_in_words(row.acknowledge)
    yield spread_in_words(row.resolve)
    yield f"{row.pages} ({row.at_night})"
    yield cost_of(row)


def _print_comparison(console: Console, compared: Comparison) -> None:
    title = f"{in_words(compared.span)} before and after {compared.change:%Y-%m-%d %H:%M %Z}"
    grid = _grid(title, "", "before", "after")
    for row in side_by_side(compared.before, compared.after):
        grid.add_row(*row)
    console.print(grid)
    if hint := few_in_words(compared.before, compared.after):
        console.print(hint)


def _people(found: Report) -> Grid:
    grid = _grid("Pages by person", "person", "pages", "at night (22:00–08:00)", "by the clock of")
    for person in found.people:
        grid.add_row(one_line(person.person, MOST_NAMES), str(person.pages), str(person.at_night), person.zone)
    return grid


def _print_noisiest(console: Console, found: Report) -> None:
    grid = _grid("The noisiest groups", "alert", "incidents", "paged", "by itself", "what would have helped")
    for group in found.noisiest:
        numbers = (group.incidents, group.paged, group.by_themselves)
        grid.add_row(one_line(group.alert_name, MOST_NAMES), *map(str, numbers), advice_in_words(group.advice))
    console.print(grid)
    rules = [group.advice.rule for group in found.noisiest if group.advice.rule is not None]
    if rules:
        import yaml

        text = yaml.safe_dump(rules, sort_keys=False, allow_unicode=True, width=100)
        console.print(f"Rules to think about, for runbooks/policy/rules.yaml; `firstline replay` tries them:\n{text}")


def _follow_ups(items: Iterable[FollowUp], today: date) -> Grid:
    grid = _grid("Open action items", "due", "owner", "what", "from")
    for item in items:
        late = f" ({in_words(timedelta(days=(today - item.due).days))} late)" if item.due and item.due < today else ""
        due = f"{item.due or 'no date'}{late}"
        owner = one_line(item.owner or "nobody", 40)
        style = "red" if late else None
        grid.add_row(due, owner, one_line(item.what, 160), item.file, style=style)
    return grid
