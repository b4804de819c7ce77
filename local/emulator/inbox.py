"""What a human would have got: stands in for Slack, PagerDuty and the subscribers of the page topic, over HTTP.

`GET /messages` is everything as JSON, `GET /` the same for people. `POST /press` and `POST /pagerduty/act` answer like
a human would, through the same signed requests that Slack and PagerDuty send.
"""

import hashlib
import json
import re
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs, urlsplit

from markupsafe import escape

from local.demo import senders

ON_CALL = "Ada Okafor"
"""Who is on call here."""

_REASONS = {200: "200 OK", 202: "202 Accepted", 400: "400 Bad Request", 404: "404 Not Found"}


@dataclass
class Message:
    """One thing that reached somebody. `text` is what they read, `edits` how often it changed since."""

    channel: str
    to: str
    text: str
    at: float
    incident: str | None = None
    kind: str = "message"
    id: str = ""
    thread: str | None = None
    edits: int = 0
    raw: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class _Request:
    path: str
    query: dict[str, list[str]]
    headers: dict[str, str]
    body: bytes

    def fields(self) -> dict[str, Any]:
        """The body as an object, whether it came as JSON or as a form."""
        if "json" in self.headers.get("content-type", "") or self.body[:1] == b"{":
            parsed: dict[str, Any] = json.loads(self.body or b"{}")
            return parsed
        return {name: values[0] for name, values in parse_qs(self.body.decode()).items()}


type Reply = tuple[int, str, bytes]


