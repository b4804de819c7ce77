"""The organisation's own words on alerts: what a word is about, and which alert that people judged is the nearest."""

from collections.abc import Iterable
from functools import lru_cache

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

NEIGHBOURS = 9
"""The number of nearest words that vote, each with the cube of its likeness: five that share a few words with an alert
must not outvote one that reads like it."""

PAGE_VOTES = 1.2
"""The factor for the votes to page: where votes are nearly even, a missed page costs more than a needless one."""

HABIT_VOTES, HABIT_FROM = 1.2, 60
"""The votes of the organisation's habit: how people judged the alerts whose words usually mean as much as this one's.
They rise with the number of such words; with `HABIT_FROM` of them they are half of `HABIT_VOTES`."""

MEANING_VOTES = 0.1
"""The vote of what the alert's words mean in general: one word at a likeness of 0.47 outvotes it. docs/evals.md has the
measurements that these numbers were chosen by."""


def about(alert: NormalizedAlert) -> AlertKind:
    """Return what a word on this alert is about, with the alert's words."""
    return kind_of(alert).model_copy(update={"template": template_of(alert)})


def kind_named(source: str, alert_name: str, environment: str | None, text: str) -> AlertKind:
    """Return the subject of a rule or monitor that is known by its name and text alone."""
    template = f"{family(alert_name)}: {mask(text)}"
    return AlertKind(source=source, alert_name=alert_name, environment=environment, template=template)


def nearest(alert: NormalizedAlert, words: Iterable[Word]) -> NearWord | None:
    """Return the nearest word of the level that most votes are for; None if words say nothing.

    The levels are: it pages, it is medium, it is less. A word that drops counts as less, and is lent as `low`: to drop
    an alert takes a word on that alert. The nearest words vote, so does the organisation's habit, and what the alert's
    words mean in general.
    """
    ours, meaning = template_of(alert), _level(lexicon.guess(alert).severity)
    judged = [word for word in words if word.subject.template]
    scored = [
        NearWord(word=word, score=round(likeness(ours, alert.service, word.subject.template, None), 2))
        for word in judged
    ]
    scored.sort(key=lambda found: -found.score)
    near = [found for found in scored if found.score >= NEAR_FROM][:NEIGHBOURS]
    alike = [found for found in scored if _meaning(found.word.subject) == meaning]
    if lexicon.loss_stated(alert):
        alike = []  # whatever the habit is, it was formed on lesser alerts
    votes = {meaning: MEANING_VOTES}
    for found in near:
        level = _level(found.word.severity)
        votes[level] = votes.get(level, 0) + found.score**3
    for found in alike:
        level = _level(found.word.severity)
        votes[level] = votes.get(level, 0) + HABIT_VOTES / (len(alike) + HABIT_FROM)
    level = max(votes, key=lambda level: votes[level] * (PAGE_VOTES if level == PAGING_RANK else 1))
    lends = next((found for found in near if _level(found.word.severity) == level), None)
    if lends is not None or level == meaning:
        return lends
    such = [found for found in alike if _level(found.word.severity) == level]
    return such[0].model_copy(update={"habit": (len(such), len(alike))})


def _meaning(judged: AlertKind) -> int:
    """Return the level that a judged alert's words usually mean."""
    return _read(judged.alert_name, judged.template)


@lru_cache(maxsize=2_048)
def _read(name: str, template: str) -> int:
    return _level(lexicon.read(name, template.partition(": ")[2]).severity)


def _level(severity: Severity | SourceSeverity) -> int:
    """Return 3 for what pages, 2 for medium and 1 for everything below."""
    return min(PAGING_RANK, max(1, SEVERITY_RANK[severity]))


def as_stated(word: Word) -> SourceSeverity:
    """Return a word's severity on the scale of sources."""
    return "info" if word.severity == "noise" else word.severity


def lent(near: NearWord) -> str:
    """Say in a clause whose word is lent, and why that one."""
    name = safe_line(near.word.subject.alert_name, 100)
    if near.habit is None:
        return told(near.word, f"the nearest alert that people judged, {name},")
    such, of = near.habit
    return f"People judged {such} of {of} alerts with words of that weight so. {told(near.word, name)}"


def told(word: Word, what: str = "this alert") -> str:
    """Say in a clause who said what, and when."""
    return f"{safe_line(word.by, 80)} said on {word.at:%Y-%m-%d} that {what} is {word.severity}"
