"""Slack's buttons: only requests that Slack signed count, and how each press is read."""

import hashlib
import hmac
import json
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlencode

import pytest

from firstline.errors import Unauthenticated, UnreadablePayload
from firstline.people.buttons import Press, authenticate, read_press
from tests.support.builders import INCIDENT_ID, NOW

SECRET = "8f742231b10e8888abcd99yyyzzz85a5"


# --- is it Slack? ---


def signed(body: bytes, secret: str = SECRET, at: datetime = NOW) -> dict[str, str]:
    timestamp = str(int(at.timestamp()))
    digest = hmac.new(secret.encode(), b"v0:" + timestamp.encode() + b":" + body, hashlib.sha256).hexdigest()
    return {"X-Slack-Request-Timestamp": timestamp, "X-Slack-Signature": f"v0={digest}"}


def test_the_signed_example_of_slacks_documentation_is_accepted() -> None:
    """The worked example of Slack's documentation on verifying requests."""
    body = (
        b"token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow&channel_id=G8PSS9T3V"
        b"&channel_name=foobar&user_id=U2CERLKJA&user_name=roadrunner&command=%2Fwebhook-collect&text="
        b"&response_url=https%3A%2F%2Fhooks.slack.com%2Fcommands%2FT1DC2JH3J%2F397700885554%2F96rGlfmibIGlgcZRskXaIFfN"
        b"&trigger_id=398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c"
    )
    headers = {
        "x-slack-request-timestamp": "1531420618",
        "x-slack-signature": "v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503",
    }
    at = datetime.fromtimestamp(1531420618, tz=NOW.tzinfo)
    authenticate(headers, body, [SECRET], at + timedelta(minutes=5))


@pytest.mark.parametrize("active", [["new", SECRET], [SECRET, "old"]])
@pytest.mark.parametrize("minutes", [-5, 0, 5])
def test_a_signature_by_either_active_secret_is_good_for_five_minutes(minutes: int, active: list[str]) -> None:
    authenticate(signed(b"x", secret=SECRET), b"x", active, NOW + timedelta(minutes=minutes))


@pytest.mark.parametrize(
    ("case", "headers", "body", "secrets", "late"),
    [
        ("no secret is set", signed(b"x"), b"x", [], 0),
        ("another secret", signed(b"x", "other"), b"x", [SECRET], 0),
        ("another body", signed(b"x"), b"y", [SECRET], 0),
        ("too old", signed(b"x"), b"x", [SECRET], 301),
        ("from the future", signed(b"x"), b"x", [SECRET], -301),
        ("no headers", {}, b"x", [SECRET], 0),
        ("no timestamp", {"X-Slack-Signature": signed(b"x")["X-Slack-Signature"]}, b"x", [SECRET], 0),
        ("another version", signed(b"x") | {"X-Slack-Signature": "v1=00"}, b"x", [SECRET], 0),
        ("a signature that is not ASCII", signed(b"x") | {"X-Slack-Signature": "v0=é\ud800"}, b"x", [SECRET], 0),
        ("a timestamp that is no number", signed(b"x") | {"X-Slack-Request-Timestamp": "nan"}, b"x", [SECRET], 0),
        ("a timestamp in another script", signed(b"x") | {"X-Slack-Request-Timestamp": "١٢٣"}, b"x", [SECRET], 0),
        ("an endless timestamp", signed(b"x") | {"X-Slack-Request-Timestamp": "9" * 5_000}, b"x", [SECRET], 0),
    ],
)
def test_a_request_with_a_bad_or_old_signature_is_refused(
    case: str, headers: dict[str, str], body: bytes, secrets: list[str], late: int
) -> None:
    with pytest.raises(Unauthenticated):
        authenticate(headers, body, secrets, NOW + timedelta(seconds=late))


# --- what was pressed? ---


