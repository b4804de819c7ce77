"""Error lines of a log, grouped by their shape: what fails, how often, and since when. Pure.

A log is text that anybody may have caused to be written, and it may hold secrets and personal data. So no line leaves
this module: of the lines that are alike only the shape does, which is redacted and has its numbers, ids, hosts, paths
and quoted values masked (`templates.mask`). It is shown to people and to a model as data. It names no cause.
"""

import json
import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any, NamedTuple

from firstline.classification.templates import PLACEHOLDERS, mask
from firstline.models import ErrorLine
from firstline.privacy.safe import safe_line
from firstline.text import shorten, strip_invisible

MAX_LINES = 5
MAX_SHAPE_CHARS = 160
MAX_EVENT_CHARS = 8_000
"""The rest of a longer event is not read."""

_MAX_LINE_CHARS = 500
_MAX_CANDIDATES = 25
"""The most shapes that are redacted, the most frequent first: without their secrets, some become the same shape."""

_LEVEL = re.compile(
    r"\b(TRACE|DEBUG|INFO|NOTICE|WARN|WARNING|LOG|ERROR|ERR|FATAL|CRITICAL|CRIT|SEVERE|PANIC|EMERG|EMERGENCY|ALERT"
    r"|(?:STATEMENT|DETAIL|HINT|CONTEXT|QUERY)(?=:))\b"
)
"""Levels as loggers write them, and the lines that PostgreSQL adds to an error: those quote queries and values."""

_BAD = frozenset(["error", "err", "fatal", "critical", "crit", "severe", "panic", "emerg", "emergency", "alert"])
_LEVEL_CHARS = 250
"""A level stands at the begin of a line."""

_MARK = re.compile(
    r"\b\w*(?:Exception|Error|Failure)\b|\bTraceback \(most recent call last\)|\bpanic:|\btimed out\b|"
    r"\b[Oo]ut of memory\b|\bExecution failed\b|\bOOMKilled\b|\blevel=[\"']?(?:error|fatal|critical|panic)\b|"
    r"[\[<](?:error|fatal|crit|alert|emerg)[\]>]|\b(?:error|fatal|exception):|^[EF]\d{4} "
)
"""The words that make a line without a level an error."""

_TRACEBACK = "Traceback (most recent call last)"
_ACCOUNTS = ("REPORT RequestId:", "START RequestId:", "END RequestId:", "INIT_REPORT ", "INIT_START ")
"""The begins of the lines in which Lambda accounts for a run. Other lines tell its error."""

_PINO_ERROR = 50
"""Levels as numbers, of pino and bunyan: https://getpino.io/#/docs/api?id=logger-level"""

_LEVEL_KEYS = ("level", "severity", "levelname", "log.level", "loglevel", "lvl")
_TYPE_KEYS = ("errorType", "exception_name", "error.type", "exception.type")
_TEXT_KEYS = ("errorMessage", "message", "msg", "error", "exception", "err", "integrationErrorMessage", "event")
_SERVER_ERROR = 500


class LogEvent(NamedTuple):
    """One event of a log: its time, in milliseconds since 1970, and its text."""

    at: int
    text: str


def group(events: Iterable[LogEvent]) -> list[ErrorLine]:
    """Return the most frequent shapes of the events that tell an error, most frequent first."""
    alike: dict[str, tuple[int, int, str]] = {}
    for event in events:
        line = error_line(event.text)
        if line is None:
            continue
        times, first, example = alike.get(mask(line), (0, event.at, line))
        alike[mask(line)] = (times + 1, min(first, event.at), example)
    shapes: dict[str, tuple[int, int]] = {}
    for times, first, example in sorted(alike.values(), key=lambda found: -found[0])[:_MAX_CANDIDATES]:
        if shape := _shape(example):
            others, earliest = shapes.get(shape, (0, first))
            shapes[shape] = (others + times, min(earliest, first))
    most = sorted(shapes.items(), key=lambda item: (-item[1][0], item[1][1]))[:MAX_LINES]
    return [
        ErrorLine(shape=shape, times=times, first_at=datetime.fromtimestamp(first / 1_000, UTC))
        for shape, (times, first) in most
    ]


def _shape(line: str) -> str:
    """Redact first: what is masked before it is redacted no longer looks like a secret."""
    words = mask(safe_line(line, _MAX_LINE_CHARS)).split()
    begin = next((place for place, word in enumerate(words) if word not in PLACEHOLDERS), len(words))
    return shorten(" ".join(words[begin:]), MAX_SHAPE_CHARS)


def error_line(text: str) -> str | None:
    """Return the line of an event that tells its error, or None if it tells none. Not redacted."""
    if text[:1] in (" ", "\t"):
        return None  # the rest of a stack trace whose lines are events of their own
    text = strip_invisible(text[:MAX_EVENT_CHARS].replace("\r", "\n")).strip()
    if text.startswith("{") and (fields := _object(text)) is not None:
        return _of_fields(fields)
    if text.startswith(_ACCOUNTS):
        return None
    lines = [line for line in text.split("\n") if line.strip()]
    found = next((line for line in lines if _is_error(line)), None)
    return _told(found, lines) if found is not None else None


def _is_error(line: str) -> bool:
    level = _LEVEL.search(line, 0, _LEVEL_CHARS)
    if level is not None:
        return level[1].lower() in _BAD
    return _MARK.search(line[:_MAX_LINE_CHARS]) is not None


def _told(line: str, lines: list[str]) -> str | None:
    """Return the line; of a traceback the last, which names the exception; of one that ends in JSON, what that says."""
    if _TRACEBACK in line:
        named = next((later for later in lines[lines.index(line) + 1 :] if not later[0].isspace()), None)
        if named is None:
            return None
        line = named
    if (level := _LEVEL.search(line, 0, _LEVEL_CHARS)) is not None:
        line = line[level.end() :].lstrip("]>): \t") or line
    head, brace, rest = line.partition("{")
    fields = _object(brace + rest) if brace else None
    inner = _of_fields(fields) if fields else None
    return f"{head.strip()} {inner}"[:_MAX_LINE_CHARS] if inner else line.strip()[:_MAX_LINE_CHARS]


def _of_fields(fields: Mapping[str, Any]) -> str | None:
    """Return what a structured event says of its error: type and message, or the status of a failed request."""
    level = next((fields[key] for key in _LEVEL_KEYS if key in fields), None)
    words = [_text(fields, _TYPE_KEYS), _text(fields, _TEXT_KEYS)]
    status = str(fields.get("status", ""))
    if level is None and status.isdecimal() and int(status) >= _SERVER_ERROR:
        words = [f"status {status[0]}xx", *(_text(fields, (key,)) for key in ("routeKey", "httpMethod")), words[1]]
    elif not _is_bad(level, words):
        return None
    said = ": ".join(word for word in words if word)
    return said[:_MAX_LINE_CHARS] or None


def _is_bad(level: object, words: list[str]) -> bool:
    if isinstance(level, int):
        return level >= _PINO_ERROR
    if isinstance(level, str):
        return level.strip().lower() in _BAD
    return any(words) and (bool(words[0]) or _is_error(words[1]))


def _text(fields: Mapping[str, Any], keys: tuple[str, ...]) -> str:
    """Return the first of the fields that holds a text; of an error that is an object, its message."""
    for key in keys:
        value = fields.get(key)
        value = value.get("message") if isinstance(value, dict) else value
        if isinstance(value, str) and value.strip() not in ("", "-"):
            return value.strip().split("\n", 1)[0]
    return ""


def _object(text: str) -> dict[str, Any] | None:
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None
