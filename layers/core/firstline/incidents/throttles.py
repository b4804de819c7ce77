"""Throttles: invocations that Lambda refused, because no concurrent execution of the account or function was free."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo

from firstline.text import count

LOOKS_AT_MINUTE = 7
"""The minute of each hour that looks at the hour before: CloudWatch has its counts some minutes late."""

HOUR = timedelta(hours=1)


@dataclass(frozen=True)
class ThrottleWatch:
    """An hourly look at whether Lambda refused to run functions of this stack.

    A refusal that does harm has an alarm of its own: senders get 5xx, an execution fails, reconcile does not run. What
    is tried again only costs time, which nobody would see.

    Parameters
    ----------
    refused
        Returns how often Lambda refused each function between two times, of those that it refused.
    say
        Tells the stack's operators a subject and a text.
    zone
        The stack's time zone, in which people read times.
    """

    refused: Callable[[datetime, datetime], Mapping[str, int]]
    say: Callable[[str, str], object]
    stack: str
    zone: tzinfo = UTC

    def look(self, now: datetime) -> None:
        """Tell of the last whole hour's refusals, once an hour."""
        if now.minute != LOOKS_AT_MINUTE:
            return
        end = now.replace(minute=0, second=0, microsecond=0)
        refused = self.refused(end - HOUR, end)
        if not refused:
            return
        begin, until = (moment.astimezone(self.zone) for moment in (end - HOUR, end))
        each = ", ".join(f"{name} {number}" for name, number in sorted(refused.items(), key=lambda one: -one[1]))
        self.say(
            f"{self.stack}: Lambda had no room for {count(sum(refused.values()), 'invocation')}",
            f"Between {begin:%H:%M} and {until:%H:%M %Z} Lambda refused to run functions of {self.stack}, because "
            f"no concurrent execution was free: {each}. Their callers try again, so alerts and pages are late. "
            "Raise the account's quota 'Concurrent executions', or reserve some: the parameter ReservedConcurrency.",
        )
