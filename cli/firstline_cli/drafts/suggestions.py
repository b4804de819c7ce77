"""Suggestions of a severity for an alert, by its tags, by whom it reaches, or by its words, with the reason."""

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from firstline.classification import lexicon
from firstline.models import EVERYWHERE, PAGING_RANK, SEVERITY_RANK, Severity
from firstline.sources import meanings, severity
from firstline.text import one_line
from firstline_cli.words_file import WORDS, Draft

type LeftOut = Counter[str]
"""The numbers of alerts without a draft, by the reason: `{"they record a metric": 3}`."""

_MAX_TEXT = 500

_WAKES = re.compile(
    r"pagerduty|opsgenie|victorops|splunk|on[-_]?call|(?<!home)(?<!web)(?<!status)(?<!status[-_])page|^response-plan/"
)
"""The names of what wakes people. A response plan is one of Systems Manager's Incident Manager."""


def one_for_each(drafts: Iterable[Draft]) -> list[Draft]:
    """Return one draft for each kind of alert (source, name, environment): of several, the one with the worst severity.

    A kind of alert has one severity, so several drafts of one kind become one, with a reason that says so.
    """
    found: dict[str, list[Draft]] = {}
    for draft in drafts:
        found.setdefault(draft.kind.key, []).append(draft)
    worst = [max(same, key=lambda draft: SEVERITY_RANK[WORDS[draft.word]]) for same in found.values()]
    return [
        replace(draft, why=one_line(f"the worst of {len(same)} of this name; {draft.why}", 300)) if same[1:] else draft
        for draft, same in zip(worst, found.values(), strict=True)
    ]


def suggested(
    source: str, name: str, text: str, tags: Mapping[str, Any], routes: Sequence[str], nobody: str, quiet: str = ""
) -> Draft:
    """Return the draft of an alert from `source`, with a severity and a reason by its tags, routes and words.

    `suggestion` finds both, and says what the parameters mean.
    """
    return drafted(source, name, text, *suggestion(name, text, tags, routes, nobody, quiet))


def suggestion(
    name: str, text: str, tags: Mapping[str, Any], routes: Sequence[str] = (), nobody: str = "", quiet: str = ""
) -> tuple[Severity, str]:
    """Suggest a severity for an alert, and the reason.

    It is the severity in `tags`, else `high` if `routes` (where the alert goes) names a pager, else a guess by the
    words of its name and text. `nobody` is the reason to give beside a guess if there are no routes. `quiet` says why
    the alert reaches nobody today, if so: it then pages only if its tags say so.
    """
    graded = meanings.find(tags, "severity")
    found = severity.from_word(graded) if graded else None
    if graded and found is not None:
        return _word(found), "; ".join(filter(None, (f"its tag says {graded}", quiet)))
    waking = waking_route(routes)
    if waking is not None and not quiet:
        return "high", f"it goes to {waking}"
    guess = lexicon.read(name, text)
    word = _word(guess.severity)
    if quiet and SEVERITY_RANK[word] >= PAGING_RANK:
        word = "medium"
    why = f"goes to {', '.join(routes)}" if routes else nobody
    return word, "; ".join(filter(None, (guess.because, why, quiet)))


def waking_route(routes: Iterable[str]) -> str | None:
    """Return the first route, a topic or handle, that wakes somebody, by its name; None if none does."""
    return next((route for route in routes if _WAKES.search(route.lower())), None)


def _word(found: str) -> Severity:
    """Return a draft's severity for the one that a sender states: the same, but `low` for `info`."""
    return "low" if found == "info" else WORDS[found]


def drafted(source: str, name: str, text: str, word: Severity, why: str) -> Draft:
    """Return a draft that gives an alert the severity `word` in every environment, for the reason `why`.

    `name` and `text` are the alert's; the text is shown beside the word. All texts are put on one line and shortened.
    """
    return Draft(source, one_line(name, 256), EVERYWHERE, word, one_line(why, 300), one_line(text, _MAX_TEXT))
