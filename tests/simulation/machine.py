"""Executions of state machines in virtual time, as Step Functions runs them.

Every state is an event of the clock, and so is every attempt of a task: between two of them anything else may happen.
Left out are Parallel, Map, activities, heartbeats and the other query language; a definition with them is refused.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, Any

from tests.simulation.clock import Event
from tests.simulation.definition import LONGEST_SECONDS, Machine, Way
from tests.simulation.jsonata import QueryFailed, Scope, Template, from_json

if TYPE_CHECKING:
    from tests.simulation.step_functions import StepFunctions

CALLBACK = ".waitForTaskToken"
START_CHILD = "arn:aws:states:::states:startExecution.sync:2"
MOST_EVENTS = 25_000
MOST_BYTES = 262_144
_write = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), check_circular=False).encode

_TERMINAL_ERRORS = {"States.DataLimitExceeded", "States.Runtime"}
"""Neither States.ALL nor States.TaskFailed matches them."""


class TaskError(Exception):
    """A task fails, with the name by which Retry and Catch know the error."""

    def __init__(self, name: str, cause: str = "") -> None:
        super().__init__(f"{name}: {cause}")
        self.name = name
        self.cause = cause


class Takes(Exception):
    """Raised by a resource that works for a time: `then` has the effect at its end, though nobody waits any more."""

    def __init__(self, seconds: float, then: Callable[[], Any]) -> None:
        super().__init__(f"takes {seconds} s")
        self.seconds = seconds
        self.then = then


@dataclass(frozen=True)
class Delayed:
    """Returned by a resource that has had its effect, but whose result (or TaskError) arrives only later."""

    seconds: float
    result: Any


type Resource = Callable[[Any, Mapping[str, Any]], Any]
"""Gets a task's arguments and `$states.context`; returns the result, or a `Delayed`; raises `TaskError` or `Takes`."""


class _HistoryFull(Exception):
    """The execution has as many events as Step Functions allows."""


@dataclass(eq=False, repr=False)
class Attempt:
    """One attempt of a task. Its token is closed as soon as the attempt is over."""

    token: str
    execution: "Execution"
    waits: bool
    timer: Event | None = None
    over: bool = False


