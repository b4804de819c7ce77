"""The ends of incidents, by who or what ended them. Each incident has exactly one end."""

import re
from collections.abc import Iterable, Mapping
from datetime import timedelta
from typing import Literal

from firstline.models import INCIDENT_ID, IncidentRecord, NormalizedAlert

type Ending = Literal[
    "verified", "acted", "self_cleared", "suppressed", "people", "unanswered", "expired", "no_data", "open"
]
"""The end of an incident. `verified` and `acted`: a runbook changed something, and its verification held, or the alert
resolved without a verification. `people`: a person took or resolved the incident. `unanswered`: the incident was paged
or should have been, and resolved before anybody took it."""

ENDINGS: Mapping[Ending, str] = {
    "verified": "fixed by a runbook, verified",
    "acted": "resolved after a runbook, not verified",
    "self_cleared": "cleared by itself",
    "suppressed": "suppressed",
    "people": "ended by people",
    "unanswered": "resolved before anybody took it",
    "expired": "expired: nobody resolved it",
    "no_data": "ended without data",
    "open": "still open",
}
"""The name of each end, in the order in which reports list them."""

CAME_BACK_WITHIN = timedelta(hours=1)
_BY_A_PERSON = "person"
_REOPENS = re.compile(rf"Reopened by .*?\nIt was ({INCIDENT_ID})\.(?:\n|$)", re.DOTALL)
"""The pattern of the text that `people.reported.reopened` writes into an alert."""


def ending_of(record: IncidentRecord) -> Ending:
    """Return how an incident ended, such as `people` or `expired`; `open` if it has not."""
    if record.status == "OPEN":
        return "open"
    match record.outcome:
        case "auto_resolved":
            return "verified" if _verified(record) else "acted"
        case "resolved":
            return "people" if record.acknowledged_by or record.resolved_by else "unanswered"
        case None:
            return "expired"
        case ended:
            return ended


def reopened(records: Iterable[IncidentRecord]) -> set[str]:
    """Return the ids of the incidents that people reopened.

    Each reopening made a new incident, whose alert names the old one; `records` must hold these new incidents.
    """
    return {known for record in records if (known := reopens(record.incident.alert)) is not None}


def reopens(alert: NormalizedAlert) -> str | None:
    """Return the id of the incident that a person reopened with this alert, or None for any other alert."""
    found = _REOPENS.match(alert.message) if alert.source == _BY_A_PERSON else None
    return found[1] if found else None


def came_back(records: Iterable[IncidentRecord]) -> set[str]:
    """Return the ids of the incidents whose group opened its next incident within an hour of the close."""
    found: set[str] = set()
    last: dict[str, IncidentRecord] = {}
    for record in sorted(records, key=lambda record: record.incident.opened_at):
        group = record.incident.group_key
        before = last.get(group)
        over = before.closed_at if before is not None else None
        if before is not None and over is not None and record.incident.opened_at - over <= CAME_BACK_WITHIN:
            found.add(before.incident.incident_id)
        last[group] = record
    return found


def _verified(record: IncidentRecord) -> bool:
    verified = record.live is not None and record.live.verified_at is not None
    return verified or any(result.kind == "verify" and result.status == "Success" for result in record.results)
