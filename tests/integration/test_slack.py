"""The Slack adapter against a server that behaves, is busy, is broken, refuses or hangs."""

import time
from typing import Any

import pytest

from firstline.adapters.channels import slack
from firstline.adapters.channels.slack import SlackBot
from firstline.channels.delivery import say, tell_all
from firstline.channels.slack_errors import REFUSALS, refusal
from firstline.channels.summary import StackInfo
from firstline.errors import ChannelFailed, HistoryUnavailable
from tests.integration.http_stub import Answer, Stub, answering
from tests.support.builders import INCIDENT_ID, a_notification, a_plan, a_record, hostile_notification

STACK = StackInfo()

POSTED = Answer(body={"ok": True, "channel": "C0ALERTS", "ts": "1700000000.000100"})
EDITED = Answer(body={"ok": True, "channel": "C0ALERTS", "ts": "1700000000.000100", "text": ""})


def refused(error: str) -> Answer:
    return Answer(body={"ok": False, "error": error})


def bot(stub: Stub, kept: list[tuple[str, str, str]] | None = None, **changes: Any) -> SlackBot:
    fields: dict[str, Any] = {
        "api_url": stub.url + "/api",
        "automated_channel": "#ops-automated",
        "alerts_channel": "#ops-alerts",
        "stack": STACK,
        "remember": lambda *where: kept.append(where) if kept is not None else None,
    }
    return SlackBot("xoxb-1", **fields | changes)


def calls(stub: Stub) -> list[tuple[str, str | None]]:
    return [(asked.path.removeprefix("/api/"), asked.json.get("channel")) for asked in stub.asked]


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(slack, "TIMEOUT_SECONDS", 1)


def test_the_first_moment_is_posted_and_remembered() -> None:
    kept: list[tuple[str, str, str]] = []
    with answering(POSTED) as stub:
        assert bot(stub, kept).tell(a_notification("needs_human")) is True

    assert calls(stub) == [("chat.postMessage", "#ops-alerts"), ("chat.postMessage", "C0ALERTS")]
    message, details = stub.asked
    assert message.headers["Authorization"] == "Bearer xoxb-1"
    assert message.json["blocks"]
    assert (message.json["unfurl_links"], message.json["mrkdwn"]) == (False, False)
    assert details.json["thread_ts"] == "1700000000.000100"
    assert kept == [(INCIDENT_ID, "alerts:C0ALERTS", "1700000000.000100")]


def test_the_next_moment_edits_the_message() -> None:
    kept: list[tuple[str, str, str]] = []
    record = a_record(slack_channel="alerts:C0ALERTS", slack_ts="1.2")
    with answering(EDITED) as stub:
        bot(stub, kept).tell(a_notification("acknowledged", record))

    assert calls(stub) == [("chat.update", "C0ALERTS")]
    assert stub.asked[0].json["ts"] == "1.2"
    assert kept == []


def test_an_incident_that_comes_to_need_a_human_moves_and_leaves_a_pointer() -> None:
    kept: list[tuple[str, str, str]] = []
    record = a_record(slack_channel="automated:C0AUTO", slack_ts="1.2")
    with answering(POSTED) as stub:
        bot(stub, kept).tell(a_notification("paged", record))

    assert calls(stub) == [
        ("chat.postMessage", "#ops-alerts"),
        ("chat.update", "C0AUTO"),
        ("chat.postMessage", "C0ALERTS"),
    ]
    assert "goes on in the channel for alerts" in str(stub.asked[1].json["blocks"])
    assert kept == [(INCIDENT_ID, "alerts:C0ALERTS", "1700000000.000100")]


def test_a_message_does_not_move_between_two_names_of_one_channel() -> None:
    record = a_record(slack_channel="automated:C0OPS", slack_ts="1.2")
    with answering(EDITED) as stub:
        bot(stub, automated_channel="#ops", alerts_channel="#ops").tell(a_notification("paged", record))
    assert calls(stub)[0] == ("chat.update", "C0OPS")


def test_what_a_runbook_fixed_stays_where_humans_were_asked() -> None:
    record = a_record(slack_channel="alerts:C0ALERTS", slack_ts="1.2", outcome="auto_resolved")
    with answering(EDITED) as stub:
        bot(stub).tell(a_notification("closed", record))
    assert calls(stub)[0] == ("chat.update", "C0ALERTS")


