"""Step Functions' service: boto3's client for the executions of a few machines in virtual time."""

import re
from collections.abc import Callable, Mapping
from datetime import timedelta
from fnmatch import fnmatchcase
from functools import cache, partial
from random import Random
from types import SimpleNamespace
from typing import Any

from botocore.exceptions import ClientError

from tests.simulation.clock import VirtualClock
from tests.simulation.definition import Machine
from tests.simulation.jsonata import from_json
from tests.simulation.machine import (
    CALLBACK,
    MOST_BYTES,
    START_CHILD,
    Attempt,
    Execution,
    Resource,
    Takes,
    TaskError,
    to_json,
)

NAME_RESERVED = timedelta(days=90)
LONGEST_NAME = 80
PAGE = 100

_REFUSED_IN_NAMES = re.compile(r"[\s<>{}\[\]?*\"#%\\^|~`$&,;:/\x00-\x1f\x7f-\x9f]")


TOKEN_CHARS = 700
"""About the length of AWS's task tokens, which counts: the item that holds one is written as a whole."""


class ExecutionAlreadyExists(ClientError):
    """Another execution has, or had within 90 days, this name."""


class ExecutionDoesNotExist(ClientError):
    """No execution has this ARN."""


class StateMachineDoesNotExist(ClientError):
    """No machine has this ARN."""


class InvalidExecutionInput(ClientError):
    """The input is no JSON, or too long."""


class InvalidOutput(ClientError):
    """The output of a task is no JSON, or too long."""


class InvalidName(ClientError):
    """The name is too long or has characters that names may not have."""


class InvalidToken(ClientError):
    """No task ever had this token."""


class TaskTimedOut(ClientError):
    """The task with this token is over."""


class TaskDoesNotExist(ClientError):
    """The activity of the task does not exist; there are no activities here, so that nothing raises this."""


