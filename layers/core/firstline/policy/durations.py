"""Spans of time as files say them: a whole number and a unit."""

import re
from datetime import timedelta
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, Field

_DURATION = re.compile(r"([1-9][0-9]{0,4})([smhd])")
_SECONDS = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}


def read_duration(value: object) -> object:
    """`15m` -> a quarter of an hour; a timedelta passes."""
    if isinstance(value, str):
        found = _DURATION.fullmatch(value)
        if not found:
            raise ValueError(f"{value!r} is not a duration; write a number and s, m, h or d, as in 30s or 15m")
        return timedelta(seconds=int(found[1]) * _SECONDS[found[2]])
    if isinstance(value, timedelta):
        return value
    raise ValueError(f"{value!r} has no unit; write a number and s, m, h or d, as in 30s or 15m")


def between(least: timedelta, most: timedelta) -> AfterValidator:
    """Refuse durations outside these, both of them allowed."""

    def check(value: timedelta) -> timedelta:
        if least <= value <= most:
            return value
        least_seconds, most_seconds = int(least.total_seconds()), int(most.total_seconds())
        raise ValueError(
            f"{int(value.total_seconds())}s is out of range; {least_seconds}s to {most_seconds}s is allowed"
        )

    return AfterValidator(check)


type Duration = Annotated[
    timedelta,
    BeforeValidator(read_duration, json_schema_input_type=Annotated[str, Field(pattern=r"^[1-9][0-9]{0,4}[smhd]$")]),
]
"""`30s`, `15m`, `2h`, `1d`."""
