"""Statements of people on how bad alerts are: the kind of alert that each is about, and the nearest to a new alert.

Such a statement, a `Word`, lasts: it counts each time that an alert of this kind comes.
"""

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
from firstline.privacy.safe_text import safe_line

NEAR_FROM = 0.2
"""The least likeness (0 to 1) at which a word on one alert says anything about another."""

NEIGHBOURS = 9
"""The number of nearest words that vote. Each vote is the cube of the likeness, so that one word on an alert that reads
nearly the same outvotes five on alerts that share a few words."""

PAGE_VOTES = 1.2
"""The factor for the votes to page, because a missed page costs more than a needless one."""

HABIT_VOTES, HABIT_FROM = 1.2, 60
"""The most votes of the organisation's habit, which is how people judged the alerts whose words usually mean the same
severity; and the number of such judgements at which habit has half of these votes."""

MEANING_VOTES = 0.1
"""The vote of the severity that the alert's words usually mean. docs/evals.md says how these numbers were chosen."""


def about(alert: NormalizedAlert) -> AlertKind:
    """Return the kind of alert that a person judges who says how bad this alert is.

    It has the alert's text with numbers, hosts and names masked, so that similar alerts can be found.
    """
    return kind_of(alert).model_copy(update={"template": template_of(alert)})


def kind_named(source: str, alert_name: str, environment: str | None, text: str) -> AlertKind:
    """Return the kind of the alerts that a monitor's rule would send, from the rule's name and text.

    `environment` is None if the alerts name none.
    """
    template = f"{family(alert_name)}: {mask(text)}"
    return AlertKind(source=source, alert_name=alert_name, environment=environment, template=template)


def nearest(alert: NormalizedAlert, words: Iterable[Word]) -> NearWord | None:
    """Return the person's statement on another alert by which an alert without a stated severity is judged, or None.

    `words` are all such statements; each is for one of three levels: page, medium, or less (drop included). These vote
    on the level: the statements on the most similar alerts; those on all alerts whose texts usually mean the same level
    as this alert's text; and that usual meaning itself. Of the statements for the level that wins, the one on the most
    similar alert is returned; None if the usual meaning wins and no statement on a similar alert agrees.
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
    """Return the level that the words of a kind of alert usually mean: 3 to page, 2 for medium, 1 for less."""
    return _read(judged.alert_name, judged.template)


@lru_cache(maxsize=2_048)
def _read(name: str, template: str) -> int:
    return _level(lexicon.read(name, template.partition(": ")[2]).severity)


def _level(severity: Severity | SourceSeverity) -> int:
    """Return 3 for a severity that pages, 2 for medium and 1 for any below."""
    return min(PAGING_RANK, max(1, SEVERITY_RANK[severity]))


def as_stated(word: Word) -> SourceSeverity:
    """Return the severity in a person's statement on an alert as a source would state it: `noise` becomes `info`."""
    return "info" if word.severity == "noise" else word.severity


def lent(near: NearWord) -> str:
    """Say which person's statement on another alert this alert is judged by, and why by that one.

    The text is `anna said on 2026-01-05 that the nearest alert that people judged, DiskFull, is low`. If the statement
    was chosen by the usual meaning of the alert's words instead, a sentence before it says how many alerts of that
    meaning people judged so.
    """
    name = safe_line(near.word.subject.alert_name, 100)
    if near.habit is None:
        return told(near.word, f"the nearest alert that people judged, {name},")
    such, of = near.habit
    return f"Of {of} alerts whose words usually mean as much, people judged {such} so. {told(near.word, name)}"


def told(word: Word, what: str = "this alert") -> str:
    """Say in a clause who said how bad an alert is, when and what: `anna said on 2026-01-05 that this alert is low`.

    `what` is what the clause calls the alert.
    """
    return f"{safe_line(word.by, 80)} said on {word.at:%Y-%m-%d} that {what} is {word.severity}"
