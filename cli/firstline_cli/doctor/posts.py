"""Checks of the channels that post to an address of the owner's: Microsoft Teams, and the signed webhook.

Nothing is posted, because a card would appear in the team's channel. The check asks only the host of the address,
because the path is the secret; and it asks from this machine, not from AWS where Firstline runs.
"""

import urllib.error
import urllib.request
from collections.abc import Iterator
from http.client import HTTPException
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from firstline.adapters.channels.posting import is_allowed
from firstline.channels import webhook as signing
from firstline.errors import ConfigurationError
from firstline_cli.doctor.files import levels_with
from firstline_cli.doctor.findings import Finding, secret

if TYPE_CHECKING:
    from firstline_cli.stacks import Stack

TIMEOUT_SECONDS = 4
_CONNECTOR = ".webhook.office.com"
"""The host of an Office 365 connector, which Microsoft has retired."""


def teams(stack: "Stack") -> Iterator[Finding]:
    """Check the address of the Teams workflow."""
    fix = "firstline secret set teams/workflow-url, with the address of the workflow (docs/channels/teams.md)"
    url = secret(stack, "teams/workflow-url")
    if url is None:
        yield from _not_connected("teams", fix)
        return
    if is_allowed(url) and (urlsplit(url).hostname or "").endswith(_CONNECTOR):
        yield Finding("wrong", "teams", "the address is that of a retired Office 365 connector, not of a workflow", fix)
        return
    yield _address("teams", url, fix)


def webhook(stack: "Stack") -> Iterator[Finding]:
    """Check the address of the signed webhook, and its keys."""
    fix = "firstline secret set webhook/url, with the receiver's address (docs/channels/webhook.md)"
    url = secret(stack, "webhook/url")
    if url is None:
        yield from _not_connected("webhook", fix)
        return
    yield _address("webhook", url, fix)
    try:
        signing.keys_of((secret(stack, "webhook/signing-key") or "").split())
    except ConfigurationError as error:
        said, _, mend = str(error).partition(": ")
        yield Finding("wrong", "webhook", f"{said}, so nothing is posted", mend)


def _not_connected(channel: str, fix: str) -> Iterator[Finding]:
    """Report a channel that is not connected, if a level of paging.yaml pages through it.

    `fix` says how to connect the channel.
    """
    if levels := levels_with(channel):
        named = ", ".join(level.name for level in levels)
        said = f"{channel} is not connected, and paging.yaml pages through it (levels: {named})"
        yield Finding("wrong", channel, said, fix)


def _address(channel: str, url: str, fix: str) -> Finding:
    if not is_allowed(url):
        return Finding("wrong", channel, "the address does not begin with https://, so nothing is posted", fix)
    parts = urlsplit(url)
    asked = urllib.request.Request(f"{parts.scheme}://{parts.netloc}/", method="HEAD")  # noqa: S310 (the scheme was just checked)
    try:
        with urllib.request.urlopen(asked, timeout=TIMEOUT_SECONDS):  # noqa: S310 (as above)
            pass
    except urllib.error.HTTPError as answer:
        answer.close()  # any status will do: the host answers
    except (OSError, HTTPException, ValueError) as error:
        why = getattr(error, "reason", None) or type(error).__name__
        said = f"{parts.hostname} cannot be reached from here ({why})"
        return Finding("note", channel, said, f"check that the receiver runs, or {fix}")
    return Finding("ok", channel, f"{parts.hostname} answers; `firstline test alarm` tries a post")
