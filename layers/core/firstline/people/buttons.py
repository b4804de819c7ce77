"""Slack's requests when a person presses a button: authenticates them and reads the press."""

import hashlib
import hmac
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, get_args
from urllib.parse import parse_qs

from pydantic import BaseModel, ValidationError

from firstline.channels.slack_feedback import ANSWERS, NOTE_BLOCK
from firstline.errors import Unauthenticated, UnreadablePayload
from firstline.models import Severity
from firstline.text import one_line

SIGNATURE_AGE_SECONDS = 300

type Button = Literal["acknowledge", "resolve", "open", "review", "approve", "refuse", "judge", "note", "write", "word"]
"""The buttons of a message. `open` asks for a link to the console, `judge` says whether the verdict was right, `word`
sets an alert's severity from now on, `note` opens the form for a note, and `write` submits that form."""


@dataclass(frozen=True)
class Press:
    """One press of a button by a person in a Slack channel.

    Where a description begins with `resolve`, `note` or `word`, only the buttons of that name set the field.

    Parameters
    ----------
    plan_digest
        The digest of the plan in the button's message; empty without a plan.
    answer
        The chosen entry of a menu, or the text of a note.
    resolves
        True if a note also resolves the incident.
    seen
        resolve, note: the number of alerts that had joined when the message was written; None if unknown.
    trigger_id
        Slack's permission to open a form, good for three seconds.
    subject
        word: the key of the kind of alert whose severity is set.
    """

    button: Button
    incident_id: str
    user_id: str
    user_name: str
    channel: str
    plan_digest: str = ""
    answer: str = ""
    resolves: bool = False
    seen: int | None = None
    trigger_id: str = ""
    subject: str = ""

    @property
    def by(self) -> str:
        """The person and the place as records and messages name them: `ana (Slack)`."""
        return f"{self.user_name} (Slack)"


def authenticate(headers: Mapping[str, str], body: bytes, secrets: Sequence[str], now: datetime) -> None:
    """Check Slack's signature over the raw body; any active secret is accepted, so that one can be rotated.

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
    """Return the press in a Slack interaction (a form with one JSON field), or None if Firstline does not answer it.

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
    resolves, seen = _read_then(then)
    written = view.state.get("values", {}).get(NOTE_BLOCK, {}).get(NOTE_BLOCK, _Chosen())
    answer = written.value or ""
    return _press("write", incident_id, interaction, channel=channel, answer=answer, resolves=resolves, seen=seen)


def _read_action(interaction: "_Interaction", action: "_Action") -> Press | None:
    carried = (action.selected_option or action).value or ""
    incident_id, _, more = carried.partition("#")
    match action.action_id:
        case "judge" if more in ANSWERS:
            return _press("judge", incident_id, interaction, answer=more)
        case "word-page" | "word-tell" | "word-drop" if incident_id:
            severity, _, subject = more.partition("#")
            known = severity in get_args(Severity.__value__)
            return _press("word", incident_id, interaction, answer=severity, subject=subject) if known else None
        case "note" if incident_id:
            resolves, seen = _read_then(more)
            return _press("note", incident_id, interaction, resolves=resolves, seen=seen)
        case "resolve" if incident_id:
            return _press("resolve", incident_id, interaction, seen=_read_seen(more))
        case "acknowledge" | "open" | "review" | "approve" | "refuse" as button if incident_id:
            return _press(button, incident_id, interaction, plan_digest=more)
    return None


def _read_then(then: str) -> tuple[bool, int | None]:
    """Return whether a note also resolves the incident, and how many alerts had joined when its message was written.

    `then` is a text that a button or a form carries: `resolve#12` gives True and 12. Without a number in it, the number
    is None.
    """
    word, _, seen = then.partition("#")
    return word == "resolve", _read_seen(seen)


def _read_seen(seen: str) -> int | None:
    return int(seen) if seen.isascii() and seen.isdecimal() and len(seen) <= 9 else None


def _press(button: Button, incident_id: str, interaction: "_Interaction", **more: Any) -> Press:
    user, channel = interaction.user, interaction.channel
    name = one_line(user.name, 60) or one_line(user.username, 60) or user.id
    fields = {"channel": channel.id if channel else "", "trigger_id": interaction.trigger_id} | more
    return Press(button, incident_id, user_id=user.id, user_name=name, **fields)


class _Channel(BaseModel):
    id: str


class _User(BaseModel):
    id: str
    name: str = ""
    username: str = ""


class _Chosen(BaseModel):
    """The part of Slack's JSON that holds the value of a button, of a menu's chosen entry or of a text field."""

    value: str | None = None


class _Action(_Chosen):
    action_id: str
    selected_option: _Chosen | None = None


class _View(BaseModel):
    callback_id: str = ""
    private_metadata: str = ""
    state: dict[str, dict[str, dict[str, _Chosen]]] = {}


class _Interaction(BaseModel):
    type: str
    user: _User
    channel: _Channel | None = None
    actions: list[_Action] = []
    trigger_id: str = ""
    view: _View | None = None
