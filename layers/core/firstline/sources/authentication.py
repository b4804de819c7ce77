"""Checks that a request comes from its sender: a shared token, or a signature of the raw body.

Every comparison takes constant time and looks at every active secret, so that an attacker learns nothing from how long
it takes.
"""

import binascii
import hmac
from base64 import b64decode, b64encode
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from firstline.errors import Unauthenticated

TOKEN_HEADER = "x-firstline-token"  # noqa: S105 - a header's name
"""The header for the token of senders that can set a custom header, but not `Authorization`."""

GITHUB_SIGNATURE = "x-hub-signature-256"
"""The header for the signature of GitHub, which writes `sha256=` before it:
https://docs.github.com/webhooks/using-webhooks/validating-webhook-deliveries"""

SIGNATURE_WINDOW_SECONDS = 300
"""The largest accepted difference between a signed time stamp and now, in the past or in the future."""


def _no_certificate(url: str) -> str:
    raise Unauthenticated(
        f"SNS's signature cannot be checked without its certificate {url}: pass `certificate`, which fetches it"
    )


@dataclass(slots=True)
class Request:
    """A request to authenticate. `headers` has names in lower case; `secrets` holds at least one, and none is empty.

    `certificate` fetches a signing certificate of SNS from its address and returns it as PEM text.
    """

    source: str
    headers: Mapping[str, str]
    body: bytes
    secrets: Sequence[str]
    now: datetime
    certificate: Callable[[str], str] = _no_certificate


def require_token(request: Request) -> None:
    """Raise unless one of the secrets is the request's bearer token, Basic password or `X-Firstline-Token` header.

    Raises
    ------
    Unauthenticated
        The request has no token, or its token is none of the secrets.
    """
    if not has_token(request, request.secrets):
        raise Unauthenticated(
            f"{request.source}: no valid token in Authorization (Bearer, or the password of Basic) or "
            f"X-Firstline-Token: send the secret sources/{request.source}"
        )


def has_token(request: Request, tokens: Iterable[str]) -> bool:
    """Return True if one of the tokens is the request's bearer token, Basic password or `X-Firstline-Token`."""
    given = _given_token(request.headers)
    return given is not None and _equals_any(given, tokens)


def signed(signatures: Iterable[str], message: bytes, keys: Iterable[str]) -> bool:
    """Return True if one of the signatures is the hex HMAC-SHA256 of the message under one of the keys."""
    expected = [hmac.digest(key.encode(), message, "sha256").hex() for key in keys]
    matches = False
    for signature in signatures:
        matches |= _equals_any(signature.strip().lower(), expected)
    return matches


def github_signature(request: Request) -> str:
    """Return the hex signature from GitHub's header, without `sha256=` in front; an empty text without the header."""
    return request.headers.get(GITHUB_SIGNATURE, "").strip().removeprefix("sha256=")


def is_signed_webhook(request: Request) -> bool:
    """Return True if the request has a valid signature of the Standard Webhooks kind, at most five minutes old.

    The signature is the base64 HMAC-SHA256 of `<id>.<seconds since 1970>.<body>`. A secret that begins with `whsec_`
    is base64. The headers begin with `webhook-`, or with `svix-` from senders that use Svix, such as incident.io.
    https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
    """
    prefix = "webhook" if "webhook-signature" in request.headers else "svix"
    given, message_id, stamp = (
        request.headers.get(f"{prefix}-{name}", "") for name in ("signature", "id", "timestamp")
    )
    if not given or not is_recent(stamp, request.now):
        return False
    message = f"{message_id}.{stamp}.".encode() + request.body
    expected = [b64encode(hmac.digest(_key(secret), message, "sha256")).decode() for secret in request.secrets]
    matches = False
    for signature in given.split()[:20]:
        version, _, value = signature.partition(",")
        matches |= version == "v1" and _equals_any(value, expected)
    return matches


def is_recent(stamp: str, now: datetime) -> bool:
    """Return True if a time stamp, in seconds since 1970, is at most `SIGNATURE_WINDOW_SECONDS` away from now."""
    is_number = stamp.isascii() and stamp.isdecimal() and len(stamp) <= 12
    return is_number and abs(now.timestamp() - int(stamp)) <= SIGNATURE_WINDOW_SECONDS


def _key(secret: str) -> bytes:
    if secret.startswith("whsec_"):
        try:
            return b64decode(secret.removeprefix("whsec_"), validate=True)
        except binascii.Error:
            pass
    return secret.encode()


def _given_token(headers: Mapping[str, str]) -> str | None:
    scheme, _, credentials = headers.get("authorization", "").strip().partition(" ")
    credentials = credentials.strip()
    match scheme.lower():
        case "bearer":
            return credentials
        case "basic":
            try:
                return b64decode(credentials, validate=True).decode().partition(":")[2]
            except ValueError:  # no base64, or no UTF-8
                return None
    return headers.get(TOKEN_HEADER, "").strip() or None


def _equals_any(given: str, expected: Iterable[str]) -> bool:
    text = given.encode("utf-8", "surrogatepass")
    matches = False
    for token in expected:
        matches |= hmac.compare_digest(text, token.encode("utf-8", "surrogatepass"))
    return matches
