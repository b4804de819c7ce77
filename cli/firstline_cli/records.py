"""Tables of how runbooks did, and audit trails as text."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

from rich.console import Console
from rich.table import Table as Grid

from firstline.adapters.dynamodb.incidents import TableIncidents
from firstline.adapters.dynamodb.remediations import TableRemediations
from firstline.adapters.dynamodb.table import Table
from firstline.adapters.dynamodb.trail import TableTrail
from firstline.incidents.audit_trail import Entry, first_break
from firstline.policy.remediation import load_remediation_policy
from firstline.remediation.autonomy import advice, tally
from firstline.runbooks import catalogue


def runbooks_grid(table: Table, runbooks: Path, environment: str, days: float) -> Grid:
    """Return a table of how each runbook did and which mode it has earned."""
    thresholds = load_remediation_policy(runbooks / "policy" / "remediation.yaml").autonomy
    remediations, history = TableRemediations(table), TableIncidents(table)
    since = datetime.now(UTC) - timedelta(days=days)
    names = ("runbook", "mode", "shadow", "planned", "approved", "run", "verified", "failed", "undone", "accepted")
    grid = Grid(*names, "next", title=f"Runbooks in {environment}, the last {days:g} days", title_justify="left")
    for runbook in catalogue.load(runbooks).values():
        mode = runbook.mode_in(environment)
        counted = tally(runbook.id, history.runs_since(runbook.id, since))
        accepted = "–" if counted.accepted_percent is None else f"{counted.accepted_percent}%"
        numbers = [str(getattr(counted, name)) for name in names[2:-1]]
        earned = advice(runbook, mode, counted, remediations.standing(runbook.id), thresholds)
        grid.add_row(runbook.id, mode, *numbers, accepted, earned)
    return grid


def print_trail(console: Console, table: Table, incident_id: str) -> bool:
    """Print an incident's trail and whether its chain holds. Return False where it is broken or absent."""
    entries = TableTrail(table).entries(incident_id)
    if not entries:
        console.print(f"Nothing is on the trail of {incident_id}.")
        return False
    broken = first_break(incident_id, entries)
    for place, entry in enumerate(entries, 1):
        if broken and place == broken.number:
            problem = f"--- broken here: {broken.problem}; nothing from here on is proven ---"
            console.print(problem, style="bold red")
        console.print(f"{entry.number:3}  {entry.at:%Y-%m-%d %H:%M:%S}  {entry.what:10}  {entry.who}: {in_line(entry)}")
    if broken:
        if broken.number > len(entries):
            console.print(f"--- broken: {broken.problem} ---", style="bold red")
        return False
    console.print(f"{len(entries)} entries, each in its place; the last has the hash {entries[-1].hash}")
    record = TableIncidents(table).record(incident_id)
    if record and record.status == "CLOSED" and all(entry.what != "closed" for entry in entries):
        console.print(
            "The incident is closed and its trail does not say so: its end was cut off, or never written. "
            "The functions' logs have the hash of every entry that was written."
        )
    return True


def in_line(entry: Entry, without: str | None = None) -> str:
    """Return an entry's facts on one line, without the empty ones and those whose name holds `without`."""
    return ", ".join(
        f"{name} {value if isinstance(value, str) else json.dumps(value)}"
        for name, value in entry.facts.items()
        if value not in ("", []) and (without is None or without not in name)
    )
