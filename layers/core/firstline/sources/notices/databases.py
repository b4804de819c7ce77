"""The reading of events of AWS databases.

RDS, Aurora, DocumentDB and Neptune give the same event the same id, so one table says what it means. The ids of DMS and
Redshift are not in the table: words such as `failed` decide, or the severity that the sender states.

https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/USER_Events.Messages.html
"""

import re
from typing import Any

from firstline.models import SourceSeverity
from firstline.sources import values
from firstline.sources.notices.notice import Notice, State, letters, presumed

type Meaning = tuple[State, str, SourceSeverity | None]
"""The state that an event brings, the database problem that it is about, and its severity."""

# problem: the events that fire by severity, and those that end it
_PROBLEMS: dict[str, tuple[dict[SourceSeverity, str], str]] = {
    "failover": (
        {"critical": "0069 0187", "high": "0013 0050 0070 0072 0073 0181 0183"},
        "0015 0049 0051 0065 0071 0185 0186",
    ),
    "failure": ({"critical": "0031", "high": "0020 0052"}, "0021 0053"),
    "shutdown": ({"high": "0022 0035 0036", "medium": "0004"}, "0006 0088"),
    "storage": ({"high": "0007 0221 0222 0227", "medium": "0089 0223 0224 0225 0254"}, "0017 0218"),
    "replication": ({"high": "0045 0057"}, "0046"),
    "offline maintenance": ({"medium": "0026"}, "0027"),
    "support perimeter": ({"medium": "0165"}, "0166"),
    "burst balance": ({"medium": "0189"}, ""),
}
_FAILED = "0039 0058 0067 0079 0080 0081 0084 0086 0157 0158 0159 0188 0195 0198 0202 0231 0243 0245 0249 0252 0261"
# They sound bad, and nobody has to do anything.
_NEITHER = "0023 0034 0048 0061 0062 0063 0087 0160 0182 0190 0219 0220 0237"

_BAD_WORDS = re.compile(
    r"\b(?:fail(?:ed|ure|s)?|errors?|unable|can(?:'t|not)|couldn't|exhausted|full|low|incompatible|invalid|exceeded|"
    r"crashed|unreachable|unavailable|degraded|impaired|terminated)\b",
    re.IGNORECASE,
)
_NUMBER = re.compile(r"[A-Z]+-EVENT-(\d{4})")


def _table() -> dict[str, Meaning]:
    table: dict[str, Meaning] = {number: ("firing", number, "medium") for number in _FAILED.split()}
    table |= {number: (None, number, None) for number in _NEITHER.split()}
    for problem, (fires, ends) in _PROBLEMS.items():
        table |= dict.fromkeys(ends.split(), ("resolved", problem, None))
        for severity, numbers in fires.items():
            table |= dict.fromkeys(numbers.split(), ("firing", problem, severity))
    return table


_TABLE = _table()


def of_database(
    event_id: str, source: Any, kind: Any, told: Any, *, at: Any, url: Any = None, said: str | None = None
) -> Notice:
    """Read the event of a database as a `Notice`: an alert that fires or resolves, or a message to ignore.

    Parameters
    ----------
    event_id
        The id of the event, such as `RDS-EVENT-0049`, which says what the event means.
    source
        The name of the database.
    kind
        The kind of the database: an instance, a cluster, …
    told
        The text of the event.
    at, url
        The time of the event, and an address about it for people.
    said
        The severity that the sender states, or None. If it is stated, it alone decides whether the event is a problem:
        INFO is none, any other severity fires.
    """
    text = values.scalar(told) or ""
    state, problem, severity = _meaning(event_id, text)
    if said is not None:
        state, severity = ("firing", None) if letters(said) != "info" else (None, None)
    return Notice(
        name=text.split(". ")[0].rstrip(".")[:160] or event_id,
        state=state,
        why=f"{text or event_id}: no problem of a database",
        # SNS says `db-cluster` where EventBridge says `CLUSTER`.
        identity=("database", letters(kind).removeprefix("db"), source, problem),
        about=source,
        severity=presumed(severity) or (said if state else None),
        text=(f"{' '.join(filter(None, map(values.scalar, (kind, source))))}: {text}",),
        labels={"event": event_id.rsplit("#", 1)[-1], "source": source, "source_type": kind},
        at=at,
        url=url,
    )


def _meaning(event_id: str, message: str) -> Meaning:
    """Return what an event means: its state (`firing`, `resolved`, or None to ignore it), its problem, its severity.

    The problem, such as `failover`, or else the event's number, tells which alert a later event ends. The event's id
    decides; an event with an unknown id fires, without a severity, if its message or id has a word such as `failed`.
    """
    found = _NUMBER.search(event_id)
    number = found[1] if found else message
    if found and found[0].startswith("RDS-") and number in _TABLE:
        return _TABLE[number]
    bad = _BAD_WORDS.search(f"{message} {event_id}") is not None
    return "firing" if bad else None, number, None
