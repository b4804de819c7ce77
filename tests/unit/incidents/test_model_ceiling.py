"""The message to operators that the model's ceiling for the day is reached."""

from datetime import UTC, date, datetime

import pytest

from firstline.errors import ChannelFailed
from firstline.incidents.model_ceiling import CeilingWatch
from firstline.incidents.tell_once import Once
from tests.support.memory import MemoryStore

DAY = date(2026, 3, 4)
USED = "812 questions and 2,000,113 tokens"


class Account:
    """The model's account of some days, and what operators are told."""

    def __init__(self) -> None:
        self.store = MemoryStore()
        self.days: dict[date, str] = {}
        self.said: list[tuple[str, str]] = []
        self.topic_is_down = False
        self.new_process("first")

    def new_process(self, name: str) -> None:
        once = Once(self.store.incidents, name)
        self.watch = CeilingWatch(self._reached, once, self._say, "shop")

    def look(self, day: int, hour: int, minute: int) -> None:
        self.watch.look(datetime(2026, 3, day, hour, minute, tzinfo=UTC))

    def _reached(self, since: date) -> dict[date, str]:
        return {day: used for day, used in self.days.items() if day >= since}

    def _say(self, subject: str, text: str) -> None:
        if self.topic_is_down:
            raise ChannelFailed("SNS is down", retryable=True)
        self.said.append((subject, text))


@pytest.fixture
def account() -> Account:
    return Account()


def test_operators_are_told_once_a_day_what_was_used_and_what_to_do(account: Account) -> None:
    account.look(4, 9, 0)
    assert (account.said, account.store.calls) == ([], [])

    account.days[DAY] = USED
    account.look(4, 9, 1)
    account.look(4, 9, 2)
    account.new_process("second")
    account.look(4, 23, 59)

    ((subject, text),) = account.said
    assert subject == "shop: the model's ceiling for the day is reached"
    assert USED in text
    assert "daily_ceiling in runbooks/policy/model.yaml" in text
    account.days[date(2026, 3, 5)] = USED
    account.look(5, 3, 0)
    assert len(account.said) == 2


def test_a_ceiling_that_is_reached_just_before_midnight_is_told_after_it(account: Account) -> None:
    account.days[DAY] = USED

    account.look(5, 0, 0)

    assert len(account.said) == 1


def test_while_the_topic_is_down_it_is_tried_each_minute(account: Account) -> None:
    account.days[DAY] = USED
    account.topic_is_down = True
    for minute in (1, 2):
        with pytest.raises(ChannelFailed):
            account.look(4, 9, minute)
    account.new_process("second")
    account.topic_is_down = False

    account.look(4, 9, 3)

    assert len(account.said) == 1
