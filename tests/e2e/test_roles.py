"""A function that is taken over: each power over incidents and hosts, tried with the credentials of each role."""

from collections.abc import Callable, Iterator
from functools import cache
from typing import Any

import boto3
import pytest
import typer
from botocore.config import Config
from botocore.exceptions import ClientError
from botocore.session import get_session

from firstline.adapters.dynamodb.table import Table
from firstline_cli import requests, stacks
from local.emulator.roles import SECRET_KEY
from tests.e2e.running import LocalStack

FUNCTIONS = ("Ingest", "Classify", "Remediate", "Escalate", "Notify", "Respond", "Console", "Reconcile")
ROLES = (*FUNCTIONS, "IncidentStateMachine")
"""The roles of this stack. Canary and Publish are off in it: tests/template/test_iam_powers.py has their powers."""


class Intruder:
    """An intruder who has the credentials of one role, and knows the stack."""

    def __init__(self, stack: LocalStack, role: str) -> None:
        self.table = stack.line["table"]
        self.machine = stack.line["state_machine"]
        suffix = "Role" if role == "IncidentStateMachine" else "FunctionRole"
        session = boto3.session.Session(aws_access_key_id=f"{role}{suffix}", aws_secret_access_key="x")
        region, retries = self.machine.split(":")[3], Config(retries={"total_max_attempts": 1})
        self.client: Callable[[str], Any] = cache(
            lambda service: session.client(service, endpoint_url=stack.line["aws"], region_name=region, config=retries)
        )

    def puts(self, pk: str, sk: str, **attributes: str) -> None:
        item = {"pk": pk, "sk": sk, **attributes}
        self.client("dynamodb").put_item(TableName=self.table, Item={name: {"S": text} for name, text in item.items()})

    def updates(self, pk: str, sk: str) -> None:
        self.client("dynamodb").update_item(
            TableName=self.table,
            Key={"pk": {"S": pk}, "sk": {"S": sk}},
            UpdateExpression="SET forged = :yes",
            ExpressionAttributeValues={":yes": {"BOOL": True}},
        )

    def sends(self, document: str, instance: str) -> None:
        self.client("ssm").send_command(DocumentName=document, InstanceIds=[instance])


def _approves(intruder: Intruder) -> None:
    intruder.updates("DECISION#forged", "DECISION")


def _plants_a_plan(intruder: Intruder) -> None:
    intruder.puts("PLAN#forged", "PLAN", plan="{}")


def _changes_a_plan(intruder: Intruder) -> None:
    intruder.updates("PLAN#forged", "PLAN")


def _silences(intruder: Intruder) -> None:
    intruder.puts("SILENCES", "2099-01-01T00:00:00Z#forged", silence="{}")


def _changes_the_trail(intruder: Intruder) -> None:
    intruder.updates("TRAIL#forged", "1")


def _deletes_the_trail(intruder: Intruder) -> None:
    key = {"pk": {"S": "TRAIL#forged"}, "sk": {"S": "1"}}
    intruder.client("dynamodb").delete_item(TableName=intruder.table, Key=key)


def _gives_a_runbook_autonomy(intruder: Intruder) -> None:
    intruder.updates("RUNBOOK#forged", "STANDING")


def _opens_a_session(intruder: Intruder) -> None:
    intruder.puts("SESSION#forged", "SESSION")


def _says_a_lasting_word(intruder: Intruder) -> None:
    intruder.puts("WORDS", "forged")


def _takes_a_shift(intruder: Intruder) -> None:
    intruder.puts("ONCALL#forged", "OVERRIDE")


def _marks_an_incident_as_over_or_acknowledged(intruder: Intruder) -> None:
    intruder.updates("GROUP#forged", "LIVE")


def _wakes_an_execution(intruder: Intruder) -> None:
    intruder.client("stepfunctions").send_task_success(taskToken="forged", output="{}")


def _opens_an_incident(intruder: Intruder) -> None:
    intruder.client("stepfunctions").start_execution(stateMachineArn=intruder.machine, name="forged", input="{")


def _claims_a_step(intruder: Intruder) -> None:
    intruder.puts("STEP#forged", "steps#0#0")


def _wakes_who_waits_for_a_command(intruder: Intruder) -> None:
    intruder.updates("COMMAND#forged", "COMMAND")


def _stops_an_execution(intruder: Intruder) -> None:
    arn = intruder.machine.replace(":stateMachine:", ":execution:")
    intruder.client("stepfunctions").stop_execution(executionArn=f"{arn}:forged")


def _turns_the_switch(intruder: Intruder) -> None:
    stack = intruder.machine.rsplit(":", 1)[1].removesuffix("-incident")
    intruder.client("ssm").put_parameter(Name=f"/firstline/{stack}/remediation", Value="on", Type="String")


