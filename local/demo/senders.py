"""HTTP requests as the real senders make them, each with its sender's signature or token."""

import hmac
import json
import time
import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import PurePath
from typing import Any
from urllib.parse import urlencode

_TIMEOUT_SECONDS = 120.0


@dataclass(frozen=True)
class Answer:
    """An HTTP server's answer."""

    status: int
    body: bytes

    def json(self) -> Any:
        """Return the body's JSON value."""
        return json.loads(self.body)


def proof(source: str, body: bytes, secret: str, *, now: float | None = None) -> dict[str, str]:
    """Return the headers (a signature or a token) that prove that a body comes from the sender `source`.

    `secret` is the key with which PagerDuty or Slack signs; for any other source it is the token that is sent. `now` is
    the time in Slack's signature, in seconds since the epoch; None means the real time.
    """
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
    """POST a body and return the server's answer, also if its status is an error.

    Raises
    ------
    OSError
        There is no answer.
    """
    request = urllib.request.Request(url, data=body, headers=headers, method="POST")  # noqa: S310 (loopback only)
    try:
        with urllib.request.urlopen(request, timeout=timeout_seconds) as response:  # noqa: S310
            return Answer(response.status, response.read())
    except urllib.error.HTTPError as error:
        with error:
            return Answer(error.code, error.read())


def send(api: str, source: str, payload: Any, secret: str) -> Answer:
    """Send a payload to a source's webhook, as JSON unless it is bytes; `deployments` counts as a source."""
    body = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
    path = "/deployments" if source == "deployments" else f"/alerts/{PurePath(source).name}"
    return post(f"{api}{path}", body, {"Content-Type": "application/json", **proof(source, body, secret)})


def press(api: str, value: str, action: str, user: str, secret: str, *, chosen: bool = False) -> Answer:
    """Press the button `action` of an incident's Slack message as a user; with `chosen`, choose from the menu `action`.

    `value` is what Slack sends with the click: `<incident>#<digest of the plan>` or `<incident>#<chosen answer>`.
    `user` is the user's name, and `secret` Slack's signing secret.
    """
    action_fields: dict[str, Any] = {"type": "button", "action_id": action, "value": value}
    if chosen:
        action_fields = {"type": "static_select", "action_id": action, "selected_option": {"value": value}}
    interaction = {
        "type": "block_actions",
        "user": _slack_user(user),
        "channel": {"id": "C0LOCAL", "name": "ops-alerts"},
        "trigger_id": "1.2.local",
        "actions": [action_fields],
    }
    return _interact(api, interaction, secret)


def submit(api: str, view: dict[str, Any], text: str, user: str, secret: str) -> Answer:
    """Submit a form (`view`) that Slack showed, with a text in its only field.

    `user` is the name of the user who submits it, and `secret` Slack's signing secret.
    """
    block = next(block for block in view["blocks"] if block["type"] == "input")
    values = {block["block_id"]: {block["element"]["action_id"]: {"type": "plain_text_input", "value": text}}}
    sent = {name: view[name] for name in ("type", "callback_id", "private_metadata")} | {"state": {"values": values}}
    return _interact(api, {"type": "view_submission", "user": _slack_user(user), "view": sent}, secret)


def _slack_user(name: str) -> dict[str, str]:
    return {"id": f"U0{name.upper()}", "username": name.lower(), "name": name.lower()}


def _interact(api: str, interaction: dict[str, Any], secret: str) -> Answer:
    body = urlencode({"payload": json.dumps(interaction)}).encode()
    headers = {"Content-Type": "application/x-www-form-urlencoded", **proof("slack", body, secret)}
    return post(f"{api}/respond/slack", body, headers)
