"""A model in a trial, whose server fails: when it is asked no more, and what a person is told."""

from collections.abc import Callable
from contextlib import suppress

import pytest

from firstline.adapters.llm.server_error import server_error
from firstline.classification.model import CircuitBreaker, ModelVerdict
from firstline.classification.prompt import Prompt
from firstline.errors import ModelGaveNoVerdict, ModelUnavailable

PROMPT = Prompt("1", "Judge.", "{}", ())
GARBAGE = ModelGaveNoVerdict("the answer is not of the schema.")


class Server:
    """A model that gives these answers, and the last of them for ever."""

    def __init__(self, *answers: ModelVerdict | ModelGaveNoVerdict) -> None:
        self.answers = list(answers)
        self.asked = 0

    def verdict(self, _: Prompt) -> ModelVerdict:
        self.asked += 1
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, ModelGaveNoVerdict):
            raise answer
        return answer


def ask(server: Server, times: int) -> CircuitBreaker:
    breaker = CircuitBreaker(server)
    for _ in range(times):
        with suppress(ModelGaveNoVerdict):
            breaker.verdict(PROMPT)
    return breaker


def said(breaker: CircuitBreaker) -> str | None:
    return breaker.trouble(key="KEY", server="http://llm/v1")


@pytest.mark.parametrize(
    ("error", "asked", "fix"),
    [
        (ModelUnavailable("the model gave no answer within 15 s"), 3, "Check that the server runs (http://llm/v1)"),
        (server_error(429, "slow down (Retry-After: 60)", explained=True), 3, "Wait as long as the server says"),
        (server_error(503, "no worker", explained=False), 3, "Mend the server"),
        (server_error(401, "bad key", explained=True), 5, "Check the key (KEY)"),
        (server_error(402, "no credit", explained=True), 5, "Pay the provider's bill"),
        (server_error(404, "no such model", explained=True), 5, "the model's name"),
        (GARBAGE, 5, "Take a model that keeps to the schema"),
    ],
)
def test_a_model_that_fails_in_a_row_is_asked_no_more_and_a_line_says_why(
    error: ModelGaveNoVerdict, asked: int, fix: str
) -> None:
    server = Server(error)
    breaker = ask(server, 20)

    assert (breaker.gave_up, server.asked, breaker.failures) == (True, asked, asked)
    told = said(breaker)
    assert told is not None
    assert f"after {asked} failures in a row: {str(error).rstrip('.')}. " in told
    assert fix in told
    assert "\n" not in told


def test_an_answer_between_failures_begins_the_count_anew(judged: Callable[..., ModelVerdict]) -> None:
    server = Server(GARBAGE, GARBAGE, GARBAGE, GARBAGE, judged(), GARBAGE, judged())
    breaker = ask(server, 20)

    assert (breaker.gave_up, server.asked) == (False, 20)
    assert (said(breaker) or "").startswith("5 questions got no verdict: the answer is not of the schema. ")


def test_a_model_that_always_answers_is_in_no_trouble(judged: Callable[..., ModelVerdict]) -> None:
    assert said(ask(Server(judged()), 9)) is None
