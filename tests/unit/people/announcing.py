"""Announcements over a store in memory."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from pydantic import TypeAdapter

from firstline.contracts import NotifyInput, NotifyOutput
from firstline.incidents.pages import GROUPING_WINDOW
from firstline.observability import metrics
from firstline.people.announce import announce
from firstline.people.recovery import Look, no_look
from tests.support.builders import (
    NOW,
    a_classification,
    a_plan,
    a_record,
    an_incident,
)
from tests.support.changes import joining
from tests.support.memory import MemoryChannel, MemoryStore
from tests.unit.incidents.looks import TIMES
from tests.unit.people.stage import critical

INPUT: TypeAdapter[NotifyInput] = TypeAdapter(NotifyInput)
INCIDENT = an_incident().model_dump(mode="json")
PLAN = a_plan().model_dump(mode="json")

EVENTS: dict[str, dict[str, Any]] = {
    "Record Suppression": {"classification": a_classification(severity="noise").model_dump(mode="json"), "joined": 1},
    "Announce Remediation": {"plan": PLAN},
    "Notify Ops": {"plan": None, "results": [], "reason": "No runbook fits."},
    "Announce Quiet": {},
    "Await Quiet": {"token": "t-2"},
    "Close Incident": {"results": [], "ended_by": "person", "joined": 1, "reason": "The summary."},
}
"""The input of each state of the notify function, besides the incident."""

RESOLVED: dict[str, Any] = {"resolved_by": "ada", "resolved_at": NOW - timedelta(seconds=1)}


def announced(
    state: str,
    channels: dict[str, MemoryChannel],
    store: MemoryStore | None = None,
    end_silence: Callable[[str, datetime], None] = lambda silence_id, now: None,
    now: datetime | None = None,
    look: Look = no_look,
    **changes: Any,
) -> NotifyOutput:
    """Announce a state's event, which `changes` replace in part, over a store that holds the incident."""
    if now is None:  # an incident that resolved is closed after the grouping window
        now = NOW + GROUPING_WINDOW if changes.get("ended_by") == "resolved" else NOW
    event = INPUT.validate_python({"state": state, "incident": INCIDENT, **EVENTS[state], **changes})
    if store is None:
        store = MemoryStore(a_record(**RESOLVED) if state == "Close Incident" else a_record())
    return announce(
        event, channels=channels, incidents=store.incidents, now=now, end_silence=end_silence, times=TIMES, look=look
    ).output


def value_of(name: str) -> float:
    return metrics.metric_set[name]["Value"][0]


def joins(store: MemoryStore) -> None:
    """Let a critical alert join the incident."""
    live = store.only.live
    assert live is not None
    store.groups.apply(joining(live, critical(), now=NOW))
