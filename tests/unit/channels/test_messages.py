"""The messages of the main situations as people read them, and what holds for all of them."""

import json
from datetime import timedelta
from typing import Any, get_args
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from firstline.channels import pagerduty, slack, sns
from firstline.channels.summary import StackInfo
from firstline.models import AlertLink, IncidentRecord, Member, Notification, NotificationKind
from tests.support.builders import (
    CONSOLE,
    HOSTILE,
    NOW,
    OPENED,
    a_classification,
    a_notification,
    a_page,
    a_plan,
    a_record,
    a_result,
    a_waiting_record,
    an_alert,
    an_incident,
    at,
    hostile_notification,
)
from tests.support.changes import counts_for
from tests.support.depth import tries
from tests.support.slack_reading import elements, read_aloud

KINDS: tuple[NotificationKind, ...] = get_args(NotificationKind.__value__)
BERLIN = StackInfo(ZoneInfo("Europe/Berlin"), CONSOLE, "https://api.example")
RULES_SAY = "DiskFull on web-1 (shop, prod). /var is 97% full. 3 alerts of this name in the last hour."
STEPS = ["The last incident of this group, 3 days ago, ended with a human's help", "Check whether web-1 is up."]
VERDICT = a_classification(severity="critical", summary=RULES_SAY, cause="Unknown.", first_steps=STEPS)
DISK = an_incident(
    an_alert(
        severity="critical",
        links=[AlertLink(kind="runbook", url="https://wiki.example/disk")],
        annotations={"impact": "no orders can be written"},
    )
)
MINUTES = [OPENED + timedelta(minutes=number) for number in range(60)]
CLEARED: dict[str, Any] = {"status": "CLOSED", "resolved_at": MINUTES[7], "closed_at": MINUTES[12]}
LINKS = "[Runbook (wiki.example)](https://wiki.example/disk) · "
LINKS += "[Prometheus (prometheus.example)](https://prometheus.example/graph?g0.expr=disk)"
SINCE = "Since 04:12 CET, {} ago · web-1 · service shop · environment prod"


def disk_record(**changes: Any) -> IncidentRecord:
    return a_record(DISK, **{"classification": VERDICT} | changes)


def shown(kind: NotificationKind, record: IncidentRecord, reason: str = RULES_SAY, minute: int = 4) -> str:
    return read_aloud(slack.render(Notification(kind=kind, record=record, reason=reason, at=MINUTES[minute]), BERLIN))


def said(text: str) -> str:
    """Return a text without its indentation."""
    return "\n".join(line.strip() for line in text.strip().splitlines())


def test_the_page_of_a_new_critical_alert_reads_in_the_order_in_which_a_woken_person_needs_it() -> None:
    assert shown("paged", disk_record(pages=[a_page(at=None)])) == said(f"""
        🔴 CRITICAL: DiskFull on web-1
        📟 Nobody has it. Paged: Ana at 04:16. Without an answer, the next page goes out at 04:21.
        /var is 97% full
        impact: no orders can be written
        3 alerts of this name in the last hour.
        *Do first*
        1. The last incident of this group, 3 days ago, ended with a human's help
        2. Check whether web-1 is up.
        {LINKS}
        <Acknowledge> <Resolve> <Open> <Resolve with a note>
        {SINCE.format("4 min")}
    """)


def test_after_an_acknowledgement_the_message_says_who_has_it_and_offers_to_resolve() -> None:
    record = disk_record(
        pages=[a_page()], paged_at=MINUTES[1], acknowledged_at=MINUTES[3], acknowledged_by="ada (Slack)"
    )
    assert shown("acknowledged", record, "Acknowledged by ada (Slack).").splitlines()[:3] == [
        "🔴 CRITICAL: DiskFull on web-1",
        "👀 ada (Slack) has it since 04:15, 2 min after the first page. "
        "It waits for its alerts to end, or for Resolve.",
        "/var is 97% full",
    ]
    assert "<Resolve> <Open> <Resolve with a note>" in shown("acknowledged", record)


