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
    "offline unavailable unreachable unhealthy degraded errored critical warning"
)
_RESOLVED = (
    "resolved resolve ok up recovered recovery closed close cleared clear normal healthy inactive deactivated success "
    "successful succeeded operational online available reachable passed passing restored green fixed done complete "
    "completed finished ceased ended end"
)
# With Nagios' types of notifications, which Icinga and Checkmk share:
# https://assets.nagios.com/downloads/nagioscore/docs/nagioscore/4/en/macrolist.html ($NOTIFICATIONTYPE$)
_NEITHER = (
    "pending paused acknowledged acknowledgement acknowledge acked ack muted mute silenced silence suppressed snoozed "
    "snooze maintenance scheduled downtime updated update annotated commented comment noted note assigned reassigned "
    "unassigned assign reassign postmortem "
    "flappingstart flappingstop flappingend flappingdisabled downtimestart downtimeend downtimecancelled "
    "downtimeremoved cancelled canceled skipped"
)
STATUSES: dict[str, Status] = {
    **dict.fromkeys(_FIRING.split(), "firing"),
    **dict.fromkeys(_RESOLVED.split(), "resolved"),
    **dict.fromkeys(_NEITHER.split(), None),
}
"""The state of an alert by its sender's word."""


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_UNDER_WAY = _words("running starting queued submitted processing inprogress executing")
_BEGINS = _words("started start begun began begin")
_RUNS = _words("job jobs build run task backup workflow dag pipeline sync scan export import cron batch")
"""The kinds of runs. A run begins and goes on without trouble; an outage does not."""
_COMPLETED = _words("complete completed finished")
"""The words for the end of a run, which do not say how it went."""
_HAPPENS = _BEGINS | _words("created added opened ended end closed finished completed expired deleted removed")
"""The words for changes that a silence or a comment has as well as an alert."""

_BAD = _words("alarm alarms failure fails timeout outage full dead lost stuck")
"""Words of a text, which are no status by themselves, that say that something is wrong."""
_BAD_RESULTS = _words(
    "failed failing failure fails error errored timeout timedout unstable aborted exception crashed killed "
    "partiallysucceeded failedwitherrors"
)
_CONDITIONS = _words(
    "breached breaching exceeded exceeding violated violating met true detected in above below over too threshold "
    "thresholds"
)
"""Words for a condition that holds, behind `no longer`: "no longer in alarm", "no longer above threshold"."""
_WORD = re.compile("[a-z]+")
_CAMEL = re.compile(r"(?<=[a-z])(?=[A-Z])")
_ARROW = re.compile(r"->|=>|\u2192")
_NOW = re.compile(r"ended \(now: ?([^()]{1,40})\)", re.IGNORECASE)
"""PRTG's word for a change: `Down ended (now: Up)`, `Warning ended (now: Down)`."""
_ENDS = _words("resolved resolve recovered recovery closed close cleared clear ended")
"""Words behind which the severity of what is over may stand: `ResolvedCritical`."""
_FILLERS = _words(
    "alert alarm problem incident issue state status system user auto automatically manually fully back to now is has "
    "been by"
)
_LAST_WORD = re.compile(r"(?:[\w.:-]{0,100}(?<!not)(?<!no)(?<!non)[._:-])?([a-z]{1,30})(?:_v\d{1,3})?")


def status_of(said: str) -> Status:
    """Return the status that a word or phrase states. An unknown one fires: better one incident too many.

    `Down (Acknowledged)` and `under_maintenance` are neither; `Closed - Resolved`, `ResolvedCritical` and
    `critical -> ok` are over.
    """
    said = _now(said)
    word = said.strip().lower()
    if _is_neither(word):
        return None
    return STATUSES[word] if word in STATUSES else "resolved" if _is_over(said) else "firing"


def is_known(word: str) -> bool:
    """Return True if a word or phrase, in lower case, states a status."""
    word = _now(word)
    return word in STATUSES or _is_neither(word) or _is_over(word)


def _now(said: str) -> str:
    """Return what a phrase says of now, if it says that beside what was."""
    told = _NOW.search(said[:100])
    return told[1] if told is not None else said


def _is_over(phrase: str) -> bool:
    """Return True if nothing in a phrase but fillers is other than an end: one word of trouble, and it is not over."""
    now = _ARROW.split(phrase[:100])[-1]
    words = [word for word in _WORD.findall(_CAMEL.sub(" ", now).lower()) if word not in _FILLERS]
    if words[:2] == ["no", "longer"]:
        return bool(words[2:]) and all(map(_is_trouble, words[2:]))
    if words[1:] == ["ended"]:
        return _is_trouble(words[0])
    first, *rest = words or [""]
    also = SEVERITIES if first in _ENDS else {}
    return STATUSES.get(first) == "resolved" and all(STATUSES.get(word) == "resolved" or word in also for word in rest)


def _is_trouble(word: str) -> bool:
    return STATUSES.get(word) == "firing" or word in _BAD or word in SEVERITIES or word in _CONDITIONS


def is_under_way(said: str, *, is_run: bool) -> bool:
    """Return True for the word of something that goes on, and of a run also for one that it began."""
    word = "".join(_WORD.findall(said[:100].lower()))
    return word in _UNDER_WAY or (is_run and word in _BEGINS)


def is_completed(said: str) -> bool:
    """Return True for a word that says that a run came to its end, and not how it went."""
    return said.strip().lower() in _COMPLETED


def is_failure(said: str) -> bool:
    """Return True for the word of a result that is no good one: `FAILURE`, `timed_out`, `unstable`."""
    return "".join(_WORD.findall(said[:100].lower())) in _BAD_RESULTS


def names_run(key: str) -> bool:
    """Return True if a field of this name, by its letters, tells of a run: `job`, `jobname`, `runstatus`, `dagid`."""
    return any(key.removesuffix(end) in _RUNS for end in ("", "name", "id", "status", "state", "type"))


def _is_neither(word: str) -> bool:
    words = _WORD.findall(word[:100]) if word not in STATUSES else [word]
    return "not" not in words and any(STATUSES.get(each, "firing") is None for each in words)


def word_of_event(said: str | None) -> str | None:
    """Return the status word at the end of an event's name (`uptime.down`, `alert_resolved_v1`), or None.

    The severity of what is over may stand behind it: `POLICY_CLOSE_CRITICAL`. What happens to a silence or a comment
    (`comment.created`) is said of that, and so is the beginning of a run (`job.started`).
    """
    name = (said or "").strip().lower()
    last = _LAST_WORD.fullmatch(name)
    *_, before, word = ["", "", *_WORD.findall(name)] if last is not None else ["", ""]
    if word in _HAPPENS and STATUSES.get(before, "firing") is None:
        return before
    if before in _RUNS and is_under_way(word, is_run=True):
        return "pending"
    if last is not None and last[1] in SEVERITIES and last.start(1) > 1:
        before = _LAST_WORD.fullmatch(name[: last.start(1) - 1])
        if before is not None and before[1] in STATUSES and STATUSES[before[1]] != "firing":
            return before[1]
    return last[1] if last is not None and last[1] in STATUSES else None


def states_something(text: str) -> bool:
    """Return True if a word of a text says that something fires, is over or is bad, as in `CRITICAL: disk`."""
    words = _WORD.findall(text[:4_000].lower())
    return any(STATUSES.get(word) is not None or word in _BAD or word in SEVERITIES for word in words)
