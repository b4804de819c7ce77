"""Builders of tiny state machines, and a bench that runs them in virtual time with answers that a test sets."""

import json
from collections.abc import Mapping
from random import Random
from typing import Any

from tests.simulation.clock import START, VirtualClock
from tests.simulation.definition import Machine
from tests.simulation.machine import Execution
from tests.simulation.step_functions import StepFunctions

ARN = "arn:aws:states:eu-central-1:123456789012:stateMachine:tiny"
CHILD_ARN = "arn:aws:states:eu-central-1:123456789012:stateMachine:child"
INVOKE = "arn:aws:states:::lambda:invoke"
ASK = "arn:aws:states:::aws-sdk:dynamodb:updateItem.waitForTaskToken"
CHILD = "arn:aws:states:::states:startExecution.sync:2"
END = {"Type": "Succeed"}
FAIL = {"Type": "Fail", "Error": "Reached"}


def machine(**states: Any) -> Machine:
    """Build a machine of these states that starts with the first."""
    return Machine({"QueryLanguage": "JSONata", "StartAt": next(iter(states)), "States": states})


def task(**fields: Any) -> dict[str, Any]:
    """Build a Task state that invokes a function and ends the machine, unless `fields` say otherwise."""
    return {"Type": "Task", "Resource": INVOKE, **({} if "Next" in fields else {"End": True}), **fields}


class Bench:
    """A virtual clock, a simulated Step Functions, and a function that gives the `answers` one after the other.

    An answer that is an exception is raised, one that is callable is called with the arguments, and the last repeats.
    """

    def __init__(self, tiny: Machine, *answers: Any, seed: int = 1, child: Machine | None = None) -> None:
        self.clock = VirtualClock(Random(seed))
        self.calls: list[Any] = []
        self.contexts: list[Mapping[str, Any]] = []
        self.changes: list[tuple[str, str]] = []
        self._answers = list(answers)
        self.client = StepFunctions(
            self.clock,
            {ARN: tiny} | ({CHILD_ARN: child} if child else {}),
            {"arn:aws:states:::*": self._called} if child is None or answers else {},
            random=Random(seed),
            on_status_change=lambda execution: self.changes.append((execution.name, execution.status)),
        )

    def _called(self, arguments: Any, context: Mapping[str, Any]) -> Any:
        self.calls.append(arguments)
        self.contexts.append(context)
        answer = self._answers.pop(0) if len(self._answers) > 1 else (self._answers or [None])[0]
        if isinstance(answer, Exception):
            raise answer
        return answer(arguments) if callable(answer) else answer

    def start(self, given: Any = None, name: str = "one") -> Execution:
        """Start an execution without running it."""
        arn = self.client.start_execution(stateMachineArn=ARN, name=name, input=json.dumps(given))["executionArn"]
        return self.client.executions[arn]

    def run(self, given: Any = None) -> Execution:
        """Start an execution and run the clock until no event is left."""
        execution = self.start(given)
        self.clock.run()
        return execution

    @property
    def seconds(self) -> float:
        """The virtual seconds since the clock's start."""
        return (self.clock.now() - START).total_seconds()


def output(execution: Execution) -> Any:
    """Return the output of an execution that succeeded."""
    assert execution.status == "SUCCEEDED", (execution.error, execution.cause)
    return json.loads(execution.output or "")


def asking(**fields: Any) -> Machine:
    """Build a machine that waits up to a minute for an answer to its task token and returns the answer."""
    token = {"Key": {"token": "{% $states.context.Task.Token %}"}}
    return machine(Ask=task(Resource=ASK, Arguments=token, TimeoutSeconds=60, **fields), End=END, Fail=FAIL)
