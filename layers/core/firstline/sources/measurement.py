"""The metrics of an alert's rule, from the rule itself: an expression in a link, a query, a metric's own name.

An alert's name, labels and message are chosen by people; only the rule says which metric is compared.
"""

import re
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any
from urllib.parse import parse_qs, urlsplit

from firstline.models import Measured
from firstline.sources import values
from firstline.sources.expression import LONGEST, Term, terms_of

MOST = 8
"""The number of metrics of one alert that are kept, and of label matchers of one metric."""

_LONGEST_MATCHER = 64

_LONGEST_LINK = 16_000
_DATADOG_METRIC = re.compile(
    r"(?<![\w.])(?:(?:avg|sum|min|max|count|p\d\d):)?([A-Za-z][\w.]*)\{[^{}]*\}(?:\s*by\s*\{[^{}]*\})?"
)
_DATADOG_WINDOW = re.compile(r"^\s*[a-z_]+\([^()]*\)\s*:")
_DATADOG_FUNCTION = re.compile(r"\.(?:as_count|as_rate|rollup|fill|weighted)\([^()]*\)")


def of_rule(generator_url: Any, labels: Mapping[str, Any]) -> list[Measured]:
    """Return the metrics of a Prometheus rule, from the link that Prometheus makes of its expression.

    If there is none, the metric's own name counts, which Grafana keeps in the label `__name__`.
    """
    found = _of_link(generator_url) if type(generator_url) is str else ()
    metric = None if found else values.exact(labels.get("__name__"))
    return [Measured(metric=metric)] if metric else list(found)


def of_datadog(query: str | None) -> list[Measured]:
    """Return the metrics of a Datadog monitor's query, `avg(last_5m):avg:system.disk.in_use{*} by {host} > 0.9`."""
    return list(_of_query(query)) if query else []


def bounded(terms: Iterable[Term]) -> tuple[Measured, ...]:
    """Return the first few metrics of an expression. What cannot be a name is left out."""
    found = (
        Measured(metric=metric, direction=term.direction, where=_printable(term.where))
        for term in terms
        if (metric := values.exact(term.metric))
    )
    return tuple(measured for measured, _ in zip(found, range(MOST), strict=False))


@lru_cache(maxsize=512)
def _of_link(url: str) -> tuple[Measured, ...]:
    """Read `…/graph?g0.expr=…`, which Prometheus writes, and `…?expr=…`.

    Remembered, as Alertmanager sends the alerts of a group again and again.
    """
    if len(url) > _LONGEST_LINK:
        return ()
    try:
        asked = parse_qs(urlsplit(url).query, max_num_fields=50)
    except ValueError:
        return ()
    expressions = asked.get("g0.expr") or asked.get("expr") or ()
    return bounded(terms_of(expressions[0])) if expressions else ()


@lru_cache(maxsize=512)
def _of_query(query: str) -> tuple[Measured, ...]:
    if len(query) > LONGEST:
        return ()
    without_window = _DATADOG_WINDOW.sub("", query, count=1)
    return bounded(terms_of(_DATADOG_FUNCTION.sub("", _DATADOG_METRIC.sub(r"\1", without_window))))


def _printable(where: tuple[tuple[str, str], ...]) -> dict[str, str]:
    longest = _LONGEST_MATCHER
    pairs = ((values.name(label, longest), values.name(value, longest)) for label, value in where[:MOST])
    return {label: value for label, value in pairs if label and value}
