"""Step Functions: start an incident's execution, tell it that something happened, and ask whether it runs."""

import json
import re
from contextlib import suppress
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal

from firstline.adapters.aws.clients import raising
from firstline.errors import ExecutionsUnavailable
from firstline.incidents.lifecycle import (
    MAX_NAME_LENGTH,
    BadEnd,
    ExecutionState,
    execution_input,
    execution_name,
)
from firstline.models import ExecutionInput, Incident

if TYPE_CHECKING:
    from mypy_boto3_stepfunctions.client import SFNClient

_FAILURES: 'tuple[Literal["FAILED", "ABORTED", "TIMED_OUT"], ...]' = ("FAILED", "ABORTED", "TIMED_OUT")

_RUNS = ("RUNNING", "PENDING_REDRIVE")

_ONE_PAGE = 1_000
"""The number of executions of each status that are looked at: those that began last. No page of the list has more."""

_SUCCESSOR = re.compile(r"(?P<incident_id>.*Z-[0-9a-f]{8})-[0-9]+")
"""The name of an execution that succeeds another one; an incident's id ends with its time and a hash."""


class StepFunctions:
    """The executions of one state machine. Every method raises `ExecutionsUnavailable` when Step Functions fails."""

    def __init__(self, client: "SFNClient", state_machine_arn: str = "") -> None:
        self._client = client
        self._state_machine = state_machine_arn

    def start(self, incident: Incident, generation: int) -> None:
        """Start an incident's execution; starting it again changes nothing.

        `generation` counts the incident's executions: 1 is the first, 2 its successor. The name and input depend only
        on it and on the incident as it was opened, so an execution that has this name already is the right one.
        """
        name = execution_name(incident.incident_id, generation)
        failed = raising(ExecutionsUnavailable, f"execution {name} could not be started")
        with failed, suppress(self._client.exceptions.ExecutionAlreadyExists):
            self._client.start_execution(
                stateMachineArn=self._state_machine, name=name, input=execution_input(incident, generation)
            )

    def signal(self, token: str, signal: str, by: str) -> bool:
        """End the wait that has this task token; return False if the wait is over already.

        The waiting execution gets the signal, such as `acknowledged`, and who caused it (`by`).
        """
        output = json.dumps({"signal": signal, "by": by})
        known = self._client.exceptions
        with raising(ExecutionsUnavailable, f"the waiting execution could not be sent {signal!r}"):
            try:
                self._client.send_task_success(taskToken=token, output=output)
            except (known.TaskTimedOut, known.InvalidToken, known.TaskDoesNotExist):
                return False
            return True

    def describe(self, incident_id: str, generation: int) -> ExecutionState:
        """Return RUNNING or ENDED for one of an incident's executions, or UNKNOWN if it does not exist.

        `generation` counts the incident's executions: 1 is the first, 2 its successor.
        """
        described = self._describe(execution_name(incident_id, generation))
        if described is None:
            return "UNKNOWN"
        return "RUNNING" if described["status"] in _RUNS else "ENDED"

    def ended_badly(self, since: datetime) -> list[BadEnd]:
        """Return the executions that failed, were stopped or timed out since a time, newest end first.

        Of each of these three statuses only the thousand executions that began last are looked at.
        """
        ended: list[BadEnd] = []
        for status in _FAILURES:
            with raising(ExecutionsUnavailable, "the failed executions could not be listed"):
                page = self._client.list_executions(
                    stateMachineArn=self._state_machine, statusFilter=status, maxResults=_ONE_PAGE
                )
            ends = [(each["name"], each.get("stopDate", each["startDate"])) for each in page["executions"]]
            ended += [BadEnd(name, status, at) for name, at in ends if at >= since]
        return sorted(ended, key=lambda end: end.at, reverse=True)

    def incident_of(self, name: str) -> str | None:
        """Return the id of the incident that an execution, given by its name, belongs to; None if that is unknown.

        A long id is cut in the name and is then read from the execution's input.
        """
        successor = _SUCCESSOR.fullmatch(name)
        if successor is None:
            return name
        if len(name) < MAX_NAME_LENGTH:
            return successor["incident_id"]
        # The id may have been cut to fit, and the list does not have the input.
        described = self._describe(name)
        given = None if described is None else described.get("input")
        return None if given is None else ExecutionInput.model_validate_json(given).incident.incident_id

    def _describe(self, name: str) -> Any:
        """Return Step Functions' description of an execution, or None if there is no execution of that name."""
        arn = f"{self._state_machine.replace(':stateMachine:', ':execution:')}:{name}"
        with raising(ExecutionsUnavailable, f"execution {name} could not be looked at"):
            try:
                return self._client.describe_execution(executionArn=arn)
            except self._client.exceptions.ExecutionDoesNotExist:
                return None
