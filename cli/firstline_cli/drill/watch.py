"""The legs of a test alert's way, each with its time: in the table, classified, people told, page sent, runbook run."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from firstline.models import TEST, IncidentRecord

if TYPE_CHECKING:
    from firstline_cli.stacks import Stack

POLL_SECONDS = 0.5

type Seen = Callable[[IncidentRecord], str | None]
"""A function that says how a leg of the way ended, or returns None while it goes on."""


@dataclass
class Watch:
    """The watch on a test alert from the moment when it was sent. Tests replace `clock` and `sleep`."""

    stack: "Stack"
    key: str
    incident_id: str | None = None
    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep
    began: float = field(init=False)

    def __post_init__(self) -> None:
        self.began = self.clock()

    def until(self, name: str, seen: Seen, seconds: float) -> Iterator[str]:
        """Wait until a leg of the alert's way ends, and yield one line: its name, the seconds since the start, its end.

        `seen` returns how the leg ended, or None while it goes on. Yield nothing if that takes more than `seconds`.
        """
        left = self.clock() + seconds
        while True:
            record = self.record()
            said = seen(record) if record else None
            if said is not None:
                mark = "✗" if failed(said) else "✓"
                yield f"{mark} {name:<12} {self.clock() - self.began:6.1f} s  {said}".rstrip()
                return
            if self.clock() >= left:
                return
            self.sleep(POLL_SECONDS)

    def record(self) -> IncidentRecord | None:
        """Return the record of the test's incident, or None if the table has none yet."""
        from firstline.adapters.dynamodb.incidents import TableIncidents

        incidents = TableIncidents(self.stack.table)
        if self.incident_id is None:
            found = (record.incident for record in incidents.open_records())
            self.incident_id = next(
                (incident.incident_id for incident in found if incident.alert.labels.get(TEST) == self.key), None
            )
        return incidents.record(self.incident_id) if self.incident_id else None


_FAILED = ("NOBODY", "NO PLAN", "NOTHING RAN", "REFUSED")


def failed(line: str) -> bool:
    """Return True if a leg's line has `NOBODY`, `NO PLAN`, `NOTHING RAN` or `REFUSED`: the test ends there."""
    return any(word in line for word in _FAILED)


def opened(record: IncidentRecord) -> str | None:
    """Return `incident <id>`: the leg "in the table" ends as soon as there is a record."""
    return f"incident {record.incident.incident_id}"


def classified(record: IncidentRecord) -> str | None:
    """Return the verdict's severity and who decided on it, in words; None before the verdict."""
    found = record.classification
    return f"{found.severity}, decided by {found.decided_by}" if found else None


def pages(record: IncidentRecord) -> str | None:
    """Return the verdict in words, and that it pages nobody if its severity is below high; None before the verdict."""
    found = record.classification
    if found is None or found.severity in ("critical", "high"):
        return classified(record)
    return f"{found.severity}, which PAGES NOBODY: {found.reasons[0] if found.reasons else found.decided_by}"


def told(record: IncidentRecord) -> str | None:
    """Return in words whether people were told, or why not.

    Return None while the incident is open, was not shown to people yet, and has not begun to wait for anything.
    """
    live = record.live
    if record.status == "CLOSED":
        return f"NOBODY was told: the incident is over ({record.outcome})"
    if live is None or (live.awaiting is None and live.shown == 0):
        return None
    if record.slack_ts and live.shown:
        return "its message is in Slack"
    if record.slack_ts:
        return "its message is in Slack; A CHANNEL FAILED: the log of notify says which one, and why"
    return "every connected channel took its message" if live.shown else "NOBODY was told: no channel took its message"


def paged(record: IncidentRecord) -> str | None:
    """Return in words who was paged and through which channels; None before the page went out."""
    page = next(iter(record.sent_pages), None)
    return f"{page.on_call}, through {', '.join(page.delivered_to) or 'the sender'}" if page else None


def planned(record: IncidentRecord) -> str | None:
    """Return the plan in words, and why it asks if it does; or that there is none. None while neither is known."""
    plan, awaiting = record.plan, record.live.awaiting if record.live else None
    if plan is None:
        waits = awaiting in ("resolution", "acknowledgement")
        return f"NO PLAN was made: firstline show {end_of(record)} says why" if waits else None
    what = f"{plan.runbook_id} on {', '.join(plan.places.values())}"
    if plan.decision == "auto":
        return f"{what} runs by itself"
    return f"{what} asks: {plan.decision_reason}" if awaiting else None


def approved(record: IncidentRecord) -> str | None:
    """Return in words who approved or refused the plan; None while nobody has decided."""
    if record.decision is None:
        return None
    return f"{'by' if record.decision == 'approved' else 'REFUSED by'} {record.decided_by or 'somebody'}"


def ran(stack: "Stack", record: IncidentRecord) -> str | None:
    """Return in words how the runbook's steps ended, or that none ran; None as long as that is not known."""
    from firstline.adapters.dynamodb.trail import TableTrail

    plan = record.plan
    entries = TableTrail(stack.table).entries(record.incident.incident_id)
    if plan is None or not any(entry.what == "over" for entry in entries):
        return None
    steps = [f"{entry.facts['step_id']} {entry.facts['status']}" for entry in entries if entry.what == "ran"]
    if not steps:
        return f"NOTHING RAN: firstline show {end_of(record)} says why"
    return f"{plan.runbook_id} on {', '.join(plan.places.values())}: {', '.join(steps)}"


def end_of(record: IncidentRecord) -> str:
    """Return the last eight characters of the incident's id, which commands accept instead of the whole id."""
    return record.incident.incident_id[-8:]
