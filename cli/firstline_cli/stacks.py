"""The stack that a command is about: one on AWS, by its name, or the emulator of this checkout.

`--stack` or `FIRSTLINE_STACK` names it. Else it is the only stack in samconfig.toml, or the only one that exists. If
there are several, the command ends with an error that names them.
"""

import json
import os
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any

import typer

from firstline_cli import overlay
from firstline_cli.checkout import CHECKOUT, EMULATORS
from firstline_cli.console import AWS_FAILED, REFUSED, UNKNOWN, USAGE, refusal
from local.emulator import registry

if TYPE_CHECKING:
    from botocore.session import Session

    from firstline.adapters.dynamodb.table import Table

LOCAL = "local"
CHOSEN = ""
"""The value of the option if no stack is named, so that the only one is chosen."""

STACK_VARIABLE = "FIRSTLINE_STACK"
USER_VARIABLE = "FIRSTLINE_USER"
"""The variable that names the person who acts on the emulator."""

StackOption = Annotated[
    str,
    typer.Option(
        envvar=STACK_VARIABLE,
        help="A stack on AWS, by its name in CloudFormation; local is the emulator that this checkout started last, "
        "and the JSON line of `python -m local up` is that emulator. Without it: the only one there is.",
        show_default=False,
    ),
]
NamedStackOption = Annotated[str, typer.Option(help="A stack to read as well, by its name; without it, none is read.")]


@dataclass(frozen=True)
class Stack:
    """A stack that was found: its table, the ARN of its state machine, and clients of the services that it runs on.

    `session` signs requests to the API at `api_url`, which is empty for a stack of an older release. `name` is `local`
    for an emulator; `deployed` is the stack's name in CloudFormation for both kinds. `parameters` are the deployed
    ones.
    """

    table: "Table"
    state_machine: str
    client: Callable[[str], Any]
    session: "Session | None" = None
    name: str = ""
    api_url: str = ""
    environment: str = ""
    operator_policy: str = ""
    deployed: str = ""
    outputs: Mapping[str, str] = field(default_factory=dict)
    parameters: Mapping[str, str] = field(default_factory=dict)
    status: str = ""

    @property
    def is_local(self) -> bool:
        """True if the stack is an emulator on this machine, not a stack on AWS."""
        return self.name == LOCAL

    @property
    def time_zone(self) -> str:
        """The name of the time zone in which the stack shows times: its parameter TimeZone, by default UTC."""
        return self.parameters.get("TimeZone") or "UTC"

    @property
    def region(self) -> str:
        """The region that the stack is in."""
        return self.state_machine.split(":")[3]

    @property
    def account(self) -> str:
        """The id of the AWS account that the stack is in."""
        return self.state_machine.split(":")[4]


def table_of(stack: str) -> "Table":
    """Return the DynamoDB table of the stack that `stack_of` finds."""
    return stack_of(stack).table


def stack_of(stack: str, region: str | None = None) -> Stack:
    """Return the stack that `stack` names, or the only one if it is empty, and print which one it is on stderr.

    `stack` is a name on AWS, `local` for the emulator of this checkout, or an emulator's JSON line. On AWS the stack is
    looked for in `region`; by default in AWS_REGION or else the region of the AWS profile. End the command if no stack
    is found.
    """
    chosen = stack or _only_one()
    if chosen != LOCAL and not chosen.startswith("{"):
        found = _deployed(chosen, region)
        print(f"{found.name} in {found.region}, account {found.account}", file=sys.stderr)
        return found
    line = registry.running(EMULATORS) if chosen == LOCAL else _line(chosen)
    if line is None:
        raise refusal(
            f"No emulator runs in {CHECKOUT}: start one with `python -m local up`, or name a stack on AWS with "
            "--stack.",
            UNKNOWN,
        )
    print(f"local, the emulator at {line['aws']}", file=sys.stderr)
    return _emulated(line)


def _emulated(line: Mapping[str, Any]) -> Stack:
    from firstline.adapters.dynamodb.table import Table

    session = session_in(line["state_machine"].split(":")[3])
    session.set_credentials(os.environ.get(USER_VARIABLE, "ada"), LOCAL)
    # Only requests to the API are signed in a person's name; other calls are those of the account's owner.
    client: Callable[[str], Any] = partial(
        session.create_client, endpoint_url=line["aws"], aws_access_key_id=LOCAL, aws_secret_access_key=LOCAL
    )
    return Stack(
        Table(client("dynamodb"), line["table"]),
        line["state_machine"],
        client,
        session,
        name=LOCAL,
        api_url=line.get("api", ""),
        deployed=line.get("stack", ""),
        outputs=line.get("outputs", {}),
        parameters=line.get("parameters", {}),
    )


def _line(stack: str) -> dict[str, Any]:
    """Parse the value of --stack (`stack`) as the JSON line that `python -m local up` prints about its emulator.

    End the command if it is not the whole line.
    """
    try:
        line: dict[str, Any] = json.loads(stack)
    except ValueError:
        line = {}
    if not {"aws", "state_machine", "table"} <= line.keys():
        raise refusal("--stack: this is not the whole JSON line that `python -m local up` printed: copy all of it.")
    return line


