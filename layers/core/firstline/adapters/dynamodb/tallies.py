"""Tallies of how often each decider was right, in the table: one item for each decider and month.

| what | pk | sk |
|---|---|---|
| outcomes of one decider, of incidents opened in one month | `CALIBRATION` | `<year>-<month>#<decider>` |

Only this month and the one before count: systems, models and habits change, and a decider can earn trust again.
"""

from collections import defaultdict
from datetime import datetime, timedelta

from firstline.adapters.dynamodb.table import Item, TableStore, WriteRefused
from firstline.classification.calibration import (
    BINS,
    UNCALIBRATED,
    Calibration,
    ConfidenceTally,
    bin_of,
    decider_of,
    outcome,
)
from firstline.errors import HistoryUnavailable
from firstline.incidents.store import Incidents
from firstline.models import IncidentRecord
from firstline.observability import logger

MAX_ITEMS = 200
ATTEMPTS = 5
REMEMBERED = timedelta(minutes=5)


class Outcomes:
    """The calibration, read once in five minutes. Until it can be read, confidence is taken as claimed."""

    def __init__(self, incidents: Incidents) -> None:
        self._incidents = incidents
        self._read_at: datetime | None = None
        self._calibration = UNCALIBRATED

    def at(self, now: datetime) -> Calibration:
        """Return the present calibration; if the table cannot be read, the one that was read last."""
        if self._read_at is None or now - self._read_at >= REMEMBERED:
            self._read_at = now
            try:
                self._calibration = self._incidents.calibration(now)
            except HistoryUnavailable:
                logger.exception("outcomes could not be read: confidence stays as it was last known")
        return self._calibration


class Tallies(TableStore):
    """The tallies in the table. Every method raises `HistoryUnavailable` when DynamoDB fails."""

    def read(self, now: datetime) -> Calibration:
        """Return the calibration of this month and the one before. One request."""
        since = f"{now.replace(day=1) - timedelta(days=1):%Y-%m}#"
        found: defaultdict[str, ConfidenceTally] = defaultdict(ConfidenceTally)
        for item in self._table.query("CALIBRATION", since=since, newest_first=True, limit=MAX_ITEMS):
            found[item["sk"].partition("#")[2]] += _tally(item)
        return Calibration(dict(found))

    def count(self, record: IncidentRecord, pk: str, sk: str) -> None:
        """Count a closed incident's outcome once, however often this is called; `pk` and `sk` are its item's key.

        The incident's item says what was counted, and both are written in one transaction. When people change the
        outcome, the old one is subtracted and the new one is added.
        """
        now = _counted(record)
        if record.closed_at is None or (now is None and not record.feedback):
            return  # without feedback, an outcome that does not count has never counted
        for _ in range(ATTEMPTS):
            item = self._table.get(pk, sk)
            if item is None:
                return
            counted = item.get("counted")
            if counted == now:
                return
            adds = [
                self._add(month, changes, record.incident.opened_at)
                for month, changes in _changes(counted, now).items()
            ]
            try:
                self._table.transact(self._remember(pk, sk, counted, now), *adds)
                return
            except WriteRefused:
                continue
        raise HistoryUnavailable(f"{record.incident.incident_id} was counted by others {ATTEMPTS} times in a row")

    def _remember(self, pk: str, sk: str, before: str | None, now: str | None) -> Item:
        condition = "attribute_not_exists(counted)" if before is None else "counted = :before"
        values = {name: counted for name, counted in ((":before", before), (":now", now)) if counted is not None}
        change = "REMOVE counted" if now is None else "SET counted = :now"
        return self._table.update_request(pk, sk, change, values, condition=condition)

    def _add(self, month: str, changes: dict[str, int], at: datetime) -> Item:
        adds = ", ".join(f"{name} :{name}" for name in changes)
        values = {f":{name}": by for name, by in changes.items()} | {":expiry": self._table.expiry(at)}
        expression = f"ADD {adds} SET expires_at = if_not_exists(expires_at, :expiry)"
        return self._table.update_request("CALIBRATION", month, expression, values)


def _counted(record: IncidentRecord) -> str | None:
    """Return what an incident adds as text: its bin, whether the verdict was right, and its month and decider."""
    verdict, right = record.classification, outcome(record)
    if verdict is None or right is None:
        return None
    claimed = verdict.confidence if verdict.raw_confidence is None else verdict.raw_confidence
    month = f"{record.incident.opened_at:%Y-%m}#{decider_of(verdict)}"
    return f"{bin_of(claimed)} {int(right)} {month}"


def _changes(before: str | None, now: str | None) -> dict[str, dict[str, int]]:
    """Return the amounts to add to each item's numbers."""
    moved: dict[str, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    for counted, sign in ((before, -1), (now, 1)):
        if counted is not None:
            number, right, month = counted.split(" ", 2)
            moved[month][f"n{number}"] += sign
            moved[month][f"r{number}"] += sign * int(right)
    return {month: {name: by for name, by in names.items() if by} for month, names in moved.items()}


def _tally(item: Item) -> ConfidenceTally:
    right, all_of_them = (tuple(int(item.get(f"{letter}{bin}", 0)) for bin in range(BINS)) for letter in "rn")
    return ConfidenceTally(right, all_of_them)
