"""The LIVE items of incidents: the half of an incident that many writers change at once, such as its alerts' numbers.

| what | pk | sk |
|---|---|---|
| the live half of a group's newest incident | `GROUP#<group key>` | `LIVE` |
| further counts, if too many writers collide on LIVE | `INCIDENT#<incident id>` | `SHARD#<two digits>` |
| an alert of a group: its newest state, and the incident that counts it | `GROUP#<group key>` | `ALERT#<fingerprint>` |

A write to LIVE only adds to its counts, so writers need no version: each change states what must still be true. When
transactions collide on LIVE, its writers go on to shards (`firstline.adapters.dynamodb.groups`); LIVE then says in
`shards` how many there are, and an incident's counts are the sum of all these items.
"""

import json
from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any

from firstline.adapters.dynamodb.edits import Edit
from firstline.adapters.dynamodb.table import Item, Key, Table, stamp
from firstline.models import Change, Counts, Incident, Live, Loud, StoredAlert
from firstline.models.live import LAYOUT, loudest_since

OPEN, CLOSED = "OPEN", "CLOSED"

PARTS_OF_DUE = 8
"""The number of partitions over which the index `due` spreads the open incidents."""

LOOK_AGAIN = timedelta(minutes=1)
"""The time that a writer has to tell the waiting execution of its write; after that, reconcile does it."""

_TIMES = (
    "opened_at",
    "last_alert_at",
    "last_end_at",
    "loud_since",
    "held_until",
    "hold_ended_at",
    "page_lease",
    "paged_at",
    "last_paged_at",
    "page_again_at",
    "escalated_at",
    "acked_at",
    "resolved_at",
    "verified_at",
    "acted_at",
    "closed_at",
)
_NUMBERS = (
    "generation",
    "started",
    "judged",
    "decided",
    "paged_seq",
    "page_done",
    "page_level",
    "page_round",
    "paged_rank",
    "voided_seq",
    "acked_seq",
    "acked_rank",
    "resolved_seen",
    "shown",
)
_WORDS = ("hold_ended_because", "escalated_by", "acked_by", "resolved_by", "awaiting", "task_token")
_ON_HOLD = "held_until > :at AND attribute_not_exists(hold_ended_at)"
_LOUD = ("judged_loud", "paged_loud", "resolved_loud")


# --- keys -----------------------------------------------------------------------------------------------------------


def live_key(group_key: str) -> Key:
    """Return the key of a group's LIVE item, on which the state machine writes its task tokens too."""
    return f"GROUP#{group_key}", "LIVE"


def alert_key(group_key: str, fingerprint: str) -> Key:
    """Return the key of an alert of a group."""
    return f"GROUP#{group_key}", f"ALERT#{fingerprint}"


def shard_key(incident_id: str, number: int) -> Key:
    """Return the key of a shard: one of the further items that count an incident's alerts if writers collide."""
    return f"INCIDENT#{incident_id}", f"SHARD#{number:02}"


def _due_partition(group_key: str) -> str:
    """Return the partition key of a group's LIVE item in the index `due`: `DUE#0` to `DUE#7`, by a hash."""
    return f"DUE#{int(sha256(group_key.encode()).hexdigest()[:8], 16) % PARTS_OF_DUE}"


# --- reading ----------------------------------------------------------------------------------------------------------


def read_lives(table: Table, items: Iterable[Item]) -> list[Live]:
    """Return a `Live` for each LIVE item, which adds up what the item and any further items (shards) count.

    One request reads all shards.
    """
    lives = list(items)
    keys = [key for item in lives for key in _shard_keys(item)]
    shards = table.get_all(keys) if keys else {}
    return [live_of(item, [shards[key] for key in _shard_keys(item) if key in shards]) for item in lives]


def read_live(table: Table, group_key: str) -> Live | None:
    """Return the LIVE item of a group, or None. One request, or two if further items (shards) count its alerts, too."""
    item = table.get(*live_key(group_key))
    return None if item is None else read_lives(table, [item])[0]


def _shard_keys(item: Item) -> list[Key]:
    """Return the keys of the further items (shards) that count an incident's alerts besides this LIVE item, if any."""
    return [shard_key(item["incident_id"], number) for number in range(int(item.get("shards", 0)))]