class Inbox:
    """The WSGI application. Set `api` and `secrets` before anything is pressed.

    Parameters
    ----------
    on_message
        Called for each new or edited message, for whoever tells the story.
    """

    def __init__(self, on_message: Callable[[Message], None] = lambda _: None) -> None:
        self.api = ""
        self.secrets: dict[str, str] = {}
        self.routing_key = ""
        self._messages: list[Message] = []
        self._lock = threading.Lock()
        self._on_message = on_message
        self._routes: dict[tuple[str, str], Callable[[_Request], Reply]] = {
            ("GET", "/"): self._page,
            ("GET", "/messages"): self._list,
            ("POST", "/press"): self._press,
            ("POST", "/submit"): self._submit,
            ("POST", "/sns"): self._sns,
            ("POST", "/slack/webhook"): self._slack_webhook,
            ("POST", "/pagerduty/v2/enqueue"): self._enqueue,
            ("POST", "/pagerduty/act"): self._act,
            ("GET", "/pagerduty/oncalls"): self._on_calls,
        }

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        length = int(environ.get("CONTENT_LENGTH") or 0)
        request = _Request(
            path=environ["PATH_INFO"],
            query=parse_qs(environ.get("QUERY_STRING", "")),
            headers={"content-type": environ.get("CONTENT_TYPE", "")},
            body=environ["wsgi.input"].read(length) if length else b"",
        )
        if request.path.startswith("/slack/api/"):
            status, kind, body = self._slack(request)
        else:
            handle = self._routes.get((environ["REQUEST_METHOD"], request.path))
            try:
                status, kind, body = handle(request) if handle else _json(404, {"error": f"No page {request.path}"})
            except (ValueError, KeyError) as error:
                status, kind, body = _json(400, {"error": f"{type(error).__name__}: {error}"})
        start_response(_REASONS[status], [("Content-Type", kind), ("Content-Length", str(len(body)))])
        return [body]

    def messages(self) -> list[Message]:
        """Everything so far, oldest first."""
        with self._lock:
            return list(self._messages)

    def value(self, incident: str, action: str) -> str:
        """What the button under the incident's message carries; the bare id when there is no such button (any more)."""
        buttons = [
            button for message in self.messages() if message.incident == incident for button in _buttons(message)
        ]
        values = [button["value"] for button in buttons if button["action_id"] == action and "value" in button]
        return str(values[-1]) if values else incident

    def form(self, incident: str) -> dict[str, Any]:
        """The form about an incident that was opened last.

        Raises
        ------
        ValueError
            Nobody asked for one.
        """
        forms = [message.raw for message in self.messages() if (message.incident, message.kind) == (incident, "form")]
        if not forms:
            raise ValueError(f"No form is open about {incident}: press note first")
        return forms[-1]

    # --- Slack --------------------------------------------------------------------------------------------------------

    def _slack(self, request: _Request) -> Reply:
        method = request.path.removeprefix("/slack/api/")
        fields = request.fields()
        match method:
            case "chat.postMessage" | "chat.postEphemeral":
                channel_id = "C" + hashlib.sha256(fields["channel"].encode()).hexdigest()[:8].upper()
                message = self._add(
                    Message(
                        channel="slack",
                        to=fields["channel"],
                        text=_readable(fields),
                        at=time.time(),
                        incident=_incident_in(fields),
                        kind="whisper" if method == "chat.postEphemeral" else "message",
                        thread=fields.get("thread_ts"),
                        raw=_parsed(fields) | {"channel_id": channel_id},
                    )
                )
                return _json(200, {"ok": True, "channel": channel_id, "ts": message.id, "message": {"ts": message.id}})
            case "chat.update":
                edited = self._edit(fields["ts"], _readable(fields), _parsed(fields))
                if edited is None:
                    return _json(200, {"ok": False, "error": "message_not_found"})
                return _json(200, {"ok": True, "channel": fields["channel"], "ts": fields["ts"]})
            case "views.open":
                view = _object(fields["view"])
                incident = _incident_of(view["private_metadata"])
                text = _readable(view)
                self._add(Message("slack", "a form", text, time.time(), incident, kind="form", raw=view))
                return _json(200, {"ok": True, "view": view})
            case "auth.test":
                return _json(200, {"ok": True, "team": "Local", "user": "firstline", "bot_id": "B0LOCAL"})
        return _json(200, {"ok": False, "error": "unknown_method"})

    def _slack_webhook(self, request: _Request) -> Reply:
        fields = request.fields()
        self._add(Message("slack", "#webhook", _readable(fields), time.time(), _incident_in(fields), raw=fields))
        return 200, "text/plain", b"ok"

    def _press(self, request: _Request) -> Reply:
        fields = request.fields()
        user, secret = fields.get("user", "ada"), self.secrets["slack"]
        if "choice" in fields:
            value = f"{fields['incident']}#{fields['choice']}"
            answer = senders.press(self.api, value, fields["action"], user, secret, chosen=True)
        else:
            value = self.value(fields["incident"], fields["action"])
            answer = senders.press(self.api, value, fields["action"], user, secret)
        return _json(200, {"status": answer.status, "body": answer.body.decode(errors="replace")})

    def _submit(self, request: _Request) -> Reply:
        """Fill in the form that was opened last about an incident, and send it."""
        fields = request.fields()
        form, user = self.form(fields["incident"]), fields.get("user", "ada")
        answer = senders.submit(self.api, form, fields["text"], user, self.secrets["slack"])
        return _json(200, {"status": answer.status, "body": answer.body.decode(errors="replace")})

    # --- PagerDuty ----------------------------------------------------------------------------------------------------

    def _enqueue(self, request: _Request) -> Reply:
        event = request.fields()
        if self.routing_key and event.get("routing_key") != self.routing_key:
            return _json(400, {"status": "invalid event", "errors": ["'routing_key' is invalid"]})
        key = event.get("dedup_key", "")
        payload = event.get("payload", {})
        lines = [payload.get("summary", f"{event['event_action']}: {key}")]
        lines += [f"{name}: {_flat(value)}" for name, value in payload.get("custom_details", {}).items() if value]
        self._add(
            Message(
                channel="pagerduty",
                to=ON_CALL,
                text="\n".join(lines),
                at=time.time(),
                incident=key.removeprefix("firstline:") or None,
                kind=event["event_action"],
                raw=event,
            )
        )
        return _json(202, {"status": "success", "message": "Event processed", "dedup_key": key})

    def _act(self, request: _Request) -> Reply:
        """Acknowledge or resolve in PagerDuty: the V3 webhook that its subscribers get."""
        fields = request.fields()
        now = datetime.now(UTC).isoformat()
        event_type = {"acknowledge": "incident.acknowledged", "resolve": "incident.resolved"}[fields["action"]]
        event = {
            "id": hashlib.sha256(now.encode()).hexdigest()[:26].upper(),
            "event_type": event_type,
            "resource_type": "incident",
            "occurred_at": now,
            "agent": {"id": "PADA", "type": "user_reference", "summary": fields.get("user", ON_CALL)},
            "client": None,
            "data": {
                "id": "Q" + hashlib.sha256(fields["incident"].encode()).hexdigest()[:13].upper(),
                "type": "incident",
                "status": event_type.removeprefix("incident."),
                "incident_key": f"firstline:{fields['incident']}",
                "title": fields["incident"],
                "urgency": "high",
                "service": {"id": "PSVC", "summary": "Firstline"},
                "created_at": now,
            },
        }
        answer = senders.send(self.api, "pagerduty", {"event": event}, self.secrets["pagerduty"])
        return _json(200, {"status": answer.status, "body": answer.body.decode(errors="replace")})

    def _on_calls(self, request: _Request) -> Reply:  # noqa: ARG002
        return _json(200, {"oncalls": [{"escalation_level": 1, "user": {"summary": ON_CALL}}]})

    # --- the page topic -----------------------------------------------------------------------------------------------

    def _sns(self, request: _Request) -> Reply:
        envelope = json.loads(request.body)
        if envelope.get("Type") == "Notification":
            text = f"{envelope.get('Subject') or ''}\n{_sns_text(envelope['Message'])}".strip()
            named = re.search(r"[Ii]ncident ([A-Za-z0-9_-]{10,80})", text)
            incident = named[1] if named else None
            self._add(Message("sns", "page topic", text, time.time(), incident, kind="page", raw=envelope))
        return _json(200, {})

    # --- for people and tests -----------------------------------------------------------------------------------------

    def _list(self, request: _Request) -> Reply:
        wanted = request.query.get("incident", [None])[0]
        return _json(200, [asdict(message) for message in self.messages() if wanted in (None, message.incident)])

    def _page(self, request: _Request) -> Reply:  # noqa: ARG002
        rows = "".join(
            f"<article><h2>{escape(message.channel)} → {escape(message.to)} "
            f"<small>{escape(message.kind)} · {datetime.fromtimestamp(message.at, UTC):%H:%M:%S} UTC"
            f"{f' · edited {message.edits} times' if message.edits else ''}</small></h2>"
            f"<pre>{escape(message.text)}</pre>{_clickable(message)}</article>"
            for message in reversed(self.messages())
        )
        page = (
            "<!doctype html><meta charset=utf-8><meta http-equiv=refresh content=5><title>Firstline: inbox</title>"
            "<style>body{font:15px/1.45 system-ui;max-width:52rem;margin:2rem auto;padding:0 1rem}article{border-top:"
            "1px solid #ccc}h2{font-size:1rem}small{color:#666;font-weight:400}pre{white-space:pre-wrap}"
            "form{display:inline}</style>"
            f"<h1>What a human would have got</h1>{rows or '<p>Nothing yet.</p>'}"
        )
        return 200, "text/html; charset=utf-8", page.encode()

    def _add(self, message: Message) -> Message:
        with self._lock:
            message.id = f"{message.at:.6f}"
            self._messages.append(message)
        self._on_message(message)
        return message

    def _edit(self, message_id: str, text: str, raw: dict[str, Any]) -> Message | None:
        with self._lock:
            message = next((one for one in self._messages if one.id == message_id), None)
            if message is None:
                return None
            message.text, message.raw = text, message.raw | raw
            message.edits += 1
        self._on_message(message)
        return message


