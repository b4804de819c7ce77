"""Stand-ins for Slack, PagerDuty, Teams, a webhook and the page topic's subscribers, which store all messages.

`GET /messages` lists them as JSON, `GET /` shows them to people, and `GET /events` lists the events on the event bus.
`POST /press` and `POST /pagerduty/act` answer as a person would, with the same signed requests that Slack and PagerDuty
send.
"""

import hashlib
import json
import re
import threading
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from jinja2 import Environment, FileSystemLoader
from werkzeug.wrappers import Request, Response

from firstline.channels import teams, webhook
from local.demo import alerts, senders
from local.demo.senders import Answer

ON_CALL = "Ada Okafor"
"""The person whom the stand-in for PagerDuty names as on call."""


@dataclass
class Message:
    """A message to people. `text` is the text that they read, `edits` the number of times it was edited."""

    channel: str
    to: str
    text: str
    incident: str | None = None
    kind: str = "message"
    thread: str | None = None
    raw: dict[str, Any] = field(default_factory=dict)
    at: float = field(default_factory=time.time)
    id: str = ""
    edits: int = 0

    @property
    def time(self) -> str:
        """The time of day at which the message was sent, in UTC."""
        return f"{datetime.fromtimestamp(self.at, UTC):%H:%M:%S}"

    @property
    def elements(self) -> list[dict[str, Any]]:
        """The buttons, menus and links below a Slack message."""
        blocks = self.raw.get("blocks") or [] if self.channel == "slack" else []
        return [element for block in blocks if block.get("type") == "actions" for element in block["elements"]]


