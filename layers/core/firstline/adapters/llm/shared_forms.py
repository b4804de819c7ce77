"""The form of request that each model's server accepts, stored in the table for all processes of the stack.

| what | pk | sk |
|---|---|---|
| a form | `CIRCUITS` | `<host>/<model>#FORM` |

A form is forgotten after thirty days, because the server may have been renewed by then. If the table fails, a process
finds the form out by itself.
"""

from collections.abc import Callable
from dataclasses import asdict
from datetime import UTC, datetime, timedelta

from pydantic import TypeAdapter, ValidationError

from firstline.adapters.dynamodb.model_circuit import PARTITION
from firstline.adapters.dynamodb.table import Table
from firstline.adapters.llm.chat_format import ChatFormat
from firstline.errors import HistoryUnavailable
from firstline.observability import logger

REMEMBERED_FOR = timedelta(days=30)


class SharedForms:
    """The store, in the table, of the form of request that each model's server accepts.

    A server is named by its circuit breaker.
    """

    def __init__(self, table: Table, clock: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._table = table
        self._clock = clock

    def recall(self, circuit: str) -> ChatFormat | None:
        """Return the form of request that the server of this circuit breaker accepted last.

        None if it is unknown, too old or invalid, or if the table fails.
        """
        try:
            item = self._table.get(PARTITION, f"{circuit}#FORM")
        except HistoryUnavailable as error:
            logger.warning("The form for the model's server cannot be read", circuit=circuit, error=str(error))
            return None
        if item is None or int(item["expires_at"]) <= self._clock().timestamp():
            return None
        try:
            return TypeAdapter(ChatFormat).validate_python(item["form"])
        except ValidationError:
            return None

    def keep(self, circuit: str, form: ChatFormat) -> None:
        """Store the form of request that the server of this circuit breaker accepted; never raises."""
        expires_at = int((self._clock() + REMEMBERED_FOR).timestamp())
        item = {"pk": PARTITION, "sk": f"{circuit}#FORM", "form": asdict(form), "expires_at": expires_at}
        try:
            self._table.put(item)
        except HistoryUnavailable as error:
            logger.warning("The form for the model's server cannot be stored", circuit=circuit, error=str(error))
