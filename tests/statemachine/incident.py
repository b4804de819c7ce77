"""One execution of the machine, and what is known of its incident."""

import json
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from moto.stepfunctions.parser.api import ExecutionStatus
from moto.stepfunctions.parser.backend.execution import Execution

from firstline.incidents import lifecycle
from firstline.models import IncidentRecord

if TYPE_CHECKING:
    from tests.statemachine.world import World

PATIENCE_SECONDS = 90.0
"""The time for the machine to get somewhere; only a broken machine needs it all."""

ROUTING = {"What Now?", "Go"}
"""States between two states that do something."""


class Incident:
    """One execution, and what is known of its incident."""

    def __init__(self, world: "World", incident_id: str, generation: int = 1) -> None:
        self.id = incident_id
        self._world = world
        self._generation = generation
        self._execution = world.execution(lifecycle.execution_name(incident_id, generation))
        self._waits_seen = 0

    # --- where it stands ----------------------------------------------------------------------------------------------

    @property
    def history(self) -> list[dict[str, Any]]:
        """The execution's events so far."""
        # Not get_event_history(), which copies it all: it is asked for hundreds of times.
        return list(environment(self._execution).event_manager._history_event_list)

    @property
    def transitions(self) -> list[str]:
        """All states that it entered: what AWS bills."""
        return [
            event["stateEnteredEventDetails"]["name"] for event in self.history if "stateEnteredEventDetails" in event
        ]

    @property
    def path(self) -> list[str]:
        """The states that it entered, without those that only lead to the next one."""
        return [state for state in self.transitions if state not in ROUTING]

    @property
    def record(self) -> IncidentRecord:
        """The incident in the table."""
        record = self._world.history.record(self.id)
        assert record is not None
        return record

    @property
    def release_path(self) -> list[str]:
        """The states that the machine which takes releases back entered for it, attempt after attempt."""
        children = self._world._executions(self._world.created.state_machines["ReleaseStateMachine"])
        events = [
            event
            for child in children
            if child.name.startswith(self.id)
            for event in environment(child).event_manager._history_event_list
        ]
        return [event["stateEnteredEventDetails"]["name"] for event in events if "stateEnteredEventDetails" in event]

    def stands_in(self, state: str) -> "Incident":
        """Wait until it has entered this wait (again, if it was there before) and its token is in the table.

        `Await Step` counts only for a command whose end nobody tells: any other wait for a command is over in a moment.
        """

        def waits() -> bool:
            ends_soon = self.path[-1:] == ["Await Step"] and not self._world.commands.newest_is_silent
            waiting = self._waits() and not ends_soon
            if not waiting and self._execution.exec_status != ExecutionStatus.RUNNING:
                raise AssertionError(f"ended {self._execution.exec_status} without standing in {state}: {self.path}")
            return waiting

        eventually(waits, lambda: f"a wait in {state!r}; it went {self.path}")
        assert self.path[-1] == state, self.path
        self._waits_seen = self.history[-1]["id"]
        return self

    def passes_through(self, state: str) -> "Incident":
        """Wait until it has entered this state."""
        eventually(lambda: state in self.transitions, lambda: f"{state!r}; it went {self.path}")
        return self

    def ends(self, status: str = "SUCCEEDED") -> list[str]:
        """Let the grouping window pass, wait for its end with this status, and return its path."""

        def over() -> bool:
            if self._waits_in("Await Quiet"):
                self._waits_seen = self.history[-1]["id"]
                self.times_out()
            return bool(self._execution.exec_status != ExecutionStatus.RUNNING)

        eventually(over, lambda: f"an end; {self.path}")
        assert self._execution.exec_status == status, (self._execution.error, self._execution.cause, self.path)
        return self.path

    def _waits_in(self, state: str) -> bool:
        return self._waits() and self.path[-1] == state

    def _waits(self) -> bool:
        events = self.history
        stands = bool(events) and _is_wait(events[-1]) and events[-1]["id"] > self._waits_seen
        # A signal that came before the function returned ends the wait just after it has begun.
        return stands and any(not each._notify_event.is_set() for each in _endpoints(self._execution))

    @property
    def failure(self) -> tuple[str | None, str | None]:
        """Error and cause of a failed execution."""
        return self._execution.error, self._execution.cause

    @property
    def time_out_seconds(self) -> int:
        """After how long the task that it stands in would time out."""
        scheduled = [event for event in self.history if event["type"] == "TaskScheduled"]
        seconds: int = scheduled[-1]["taskScheduledEventDetails"]["timeoutInSeconds"]
        return seconds

    @property
    def largest_data(self) -> int:
        """The bytes of the largest text in any event: an input, an output, arguments, a variable."""
        return max(len(text.encode()) for event in self.history for text in _texts(event))

    # --- what happens to it -------------------------------------------------------------------------------------------

    def times_out(self) -> None:
        """Let the current wait time out."""
        self._world.passes(self.time_out_seconds + 1)
        environment(self._execution).callback_pool_manager.get(self.token).interrupt_all()

    @property
    def token(self) -> str | None:
        """The token of the wait that it stands in."""
        if self.path[-1] == "Await Step":
            pk = f"COMMAND#{self._world.commands.newest}"
            (token,) = [item["task_token"]["S"] for item in self._world.items() if item["pk"]["S"] == pk]
            return str(token)
        live = self.record.live
        assert live is not None
        return live.task_token

    def is_stopped(self) -> None:
        """Stop the execution, as somebody might in the console."""
        stop(self._execution)
        self.ends("ABORTED")

    def is_succeeded(self) -> "Incident":
        """Let reconcile run after two minutes; return the execution that it started."""
        self._world.passes(120)
        self._world.reconciles()
        return Incident(self._world, self.id, self._generation + 1)

    def is_acknowledged(self, by: str = "ada") -> IncidentRecord | None:
        """Acknowledge the incident."""
        return lifecycle.acknowledge(
            self.id, by, self._world.now(), incidents=self._world.history, executions=self._world.executions
        )

    def is_resolved(self, by: str = "ada") -> IncidentRecord | None:
        """Resolve the incident."""
        return lifecycle.resolve_by_hand(
            self.id, by, self._world.now(), incidents=self._world.history, executions=self._world.executions
        )

    def is_approved(self, by: str = "ada") -> None:
        """Press Approve."""
        self._world.presses("approve", self.id, by)

    def is_refused(self, by: str = "ada") -> None:
        """Press Refuse."""
        self._world.presses("refuse", self.id, by)


