"""The error lines of a log, grouped by shape: what fails, how often, and since when. Pure.

A log is untrusted text that may hold secrets and personal data. So only shapes leave this module, never lines: a shape
is a redacted line with its numbers, ids, hosts, paths and quoted values masked (`templates.mask`). People and a model
see the shapes; no cause is read from them.
"""

import json
import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any, NamedTuple

from firstline.classification.templates import PLACEHOLDERS, mask
from firstline.models import ErrorLine
from firstline.privacy.safe_text import safe_line
from firstline.text import shorten, strip_invisible

MAX_LINES = 5
MAX_SHAPE_CHARS = 160
MAX_EVENT_CHARS = 8_000
"""The number of characters that are read of an event in the log; the rest is ignored."""

_MAX_LINE_CHARS = 500
_MAX_CANDIDATES = 25
"""The number of shapes to redact, most frequent first: more than `MAX_LINES`, as redaction makes some of them equal."""

_LEVEL = re.compile(
    r"\b(TRACE|DEBUG|INFO|NOTICE|WARN|WARNING|LOG|ERROR|ERR|FATAL|CRITICAL|CRIT|SEVERE|PANIC|EMERG|EMERGENCY|ALERT"
    r"|(?:STATEMENT|DETAIL|HINT|CONTEXT|QUERY)(?=:))\b"
)
"""Log levels as loggers write them, and the words that begin the lines which PostgreSQL adds to an error."""

_BAD = frozenset(["error", "err", "fatal", "critical", "crit", "severe", "panic", "emerg", "emergency", "alert"])
_LEVEL_CHARS = 250
"""The number of characters at the beginning of a line in which a log level is looked for."""

_MARK = re.compile(
    r"\b\w*(?:Exception|Error|Failure)\b|\bTraceback \(most recent call last\)|\bpanic:|\btimed out\b|"
    r"\b[Oo]ut of memory\b|\bExecution failed\b|\bOOMKilled\b|\blevel=[\"']?(?:error|fatal|critical|panic)\b|"
    r"[\[<](?:error|fatal|crit|alert|emerg)[\]>]|\b(?:error|fatal|exception):|^[EF]\d{4} "
)
"""The words by which a line without a log level counts as an error."""

_TRACEBACK = "Traceback (most recent call last)"
_ACCOUNTS = ("REPORT RequestId:", "START RequestId:", "END RequestId:", "INIT_REPORT ", "INIT_START ")
"""The beginnings of the lines that Lambda itself writes about each run; they never hold the function's error."""

_PINO_ERROR = 50
"""The lowest numeric log level of pino and bunyan that is an error: https://getpino.io/#/docs/api?id=logger-level"""

_LEVEL_KEYS = ("level", "severity", "levelname", "log.level", "loglevel", "lvl")
_TYPE_KEYS = ("errorType", "exception_name", "error.type", "exception.type")
_TEXT_KEYS = ("errorMessage", "message", "msg", "error", "exception", "err", "integrationErrorMessage", "event")
_SERVER_ERROR = 500


class LogEvent(NamedTuple):
    """One event of a log: its time, in milliseconds since 1970, and its text."""

    at: int
    text: str


def group(events: Iterable[LogEvent]) -> list[ErrorLine]:
    """Return the most frequent error lines of the events, redacted and masked, with counts; at most `MAX_LINES`."""
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
    """Return a line as a shape: redacted, and then with its numbers, ids, hosts and paths masked.

    It is redacted first because a secret that is partly masked would no longer be recognized as one.
    """
    words = mask(safe_line(line, _MAX_LINE_CHARS)).split()
    begin = next((place for place, word in enumerate(words) if word not in PLACEHOLDERS), len(words))
    return shorten(" ".join(words[begin:]), MAX_SHAPE_CHARS)


def error_line(text: str) -> str | None:
    """Return the line of a log event that reports its error, not redacted; None if the event reports none."""
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
    """Return an error line without its level (`ERROR`); if it begins a traceback, the line that names the exception.

    `lines` are the lines of the whole log event, among which the exception is looked for; None if no line names it.
    JSON at the end of the line is replaced by the error that the JSON holds.
    """
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
    """Return the error of a structured log event (its type and message, or a 5xx status); None if it has none."""
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
    """Return the first line of the first field, in the order of `keys`, that has text; empty if none has.

    A field has text if it is one, or is an object whose `message` is one.
    """
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
