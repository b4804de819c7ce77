"""Properties of the state machines that no linter checks: failures end with a human, variables have values."""

import json
import re
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any, get_args

import pytest
import yaml
from cfnlint import lint
from jsonata import Jsonata
from pydantic import BaseModel

from firstline import contracts, models
from firstline.remediation.release_end import ReleaseRead
from local.emulator.jsonata_expressions import evaluate
from tests.template.machine import LAMBDA, Machine, expressions, texts, variables

ROOT = Path(__file__).parents[2]
INCIDENT, RELEASE = (ROOT / "statemachine" / f"{name}.asl.yaml" for name in ("incident", "release"))
MACHINE, CHILD = Machine.load(INCIDENT), Machine.load(RELEASE)
MACHINES = {"IncidentStateMachine": MACHINE, "ReleaseStateMachine": CHILD}
TASKS = dict(MACHINE.tasks())
ALL_TASKS = TASKS | dict(CHILD.tasks())
LAMBDA_TASKS = {name: state for name, state in TASKS.items() if state["Resource"] == LAMBDA}
HUMAN = {"Page On-Call", "Page Without Escalate", "Undelivered"}
REPORT = "Report"
"""The child's only end: its parent hears of everything."""

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
"""The variables that keep a model, and which."""

every_state = pytest.mark.parametrize(
    ("machine", "name"),
    [pytest.param(machine, name, id=name) for machine in MACHINES.values() for name in machine.states],
)
every_task = pytest.mark.parametrize("name", ALL_TASKS)
every_lambda_task = pytest.mark.parametrize("name", LAMBDA_TASKS)


def contract(state: str, direction: str) -> type[BaseModel]:
    """Return `<State>Input` or `<State>Output`; what a state does again has the contract of the first time.

    The states of the notify function share one output.
    """
    noun = re.sub("[^A-Za-z]", "", state.removesuffix(" Again"))
    notify = direction == "Output" and "${NotifyFunctionArn}" in texts(TASKS[state]["Arguments"])
    model: type[BaseModel] = getattr(contracts, f"{'Notify' if notify else noun}{direction}")
    return model


@pytest.mark.parametrize("path", [INCIDENT, RELEASE], ids=lambda path: path.stem)
def test_cfn_lints_schema_accepts_it(path: Path) -> None:
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

    assert lint(json.dumps({"AWSTemplateFormatVersion": "2010-09-09", "Resources": {"Machine": machine}})) == []


@pytest.mark.parametrize("path", [INCIDENT, RELEASE], ids=lambda path: path.stem)
def test_it_is_plain_yaml_without_aliases(path: Path) -> None:
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


def test_braces_stand_for_whole_expressions_only() -> None:
    states = {**MACHINE.states, **CHILD.states}
    loose = [text for text in texts(states) if "{%" in text]

    assert len(loose) == len(list(expressions(states)))


@every_state
def test_every_variable_has_a_value_on_every_path(machine: Machine, name: str) -> None:
    used = {variable for expression in expressions(machine.states[name]) for variable in variables(expression)}

    assert used <= machine.assigned_before()[name]


@every_state
@pytest.mark.parametrize("variable", HOLDS)
def test_only_fields_that_exist_are_read(machine: Machine, name: str, variable: str) -> None:
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
    """Choices and reasons read these of whatever stands in the queue."""
    both = set(models.PlannedRelease.model_fields) & set(models.PlannedStep.model_fields)

    assert both == {"step_id", "kind", "through", "timeout_seconds", "on_failure"}


def before(machine: Machine, state: str) -> set[str]:
    """Return the states that lead straight to this one."""
    return {name for name in machine.states if state in {edge.target for edge in machine.edges(name)}}


def test_what_looks_at_a_release_comes_before_what_changes_it() -> None:
    for change in ("Roll Back Release", "Roll Back Configuration", "Stop Configuration", "Stop Release"):
        assert before(CHILD, change) == {"Release Unchanged?"}
    assert before(CHILD, "Release Unchanged?") == {"Check Release", "Check Configuration"}


def test_an_act_is_only_ever_reached_through_a_claim_and_the_switch() -> None:
    assert before(MACHINE, "Take Release Back") == {"Switched Off?"}
    assert before(MACHINE, "Switched Off?") == {"Read Switch"}
    assert before(MACHINE, "Read Switch") == {"Claim Step"}
    # What disturbs nobody is sent without both.
    assert before(MACHINE, "Run Step") == {"Switched Off?", "Go"}


def goes(go: str, *, kind: str = "diagnose", document: str = "${DocumentPrefix}-ro-look", seconds: int = 0) -> str:
    """Return the state that follows this answer."""
    variables = {"next": {"go": go}, "seconds": seconds, "step": {"kind": kind, "document": document}}
    choices = MACHINE.states["Go"]
    chosen = (rule["Next"] for rule in choices["Choices"] if evaluate(rule["Condition"][3:-3], variables.__getitem__))
    return str(next(chosen, choices["Default"]))


def document(risk: str) -> str:
    """Return the name of a document as the definition's expressions see it, without the substitution of its prefix."""
    return f"${{DocumentPrefix}}-{risk}-low-disk.look"


