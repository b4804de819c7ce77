"""Comparison of the classifier's severities with those of published alerting rules, which it does not see.

A rule's severity is what its author chose, and authors disagree with each other too: one team pages for what another
team only notes. So the numbers are compared with those of always answering the most common severity. The points that
the classifier's lexicon gives to words were set with half of the repositories only; the other half is "unseen".
"""

import random
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from statistics import fmean

from evals.classifiers import Policy
from evals.public_rules import LEVELS, Level, PublicRule
from evals.scoring import PerClass, macro_f1, per_class
from firstline.classification.classify import classify
from firstline.models import PAGING_RANK, SEVERITY_RANK, Evidence, Incident
from firstline.sources import normalize

_WHEN = datetime(2026, 3, 2, 12, tzinfo=UTC)
_RESAMPLES = 1_000


@dataclass(frozen=True, slots=True)
class Judged:
    """The author's level (`truth`) and the classifier's (`said`) for one published rule, or for all rules of one name.

    A level is critical, warning or info.
    """

    repository: str
    truth: Level
    said: Level


@dataclass(frozen=True, slots=True)
class Voice:
    """The scores of one way to answer (the classifier, or always the same level) against the levels of the authors."""

    accuracy: float
    macro_f1: float
    balanced_accuracy: float
    """The mean recall of the levels; always answering the same level gives 1/3."""

    by_repository: float
    """The mean of the repositories' accuracies, however many rules each has."""


@dataclass(frozen=True, slots=True)
class Agreement:
    """The share of published alerting rules to which the classifier gives the severity that their authors chose.

    Beside it stands the share for a classifier that always answers the level `most_common`. `title` names the subset
    of the rules.
    """

    title: str
    rules: int
    repositories: int
    most_common: Level
    always: Voice
    said: Voice
    better_by: tuple[float, float]
    """The 95 % confidence interval of the classifier's accuracy minus that of `always`."""

    per_class: tuple[PerClass, ...]
    confusion: dict[tuple[Level, Level], int]


