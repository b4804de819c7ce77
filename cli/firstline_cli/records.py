"""Tables and texts from what is on record: how each runbook did, and an incident's audit trail."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

from botocore.exceptions import BotoCoreError, ClientError
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
from firstline.text import count
from firstline_cli import aws_words, witnesses
from firstline_cli.stacks import Stack


def runbooks_grid(table: Table, runbooks: Path, environment: str, days: float) -> Grid:
    """Return a table with a row for each runbook: its mode in an environment, its counts, and advice on its mode.

    The counts are of the last `days` days, such as plans, approvals and failures. The advice says which
    mode the runbook has earned, or what it lacks for the next one. `runbooks` is the folder of the runbooks, with its
    policy files.
    """
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
        earned = advice(runbook, mode, counted, remediations.standing(runbook.id).of(runbook.scripts), thresholds)
        grid.add_row(runbook.id, mode, *numbers, accepted, earned)
    return grid


def print_trail(console: Console, table: Table, incident_id: str) -> bool:
    """Print an incident's audit trail. Return True if its chain of hashes holds and is complete."""
    entries = TableTrail(table).entries(incident_id)
    if not entries:
        console.print(f"The audit trail of {incident_id} has no entry.")
        return False
    broken = first_break(incident_id, entries)
    for place, entry in enumerate(entries, 1):
        if broken and place == broken.number:
            problem = f"--- the trail is broken here: {broken.problem}; nothing from here on is proven ---"
            console.print(problem, style="bold red")
        at = f"{entry.at.astimezone():%Y-%m-%d %H:%M:%S}"
        console.print(f"{entry.number:3}  {at}  {entry.what:10}  {entry.who}: {in_line(entry)}")
    if broken:
        if broken.number > len(entries):
            console.print(f"--- the trail is broken: {broken.problem} ---", style="bold red")
        return False
    number = "1 entry" if len(entries) == 1 else f"{len(entries)} entries"
    console.print(f"{number}, each in its place; the last has the hash {entries[-1].hash}")
    console.print(f"Times are those of this machine ({datetime.now().astimezone():%Z, UTC%z}).", style="dim")
    record = TableIncidents(table).record(incident_id)
    if record and record.status == "CLOSED" and all(entry.what != "closed" for entry in entries):
        console.print(
            "--- the trail is broken: the incident is closed, and the trail has no entry for that. Its end was cut "
            "off, or never written; the functions' logs have the hash of every entry that was written. ---",
            style="bold red",
        )
        return False
    return True


def print_comparison(console: Console, stack: Stack, incident_id: str, export: Path | None) -> bool:
    """Print whether an incident's audit trail agrees with Step Functions and CloudTrail.

    Return False if it does not, or if Step Functions cannot be asked or has no history of the incident. With a folder
    (`export`), also write the trail and Step Functions' histories there.
    """
    entries = TableTrail(stack.table).entries(incident_id)
    try:
        found = witnesses.histories(stack, incident_id)
    except (ClientError, BotoCoreError) as error:
        console.print(f"Step Functions cannot be asked: {aws_words.in_words(error)}", style="bold red")
        return False
    if export:
        witnesses.export(export, entries, found)
        console.print(f"The trail and the histories are in {export}.")
    if not found.events:
        gone = f"Step Functions has no history of {incident_id} any more: it keeps histories for 90 days."
        console.print(gone, style="bold red")
        return False
    unexplained, compared = _compared_with_cloudtrail(stack, incident_id, found)
    problems, sent = witnesses.contradictions(entries, found) + unexplained, found.commands()
    for problem in problems:
        console.print(f"--- {problem} ---", style="bold red", markup=False)
    agrees = "disagrees with" if problems else "agrees with"
    running = "" if found.over else " (one still runs: its last commands may not be on the trail yet)"
    executions = count(len(found.events), "execution")
    histories = f"{count(len(sent), 'command')} in the histories of {executions}"
    console.print(f"The trail {agrees} {histories}{running}{compared}", markup=False)
    return not problems


def _compared_with_cloudtrail(stack: Stack, incident_id: str, found: witnesses.Histories) -> tuple[list[str], str]:
    """Return a sentence for each command that CloudTrail recorded and no execution in `found` sent.

    The second value is the end of the sentence that reports the comparison: how many commands CloudTrail has, or why it
    cannot be asked.
    """
    times = [event["timestamp"] for events in found.events.values() for event in events]
    try:
        seen = witnesses.seen_by_cloudtrail(stack, incident_id, min(times), max(times))
    except (ClientError, BotoCoreError) as error:
        return [], f". CloudTrail cannot be asked: {aws_words.in_words(error)}"
    return witnesses.unexplained(seen, found.commands()), f", and with {len(seen)} in CloudTrail"


def in_line(entry: Entry, without: str | None = None) -> str:
    """Return the facts of an entry of the audit trail on one line, except empty ones and those named like `without`.

    A fact is named so if its name contains `without`; by default none is left out for its name.
    """
    return ", ".join(
        f"{name} {value if isinstance(value, str) else json.dumps(value)}"
        for name, value in entry.facts.items()
        if value not in ("", []) and (without is None or without not in name)
    )
