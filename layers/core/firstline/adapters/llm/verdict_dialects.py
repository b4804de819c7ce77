"""Unambiguous spellings of a verdict, turned into those of the schema.

A small model without a grammar answers nearly as the schema demands. Only unambiguous deviations are read. The rest
stays as it is, so that the schema refuses it: a confidence of 86 may mean 0.86 or nothing, and `yes` is no boolean.

| field | also read |
|---|---|
| any | its name in another case or other separators (`runbookId`); all in one inner object, or a call's arguments |
| `severity` | another case, spaces or marks around it, the word `severity` behind it |
| `confidence` | a number in quotes; with a percent sign |
| `is_deployment_related`, `can_be_remediated` | `"true"` and `"false"` |
| `runbook_id` | spaces around it; `""`, `"null"`, `"none"`, `"n/a"` and an absent key as none |
| `cause`, `summary` | null as nothing, a list as its lines, a number as text |
| `cites` | a text as one id; ids as numbers or in capitals; null and an absent key as none |
| `first_steps` | a text as a step for each of its lines; objects and numbers as text; null and an absent key as none |
"""

import re
from typing import Any

from firstline.adapters.llm.answer_text import find_object
from firstline.classification.model import Judgement

MAX_STEPS = 100
"""The most steps, and the most cited ids, that are read; the schema takes no more."""

MAX_WORD = 50
"""The most characters of a severity that are read."""

_WRAPPERS = 3
_OF_A_CALL = ("name", "type", "id")
_ARGUMENTS = ("arguments", "parameters", "input")
_FIELDS = {name.replace("_", ""): name for name in Judgement.model_fields}
_NONE = ("", "null", "none", "nil", "n/a", "na")
_MARKS = re.compile(r"^\W+|\W*(?:[_-]?severity)?\W*$")
_NUMBER = re.compile(r"(\d{1,3}(?:\.\d{1,17})?|\.\d{1,17})\s*(%?)")


def in_our_spelling(found: dict[str, Any], runbook_ids: tuple[str, ...]) -> dict[str, Any]:
    """Return a model's object with the schema's names and types, as far as it is clear which ones are meant.

    A runbook id such as `none` or `null` means no runbook, unless one of `runbook_ids` is just that.
    """
    answer = _with_our_names(_unwrapped(found))
    severity, runbook = answer.get("severity"), answer.get("runbook_id")
    if isinstance(severity, str):
        answer["severity"] = _MARKS.sub("", severity[:MAX_WORD].lower())
    if "confidence" in answer:
        answer["confidence"] = _number(answer["confidence"])
    for name in ("is_deployment_related", "can_be_remediated"):
        word = str(answer.get(name)).strip().lower()
        if isinstance(answer.get(name), str) and word in ("true", "false"):
            answer[name] = word == "true"
    if isinstance(runbook, str) and runbook not in runbook_ids:
        runbook = runbook.strip()
        runbook = None if runbook.lower() in _NONE and runbook not in runbook_ids else runbook
    answer["runbook_id"] = runbook
    for name in ("cause", "summary"):
        if name in answer:
            answer[name] = "\n".join(_texts(answer[name]))
    answer.setdefault("summary", "")
    answer["cites"] = [text.strip().lower() for text in _texts(answer.get("cites"))][:MAX_STEPS]
    answer["first_steps"] = _texts(answer.get("first_steps"))[:MAX_STEPS]
    return answer


def _unwrapped(found: dict[str, Any]) -> dict[str, Any]:
    """Return the verdict's object, unwrapped: `{"result": {"severity": …}}` gives the inner object."""
    for _ in range(_WRAPPERS):
        objects = [value for value in found.values() if isinstance(value, dict)]
        if len(objects) == 1 and not _with_our_names(found):
            found = objects[0]
            continue
        around = {key: value for key, value in found.items() if key not in _OF_A_CALL} or found
        inner = next(iter(around.values())) if len(around) == 1 else None
        if isinstance(inner, str) and next(iter(around)) in _ARGUMENTS:
            inner = find_object(inner)
        if not isinstance(inner, dict):
            break
        found = inner
    return found


def _with_our_names(found: dict[str, Any]) -> dict[str, Any]:
    """Return the object's fields that the schema has, with the schema's names; a field in two spellings is left out."""
    answer: dict[str, Any] = {}
    twice: set[str] = set()
    for key, value in found.items():
        name = _FIELDS.get(re.sub(r"[\W_]", "", str(key)).lower())
        if name is not None:
            twice |= {name} & answer.keys()
            answer[name] = value
    return {name: value for name, value in answer.items() if name not in twice}


def _number(value: object) -> object:
    """Return the number in a text (`"86%"` as 0.86), or the value unchanged if it is no such text."""
    written = _NUMBER.fullmatch(value.strip()) if isinstance(value, str) else None
    if written is None:
        return value
    return float(written[1]) / 100 if written[2] else float(written[1])


def _texts(value: object, depth: int = 3) -> list[str]:
    """Return the non-empty lines of a text, a number or a list of these; an object becomes one line.

    What is nested deeper than `depth` levels is left out, and so are null, true and false.
    """
    if depth == 0:
        return []
    match value:
        case str():
            return [line.strip() for line in value.splitlines() if line.strip()]
        case bool() | None:
            return []
        case int() | float():
            return [f"{value}"]
        case list():
            return [text for item in value for text in _texts(item, depth - 1)]
        case dict():
            joined = ": ".join(text for item in value.values() for text in _texts(item, depth - 1))
            return [joined] if joined else []
    return []
