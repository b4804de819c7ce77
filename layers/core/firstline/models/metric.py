"""The metric that an alarm watches, around the moment when it fired."""

from typing import Annotated

from pydantic import AwareDatetime, Field

from firstline.models.frozen import Frozen, Text


class MetricSeries(Frozen):
    """A metric around the moment when its alarm fired: one value for each period, oldest first.

    `ends_at` is the end of the last period. `label` names the metric and its statistic. `threshold` is the value that
    the alarm compares with; None if the alarm has no fixed threshold.
    """

    label: Text
    period_seconds: int = Field(ge=1)
    values: list[Annotated[float, Field(allow_inf_nan=False)]] = Field(min_length=1, max_length=60)
    ends_at: AwareDatetime
    threshold: Annotated[float, Field(allow_inf_nan=False)] | None = None
