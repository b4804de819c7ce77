"""The organisation's own words on alerts: what a word is about, and which alert that people judged is the nearest."""

from collections import defaultdict
from collections.abc import Iterable

from firstline.classification.similar import likeness
from firstline.classification.templates import family, mask, template_of
from firstline.models import AlertKind, NearWord, NormalizedAlert, SourceSeverity, Word, kind_of
from firstline.privacy.safe import safe_line

NEAR_FROM = 0.45
"""From this likeness on a judged alert is a better hint than what words mean in general."""

NEIGHBOURS = 3


def about(alert: NormalizedAlert) -> AlertKind:
    """Return what a word on this alert is about, with the alert's words."""
    return kind_of(alert).model_copy(update={"template": template_of(alert)})


def kind_named(source: str, alert_name: str, environment: str, text: str) -> AlertKind:
    """Return the subject of a rule or monitor that is known by its name and text alone."""
    template = f"{family(alert_name)}: {mask(text)}"
    return AlertKind(source=source, alert_name=alert_name, environment=environment, template=template)


def nearest(alert: NormalizedAlert, words: Iterable[Word]) -> NearWord | None:
    """Return the nearest word on another alert, if it is near enough and not outvoted by its next neighbours.

    A word that drops does not count: to drop an alert takes a word on that alert.
    """
    ours = template_of(alert)
    scored = [
        NearWord(word=word, score=round(likeness(ours, alert.service, word.subject.template, None), 2))
        for word in words
        if word.severity != "noise" and word.subject.template
    ]
    near = sorted(scored, key=lambda found: -found.score)[:NEIGHBOURS]
    if not near or near[0].score < NEAR_FROM:
        return None
    votes: defaultdict[str, float] = defaultdict(float)
    for found in near:
        votes[found.word.severity] += found.score**2
    severity = max(votes, key=votes.__getitem__)
    return next(found for found in near if found.word.severity == severity)


def as_stated(word: Word) -> SourceSeverity:
    """Return a word's severity on the scale of sources."""
    return "info" if word.severity == "noise" else word.severity


def told(word: Word, what: str = "this alert") -> str:
    """Say in a clause who said what, and when."""
    return f"{safe_line(word.by, 80)} said on {word.at:%Y-%m-%d} that {what} is {word.severity}"
