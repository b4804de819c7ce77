"""The likeness of incidents of other groups to an alert, by their shared words. Pure.

The candidates come from two bounded reads (`adapters/dynamodb/evidence.py`): the same alert name, the same service.
Their templates (texts with numbers, hosts and names masked) are compared word by word, with rapidfuzz for words that
are nearly the same. Words that tell much about the trouble weigh more than words that stand in every alert.

The numbers were chosen by hand and checked against labelled incidents; docs/evals.md has the figures.
"""

import re
from collections.abc import Iterable, Mapping
from datetime import datetime
from functools import lru_cache

from firstline.classification.history import MEMORY
from firstline.classification.templates import template_of, words_of
from firstline.models import EarlierIncident, NormalizedAlert, SimilarIncident

MAX_SIMILAR = 5
SIMILAR_FROM = 0.35
"""The least likeness (0 to 1) at which an incident counts as similar."""

OTHER_SERVICE = 0.5
"""The factor for alerts of different services, where the same words are often a different trouble."""

_NEARLY = 84.0
"""The least rapidfuzz ratio (0 to 100) of two words that count as the same, like `certificate` and `certificates`."""
_NEARLY_FROM_CHARS = 5

_SAYS_LITTLE, _SAYS_MUCH = 0.2, 2.0


def _words_of_rows(*rows: str) -> frozenset[str]:
    return frozenset(word for row in rows for word in row.split())


_LITTLE = _words_of_rows(
    "high low too usage used use rate count number total average value current limit above below over under exceeded",
    "exceeds percent percentage last minutes minute seconds second hours days since least about almost nearly soon",
    "running runs run instance instances host hosts server node nodes pod container namespace service process system",
    "cluster prod production api request requests",
)
_NOTHING = _words_of_rows(
    "a an the is are was were be been being has have had do does did will would can could may might must should",
    "it its this that these those there of in on at to for from by with within and or but if as not no only more most",
    "out up one any all some other into per via between during while when which who",
    "threshold crossed greater less than equal alert alarm alerts monitor triggered warning critical firing fired",
    "detected reported status state datapoint datapoints",
)
_TROUBLES: tuple[str, ...] = (
    "disk filesystem volume storage space drive spool",
    "inodes inode",
    "memory maxmemory ram heap mem oom swapping swap evicts evicted",
    "cpu load processor",
    "latency slow duration percentile long longer late",
    "error errors 5xx exception exceptions raised",
    "down unreachable unavailable offline dead gone refused answer reach",
    "certificate cert certs tls ssl x509",
    "restart restarts restarting restarted crash crashing crashed crashes looping loop",
    "lag lags behind delayed backlog queue deferred",
    "connection connections conn slots",
    "replica replicas replication replicated standby",
    "login logins signin sign password",
    "clock ntp synchronised synchronising synchronized skew drift",
    "throttle throttled throttling throttles",
    "timeout timeouts",
    "dns resolve resolves resolver resolution",
    "deadlock deadlocks",
    "deadletter",
    "backup backups dump",
    "blocklist blocklisted blacklisted",
)
"""The kinds of trouble, one in each row, with the words that different tools use for it."""

_ALIKE: tuple[str, ...] = (
    "full fill fills filling exhausted saturated",
    "fail fails failed failing failure failures",
    "expires expired expire expiry expiring valid",
    "database postgres postgresql mysql mariadb rds db",
    "mail mails email postfix smtp",
    "message messages letters",
    "query queries statement statements",
)
_CONCEPTS = {word: row.split()[0] for row in (*_TROUBLES, *_ALIKE) for word in row.split()}
"""The first word of each row above, by every word of the row: it replaces them all."""

_TROUBLE_CONCEPTS = frozenset(row.split()[0] for row in _TROUBLES)
_OTHER_TROUBLE = 0.6
"""The factor for two alerts that name different troubles and share none."""

_PHRASES = tuple(
    (re.compile(rf"(?<!\S){pattern}(?!\S)"), replacement)
    for pattern, replacement in (
        (r"time out|times out|timed out", "timeout"),
        (r"response time", "latency"),
        (r"dead locks?", "deadlock"),
        (r"dead letters?", "deadletter"),
        (r"dlq", "deadletter"),
        (r"no longer", "gone"),
        (r"read only", "readonly"),
        (r"(?:no|free) space(?: left)?", "disk full"),
        (r"out of memory|memory pressure", "memory full"),
        (r"small files", "inodes"),
    )
)


