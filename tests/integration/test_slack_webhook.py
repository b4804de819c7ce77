"""Slack's incoming webhook: what it posts once, what it leaves out, and how it fails."""

from typing import Any

import pytest

from firstline.adapters.channels import slack
from firstline.adapters.channels.slack import SlackWebhook
from firstline.channels.summary import StackInfo
from firstline.errors import ChannelFailed
from tests.integration.http_stub import Answer, answering
from tests.support.builders import a_notification, a_plan, a_record, a_waiting_record


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(slack, "TIMEOUT_SECONDS", 1)


def webhook(url: str, save: Any = lambda *_: None) -> SlackWebhook:
    return SlackWebhook(url, save, stack=StackInfo())


def test_a_webhook_posts_the_same_moment_once() -> None:
    saved: dict[str, str] = {}
    with answering(Answer(200, b"ok", {"Content-Type": "text/plain"})) as stub:
        posts = webhook(stub.url, lambda _, name, digest: saved.update({name: digest}))
        assert posts.tell(a_notification("needs_human"))
        assert posts.tell(a_notification("needs_human", a_record(posted=saved), "It did not come through."))
    assert len(stub.asked) == 1


@pytest.mark.parametrize("kind", ["needs_human", "approval", "paged", "acknowledged", "changed", "closed"])
def test_a_webhook_posts_what_a_human_should_know(kind: str) -> None:
    with answering(Answer(200, b"ok", {"Content-Type": "text/plain"})) as stub:
        assert webhook(stub.url + "/hook").tell(a_notification(kind, a_waiting_record())) is True
    assert stub.asked[0].path == "/hook"
    assert "actions" not in {block["type"] for block in stub.asked[0].json["blocks"]}


@pytest.mark.parametrize(
    ("kind", "reason"),
    [("suppressed", "x"), ("remediating", "x"), ("quiet", "x"), ("changed", "")],
)
def test_a_webhook_leaves_out_what_only_brings_a_message_up_to_date(kind: str, reason: str) -> None:
    with answering(Answer()) as stub:
        record = a_record(plan=a_plan())
        assert webhook(stub.url).tell(a_notification(kind, record, reason)) is False
    assert stub.asked == []


@pytest.mark.parametrize(
    ("answer", "retryable"),
    [
        (Answer(404, b"no_service"), False),
        (Answer(403, b"invalid_token"), False),
        (Answer(500, b"oops"), True),
        (Answer(429, b"slow down", {"Retry-After": "60"}), True),
        (Answer(410, b"channel_is_archived"), False),
        (Answer(500, b"rollup_error"), True),
        (Answer(hang=True), True),
    ],
)
def test_a_webhook_that_fails_says_whether_trying_again_helps_or_what_to_check(answer: Answer, retryable: bool) -> None:
    with answering(answer) as stub, pytest.raises(ChannelFailed) as caught:
        webhook(stub.url).tell(a_notification("paged"))
    assert caught.value.retryable is retryable
    assert retryable or "check the secret slack/webhook-url" in str(caught.value)


def test_a_webhook_sends_less_where_slack_finds_it_too_long() -> None:
    with answering(Answer(400, b"invalid_blocks"), Answer(200, b"ok", {"Content-Type": "text/plain"})) as stub:
        assert webhook(stub.url).tell(a_notification("paged")) is True
    assert [block["type"] for block in stub.asked[1].json["blocks"]] == ["header", "section"]
