"""Groups of alerts in the table: what ingest reads and writes, and how many incidents may begin in a minute.

| what | pk | sk |
|---|---|---|
| the number of incidents that began in a minute | `BUCKET#<source>`, `BUCKET#<source>#paging` | `<minute>` |
| a name's one incident beside a storm | `BUCKET#<source>#paging` | `STORM#<incident id>#<hash of the name>` |
| how many alerts fire that inhibit others | `INHIBIT#<rule id>` | `<hash of the rule and the shared values>` |

A `<minute>` item counts a source's incidents in all and by alert name; those that page are counted apart, under
`#paging`. While a storm lasts, each alert name may open one incident of its own, and its `STORM#` item says which
caller may open it.

`live` has the layout of the groups themselves.
"""

from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from hashlib import sha256

from firstline.adapters.dynamodb.edits import Edit
from firstline.adapters.dynamodb.evidence import evidence_of
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
    live_of,
    new_live,
    read_lives,
    shard_item,
    shard_key,
    unchanged,
)
from firstline.adapters.dynamodb.records import head_item
from firstline.adapters.dynamodb.table import MOST_WRITES, Item, Key, Table, TableStore, WriteRefused, stamp
from firstline.errors import GroupChanged, HistoryUnavailable
from firstline.incidents.groups import GroupView, Limits
from firstline.incidents.pages import on_hold
from firstline.models import Change, Incident, Live, StoredAlert
from firstline.observability import logger

SHARDS = 16
"""The number of shards over which many writers spread their counts: each shard takes one transaction at a time."""

SPREAD_AFTER = 2
"""The number of conflicts in a row on an incident's LIVE item after which its counts go to shards."""

ATTEMPTS = 24
"""The most tries while transactions collide: they take about three seconds together, and a sender waits for five."""


