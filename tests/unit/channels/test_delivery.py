"""Telling several channels: each is told, whatever the others do."""

import pytest

from firstline.channels.delivery import Unusable, tell_all
from firstline.errors import ChannelFailed
from tests.support.builders import a_notification
from tests.support.memory import MemoryChannel, lasting, passing


def test_who_was_reached_and_who_was_not() -> None:
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


def test_one_round_is_one_attempt() -> None:
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
