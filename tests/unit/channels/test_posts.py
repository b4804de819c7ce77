"""Posts that cannot be edited: which notifications are worth one, and which were posted already."""

from datetime import timedelta
from typing import Any

import pytest

from firstline.channels.posts import digest_of_news, is_news
from firstline.models import Notification
from tests.support.builders import NOW, a_classification, a_notification, a_page, a_record, a_waiting_record


@pytest.mark.parametrize(
    ("kind", "reason", "news"),
    [
        ("paged", "", True),
        ("needs_human", "", True),
        ("approval", "", True),
        ("acknowledged", "", True),
        ("closed", "", True),
        ("changed", "Joined: Swap on web-2.", True),
        ("changed", "", False),
        ("quiet", "All its alerts ended.", False),
        ("remediating", "It may.", False),
        ("suppressed", "noise", False),
    ],
)
def test_only_a_message_about_what_people_must_do_or_about_a_joined_alert_is_news(
    kind: Any, reason: str, news: bool
) -> None:
    assert is_news(a_notification(kind, reason=reason)) is news


def test_a_message_that_reconcile_repeats_with_another_reason_is_not_posted_again() -> None:
    first = a_notification("needs_human", reason="No runbook fits.")
    again = Notification(kind="needs_human", record=first.record, reason="Reconcile.", at=NOW + timedelta(hours=1))
    assert digest_of_news(first) == digest_of_news(again)


@pytest.mark.parametrize(
    "other",
    [
        a_notification("paged", a_record(pages=[a_page(seq=2)])),
        a_notification("paged", a_record(classification=a_classification(severity="critical"))),
        a_notification("acknowledged", a_record(acknowledged_by="ada", acknowledged_at=NOW)),
        a_notification("approval", a_waiting_record()),
        a_notification("changed", reason="Joined: Swap."),
    ],
    ids=["page", "severity", "person", "plan", "news"],
)
def test_another_page_severity_person_plan_or_news_is_another_post(other: Notification) -> None:
    assert digest_of_news(a_notification("paged", a_record(pages=[a_page()]))) != digest_of_news(other)