@pytest.mark.parametrize("kind", ["diagnose", "verify"])
@pytest.mark.parametrize("name", [document("safe"), document("destructive"), "Mine", "ro-mine", f"my{document('ro')}"])
def test_a_step_that_only_says_that_it_looks_is_claimed(kind: str, name: str) -> None:
    assert goes("Run Step", kind=kind, document=name) == "Claim Step"


@pytest.mark.parametrize(
    ("kind", "through"), [("diagnose", "Run Step"), ("verify", "Run Step"), ("act", None), ("rollback", None)]
)
@pytest.mark.parametrize("move", ["Run Step", "Read Switch"])
def test_a_wrong_move_sends_no_act_past_the_claim(move: str, kind: str, through: str | None) -> None:
    chosen = goes(move, kind=kind, document=document("ro"))

    assert chosen == (through if through and move == "Run Step" else "Claim Step")


@pytest.mark.parametrize(
    ("signal", "answered", "then"),
    [
        ("answered", {"go": "Await Resolution", "seconds": 60, "changes": 4, "acked": 1}, "Await Resolution"),
        ("answered", contracts.AfterSignal().model_dump(), "What Now?"),
        ("approved", {"go": "Await Resolution", "seconds": 60, "changes": 4, "acked": 1}, "What Now?"),
        ("answered", None, "What Now?"),
    ],
)
def test_what_follows_a_wait_is_what_its_answer_said_of_the_signal(signal: str, answered: Any, then: str) -> None:
    """An answer of an earlier release says nothing."""
    said = {"go": "Await Acknowledgement", "seconds": 300} | ({"then": {"answered": answered}} if answered else {})
    given = {"next": said, "ask": {"go": "What Now?", "rank": 4}, "states": {"result": {"signal": signal}}}
    after = evaluate(TASKS["Await Acknowledgement"]["Assign"]["next"][3:-3], given.__getitem__)

    assert (after["go"], goes(after["go"])) == (then, then)
    assert ("seconds" in after) == (answered is not None and signal == "answered")


@pytest.mark.parametrize("go", [*get_args(contracts.Move.__value__), *get_args(contracts.Go.__value__)])
def test_every_answer_leads_to_its_state(go: str) -> None:
    assert goes(go) == {"Read Switch": "Claim Step", "Classify": "Classify Again"}.get(go, go)
    assert goes(go, seconds=4) == "Wait"


BOUNDED = {"What Now?", "Next Move", "Plan Remediation", "Classify Again", "Page On-Call", "Notify Ops"}
"""Their answers are those of pure functions whose tests show that they repeat nothing for ever without a wait."""

ONCE = {"Announce Remediation"}
"""It names the first step as what comes next."""


def is_a_wait(state: Mapping[str, Any]) -> bool:
    """Return True if a state takes time: it waits for a clock, a token or another machine."""
    return state["Type"] == "Wait" or str(state.get("Resource", "")).endswith((".waitForTaskToken", ".sync:2"))


def test_no_circle_is_without_a_wait_or_a_function_that_bounds_it() -> None:
    free = {name for name, state in MACHINE.states.items() if not is_a_wait(state) and name not in BOUNDED | ONCE}
    assert MACHINE.states["Announce Remediation"]["Assign"]["next"]["go"] == "Run Step"

    assert MACHINE.circle_within(free) is None


def test_no_circle_of_the_child_is_made_of_choices_alone() -> None:
    assert CHILD.circle_within({name for name, state in CHILD.states.items() if state["Type"] == "Choice"}) is None


def test_what_a_refused_wait_leads_to_is_a_pause() -> None:
    for name, state in TASKS.items():
        if state["Resource"].endswith(".waitForTaskToken") and name not in ("Await Recovery", "Await Step"):
            over = "Close Incident" if name == "Await Quiet" else "What Now?"
            assert [catch["Next"] for catch in state["Catch"]] == [over, "Pause"]
            assert state["Catch"][0]["ErrorEquals"] == ["States.Timeout"]


def test_whoever_goes_round_without_the_record_pages_once_and_ends_some_day() -> None:
    """The state `What Now?` cannot bound a circle while it fails."""
    states = MACHINE.states
    (failed,) = states["What Now?"]["Catch"]
    assert failed["Next"] == "Was Anyone Paged?"
    assert "rounds" in failed["Assign"]
    page, hand_over = states["Was Anyone Paged?"]["Choices"]
    assert (page["Next"], hand_over["Next"]) == ("Page On-Call", "Hand Over")
    assert states["Was Anyone Paged?"]["Default"] == "Wait For Record"
    for asked, chosen in ((False, True), (True, False)):
        assert evaluate(page["Condition"][3:-3], {"asked": asked}.get) is chosen
    assert states["Page On-Call"]["Assign"]["asked"] is True
    caught = [catch for catch in states["Page On-Call"]["Catch"] if catch["Next"] != "Undelivered"]
    assert all(catch["Assign"]["asked"] is True for catch in caught)
    asks_anew = [
        name
        for name in states
        for edge in (states[name], *states[name].get("Catch", ()))
        if edge.get("Assign", {}).get("asked") is False
    ]
    assert asks_anew == [MACHINE.start] * 2
    assert before(MACHINE, MACHINE.start) == set(), "its variables get their first values there"