class Inbox:
    """The WSGI application behind the inbox URL. `api` and `secrets` must be set before a button is pressed.

    Parameters
    ----------
    on_message
        Called with each new or edited message.
    """

    def __init__(self, on_message: Callable[[Message], None] = lambda _: None) -> None:
        self.api = ""
        self.secrets: dict[str, str] = {}
        self.routing_key = ""
        self.events: list[dict[str, Any]] = []
        """Every event on the event bus, oldest first."""
        self._messages: list[Message] = []
        self._lock = threading.Lock()
        self._on_message = on_message
        self._page = Environment(loader=FileSystemLoader(Path(__file__).parent), autoescape=True, trim_blocks=True)
        self._routes: dict[tuple[str, str], Callable[[Request], Response]] = {
            ("GET", "/"): lambda _: Response(self._render(), mimetype="text/html"),
            ("GET", "/messages"): self._list,
            ("GET", "/events"): self._list_events,
            ("POST", "/press"): self._press,
            ("POST", "/submit"): self._submit,
            ("POST", "/sns"): self._sns,
            ("POST", "/slack/webhook"): self._slack_webhook,
            ("POST", "/teams/workflow"): self._teams,
            ("POST", "/webhook"): self._webhook,
            ("POST", "/pagerduty/v2/enqueue"): self._enqueue,
            ("POST", "/pagerduty/act"): self._act,
            ("GET", "/pagerduty/oncalls"): lambda _: _json(
                {"oncalls": [{"escalation_level": 1, "user": {"summary": ON_CALL}}]}
            ),
        }

    def __call__(self, request: Request) -> Response:
        """Answer a request of a channel, of a person or of a test."""
        try:
            if request.path.startswith("/slack/api/"):
                return _json(self._slack(request.path.removeprefix("/slack/api/"), _fields(request)))
            handle = self._routes.get((request.method, request.path))
            return handle(request) if handle else _json({"error": f"No page {request.path}"}, 404)
        except (ValueError, KeyError) as error:
            return _json({"error": f"{type(error).__name__}: {error}"}, 400)

    def messages(self) -> list[Message]:
        """Return all messages, oldest first."""
        with self._lock:
            return list(self._messages)

    def value(self, incident: str, action: str) -> str:
        """Return the value that an incident's newest button `action` sends; without a button, the incident's id."""
        elements = [
            element for message in self.messages() if message.incident == incident for element in message.elements
        ]
        values = [element["value"] for element in elements if element["action_id"] == action and "value" in element]
        return str(values[-1]) if values else incident

    def form(self, incident: str) -> dict[str, Any]:
        """Return the newest Slack form that was opened about an incident.

        Raises
        ------
        ValueError
            No form about this incident was opened.
        """
        forms = [message.raw for message in self.messages() if (message.incident, message.kind) == (incident, "form")]
        if not forms:
            raise ValueError(f"No form about {incident} was opened: press its button `note` first")
        return forms[-1]

    # --- Slack --------------------------------------------------------------------------------------------------------

    def _slack(self, method: str, fields: dict[str, Any]) -> dict[str, Any]:
        """Answer a call of a method of Slack's Web API, such as `chat.postMessage`."""
        match method:
            case "chat.postMessage" | "chat.postEphemeral":
                fields["channel_id"] = "C" + hashlib.sha256(fields["channel"].encode()).hexdigest()[:8].upper()
                message = self._add_slack(
                    fields["channel"],
                    fields,
                    kind="whisper" if method == "chat.postEphemeral" else "message",
                    thread=fields.get("thread_ts"),
                )
                return {"ok": True, "channel": fields["channel_id"], "ts": message.id, "message": {"ts": message.id}}
            case "chat.update":
                if not self._edit(fields["ts"], _readable(fields), fields):
                    return {"ok": False, "error": "message_not_found"}
                return {"ok": True, "channel": fields["channel"], "ts": fields["ts"]}
            case "views.open":
                view = fields["view"]
                incident = _incident_of(view["private_metadata"])
                self._add(Message("slack", "a form", _readable(view), incident, kind="form", raw=view))
                return {"ok": True, "view": view}
            case "auth.test":
                return {"ok": True, "team": "Local", "user": "firstline", "bot_id": "B0LOCAL"}
        return {"ok": False, "error": "unknown_method"}

    def _slack_webhook(self, request: Request) -> Response:
        self._add_slack("#webhook", _fields(request))
        return Response("ok", mimetype="text/plain")

    def _add_slack(self, to: str, fields: dict[str, Any], **more: Any) -> Message:
        return self._add(Message("slack", to, _readable(fields), _incident_in(fields), raw=fields, **more))

    def _press(self, request: Request) -> Response:
        """Press a button of an incident's Slack message, or choose from its menu if the form has a `choice`."""
        fields = _fields(request)
        incident, action, choice = fields["incident"], fields["action"], fields.get("choice")
        value = self.value(incident, action) if choice is None else f"{incident}#{choice}"
        user, secret = fields.get("user", "ada"), self.secrets["slack"]
        return _relayed(senders.press(self.api, value, action, user, secret, chosen=choice is not None))

    def _submit(self, request: Request) -> Response:
        """Fill in the newest form that was opened about an incident, and submit it."""
        fields = _fields(request)
        form, user = self.form(fields["incident"]), fields.get("user", "ada")
        return _relayed(senders.submit(self.api, form, fields["text"], user, self.secrets["slack"]))

    # --- Teams, and a receiver of signed webhooks ---------------------------------------------------------------------

    def _teams(self, request: Request) -> Response:
        """Take a card and answer 202, as a Teams workflow does."""
        message = _fields(request)
        if request.content_length is None or request.content_length > teams.MAX_BYTES:
            return Response(f"the card is larger than {teams.MAX_BYTES} bytes", 413)
        blocks = message["attachments"][0]["content"]["body"]
        lines = ["".join(run["text"] for run in block["inlines"]) for block in blocks]
        self._add(Message("teams", "a channel of Teams", "\n".join(lines), lines[-1], kind="card", raw=message))
        return Response(status=202)

    def _webhook(self, request: Request) -> Response:
        """Take a message of the webhook channel; answer 401 if its signature is wrong."""
        body, message_id = request.get_data(), request.headers["webhook-id"]
        sent = datetime.fromtimestamp(int(request.headers["webhook-timestamp"]), UTC)
        expected = webhook.headers(message_id, body, webhook.keys_of([self.secrets["webhook"]]), sent)
        if expected["webhook-signature"] != request.headers["webhook-signature"]:
            return _json({"error": "webhook-signature is wrong for the secret webhook/signing-key"}, 401)
        said = json.loads(body)
        text = f"{said['incident']['standing']}: {said['incident']['title']}"
        incident = str(said["incident"]["id"])
        self._add(Message("webhook", "a receiver", text, incident, kind=said["type"], raw=said | {"id": message_id}))
        return Response(status=204)

    # --- PagerDuty ----------------------------------------------------------------------------------------------------

    def _enqueue(self, request: Request) -> Response:
        event = _fields(request)
        if self.routing_key and event.get("routing_key") != self.routing_key:
            return _json({"status": "invalid event", "errors": ["'routing_key' is invalid"]}, 400)
        key, kind, payload = event.get("dedup_key", ""), event["event_action"], event.get("payload", {})
        lines = [payload.get("summary", f"{kind}: {key}")]
        lines += [f"{name}: {_flat(value)}" for name, value in payload.get("custom_details", {}).items() if value]
        incident = key.removeprefix("firstline:") or None
        self._add(Message("pagerduty", ON_CALL, "\n".join(lines), incident, kind=kind, raw=event))
        return _json({"status": "success", "message": "Event processed", "dedup_key": key}, 202)

    def _act(self, request: Request) -> Response:
        """Acknowledge or resolve an incident as a person does in PagerDuty: send Firstline PagerDuty's V3 webhook."""
        fields = _fields(request)
        incident, status = fields["incident"], {"acknowledge": "acknowledged", "resolve": "resolved"}[fields["action"]]
        number = "Q" + hashlib.sha256(incident.encode()).hexdigest()[:13].upper()
        webhook = alerts.pagerduty(number, f"incident.{status}", title=incident, service="Firstline")
        webhook["event"]["agent"] = {"id": "PADA", "type": "user_reference", "summary": fields.get("user", ON_CALL)}
        webhook["event"]["data"]["incident_key"] = f"firstline:{incident}"
        return _relayed(senders.send(self.api, "pagerduty", webhook, self.secrets["pagerduty"]))

    # --- the page topic -----------------------------------------------------------------------------------------------

    def _sns(self, request: Request) -> Response:
        envelope = _fields(request)
        if envelope.get("Type") == "Notification":
            text = f"{envelope.get('Subject') or ''}\n{_sns_text(envelope['Message'])}".strip()
            named = re.search(r"[Ii]ncident ([A-Za-z0-9_-]{10,80})", text)
            self._add(Message("sns", "page topic", text, named[1] if named else None, kind="page", raw=envelope))
        return _json({})

    def text(self, number: str, text: str) -> None:
        """Store a text message to a phone number."""
        named = re.search(r"/console/enter/([A-Za-z0-9_-]{10,80})", text)
        self._add(Message("sms", number, text, named[1] if named else None, kind="page", raw={"text": text}))

    # --- for people and tests -----------------------------------------------------------------------------------------

    def _list(self, request: Request) -> Response:
        wanted = request.args.get("incident")
        return _json([asdict(message) for message in self.messages() if wanted in (None, message.incident)])

    def _list_events(self, request: Request) -> Response:
        wanted = request.args.get("incident")
        return _json([event for event in list(self.events) if wanted in (None, event["detail"]["incident"]["id"])])

    def _render(self) -> str:
        return self._page.get_template("inbox.html").render(messages=self.messages()[::-1])

    def _add(self, message: Message) -> Message:
        with self._lock:
            message.id = f"{message.at:.6f}"
            self._messages.append(message)
        self._on_message(message)
        return message

    def _edit(self, message_id: str, text: str, raw: dict[str, Any]) -> bool:
        with self._lock:
            message = next((message for message in self._messages if message.id == message_id), None)
            if message is None:
                return False
            message.text, message.raw = text, message.raw | raw
            message.edits += 1
        self._on_message(message)
        return True


