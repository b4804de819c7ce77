"""The executions: what is asked of Step Functions, and what its answers mean."""

import json
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from botocore.exceptions import EndpointConnectionError
from botocore.stub import Stubber

from firstline.adapters.aws.executions import StepFunctions
from firstline.errors import ExecutionsUnavailable
from firstline.incidents.lifecycle import execution_input, execution_name
from firstline.models import ExecutionInput, Incident
from tests.support.builders import NOON, at, incident

if TYPE_CHECKING:
    from mypy_boto3_stepfunctions.client import SFNClient

MACHINE = "arn:aws:states:eu-west-1:111122223333:stateMachine:incident"
LONG = "A" * 32 + "-" + "b" * 20 + "-20260302T120000Z-0a1b2c3d"


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


def test_an_execution_that_waits_is_told(client: "SFNClient", answers: Stubber) -> None:
    told = {"taskToken": "token", "output": json.dumps({"signal": "resolved", "by": "ada"})}
    answers.add_response("send_task_success", {}, told)
    assert StepFunctions(client, MACHINE).signal("token", "resolved", "ada") is True


@pytest.mark.parametrize("code", ["TaskTimedOut", "InvalidToken", "TaskDoesNotExist"])
def test_a_token_on_which_nobody_waits_is_an_answer(client: "SFNClient", answers: Stubber, code: str) -> None:
    answers.add_client_error("send_task_success", code)
    assert StepFunctions(client, MACHINE).signal("token", "resolved", "ada") is False


@pytest.mark.parametrize("code", ["InvalidOutput", "ThrottlingException", "AccessDeniedException"])
def test_another_error_is_raised(client: "SFNClient", answers: Stubber, code: str) -> None:
    answers.add_client_error("send_task_success", code)
    with pytest.raises(ExecutionsUnavailable, match=code):
        StepFunctions(client, MACHINE).signal("token", "resolved", "ada")


@pytest.mark.parametrize(
    ("operation", "ask"),
    [
        ("send_task_success", lambda executions: executions.signal("token", "resolved", "ada")),
        ("start_execution", lambda executions: executions.start(incident(), 1)),
        ("describe_execution", lambda executions: executions.describe("incident-1", 1)),
        ("list_executions", lambda executions: executions.ended_badly(NOON)),
    ],
)
def test_step_functions_out_of_reach_is_raised(
    client: "SFNClient", monkeypatch: pytest.MonkeyPatch, operation: str, ask: Callable[[StepFunctions], object]
) -> None:
    def unreachable(**_: object) -> None:
        raise EndpointConnectionError(endpoint_url="https://states.eu-west-1.amazonaws.com")

    monkeypatch.setattr(client, operation, unreachable)
    with pytest.raises(ExecutionsUnavailable, match="could not be"):
        ask(StepFunctions(client, MACHINE))


# --- start ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("incident_id", "generation", "name"),
    [
        ("incident-1", 1, "incident-1"),
        ("incident-1", 2, "incident-1-2"),
        (LONG, 1, LONG),
        (LONG, 2, f"{LONG[:52]}-{LONG[-25:]}-2"),
        (LONG, 1_000, f"{LONG[:49]}-{LONG[-25:]}-1000"),
    ],
)
def test_an_execution_is_named_after_its_incident_and_generation(
    client: "SFNClient", answers: Stubber, incident_id: str, generation: int, name: str
) -> None:
    given = incident(incident_id=incident_id)
    answers.add_response(
        "start_execution",
        {"executionArn": f"{MACHINE}:any", "startDate": NOON},
        {
            "stateMachineArn": MACHINE,
            "name": name,
            "input": ExecutionInput(incident=given, generation=generation).model_dump_json(),
        },
    )

    StepFunctions(client, MACHINE).start(given, generation)

    assert len(name) <= 80


