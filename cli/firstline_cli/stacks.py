"""The stack that a command is about: one on AWS, by its name, or the emulator of this checkout."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Annotated, Any

import boto3
import typer
from botocore.exceptions import BotoCoreError, ClientError, NoCredentialsError, NoRegionError

from firstline.adapters.dynamodb.table import Table
from firstline_cli.checkout import CHECKOUT, EMULATORS
from firstline_cli.console import refusal
from local.emulator import registry

LOCAL = "local"
StackOption = Annotated[
    str,
    typer.Option(
        help="A stack on AWS, by its name in CloudFormation; local is the emulator that this checkout started last, "
        "and the JSON line of `python -m local up` is that emulator."
    ),
]
NamedStackOption = Annotated[str, typer.Option(help="The same; without it no stack is read.")]


@dataclass(frozen=True)
class Stack:
    """A stack that was found: its table, the ARN of its state machine, and clients for the services that it is on."""

    table: Table
    state_machine: str
    client: Callable[[str], Any]


def table_of(stack: str) -> Table:
    """Return the stack's table; see `stack_of`."""
    return stack_of(stack).table


def stack_of(stack: str) -> Stack:
    """Return a stack; end the command with one line that names the fix where it cannot be found."""
    if stack != LOCAL and not stack.startswith("{"):
        return _deployed(stack)
    line = registry.running(EMULATORS) if stack == LOCAL else _line(stack)
    if line is None:
        raise refusal(
            f"No emulator runs in {CHECKOUT}: start one with `python -m local up`, or name a stack on AWS with --stack."
        )
    session = boto3.session.Session(LOCAL, LOCAL, region_name=line["state_machine"].split(":")[3])
    client: Callable[[str], Any] = partial(session.client, endpoint_url=line["aws"])
    return Stack(Table(client("dynamodb"), line["table"]), line["state_machine"], client)


def _line(stack: str) -> dict[str, Any]:
    """Read the JSON line of an emulator."""
    try:
        line: dict[str, Any] = json.loads(stack)
    except ValueError:
        line = {}
    if not {"aws", "state_machine", "table"} <= line.keys():
        raise refusal("--stack: this is not the JSON line that `python -m local up` printed; copy the whole line.")
    return line


def _deployed(stack: str) -> Stack:
    try:
        session = boto3.session.Session()
        (found,) = session.client("cloudformation").describe_stacks(StackName=stack)["Stacks"]
        outputs = {output["OutputKey"]: output["OutputValue"] for output in found.get("Outputs", [])}
        if {"TableName", "StateMachineArn"} <= outputs.keys():
            table = Table(session.client("dynamodb"), outputs["TableName"])
            return Stack(table, outputs["StateMachineArn"], partial(session.client))
        problem = (
            "it has no outputs TableName and StateMachineArn; name a stack of Firstline, or deploy it again "
            "(`make deploy`)."
        )
    except NoRegionError:
        problem = "no region is set: set AWS_REGION, or AWS_PROFILE to a profile that has one."
    except NoCredentialsError:
        problem = "no AWS credentials were found: log in, or set AWS_PROFILE."
    except ClientError as error:
        code, message = error.response["Error"]["Code"], error.response["Error"]["Message"]
        problem = f"CloudFormation refused DescribeStacks ({code}: {message}): look at AWS_PROFILE and its policy."
        if code == "ValidationError" and "does not exist" in message:
            problem = (
                f"{session.region_name} has none of this name: look at `aws cloudformation list-stacks`, and at "
                "AWS_REGION and AWS_PROFILE."
            )
    except BotoCoreError as error:
        problem = f"AWS cannot be asked ({error}): look at AWS_REGION and AWS_PROFILE."
    raise refusal(f"Stack {stack}: {problem}")
