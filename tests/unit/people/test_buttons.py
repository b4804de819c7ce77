"""Slack's buttons: only Slack may press them, only approvers may approve, and the message says who did it."""

import hashlib
import hmac
import json
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlencode

import pytest

from firstline.errors import Unauthenticated, UnreadablePayload
from firstline.models import IncidentRecord, RemediationPlan
from firstline.observability import metrics
from firstline.people import links
from firstline.people.approve import LINK_IS_VALID_FOR
from firstline.people.buttons import Press, authenticate, read_press
from firstline.people.links import Link, read
from firstline.people.press_handler import PressHandler
from tests.support.builders import INCIDENT_ID, NOW, a_live, a_plan, a_waiting_record
from tests.support.changes import counts_for, joining
from tests.support.memory import MemoryChannel, MemoryExecutions, MemoryStore, lasting, passing
from tests.unit.people.stage import critical

SECRET = "8f742231b10e8888abcd99yyyzzz85a5"


@pytest.fixture(autouse=True)
def _fresh_metrics() -> Iterator[None]:
    metrics.clear_metrics()
    yield
    metrics.clear_metrics()


# --- is it Slack? ---


def signed(body: bytes, secret: str = SECRET, at: datetime = NOW) -> dict[str, str]:
    timestamp = str(int(at.timestamp()))
    digest = hmac.new(secret.encode(), b"v0:" + timestamp.encode() + b":" + body, hashlib.sha256).hexdigest()
    return {"X-Slack-Request-Timestamp": timestamp, "X-Slack-Signature": f"v0={digest}"}


def test_slacks_own_example_is_accepted() -> None:
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


