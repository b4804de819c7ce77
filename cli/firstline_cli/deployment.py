"""The command `firstline deploy`: `sam build` and `sam deploy` with the owner's parameters.

At the end it says who gets a page of the stack.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from firstline_cli.checkout import CHECKOUT
from firstline_cli.console import AWS_FAILED, USAGE, WRONG, refusal
from firstline_cli.overlay import MINE

if TYPE_CHECKING:
    from botocore.session import Session

    from firstline_cli.environments import Environment

deploy = typer.Typer(add_completion=False)
YesOption = Annotated[bool, typer.Option("--yes", help="Do not ask before the changes are made.")]


def _environments() -> list[str]:
    """Return what a shell offers for the environment: nothing if a file is wrong, which the command itself names."""
    from firstline.errors import ConfigurationError
    from firstline_cli import environments

    try:
        return [*environments.load(CHECKOUT)]
    except (ConfigurationError, OSError):
        return []


@deploy.command("deploy")
def deploy_(
    environment: Annotated[
        str, typer.Argument(help="dev, staging or prod, as in samconfig.toml.", autocompletion=_environments)
    ],
    yes: YesOption = False,
) -> None:
    """Build and deploy an environment, with your parameters in mine/firstline.toml over those of samconfig.toml."""
    run(CHECKOUT, environment, yes=yes)
    say_who_is_woken(environment)


def run(checkout: Path, environment: str, *, yes: bool) -> None:
    """Build and deploy an environment, with `yes` without asking first; end the command if SAM fails."""
    chosen: Environment = environment_of(checkout, environment)
    sam = _sam()
    _check_policies(checkout)
    region = _ready(chosen, yes=yes)
    overrides = ["--parameter-overrides", *arguments(chosen.parameters)]
    variables = os.environ | {"SAM": sam, "PYTHON": sys.executable, "SAM_CLI_TELEMETRY": "0"}
    failed = "The build failed: the lines above say why. Nothing was deployed."
    _do(["bash", "scripts/build.sh", environment, *overrides], checkout, variables, failed)
    config = ["--config-env", environment, "--config-file", str(checkout / "samconfig.toml")]
    command = [sam, "deploy", *config, "--stack-name", chosen.stack_name, "--no-fail-on-empty-changeset", *overrides]
    command += ["--region", region]
    if chosen.tags:
        command += ["--tags", *arguments(chosen.tags)]
    if yes:
        command.append("--no-confirm-changeset")
    _do(command, checkout, variables, "The deployment failed: the events above say why, and CloudFormation undoes it.")


def _check_policies(checkout: Path) -> None:
    """End the command if a policy file cannot be read; print what else is wrong, such as unknown people."""
    from firstline_cli import overlay, policies

    file = overlay.together(checkout) / "policy" / "rules.yaml"
    known, _ = policies.read_folder(file)
    for problem in policies.crossed(file, known):
        print(overlay.named(str(problem), checkout), file=sys.stderr)


def session_of(region: str | None) -> "Session":
    """Return a session with a region and credentials; end the command if either is missing.

    `region` is None for that of AWS_REGION or the AWS profile.
    """
    from firstline_cli.stacks import session_in

    session = session_in(region)
    if session.get_config_variable("region") is None:
        raise refusal(
            f"No region is set: write `region` into {MINE}/firstline.toml, or set AWS_REGION or AWS_PROFILE.",
            AWS_FAILED,
        )
    if session.get_credentials() is None:
        raise refusal("No AWS credentials were found: log in, or set AWS_PROFILE.", AWS_FAILED)
    return session


def _ready(chosen: "Environment", *, yes: bool) -> str:
    """Return the region to deploy to; end the command if SAM would fail after the build, which takes minutes.

    SAM would fail without a region or credentials, on a stack in a state that cannot be deployed, or if it had to ask a
    person (`yes` is False) and there is no terminal.
    """
    if chosen.confirms and not yes and not sys.stdin.isatty():
        raise refusal(f"Deploying {chosen.name} asks first, and this is no terminal: give --yes.", USAGE)
    session = session_of(chosen.region)
    sts: Any = session.create_client("sts")
    sts.get_caller_identity()  # Raises if the credentials are expired.
    if state := _state(session, chosen.stack_name):
        raise refusal(f"Stack {chosen.stack_name} is {state[0]}, so it cannot be deployed: {state[1]}.", WRONG)
    return str(session.get_config_variable("region"))


_BLOCKED = {
    "ROLLBACK_COMPLETE": "its first deployment failed; delete the stack, then deploy again",
    "ROLLBACK_FAILED": "delete the stack, then deploy again",
    "CREATE_FAILED": "delete the stack, then deploy again",
    "DELETE_FAILED": "delete the stack again; its events say what keeps it",
    "UPDATE_ROLLBACK_FAILED": "`aws cloudformation continue-update-rollback` mends it; its events say what failed",
    "UPDATE_FAILED": "roll it back with `aws cloudformation rollback-stack`",
}
"""The states of a stack in which CloudFormation takes no deployment, each with the fix."""

_NOT_YET_MADE = "REVIEW_IN_PROGRESS"
"""The state of a stack that has a change set and was never deployed."""


def _state(session: "Session", stack: str) -> tuple[str, str] | None:
    """Return the state of a stack that cannot be deployed now, with the fix; None if it can be, or is new."""
    from botocore.exceptions import ClientError

    cloudformation: Any = session.create_client("cloudformation")
    try:
        (found,) = cloudformation.describe_stacks(StackName=stack)["Stacks"]
    except ClientError as error:
        if "does not exist" in error.response["Error"]["Message"]:
            return None
        raise
    state = str(found["StackStatus"])
    if state.endswith("_IN_PROGRESS") and state != _NOT_YET_MADE:
        return state, "wait until that is over"
    return (state, _BLOCKED[state]) if state in _BLOCKED else None


def environment_of(checkout: Path, name: str) -> Any:
    """Return the `Environment` of this name; end the command if it is unknown, or mine/firstline.toml is wrong."""
    from firstline.errors import ConfigurationError
    from firstline_cli import environments

    try:
        known = environments.load(checkout)
    except (ConfigurationError, OSError) as error:
        raise refusal(error, WRONG) from None
    if name not in known:
        raise refusal(f"There is no environment {name!r}; samconfig.toml has {', '.join(known)}.", USAGE)
    return known[name]


def say_who_is_woken(environment: str) -> None:
    """Print who gets a page of the deployed stack, so that people learn at once if it can wake nobody."""
    from firstline_cli.doctor import people
    from firstline_cli.stacks import stack_of

    chosen = environment_of(CHECKOUT, environment)
    for finding in people.who_is_woken(stack_of(chosen.stack_name, chosen.region)):
        print(finding.line())


def arguments(given: Any) -> Iterator[str]:
    """Yield parameters or tags in the form that SAM reads, `Name="value"`; a value may be empty or have spaces.

    `given` maps their names to their values, which are texts.
    """
    for name, value in given.items():
        escaped = value.replace("\\", "\\\\").replace('"', '\\"')
        yield f'{name}="{escaped}"'


def _sam() -> str:
    """Return the path of the SAM CLI: on the PATH, or installed by `make setup`; end the command if there is none."""
    beside = str(Path(sys.executable).parent)
    path = os.pathsep.join((os.environ.get("PATH", ""), beside, str(CHECKOUT / ".venv" / "bin")))
    found = shutil.which("sam", path=path)
    if found is None:
        raise refusal(
            "There is no `sam` on the path, and none in .venv: run `make setup` in the checkout first.", WRONG
        )
    return found


def _do(command: list[str], folder: Path, variables: dict[str, str], otherwise: str) -> None:
    if subprocess.run(command, cwd=folder, env=variables, check=False).returncode != 0:
        raise refusal(otherwise, WRONG)