def most_similar(
    alert: NormalizedAlert,
    candidates: Iterable[EarlierIncident],
    *,
    group_key: str,
    now: datetime,
) -> list[SimilarIncident]:
    """Return the candidates that read like the alert, best first, at most `MAX_SIMILAR`.

    Only the best candidate of each group is returned. Of equally good ones, the newer comes first.

    Parameters
    ----------
    group_key
        The incident's own group, whose incidents are left out.
    """
    ours = template_of(alert)
    scored: list[SimilarIncident] = []
    for earlier in candidates:
        if earlier.template and earlier.group_key != group_key and now - earlier.closed_at <= MEMORY:
            score = likeness(ours, alert.service, earlier.template, earlier.service)
            if score >= SIMILAR_FROM:
                scored.append(SimilarIncident(incident=earlier, score=round(score, 2)))
    best: dict[str, SimilarIncident] = {}
    for similar in sorted(scored, key=lambda similar: (similar.score, similar.incident.closed_at), reverse=True):
        best.setdefault(similar.incident.group_key or similar.incident.incident_id, similar)
    return list(best.values())[:MAX_SIMILAR]


def likeness(template: str, service: str | None, other: str, other_service: str | None) -> float:
    """Return how alike two alerts are, from 0 to 1 (the same), by their templates (masked texts) and services.

    `template` and `service` are one alert's, `other` and `other_service` the other alert's. Two different services make
    them less alike; None, an unknown service, does not.
    """
    elsewhere = service is not None and other_service is not None and service.casefold() != other_service.casefold()
    share = OTHER_SERVICE if elsewhere else 1.0
    if template == other:
        return share
    ours, theirs = _words(template, service), _words(other, other_service)
    smaller, larger = sorted((sum(ours.values()), sum(theirs.values())))
    if not smaller:
        return 0.0
    named, also_named = _TROUBLE_CONCEPTS & ours.keys(), _TROUBLE_CONCEPTS & theirs.keys()
    if named and also_named and not named & also_named:
        share *= _OTHER_TROUBLE
    shared = _shared(ours, theirs)
    # The mean of two shares: of all words, and of the words of the shorter template, as some tools write more.
    return share * (0.5 * shared / (smaller + larger - shared) + 0.5 * shared / smaller)


def _shared(ours: Mapping[str, float], theirs: Mapping[str, float]) -> float:
    shared = sum(min(weight, theirs[word]) for word, weight in ours.items() if word in theirs)
    left = [word for word in theirs if word not in ours and len(word) >= _NEARLY_FROM_CHARS]
    mine = [] if not left else [word for word in ours if word not in theirs and len(word) >= _NEARLY_FROM_CHARS]
    if not mine:
        return shared
    # Most alerts have no earlier ones that they could be like, and a cold start does without it.
    from rapidfuzz import fuzz, process

    for word in mine:
        if not left:
            break
        found = process.extractOne(word, left, scorer=fuzz.ratio, score_cutoff=_NEARLY)
        if found is not None:
            shared += min(ours[word], theirs[found[0]])
            left.remove(found[0])
    return shared


@lru_cache(maxsize=1_024)
def _words(template: str, service: str | None) -> Mapping[str, float]:
    """Return the words of a template with their weights (how much they tell); one word stands for all its synonyms.

    The words in the name of the alert's service (None: unknown) tell little.
    """
    text = template
    for pattern, replacement in _PHRASES:
        text = pattern.sub(replacement, text)
    # The service's name tells nothing about the trouble.
    of_service = set(re.findall(r"[^\W_]+", service.casefold())) if service else set()
    weights: dict[str, float] = {}
    for word in words_of(text):
        concept = _CONCEPTS.get(word, word)
        if word not in _NOTHING and (len(word) > 1 or not word.isascii()):
            little = word in _LITTLE or word in of_service
            weights[concept] = _SAYS_LITTLE if little else _SAYS_MUCH if concept in _TROUBLE_CONCEPTS else 1.0
    return weights
