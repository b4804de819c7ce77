"""The common form of messages that are no CloudWatch alarms, and helpers to read them.

A notice resolves an alert only if AWS reports again about the same event, environment or finding. The success of a
later run (a backup, a deployment, a launch) neither fires nor resolves.
"""

import json
import re
from dataclasses import dataclass, field
from typing import Any, Literal

from firstline.models import SourceSeverity
from firstline.sources import values
from firstline.sources.severity import Presumed

type Event = dict[str, Any]
"""An EventBridge event as parsed JSON."""

type State = Literal["firing", "resolved"] | None
"""The effect of a notice: its alert fires or resolves; None if the notice is ignored."""

_BAD_WORDS = "failed failure error fault timedout timeout aborted expired impaired unsuccessful partial"
_GOOD_WORDS = (
    "succeeded success successful completed complete ok passed finished available created deleted modified started "
    "start inprogress running pending queued submitted runnable starting stopping stopped ready resumed cancelled "
    "succeed"
)
_BAD, _GOOD = frozenset(_BAD_WORDS.split()), frozenset(_GOOD_WORDS.split())

_STATE_KEYS = ("status", "state", "result", "currentstate", "currentstatus", "laststatus", "newstate", "eventtype")
# Not any `…Status`: a problem's message may say in passing that something else is running.
_STATE_OF_RUN = re.compile(
    r"(?!prev|old|prior|former).*(?:job|build|run|task|execution|deployment|pipeline|test|backup|workflow|alarm|alert)"
    r"(?:status|state|result)"
)


def presumed(severity: SourceSeverity | None) -> Presumed | None:
    """Mark a severity as presumed by Firstline, because AWS states none for the event; return None for None."""
    return Presumed(severity, "firing") if severity else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """The facts that a reader found in a message that is no CloudWatch alarm, such as an event of an AWS service.

    Attributes
    ----------
    name
        The alert's name, which says what happened.
    identity
        The values that tell the alert from others, of which its fingerprint is made; no times and no counts.
    problem
        The values that tell the incident from others, of which the group key is made; by default those of `identity`.
    about
        The resource or service that the message is about.
    why
        The reason why a notice without a state is ignored.
    """

    name: Any
    state: State
    identity: tuple[Any, ...]
    problem: tuple[Any, ...] | None = None
    about: Any = None
    why: str | None = None
    severity: Any = None
    text: tuple[Any, ...] = ()
    labels: dict[str, Any] = field(default_factory=dict)
    host: Any = None
    environment: Any = None
    account: Any = None
    region: Any = None
    at: Any = None
    url: Any = None


def state_of_run(word: Any) -> State:
    """Return firing for a word that says that a run (a job, a build, an execution) failed; None for any other."""
    return "firing" if letters(word) in _BAD else None


def is_good_news(word: Any) -> bool:
    """Return True for a word for success (`completed`) or for something that is under way (`running`)."""
    return letters(word) in _GOOD


def state_key(fields: dict[str, Any]) -> str | None:
    """Return the key that holds the state in a message's fields, such as `status` or `TrainingJobStatus`, or None.

    A plain `status` or `state` is preferred to the status of a job or run.
    """
    stated = [(letters(key), key) for key in fields if values.scalar(fields[key])]
    plain = next((key for word in _STATE_KEYS for name, key in stated if name == word), None)
    return plain or next((key for name, key in stated if _STATE_OF_RUN.fullmatch(name)), None)


def letters(word: Any) -> str:
    """Return only the letters of a word, in lower case: `TIMED_OUT`, `Timed Out` and `timed-out` become equal."""
    return "".join(char for char in (values.scalar(word) or "")[:64].lower() if char.isalpha())


def last_of_arn(arn: Any) -> str | None:
    """Return the resource's own name from the end of an ARN; return any other text unchanged."""
    text = values.scalar(arn)
    return re.split(r"[:/]", text)[-1] if text and text.startswith("arn:") else text


def called(value: Any) -> str:
    """Return a value of a message as a name on one line, or `unknown` for a missing or empty value."""
    return values.name(value) or "unknown"


def line(label: str, value: Any) -> str | None:
    """Return the text `label: value`, or None if there is no value."""
    text = values.scalar(value)
    return f"{label}: {text}" if text else None


def part(value: Any, *path: str) -> Any:
    """Return the value at a path of keys through nested objects, or None if a key is missing."""
    for key in path:
        value = value.get(key) if type(value) is dict else None
    return value


def items(value: Any) -> list[Any]:
    """Return a list unchanged, and an empty list for any other value."""
    return value if type(value) is list else []


def first(value: Any) -> Any:
    """Return the first element of a list; None for an empty list or any other value."""
    return next(iter(items(value)), None)


_OF_ONE_SENDING = (
    "id uuid messageid eventid requestid correlationid traceid spanid executionid runid jobid invocationid token "
    "time timestamp date datetime at createdat updatedat startedat finishedat endedat starttime endtime eventtime "
    "starteventtime createtime updatetime duration elapsed ts"
)
_RUN_KEYS = frozenset(_OF_ONE_SENDING.split())
_PASSING = re.compile(
    r"\b[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}\b"  # UUID
    r"|\b\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d(?:[.,]\d+)?)?(?: ?(?:Z|UTC|GMT|[+-]\d\d:?\d\d))?)?"  # ISO 8601
    r"|\b\d{1,2}:\d\d(?::\d\d(?:[.,]\d+)?)?(?: ?[AP]M)?(?: ?(?:UTC|GMT|Z))?\b"  # a clock
    r"|(?<![\w.])\d{1,2}([/.])\d{1,2}\1\d{2,4}(?![.\w])"
    r"|\b(?:(?:Mon|Tues?|Wed(?:nes)?|Thu(?:rs)?|Fri|Sat(?:ur)?|Sun)(?:day)?,? )?"
    r"(?:\d{1,2} )?(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)[a-z]*\.?,? \d{1,4}(?:,? \d{4})?\b"
    r"|\b\d{1,6} ?(?:(?:sec(?:ond)?|min(?:ute)?|hour|day|week)s?)\b"  # how long it lasts, or will last
    r"|(?<![\w-])(?=[0-9a-f]*\d)[0-9a-f]{16,}\b"  # a digest; the id of an instance has a prefix and stays
    r"|(?<![\w.-])1[5-9]\d{8}(?:\d{3}|\d{6}|\d{9}|\.\d+)?\b",  # seconds, ms, µs or ns since 1970; no account's number
    re.IGNORECASE,
)


def essence(value: Any) -> str:
    """Return a message as text without its times, durations and ids, so that a repeated message gives the same text."""
    if type(value) is dict:
        kept = {key: value[key] for key in sorted(value) if letters(key) not in _RUN_KEYS}
        return json.dumps({key: essence(item) for key, item in kept.items()})
    if type(value) is list:
        return json.dumps([essence(item) for item in value])
    return " ".join(_PASSING.sub(" ", (values.scalar(value) or "")[:20_000]).split())


def notice_of(event: Event, **said: Any) -> Notice:
    """Return a notice with the fields in `said`; its account, region and time are the event's unless `said` has them.

    Its labels are the fields of the event's `detail`, with the labels in `said` added. An account or region of None in
    `said` is ignored.
    """
    labels = {**values.labels(event.get("detail")), **said.pop("labels", {})}
    envelope = {key: event.get(key) for key in ("account", "region")}
    given = {key: value for key, value in said.items() if value is not None or key not in envelope}
    return Notice(**{**envelope, "at": event.get("time"), "labels": labels, **given})
