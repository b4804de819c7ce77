"""The lifecycle of an open incident: acknowledgement, Resolve by a person, end of a hold, alerts that join or end.

Each change is first written to the store, under a condition; then the waiting execution gets a signal. No change is
missed in between: an execution that begins to wait after the write is refused its wait, and reads the record instead. A
signal says only that something happened; the execution reads the record.

The execution also shows the change to people. A caller that can show the change itself does so between the write and
the signal (`show`), so that the incident's message is edited only once.

A function that changes an incident returns its record as it stands after the change. Approvals are in
`firstline.people.approve`.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING, Literal, NamedTuple, Protocol

from firstline.incidents.waking import must_wake
from firstline.models import ExecutionInput
from firstline.observability import metrics

if TYPE_CHECKING:
    from firstline.incidents.store import Incidents
    from firstline.models import Awaiting, Incident, IncidentRecord, Live

type ExecutionState = Literal["RUNNING", "ENDED", "UNKNOWN"]
"""The state of an execution; UNKNOWN if Step Functions has no execution of that name."""

MAX_NAME_LENGTH = 80
"""Step Functions' limit for the name of an execution."""

WITH_PEOPLE: tuple[Awaiting, ...] = ("acknowledgement", "resolution")
"""The waits of an execution whose incident is with people."""

SHOWN = "answered"
"""The signal for an acknowledgement that people see already, so that the execution does not show it again."""

_TIME_AND_HASH_LENGTH = 26
"""The length of the time and the hash at the end of an incident's id, which a name that is cut must keep."""


class BadEnd(NamedTuple):
    """The end of an execution that failed, was stopped or timed out."""

    name: str
    status: Literal["FAILED", "ABORTED", "TIMED_OUT"]
    at: datetime


class Executions(Protocol):
    """The executions of the state machine. Every method raises `ExecutionsUnavailable` when Step Functions fails."""

    def start(self, incident: Incident, generation: int) -> None:
        """Start an incident's execution; starting it again changes nothing.

        `generation` counts the incident's executions: 1 is the first, 2 its successor. The name is `execution_name`,
        the input `execution_input`.
        """

    def signal(self, token: str, signal: str, by: str) -> bool:
        """End the wait of a task token with a signal; return False if no execution waits on the token any more.

        `signal` is what happened, such as `acknowledged`; `by` says in words who or what caused it.
        """

    def describe(self, incident_id: str, generation: int) -> ExecutionState:
        """Return whether one of an incident's executions runs, has ended or is unknown.

        `generation` counts the incident's executions: 1 is the first, 2 its successor.
        """

    def ended_badly(self, since: datetime) -> list[BadEnd]:
        """Return the executions that failed, were stopped or timed out since a time, newest end first."""

    def incident_of(self, name: str) -> str | None:
        """Return the id of the incident that an execution, given by its name, belongs to; None if that is unknown."""


def execution_name(incident_id: str, generation: int) -> str:
    """Return the name of an incident's execution: the incident's id or, for its second execution, `<id>-2`, and so on.

    In a name longer than `MAX_NAME_LENGTH`, the readable part before the id's time and hash is shortened.
    """
    if generation == 1:
        return incident_id
    suffix = f"-{generation}"
    headline, end = incident_id[:-_TIME_AND_HASH_LENGTH], incident_id[-_TIME_AND_HASH_LENGTH:]
    return headline[: MAX_NAME_LENGTH - len(end) - len(suffix)] + end + suffix


def execution_input(incident: Incident, generation: int) -> str:
    """Return the input of an incident's first (`generation` 1), second, … execution as JSON.

    The bytes are the same each time, so that a second start of the same execution has no effect.
    """
    return ExecutionInput(incident=incident, generation=generation).model_dump_json()