def test_a_message_that_asks_for_an_approval_shows_each_command_and_why_it_asks() -> None:
    verdict = a_classification(severity="medium", summary=RULES_SAY)
    record = a_waiting_record(pages=[], paged_at=None, classification=verdict, incident=DISK)
    assert shown("approval", record, "runbook low-disk asks for approval") == said(f"""
        🟡 MEDIUM: DiskFull on web-1
        ✋ Nobody has it, nobody was paged. It waits for an approval of “Free disk space”.
        /var is 97% full
        impact: no orders can be written
        3 alerts of this name in the last hour.
        {LINKS}
        *Proposed: Free disk space, on web-1 (safe)*
        • rotate-logs (act): firstline-low-disk-rotate-logs:1, with path = /var/log
        • Why it asks: runbook low-disk asks for approval.
        <Read the plan> <Approve> <Refuse>
        <Acknowledge> <Resolve> <Open> <Resolve with a note>
        *Likely cause*
        • Logs were not rotated.
        {SINCE.format("4 min")}
    """)


def test_the_last_message_of_a_cured_incident_names_the_runbook_and_what_it_did() -> None:
    record = disk_record(**CLEARED, plan=a_plan(), results=[a_result()], outcome="auto_resolved")
    reason = "Free disk space ran, its verification holds and the alert resolved."
    assert shown("closed", record, reason, minute=12) == said(f"""
        ✅ Over: DiskFull on web-1
        Fixed by the runbook “Free disk space” at 04:19, after 7 min.
        {reason}
        /var is 97% full
        impact: no orders can be written
        3 alerts of this name in the last hour.
        {LINKS}
        <What fixed it?> <Was this right?>
        *What was tried*
        • Runbook: Free disk space
        • rotate-logs (act) on web-1: Success
        Began 04:12 CET · web-1 · service shop · environment prod
    """)


@pytest.mark.parametrize("outcome", ["self_cleared", "auto_resolved"])
def test_a_runbook_that_changed_nothing_fixed_nothing(outcome: str) -> None:
    record = disk_record(**CLEARED, plan=a_plan(), results=[a_result(changed=False)], outcome=outcome)
    message = shown("closed", record, minute=12)
    assert message.splitlines()[1] == "Cleared by itself at 04:19, after 7 min. The runbook changed nothing."
    assert "• rotate-logs (act) on web-1: Success, nothing to change" in message
    assert "ixed by" not in message


def test_an_incident_that_ended_without_help_is_called_cleared_by_itself() -> None:
    message = shown("closed", disk_record(**CLEARED, outcome="self_cleared"), "The alert resolved.", minute=12)
    assert message.splitlines()[:3] == [
        "✅ Over: DiskFull on web-1",
        "Cleared by itself at 04:19, after 7 min.",
        "/var is 97% full",
    ]


def test_a_storms_message_is_called_by_its_critical_and_lists_its_alerts_worst_first() -> None:
    members = [
        Member(alert_name="DbDown", severity="critical", host="db-1", message="no connections"),
        Member(alert_name="DiskFull", severity="high", host="web-1", message="/var is 97% full"),
        Member(alert_name="DiskFull", severity="high", host="web-2", firing=False),
    ]
    storm = an_incident(an_alert(severity="critical"), storm=True, hosts=["db-1", "web-1", "web-2", "web-3"])
    record = a_record(storm, classification=VERDICT, members=members, alert_count=40, pages=[a_page(at=None)])
    record = record.model_copy(update={"live": record.live and record.live.model_copy(update={"own": counts_for(4)})})
    message = shown("paged", record)
    assert message.startswith("🔴 CRITICAL: Storm of 40 alerts, 1 critical: DbDown on db-1\n")
    assert (
        said("""
        *Alerts, worst first*
        • critical DbDown on db-1: no connections
        • high DiskFull on web-1: /var is 97% full
        • high DiskFull on web-2 (over)
        • and 37 more alerts
    """)
        in message
    )
    assert "db-1, web-1, web-2, web-3 · service shop" in message


