"""Send as the real senders do, each proving itself in its own way."""

import hmac
import json
import time
import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import PurePath
from typing import Any
from urllib.parse import urlencode

_TIMEOUT_SECONDS = 30.0


@dataclass(frozen=True)
class Answer:
    """What an HTTP server answered."""

    status: int
    body: bytes

    def json(self) -> Any:
        """The body, parsed."""
        return json.loads(self.body)


def proof(source: str, body: bytes, secret: str, *, now: float | None = None) -> dict[str, str]:
    """The headers by which the sender `source` proves itself for this body."""
    if source == "pagerduty":
        return {"X-PagerDuty-Signature": f"v1={hmac.digest(secret.encode(), body, 'sha256').hex()}"}
    if source == "slack":
        timestamp = str(int(time.time() if now is None else now))
        signed = f"v0:{timestamp}:".encode() + body
        return {
            "X-Slack-Request-Timestamp": timestamp,
            "X-Slack-Signature": f"v0={hmac.digest(secret.encode(), signed, 'sha256').hex()}",
        }
    return {"Authorization": f"Bearer {secret}"}


def post(url: str, body: bytes, headers: dict[str, str], timeout_seconds: float = _TIMEOUT_SECONDS) -> Answer:
    """POST and take any answer, errors included.

    Raises
    ------
    OSError
        Nobody answers.
    """
    request = urllib.request.Request(url, data=body, headers=headers, method="POST")  # noqa: S310 (loopback only)
    try:
        with urllib.request.urlopen(request, timeout=timeout_seconds) as response:  # noqa: S310
            return Answer(response.status, response.read())
    except urllib.error.HTTPError as error:
        with error:
            return Answer(error.code, error.read())


def send(api: str, source: str, payload: Any, secret: str) -> Answer:
    """Send a payload (an object, or raw bytes) to a source's webhook, or to `deployments`."""
    body = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
    path = "/deployments" if source == "deployments" else f"/alerts/{PurePath(source).name}"
    return post(f"{api}{path}", body, {"Content-Type": "application/json", **proof(source, body, secret)})


def press(api: str, value: str, action: str, user: str, secret: str) -> Answer:
    """Press a button of an incident's Slack message: acknowledge, resolve, review, approve or refuse.

    `value` is what the button carries: the incident's id, and behind a `#` the plan that stands above it.
    """
    interaction = {
        "type": "block_actions",
        "user": {"id": f"U0{user.upper()}", "username": user.lower(), "name": user.lower()},
        "channel": {"id": "C0LOCAL", "name": "ops-alerts"},
        "actions": [{"type": "button", "action_id": action, "value": value}],
    }
    body = urlencode({"payload": json.dumps(interaction)}).encode()
    headers = {"Content-Type": "application/x-www-form-urlencoded", **proof("slack", body, secret)}
    return post(f"{api}/respond/slack", body, headers)
