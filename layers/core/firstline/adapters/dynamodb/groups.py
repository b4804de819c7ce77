"""Groups of alerts in the table: what ingest reads and writes, and how many incidents may begin in a minute.

| what | pk | sk |
|---|---|---|
| tokens taken in a minute, in all and by alert name | `BUCKET#<source>`, `BUCKET#<source>#paging` | `<minute>` |
| how many alerts fire that inhibit others | `INHIBIT#<rule id>` | `<hash of the equal values>` |

`live` has the layout of the groups themselves.
"""

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from hashlib import sha256

from firstline.adapters.dynamodb.edits import Edit
from firstline.adapters.dynamodb.evidence import service_key
from firstline.adapters.dynamodb.live import (
    CLOSED,
    OPEN,
    alert_item,
    alert_key,
    alert_of,
    announcing,
    joining,
    joining_shard,
    live_item,
    live_key,
    new_live,
    read_live,
    read_lives,
    shard_item,
    shard_key,
    unchanged,
)
from firstline.adapters.dynamodb.records import head_item, incident_key
from firstline.adapters.dynamodb.table import MOST_WRITES, Item, Key, TableStore, WriteRefused, stamp
from firstline.errors import GroupChanged, HistoryUnavailable
from firstline.incidents.pages import on_hold
from firstline.incidents.store import GroupView, Limits
from firstline.models import Change, Incident, Live, StoredAlert

RAW_PAYLOADS_BYTES = 32_768
"""The part of the senders' bodies that is stored beside a write of new alerts."""

SHARDS = 16
"""The number of shards over which a storm of writes is spread: each takes one transaction at a time."""

SPREAD_AFTER = 2
"""The number of conflicts on LIVE in a row after which its writers go on to shards."""

ATTEMPTS = 12
"""The number of tries while transactions collide: two seconds on average."""

MOST_NAMES = 2
"""The number of alert names, and of services, that one write counts: a group hardly ever has more."""