def _fields(request: Request) -> dict[str, Any]:
    """Return a body's fields, sent as JSON or as a form; slack_sdk's forms hold blocks and views as JSON."""
    body = request.get_data()
    if "json" in request.mimetype or body[:1] == b"{":
        parsed: dict[str, Any] = json.loads(body or b"{}")
        return parsed
    return {name: json.loads(value) if name in ("blocks", "view") else value for name, value in request.form.items()}


def _readable(fields: dict[str, Any]) -> str:
    """Return the text that a person sees in a Slack message or form, with its buttons."""
    lines = []
    for block in fields.get("blocks") or []:
        if block.get("type") == "actions":
            lines.append("  ".join(map(_element_text, block["elements"])))
        elif block.get("type") == "rich_text":
            lines += _rich_lines(block)
        elif block.get("type") == "input":
            lines += [block["label"]["text"], block["hint"]["text"]]
        else:
            texts = [block.get("text"), *block.get("fields", []), *block.get("elements", [])]
            lines += [text["text"] for text in texts if isinstance(text, dict) and isinstance(text.get("text"), str)]
    return "\n".join(lines) or str(fields.get("text", ""))


def _rich_lines(block: dict[str, Any]) -> list[str]:
    """Return the lines that a person sees in a rich text; items of lists have a bullet or a number."""
    lines = []
    for part in block["elements"]:
        if part["type"] == "rich_text_list":
            ordered = part["style"] == "ordered"
            items = [_run(item) for item in part["elements"]]
            lines += [f"{number}. {item}" if ordered else f"• {item}" for number, item in enumerate(items, 1)]
        else:
            lines.append(_run(part))
    return lines


