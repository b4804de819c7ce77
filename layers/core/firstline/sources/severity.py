"""The words and numbers that senders use for a severity, mapped to Firstline's severities.

Some senders write how people are to be told (page, ticket, task, notify) in place of a severity. These words stand for
a severity too: `page` is critical, `ticket` and `notify` are medium, `task` is low.
"""

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Any, NamedTuple

from firstline.models import SourceSeverity

_WORDS: dict[SourceSeverity, str] = {
    "critical": (
        "critical crit fatal emergency emerg panic disaster severe blocker highest immediate page sev0 sev1 p0 p1"
    ),
    "high": "high error err major urgent important serious alert sev2 p2",
    "medium": "warning warn medium moderate average normal minor ticket notify sev3 p3",
    "low": "low lowest trivial negligible cosmetic task sev4 p4",
    "info": "info informational information notice debug verbose none planning p5 sev5",
}
WORDS: dict[str, SourceSeverity] = {word: severity for severity, words in _WORDS.items() for word in words.split()}

_PLACEHOLDERS = "novalue null nil undefined unset unspecified unknown na noseverity notclassified notset"
UNGRADED = frozenset({"", *_PLACEHOLDERS.split()})
"""The placeholders for a missing severity that senders and templates write, by their letters."""

UNKNOWN: SourceSeverity = "high"
"""The severity for an unknown word: high, because one page too many is better than one too few."""

UNSTATED: SourceSeverity = "medium"
"""The severity of an alert whose sender stated none."""


class Presumed(NamedTuple):
    """A severity that Firstline presumes from an alert's `state`, because its sender states no severity.

    Such a state says only that something is wrong (`firing`, `triggered`, `no data`). A state that says how bad it is,
    such as `warning`, counts as a stated severity instead.
    """

    severity: SourceSeverity
    state: str


SCALES: dict[str, tuple[tuple[float, SourceSeverity], ...]] = {
    # https://docs.aws.amazon.com/guardduty/latest/ug/guardduty_findings-severity.html
    "GuardDuty": ((9, "critical"), (7, "high"), (4, "medium"), (0, "low")),
    # https://docs.aws.amazon.com/securityhub/1.0/APIReference/API_Severity.html (`Normalized`)
    "Security Hub": ((90, "critical"), (70, "high"), (40, "medium"), (1, "low"), (0, "info")),
    # https://learn.microsoft.com/azure/azure-monitor/alerts/alerts-common-schema (0 is the worst)
    "Azure Monitor": ((4, "info"), (3, "info"), (2, "medium"), (1, "high"), (0, "critical")),
    # https://go2docs.graylog.org/current/interacting_with_your_log_data/event_definitions.html
    "Graylog": ((4, "critical"), (3, "high"), (2, "medium"), (1, "low")),
    # https://www.ibm.com/docs/en/instana-observability?topic=alerting-webhooks (a change is -1)
    "Instana": ((10, "critical"), (5, "medium"), (-1, "info")),
    # https://docs.rollbar.com/reference/post_api-1-item (10 is debug)
    "Rollbar": ((50, "critical"), (40, "high"), (30, "medium"), (0, "info")),
    # https://www.zabbix.com/documentation/current/en/manual/config/triggers/severity
    "Zabbix": ((5, "critical"), (4, "high"), (2, "medium"), (1, "info"), (0, "medium")),
}
"""The numeric scales of known senders: pairs of the lowest number of a step and its severity, highest step first."""


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_CLEAR = _words("critical crit fatal emergency emerg disaster warning warn informational information")
_LOUD = _words("critical crit fatal emergency p0 p1 p2 p3 p4 p5 sev0 sev1 sev2 sev3 sev4 sev5")
_IN_TOPICS = _LOUD | _words("high urgent major medium warning warn minor low info")
_ROUTES = _words("page alert ticket notify task notice none")
_ALERTS = _words(
    "alert alerts alarm alarms priority prio severity sev urgency impact risk importance level incident incidents "
    "issue issues problem problems outage notification notifications notify event events message messages topic "
    "channel page pages pager paging oncall on sns email slack"
)
_MEASURED = _words(
    "cpu memory mem ram swap disk space storage latency load usage utilization utilisation queue depth traffic rate "
    "temperature connections iops throughput battery count errors requests lag"
)
_NEGATIONS = _words("non not no never isn un less")
_INTENSIFIERS = _words("so very too mission business time that longer a an the yet really t")
_COMPOUNDS = _words("path section mass brake switch css")
"""Words that form a name with a severity word before them, which then is no severity: the critical path of a page."""