class StepFunctions:
    """The machines and their executions; the methods that boto3's client has take its arguments.

    Parameters
    ----------
    machines
        By their ARNs (`…:stateMachine:NAME`).
    resources
        By patterns of the ARNs in the definitions' Resource, as `fnmatch` reads them; the first that fits counts. One
        for `states:startExecution.sync:2` is called before the child starts, and may refuse or take time. It loses the
        answer by starting the child itself and raising then: the next attempt finds the child.
    random
        Draws the jitter of retries.
    latency
        Returns the seconds from one state to the next; none by default, so that only ties in time mix executions.
    on_status_change
        Called when an execution begins and when it ends, as EventBridge is told.

    Raises
    ------
    ValueError
        A machine has a resource that nothing in `resources` is for.
    """

    exceptions = SimpleNamespace(
        ExecutionAlreadyExists=ExecutionAlreadyExists,
        ExecutionDoesNotExist=ExecutionDoesNotExist,
        StateMachineDoesNotExist=StateMachineDoesNotExist,
        InvalidExecutionInput=InvalidExecutionInput,
        InvalidOutput=InvalidOutput,
        InvalidName=InvalidName,
        InvalidToken=InvalidToken,
        TaskTimedOut=TaskTimedOut,
        TaskDoesNotExist=TaskDoesNotExist,
        ClientError=ClientError,
    )

    def __init__(
        self,
        clock: VirtualClock,
        machines: Mapping[str, Machine],
        resources: Mapping[str, Resource],
        *,
        random: Random,
        latency: Callable[[], float] = lambda: 0,
        on_status_change: Callable[[Execution], object] = lambda execution: None,
    ) -> None:
        self.clock = clock
        self.random = random
        self.latency = latency
        self.on_status_change = on_status_change
        self.executions: dict[str, Execution] = {}
        """Every execution by its ARN, oldest first. One whose name was used again after 90 days is forgotten."""
        self._machines = machines
        self._resources = resources
        self._resource: Callable[[str], Resource | None] = cache(self._find_resource)
        self._attempts: dict[str, Attempt] = {}
        for machine in machines.values():
            for state in machine.states.values():
                if state.resource and state.resource != START_CHILD and self._resource(state.resource) is None:
                    raise ValueError(f"{state.name}: there is no resource for {state.resource}.")

    # --- boto3's client ---------------------------------------------------------------------------------------------

    def start_execution(self, *, stateMachineArn: str, name: str = "", input: str = "{}") -> dict[str, Any]:
        """Start an execution. One with the same name and input that still runs is returned instead."""
        operation = "StartExecution"
        if stateMachineArn not in self._machines:
            raise _refusal(StateMachineDoesNotExist, operation, stateMachineArn)
        name = name or f"unnamed-{len(self.executions) + 1}"
        if len(name) > LONGEST_NAME or _REFUSED_IN_NAMES.search(name):
            raise _refusal(InvalidName, operation, name)
        if not _is_json(input):
            raise _refusal(InvalidExecutionInput, operation, "no JSON, or too long")
        arn = f"{stateMachineArn.replace(':stateMachine:', ':execution:')}:{name}"
        known = self.executions.get(arn)
        if known and known.status == "RUNNING" and known.input == input:
            return _started(known)
        if known and (known.ended is None or self.clock.now() < known.ended + NAME_RESERVED):
            raise _refusal(ExecutionAlreadyExists, operation, f"Execution Already Exists: '{arn}'")
        self.executions.pop(arn, None)
        execution = Execution(self, self._machines[stateMachineArn], stateMachineArn, name, input, self.clock.now())
        self.executions[arn] = execution
        self.on_status_change(execution)
        return _started(execution)

    def describe_execution(self, *, executionArn: str) -> dict[str, Any]:
        """Describe an execution."""
        execution = self._execution(executionArn, "DescribeExecution")
        more = {"output": execution.output, "error": execution.error, "cause": execution.cause}
        described = _listed(execution) | {"input": execution.input} | more
        return {key: value for key, value in described.items() if value is not None}

    def list_executions(
        self, *, stateMachineArn: str, statusFilter: str = "", maxResults: int = PAGE, nextToken: str = "0"
    ) -> dict[str, Any]:
        """List a machine's executions, the newest first."""
        if stateMachineArn not in self._machines:
            raise _refusal(StateMachineDoesNotExist, "ListExecutions", stateMachineArn)
        found = [
            _listed(execution)
            for execution in reversed(self.executions.values())
            if execution.machine_arn == stateMachineArn and statusFilter in ("", execution.status)
        ]
        end = int(nextToken) + (maxResults or PAGE)
        more = {"nextToken": str(end)} if end < len(found) else {}
        return {"executions": found[int(nextToken) : end]} | more

    def stop_execution(self, *, executionArn: str, error: str = "", cause: str = "") -> dict[str, Any]:
        """Stop an execution; without effect on one that has ended."""
        execution = self._execution(executionArn, "StopExecution")
        execution.end("ABORTED", error=error or None, cause=cause or None)
        return {"stopDate": execution.ended}

    def send_task_success(self, *, taskToken: str, output: str) -> dict[str, Any]:
        """End the wait behind a token with a result."""
        attempt = self._waiting(taskToken, "SendTaskSuccess")
        if not _is_json(output):
            raise _refusal(InvalidOutput, "SendTaskSuccess", "no JSON, or too long")
        attempt.execution.signal(attempt, from_json(output))
        return {}

    def send_task_failure(self, *, taskToken: str, error: str = "", cause: str = "") -> dict[str, Any]:
        """End the wait behind a token with an error."""
        attempt = self._waiting(taskToken, "SendTaskFailure")
        attempt.execution.signal(attempt, TaskError(error, cause))
        return {}

    # --- what executions ask for ------------------------------------------------------------------------------------

    def new_attempt(self, execution: Execution, resource: str) -> Attempt:
        """Begin an attempt of a task; for a resource that waits for a token, with a new one."""
        token = f"{execution.name}/{len(self._attempts) + 1}".ljust(TOKEN_CHARS, "=")
        attempt = Attempt(token, execution, waits=resource.endswith(CALLBACK) or resource == START_CHILD)
        if resource.endswith(CALLBACK):
            self._attempts[token] = attempt
        return attempt

    def call(self, resource: str, arguments: Any, context: Mapping[str, Any], attempt: Attempt) -> Any:
        """Call what a task's Resource names."""
        callee = self._resource(resource) or _nothing
        if resource != START_CHILD:
            return callee(arguments, context)
        try:
            callee(arguments, context)
        except Takes as takes:
            work = takes.then

            def then() -> None:
                work()
                self._start_child(arguments, attempt)

            raise Takes(takes.seconds, then) from takes
        self._start_child(arguments, attempt)
        return None

    # --- pieces -----------------------------------------------------------------------------------------------------

    def _start_child(self, arguments: Mapping[str, Any], attempt: Attempt) -> None:
        given = {
            "stateMachineArn": arguments["StateMachineArn"],
            "input": to_json(arguments.get("Input", {})),
            "name": arguments.get("Name", ""),
        }
        try:
            arn = self.start_execution(**given)["executionArn"]
        except ClientError as error:
            code = error.response["Error"]["Code"]
            raise TaskError(f"StepFunctions.{code.removesuffix('Exception')}Exception", str(error)) from error
        child = self.executions[arn]
        child.on_end.append(partial(_child_ended, child, attempt))

    def _find_resource(self, arn: str) -> Resource | None:
        return next((callee for pattern, callee in self._resources.items() if fnmatchcase(arn, pattern)), None)

    def _execution(self, arn: str, operation: str) -> Execution:
        if arn not in self.executions:
            raise _refusal(ExecutionDoesNotExist, operation, f"Execution Does Not Exist: '{arn}'")
        return self.executions[arn]

    def _waiting(self, token: str, operation: str) -> Attempt:
        attempt = self._attempts.get(token)
        if attempt is None:
            raise _refusal(InvalidToken, operation, "Invalid Token: 'Invalid token'")
        if attempt.over:
            raise _refusal(TaskTimedOut, operation, "Task Timed Out: 'Provided task does not exist anymore'")
        return attempt