def _run(section: dict[str, Any]) -> str:
    """Return the text of a rich text's section; links have their address, dates are their fallback text."""
    texts = (
        f"{element['text']} {element['url']}"
        if element["type"] == "link"
        else element.get("text") or element["fallback"]
        for element in section["elements"]
    )
    return "".join(texts)


def _element_text(element: dict[str, Any]) -> str:
    """Return the label of a button with its link, or of a menu with its choices."""
    if "options" in element:
        choices = " | ".join(option["text"]["text"] for option in element["options"])
        return f"[{element['placeholder']['text']} {choices}]"
    return f"[{element['text']['text']}] {element.get('url', '')}".strip()


def _incident_in(fields: dict[str, Any]) -> str | None:
    """Return the incident's id from a Slack message's first button, or else from its footer; None without both."""
    blocks = fields.get("blocks") or []
    first = next((block["elements"][0] for block in blocks if block.get("type") == "actions"), None)
    if first is not None:
        return _incident_of(first.get("value") or urlsplit(first.get("url", "")).path)
    footer = next((block for block in reversed(blocks) if block.get("type") == "context"), None)
    return None if footer is None else str(footer["elements"][0].get("text", ""))


def _incident_of(carried: str) -> str | None:
    """Return the incident's id in a button's value (`<id>#…`) or in the path of its link (`…/<id>`)."""
    return carried.rpartition("/")[2].partition("#")[0] or None


def _sns_text(message: str) -> str:
    try:
        parsed = json.loads(message)
    except ValueError:
        return message
    return str(parsed.get("default", message)) if isinstance(parsed, dict) else message


def _flat(value: Any) -> str:
    return "; ".join(map(str, value)) if isinstance(value, list) else str(value)


def _json(body: Any, status: int = 200) -> Response:
    return Response(json.dumps(body), status, content_type="application/json")


def _relayed(answer: Answer) -> Response:
    """Return Firstline's answer to a button or a webhook as JSON with its status and body."""
    return _json({"status": answer.status, "body": answer.body.decode(errors="replace")})
