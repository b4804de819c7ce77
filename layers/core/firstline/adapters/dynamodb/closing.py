"""The end of an incident in the table: one transaction closes all items that count its alerts, and its record.

After that, the end is stored as evidence for later incidents.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime
from functools import cached_property
from typing import TYPE_CHECKING

from firstline.adapters.dynamodb.edits import Edit
from firstline.adapters.dynamodb.evidence import TableEvidence
from firstline.adapters.dynamodb.live import CLOSED, OPEN, live_key, shard_key
from firstline.adapters.dynamodb.records import in_index, incident_key, read_record, snapshot
from firstline.adapters.dynamodb.table import ATTEMPTS, WriteRefused, stamp
from firstline.errors import HistoryUnavailable
from firstline.observability import logger

if TYPE_CHECKING:
    from firstline.adapters.dynamodb.disagreements import Disagreements
    from firstline.adapters.dynamodb.table import Item
    from firstline.models import Counts, Incident, IncidentRecord, Live, Outcome, StepResult


class Closing(TableEvidence):
    """The part of the port `Incidents` that ends incidents; the port documents the methods.

    Every method raises `HistoryUnavailable` when DynamoDB fails.
    """

    @cached_property
    def _disagreements(self) -> Disagreements:
        # Ingest has this store too, and never needs a model's disagreements.
        from firstline.adapters.dynamodb.disagreements import Disagreements

        return Disagreements(self._table)

    def record(self, incident_id: str) -> IncidentRecord | None:
        """Return an incident as it stands now, or None if it is unknown."""
        return read_record(self._table, incident_id)

    def close(
        self,
        incident: Incident,
        generation: int | None,
        outcome: Outcome,
        reason: str,
        results: Sequence[StepResult],
        now: datetime,
        *,
        joined: int | None,
        seen: IncidentRecord | None = None,
    ) -> IncidentRecord | None:
        """Close the incident, store it as evidence for later incidents, and return its record.

        `reason` says why it ended so (`outcome`), and `results` are those of its commands. An incident that was closed
        before keeps its outcome; its record is returned. Return None, and leave the incident open, if the number of its
        alerts is no longer `joined` (if `joined` is None: if an alert still fires), or if another of its executions
        than number `generation` is in charge (None: whichever is). `seen` is the record as the caller just read it,
        which saves a read.
        """
        for tries in range(ATTEMPTS):
            # What was seen is as good as read now: the writes are refused if it is no longer so.
            record = (seen if tries == 0 else None) or self.record(incident.incident_id)
            if record is None:
                raise HistoryUnavailable(f"incident {incident.incident_id} is not in table {self._table.name}")
            if record.status == CLOSED:
                self.remember_the_end(record)
                return record
            live = record.live
            if live is None or not live.open:
                self.repair_index(incident.incident_id)
                continue
            knew_all = live.firing <= 0 if joined is None else live.joined == joined
            if not knew_all or generation not in (None, live.generation):
                if record is seen:
                    continue
                return None
            ended = {"outcome": outcome, "outcome_reason": reason, "results": _json(results)}
            try:
                self._table.transact(*self._closing(record.incident, live, ended, now))
            except WriteRefused:
                self._table.pause(tries)
        raise HistoryUnavailable(f"incident {incident.incident_id} has too many writers to be closed now; try again")

    def repair_index(self, incident_id: str) -> None:
        """Mark an incident as closed in the index of incidents if it is over or has no LIVE item any more."""
        record = self.record(incident_id)
        if record is None or (record.status == OPEN and record.live is not None and record.live.open):
            return
        closed_at = record.closed_at or (record.live.closed_at if record.live else None) or record.last_alert_at
        sets: Item = {
            "status": CLOSED,
            **in_index(CLOSED, record.incident, closed_at),
            "expires_at": self._table.expiry(closed_at),
        }
        once = {
            "closed_at": stamp(closed_at),
            "outcome": "expired",
            "outcome_reason": "Its live half was no longer in the table.",
        }
        edit = Edit(sets=sets, once=once, where="attribute_exists(pk)")
        self._table.edit(incident_key(incident_id), edit)

    def remember_the_end(self, record: IncidentRecord) -> None:
        """Store a closed incident as evidence for later ones, and its model's disagreement with the rules, if any."""
        super().remember_the_end(record)
        try:
            self._disagreements.count(record)
        except HistoryUnavailable:
            # The incident's end and people's words are stored all the same.
            logger.exception("The model's disagreement was not stored", incident_id=record.incident.incident_id)

    def _closing(self, incident: Incident, live: Live, ended: Item, now: datetime) -> list[Item]:
        """Return the writes that close an incident and add `ended` (outcome, reason, results) to its record.

        They fail if alerts joined or ended, or another execution took over, since `live` was read.
        """
        expiry, closed = self._table.expiry(now), live.model_copy(update={"open": False, "closed_at": now})
        gone = dict.fromkeys(("due_pk", "due_sk", "task_token", "awaiting"))
        on_live = Edit(
            sets={"status": CLOSED, "closed_at": stamp(now), "expires_at": expiry, **gone},
            when={
                "incident_id": live.incident_id,
                "status": OPEN,
                "generation": live.generation,
                "shards": len(live.shards) or None,
                **_counted_as(live.own),
            },
        )
        head = Edit(
            sets={
                "status": CLOSED,
                **in_index(CLOSED, incident, now),
                "closed_at": stamp(now),
                "live": snapshot(closed),
                "expires_at": expiry,
                **ended,
            },
            when={"closed_at": None},
            where="attribute_exists(pk)",
        )
        shards = [
            self._table.edit_request(
                shard_key(live.incident_id, number),
                Edit(sets={"status": CLOSED}, when={"status": OPEN, **_counted_as(counts)}),
            )
            for number, counts in enumerate(live.shards)
        ]
        on_live_and_head = [
            self._table.edit_request(live_key(live.group_key), on_live),
            self._table.edit_request(incident_key(live.incident_id), head),
        ]
        return [*on_live_and_head, *shards]


def _counted_as(counts: Counts) -> Item:
    return {"joined": counts.joined, "firing": counts.firing}


def _json(results: Sequence[StepResult]) -> str:
    return json.dumps([result.model_dump(mode="json") for result in results])
