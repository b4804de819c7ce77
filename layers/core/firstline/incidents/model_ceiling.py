"""The message to operators that the model's ceiling for the day is reached."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import partial

from firstline.incidents.tell_once import Once

DAY = timedelta(days=1)

LATE = timedelta(hours=1)
"""The time after midnight in which operators are still told of the day before."""


@dataclass
class CeilingWatch:
    """The check, each minute, whether the model's ceiling for the day is reached. Operators are told once a day.

    Parameters
    ----------
    reached
        Returns the days since a day (UTC) whose ceiling was reached, each with what was used.
    say
        Sends operators a message with a subject and a text.
    """

    reached: Callable[[date], dict[date, str]]
    once: Once
    say: Callable[[str, str], object]
    stack: str

    def look(self, now: datetime) -> None:
        """Tell operators of each day whose ceiling was reached, unless they were told. If it fails, call it again."""
        for day, used in self.reached((now - LATE).astimezone(UTC).date()).items():
            self.once.tell(f"ceiling {day.isoformat()}", now, 2 * DAY, partial(self._tell, day, used))

    def _tell(self, day: date, used: str) -> bool:
        self.say(
            f"{self.stack}: the model's ceiling for the day is reached",
            f"With {used} the model of {self.stack} reached the ceiling for {day.isoformat()} (UTC), daily_ceiling in "
            "runbooks/policy/model.yaml. Incidents go on: until the next day rules and history decide. Look for a "
            "storm, or for a model that reasons too long; raise the ceiling, or leave it. "
            f"`firstline report --model --stack {self.stack}` shows the days.",
        )
        return True