class TableGroups(TableStore):
    """The groups in the table. Every method raises `HistoryUnavailable` when DynamoDB fails."""

    # --- reading ------------------------------------------------------------------------------------------------------

    def read(
        self, wanted: Mapping[str, Iterable[str]], inhibitions: Iterable[str] = ()
    ) -> tuple[dict[str, GroupView], dict[str, int]]:
        """Read groups and some of their alerts, consistently: one request for every hundred items.

        Parameters
        ----------
        wanted
            The fingerprints of interest by group key.
        inhibitions
            Keys of inhibitions.

        Returns
        -------
        tuple
            The groups by key, and by key how many alerts fire that inhibit others.
        """
        fingerprints = {group_key: list(names) for group_key, names in wanted.items()}
        counters = {key: _inhibit_key(key) for key in inhibitions}
        alerts = [alert_key(group_key, name) for group_key, names in fingerprints.items() for name in names]
        found = self._table.get_all([*map(live_key, fingerprints), *alerts, *counters.values()])
        lives = read_lives(self._table, [item for (_, sk), item in found.items() if sk == "LIVE"])
        by_group = {live.group_key: live for live in lives}
        views = {
            group_key: GroupView(
                live=by_group.get(group_key),
                alerts={name: alert_of(found[key]) for name in names if (key := alert_key(group_key, name)) in found},
            )
            for group_key, names in fingerprints.items()
        }
        return views, {name: int(found[key]["firing"]) if key in found else 0 for name, key in counters.items()}

    # --- limits -------------------------------------------------------------------------------------------------------

    def take_token(self, source: str, alert_name: str, limits: Limits, now: datetime, *, paging: bool) -> str | None:
        """Take one of this minute's tokens for a new incident. Return None, or the limit that is reached in words."""
        key = f"BUCKET#{source}{'#paging' if paging else ''}", now.astimezone(UTC).strftime("%Y-%m-%dT%H:%M")
        of_name = f"n_{sha256(alert_name.encode()).hexdigest()[:16]}"
        taken = self._table.update(
            *key,
            "ADD #total :one, #name :one SET expires_at = :expiry",
            {
                ":one": 1,
                ":all": limits.per_minute,
                ":named": limits.per_minute_and_alert,
                ":expiry": int(now.timestamp()) + 3_600,
            },
            condition=(
                "(attribute_not_exists(#total) OR #total < :all) AND (attribute_not_exists(#name) OR #name < :named)"
            ),
            names={"#total": "total", "#name": of_name},
        )
        if taken is not None:
            return None
        bucket = self._table.get(*key) or {}
        if int(bucket.get("total", 0)) >= limits.per_minute:
            return f"{limits.per_minute} a minute"
        return f"{limits.per_minute_and_alert} a minute of one name"

    # --- writing ------------------------------------------------------------------------------------------------------

    def open(self, change: Change, incident: Incident, before: Live | None, opened: Sequence[datetime]) -> Live:
        """Write a new incident with its first alerts: one transaction.

        Parameters
        ----------
        before
            The live half that the group had; the new one takes its place.
        opened
            When the group opened incidents within the last hour, this one included.

        Raises
        ------
        GroupChanged
            The group or one of the alerts is no longer as it was read.
        """
        live = new_live(incident, change, opened)
        free = {"pk": None} if before is None else {"incident_id": before.incident_id, "status": CLOSED}
        writes = [
            self._table.guarded_put(live_item(live), Edit(when=free)),
            self._table.guarded_put(head_item(incident), Edit(when={"pk": None})),
        ]
        try:
            self._table.transact_patiently(*self._with_alerts(writes, change))
        except WriteRefused as error:
            return self._as_written(change, error)
        return live

    def apply(self, change: Change) -> Live:
        """Write alerts that join or end, and return the live half as it stands after that.

        Conflicts with other writers are tried again here; what conflicts often is spread over shards.

        Raises
        ------
        GroupChanged
            An alert is no longer as it was read, the incident is closed, or its hold is over.
        """
        in_a_row = 0
        for tries in range(ATTEMPTS):
            try:
                self._table.transact(*self._with_alerts([self._join_request(change)], change))
            except WriteRefused as error:
                if error.refused:
                    live = self._joinable(change)
                    if live is None or not live.shards or error.refused != {0}:
                        return self._as_written(change, error)
                    return self._apply_to_shard(change, tries)
                in_a_row = in_a_row + 1 if 0 in error.conflicts else 0
                self._table.pause(tries)
                if in_a_row and self._on_shards(change, spread=in_a_row >= SPREAD_AFTER):
                    return self._apply_to_shard(change, tries)
            else:
                return self._live(change)
        raise HistoryUnavailable(f"{change.live_key} has too many writers at this moment")

    def put_ended(
        self,
        alert: StoredAlert,
        group_key: str,
        *,
        before: StoredAlert | None = None,
        inhibits: Mapping[str, int] | None = None,
    ) -> None:
        """Store that an alert ended which no open incident counts: its firing may come later.

        Parameters
        ----------
        before
            The alert as it was read.
        inhibits
            By key, how many fewer alerts fire that inhibit others.

        Raises
        ------
        GroupChanged
            The alert is no longer as it was read.
        """
        item = alert_item(group_key, alert, self._table.expiry(alert.ended_at or alert.received_at))
        counters = self._inhibit_requests(inhibits or {}, alert.received_at)
        try:
            self._table.transact_patiently(self._table.guarded_put(item, unchanged(before)), *counters)
        except WriteRefused as error:
            raise GroupChanged(f"{alert.fingerprint} is no longer as it was read") from error

    # --- a storm of writes --------------------------------------------------------------------------------------------

    def _on_shards(self, change: Change, *, spread: bool) -> bool:
        """Return True if the live half has shards, which it is given if need be, or if the incident is over."""
        live = self._live_or_none(change)
        if live is None or not live.open or live.shards:
            return True
        if not spread:
            return False
        edit = Edit(
            sets={"shards": SHARDS, "due_sk": stamp(change.at)},
            when={"incident_id": change.incident_id, "status": OPEN, "shards": None},
        )
        expiry = self._table.late_expiry(change.at)
        shards = [shard_item(change.incident_id, number, expiry) for number in range(SHARDS)]
        try:
            self._table.transact(
                self._table.edit_request(live_key(change.live_key), edit),
                *(self._table.put_request(shard, condition="attribute_not_exists(pk)") for shard in shards),
            )
        except WriteRefused as error:
            return bool(error.refused)
        return True

    def _apply_to_shard(self, change: Change, tries: int) -> Live:
        """Write a change whose counts go to a shard: LIVE is not in the transaction."""
        for attempt in range(tries, tries + ATTEMPTS):
            if self._joinable(change) is None:
                break
            shard = shard_key(change.incident_id, int(self._table.chance() * SHARDS) % SHARDS)
            counts = self._table.edit_request(shard, joining_shard(change))
            try:
                self._table.transact(*self._with_alerts([counts], change))
            except WriteRefused as error:
                if error.refused:
                    return self._as_written(change, error)
                self._table.pause(min(attempt, 4))
            else:
                return self._announce(change)
        else:
            raise HistoryUnavailable(f"{change.live_key} has too many writers at this moment")
        return self._as_written(change, None)

    def _announce(self, change: Change) -> Live:
        """Show on LIVE what a change on a shard means for a waiting execution, and return the live half.

        LIVE is not in the shard's transaction. Should this writer end here, reconcile finds the incident: one with
        shards is due each minute.
        """
        live = self._live(change)
        hold_is_over = change.needs_hold and not on_hold(live, change.at)
        if changes := change.adds.changes + hold_is_over:
            item = self._table.edit(live_key(change.live_key), announcing(change, changes))
            return read_lives(self._table, [item])[0] if item else live
        return live

    # --- pieces -------------------------------------------------------------------------------------------------------

    def _live_or_none(self, change: Change) -> Live | None:
        live = read_live(self._table, change.live_key)
        return live if live is not None and live.incident_id == change.incident_id else None

    def _live(self, change: Change) -> Live:
        """Return the live half after a write."""
        live = self._live_or_none(change)
        if live is None:
            raise GroupChanged(f"{change.incident_id} is over")
        return live

    def _joinable(self, change: Change) -> Live | None:
        """Return the live half if the change's incident is open, and on hold if need be."""
        live = self._live_or_none(change)
        if live is None or not live.open or (change.needs_hold and not on_hold(live, change.at)):
            return None
        return live

    def _as_written(self, change: Change, error: WriteRefused | None) -> Live:
        """Return the live half if the change is in the table already, after a reply that was lost.

        Raises
        ------
        GroupChanged
            It is not.
        """
        keys = {alert_key(change.group_key, write.after.fingerprint): write.after for write in change.writes}
        found = self._table.get_all(keys)
        live = self._live_or_none(change)
        if live is None or not keys or any(key not in found or alert_of(found[key]) != keys[key] for key in keys):
            raise GroupChanged(f"{change.group_key} is no longer as it was read: {error}") from error
        return live

    def _join_request(self, change: Change) -> Item:
        return self._table.edit_request(live_key(change.live_key), joining(change))

    def _with_alerts(self, first: Sequence[Item], change: Change) -> list[Item]:
        """Return the writes of a change after the `first` ones: alerts, inhibitions and evidence."""
        expiry = self._table.expiry(change.at)
        alerts = [
            self._table.guarded_put(alert_item(change.group_key, write.after, expiry), unchanged(write.before))
            for write in change.writes
        ]
        inhibits = self._inhibit_requests(change.inhibits, change.at)
        writes = [*first, *alerts, *inhibits]
        return [*writes, *self._evidence(change)[: MOST_WRITES - len(writes)]]

    def _inhibit_requests(self, inhibits: Mapping[str, int], at: datetime) -> list[Item]:
        expiry = self._table.late_expiry(at)
        return [
            self._table.edit_request(_inhibit_key(key), Edit(adds={"firing": by}, sets={"expires_at": expiry}))
            for key, by in inhibits.items()
            if by
        ]

    def _evidence(self, change: Change) -> list[Item]:
        """Return the writes for the evidence by name and by service (`evidence`), and for the senders' bodies.

        The bodies are separate items, because a count of a day's alerts must not read them all.
        """
        if not change.new:
            return []
        received_at, expiry = stamp(change.at), self._table.expiry(change.at)
        written = f"{received_at}#{change.incident_id}#{_mark(change)}"
        pk, _ = incident_key(change.incident_id)
        names = Counter(alert.alert_name for alert in change.new).most_common(MOST_NAMES)
        services = Counter(alert.service for alert in change.new if alert.service).most_common(MOST_NAMES)
        raw = json.dumps([alert.raw_payload for alert in change.new], default=str)[:RAW_PAYLOADS_BYTES]
        items: list[Item] = [
            *({"pk": f"ALERT#{name}", "sk": written, "count": count} for name, count in names),
            *({"pk": service_key(name), "sk": f"ALERT#{written}", "count": count} for name, count in services),
            {"pk": pk, "sk": f"RAW#{received_at}#{_mark(change)}", "raw": raw},
        ]
        return [self._table.put_request(item | {"expires_at": expiry}) for item in items]


def _mark(change: Change) -> str:
    """Return a short text that tells a change from all others of the same incident and moment."""
    names = "\n".join(write.after.fingerprint for write in change.writes)
    return sha256(f"{change.group_key}\n{names}".encode()).hexdigest()[:12]


def _inhibit_key(key: str) -> Key:
    """Return the key of a counter: the rule, and the values by which it makes alerts equal."""
    rule, _, values = key.partition("#")
    return f"INHIBIT#{rule}", values or "-"
