"""Conversion of silences: from the arguments of a command, to the rows of a list, and to values for JSON and CSV."""

import secrets
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from pydantic import TypeAdapter, ValidationError

from firstline.errors import ConfigurationError
from firstline.policy.durations import Duration
from firstline.policy.holds import Silence, matched
from firstline.policy.match import AlertMatch
from firstline.text import in_words
from firstline_cli.console import here


def make_silence(matchers: Sequence[str], lasts: str, now: datetime, details: Mapping[str, Any]) -> Silence:
    """Build a silence from matchers (`host=web-1`) and a duration. `details` are its other fields: owner, reason, ….

    Raises
    ------
    ConfigurationError
        A matcher, the duration or a detail is wrong; the message says what to write.
    """
    match: dict[str, list[str]] = {}
    labels: dict[str, list[str]] = {}
    for matcher in matchers:
        key, equals, pattern = matcher.partition("=")
        if not equals or not pattern:
            raise ConfigurationError(f"{matcher!r} is no matcher; write key=pattern, as in host=web-1.")
        into, name = (labels, key.removeprefix("labels.")) if key.startswith("labels.") else (match, key)
        if key == "source":
            _check_source(pattern)
        into.setdefault(name, []).append(pattern)
    return _silence(match | ({"labels": labels} if labels else {}), lasts, now, details)


def _check_source(pattern: str) -> None:
    """Raise ConfigurationError if the pattern fits no source: the silence would never hold an alert."""
    from firstline_cli.policies import of_no_source

    if mistake := of_no_source(pattern):
        raise ConfigurationError(f"source: {mistake}.")


def extended(before: Silence, lasts: str, now: datetime) -> Silence:
    """Return a new silence for the same alerts as `before`, which begins now and lasts for `lasts`, such as `4h`.

    Raises ConfigurationError if `lasts` is no valid duration.
    """
    details = before.model_dump(include={"owner", "reason", "until_resolved", "even_critical"})
    return _silence(before.match.model_dump(exclude_defaults=True), lasts, now, details)


def _silence(match: Mapping[str, Any], lasts: str, now: datetime, details: Mapping[str, Any]) -> Silence:
    try:
        span: timedelta = TypeAdapter(Duration).validate_python(lasts)
        return Silence(
            id=f"{now:%Y%m%d-%H%M}-{secrets.token_hex(2)}",
            match=AlertMatch.model_validate(match),
            created_at=now,
            expires_at=now + span,
            **details,
        )
    except ValidationError as error:
        raise ConfigurationError(f"{'; '.join(_problems(error))}.") from None


def _problems(error: ValidationError) -> Iterator[str]:
    for problem in error.errors():
        where = ".".join(str(part) for part in problem["loc"] if isinstance(part, str))
        if problem["type"] == "extra_forbidden":
            known = ", ".join((*(name for name in AlertMatch.model_fields if name != "labels"), "labels.<name>"))
            yield f"no such key {where!r}; known are {known}"
        else:
            said = problem["msg"].removeprefix("Value error, ")
            yield f"{where}: {said}" if where else said


HEAD = ("id", "what", "owner", "reason", "ends")


def rows(silences: Iterable[Silence], now: datetime) -> Iterator[tuple[str, ...]]:
    """Yield the cells of each silence in the list, in the order of the headings (`HEAD`)."""
    for silence in silences:
        what = matched(silence)
        if silence.even_critical:
            what += " (even critical)"
        if silence.active(now):
            ends = f"in {in_words(silence.expires_at - now)}" + (
                ", or when it resolves" if silence.until_resolved else ""
            )
        else:
            ended_by = f" by {silence.ended_by}" if silence.ended_by else ""
            ends = f"ended {here(silence.ended_at or silence.expires_at)}{ended_by}"
        yield silence.id, what, silence.owner, silence.reason, ends


COLUMNS = (
    *("id", "what", "owner", "reason", "created_at", "expires_at", "until_resolved", "even_critical", "active"),
    *("ended_at", "ended_by"),
)
"""The columns of the list as CSV."""


def plain(silence: Silence, now: datetime) -> dict[str, Any]:
    """Return a silence as plain values, under the names that JSON and CSV use."""
    given = silence.model_dump(mode="json", exclude={"match"})
    return given | {"what": matched(silence), "active": silence.active(now)}
