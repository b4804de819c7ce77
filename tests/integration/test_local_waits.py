"""Waits with a task token on the emulator's engine: signals, errors, time-outs, stops."""

import json
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from local.emulator import engine
from local.emulator.lapse import Lapse
from tests.integration.local_machines import HOSTILE, World, running


@pytest.fixture
def world() -> Iterator[World]:
    with running() as made:
        yield made


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


def wait_for(holds: Callable[[], bool]) -> None:
    for _ in range(3_000):
        if holds():
            return
        time.sleep(0.02)
    raise AssertionError("it did not happen")


def token(tokens: Any) -> str:
    for _ in range(3_000):
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


# --- a function that hands its state's token on -----------------------------------------------------------------------


def invoking(**more: Any) -> dict[str, Any]:
    return {
        "Ask": {
            "Type": "Task",
            "Resource": "arn:aws:states:::lambda:invoke.waitForTaskToken",
            "Arguments": {
                "FunctionName": "arn:aws:lambda:eu-west-1:123456789012:function:f",
                "Payload": {"token": "{% $states.context.Task.Token %}"},
            },
            "TimeoutSeconds": "{% 60 %}",
            "Output": {"v": "{% $states.result.signal %}"},
            "Catch": [{"ErrorEquals": ["Broken"], "Output": {"v": "it failed"}, "Next": "E"}],
            "Next": "E",
            **more,
        },
        "E": {"Type": "Pass", "End": True},
    }


def signals(world: World, event: dict[str, Any], signal: str = "early") -> None:
    world.client("stepfunctions").send_task_success(taskToken=event["token"], output=json.dumps({"signal": signal}))


def test_a_function_that_has_answered_leaves_its_state_waiting_for_the_token(world: World) -> None:
    world.functions.answers = [{"told": True}]
    execution = world.start(invoking())
    wait_for(lambda: bool(world.functions.events))
    time.sleep(0.1)

    assert world.client("stepfunctions").describe_execution(executionArn=execution)["status"] == "RUNNING"
    signals(world, world.functions.events[0], "late")
    assert json.loads(world.end(execution)["output"]) == {"v": "late"}


@pytest.mark.parametrize("answer", [{"told": True}, "Broken"], ids=["answers", "fails"])
def test_a_signal_counts_that_comes_before_the_function_has_ended_however_it_ends(world: World, answer: Any) -> None:
    world.functions.answers = [answer]
    world.functions.meanwhile = lambda event: signals(world, event)

    assert json.loads(world.run(invoking())["output"]) == {"v": "early"}


def test_a_function_that_fails_fails_its_state_at_once(world: World) -> None:
    world.functions.answers = ["Broken"]

    assert json.loads(world.run(invoking())["output"]) == {"v": "it failed"}


def test_the_next_attempt_has_a_new_token_and_the_old_one_is_over(world: World) -> None:
    world.functions.answers = ["Broken", {"told": True}]
    execution = world.start(invoking(Retry=[{"ErrorEquals": ["Broken"], "IntervalSeconds": 1, "MaxAttempts": 1}]))
    wait_for(lambda: len(world.functions.events) == 2)
    first, second = world.functions.events

    with pytest.raises(world.client("stepfunctions").exceptions.InvalidToken):
        signals(world, first)
    assert world.client("stepfunctions").describe_execution(executionArn=execution)["status"] == "RUNNING"
    signals(world, second, "the second")
    assert json.loads(world.end(execution)["output"]) == {"v": "the second"}


# --- time -------------------------------------------------------------------------------------------------------------


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

    assert lapse.ahead(b'{"incident_id": "i"}') == 60 - 1, "the wait of 60 seconds took one"


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
