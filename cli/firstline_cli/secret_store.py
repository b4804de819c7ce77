"""The commands `firstline secret`: list and set. A value is typed unseen or read from stdin, never an argument."""

import base64
import re
import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer

from firstline_cli.console import UNKNOWN, USAGE, refusal
from firstline_cli.spreadsheet import ListOutputOption, for_scripts
from firstline_cli.stacks import CHOSEN, StackOption, stack_of

if TYPE_CHECKING:
    from firstline_cli.init.secrets import Secrets
    from firstline_cli.stacks import Stack

secret = typer.Typer(help="Store the secrets of a stack, in SSM alone.", no_args_is_help=True)

OTHERS = (
    *("slack/bot-token", "slack/signing-secret", "slack/webhook-url", "pagerduty/routing-key", "pagerduty/api-token"),
    *("teams/workflow-url", "webhook/url", "webhook/signing-key", "llm/api-key"),
    *("approvals/signing-key", "console/link-key", "console/calendar-key"),
)
"""The names of the secrets that belong to no source."""

OF_PEOPLE = re.compile(r"oncall/[\w.-]+", re.ASCII)
"""The form of the names that the owner chooses, for phones in people.yaml and addresses of calendars in oncall.yaml."""

SEVERAL = (
    *("sources/", "slack/signing-secret", "webhook/signing-key"),
    *("approvals/signing-key", "console/link-key", "console/calendar-key"),
)
"""The beginnings of the names of secrets that may have several values, one a line, so that they can be rotated."""


@secret.command("list")
def list_(output: ListOutputOption = "table", stack: StackOption = CHOSEN) -> None:
    """List the secrets, and when each was set. No value is read."""
    found = stack_of(stack)
    pages = _ssm(found).get_paginator("get_parameters_by_path")
    prefix = _secrets(found).name("")
    there = {
        parameter["Name"].removeprefix(prefix): parameter["LastModifiedDate"]
        for page in pages.paginate(Path=prefix.rstrip("/"), Recursive=True, WithDecryption=False)
        for parameter in page["Parameters"]
        if parameter["Type"] == "SecureString"
    }
    if output != "table":
        rows = [
            {"name": name, "set_at": there[name].isoformat() if name in there else None}
            for name in sorted({*known(), *there})
        ]
        sys.stdout.write(for_scripts(rows, ("name", "set_at"), output))
        return
    for name in sorted({*known(), *there}):
        print(f"{name:<24} {f'set {there[name].astimezone():%Y-%m-%d %H:%M}' if name in there else '-'}")


@secret.command("set")
def set_(
    name: Annotated[str, typer.Argument(help="As `firstline secret list` names it: sources/datadog, llm/api-key, …")],
    make: Annotated[bool, typer.Option("--make", help="Make a token, and show it this once.")] = False,
    add: Annotated[bool, typer.Option("--add", help="Keep the present values valid too, to rotate them.")] = False,
    stack: StackOption = CHOSEN,
) -> None:
    """Set a secret, which is typed unseen or read from stdin. Functions use it within five minutes."""
    from firstline_cli.doctor.findings import secret as read_secret
    from firstline_cli.init.secrets import mistake

    if name not in known() and not OF_PEOPLE.fullmatch(name):
        raise refusal(f"There is no secret {name!r}; known are {', '.join(known())}, and oncall/<name>.", UNKNOWN)
    if add and not name.startswith(SEVERAL):
        raise refusal(f"The secret {name} has only one value at a time: leave --add out.", USAGE)
    found = stack_of(stack)
    value = _made(name) if make else _asked(name)
    for part in value.splitlines() if name.startswith(SEVERAL) and value else [value]:
        if wrong := mistake(name, part):
            raise refusal(f"The secret {name} was not set: {wrong}.", USAGE)
    earlier = read_secret(found, name) if add else None
    _secrets(found).put(name, "\n".join(filter(None, (value, earlier))))
    print(f"Set {name}. Functions use it within five minutes.", file=sys.stderr)
    if make:
        print(value)


def known() -> tuple[str, ...]:
    """Return the names of all secrets, except `oncall/<name>`, whose names the owner chooses."""
    from firstline.sources import SOURCES

    sources = dict.fromkeys((*SOURCES, "deployments", "canary"))
    return (*(f"sources/{source}" for source in sources), *OTHERS)


def _made(name: str) -> str:
    """Return a new random token in the form that this secret must have."""
    import secrets as randomness

    if name == "webhook/signing-key":
        from firstline.channels.webhook import PREFIX

        return PREFIX + base64.b64encode(randomness.token_bytes(32)).decode()
    return randomness.token_urlsafe(32)


def _asked(name: str) -> str:
    if sys.stdin.isatty():
        return str(typer.prompt(name, hide_input=True, err=True)).strip()
    return sys.stdin.read().strip()


def _ssm(stack: "Stack") -> Any:
    from firstline_cli.doctor.findings import client

    return client(stack, "ssm")


def _secrets(stack: "Stack") -> "Secrets":
    from firstline_cli.init.secrets import Secrets

    return Secrets(_ssm(stack), stack.deployed)
