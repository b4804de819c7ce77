"""The operator's command: incidents, on call, silences, rules, runbooks, reports, set-up and checks of a stack."""

import logging
import os
import sys
from importlib import import_module
from typing import Annotated, Any

import typer
from typer.core import TyperGroup
from typer.main import get_group

NO_METRICS = "POWERTOOLS_METRICS_DISABLED"
_GROUPS = {
    "incidents": "incidents",
    "silence": "silences",
    "oncall": "on_call",
    "runbooks": "runbooks",
    "rules": "rules",
    "heartbeat": "heartbeats",
    "model": "models",
    "import": "imports",
    "words": "imports",
    "test": "drill",
    "secret": "secret_store",
}
"""The groups of commands by name, each with its module."""

_ATTRIBUTES = {"import": "imports", "words": "lasting"}
"""The groups whose application has another name than the group in its module."""

_AT_NIGHT = (
    "show",
    "ack",
    "resolve",
    "reopen",
    "escalate",
    "note",
    "judge",
    "approve",
    "refuse",
    "open",
    "whoami",
    "console",
)
"""The commands of the group `incidents` that are also at the top level."""

_HISTORY = ("report", "replay", "audit", "learn")

_EVALUATION = {"eval": "evaluation"}
"""The command that measures verdicts, and its module."""

_SET_UP = {"init": "init", "deploy": "deployment", "doctor": "doctor"}
"""The commands that set a stack up and look after it, each with its module."""

_PYOPENSSL = "OpenSSL"
"""A package that botocore imports if it is installed but does not use: the standard library's TLS is enough."""


class LazyGroup(TyperGroup):
    """A group that loads the module of a command when that command is used, so that no command waits for others."""

    def list_commands(self, ctx: Any) -> list[str]:  # noqa: ARG002
        """Return the names of all commands, in the order of the help."""
        return [*_GROUPS, *_AT_NIGHT, *_HISTORY, *_EVALUATION, *_SET_UP]

    def get_command(self, ctx: Any, cmd_name: str) -> Any:  # noqa: ARG002
        """Return a command by its name, or None."""
        if cmd_name in _GROUPS:
            group = _group(_GROUPS[cmd_name], _ATTRIBUTES.get(cmd_name, cmd_name))
            group.name = cmd_name
            return group
        if cmd_name in _AT_NIGHT:
            return _group("incidents", "incidents").commands[cmd_name]
        if cmd_name in _HISTORY:
            return _group("history", "history").commands[cmd_name]
        if cmd_name in _EVALUATION:
            return _single(_EVALUATION[cmd_name], cmd_name, "evaluation")
        if cmd_name in _SET_UP:
            return _single(_SET_UP[cmd_name], cmd_name, cmd_name)
        return None

    def invoke(self, ctx: Any) -> Any:
        """Run the command. If AWS, a file or the configuration fails, print why on stderr and end with an exit code."""
        if _PYOPENSSL not in sys.modules:
            sys.modules[_PYOPENSSL] = None  # type: ignore[assignment]  # Python takes it for not installed.
            ctx.call_on_close(lambda: sys.modules.pop(_PYOPENSSL))
        try:
            return super().invoke(ctx)
        except Exception as error:
            end = _end_of(error)
            if end is None:
                raise
            raise end from None


def _end_of(error: Exception) -> typer.Exit | None:
    """Print why a call to AWS, a file or the configuration fails, and return the exit; None for any other error."""
    from firstline.errors import FirstlineError
    from firstline_cli.console import AWS_FAILED, REFUSED, USAGE, WRONG, refusal

    if "botocore.exceptions" in sys.modules and _is_of_aws(error):
        from firstline_cli import aws_words

        return refusal(f"{aws_words.in_words(error)}.", REFUSED if aws_words.is_denied(error) else AWS_FAILED)
    if isinstance(error, FirstlineError):
        return refusal(error, WRONG)
    if isinstance(error, OSError) and error.filename is not None:
        return refusal(f"{error.filename}: {error.strerror}: name another file or folder, or mend this one.", USAGE)
    return None


def _is_of_aws(error: BaseException | None) -> bool:
    """Return True if the error is a failed call to AWS, or was raised because of one."""
    from botocore.exceptions import BotoCoreError, ClientError

    return error is not None and (isinstance(error, BotoCoreError | ClientError) or _is_of_aws(error.__cause__))


def _group(module: str, attribute: str) -> TyperGroup:
    return get_group(getattr(import_module(f"firstline_cli.{module}"), attribute))


def _single(module: str, name: str, attribute: str) -> Any:
    """Return the one command of the Typer application `attribute` in a module, with its name set to `name`."""
    found: Any = typer.main.get_command(getattr(import_module(f"firstline_cli.{module}"), attribute))
    found.name = name
    return found


app = typer.Typer(cls=LazyGroup, help=__doc__, no_args_is_help=True, pretty_exceptions_enable=False)


def _print_version(wanted: bool) -> None:
    if wanted:
        from firstline import __version__

        typer.echo(f"firstline {__version__}")
        raise typer.Exit


def _restore(before: str | None) -> None:
    if before is None:
        os.environ.pop(NO_METRICS, None)
    else:
        os.environ[NO_METRICS] = before


@app.callback()
def quiet(
    context: typer.Context,
    version: Annotated[  # noqa: ARG001
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Keep out of a command's output the log lines and metrics of the code that it shares with the Lambda functions."""
    # Without this, Pydantic searches every package of the environment for plugins.
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "1")
    metrics = os.environ.get(NO_METRICS)
    disabled = logging.root.manager.disable
    context.call_on_close(lambda: _restore(metrics))
    context.call_on_close(lambda: logging.disable(disabled))
    os.environ[NO_METRICS] = "true"
    logging.disable(logging.INFO)
