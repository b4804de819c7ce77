"""Secrets of a stack: read from the owner without an echo, and stored only in SSM, as SecureStrings."""

import os
import re
import secrets as randomness
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from firstline_cli.console import USAGE, refusal

FORMS = {
    "slack/bot-token": (re.compile(r"xoxb-\S+"), "a bot token begins with xoxb-"),
    "slack/signing-secret": (re.compile(r"[0-9a-f]{32}"), "a signing secret has 32 digits, 0 to f"),
    "pagerduty/routing-key": (re.compile(r"[0-9A-Za-z]{32}"), "an integration key has 32 letters and digits"),
    **dict.fromkeys(
        ("teams/workflow-url", "webhook/url"),
        # The emulator may post to a receiver beside it.
        (re.compile(r"(https://|http://(127\.0\.0\.1|localhost)\b)\S+"), "an address begins with https://"),
    ),
    "webhook/signing-key": (
        re.compile(r"whsec_[A-Za-z0-9+/]{32,}={0,2}"),
        "a signing key is whsec_ and the output of `openssl rand -base64 32`",
    ),
}
"""The form of each secret that other tools make, and what is wrong with a secret of another form."""


@dataclass(frozen=True)
class Secrets:
    """The secrets of one stack, in SSM. `ssm` is a client of that service."""

    ssm: Any
    stack_name: str

    def name(self, name: str) -> str:
        """Return the name of the SSM parameter that holds a secret."""
        return f"/firstline/{self.stack_name}/{name}"

    def is_set(self, name: str) -> bool:
        """Return True if the secret is set. Its value is not read."""
        return not self.ssm.get_parameters(Names=[self.name(name)], WithDecryption=False)["InvalidParameters"]

    def put(self, name: str, value: str) -> None:
        """Store a secret in place of an earlier one."""
        self.ssm.put_parameter(Name=self.name(name), Value=value, Type="SecureString", Overwrite=True)

    def make(self, name: str) -> str | None:
        """Store a random secret and return it; if one is stored, keep it, because senders use it, and return None."""
        value = randomness.token_urlsafe(32)
        try:
            self.ssm.put_parameter(Name=self.name(name), Value=value, Type="SecureString", Overwrite=False)
        except self.ssm.exceptions.ParameterAlreadyExists:
            return None
        return value


def read(option: str, given: str) -> str:
    """Return the secret at `given`: `env:NAME`, `file:PATH` or `-` (stdin); end the command if there is none.

    `option` is the name of the command's option that has this value; the message of an error begins with it.
    """
    kind, _, where = given.partition(":")
    try:
        if given == "-":
            value = sys.stdin.readline()
        elif kind == "env" and where:
            value = os.environ[where]
        elif kind == "file" and where:
            value = Path(where).expanduser().read_text(encoding="utf-8")
        else:
            raise refusal(
                f"{option}: write env:NAME, file:PATH or - (stdin), because a secret on the command line stays in the "
                "shell's history.",
                USAGE,
            )
    except KeyError:
        raise refusal(f"{option}: the environment variable {where} is not set.", USAGE) from None
    except UnicodeDecodeError:
        raise refusal(f"{option}: {where} is no text in UTF-8.", USAGE) from None
    except OSError as error:
        raise refusal(f"{option}: {where} cannot be read: {error.strerror}.", USAGE) from None
    return value.strip()


def mistake(name: str, value: str) -> str | None:
    """Return what is wrong with the form of a secret's value, without quoting the value; None if nothing is."""
    form, said = FORMS.get(name, (re.compile(r"\S+"), "it must not be empty, nor have a space in it"))
    return None if form.fullmatch(value) else said
