"""The circuit around a model's server, with its state in the table: what opens it, who may ask, and what closes it."""

import itertools
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

import pytest
from aws_lambda_powertools.utilities.circuit_breaker import base
from aws_lambda_powertools.utilities.circuit_breaker.persistence import base as store
from botocore.exceptions import ClientError

from firstline.adapters.dynamodb.model_circuit import FAILURES_IN_A_ROW, OPEN_SECONDS, STATE_AGE_SECONDS, SharedCircuit
from firstline.adapters.dynamodb.table import Table
from firstline.adapters.llm.chat_model import ChatModel, Endpoint
from firstline.classification.prompt import Prompt
from firstline.errors import CeilingReached, CircuitOpen, ModelGaveNoVerdict, ModelUnavailable
from tests.integration import chat_server
from tests.integration.chat_server import Script, Server, answer, completion

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.client import DynamoDBClient

PROMPT = Prompt("1", "Judge.", '{"alert": {}}', ("low-disk",))
_NUMBERS = itertools.count(1)


class Clock:
    """Stands still until a test moves it. The circuit breaker reads `datetime.now()`."""

    def __init__(self) -> None:
        self.now = datetime.now().timestamp()

    def passes(self, seconds: float) -> None:
        self.now += seconds


@pytest.fixture
def clock() -> Iterator[Clock]:
    clock = Clock()

    class At(datetime):
        @classmethod
        def now(cls, tz: Any = None) -> "At":
            return cls.fromtimestamp(clock.now, tz)

    with patch(f"{base.__name__}.dt.datetime", At), patch(f"{store.__name__}.dt.datetime", At):
        yield clock


@pytest.fixture
def name() -> str:
    """Failures are counted by name and process, so each test has a name of its own."""
    return f"server-{next(_NUMBERS)}/model"


@pytest.fixture
def environment(table: Table, table_client: "DynamoDBClient") -> Callable[[], SharedCircuit]:
    """Another environment of the function: it shares the table and nothing else."""
    return lambda: SharedCircuit(table_client, table.name)


def _in_a_thread[T](call: Callable[[], T]) -> T:
    """Call in a thread of its own, as every question is asked: a probe belongs to the thread that began it."""
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(call).result()


def _fails(error: Exception) -> Callable[[], str]:
    def ask() -> str:
        raise error

    return ask


def _fail(circuit: SharedCircuit, name: str, times: int, error: type[ModelGaveNoVerdict] = ModelUnavailable) -> None:
    for _ in range(times):
        with pytest.raises(error):
            circuit.call(name, _fails(error("no")))


def test_the_circuit_opens_after_failures_in_a_row_for_every_environment(
    environment: Callable[[], SharedCircuit], name: str, clock: Clock
) -> None:
    here, there = environment(), environment()
    _fail(here, name, FAILURES_IN_A_ROW)

    for circuit in (here, there):
        with pytest.raises(CircuitOpen, match="circuit open: its server failed"):
            circuit.call(name, lambda: pytest.fail("it was asked"))
    assert there.call("another-server/model", lambda: "fine") == "fine"


def test_a_success_in_between_begins_the_count_anew(
    environment: Callable[[], SharedCircuit], name: str, clock: Clock
) -> None:
    circuit = environment()
    _fail(circuit, name, FAILURES_IN_A_ROW - 1)
    circuit.call(name, lambda: "fine")
    _fail(circuit, name, FAILURES_IN_A_ROW - 1)
    assert circuit.call(name, lambda: "fine") == "fine"


@pytest.mark.parametrize("mistake", [ModelGaveNoVerdict, CeilingReached])
def test_a_mistake_that_an_alert_can_bring_about_never_opens_the_circuit(
    mistake: type[ModelGaveNoVerdict], environment: Callable[[], SharedCircuit], name: str, clock: Clock
) -> None:
    circuit = environment()
    _fail(circuit, name, 5 * FAILURES_IN_A_ROW, mistake)
    assert circuit.call(name, lambda: "fine") == "fine"


def test_after_a_while_one_environment_asks_again_and_an_answer_closes_the_circuit_for_all(
    environment: Callable[[], SharedCircuit], name: str, clock: Clock
) -> None:
    here, there = environment(), environment()
    _fail(here, name, FAILURES_IN_A_ROW)
    clock.passes(OPEN_SECONDS + 1)

    def probe() -> str:
        with pytest.raises(CircuitOpen):
            _in_a_thread(lambda: there.call(name, lambda: pytest.fail("two probe at a time")))
        return "fine"

    assert here.call(name, probe) == "fine"
    clock.passes(2 * STATE_AGE_SECONDS)  # by then the other one has read the state again
    assert there.call(name, lambda: "fine too") == "fine too"


def test_an_answer_that_is_a_mistake_closes_the_circuit_too(
    environment: Callable[[], SharedCircuit], name: str, clock: Clock
) -> None:
    circuit = environment()
    _fail(circuit, name, FAILURES_IN_A_ROW)
    clock.passes(OPEN_SECONDS + 1)
    _fail(circuit, name, 1, ModelGaveNoVerdict)
    assert circuit.call(name, lambda: "fine") == "fine"


