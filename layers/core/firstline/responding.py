"""What people press in Slack: prove that it is Slack, read it, act on it, and say who did it."""

import hashlib
import hmac
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from html import escape
from typing import Literal, Protocol, get_args
from urllib.parse import parse_qs

from pydantic import BaseModel, ValidationError

from firstline.channels.delivery import Channel, tell_all
from firstline.channels.text import one_line
from firstline.errors import ChannelFailed, ExecutionsUnavailable, Unauthenticated, UnreadablePayload
from firstline.lifecycle import Incidents, Signals, acknowledge, decide_approval, resolve_by_hand
from firstline.models import IncidentRecord, Notification, NotificationKind
from firstline.observability import logger

SIGNATURE_AGE_SECONDS = 300

type Button = Literal["acknowledge", "resolve", "approve", "refuse"]

_BUTTONS: tuple[Button, ...] = get_args(Button.__value__)
_MOMENTS: dict[Button, NotificationKind] = {
    "acknowledge": "acknowledged",
    "resolve": "closed",
    "approve": "remediating",
    "refuse": "needs_human",
}


@dataclass(frozen=True)
class Press:
    """One press of a button: who, where, what."""

    button: Button
    incident_id: str
    user_id: str
    user_name: str
    channel: str

    @property
    def by(self) -> str:
        """The person, as records and messages name them."""
        return f"{self.user_name} (Slack)"


class Whisper(Protocol):
    """Says something that only one person sees."""

    def __call__(self, channel: str, user: str, text: str) -> object:
        """May raise ChannelFailed."""
        ...


def authenticate(headers: Mapping[str, str], body: bytes, secrets: Sequence[str], now: datetime) -> None:
    """Check Slack's signature over the raw body; any active secret will do, so that one can be rotated.

    https://docs.slack.dev/authentication/verifying-requests-from-slack: HMAC-SHA256 of `v0:<timestamp>:<body>`, at
    most five minutes old.

    Raises
    ------
    Unauthenticated
        No secret is set, a header is missing or malformed, the request is too old, or no signature fits.
    """
    if not secrets:
        raise Unauthenticated("Slack's buttons are closed: set the secret slack/signing-secret.")
    lower = {name.lower(): value for name, value in headers.items()}
    timestamp = lower.get("x-slack-request-timestamp", "")
    signature = lower.get("x-slack-signature", "")
    if not (timestamp.isascii() and timestamp.isdecimal() and len(timestamp) <= 12 and signature.startswith("v0=")):
        raise Unauthenticated("Slack's signature headers are missing or malformed.")
    if abs(now.timestamp() - int(timestamp)) > SIGNATURE_AGE_SECONDS:
        raise Unauthenticated("The request is older than five minutes, or a clock is wrong.")
    signed = b"v0:" + timestamp.encode() + b":" + body
    expected = [b"v0=" + hmac.new(key.encode(), signed, hashlib.sha256).hexdigest().encode() for key in secrets]
    given = signature.encode(errors="replace")
    if not any(hmac.compare_digest(given, candidate) for candidate in expected):
        raise Unauthenticated("No Slack signing secret fits the signature.")


def read_press(body: bytes) -> Press | None:
    """The button in a Slack interaction (a form with one JSON field), or None for one that is not ours to answer.

    Raises
    ------
    UnreadablePayload
        It is no Slack interaction.
    """
    try:
        forms = parse_qs(body.decode(), keep_blank_values=True, max_num_fields=20)
        if "ssl_check" in forms:
            return None
        interaction = _Interaction.model_validate_json(forms["payload"][0])
    except (ValidationError, ValueError, KeyError) as error:
        raise UnreadablePayload(f"Not a Slack interaction: {one_line(str(error), 300)}") from None
    action = interaction.actions[0] if interaction.actions else None
    if interaction.type != "block_actions" or action is None or action.action_id not in _BUTTONS or not action.value:
        return None
    user = interaction.user
    return Press(
        button=next(button for button in _BUTTONS if button == action.action_id),
        incident_id=action.value,
        user_id=user.id,
        user_name=one_line(user.name or user.username or user.id, 60),
        channel=interaction.channel.id if interaction.channel else "",
    )


