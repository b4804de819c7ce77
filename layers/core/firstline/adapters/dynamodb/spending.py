"""The model's usage: tokens and cost by day (UTC), and the daily ceiling above which the model is not asked.

| what | pk | sk |
|---|---|---|
| a day | `SPENDING` | `2026-03-04` |

The two ceilings of a day limit `held_tokens` and `held_micros` (millionths of the prices' currency): the sum of what
was spent and of the most that the questions in progress may need. One conditional write reserves the most for a
question before it is asked, and what it did not need is given back. So questions that are asked at the same time cannot
exceed a ceiling together. `prompt_tokens`, `completion_tokens`, `cost_micros`, `questions` and `unmetered` are for
people. `unmetered` counts questions with unknown usage (no answer in time), which keep their reservation.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

from firstline.adapters.dynamodb.table import Table
from firstline.errors import CeilingReached, HistoryUnavailable, ModelGaveNoVerdict
from firstline.models import Frozen, Usage
from firstline.observability import count, logger
from firstline.policy.model import Ceiling
from firstline.text import count as count_of
from firstline.text import short_duration

PARTITION = "SPENDING"
_EXPIRES = "SET expires_at = if_not_exists(expires_at, :expiry)"


@dataclass(frozen=True, slots=True)
class Reservation:
    """The tokens, and the cost in millionths of the prices' currency, reserved for one question to a model."""

    day: str
    tokens: int
    micros: int


class Day(Frozen):
    """The model's usage on one day (UTC), for reports.

    `cost` is in the prices' currency, without questions to a model that has no price. `unmetered` counts questions with
    unknown usage, `ceiling_at` is when the day's ceiling was reached (None: it was not).
    """

    day: date
    questions: int = 0
    unmetered: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    cost: float = 0
    ceiling_at: datetime | None = None


class Spending:
    """The usage of a stack's models, and the daily ceiling on it."""

    def __init__(
        self, table: Table, ceiling: Ceiling, *, clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        self._table = table
        self._ceiling = ceiling
        self._clock = clock
        self._told = ""

    def hold(self, most: Usage) -> Reservation:
        """Reserve the most tokens and cost that a question to a model may need, before it is asked.

        Raises
        ------
        CeilingReached
            The question may need more than is left.
        ModelGaveNoVerdict
            The table cannot be read, so it is unknown whether the ceiling is reached.
        """
        day = self._clock().astimezone(UTC).date().isoformat()
        if not self._ceiling.exists:
            return Reservation(day, 0, 0)
        held = Reservation(day, most.tokens, _micros(most.cost))
        if not self._take(held):
            self._tell_once(day)
            now = self._clock().astimezone(UTC)
            left = short_duration(datetime.combine(now.date() + timedelta(days=1), time(0), UTC) - now)
            reached = f"{self._words()} for the day is reached; a new day begins in {left}"
            raise CeilingReached(f"the model is not asked: {reached}")
        return held

    def settle(self, held: Reservation, usage: Usage | None) -> None:
        """Record what a question to a model used, and release the rest of its reservation; never raises.

        If `usage` is None, it is unknown, and the whole reservation stays.
        """
        values: dict[str, object] = {":one": 1, ":expiry": self._table.expiry(self._clock())}
        if usage is None:
            added = "questions :one, unmetered :one"
        else:
            added = (
                "questions :one, held_tokens :tokens, held_micros :micros, prompt_tokens :prompt, "
                "completion_tokens :completion, cost_micros :cost"
            )
            cost = _micros(usage.cost)
            values |= {":tokens": usage.tokens - held.tokens, ":micros": cost - held.micros, ":cost": cost}
            values |= {":prompt": usage.prompt_tokens, ":completion": usage.completion_tokens}
        try:
            self._table.update(PARTITION, held.day, f"ADD {added} {_EXPIRES}", values, condition=None)
        except HistoryUnavailable as error:
            logger.warning("The model's usage could not be recorded", error=str(error))

    def days(self, since: date) -> Iterator[Day]:
        """Yield each day's usage, oldest first. Raises `HistoryUnavailable`."""
        for item in self._table.query(PARTITION, since=since.isoformat()):
            yield Day.from_stored(item | {"day": item["sk"], "cost": float(item.get("cost_micros", 0)) / 1_000_000})

    def reached(self, since: date) -> dict[date, str]:
        """Return the days since a day whose ceiling was reached, each with what was used in words."""
        return {
            day.day: f"{count_of(day.questions, 'question')} and {day.prompt_tokens + day.completion_tokens:,} tokens"
            for day in self.days(since)
            if day.ceiling_at is not None
        }

    def _take(self, held: Reservation) -> bool:
        conditions = []
        values = {":tokens": held.tokens, ":micros": held.micros, ":expiry": self._table.expiry(self._clock())}
        for name, most, wanted in (
            ("held_tokens", self._ceiling.tokens, held.tokens),
            ("held_micros", _micros(self._ceiling.cost), held.micros),
        ):
            if most > 0:
                if wanted > most:
                    return False
                conditions.append(f"(attribute_not_exists({name}) OR {name} <= :room_{name})")
                values[f":room_{name}"] = most - wanted
        change = f"ADD held_tokens :tokens, held_micros :micros {_EXPIRES}"
        try:
            taken = self._table.update(PARTITION, held.day, change, values, condition=" AND ".join(conditions))
        except HistoryUnavailable as error:
            raise ModelGaveNoVerdict(f"the model is not asked: today's usage cannot be read ({error})") from error
        return taken is not None

    def _tell_once(self, day: str) -> None:
        """Log and count that a day's ceiling is reached, once for all processes of the function."""
        if self._told == day:
            return
        now = self._clock()
        values = {":now": now.isoformat(), ":expiry": self._table.expiry(now)}
        once = "attribute_not_exists(ceiling_at)"
        try:
            first = self._table.update(PARTITION, day, f"{_EXPIRES}, ceiling_at = :now", values, condition=once)
        except HistoryUnavailable as error:
            logger.warning("It could not be recorded that the model's ceiling is reached", error=str(error))
            return
        self._told = day
        if first is not None:
            logger.warning("The model's ceiling for the day is reached; rules alone decide", ceiling=self._words())
            count("LlmCeilingReached")

    def _words(self) -> str:
        tokens = f"daily_ceiling.tokens ({self._ceiling.tokens:,})" if self._ceiling.tokens else ""
        cost = f"daily_ceiling.cost ({self._ceiling.cost:g})" if self._ceiling.cost else ""
        return " or ".join(filter(None, [tokens, cost]))


def _micros(cost: float | None) -> int:
    return round((cost or 0.0) * 1_000_000)
