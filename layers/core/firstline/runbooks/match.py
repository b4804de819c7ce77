"""Match of alerts and runbooks: only a runbook that fits an alert may be chosen for it, by a rule or by a model.

What an alert's rule measures decides, where its sender says so: people choose an alert's name freely, and an alarm that
is called `disk` may watch the processor. Names and messages decide about the other alerts, and about those whose rule
measures a recording rule (`job:errors:rate5m`), which is a name that people chose, too.
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
_NOT_NAME = re.compile(r"[\W_]+")
_NOT_PATTERN = re.compile(r"[^\w*?]+|_+")


def offered(catalogue: Catalogue, alert: NormalizedAlert) -> list[Runbook]:
    """Return the runbooks that fit an alert, best first: by metric, by its exact name, by a pattern, by words.

    Among equals the one that asks for more (longer pattern, labels, source) comes first, then the id decides.
    Runbooks that are switched off are left out.
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
    """Return True if the alert's metric, with its direction, or its name is one of the runbook's.

    Words of the message are only a hint: a message quotes logs, and anybody may have written what is in a log.
    """
    by_metric = [said.direction for said in alert.measured if any(rule.fits(said) for rule in runbook.match.metrics)]
    if any(by_metric):
        return True
    agrees = bool(by_metric) or _names_count(runbook, alert)
    return agrees and _name_score(runbook, _name_of(alert.alert_name)) > 0


def _metric_score(runbook: Runbook, alert: NormalizedAlert) -> int:
    """Score the metrics of an alert: one of them is the runbook's, the more the runbook asks for the better."""
    weights = (rule.weight for rule in runbook.match.metrics for said in alert.measured if rule.fits(said))
    return max((_MEASURED + weight for weight in weights), default=0)


def _names_count(runbook: Runbook, alert: NormalizedAlert) -> bool:
    """Return True if what is measured, where it is none of the runbook's metrics, contradicts no name."""
    return not (alert.measured and runbook.match.metrics) or any(":" in said.metric for said in alert.measured)


def _name_score(runbook: Runbook, name: str) -> int:
    """Score the name of an alert: it is one of the runbook's, or a pattern fits it, the longer the better."""
    patterns = runbook.match.alerts
    names, folded = _spellings(tuple(patterns))
    if name not in names and not fits(folded, name):  # nearly always
        return 0
    if any("*" not in pattern and _name_of(pattern) == name for pattern in patterns):
        return 2 * _NAMED
    # The text of a name fits the name, whatever signs it has; a name is folded without them.
    fitting = (
        _pattern_of(pattern) for pattern in patterns if _name_of(pattern) == name or fits([_pattern_of(pattern)], name)
    )
    return max(_NAMED + len(pattern) for pattern in fitting)


def _score(runbook: Runbook, alert: NormalizedAlert, name: str, message: str) -> int:
    rule = runbook.match
    if rule.sources and alert.source not in rule.sources:
        return 0
    labels = alert.labels
    if not all(key in labels and fits([wanted], labels[key]) for key, wanted in rule.labels.items()):
        return 0
    best = _metric_score(runbook, alert)
    if not best and _names_count(runbook, alert):
        best = _name_score(runbook, name) or any(phrase in message for phrase in _phrases(tuple(rule.words)))
    return best and best + 10 * len(rule.labels) + len(rule.sources)


def _words(text: str) -> str:
    """Put one space around each word, so that a phrase is found as whole words."""
    return f" {_NOT_WORD.sub(' ', fold(text)).strip()} "


# The names and phrases of runbooks stay the same; the caches have room for those of many hundred runbooks.
@lru_cache(maxsize=_CACHED)
def _phrases(words: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(map(_words, words))


@lru_cache(maxsize=_CACHED)
def _spellings(patterns: tuple[str, ...]) -> tuple[frozenset[str], tuple[str, ...]]:
    """Return a runbook's names as `_name_of` and as `_pattern_of` fold them."""
    return frozenset(map(_name_of, patterns)), tuple(map(_pattern_of, patterns))


@lru_cache(maxsize=_CACHED)
def _name_of(name: str) -> str:
    """Fold the spellings of one name: `HighMemory`, `high-memory`, `High memory`."""
    return _NOT_NAME.sub("", fold(name))


@lru_cache(maxsize=_CACHED)
def _pattern_of(pattern: str) -> str:
    return _NOT_PATTERN.sub("", fold(pattern))
