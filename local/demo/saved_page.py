"""The console's page of one incident of the demo as a file: everything is in it, and its buttons are gone."""

from datetime import UTC, datetime
from pathlib import Path

from firstline.adapters.dynamodb.incidents import TableIncidents
from firstline.adapters.dynamodb.table import Table
from firstline.adapters.dynamodb.trail import TableTrail
from firstline.console.frame import Frame
from firstline.console.incident_page import gather, incident_page
from firstline.console.sessions import Pass
from local.emulator.stack import ROOT, STACK_NAME, Stack

FOLDER = ROOT / ".cache" / "demo"


def save_page(stack: Stack, incident_id: str, folder: Path = FOLDER) -> Path | None:
    """Write the page of an incident, and return where it is; None if the stack does not know it."""
    table = Table(stack.client("dynamodb"), stack.created.table_name)
    incidents = TableIncidents(table)
    record = incidents.record(incident_id)
    if record is None:
        return None
    now = datetime.now(UTC)
    # Good for this incident alone: the other pages are not in the file.
    visitor = Pass(key="demo", name="saved by the demo", role="reader", incident_id=incident_id, expires_at=now)
    view = gather(record, now, incidents=incidents, trail=TableTrail(table))
    folder.mkdir(parents=True, exist_ok=True)
    page = folder / "incident.html"
    frame = Frame(STACK_NAME, datetime.now().astimezone().tzinfo or UTC, now, visitor)
    page.write_text(incident_page(view, frame), encoding="utf-8")
    return page
