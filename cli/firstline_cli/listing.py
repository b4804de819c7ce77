"""The list of incidents: its rows, and the table, JSON and CSV that show them."""

import json
from dataclasses import dataclass
from datetime import datetime
from itertools import chain
from typing import TYPE_CHECKING, Any

from firstline.adapters.dynamodb.live import CLOSED, OPEN
from firstline.adapters.dynamodb.records import read_records
from firstline.adapters.dynamodb.table import Table, stamp
from firstline.incidents.status import Filter, Status, status_of
from firstline.models import IncidentRecord, Severity
from firstline.text import one_line, short_duration
from firstline_cli import spreadsheet

if TYPE_CHECKING:
    from rich.table import Table as Grid

_COLOURS: dict[Severity, str] = {
    "critical": "bold red",
    "high": "yellow",
    "medium": "cyan",
    "low": "dim",
    "noise": "dim",
}
_NAME_CHARS, _PLACE_CHARS = 40, 24

COLUMNS = (
    *("id", "short_id", "severity", "title", "alert", "place", "service", "opened_at", "age_seconds", "holder"),
    *("owner", "who", "waits_for", "asks", "until", "alerts", "firing", "pages", "outcome"),
)
"""The columns of the CSV."""


@dataclass(frozen=True)
class Row:
    """One incident in the list: its status, the alert's name, its host or else service (`place`), and how it ended."""

    status: Status
    alert: str
    place: str
    outcome: str

    def is_of(self, name: str) -> bool:
        """Return True if the incident's owner, who has taken it, has this name."""
        return (self.status.owner or "").partition(" (")[0] == name

    def plain(self) -> dict[str, Any]:
        """Return the row as plain values, under the names that JSON and CSV use."""
        status = self.status
        return {
            "id": status.incident_id,
            "short_id": status.short_id,
            "severity": status.severity,
            "title": status.title,
            "alert": self.alert,
            "place": self.place,
            "service": status.service,
            "opened_at": status.opened_at.isoformat(),
            "age_seconds": int(status.age.total_seconds()),
            "holder": status.holder,
            "owner": status.owner or "",
            "who": status.who,
            "waits_for": status.waits_for,
            "asks": status.asks,
            "until": status.until.isoformat() if status.until else "",
            "alerts": status.alerts,
            "firing": status.firing,
            "pages": status.pages,
            "outcome": self.outcome,
        }


def rows(table: Table, wanted: Filter, now: datetime, *, closed_since: datetime | None = None) -> list[Row]:
    """Return a row for each open incident that the filter `wanted` takes.

    Incidents without an owner come first, closed ones last; in each of these groups the worst come first, then the
    oldest.
    With `closed_since`, also return the incidents that `wanted` takes and that closed since that time.
    """
    # Not with TableIncidents, whose import takes longer because it can write too.
    named = table.query_whole(CLOSED, "by_status", since=stamp(closed_since)) if closed_since else ()
    records = read_records(table, chain(table.query_whole(OPEN, "by_status"), named))
    found = [(status_of(record, now), record) for record in records]
    taken = [(status, record) for status, record in found if wanted.takes(status, record)]
    return [_row(status, record) for status, record in sorted(taken, key=lambda pair: pair[0].sort_key)]


def table(rows: list[Row]) -> "Grid":
    """Return the table that a terminal shows: one line for each incident, as wide as the terminal."""
    from rich.table import Table as Grid
    from rich.text import Text

    grid = Grid.grid(padding=(0, 2, 0, 0))
    for name in ("severity", "id", "alert", "place", "age", "who"):
        grid.add_column(name, no_wrap=name != "who", overflow="ellipsis")
    for row in rows:
        severity, short_id, alert, place, age, who = cells(row)
        grid.add_row(
            Text(severity, style=_COLOURS[row.status.severity]),
            Text(short_id),
            Text(alert),
            Text(place),
            Text(age, justify="right"),
            Text(who, style="bold" if row.status.unowned else ""),
        )
    return grid


def cells(row: Row) -> tuple[str, ...]:
    """Return the cells of an incident in the list: severity, short id, alert, place, age, who has it."""
    status = row.status
    who = status.line.replace("Nobody has it", "NOBODY HAS IT", 1) if status.unowned else status.line
    name = f"{'●' if status.holder != 'over' else '○'} {status.severity}"
    alert, place = one_line(row.alert, _NAME_CHARS), one_line(row.place, _PLACE_CHARS)
    return name, status.short_id, alert, place, short_duration(status.age), who


def as_json(rows: list[Row]) -> str:
    """Return the rows as a JSON list."""
    return json.dumps([row.plain() for row in rows], indent=2)


def as_csv(rows: list[Row]) -> str:
    """Return the rows as CSV with a heading."""
    return spreadsheet.as_csv((row.plain() for row in rows), COLUMNS)


def _row(status: Status, record: IncidentRecord) -> Row:
    incident = record.incident
    place = incident.hosts[0] if incident.hosts else incident.alert.service or ""
    return Row(
        status=status,
        alert=one_line(incident.alert.alert_name, 256),
        place=one_line(place, 256),
        outcome=record.outcome or "",
    )
