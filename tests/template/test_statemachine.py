"""What no linter says of a SAM state machine: every failure ends with a human, every variable has a value."""

import json
import re
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import yaml
from cfnlint import lint
from jsonata import Jsonata
from pydantic import BaseModel

from firstline import contracts, models
from tests.template.machine import LAMBDA, Machine, expressions, texts, variables

ROOT = Path(__file__).parents[2]
DEFINITION = ROOT / "statemachine" / "incident.asl.yaml"
MACHINE = Machine.load(DEFINITION)
TASKS = dict(MACHINE.tasks())
LAMBDA_TASKS = {name: state for name, state in TASKS.items() if state["Resource"] == LAMBDA}
HUMAN = {"Page On-Call", "Page Without Escalate", "Undelivered"}
LAMBDA_SERVICE_ERRORS = {
    "Lambda.ServiceException",
    "Lambda.AWSLambdaException",
    "Lambda.SdkClientException",
    "Lambda.TooManyRequestsException",
}
HOLDS = {
    "incident": models.Incident,
    "classification": models.Classification,
    "plan": models.RemediationPlan,
    "page": models.Page,
}
"""The variables that keep a model, and which."""

OF_RELEASES = {
    *("Check Release", "Check Configuration", "Still The Same?", "Roll Back Release", "Roll Back Configuration"),
    *("Read Release", "Read Configuration", "Release Finished?", "Stop Release", "Stop Configuration"),
}
"""States in which the queue's step takes a release back; everywhere else it may be a command."""

every_state = pytest.mark.parametrize("name", MACHINE.states)
every_task = pytest.mark.parametrize("name", TASKS)
every_lambda_task = pytest.mark.parametrize("name", LAMBDA_TASKS)


def contract(state: str, direction: str) -> type[BaseModel]:
    """`<State>Input` or `<State>Output`; the states of the notify function share one output."""
    noun = re.sub("[^A-Za-z]", "", state)
    notify = direction == "Output" and "${NotifyFunctionArn}" in texts(TASKS[state]["Arguments"])
    model: type[BaseModel] = getattr(contracts, f"{'Notify' if notify else noun}{direction}")
    return model


def test_cfn_lints_schema_accepts_it() -> None:
    def filled_in(value: Any, key: str = "") -> Any:
        """SAM fills in `${…}`; the schema knows numbers only where JSONata may compute one."""
        if isinstance(value, dict):
            return {name: filled_in(item, name) for name, item in value.items()}
        if isinstance(value, list):
            return [filled_in(item) for item in value]
        if key in ("TimeoutSeconds", "Seconds") and isinstance(value, str):
            return 60
        return re.sub(r"\$\{\w+\}", "filled-in", value) if isinstance(value, str) else value

    definition = filled_in(yaml.safe_load(DEFINITION.read_text()))
    properties = {"RoleArn": "arn:aws:iam::123456789012:role/any", "Definition": definition}
    machine = {"Type": "AWS::StepFunctions::StateMachine", "Properties": properties}

    assert lint(json.dumps({"AWSTemplateFormatVersion": "2010-09-09", "Resources": {"Machine": machine}})) == []


def test_it_is_plain_yaml_without_aliases() -> None:
    tokens = [type(token).__name__ for token in yaml.scan(DEFINITION.read_text())]

    assert not {"AliasToken", "AnchorToken"} & set(tokens)


@every_state
def test_every_state_says_why_it_is_there_and_can_be_reached(name: str) -> None:
    assert MACHINE.states[name].get("Comment")
    assert name in MACHINE.reachable(MACHINE.start)


@every_state
def test_every_expression_parses(name: str) -> None:
    for expression in expressions(MACHINE.states[name]):
        Jsonata(expression)


def test_braces_stand_for_whole_expressions_only() -> None:
    loose = [text for text in texts(dict(MACHINE.states)) if "{%" in text]

    assert len(loose) == len(list(expressions(dict(MACHINE.states))))


