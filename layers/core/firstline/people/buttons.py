"""The buttons that people press in Slack: authenticate the request, read it, act on it, and say who did it."""

import hashlib
import hmac
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal
from urllib.parse import parse_qs

from pydantic import BaseModel, ValidationError

from firstline.channels.delivery import Channel, tell_all
from firstline.channels.slack_feedback import ANSWERS, NOTE_BLOCK
from firstline.errors import (
    ApprovalRefused,
    ChannelFailed,
    ExecutionsUnavailable,
    Unauthenticated,
    UnreadablePayload,
)
from firstline.incidents.lifecycle import Executions, acknowledge, resolve_by_hand
from firstline.incidents.store import Incidents
from firstline.models import Notification, NotificationKind
from firstline.observability import logger
from firstline.people import approve, links
from firstline.text import one_line

SIGNATURE_AGE_SECONDS = 300

type Button = Literal["acknowledge", "resolve", "review", "approve", "refuse", "judge", "note", "write"]
"""`judge` answers "was this right?", `note` asks for the form for what fixed it, `write` sends that form."""


@dataclass(frozen=True)
class Press:
    """One press of a button: who, where, what.

    `plan_digest` is the plan that the button stood under, if any; `answer` is the chosen entry or the written text;
    `resolves` says that the note also ends the incident; `trigger_id` lets a form be opened, for three seconds.
    """

    button: Button
    incident_id: str
    user_id: str
    user_name: str
    channel: str
    plan_digest: str = ""
    answer: str = ""
    resolves: bool = False
    trigger_id: str = ""

    @property
    def by(self) -> str:
        """Return the person's name for records and messages."""
        return f"{self.user_name} (Slack)"


type Whisper = Callable[[str, str, str, str | None], object]
"""Says something in a channel that only one user sees: channel, user, text, and a link for that user or None. May raise
ChannelFailed."""


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
    """Read the button in a Slack interaction (a form with one JSON field); None if Firstline does not answer it.

    Raises
    ------
    UnreadablePayload
        The body is no Slack interaction.
    """
    try:
        forms = parse_qs(body.decode(), keep_blank_values=True, max_num_fields=20)
        if "ssl_check" in forms:
            return None
        interaction = _Interaction.model_validate_json(forms["payload"][0])
    except (ValidationError, ValueError, KeyError) as error:
        raise UnreadablePayload(f"Not a Slack interaction: {one_line(str(error), 300)}") from None
    match interaction.type:
        case "view_submission" if interaction.view is not None and interaction.view.callback_id == "note":
            return _read_note(interaction, interaction.view)
        case "block_actions" if interaction.actions:
            return _read_action(interaction, interaction.actions[0])
    return None


def _read_note(interaction: "_Interaction", view: "_View") -> Press:
    incident_id, _, rest = view.private_metadata.partition("#")
    channel, _, then = rest.partition("#")
    written = view.state.values.get(NOTE_BLOCK, {}).get(NOTE_BLOCK)
    answer = (written.value if written else None) or ""
    return _press("write", incident_id, interaction, channel=channel, answer=answer, resolves=then == "resolve")


def _read_action(interaction: "_Interaction", action: "_Action") -> Press | None:
    carried = action.selected_option.value if action.selected_option else action.value
    incident_id, _, more = carried.partition("#")
    match action.action_id:
        case "judge" if more in ANSWERS:
            return _press("judge", incident_id, interaction, answer=more)
        case "note" if incident_id:
            return _press("note", incident_id, interaction, resolves=more == "resolve")
        case "acknowledge" | "resolve" | "review" | "approve" | "refuse" as button if incident_id:
            return _press(button, incident_id, interaction, plan_digest=more)
    return None


def _press(button: Button, incident_id: str, interaction: "_Interaction", **more: Any) -> Press:
    user = interaction.user
    where = {"channel": interaction.channel.id if interaction.channel else ""}
    return Press(
        button=button,
        incident_id=incident_id,
        user_id=user.id,
        user_name=one_line(user.name or user.username or user.id, 60),
        trigger_id=interaction.trigger_id,
        **where | more,
    )


