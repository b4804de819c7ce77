"""Copies of on-call schedules that another tool keeps, made every 15 minutes so that no page waits for that tool."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from firstline.errors import FeedUnavailable, HistoryUnavailable
from firstline.observability import logger, metrics
from firstline.policy.followed_schedules import Copy, Span, bounded
from firstline.policy.oncall import Followed

EVERY = timedelta(minutes=15)
MOST_AT_ONCE = 3
"""The most schedules that one run reads, because each may take some seconds."""


@dataclass(frozen=True)
class Follower:
    """Copier of on-call schedules that another tool keeps, each every 15 minutes.

    Parameters
    ----------
    read
        Reads a schedule's shifts around a time from the other tool. Raises `FeedUnavailable`.
    claim
        Takes a schedule's name, the time now and a duration. Returns True if no run has begun to read the schedule for
        that long; of several runs at once, only one gets True. Raises `HistoryUnavailable`, as `save` does.
    """

    followed: Mapping[str, Followed]
    read: Callable[[Followed, datetime], Iterable[Span]]
    claim: Callable[[str, datetime, timedelta], bool]
    save: Callable[[str, Copy], None]

    def look(self, now: datetime) -> int:
        """Copy the schedules that are due, and return how many it copied; if one cannot be read, its old copy stays."""
        copied = begun = 0
        for name, followed in self.followed.items():
            try:
                if begun >= MOST_AT_ONCE or not self.claim(name, now, EVERY):
                    continue
                begun += 1
                spans = bounded(self.read(followed, now), now)
                if not spans:
                    raise FeedUnavailable(
                        "the schedule has no shift around now: fill its gap in the tool that keeps it"
                    )
                self.save(name, Copy(taken_at=now, spans=spans))
                copied += 1
            except Exception as error:  # noqa: BLE001 - no failure of one schedule may cost the others
                # The text of a foreign error may quote the calendar's address, which is a secret.
                is_ours = isinstance(error, FeedUnavailable | HistoryUnavailable)
                why = str(error) if is_ours else type(error).__name__
                logger.error(
                    "An on-call schedule could not be copied from the tool that keeps it; the old copy stays in use",
                    extra={"schedule": name, "why": why},
                )
                metrics.add_metric(name="ScheduleNotCopied", unit="Count", value=1)
        return copied
