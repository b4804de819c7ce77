"""Silences: somebody says that certain alerts shall disturb nobody for a while, and why. Alertmanager's idea."""

from datetime import datetime, timedelta
from typing import Annotated, Self

from pydantic import AwareDatetime, StringConstraints, model_validator

from firstline.models import Frozen, NormalizedAlert
from firstline.policy.maintenance import Owner, Reason
from firstline.policy.match import AlertMatch

LONGEST = timedelta(days=30)
"""What is silent for longer is a decision that should be reviewed: a rule."""


class Silence(Frozen):
    """What matches waits until it is over. `ended_at` is when somebody, or a resolve, ended it before its time.

    `until_resolved` ends it with the first of its incidents that resolves. What the source calls critical is never
    silenced unless `even_critical` says so.
    """

    id: Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9-]{0,63}$")]
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
            raise ValueError(f"a silence lasts up to {LONGEST.days} days; what shall stay silent for longer is a rule")
        return self

    def active(self, now: datetime) -> bool:
        """Whether it is on: from its first moment to the last before its end."""
        return self.created_at <= now < (self.ended_at or self.expires_at)

    def holds(self, alert: NormalizedAlert, now: datetime) -> bool:
        """Whether it keeps this alert back at this moment."""
        return self.active(now) and (alert.severity != "critical" or self.even_critical) and self.match.fits(alert)
