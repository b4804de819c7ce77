"""SNS: a subject, a mail and a text message that SNS accepts, whatever an alert says."""

import json
import re
from datetime import UTC

import pytest

from firstline.channels.sns import MAX_SMS, _places, render, text_message
from firstline.channels.summary import StackInfo
from firstline.models import Member
from tests.support.builders import (
    CONSOLE,
    HOSTILE,
    INCIDENT_ID,
    a_notification,
    a_page,
    a_plan,
    a_record,
    a_result,
    a_waiting_record,
    an_alert,
    an_incident,
    hostile_notification,
)


def test_a_page_is_a_mail_and_a_text_message() -> None:
    record = a_record(pages=[a_page(at=None)], plan=a_plan(), results=[a_result(status="Failed")])

    publish = render(
        a_notification("paged", record, "The runbook failed."), StackInfo(UTC, CONSOLE, "https://api.example")
    )

    assert publish is not None
    assert publish["Subject"] == "HIGH: DiskFull on web-1"
    assert publish["MessageStructure"] == "json"
    messages = json.loads(publish["Message"])
    assert set(messages) == {"default", "email", "sms"}
    assert (
        messages["email"]
        == f"""\
Nobody has it. Paged: Ana at 03:16. Without an answer, the next page goes out at 03:21.

The runbook failed.

/var is 97% full

Do first
1. Look at /var/log.
2. Ask the shop's team whether orders fail.

Links
Open in Firstline: https://api.example/console/incidents/{INCIDENT_ID}
Prometheus: https://prometheus.example/graph?g0.expr=disk

Likely cause: Logs were not rotated.

What was tried
• Runbook: Free disk space
• rotate-logs (act) on web-1: Failed

Since 03:12 UTC, 4 min before this mail
Affected: web-1 · service shop · environment prod

Watch the execution: {CONSOLE}:{INCIDENT_ID}

Incident {INCIDENT_ID}"""
    )
    assert messages["sms"] == "HIGH DiskFull on web-1: The runbook failed. /var is 97% full"


LINK = "https://api.example/console/enter/" + "x" * 40


@pytest.mark.parametrize(
    ("message", "link", "text"),
    [
        ("/var is 97% full", "", "HIGH DiskFull on web-1: /var is 97% full"),
        ("/var is 97% full", LINK, f"HIGH DiskFull on web-1: /var is 97% full {LINK}"),
        ("x" * 200, "", "HIGH DiskFull on web-1: " + "x" * 133 + "..."),
        ("x" * 200, LINK, "HIGH DiskFull on web-1: " + "x" * 133 + f"... {LINK}"),
        ("x" * 200, LINK * 3, "HIGH DiskFull on web-1: " + "x" * 56 + f"... {LINK * 3}"),
        ("x" * 200, LINK * 9, "HIGH DiskFull on web-1: " + "x" * 33 + f"... {LINK * 9}"),
        ("Größe “überschritten” – café", "", 'HIGH DiskFull on web-1: Größe "überschritten" - café'),
        ("`df` ディスク čaj", "", "HIGH DiskFull on web-1: 'df' ???? caj"),
        ("[" * 100, "", "HIGH DiskFull on web-1: " + "[" * 66 + "..."),
    ],
    ids=[
        *("short", "short with a link"),
        *("cut to 160 places", "cut to 160 places before a link", "cut to 306 places with its link"),
        *("at least 60 places before a very long link", "quotes and dashes", "other letters", "signs of two places"),
    ],
)
def test_a_text_message_is_cut_to_one_part_or_to_two_with_its_link_which_stays_whole(
    message: str, link: str, text: str
) -> None:
    paged = a_notification("paged", a_record(an_incident(an_alert(message=message))), reason="")
    assert text_message(paged, link) == text


def test_only_a_page_is_a_text_message() -> None:
    assert text_message(a_notification("closed"), "") is None


def test_when_nothing_was_run_the_mail_says_so() -> None:
    publish = render(a_notification("paged"))
    assert publish is not None
    assert "What was tried\nNothing was run." in json.loads(publish["Message"])["email"]


def test_a_mail_names_the_alerts_and_the_plan_that_asks() -> None:
    members = [
        Member(alert_name="DbDown", severity="critical", host="db-1"),
        Member(alert_name="DiskFull", severity="high", host="web-1"),
    ]
    publish = render(a_notification("paged", a_waiting_record(members=members, alert_count=2)))
    assert publish is not None
    mail = json.loads(publish["Message"])["email"]
    assert "Alerts, worst first\n• critical DbDown on db-1\n• high DiskFull on web-1" in mail
    assert "A plan waits for an approval: Free disk space, on web-1 (safe). Approve in Slack." in mail


@pytest.mark.parametrize(
    "kind", ["suppressed", "remediating", "approval", "needs_human", "acknowledged", "changed", "quiet", "closed"]
)
def test_a_message_that_is_no_page_is_no_mail(kind: str) -> None:
    assert render(a_notification(kind)) is None


@pytest.mark.parametrize(
    ("name", "subject"),
    [
        ("Größe überschritten", "HIGH: Gro?e uberschritten on web-1"),
        ("ディスク", "HIGH: ???? on web-1"),
        ("two\nlines", "HIGH: two lines on web-1"),
        ("x" * 200, "HIGH: " + "x" * 90 + "..."),
    ],
)
def test_a_subject_is_one_ascii_line_of_at_most_99_characters(name: str, subject: str) -> None:
    publish = render(a_notification(record=a_record(an_incident(an_alert(alert_name=name)))))
    assert publish is not None
    assert publish["Subject"] == subject


@pytest.mark.parametrize("filler", [HOSTILE, "😀", '"\\', "\x00", " \n", "e\u0301"])
def test_hostile_text_stays_within_snss_limits(filler: str) -> None:
    publish = render(hostile_notification("paged", filler), StackInfo(execution_url=CONSOLE))

    assert publish is not None
    assert re.fullmatch(r"[A-Z][ -~]{0,98}", publish["Subject"])
    messages = json.loads(publish["Message"])
    assert 1 <= _places(messages["sms"]) <= MAX_SMS
    assert "\n" not in messages["sms"]
    assert len(publish["Message"].encode()) < 262_144
    assert not re.search("[\x00-\x08\x0b-\x1f\u202a-\u202e]", messages["email"])
