"""Slack's messages: what they say at each moment, which buttons they carry, and that no alert can write markup."""

import json
import re
from collections.abc import Iterator
from datetime import timedelta
from typing import Any, get_args

import pytest

from firstline.channels import slack
from firstline.channels.slack import feed, render, render_details, render_pointer, render_whisper
from firstline.channels.slack_feedback import note_form
from firstline.channels.slack_objects import escape, escape_markup
from firstline.channels.summary import StackInfo
from firstline.models import AlertKind, Approval, Feedback, Member, Note, NotificationKind, RemediationPlan
from tests.support.builders import (
    CONSOLE,
    INCIDENT_ID,
    NOW,
    a_classification,
    a_notification,
    a_plan,
    a_record,
    a_release,
    a_release_plan,
    a_result,
    a_waiting_record,
    a_whole_plan,
    an_incident,
    hostile_notification,
)
from tests.support.slack_reading import elements, read_aloud

KINDS: tuple[NotificationKind, ...] = get_args(NotificationKind.__value__)


def texts(blocks: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """Every text object in the blocks, with its largest permitted length."""
    for block in blocks:
        limit = {"header": 150, "section": 3_000, "context": 2_000}.get(block["type"], 75)
        for element in elements(block):
            if element["type"] in ("plain_text", "mrkdwn"):
                yield element | {"limit": limit}
            elif element["type"] in ("text", "link"):
                yield element | {"limit": 500}


def said(blocks: list[dict[str, Any]]) -> str:
    return read_aloud({"blocks": blocks})


def buttons(blocks: list[dict[str, Any]]) -> list[str]:
    return [element["action_id"] for block in blocks if block["type"] == "actions" for element in block["elements"]]


def test_the_footer_names_the_incident_and_its_execution() -> None:
    footer = render(a_notification("paged"), StackInfo(execution_url=CONSOLE))["blocks"][-1]["elements"]

    assert footer[0]["text"] == INCIDENT_ID
    link = f"<{CONSOLE}:{INCIDENT_ID}|Watch the execution>"
    assert footer[1] == {"type": "mrkdwn", "text": link, "verbatim": True}


def test_a_message_that_asks_for_an_approval_shows_all_that_may_run() -> None:
    plan = a_whole_plan(decision="approve", risk="read_only")
    words = said(render(a_notification("approval", a_waiting_record(plan)))["blocks"])
    assert "*Proposed: Free disk space, on web-1, web-2 (read only)*" in words
    for part in plan.parts:
        assert f"• {part}" in words


def with_value(value: str, where: str = "steps") -> RemediationPlan:
    """Return a plan that asks, in which the step, the verification or the rollback has this value of a parameter."""
    (step,) = a_plan().commands
    step = step.model_copy(update={"parameters": {"mountpoint": [value]}})
    return a_plan(decision="approve", **{where: step if where == "verify" else [step]})


def test_an_approver_reads_the_values_and_the_version_of_each_step() -> None:
    words = said(render(a_notification("approval", a_waiting_record(with_value("/data/shop"))))["blocks"])

    assert "firstline-low-disk-rotate-logs:1, with mountpoint = /data/shop" in words


@pytest.mark.parametrize("where", ["steps", "verify", "rollback"])
@pytest.mark.parametrize("value", ["/data/" + "x" * 400, "/data/\u202eshop"])
def test_a_plan_that_a_message_cannot_show_whole_has_no_approve_button_there(value: str, where: str) -> None:
    blocks = render(a_notification("approval", a_waiting_record(with_value(value, where))))["blocks"]

    assert buttons(blocks)[:2] == ["review", "refuse"]
    assert "cannot show the whole plan: read it, and approve there" in said(blocks)
    shown = render(a_notification("approval", a_waiting_record(with_value("/d", where))))["blocks"]
    assert buttons(shown)[1] == "approve"


def test_a_release_whose_request_a_message_cannot_show_is_not_approved_there() -> None:
    plan = a_release_plan(decision="approve", steps=[a_release(request={"Revision": {"Key": "x" * 400}})])

    assert "approve" not in buttons(render(a_notification("approval", a_waiting_record(plan)))["blocks"])


def test_a_message_that_is_sent_again_without_its_plan_has_no_button_that_approves_it() -> None:
    message = render(a_notification("approval", a_waiting_record(with_value("/d"))))

    for again in slack.shorter(message):
        assert "rotate-logs" not in said(again["blocks"])
        assert "approve" not in buttons(again["blocks"])
    assert buttons(slack.shorter(message)[0]["blocks"])[:2] == ["review", "refuse"]


def test_the_plan_for_a_release_shows_the_present_and_the_earlier_revision() -> None:
    words = said(render(a_notification("approval", a_waiting_record(a_release_plan(decision="approve"))))["blocks"])

    assert "*Proposed: Put the last good release back, on shop/live (disruptive)*" in words
    assert "• roll-back (act): from s3://releases/shop.zip (42) back to s3://releases/shop.zip (41)" in words


def test_a_plan_that_needs_two_people_shows_who_has_approved() -> None:
    plan = a_plan(decision="approve", risk="destructive", decision_reason="it deletes data")
    given = [Approval(approver="ada", by="ada (Slack)", at=NOW)]
    words = said(render(a_notification("approval", a_waiting_record(plan, approvals=given)))["blocks"])
    assert "Why it asks: it deletes data. It takes 2 people. Approved so far by ada (Slack)." in words


PLAN = a_plan(decision="approve")
TAKEN: dict[str, Any] = {"acknowledged_at": NOW}
ASKED: dict[str, Any] = {"plan": PLAN, "plan_digest": PLAN.digest()}


@pytest.mark.parametrize(
    ("kind", "changes", "expected"),
    [
        ("paged", {}, ["acknowledge", "resolve", "open", "note"]),
        ("needs_human", {}, ["acknowledge", "resolve", "open", "note"]),
        ("paged", {"acknowledged_at": NOW}, ["resolve", "open", "note"]),
        ("acknowledged", {"acknowledged_at": NOW}, ["resolve", "open", "note"]),
        ("approval", ASKED, ["review", "approve", "refuse", "acknowledge", "resolve", "open", "note"]),
        ("paged", ASKED, ["review", "approve", "refuse", "acknowledge", "resolve", "open", "note"]),
        (
            "acknowledged",
            ASKED | TAKEN,
            ["review", "approve", "refuse", "resolve", "open", "note"],
        ),
        ("paged", ASKED | {"decision": "refused"}, ["acknowledge", "resolve", "open", "note"]),
        ("remediating", {}, []),
        ("quiet", {}, ["resolve", "open", "note", "judge"]),
        ("closed", {}, ["note", "judge"]),
        ("changed", {"paged_at": NOW}, ["acknowledge", "resolve", "open", "note"]),
        ("changed", {"acknowledged_at": NOW}, ["resolve", "open", "note"]),
        ("changed", {"slack_channel": "automated:C1"}, []),
    ],
)
def test_each_message_has_the_buttons_that_still_help(kind: str, changes: dict[str, Any], expected: list[str]) -> None:
    blocks = render(a_notification(kind, a_record(**changes)))["blocks"]
    assert buttons(blocks) == expected
    values = {carried.partition("#")[0] for carried in carries(blocks)}
    assert values == ({INCIDENT_ID} if expected else set())


def carries(blocks: list[dict[str, Any]]) -> Iterator[str]:
    """Yield the value that every button and every choice hands back when it is pressed."""
    for block in blocks:
        for element in block["elements"] if block["type"] == "actions" else ():
            yield from [element["value"]] if "value" in element else [option["value"] for option in element["options"]]


@pytest.mark.parametrize("kind", ["quiet", "closed"])
def test_the_menu_on_the_verdict_offers_every_answer_within_slacks_limit(kind: str) -> None:
    longest = an_incident(incident_id="x" * 80)
    blocks = render(a_notification(kind, a_record(longest)))["blocks"]
    answers = [carried.partition("#")[2] for carried in carries(blocks) if "#" in carried]
    # The buttons for Resolve and for a note carry the number of alerts instead of an answer.
    assert [answer for answer in answers if answer not in ("1", "resolve#1")] == [
        *("real", "noise"),
        *(f"severity-{severity}" for severity in ("critical", "high", "medium", "low", "noise")),
        "wrong_cause",
    ]
    assert max(map(len, carries(blocks))) <= 150, "Slack takes no longer option"


@pytest.mark.parametrize("kind", ["quiet", "closed"])
def test_a_message_through_a_webhook_has_no_menu_on_the_verdict(kind: str) -> None:
    assert "judge" not in buttons(render(a_notification(kind), interactive=False)["blocks"])


@pytest.mark.parametrize(("before", "words"), [(0, ""), (1, "It has come once before."), (4, "It has come 4 times")])
def test_an_alert_without_a_severity_is_asked_about_with_how_often_it_came(before: int, words: str) -> None:
    subject = AlertKind(source="cloudwatch", alert_name="orders-5xx", environment="prod")
    verdict = a_classification(subject=subject, came_before=before)
    shown = said(render(a_notification("needs_human", a_record(classification=verdict)))["blocks"])

    assert "nobody said yet how bad this alert is" in shown
    assert words in shown
    assert ("before." in shown) == (before > 0)


def test_the_last_message_has_peoples_latest_feedback_and_the_note() -> None:
    first, second, third = (NOW + timedelta(minutes=minutes) for minutes in range(3))
    feedback = [
        Feedback(person="slack:U1", by="ana (Slack)", said="noise", at=first),
        Feedback(
            person="slack:U2",
            by="<!channel> *bo*",
            said="wrong_severity",
            severity="low",
            at=second,
        ),
        Feedback(person="slack:U1", by="ana (Slack)", said="real", at=third),
    ]
    record = a_record(feedback=feedback, notes=[Note(by="ana", text="Restarted it.\n$ systemctl restart x", at=NOW)])
    words = said(render(a_notification("closed", record))["blocks"])
    assert "people say: <!channel> *bo*: wrong severity, low would be right; ana (Slack): it was real" in words
    assert "*What fixed it*\n• Restarted it. $ systemctl restart x" in words


def test_the_form_for_a_note_carries_the_incident_and_keeps_slacks_limits() -> None:
    form = note_form("x" * 80, "C1", resolves=True)
    assert form["private_metadata"] == f"{'x' * 80}#C1#resolve#"
    assert form["submit"]["text"] == "Resolve"
    assert note_form("i", "C1", resolves=False)["submit"]["text"] == "Save"
    for name in ("title", "submit", "close"):
        assert len(form[name]["text"]) <= 24, "Slack's limit for a form's own words"
    (block,) = form["blocks"]
    assert block["element"]["max_length"] <= 3_000


def test_buttons_that_decide_carry_the_plans_digest_and_resolve_the_number_of_alerts() -> None:
    blocks = render(a_notification("approval", a_record(**ASKED, alert_count=12)))["blocks"]
    values = {
        button["action_id"]: button["value"]
        for block in blocks
        for button in block.get("elements", [])[:4]
        if "value" in button
    }
    assert values == {
        "review": INCIDENT_ID,
        "approve": f"{INCIDENT_ID}#{PLAN.digest()}",
        "refuse": f"{INCIDENT_ID}#{PLAN.digest()}",
        "acknowledge": INCIDENT_ID,
        "resolve": f"{INCIDENT_ID}#12",
        "open": INCIDENT_ID,
        "note": f"{INCIDENT_ID}#resolve#12",
    }


def test_a_message_names_the_alerts_worst_first() -> None:
    # A record has its alerts worst first, and not all of very many; ten of them are shown.
    members = [Member(alert_name="DbDown", severity="critical", host="db-1")]
    members += [Member(alert_name=f"Alert{number}", severity="high", host=f"web-{number}") for number in range(20)]
    words = said(render(a_notification("paged", a_record(members=members, alert_count=23)))["blocks"])
    assert "*Alerts, worst first*\n• critical DbDown on db-1\n• high Alert0 on web-0\n" in words
    assert "• and 13 more alerts" in words


def test_a_change_is_told_in_the_thread_only_if_it_has_a_reason() -> None:
    record = a_record(paged_at=NOW)
    news = render_details(a_notification("changed", record, reason="Joined: critical DbDown on db-1."))
    assert news is not None
    assert "Joined: critical DbDown on db-1." in said(news["blocks"])
    assert render_details(a_notification("changed", record, reason="")) is None
    assert render_details(a_notification("quiet", record)) is None


def test_a_whisper_escapes_its_text_and_hides_its_link_behind_a_button() -> None:
    message = render_whisper("The plan, <you>.", "https://api.example/approvals/x?token=t")
    section, actions = message["blocks"]
    assert section["text"]["text"] == "The plan, &lt;you&gt;."
    assert [button["url"] for button in actions["elements"]] == ["https://api.example/approvals/x?token=t"]
    assert "https" not in message["text"]


def test_a_whisper_without_a_link_is_a_plain_text() -> None:
    assert "blocks" not in render_whisper("No.", None)


def test_a_message_through_a_webhook_has_no_buttons_and_says_what_they_need() -> None:
    blocks = render(a_notification("approval", a_record(**ASKED)), interactive=False)["blocks"]
    assert buttons(blocks) == []
    assert "bot token" in said(blocks)


@pytest.mark.parametrize(
    ("kind", "outcome", "expected"),
    [
        ("remediating", None, "automated"),
        ("closed", "auto_resolved", "automated"),
        ("closed", "self_cleared", "automated"),
        ("closed", "resolved", "alerts"),
        ("closed", "expired", "alerts"),
        ("approval", None, "alerts"),
        ("needs_human", None, "alerts"),
        ("paged", None, "alerts"),
        ("acknowledged", None, "alerts"),
    ],
)
def test_only_a_remediation_and_an_end_without_people_go_to_the_automated_channel(
    kind: str, outcome: str | None, expected: str
) -> None:
    assert feed(a_notification(kind, a_record(outcome=outcome))) == expected


@pytest.mark.parametrize(
    ("kind", "where", "changes", "expected"),
    [
        ("quiet", "automated:C1", {}, "automated"),
        ("quiet", "alerts:C2", {}, "alerts"),
        ("changed", "automated:C1", {}, "automated"),
        ("changed", "alerts:C2", {}, "alerts"),
        ("changed", "automated:C1", {"paged_at": NOW}, "alerts"),
    ],
)
def test_an_update_stays_in_its_channel_unless_somebody_was_paged(
    kind: str, where: str, changes: dict[str, Any], expected: str
) -> None:
    assert feed(a_notification(kind, a_record(slack_channel=where, slack_ts="1.2", **changes))) == expected


def test_the_thread_has_the_alerts_text_its_labels_and_the_output_of_commands() -> None:
    verdict = a_classification(summary="Orders fail.", prompt_version="p1")
    record = a_record(classification=verdict, plan=a_plan(), results=[a_result()])
    details = render_details(a_notification("needs_human", record))
    assert details is not None
    words = said(details["blocks"])
    assert "What the alert says\n/var is 97% full" in words
    assert "*Labels, from prometheus*\n• mountpoint = /var" in words
    assert "rotate-logs (act) on web-1\nrotated 3 files" in words


def test_an_acknowledgement_and_a_suppression_get_no_reply_in_the_thread() -> None:
    assert render_details(a_notification("acknowledged")) is None
    assert render_details(a_notification("suppressed")) is None


FILLERS = {
    "hostile": None,
    "escapes": "&<>",
    "markup": "*_~`@:",
    "astral": "😀",
    "nulls": "\x00",
    "spaces": " \n",
    "letters": "x",
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("filler", FILLERS)
def test_hostile_text_keeps_slacks_limits_and_writes_no_markup(kind: NotificationKind, filler: str) -> None:
    text = FILLERS[filler]
    notification = hostile_notification(kind, text) if text else hostile_notification(kind)

    messages = [
        render(notification, StackInfo(execution_url=CONSOLE)),
        render_details(notification),
        render_pointer(notification),
    ]

    for message in filter(None, messages):
        assert 1 <= len(message["blocks"]) <= 50
        assert len(json.dumps(message, ensure_ascii=False).encode()) < 200_000
        for shown in texts(message["blocks"]):
            assert 1 <= len(shown["text"].encode("utf-16-le")) // 2 <= shown["limit"]
            assert not re.search("[\x00-\x08\x0b-\x1f\u200b\u202a-\u202e\u2066-\u2069]", shown["text"])
            if shown["type"] == "plain_text":
                assert shown["emoji"] is False
                assert not re.search(r"[<>]|&(?!amp;|lt;|gt;)", shown["text"])
            if shown["type"] == "mrkdwn":
                assert shown["text"] == f"<{CONSOLE}:{INCIDENT_ID}|Watch the execution>"
        assert not re.search(r"[<>]|&(?!amp;|lt;|gt;)|[*_~`@:](?!\u2060)", message["text"])
        assert 1 <= len(message["text"]) <= 300


@pytest.mark.parametrize(
    ("given", "limit", "shown"),
    [
        ("<!channel> & co", 100, "&lt;!channel&gt; &amp; co"),
        ("&&&", 15, "&amp;&amp;&amp;"),
        ("&&&", 14, "&amp;&amp;…"),
        ("abcdef", 4, "abc…"),
        ("😀😀😀", 6, "😀😀😀"),
        ("😀😀😀", 5, "😀😀…"),
        ("ab😀", 3, "ab…"),
    ],
)
def test_escapes_are_never_cut(given: str, limit: int, shown: str) -> None:
    assert escape(given, limit) == shown


def test_a_word_joiner_breaks_the_markup_of_a_fallback_text() -> None:
    assert escape_markup("*b* @here", 100) == "*\u2060b*\u2060 @\u2060here"
