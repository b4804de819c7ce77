"""Open incidents that need no look for a while, kept in reconcile's memory: a look that finds nothing writes nothing.

Each write that reconcile must look at gives the incident another due time, or is a count or a claimed page that shows
until then. So an incident rests while it is due at the time at which it was looked at. A new process knows of none, and
looks at each once.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from firstline.models import Live

MOST = 200
"""The most incidents that rest. What is beyond them is postponed in the table, so no run finds the same ones again."""


@dataclass
class _Rest:
    """A rest: until when, and the incident as it was seen.

    `settled` means that it was seen so after its due time. Until then another write of the same moment may give it the
    same due time.
    """

    until: datetime
    due_at: datetime
    seen: tuple[object, ...]
    settled: bool = False

    def is_of(self, live: Live) -> bool:
        return (self.due_at, self.seen) == (live.due_at, _seen(live))


def _seen(live: Live) -> tuple[object, ...]:
    """Return what a write may change that leaves an incident due at the same time."""
    return live.own.joined, live.own.changes, live.paged_seq, live.page_lease


class Resting:
    """The incidents that rest, by the group key of their live half."""

    def __init__(self) -> None:
        self._rests: dict[str, _Rest] = {}

    def begin(self, live: Live, until: datetime, now: datetime) -> bool:
        """Let an incident rest until a time. Return False if it has to be postponed in the table instead.

        One with shards never rests: who writes to its shards does not always write to its live half.
        """
        full = len(self._rests) >= MOST and live.group_key not in self._rests
        if live.due_at is None or live.shards or full:
            return False
        self._rests[live.group_key] = _Rest(until, live.due_at, _seen(live), settled=live.due_at <= now)
        return True

    def settled(self, now: datetime) -> Mapping[str, datetime]:
        """Return the due times of those that need not even be read. Forget those whose rest is over."""
        self._rests = {group_key: rest for group_key, rest in self._rests.items() if now < rest.until}
        return {group_key: rest.due_at for group_key, rest in self._rests.items() if rest.settled}

    def lasts(self, live: Live, now: datetime) -> bool:
        """Return True if an incident rests and nothing changed since."""
        rest = self._rests.get(live.group_key)
        if rest is None or not rest.is_of(live):
            return False
        rest.settled = rest.due_at <= now
        return True
