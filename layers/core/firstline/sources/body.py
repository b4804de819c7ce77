"""The reader of a webhook's raw body: returns JSON data within limits, the fields of a form, or a text.

Python's `json` accepts values that no later stage can store: NaN, infinite numbers, lone surrogates, integers of any
size and nesting of any depth. This module refuses all of them. It accepts three slips that do no harm: control
characters inside a string, a comma after the last entry, and a backslash that escapes nothing.
"""

import json
import math
import re
from typing import Any, NoReturn
from urllib.parse import parse_qsl

from firstline.errors import UnreadablePayload

MAX_DEPTH = 64
"""The deepest nesting of lists and objects that is accepted. Real senders need fewer than a dozen levels."""

MAX_DIGITS = 400
"""The most digits that a number may have. DynamoDB stores 38; a double has up to 309 before the decimal point."""

MAX_FIELDS = 1_000
"""The most fields that a form may have."""


def parse_body(raw: bytes, content_type: str = "") -> Any:
    """Read the body of a request as JSON data, as a dict of a form's fields, or as a text.

    A body that begins like JSON is read as JSON whatever its content type says (SNS sends `text/plain`, and curl
    declares a form by default). Several objects, each on its own line, become a list. If a form names a field twice,
    the last value counts.

    Raises
    ------
    UnreadablePayload
        The body is empty, broken or beyond the limits of this module; the message says which.
    """
    text = _decoded(raw, content_type).strip("\ufeff \t\r\n\0")
    if not text:
        raise UnreadablePayload("the body is empty: send JSON, a form or a text")
    if "application/x-www-form-urlencoded" in content_type.lower() and _FORM.match(text):
        try:
            form = dict(parse_qsl(text, keep_blank_values=True, max_num_fields=MAX_FIELDS))
        except ValueError:
            raise UnreadablePayload(f"the form has more than {MAX_FIELDS} fields: send JSON instead") from None
        # Senders that know Slack's older webhooks put the JSON into a form's one field.
        only = form.get("payload", "") if len(form) == 1 else ""
        return parse_json(only) if only.startswith("{") else form
    lines = [line for line in map(str.strip, text.splitlines()) if line] if _NEXT_OBJECT.search(text) else []
    if lines and all(line.startswith("{") and line.endswith("}") for line in lines):
        return [parse_json(line) for line in lines]
    try:
        return _unwrapped(parse_json(text))
    except UnreadablePayload:
        if _LOOKS_LIKE_JSON.match(text):
            raise
        return text


def _decoded(raw: bytes, content_type: str) -> str:
    """Decode a body as UTF-8, UTF-16 or UTF-32, or as Western European text if its content type declares that."""
    # `detect_encoding` looks at the byte order mark and at the zeros among the first four bytes (RFC 4627, section 3).
    encoding = json.detect_encoding(raw)
    try:
        return raw.decode(encoding)
    except UnicodeDecodeError as error:
        if _WESTERN.search(content_type):
            return raw.decode("windows-1252", "replace")
        name = "UTF-8" if encoding.startswith("utf-8") else encoding.upper()
        raise UnreadablePayload(f"the body is not {name} (wrong at byte {error.start}): send it as UTF-8") from None


def parse_json(text: str) -> Any:
    """Read JSON text, and mend control characters in a string, a comma after the last entry, and lone backslashes.

    Raises
    ------
    UnreadablePayload
        The text is not JSON, nests deeper than `MAX_DEPTH`, or holds NaN, an infinite number, a number of more than
        `MAX_DIGITS` digits, or half of a surrogate pair.
    """
    try:
        try:
            data = _DECODER.decode(text)
        except json.JSONDecodeError:
            mended = _SLIPS.sub(_without_slip, text)
            if mended == text:
                raise
            data = _DECODER.decode(mended)
    except RecursionError:
        raise _too_deep() from None
    except json.JSONDecodeError as error:
        where = f"line {error.lineno} column {error.colno}"
        raise UnreadablePayload(
            f"the body is not JSON: {error.msg} at {where}: correct the sender's template"
        ) from None
    brackets = text.count("{") + text.count("[")
    if brackets > MAX_DEPTH and _deeper_than(MAX_DEPTH, data, brackets):
        raise _too_deep()
    if "\\" in text and _HALF_A_PAIR.search(text):
        try:
            json.dumps(data, ensure_ascii=False).encode()
        except UnicodeEncodeError:
            raise UnreadablePayload(
                "the body holds half of a surrogate pair (\\ud800 to \\udfff alone): send whole characters"
            ) from None
    return data


