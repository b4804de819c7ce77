"""The plot of the metric that an alarm watches, with its threshold, drawn by `chart.html`. Pure."""

from datetime import timedelta, tzinfo

from firstline.console.charts import Bar, Chart, Mark, Series
from firstline.models import MetricSeries
from firstline.text import one_line

WIDTH, HEIGHT = 640, 120
_LEFT, _RIGHT, _TOP, _BOTTOM = 56, 4, 8, 22


def metric_chart(series: MetricSeries, zone: tzinfo) -> Chart:
    """Draw one bar for each period, and a line at the threshold.

    Bars stand on zero, so that a small change of a large value looks small.
    """
    values, threshold = series.values, series.threshold
    marked = [*values, 0.0, *([threshold] if threshold is not None else [])]
    low, high = min(marked), max(marked)
    reach = (high - low) or 1.0
    tall, step = HEIGHT - _TOP - _BOTTOM, (WIDTH - _LEFT - _RIGHT) / len(values)

    def y(value: float) -> float:
        return round(_TOP + tall * (high - value) / reach, 1)

    period = timedelta(seconds=series.period_seconds)
    begins = [series.ends_at - period * (len(values) - place) for place in range(len(values))]
    times = [f"{begin.astimezone(zone):%H:%M}" for begin in begins]
    bars = [
        Bar(
            x=_LEFT + place * step + step * 0.1,
            y=min(y(value), y(0)),
            width=step * 0.8,
            height=max(1.0, abs(y(value) - y(0))),
            tone="main",
            title=f"{times[place]}: {value:.4g}",
        )
        for place, value in enumerate(values)
    ]
    shown = {low, 0.0, high, *([threshold] if threshold is not None else [])}
    lines = [Mark(_LEFT - 6, y(value), f"{value:.4g}") for value in sorted(shown)]
    marks = [Mark(round(_LEFT + (place + 0.5) * step, 1), HEIGHT - 6, times[place]) for place in {0, len(values) - 1}]
    label = one_line(series.label, 200)
    rows = [[time, f"{value:.4g}"] for time, value in zip(times, values, strict=True)]
    return Chart(
        title=label,
        series=[Series(label, "main", [])],
        bars=bars,
        marks=marks,
        lines=lines,
        columns=["", label],
        rows=rows,
        height=HEIGHT,
        left=_LEFT,
    )
