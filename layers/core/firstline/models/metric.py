"""The metric that an alarm watches, around the moment when it fired."""

from typing import Annotated

from pydantic import AwareDatetime, Field

from firstline.models.frozen import Frozen, Text


class MetricSeries(Frozen):
    """A metric around the moment when its alarm fired: one value for each period, oldest first.

    `ends_at` is the end of the last period. `label` names the metric and its statistic. `threshold` is the value that
    the alarm compares with; None if the alarm has no fixed threshold. `behind_seconds` is the time from `ends_at` to
    the alarm, 0 if the alarm came first.
    """

    label: Text
    period_seconds: int = Field(ge=1)
    values: list[Annotated[float, Field(allow_inf_nan=False)]] = Field(min_length=1, max_length=60)
    ends_at: AwareDatetime
    behind_seconds: int = Field(default=0, ge=0)
    threshold: Annotated[float, Field(allow_inf_nan=False)] | None = None
