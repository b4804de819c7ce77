"""The command `firstline deploy`: `sam build` and `sam deploy` with the owner's parameters.

At the end it says who gets a page of the stack.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import typer

from firstline_cli.checkout import CHECKOUT
from firstline_cli.console import USAGE, WRONG, refusal

deploy = typer.Typer()
YesOption = Annotated[bool, typer.Option("--yes", help="Do not ask before the changes are made.")]


@deploy.command("deploy")
def deploy_(
    environment: Annotated[str, typer.Argument(help="dev, staging or prod, as in samconfig.toml.")],
    yes: YesOption = False,
) -> None:
    """Build and deploy an environment, with your parameters in mine/firstline.toml over those of samconfig.toml."""
    run(CHECKOUT, environment, yes=yes)
    say_who_is_woken(environment)


def run(checkout: Path, environment: str, *, yes: bool) -> None:
    """Build and deploy an environment; end the command if SAM fails."""
    from firstline_cli.environments import Environment

    chosen: Environment = environment_of(checkout, environment)
    sam = _sam()
    overrides = ["--parameter-overrides", *arguments(chosen.parameters)]
    variables = os.environ | {"SAM": sam, "PYTHON": sys.executable, "SAM_CLI_TELEMETRY": "0"}
    failed = "The build failed: the lines above say why. Nothing was deployed."
    _do(["bash", "scripts/build.sh", environment, *overrides], checkout, variables, failed)
    config = ["--config-env", environment, "--config-file", str(checkout / "samconfig.toml")]
    command = [sam, "deploy", *config, "--stack-name", chosen.stack_name, "--no-fail-on-empty-changeset", *overrides]
    if chosen.region:
        command += ["--region", chosen.region]
    if chosen.tags:
        command += ["--tags", *arguments(chosen.tags)]
    if yes:
        command.append("--no-confirm-changeset")
    _do(command, checkout, variables, "The deployment failed: the events above say why, and CloudFormation undoes it.")


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
    """Yield parameters or tags in the form that SAM reads, `Name="value"`; a value may be empty or have spaces."""
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
