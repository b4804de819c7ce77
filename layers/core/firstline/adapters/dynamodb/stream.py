"""The milestones of incidents (opened, paged, closed, …), found in the stream of the table's changes.

A record of the stream has a written item as it was before and after the write.
"""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from firstline.adapters.dynamodb.live import OPEN, live_of
from firstline.adapters.dynamodb.table import Item, deserialize
from firstline.incidents import milestones
from firstline.incidents.milestones import Head, Milestone, Write
from firstline.models import Classification, Incident, Page, RemediationPlan, RunbookRun

_LATE = ("outcome", "ended_at")


def number_of(record: Mapping[str, Any]) -> str:
    """Return the sequence number of a record, which stays the same if the record is delivered again."""
    return str(record["dynamodb"]["SequenceNumber"])


def milestones_in(record: Mapping[str, Any]) -> list[Milestone]:
    """Return the milestones (opened, paged, closed, …) that a record of the stream shows; for most records none.

    Raises
    ------
    ValueError, KeyError
        The item is not of the table's layout.
    """
    told = record["dynamodb"]
    if "NewImage" not in told:
        return []  # expired
    before, after = deserialize(told.get("OldImage", {})), deserialize(told["NewImage"])
    at = datetime.fromtimestamp(float(told["ApproximateCreationDateTime"]), UTC)
    write = Write(at, number_of(record))
    kind, _, name = str(after["pk"]).partition("#")
    match kind, str(after["sk"]).partition("#")[0]:
        case "INCIDENT", "INCIDENT":
            return milestones.of_head(_head(before) if before else None, _head(after), write)
        case "INCIDENT", "PAGE":
            page = Page.from_stored(after["page"])
            return milestones.of_page(name, Page.from_stored(before["page"]) if before else None, page, write)
        case "GROUP", "LIVE":
            return milestones.of_live(live_of(before) if before else None, live_of(after), write)
        case "PLAN", "PLAN":
            return [] if before else milestones.of_plan(name, RemediationPlan.from_stored(after["plan"]))
        case "DECISION", "DECISION":
            if "decision" not in after or "decision" in before:
                return []
            decided_at = datetime.fromisoformat(after["decided_at"])
            return milestones.of_decision(name, after["decision"], after["decided_by"], decided_at)
        case "RUNS", _ if not str(after["sk"]).endswith("#shadow"):
            return milestones.of_run(_run(before) if before else None, _run(after), write)
    return []


def _head(item: Item) -> Head:
    closed_at = item.get("closed_at")
    return Head(
        Incident.from_stored(item["incident"]),
        open=item["status"] == OPEN,
        verdict=Classification.from_stored(item["classification"]) if "classification" in item else None,
        closed_at=datetime.fromisoformat(closed_at) if closed_at else None,
        outcome=item.get("outcome"),
        reason=item.get("outcome_reason"),
    )


def _run(item: Item) -> RunbookRun:
    return RunbookRun.from_stored(json.loads(item["run"]) | {name: item[name] for name in _LATE if name in item})
