"""The simulation's interpreter goes the ways that moto goes: scenarios of the other tests, with the same answers.

Each scenario runs in moto first. Its history says what each attempt of a task was asked and what it answered. The
interpreter gets the same definitions and the same answers, and must ask the same, go the same way, and end the same.
"""

import inspect
import json
import re
from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from random import Random
from types import ModuleType
from typing import Any

import pytest
from moto.stepfunctions.parser.api import ExecutionStatus
from moto.stepfunctions.parser.backend.execution import Execution

from tests.simulation.clock import VirtualClock
from tests.simulation.definition import LONGEST_SECONDS, Machine
from tests.simulation.machine import CALLBACK, START_CHILD, Delayed, TaskError
from tests.simulation.step_functions import StepFunctions
from tests.statemachine import test_approval, test_failures, test_people, test_remediation
from tests.statemachine.world import World

_TOKEN = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.(\d{3}Z|\d{6}\+00:00)|\d{10}")
"""Times of Step Functions or JSONata, those of moto, and seconds since the epoch; Firstline writes microseconds with a
Z."""


class _NothingMore(Exception):
    """The recorded execution had not got any further."""


@dataclass
class Asked:
    """One attempt of a task, as moto recorded it.

    Attributes
    ----------
    answer
        The result or a TaskError; States.Timeout if it had none in time, and None if the test was over before.
    signalled
        The request was accepted, and the answer came with the token.
    """

    state: str
    arguments: Any
    answer: Any = None
    signalled: bool = False


@dataclass
class Recorded:
    """An execution, as moto recorded it."""

    execution: Execution
    path: list[str] = field(default_factory=list)
    asked: list[Asked] = field(default_factory=list)
    variables: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.status = self.execution.exec_status
        assert self.execution.exec_worker is not None
        environment: Any = self.execution.exec_worker.env
        for event in list(environment.event_manager._history_event_list):
            self._add(event)
        # Not from the history, whose texts moto does not escape.
        self.variables |= environment.variable_store._outer_scope | environment.variable_store._inner_scope

    def _add(self, event: Mapping[str, Any]) -> None:
        match event:
            case {"stateEnteredEventDetails": {"name": name}}:
                self.path.append(name)
            case {"taskScheduledEventDetails": {"parameters": parameters, "resource": resource}}:
                arguments = json.loads(parameters)
                if resource.endswith(CALLBACK):
                    arguments = _replaced(arguments, _TOKEN, "TOKEN")
                self.asked.append(Asked(self.path[-1], arguments))
            case {"taskSubmittedEventDetails": _}:
                self.asked[-1].signalled = True
            case {"taskSucceededEventDetails": {"output": output}}:
                self.asked[-1].answer = json.loads(output)
            case {"taskTimedOutEventDetails": _}:
                self.asked[-1].answer = TaskError("States.Timeout")
            case {"taskFailedEventDetails": details}:
                self.asked[-1].answer = TaskError(details["error"], details.get("cause", ""))


