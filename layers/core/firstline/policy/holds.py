"""Silences and maintenance windows: both hold alerts for a time. A person makes a silence; the rules file has windows.

Each alert is judged by itself when it comes in, so a silence for one host never hides another host's alert, although
both belong to one incident. A storm is held only if it collects nothing but what one silence or window holds.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import ceil
from typing import Annotated, Self

from pydantic import AwareDatetime, Field, model_validator

from firstline.models import Frozen, Hold, NormalizedAlert, SourceSeverity
from firstline.policy.match import AlertMatch, Bound, Id, Owner, Reason
from firstline.policy.schedule import Schedule
from firstline.text import one_line

LONGEST = timedelta(days=30)
"""A longer silence is a decision that should be reviewed: a rule."""

WINDOW_AT_MOST = timedelta(days=31)
"""The end of a window is searched for no further ahead; a longer window is looked at again then."""


class Silence(Frozen):
    """A silence, as in Alertmanager: alerts that match wait until it is over.

    `ended_at` is set when a person or a resolved alert ended it early. `until_resolved` ends it with the first of its
    incidents that resolves. An alert that its source calls critical is never silenced unless `even_critical` says so.
    """

    id: Id
    match: AlertMatch
    owner: Owner
    reason: Reason
    created_at: AwareDatetime
    expires_at: AwareDatetime
    until_resolved: bool = False
    even_critical: bool = False
    ended_at: AwareDatetime | None = None
    ended_by: str | None = None

    @model_validator(mode="after")
    def _lasts(self) -> Self:
        if not timedelta(0) < self.expires_at - self.created_at <= LONGEST:
            raise ValueError(f"a silence lasts up to {LONGEST.days} days; to silence alerts for longer, write a rule")
        return self

    def active(self, now: datetime) -> bool:
        """Return True from the silence's start until just before its end."""
        return self.created_at <= now < (self.ended_at or self.expires_at)

    def holds(self, alert: NormalizedAlert, now: datetime) -> bool:
        """Return True if the silence holds this alert now."""
        return self.active(now) and (alert.severity != "critical" or self.even_critical) and self.match.fits(alert)

    def hold(self, now: datetime) -> Hold:
        """Return the hold on an alert that comes in now."""
        until = self.expires_at
        reason = f"Silenced by {self.owner} (silence {self.id}): {self.reason}"
        seconds = seconds_until(until, now)
        return Hold(
            by="silence", id=self.id, reason=reason, until=until, seconds=seconds, until_resolved=self.until_resolved
        )


class Window(Frozen):
    """A maintenance window. Alerts that match either wait until it is over (`suppress`), or are bounded (`at_most`).

    An alert that waits and still fires when the window ends is treated as if it had just begun: nothing is lost.
    """

    id: Id
    reason: Reason
    owner: Owner
    when: Annotated[tuple[Schedule, ...], Field(min_length=1, max_length=50)]
    match: AlertMatch
    suppress: bool = False
    at_most: Bound | None = None
    even_critical: bool = False

    @model_validator(mode="after")
    def _does_one_thing(self) -> Self:
        if self.suppress == (self.at_most is not None):
            raise ValueError("say what it does: either `suppress: true`, or `at_most`")
        if self.even_critical and not self.suppress:
            raise ValueError("`even_critical` belongs to windows with `suppress: true` only; take it out")
        return self

    def on(self, now: datetime) -> bool:
        """Return True if one of the window's schedules is active."""
        return any(schedule.on(now) for schedule in self.when)

    def holds(self, alert: NormalizedAlert, now: datetime) -> bool:
        """Return True if the window is active and matches this alert."""
        return self.on(now) and self.match.fits(alert)

    def allows(self, severity: SourceSeverity) -> bool:
        """Return True if the window may hold an alert of this severity."""
        return severity != "critical" or self.even_critical

    def end(self, now: datetime) -> datetime:
        """Return the first moment at which none of the window's schedules is active any more."""
        ends = sorted({moment for schedule in self.when for moment in schedule.may_end(now, WINDOW_AT_MOST.days)})
        return next((moment for moment in ends if not self.on(moment)), now + WINDOW_AT_MOST)

    def hold(self, now: datetime) -> Hold:
        """Return the hold on an alert that comes in now."""
        until = self.end(now)
        reason = f"Maintenance by {self.owner} (window {self.id}): {self.reason}"
        return Hold(by="window", id=self.id, reason=reason, until=until, seconds=seconds_until(until, now))


@dataclass(frozen=True, slots=True)
class Holds:
    """The windows and silences that are known at a time."""

    windows: Sequence[Window] = ()
    silences: Sequence[Silence] = ()

    def hold_on(self, alert: NormalizedAlert, now: datetime) -> Hold | None:
        """Return the hold on an alert, the longest if there are several; None if nothing holds it."""
        holds = [silence.hold(now) for silence in self.silences if silence.holds(alert, now)]
        for window in self.windows:
            if window.suppress and window.allows(alert.severity) and window.holds(alert, now):
                holds.append(window.hold(now))
        return max(holds, key=lambda hold: hold.until, default=None)


def seconds_until(until: datetime, now: datetime) -> int:
    """Return the whole seconds until a time, at least one, so that no hold ends too early."""
    return max(1, ceil((until - now).total_seconds()))


def matched(silence: Silence) -> str:
    """Write what a silence matches, as `firstline silence add` takes it: `host=web-1 severity=low,medium`."""
    match = silence.match
    pairs = {name: getattr(match, name) for name in type(match).model_fields if name != "labels"}
    pairs |= {f"labels.{name}": values for name, values in match.labels.items()}
    return one_line(" ".join(f"{name}={','.join(map(str, values))}" for name, values in pairs.items() if values), 300)
