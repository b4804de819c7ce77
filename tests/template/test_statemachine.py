"""Properties of the state machines that no linter checks: failures end with a human, variables have values."""

import re
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonata import Jsonata
from pydantic import BaseModel

from firstline import contracts, models
from firstline.remediation.release_end import ReleaseRead
from local.emulator.jsonata_expressions import evaluate
from tests.template.machine import CHILD, LAMBDA, MACHINE, STATE_MACHINES, TASKS, Machine, expressions, texts, variables
from tests.template.stack import lint_text

INCIDENT, RELEASE = (STATE_MACHINES / f"{name}.asl.yaml" for name in ("incident", "release"))
MACHINES = {"IncidentStateMachine": MACHINE, "ReleaseStateMachine": CHILD}
ALL_TASKS = TASKS | dict(CHILD.tasks())
LAMBDA_TASKS = {name: state for name, state in TASKS.items() if state["Resource"].startswith(LAMBDA)}
HUMAN = {"Page On-Call", "Page Without Escalate", "Undelivered"}
REPORT = "Report"
"""The only state in which the child machine ends: it tells its parent."""

LAMBDA_SERVICE_ERRORS = {
    "Lambda.ServiceException",
    "Lambda.AWSLambdaException",
    "Lambda.SdkClientException",
    "Lambda.TooManyRequestsException",
}
HOLDS: dict[str, type[BaseModel]] = {
    "incident": models.Incident,
    "classification": models.Classification,
    "plan": models.RemediationPlan,
    "next": contracts.WhatNowOutput,
    "page": models.Page,
    "cursor": contracts.Cursor,
}
"""The models that variables of the state machines keep, by variable."""

every_state = pytest.mark.parametrize(
    ("machine", "name"),
    [pytest.param(machine, name, id=name) for machine in MACHINES.values() for name in machine.states],
)
every_task = pytest.mark.parametrize("name", ALL_TASKS)
every_lambda_task = pytest.mark.parametrize("name", LAMBDA_TASKS)


def contract(state: str, direction: str) -> type[BaseModel]:
    """Return the model `<State>Input` or `<State>Output` of a Lambda task.

    A state that repeats another has the contract of the first. The states of the notify function share an output.
    """
    noun = re.sub("[^A-Za-z]", "", state.removesuffix(" Again"))
    notify = direction == "Output" and "${NotifyFunctionArn}" in texts(TASKS[state]["Arguments"])
    model: type[BaseModel] = getattr(contracts, f"{'Notify' if notify else noun}{direction}")
    return model


@pytest.mark.parametrize("path", [INCIDENT, RELEASE], ids=lambda path: path.stem)
def test_cfn_lints_schema_accepts_a_state_machine(path: Path) -> None:
    def filled_in(value: Any, key: str = "") -> Any:
        """SAM fills in `${…}`; the schema knows numbers only where JSONata may compute one."""
        if isinstance(value, dict):
            return {name: filled_in(item, name) for name, item in value.items()}
        if isinstance(value, list):
            return [filled_in(item) for item in value]
        if key in ("TimeoutSeconds", "Seconds") and isinstance(value, str):
            return 60
        return re.sub(r"\$\{\w+\}", "filled-in", value) if isinstance(value, str) else value

    definition = filled_in(yaml.safe_load(path.read_text()))
    properties = {"RoleArn": "arn:aws:iam::123456789012:role/any", "Definition": definition}
    machine = {"Type": "AWS::StepFunctions::StateMachine", "Properties": properties}

    assert lint_text({"AWSTemplateFormatVersion": "2010-09-09", "Resources": {"Machine": machine}}) == []


@pytest.mark.parametrize("path", [INCIDENT, RELEASE], ids=lambda path: path.stem)
def test_a_state_machine_is_plain_yaml_without_aliases(path: Path) -> None:
    tokens = [type(token).__name__ for token in yaml.scan(path.read_text())]

    assert not {"AliasToken", "AnchorToken"} & set(tokens)


@every_state
def test_every_state_says_why_it_is_there_and_can_be_reached(machine: Machine, name: str) -> None:
    assert machine.states[name].get("Comment")
    assert name in machine.reachable(machine.start)


@every_state
def test_every_expression_parses(machine: Machine, name: str) -> None:
    for expression in expressions(machine.states[name]):
        Jsonata(expression)


def test_a_jsonata_expression_fills_its_whole_text() -> None:
    states = {**MACHINE.states, **CHILD.states}
    loose = [text for text in texts(states) if "{%" in text]

    assert len(loose) == len(list(expressions(states)))


@every_state
def test_every_variable_has_a_value_on_every_path(machine: Machine, name: str) -> None:
    used = {variable for expression in expressions(machine.states[name]) for variable in variables(expression)}

    assert used <= machine.assigned_before()[name]


@every_state
@pytest.mark.parametrize("variable", HOLDS)
def test_only_fields_of_the_models_are_read_from_variables(machine: Machine, name: str, variable: str) -> None:
    for expression in expressions(machine.states[name]):
        fields = set(re.findall(rf"\${variable}\.(\w+)", expression))
        assert fields <= set(HOLDS[variable].model_fields), expression