def test_a_probe_that_fails_opens_the_circuit_again(
    environment: Callable[[], SharedCircuit], name: str, clock: Clock
) -> None:
    circuit = environment()
    _fail(circuit, name, FAILURES_IN_A_ROW)
    clock.passes(OPEN_SECONDS + 1)
    _fail(circuit, name, 1)
    with pytest.raises(CircuitOpen):
        circuit.call(name, lambda: "fine")


def test_a_probe_of_which_nobody_heard_again_is_taken_over(
    environment: Callable[[], SharedCircuit], name: str, clock: Clock
) -> None:
    here, there = environment(), environment()
    _fail(here, name, FAILURES_IN_A_ROW)
    clock.passes(OPEN_SECONDS + 1)
    with pytest.raises(KeyboardInterrupt):
        here.call(name, _fails(KeyboardInterrupt()))  # type: ignore[arg-type]
    with pytest.raises(CircuitOpen):
        _in_a_thread(lambda: there.call(name, lambda: "too early"))
    clock.passes(OPEN_SECONDS + 1)
    assert _in_a_thread(lambda: there.call(name, lambda: "fine")) == "fine"


@pytest.mark.parametrize("operation", ["GetItem", "PutItem", "UpdateItem"])
def test_when_the_table_does_not_answer_the_model_is_asked(
    operation: str, table: Table, table_client: "DynamoDBClient", name: str, clock: Clock
) -> None:
    circuit = SharedCircuit(table_client, table.name)
    _fail(circuit, name, FAILURES_IN_A_ROW)
    clock.passes(OPEN_SECONDS + 1)

    def fails(model: Any, **_: Any) -> None:
        if model.name == operation:
            raise ClientError({"Error": {"Code": "InternalServerError"}}, operation)

    table_client.meta.events.register("before-call.dynamodb", fails)
    try:
        assert SharedCircuit(table_client, table.name).call(name, lambda: "fine") == "fine"
    finally:
        table_client.meta.events.unregister("before-call.dynamodb", fails)


@pytest.mark.parametrize(
    ("script", "opens"),
    [
        (answer(500, b""), True),
        (answer(429, b""), True),
        (answer(200, b'{"error": {"code": 429, "message": "slow down"}}'), True),
        (answer(200, b'{"error": {"code": 402, "message": "no credits"}}'), False),
        (chat_server.closes_in_the_middle, True),
        (answer(401, b""), False),
        (answer(400, b""), False),
        (answer(200, b"<html>"), False),
        (completion({"content": None, "refusal": "I won't."}), False),
        (completion(severity="catastrophic"), False),
    ],
    ids=[
        "500",
        "429",
        "429 in a 200",
        "402 in a 200",
        "closes in the middle",
        "401",
        "400",
        "HTML",
        "refusal",
        "no severity of ours",
    ],
)
def test_only_a_server_in_trouble_opens_the_circuit_and_is_left_alone(
    script: Script, opens: bool, serve: Callable[[Script], Server], environment: Callable[[], SharedCircuit]
) -> None:
    server = serve(script)
    endpoint = Endpoint(server.url, "test-model", lambda: "key", 500)
    model = ChatModel(endpoint, deadline_seconds=30, circuit=environment())
    for _ in range(FAILURES_IN_A_ROW + 2):
        with pytest.raises(ModelGaveNoVerdict) as raised:
            model.verdict(PROMPT)
    assert ("circuit open" in str(raised.value)) is opens
    assert len(server.requests) == FAILURES_IN_A_ROW + (0 if opens else 2)


def test_a_server_that_hangs_costs_so_many_deadlines_and_no_more(
    serve: Callable[[Script], Server], environment: Callable[[], SharedCircuit]
) -> None:
    hangs = serve(chat_server.says_nothing)
    model = ChatModel(Endpoint(hangs.url, "slow", lambda: "k", 500), deadline_seconds=1, circuit=environment())

    def ask() -> str:
        with pytest.raises(ModelGaveNoVerdict) as raised:
            model.verdict(PROMPT)
        return str(raised.value)

    # On a busy machine a question may begin late. That failure is ours and begins the count anew.
    said = list(itertools.takewhile(lambda words: "circuit open" not in words, (ask() for _ in range(30))))
    theirs = ["no answer within" in words and "slow start" not in words for words in said]
    assert theirs[-FAILURES_IN_A_ROW:] == [True] * FAILURES_IN_A_ROW
    asked = len(hangs.requests)
    assert "circuit open" in ask()
    assert len(hangs.requests) == asked


def test_a_slow_start_of_ours_never_opens_the_circuit(
    serve: Callable[[Script], Server], environment: Callable[[], SharedCircuit]
) -> None:
    server = serve(chat_server.says_nothing)

    def slowly() -> str:
        time.sleep(0.6)  # more than half of the deadline
        return "key"

    model = ChatModel(Endpoint(server.url, "test-model", slowly, 500), deadline_seconds=1, circuit=environment())
    for _ in range(FAILURES_IN_A_ROW + 1):  # an open circuit would say "circuit open" in the end
        with pytest.raises(ModelGaveNoVerdict, match=r"after a slow start|no time was left|no answer within 1 s"):
            model.verdict(PROMPT)
