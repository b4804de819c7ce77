"""Growing pauses between tries, kept in memory: a new process begins with the shortest pause again."""

from datetime import datetime, timedelta

SHORTEST, LONGEST = timedelta(minutes=1), timedelta(minutes=10)

FORGOTTEN_AFTER = timedelta(minutes=30)
"""The time without a try after which the next failure begins with the shortest pause again."""


class Backoff:
    """The pause after each try of something, by a key: 1, 2, 4 … at most 10 minutes."""

    def __init__(self) -> None:
        self._tries: dict[str, tuple[int, datetime]] = {}

    def allows(self, key: str, now: datetime) -> bool:
        """Return True if the pause after the key's last try is over, or if there was no try."""
        return now >= self.next_try(key, now)

    def next_try(self, key: str, now: datetime) -> datetime:
        """Return when the pause after the key's last try is over; `now` if there was no try."""
        known = self._recent(key, now)
        if known is None:
            return now
        tries, at = known
        return at + min(LONGEST, SHORTEST * float(2 ** min(tries - 1, 10)))

    def tried(self, key: str, now: datetime) -> datetime:
        """Remember a try at `now`, and return when the next try may be made."""
        known = self._recent(key, now)
        self._tries = {name: last for name, last in self._tries.items() if now - last[1] < FORGOTTEN_AFTER}
        self._tries[key] = (1 if known is None else known[0] + 1, now)
        return self.next_try(key, now)

    def worked(self, key: str) -> None:
        """Forget a key's tries, because the last one worked."""
        self._tries.pop(key, None)

    def _recent(self, key: str, now: datetime) -> tuple[int, datetime] | None:
        known = self._tries.get(key)
        return known if known is not None and now - known[1] < FORGOTTEN_AFTER else None
