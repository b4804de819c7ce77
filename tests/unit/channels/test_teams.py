"""Cards for Teams: within 28 KB, and with no text of an alert where Teams would read markup."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from firstline.channels.summary import StackInfo
from firstline.channels.teams import MAX_BYTES, render, shortest
from firstline.models import Member
from tests.support.builders import (
    CONSOLE,
    INCIDENT_ID,
    a_classification,
    a_notification,
    a_plan,
    a_record,
    a_result,
    a_waiting_record,
    an_alert,
    an_incident,
    hostile_notification,
)

MARKUP = "**[click](https://evil.example)** <at>everyone</at> {{DATE(2026-01-01T00:00:00Z)}} ${expression}"


def card_of(message: dict[str, Any]) -> dict[str, Any]:
    (attachment,) = message["attachments"]
    assert (message["type"], attachment["contentType"]) == ("message", "application/vnd.microsoft.card.adaptive")
    card: dict[str, Any] = attachment["content"]
    return card


def read(message: dict[str, Any]) -> str:
    """Return the text that a person reads on a card."""
    return "\n".join("".join(run["text"] for run in block["inlines"]) for block in card_of(message)["body"])


def nodes(value: Any) -> Iterator[dict[str, Any]]:
    if isinstance(value, dict):
        yield value
        for child in value.values():
            yield from nodes(child)
    elif isinstance(value, list):
        for child in value:
            yield from nodes(child)


def test_a_card_has_the_page_its_reason_the_alerts_and_the_links() -> None:
    record = a_waiting_record(
        results=[a_result(status="Failed")],
        members=[Member(alert_name="DiskFull", severity="high"), Member(alert_name="Swap", severity="low")],
    )
    message = render(a_notification("paged", record, "The runbook failed."), StackInfo(execution_url=CONSOLE))

    said = read(message)
    for words in (
        "HIGH: DiskFull on web-1",
        "Nobody has it. Paged: Ana",
        "The runbook failed.",
        "First steps:",
        "Failed",
        "Swap",
    ):
        assert words in said
    assert said.endswith(INCIDENT_ID)
    assert card_of(message)["actions"] == [
        {
            "type": "Action.OpenUrl",
            "title": "Prometheus (prometheus.example)",
            "url": "https://prometheus.example/graph?g0.expr=disk",
        },
        {
            "type": "Action.OpenUrl",
            "title": "Watch the execution (eu-west-1.console.example)",
            "url": f"{CONSOLE}:{INCIDENT_ID}",
        },
    ]


@pytest.mark.parametrize(
    ("message", "fact"),
    [
        ("3 of 4 mirrors answer.", ["What the alert says: 3 of 4 mirrors answer."]),
        ("DiskFull on web-1", []),
    ],
)
def test_the_alerts_own_text_stands_once_unless_the_title_says_it(message: str, fact: list[str]) -> None:
    verdict = a_classification(prompt_version="1", summary="A mirror is down.")
    record = a_record(an_incident(an_alert(message=message)), classification=verdict)
    said = read(render(a_notification("acknowledged", record))).splitlines()
    assert [line for line in said if "alert says" in line] == fact


@pytest.mark.parametrize("kind", ["paged", "closed", "changed", "approval", "acknowledged"])
@pytest.mark.parametrize("filler", [None, MARKUP, "\u202e", "💥"])
def test_hostile_text_stays_text_and_within_the_limit(kind: str, filler: str | None) -> None:
    notification = hostile_notification(kind, filler) if filler else hostile_notification(kind)
    for message in (render(notification, StackInfo(execution_url=CONSOLE)), shortest(render(notification))):
        assert len(json.dumps(message, ensure_ascii=False).encode()) <= MAX_BYTES
        found = list(nodes(card_of(message)))
        assert {node["type"] for node in found if "type" in node} <= {
            *("AdaptiveCard", "RichTextBlock", "TextRun", "Action.OpenUrl"),
        }, "every other element that holds text reads Markdown"
        texts = [node["text"] for node in found if "text" in node]
        assert not any("{{" in text or "${" in text for text in texts)


def test_a_card_that_is_too_long_loses_its_cause_before_its_first_steps() -> None:
    long = "💥" * 1_000
    record = a_record(
        classification=a_classification(cause=long, summary="💥" * 2_500, unsure=[long] * 10),
        plan=a_plan(title=long),
        members=[Member(alert_name=f"{number}" + "💥" * 100, severity="high", host="💥" * 80) for number in range(20)],
        results=[a_result(instance_id=f"i-{number:017x}", step_id="💥" * 60, status="💥" * 60) for number in range(50)],
    )
    said = read(render(a_notification("paged", record, "💥" * 1_000)))
    assert "First steps:" in said
    assert "Likely cause:" not in said


@pytest.mark.parametrize(
    ("url", "title"),
    [
        ("https://evil.example/x", "Prometheus (evil.example)"),
        ("https://good.example@evil.example/x", None),
        ("http://plain.example/x", None),
        ("https://[::1", None),
        ("javascript:alert(1)", None),
        (None, None),
    ],
)
def test_only_an_https_link_is_a_button_and_it_names_its_host(url: str | None, title: str | None) -> None:
    record = a_record(an_incident(an_alert(url=url)))
    assert [action["title"] for action in card_of(render(a_notification("paged", record)))["actions"]] == (
        [] if title is None else [title]
    )
