"""Durations in the owner's files: a whole number and a unit."""

import re
from datetime import timedelta
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, Field

_DURATION = re.compile(r"([1-9][0-9]{0,4})([smhdw])")
_SECONDS = {"s": 1, "m": 60, "h": 3_600, "d": 86_400, "w": 604_800}


def _read_duration(value: object) -> object:
    """Read a text such as `15m` as a duration, and return a timedelta unchanged; raise ValueError for other values."""
    if isinstance(value, timedelta):
        return value
    if not isinstance(value, str):
        raise ValueError(f"{value!r} has no unit; write a number and s, m, h, d or w, as in 30s or 15m")
    if not (found := _DURATION.fullmatch(value)):
        raise ValueError(f"{value!r} is not a duration; write a number and s, m, h, d or w, as in 30s or 15m")
    return timedelta(seconds=int(found[1]) * _SECONDS[found[2]])


def between(least: timedelta, most: timedelta) -> AfterValidator:
    """Return a validator that refuses durations below `least` and above `most`."""

    def check(value: timedelta) -> timedelta:
        if least <= value <= most:
            return value
        given, lowest, highest = (int(span.total_seconds()) for span in (value, least, most))
        raise ValueError(f"{given}s is out of range; write a duration from {lowest}s to {highest}s")

    return AfterValidator(check)


type Duration = Annotated[
    timedelta,
    BeforeValidator(_read_duration, json_schema_input_type=Annotated[str, Field(pattern=r"^[1-9][0-9]{0,4}[smhdw]$")]),
]
"""A duration as the owner writes it: `30s`, `15m`, `2h`, `1d`, `1w`."""
