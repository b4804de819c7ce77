"""Signed webhooks: JSON for any receiver, signed as the specification Standard Webhooks defines.

https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md: the headers `webhook-id`,
`webhook-timestamp` and `webhook-signature`, an HMAC-SHA256 of `id.timestamp.body` in base64 behind `v1,`. A secret is
base64 behind `whsec_`; while it is rotated there are two, and a signature by each.
"""

import base64
import binascii
import hmac
from collections.abc import Sequence
from datetime import datetime
from hashlib import sha256

from firstline.channels.event_facts import facts_of, page_of, plan_of
from firstline.channels.posts import digest
from firstline.errors import ConfigurationError
from firstline.models import Notification
from firstline.models.event import WebhookMessage

PREFIX = "whsec_"
SHORTEST_KEY = 24
"""The fewest bytes of a key; the specification asks for 24 to 64."""


def render(notification: Notification, *, stack: str, execution_url: str = "") -> WebhookMessage:
    """Return the webhook's message for a notification; `stack` is the stack's name.

    `execution_url` is the AWS console's page of the state machine's executions, up to the colon before an execution's
    name; empty for no link.
    """
    record = notification.record
    return WebhookMessage(
        type=f"incident.{notification.kind}",
        timestamp=notification.at,
        stack=stack,
        kind=notification.kind,
        reason=notification.reason,
        page=page_of(record.pages[-1]) if record.pages and notification.kind == "paged" else None,
        plan=plan_of(record.plan) if record.plan else None,
        incident=facts_of(record, execution_url=execution_url),
    )


def digest_of(message: WebhookMessage) -> str:
    """Return a digest of a message without its time, and without its reason unless its kind is `changed`."""
    unsaid = {"timestamp"} if message.kind == "changed" else {"timestamp", "reason"}
    return digest(message.model_dump(mode="json", exclude=unsaid))


def headers(message_id: str, body: bytes, keys: Sequence[bytes], now: datetime) -> dict[str, str]:
    """Return the headers with which a receiver can check who sent a body, and when: one signature for each key."""
    timestamp = str(int(now.timestamp()))
    signed = f"{message_id}.{timestamp}.".encode() + body
    signatures = [base64.b64encode(hmac.digest(key, signed, sha256)).decode() for key in keys]
    return {
        "webhook-id": message_id,
        "webhook-timestamp": timestamp,
        "webhook-signature": " ".join(f"v1,{signature}" for signature in signatures),
    }


def keys_of(secrets: Sequence[str]) -> list[bytes]:
    """Decode the signing keys in secrets of the form `whsec_<base64>`.

    Raises
    ------
    ConfigurationError
        There is no secret, or one is not base64 of at least 24 bytes behind `whsec_`. The message quotes no secret.
    """
    fix = f"write {PREFIX} and the output of `openssl rand -base64 32` into the secret webhook/signing-key"
    if not secrets:
        raise ConfigurationError(f"the webhook has an address but no key: {fix}")
    keys = []
    for secret in secrets:
        try:
            key = base64.b64decode(secret.removeprefix(PREFIX), validate=True)
        except binascii.Error:
            key = b""
        if not secret.startswith(PREFIX) or len(key) < SHORTEST_KEY:
            raise ConfigurationError(f"a key of the webhook is not base64 of {SHORTEST_KEY} bytes or more: {fix}")
        keys.append(key)
    return keys
