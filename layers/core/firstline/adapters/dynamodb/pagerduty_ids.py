"""PagerDuty's ids of incidents, and its events on them, in the table.

| what | pk | sk |
|---|---|---|
| the incident that a PagerDuty incident belongs to | `PAGERDUTY#<PagerDuty's id>` | `INCIDENT` |
| PagerDuty's newest event on it: its time, and whether it took effect | `PAGERDUTY#<PagerDuty's id>` | `SAID` |
| the PagerDuty incident that an incident's pages go to | `PAGERDUTY#<incident id>` | `PAGE` |
"""

from datetime import datetime

from firstline.adapters.dynamodb.table import TableStore, stamp


class PagerDutyIds(TableStore):
    """The part of the port `Incidents` about PagerDuty's own ids and events; the port documents the methods.

    Every method raises `HistoryUnavailable` when DynamoDB fails.
    """

    def incident_paged_as(self, pagerduty_id: str) -> str | None:
        """Return the id of our incident that a PagerDuty incident was opened for, or None if it is not known."""
        item = self._table.get(f"PAGERDUTY#{pagerduty_id}", "INCIDENT")
        return None if item is None else str(item["incident_id"])

    def remember_page(self, pagerduty_id: str, incident_id: str, at: datetime) -> bool:
        """Store now (`at`) which of our incidents a PagerDuty incident belongs to: some events carry only its id.

        Return False, and store nothing, if our incident belongs to another PagerDuty incident that is not over.
        """
        free = "attribute_not_exists(pk) OR pagerduty_id = :id OR over_id = pagerduty_id"
        if not self._name_page(incident_id, "pagerduty_id", pagerduty_id, at, free):
            return False
        item = {"pk": f"PAGERDUTY#{pagerduty_id}", "sk": "INCIDENT", "incident_id": incident_id}
        self._table.put(item | {"expires_at": self._table.late_expiry(at)})
        return True

    def take_in_order(self, pagerduty_id: str, event: str, said_at: datetime, now: datetime) -> bool:
        """Store the time of PagerDuty's event on one of its incidents.

        Return False if a later event is known, or if this `event` took effect. One that is delivered again returns True
        until then, because its first delivery may have had no effect.
        """
        item = {"pk": f"PAGERDUTY#{pagerduty_id}", "sk": "SAID", "said_at": stamp(said_at)}
        newer = "(attribute_not_exists(pk) OR said_at <= :said) AND (attribute_not_exists(done) OR done <> :event)"
        values = {":said": stamp(said_at), ":event": event}
        return self._table.put(item | {"expires_at": self._table.late_expiry(now)}, newer, values)

    def mark_taken(self, pagerduty_id: str, event: str, said_at: datetime) -> None:
        """Store that PagerDuty's event on one of its incidents took effect, unless a later event is known."""
        key, values = (f"PAGERDUTY#{pagerduty_id}", "SAID"), {":event": event, ":said": stamp(said_at)}
        self._table.update(*key, "SET done = :event", values, condition="said_at = :said")

    def forget_page(self, pagerduty_id: str, incident_id: str, at: datetime) -> None:
        """Store now (`at`) that a PagerDuty incident is over, so that the next page for ours may open another."""
        self._name_page(incident_id, "over_id", pagerduty_id, at, "pagerduty_id = :id")

    def _name_page(self, incident_id: str, name: str, pagerduty_id: str, now: datetime, condition: str) -> bool:
        """Write a PagerDuty id into the attribute `name` of the item that has our incident's ids in PagerDuty.

        Return False if the condition, a DynamoDB expression in which `:id` is that id, fails. An ended PagerDuty
        incident has its id in an attribute of its own (`over_id`), so no late event can reopen it.
        """
        values = {":id": pagerduty_id, ":expiry": self._table.late_expiry(now)}
        change = f"SET {name} = :id, expires_at = :expiry"
        return self._table.update(f"PAGERDUTY#{incident_id}", "PAGE", change, values, condition=condition) is not None