def test_a_message_says_why_no_runbook_runs_unless_none_was_chosen() -> None:
    assert "No runbook runs: the alert names no host." in shown("needs_human", disk_record(), "the alert names no host")
    assert "No runbook" not in shown("needs_human", disk_record(), "no runbook chosen")


def test_after_a_silence_the_message_says_that_it_ended_and_the_alert_still_fires() -> None:
    record = disk_record(hold_ended_at=MINUTES[3], hold_ended_because="The silence of ada is over.")
    message = shown("needs_human", record, "The silence of ada is over. It fires still.")
    assert message.splitlines()[1:3] == [
        "🙋 Nobody has it, nobody was paged. It waits for somebody to take it.",
        "The silence of ada is over. It fires still.",
    ]


def test_a_page_for_an_incident_that_fires_again_names_all_who_were_paged() -> None:
    pages = [a_page(at=MINUTES[1]), a_page(seq=2, level=1, at=None, on_call="Bob")]
    record = disk_record(pages=pages, slack_channel="alerts:C1", slack_ts="1.2")
    reason = f"It had ended, and fires again. {RULES_SAY}"
    assert shown("paged", record, reason, minute=9).splitlines()[1:4] == [
        "📟 Nobody has it. Paged 2×: Ana at 04:13, Bob at 04:21. Without an answer, the next page goes out at 04:26.",
        "It had ended, and fires again.",
        "/var is 97% full",
    ]


def test_the_last_message_names_the_person_who_had_the_incident() -> None:
    record = disk_record(**CLEARED, outcome="resolved", acknowledged_at=MINUTES[3], acknowledged_by="ada (Slack)")
    ends = "Resolved at 04:19, after 7 min. ada (Slack) had it."
    assert shown("closed", record, "The alert resolved.", minute=12).splitlines()[1] == ends


@pytest.mark.parametrize(
    ("kind", "place", "whole"),
    [
        pytest.param("paged", {}, True, id="first message, a page"),
        pytest.param("paged", {"slack_channel": "automated:C1", "slack_ts": "1"}, True, id="moved to the alerts"),
        pytest.param("paged", {"slack_channel": "alerts:C1", "slack_ts": "1"}, False, id="a later page"),
        pytest.param("remediating", {"slack_channel": "alerts:C1", "slack_ts": "1"}, False, id="a later remediation"),
        pytest.param("remediating", {}, True, id="first message, a remediation"),
    ],
)
def test_only_the_first_message_in_a_channel_has_the_alerts_labels_in_its_thread(
    kind: NotificationKind, place: dict[str, str], whole: bool
) -> None:
    details = slack.render_details(a_notification(kind, disk_record(plan=a_plan(), **place)))
    assert details is not None
    assert ("*Labels, from prometheus*" in read_aloud(details)) == whole


def test_a_later_page_is_one_line_in_the_thread_that_the_channel_sees_too() -> None:
    record = disk_record(
        pages=[a_page(at=MINUTES[1]), a_page(seq=2, at=None)], slack_channel="alerts:C1", slack_ts="1.2"
    )
    reply = slack.render_details(Notification(kind="paged", record=record, reason="Hm.", at=MINUTES[9]), BERLIN)
    assert reply is not None
    assert reply["reply_broadcast"] is True
    assert read_aloud(reply) == (
        "Nobody has it. Paged 2×: Ana at 04:13, Ana at 04:21. Without an answer, the next page goes out at 04:26. Hm."
    )


def test_a_models_summary_stands_beside_the_alerts_own_text() -> None:
    verdict = a_classification(summary="Orders will fail soon.", prompt_version="p1")
    assert "Orders will fail soon.\nThe alert says: /var is 97% full\nimpact:" in shown(
        "paged", disk_record(classification=verdict)
    )


def test_a_load_balancer_is_called_by_its_name() -> None:
    balancer = an_incident(DISK.alert, hosts=["app/shop/0123456789abcdef"])
    assert shown("paged", a_record(balancer)).startswith("🟠 HIGH: DiskFull on shop\n")


# --- what holds for all -----------------------------------------------------------------------------------------------

