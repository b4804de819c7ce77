"""Match of alerts and runbooks: rules and models may choose only a runbook that fits the alert.

If the sender reports the metric of the alert's rule, the metric decides: people choose an alert's name freely, and an
alarm that is called `disk` may watch the processor. The alert's name and message decide if the sender reports no
metric, or if the metric is a recording rule (`job:errors:rate5m`), whose name people chose as well.
"""

import re
from functools import lru_cache

from firstline.models import NormalizedAlert
from firstline.policy.pattern import fits, fold
from firstline.runbooks.catalogue import Catalogue
from firstline.runbooks.model import Runbook

_MEASURED = 10_000
_NAMED = 1_000
_CACHED = 32_768
_NOT_WORD = re.compile(r"[\W_]+")
_NOT_PATTERN = re.compile(r"[^\w*?]+|_+")


def offered(catalogue: Catalogue, alert: NormalizedAlert) -> list[Runbook]:
    """Return the runbooks that fit an alert, best first, without runbooks that are switched off.

    Runbooks that fit by metric come first, then those by exact name, by a pattern of the name, and by words. Among
    equals the runbook with more conditions (longer pattern, labels, sources) comes first, then the id decides.
    """
    name = _name_of(alert.alert_name)
    message = _words(alert.message)
    ranked = [
        (-score, runbook.id, runbook)
        for runbook in catalogue.values()
        if not runbook.is_off and (score := _score(runbook, alert, name, message))
    ]
    return [runbook for _, _, runbook in sorted(ranked, key=lambda entry: entry[:2])]


def named(runbook: Runbook, alert: NormalizedAlert) -> bool:
    """Return True if the alert's metric is one of the runbook's, or if its name is one and no metric speaks against it.

    The metric alone is enough only if the sender reports its direction (such as above). A name does not count if alert
    and runbook both have metrics and none of them fits, unless the alert measures a recording rule. Words of the
    alert's message do not count: the message may quote logs, into which anybody may have written.
    """
    by_metric = [said.direction for said in alert.measured if any(rule.fits(said) for rule in runbook.match.metrics)]
    if any(by_metric):
        return True
    agrees = bool(by_metric) or _names_count(runbook, alert)
    return agrees and _name_score(runbook, _name_of(alert.alert_name)) > 0


def _metric_score(runbook: Runbook, alert: NormalizedAlert) -> int:
    """Return a score above 0 if the runbook's `match` names a metric of the alert, else 0.

    A metric for which the runbook gives more conditions, such as labels and a direction, scores higher.
    """
    if not alert.measured:
        return 0
    weights = (rule.weight for rule in runbook.match.metrics for said in alert.measured if rule.fits(said))
    return max((_MEASURED + weight for weight in weights), default=0)


def _names_count(runbook: Runbook, alert: NormalizedAlert) -> bool:
    """Return True if the alert's name may decide on a match, given that no metric of the alert is one of the runbook's.

    The name may decide if the alert or the runbook has no metrics, or if the alert measures a recording rule.
    """
    return not (alert.measured and runbook.match.metrics) or any(":" in said.metric for said in alert.measured)


def _name_score(runbook: Runbook, name: str) -> int:
    """Return a score above 0 if one of the alert names in the runbook fits an alert's name, and 0 if none does.

    `name` is the alert's name as `_name_of` returns it. An exact name scores highest, and a longer pattern (`disk*`)
    scores higher than a shorter one.
    """
    patterns = runbook.match.alerts
    names, folded = _spellings(tuple(patterns))
    if name not in names and not fits(folded, name):  # nearly always
        return 0
    if any("*" not in pattern and _name_of(pattern) == name for pattern in patterns):
        return 2 * _NAMED
    # An alert's own name, copied into the runbook, must fit even if it contains `*` or `?`: `_name_of` drops both.
    fitting = (
        _pattern_of(pattern) for pattern in patterns if _name_of(pattern) == name or fits([_pattern_of(pattern)], name)
    )
    return max(_NAMED + len(pattern) for pattern in fitting)


def _score(runbook: Runbook, alert: NormalizedAlert, name: str, message: str) -> int:
    rule = runbook.match
    if rule.sources and alert.source not in rule.sources:
        return 0
    labels = alert.labels
    if rule.labels and not all(key in labels and fits([wanted], labels[key]) for key, wanted in rule.labels.items()):
        return 0
    best = _metric_score(runbook, alert)
    if not best and _names_count(runbook, alert):
        best = _name_score(runbook, name) or any(phrase in message for phrase in _phrases(tuple(rule.words)))
    return best and best + 10 * len(rule.labels) + len(rule.sources)


def _words(text: str) -> str:
    """Return a text's words in lower case, with one space around each, so that a phrase is found only as whole words.

    `Disk-Full!` gives ` disk full `.
    """
    return f" {_NOT_WORD.sub(' ', fold(text)).strip()} "


# The names and phrases of runbooks rarely change; the caches have room for those of many hundred runbooks.
@lru_cache(maxsize=_CACHED)
def _phrases(words: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(map(_words, words))


@lru_cache(maxsize=_CACHED)
def _spellings(patterns: tuple[str, ...]) -> tuple[frozenset[str], tuple[str, ...]]:
    """Return the alert names in a runbook in two forms: to compare for equality (`_name_of`), and as patterns.

    `Disk-*` gives `disk` and the pattern `disk*`.
    """
    return frozenset(map(_name_of, patterns)), tuple(map(_pattern_of, patterns))


@lru_cache(maxsize=_CACHED)
def _name_of(name: str) -> str:
    """Return the same text for all spellings of a name, such as `HighMemory`, `high-memory` and `High memory`."""
    return _NOT_WORD.sub("", fold(name))


@lru_cache(maxsize=_CACHED)
def _pattern_of(pattern: str) -> str:
    return _NOT_PATTERN.sub("", fold(pattern))
