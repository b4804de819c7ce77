"""`python -m tests.pictures`: take the pictures of the console and of a Slack message for the docs, with Chromium.

The incidents are made up; the pages and the message are what Firstline renders of them, and Slack's look is imitated
(its signs need Debian's fonts-noto-color-emoji). Take the pictures again when words or style change, and look at them.
"""

import subprocess
import sys
import tempfile
from datetime import timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from firstline.channels.slack import render
from firstline.channels.summary import StackInfo
from firstline.models import IncidentRecord, Notification
from tests.support.browsing import get
from tests.support.builders import (
    NOW,
    a_classification,
    a_page,
    a_plan,
    a_record,
    a_waiting_record,
    an_alert,
    an_incident,
)
from tests.support.slack_page import slack_page
from tests.unit.console.shelf import Shelf

FOLDER = Path(__file__).parents[1] / "docs" / "pictures"
WIDTHS = {1280: 640, 390: 844}
"""The width of each picture, and its height: a desk, and a phone."""

MESSAGE = (640, 520)
"""The width and the height of the picture of a message."""

PLAN = a_plan(title="Free space on a disk of logs", decision="approve", decision_reason="low-disk asks for approval")
DISK = "e1fbd129"


def _incident(short: str, name: str, host: str, severity: str, minutes: float, **changes: Any) -> IncidentRecord:
    """Return an incident that opened some minutes ago; `changes` are fields of its record."""
    service = changes.pop("service", "shop")
    opened = NOW - timedelta(minutes=minutes)
    known: dict[str, Any] = {"service": service, "group_key": name, "fingerprint": name, "timestamp": opened}
    alert = an_alert(
        alert_name=name, host=host, severity=severity, message=changes.pop("says", f"{name} on {host}"), **known
    )
    incident = an_incident(alert, incident_id=f"{name}-{host}-20260304T0312-{short}", opened_at=opened)
    if "pages" in changes:
        changes |= {"awaiting": "acknowledgement", "task_token": "token", "paged_at": opened}
        changes["pages"] = [a_page(at=opened + timedelta(minutes=wait)) for wait in changes["pages"]]
    changes.setdefault("classification", a_classification(severity=severity))
    make = a_waiting_record if changes.get("plan") else a_record
    return make(incident=incident, last_alert_at=opened, **changes)


def incidents() -> list[IncidentRecord]:
    """Return what is open at a stack on a bad night."""
    disk = a_classification(
        severity="critical",
        cause="Logs were not rotated since 02:00.",
        summary="The disk of web-1 is almost full. The shop stops writing orders when it is.",
        first_steps=["Look which files under /var/log grow.", "Approve the plan, or rotate the logs by hand."],
    )
    full = "/var on web-1 is 97 % full, and full within 20 minutes."
    taken = {"acknowledged_at": NOW - timedelta(minutes=28), "acknowledged_by": "ada"}
    later = {"acknowledged_at": NOW - timedelta(hours=2), "acknowledged_by": "bob"}
    return [
        _incident(
            DISK,
            "HostOutOfDiskSpace",
            "web-1",
            "critical",
            12,
            says=full,
            plan=PLAN,
            pages=[0, 5],
            classification=disk,
        ),
        _incident("77ab01cd", "SystemdUnitFailed", "worker-3", "high", 6, pages=[0], service="mailer"),
        _incident("cfb77bb8", "CheckoutErrors5xx", "checkout", "critical", 31, pages=[0], service="checkout", **taken),
        _incident("ab12cd34", "ReplicaLag", "db-2", "medium", 45, service="ledger", **taken),
        _incident("5d21ac07", "CertificateExpiresSoon", "lb-1", "low", 1_500, service="edge", **later),
    ]


def main() -> int:
    """Take each picture; return 1 if there is no Chromium."""
    shelf = Shelf(*incidents())
    session = shelf.session("ada")
    disk = next(record for record in incidents() if record.incident.incident_id.endswith(DISK))
    addresses = {"list": "/console/incidents", "incident": f"/console/incidents/{disk.incident.incident_id}"}
    with tempfile.TemporaryDirectory() as folder:
        for name, address in addresses.items():
            page = Path(folder, f"{name}.html")
            page.write_text(shelf.site.handle(get(address, session), NOW)["body"], encoding="utf-8")
            for width, height in WIDTHS.items():
                _picture(page, FOLDER / f"console-{name}-{width}.png", width, height)
        paged = Notification(kind="paged", record=disk, reason="", at=NOW)
        message = render(paged, StackInfo(zone=ZoneInfo("Europe/Berlin")))
        page = Path(folder, "slack.html")
        page.write_text(slack_page(message, "04:04"), encoding="utf-8")
        _picture(page, FOLDER / "slack-message.png", *MESSAGE)
    return 0


def _picture(page: Path, picture: Path, width: int, height: int) -> None:
    """Keep what a browser window of this size shows. A window of Chromium is at least 500 wide, a frame is not."""
    frame = page.with_name("frame.html")
    style = f"position:fixed;left:0;top:0;border:0;width:{width}px;height:{height}px"
    frame.write_text(f'<!doctype html><body style="margin:0"><iframe style="{style}" src="{page.as_uri()}"></iframe>')
    options = ["--headless", "--no-sandbox", "--hide-scrollbars", "--disable-gpu", f"--window-size={width},{height}"]
    subprocess.run(["chromium", *options, f"--screenshot={picture}", frame.as_uri()], check=True, capture_output=True)


if __name__ == "__main__":
    sys.exit(main())
