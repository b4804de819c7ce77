"""Step Functions: start an incident's execution, and tell it what it waits for."""

import json
from collections.abc import Callable
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from firstline.errors import ExecutionsUnavailable

if TYPE_CHECKING:
    from mypy_boto3_stepfunctions.client import SFNClient

_GONE = {"TaskTimedOut", "InvalidToken", "TaskDoesNotExist"}


class StepFunctions:
    """The executions of one state machine. Everything raises `ExecutionsUnavailable` when Step Functions fails."""

    def __init__(self, client: "SFNClient", state_machine_arn: str = "") -> None:
        self._client = client
        self._state_machine = state_machine_arn

    def start(self, incident_id: str, execution_input: str) -> None:
        """Start the incident's execution. Its name is the incident's id, so that a second start changes nothing."""
        try:
            self._client.start_execution(stateMachineArn=self._state_machine, name=incident_id, input=execution_input)
        except self._client.exceptions.ExecutionAlreadyExists:
            return
        except (ClientError, BotoCoreError) as error:
            raise ExecutionsUnavailable(f"incident {incident_id} could not be started: {error}") from error

    def signal(self, token: str, signal: str, by: str) -> bool:
        """End the wait behind a task token. Return False if nothing waits on it any more."""
        output = json.dumps({"signal": signal, "by": by})
        return _answered(lambda: self._client.send_task_success(taskToken=token, output=output))

    def interrupt(self, token: str, error: str, cause: str) -> bool:
        """End the wait with an error that the state machine catches by name; return False as `signal` does."""
        return _answered(lambda: self._client.send_task_failure(taskToken=token, error=error, cause=cause))


def _answered(call: Callable[[], object]) -> bool:
    try:
        call()
    except ClientError as error:
        if error.response["Error"]["Code"] in _GONE:
            return False
        raise ExecutionsUnavailable(f"an execution could not be told: {error}") from error
    except BotoCoreError as error:
        raise ExecutionsUnavailable(f"an execution could not be told: {error}") from error
    return True