def test_the_wait_for_a_command_is_refused_if_it_has_ended_and_bounded_by_its_time_outs() -> None:
    state = TASKS["Await Step"]

    assert state["Arguments"]["Key"]["pk"] == {"S": '{% "COMMAND#" & $commandId %}'}
    assert state["Arguments"]["ConditionExpression"] == "attribute_not_exists(ended_at)"
    assert {way["Next"] for way in [*state["Catch"], state]} == {"Read Step"}, "the command is read, whatever woke it"
    for kind, seconds in (("diagnose", 75 + 60), ("act", 75 + 3 * 60)):
        variables = {"step": {"kind": kind, "timeout_seconds": 60}, "plan": {"waves": 3}}
        assert evaluate(state["TimeoutSeconds"][3:-3], variables.__getitem__) == seconds


WAITS = [
    name for name, state in TASKS.items() if state["Resource"].endswith(".waitForTaskToken") and name != "Await Step"
]


@pytest.mark.parametrize("name", WAITS)
def test_a_wait_is_for_this_execution_and_for_what_it_knew(name: str) -> None:
    arguments = TASKS[name]["Arguments"]
    condition, values = arguments["ConditionExpression"], arguments["ExpressionAttributeValues"]

    assert "incident_id = :id AND generation = :generation AND #status = :open" in condition
    assert values[":awaiting"] == {"S": name.removeprefix("Await ").lower()}
    if name != "Await Recovery":
        assert condition.endswith("AND changes = :changes")
        assert TASKS[name]["TimeoutSeconds"] == "{% $next.seconds %}"
    for retry in TASKS[name]["Retry"]:
        assert "DynamoDb.TransactionConflictException" in retry["ErrorEquals"]
        assert "DynamoDb.ConditionalCheckFailedException" not in retry["ErrorEquals"]


def test_a_claim_is_of_this_execution_while_the_alert_fires() -> None:
    on_live, claim = (next(iter(item.values())) for item in TASKS["Claim Step"]["Arguments"]["TransactItems"][:2])

    condition = " ".join(on_live["ConditionExpression"].split())
    assert "generation = :generation AND #status = :open AND (firing > :least OR attribute_exists(shards))" in condition
    assert claim["ConditionExpression"] == "attribute_not_exists(pk) OR claimed_by = :me"
    assert claim["Item"]["claimed_by"] == claim["ExpressionAttributeValues"][":me"]
    assert "Execution.Id" in claim["Item"]["claimed_by"]["S"], "else a repeat of a lost answer claims it for good"


@pytest.mark.parametrize(
    ("mode", "decision", "risk", "asked"),
    [
        ("auto", "auto", "safe", "RUNBOOK#mine"),
        ("auto", "auto", "disruptive", "RUNBOOK#mine"),
        ("auto", "auto", "destructive", "DECISION#one"),
        ("auto", "approve", "safe", "DECISION#one"),
        ("approve", "auto", "safe", "DECISION#one"),
        ("off", "auto", "safe", "DECISION#one"),
    ],
)
def test_the_stacks_mode_and_the_runbooks_record_decide_and_not_the_plan(
    mode: str, decision: str, risk: str, asked: str
) -> None:
    expression = TASKS["Claim Step"]["Arguments"]["TransactItems"][2].replace("${RemediationMode}", mode)
    document = f"${{DocumentPrefix}}-{risk}-mine.act"
    variables = {
        "step": {"document": document, "document_version": "1", "through": "ssm", "parameters": {}},
        "plan": {"decision": decision, "runbook_id": "another", "targets": [{"instance_id": "i-1"}]},
        "incident": {"incident_id": "one"},
    }

    check = evaluate(expression[3:-3], variables.__getitem__)["ConditionCheck"]

    assert check["Key"]["pk"] == {"S": asked}
    assert ("attribute_not_exists(demoted_at)" in check["ConditionExpression"]) == (asked[0] == "R" and risk == "safe")


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
def test_every_other_task_is_retried_too(name: str) -> None:
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

    assert task["TimeoutSeconds"] >= functions[function]["Timeout"]


@pytest.mark.parametrize("logical_id", MACHINES)
def test_every_substitution_is_given_and_used(written: dict[str, Any], logical_id: str) -> None:
    given = written["Resources"][logical_id]["Properties"].get("DefinitionSubstitutions", {})
    states = dict(MACHINES[logical_id].states)
    used = {name for text in texts(states) for name in re.findall(r"\$\{(\w+)\}", text)}

    assert used == set(given)


def test_one_noun_for_a_function_everywhere(written: dict[str, Any]) -> None:
    given = written["Resources"]["IncidentStateMachine"]["Properties"]["DefinitionSubstitutions"]

    for name, value in given.items():
        if name.endswith("FunctionArn"):
            assert value == {"Fn::GetAtt": [name.removesuffix("Arn"), "Arn"]}