def test_a_message_that_is_gone_is_posted_again() -> None:
    kept: list[tuple[str, str, str]] = []
    record = a_record(slack_channel="alerts:C0ALERTS", slack_ts="1.2")
    with answering(refused("message_not_found"), POSTED) as stub:
        bot(stub, kept).tell(a_notification("acknowledged", record))
    assert calls(stub) == [("chat.update", "C0ALERTS"), ("chat.postMessage", "#ops-alerts")]
    assert kept == [(INCIDENT_ID, "alerts:C0ALERTS", "1700000000.000100")]


EDIT, NEW, OTHER, REPLY, STOP = "edit", "new", "other", "reply", "stop"
POSTS = {"#ops-alerts": NEW, "#ops-automated": OTHER, "C0ALERTS": REPLY}
STEPS_AFTER = {
    # What is tried after each error of an edit, and of a new message: until it is taken, or given up.
    "later": ([STOP], [STOP]),
    "anew": ([NEW, REPLY], [OTHER, REPLY, REPLY]),
    "elsewhere": ([NEW, REPLY], [OTHER, REPLY, REPLY]),
    "shorter": ([EDIT, REPLY], [NEW, REPLY]),
    "setup": ([STOP], [STOP]),
    "nobody": ([STOP], [STOP]),
    "lost": ([STOP], [STOP]),
}


def steps(stub: Stub) -> list[str]:
    """Name the calls after the first one."""
    named: dict[tuple[str, str | None], str] = {("chat.update", "C0ALERTS"): EDIT}
    named |= {("chat.postMessage", to): step for to, step in POSTS.items()}
    return [named[call] for call in calls(stub)[1:]]


@pytest.mark.parametrize("code", [*REFUSALS, "something_new"])
@pytest.mark.parametrize("edit", [True, False], ids=["edit", "new"])
def test_after_an_error_the_bot_goes_on_as_its_meaning_demands_whether_it_edits_or_posts(code: str, edit: bool) -> None:
    meaning = refusal(code, 200).meaning
    after_an_edit, after_a_new_message = STEPS_AFTER[meaning]
    expected = after_an_edit if edit else after_a_new_message
    record = a_record(slack_channel="alerts:C0ALERTS", slack_ts="1.2") if edit else a_record()
    with answering(refused(code), POSTED) as stub:
        if expected == [STOP]:
            with pytest.raises(ChannelFailed, match=code) as caught:
                bot(stub).tell(a_notification("paged", record))
            assert caught.value.retryable is (meaning == "later")
            assert steps(stub) == []
        else:
            assert bot(stub).tell(a_notification("paged", record)) is True
            assert steps(stub) == expected


@pytest.mark.parametrize(
    ("kind", "wanted", "feed"), [("paged", "#ops-alerts", "alerts"), ("remediating", "#ops-automated", "automated")]
)
def test_a_channel_that_takes_nothing_is_said_once_in_the_other_one(kind: str, wanted: str, feed: str) -> None:
    kept: list[tuple[str, str, str]] = []
    with answering(refused("is_archived"), POSTED) as stub:
        bot(stub, kept).tell(a_notification(kind, a_record(plan=a_plan())))
    assert kept == [(INCIDENT_ID, f"{feed}:C0ALERTS", "1700000000.000100")]
    note = stub.asked[2].json
    assert note["thread_ts"] == "1700000000.000100"
    assert wanted in str(note["blocks"])
    assert "the channel is archived" in str(note["blocks"])

    record = a_record(slack_channel=f"{feed}:C0ALERTS", slack_ts="1.2", plan=a_plan())
    with answering(EDITED) as stub:
        bot(stub, kept).tell(a_notification("acknowledged" if kind == "paged" else kind, record))
    assert calls(stub)[0] == ("chat.update", "C0ALERTS")
    assert "takes no messages" not in str([asked.json for asked in stub.asked])
    assert len(kept) == 1


