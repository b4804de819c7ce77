"""The findings of checks, each with its fix, and the clients that checks use."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from firstline_cli.stacks import Stack

type State = Literal["ok", "note", "wrong"]
"""The state of a finding: all is well, something to know, or something to mend."""

_MARKS: dict[State, str] = {"ok": "✓", "note": "!", "wrong": "✗"}


@dataclass(frozen=True)
class Finding:
    """One line of the doctor's report: its state, the check's name, what it found, and the fix, or "" for none."""

    state: State
    check: str
    said: str
    fix: str = ""

    def line(self) -> str:
        """Return the finding as a line for people, with its fix behind an arrow."""
        fix = f" → {self.fix}" if self.fix else ""
        return f"{_MARKS[self.state]} {self.check:<12} {self.said}{fix}"

    def plain(self) -> dict[str, str]:
        """Return the finding as a dictionary of texts, for JSON."""
        return {"state": self.state, "check": self.check, "said": self.said, "fix": self.fix}


type Check = Callable[["Stack"], Iterator[Finding]]


def client(stack: "Stack", service: str) -> Any:
    """Return a client of an AWS service with short time-outs, because a person waits for the answer."""
    from botocore.config import Config

    config = Config(connect_timeout=2, read_timeout=5, retries={"mode": "standard", "total_max_attempts": 2})
    new: Callable[..., Any] = stack.client
    return new(service, config=config)


def secret(stack: "Stack", name: str) -> str | None:
    """Return the value of a secret of the stack, such as `slack/bot-token`; None if it is not set or empty."""
    from botocore.exceptions import ClientError

    try:
        found = client(stack, "ssm").get_parameter(Name=secret_name(stack, name), WithDecryption=True)
    except ClientError as error:
        if error.response["Error"]["Code"] == "ParameterNotFound":
            return None
        raise
    return str(found["Parameter"]["Value"]).strip() or None


def secret_name(stack: "Stack", name: str) -> str:
    """Return the name of the SSM parameter that holds a secret, such as `/firstline/<stack>/slack/bot-token`."""
    return f"{stack.outputs.get('SecretsPrefix') or f'/firstline/{stack.deployed}'}/{name}"