@pytest.mark.parametrize("minutes", [-5, 0, 5])
def test_either_active_secret_will_do(minutes: int) -> None:
    authenticate(signed(b"x"), b"x", ["new", SECRET], NOW + timedelta(minutes=minutes))


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
def test_anything_else_is_refused(
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


def test_a_press_is_read() -> None:
    press = read_press(interaction())
    assert press == Press("acknowledge", INCIDENT_ID, user_id="U1", user_name="ana", channel="C1")


def test_a_press_under_a_plan_names_the_plan() -> None:
    press = read_press(interaction(actions=[{"action_id": "approve", "value": f"{INCIDENT_ID}#abc"}]))
    assert press is not None
    assert (press.incident_id, press.plan_digest) == (INCIDENT_ID, "abc")
    assert press is not None
    assert press.by == "ana (Slack)"


@pytest.mark.parametrize(
    ("value", "seen"),
    [(f"{INCIDENT_ID}#12", 12), (INCIDENT_ID, None), (f"{INCIDENT_ID}#x", None), (f"{INCIDENT_ID}#²", None)],
)
def test_a_resolve_carries_what_its_person_had_seen(value: str, seen: int | None) -> None:
    press = read_press(interaction(actions=[{"action_id": "resolve", "value": value}]))
    assert press is not None
    assert (press.incident_id, press.seen, press.plan_digest) == (INCIDENT_ID, seen, "")


def test_a_note_that_resolves_carries_what_its_person_had_seen() -> None:
    asked = read_press(interaction(actions=[{"action_id": "note", "value": f"{INCIDENT_ID}#resolve#3"}]))
    written = read_press(form({"value": "restarted it"}, metadata=f"{INCIDENT_ID}#C7#resolve#3"))
    for press in (asked, written):
        assert press is not None
        assert (press.resolves, press.seen) == (True, 3)


def test_a_hostile_name_is_tamed() -> None:
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


def test_a_choice_is_read() -> None:
    press = read_press(choice(f"{INCIDENT_ID}#severity-low"))
    assert press == Press(
        "judge", INCIDENT_ID, user_id="U1", user_name="ana", channel="C1", answer="severity-low", trigger_id="1.2.3"
    )


def test_a_form_is_read_and_answers_where_it_was_asked_for() -> None:
    press = read_press(form({"type": "plain_text_input", "value": "restarted it"}))
    assert press == Press(
        "write", INCIDENT_ID, user_id="U1", user_name="ana", channel="C7", answer="restarted it", resolves=True
    )


@pytest.mark.parametrize("value", [None, ""])
def test_a_form_without_words_has_none(value: str | None) -> None:
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
def test_a_malformed_answer_is_refused(body: bytes) -> None:
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


# --- do it ---


KEY = "k" * 32


def address(link: Link) -> str:
    return links.address(link, "https://api.example", (KEY,))


def address_of_a_closed_page(link: Link) -> str:
    return links.address(link, "https://api.example", ())


class Pressed:
    """An incident under whose message people press buttons."""

    def __init__(self, awaiting: Any = "acknowledgement", *, plan: RemediationPlan | None = None, **changes: Any):
        self.store = MemoryStore(a_waiting_record(plan, awaiting=awaiting, paged_at=NOW, **changes))
        self.executions = MemoryExecutions()
        self.slack = MemoryChannel()
        self.pagerduty = MemoryChannel(wakes="once")
        self.whispers: list[tuple[str, str, str]] = []
        self.links: list[str | None] = []
        self.presses = 0

    @property
    def now(self) -> IncidentRecord:
        """The record as it stands."""
        return self.store.only

    @property
    def signals(self) -> list[tuple[str, str]]:
        return self.executions.told

    def press(
        self,
        button: Any,
        approvers: tuple[str, ...] = (),
        *,
        user: str = "U1",
        digest: str | None = None,
        seen: int | None = None,
        address: Callable[[Link], str] = address,
    ) -> None:
        plan_digest = (self.now.plan_digest or "") if digest is None else digest
        self.presses += 1
        PressHandler(
            incidents=self.store.incidents,
            executions=self.executions,
            trail=self.store.trail,
            channels={"slack": self.slack, "pagerduty": self.pagerduty},
            approvers=approvers,
            address=address,
            whisper=self._whisper,
            open_form=None,
        ).handle(
            Press(button, INCIDENT_ID, user, {"U1": "ana"}.get(user, user), "C1", plan_digest, seen=seen),
            NOW + timedelta(seconds=30 * self.presses),
        )

    def _whisper(self, channel: str, user: str, text: str, link: str | None = None) -> None:
        self.whispers.append((channel, user, text))
        self.links.append(link)


def test_acknowledging_stops_the_pager_everywhere() -> None:
    incident = Pressed()

    incident.press("acknowledge")

    assert incident.signals == [("acknowledged", "ana (Slack)")]
    for channel in (incident.slack, incident.pagerduty):
        assert [told.kind for told in channel.told] == ["acknowledged"]
    assert incident.slack.told[0].record.acknowledged_by == "ana (Slack)"
    assert metrics.metric_set["TimeToAcknowledge"] == {
        "Unit": "Seconds",
        "StorageResolution": 60,
        "Value": [30.0],
    }


@pytest.mark.parametrize(
    ("button", "awaiting", "signal", "kind", "said"),
    [
        ("resolve", "resolution", "resolved", "closed", "pressed Resolve."),
        ("approve", "acknowledgement", "approved", "remediating", "approved."),
        ("refuse", "acknowledgement", "refused", "paged", "refused."),
    ],
)
def test_the_message_says_who_did_it(button: str, awaiting: str, signal: str, kind: str, said: str) -> None:
    incident = Pressed(awaiting)

    incident.press(button, approvers=("U1",))

    assert incident.signals == [(signal, "ana (Slack)")]
    told = incident.slack.told[0]
    assert (told.kind, told.reason) == (kind, f"ana (Slack) {said}")


@pytest.mark.parametrize(("button", "kinds"), [("approve", ["acknowledged"]), ("refuse", []), ("resolve", [])])
def test_pagerduty_stops_paging_for_what_somebody_approved(button: str, kinds: list[str]) -> None:
    incident = Pressed()
    incident.press(button, approvers=("U1",))
    assert [told.kind for told in incident.pagerduty.told] == kinds


@pytest.mark.parametrize(("button", "what"), [("acknowledge", "acknowledged"), ("resolve", "resolved")])
def test_a_press_is_on_the_trail(button: str, what: str) -> None:
    incident = Pressed()
    incident.press(button)
    assert [(entry.what, entry.who) for entry in incident.store.trail.entries(INCIDENT_ID)] == [(what, "ana (Slack)")]


def test_the_message_after_an_acknowledgement_is_marked_as_shown() -> None:
    incident = Pressed()
    incident.press("acknowledge")
    live = incident.now.live
    assert live is not None
    assert live.shown == live.version


def test_resolving_is_measured_as_an_answer() -> None:
    incident = Pressed("acknowledgement")
    incident.press("resolve")
    assert incident.now.resolved_by == "ana (Slack)"
    assert incident.signals == [("resolved", "ana (Slack)")]
    assert "TimeToAcknowledge" in metrics.metric_set


def test_a_resolve_under_an_old_message_is_refused_and_what_joined_is_told() -> None:
    shown: dict[str, Any] = {"slack_channel": "alerts:C1", "slack_ts": "1.2"}
    incident = Pressed(live=a_live(own=counts_for(3), awaiting="acknowledgement", task_token="t"), **shown)
    live = incident.now.live
    assert live is not None
    incident.store.groups.apply(joining(live, critical(), now=NOW + timedelta(seconds=20)))

    incident.press("resolve", seen=1)

    assert (incident.now.resolved_by, incident.signals) == (None, [])
    [(_, _, text)] = incident.whispers
    assert text.startswith("Not resolved: 1 more alert joined since this message was written")
    assert "critical DbDown on db-1" in text
    (message,) = incident.slack.told
    assert (message.kind, len(message.record.members)) == ("changed", 1)

    incident.press("resolve", seen=2)

    assert incident.now.resolved_by == "ana (Slack)"


def test_resolving_what_somebody_has_acknowledged_measures_nothing_twice() -> None:
    incident = Pressed("resolution", acknowledged_at=NOW, acknowledged_by="bo")
    incident.press("resolve")
    assert incident.now.acknowledged_by == "bo"
    assert "TimeToAcknowledge" not in metrics.metric_set


@pytest.mark.parametrize(
    ("approvers", "words"), [((), "Nobody may approve yet"), (("U2", "U3"), "U1 is not among the stack's Approvers")]
)
def test_only_approvers_approve(approvers: tuple[str, ...], words: str) -> None:
    incident = Pressed()

    incident.press("approve", approvers)

    assert incident.now.decision is None
    assert incident.signals == []
    assert incident.slack.attempts == 0
    [(channel, user, text)] = incident.whispers
    assert (channel, user) == ("C1", "U1")
    assert words in text


def test_everybody_may_refuse() -> None:
    incident = Pressed()
    incident.press("refuse", approvers=())
    assert incident.now.decision == "refused"


@pytest.mark.parametrize("button", ["acknowledge", "resolve", "approve", "refuse"])
def test_pressing_twice_does_it_once(button: str) -> None:
    incident = Pressed()
    incident.press(button, approvers=("U1",))
    told, signals = len(incident.slack.told), list(incident.signals)

    incident.press(button, approvers=("U1",))

    assert (len(incident.slack.told), incident.signals) == (told, signals)
    assert len(incident.whispers) == 1


def test_a_slack_that_fails_undoes_nothing_and_is_not_waited_for() -> None:
    incident = Pressed()
    incident.slack.failures = [passing(), passing()]
    incident.press("acknowledge")
    assert incident.now.acknowledged_by == "ana (Slack)"
    assert incident.slack.attempts == 1
    assert len(incident.pagerduty.told) == 1


def test_an_execution_that_cannot_be_told_yet_loses_no_press() -> None:
    incident = Pressed()
    incident.executions.down = True
    incident.press("acknowledge")
    assert incident.now.acknowledged_by == "ana (Slack)"
    assert "Noted" in incident.whispers[0][2]


@pytest.mark.parametrize("whisper", [None, "fails"])
def test_an_answer_that_cannot_be_given_is_no_error(whisper: str | None) -> None:
    def failing(channel: str, user: str, text: str, link: str | None = None) -> None:
        raise lasting()

    incident = Pressed()
    PressHandler(
        incidents=incident.store.incidents,
        executions=incident.executions,
        trail=incident.store.trail,
        channels={},
        approvers=(),
        address=address,
        whisper=failing if whisper else None,
        open_form=None,
    ).handle(Press("approve", INCIDENT_ID, user_id="U1", user_name="ana", channel="C1"), NOW)
    assert incident.now.decision is None


# --- plans ---


def test_an_approver_gets_a_link_of_their_own() -> None:
    incident = Pressed()

    incident.press("review", approvers=("U1",))

    [(channel, user, text)] = incident.whispers
    assert (channel, user) == ("C1", "U1")
    deadline = NOW + timedelta(seconds=30) + LINK_IS_VALID_FOR
    assert f"until {deadline:%H:%M} UTC" in text
    [address] = incident.links
    assert address is not None
    page, token = address.split("?token=")
    assert page == f"https://api.example/approvals/{INCIDENT_ID}"
    link = read(token, [KEY], incident_id=INCIDENT_ID, now=NOW)
    assert (link.approver, link.name, link.plan_digest) == ("U1", "ana", incident.now.plan_digest)
    assert link.expires_at == deadline
    assert (incident.store.calls, incident.slack.attempts) == (["record"], 0)


@pytest.mark.parametrize(
    ("case", "approvers", "page", "changes", "words"),
    [
        ("not an approver", ("U2",), address, {}, "not among the stack's Approvers"),
        ("the page is closed", ("U1",), address_of_a_closed_page, {}, "no secret approvals/signing-key"),
        ("it is over", ("U1",), address, {"resolved_at": NOW, "resolved_by": "bo"}, "over at"),
        ("it is decided", ("U1",), address, {"decision": "refused", "decided_by": "bo"}, "refused by bo"),
    ],
)
def test_no_link_without_the_right_or_an_open_question(
    case: str, approvers: Any, page: Callable[[Link], str], changes: Any, words: str
) -> None:
    incident = Pressed(**changes)
    incident.press("review", approvers, address=page)
    [(_, _, text)] = incident.whispers
    assert words in text
    assert incident.links == [None]


@pytest.mark.parametrize("button", ["approve", "refuse"])
@pytest.mark.parametrize("digest", ["", "0" * 64])
def test_a_button_under_another_plan_decides_nothing(button: str, digest: str) -> None:
    incident = Pressed()
    incident.press(button, approvers=("U1",), digest=digest)
    assert incident.now.decision is None
    assert "The plan has changed" in incident.whispers[0][2]


def test_a_destructive_plan_asks_on_after_the_first_yes() -> None:
    incident = Pressed(plan=a_plan(risk="destructive", decision="approve"))

    incident.press("approve", approvers=("U1", "U2"))
    incident.press("approve", approvers=("U1", "U2"))

    assert incident.signals == [("acknowledged", "ana (Slack)")]
    assert [(told.kind, told.reason) for told in incident.slack.told] == [
        ("approval", "ana (Slack) approved. It is destructive, so somebody else must agree.")
    ]
    assert "must be somebody else" in incident.whispers[0][2]

    incident.press("approve", approvers=("U1", "U2"), user="U2")

    assert incident.signals[1:] == [("approved", "ana (Slack) and U2 (Slack)")]
    assert incident.slack.told[-1].kind == "remediating"
