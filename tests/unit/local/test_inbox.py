"""The inbox stores the messages that channels send, and shows them."""

import json
from typing import Any
from urllib.parse import urlencode

import pytest
from werkzeug.test import Client
from werkzeug.wrappers import Request

from firstline.channels.slack_feedback import note_button, note_form, question
from local.emulator.inbox import Inbox, Message
from tests.support.builders import INCIDENT_ID, a_record

FORM = "application/x-www-form-urlencoded"
BLOCKS = [
    {"type": "header", "text": {"type": "plain_text", "text": "Disk full"}},
    {"type": "section", "fields": [{"type": "plain_text", "text": "Severity\nhigh"}]},
    {"type": "actions", "elements": [{"value": "inc-1", "text": {"text": "Acknowledge"}}]},
]


def call(inbox: Inbox, method: str, target: str, body: Any = None, kind: str = "application/json") -> tuple[int, Any]:
    data = body if isinstance(body, bytes) else json.dumps(body).encode() if body is not None else b""
    answer = Client(Request.application(inbox)).open(target, method=method, data=data, content_type=kind)
    return answer.status_code, answer.json if answer.is_json else answer.data


@pytest.mark.parametrize("as_form", [False, True])
def test_slack_messages_are_kept_and_edited_in_place(as_form: bool) -> None:
    # Given a message, as JSON or as slack_sdk's form
    heard: list[Message] = []
    inbox = Inbox(heard.append)
    fields = {"channel": "#ops-alerts", "text": "fallback", "blocks": BLOCKS}
    body: Any = urlencode({**fields, "blocks": json.dumps(BLOCKS)}).encode() if as_form else fields
    kind = FORM if as_form else "application/json"

    # When it is posted and then edited
    _, posted = call(inbox, "POST", "/slack/api/chat.postMessage", body, kind)
    edit = {"channel": posted["channel"], "ts": posted["ts"], "text": "Resolved"}
    _, edited = call(inbox, "POST", "/slack/api/chat.update", edit)

    # Then there is one message, with its new text
    assert posted["ok"]
    assert edited["ok"]
    (message,) = inbox.messages()
    assert (message.channel, message.to, message.incident, message.edits) == ("slack", "#ops-alerts", "inc-1", 1)
    assert message.text == "Resolved"
    assert len(heard) == 2


def test_what_people_read_holds_every_text_and_the_buttons() -> None:
    inbox = Inbox()
    call(inbox, "POST", "/slack/api/chat.postMessage", {"channel": "#x", "blocks": BLOCKS})
    assert inbox.messages()[0].text == "Disk full\nSeverity\nhigh\n[Acknowledge]"


def test_a_message_that_is_gone_cannot_be_edited() -> None:
    _, answer = call(Inbox(), "POST", "/slack/api/chat.update", {"channel": "C1", "ts": "1.0", "text": "x"})
    assert answer == {"ok": False, "error": "message_not_found"}


def test_pagerduty_takes_events_with_the_right_key_only() -> None:
    inbox = Inbox()
    inbox.routing_key = "key"
    event = {"event_action": "trigger", "dedup_key": "firstline:inc-2", "payload": {"summary": "Down"}}

    refused, _ = call(inbox, "POST", "/pagerduty/v2/enqueue", {**event, "routing_key": "other"})
    taken, answer = call(inbox, "POST", "/pagerduty/v2/enqueue", {**event, "routing_key": "key"})

    assert (refused, taken, answer["dedup_key"]) == (400, 202, "firstline:inc-2")
    (message,) = inbox.messages()
    assert (message.channel, message.kind, message.incident, message.text) == ("pagerduty", "trigger", "inc-2", "Down")


def test_a_page_over_sns_is_read_from_its_envelope() -> None:
    inbox = Inbox()
    message = json.dumps({"default": "Long text\n\nIncident X-web-1-20260101T000000Z-abc", "sms": "short"})
    call(inbox, "POST", "/sns", {"Type": "Notification", "Subject": "HIGH: X", "Message": message}, "text/plain")
    assert inbox.messages()[0].text.startswith("HIGH: X\nLong text")
    assert inbox.messages()[0].incident == "X-web-1-20260101T000000Z-abc"