def _unwrapped(data: Any) -> Any:
    """Return the data inside a string that holds JSON, as of a sender that encodes twice; other data unchanged."""
    if type(data) is not str or not data.lstrip().startswith(("{", "[{")):
        return data
    try:
        return parse_json(data)
    except UnreadablePayload:
        return data


def _without_slip(token: re.Match[str]) -> str:
    """Return a token of JSON text mended: a string with its lone backslashes doubled, nothing for a trailing comma."""
    if token[0][0] == ",":
        return ""
    return _BACKSLASH.sub(lambda found: found[0] if found[1] else r"\\", token[0])


def _deeper_than(limit: int, data: Any, brackets: int) -> bool:
    """Return True if the data nests deeper than `limit` levels.

    `brackets` is the number of opening brackets in the text, so at least the number of lists and objects. The search
    goes level by level and ends as soon as too few brackets are left to exceed the limit, which is early for a batch
    of alerts.
    """
    level = [data]
    for depth in range(1, limit + 1):
        brackets -= len(level)
        if depth + brackets <= limit:
            return False
        items = [item for container in level for item in (container.values() if type(container) is dict else container)]
        level = [item for item in items if type(item) is not str and type(item) in (dict, list)]
        if not level:
            return False
    return True


def _integer(digits: str) -> int:
    if len(digits) > MAX_DIGITS:
        raise UnreadablePayload(
            f"the body holds a number of {len(digits)} digits; {MAX_DIGITS} are allowed: send it as a text"
        )
    return int(digits)


def _number(digits: str) -> float:
    number = float(digits)
    if math.isinf(number) or len(digits) > MAX_DIGITS:
        raise UnreadablePayload(f"the body holds {digits[:20]}…, a number that is out of range: send it as a text")
    return number


def _constant(word: str) -> NoReturn:
    raise UnreadablePayload(f"the body holds {word}, which is not JSON: send null instead")


def _too_deep() -> UnreadablePayload:
    return UnreadablePayload(f"the body nests deeper than {MAX_DEPTH} levels: send flatter JSON")


_WESTERN = re.compile(r"charset\s*=\s*[\"']?(iso-8859-1\b|latin-?1\b|windows-1252)", re.IGNORECASE)

_LOOKS_LIKE_JSON = re.compile(
    r"[{\"<]"  # markup is no text for people either
    r"|\[\s*(?:[\[{\"\d\]-]|$|(?:null|true|false|NaN|Infinity)\s*[,\]])"
    r"|-?(?:[\d.eE+-]+|NaN|Infinity)$"
)
"""The beginning of a body that is refused as broken JSON. Other bodies are texts, even `[FIRING] disk is full`."""

_NEXT_OBJECT = re.compile(r"\}[ \t]*\r?\n\s*\{")
_FORM = re.compile(r"[\w.%+\[\]-]{1,200}=")

# A string may take the rest of a text that never ends, so that no part is looked at again and again.
# What templates and shell scripts get wrong most: a comma behind the last entry, and a path such as `C:\data`.
_SLIPS = re.compile(r'"(?:[^"\\]|\\.)*+(?:"|\\?\Z)|,(?=\s*+[}\]])', re.DOTALL)
_BACKSLASH = re.compile(r'\\(["\\/bfnrt]|u[0-9a-fA-F]{4})?')

_HALF_A_PAIR = re.compile(r"\\u[dD]")
"""The beginning of every escaped half of a surrogate pair."""

# Not strict: templates paste texts of several lines between quotes, and control characters are dropped from names and
# texts anyway.
_DECODER = json.JSONDecoder(strict=False, parse_int=_integer, parse_float=_number, parse_constant=_constant)
