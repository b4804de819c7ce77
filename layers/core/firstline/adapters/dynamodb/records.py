"""Records of incidents: each is read from the items of all its writers in the table.

| what | pk | sk |
|---|---|---|
| the head: the incident as it began, the verdict, the end | `INCIDENT#<incident id>` | `INCIDENT` |
| a page | the same | `PAGE#<number, six digits>` |
| the senders' bodies, one item for each write of new alerts | the same | `RAW#<received at>#<hash>` |
| the plan | `PLAN#<incident id>` | `PLAN` |
| people's answers to the plan | `DECISION#<incident id>` | `DECISION` |

Alerts that join never write the head. While an incident is open, what they change is on its group's LIVE (`live`); the
head of a closed one holds a copy of that.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from datetime import datetime
from itertools import batched
from typing import TYPE_CHECKING, Any

from firstline import models
from firstline.adapters.dynamodb.live import CLOSED, OPEN, live_key, read_lives
from firstline.adapters.dynamodb.table import MOST_WRITES, stamp
from firstline.models import Incident, Live
from firstline.models.live import LAYOUT

if TYPE_CHECKING:
    from firstline.adapters.dynamodb.table import Item, Key, Table
    from firstline.models import IncidentRecord

NEWEST_PAGES = 20
"""The most pages that a record holds, the newest ones."""

HEADS_AT_ONCE = 25

_JSON_FIELDS = ("incident", "classification", "results")
_JSON_LISTS = ("feedback", "notes")
_PLAIN = ("closed_at", "outcome", "outcome_reason", "slack_channel", "slack_ts")
_POSTED = "posted_"
_DECISION = ("decision", "decided_by", "decided_at")


def incident_key(incident_id: str) -> Key:
    """Return the key of an incident's head, the INCIDENT item with its beginning, verdict and end."""
    return f"INCIDENT#{incident_id}", "INCIDENT"


def page_key(incident_id: str, seq: int) -> Key:
    """Return the key of an incident's page by the page's number (`seq`)."""
    return f"INCIDENT#{incident_id}", f"PAGE#{seq:06}"


def plan_key(incident_id: str) -> Key:
    """Return the key of an incident's plan."""
    return f"PLAN#{incident_id}", "PLAN"


def decision_key(incident_id: str) -> Key:
    """Return the key of people's answers to an incident's plan."""
    return f"DECISION#{incident_id}", "DECISION"


def posted_attribute(channel: str) -> str:
    """Return the name of the attribute for the hash of a channel's newest post, on an incident's INCIDENT item."""
    return f"{_POSTED}{channel}"


def head_item(incident: Incident) -> Item:
    """Return the head (the INCIDENT item) of a new incident."""
    pk, sk = incident_key(incident.incident_id)
    return {
        "pk": pk,
        "sk": sk,
        "layout": LAYOUT,
        "incident": incident.to_stored(),
        "status": OPEN,
        **in_index(OPEN, incident, incident.opened_at),
    }


def in_index(status: str, incident: Incident, at: datetime) -> Item:
    """Return the attributes that list an incident in the index of open or of closed incidents; none for a canary.

    `status` (`OPEN` or `CLOSED`) chooses the index's part; `at`, when it opened or closed, gives it its place there.
    """
    if incident.is_canary:
        return {}
    return {"status_pk": status, "status_sk": f"{stamp(at)}#{incident.incident_id}"}


def read_record(table: Table, incident_id: str) -> IncidentRecord | None:
    """Return an incident as it stands now, or None if it is unknown.

    Three requests, or four if further items (shards) count its alerts, too.
    """
    for _ in range(2):
        head = table.get(*incident_key(incident_id))
        if head is None:
            return None
        (record,) = _records(table, [head])
        if record.status == CLOSED or (record.live is not None and record.live.open):
            break
        # It was closed between the two reads, or its live half is gone.
    pages = table.query(
        f"INCIDENT#{incident_id}", since="PAGE#", until="PAGE$", newest_first=True, limit=NEWEST_PAGES, consistent=True
    )
    newest = [models.Page.from_stored(item["page"]) for item in pages]
    return record.model_copy(update={"pages": newest[::-1]})


def read_records(table: Table, heads: Iterable[Item]) -> Iterator[IncidentRecord]:
    """Yield the records of incidents, without their pages, from their INCIDENT items (`heads`).

    One or two requests for every 25.
    """
    for chunk in batched(heads, HEADS_AT_ONCE, strict=False):
        yield from _records(table, chunk)