def interaction(**changes: Any) -> bytes:
    payload: dict[str, Any] = {
        "type": "block_actions",
        "user": {"id": "U1", "username": "ana", "name": "ana", "team_id": "T1"},
        "channel": {"id": "C1", "name": "ops-alerts"},
        "message": {"ts": "1.2"},
        "response_url": "https://hooks.slack.example/actions/1",
        "actions": [{"type": "button", "action_id": "acknowledge", "block_id": "b", "value": INCIDENT_ID}],
    }
    return urlencode({"payload": json.dumps(payload | changes)}).encode()


def test_a_press_names_the_button_the_incident_the_person_and_the_channel() -> None:
    button = {"type": "button", "action_id": "acknowledge", "value": INCIDENT_ID}
    press = read_press(interaction(actions=[button], user={"id": "U1", "name": "ana"}, channel={"id": "C1"}))
    assert press == Press("acknowledge", INCIDENT_ID, user_id="U1", user_name="ana", channel="C1")


def test_a_press_that_sets_a_severity_names_the_alert_and_an_unknown_severity_is_ignored() -> None:
    press = read_press(interaction(actions=[{"action_id": "word-page", "value": f"{INCIDENT_ID}#high#0a1b"}]))
    assert press is not None
    assert (press.button, press.incident_id, press.answer, press.subject) == ("word", INCIDENT_ID, "high", "0a1b")
    assert read_press(interaction(actions=[{"action_id": "word-page", "value": f"{INCIDENT_ID}#info#0a1b"}])) is None


def test_a_press_under_a_plan_names_the_plan_and_the_person() -> None:
    press = read_press(interaction(actions=[{"action_id": "approve", "value": f"{INCIDENT_ID}#abc"}]))
    assert press is not None
    assert (press.incident_id, press.plan_digest) == (INCIDENT_ID, "abc")
    assert press.by == "ana (Slack)"


@pytest.mark.parametrize(
    ("value", "seen"),
    [(f"{INCIDENT_ID}#12", 12), (INCIDENT_ID, None), (f"{INCIDENT_ID}#x", None), (f"{INCIDENT_ID}#²", None)],
)
def test_a_resolve_carries_the_number_of_alerts_that_its_person_had_seen(value: str, seen: int | None) -> None:
    press = read_press(interaction(actions=[{"action_id": "resolve", "value": value}]))
    assert press is not None
    assert (press.incident_id, press.seen, press.plan_digest) == (INCIDENT_ID, seen, "")


def test_a_note_that_resolves_carries_the_number_of_alerts_that_its_person_had_seen() -> None:
    asked = read_press(interaction(actions=[{"action_id": "note", "value": f"{INCIDENT_ID}#resolve#3"}]))
    written = read_press(form({"value": "restarted it"}, metadata=f"{INCIDENT_ID}#C7#resolve#3"))
    for press in (asked, written):
        assert press is not None
        assert (press.resolves, press.seen) == (True, 3)


def test_a_persons_name_is_cleaned_and_cut_to_sixty_characters() -> None:
    press = read_press(interaction(user={"id": "U1", "name": "\u202e" + "ana\n" * 100}))
    assert press is not None
    assert press.user_name.startswith("ana ana")
    assert len(press.user_name) <= 60


def choice(value: str, action_id: str = "judge") -> bytes:
    action = {"type": "static_select", "action_id": action_id, "selected_option": {"value": value}}
    return interaction(actions=[action], trigger_id="1.2.3")


def form(text: Any, metadata: str = f"{INCIDENT_ID}#C7#resolve", callback_id: str = "note") -> bytes:
    view = {"callback_id": callback_id, "private_metadata": metadata, "state": {"values": {"note": {"note": text}}}}
    return interaction(type="view_submission", actions=[], channel=None, view=view)


def test_a_choice_in_the_menu_is_read_as_its_answer() -> None:
    press = read_press(choice(f"{INCIDENT_ID}#severity-low"))
    assert press == Press(
        "judge", INCIDENT_ID, user_id="U1", user_name="ana", channel="C1", answer="severity-low", trigger_id="1.2.3"
    )