def acknowledge(
    incident_id: str,
    by: str,
    now: datetime,
    *,
    incidents: Incidents,
    executions: Executions,
    show: Callable[[IncidentRecord], bool] | None = None,
) -> IncidentRecord | None:
    """Record that a person acknowledged the incident, and wake its execution.

    Return None if somebody acknowledged it after the newest page, or if the incident is over or unknown.

    Parameters
    ----------
    show
        Shows the change to people before the signal, and returns True if that worked. Else the execution shows it.
    """
    record = incidents.acknowledge(incident_id, by, now)
    if record is not None:
        _count_acknowledgement(record, now)
        shown = show is not None and show(record)
        wake(record.live, SHOWN if shown else "acknowledged", by, executions, only=WITH_PEOPLE)
    return record


def take_back(
    incident_id: str, by: str, now: datetime, *, incidents: Incidents, executions: Executions
) -> IncidentRecord | None:
    """Take an acknowledgement back, so that paging goes on. Return None if there is none, or the incident is over.

    The next page is due as if the newest page had gone out now, which gives the next person time to acknowledge.
    """
    record = incidents.take_back(incident_id, now)
    if record is not None:
        wake(record.live, "taken back", by, executions, only=WITH_PEOPLE)
    return record


def escalate(
    incident_id: str,
    by: str,
    now: datetime,
    *,
    seen: int | None = None,
    incidents: Incidents,
    executions: Executions,
) -> IncidentRecord | None:
    """Make the next page due at once, because a person asks for it.

    Return None if the incident is over, Firstline still deals with it by itself, somebody escalated it already, or
    people were paged since the person saw the page number `seen` (None: unknown).
    """
    record = incidents.escalate(incident_id, by, now, seen=seen)
    if record is not None:
        wake(record.live, "escalated", by, executions, only=WITH_PEOPLE)
    return record


def resolve_by_hand(
    incident_id: str,
    by: str,
    now: datetime,
    *,
    seen: int | None = None,
    incidents: Incidents,
    executions: Executions,
) -> IncidentRecord | None:
    """Resolve the incident for a person, and wake its execution. Return None if the incident is over or unknown.

    A Resolve does not acknowledge: an alert that joins at the same moment is still paged.

    Parameters
    ----------
    seen
        The value of `Live.joined` that the person had seen; None if the person could not see it.

    Raises
    ------
    JoinedSince
        Alerts joined that the person had not seen. The incident stays open.
    """
    record = incidents.resolve(incident_id, by, now, seen=seen)
    if record is not None:
        if record.acknowledged_at is None:
            _count_acknowledgement(record, now)
        wake(record.live, "resolved", by, executions)
    return record


def end_hold(
    incident_id: str, because: str, now: datetime, *, incidents: Incidents, executions: Executions
) -> IncidentRecord | None:
    """End the incident's hold, even a hold that is about to begin, and wake the execution.

    `because` says in words why it ends. Return None if the hold has ended already or the incident is over.
    """
    record = incidents.end_hold(incident_id, because, now)
    if record is not None:
        wake(record.live, "go on", because, executions, only=("hold",))
    return record


def wake(
    live: Live | None, signal: str, by: str, executions: Executions, *, only: tuple[Awaiting, ...] | None = None
) -> bool:
    """End the wait of an incident's execution with a signal. Return False if no such wait was ended.

    Parameters
    ----------
    live
        The incident's `Live` item, which says what the execution waits for; None if the table has none.
    signal, by
        What happened, such as `acknowledged`, and in words who or what caused it.
    only
        The kinds of waits that the signal may end; None for every kind.
    """
    if live is None or live.task_token is None or live.awaiting is None:
        return False
    if only is not None and live.awaiting not in only:
        return False
    return executions.signal(live.task_token, signal, by)


def tell(live: Live, executions: Executions) -> bool:
    """Wake the execution if alerts joined or ended that it must react to. Return True if it was woken."""
    if not live.open or not must_wake(live):
        return False
    return wake(live, "ended" if live.firing <= 0 else "joined", "the sender", executions)


def _count_acknowledgement(record: IncidentRecord, now: datetime) -> None:
    since = record.paged_at or record.incident.opened_at
    metrics.add_metric(name="TimeToAcknowledge", unit="Seconds", value=max(0.0, (now - since).total_seconds()))
