"""The lines in which people read the evidence around an alarm, in every channel and in the console. Pure.

They are the same whether the evidence was read before the first verdict or, for an alert that pages, after the page.
"""

from collections.abc import Iterator

from firstline.classification import owner_tags, vital_signs
from firstline.classification.resource_evidence import Cause
from firstline.models import AlarmEvidence, ErrorLog, Evidence, MetricSeries
from firstline.privacy.safe_text import safe_line

MAX_LINES = 8
MAX_LINE_CHARS = 300
MAX_ERRORS = 3

_BARS = "▁▂▃▄▅▆▇█"


def evidence_lines(seen: Evidence | AlarmEvidence, cause: Cause | None, *, well: bool = False) -> list[str]:
    """Return the evidence in at most `MAX_LINES` redacted lines, the most important first.

    Parameters
    ----------
    cause
        The cause that was found, if any: the metrics that it cites come first.
    well
        True if the resource shows no fault now.
    """
    return [safe_line(line, MAX_LINE_CHARS) for line in _lines(seen, cause, well=well)][:MAX_LINES]


def _lines(seen: Evidence | AlarmEvidence, cause: Cause | None, *, well: bool) -> Iterator[str]:
    told = vital_signs.lines(seen, first=cause.metrics if cause else ())
    yield from told
    if told and well:
        state = seen.resource is not None and (seen.resource.state or seen.resource.facts)
        yield f"Its metrics{' and its state' if state else ''} show no fault now."
    if seen.log is not None:
        yield from _errors(seen.log)
    if tags := owner_tags.in_words(seen.tags):
        yield tags


def _errors(log: ErrorLog) -> Iterator[str]:
    """Yield the most frequent error lines: `41 times since 02:11 CET in /aws/lambda/pay: key error <value>`."""
    if log.unread is not None:
        yield f"The log {log.group} could not be searched: {log.unread}"
    for line in log.lines[:MAX_ERRORS]:
        times = "once" if line.times == 1 else f"{line.times} times"
        least = "" if log.complete else "at least "
        since = "at" if line.times == 1 and log.complete else "since"
        yield f"{least}{times} {since} {line.first_at:%H:%M %Z} in {log.group}: {line.shape}"


def plot_line(series: MetricSeries) -> str:
    """Draw the alarm's metric in a line of text: `▁▁▂▇█ 3 to 97, within 25 min up to the alarm: CPUUtilization, …`."""
    low, high = min(series.values), max(series.values)
    reach = high - low
    bars = "".join(_BARS[round((value - low) / reach * (len(_BARS) - 1)) if reach else 0] for value in series.values)
    first, last = series.values[0], series.values[-1]
    behind = series.behind_seconds
    until = f"{_span(behind)} before the alarm, none since" if behind > 2 * series.period_seconds else "the alarm"
    span = _span(series.period_seconds * len(series.values))
    return f"{bars} {first:.4g} to {last:.4g}, within {span} up to {until}: {series.label}"


def _span(seconds: int) -> str:
    minutes = max(1, round(seconds / 60))
    return f"{minutes} min" if minutes < 120 else f"{round(minutes / 60)} h"
