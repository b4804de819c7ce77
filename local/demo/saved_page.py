"""The console's page of one of the demo's incidents as a file that needs no server and has no buttons."""

from datetime import UTC, datetime
from pathlib import Path

from firstline.adapters.dynamodb.incidents import TableIncidents
from firstline.adapters.dynamodb.table import Table
from firstline.adapters.dynamodb.trail import TableTrail
from firstline.console.frame import Frame
from firstline.console.incident_page import gather, incident_page
from firstline.console.sessions import Pass
from local.emulator.stack import ROOT, STACK_NAME, Stack

PAGE = ROOT / ".cache" / "demo" / "incident.html"


def save_page(stack: Stack, incident_id: str) -> Path | None:
    """Write the console's page of an incident to a file and return its path; None if the incident is unknown."""
    table = Table(stack.client("dynamodb"), stack.created.table_name)
    incidents = TableIncidents(table)
    record = incidents.record(incident_id)
    if record is None:
        return None
    now = datetime.now(UTC)
    # The session may see this incident alone: the other pages are not in the file.
    visitor = Pass(key="demo", name="saved by the demo", role="reader", incident_id=incident_id, expires_at=now)
    view = gather(record, now, incidents=incidents, trail=TableTrail(table))
    PAGE.parent.mkdir(parents=True, exist_ok=True)
    frame = Frame(STACK_NAME, datetime.now().astimezone().tzinfo or UTC, now, visitor)
    PAGE.write_text(incident_page(view, frame), encoding="utf-8")
    return PAGE
