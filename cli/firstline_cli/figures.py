"""The figures of `firstline report`: read from the table's open and closed incidents, and written as JSON and CSV.

Tables for people are in `figures_tables`, so that JSON and CSV need not import rich.
"""

import json
from collections.abc import Sequence
from datetime import datetime
from itertools import chain
from typing import Any

from firstline.adapters.dynamodb.incidents import TableIncidents
from firstline.adapters.dynamodb.table import Table
from firstline.reports.pages import Clocks
from firstline.reports.periods import By, Figures, Report, reads_since, report
from firstline.reports.spread import Spread
from firstline_cli import spreadsheet
from firstline_cli.learn.follow_ups import FollowUp


def read(
    table: Table, clocks: Clocks, *, since: datetime, until: datetime, by: By, change: datetime | None = None
) -> Report:
    """Read the incidents of a period, with their pages, from the table, and compute the report.

    `clocks` knows people's time zones, `by` says what a row stands for (week, service, runbook). With `change`, the
    report compares the time before that moment with the time after it.
    """
    history = TableIncidents(table)
    closed = history.closed_since(reads_since(since, until, change))
    records = history.with_pages(chain(history.open_records(), closed))
    return report(records, since=since, until=until, by=by, clocks=clocks, change=change)


def as_json(found: Report, follow_ups: Sequence[FollowUp]) -> str:
    """Return the report, and the postmortems' open action items (`follow_ups`), as JSON with durations in seconds."""
    plain: dict[str, Any] = {
        "since": found.since.isoformat(),
        "until": found.until.isoformat(),
        "by": found.by,
        "total": _plain(found.total),
        "rows": [_plain(row) for row in found.rows],
        "people": [person.model_dump() for person in found.people],
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
    """Return the report as CSV: a line for each week, service or runbook (`found.by`), then a line for all together."""
    rows = [{"by": found.by, **_flat(row)} for row in found.rows] + [{"by": "all", **_flat(found.total)}]
    return spreadsheet.as_csv(rows, list(rows[-1]))


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
