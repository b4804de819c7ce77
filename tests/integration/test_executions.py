"""The executions: what Step Functions answers about a token decides whether anybody still waits on it."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import boto3
import pytest
from botocore.exceptions import EndpointConnectionError
from botocore.stub import Stubber

from firstline.adapters.aws.executions import StepFunctions
from firstline.errors import ExecutionsUnavailable

if TYPE_CHECKING:
    from mypy_boto3_stepfunctions.client import SFNClient

MACHINE = "arn:aws:states:eu-west-1:111122223333:stateMachine:incident"

TELLS = {
    "send_task_success": lambda executions: executions.signal("token", "resolved", "generic"),
    "send_task_failure": lambda executions: executions.interrupt("token", "Superseded", "a newer plan"),
}
each_way_to_tell = pytest.mark.parametrize("operation", TELLS)


@pytest.fixture
def client() -> "SFNClient":
    return boto3.client(
        "stepfunctions", region_name="eu-west-1", aws_access_key_id="none", aws_secret_access_key="none"
    )


@pytest.fixture
def answers(client: "SFNClient") -> Iterator[Stubber]:
    """Step Functions, which gives the answers that a test adds and no other."""
    with Stubber(client) as stubber:
        yield stubber
        stubber.assert_no_pending_responses()


@each_way_to_tell
def test_an_execution_that_waits_is_told(client: "SFNClient", answers: Stubber, operation: str) -> None:
    answers.add_response(operation, {})
    assert TELLS[operation](StepFunctions(client, MACHINE)) is True


@each_way_to_tell
@pytest.mark.parametrize("code", ["TaskTimedOut", "InvalidToken", "TaskDoesNotExist"])
def test_a_token_on_which_nobody_waits_is_an_answer(
    client: "SFNClient", answers: Stubber, operation: str, code: str
) -> None:
    answers.add_client_error(operation, code)
    assert TELLS[operation](StepFunctions(client, MACHINE)) is False


@each_way_to_tell
@pytest.mark.parametrize("code", ["InvalidOutput", "ThrottlingException", "AccessDeniedException"])
def test_another_error_is_raised(client: "SFNClient", answers: Stubber, operation: str, code: str) -> None:
    answers.add_client_error(operation, code)
    with pytest.raises(ExecutionsUnavailable, match=code):
        TELLS[operation](StepFunctions(client, MACHINE))


@each_way_to_tell
def test_step_functions_out_of_reach_is_raised(
    client: "SFNClient", monkeypatch: pytest.MonkeyPatch, operation: str
) -> None:
    def unreachable(**_: object) -> None:
        raise EndpointConnectionError(endpoint_url="https://states.eu-west-1.amazonaws.com")

    monkeypatch.setattr(client, operation, unreachable)
    with pytest.raises(ExecutionsUnavailable, match="could not be told"):
        TELLS[operation](StepFunctions(client, MACHINE))


def test_an_incident_that_was_started_before_is_started(client: "SFNClient", answers: Stubber) -> None:
    answers.add_client_error("start_execution", "ExecutionAlreadyExists")
    StepFunctions(client, MACHINE).start("incident-1", "{}")


def test_an_incident_that_cannot_be_started_is_raised(client: "SFNClient", answers: Stubber) -> None:
    answers.add_client_error("start_execution", "StateMachineDoesNotExist")
    with pytest.raises(ExecutionsUnavailable, match="incident-1 could not be started"):
        StepFunctions(client, MACHINE).start("incident-1", "{}")