def live_of(item: Item, shards: Iterable[Item] = ()) -> Live:
    """Return what a LIVE item and the further items that count its alerts (shards) say, as one `Live` object."""
    shards = list(shards)
    fields: Item = {name: item[name] for name in (*_TIMES, *_WORDS) if name in item}
    fields |= {name: int(item[name]) for name in _NUMBERS if name in item}
    fields |= {name: _loud_of(item, name) for name in _LOUD}
    live = Live.from_stored(
        fields
        | {
            "layout": int(item["layout"]),
            "group_key": item["pk"].removeprefix("GROUP#"),
            "incident_id": item["incident_id"],
            "open": item["status"] == OPEN,
            "own": counts_of(item),
            "shards": [counts_of(shard) for shard in shards],
            "due_at": item.get("due_sk"),
            "flapping": item.get("flapping", False),
            "opened": item.get("opened", ()),
        }
    )
    return _with_times_of(live, shards) if shards else live


def counts_of(item: Item) -> Counts:
    """Return the numbers of alerts (joined, firing, …) on a LIVE item or a further item that counts them (a shard)."""
    number = {name: int(item.get(name, 0)) for name in _COUNTED}
    ranks = (number["c0"], number["c1"], number["c2"], number["c3"], number["c4"])
    names = ("joined", "firing", "changes", "loud_high", "loud_critical", "lost", "lost_loud", "again")
    return Counts(ranks=ranks, **{name: number[name] for name in names})


def alert_of(item: Item) -> StoredAlert:
    """Return the alert from an ALERT item."""
    known = {name: item[name] for name in StoredAlert.model_fields if name in item}
    numbers = {name: int(item[name]) for name in ("layout", "rank", "number")}
    return StoredAlert.from_stored(known | numbers | {"alert": json.loads(item["alert"])})


def _loud_of(item: Item, name: str) -> Loud:
    return Loud(high=int(item.get(f"{name}_high", 0)), critical=int(item.get(f"{name}_critical", 0)))


def _with_times_of(live: Live, shards: Iterable[Item]) -> Live:
    """Return `live` with the times that only its further items (shards) know: of the last alert and last end, if later.

    If LIVE lacks it, the time since which a page is due (`loud_since`) is taken from the shards, too.
    """
    newest = {
        name: max((shard[name] for shard in shards if name in shard), default=None)
        for name in ("last_alert_at", "last_end_at")
    }
    times = {name: datetime.fromisoformat(at) for name, at in newest.items() if at is not None}
    changes: dict[str, Any] = {name: max(at, getattr(live, name) or at) for name, at in times.items()}
    since = [shard["loud_since"] for shard in shards if "loud_since" in shard]
    unknown = loudest_since(live, live.paged_loud) and loudest_since(live, live.judged_loud)
    if live.loud_since is None and since and unknown:
        # A writer ended between its shard and LIVE.
        changes["loud_since"] = datetime.fromisoformat(min(since))
    return live.model_copy(update=changes)


# --- writing ----------------------------------------------------------------------------------------------------------


def live_item(live: Live) -> Item:
    """Turn a `Live` into the LIVE item that stores it."""
    pk, sk = live_key(live.group_key)
    words = {name: getattr(live, name) for name in (*_NUMBERS, *_WORDS)}
    times = {name: None if (at := getattr(live, name)) is None else stamp(at) for name in _TIMES}
    item: Item = {
        **{"pk": pk, "sk": sk, "layout": LAYOUT, "incident_id": live.incident_id},
        **{"status": OPEN if live.open else CLOSED, "flapping": live.flapping},
        **{"opened": [stamp(at) for at in live.opened], **words, **times, **_amounts(live.own)},
        **{f"{name}_{part}": number for name in _LOUD for part, number in getattr(live, name).model_dump().items()},
    }
    if not live.own.again:  # most incidents have none, and what is absent counts as 0
        del item["again"]
    if live.open and live.due_at is not None:
        item |= {"due_pk": _due_partition(live.group_key), "due_sk": stamp(live.due_at)}
    return item


def new_live(incident: Incident, change: Change, opened: Iterable[datetime]) -> Live:
    """Return the `Live` of a new incident, whose first alerts are in this change.

    `opened` are the times at which the group opened incidents within the last hour.
    """
    return Live(
        group_key=change.live_key,
        incident_id=incident.incident_id,
        opened_at=incident.opened_at,
        last_alert_at=change.at,
        own=change.adds,
        loud_since=change.at if _is_loud(change.adds) else None,
        # Alerts that come before the first verdict are held only if the incident is.
        held_until=incident.hold.until if incident.hold else None,
        due_at=change.at + LOOK_AGAIN,
        flapping=incident.flapping,
        opened=tuple(opened),
    )


