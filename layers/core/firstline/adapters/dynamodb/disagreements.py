"""Incidents on which a model's verdict differed from the verdict by rules, in the table.

| what | pk | sk |
|---|---|---|
| both verdicts, and who was right | `EARNED` | `<incident's beginning>#<incident id>#<model>:<prompt>` |
| the incidents whose severity models raised in a week | `SPENDING` | `!raises#<year>-W<week>` |

A model that was right in enough items of `EARNED` may from then on change verdicts by rules (`classification.earned`).
Such an item is written again when people change their feedback. A `!raises#` item counts the incidents whose severity a
model raised before it had earned that; their number in a week is limited.

`SPENDING` also holds the items of `spending`, one a day. Whoever reads the days begins at a day, and so does not get
`!raises`, which sorts before all days.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from firstline.adapters.dynamodb.table import TableStore, stamp
from firstline.classification.earned_say import NOTHING_EARNED, Disagreement, Label, earned_by
from firstline.classification.labels import disagreement
from firstline.errors import HistoryUnavailable
from firstline.observability import logger

if TYPE_CHECKING:
    from firstline.adapters.dynamodb.table import Table
    from firstline.classification.earned_say import Earned
    from firstline.incidents.store import Incidents
    from firstline.models import IncidentRecord

PARTITION = "EARNED"
MAX_ITEMS = 1_000
"""The most disagreements that count, the newest ones: systems, models and habits change."""

REMEMBERED = timedelta(minutes=5)


class EarnedSay:
    """The kinds of changes that each model may make to the verdict by rules, having earned them by being right before.

    They are computed from the disagreements in the table, at most once in five minutes. Until the first read succeeds,
    no model has earned any.
    """

    def __init__(self, incidents: Incidents, missed_page_cost: float) -> None:
        self._incidents = incidents
        self._missed_page_cost = missed_page_cost
        self._read_at: datetime | None = None
        self._earned = NOTHING_EARNED

    def at(self, now: datetime) -> Earned:
        """Return the changes to verdicts that each model has earned; if the read fails, those of the last read."""
        if self._read_at is None or now - self._read_at >= REMEMBERED:
            self._read_at = now
            try:
                self._earned = earned_by(self._incidents.disagreements(), self._missed_page_cost)
            except HistoryUnavailable:
                logger.exception("What models have earned could not be read; the last known values stay in force")
        return self._earned


class Disagreements(TableStore):
    """The disagreements of models with the verdict by rules, one for each incident and model, in the table.

    Every method raises `HistoryUnavailable` when DynamoDB fails.
    """

    def read(self) -> list[Disagreement]:
        """Return the newest 1,000 disagreements of models with rules, oldest first. One request for each megabyte."""
        items = list(self._table.query(PARTITION, newest_first=True, limit=MAX_ITEMS))
        return [Disagreement.from_stored(item["disagreement"]) for item in reversed(items)]

    def count(self, record: IncidentRecord) -> None:
        """Store a model's disagreement with rules on a closed incident, with what is known of who was right.

        Do nothing if there is none, or if nobody knows who was right and people gave no feedback.
        """
        found = disagreement(record)
        says_nothing = found is None or (found.label == Label() and not record.feedback)
        if found is not None and record.closed_at is not None and not says_nothing:
            self.put(record, found)

    def put(self, record: IncidentRecord, found: Disagreement) -> None:
        """Store a model's disagreement with rules on an incident, in place of an earlier one of this model on it."""
        opened_at = record.incident.opened_at
        key = f"{stamp(opened_at)}#{record.incident.incident_id}#{found.decider}"
        # A model may take a year to earn its say, however short the history is.
        values = {":it": found.model_dump_json(), ":expiry": self._table.late_expiry(record.closed_at or opened_at)}
        change = "SET disagreement = :it, expires_at = :expiry"
        self._table.update(PARTITION, key, change, values, condition=None)


class Raises:
    """The weekly limit (ISO week, UTC) on incidents whose severity a model may raise without having earned that."""

    def __init__(self, table: Table, per_week: int) -> None:
        self._table = table
        self._per_week = per_week

    def take(self, incident_id: str, now: datetime) -> bool:
        """Let a model raise an incident's severity, and count that; return False at the week's limit.

        Return False also if the table fails. An incident counts once in a week, however often a model raises it.
        """
        if self._per_week == 0:
            return False
        year, week, _ = now.astimezone(UTC).isocalendar()
        next_week = datetime.fromisocalendar(year, week, 1).replace(tzinfo=UTC) + timedelta(weeks=1)
        values = {
            ":this": {incident_id},
            ":id": incident_id,
            ":most": self._per_week,
            # A short history must not forget the week's raises within the week.
            ":expiry": self._table.expiry(next_week),
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