def test_messages_are_listed_and_filtered() -> None:
    inbox = Inbox()
    for channel in ("#a", "#b"):
        call(inbox, "POST", "/slack/api/chat.postMessage", {"channel": channel, "blocks": BLOCKS[:1]})
    call(inbox, "POST", "/slack/api/chat.postMessage", {"channel": "#c", "blocks": BLOCKS})

    assert [message["to"] for message in call(inbox, "GET", "/messages")[1]] == ["#a", "#b", "#c"]
    assert [message["to"] for message in call(inbox, "GET", "/messages?incident=inc-1")[1]] == ["#c"]


def test_the_page_for_people_shows_text_as_text() -> None:
    inbox = Inbox()
    call(inbox, "POST", "/slack/api/chat.postMessage", {"channel": "#a", "text": "<script>alert(1)</script>"})
    _, page = call(inbox, "GET", "/")
    assert b"&lt;script&gt;" in page
    assert b"<script>" not in page


@pytest.mark.parametrize(("method", "path"), [("GET", "/nothing"), ("PUT", "/press")])
def test_an_unknown_page_is_404(method: str, path: str) -> None:
    assert call(Inbox(), method, path)[0] == 404


def test_a_body_that_makes_no_sense_is_400() -> None:
    assert call(Inbox(), "POST", "/pagerduty/v2/enqueue", b"{broken")[0] == 400


def with_buttons(method: str, *buttons: dict[str, Any]) -> Inbox:
    """Return an inbox that got one message with these buttons."""
    inbox = Inbox()
    body = {"channel": "#x", "blocks": [{"type": "actions", "elements": list(buttons)}]}
    call(inbox, "POST", f"/slack/api/{method}", body)
    return inbox


def test_a_press_carries_what_the_button_carries_or_else_the_incident_alone() -> None:
    approve = {"action_id": "approve", "value": "inc-1#digest", "text": {"text": "Approve"}}
    inbox = with_buttons("chat.postMessage", approve)

    assert inbox.value("inc-1", "approve") == "inc-1#digest"
    assert inbox.value("inc-1", "resolve") == "inc-1", "no message shows this button"
    assert b'name=action value="approve"' in call(inbox, "GET", "/")[1]


def test_a_link_that_one_person_got_can_be_followed() -> None:
    link = "https://api.example/approvals/inc-1?token=a.b"
    inbox = with_buttons("chat.postEphemeral", {"action_id": "open", "url": link, "text": {"text": "Open the plan"}})

    (message,) = inbox.messages()
    assert (message.incident, message.kind, message.text) == ("inc-1", "whisper", f"[Open the plan] {link}")
    assert f'<a href="{link}">Open the plan</a>'.encode() in call(inbox, "GET", "/")[1]


def test_a_menu_is_shown_with_its_choices_and_a_form_with_its_field() -> None:
    inbox = Inbox()
    menu = {"type": "actions", "elements": [note_button(a_record()), question(INCIDENT_ID)]}
    call(inbox, "POST", "/slack/api/chat.postMessage", {"channel": "#x", "blocks": [menu]})
    view = json.dumps(note_form(INCIDENT_ID, "C1", resolves=True))
    call(inbox, "POST", "/slack/api/views.open", urlencode({"trigger_id": "1", "view": view}).encode(), FORM)

    shown, form = inbox.messages()
    assert shown.incident == INCIDENT_ID
    assert "[Was this right? Yes: it was real | It was noise | Wrong severity: critical would be right | " in shown.text
    assert (form.kind, form.incident) == ("form", INCIDENT_ID)
    assert "What was it, and what fixed it?" in form.text
    assert inbox.form(INCIDENT_ID)["callback_id"] == "note"
    _, page = call(inbox, "GET", "/")
    assert b'<option value="severity-low">Wrong severity: low would be right</option>' in page
    assert b"<form method=post action=/submit" in page


def test_a_form_that_was_not_opened_cannot_be_submitted() -> None:
    assert call(Inbox(), "POST", "/submit", {"incident": "other", "text": "x"})[0] == 400