RECORDS = {
    "new": disk_record(),
    "paged": disk_record(pages=[a_page(at=None)], paged_at=MINUTES[1]),
    "waiting": a_waiting_record(incident=DISK, classification=VERDICT),
    "tried": disk_record(plan=a_plan(), results=[a_result(status="Failed"), a_result()]),
    "taken": disk_record(paged_at=MINUTES[1], acknowledged_at=MINUTES[3], acknowledged_by="ada"),
    "over": disk_record(**CLEARED, outcome="resolved", resolved_by="ada"),
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("reason", [RULES_SAY, "/var is 97% full", "no runbook chosen", "It got worse.", ""])
@pytest.mark.parametrize("state", RECORDS)
def test_no_message_says_a_line_twice(kind: NotificationKind, reason: str, state: str) -> None:
    notification = Notification(kind=kind, record=RECORDS[state], reason=reason, at=NOW)
    messages = [read_aloud(slack.render(notification, BERLIN))]
    if (publish := sns.render(notification, BERLIN)) is not None:
        messages.append(json.loads(publish["Message"])["email"])
    for message in messages:
        lines = [line.strip("•1234567890. ").casefold() for line in message.splitlines() if line.strip()]
        assert len(lines) == len(set(lines)), message
        assert "unknown" not in message.casefold()


_MENTIONS = ("user", "usergroup", "channel", "broadcast", "team", "emoji", "color")


@given(
    kind=st.sampled_from(KINDS),
    text=st.one_of(st.text(min_size=1, max_size=40), st.sampled_from([HOSTILE, "<!here>", "<@U1>", "<https://x|y>"])),
)
@settings(max_examples=tries(60), deadline=None)
def test_no_text_of_a_stranger_becomes_a_mention_or_a_link(kind: NotificationKind, text: str) -> None:
    notification = hostile_notification(kind, text)
    hostile_link = [AlertLink(kind=text[:256], url=f"https://evil.example/{text}"[:1_999])]
    alert = notification.record.incident.alert.model_copy(
        update={"links": hostile_link, "annotations": {text[:80]: text}}
    )
    incident = notification.record.incident.model_copy(update={"alert": alert})
    notification = notification.model_copy(
        update={"record": notification.record.model_copy(update={"incident": incident})}
    )
    for message in filter(None, (slack.render(notification, BERLIN), slack.render_details(notification, BERLIN))):
        for element in elements(message["blocks"]):
            assert element["type"] not in _MENTIONS
            assert element["type"] != "text" or not any(sign in element["text"] for sign in ("<!", "<@", "<#", "<http"))
            if element["type"] == "plain_text":
                assert not set(element["text"]) & set("<>")
            if element["type"] == "mrkdwn":
                assert element["text"].startswith(f"<{CONSOLE}:")
            if element["type"] == "link":
                assert element["url"].startswith("https://evil.example/")
                assert "(evil.example)" in element["text"]
    event = pagerduty.render(notification, BERLIN)
    assert event is None or all(link["href"].startswith("https://") for link in event.get("links", []))


@pytest.mark.parametrize("kind", ["paged", "needs_human", "approval", "acknowledged"])
def test_was_this_right_is_asked_only_once_the_incident_is_over(kind: NotificationKind) -> None:
    assert "Was this right?" not in shown(kind, disk_record())
    assert "Was this right?" in shown("closed", disk_record(**CLEARED))


def test_the_notification_on_a_phone_says_what_happens_and_who_was_paged() -> None:
    text = slack.render(a_notification("paged", disk_record(pages=[a_page(at=None)])), BERLIN)["text"]
    assert text.replace("\u2060", "").startswith("CRITICAL: DiskFull on web-1. Nobody has it. Paged: Ana at 04:16.")


def test_a_time_of_another_day_is_shown_with_its_date_in_the_stacks_time_zone() -> None:
    record = disk_record(pages=[a_page(at=None)])
    later = Notification(kind="paged", record=record, reason="", at=at(0))
    assert "Since Sun 1 Mar 04:12 CET, 32 h 48 min ago" in read_aloud(slack.render(later, BERLIN))