def read_pages(table: Table, records: Iterable[IncidentRecord]) -> Iterator[IncidentRecord]:
    """Yield these records, each with its newest 20 pages. One request for every hundred pages."""
    for chunk in batched(records, MOST_WRITES, strict=False):
        keys = {record.incident.incident_id: _newest_pages(record) for record in chunk}
        found = table.get_all(key for wanted in keys.values() for key in wanted)
        for record in chunk:
            pages = [
                models.Page.from_stored(found[key]["page"]) for key in keys[record.incident.incident_id] if key in found
            ]
            yield record.model_copy(update={"pages": pages}) if pages else record


def _newest_pages(record: IncidentRecord) -> list[Key]:
    """Return the keys of an incident's newest pages, oldest first."""
    last = record.live.paged_seq if record.live else 0
    return [page_key(record.incident.incident_id, seq) for seq in range(max(1, last - NEWEST_PAGES + 1), last + 1)]


def with_live(record: IncidentRecord, live: Live | None) -> IncidentRecord:
    """Return the record with `live` and the fields that repeat it (`acknowledged_by`); unchanged if it is None."""
    return record.model_copy(update={"live": live, **_copied(live)}) if live else record


def resolved_by_hand(live: Live) -> bool:
    """Return True if a person resolved the incident and had seen all its alerts."""
    return live.resolved_at is not None and (live.resolved_seen is None or live.joined <= live.resolved_seen)


def snapshot(live: Live) -> str:
    """Return `live` as JSON for the INCIDENT item of a closed incident: counts summed up, no task token of a wait."""
    kept = live.model_copy(update={"own": live.counts, "shards": (), "due_at": None, "awaiting": None})
    return kept.to_stored(exclude={"task_token"})


def _records(table: Table, heads: Iterable[Item]) -> list[IncidentRecord]:
    heads = list(heads)
    incidents = [Incident.from_stored(head["incident"]) for head in heads]
    by_hand = [
        key for incident in incidents for key in (plan_key(incident.incident_id), decision_key(incident.incident_id))
    ]
    running = [incident for incident, head in zip(incidents, heads, strict=True) if head["status"] == OPEN]
    found = table.get_all([*by_hand, *(live_key(incident.group_key) for incident in running)])
    lives = {live.incident_id: live for live in read_lives(table, [i for (_, sk), i in found.items() if sk == "LIVE"])}
    return [
        _record(
            head,
            incident,
            Live.from_stored(head["live"]) if "live" in head else lives.get(incident.incident_id),
            plan=found.get(plan_key(incident.incident_id), {}),
            decision=found.get(decision_key(incident.incident_id), {}),
        )
        for head, incident in zip(heads, incidents, strict=True)
    ]


def _record(head: Item, incident: Incident, live: Live | None, *, plan: Item, decision: Item) -> IncidentRecord:
    fields: dict[str, Any] = {"status": head["status"]}
    fields |= {name: head[name] for name in _PLAIN if name in head}
    fields |= {name: json.loads(head[name]) for name in _JSON_FIELDS if name in head}
    fields |= {name: [json.loads(entry) for entry in head[name]] for name in _JSON_LISTS if name in head}
    fields["posted"] = {name.removeprefix(_POSTED): head[name] for name in head if name.startswith(_POSTED)}
    fields |= {"plan": json.loads(plan["plan"]), "plan_digest": plan["digest"]} if plan else {}
    fields |= {name: decision[name] for name in _DECISION if name in decision}
    fields |= {"approvals": [json.loads(word) for word in decision.get("approvals", ())]}
    fields |= {"alert_count": incident.alert_count, "last_alert_at": incident.opened_at}
    return with_live(models.IncidentRecord.from_stored(fields), live)


def _copied(live: Live) -> dict[str, Any]:
    """Return the fields of a record that repeat its `Live`, such as `alert_count`, the number of its alerts."""
    by_hand = resolved_by_hand(live)
    over = live.last_end_at if live.firing == 0 else None
    return {
        "alert_count": live.alerts,
        "last_alert_at": live.last_alert_at,
        "paged_at": live.paged_at,
        "acknowledged_at": live.acked_at,
        "acknowledged_by": live.acked_by,
        "resolved_at": live.resolved_at if by_hand else over,
        "resolved_by": live.resolved_by if by_hand else None,
        "hold_ended_at": live.hold_ended_at,
        "hold_ended_because": live.hold_ended_because,
    }
