"""Groups of alerts in the table, the incidents that they open, and how many may begin in a minute."""

import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from firstline.adapters.dynamodb.evidence import service_key
from firstline.adapters.dynamodb.incidents import OPEN, incident_key, record_of
from firstline.adapters.dynamodb.table import Item, Table, WriteRefused, stamp
from firstline.errors import GroupChanged, RateLimited
from firstline.ingest.fold import GroupState, Limits
from firstline.models import Incident, IncidentRecord, NormalizedAlert, SourceSeverity

STORM_LASTS = timedelta(minutes=5)
"""The time after a limit was last reached in which new alerts still join the storm."""

RAW_PAYLOADS_BYTES = 32_768
"""The part of the senders' bodies that is stored beside a write of new alerts."""


class TableGroups:
    """The groups in the table. Every method raises `HistoryUnavailable` when DynamoDB fails."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def read(self, group_key: str) -> GroupState:
        """Return the group as it stands now, or a new one. One request."""
        item = self._table.get(*_group_key(group_key))
        if item is None:
            return GroupState(group_key=group_key)
        # Other writers change `pending` and `settled_at` without the rest, so these are attributes of their own.
        settled_at = item.get("settled_at")
        state = json.loads(item["state"])
        state |= {"version": int(item["version"]), "pending": "pending" in item, "settled_at": settled_at}
        return GroupState.from_stored(state | ({"open": False} if settled_at else {}))

    def write(
        self,
        before: GroupState,
        after: GroupState,
        new: Sequence[NormalizedAlert],
        now: datetime,
        *,
        counted: bool = False,
    ) -> None:
        """Write the folded group, and count the new alerts on its open incident. One request.

        Parameters
        ----------
        counted
            True if the incident has counted them already.

        Raises
        ------
        GroupChanged
            The group is no longer as it was read.
        """
        writes = [self._put_group(before, after, now)]
        if new and after.incident_id is not None:
            writes += self._alert_log(after, new, now)
        if new and after.open and after.incident_id is not None and not counted:
            update = "SET last_alert_at = :now REMOVE quiet_since ADD alert_count :count"
            values = {":now": stamp(now), ":count": len(new)}
            writes.append(self._table.update_request(*incident_key(after.incident_id), update, values))
        self._write(*writes)

    def open_incident(
        self,
        before: GroupState,
        after: GroupState,
        incident: Incident,
        new: Sequence[NormalizedAlert],
        now: datetime,
        *,
        limits: Limits | None,
        member: str,
    ) -> str:
        """Write a new incident, PENDING, and point its group to it, if the limits allow: one request, all or none.

        Parameters
        ----------
        limits
            None for the storm incident, which opens when they are exceeded.
        member
            The key of the group whose alerts fire: the incident's own, or the first that joins a storm.

        Returns
        -------
        str
            The input for the execution. Its bytes are stored, because StartExecution is idempotent only for the same.

        Raises
        ------
        GroupChanged
            The group is no longer as it was read.
        RateLimited
            Too many incidents began within this minute.
        """
        execution_input = incident.model_dump_json()
        pk, sk = incident_key(incident.incident_id)
        item = {
            "pk": pk,
            "sk": sk,
            "incident": execution_input,
            "status": "PENDING",
            "status_pk": "OPEN",
            "status_sk": f"{stamp(incident.opened_at)}#{incident.incident_id}",
            "groups": {member},
            "alert_count": incident.alert_count,
            "last_alert_at": stamp(incident.opened_at),
            "expires_at": self._table.expiry(now),
        }
        writes = [
            self._put_group(before, after, now),
            self._table.put_request(item, condition="attribute_not_exists(pk)"),
        ]
        alert_name = incident.alert.alert_name
        if limits is not None:
            writes += self._take_tokens(None, limits.per_minute, now)
            writes += self._take_tokens(alert_name, limits.per_minute_and_alert, now)
        writes += self._alert_log(after, new, now)
        try:
            self._table.transact(*writes)
        except WriteRefused as error:
            if limits is None or not error.refused or error.refused & {0, 1}:
                raise GroupChanged(str(error)) from error
            if error.refused & {2, 3}:
                raise RateLimited(f"{limits.per_minute} a minute", alert_name=None) from error
            limit = f"{limits.per_minute_and_alert} a minute of one name"
            raise RateLimited(limit, alert_name=alert_name) from error
        return execution_input

    def execution_input(self, incident_id: str) -> str | None:
        """Return the stored input of the incident's execution."""
        item = self._table.get(*incident_key(incident_id))
        return None if item is None else str(item["incident"])

    def remember_storm(self, alert_name: str | None, now: datetime) -> None:
        """Let new incidents with this alert name join the storm incident for a while; None means any name.

        Without this, a long storm would open new incidents up to the limits each minute.
        """
        expires_at = int((now + STORM_LASTS).timestamp()) + 3_600
        lasts_until = stamp(now + STORM_LASTS)
        storm = {"pk": _bucket(alert_name), "sk": "STORM", "lasts_until": lasts_until, "expires_at": expires_at}
        self._table.put(storm)

    def join_storm(self, incident_id: str, group_key: str, count: int, now: datetime) -> bool:
        """Make a group part of an open storm incident; return False if that incident is over."""
        joined = self._table.update(
            *incident_key(incident_id),
            "SET last_alert_at = :now ADD groups :group, alert_count :count",
            {":now": stamp(now), ":group": {group_key}, ":count": count},
            condition=OPEN,
        )
        return joined is not None

    def leave(self, incident_id: str, group_key: str, by: str, now: datetime) -> IncidentRecord | None:
        """Remove a group that no longer fires from the incident; resolve the incident if no group is left.

        Returns
        -------
        IncidentRecord | None
            The resolved incident, or None if other groups still fire or it was resolved before.
        """
        resolve = "SET resolved_at = :now, resolved_by = :by"
        when = {":now": stamp(now), ":by": by}
        only = {":only": {group_key}}
        resolved = self._table.update(
            *incident_key(incident_id),
            f"{resolve} DELETE groups :only",
            when | only,
            condition="groups = :only AND attribute_not_exists(resolved_at)",
        )
        if resolved is None:
            left = self._table.update(*incident_key(incident_id), "DELETE groups :only", only)
            if left is None or left.get("groups"):
                return None
            # The last two groups left at the same moment: only one of them resolves the incident.
            resolved = self._table.update(*incident_key(incident_id), resolve, when, condition=OPEN)
        return None if resolved is None else record_of(resolved)

    def mark_quiet_since(self, incident_id: str, now: datetime) -> None:
        """Store when a flapping incident became quiet. Reconcile resolves it if it stays quiet."""
        self._table.update(*incident_key(incident_id), "SET quiet_since = :now", {":now": stamp(now)})

    def worsen(self, incident_id: str, severity: SourceSeverity) -> IncidentRecord | None:
        """Store that an alert of paging severity joined an incident of lower severity."""
        item = self._table.update(*incident_key(incident_id), "SET worsened_to = :severity", {":severity": severity})
        return None if item is None else record_of(item)

    def mark_started(self, incident_id: str, group_key: str) -> None:
        """Mark the incident as started, so that it is not started again. One request.

        If an alert joins at the same moment, the mark is left out; the next reader of the PENDING incident starts it
        again, which is harmless.
        """
        started = self._table.update_request(
            *incident_key(incident_id),
            "SET #status = :started",
            {":started": "STARTED", ":pending": "PENDING"},
            condition="#status = :pending",
            names={"#status": "status"},
        )
        known = self._table.update_request(
            *_group_key(group_key),
            "REMOVE pending ADD version :one",
            {":one": 1, ":id": incident_id},
            condition="incident_id = :id",
        )
        try:
            self._table.transact(started, known)
        except WriteRefused:
            return

    def _put_group(self, before: GroupState, after: GroupState, now: datetime) -> Item:
        pk, sk = _group_key(after.group_key)
        item = {
            "pk": pk,
            "sk": sk,
            "state": after.model_dump_json(exclude={"version", "pending", "settled_at"}),
            "version": before.version + 1,
            "incident_id": after.incident_id,
            "pending": after.pending or None,
            "settled_at": None if after.settled_at is None else stamp(after.settled_at),
            "expires_at": self._table.expiry(now),
        }
        if before.version == 0:
            return self._table.put_request(item, condition="attribute_not_exists(pk)")
        return self._table.put_request(item, condition="version = :read", values={":read": before.version})

    def _alert_log(self, group: GroupState, new: Sequence[NormalizedAlert], now: datetime) -> list[Item]:
        """Return the writes for the evidence by name and by service (`evidence.py`), and for the senders' bodies.

        The bodies are separate items, because a count of a day's alerts must not read them all.
        """
        received_at, alert = stamp(now), new[0]
        written = f"{received_at}#{group.incident_id}#{group.version}"
        pk, _ = incident_key(str(group.incident_id))
        raw = json.dumps([given.raw_payload for given in new], default=str)[:RAW_PAYLOADS_BYTES]
        items: list[Item] = [
            {"pk": f"ALERT#{alert.alert_name}", "sk": written, "count": len(new)},
            {"pk": pk, "sk": f"RAW#{received_at}#{group.version}", "raw": raw},
        ]
        if alert.service:
            items.append({"pk": service_key(alert.service), "sk": f"ALERT#{written}", "count": len(new)})
        return [self._table.put_request(item | {"expires_at": self._table.expiry(now)}) for item in items]

    def _take_tokens(self, alert_name: str | None, limit: int, now: datetime) -> list[Item]:
        """Return the writes that take one of this minute's `limit` tokens; they fail without a token or in a storm."""
        bucket = _bucket(alert_name)
        token = self._table.update_request(
            bucket,
            now.astimezone(UTC).strftime("%Y-%m-%dT%H:%M"),
            "ADD opened :one SET expires_at = :expiry",
            {":one": 1, ":limit": limit, ":expiry": int(now.timestamp()) + 3_600},
            condition="attribute_not_exists(opened) OR opened < :limit",
        )
        calm = self._table.condition_check(
            bucket, "STORM", "attribute_not_exists(lasts_until) OR lasts_until < :now", {":now": stamp(now)}
        )
        return [token, calm]

    def _write(self, *writes: Item) -> None:
        try:
            self._table.transact(*writes)
        except WriteRefused as error:
            raise GroupChanged(str(error)) from error


def _group_key(group_key: str) -> tuple[str, str]:
    return f"GROUP#{group_key}", "GROUP"


def _bucket(alert_name: str | None) -> str:
    return "BUCKET#ALL" if alert_name is None else f"BUCKET#ALERT#{alert_name}"
