"""Usage of the model by day, and the ceiling: against moto and DynamoDB Local."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any
from unittest.mock import patch

import pytest

from firstline.adapters.dynamodb import spending as module
from firstline.adapters.dynamodb.spending import Day, Spending
from firstline.adapters.dynamodb.table import Table
from firstline.adapters.llm.chat_format import most
from firstline.adapters.llm.chat_model import ChatModel, Endpoint
from firstline.classification.prompt import Prompt
from firstline.errors import CeilingReached, HistoryUnavailable, ModelGaveNoVerdict
from firstline.models import Usage
from firstline.policy.model import Ceiling, Price
from tests.integration import chat_server
from tests.integration.chat_server import Script, Server, answer, completion

PROMPT = Prompt("1", "Judge.", '{"alert": {}}', ("low-disk",))
NOW = datetime(2026, 3, 4, 23, 30, tzinfo=UTC)
MOST = Usage(prompt_tokens=900, completion_tokens=100, cost=0.02)
TEN_QUESTIONS = Ceiling(tokens=10 * MOST.tokens)
TOOK = Usage(prompt_tokens=300, completion_tokens=21, cost=0.0005)


class Clock:
    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> datetime:
        return self.now


def _day(table: Table) -> Day:
    today = NOW.date()
    (found,) = [day for day in Spending(table, Ceiling()).days(today) if day.day == today]
    return found


def test_a_day_says_what_was_spent(table: Table) -> None:
    account = Spending(table, Ceiling(), clock=Clock())
    for _ in range(2):
        account.settle(account.hold(MOST), TOOK)
    account.settle(account.hold(MOST), None)
    day = _day(table)
    assert (day.questions, day.unmetered) == (3, 1)
    assert (day.prompt_tokens, day.completion_tokens) == (2 * TOOK.prompt_tokens, 2 * TOOK.completion_tokens)
    assert day.cost == pytest.approx(2 * (TOOK.cost or 0))
    assert day.ceiling_at is None


@pytest.mark.parametrize(
    "ceiling",
    [TEN_QUESTIONS, Ceiling(cost=10 * (MOST.cost or 0)), Ceiling(tokens=10 * MOST.tokens, cost=500 * (MOST.cost or 0))],
    ids=["of tokens", "of the cost", "of both: the tokens come first"],
)
def test_after_the_ten_questions_of_a_ceiling_nothing_is_asked_any_more(ceiling: Ceiling, table: Table) -> None:
    account = Spending(table, ceiling, clock=Clock())
    for _ in range(10):
        account.settle(account.hold(MOST), MOST)
    with pytest.raises(CeilingReached, match=r"daily_ceiling\.(tokens|cost) \("):
        account.hold(MOST)


def test_tokens_that_were_held_and_not_used_are_given_back(table: Table) -> None:
    account = Spending(table, TEN_QUESTIONS, clock=Clock())
    for _ in range(25):
        account.settle(account.hold(MOST), TOOK)
    assert _day(table).prompt_tokens + _day(table).completion_tokens == 25 * TOOK.tokens


def test_a_question_that_nobody_heard_of_again_keeps_what_it_took(table: Table) -> None:
    account = Spending(table, Ceiling(tokens=2 * MOST.tokens), clock=Clock())
    account.hold(MOST)
    account.settle(account.hold(MOST), None)
    with pytest.raises(CeilingReached):
        account.hold(MOST)


def test_many_at_a_time_cannot_pass_the_ceiling_together(table: Table) -> None:
    at_once = threading.Barrier(8)

    def ask(_: int) -> int:
        account = Spending(table, Ceiling(tokens=5 * MOST.tokens + 500), clock=Clock())
        at_once.wait(120)
        try:
            return account.hold(MOST).tokens
        except CeilingReached:
            return 0

    with ThreadPoolExecutor(8) as threads:
        held = list(threads.map(ask, range(8)))
    assert sum(held) == 5 * MOST.tokens


def test_a_new_day_begins_at_midnight_utc(table: Table) -> None:
    clock = Clock()
    account = Spending(table, Ceiling(tokens=MOST.tokens), clock=clock)
    held = account.hold(MOST)
    with pytest.raises(CeilingReached):
        account.hold(MOST)
    clock.now += timedelta(minutes=30)  # it is midnight
    account.hold(MOST)
    account.settle(held, TOOK)
    assert _day(table).questions == 1, "it belongs to the day on which it was asked"


def test_the_ceiling_is_told_once_a_day(table: Table) -> None:
    clock = Clock()
    with patch.object(module, "count") as count:
        for _ in range(3):
            account = Spending(table, Ceiling(tokens=MOST.tokens + 500), clock=clock)
            for _ in range(3):
                with suppress(CeilingReached):
                    account.hold(MOST)
        assert [call.args for call in count.call_args_list] == [("LlmCeilingReached",)]
        assert _day(table).ceiling_at == NOW
        assert account.reached(NOW.date()) == {NOW.date(): "0 questions and 0 tokens"}
        assert account.reached(NOW.date() + timedelta(days=1)) == {}
        clock.now += timedelta(days=1)
        account.hold(MOST)
        with pytest.raises(CeilingReached):
            account.hold(MOST)
        assert count.call_count == 2


def test_a_ceiling_below_one_question_lets_none_through(table: Table) -> None:
    with pytest.raises(CeilingReached):
        Spending(table, Ceiling(tokens=MOST.tokens - 1), clock=Clock()).hold(MOST)


class _Down:
    """A table that does not answer."""

    name = "down"

    def expiry(self, now: datetime) -> int:
        return 0

    def update(self, *_: Any, **__: Any) -> None:
        raise HistoryUnavailable("table down: timed out")


def test_without_the_table_a_model_is_asked_only_if_it_has_no_ceiling() -> None:
    down: Any = _Down()
    with pytest.raises(ModelGaveNoVerdict, match="usage cannot be read"):
        Spending(down, Ceiling(tokens=10_000)).hold(MOST)
    account = Spending(down, Ceiling())
    account.settle(account.hold(MOST), TOOK)


# --- in front of a server ---------------------------------------------------------------------------------------------


PRICE = Price(prompt=1, completion=4)  # for a million tokens
LONGEST_ANSWER = 500


def _model(server: Server, account: Spending) -> ChatModel:
    endpoint = Endpoint(server.url, "test-model", lambda: "key", LONGEST_ANSWER, PRICE)
    return ChatModel(endpoint, deadline_seconds=30, account=account)


def test_a_verdict_says_what_it_cost_and_so_does_the_day(serve: Callable[[Script], Server], table: Table) -> None:
    account = Spending(table, Ceiling(tokens=1_000_000), clock=Clock())
    verdict = _model(serve(completion()), account).verdict(PROMPT)
    asked, answered = 300, 21  # tokens of every completion here
    assert verdict.usage.cost == pytest.approx((asked * PRICE.prompt + answered * PRICE.completion) / 1_000_000)
    day = _day(table)
    assert (day.questions, day.prompt_tokens, day.completion_tokens) == (1, asked, answered)
    assert day.cost == pytest.approx(verdict.usage.cost)


@pytest.mark.parametrize(
    ("script", "tokens", "unmetered"),
    [
        (completion(severity="catastrophic"), 300 + 21, 0),
        (answer(500, b""), 0, 0),
        (answer(401, b""), 0, 0),
        (answer(200, b"<html>"), 0, 1),
        (answer(200, b'{"choices": [{"message": {"content": "no verdict, and no usage"}}]}'), 0, 1),
        (answer(200, b'{"error": {"code": 402, "message": "no credits"}}'), 0, 0),
        (chat_server.closes_in_the_middle, 0, 1),
    ],
    ids=["a wrong verdict", "500", "401", "no answer of a model", "no usage", "no credits", "closes in the middle"],
)
def test_a_question_without_a_verdict_is_on_the_account_with_the_tokens_that_are_known(
    script: Script, tokens: int, unmetered: int, serve: Callable[[Script], Server], table: Table
) -> None:
    with pytest.raises(ModelGaveNoVerdict):
        _model(serve(script), Spending(table, Ceiling(tokens=1_000_000), clock=Clock())).verdict(PROMPT)
    day = _day(table)
    assert (day.questions, day.unmetered, day.prompt_tokens + day.completion_tokens) == (1, unmetered, tokens)


def test_no_question_leaves_when_the_ceiling_is_reached(serve: Callable[[Script], Server], table: Table) -> None:
    server = serve(completion())
    held, took = most(PROMPT, LONGEST_ANSWER).tokens, 300 + 21
    for_two_questions = took + held  # the first one's are given back, but for what it took
    model = _model(server, Spending(table, Ceiling(tokens=for_two_questions), clock=Clock()))
    model.verdict(PROMPT)
    model.verdict(PROMPT)
    with pytest.raises(ModelGaveNoVerdict, match=r"daily_ceiling\.tokens"):
        model.verdict(PROMPT)
    assert len(server.requests) == 2