def _object(field: Any) -> dict[str, Any]:
    """A field that slack_sdk sends as an object, or as JSON in a form."""
    parsed: dict[str, Any] = json.loads(field) if isinstance(field, str) else field
    return parsed


def _parsed(fields: dict[str, Any]) -> dict[str, Any]:
    """slack_sdk sends JSON, or a form whose blocks are JSON in a field."""
    blocks = fields.get("blocks")
    return {**fields, "blocks": json.loads(blocks)} if isinstance(blocks, str) else dict(fields)


def _readable(fields: dict[str, Any]) -> str:
    lines = []
    for block in _parsed(fields).get("blocks") or []:
        texts = [block.get("text"), *block.get("fields", []), *block.get("elements", [])]
        if block.get("type") == "actions":
            lines.append("  ".join(map(_shown, block["elements"])))
            continue
        if block.get("type") == "input":
            lines += [block["label"]["text"], block["hint"]["text"]]
            continue
        lines += [text["text"] for text in texts if isinstance(text, dict) and isinstance(text.get("text"), str)]
    return "\n".join(lines) or str(fields.get("text", ""))


def _shown(element: dict[str, Any]) -> str:
    """A button or a menu, as one reads it."""
    if "options" in element:
        choices = " | ".join(option["text"]["text"] for option in element["options"])
        return f"[{element['placeholder']['text']} {choices}]"
    return f"[{element['text']['text']}] {element.get('url', '')}".strip()