class Replay:
    """The interpreter, with the answers that moto recorded."""

    def __init__(self, recorded: list[Recorded]) -> None:
        self._recorded = {record.execution.exec_arn: record for record in recorded}
        self._left = {arn: list(record.asked) for arn, record in self._recorded.items()}
        self.asked: dict[str, list[Asked]] = defaultdict(list)
        self.clock = VirtualClock(Random(1))
        definitions = {
            record.execution.state_machine_arn: record.execution.state_machine.definition for record in recorded
        }
        self.client = StepFunctions(
            self.clock,
            {arn: Machine(json.loads(definition)) for arn, definition in definitions.items()},
            {f"*{CALLBACK}": self._waits, START_CHILD: self._starts_child, "*": self._answers},
            random=Random(1),
        )

    def run(self, record: Recorded) -> Any:
        """Replay one execution, with its children, as far as it was recorded."""
        arn = self.client.start_execution(
            stateMachineArn=record.execution.state_machine_arn,
            name=record.execution.name,
            input=record.execution.execution_input,
        )["executionArn"]
        execution = self.client.executions[arn]
        try:
            while execution.status == "RUNNING" and self.clock.step():
                pass
        except _NothingMore:
            pass
        return execution

    def _answers(self, arguments: Any, context: Mapping[str, Any]) -> Any:
        asked = self._next(arguments, context)
        if isinstance(asked.answer, TaskError):
            if asked.answer.name == "States.Timeout":
                return Delayed(LONGEST_SECONDS, None)
            raise asked.answer
        return asked.answer

    def _waits(self, arguments: Any, context: Mapping[str, Any]) -> None:
        token = context["Task"]["Token"]
        asked = self._next(_replaced(arguments, re.compile(re.escape(token)), "TOKEN"), context)
        if isinstance(asked.answer, TaskError):
            if asked.answer.name == "States.Timeout":
                return
            if not asked.signalled:
                raise asked.answer
            fail = partial(self.client.send_task_failure, error=asked.answer.name, cause=asked.answer.cause)
            self.clock.after(1, partial(fail, taskToken=token), "a signal")
        else:
            succeed = partial(self.client.send_task_success, output=json.dumps(asked.answer))
            self.clock.after(1, partial(succeed, taskToken=token), "a signal")

    def _starts_child(self, arguments: Any, context: Mapping[str, Any]) -> None:
        asked = self._next(arguments, context)
        if isinstance(asked.answer, TaskError) and asked.answer.name not in ("States.Timeout", "States.TaskFailed"):
            raise asked.answer

    def _next(self, arguments: Any, context: Mapping[str, Any]) -> Asked:
        arn = context["Execution"]["Id"]
        self.asked[arn].append(Asked(context["State"]["Name"], arguments))
        if not self._left.get(arn) or self._left[arn][0].answer is None:
            raise _NothingMore
        return self._left[arn].pop(0)


def compare(world: World) -> int:
    """Compare the replay of each incident's execution with what moto did; return how many there are.

    An execution that still runs is compared as far as it has got.
    """
    recorded = [
        Recorded(execution)
        for arn in world.created.state_machines.values()
        for execution in world._executions(arn)
        if execution.exec_worker and execution.exec_worker.env
    ]
    incidents = [record for record in recorded if record.execution.state_machine_arn == world.created.state_machine_arn]
    for record in incidents:
        replay = Replay(recorded)
        execution = replay.run(record)
        over = record.status != ExecutionStatus.RUNNING

        assert execution.path[: None if over else len(record.path)] == record.path
        asked = replay.asked[execution.arn]
        for mine, motos in zip(asked, record.asked, strict=over):
            assert mine.state == motos.state
            assert _timeless(mine.arguments) == _timeless(motos.arguments), mine.state
        if over:
            assert execution.status == record.status
            assert (execution.error, execution.cause) == (record.execution.error, record.execution.cause)
            assert _timeless(execution.variables) == _timeless(record.variables)
            assert (json.loads(execution.output) if execution.output else None) == record.execution.output
    return len(incidents)


def scenarios(*modules: ModuleType) -> list[Any]:
    """Return the first tests of each module that need nothing but the world."""
    found: list[Any] = []
    for module in modules:
        tests = [
            test
            for name, test in inspect.getmembers(module, inspect.isfunction)
            if name.startswith("test_") and [*inspect.signature(test).parameters] == ["world"]
        ]
        tests.sort(key=lambda test: test.__code__.co_firstlineno)
        found += (pytest.param(test, id=test.__name__.removeprefix("test_")) for test in tests[:4])
    return found


@pytest.mark.parametrize("scenario", scenarios(test_people, test_remediation, test_approval, test_failures))
def test_the_interpreter_takes_the_path_that_moto_takes(world: World, scenario: Callable[[World], None]) -> None:
    scenario(world)

    compared = compare(world)  # raises at the first state or variable that differs
    assert compared >= 1


def _replaced(value: Any, pattern: re.Pattern[str], text: str) -> Any:
    """Replace every text that fits the pattern as a whole."""
    if isinstance(value, dict):
        return {key: _replaced(item, pattern, text) for key, item in value.items()}
    if isinstance(value, list):
        return [_replaced(item, pattern, text) for item in value]
    return text if isinstance(value, str) and pattern.fullmatch(value) else value


def _timeless(value: Any) -> Any:
    return _replaced(value, _TIME, "TIME")
