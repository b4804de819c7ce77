"""A reader of the one JSON object in a model's answer, with any text around it and in several dialects of JSON.

| what a model or its server writes | what is read |
|---|---|
| thoughts in marks: `<think>…</think>`, `[THINK]…[/THINK]`, `◁think▷…◁/think▷`, `<|START_THINKING|>…<|END_THINKING|>` | what follows the last end mark |
| gpt-oss's channels: `<|channel|>analysis<|message|>…<|channel|>final<|message|>…`, or `…assistantfinal…` once a server has dropped the marks | what follows the last start of the final channel |
| prose, a code fence, `<answer>…</answer>`, marks such as `<|return|>` | the object in it |
| a JSON text inside a JSON string | that text |
| trailing commas, comments, `True`, `None`, single or curly quotes, raw line breaks in a text | the object that is meant |

Two objects are no verdict, because it is unknown which of them is meant: one may be a quotation from the alert.

Sources: https://cookbook.openai.com/articles/openai-harmony, https://github.com/llama-farm/llamafarm/issues/753 (marks
lost), https://huggingface.co/mistralai/Magistral-Small-2507, https://docs.cohere.com/docs/reasoning.
"""  # noqa: E501 - a table

import json
import re
from typing import Any

MAX_OPENING_BRACES = 20
"""The most opening braces in prose at which an object is looked for; each try may read all of the text."""

MAX_DIALECT_CHARS = 50_000
"""The most characters of an object that are read if it is not quite JSON."""

_WITH_ONE_FENCE = 3
"""The number of parts of a text with one code fence: before it, in it, and after it."""

_END_OF_THOUGHT = re.compile(
    r"</(?:\w{1,20}:)?(?:think|thinking|thoughts?|reasoning|reflection|analysis|scratchpad)>"
    r"|\[/THINK\]|◁/think▷|<\|(?:end_of_thought|END_THINKING|/think)\|>"
    r"|<\|channel\|>\s*final\b[^{}]{0,100}?<\|message\|>|assistantfinal(?=\W)",
    re.IGNORECASE,
)

# Each takes the rest of a text that never ends, so that no part is looked at again and again: a regular expression
# holds the interpreter, and a deadline cannot end it.
_TEXT = r'"(?:[^"\\]|\\.)*+(?:"|\\?\Z)'
_SINGLE_QUOTED = r"'((?:[^'\\]|\\.)*+)(?:'|\\?\Z)"
_COMMENT = r"//[^\n]*|/\*.*?(?:\*/|\Z)"
# Python quotes a text that holds an apostrophe with double quotes.
_EITHER = f"{_TEXT}|{_SINGLE_QUOTED}"
_BRACES = {
    quoted: re.compile(rf"(?:[^{{}}\"'/]++|{quoted}|{_COMMENT}|[^{{}}])*+(?P<run>\{{+|\}}+)", re.DOTALL)
    for quoted in (_TEXT, _EITHER)
}
"""Up to the next run of braces of one kind, past all that is quoted or a comment."""

_DIALECT = re.compile(rf"{_TEXT}|{_COMMENT}|\b(?:True|False|None)\b", re.DOTALL)
_LAST_COMMA = re.compile(rf"{_TEXT}|,(?=\s*[}}\]])", re.DOTALL)
_IN_JSON = {"True": "true", "False": "false", "None": "null"}
_STRAIGHT = str.maketrans("“”„‟＂", '"' * 5)
_DECODER = json.JSONDecoder(strict=False)


def find_object(text: str) -> dict[str, Any] | None:
    """Return the only JSON object in an answer, or None if the answer has none or several.

    An answer that is nothing but an object is read as a whole, so that `</think>` inside one of its texts cuts nothing.
    """
    text = text.strip().removeprefix("\ufeff")
    if (whole := _value(text)) is not None:
        if isinstance(whole, str) and len(whole) < len(text):
            return find_object(whole)
        if isinstance(whole, dict):
            return whole
    for end in list(_END_OF_THOUGHT.finditer(text))[-1:]:
        text = text[end.end() :]
    parts = text.split("```")
    found = _objects(parts[1] if len(parts) == _WITH_ONE_FENCE else text)
    return found[0] if len(found) == 1 else None


def _objects(text: str) -> list[dict[str, Any]]:
    """Return the outermost JSON objects in a text; none if over 20 opening braces were tried (`MAX_OPENING_BRACES`)."""
    found: list[dict[str, Any]] = []
    start = text.find("{")
    for _ in range(MAX_OPENING_BRACES):
        if start < 0:
            return found
        value, end = _object_at(text, start)
        if value is not None:
            found.append(value)
        start = text.find("{", end)
    return []


def _object_at(text: str, start: int) -> tuple[dict[str, Any] | None, int]:
    """Return the object that begins at `start` and its end, or None and the position from which to look on."""
    try:
        return _DECODER.raw_decode(text, start)
    except (ValueError, RecursionError):
        rest = text[start : start + MAX_DIALECT_CHARS]
    for candidate in dict.fromkeys((rest, rest.translate(_STRAIGHT))):
        written = _balanced(candidate)
        value = _value(_plain_json(written))
        if isinstance(value, dict):
            return value, start + len(written)
    return None, start + 1


def _balanced(text: str) -> str:
    """Return the text up to the brace that closes its first brace, or an empty text if none does."""
    to_braces = _BRACES[_quoted(text)].match
    depth, at = 0, 0
    while found := to_braces(text, at):
        begin, at = found.span("run")
        if text[begin] == "{":
            depth += at - begin
        elif at - begin < depth:
            depth -= at - begin
        else:
            return text[: begin + depth]
    return ""


def _plain_json(written: str) -> str:
    """Turn an object in a dialect of JSON into JSON; texts between double quotes stay unchanged."""
    if _quoted(written) == _EITHER:
        written = re.sub(_EITHER, _double_quoted, written, flags=re.DOTALL)
    written = _DIALECT.sub(lambda token: token[0] if token[0][0] == '"' else _IN_JSON.get(token[0], ""), written)
    return _LAST_COMMA.sub(lambda token: token[0] if token[0][0] == '"' else "", written)


def _quoted(written: str) -> str:
    """Return the regular expression for the quoted texts in an object that a model wrote.

    Single quotes count as quotes only if the object's first key has them.
    """
    return _EITHER if re.match(r"\{\s*'", written) else _TEXT


def _double_quoted(text: re.Match[str]) -> str:
    if text[0][0] == '"':
        return text[0]
    return '"' + text[1].replace("\\'", "'").replace('"', '\\"') + '"'


def _value(text: str) -> object:
    try:
        value: object = _DECODER.decode(text)
    except (ValueError, RecursionError):
        return None
    return value