@dataclass(eq=False, repr=False)
class Execution:
    """One run of a machine.

    Attributes
    ----------
    history
        The events so far: time, state ("" for the execution's own), and the type as Step Functions names it.
    """

    service: "StepFunctions"
    machine: Machine
    machine_arn: str
    name: str
    input: str
    started: datetime
    status: str = "RUNNING"
    ended: datetime | None = None
    output: str | None = None
    error: str | None = None
    cause: str | None = None
    history: list[tuple[datetime, str, str]] = field(default_factory=list)
    variables: dict[str, Any] = field(default_factory=dict)
    on_end: list[Callable[[], object]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.arn = f"{self.machine_arn.replace(':stateMachine:', ':execution:')}:{self.name}"
        self._input = from_json(self.input)
        self._context: dict[str, Any] = {
            "Execution": {"Id": self.arn, "Name": self.name, "Input": self._input, "StartTime": _iso(self.started)},
            "StateMachine": {"Id": self.machine_arn, "Name": self.machine_arn.rsplit(":", 1)[-1]},
        }
        self._state_input: Any = self._input
        self._retries: list[int] = []
        self._task: Attempt | None = None
        self._state = self.machine.states[self.machine.start]
        self._too_old = self.service.clock.at(
            self.started + self.machine.lifetime, partial(self.end, "TIMED_OUT", error="States.Timeout"), f"{self} ends"
        )
        self._record("ExecutionStarted", "")
        self._soon(partial(self._enter, self.machine.start, self._input), "starts")

    def __str__(self) -> str:
        """Return the name, for labels of events."""
        return self.name

    @property
    def path(self) -> list[str]:
        """The states that it entered."""
        return [state for _, state, event in self.history if event.endswith("StateEntered")]

    @property
    def token(self) -> str | None:
        """The token that it waits for."""
        return self._task.token if self._task and self._task.waits and not self._task.over else None

    def end(self, status: str, output: Any = None, error: str | None = None, cause: str | None = None) -> None:
        """End a running execution, whatever it does, and tell those who wait for its end."""
        if self.status != "RUNNING":
            return
        self.status, self.ended, self.error, self.cause = status, self.service.clock.now(), error, cause
        self.output = to_json(output) if status == "SUCCEEDED" else None
        event = {"TIMED_OUT": "ExecutionTimedOut"}.get(status, f"Execution{status.capitalize()}")
        self.history.append((self.ended, "", event))
        self._too_old.cancel()
        if self._task:
            self._close(self._task)
        self.service.on_status_change(self)
        for action in self.on_end:
            action()

    # --- from state to state ----------------------------------------------------------------------------------------

    def _soon(self, action: Callable[[], object], what: str, seconds: float | None = None) -> None:
        delay = self.service.latency() if seconds is None else seconds
        self.service.clock.after(delay, partial(self._run, action), f"{self} {what}")

    def _run(self, action: Callable[[], object]) -> None:
        """Do something if the execution still runs; an error that nothing catches fails it."""
        if self.status != "RUNNING":
            return
        try:
            action()
        except TaskError as error:
            self.end("FAILED", error=error.name, cause=error.cause)
        except _HistoryFull:
            cause = f"The execution reached the maximum number of history events ({MOST_EVENTS})."
            self.end("FAILED", error="States.Runtime", cause=cause)

    def _record(self, event: str, state: str | None = None) -> None:
        if len(self.history) >= MOST_EVENTS - 1:  # its failure is the last
            raise _HistoryFull
        self.history.append((self.service.clock.now(), self._state.name if state is None else state, event))

    def _scope(self, **more: Any) -> Scope:
        states = {"input": self._state_input, "context": self._context, **more}
        return Scope(self.variables, states, self.service.clock.now())

    def _value(self, field_name: str, default: Any = None) -> Any:
        template = self._state.values.get(field_name)
        return default if template is None else _evaluated(template, self._scope())

    def _enter(self, name: str, state_input: Any) -> None:
        self._state, self._state_input = self.machine.states[name], state_input
        state = self._state
        self._retries = [0] * len(state.retriers)
        entered = _iso(self.service.clock.now())
        self._context = self._context | {"State": {"Name": name, "EnteredTime": entered, "RetryCount": 0}}
        self._context.pop("Task", None)
        self._record(f"{state.kind}StateEntered")
        match state.kind:
            case "Task":
                self._attempt()
            case "Choice":
                self._leave(self._chosen(), self._scope(), state_input)
            case "Wait":
                seconds = _whole(self._value("Seconds"), "Seconds", least=0)
                self._soon(lambda: self._leave(state.own, self._scope(), state_input), f"has waited: {name}", seconds)
            case "Pass" | "Succeed":
                self._leave(state.own, self._scope(), state_input)
            case "Fail":
                self.end("FAILED", error=self._value("Error"), cause=self._value("Cause"))

    def _chosen(self) -> Way:
        for rule in self._state.choices:
            holds = _evaluated(rule.condition, self._scope())
            if not isinstance(holds, bool):
                raise TaskError("States.QueryEvaluationError", f"A Condition of {self._state.name} is no boolean.")
            if holds:
                return rule
        if self._state.own.target is None:
            raise TaskError("States.NoChoiceMatched", f"No rule of {self._state.name} holds, and it has no Default.")
        return self._state.own

    def _leave(self, way: Way, scope: Scope, default: Any) -> None:
        """Go a way: Assign and Output both see the variables as they were."""
        output = default if way.output is None else copied(_evaluated(way.output, scope), "output")
        self.variables = self.variables | copied(_evaluated(way.assign, scope), "variables")
        self._record(f"{self._state.kind}StateExited")
        if way.target is None:
            self._soon(lambda: self.end("SUCCEEDED", output), "ends")
        else:
            self._soon(partial(self._enter, way.target, output), f"enters {way.target}")

    # --- tasks ------------------------------------------------------------------------------------------------------

    def _attempt(self) -> None:
        self._task = task = self.service.new_attempt(self, self._state.resource)
        if self._state.resource.endswith(CALLBACK):
            self._context = self._context | {"Task": {"Token": task.token}}
        try:
            timeout = _whole(self._value("TimeoutSeconds", LONGEST_SECONDS), "TimeoutSeconds", least=1)
            arguments = copied(self._value("Arguments", {}), "arguments")
        except TaskError as error:
            self._finish(task, error)
            return
        self._record("TaskScheduled")
        self._record("TaskStarted")
        # Time-out and signals are told apart by which comes first, not by when the machine acts on it.
        task.timer = self.service.clock.after(
            timeout, partial(self._run, partial(self._finish, task, TaskError("States.Timeout"))), f"{self} times out"
        )
        self._work(task, partial(self.service.call, self._state.resource, arguments, self._context, task))

    def _work(self, task: Attempt, call: Callable[[], Any]) -> None:
        try:
            result = call()
        except Takes as takes:
            # Not through _run: the work goes on when the machine does not wait any more.
            self.service.clock.after(takes.seconds, partial(self._work, task, takes.then), f"{self} has worked")
        except TaskError as error:
            self._answered(task, error)
        else:
            self._answered(task, result)

    def _answered(self, task: Attempt, result: Any) -> None:
        if isinstance(result, Delayed):
            answer = partial(self._answered, task, result.result)
            self.service.clock.after(result.seconds, answer, f"{self} gets an answer")
        elif isinstance(result, TaskError) or not task.waits:
            self._run(partial(self._finish, task, result))
        elif not task.over:
            self._run(partial(self._record, "TaskSubmitted"))

    def signal(self, task: Attempt, result: Any) -> None:
        """End a wait with a result or a TaskError. The token is closed at once; the machine goes on a little later."""
        self._close(task)
        self._soon(partial(self._finish, task, result, signalled=True), "is signalled")

    def _close(self, task: Attempt) -> None:
        task.over = True
        if task.timer:
            task.timer.cancel()

    def _finish(self, task: Attempt, result: Any, *, signalled: bool = False) -> None:
        if task.over and not signalled:
            return
        self._close(task)
        try:
            if isinstance(result, TaskError):
                self._record("TaskTimedOut" if result.name == "States.Timeout" else "TaskFailed")
                raise result
            self._record("TaskSucceeded")
            result = copied(result, "result")
            self._leave(self._state.own, self._scope(result=result), result)
        except TaskError as error:
            self._recover(error)

    def _recover(self, error: TaskError) -> None:
        """Retry the task or go a catcher's way; raise the error again if there is none."""
        for index, retrier in enumerate(self._state.retriers):
            if _matches(retrier.errors, error.name):
                retries = self._retries[index]
                if retries < retrier.attempts:
                    self._retries[index] += 1
                    state = self._context["State"]
                    self._context = self._context | {"State": state | {"RetryCount": state["RetryCount"] + 1}}
                    delay = retrier.delay(retries, self.service.random)
                    self._soon(self._attempt, f"retries {self._state.name}", delay)
                    return
                break
        for catcher in self._state.catchers:
            if _matches(catcher.errors, error.name):
                output = {"Error": error.name, "Cause": error.cause}
                self._leave(catcher, self._scope(errorOutput=output), output)
                return
        raise error


def _matches(errors: tuple[str, ...], name: str) -> bool:
    if name in errors:
        return True
    wild = "States.ALL" in errors or ("States.TaskFailed" in errors and name != "States.Timeout")
    return wild and name not in _TERMINAL_ERRORS


def _evaluated(template: Template, scope: Scope) -> Any:
    try:
        return template(scope)
    except QueryFailed as error:
        raise TaskError("States.QueryEvaluationError", str(error)) from error


def _whole(value: Any, what: str, least: int) -> int:
    if isinstance(value, int) and not isinstance(value, bool) and least <= value <= LONGEST_SECONDS:
        return value
    raise TaskError("States.QueryEvaluationError", f"{what} is {value!r}, no whole number from {least} on.")


def to_json(value: Any) -> str:
    """Write JSON as compactly as Step Functions does, which counts its bytes."""
    return _write(value)


def copied(value: Any, what: str) -> Any:
    """Copy a value through JSON, as it travels between the machine and what it calls."""
    text = to_json(value)
    if len(text) > MOST_BYTES // 4 and len(text.encode("utf-8", "surrogatepass")) > MOST_BYTES:
        raise TaskError("States.DataLimitExceeded", f"The {what} exceeds {MOST_BYTES} bytes.")
    return from_json(text)


def _iso(time: datetime) -> str:
    return time.isoformat(timespec="milliseconds").replace("+00:00", "Z")
