"""The metrics that a CloudWatch alarm compares: one metric, a metric math expression, or a Metrics Insights query.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/using-metric-math.html
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from firstline.models import Direction, Measured
from firstline.sources import values
from firstline.sources.expression import OPPOSITE, Term, terms_of
from firstline.sources.measurement import MOST

_COMPARISONS: dict[str, Direction] = {
    "GreaterThanOrEqualToThreshold": "above",
    "GreaterThanThreshold": "above",
    "GreaterThanUpperThreshold": "above",
    "LessThanThreshold": "below",
    "LessThanOrEqualToThreshold": "below",
    "LessThanLowerThreshold": "below",
}
# CloudWatch's own text: "Threshold Crossed: 1 datapoint [99.5 (…)] was greater than the threshold (50.0)."
_CROSSED = re.compile(r"Threshold Crossed: .{0,2000}?\b(greater|less) than (?:or equal to )?the ", re.DOTALL)
_MISSING = re.compile(r"missing datapoints? (?:was|were) treated as \[?Breaching", re.IGNORECASE)
# Each part is read once, however long: nothing that repeats overlaps with what follows it.
_INSIGHTS = re.compile(
    r"\s*+SELECT\s++(\w++)\s*+\(\s*+(?:\"([^\"]++)\"|([\w.%/-]++))\s*+\)"
    r"\s++FROM\s++(?:SCHEMA\s*+\(\s*+)?(?:\"([^\"]++)\"|([\w./#:-]++))",
    re.IGNORECASE,
)
_SEARCH = re.compile(r"SEARCH\(\s*+'\s*+\{\s*+\"?([^,}\"]++)\"?[^}]*+\}([^']*+)'", re.IGNORECASE)
_METRIC_NAME = re.compile(r"\bMetricName\s*=\s*\"?([\w.%/-]+)", re.IGNORECASE)
_LONGEST_EXPRESSION = 2_048
_MOST_QUERIES = 50


@dataclass(frozen=True, slots=True)
class Query:
    """One entry of an alarm's list of metrics: a metric, or an expression over other entries.

    `returns` is true if the alarm compares this entry's value with the threshold.
    """

    id: str
    metric: Measured | None = None
    expression: str | None = None
    returns: bool = True


def of_alarm(queries: list[Query], comparison: Any, reason: Any) -> list[Measured]:
    """Return the metrics that an alarm compares, each with the direction in which it alarms.

    The direction comes from the alarm's comparison, or from the reason of the state change if there is no comparison.
    """
    direction = _direction(comparison, reason)
    table = {query.id: query for query in queries[:_MOST_QUERIES]}
    roots = [query for query in table.values() if query.returns] or list(table.values())
    waiting = [(root, direction) for root in roots]
    found: list[Measured] = []
    # An expression is followed once for each direction, so expressions that name each other come to an end.
    followed: set[tuple[str, Direction | None]] = set()
    for entry, alarms in waiting:
        if (entry.id, alarms) in followed:
            continue
        followed.add((entry.id, alarms))
        if entry.metric is not None:
            found.append(entry.metric.model_copy(update={"direction": _of_statistic(entry.metric.statistic, alarms)}))
        elif (selected := _selected(entry.expression or "")) is not None:
            found.append(selected.model_copy(update={"direction": alarms}))
        else:
            terms = _terms(entry.expression or "", table)
            waiting += [(table[term.metric], _of_term(term, alarms)) for term in terms]
    return [measured for at, measured in enumerate(found) if measured not in found[:at]][:MOST]


def query(entry: Mapping[str, Any]) -> Query | None:
    """Read an entry of `Trigger.Metrics` (SNS) or `configuration.metrics` (EventBridge); None if it is unreadable."""
    fields = {key[:1].lower() + key[1:]: value for key, value in entry.items()}
    stat = fields.get("metricStat")
    metric = _metric(stat) if type(stat) is dict else None
    expression = fields.get("expression")
    if metric is None and type(expression) is not str:
        return None
    text = expression[:_LONGEST_EXPRESSION] if type(expression) is str else None
    return Query(values.name(fields.get("id")) or "", metric, text, fields.get("returnData") is not False)


def single(trigger: Mapping[str, Any]) -> Query | None:
    """Read the metric of an SNS alarm with only one metric, which is at the top of `Trigger`; None if it has none."""
    metric = values.exact(trigger.get("MetricName"))
    statistic = values.name(trigger.get("ExtendedStatistic") or trigger.get("Statistic"))
    if metric is None:
        return None
    return Query("", Measured(metric=metric, namespace=values.exact(trigger.get("Namespace")), statistic=statistic))


def _metric(stat: dict[str, Any]) -> Measured | None:
    fields = {key[:1].lower() + key[1:]: value for key, value in stat.items()}
    metric = fields.get("metric")
    if type(metric) is not dict:
        return None
    name = values.exact(metric.get("MetricName") or metric.get("name"))
    namespace = values.exact(metric.get("Namespace") or metric.get("namespace"))
    return Measured(metric=name, namespace=namespace, statistic=values.name(fields.get("stat"))) if name else None


def _direction(comparison: Any, reason: Any) -> Direction | None:
    said = reason if type(reason) is str else ""
    if _MISSING.search(said[:4_000]):
        return "absent"
    if type(comparison) is str and comparison:
        return _COMPARISONS.get(comparison)
    crossed = _CROSSED.match(said)
    return None if crossed is None else "above" if crossed[1] == "greater" else "below"


def _selected(expression: str) -> Measured | None:
    """Return the metric of a Metrics Insights query or of a SEARCH expression; None for any other expression."""
    if insights := _INSIGHTS.match(expression):
        metric, namespace = values.exact(insights[2] or insights[3]), values.exact(insights[4] or insights[5])
        return Measured(metric=metric, namespace=namespace, statistic=insights[1].capitalize()) if metric else None
    search = _SEARCH.search(expression)
    name = _METRIC_NAME.search(search[2]) if search else None
    return Measured(metric=name[1], namespace=values.exact(search[1].strip())) if search and name else None


def _terms(expression: str, table: Mapping[str, Query]) -> list[Term]:
    """Return the entries of `table` whose ids an expression such as `m1 / m2` uses; `METRICS()` uses all metrics.

    Each term has an entry's id in place of a metric. Of an expression that cannot be parsed, every id that occurs in
    its text counts.
    """
    if "METRICS(" in expression.upper():
        return [Term(query.id) for query in table.values() if query.metric is not None]
    found = [term for term in terms_of(expression) if term.metric in table]
    return found or [Term(name) for name in table if re.search(rf"\b{re.escape(name)}\b", expression)]


def _of_statistic(statistic: str | None, direction: Direction | None) -> Direction | None:
    """Return in which direction a metric alarms, given in which `direction` its statistic alarms (such as Average).

    Only for SampleCount, the number of data points, the result is another: an alarm on a low count means that data is
    absent, and one on a high count says nothing about the metric (None).
    """
    if (statistic or "").casefold() != "samplecount":
        return direction
    return "absent" if direction in ("below", "absent") else None


def _of_term(term: Term, direction: Direction | None) -> Direction | None:
    # `m1 > 80`, within an expression, says the direction itself.
    if direction == "absent" or term.direction is None:
        return direction if direction is None or term.rises else OPPOSITE[direction]
    return term.direction
