"""Throttles: invocations that Lambda refused, because no concurrent execution of the account or function was free."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, tzinfo
from functools import partial

from firstline.incidents.tell_once import Once
from firstline.text import count

COUNTED_AFTER = timedelta(minutes=7)
"""The time after the end of an hour before its counts are read, because CloudWatch has them some minutes late."""

HOUR, DAY = timedelta(hours=1), timedelta(days=1)

LONGEST = timedelta(hours=24)
"""The longest time that one look covers, after a long time without looks."""


@dataclass
class ThrottleWatch:
    """The check, once an hour, of whether Lambda refused to run functions of this stack.

    Refusals that do harm have alarms of their own: senders get 5xx, an execution fails, reconcile does not run. This
    check also finds the others, which are tried again and only cost time.

    Parameters
    ----------
    refused
        Returns how often Lambda refused each function between two times; functions without refusals are left out.
    say
        Sends operators a message with a subject and a text.
    zone
        The stack's time zone, in which people read times.
    """

    refused: Callable[[datetime, datetime], Mapping[str, int]]
    once: Once
    say: Callable[[str, str], object]
    stack: str
    zone: tzinfo = UTC
    _until: datetime | None = field(default=None, init=False)
    """The end of the last hour that this process has checked; None before its first check."""

    def look(self, now: datetime) -> None:
        """Tell operators which functions Lambda refused to run in the whole hours since the last call.

        The first call looks at the last whole hour only. If a call raises, the next one looks at the same hours again,
        but at no more than the last `LONGEST`.
        """
        end = (now - COUNTED_AFTER).replace(minute=0, second=0, microsecond=0)
        begin = end - HOUR if self._until is None else max(self._until, end - LONGEST)
        if begin >= end:
            return
        refused = self.refused(begin, end)
        if refused:
            self.once.tell(f"throttles {end.isoformat()}", now, 2 * DAY, partial(self._tell, begin, end, refused))
        self._until = end

    def _tell(self, begin: datetime, end: datetime, refused: Mapping[str, int]) -> bool:
        since, until = (moment.astimezone(self.zone) for moment in (begin, end))
        each = ", ".join(f"{name} {number}" for name, number in sorted(refused.items(), key=lambda one: -one[1]))
        self.say(
            f"{self.stack}: Lambda had no room for {count(sum(refused.values()), 'invocation')}",
            f"Between {since:%H:%M} and {until:%H:%M %Z} Lambda refused to run functions of {self.stack}, because "
            f"no concurrent execution was free: {each}. Their callers try again, so alerts and pages are late. "
            "Raise the account's quota 'Concurrent executions', or reserve some: the parameter ReservedConcurrency.",
        )
        return True