def environment(execution: Execution) -> Any:
    """Return what moto knows of a running execution."""
    assert execution.exec_worker is not None
    return execution.exec_worker.env


def stop(execution: Execution) -> None:
    """Stop an execution, and whatever it waits for."""
    execution.stop(datetime.now(UTC), None, None)
    for endpoint in _endpoints(execution):
        endpoint.interrupt_all()


def _endpoints(execution: Execution) -> list[Any]:
    """Return what an execution's waits were or are told with; those of earlier waits have been notified."""
    return list(environment(execution).callback_pool_manager._pool.values())


def is_over(execution: Execution) -> bool:
    """Return True if an execution has ended."""
    return bool(execution.exec_status != ExecutionStatus.RUNNING)


def _is_wait(event: dict[str, Any]) -> bool:
    """Tell whether a token is in the table or a child's execution was submitted."""
    submitted = event.get("taskSubmittedEventDetails", {})
    return bool(submitted.get("resource", "").endswith(".waitForTaskToken"))


def _texts(value: Any) -> Iterator[str]:
    """Yield every text in an event; JSON as Step Functions counts it, without escapes."""
    match value:
        case str():
            try:
                yield json.dumps(json.loads(value), ensure_ascii=False)
            except ValueError:
                yield value
        case dict():
            for item in value.values():
                yield from _texts(item)


def eventually(holds: Callable[[], bool], what: str | Callable[[], str]) -> None:
    """Wait until something holds, for as long as a busy machine may take."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not holds():
        if time.monotonic() > deadline:
            raise AssertionError(f"waited {PATIENCE_SECONDS:.0f} s for {what if isinstance(what, str) else what()}")
        time.sleep(0.01)
