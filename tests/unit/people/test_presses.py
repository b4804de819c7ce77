"""Presses of Slack's buttons: only approvers may approve, the message names the person, a second press does no harm."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from firstline.models import IncidentRecord, RemediationPlan
from firstline.observability import metrics
from firstline.people import links
from firstline.people.approve import LINK_IS_VALID_FOR
from firstline.people.buttons import Press
from firstline.people.links import Link, read
from tests.support.builders import INCIDENT_ID, NOW, a_live, a_plan, a_waiting_record
from tests.support.changes import counts_for, joining
from tests.support.memory import MemoryChannel, MemoryExecutions, MemoryStore, lasting, passing
from tests.support.operating import press_handler
from tests.unit.people.stage import critical

KEY = "k" * 32


def address(link: Link) -> str:
    return links.address(link, "https://api.example", (KEY,))


def address_of_a_closed_page(link: Link) -> str:
    return links.address(link, "https://api.example", ())


def address_with_a_short_key(link: Link) -> str:
    return links.address(link, "https://api.example", ("short",))


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
        channels = {"slack": self.slack, "pagerduty": self.pagerduty}
        press_handler(self.store, self.executions, channels, *approvers, address=address, whisper=self._whisper).handle(
            Press(button, INCIDENT_ID, user, {"U1": "ana"}.get(user, user), "C1", plan_digest, seen=seen),
            NOW + timedelta(seconds=30 * self.presses),
        )

    def _whisper(self, channel: str, user: str, text: str, link: str | None = None) -> None:
        self.whispers.append((channel, user, text))
        self.links.append(link)


def test_an_acknowledgement_is_told_in_slack_and_pagerduty_and_measured() -> None:
    incident = Pressed()

    incident.press("acknowledge")

    assert incident.signals == [("answered", "ana (Slack)")]
    for channel in (incident.slack, incident.pagerduty):
        assert [told.kind for told in channel.told] == ["acknowledged"]
    assert incident.slack.told[0].record.acknowledged_by == "ana (Slack)"
    assert metrics.metric_set["TimeToAcknowledge"] == {
        "Unit": "Seconds",
        "StorageResolution": 60,
        "Value": [30.0],  # the first press comes half a minute after the page
    }


@pytest.mark.parametrize(
    ("button", "awaiting", "signal", "kind", "said"),
    [
        ("resolve", "resolution", "resolved", "closed", "Resolved by ana (Slack)."),
        ("approve", "acknowledgement", "approved", "remediating", "Plan approved by ana (Slack)."),
        ("refuse", "acknowledgement", "refused", "paged", "Plan refused by ana (Slack)."),
    ],
)
def test_the_message_names_the_person_who_pressed(
    button: str, awaiting: str, signal: str, kind: str, said: str
) -> None:
    incident = Pressed(awaiting)

    incident.press(button, approvers=("U1",))

    assert incident.signals == [(signal, "ana (Slack)")]
    told = incident.slack.told[0]
    assert (told.kind, told.reason) == (kind, said)


@pytest.mark.parametrize(("button", "kinds"), [("approve", ["acknowledged"]), ("refuse", []), ("resolve", [])])
def test_of_approve_refuse_and_resolve_only_approve_acknowledges_in_pagerduty(button: str, kinds: list[str]) -> None:
    incident = Pressed()
    incident.press(button, approvers=("U1",))
    assert [told.kind for told in incident.pagerduty.told] == kinds


@pytest.mark.parametrize(("button", "what"), [("acknowledge", "acknowledged"), ("resolve", "resolved")])
def test_a_press_is_on_the_trail(button: str, what: str) -> None:
    incident = Pressed()
    incident.press(button)
    assert [(entry.what, entry.who) for entry in incident.store.trail.entries(INCIDENT_ID)] == [
        ("acted", "ana (Slack)"),
        (what, "ana (Slack)"),
    ]


def test_the_message_after_an_acknowledgement_is_marked_as_shown() -> None:
    incident = Pressed()
    incident.press("acknowledge")
    live = incident.now.live
    assert live is not None
    assert live.shown == live.version


def test_a_resolve_without_an_acknowledgement_measures_the_time_to_acknowledge() -> None:
    incident = Pressed("acknowledgement")
    incident.press("resolve")
    assert incident.now.resolved_by == "ana (Slack)"
    assert incident.signals == [("resolved", "ana (Slack)")]
    assert "TimeToAcknowledge" in metrics.metric_set


def test_a_resolve_under_an_old_message_is_refused_and_the_alerts_that_joined_are_shown() -> None:
    shown: dict[str, Any] = {"slack_channel": "alerts:C1", "slack_ts": "1.2"}
    incident = Pressed(live=a_live(own=counts_for(3), awaiting="acknowledgement", task_token="t"), **shown)
    live = incident.now.live
    assert live is not None
    incident.store.groups.apply(joining(live, critical(), now=NOW + timedelta(seconds=20)))

    incident.press("resolve", seen=1)

    assert (incident.now.resolved_by, incident.signals) == (None, [])
    [(_, _, text)] = incident.whispers
    assert text.startswith("Not resolved: 1 more alert joined or got worse since you looked")
    assert "critical DbDown on db-1" in text
    (message,) = incident.slack.told
    assert (message.kind, len(message.record.members)) == ("changed", 1)

    incident.press("resolve", seen=2)

    assert incident.now.resolved_by == "ana (Slack)"


def test_a_resolve_after_an_acknowledgement_measures_no_second_time_to_acknowledge() -> None:
    incident = Pressed("resolution", acknowledged_at=NOW, acknowledged_by="bo")
    incident.press("resolve")
    assert incident.now.acknowledged_by == "bo"
    assert "TimeToAcknowledge" not in metrics.metric_set


@pytest.mark.parametrize(
    ("approvers", "words"),
    [((), "Nobody may approve yet"), (("U2", "U3"), "ana (Slack) is no approver in runbooks/policy/people.yaml")],
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


def test_a_press_takes_effect_although_slack_fails_and_slack_is_tried_once() -> None:
    incident = Pressed()
    incident.slack.failures = [passing(), passing()]
    incident.press("acknowledge")
    assert incident.now.acknowledged_by == "ana (Slack)"
    assert incident.slack.attempts == 1
    assert len(incident.pagerduty.told) == 1


def test_a_press_is_stored_even_if_the_execution_cannot_be_told() -> None:
    incident = Pressed()
    incident.executions.down = True
    incident.press("acknowledge")
    assert incident.now.acknowledged_by == "ana (Slack)"
    assert "Noted" in incident.whispers[0][2]


@pytest.mark.parametrize("whisper", [None, "fails"], ids=["there is no Slack bot", "Slack fails"])
def test_a_press_whose_person_cannot_be_answered_raises_nothing(whisper: str | None) -> None:
    def failing(channel: str, user: str, text: str, link: str | None = None) -> None:
        raise lasting()

    incident = Pressed()
    press_handler(incident.store, incident.executions, {}, whisper=failing if whisper else None).handle(
        Press("approve", INCIDENT_ID, user_id="U1", user_name="ana", channel="C1"), NOW
    )
    assert incident.now.decision is None


# --- plans ---


def test_an_approver_gets_a_link_of_their_own() -> None:
    incident = Pressed()

    incident.press("review", approvers=("U1",))

    [(channel, user, text)] = incident.whispers
    assert (channel, user) == ("C1", "U1")
    deadline = NOW + timedelta(seconds=30) + LINK_IS_VALID_FOR
    assert "for 1 h, this link decides in your name" in text
    [address] = incident.links
    assert address is not None
    page, token = address.split("?token=")
    assert page == f"https://api.example/approvals/{INCIDENT_ID}"
    link = read(token, [KEY], incident_id=INCIDENT_ID, now=NOW)
    assert (link.approver, link.name, link.plan_digest) == ("ana", "ana", incident.now.plan_digest)
    assert link.expires_at == deadline
    assert (incident.store.calls, incident.slack.attempts) == (["record"], 0)


@pytest.mark.parametrize(
    ("case", "approvers", "page", "changes", "words"),
    [
        ("not an approver", ("U2",), address, {}, "is no approver"),
        ("the page is closed", ("U1",), address_of_a_closed_page, {}, "no secret approvals/signing-key"),
        ("a key can be guessed", ("U1",), address_with_a_short_key, {}, "until the stack's owner mends a key"),
        ("it is over", ("U1",), address, {"resolved_at": NOW, "resolved_by": "bo"}, "The incident ended"),
        ("it is decided", ("U1",), address, {"decision": "refused", "decided_by": "bo"}, "refused by bo"),
    ],
)
def test_no_link_to_the_plan_without_the_role_a_good_key_or_an_open_plan(
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


def test_a_destructive_plan_runs_only_after_a_second_person_approves() -> None:
    incident = Pressed(plan=a_plan(risk="destructive", decision="approve"))

    incident.press("approve", approvers=("U1", "U2"))
    incident.press("approve", approvers=("U1", "U2"))

    assert incident.signals == [("acknowledged", "ana (Slack)")]
    assert [(told.kind, told.reason) for told in incident.slack.told] == [
        ("approval", "1 of 2: ana (Slack) said yes. Somebody else must agree.")
    ]
    assert "must be somebody else's" in incident.whispers[0][2]

    incident.press("approve", approvers=("U1", "U2"), user="U2")

    assert incident.signals[1:] == [("approved", "ana (Slack) and u2 (Slack)")]
    assert incident.slack.told[-1].kind == "remediating"
