"""Translation of known tools' messages: a message's own keys become the fields that `generic.py` reads."""

import re
from collections.abc import Mapping
from typing import Any

from firstline.sources import values
from firstline.sources.severity import Presumed, from_number
from firstline.sources.statuses import is_known
from firstline.sources.tools import SHAPES, ToolShape
from firstline.sources.values import letters

_FIRST_KEYS = frozenset(letters(shape.marks.partition(" ")[0].partition(".")[0]) for shape in SHAPES)
"""The keys of which every known shape has at least one at the top, by their letters."""

_WRAPPERS = (
    "alert",
    "alert_group",
    "incident",
    "problem",
    "issue",
    "monitor",
    "check",
    "heartbeat",
    "event",
    "data",
    "payload",
    "detail",
    "object",
    "resource",
    "item",
    "site",
    "build",
    "rule",
    "webhook_event_data",
    "trigger",
    "snitch",
    "job",
    "error",
    "saved_search",
    "fields",
    "attachments",
    "embeds",
    "notifications",
)
"""Keys whose objects hold fields that the documented shape of the generic source has at the top."""
_LEVELS = 3

GROUP, USUAL = "the tool's incident", "the tool's usual severity"
"""The keys for the id of the tool's own incident, and for the severity that is presumed of a message that states none.
Senders' keys are reduced to letters, so none can set these keys."""


_NAMED_BY_EVENT = re.compile(r"(?:public|private)_\w{1,40}\.\w{1,60}_v\d{1,3}")


def unfolded(payload: Mapping[str, Any]) -> dict[str, Any] | None:
    """Translate a known tool's message into the fields of the generic source; None if the message is of no known tool.

    The keys at the top of `payload` must have been reduced to letters and digits: `alertname` for `alert_name`.
    """
    event = payload.get("eventtype")
    if type(event) is str and _NAMED_BY_EVENT.fullmatch(event):
        # incident.io puts the thing under the name of its event.
        payload = {"eventtype": event, "resource": payload.get(letters(event))}
    if _FIRST_KEYS.isdisjoint(payload):
        return None
    for shape in SHAPES:
        if all(_at(payload, mark) is not None for mark in shape.marks.split()):
            fields = _fields(shape, payload)
            if not shape.by_title or _named(shape, {"name": _at(payload, "title")}) is not None:
                return fields
    return None


def flattened(payload: Mapping[str, Any], levels: int = _LEVELS) -> dict[str, Any]:
    """Return a message with the fields of nested objects such as `data` and `payload` at the top.

    A field that was already at the top wins. Objects nested more than `levels` deep stay as they are.
    """
    flat = dict(payload)
    for wrapper in _WRAPPERS:
        # A list of `fields` is pairs of names and values, as a message to a chat has them.
        inner = payload.get(wrapper) if wrapper == "fields" else _first(payload.get(wrapper))
        if type(inner) is dict:
            inner = flattened(inner, levels - 1) if levels > 1 else inner
            flat = {**({f"{wrapper}_id": inner["id"]} if "id" in inner else {}), **inner, **flat}
    return flat


def _fields(shape: ToolShape, payload: Mapping[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, places in shape.fields.items():
        told = (_told(payload, place) for place in places.split())
        value = next((value for value in told if _states(value)), None)
        if value is not None:
            found[name.replace("_", "")] = value
    if (title := _named(shape, found)) is not None:
        found["name"] = title
    for name, own in (("fingerprint", "fingerprint"), ("group", GROUP)):
        if name in found:
            found[own] = f"{shape.tool} {values.scalar(found.pop(name))}"
    if (said := values.scalar(found.get("status"))) is not None:
        word = said.strip().lower()
        found["said"] = word
        if word in shape.apart and "fingerprint" in found:
            found["fingerprint"] = f"{found['fingerprint']} {word}"
            found[GROUP] = found["fingerprint"]
        found["status"] = shape.statuses.get(word, word if is_known(word) else shape.other)
    if (severity := _severity(shape, values.scalar(found.pop("severity", None)))) is not None:
        found["severity"] = severity
    elif shape.usual is not None:
        found[USUAL] = Presumed(shape.usual, "firing")
    return found


def _named(shape: ToolShape, found: Mapping[str, Any]) -> str | None:
    """Return the alert's name in a title (`found["name"]`): the first group of the regular expression `shape.title`.

    Return None if the shape has no such expression, or if it does not fit the whole title.
    """
    title = re.fullmatch(shape.title, (values.scalar(found.get("name")) or "")[:500]) if shape.title else None
    return title[1] if title is not None else None


def _states(value: Any) -> bool:
    return value not in (None, "", [], {}) and not values.is_template(value)


def _severity(shape: ToolShape, said: str | None) -> str | None:
    word = (said or "").lower()
    if not word or word == "resolved":  # Sentry's word for both
        return None
    number = from_number(shape.scale, word.removeprefix("sev")) if shape.scale else None
    return number or shape.severities.get(word, said)


def _told(payload: Any, place: str) -> Any:
    """Return the value at a path of keys such as `alert.name`; `site.name+site.state` gives both values as one text."""
    if "+" not in place:
        return _at(payload, place)
    return " ".join(values.scalar(_at(payload, part)) or "" for part in place.split("+")).strip()


def _at(payload: Any, place: str) -> Any:
    """Return the value at a path of keys such as `alert.name`, or None; of a list the first entry is taken."""
    top, *keys = place.split(".")
    payload = _first(payload.get(letters(top)))
    for key in keys:
        payload = _first(payload.get(key)) if type(payload) is dict else None
    return payload


def _first(value: Any) -> Any:
    return (value[0] if value else None) if type(value) is list else value