def joining(change: Change) -> Edit:
    """Return the edit that adds a change's numbers of alerts to LIVE.

    It fails if the incident is closed, if further items (shards) have to count its alerts, or if the change is valid
    only during the incident's hold (`needs_hold`) and the hold is over.
    """
    edit = _counting(change)
    sets = {**edit.sets, "due_sk": stamp(change.at + LOOK_AGAIN)}
    edit = replace(edit, sets=sets, when={"incident_id": change.incident_id, "status": OPEN, "shards": None})
    return replace(edit, where=_ON_HOLD, values={":at": stamp(change.at)}) if change.needs_hold else edit


def joining_shard(change: Change) -> Edit:
    """Return the edit that adds a change's numbers of alerts to a shard, a further item beside LIVE.

    It fails if the shard is closed.
    """
    edit = _counting(change)
    return replace(edit, adds=edit.adds or {"joined": 0}, when={"status": OPEN})


def announcing(change: Change, changes: int) -> Edit:
    """Return the edit that adds `changes` to LIVE's `changes` after a further item (a shard) took a change's alerts.

    An execution that has read an older number cannot begin to wait, so it sees these alerts. Reconcile looks at the
    incident a minute later.
    """
    once = {"loud_since": stamp(change.at)} if _is_loud(change.adds) else {}
    when = {"incident_id": change.incident_id, "status": OPEN}
    return Edit(sets={"due_sk": stamp(change.at + LOOK_AGAIN)}, once=once, adds={"changes": changes}, when=when)


def shard_item(incident_id: str, number: int, expires_at: int) -> Item:
    """Return a new shard of an incident: a further item beside LIVE that counts alerts, none so far."""
    pk, sk = shard_key(incident_id, number)
    counts = {"joined": 0, "firing": 0}  # what the close compares; the others begin with the first that is added
    return {"pk": pk, "sk": sk, "layout": LAYOUT, "status": OPEN, "expires_at": expires_at, **counts}


def alert_item(group_key: str, alert: StoredAlert, expires_at: int) -> Item:
    """Return an alert as an ALERT item, which expires only if the alert has ended."""
    pk, sk = alert_key(group_key, alert.fingerprint)
    return _alert_fields(alert) | {
        "pk": pk,
        "sk": sk,
        "alert": alert.alert.without_raw().to_stored(),
        "rank_n": f"{9 - alert.rank}#{alert.number:09}",
        "expires_at": None if alert.firing else expires_at,
    }


def unchanged(alert: StoredAlert | None) -> Edit:
    """Return the condition that an alert's item is still as it was read (`alert`); with None, that there is no item."""
    if alert is None:
        return Edit(when={"pk": None})
    names = ("firing", "rank", "held", "received_at", "ended_at", "incident_id")
    fields = _alert_fields(alert)
    return Edit(when={name: fields[name] for name in names})


def _alert_fields(alert: StoredAlert) -> Item:
    return {name: _plain(getattr(alert, name)) for name in StoredAlert.model_fields if name != "alert"}


def _plain(value: Any) -> Any:
    match value:
        case datetime():
            return stamp(value)
        case tuple():
            return list(value)
    return value


def _counting(change: Change) -> Edit:
    adds = {name: number for name, number in _amounts(change.adds).items() if number}
    joins = change.adds.joined > 0 or bool(change.new)
    sets = {"last_alert_at": stamp(change.at)} if joins else {}
    if any(write.before and write.before.firing and not write.after.firing for write in change.writes):
        sets["last_end_at"] = stamp(change.at)
    return Edit(sets=sets, once={"loud_since": stamp(change.at)} if _is_loud(change.adds) else {}, adds=adds)


def _amounts(counts: Counts) -> dict[str, int]:
    """Return the numbers of an incident's alerts under the names that their attributes have in the table."""
    ranks = {f"c{rank}": number for rank, number in enumerate(counts.ranks)}
    return counts.model_dump(exclude={"ranks"}) | ranks


_COUNTED = tuple(_amounts(Counts()))


def _is_loud(adds: Counts) -> bool:
    return adds.loud_high > 0 or adds.loud_critical > 0
