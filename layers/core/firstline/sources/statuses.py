"""The words by which senders say that an alert fires, that it is over, or that neither happened.

An acknowledgement, an assignment or a comment neither fires nor ends an alert, even if the message repeats its state.
"""

import re
from typing import Literal

from firstline.sources.severity import WORDS as SEVERITIES

type Status = Literal["firing", "resolved"] | None
"""The state of an alert; None for a message that neither fires nor ends it, such as an acknowledgement."""

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
"""The state of an alert by the sender's word for it, in lower case."""


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_UNDER_WAY = _words("running starting queued submitted processing inprogress executing")
_BEGINS = _words("started start begun began begin")
_RUNS = _words("job jobs build run task backup workflow dag pipeline sync scan export import cron batch")
"""The words for runs, such as jobs and builds. That a run started is no trouble; that an outage started is."""
_COMPLETED = _words("complete completed finished")
"""The words for the end of a run that do not say whether it succeeded."""
_HAPPENS = _BEGINS | _words("created added opened ended end closed finished completed expired deleted removed")
"""The words for changes that happen to alerts, but also to silences and comments."""

_HOLDS = _words(
    "acknowledgement acknowledge ack muted mute silenced silence suppressed suppression snoozed snooze maintenance "
    "downtime pause paused"
)
"""The words for what keeps an alert from people; when it ends, an alert that still fires is theirs again."""
_ENDED = _words("ended end closed finished completed expired deleted removed cancelled canceled over lifted")

_BAD = _words("alarm alarms failure fails timeout outage full dead lost stuck")
"""Words that are no status, but say in a text that something is wrong."""
_BAD_RESULTS = _words(
    "failed failing failure fails error errored timeout timedout unstable aborted exception crashed killed "
    "partiallysucceeded failedwitherrors"
)
_CONDITIONS = _words(
    "breached breaching exceeded exceeding violated violating met true detected in above below over too threshold "
    "thresholds"
)
"""Words for a condition that may follow `no longer`: "no longer in alarm", "no longer above threshold"."""
_WORD = re.compile("[a-z]+")
_CAMEL = re.compile(r"(?<=[a-z])(?=[A-Z])")
_ARROW = re.compile(r"->|=>|\u2192")
_NOW = re.compile(r"ended \(now: ?([^()]{1,40})\)", re.IGNORECASE)
"""PRTG's phrase for a change of state, which names the new state in brackets: `Down ended (now: Up)`."""
_ENDS = _words("resolved resolve recovered recovery closed close cleared clear ended")
"""Words for an end that the severity of the ended alert may follow: `ResolvedCritical`."""
_FILLERS = _words(
    "alert alarm problem incident issue state status system user auto automatically manually fully back to now is has "
    "been by"
)
_LAST_WORD = re.compile(r"(?:[\w.:-]{0,100}(?<!not)(?<!no)(?<!non)[._:-])?([a-z]{1,30})(?:_v\d{1,3})?")


def status_of(said: str) -> Status:
    """Return the status that a word or phrase states; None for neither firing nor resolved.

    An unknown word is firing: better one incident too many. `Down (Acknowledged)` and `under_maintenance` are None;
    `Closed - Resolved`, `ResolvedCritical` and `critical -> ok` are resolved.
    """
    said = _now(said)
    word = said.strip().lower()
    if _is_neither(word):
        return None
    return STATUSES[word] if word in STATUSES else "resolved" if _is_over(said) else "firing"


def is_known(word: str) -> bool:
    """Return True if `status_of` knows a word or phrase in lower case, instead of assuming that it means firing."""
    word = _now(word)
    return word in STATUSES or _is_neither(word) or _is_over(word)


def _now(said: str) -> str:
    """Return the present status in a phrase of PRTG: `Up` of `Down ended (now: Up)`; return other phrases unchanged."""
    told = _NOW.search(said[:100])
    return told[1] if told is not None else said


def _is_over(phrase: str) -> bool:
    """Return True if a phrase says that an alert is over: `Closed - Resolved`, `no longer failing`, `outage ended`.

    Of a phrase with an arrow, such as `critical -> ok`, only the words after the last arrow count.
    """
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
    """Return True for a word that says that something goes on, such as `running`.

    With `is_run`, the word is the status of a run, such as a job; words for a beginning (`started`) then count too.
    """
    word = "".join(_WORD.findall(said[:100].lower()))
    return word in _UNDER_WAY or (is_run and word in _BEGINS)


def is_completed(said: str) -> bool:
    """Return True for a word that says that a run ended, but not whether it succeeded: `completed`."""
    return said.strip().lower() in _COMPLETED


def is_failure(said: str) -> bool:
    """Return True for a word for a bad result of a run: `FAILURE`, `timed_out`, `unstable`."""
    return "".join(_WORD.findall(said[:100].lower())) in _BAD_RESULTS


def names_run(key: str) -> bool:
    """Return True if a field's name, in lower case without punctuation, stands for a run: `job`, `jobname`, `runid`."""
    return any(key.removesuffix(end) in _RUNS for end in ("", "name", "id", "status", "state", "type"))


def _is_neither(word: str) -> bool:
    words = _WORD.findall(word[:100]) if word not in STATUSES else [word]
    return "not" not in words and any(STATUSES.get(each, "firing") is None for each in words)


def word_of_event(said: str | None) -> str | None:
    """Return the status word at the end of an event's name (`down` of `uptime.down`), or None.

    A severity may follow the word for an end: `POLICY_CLOSE_CRITICAL` gives `close`. An event of a comment or a silence
    gives the word for that (`comment` of `comment.created`), and a job that begins (`job.started`) gives `pending`.
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


def ends_hold(said: str | None) -> bool:
    """Return True if an event's name says that a silence or maintenance is over: `silence.expired`, `snooze_ended`."""
    *_, before, word = ["", "", *_WORD.findall((said or "")[-100:].lower())]
    return word in _ENDED and before in _HOLDS


def states_something(text: str) -> bool:
    """Return True if any word of a text states that something fires, is over, is bad or is severe: `CRITICAL: disk`."""
    words = _WORD.findall(text[:4_000].lower())
    return any(STATUSES.get(word) is not None or word in _BAD or word in SEVERITIES for word in words)
