"""`firstline report`: the figures of a period, from the index of open and closed incidents, for people and tools."""

import csv
import io
import json
from collections.abc import Iterable, Iterator, Sequence
from datetime import date, datetime, timedelta
from itertools import chain
from typing import Any
from zoneinfo import ZoneInfo

import yaml
from rich.console import Console
from rich.table import Table as Grid

from firstline.adapters.dynamodb.incidents import TableIncidents
from firstline.adapters.dynamodb.table import Table
from firstline.reports.pages import Clocks
from firstline.reports.periods import By, Comparison, Figures, Report, reads_since, report
from firstline.reports.spread import ENOUGH_FOR_P90, Spread
from firstline.reports.wording import COLUMNS, advice_in_words, cost_of, side_by_side, spread_in_words
from firstline.text import in_words, one_line
from firstline_cli.learn.follow_ups import FollowUp
from firstline_cli.listing import no_formula

MOST_NAMES = 60


def read(
    table: Table, clocks: Clocks, *, since: datetime, until: datetime, by: By, change: datetime | None = None
) -> Report:
    """Read the report: from two partitions of the index `by_status`, and the pages by their keys."""
    history = TableIncidents(table)
    closed = history.closed_since(reads_since(since, until, change))
    records = history.with_pages(chain(history.open_records(), closed))
    return report(records, since=since, until=until, by=by, clocks=clocks, change=change)


# --- for tools --------------------------------------------------------------------------------------------------------


def as_json(found: Report, follow_ups: Sequence[FollowUp]) -> str:
    """Return the report as JSON; durations are in seconds."""
    plain: dict[str, Any] = {
        "since": found.since.isoformat(),
        "until": found.until.isoformat(),
        "by": found.by,
        "total": _plain(found.total),
        "rows": [_plain(row) for row in found.rows],
        "people": [one.model_dump() for one in found.people],
        "noisiest": [group.model_dump() for group in found.noisiest],
        "comparison": None,
        "action_items": [item.model_dump(mode="json") for item in follow_ups],
    }
    if (compared := found.comparison) is not None:
        plain["comparison"] = {
            "change": compared.change.isoformat(),
            "span_seconds": compared.span.total_seconds(),
            "before": _plain(compared.before),
            "after": _plain(compared.after),
        }
    return json.dumps(plain, indent=2, ensure_ascii=False)


def as_csv(found: Report) -> str:
    """Return one line for each week, service or runbook, and one for all together."""
    rows = [{"by": found.by, **_flat(row)} for row in found.rows] + [{"by": "all", **_flat(found.total)}]
    text = io.StringIO()
    writer = csv.DictWriter(text, list(rows[-1]), lineterminator="\n")
    writer.writeheader()
    writer.writerows({name: no_formula(value) for name, value in row.items()} for row in rows)
    return text.getvalue()


def _plain(figures: Figures) -> dict[str, Any]:
    plain: dict[str, Any] = figures.model_dump()
    return plain | {"acknowledge": _seconds(figures.acknowledge), "resolve": _seconds(figures.resolve)}


def _seconds(spread: Spread) -> dict[str, float | None]:
    p50, p90 = (value.total_seconds() if value is not None else None for value in (spread.p50, spread.p90))
    return {"n": spread.n, "p50_seconds": p50, "p90_seconds": p90}


def _flat(figures: Figures) -> dict[str, Any]:
    plain = _plain(figures)
    ends, usage = plain.pop("ends"), plain.pop("usage")
    for name in ("acknowledge", "resolve"):
        plain |= {f"{name}_{key}": value for key, value in plain.pop(name).items()}
    return {**plain, **ends, **usage}


# --- for people -------------------------------------------------------------------------------------------------------


def print_report(console: Console, found: Report, follow_ups: Sequence[FollowUp], zone: str) -> None:
    """Print the report as tables."""
    console.print(_total(found))
    console.print(_rows(found))
    console.print(
        f"n is how many there are. p90 is given from {ENOUGH_FOR_P90} on. Weeks are those of {zone}; the first and the "
        "last may not be whole."
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
    if min(compared.before.incidents, compared.after.incidents) < ENOUGH_FOR_P90:
        console.print(f"Fewer than {ENOUGH_FOR_P90} incidents on one side: a difference may well be chance.")


def _people(found: Report) -> Grid:
    grid = _grid("Pages by person", "person", "pages", "at night (22:00–08:00)", "by the clock of")
    for one in found.people:
        grid.add_row(one_line(one.person, MOST_NAMES), str(one.pages), str(one.at_night), one.zone)
    return grid


def _print_noisiest(console: Console, found: Report) -> None:
    grid = _grid("The noisiest groups", "alert", "incidents", "paged", "by itself", "what would have helped")
    for group in found.noisiest:
        numbers = (group.incidents, group.paged, group.by_themselves)
        grid.add_row(one_line(group.alert_name, MOST_NAMES), *map(str, numbers), advice_in_words(group.advice))
    console.print(grid)
    rules = [group.advice.rule for group in found.noisiest if group.advice.rule is not None]
    if rules:
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
