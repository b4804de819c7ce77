"""State machines really run, and fail as they would on AWS."""

import json
from collections.abc import Iterator
from functools import partial
from typing import Any

import pytest

from local.emulator import engine
from local.emulator.server import ServiceError
from tests.integration.local_machines import HOSTILE, World, machine_of, running, wait_for


class FailingCommands:
    """Every SSM operation fails with the error of that name."""

    def __init__(self, code: str) -> None:
        def fail(request: dict[str, Any]) -> dict[str, Any]:
            raise ServiceError(code, "Rate exceeded")

        self.operations = {"SendCommand": fail}


@pytest.fixture
def world() -> Iterator[World]:
    with running() as made:
        yield made


def _holds(ended: list[dict[str, Any]], status: str) -> bool:
    return any(end["status"] == status for end in ended)


def test_hostile_text_travels_through_variables_functions_and_choices(world: World) -> None:
    world.functions.answers = [{"echo": HOSTILE, "none": None}]

    ended = world.run(
        {
            "Call": {
                "Type": "Task",
                "Resource": "arn:aws:states:::lambda:invoke",
                "Arguments": {"FunctionName": "f", "Payload": {"text": "{% $states.input.message %}", "fixed": None}},
                "Assign": {"text": "{% $states.result.Payload.echo %}", "none": "{% $states.result.Payload.none %}"},
                "Next": "Same?",
            },
            "Same?": {
                "Type": "Choice",
                "Choices": [
                    {
                        "Condition": "{% $text = $states.context.Execution.Input.message and $none = null %}",
                        "Next": "End",
                    }
                ],
                "Default": "Wrong",
            },
            "End": {"Type": "Pass", "Output": {"text": "{% $text & '!' %}", "none": "{% $none %}"}, "End": True},
            "Wrong": {"Type": "Fail"},
        }
    )

    assert ended["status"] == "SUCCEEDED"
    assert json.loads(ended["output"]) == {"text": HOSTILE + "!", "none": None}
    assert world.functions.events == [{"text": HOSTILE, "fixed": None}]


def test_undefined_fails_a_task_in_a_way_that_can_be_caught(world: World) -> None:
    world.functions.answers = [{}]
    ended = world.run(
        {
            "Call": {
                "Type": "Task",
                "Resource": "arn:aws:states:::lambda:invoke",
                "Arguments": {"FunctionName": "f"},
                "Assign": {"plan": "{% $states.result.Payload.plan %}"},
                "Catch": [{"ErrorEquals": ["States.QueryEvaluationError"], "Next": "Caught"}],
                "End": True,
            },
            "Caught": {"Type": "Pass", "Output": {"v": "caught"}, "End": True},
        }
    )
    assert json.loads(ended["output"]) == {"v": "caught"}


def test_undefined_in_a_choice_fails_the_execution(world: World) -> None:
    ended = world.run(
        {
            "Q": {"Type": "Choice", "Choices": [{"Condition": "{% $missing %}", "Next": "E"}], "Default": "E"},
            "E": {"Type": "Succeed"},
        }
    )
    assert (ended["status"], ended["error"]) == ("FAILED", "States.QueryEvaluationError")
    assert "$missing" in ended["cause"]


def test_a_rule_that_leads_where_default_leads_keeps_its_own_assignment(world: World) -> None:
    ended = world.run(
        {
            "Q": {
                "Type": "Choice",
                "Choices": [{"Condition": "{% true %}", "Assign": {"why": "the rule"}, "Next": "E"}],
                "Default": "E",
                "Assign": {"why": "the default"},
            },
            "E": {"Type": "Pass", "Output": {"v": "{% $why %}"}, "End": True},
        }
    )
    assert json.loads(ended["output"]) == {"v": "the rule"}


def test_a_function_is_retried_by_the_error_it_names_and_then_caught(world: World) -> None:
    world.functions.answers = ["Runtime.ExitError", "HistoryUnavailable", "KeyError"]
    ended = world.run(
        {
            "Call": {
                "Type": "Task",
                "Resource": "arn:aws:states:::lambda:invoke",
                "Arguments": {"FunctionName": "f"},
                "Retry": [
                    {
                        "ErrorEquals": ["Runtime.ExitError", "HistoryUnavailable"],
                        "IntervalSeconds": 1,
                        "BackoffRate": 1,
                        "MaxAttempts": 3,
                    }
                ],
                "Catch": [
                    {"ErrorEquals": ["States.ALL"], "Output": {"v": "{% $states.errorOutput.Error %}"}, "Next": "Human"}
                ],
                "End": True,
            },
            "Human": {"Type": "Pass", "End": True},
        }
    )
    assert json.loads(ended["output"]) == {"v": "KeyError"}
    assert len(world.functions.events) == 3