@pytest.mark.parametrize(
    ("answers", "asked", "taken"),
    [
        ([POSTED], ["#ops-alerts"], True),
        ([refused("is_archived"), POSTED], ["#ops-alerts", "#ops-automated"], True),
        ([refused("is_archived"), refused("not_in_channel")], ["#ops-alerts", "#ops-automated"], False),
        ([refused("invalid_auth")], ["#ops-alerts"], False),
        ([Answer(status=429, headers={"Retry-After": "30"}, body={"ok": False})], ["#ops-alerts"], False),
    ],
    ids=["the channel for alerts", "the other channel", "neither", "no token that counts", "busy"],
)
def test_what_is_about_no_incident_goes_where_slack_takes_it(
    answers: list[Answer], asked: list[str], taken: bool
) -> None:
    with answering(*answers) as stub:
        assert say("On call: ada hands platform over to bob.", {"slack": bot(stub)}) is taken
    assert calls(stub) == [("chat.postMessage", channel) for channel in asked]


def test_a_message_that_cannot_move_stays_and_becomes_one_for_humans() -> None:
    kept: list[tuple[str, str, str]] = []
    record = a_record(slack_channel="automated:C0AUTO", slack_ts="1.2")
    with answering(refused("is_archived"), EDITED) as stub:
        bot(stub, kept).tell(a_notification("paged", record))
    assert calls(stub)[:3] == [
        ("chat.postMessage", "#ops-alerts"),
        ("chat.update", "C0AUTO"),
        ("chat.postMessage", "C0AUTO"),
    ]
    assert "acknowledge" in str(stub.asked[1].json["blocks"])
    assert "takes no messages" in str(stub.asked[2].json["blocks"])
    assert kept == [(INCIDENT_ID, "alerts:C0AUTO", "1.2")]


def test_two_names_of_one_archived_channel_are_no_way_out() -> None:
    with answering(refused("is_archived")) as stub, pytest.raises(ChannelFailed, match="choose another"):
        bot(stub, automated_channel="#ops", alerts_channel="#ops").tell(a_notification("paged"))
    assert len(stub.asked) == 1


def test_a_message_that_no_channel_takes_is_given_up() -> None:
    record = a_record(slack_channel="automated:C0AUTO", slack_ts="1.2")
    with answering(refused("channel_not_found")) as stub, pytest.raises(ChannelFailed, match="channel_not_found"):
        bot(stub).tell(a_notification("paged", record))
    assert calls(stub) == [
        ("chat.postMessage", "#ops-alerts"),
        ("chat.update", "C0AUTO"),
        ("chat.postMessage", "#ops-automated"),
    ]


def test_a_message_that_is_too_long_loses_text_before_its_buttons() -> None:
    with answering(refused("msg_too_long"), refused("invalid_blocks"), POSTED) as stub:
        assert bot(stub).tell(a_notification("paged")) is True
    whole, short, bare, _ = (asked.json for asked in stub.asked)
    assert {block["type"] for block in short["blocks"]} == {"header", "section", "actions"}
    assert bare["blocks"] == []
    assert whole["text"] == short["text"] == bare["text"] != ""


def test_a_message_that_is_too_long_even_without_blocks_is_given_up() -> None:
    with answering(refused("msg_too_long")) as stub, pytest.raises(ChannelFailed, match="msg_too_long"):
        bot(stub).tell(a_notification("paged"))
    assert len(stub.asked) == 3


@pytest.mark.parametrize(
    ("answer", "seconds"),
    [
        (Answer(429, {"ok": False, "error": "ratelimited"}, {"Retry-After": "30"}), 30),
        (Answer(429, {"ok": False, "error": "ratelimited"}, {"Retry-After": "a while"}), 60),
        (Answer(200, {"ok": False, "error": "rate_limited"}), 60),
    ],
    ids=["for half a minute", "for no time that can be read", "for no time at all, in a 200"],
)
def test_busy_for_long_is_left_to_reconcile(answer: Answer, seconds: float) -> None:
    with answering(answer) as stub:
        told = tell_all(a_notification("paged"), {"slack": bot(stub)})
    assert told.failed["slack"].retry_after == seconds
    assert len(stub.asked) == 1


def test_noise_is_not_told() -> None:
    with answering(POSTED) as stub:
        assert bot(stub).tell(a_notification("suppressed")) is False
    assert stub.asked == []


def test_details_that_fail_do_not_fail_the_message() -> None:
    with answering(POSTED, refused("fatal_error")) as stub:
        assert bot(stub).tell(a_notification("needs_human")) is True


