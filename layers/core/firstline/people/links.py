"""Personal links to the approval page: each for one person, one incident and exactly one plan, for an hour.

A link is `<payload>.<signature>`, both in URL-safe base64: the payload is JSON, the signature HMAC-SHA256 over the
payload's text. Its holder may decide in that person's name, so only that person is shown it.
"""

import hmac
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Sequence
from datetime import datetime

from pydantic import AwareDatetime, Field, ValidationError

from firstline.errors import ConfigurationError, NotEntitled, TooLate
from firstline.models import Frozen, Name
from firstline.text import short_duration

SECRET = "approvals/signing-key"  # noqa: S105 (its name)
CLOSED = f"The approval page is closed: the stack has no secret {SECRET}. Its owner can set it (`firstline doctor`)."
MISCONFIGURED = (
    "Links of this kind do not work until the stack's owner mends a key: the log of the function respond names it."
)
"""The text that a visitor reads instead of a `ConfigurationError`, which is for the owner."""

MIN_KEY_LENGTH = 32
MAX_TOKEN_LENGTH = 2_000

_PURPOSE = b"firstline-approval-link-1\n"
"""Signed with the payload, so that a signature made with the same key for another purpose is no link."""


class Link(Frozen):
    """The content of an approval link. `approver` is the person's key on the list of people, `name` is for messages."""

    incident_id: Name
    approver: Name
    name: Name
    plan_digest: str = Field(pattern=r"^[0-9a-f]{64}$")
    expires_at: AwareDatetime


def address(link: Link, api_url: str, keys: Sequence[str]) -> str:
    """Return the link as a URL to click.

    Parameters
    ----------
    api_url
        The stack's API, without a slash at the end.
    keys
        The stack's signing keys, of which the first one signs.

    Raises
    ------
    NotEntitled
        The stack has no signing key.
    ConfigurationError
        A key is too short.
    """
    return f"{api_url}/approvals/{link.incident_id}?token={sign(link, keys)}"


def checked(keys: Sequence[str], secret: str = SECRET) -> Sequence[str]:
    """Validate the signing keys and return them. The first key signs, any key verifies, so that keys can be rotated.

    Parameters
    ----------
    secret
        The name of the secret that holds the keys, for messages.

    Raises
    ------
    NotEntitled
        There is no key.
    ConfigurationError
        A key is so short that it could be guessed.
    """
    if not keys:
        raise NotEntitled(CLOSED if secret == SECRET else f"This link does not work: the stack has no secret {secret}.")
    for number, key in enumerate(keys, 1):
        if len(key) < MIN_KEY_LENGTH:
            raise ConfigurationError(
                f"The secret {secret}, line {number}: {len(key)} characters can be guessed; "
                f"use at least {MIN_KEY_LENGTH}, as `openssl rand -base64 32` makes them."
            )
    return keys


def sign(link: Link, keys: Sequence[str]) -> str:
    """Sign a link with the first of the keys, and return it as the text that goes into an address."""
    return seal(link.model_dump_json().encode(), _PURPOSE, checked(keys))


def read(token: str, keys: Sequence[str], *, incident_id: str, now: datetime) -> Link:
    """Verify a link and return its content.

    Parameters
    ----------
    token
        The link as `sign` returned it.
    keys
        The stack's signing keys, of which any may have signed the link.
    incident_id
        The incident whose page the link opens.

    Raises
    ------
    NotEntitled
        Firstline did not sign the link, it was altered, it is for another incident, or the stack has no signing key.
    TooLate
        The link has expired.
    ConfigurationError
        A key is too short.
    """
    content = unseal(token, _PURPOSE, checked(keys))
    if content is None:
        raise NotEntitled("This link was not made by Firstline, or it is not complete. Ask for a new one in Slack.")
    try:
        link = Link.model_validate_json(content)
    except ValidationError:
        raise NotEntitled("This link was made by another version of Firstline. Ask for a new one in Slack.") from None
    if link.incident_id != incident_id:
        raise NotEntitled("This link is for another incident. Ask for one for this incident in Slack.")
    if now >= link.expires_at:
        raise TooLate(
            f"This link expired {short_duration(now - link.expires_at)} ago. "
            "Press “Read the plan” in Slack for a new one."
        )
    return link


def seal(content: bytes, purpose: bytes, keys: Sequence[str]) -> str:
    """Return a content and its signature as one text, `<payload>.<signature>`. The first key signs.

    Parameters
    ----------
    purpose
        Signed with the content, so that a signature for one purpose is worth nothing for another.
    """
    payload = urlsafe_b64encode(content).rstrip(b"=")
    return (payload + b"." + _signature(payload, purpose, keys[0])).decode()


def unseal(token: str, purpose: bytes, keys: Sequence[str]) -> bytes | None:
    """Return the content that `seal` signed for this purpose with one of the keys; None if none fits the signature."""
    payload, _, given = token.encode("ascii", "replace")[: MAX_TOKEN_LENGTH + 1].partition(b".")
    genuine = [hmac.compare_digest(given, _signature(payload, purpose, key)) for key in keys]
    if not any(genuine) or len(token) > MAX_TOKEN_LENGTH:
        return None
    return urlsafe_b64decode(payload + b"=" * (-len(payload) % 4))


def _signature(payload: bytes, purpose: bytes, key: str) -> bytes:
    return urlsafe_b64encode(hmac.digest(key.encode(), purpose + payload, "sha256")).rstrip(b"=")
