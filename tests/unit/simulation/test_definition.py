"""Definitions of state machines that Step Functions or the simulation refuses, and substitutions in them."""

import re
from random import Random
from typing import Any

import pytest

from tests.simulation.clock import VirtualClock
from tests.simulation.definition import Machine
from tests.simulation.machine import Resource
from tests.simulation.step_functions import StepFunctions
from tests.unit.simulation.bench import ARN, Bench, machine, task


@pytest.mark.parametrize(
    ("states", "message"),
    [
        ({"A": {"Type": "Pass", "Next": "B"}}, "A leads to 'B'"),
        ({"A": task(Catch=[{"ErrorEquals": ["X"], "Next": "B"}])}, "A leads to 'B'"),
        ({"A": {"Type": "Choice", "Choices": [{"Condition": "{% true %}", "Next": "B"}]}}, "A leads to 'B'"),
        ({"A": {"Type": "Choice", "Choices": [], "Default": "B"}}, "A leads to 'B'"),
        ({"A": {"Type": "Pass"}}, "either Next or End"),
        ({"A": {"Type": "Pass", "Next": "A", "End": True}}, "either Next or End"),
        ({"A": {"Type": "Pass", "End": True, "ResultPath": "$.x"}}, "unknown fields ['ResultPath']"),
        ({"A": task(HeartbeatSeconds=5)}, "unknown fields ['HeartbeatSeconds']"),
        ({"A": task(Retry=[{"ErrorEquals": ["X"], "Interval": 1}])}, "unknown fields ['Interval']"),
        ({"A": task(Retry=[{"ErrorEquals": ["X"], "JitterStrategy": "HALF"}])}, "FULL or NONE"),
        ({"A": task(Catch=[{"Next": "A"}])}, "lacks ['ErrorEquals']"),
        ({"A": task(Retry=[{"ErrorEquals": ["States.ALL"]}, {"ErrorEquals": ["X"]}])}, "come last"),
        ({"A": task(Retry=[{"ErrorEquals": ["States.ALL", "X"]}])}, "must be alone"),
        ({"A": {"Type": "Task", "End": True}}, "lacks Resource"),
        ({"A": {"Type": "Parallel", "Branches": [], "End": True}}, "'Parallel' are not supported"),
        ({"A": {"Type": "Map", "End": True}}, "'Map' are not supported"),
        ({"A": {"Type": "Pass", "End": True, "Output": "${Absent}"}}, "no substitution for ['Absent']"),
    ],
)
def test_a_wrong_definition_is_refused(states: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=re.escape(message)):
        machine(**states)


def test_substitutions_are_put_in() -> None:
    definition = {"QueryLanguage": "JSONata", "StartAt": "A", "States": {"A": task(Arguments={"a": "x ${Name}"})}}
    bench = Bench(Machine(definition, {"Name": "y"}))
    bench.run()
    assert bench.calls == [{"a": "x y"}]


def test_a_task_without_its_resource_is_refused() -> None:
    none: dict[str, Resource] = {}
    with pytest.raises(ValueError, match="A: there is no resource for"):
        StepFunctions(VirtualClock(Random(1)), {ARN: machine(A=task())}, none, random=Random(1))