def test_a_note_is_read_with_the_channel_in_which_its_form_was_opened_and_whether_it_resolves() -> None:
    text = {"type": "plain_text_input", "value": "restarted it"}
    press = read_press(form(text, metadata=f"{INCIDENT_ID}#C7#resolve"))
    assert press == Press(
        "write", INCIDENT_ID, user_id="U1", user_name="ana", channel="C7", answer="restarted it", resolves=True
    )


@pytest.mark.parametrize("value", [None, ""])
def test_a_form_without_text_is_an_empty_note(value: str | None) -> None:
    press = read_press(form({"type": "plain_text_input", "value": value}))
    assert press is not None
    assert press.answer == ""


@pytest.mark.parametrize(
    "body",
    [
        choice(INCIDENT_ID),
        choice(f"{INCIDENT_ID}#severity-"),
        choice(f"{INCIDENT_ID}#severity-catastrophic"),
        choice(f"{INCIDENT_ID}#severity-low#more"),
        choice(f"{INCIDENT_ID}#REAL"),
        choice(f"{INCIDENT_ID}#approve", "approve-everything"),
        choice(""),
        form({"value": "x"}, callback_id="approve"),
        interaction(actions=[{"action_id": "note", "value": ""}]),
        interaction(actions=[{"action_id": "write", "value": INCIDENT_ID}]),
        interaction(actions=[{"action_id": "judge", "value": f"{INCIDENT_ID}"}]),
    ],
    ids=[
        "no answer",
        "an empty severity",
        "an unknown severity",
        "more behind the answer",
        "another spelling",
        "the action of another button",
        "nothing",
        "another form",
        "a note on no incident",
        "a form's button without its form",
        "a menu's button without a choice",
    ],
)
def test_an_answer_that_the_menu_does_not_offer_is_ignored(body: bytes) -> None:
    assert read_press(body) is None


@pytest.mark.parametrize(
    "body",
    [
        interaction(actions=[{"action_id": "judge", "selected_option": "x"}]),
        interaction(type="view_submission", view=[]),
        interaction(type="view_submission", view={"callback_id": "note", "state": {"values": {"note": "x"}}}),
    ],
)
def test_an_answer_of_another_shape_is_refused(body: bytes) -> None:
    with pytest.raises(UnreadablePayload):
        read_press(body)


@pytest.mark.parametrize(
    "body",
    [
        b"ssl_check=1&token=x",
        interaction(type="view_submission", actions=[]),
        interaction(actions=[]),
        interaction(actions=[{"action_id": "delete-everything", "value": INCIDENT_ID}]),
        interaction(actions=[{"action_id": "acknowledge"}]),
    ],
    ids=[
        "the check of the certificate",
        "a form without a view",
        "no button",
        "an unknown button",
        "no incident",
    ],
)
def test_a_press_of_an_unknown_button_is_ignored(body: bytes) -> None:
    assert read_press(body) is None


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"payload=",
        b"payload={",
        b"payload=[]",
        b"payload=" + b"[" * 100_000,
        b"payload=%7B%22type%22%3A%22block_actions%22%7D",
        b"\xff\xfe",
        b"&".join([b"a=1"] * 50),
        b'{"type": "block_actions"}',
    ],
)
def test_a_body_that_is_no_interaction_is_refused(body: bytes) -> None:
    with pytest.raises(UnreadablePayload):
        read_press(body)


@pytest.mark.parametrize("unseen", ["", "\u200b", " \u202e\n"])
def test_a_person_without_a_visible_name_is_called_by_the_slack_id(unseen: str) -> None:
    press = read_press(interaction(user={"id": "U1", "name": unseen, "username": unseen}))
    assert press is not None
    assert press.user_name == "U1"
