"""Disagreements of models with the verdict by rules, in the table: how far a model is believed depends on them.

| what | pk | sk |
|---|---|---|
| a disagreement on one incident, and its label | `EARNED` | `<incident's beginning>#<incident id>#<model>:<prompt>` |
| the incidents that a model raised as its guess in a week | `SPENDING` | `!raises#<year>-W<week>` |

An item is written again when people change their feedback; a verdict that agrees leaves none. `!` sorts before the days
of `spending`, whose reports read from a day on.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from firstline.adapters.dynamodb.table import TableStore, stamp
from firstline.classification.earned import NOTHING_EARNED, Disagreement, Label, earned_by
from firstline.classification.labels import disagreement
from firstline.errors import HistoryUnavailable
from firstline.observability import logger

if TYPE_CHECKING:
    from firstline.adapters.dynamodb.table import Table
    from firstline.classification.earned import Earned
    from firstline.incidents.store import Incidents
    from firstline.models import IncidentRecord

PARTITION = "EARNED"
MAX_ITEMS = 1_000
"""The most disagreements that count, the newest ones: systems, models and habits change."""

REMEMBERED = timedelta(minutes=5)


class EarnedSay:
    """The trust that models have earned, read at most once in five minutes.

    Until the first read succeeds, no model has earned anything.
    """

    def __init__(self, incidents: Incidents, missed_page_cost: float) -> None:
        self._incidents = incidents
        self._missed_page_cost = missed_page_cost
        self._read_at: datetime | None = None
        self._earned = NOTHING_EARNED

    def at(self, now: datetime) -> Earned:
        """Return what models have earned; if the table cannot be read, as it was read last."""
        if self._read_at is None or now - self._read_at >= REMEMBERED:
            self._read_at = now
            try:
                self._earned = earned_by(self._incidents.disagreements(), self._missed_page_cost)
            except HistoryUnavailable:
                logger.exception("What models have earned could not be read; the last known values stay in force")
        return self._earned


class Disagreements(TableStore):
    """The disagreements in the table. Every method raises `HistoryUnavailable` when DynamoDB fails."""

    def read(self) -> list[Disagreement]:
        """Return the newest `MAX_ITEMS` disagreements, oldest first. One request for every megabyte."""
        items = list(self._table.query(PARTITION, newest_first=True, limit=MAX_ITEMS))
        return [Disagreement.from_stored(item["disagreement"]) for item in reversed(items)]

    def count(self, record: IncidentRecord) -> None:
        """Store a closed incident's disagreement, if it has one, with what is known of who was right."""
        found = disagreement(record)
        says_nothing = found is None or (found.label == Label() and not record.feedback)
        if found is not None and record.closed_at is not None and not says_nothing:
            self.put(record, found)

    def put(self, record: IncidentRecord, found: Disagreement) -> None:
        """Store a disagreement on an incident in place of the same model's earlier one."""
        opened_at = record.incident.opened_at
        key = f"{stamp(opened_at)}#{record.incident.incident_id}#{found.decider}"
        values = {":it": found.model_dump_json(), ":expiry": self._table.expiry(opened_at)}
        change = "SET disagreement = :it, expires_at = :expiry"
        self._table.update(PARTITION, key, change, values, condition=None)


class Raises:
    """The count of incidents whose severity a model raised as a guess, which is limited for each week (ISO, UTC)."""

    def __init__(self, table: Table, per_week: int) -> None:
        self._table = table
        self._per_week = per_week

    def take(self, incident_id: str, now: datetime) -> bool:
        """Take one of the week's raises for an incident; return False if none is left or the table fails.

        An incident that took one this week may take it again without using another.
        """
        if self._per_week == 0:
            return False
        year, week, _ = now.astimezone(UTC).isocalendar()
        values = {
            ":this": {incident_id},
            ":id": incident_id,
            ":most": self._per_week,
            ":expiry": self._table.expiry(now),
        }
        left = "attribute_not_exists(raised) OR contains(raised, :id) OR size(raised) < :most"
        change = "ADD raised :this SET expires_at = if_not_exists(expires_at, :expiry)"
        try:
            return (
                self._table.update("SPENDING", f"!raises#{year}-W{week:02}", change, values, condition=left) is not None
            )
        except HistoryUnavailable as error:
            logger.warning("The model may not raise the severity: its raises cannot be counted", error=str(error))
            return False
