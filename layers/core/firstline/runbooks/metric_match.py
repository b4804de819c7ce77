"""Match of a runbook by metric: the metric that an alert's rule compares with a threshold, and in which direction."""

from functools import lru_cache
from typing import Annotated, Self

from pydantic import Field, StringConstraints, model_validator

from firstline.models import Direction, Frozen, Measured
from firstline.policy.pattern import fits

type MetricPattern = Annotated[str, StringConstraints(min_length=1, max_length=256)]


@lru_cache(maxsize=32_768)
def _fits(pattern: str, text: str) -> bool:
    """Return True if a pattern fits a text. The result is cached: every alert is compared with every runbook."""
    return fits([pattern], text)


class MetricMatch(Frozen):
    """A metric that a runbook is for. The metric of an alert must meet `metric` and every other condition given.

    `metric` and `namespace` (CloudWatch's) are patterns: `*` stands for any text and `?` for one character. `direction`
    is above, below or absent (no data arrives); without it above and below fit. `where` maps a label to a pattern for
    the value that the alert's rule selects, as in `{mode: idle}`; a value that the alert's rule excludes begins with
    `!`, as in `{mode: "!idle"}`.
    """

    metric: MetricPattern
    namespace: MetricPattern | None = None
    direction: Direction | None = None
    where: dict[str, MetricPattern] = Field(default={})

    @model_validator(mode="after")
    def _names_something(self) -> Self:
        if self.direction != "absent" and not self.metric.strip("*? "):
            raise ValueError(f"{self.metric!r} would fit every metric; name the metrics that this runbook is for")
        return self

    @property
    def weight(self) -> int:
        """The score of this match, higher for more conditions, and among equals for a longer `metric`.

        A `metric` without `*` counts as one more condition.
        """
        asked = len(self.where) + (self.namespace is not None) + (self.direction is not None) + ("*" not in self.metric)
        return 100 * asked + len(self.metric)

    def fits(self, measured: Measured) -> bool:
        """Return True if a measured metric meets the conditions.

        A measured metric without a direction is from a sender that does not know the alert's rule. Then a label that is
        not measured counts as met, and so does every `direction` but "absent" (the rule alarms if no data comes).
        """
        if not _fits(self.metric, measured.metric):  # nearly always
            return False
        return (
            (self.namespace is None or _fits(self.namespace, measured.namespace or ""))
            and self._fits_direction(measured.direction)
            and (measured.direction is None or all(label in measured.where for label in self.where))
            and all(_fits(self.where[label], measured.where[label]) for label in self.where if label in measured.where)
        )

    def _fits_direction(self, direction: Direction | None) -> bool:
        if direction is None or self.direction is None:
            return "absent" not in (direction, self.direction)
        return direction == self.direction
