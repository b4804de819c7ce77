"""The metrics that an alert's rule compares, read from an expression in a link, a query or the metric's own name.

People choose an alert's name, labels and message freely, so only the rule says reliably which metric is compared.
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
"""The largest number of metrics that are kept of one alert, and of label matchers of one metric."""

_LONGEST_MATCHER = 64

_LONGEST_LINK = 16_000
_DATADOG_METRIC = re.compile(
    r"(?<![\w.])(?:(?:avg|sum|min|max|count|p\d\d):)?([A-Za-z][\w.]*)\{[^{}]*\}(?:\s*by\s*\{[^{}]*\})?"
)
_DATADOG_WINDOW = re.compile(r"^\s*[a-z_]+\([^()]*\)\s*:")
_DATADOG_FUNCTION = re.compile(r"\.(?:as_count|as_rate|rollup|fill|weighted)\([^()]*\)")


def of_rule(generator_url: Any, labels: Mapping[str, Any]) -> list[Measured]:
    """Return the metrics that a Prometheus rule compares, from the link with the rule's expression (`generatorURL`).

    If the link holds no metric, the label `__name__` counts, in which Grafana keeps a metric's name.
    """
    found = _of_link(generator_url) if type(generator_url) is str else ()
    metric = None if found else values.exact(labels.get("__name__"))
    return [Measured(metric=metric)] if metric else list(found)


def of_datadog(query: str | None) -> list[Measured]:
    """Return the metrics in a Datadog monitor's query: `avg(last_5m):avg:system.disk.in_use{*} by {host} > 0.9`."""
    return list(_of_query(query)) if query else []


def bounded(terms: Iterable[Term]) -> tuple[Measured, ...]:
    """Return the metrics that an expression's terms name, at most `MOST`; skip names too long or unprintable."""
    found = (
        Measured(metric=metric, direction=term.direction, where=_printable(term.where))
        for term in terms
        if (metric := values.exact(term.metric))
    )
    return tuple(measured for measured, _ in zip(found, range(MOST), strict=False))


@lru_cache(maxsize=512)
def _of_link(url: str) -> tuple[Measured, ...]:
    """Return the metrics of the expression in a link, `…/graph?g0.expr=…` as Prometheus writes it or `…?expr=…`.

    Results are cached, because Alertmanager sends the alerts of a group again and again.
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
