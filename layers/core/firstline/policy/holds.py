"""Silences and maintenance windows, which hold alerts for a time. People make silences; rules.yaml declares windows.

Each alert is judged by itself when it is accepted. So a silence for one host never hides another host's alert, although
both belong to one incident. A storm is held only if one silence or window holds all its alerts.
"""

import shlex
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
"""The longest time for a silence. To silence alerts for longer is a decision to be reviewed, and so a rule."""

WINDOW_AT_MOST = timedelta(days=31)
"""The longest hold of a window: its end is not searched for further ahead, and the window is judged again then."""


class Silence(Frozen):
    """A silence, as in Alertmanager: alerts that match are held until the silence is over.

    `ended_at` is set when a person or a resolved alert ended the silence early. `until_resolved` ends it when the first
    of its incidents resolves. Alerts that their source calls critical are silenced only if `even_critical` is true.
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
            raise ValueError(
                f"the silence does not end within {LONGEST.days} days after its start; end it earlier, or write a rule"
            )
        return self

    def active(self, now: datetime) -> bool:
        """Return True from the silence's start until just before its end."""
        return self.created_at <= now < (self.ended_at or self.expires_at)

    def holds(self, alert: NormalizedAlert, now: datetime) -> bool:
        """Return True if the silence holds this alert now."""
        return self.active(now) and (alert.severity != "critical" or self.even_critical) and self.match.fits(alert)

    def hold(self, now: datetime) -> Hold:
        """Return the hold of the silence on an alert that is accepted now."""
        until = self.expires_at
        reason = f"Silenced by {self.owner} (silence {self.id}): {self.reason}"
        seconds = seconds_until(until, now)
        return Hold(
            by="silence", id=self.id, reason=reason, until=until, seconds=seconds, until_resolved=self.until_resolved
        )


class Window(Frozen):
    """A maintenance window. Matching alerts are held until its end (`suppress`) or have at most the severity `at_most`.

    An alert that was held and still fires at the window's end is treated as if it had just begun.
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
            raise ValueError("a window needs either `suppress: true` or `at_most`; write one of them")
        if self.even_critical and not self.suppress:
            raise ValueError("`even_critical` needs `suppress: true`; write that, or take `even_critical` out")
        return self

    def on(self, now: datetime) -> bool:
        """Return True if one of the window's schedules is active at this time."""
        return any(schedule.on(now) for schedule in self.when)

    def holds(self, alert: NormalizedAlert, now: datetime) -> bool:
        """Return True if the window is active and matches this alert."""
        return self.on(now) and self.match.fits(alert)

    def allows(self, severity: SourceSeverity) -> bool:
        """Return True if the window may hold an alert of this severity: `critical` only with `even_critical`."""
        return severity != "critical" or self.even_critical

    def end(self, now: datetime) -> datetime:
        """Return the first time after now at which no schedule of the window is active, at most 31 days ahead."""
        ends = sorted({moment for schedule in self.when for moment in schedule.may_end(now, WINDOW_AT_MOST.days)})
        return next((moment for moment in ends if not self.on(moment)), now + WINDOW_AT_MOST)

    def hold(self, now: datetime) -> Hold:
        """Return the hold of this maintenance window on an alert that is accepted now; both end together."""
        until = self.end(now)
        reason = f"Maintenance by {self.owner} (window {self.id}): {self.reason}"
        return Hold(by="window", id=self.id, reason=reason, until=until, seconds=seconds_until(until, now))


@dataclass(frozen=True, slots=True)
class Holds:
    """All maintenance windows and silences, active or not, that may hold an alert."""

    windows: Sequence[Window] = ()
    silences: Sequence[Silence] = ()

    def hold_on(self, alert: NormalizedAlert, now: datetime) -> Hold | None:
        """Return the hold on the alert that ends last; None if no silence and no window holds it now."""
        holds = [silence.hold(now) for silence in self.silences if silence.holds(alert, now)]
        for window in self.windows:
            if window.suppress and window.allows(alert.severity) and window.holds(alert, now):
                holds.append(window.hold(now))
        return max(holds, key=lambda hold: hold.until, default=None)


def seconds_until(until: datetime, now: datetime) -> int:
    """Return the seconds until a time, rounded up to at least 1, so that no hold ends too early."""
    return max(1, ceil((until - now).total_seconds()))


def matched(silence: Silence) -> str:
    """Write a silence's conditions as `firstline silence add` takes them: `host='web-*' severity=low severity=high`."""
    match = silence.match
    pairs = {name: getattr(match, name) for name in type(match).model_fields if name != "labels"}
    pairs |= {f"labels.{name}": values for name, values in match.labels.items()}
    given = (f"{name}={shlex.quote(value)}" for name, values in pairs.items() for value in values)
    return one_line(" ".join(given), 300)
