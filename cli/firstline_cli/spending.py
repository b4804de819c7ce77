"""Tables of the model's tokens and their price in money, by day and by incident."""

from collections.abc import Iterable
from datetime import datetime
from itertools import chain

from rich.console import Console
from rich.table import Table as Grid

from firstline.adapters.dynamodb.incidents import TableIncidents
from firstline.adapters.dynamodb.spending import Day, Spending
from firstline.adapters.dynamodb.table import Table
from firstline.models import IncidentRecord
from firstline.policy.model import Ceiling
from firstline.reports.wording import money

MOST_INCIDENTS = 20


def print_spending(console: Console, table: Table, since: datetime) -> None:
    """Print the model's tokens and their price by day since a time, and the incidents that took most."""
    history = TableIncidents(table)
    still_open = (record for record in history.open_records() if record.incident.opened_at >= since)
    console.print(_days(Spending(table, Ceiling()).days(since.date())))
    console.print(_incidents(chain(still_open, history.closed_since(since))))


def _days(days: Iterable[Day]) -> Grid:
    grid = Grid("day (UTC)", "questions", "unmetered", "tokens in", "tokens out", "cost", "ceiling reached")
    grid.title, grid.title_justify = "The model, by day", "left"
    for day in days:
        reached = f"{day.ceiling_at:%H:%M}" if day.ceiling_at else "–"
        cost = day.cost if day.cost or not day.prompt_tokens else None
        counts = (day.questions, day.unmetered, day.prompt_tokens, day.completion_tokens)
        grid.add_row(day.day.isoformat(), *(f"{count:,}" for count in counts), money(cost), reached)
    return grid


def _incidents(records: Iterable[IncidentRecord]) -> Grid:
    verdicts = [(record.incident.incident_id, record.classification) for record in records]
    asked = [(name, verdict) for name, verdict in verdicts if verdict and verdict.usage.tokens]
    asked.sort(key=lambda row: (row[1].usage.cost or 0.0, row[1].usage.tokens), reverse=True)
    grid = Grid("incident", "its severity", "tokens in", "tokens out", "cost", "model")
    grid.title, grid.title_justify = f"The {MOST_INCIDENTS} incidents that took most", "left"
    for name, verdict in asked[:MOST_INCIDENTS]:
        usage = verdict.usage
        tokens = (f"{usage.prompt_tokens:,}", f"{usage.completion_tokens:,}")
        said = verdict.model_says.severity if verdict.model_says else "–"
        grid.add_row(name, said, *tokens, money(usage.cost), verdict.model or "– (no verdict)")
    return grid