@every_state
def test_every_variable_has_a_value_on_every_path(name: str) -> None:
    used = {variable for expression in expressions(MACHINE.states[name]) for variable in variables(expression)}

    assert used <= MACHINE.assigned_before()[name]


@every_state
@pytest.mark.parametrize("variable", HOLDS)
def test_only_fields_that_exist_are_read(name: str, variable: str) -> None:
    for expression in expressions(MACHINE.states[name]):
        fields = set(re.findall(rf"\${variable}\.(\w+)", expression))
        assert fields <= set(HOLDS[variable].model_fields), expression


@every_state
def test_only_fields_of_a_step_are_read_from_the_queue(name: str) -> None:
    kind = models.PlannedRelease if name in OF_RELEASES else models.PlannedStep
    for expression in expressions(MACHINE.states[name]):
        fields = set(re.findall(r"\$queue\[\$index\]\.(\w+)", expression))
        assert fields <= set(kind.model_fields), expression


def test_a_release_has_what_every_step_is_asked_for() -> None:
    """Choices and reasons read these of whatever stands in the queue."""
    both = set(models.PlannedRelease.model_fields) & set(models.PlannedStep.model_fields)

    assert both == {"step_id", "kind", "through", "timeout_seconds", "on_failure"}


def test_what_looks_at_a_release_comes_before_what_changes_it() -> None:
    for change, look in (("Roll Back Release", "Check Release"), ("Roll Back Configuration", "Check Configuration")):
        before = {name for name in MACHINE.states if change in {edge.target for edge in MACHINE.edges(name)}}
        assert before == {"Still The Same?"}
        ways = {name for name in MACHINE.states if look in {edge.target for edge in MACHINE.edges(name)}}
        stopped = {"Stop Release", "Wait For Stop"} if look == "Check Release" else set()
        assert ways == {"Switched Off?", "Was It Throttled?", change, *stopped}, (
            "the switch was read, or an answer lost"
        )


@every_task
def test_every_task_has_a_time_limit(name: str) -> None:
    assert TASKS[name].get("TimeoutSeconds")


@every_task
def test_whatever_fails_ends_with_a_human(name: str) -> None:
    catches = TASKS[name].get("Catch", [])

    assert catches, "nothing is caught"
    assert catches[-1]["ErrorEquals"] == ["States.ALL"]
    assert HUMAN & MACHINE.reachable(catches[-1]["Next"])


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
def test_every_other_task_is_retried_too(name: str) -> None:
    assert TASKS[name].get("Retry"), "one lost packet would wake a human"


def test_a_command_is_sent_again_only_when_it_was_throttled() -> None:
    changing = (":ssm:sendCommand", ":codedeploy:createDeployment", ":appconfig:startDeployment")
    sends = [state for state in TASKS.values() if state["Resource"].endswith(changing)]

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
        for field in re.findall(r"\$states\.result\.Payload\.(\w+)", expression)
    }

    assert read <= set(contract(name, "Output").model_fields)


@every_lambda_task
def test_a_function_may_use_all_of_its_time(name: str, functions: dict[str, dict[str, Any]]) -> None:
    task = LAMBDA_TASKS[name]
    function = task["Arguments"]["FunctionName"].removeprefix("${").removesuffix("Arn}")

    assert task["TimeoutSeconds"] >= functions[function]["Timeout"]


def test_every_substitution_is_given_and_used(written: dict[str, Any]) -> None:
    given = written["Resources"]["IncidentStateMachine"]["Properties"]["DefinitionSubstitutions"]
    used = {name for text in texts(dict(MACHINE.states)) for name in re.findall(r"\$\{(\w+)\}", text)}

    assert used == set(given)


def test_one_noun_for_a_function_everywhere(written: dict[str, Any]) -> None:
    given = written["Resources"]["IncidentStateMachine"]["Properties"]["DefinitionSubstitutions"]

    for name, value in given.items():
        if name.endswith("FunctionArn"):
            assert value == {"Fn::GetAtt": [name.removesuffix("Arn"), "Arn"]}
