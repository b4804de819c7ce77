"""The lifecycle of an open incident: acknowledged, resolved by a person, hold ended, and what joins or ends.

Each change is first written to the store, under a condition; then the waiting execution is told. An execution that
begins to wait after the write is refused its wait and looks at the record, and one that waits already is told: no
signal is lost in between. A signal says only that something happened; the execution reads the record.

The execution also shows the change to people, unless they see it already: whoever can show it does so between the write
and the signal (`show`), so that one change is one edit of the incident's message.

Approvals: `firstline.people.approve`.
"""

from collections.abc import Callable
from datetime import datetime
from typing import Literal, Protocol

from firstline.contracts import ExecutionInput
from firstline.incidents.store import Incidents
from firstline.incidents.waking import must_wake
from firstline.models import Awaiting, Incident, IncidentRecord, Live
from firstline.observability import metrics

type ExecutionState = Literal["RUNNING", "ENDED", "UNKNOWN"]
"""UNKNOWN: Step Functions knows no execution of that name."""

MAX_NAME_LENGTH = 80
"""Step Functions' limit for the name of an execution."""

WITH_PEOPLE: tuple[Awaiting, ...] = ("acknowledgement", "resolution")
"""The waits of an execution whose incident is with people."""

SHOWN = "answered"
"""The signal of an acknowledgement that people see already, so that the execution has nobody to tell."""

_TIME_AND_HASH_LENGTH = 26
"""The end of an incident's id, which tells it from others; a name that is too long is cut before it."""


class Executions(Protocol):
    """The executions of the state machine. Every method raises `ExecutionsUnavailable` when Step Functions fails."""

    def start(self, incident: Incident, generation: int) -> None:
        """Start an incident's execution; starting it again changes nothing.

        Its name is `execution_name`, its input `execution_input`.
        """

    def signal(self, token: str, signal: str, by: str) -> bool:
        """End the wait behind a task token; return False if nothing waits on it any more."""

    def describe(self, incident_id: str, generation: int) -> ExecutionState:
        """Return whether an incident's execution of that generation runs."""

    def failed_since(self, since: datetime) -> list[str]:
        """Return the ids of incidents whose execution failed, was stopped or timed out since a time, newest first."""


def execution_name(incident_id: str, generation: int) -> str:
    """Return the name of an incident's execution: its id, and for a successor the generation behind it."""
    if generation == 1:
        return incident_id
    suffix = f"-{generation}"
    headline, end = incident_id[:-_TIME_AND_HASH_LENGTH], incident_id[-_TIME_AND_HASH_LENGTH:]
    return headline[: MAX_NAME_LENGTH - len(end) - len(suffix)] + end + suffix


def execution_input(incident: Incident, generation: int) -> str:
    """Return the input of an execution. Its bytes are the same each time, so that a second start changes nothing."""
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
    """Record who acknowledged the incident.

    Return None if someone already has since the newest page, or the incident is over or unknown.

    Parameters
    ----------
    show
        Shows people the change before the execution is told, and returns True if they see it. Else the execution does.
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

    The next page is due when the newest one would have been answered too late if it went out now: who gives an incident
    to another person has paged that person.
    """
    record = incidents.take_back(incident_id, now)
    if record is not None:
        wake(record.live, "taken back", by, executions, only=WITH_PEOPLE)
    return record


def escalate(
    incident_id: str, by: str, now: datetime, *, incidents: Incidents, executions: Executions
) -> IncidentRecord | None:
    """Make the next page due at once, for a person. Return None if the incident is over or not with people."""
    record = incidents.escalate(incident_id, now)
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
    """Resolve the incident for a person, and tell its execution. Return None if it is over or unknown.

    It is no acknowledgement: that would also answer a page for what joins in the same moment.

    Parameters
    ----------
    seen
        `Live.joined` as the person had seen it; None if they cannot know it.

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
    """End the incident's hold, even one about to begin. Return None if it has ended or the incident is over."""
    record = incidents.end_hold(incident_id, because, now)
    if record is not None:
        wake(record.live, "go on", because, executions, only=("hold",))
    return record


def wake(
    live: Live | None, signal: str, by: str, executions: Executions, *, only: tuple[Awaiting, ...] | None = None
) -> bool:
    """End the wait of an incident's execution. Return False if it waits for nothing, or only for something else.

    Parameters
    ----------
    only
        The waits that the signal is meant for; None for all of them.
    """
    if live is None or live.task_token is None or live.awaiting is None:
        return False
    if only is not None and live.awaiting not in only:
        return False
    return executions.signal(live.task_token, signal, by)


def tell(live: Live, executions: Executions) -> bool:
    """Wake the execution if it must look at what joined or ended. Return True if it was woken."""
    if not live.open or not must_wake(live):
        return False
    return wake(live, "ended" if live.firing <= 0 else "joined", "the sender", executions)


def _count_acknowledgement(record: IncidentRecord, now: datetime) -> None:
    since = record.paged_at or record.incident.opened_at
    metrics.add_metric(name="TimeToAcknowledge", unit="Seconds", value=max(0.0, (now - since).total_seconds()))
