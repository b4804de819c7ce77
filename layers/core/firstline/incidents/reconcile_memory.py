"""Reconcile's memory of open incidents that need no look for a while, which saves writing a later due time.

An incident rests while its due time, counts, hold and page marks are as they were at the last look: each write that
reconcile must see changes one of them. A new process has an empty memory, and looks at each incident once.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from firstline.models import Live

MOST = 200
"""The most incidents that rest; further ones are postponed in the table instead."""


@dataclass
class _Rest:
    """A rest of an incident: a time during which reconcile need not look at it, unless it changes.

    `until` ends it. `due_at` and `seen` are the incident's due time and other values (`_seen`) at the last look.
    `settled` is true once the incident was seen unchanged after its due time. Until then each run reads it, because
    another write may still give it the same due time.
    """

    until: datetime
    due_at: datetime
    seen: tuple[object, ...]
    settled: bool = False

    def is_of(self, live: Live) -> bool:
        return (self.due_at, self.seen) == (live.due_at, _seen(live))


def _seen(live: Live) -> tuple[object, ...]:
    """Return what a write may change without changing the incident's due time: its counts, hold and page marks."""
    return live.own.joined, live.own.changes, live.loud_since, live.held_until, live.paged_seq, live.page_lease


class Resting:
    """The open incidents at which this process need not look for a while (they rest), and until when."""

    def __init__(self) -> None:
        self._rests: dict[str, _Rest] = {}

    def begin(self, live: Live, until: datetime, now: datetime) -> bool:
        """Note that reconcile need not look at an incident until a time (it rests), unless it changes.

        Return False if the caller has to postpone it in the table instead: if too many incidents rest, if it has no due
        time, or if its counts are spread over shards, because a write to a shard does not always change the `Live`
        item.
        """
        full = len(self._rests) >= MOST and live.group_key not in self._rests
        if live.due_at is None or live.shards or full:
            return False
        self._rests[live.group_key] = _Rest(until, live.due_at, _seen(live), settled=live.due_at <= now)
        return True

    def settled(self, now: datetime) -> Mapping[str, datetime]:
        """Return the due times, by group key, of the incidents that reconcile need not even read, because they rest.

        Rests that are over are forgotten.
        """
        self._rests = {group_key: rest for group_key, rest in self._rests.items() if now < rest.until}
        return {group_key: rest.due_at for group_key, rest in self._rests.items() if rest.settled}

    def lasts(self, live: Live, now: datetime) -> bool:
        """Return True if reconcile need not look at an incident: it rests, and has not changed since that began."""
        rest = self._rests.get(live.group_key)
        if rest is None or not rest.is_of(live):
            return False
        rest.settled = rest.due_at <= now
        return True