def _sends_an_own_document(intruder: Intruder) -> None:
    stack = intruder.machine.rsplit(":", 1)[1].removesuffix("-incident")
    ssm = intruder.client("ssm")
    ssm.send_command(DocumentName=f"{stack}_runbook-forged", InstanceIds=["i-0123456789abcdef0"])


def _sends_amazons_shell_document(intruder: Intruder) -> None:
    intruder.sends("AWS-RunShellScript", "i-0123456789abcdef0")


POWERS: dict[Callable[[Intruder], None], set[str]] = {
    _approves: {"Respond"},
    _plants_a_plan: {"Remediate"},
    _changes_a_plan: set(),
    _silences: set(),
    _changes_the_trail: set(),
    _deletes_the_trail: set(),
    _claims_a_step: {"IncidentStateMachine"},
    # The machine leaves its token there; whoever updates the item reads it.
    _wakes_who_waits_for_a_command: {"IncidentStateMachine", "Reconcile"},
    _stops_an_execution: set(),
    # Whoever settles a remediation writes whether its runbook helped.
    _gives_a_runbook_autonomy: {"Escalate", "Notify"},
    _opens_a_session: {"Respond"},
    _says_a_lasting_word: {"Respond"},
    _takes_a_shift: {"Respond"},
    # A token is a hint: the machine reads the record. An execution does what its record says.
    _wakes_an_execution: {"Ingest", "Respond", "Reconcile"},
    _opens_an_incident: {"Ingest", "Reconcile"},
    # IAM tells items apart, and not what is written from what a condition reads: who writes a count could write all.
    _marks_an_incident_as_over_or_acknowledged: {
        *("Ingest", "Classify", "Remediate", "Escalate", "Notify", "Respond", "Reconcile", "IncidentStateMachine")
    },
    _turns_the_switch: set(),
    # The machine sends to instances with the stack's tag only, and this instance is unknown.
    _sends_an_own_document: set(),
    _sends_amazons_shell_document: set(),
}
"""The powers, and who holds each. Silences and the switch are an operator's, with credentials of their own."""


@pytest.fixture(scope="module")
def intruders(stacks: dict[str, LocalStack]) -> Callable[[str], Intruder]:
    """The intruder with each role, who is made once: none remembers what another power brought."""
    return cache(lambda role: Intruder(stacks["stack"], role))


@pytest.fixture
def intruder_with(stack: LocalStack, intruders: Callable[[str], Intruder]) -> Iterator[Callable[[str], Intruder]]:
    yield intruders
    owner = stack.client("dynamodb")
    for pk, sk in (
        ("PLAN#forged", "PLAN"),
        ("DECISION#forged", "DECISION"),
        ("STEP#forged", "steps#0#0"),
        ("COMMAND#forged", "COMMAND"),
        ("RUNBOOK#forged", "STANDING"),
        ("SESSION#forged", "SESSION"),
        ("WORDS", "forged"),
        ("ONCALL#forged", "OVERRIDE"),
        ("GROUP#forged", "LIVE"),
    ):
        owner.delete_item(TableName=stack.line["table"], Key={"pk": {"S": pk}, "sk": {"S": sk}})


@pytest.mark.parametrize("power", POWERS, ids=lambda power: power.__name__.strip("_"))
def test_only_its_owner_holds_a_power(intruder_with: Callable[[str], Intruder], power: Callable[..., None]) -> None:
    held = {role for role in ROLES if _succeeds(power, intruder_with(role))}

    assert held == POWERS[power]


def test_the_machine_sends_its_documents_to_hosts_with_the_tag_only(
    stack: LocalStack, intruder_with: Callable[[str], Intruder]
) -> None:
    ssm = stack.client("ssm")
    instance = ssm.describe_instance_information()["InstanceInformationList"][0]["InstanceId"]
    names = [document["Name"] for document in ssm.list_documents(MaxResults=50)["DocumentIdentifiers"]]
    own = next(name for name in names if "_runbook-" in name)

    held = {role for role in ROLES if _succeeds(lambda each: each.sends(own, instance), intruder_with(role))}

    assert held == {"IncidentStateMachine"}


def test_no_role_acts_as_a_person(stack: LocalStack, capsys: pytest.CaptureFixture[str]) -> None:
    for role in ROLES:
        suffix = "Role" if role == "IncidentStateMachine" else "FunctionRole"
        session = get_session()
        session.set_credentials(f"{role}{suffix}", SECRET_KEY)
        signed = stacks.Stack(
            Table(stack.client("dynamodb"), stack.line["table"]),
            stack.line["state_machine"],
            stack.client,
            session,
            api_url=stack.line["api"],
        )
        with pytest.raises(typer.Exit):
            requests.post(signed, "whoami", {})
        assert "Forbidden" in capsys.readouterr().err


def _succeeds(power: Callable[[Intruder], None], intruder: Intruder) -> bool:
    """Return True if the role may do it; any other refusal than IAM's counts as done."""
    try:
        power(intruder)
    except ClientError as error:
        return "not authorized" not in str(error)
    return True
