"""Step Functions: start an incident's execution, and tell it what it waits for."""

import json
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from firstline.adapters.aws.clients import raising
from firstline.errors import ExecutionsUnavailable

if TYPE_CHECKING:
    from mypy_boto3_stepfunctions.client import SFNClient


class StepFunctions:
    """The executions of one state machine. Every method raises `ExecutionsUnavailable` when Step Functions fails."""

    def __init__(self, client: "SFNClient", state_machine_arn: str = "") -> None:
        self._client = client
        self._state_machine = state_machine_arn

    def start(self, incident_id: str, execution_input: str) -> None:
        """Start the incident's execution. Its name is the incident's id, so that a second start changes nothing."""
        failed = raising(ExecutionsUnavailable, f"incident {incident_id} could not be started")
        with failed, suppress(self._client.exceptions.ExecutionAlreadyExists):
            self._client.start_execution(stateMachineArn=self._state_machine, name=incident_id, input=execution_input)

    def signal(self, token: str, signal: str, by: str) -> bool:
        """End the wait behind a task token. Return False if nothing waits on it any more."""
        output = json.dumps({"signal": signal, "by": by})
        return self._answer("send_task_success", taskToken=token, output=output)

    def interrupt(self, token: str, error: str, cause: str) -> bool:
        """End the wait with an error that the state machine catches by name; return False as `signal` does."""
        return self._answer("send_task_failure", taskToken=token, error=error, cause=cause)

    def _answer(self, operation: str, **arguments: Any) -> bool:
        known = self._client.exceptions
        with raising(ExecutionsUnavailable, "an execution could not be told"):
            try:
                getattr(self._client, operation)(**arguments)
            except (known.TaskTimedOut, known.InvalidToken, known.TaskDoesNotExist):
                return False
            return True