def _only_one() -> str:
    """Return the name of the only stack, for a command that names none; end the command if there is not just one."""
    declared = sorted(set(_in_samconfig()))
    if len(declared) == 1:
        return declared[0]
    emulator = [LOCAL] if registry.running(EMULATORS) is not None else []
    found = sorted([*emulator, *_in_the_region(quietly=bool(emulator))])
    if len(found) == 1:
        return found[0]
    if found:
        raise refusal(f"There are several stacks, {', '.join(found)}: choose with --stack or {STACK_VARIABLE}.", USAGE)
    raise refusal(
        f"There is no stack here: start an emulator with `python -m local up` in {CHECKOUT}, deploy one "
        "(`make deploy`), or name one with --stack.",
        UNKNOWN,
    )


def _in_samconfig() -> Iterator[str]:
    """Yield the names of the stacks in samconfig.toml; if mine/firstline.toml exists, only its environments'."""
    own = overlay.settings(CHECKOUT)
    for environment, tables in overlay.samconfig(CHECKOUT).items():
        if own and environment not in own:
            continue
        if named := _table(own.get(environment)).get("stack_name"):
            yield str(named)
            continue
        for table in _table(tables).values():
            if name := _table(_table(table).get("parameters")).get("stack_name"):
                yield str(name)


def _table(value: Any) -> dict[str, Any]:
    """Return a table of a TOML file; an empty one if the value is no table."""
    return value if isinstance(value, dict) else {}


def _in_the_region(*, quietly: bool) -> list[str]:
    """Return the names of Firstline's stacks in the region that AWS_REGION or the AWS profile sets.

    Parameters
    ----------
    quietly
        True to return an empty list if AWS cannot be asked, because there is another choice.
    """
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        session = session_in()
        if quietly and (session.get_config_variable("region") is None or session.get_credentials() is None):
            return []
        pages = session.create_client("cloudformation").get_paginator("describe_stacks").paginate()
        return [found["StackName"] for page in pages for found in page["Stacks"] if _is_ours(_outputs(found))]
    except (BotoCoreError, ClientError) as error:
        if quietly:
            return []
        raise _in_words("No stack is named, and the stacks on AWS cannot be listed", error) from None


def _outputs(found: Mapping[str, Any]) -> dict[str, str]:
    return {output["OutputKey"]: output["OutputValue"] for output in found.get("Outputs", [])}


def _parameters(found: Mapping[str, Any]) -> dict[str, str]:
    return {given["ParameterKey"]: given.get("ParameterValue", "") for given in found.get("Parameters", [])}


def _is_ours(outputs: Mapping[str, str]) -> bool:
    return {"TableName", "StateMachineArn"} <= outputs.keys()


def _deployed(stack: str, region: str | None) -> Stack:
    from botocore.exceptions import BotoCoreError, ClientError

    from firstline.adapters.dynamodb.table import Table

    try:
        session = session_in(region)
        client: Callable[[str], Any] = session.create_client
        (found,) = client("cloudformation").describe_stacks(StackName=stack)["Stacks"]
        outputs = _outputs(found)
        if not _is_ours(outputs):
            raise refusal(
                f"Stack {stack}: it has no outputs TableName and StateMachineArn; name a stack of Firstline, or deploy "
                "it again (`make deploy`).",
                UNKNOWN,
            )
        return Stack(
            Table(client("dynamodb"), outputs["TableName"]),
            outputs["StateMachineArn"],
            client,
            session,
            name=stack,
            api_url=outputs.get("ApiUrl", ""),
            environment=outputs.get("EnvironmentName", ""),
            operator_policy=outputs.get("OperatorPolicyArn", ""),
            deployed=stack,
            outputs=outputs,
            parameters=_parameters(found),
            status=found["StackStatus"],
        )
    except (BotoCoreError, ClientError) as error:
        raise _in_words(f"Stack {stack}", error, region) from None


def session_in(region: str | None = None) -> "Session":
    """Return a botocore session (imported faster than boto3) for a region; by default AWS_REGION or the profile's."""
    from botocore.session import get_session

    session = get_session()
    if chosen := region or os.environ.get("AWS_REGION"):
        session.set_config_variable("region", chosen)
    return session


def _in_words(what: str, error: Exception, region: str | None = None) -> typer.Exit:
    """Print why a call of AWS failed, after `what` (the subject, such as `Stack shop`); return the exit to raise.

    `region` is the one that was asked; None means AWS_REGION, or else the region of the AWS profile.
    """
    from botocore.exceptions import ClientError, NoCredentialsError, NoRegionError

    from firstline_cli import aws_words

    code, problem = AWS_FAILED, f"{aws_words.in_words(error, 'cloudformation:DescribeStacks')}."
    if isinstance(error, NoRegionError):
        problem = "no region is set: set AWS_REGION, or AWS_PROFILE to a profile that has one."
    elif isinstance(error, NoCredentialsError):
        problem = "no AWS credentials were found: log in, or set AWS_PROFILE."
    elif isinstance(error, ClientError):
        answer = error.response["Error"]
        code = REFUSED if aws_words.is_denied(error) else AWS_FAILED
        if answer["Code"] == "ValidationError" and "does not exist" in answer["Message"]:
            code = UNKNOWN
            asked = session_in(region).get_config_variable("region")
            problem = (
                f"there is none of this name in {asked}: check `aws cloudformation list-stacks`, AWS_REGION and "
                "AWS_PROFILE."
            )
    return refusal(f"{what}: {problem}", code)
