"""The words that senders use for a severity, mapped to Firstline's.

Words that name a route (page, ticket, task, notify) stand for a severity too; the word itself stays among the labels.
"""

from firstline.models import SourceSeverity

_WORDS: dict[SourceSeverity, str] = {
    "critical": "critical crit fatal emergency emerg disaster severe page sev0 sev1 p1",
    "high": "high error err major urgent alert sev2 p2",
    "medium": "warning warn medium moderate average minor ticket notify sev3 p3",
    "low": "low task sev4 p4",
    "info": "info informational information notice debug none p5 sev5",
}
WORDS: dict[str, SourceSeverity] = {word: severity for severity, words in _WORDS.items() for word in words.split()}

UNKNOWN: SourceSeverity = "high"
"""The severity of an unknown word maps upwards: better one page too many."""

UNSTATED: SourceSeverity = "medium"
"""The severity of an alert whose sender stated none."""


def from_word(word: str) -> SourceSeverity | None:
    """Return the severity that a word stands for, or None. Case, spaces and punctuation don't matter."""
    return WORDS.get(word) or WORDS.get("".join([c for c in word[:64].lower() if c.isalnum()]))