def test_a_table_that_is_down_does_not_unsay_the_message() -> None:
    def failing(*where: str) -> None:
        raise HistoryUnavailable("the table is down")

    with answering(POSTED) as stub:
        assert bot(stub, remember=failing).tell(a_notification("paged")) is True


def test_busy_for_a_moment_is_waited_for() -> None:
    busy = Answer(429, {"ok": False, "error": "ratelimited"}, {"Retry-After": "1"})
    with answering(busy, POSTED) as stub:
        began = time.monotonic()
        bot(stub).tell(a_notification("acknowledged"))
    assert time.monotonic() - began >= 1
    assert len(stub.asked) == 2


@pytest.mark.parametrize("wait", ["60", "soon", "-1"])
def test_busy_for_long_is_said_instead_of_slept_through(wait: str) -> None:
    with answering(Answer(429, {"ok": False, "error": "ratelimited"}, {"Retry-After": wait})) as stub:
        began = time.monotonic()
        with pytest.raises(ChannelFailed, match="ratelimited") as caught:
            bot(stub).tell(a_notification("paged"))
    assert time.monotonic() - began < 30
    assert caught.value.retryable
    assert len(stub.asked) == 1


def test_a_server_error_is_tried_once_more() -> None:
    with answering(Answer(500, b"oops"), POSTED) as stub:
        assert bot(stub).tell(a_notification("acknowledged")) is True
    assert len(stub.asked) == 2


def test_a_server_that_stays_broken_can_be_tried_later() -> None:
    with answering(Answer(500, b"<html>oops</html>")) as stub, pytest.raises(ChannelFailed, match="500") as caught:
        bot(stub).tell(a_notification("paged"))
    assert caught.value.retryable


@pytest.mark.parametrize(
    ("error", "retryable", "fix"),
    [
        ("invalid_auth", False, "secret slack/bot-token"),
        ("channel_not_found", False, "SlackAlertsChannel"),
        ("not_in_channel", False, "invite the bot"),
        ("user_not_in_channel", False, "no account here"),
        ("something_new", False, "something_new"),
        ("internal_error", True, "internal_error"),
    ],
)
def test_a_refusal_says_what_to_mend(error: str, retryable: bool, fix: str) -> None:
    with answering(refused(error)) as stub, pytest.raises(ChannelFailed, match=fix) as caught:
        bot(stub).tell(a_notification("paged"))
    assert caught.value.retryable is retryable


@pytest.mark.parametrize("interactive", [True, False])
def test_a_server_that_hangs_is_left_and_can_be_tried_later(interactive: bool) -> None:
    with answering(Answer(hang=True)) as stub:
        began = time.monotonic()
        with pytest.raises(ChannelFailed) as caught:
            bot(stub, interactive=interactive).tell(a_notification("paged"))
    assert time.monotonic() - began < 25, "the server hangs for 30 seconds"
    assert caught.value.retryable


def test_a_server_that_is_not_there_can_be_tried_later() -> None:
    with answering(POSTED) as stub:
        adapter = bot(stub)
    with pytest.raises(ChannelFailed) as caught:
        adapter.tell(a_notification("paged"))
    assert caught.value.retryable


def test_in_a_hurry_the_message_is_posted_without_its_details() -> None:
    with answering(POSTED) as stub:
        bot(stub, interactive=True).tell(a_notification("needs_human"))
    assert calls(stub) == [("chat.postMessage", "#ops-alerts")]


def test_in_a_hurry_a_server_error_is_not_tried_again() -> None:
    with answering(Answer(500, b"oops"), POSTED) as stub, pytest.raises(ChannelFailed):
        bot(stub, interactive=True).tell(a_notification("needs_human"))
    assert len(stub.asked) == 1


def test_a_whisper_is_for_one_person() -> None:
    with answering(Answer()) as stub:
        bot(stub).whisper("C1", "U1", "You may *not* <!channel>.")
    assert stub.asked[0].path == "/api/chat.postEphemeral"
    assert stub.asked[0].json == {
        "channel": "C1",
        "user": "U1",
        "text": "You may *\u2060not*\u2060 &lt;!channel&gt;.",
    }


def test_hostile_text_travels_as_text() -> None:
    with answering(POSTED) as stub:
        assert bot(stub).tell(hostile_notification("paged")) is True
    assert b"<!channel>" not in stub.asked[0].body + stub.asked[1].body
