"""Circuit breaker around a model's server. Its state is in the table, where every environment of the function sees it.

After some failures in a row the server is left alone for a while, and no incident waits for it.

| what | pk | sk |
|---|---|---|
| a circuit | `CIRCUITS` | `<host>/<model>` |

Powertools' circuit breaker does the work. It is imported when a model is asked and not before.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from firstline.errors import CeilingReached, CircuitOpen, ModelGaveNoVerdict, ModelUnavailable
from firstline.observability import count, logger

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.client import DynamoDBClient

PARTITION = "CIRCUITS"

FAILURES_IN_A_ROW = 3
"""The failures in one environment that open the circuit.

Each costs an incident a deadline; with fewer, one bad minute would count as an outage."""

OPEN_SECONDS = 60
"""The time after which one incident at a time asks again; its answer closes or opens the circuit everywhere.

Not less than the longest deadline, because the question that probes has the circuit to itself for as long."""

STATE_AGE_SECONDS = 5


class SharedCircuit:
    """A circuit breaker whose state all environments share.

    Only `ModelUnavailable` is a failure of the server. A refusal or a wrong answer is not: the author of an alert could
    cause one and so switch the model off for all other alerts. When the table does not answer, the model is asked: a
    breaker must not be the outage.
    """

    def __init__(self, client: "DynamoDBClient", table_name: str) -> None:
        self._client = client
        self._table_name = table_name
        self._store: Any = None

    def call[T](self, name: str, ask: Callable[[], T]) -> T:
        """Return or raise what `ask` does. While the circuit of that name is open, raise `CircuitOpen`."""
        from aws_lambda_powertools.utilities.circuit_breaker import CircuitBreakerConfig, circuit_breaker

        if self._store is None:
            self._store = _store(self._client, self._table_name)

        def answer_or_mistake() -> T | ModelGaveNoVerdict:
            try:
                return ask()
            except (ModelUnavailable, CeilingReached):
                raise
            except ModelGaveNoVerdict as mistake:
                return mistake  # the server answered, and the circuit counts nothing else

        guarded = circuit_breaker(
            name=name,
            persistence_store=self._store,
            on_circuit_open=_refuse,
            on_transition=_tell,
            config=CircuitBreakerConfig(
                failure_threshold=FAILURES_IN_A_ROW,
                recovery_timeout=OPEN_SECONDS,
                # A probe belongs to a thread, and each question has its own thread, so one success must be enough.
                success_threshold=1,
                handled_exceptions=ModelUnavailable,
                local_cache_max_age=STATE_AGE_SECONDS,
            ),
        )(answer_or_mistake)
        outcome: T | ModelGaveNoVerdict = guarded()
        if isinstance(outcome, ModelGaveNoVerdict):
            raise outcome
        return outcome


def _store(client: "DynamoDBClient", table_name: str) -> Any:
    from aws_lambda_powertools.utilities.circuit_breaker.persistence import CircuitBreakerDynamoDBPersistence

    class Store(CircuitBreakerDynamoDBPersistence):
        def try_acquire_half_open(self, name: str, owner: str, opened_at: int) -> bool:
            """Let the call through if the table cannot be written, as `call` does if it cannot be read."""
            try:
                return super().try_acquire_half_open(name, owner, opened_at)
            except Exception:  # noqa: BLE001 - whatever a store can raise
                logger.exception("circuit could not be claimed for a probe: asking all the same", circuit=name)
                return True

    keys: dict[str, Any] = {
        "key_attr": "pk",
        "sort_key_attr": "sk",
        "static_pk_value": PARTITION,
        "expiry_attr": "expires_at",
    }
    return Store(table_name, **keys, boto3_client=client)


def _refuse(circuit: Any) -> Any:  # noqa: ARG001 - Powertools gives it by its name
    raise CircuitOpen(f"circuit open: its server failed {FAILURES_IN_A_ROW} times in a row and is left alone")


def _tell(transition: Any) -> None:
    states = {"was": transition.from_state, "now": transition.to_state}
    logger.warning("circuit of a model", circuit=transition.circuit_name, **states)
    if transition.to_state == "OPEN":
        count("LlmCircuitOpened")