def _incident_in(fields: dict[str, Any]) -> str | None:
    """A message's buttons carry the incident's id, and so does the first part of its footer."""
    for block in _parsed(fields).get("blocks") or []:
        if block.get("type") == "actions":
            first = block["elements"][0]
            return _incident_of(first.get("value") or urlsplit(first.get("url", "")).path)
        if block.get("type") == "context":
            return str(block["elements"][0].get("text", ""))
    return None


def _incident_of(carried: str) -> str | None:
    """The incident that a button's value or the path of its link names."""
    return carried.rpartition("/")[2].partition("#")[0] or None


def _buttons(message: Message) -> list[dict[str, Any]]:
    blocks = message.raw.get("blocks") or [] if message.channel == "slack" else []
    return [button for block in blocks if block.get("type") == "actions" for button in block["elements"]]


def _clickable(message: Message) -> str:
    """A message's buttons, menus, links and forms, to be used as its reader would."""
    incident = message.incident or ""
    if message.kind == "form":
        field = "<textarea name=text rows=4 cols=60></textarea>"
        return _form("submit", {"incident": incident}, f"{field}<button>{_label(message.raw['submit'])}</button>")
    made = []
    for element in _buttons(message):
        fields = {"incident": incident, "action": element["action_id"]}
        if "url" in element:
            made.append(f'<a href="{escape(element["url"])}">{_label(element["text"])}</a>')
        elif "options" in element:
            choices = "".join(
                f'<option value="{escape(option["value"].partition("#")[2])}">{_label(option["text"])}</option>'
                for option in element["options"]
            )
            menu = f"<select name=choice>{choices}</select><button>{_label(element['placeholder'])}</button>"
            made.append(_form("press", fields, menu))
        else:
            made.append(_form("press", fields, f"<button>{_label(element['text'])}</button>"))
    return " ".join(made)


def _form(action: str, fields: dict[str, str], inside: str) -> str:
    hidden = "".join(f'<input type=hidden name={name} value="{escape(text)}">' for name, text in fields.items())
    return f"<form method=post action=/{action} target=_blank>{hidden}{inside}</form>"


def _label(text: dict[str, Any]) -> str:
    return escape(text["text"])


def _sns_text(message: str) -> str:
    try:
        parsed = json.loads(message)
    except ValueError:
        return message
    return str(parsed.get("default", message)) if isinstance(parsed, dict) else message


def _flat(value: Any) -> str:
    return "; ".join(map(str, value)) if isinstance(value, list) else str(value)


def _json(status: int, body: Any) -> Reply:
    return status, "application/json", json.dumps(body).encode()
