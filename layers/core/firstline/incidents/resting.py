"""Reconcile's memory of open incidents that need no look for a while, which saves writing a later due time.

An incident rests while its due time, counts and page marks are as they were at the last look: each write that reconcile
must see changes one of them. A new process has an empty memory, and looks at each incident once.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from firstline.models import Live

MOST = 200
"""The most incidents that rest; further ones are postponed in the table instead."""


@dataclass
class _Rest:
    """The rest of an incident: its end, and the due time and other values (`_seen`) of the incident at the last look.

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
    """Return the counts and page marks that a write may change without changing the incident's due time."""
    return live.own.joined, live.own.changes, live.paged_seq, live.page_lease


class Resting:
    """The memory of the incidents that rest."""

    def __init__(self) -> None:
        self._rests: dict[str, _Rest] = {}

    def begin(self, live: Live, until: datetime, now: datetime) -> bool:
        """Let an incident rest until a time. Return False if the caller has to postpone it in the table instead.

        An incident whose counts are spread over shards never rests, because a write to a shard does not always change
        the `Live` item.
        """
        full = len(self._rests) >= MOST and live.group_key not in self._rests
        if live.due_at is None or live.shards or full:
            return False
        self._rests[live.group_key] = _Rest(until, live.due_at, _seen(live), settled=live.due_at <= now)
        return True

    def settled(self, now: datetime) -> Mapping[str, datetime]:
        """Return by group key the due times of resting incidents that need not be read; forget rests that are over."""
        self._rests = {group_key: rest for group_key, rest in self._rests.items() if now < rest.until}
        return {group_key: rest.due_at for group_key, rest in self._rests.items() if rest.settled}

    def lasts(self, live: Live, now: datetime) -> bool:
        """Return True if the incident rests and has not changed since its rest began."""
        rest = self._rests.get(live.group_key)
        if rest is None or not rest.is_of(live):
            return False
        rest.settled = rest.due_at <= now
        return True
