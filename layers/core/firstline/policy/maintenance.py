"""Maintenance windows: times, declared beforehand, in which certain alerts are expected."""

from datetime import datetime
from typing import Annotated, Literal, Self

from pydantic import Field, StringConstraints, model_validator

from firstline.models import Frozen, NormalizedAlert, SourceSeverity
from firstline.policy.match import AlertMatch
from firstline.policy.schedule import Schedule

type Bound = Literal["critical", "high", "medium", "low"]
type Id = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9-]{0,63}$")]
type Reason = Annotated[str, StringConstraints(min_length=1, max_length=500, strip_whitespace=True)]
type Owner = Annotated[str, StringConstraints(min_length=1, max_length=100, strip_whitespace=True)]


class Window(Frozen):
    """Somebody works on something. What matches either waits until it is over (`suppress`), or is bounded.

    What waits and still fires when the window ends is treated as if it had just begun: nothing is lost in it.
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

    def holds(self, alert: NormalizedAlert, now: datetime) -> bool:
        """Whether it is on, and about this alert."""
        return any(schedule.on(now) for schedule in self.when) and self.match.fits(alert)

    def allows(self, severity: SourceSeverity) -> bool:
        """Whether it may keep back an alert that its source calls so."""
        return severity != "critical" or self.even_critical