def answer_press(
    press: Press,
    *,
    incidents: Incidents,
    executions: Executions,
    channels: Mapping[str, Channel],
    whisper: Whisper | None,
    approvers: Sequence[str],
    page: links.ApprovalPage,
    now: datetime,
) -> None:
    """Act on a press, then update the incident's message with who did it. Pressing twice does no harm.

    Only `approvers` (Slack user ids) may approve or get a link to the approval page. Anybody may refuse: that only
    brings a human in. An acknowledgement goes to every channel, PagerDuty too; the state machine tells the others what
    comes after the other buttons.

    Raises
    ------
    HistoryUnavailable
        The table could not be reached; nothing was decided.
    """
    try:
        if press.button == "review":
            link = approve.invite(
                press.incident_id, press.user_id, press.user_name, now, approvers=approvers, incidents=incidents
            )
            text = f"The plan, for your eyes only: this link decides in your name, until {link.expires_at:%H:%M} UTC."
            tell_one(whisper, press, text, page.address(link))
            return
        notification = _do(press, incidents, executions, approvers, now)
    except ApprovalRefused as refused:
        tell_one(whisper, press, str(refused))
        return
    except ExecutionsUnavailable:
        logger.exception("A button was written down, but the execution could not be told; reconcile will")
        tell_one(whisper, press, "Noted. AWS is slow to react, so it takes effect within a minute or two.")
        return
    if notification is None:
        tell_one(whisper, press, "Nothing to do: this incident is over, or no longer waits for that.")
        return
    logger.info("A button was pressed", extra={"button": press.button, "incident_id": press.incident_id})
    if press.button == "acknowledge":
        listening = channels
    else:
        listening = {name: channel for name, channel in channels.items() if name == "slack"}
    tell_all(notification, listening, rounds=1)  # Slack gives a button three seconds


class _User(BaseModel):
    id: str
    name: str = ""
    username: str = ""


class _Channel(BaseModel):
    id: str


class _Option(BaseModel):
    value: str = ""


class _Action(BaseModel):
    action_id: str
    value: str = ""
    selected_option: _Option | None = None


class _Field(BaseModel):
    value: str | None = None


class _State(BaseModel):
    values: dict[str, dict[str, _Field]] = {}


class _View(BaseModel):
    callback_id: str = ""
    private_metadata: str = ""
    state: _State = _State()


class _Interaction(BaseModel):
    type: str
    user: _User
    channel: _Channel | None = None
    actions: list[_Action] = []
    trigger_id: str = ""
    view: _View | None = None


def _do(
    press: Press, incidents: Incidents, executions: Executions, approvers: Sequence[str], now: datetime
) -> Notification | None:
    """Act on the button and return what to tell the channels, or None if nothing was left to do."""
    reason = f"{press.by} pressed {press.button.capitalize()}."
    match press.button:
        case "acknowledge":
            record = acknowledge(press.incident_id, press.by, now, incidents=incidents, executions=executions)
            kind: NotificationKind = "acknowledged"
        case "resolve":
            record = resolve_by_hand(press.incident_id, press.by, now, incidents=incidents, executions=executions)
            kind = "closed"
        case _:
            approves = press.button == "approve"
            answer = approve.Answer(approves, press.user_id, press.by, press.plan_digest)
            decided = approve.decide(
                press.incident_id, answer, now, approvers=approvers, incidents=incidents, executions=executions
            )
            return approve.announcement(decided, press.by, approves, now)
    return None if record is None else Notification(kind=kind, record=record, reason=reason, at=now)


def tell_one(whisper: Whisper | None, press: Press, text: str, link: str | None = None) -> None:
    """Answer the person who pressed; that this fails is logged only, because what they did is done."""
    if whisper is None:
        logger.warning("Nothing to answer a button with: the secret slack/bot-token is not set")
        return
    try:
        whisper(press.channel, press.user_id, text, link)
    except ChannelFailed as failure:
        logger.warning("Could not answer a button", extra={"why": str(failure)})
