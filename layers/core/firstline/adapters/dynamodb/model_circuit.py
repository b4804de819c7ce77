"""Circuit breaker around a model's server. Its state is in the table, so all processes of the Lambda function share it.

After three failures in a row in one process, none asks the server for 60 seconds, so that no incident waits for it.

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
"""The failures in one environment of the function that open the circuit: each makes an incident wait in vain."""

OPEN_SECONDS = 60
"""The time after which one incident asks the server again; its answer closes or opens the circuit for all.

No other incident asks meanwhile, so this must not be less than the longest deadline of a question."""

STATE_AGE_SECONDS = 5


class SharedCircuit:
    """A circuit breaker whose state all processes of the Lambda function share; open means: do not ask the server.

    Only `ModelUnavailable` counts as a failure. A refusal or a wrong answer does not: the author of an alert could
    cause one and so switch the model off for all other alerts. If the table does not answer, the model is asked.
    """

    def __init__(self, client: "DynamoDBClient", table_name: str) -> None:
        self._client = client
        self._table_name = table_name
        self._store: Any = None

    def call[T](self, name: str, ask: Callable[[], T]) -> T:
        """Return what `ask` returns; while the circuit of that name is open, raise `CircuitOpen` without a call."""
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
            """Claim the one question that tests whether the server works again; return False if another process has it.

            `name` is the circuit's, `owner` the claiming thread, and `opened_at` when the circuit opened, as it was
            read. Return True also if the table cannot be written: the model is then asked anyway.
            """
            try:
                return super().try_acquire_half_open(name, owner, opened_at)
            except Exception:  # noqa: BLE001 - whatever a store can raise
                logger.exception("The circuit's state cannot be written; the model is asked anyway", circuit=name)
                return True

    keys: dict[str, Any] = {
        "key_attr": "pk",
        "sort_key_attr": "sk",
        "static_pk_value": PARTITION,
        "expiry_attr": "expires_at",
    }
    return Store(table_name, **keys, boto3_client=client)


def _refuse(circuit: Any) -> Any:  # noqa: ARG001 - Powertools gives it by its name
    failed = f"its server failed {FAILURES_IN_A_ROW} times in a row"
    raise CircuitOpen(f"circuit open: {failed}, so the model is not asked for {OPEN_SECONDS} seconds")


def _tell(transition: Any) -> None:
    states = {"was": transition.from_state, "now": transition.to_state}
    logger.warning("The circuit of a model's server changed its state", circuit=transition.circuit_name, **states)
    if transition.to_state == "OPEN":
        count("LlmCircuitOpened")
