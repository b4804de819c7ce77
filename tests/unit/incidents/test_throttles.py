"""The hourly report of functions that Lambda refused to run."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from firstline.errors import ChannelFailed, HistoryUnavailable, MetricsUnavailable
from firstline.incidents.tell_once import Once
from firstline.incidents.throttles import ThrottleWatch
from tests.support.memory import MemoryStore


def at(hour: int, minute: int) -> datetime:
    return datetime(2026, 3, 1, hour, minute, 31, tzinfo=UTC)


class Lambda:
    """An account in which Lambda refused functions before 10:00 UTC and none later, and what operators are told."""

    def __init__(self, **refused: int) -> None:
        self.refused, self.said, self.asked = refused, list[tuple[str, str]](), list[tuple[int, int]]()
        self.store = MemoryStore()
        self.fails: Exception | None = None
        self.topic_is_down = False

    def _between(self, begin: datetime, end: datetime) -> dict[str, int]:
        self.asked.append((begin.hour, end.hour))
        self._fail()
        return self.refused if begin.hour < 10 else {}

    def _say(self, subject: str, text: str) -> None:
        if self.topic_is_down:
            raise ChannelFailed("SNS is down", retryable=True)
        self.said.append((subject, text))

    def _fail(self) -> None:
        if self.fails is not None:
            failure, self.fails = self.fails, None
            raise failure

    def watch(self, process: str = "first") -> ThrottleWatch:
        """Return the watch of a new process of reconcile."""
        once = Once(self.store.incidents, process)
        return ThrottleWatch(self._between, once, self._say, "firstline-prod", ZoneInfo("Europe/Berlin"))


def test_refusals_are_reported_with_their_function_and_the_fix() -> None:
    account = Lambda(**{"firstline-prod-notify": 3, "firstline-prod-escalate": 9})
    account.watch().look(at(10, 7))

    ((subject, text),) = account.said
    assert subject == "firstline-prod: Lambda had no room for 12 invocations"
    assert "Between 10:00 and 11:00 CET" in text
    assert "firstline-prod-escalate 9, firstline-prod-notify 3" in text
    assert "ReservedConcurrency" in text


def test_an_hour_without_refusals_is_not_reported() -> None:
    account = Lambda()
    account.watch().look(at(10, 7))
    assert (account.asked, account.said) == ([(9, 10)], [])


def test_each_hour_is_read_once_seven_minutes_after_its_end() -> None:
    account = Lambda(notify=3)
    watch = account.watch()
    for minute in range(60):
        watch.look(at(10, minute))
    assert account.asked == [(8, 9), (9, 10)]


def test_hours_without_a_run_are_reported_by_the_next_run() -> None:
    account = Lambda(notify=3)
    watch = account.watch()
    watch.look(at(8, 59))
    watch.look(at(12, 31))
    assert account.asked == [(7, 8), (8, 12)]
    assert "Between 09:00 and 13:00 CET" in account.said[-1][1]


@pytest.mark.parametrize("failure", [MetricsUnavailable("throttled"), HistoryUnavailable("throttled")])
def test_hours_that_could_not_be_read_are_read_again(failure: Exception) -> None:
    account = Lambda(notify=3)
    watch = account.watch()
    account.fails = failure
    with pytest.raises(type(failure)):
        watch.look(at(10, 7))
    watch.look(at(10, 8))
    assert len(account.said) == 1


def test_of_two_processes_only_one_reports() -> None:
    account = Lambda(notify=3)
    for process in ("first", "second"):
        account.watch(process).look(at(10, 7))
    assert len(account.said) == 1


def test_a_report_that_could_not_be_sent_is_sent_by_the_next_run() -> None:
    account = Lambda(notify=3)
    watch = account.watch()
    account.topic_is_down = True
    with pytest.raises(ChannelFailed):
        watch.look(at(10, 7))
    account.topic_is_down = False
    watch.look(at(10, 8))
    assert len(account.said) == 1
