"""The words by which senders say whether an alert fires, is over, or neither.

An acknowledgement, an assignment or a comment is neither, whatever state of the alert the message repeats beside it.
"""

import re
from typing import Literal

from firstline.sources.severity import WORDS as SEVERITIES

type Status = Literal["firing", "resolved"] | None
"""The state of an alert; None if a message says neither that it fires nor that it is over."""

_FIRING = (
    "firing fired alerting alert problem triggered open opened active activated created down failed failing error "
    "offline unavailable critical warning"
)
_RESOLVED = (
    "resolved resolve ok up recovered recovery closed close cleared clear normal healthy inactive deactivated success "
    "successful operational online available"
)
# With Nagios' types of notifications, which Icinga and Checkmk share:
# https://assets.nagios.com/downloads/nagioscore/docs/nagioscore/4/en/macrolist.html ($NOTIFICATIONTYPE$)
_NEITHER = (
    "pending paused acknowledged acknowledgement acknowledge acked ack muted mute silenced silence suppressed snoozed "
    "snooze maintenance scheduled downtime updated update annotated commented comment noted note assigned reassigned "
    "unassigned assign reassign postmortem "
    "flappingstart flappingstop flappingend flappingdisabled downtimestart downtimeend downtimecancelled "
    "downtimeremoved"
)
STATUSES: dict[str, Status] = {
    **dict.fromkeys(_FIRING.split(), "firing"),
    **dict.fromkeys(_RESOLVED.split(), "resolved"),
    **dict.fromkeys(_NEITHER.split(), None),
}
"""The state of an alert by its sender's word."""

_BAD = frozenset(
    (
        "alarm",
        "alarms",
        "failure",
        "fails",
        "timeout",
        "unreachable",
        "unhealthy",
        "degraded",
        "outage",
        "full",
        "dead",
        "lost",
        "stuck",
    )
)
"""Words of a text, which are no status by themselves, that say that something is wrong."""
_WORD = re.compile("[a-z]+")
_LAST_WORD = re.compile(r"(?:[\w.:-]{0,100}(?<!not)(?<!no)(?<!non)[._:-])?([a-z]{1,30})(?:_v\d{1,3})?")


def status_of(said: str) -> Status:
    """Return the status that a word or phrase states. An unknown one fires: better one incident too many.

    `Down (Acknowledged)` and `under_maintenance` are neither.
    """
    word = said.strip().lower()
    return None if _is_neither(word) else STATUSES.get(word, "firing")


def is_known(word: str) -> bool:
    """Return True if a word or phrase, in lower case, states a status."""
    return word in STATUSES or _is_neither(word)


def _is_neither(word: str) -> bool:
    words = _WORD.findall(word[:100]) if word not in STATUSES else [word]
    return "not" not in words and any(STATUSES.get(each, "firing") is None for each in words)


def word_of_event(said: str | None) -> str | None:
    """Return the status word at the end of an event's name (`uptime.down`, `alert_resolved_v1`), or None."""
    last = _LAST_WORD.fullmatch((said or "").strip().lower())
    return last[1] if last is not None and last[1] in STATUSES else None


def states_something(text: str) -> bool:
    """Return True if a word of a text says that something fires, is over or is bad, as in `CRITICAL: disk`."""
    words = _WORD.findall(text[:4_000].lower())
    return any(STATUSES.get(word) is not None or word in _BAD or word in SEVERITIES for word in words)