@every_state
def test_only_fields_of_a_step_are_read(machine: Machine, name: str) -> None:
    kinds: list[type[BaseModel]] = [models.PlannedStep] if machine is MACHINE else [models.PlannedRelease]
    if name == "Claim Step":
        kinds = [models.PlannedStep, models.PlannedRelease]
    known = {field for kind in kinds for field in kind.model_fields}
    for expression in expressions(machine.states[name]):
        fields = set(re.findall(r"\$step\.(\w+)", expression))
        assert fields <= known, expression


def test_a_release_has_what_every_step_is_asked_for() -> None:
    """Choices and reasons read these fields of whatever is next in the queue."""
    both = set(models.PlannedRelease.model_fields) & set(models.PlannedStep.model_fields)

    assert both == {"step_id", "kind", "through", "timeout_seconds", "on_failure"}


def test_the_machine_is_small_enough_to_read() -> None:
    jsonata = sum(map(len, re.findall(r"{%(.*?)%}", INCIDENT.read_text(), re.DOTALL)))

    assert len(MACHINE.states) <= 40
    assert jsonata <= 9_200


def test_the_child_machine_only_ends_by_reporting() -> None:
    assert [name for name, state in CHILD.states.items() if state["Type"] in ("Succeed", "Fail")] == [REPORT]
    assert set(CHILD.states[REPORT]["Output"]) == set(ReleaseRead.model_fields)


@every_task
def test_every_task_has_a_time_limit(name: str) -> None:
    assert ALL_TASKS[name].get("TimeoutSeconds")


@every_task
def test_whatever_fails_ends_with_a_human(name: str) -> None:
    catches = ALL_TASKS[name].get("Catch", [])

    assert catches, "nothing is caught"
    assert catches[-1]["ErrorEquals"] == ["States.ALL"]
    if name in TASKS:
        assert HUMAN & MACHINE.reachable(catches[-1]["Next"])
    else:
        assert REPORT in CHILD.reachable(catches[-1]["Next"])


@every_lambda_task
def test_the_lambda_services_own_failures_are_retried_with_jitter(name: str) -> None:
    errors: Counter[str] = Counter()
    for retry in LAMBDA_TASKS[name].get("Retry", []):
        assert retry["JitterStrategy"] == "FULL"
        assert retry["MaxAttempts"] >= 2
        errors.update(retry["ErrorEquals"])

    assert set(errors) >= LAMBDA_SERVICE_ERRORS
    assert not {"States.ALL", "States.TaskFailed", "States.Timeout"} & set(errors)


@every_task
def test_every_task_is_retried(name: str) -> None:
    assert ALL_TASKS[name].get("Retry"), "one lost packet would wake a human"


def test_a_command_is_sent_again_only_when_it_was_throttled() -> None:
    changing = (":ssm:sendCommand", ":codedeploy:createDeployment", ":appconfig:startDeployment")
    sends = [state for state in ALL_TASKS.values() if state["Resource"].endswith(changing)]

    assert [retry["ErrorEquals"] for state in sends for retry in state["Retry"]] == [
        ["Ssm.ThrottlingException"],
        ["CodeDeploy.ThrottlingException"],
        ["AppConfig.ThrottlingException"],
    ]


@every_lambda_task
def test_a_function_gets_exactly_its_contract(name: str) -> None:
    assert set(LAMBDA_TASKS[name]["Arguments"]["Payload"]) == set(contract(name, "Input").model_fields)


@every_lambda_task
def test_only_what_the_contract_promises_is_read_from_an_answer(name: str) -> None:
    read = {
        field
        for expression in expressions(LAMBDA_TASKS[name].get("Assign", {}))
        for field in re.findall(r"\$states\.result\.Payload\.\(?(\w+)", expression)
    }

    assert read <= set(contract(name, "Output").model_fields)


@every_lambda_task
def test_a_function_may_use_all_of_its_time(name: str, functions: dict[str, dict[str, Any]]) -> None:
    task = LAMBDA_TASKS[name]
    function = task["Arguments"]["FunctionName"].removeprefix("${").removesuffix("Arn}")
    seconds = task["TimeoutSeconds"]
    if isinstance(seconds, str):  # a wait, of which hardly anything may be left
        seconds = evaluate(seconds[3:-3], {"next": {"quiet_seconds": 1}}.__getitem__)

    assert seconds >= functions[function]["Timeout"]


@pytest.mark.parametrize("logical_id", MACHINES)
def test_every_substitution_is_given_and_used(written: dict[str, Any], logical_id: str) -> None:
    given = written["Resources"][logical_id]["Properties"].get("DefinitionSubstitutions", {})
    states = dict(MACHINES[logical_id].states)
    used = {name for text in texts(states) for name in re.findall(r"\$\{(\w+)\}", text)}

    assert used == set(given)


def test_a_substitution_is_the_arn_of_the_function_that_it_names(written: dict[str, Any]) -> None:
    given = written["Resources"]["IncidentStateMachine"]["Properties"]["DefinitionSubstitutions"]

    for name, value in given.items():
        if name.endswith("FunctionArn"):
            assert value == {"Fn::GetAtt": [name.removesuffix("Arn"), "Arn"]}
