"""Delivery through several channels: each is told, whatever the others do."""

import pytest

from firstline.channels.delivery import Channel, Later, Unusable, tell_all, tell_slack
from firstline.errors import ChannelFailed
from tests.support.builders import a_notification
from tests.support.memory import MemoryChannel, lasting, passing


def test_only_a_channel_whose_failure_may_pass_is_tried_once_more_and_each_failure_is_reported() -> None:
    channels = {
        "works": MemoryChannel(),
        "broken": MemoryChannel(failures=[lasting(), lasting()]),
        "busy": MemoryChannel(failures=[passing()]),
        "down": MemoryChannel(failures=[passing(), passing(), passing()]),
        "silent": MemoryChannel(silent=True),
    }

    told = tell_all(a_notification(), channels)

    assert told.reached == ("works", "busy")
    assert {name: str(failure) for name, failure in told.failed.items()} == {
        "broken": "invalid_auth",
        "down": "503 for a moment",
    }
    assert {name: channel.attempts for name, channel in channels.items()} == {
        "works": 1,
        "broken": 1,
        "busy": 2,
        "down": 2,
        "silent": 1,
    }


@pytest.mark.parametrize(
    ("others", "shown"),
    [
        pytest.param({}, True, id="Slack alone"),
        pytest.param({"teams": MemoryChannel(failures=[passing()] * 9)}, False, id="Teams fails for now"),
        pytest.param({"teams": MemoryChannel(failures=[lasting()] * 9)}, True, id="Teams fails for good"),
        pytest.param({"pagerduty": MemoryChannel(wakes="once", failures=[passing()] * 9)}, True, id="the pager fails"),
        pytest.param({"teams": Later()}, False, id="Teams is told later"),
    ],
)
def test_a_message_counts_as_shown_only_if_no_channel_that_tells_is_behind(
    others: dict[str, Channel], shown: bool
) -> None:
    told = tell_all(a_notification(), {"slack": MemoryChannel(), **others})
    assert told.shown is shown
    assert told.reached == ("slack",), "one channel never keeps another from a message"


def test_a_message_in_slack_does_not_count_as_shown_while_another_channel_is_told_later() -> None:
    slack = MemoryChannel()
    assert tell_slack(a_notification(), {"slack": slack})
    assert not tell_slack(a_notification(), {"slack": slack, "teams": Later()})
    assert slack.attempts == 2


def test_in_one_round_a_failed_channel_is_not_tried_again() -> None:
    busy = MemoryChannel(failures=[passing()])
    assert tell_all(a_notification(), {"busy": busy}, rounds=1).reached == ()
    assert busy.attempts == 1


def test_a_channel_that_asks_to_be_left_alone_is_not_asked_again() -> None:
    busy = MemoryChannel(failures=[ChannelFailed("ratelimited", retryable=True, retry_after=30)])
    assert tell_all(a_notification(), {"busy": busy}).reached == ()
    assert busy.attempts == 1


def test_a_channel_without_its_secret_says_why() -> None:
    with pytest.raises(ChannelFailed, match="its secret could not be read") as caught:
        Unusable("once", "its secret could not be read").tell(a_notification())
    assert not caught.value.retryable