def test_the_same_incident_and_generation_always_have_the_same_input(client: "SFNClient", answers: Stubber) -> None:
    """Step Functions refuses the same name with another input, which would count as started."""
    given = incident()
    stored = Incident.model_validate_json(given.model_dump_json())
    text = execution_input(given, 3)
    assert execution_input(stored, 3) == text == execution_input(stored.model_copy(deep=True), 3)
    assert execution_input(given, 4) != text
    assert execution_name(given.incident_id, 4) != execution_name(given.incident_id, 3)


def test_an_execution_that_exists_already_counts_as_started(client: "SFNClient", answers: Stubber) -> None:
    answers.add_client_error("start_execution", "ExecutionAlreadyExists")
    StepFunctions(client, MACHINE).start(incident(), 1)


def test_an_incident_that_cannot_be_started_is_raised(client: "SFNClient", answers: Stubber) -> None:
    answers.add_client_error("start_execution", "StateMachineDoesNotExist")
    with pytest.raises(ExecutionsUnavailable, match="could not be started"):
        StepFunctions(client, MACHINE).start(incident(), 1)


# --- ask --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "state"),
    [
        ("RUNNING", "RUNNING"),
        ("PENDING_REDRIVE", "RUNNING"),
        *((status, "ENDED") for status in ("SUCCEEDED", "FAILED", "TIMED_OUT", "ABORTED")),
    ],
)
def test_an_execution_runs_or_has_ended(client: "SFNClient", answers: Stubber, status: str, state: str) -> None:
    arn = "arn:aws:states:eu-west-1:111122223333:execution:incident:incident-1-2"
    answers.add_response(
        "describe_execution",
        {"executionArn": arn, "stateMachineArn": MACHINE, "status": status, "startDate": NOON},
        {"executionArn": arn},
    )

    assert StepFunctions(client, MACHINE).describe("incident-1", 2) == state


def test_an_execution_may_be_unknown(client: "SFNClient", answers: Stubber) -> None:
    answers.add_client_error("describe_execution", "ExecutionDoesNotExist")

    assert StepFunctions(client, MACHINE).describe("incident-1", 1) == "UNKNOWN"


def test_failed_executions_lead_to_their_incidents_newest_first(client: "SFNClient", answers: Stubber) -> None:
    first, second = "DiskFull-20260302T120000Z-00000000", "DiskFull-20260302T120000Z-11111111"
    cut = execution_name(LONG, 2)  # only the input of such an execution has its incident's whole id
    # The minutes since noon at which they ended, and one of before noon.
    for status, names in (
        ("FAILED", [(f"{first}-2", 5), ("an-id-of-another-form-7", 3)]),
        ("ABORTED", [(second, 4), (first, 2)]),
        ("TIMED_OUT", [(cut, 1), ("too-old", -1)]),
    ):
        asked = {"stateMachineArn": MACHINE, "statusFilter": status, "maxResults": 1000}
        answers.add_response("list_executions", {"executions": [ended(name, at, status) for name, at in names]}, asked)
    answers.add_response(
        "describe_execution",
        {
            "executionArn": f"{MACHINE}:{cut}",
            "stateMachineArn": MACHINE,
            "status": "TIMED_OUT",
            "startDate": NOON,
            "input": execution_input(incident(incident_id=LONG), 2),
        },
    )

    executions = StepFunctions(client, MACHINE)
    failed = executions.ended_badly(NOON)

    assert [(end.name, end.status) for end in failed] == [
        (f"{first}-2", "FAILED"),
        (second, "ABORTED"),
        ("an-id-of-another-form-7", "FAILED"),
        (first, "ABORTED"),
        (cut, "TIMED_OUT"),
    ]
    ids = [executions.incident_of(end.name) for end in failed]
    assert ids == [first, second, "an-id-of-another-form-7", first, LONG]


def ended(name: str, minutes: float, status: str) -> dict[str, Any]:
    """An execution as ListExecutions has it."""
    return {
        "executionArn": f"{MACHINE}:{name}",
        "stateMachineArn": MACHINE,
        "name": name,
        "status": status,
        "startDate": at(-60),
        "stopDate": at(minutes),
    }
