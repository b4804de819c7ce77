"""The stack that a command is about: one on AWS, by its name, or the emulator of this checkout."""

import json
import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer

from firstline_cli.checkout import CHECKOUT, EMULATORS

if TYPE_CHECKING:
    from firstline.adapters.dynamodb.table import Table

LOCAL = "local"
StackOption = Annotated[
    str,
    typer.Option(
        help="A stack on AWS, by its name in CloudFormation; local is the emulator that this checkout started last, "
        "and the JSON line of `python -m local up` is that emulator."
    ),
]
NamedStackOption = Annotated[str, typer.Option(help="The same; without it no stack is read.")]


class StackNotFoundError(Exception):
    """A stack that cannot be found; the message names the fix."""


def table_of(stack: str) -> "Table":
    """Return the stack's table; end the command with one line where the stack cannot be found."""
    try:
        return find_table(stack)
    except StackNotFoundError as error:
        print(error, file=sys.stderr)
        raise typer.Exit(2) from None


def find_table(stack: str) -> "Table":
    """Find a stack's table.

    Raises
    ------
    StackNotFoundError
        No such stack, no credentials or region for it, no such output, or no emulator that runs.
    """
    from local.emulator import registry

    if stack.startswith("{"):
        return _emulators_table(json.loads(stack))
    if stack != LOCAL:
        return _deployed_table(stack)
    running = registry.running(EMULATORS)
    if running is None:
        raise StackNotFoundError(
            f"No emulator runs in {CHECKOUT}: start one with `python -m local up`, or name a stack on AWS with --stack."
        )
    return _emulators_table(running)


def _emulators_table(line: dict[str, Any]) -> "Table":
    import boto3

    from firstline.adapters.dynamodb.table import Table

    client = boto3.session.Session().client(
        "dynamodb",
        endpoint_url=line["aws"],
        region_name=line["state_machine"].split(":")[3],
        aws_access_key_id=LOCAL,
        aws_secret_access_key=LOCAL,
    )
    return Table(client, line["table"])


def _deployed_table(stack: str) -> "Table":
    import boto3
    from botocore.exceptions import BotoCoreError, ClientError, NoCredentialsError, NoRegionError

    from firstline.adapters.dynamodb.table import Table

    try:
        session = boto3.session.Session()
        (found,) = session.client("cloudformation").describe_stacks(StackName=stack)["Stacks"]
        outputs = {output["OutputKey"]: output["OutputValue"] for output in found.get("Outputs", [])}
        if "TableName" not in outputs:
            raise StackNotFoundError(
                f"Stack {stack} has no output TableName: name a stack of Firstline, or deploy it again (`make deploy`)."
            )
        return Table(session.client("dynamodb"), outputs["TableName"])
    except NoRegionError:
        problem = "no region is set: set AWS_REGION, or AWS_PROFILE to a profile that has one."
    except NoCredentialsError:
        problem = "no AWS credentials were found: log in, or set AWS_PROFILE."
    except ClientError as error:
        code, message = error.response["Error"]["Code"], error.response["Error"]["Message"]
        if code == "ValidationError" and "does not exist" in message:
            problem = (
                f"{session.region_name} has none of this name: look at `aws cloudformation list-stacks`, and at "
                "AWS_REGION and AWS_PROFILE."
            )
        else:
            problem = f"CloudFormation refused DescribeStacks ({code}: {message}): look at AWS_PROFILE and its policy."
    except BotoCoreError as error:
        problem = f"AWS cannot be asked ({error}): look at AWS_REGION and AWS_PROFILE."
    raise StackNotFoundError(f"Stack {stack}: {problem}")