def _nothing(arguments: Any, context: Mapping[str, Any]) -> None:
    """Stand for a resource that has no effect of its own."""


def _child_ended(child: Execution, attempt: Attempt) -> None:
    """Tell the parent, if it still waits, how its child ended."""
    if attempt.over:
        return
    described: dict[str, Any] = {
        "ExecutionArn": child.arn,
        "Name": child.name,
        "StateMachineArn": child.machine_arn,
        "Status": child.status,
    }
    if child.status == "SUCCEEDED":
        attempt.execution.signal(attempt, described | {"Output": from_json(child.output or "null")})
    else:
        cause = to_json(described | {"Error": child.error, "Cause": child.cause})
        attempt.execution.signal(attempt, TaskError("States.TaskFailed", cause))


def _started(execution: Execution) -> dict[str, Any]:
    return {"executionArn": execution.arn, "startDate": execution.started}


def _listed(execution: Execution) -> dict[str, Any]:
    listed = {
        "executionArn": execution.arn,
        "stateMachineArn": execution.machine_arn,
        "name": execution.name,
        "status": execution.status,
        "startDate": execution.started,
        "stopDate": execution.ended,
    }
    return {key: value for key, value in listed.items() if value is not None}


def _refusal(kind: type[ClientError], operation: str, message: str) -> ClientError:
    return kind({"Error": {"Code": kind.__name__, "Message": message}}, operation)


def _is_json(text: str) -> bool:
    try:
        from_json(text)
    except ValueError:
        return False
    return len(text.encode()) <= MOST_BYTES
