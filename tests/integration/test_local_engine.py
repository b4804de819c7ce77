"""State machines really run, and fail as they would on AWS."""

import itertools
import json
import time
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import boto3
import pytest

from local.emulator import engine
from local.emulator.cloud import Cloud
from local.emulator.lapse import Lapse
from local.emulator.runtime import Invocation
from local.emulator.server import Server, ServiceError

REGION = "eu-west-1"
_NUMBERS = itertools.count(1)
HOSTILE = 'a "quoted" \\ text\nwith $states.input and ${x} and ")"'


class ScriptedFunctions:
    """Answers each invocation with the next of its answers; an exception's name is an error."""

    def __init__(self) -> None:
        self.answers: list[dict[str, Any] | str] = []
        self.events: list[dict[str, Any]] = []

    def named(self, which: str) -> str | None:
        return which.split(":")[-1]

    def invoke(self, name: str, payload: bytes) -> Invocation:
        self.events.append(json.loads(payload))
        answer = self.answers.pop(0)
        if isinstance(answer, str):
            return Invocation(json.dumps({"errorType": answer, "errorMessage": "as told"}).encode(), True)
        return Invocation(json.dumps(answer).encode(), False)


class FailingCommands:
    """Every SSM operation fails with the error of that name."""

    def __init__(self, code: str) -> None:
        def fail(request: dict[str, Any]) -> dict[str, Any]:
            raise ServiceError(code, "Rate exceeded")

        self.operations = {"SendCommand": fail}


class World:
    """A server and a way to run one machine to its end."""

    def __init__(self, url: str, cloud: Cloud, functions: ScriptedFunctions) -> None:
        self.url, self.cloud, self.functions = url, cloud, functions

    def client(self, service: str) -> Any:
        client: Callable[..., Any] = boto3.client
        return client(service, endpoint_url=self.url, region_name=REGION)

    def start(self, states: dict[str, Any], **machine: Any) -> str:
        sfn = self.client("stepfunctions")
        definition = {"QueryLanguage": "JSONata", "StartAt": next(iter(states)), "States": states, **machine}
        arn = sfn.create_state_machine(
            name=f"machine-{next(_NUMBERS)}",
            definition=json.dumps(definition),
            roleArn="arn:aws:iam::123456789012:role/r",
        )["stateMachineArn"]
        execution: str = sfn.start_execution(
            stateMachineArn=arn, name="one", input=json.dumps({"message": HOSTILE, "nothing": None})
        )["executionArn"]
        return execution

    def end(self, execution: str) -> dict[str, Any]:
        for _ in range(300):
            found: dict[str, Any] = self.client("stepfunctions").describe_execution(executionArn=execution)
            if found["status"] != "RUNNING":
                return found
            time.sleep(0.02)
        raise AssertionError("still running")

    def run(self, states: dict[str, Any]) -> dict[str, Any]:
        return self.end(self.start(states))


@pytest.fixture
def world() -> Iterator[World]:
    cloud = Cloud()
    functions = ScriptedFunctions()
    cloud.functions = functions  # type: ignore[assignment]
    server = Server(cloud)
    engine.install(server.url)
    server.start()
    made = World(server.url, cloud, functions)
    yield made
    server.close()


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


def caught(error: str, value: str) -> dict[str, Any]:
    return {"ErrorEquals": [error], "Output": {"v": value}, "Next": "E"}


def waiting(seconds: int) -> dict[str, Any]:
    return {
        "Wait": {
            "Type": "Task",
            "Resource": "arn:aws:states:::aws-sdk:dynamodb:updateItem.waitForTaskToken",
            "Arguments": {
                "TableName": "tokens",
                "Key": {"pk": {"S": "one"}},
                "UpdateExpression": "SET task_token = :t",
                "ConditionExpression": "attribute_not_exists(done)",
                "ExpressionAttributeValues": {":t": {"S": "{% $states.context.Task.Token %}"}},
            },
            "TimeoutSeconds": f"{{% {seconds} %}}",
            "Output": {"v": "{% $states.result.signal %}"},
            "Catch": [
                {
                    "ErrorEquals": ["DynamoDb.ConditionalCheckFailedException"],
                    "Output": {"v": "came first"},
                    "Next": "E",
                },
                {"ErrorEquals": ["States.Timeout"], "Output": {"v": "nobody came"}, "Next": "E"},
                {"ErrorEquals": ["Worsened"], "Output": {"v": "{% $states.errorOutput.Cause %}"}, "Next": "E"},
            ],
            "Next": "E",
        },
        "E": {"Type": "Pass", "End": True},
    }