def answer_press(
    press: Press,
    *,
    history: Incidents,
    executions: Signals,
    channels: Mapping[str, Channel],
    whisper: Whisper | None,
    approvers: Sequence[str],
    now: datetime,
) -> None:
    """Do what was pressed, then let the message say who did it. Pressing twice does no harm.

    Only `approvers` (Slack user ids) may approve; refusing only ever brings a human in, so everybody may. Acknowledging
    reaches every channel, PagerDuty too; what comes after the other buttons is told by the state machine.

    Raises
    ------
    HistoryUnavailable
        The table could not be reached; nothing was decided.
    """
    if press.button == "approve" and press.user_id not in approvers:
        _whisper(whisper, press, _not_an_approver(press, approvers))
        return
    try:
        record = _decide(press, history, executions, now)
    except ExecutionsUnavailable:
        logger.exception("A button was written down, but the execution could not be told; the audit will")
        _whisper(whisper, press, "Noted. AWS is slow to react, so it takes effect within a minute or two.")
        return
    if record is None:
        _whisper(whisper, press, "Nothing to do: this incident is over, or no longer waits for that.")
        return
    logger.info("A button was pressed", extra={"button": press.button, "incident_id": press.incident_id})
    if press.button == "acknowledge":
        listening = channels
    else:
        listening = {name: channel for name, channel in channels.items() if name == "slack"}
    notification = Notification(
        kind=_MOMENTS[press.button], record=record, reason=f"{press.by} pressed {press.button.capitalize()}.", at=now
    )
    tell_all(notification, listening, rounds=1)  # Slack gives a button three seconds


def approval_page(incident_id: str) -> str:
    """A page for whoever opens an approval's address: it explains, and decides nothing: links get prefetched."""
    return (
        "<!doctype html><html lang=en><meta charset=utf-8><title>Firstline approval</title>"
        "<h1>Approve or refuse in Slack</h1>"
        f"<p>Incident <code>{escape(one_line(incident_id, 80))}</code></p>"
        "<p>Opening this page decides nothing. The decision is taken with the buttons <b>Approve</b> and <b>Refuse</b> "
        "under the incident's message in Slack, where Firstline knows who pressed them.</p></html>"
    )


class _User(BaseModel):
    id: str
    name: str = ""
    username: str = ""


class _Channel(BaseModel):
    id: str


class _Action(BaseModel):
    action_id: str
    value: str = ""


class _Interaction(BaseModel):
    type: str
    user: _User
    channel: _Channel | None = None
    actions: list[_Action] = []


def _decide(press: Press, history: Incidents, executions: Signals, now: datetime) -> IncidentRecord | None:
    match press.button:
        case "acknowledge":
            return acknowledge(press.incident_id, press.by, now, history=history, executions=executions)
        case "resolve":
            return resolve_by_hand(press.incident_id, press.by, now, history=history, executions=executions)
        case "approve" | "refuse":
            return decide_approval(
                press.incident_id, press.button == "approve", press.by, now, history=history, executions=executions
            )


def _not_an_approver(press: Press, approvers: Sequence[str]) -> str:
    if approvers:
        return f"You may not approve this: {press.user_id} is not among the stack's Approvers."
    return "Nobody may approve yet: put Slack user ids into the stack's parameter Approvers."


def _whisper(whisper: Whisper | None, press: Press, text: str) -> None:
    if whisper is None:
        logger.warning("Nothing to answer a button with: the secret slack/bot-token is not set")
        return
    try:
        whisper(press.channel, press.user_id, text)
    except ChannelFailed as failure:
        logger.warning("Could not answer a button", extra={"why": str(failure)})
