"""The account of the model: its tokens and cost by day (UTC), and the ceiling after which it is not asked.

| what | pk | sk |
|---|---|---|
| a day | `SPENDING` | `2026-03-04` |

`held_tokens` and `held_micros` (millionths of the prices' currency) are what the ceilings look at: what was spent, and
the most that questions on their way may take. A question takes its most before it is asked, in one conditional write,
and gives back what it did not need; so any number of questions at a time cannot pass a ceiling together.
`prompt_tokens`, `completion_tokens`, `cost_micros`, `questions` and `unmetered` are for people. `unmetered` counts
questions of which nobody knows what they took (no answer in time): those keep what they have taken.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal

from firstline.adapters.dynamodb.table import Table
from firstline.errors import CeilingReached, HistoryUnavailable, ModelGaveNoVerdict
from firstline.models import Usage
from firstline.observability import count, logger
from firstline.policy.model import Ceiling

PARTITION = "SPENDING"


@dataclass(frozen=True, slots=True)
class Reservation:
    """Tokens and cost reserved for one question."""

    day: str
    tokens: int
    micros: int


@dataclass(frozen=True, slots=True)
class Day:
    """The usage of a day, for people. `cost` leaves out questions without a price."""

    day: date
    questions: int
    unmetered: int
    prompt_tokens: int
    completion_tokens: int
    cost: float
    ceiling_at: datetime | None


class Spending:
    """The account of a stack's models."""

    def __init__(
        self, table: Table, ceiling: Ceiling, *, clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        self._table = table
        self._ceiling = ceiling
        self._clock = clock
        self._told = ""

    def hold(self, most: Usage) -> Reservation:
        """Reserve the most that a question may need, before it is asked.

        Raises
        ------
        CeilingReached
            There is not that much left.
        ModelGaveNoVerdict
            There is a ceiling, and nobody knows whether it is reached.
        """
        day = self._clock().astimezone(UTC).date().isoformat()
        if not self._ceiling.exists:
            return Reservation(day, 0, 0)
        held = Reservation(day, most.tokens, _micros(most.cost))
        if not self._take(held):
            self._tell_once(day)
            raise CeilingReached(
                f"not asked: {self._words()} for the day is reached, and a new day begins at 00:00 UTC"
            )
        return held

    def settle(self, held: Reservation, usage: Usage | None) -> None:
        """Give back what was not needed, and write down what was. It never raises: the answer matters more."""
        values: dict[str, object] = {":one": 1, ":expiry": self._table.expiry(self._clock())}
        if usage is None:
            added = "questions :one, unmetered :one"
        else:
            added = (
                "questions :one, held_tokens :tokens, held_micros :micros, prompt_tokens :prompt, "
                "completion_tokens :completion, cost_micros :cost"
            )
            cost = _micros(usage.cost)
            values |= {
                ":tokens": usage.tokens - held.tokens,
                ":micros": cost - held.micros,
                ":prompt": usage.prompt_tokens,
                ":completion": usage.completion_tokens,
                ":cost": cost,
            }
        try:
            self._table.update(
                PARTITION,
                held.day,
                f"ADD {added} SET expires_at = if_not_exists(expires_at, :expiry)",
                values,
                condition=None,
            )
        except HistoryUnavailable as error:
            logger.warning("what the model took could not be written down", error=str(error))

    def days(self, since: date) -> Iterator[Day]:
        """Yield what each day took, oldest first. Raises `HistoryUnavailable`."""
        for item in self._table.query(PARTITION, since=since.isoformat()):
            yield Day(
                day=date.fromisoformat(item["sk"]),
                questions=int(item.get("questions", 0)),
                unmetered=int(item.get("unmetered", 0)),
                prompt_tokens=int(item.get("prompt_tokens", 0)),
                completion_tokens=int(item.get("completion_tokens", 0)),
                cost=float(item.get("cost_micros", Decimal(0))) / 1_000_000,
                ceiling_at=datetime.fromisoformat(item["ceiling_at"]) if "ceiling_at" in item else None,
            )

    def _take(self, held: Reservation) -> bool:
        conditions, values = [], {":tokens": held.tokens, ":micros": held.micros}
        for name, most, wanted in (
            ("held_tokens", self._ceiling.tokens, held.tokens),
            ("held_micros", _micros(self._ceiling.cost), held.micros),
        ):
            if most > 0:
                if wanted > most:
                    return False
                conditions.append(f"(attribute_not_exists({name}) OR {name} <= :room_{name})")
                values[f":room_{name}"] = most - wanted
        values[":expiry"] = self._table.expiry(self._clock())
        try:
            taken = self._table.update(
                PARTITION,
                held.day,
                "ADD held_tokens :tokens, held_micros :micros SET expires_at = if_not_exists(expires_at, :expiry)",
                values,
                condition=" AND ".join(conditions),
            )
        except HistoryUnavailable as error:
            raise ModelGaveNoVerdict(f"not asked: what was spent today is not known ({error})") from error
        return taken is not None

    def _tell_once(self, day: str) -> None:
        """Count the metric once a day over all environments: an alarm, not a drumbeat."""
        if self._told == day:
            return
        try:
            first = self._table.update(
                PARTITION,
                day,
                "SET ceiling_at = :now, expires_at = if_not_exists(expires_at, :expiry)",
                {":now": self._clock().isoformat(), ":expiry": self._table.expiry(self._clock())},
                condition="attribute_not_exists(ceiling_at)",
            )
        except HistoryUnavailable as error:
            logger.warning("that the ceiling is reached could not be written down", error=str(error))
            return
        self._told = day
        if first is not None:
            logger.warning("the model's ceiling for the day is reached", ceiling=self._words())
            count("LlmCeilingReached")

    def _words(self) -> str:
        ceilings = []
        if self._ceiling.tokens:
            ceilings.append(f"daily_ceiling.tokens ({self._ceiling.tokens:,})")
        if self._ceiling.cost:
            ceilings.append(f"daily_ceiling.cost ({self._ceiling.cost:g})")
        return " or ".join(ceilings)


def _micros(cost: float | None) -> int:
    return round((cost or 0.0) * 1_000_000)
