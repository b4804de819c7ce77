"""SNS: a subject, a mail and a short message that SNS accepts, whatever an alert says."""

import json
import re

import pytest

from firstline.channels.sns import render
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
    record = a_record(pages=[a_page()], plan=a_plan(), results=[a_result(status="Failed")])

    publish = render(a_notification("paged", record, "The runbook failed."), console_url=CONSOLE)

    assert publish is not None
    assert publish["Subject"] == "HIGH: DiskFull on web-1"
    assert publish["MessageStructure"] == "json"
    messages = json.loads(publish["Message"])
    assert set(messages) == {"default", "email", "sms"}
    for expected in (
        "The disk of web-1 is almost full; the shop will stop writing orders.",
        "Affected: web-1 · service shop · environment prod",
        "Why you: The runbook failed.",
        "On call: Ana",
        "First steps\n1. Look at /var/log.",
        "What was tried\n• Runbook: Free disk space\n• rotate-logs (act) on web-1: Failed",
        f"Watch the execution: {CONSOLE}:{INCIDENT_ID}",
    ):
        assert expected in messages["email"]
    assert messages["sms"].startswith("Firstline HIGH: DiskFull on web-1. The disk of web-1 is almost full")
    assert len(messages["sms"]) <= 140


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
def test_only_pages_are_worth_a_mail(kind: str) -> None:
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
def test_subjects_are_short_ascii(name: str, subject: str) -> None:
    publish = render(a_notification(record=a_record(an_incident(an_alert(alert_name=name)))))
    assert publish is not None
    assert publish["Subject"] == subject


@pytest.mark.parametrize("filler", [HOSTILE, "😀", '"\\', "\x00", " \n", "e\u0301"])
def test_no_alert_breaks_a_publish(filler: str) -> None:
    publish = render(hostile_notification("paged", filler), console_url=CONSOLE)

    assert publish is not None
    assert re.fullmatch(r"[A-Z][ -~]{0,98}", publish["Subject"])
    messages = json.loads(publish["Message"])
    assert re.fullmatch(r"[ -~]{1,140}", messages["sms"])
    assert len(publish["Message"].encode()) < 262_144
    assert not re.search("[\x00-\x08\x0b-\x1f\u202a-\u202e]", messages["email"])
