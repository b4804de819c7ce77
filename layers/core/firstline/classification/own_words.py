"""The organisation's own words on alerts: what a word is about, and which alert that people judged is the nearest."""

from collections.abc import Iterable

from firstline.classification import lexicon
from firstline.classification.similar import likeness
from firstline.classification.templates import family, mask, template_of
from firstline.models import (
    PAGING_RANK,
    SEVERITY_RANK,
    AlertKind,
    NearWord,
    NormalizedAlert,
    Severity,
    SourceSeverity,
    Word,
    kind_of,
)
from firstline.privacy.safe import safe_line

NEAR_FROM = 0.2
"""Below this likeness two alerts share words that tell nothing of how bad they are."""

NEIGHBOURS = 5
"""The number of nearest words that vote, each with the square of its likeness."""

MEANING_VOTES = 0.1
"""The vote of what the alert's words mean in general: one word at a likeness of 0.32 outvotes it. docs/evals.md has the
measurements that these numbers were chosen by."""


def about(alert: NormalizedAlert) -> AlertKind:
    """Return what a word on this alert is about, with the alert's words."""
    return kind_of(alert).model_copy(update={"template": template_of(alert)})


def kind_named(source: str, alert_name: str, environment: str | None, text: str) -> AlertKind:
    """Return the subject of a rule or monitor that is known by its name and text alone."""
    template = f"{family(alert_name)}: {mask(text)}"
    return AlertKind(source=source, alert_name=alert_name, environment=environment, template=template)


def nearest(alert: NormalizedAlert, words: Iterable[Word]) -> NearWord | None:
    """Return the nearest word of the level that most of the nearest ones have; None if they say nothing.

    The levels are: it pages, it is medium, it is less. A word that drops counts as less, and is lent as `low`: to drop
    an alert takes a word on that alert.
    """
    ours = template_of(alert)
    scored = [
        NearWord(word=word, score=round(likeness(ours, alert.service, word.subject.template, None), 2))
        for word in words
        if word.subject.template
    ]
    near = sorted((found for found in scored if found.score >= NEAR_FROM), key=lambda found: -found.score)[:NEIGHBOURS]
    votes = {_level(lexicon.guess(alert).severity): MEANING_VOTES}
    for found in near:
        level = _level(found.word.severity)
        votes[level] = votes.get(level, 0) + found.score**2
    level = max(votes, key=votes.__getitem__)
    return next((found for found in near if _level(found.word.severity) == level), None)


def _level(severity: Severity | SourceSeverity) -> int:
    """Return 3 for what pages, 2 for medium and 1 for everything below."""
    return min(PAGING_RANK, max(1, SEVERITY_RANK[severity]))


def as_stated(word: Word) -> SourceSeverity:
    """Return a word's severity on the scale of sources."""
    return "info" if word.severity == "noise" else word.severity


def told(word: Word, what: str = "this alert") -> str:
    """Say in a clause who said what, and when."""
    return f"{safe_line(word.by, 80)} said on {word.at:%Y-%m-%d} that {what} is {word.severity}"
