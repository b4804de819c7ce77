"""The copying of schedules that are kept elsewhere. Reconcile does it, so that no page waits for another tool."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from firstline.errors import FeedUnavailable, HistoryUnavailable
from firstline.observability import logger, metrics
from firstline.policy.followed import Copy, Span, bounded
from firstline.policy.oncall import Followed

EVERY = timedelta(minutes=15)
MOST_AT_ONCE = 3
"""The most schedules that one run reads: each may take some seconds."""


@dataclass(frozen=True)
class Follower:
    """Copies each followed schedule every 15 minutes.

    Parameters
    ----------
    read
        Reads a schedule where it is kept, around a time. Raises `FeedUnavailable`.
    claim
        Returns True if nobody has begun to read the schedule for so long. Raises `HistoryUnavailable`, as `save` does.
    """

    followed: Mapping[str, Followed]
    read: Callable[[Followed, datetime], Iterable[Span]]
    claim: Callable[[str, datetime, timedelta], bool]
    save: Callable[[str, Copy], None]

    def look(self, now: datetime) -> int:
        """Copy what is due, and return how many schedules were copied. What cannot be read keeps its old copy."""
        copied = begun = 0
        for name, followed in self.followed.items():
            try:
                if begun >= MOST_AT_ONCE or not self.claim(name, now, EVERY):
                    continue
                begun += 1
                spans = bounded(self.read(followed, now), now)
                if not spans:
                    raise FeedUnavailable("it has no shift around now")
                self.save(name, Copy(taken_at=now, spans=spans))
                copied += 1
            except (FeedUnavailable, HistoryUnavailable) as error:
                logger.error("A schedule was not copied", extra={"schedule": name, "why": str(error)})
                metrics.add_metric(name="ScheduleNotCopied", unit="Count", value=1)
            except Exception as error:  # noqa: BLE001 - whatever it is, it must not cost the other schedules
                # Its text may quote the calendar's address, which is a secret.
                logger.error("A schedule was not copied", extra={"schedule": name, "why": type(error).__name__})
                metrics.add_metric(name="ScheduleNotCopied", unit="Count", value=1)
        return copied