_NUMBERED = re.compile(
    r"(?<![a-z0-9])(?:pri(?:o(?:rity)?)?|p|s(?:ev(?:erity)?)?)[-_ .:=#]*([0-5])(?![a-z0-9]|\.\d)", re.IGNORECASE
)
# In a name, `p 2` and `s3` may be anything.
_NUMBERED_IN_NAME = re.compile(
    r"(?<![a-zA-Z0-9])(?:prio(?:rity)?|sev(?:erity)?)[-_ .:=#]*([0-5])(?![a-z0-9]|\.\d)", re.IGNORECASE
)
_BEFORE = re.compile(r".*(?:->|=>|\u2192)|(?=.*\bfrom\b).*\bto\b", re.DOTALL | re.IGNORECASE)
"""The beginning of a text for a change of severity, before the new one: `Warning -> Critical`, `from P3 to P1`."""
_NEGATED = re.compile(r"(?:non?|not|never)[-_ ][a-z]", re.IGNORECASE)
_NUMBER = re.compile(r"[-+]?\d{1,20}(?:\.\d{1,20})?")
_LINE = re.compile(
    r"^[* \t]{0,4}(?:severity|priority)[* \t]{0,4}[:=][* \t]{0,4}([\w -]{1,40}?)[* \t\r]{0,4}$",
    re.IGNORECASE | re.MULTILINE,
)
_BREAK = re.compile(r"\s[-/]\s|[^\w\s'./-]+")
# A word of camel case, or a whole instance type (p3.2xlarge), which is no P3.
_TOKEN = re.compile(r"[a-z]\d\w*\.\w*large|[A-Z]+(?![a-z])\d*|[A-Z]?[a-z]+\d*|\d+|[^\W\d_]+")


def states_any(text: str) -> bool:
    """Return True if a text may state a severity; False for an empty text or a placeholder (`<no value>`, `n/a`)."""
    return text in WORDS or "".join([c for c in text.lower() if c.isalnum()]) not in UNGRADED


def is_number(text: str) -> bool:
    """Return True if the whole text is a number: `3`, `-1`, `7.5`."""
    return _NUMBER.fullmatch(text) is not None


def from_word(text: str) -> SourceSeverity | None:
    """Return the severity that a sender's word or short phrase states, or None. Case and punctuation don't matter.

    The first severity word of a phrase decides: `P1 - Critical`, `4 - Low`, `Sev-1: Outage`. Words such as `page` and
    `ticket` decide only if the phrase has no other severity word. Of a change (`Warning -> Critical`) the new severity
    counts. A phrase that only negates a high severity (`non-critical`) is medium. A severity word in a compound
    (`low-latency`) does not count.
    """
    return WORDS.get(text) or _from_phrase(text[:64])


def from_number(scale: str, value: Any) -> SourceSeverity | None:
    """Return the severity of a number (`3` or `"3"`) on the scale `SCALES[scale]`; None for any other value."""
    try:
        number = float(value)
    except (TypeError, ValueError, OverflowError):
        return None
    return next((severity for lowest, severity in SCALES[scale] if number >= lowest), None)


def on_a_line(text: str) -> str | None:
    """Return the severity word or phrase of the first line such as `Severity: High` in a text, or None."""
    found = _LINE.search(text[:4_000])
    return found[1] if found is not None and from_word(found[1]) is not None else None


def grades(text: str) -> Iterator[tuple[str, bool]]:
    """Yield each word in a text that states a severity, with True if the word is negated (`non-critical`).

    A word such as `high` counts only at the end of a phrase or before a word for alerts: `high-priority`, `high`, but
    not `high-cpu` and `cpu-high`, which describe a measured value.
    """
    for phrase in _BREAK.split(text):
        words = [word.lower() for word in _TOKEN.findall(phrase)]
        for place, word in enumerate(words):
            plain = word if word in WORDS else word.removeprefix("non").removeprefix("un")
            if words[place + 1 : place + 2] and words[place + 1] in _COMPOUNDS:
                continue
            if plain in WORDS and (plain in _CLEAR or plain[-1].isdigit() or _ends_or_qualifies(words, place)):
                yield plain, plain != word or _negated(words[:place])


def in_name(name: str) -> str | None:
    """Return the word in an alert's name that states a severity (`critical`, `P1`), or None.

    A bare "high" or "low" does not count, because in a name it describes the metric: "Low disk", "cpu-high".
    """
    return _first(name, _LOUD)


def in_topic(name: str) -> str | None:
    """Return the word in the name of an SNS topic that states a severity (`alerts-critical`), or None."""
    return _first(name, _IN_TOPICS)


def _first(name: str, words: frozenset[str]) -> str | None:
    joined = _NUMBERED_IN_NAME.sub(r"sev\1", name)
    return next((word for word, negated in grades(joined) if word in words and not negated), None)


@lru_cache(maxsize=512)
def _from_phrase(text: str) -> SourceSeverity | None:
    known = WORDS.get("".join([c for c in text.lower() if c.isalnum()]))
    if known is not None:
        return known
    before = _BEFORE.match(text)
    if before is not None and (now := _from_phrase(text[before.end() :])) is not None:
        return now
    found = sorted(grades(_NUMBERED.sub(r" p\1 ", text)), key=lambda grade: grade[0] in _ROUTES)
    for word, negated in found:
        if not negated:
            return WORDS[word]
    # Whoever calls something not critical (or non-paging) means less than that, and no more can be known.
    means_less = any(WORDS[word] in ("critical", "high") for word, _ in found)
    return "medium" if means_less or (not found and states_any(text) and _NEGATED.match(text)) else None


def _ends_or_qualifies(words: list[str], place: int) -> bool:
    after = words[place + 1] if place + 1 < len(words) else None
    before = words[place - 1] if place else None
    return (after is None or after in _ALERTS or after in WORDS) and before not in _MEASURED


def _negated(before: list[str]) -> bool:
    while before and before[-1] in _INTENSIFIERS:
        before = before[:-1]
    return bool(before) and before[-1] in _NEGATIONS