@pytest.mark.parametrize(
    ("code", "error"),
    [
        ("InvalidInstanceId", "Ssm.InvalidInstanceIdException"),
        ("InvalidDocument", "Ssm.InvalidDocumentException"),
        ("ThrottlingException", "Ssm.ThrottlingException"),
        ("SomethingNobodyModelled", "Ssm.SsmException"),
    ],
)
def test_errors_of_ssm_have_the_names_that_they_have_on_aws(world: World, code: str, error: str) -> None:
    world.cloud.commands = FailingCommands(code)  # type: ignore[assignment]
    ended = world.run(
        {
            "Run Step": {
                "Type": "Task",
                "Resource": "arn:aws:states:::aws-sdk:ssm:sendCommand",
                "Arguments": {"DocumentName": "d", "InstanceIds": ["i-1"]},
                "Catch": [{"ErrorEquals": ["States.ALL"], "Output": "{% $states.errorOutput %}", "Next": "E"}],
                "End": True,
            },
            "E": {"Type": "Pass", "End": True},
        }
    )
    output = json.loads(ended["output"])
    assert output["Error"] == error
    assert "Rate exceeded" in output["Cause"]


def test_executions_are_seen_with_the_states_they_entered(world: World) -> None:
    arn = machine_of(world.run({"A": {"Type": "Pass", "Next": "B"}, "B": {"Type": "Succeed"}})["executionArn"])

    assert engine.executions(arn) == [engine.Execution("one", "SUCCEEDED", ("A", "B"))]


def parent_of(child: str) -> dict[str, Any]:
    """States that start an execution of another machine, and wait for its end."""
    return {
        "Child": {
            "Type": "Task",
            "Resource": "arn:aws:states:::states:startExecution.sync:2",
            "Arguments": {"StateMachineArn": child, "Name": "child", "Input": {"step": 1}},
            "Output": "{% $states.result.Output %}",
            "Catch": [
                {"ErrorEquals": ["States.ALL"], "Output": {"error": "{% $states.errorOutput.Error %}"}, "Next": "Told"}
            ],
            "End": True,
        },
        "Told": {"Type": "Pass", "End": True},
    }


@pytest.mark.parametrize(
    ("last", "told"),
    [
        ({"Type": "Succeed", "Output": {"step": "{% $states.input.step + 1 %}"}}, {"step": 2}),
        ({"Type": "Fail", "Error": "Broken"}, {"error": "States.TaskFailed"}),
    ],
    ids=["succeeds", "fails"],
)
def test_another_machines_execution_is_waited_for(world: World, last: dict[str, Any], told: Any) -> None:
    first = world.run({"Begin": {"Type": "Pass", "Output": {"step": 1}, "Next": "Last"}, "Last": last})
    child = machine_of(first["executionArn"])

    assert json.loads(world.run(parent_of(child))["output"]) == told
    assert [execution.name for execution in engine.executions(child)] == ["one", "child"]


def test_the_end_of_an_execution_is_told_with_its_input(world: World) -> None:
    ended: list[dict[str, Any]] = []
    engine.install(world.url, on_end=ended.append)
    fail = {"Type": "Fail", "Error": "Undelivered", "Cause": "as told"}
    for state, status in (({"Type": "Succeed"}, "SUCCEEDED"), (fail, "FAILED")):
        execution = world.start({"Only": state})
        world.end(execution)
        wait_for(partial(_holds, ended, status))
        assert ended[-1]["executionArn"] == execution
        assert json.loads(ended[-1]["input"]) == {"message": HOSTILE, "nothing": None}
        assert execution.startswith(ended[-1]["stateMachineArn"].replace("stateMachine", "execution"))


def test_a_stopped_execution_has_ended_too(world: World) -> None:
    ended: list[dict[str, Any]] = []
    engine.install(world.url, on_end=ended.append)
    execution = world.start({"Wait": {"Type": "Wait", "Seconds": 60, "End": True}})
    wait_for(lambda: world.client("stepfunctions").describe_execution(executionArn=execution)["status"] == "RUNNING")
    world.client("stepfunctions").stop_execution(executionArn=execution)

    wait_for(lambda: ended)

    assert ended[0]["status"] == "ABORTED"


def test_a_machine_writes_a_transaction_once(world: World) -> None:
    table = world.client("dynamodb")
    table.create_table(
        TableName="claims",
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name in ("pk", "sk")],
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}],
    )
    item = {"pk": {"S": "STEP#1"}, "sk": {"S": "steps#0"}}
    put = {"TableName": "claims", "Item": item, "ConditionExpression": "attribute_not_exists(pk)"}
    claim = {
        "Type": "Task",
        "Resource": "arn:aws:states:::aws-sdk:dynamodb:transactWriteItems",
        "Arguments": {"TransactItems": [{"Put": put}]},
        "Assign": {"error": "none"},
        "Catch": [
            {"ErrorEquals": ["States.ALL"], "Assign": {"error": "{% $states.errorOutput.Error %}"}, "Next": "Say"}
        ],
        "Next": "Say",
    }
    say = {"Type": "Succeed", "Output": {"error": "{% $error %}"}}

    ends = [json.loads(world.run({"Claim": claim, "Say": say})["output"])["error"] for _ in range(2)]

    assert ends == ["none", "DynamoDb.TransactionCanceledException"]


def test_another_version_of_moto_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine, "MOTO_VERSION", "0.0.1")
    with pytest.raises(RuntimeError, match=r"patches moto 0\.0\.1"):
        engine.install("http://127.0.0.1:1")