class TableGroups(TableStore):
    """The port `Groups` over the table; the port says what the methods take, return and raise.

    Every method raises `HistoryUnavailable` when DynamoDB fails.
    """

    def __init__(self, table: Table) -> None:
        super().__init__(table)
        self._on_shards: set[str] = set()
        """Incidents whose counts are known to be on shards. They stay there, so this is never wrong."""

    # --- reading ------------------------------------------------------------------------------------------------------

    def read(
        self, wanted: Mapping[str, Iterable[str]], inhibitions: Iterable[str] = ()
    ) -> tuple[dict[str, GroupView], dict[str, int]]:
        """Return the groups with the wanted alerts, and how many alerts fire for each inhibition.

        `wanted` maps each group's key to the fingerprints of the wanted alerts, `inhibitions` are the keys of
        inhibitions. Each of the two dictionaries has every key that was asked for. Reads are consistent, with one
        request for every hundred items.
        """
        fingerprints = {group_key: list(names) for group_key, names in wanted.items()}
        counters = {key: _inhibit_key(key) for key in inhibitions}
        alerts = [alert_key(group_key, name) for group_key, names in fingerprints.items() for name in names]
        found = self._table.get_all([*map(live_key, fingerprints), *alerts, *counters.values()])
        lives = read_lives(self._table, [item for (_, sk), item in found.items() if sk == "LIVE"])
        by_group = {live.group_key: live for live in lives}
        self._on_shards |= {live.incident_id for live in lives if live.shards}
        views = {
            group_key: GroupView(
                live=by_group.get(group_key),
                alerts={name: alert_of(found[key]) for name in names if (key := alert_key(group_key, name)) in found},
            )
            for group_key, names in fingerprints.items()
        }
        return views, {name: int(found[key]["firing"]) if key in found else 0 for name, key in counters.items()}

    # --- limits -------------------------------------------------------------------------------------------------------

    def take_token(
        self, source: str, alert_name: str, limits: Limits, now: datetime, *, paging: bool, opening: str | None = None
    ) -> str | None:
        """Count a new incident against the limits for a minute; return None or the limit reached: `30 a minute`.

        The minute is that of `now`. `paging` incidents are counted apart from others. Callers that open the same
        incident at once pass the same text as `opening`, and are counted once; with None, each call counts.
        """
        key = f"BUCKET#{source}{'#paging' if paging else ''}", now.astimezone(UTC).strftime("%Y-%m-%dT%H:%M")
        names = {"#total": "total", "#name": _mark_of("n", alert_name)}
        expression, free = "ADD #total :one, #name :one SET expires_at = :expiry", ""
        values = {
            ":one": 1,
            ":all": limits.per_minute,
            ":named": limits.per_minute_and_alert,
            ":expiry": int(now.timestamp()) + 3_600,
        }
        if opening is not None:
            names["#opening"] = _mark_of("o", opening)
            expression, free = f"{expression}, #opening = :one", "attribute_not_exists(#opening) AND "
        free += "(attribute_not_exists(#total) OR #total < :all) AND (attribute_not_exists(#name) OR #name < :named)"
        if self._table.update(*key, expression, values, condition=free, names=names) is not None:
            return None
        bucket = self._table.get(*key) or {}
        if names.get("#opening") in bucket:
            return None
        if int(bucket.get("total", 0)) >= limits.per_minute:
            return f"{limits.per_minute} a minute"
        return f"{limits.per_minute_and_alert} a minute of one name"

    def claim_name(self, source: str, name: str, storm: Live, opening: str) -> bool:
        """Claim the one incident that an alert name may open beside a storm; return False if another caller has it.

        `name` is the alert's name, followed by the escalation levels to page if they differ from the storm's. `storm`
        is the LIVE item of the storm's incident. `opening` is a text that identifies the caller, who may claim again.
        """
        item: Item = {
            "pk": f"BUCKET#{source}#paging",
            "sk": f"STORM#{storm.incident_id}#{_mark_of('n', name)}",
            "held_by": _mark_of("o", opening),
            "expires_at": self._table.late_expiry(storm.opened_at),
        }
        free = "attribute_not_exists(pk) OR held_by = :opening"
        return self._table.put(item, free, {":opening": item["held_by"]})

    # --- writing ------------------------------------------------------------------------------------------------------

    def open(self, change: Change, incident: Incident, before: Live | None, opened: Sequence[datetime]) -> Live:
        """Write a new incident with its first alerts in one transaction, and return its LIVE item.

        `before` is the group's LIVE item as it was read (None if it had none), and `opened` the times at which the
        group opened incidents within the last hour. If another writer opened an incident first, raise GroupChanged.
        """
        live = new_live(incident, change, opened)
        free = {"pk": None} if before is None else {"incident_id": before.incident_id, "status": CLOSED}
        writes = [
            self._table.guarded_put(live_item(live), Edit(when=free)),
            self._table.guarded_put(head_item(incident), Edit(when={"pk": None})),
        ]
        request = self._with_alerts(writes, change)
        for tries in range(ATTEMPTS):
            try:
                self._table.transact(*request)
            except WriteRefused as error:
                if error.refused:
                    return self._as_written(change, error)
                self._table.pause(tries)
                # Of many that open a group at once, one does. The others join it, and do not wait for its writers.
                now = self._table.get(*live_key(change.live_key))
                if now is not None and (before is None or now["incident_id"] != before.incident_id):
                    return self._as_written(change, error)
            else:
                return live
        raise _too_many_writers(change)

    def apply(self, change: Change) -> Live:
        """Write a change (alerts that join an open incident or end in it); return the incident's LIVE item after that.

        A conflict with another writer is tried again. After some conflicts in a row, the change is counted on one of
        several further items (shards), so that fewer writers collide.
        """
        in_a_row = 0
        for tries in range(ATTEMPTS):
            if change.incident_id in self._on_shards:
                return self._apply_to_shard(change)
            join = self._table.edit_request(live_key(change.live_key), joining(change))
            try:
                self._table.transact(*self._with_alerts([join], change))
            except WriteRefused as error:
                if error.refused:
                    if error.refused != {0} or not self._has_shards(change):
                        return self._as_written(change, error)
                    continue
                in_a_row = in_a_row + 1 if 0 in error.conflicts else 0
                self._table.pause(tries)
                if in_a_row and not self._has_shards(change) and in_a_row >= SPREAD_AFTER:
                    self._spread(change)
            else:
                return self._live(change)
        raise _too_many_writers(change)

    def put_alone(
        self,
        alert: StoredAlert,
        group_key: str,
        *,
        before: StoredAlert | None = None,
        inhibits: Mapping[str, int] | None = None,
    ) -> None:
        """Store the state of an alert that no open incident counts.

        Raise GroupChanged if the stored alert is no longer as in `before` (None: if one is stored at all). `inhibits`
        maps an inhibition's key to the change of its number of firing alerts.
        """
        item = alert_item(group_key, alert, self._table.expiry(alert.ended_at or alert.received_at))
        counters = self._inhibit_requests(inhibits or {}, alert.received_at)
        try:
            self._table.transact_patiently(self._table.guarded_put(item, unchanged(before)), *counters)
        except WriteRefused as error:
            raise GroupChanged(f"alert {alert.fingerprint} of group {group_key} changed since it was read") from error

    # --- a storm of writes --------------------------------------------------------------------------------------------

    def _has_shards(self, change: Change) -> bool:
        """Return True if further items (shards) count the incident's alerts, one of which has to count the change."""
        item = self._item(change)
        if item is not None and "shards" in item:
            self._on_shards.add(change.incident_id)
        return change.incident_id in self._on_shards

    def _spread(self, change: Change) -> None:
        """Create the further items (shards) over which writers spread the counts of the change's incident.

        Do nothing if they exist, if the incident is over, or if another writer has its LIVE item at this moment.
        """
        edit = Edit(
            sets={"shards": SHARDS, "due_sk": stamp(change.at)},
            when={"incident_id": change.incident_id, "status": OPEN, "shards": None},
        )
        expiry = self._table.late_expiry(change.at)
        shards = [shard_item(change.incident_id, number, expiry) for number in range(SHARDS)]
        with suppress(WriteRefused):
            self._table.transact(
                self._table.edit_request(live_key(change.live_key), edit),
                *(self._table.put_request(shard, condition="attribute_not_exists(pk)") for shard in shards),
            )
            self._on_shards.add(change.incident_id)

    def _apply_to_shard(self, change: Change) -> Live:
        """Write a change, counting its alerts on a shard, a further item beside LIVE; return LIVE with all counts.

        A closed incident's shards are closed, so that nothing joins it.
        """
        if change.needs_hold:
            item = self._item(change)
            if item is None or not on_hold(live_of(item), change.at):
                return self._as_written(change, None)
        for tries in range(ATTEMPTS):
            shard = shard_key(change.incident_id, int(self._table.chance() * SHARDS) % SHARDS)
            counts = self._table.edit_request(shard, joining_shard(change))
            try:
                self._table.transact(*self._with_alerts([counts], change))
            except WriteRefused as error:
                if error.refused:
                    return self._as_written(change, error)
                self._table.pause(tries)
            else:
                return self._announced(change)
        raise _too_many_writers(change)

    def _announced(self, change: Change) -> Live:
        """Raise LIVE's number `changes` after a shard took a change that the execution must see; return LIVE.

        A shard is a further item that counts the incident's alerts; the returned LIVE has the counts of all shards. An
        execution that has read an older number cannot begin to wait. LIVE is not in the shard's transaction: if LIVE
        cannot be written, or the function dies before that, reconcile finds the change, because it looks at an incident
        with shards each minute.
        """
        if change.adds.changes:
            self._announce(change, change.adds.changes)
        live = self._live(change)
        if change.needs_hold and not on_hold(live, change.at):
            # The hold ended meanwhile. The execution must judge what was held back.
            self._announce(change, 1)
        return live

    def _announce(self, change: Change, changes: int) -> None:
        try:
            self._table.edit(live_key(change.live_key), announcing(change, changes))
        except HistoryUnavailable:
            logger.exception("Could not announce alerts that joined; reconcile will", incident_id=change.incident_id)

    # --- pieces -------------------------------------------------------------------------------------------------------

    def _item(self, change: Change) -> Item | None:
        """Return the group's LIVE item if it still belongs to the change's incident, else None."""
        item = self._table.get(*live_key(change.live_key))
        return item if item is not None and item["incident_id"] == change.incident_id else None

    def _live(self, change: Change) -> Live:
        """Return the LIVE item of a change's incident; raise GroupChanged if the group has a newer incident by now."""
        if change.incident_id in self._on_shards:
            shards = [shard_key(change.incident_id, number) for number in range(SHARDS)]
            found = self._table.get_all([live_key(change.live_key), *shards])
            item = found.pop(live_key(change.live_key), None)
            if item is not None and item["incident_id"] == change.incident_id:
                return live_of(item, [found[key] for key in shards if key in found])
        elif item := self._item(change):
            return read_lives(self._table, [item])[0]
        raise GroupChanged(f"incident {change.incident_id} was succeeded by another one of its group")

    def _as_written(self, change: Change, error: WriteRefused | None) -> Live:
        """Return the LIVE item if an earlier try of the change succeeded, whose reply was lost.

        `error` is the refusal of this try; None if it was not made because the incident's hold is over.

        Raises
        ------
        GroupChanged
            The table does not have the change: another writer was faster.
        """
        keys = {alert_key(change.group_key, write.after.fingerprint): write.after for write in change.writes}
        found = self._table.get_all(keys)
        if not keys or any(key not in found or alert_of(found[key]) != keys[key] for key in keys):
            why = error or "its hold ended"
            raise GroupChanged(f"group {change.group_key} changed since it was read: {why}") from error
        return self._live(change)

    def _with_alerts(self, first: Sequence[Item], change: Change) -> list[Item]:
        """Return the `first` writes and those of a change's alerts and inhibitions, as one transaction.

        Evidence for later incidents is added as far as a transaction's `MOST_WRITES` allow.
        """
        expiry = self._table.expiry(change.at)
        alerts = [
            self._table.guarded_put(alert_item(change.group_key, write.after, expiry), unchanged(write.before))
            for write in change.writes
        ]
        inhibits = self._inhibit_requests(change.inhibits, change.at)
        writes = [*first, *alerts, *inhibits]
        evidence = [self._table.put_request(item | {"expires_at": expiry}) for item in evidence_of(change)]
        return [*writes, *evidence[: MOST_WRITES - len(writes)]]

    def _inhibit_requests(self, inhibits: Mapping[str, int], at: datetime) -> list[Item]:
        expiry = self._table.late_expiry(at)
        return [
            self._table.edit_request(_inhibit_key(key), Edit(adds={"firing": by}, sets={"expires_at": expiry}))
            for key, by in inhibits.items()
            if by
        ]


def _too_many_writers(change: Change) -> HistoryUnavailable:
    return HistoryUnavailable(f"group {change.live_key} has too many writers at this moment; send the alert again")


def _mark_of(kind: str, text: str) -> str:
    """Return a short mark for a text of any length, such as `n_0f3a…`: its kind and a hash.

    `kind` is `n` for an alert's name, `o` for a text that identifies who opens an incident.
    """
    return f"{kind}_{sha256(text.encode()).hexdigest()[:16]}"


def _inhibit_key(key: str) -> Key:
    """Return the table's key of an inhibition's count, from the inhibition's key `<rule id>#<hash>`."""
    rule, _, values = key.partition("#")
    return f"INHIBIT#{rule}", values or "-"
