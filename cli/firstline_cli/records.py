"""Tables of how runbooks did, and audit trails as text."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

from rich.console import Console
from rich.table import Table as Grid
from rich.text import Text

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
        accepted = counted.accepted_percent
        numbers = (counted.shadow, counted.planned, counted.approved, counted.run, counted.verified)
        grid.add_row(
            runbook.id,
            mode,
            *map(str, (*numbers, counted.failed, counted.undone)),
            "–" if accepted is None else f"{accepted}%",
            advice(runbook, mode, counted, remediations.demoted(runbook.id), thresholds),
        )
    return grid


def print_trail(console: Console, table: Table, incident_id: str) -> bool:
    """Print an incident's trail and whether its chain holds. Return False where it is broken or absent."""
    entries = TableTrail(table).entries(incident_id)
    if not entries:
        console.print(f"Nothing is on the trail of {incident_id}.", highlight=False)
        return False
    broken = first_break(incident_id, entries)
    for place, entry in enumerate(entries, 1):
        if broken and place == broken.number:
            console.print(Text(f"--- broken here: {broken.problem}; nothing from here on is proven ---", "bold red"))
        console.print(_told(entry))
    if broken:
        if broken.number > len(entries):
            console.print(Text(f"--- broken: {broken.problem} ---", "bold red"))
        return False
    console.print(
        f"{len(entries)} entries, each in its place; the last has the hash {entries[-1].hash}", highlight=False
    )
    record = TableIncidents(table).record(incident_id)
    if record and record.status == "CLOSED" and all(entry.what != "closed" for entry in entries):
        console.print(
            "The incident is closed and its trail does not say so: its end was cut off, or never written. "
            "The functions' logs have the hash of every entry that was written."
        )
    return True


def _told(entry: Entry) -> Text:
    facts = ", ".join(
        f"{name} {value if isinstance(value, str) else json.dumps(value)}"
        for name, value in entry.facts.items()
        if value not in ("", [])
    )
    # Text, not markup: reasons and names come from alerts.
    return Text(f"{entry.number:3}  {entry.at:%Y-%m-%d %H:%M:%S}  {entry.what:10}  {entry.who}: {facts}")
