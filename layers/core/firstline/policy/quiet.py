"""What keeps an alert back for a time: silences and maintenance windows.

Each alert is judged by itself when it comes in, so a silence for one host never hides another host's alert, although
both belong to one incident. Storms are never kept back.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import ceil

from firstline.models import Hold, NormalizedAlert
from firstline.policy.maintenance import Window
from firstline.policy.silences import Silence

WINDOW_AT_MOST = timedelta(days=31)
"""So far ahead the end of a window is looked for. What is longer is looked at again then."""


@dataclass(frozen=True, slots=True)
class Quiet:
    """The silences and windows that there are."""

    windows: Sequence[Window] = ()
    silences: Sequence[Silence] = ()

    def keeps_back(self, alert: NormalizedAlert, now: datetime) -> Hold | None:
        """Until when, by what and why this alert waits; None when it does not. Of several, what lasts longest."""
        holds = [silenced(one, now) for one in self.silences if one.holds(alert, now)]
        holds += [
            maintained(one, now)
            for one in self.windows
            if one.suppress and one.allows(alert.severity) and one.holds(alert, now)
        ]
        return max(holds, key=lambda hold: hold.until, default=None)


def silenced(silence: Silence, now: datetime) -> Hold:
    """A silence, as what an incident waits for."""
    until = silence.expires_at
    return Hold(
        by="silence",
        id=silence.id,
        reason=f"Silenced by {silence.owner} until {until:%Y-%m-%d %H:%M} UTC (silence {silence.id}): {silence.reason}",
        until=until,
        seconds=seconds_until(until, now),
        until_resolved=silence.until_resolved,
    )


def maintained(window: Window, now: datetime) -> Hold:
    """A window, as what an incident waits for."""
    until = end_of(window, now)
    said = f"{until:%Y-%m-%d %H:%M} UTC"
    return Hold(
        by="window",
        id=window.id,
        reason=f"Maintenance by {window.owner} until {said} (window {window.id}): {window.reason}",
        until=until,
        seconds=seconds_until(until, now),
    )


def end_of(window: Window, now: datetime) -> datetime:
    """The first moment at which none of the window's times is on any more."""
    ends = sorted({moment for schedule in window.when for moment in schedule.may_end(now, WINDOW_AT_MOST.days)})
    off = (moment for moment in ends if not any(schedule.on(moment) for schedule in window.when))
    return next(off, now + WINDOW_AT_MOST)


def seconds_until(until: datetime, now: datetime) -> int:
    """Whole seconds, at least one, so that waiting never ends too early."""
    return max(1, ceil((until - now).total_seconds()))