@dataclass(frozen=True, slots=True)
class Authors:
    """The agreement of authors on the level of rules that have the same name in different repositories."""

    rules: int
    same: float
    """The share of these rules with the level that is most common for their name in the other repositories."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """The classifier's scores by part of the rules and by repository, and the authors' agreement with each other."""

    parts: tuple[Agreement, ...]
    repositories: tuple[Agreement, ...]
    authors: Authors | None


def measure(rules: Sequence[PublicRule], policy: Policy) -> Comparison:
    """Measure how well the classifier finds the authors' levels, on all rules and on parts of them.

    The parts are the rules of the repositories with which the lexicon was tuned (seen), the other rules (unseen), and
    of these the ones with new names. Each part is measured a second time, with the rules of one name merged.
    """
    judged = [(rule, Judged(rule.repository, rule.level, said_level(rule, policy))) for rule in rules]
    tuned = {rule.words for rule in rules if rule.tuned_on}
    parts: tuple[tuple[str, Callable[[PublicRule], bool]], ...] = (
        ("all", lambda _: True),
        ("seen repositories", lambda rule: rule.tuned_on),
        ("unseen repositories", lambda rule: not rule.tuned_on),
        ("unseen, new names", lambda rule: not rule.tuned_on and rule.words not in tuned),
    )
    found = []
    for title, chosen in parts:
        part = [pair for pair in judged if chosen(pair[0])]
        if part:
            found.append(_agreement(title, [verdict for _, verdict in part]))
            found.append(_agreement(f"{title}, by name", by_name(part)))
    repositories = _grouped([verdict for _, verdict in judged], lambda verdict: verdict.repository)
    largest_first = sorted(repositories.items(), key=lambda pair: -len(pair[1]))
    return Comparison(tuple(found), tuple(_agreement(*pair) for pair in largest_first), authors(rules))


def by_name(judged: Sequence[tuple[PublicRule, Judged]]) -> list[Judged]:
    """Merge rules with the same name into one with their most common levels, so that a copied rule counts once."""
    merged = []
    for group in _grouped(judged, lambda pair: pair[0].words).values():
        truth = _most_common(verdict.truth for _, verdict in group)
        said = _most_common(verdict.said for _, verdict in group)
        merged.append(Judged(group[0][1].repository, truth, said))
    return merged


def authors(rules: Sequence[PublicRule]) -> Authors | None:
    """Measure how often rules of one name have the same level in different repositories; None if no name is in two."""
    names = _grouped(rules, lambda rule: rule.words)
    same = [
        rule.level == _most_common(elsewhere)
        for rule in rules
        if (elsewhere := [other.level for other in names[rule.words] if other.repository != rule.repository])
    ]
    return Authors(len(same), sum(same) / len(same)) if same else None


def said_level(rule: PublicRule, policy: Policy) -> Level:
    """Return the classifier's level for an alert of a rule, judged by the rule's name and description alone.

    It is critical if the classifier would page, warning for its severity medium, and info for the lower ones.
    """
    firing = {"status": "firing", "labels": {"alertname": rule.name}, "annotations": {"summary": rule.message}}
    alerts = normalize("prometheus", {"alerts": [firing]}, received_at=_WHEN)
    if not alerts:
        return "info"  # a dead man's switch: not for people
    alert = alerts[0].without_raw()
    known = {"incident_id": "Agreement", "group_key": alert.group_key, "opened_at": _WHEN, "alert": alert}
    incident = Incident.model_validate({**known, "alert_count": 1, "hosts": []})
    evidence = Evidence(same_name_last_hour=1, earlier=[], deployments=[], local_time=_WHEN, business_hours=True)
    verdict = classify(incident, evidence=evidence, rules=policy.rules, offered=(), model=None, now=_WHEN)
    if SEVERITY_RANK[verdict.severity] >= PAGING_RANK:
        return "critical"
    return "warning" if verdict.severity == "medium" else "info"


def _agreement(title: str, judged: Sequence[Judged]) -> Agreement:
    most_common = _most_common(verdict.truth for verdict in judged)
    always = [replace(verdict, said=most_common) for verdict in judged]
    pairs: list[tuple[Level, Level]] = [(verdict.truth, verdict.said) for verdict in judged]
    return Agreement(
        title=title,
        rules=len(judged),
        repositories=len({verdict.repository for verdict in judged}),
        most_common=most_common,
        always=_voice(always),
        said=_voice(judged),
        better_by=_better_by(judged, most_common),
        per_class=per_class(pairs, LEVELS),
        confusion=dict(Counter(pairs)),
    )


def _voice(judged: Sequence[Judged]) -> Voice:
    table = per_class([(verdict.truth, verdict.said) for verdict in judged], LEVELS)
    repositories = _grouped(judged, lambda verdict: verdict.repository).values()
    return Voice(
        accuracy=_accuracy(judged),
        macro_f1=macro_f1(table),
        balanced_accuracy=fmean(level.recall for level in table if level.recall is not None),
        by_repository=fmean(map(_accuracy, repositories)),
    )


def _better_by(judged: Sequence[Judged], most_common: Level) -> tuple[float, float]:
    """Return the bootstrapped 95 % interval of the gain in accuracy over always answering `most_common`.

    Whole repositories are resampled, because the rules of one repository are alike.
    """
    sums = [
        (sum((each.truth == each.said) - (each.truth == most_common) for each in verdicts), len(verdicts))
        for verdicts in _grouped(judged, lambda verdict: verdict.repository).values()
    ]
    draw = random.Random(0)  # noqa: S311 - a resampling that must come out the same each time
    means = []
    for _ in range(_RESAMPLES):
        drawn = draw.choices(sums, k=len(sums))
        means.append(sum(gain for gain, _ in drawn) / sum(count for _, count in drawn))
    means.sort()
    return means[round(0.025 * _RESAMPLES)], means[round(0.975 * _RESAMPLES) - 1]


def _most_common(levels: Iterable[Level]) -> Level:
    counts = Counter(levels)
    return max(LEVELS, key=lambda level: (counts[level], -LEVELS.index(level)))


def _accuracy(judged: Sequence[Judged]) -> float:
    return fmean(verdict.truth == verdict.said for verdict in judged)


def _grouped[T, K](items: Iterable[T], key: Callable[[T], K]) -> dict[K, list[T]]:
    groups: dict[K, list[T]] = {}
    for item in items:
        groups.setdefault(key(item), []).append(item)
    return groups
