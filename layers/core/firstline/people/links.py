"""Personal links to the approval page: who, for which incident, for exactly which plan, until when.

A link is `<payload>.<signature>`, both in URL-safe base64: the payload is JSON, the signature HMAC-SHA256 over the
payload's text. Whoever holds it may decide in that person's name, so it is only ever shown to that person.
"""

import hmac
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from pydantic import AwareDatetime, Field, ValidationError

from firstline.errors import ConfigurationError, NotEntitled, TooLate
from firstline.models import Frozen, Name

SECRET = "approvals/signing-key"  # noqa: S105 (its name)
CLOSED = f"The approval page is closed: the stack has no secret {SECRET}."
MIN_KEY_LENGTH = 32
MAX_TOKEN_LENGTH = 2_000

_PURPOSE = b"firstline-approval-link-1\n"
"""Signed too: a signature made with the same key for anything else is no link."""


class Link(Frozen):
    """The content of a link. `approver` is an entry of the stack's Approvers, `name` the person's name for people."""

    incident_id: Name
    approver: Name
    name: Name
    plan_digest: str = Field(pattern=r"^[0-9a-f]{64}$")
    expires_at: AwareDatetime


@dataclass(frozen=True)
class ApprovalPage:
    """The approval page of a stack: its address, and the keys that sign its links.

    Parameters
    ----------
    api_url
        The stack's API, without a slash at the end.
    keys
        Reads the active signing keys, when they are needed: see `checked`. Without any the page is closed.
    """

    api_url: str
    keys: Callable[[], Sequence[str]]

    def address(self, link: Link) -> str:
        """Return the link as an address to click on.

        Raises
        ------
        NotEntitled
            The page is closed.
        ConfigurationError
            A key is too short.
        """
        return f"{self.api_url}/approvals/{link.incident_id}?token={sign(link, self.keys())}"


def checked(keys: Sequence[str]) -> Sequence[str]:
    """Validate the signing keys and return them. The first key signs, any key verifies, so that keys can be rotated.

    Raises
    ------
    NotEntitled
        There is no key: the page is closed.
    ConfigurationError
        A key is so short that it could be guessed.
    """
    if not keys:
        raise NotEntitled(CLOSED)
    for number, key in enumerate(keys, 1):
        if len(key) < MIN_KEY_LENGTH:
            raise ConfigurationError(
                f"The secret {SECRET}, line {number}: {len(key)} characters can be guessed; "
                f"use at least {MIN_KEY_LENGTH}, as `openssl rand -base64 32` makes them."
            )
    return keys


def sign(link: Link, keys: Sequence[str]) -> str:
    """Sign a link and return it as the text that goes into an address."""
    payload = urlsafe_b64encode(link.model_dump_json().encode()).rstrip(b"=")
    return (payload + b"." + _signature(payload, checked(keys)[0])).decode()


def read(token: str, keys: Sequence[str], *, incident_id: str, now: datetime) -> Link:
    """Verify a link and return its content.

    Parameters
    ----------
    incident_id
        The incident that it was presented for.

    Raises
    ------
    NotEntitled
        Firstline did not sign it, it was altered, or it is for another incident; or the page is closed.
    TooLate
        It has expired.
    ConfigurationError
        A key is too short.
    """
    payload, _, given = token.encode("ascii", "replace")[: MAX_TOKEN_LENGTH + 1].partition(b".")
    genuine = False
    for key in checked(keys):
        genuine |= hmac.compare_digest(given, _signature(payload, key))
    if not genuine or len(token) > MAX_TOKEN_LENGTH:
        raise NotEntitled("This link was not made by Firstline, or it is not complete. Ask for a new one in Slack.")
    try:
        link = Link.model_validate_json(urlsafe_b64decode(payload + b"=" * (-len(payload) % 4)))
    except (ValidationError, ValueError):
        raise NotEntitled("This link was made by another version of Firstline. Ask for a new one in Slack.") from None
    if link.incident_id != incident_id:
        raise NotEntitled("This link is for another incident. Ask for one for this incident in Slack.")
    if now >= link.expires_at:
        raise TooLate(f"This link expired at {link.expires_at:%H:%M} UTC, when the time to decide was over.")
    return link


def _signature(payload: bytes, key: str) -> bytes:
    return urlsafe_b64encode(hmac.digest(key.encode(), _PURPOSE + payload, "sha256")).rstrip(b"=")
