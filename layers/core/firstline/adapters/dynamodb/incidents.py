"""Incidents in the table, and the layout of the whole table.

One table, keys `pk` and `sk`, a TTL on `expires_at` (seconds since the epoch; DynamoDB may be days late, so readers
that care compare times themselves), and one index `by_status` on `status_pk`, `status_sk`.

| what | pk | sk |
|---|---|---|
| a group: which incident its alerts belong to | `GROUP#<group key>` | `GROUP` |
| an incident, from its first write on | `INCIDENT#<incident id>` | `INCIDENT` |
| the senders' bodies, one item for each write of new alerts | the same | `RAW#<received at>#<version>` |
| incidents opened in a minute, in all or of one alert name | `BUCKET#ALL`, `BUCKET#ALERT#<name>` | `<minute>` |
| how long a storm of these lasts | the same | `STORM` |
| our incident id for a PagerDuty incident | `PAGERDUTY#<PagerDuty's id>` | `INCIDENT` |

The modules beside this one store the rest: `evidence`, `tallies` (how right each decider was), `remediations`, and
`trail` (the audit trail).

In the index an incident stands under `OPEN` by the time it opened, then under `CLOSED` by the time it closed.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime

from firstline.adapters.dynamodb.evidence import TableEvidence
from firstline.adapters.dynamodb.table import Item, Table, stamp
from firstline.adapters.dynamodb.tallies import Tallies
from firstline.classification.calibration import Calibration
from firstline.errors import HistoryUnavailable
from firstline.models import (
    SEVERITY_RANK,
    Approval,
    Classification,
    Decision,
    Feedback,
    IncidentRecord,
    Note,
    Outcome,
    Page,
    RunbookRun,
    SourceSeverity,
    StepResult,
)
from firstline.observability import logger

_INDEX = "by_status"
OPEN = "attribute_exists(pk) AND attribute_not_exists(resolved_at) AND attribute_not_exists(closed_at)"
"""The condition that an incident is in the table and not over."""

_JSON_FIELDS = ("incident", "classification", "plan", "results")
_JSON_LISTS = ("pages", "approvals", "feedback", "notes")


class TableIncidents(TableEvidence):
    """The incidents and their evidence in the table. Every method raises `HistoryUnavailable` when DynamoDB fails."""

    def __init__(self, table: Table) -> None:
        super().__init__(table)
        self._tallies = Tallies(table)

    # --- incidents --------------------------------------------------------------------------------------------------

    def record(self, incident_id: str) -> IncidentRecord | None:
        """Return an incident as it stands now, or None if it is unknown."""
        item = self._table.get(*incident_key(incident_id))
        return None if item is None else record_of(item)

    def save_classification(self, incident_id: str, classification: Classification) -> None:
        """Store the classification."""
        self._update(incident_id, "SET classification = :verdict", {":verdict": classification.model_dump_json()})

    def save_page(self, incident_id: str, page: Page, at: datetime) -> None:
        """Add a page; `paged_at` stays the time of the first."""
        self._update(
            incident_id,
            "SET pages = list_append(if_not_exists(pages, :none), :page), paged_at = if_not_exists(paged_at, :at)",
            {":none": [], ":page": [page.model_dump_json()], ":at": stamp(at)},
        )

    def mark_paged(self, incident_id: str, at: datetime) -> None:
        """Record a page that was sent without the paging policy, as reconcile does."""
        self._update(incident_id, "SET paged_at = if_not_exists(paged_at, :at)", {":at": stamp(at)})

    def save_slack_message(self, incident_id: str, channel: str, ts: str) -> None:
        """Store where the incident's Slack message is, so that it can be edited."""
        self._update(incident_id, "SET slack_channel = :channel, slack_ts = :ts", {":channel": channel, ":ts": ts})

    def acknowledge(self, incident_id: str, by: str, now: datetime) -> IncidentRecord | None:
        """Write the acknowledgement unless one exists or the incident is over."""
        change, values = "SET acknowledged_at = :now, acknowledged_by = :by", {":now": stamp(now), ":by": by}
        return self._changed(incident_id, change, values, f"{OPEN} AND attribute_not_exists(acknowledged_at)")

    def resolve(self, incident_id: str, by: str, now: datetime) -> IncidentRecord | None:
        """Write the resolution unless the incident is already over."""
        change, values = "SET resolved_at = :now, resolved_by = :by", {":now": stamp(now), ":by": by}
        return self._changed(incident_id, change, values, OPEN)

    def end_hold(self, incident_id: str, because: str, now: datetime) -> IncidentRecord | None:
        """Write the end of the hold unless it ended before or the incident is over."""
        change = "SET hold_ended_at = :now, hold_ended_because = :because"
        values = {":now": stamp(now), ":because": because}
        return self._changed(incident_id, change, values, f"{OPEN} AND attribute_not_exists(hold_ended_at)")

    def hold_back(self, incident_id: str, severity: SourceSeverity) -> None:
        """Store the severity of a held alert that joined the incident, if no worse one is stored."""
        lower = {lower for lower, rank in SEVERITY_RANK.items() if rank < SEVERITY_RANK[severity]}
        worst = f"{OPEN} AND (attribute_not_exists(held_back) OR contains(:lower, held_back))"
        values = {":severity": severity, ":lower": lower or {severity}}
        self._update(incident_id, "SET held_back = :severity", values, worst)

    def decide(
        self, incident_id: str, word: Approval, decision: Decision | None, *, seen: IncidentRecord
    ) -> IncidentRecord | None:
        """Write one person's answer to the plan if the incident is still as it was `seen` and waits for approval.

        Parameters
        ----------
        decision
            The decision that this answer makes; None for a yes that needs another.

        Returns
        -------
        IncidentRecord | None
            None when the wait is over, or someone else's answer came in between.
        """
        unchanged, before = _still("approvals", len(seen.approvals))
        values = {":now": stamp(word.at), ":wait": "approval", ":digest": seen.plan_digest or "", **before}
        changes = []
        if decision != "refused":
            changes.append("approvals = list_append(if_not_exists(approvals, :none), :word)")
            values |= {":none": [], ":word": [word.model_dump_json()]}
        if decision is not None:
            deciders = [word] if decision == "refused" else [*seen.approvals, word]
            changes.append("decision = :decision, decided_by = :by, decided_at = :now")
            values |= {":decision": decision, ":by": " and ".join(decider.by for decider in deciders)}
        waits = "awaiting = :wait AND decide_by > :now AND plan_digest = :digest AND attribute_not_exists(decision)"
        return self._changed(incident_id, f"SET {', '.join(changes)}", values, f"{OPEN} AND {waits} AND {unchanged}")

    def close(
        self, incident_id: str, outcome: Outcome, reason: str, results: Sequence[StepResult], at: datetime
    ) -> IncidentRecord:
        """Close the incident and store it as evidence. If it is closed already, return the stored record.

        Raises
        ------
        HistoryUnavailable
            Also when the incident is not in the table.
        """
        change = (
            "SET #status = :closed, status_pk = :closed, status_sk = :sk, closed_at = :at, outcome = :outcome, "
            "outcome_reason = :reason, results = :results REMOVE task_token, awaiting"
        )
        closed_at, dumped = stamp(at), [result.model_dump(mode="json") for result in results]
        values = {":closed": "CLOSED", ":sk": f"{closed_at}#{incident_id}", ":at": closed_at}
        values |= {":outcome": outcome, ":reason": reason, ":results": json.dumps(dumped)}
        once = "attribute_exists(pk) AND attribute_not_exists(closed_at)"
        key = incident_key(incident_id)
        item = self._table.update(*key, change, values, condition=once, names={"#status": "status"})
        item = item or self._table.get(*key)
        if item is None:
            raise HistoryUnavailable(f"incident {incident_id} is not in table {self._table.name}")
        record = record_of(item)
        self.remember_the_end(record)
        for group_key in sorted({record.incident.group_key, *item.get("groups", ())}):
            self._settle_group(group_key, incident_id, at)
        return record

    def append_feedback(self, incident_id: str, word: Feedback, *, seen: IncidentRecord) -> IncidentRecord | None:
        """Add one person's feedback unless someone else gave theirs after the record was `seen`."""
        return self._append(incident_id, "feedback", word.model_dump_json(), len(seen.feedback))

    def append_note(self, incident_id: str, note: Note, *, seen: IncidentRecord) -> IncidentRecord | None:
        """Add a note unless someone else wrote one after the record was `seen`."""
        return self._append(incident_id, "notes", note.model_dump_json(), len(seen.notes))

    def remember_the_end(self, record: IncidentRecord) -> None:
        """Bring the evidence from a closed incident up to date, and count whether its classification was right."""
        super().remember_the_end(record)
        try:
            self._tallies.count(record, *incident_key(record.incident.incident_id))
        except HistoryUnavailable:
            # Only calibration misses this outcome; the incident's end and people's words are stored.
            logger.exception("outcome not counted", incident_id=record.incident.incident_id)

    def calibration(self, now: datetime) -> Calibration:
        """Return how often each decider was right, in this month and the one before."""
        return self._tallies.read(now)

    def remember_page(self, pagerduty_id: str, incident_id: str, at: datetime) -> None:
        """Store which of our incidents a PagerDuty incident belongs to; its note events carry only PagerDuty's id."""
        item = {"pk": f"PAGERDUTY#{pagerduty_id}", "sk": "INCIDENT", "incident_id": incident_id}
        self._table.put(item | {"expires_at": self._table.expiry(at)})

    def incident_paged_as(self, pagerduty_id: str) -> str | None:
        """Return our incident id for a PagerDuty incident id, or None."""
        item = self._table.get(f"PAGERDUTY#{pagerduty_id}", "INCIDENT")
        return None if item is None else str(item["incident_id"])

    def open_records(self) -> Iterator[IncidentRecord]:
        """Return the incidents that are not closed, oldest first."""
        return map(record_of, self._table.query("OPEN", index=_INDEX))

    def closed_since(self, since: datetime) -> Iterator[IncidentRecord]:
        """Return the incidents that closed since a time, oldest first."""
        return map(record_of, self._table.query("CLOSED", index=_INDEX, since=stamp(since)))

    def runs_since(self, runbook_id: str, since: datetime) -> list[RunbookRun]:
        """Return a runbook's runs that were planned since a time, in shadow or not, oldest first."""
        items = self._table.query(f"RUNS#{runbook_id}", since=stamp(since), consistent=True)
        late = ("outcome", "ended_at", "accepted")
        return [
            RunbookRun.from_stored(json.loads(item["run"]) | {name: item[name] for name in late if name in item})
            for item in items
        ]

    # --- pieces of writes -------------------------------------------------------------------------------------------

    def _update(
        self, incident_id: str, change: str, values: Mapping[str, object], condition: str = "attribute_exists(pk)"
    ) -> Item | None:
        return self._table.update(*incident_key(incident_id), change, values, condition=condition)

    def _changed(
        self, incident_id: str, change: str, values: Mapping[str, object], condition: str
    ) -> IncidentRecord | None:
        """Update the incident and return it, or None if the condition does not hold."""
        item = self._update(incident_id, change, values, condition)
        return None if item is None else record_of(item)

    def _append(self, incident_id: str, name: str, entry: str, before: int) -> IncidentRecord | None:
        """Append to one of the incident's lists unless it no longer has the length that it had `before`."""
        unchanged, values = _still(name, before)
        change = f"SET {name} = list_append(if_not_exists({name}, :none), :entry)"
        values |= {":none": [], ":entry": [entry]}
        return self._changed(incident_id, change, values, f"attribute_exists(pk) AND {unchanged}")

    def _settle_group(self, group_key: str, incident_id: str, at: datetime) -> None:
        """Mark the group's incident as closed, whatever still fires."""
        change = "SET settled_at = :at REMOVE pending ADD version :one"
        values = {":at": stamp(at), ":id": incident_id, ":one": 1}
        self._table.update(f"GROUP#{group_key}", "GROUP", change, values, condition="incident_id = :id")


def _still(name: str, length: int) -> tuple[str, dict[str, object]]:
    """Return a condition that is true while a list has this length, and the condition's values."""
    return (f"size({name}) = :before", {":before": length}) if length else (f"attribute_not_exists({name})", {})


def incident_key(incident_id: str) -> tuple[str, str]:
    """Return the key of an incident's item; the state machine writes its task tokens there too."""
    return f"INCIDENT#{incident_id}", "INCIDENT"


def record_of(item: Item) -> IncidentRecord:
    """Read an incident's item."""
    known = {name: item[name] for name in IncidentRecord.model_fields if name in item}
    known |= {name: json.loads(item[name]) for name in _JSON_FIELDS if name in item}
    known |= {name: [json.loads(entry) for entry in item[name]] for name in _JSON_LISTS if name in item}
    return IncidentRecord.from_stored(known)