@pytest.fixture
def tokens(world: World) -> Any:
    client = world.client("dynamodb")
    client.create_table(
        TableName="tokens",
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    yield client
    client.delete_table(TableName="tokens")


def token(tokens: Any) -> str:
    for _ in range(200):
        item = tokens.get_item(TableName="tokens", Key={"pk": {"S": "one"}}).get("Item", {})
        if "task_token" in item:
            return str(item["task_token"]["S"])
        time.sleep(0.02)
    raise AssertionError("no token was written")


def test_a_wait_ends_with_the_signal_that_its_token_gets(world: World, tokens: Any) -> None:
    execution = world.start(waiting(60))
    world.client("stepfunctions").send_task_success(taskToken=token(tokens), output='{"signal": "resolved"}')
    assert json.loads(world.end(execution)["output"]) == {"v": "resolved"}


def test_a_wait_ends_with_the_error_that_its_token_gets(world: World, tokens: Any) -> None:
    execution = world.start(waiting(60))
    world.client("stepfunctions").send_task_failure(taskToken=token(tokens), error="Worsened", cause="critical now")
    assert json.loads(world.end(execution)["output"]) == {"v": "critical now"}


def test_a_signal_that_came_first_is_seen_by_the_condition(world: World, tokens: Any) -> None:
    tokens.put_item(TableName="tokens", Item={"pk": {"S": "one"}, "done": {"BOOL": True}})
    assert json.loads(world.run(waiting(60))["output"]) == {"v": "came first"}


def test_a_wait_times_out_and_a_time_lapse_makes_it_shorter(world: World, tokens: Any) -> None:
    engine.install(world.url, lapse=Lapse(60))
    began = time.monotonic()
    assert json.loads(world.run(waiting(60))["output"]) == {"v": "nobody came"}
    assert time.monotonic() - began < 40


def test_a_wait_that_timed_out_puts_its_incidents_clock_forward(world: World, tokens: Any) -> None:
    lapse = Lapse(60)
    engine.install(world.url, lapse=lapse)
    states = {"Open": {"Type": "Pass", "Assign": {"incident": {"incident_id": "i"}}, "Next": "Wait"}, **waiting(60)}

    assert json.loads(world.run(states)["output"]) == {"v": "nobody came"}

    assert lapse.ahead(b'{"incident_id": "i"}') == 59


def test_an_execution_that_is_stopped_ends_at_once(world: World, tokens: Any) -> None:
    ends: list[dict[str, Any]] = []
    engine.install(world.url, on_end=ends.append)
    execution = world.start(waiting(3))
    token(tokens)

    world.client("stepfunctions").stop_execution(executionArn=execution)

    assert world.client("stepfunctions").describe_execution(executionArn=execution)["status"] == "ABORTED"
    time.sleep(3.5)  # until its wait would have timed out
    assert [(end["executionArn"], end["status"]) for end in ends] == [(execution, "ABORTED")]
    assert world.end(execution)["status"] == "ABORTED"


def test_the_same_name_and_input_is_the_same_execution_and_another_input_is_refused(world: World, tokens: Any) -> None:
    sfn = world.client("stepfunctions")
    execution = world.start(waiting(60))
    machine = execution.replace(":execution:", ":stateMachine:").rsplit(":", 1)[0]
    again = sfn.start_execution(
        stateMachineArn=machine, name="one", input=json.dumps({"message": HOSTILE, "nothing": None})
    )
    assert again["executionArn"] == execution
    with pytest.raises(sfn.exceptions.ExecutionAlreadyExists):
        sfn.start_execution(stateMachineArn=machine, name="one", input="{}")
    sfn.send_task_success(taskToken=token(tokens), output='{"signal": "over"}')
    world.end(execution)


def test_executions_are_seen_with_the_states_they_entered(world: World) -> None:
    arn = machine_of(world.run({"A": {"Type": "Pass", "Next": "B"}, "B": {"Type": "Succeed"}})["executionArn"])

    assert engine.executions(arn) == [engine.Execution("one", "SUCCEEDED", ("A", "B"))]


def machine_of(execution: str) -> str:
    """The ARN of an execution's machine."""
    return execution.replace(":execution:", ":stateMachine:").rsplit(":", 1)[0]


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


def _holds(ended: list[dict[str, Any]], status: str) -> bool:
    return any(end["status"] == status for end in ended)


def wait_for(happened: Callable[[], Any]) -> None:
    for _ in range(300):
        if happened():
            return
        time.sleep(0.02)
    raise AssertionError("it did not happen")


def test_another_version_of_moto_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine, "MOTO_VERSION", "0.0.1")
    with pytest.raises(RuntimeError, match=r"patches moto 0\.0\.1"):
        engine.install("http://127.0.0.1:1")
