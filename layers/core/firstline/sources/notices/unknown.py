"""Messages that no reader knows: what they are called, whether they end something, and by what they are the same."""

import re
from typing import Any

from firstline.sources import meanings, values
from firstline.sources.identity import INSTANCE_ID
from firstline.sources.notices.notice import (
    Notice,
    State,
    essence,
    first,
    is_good_news,
    last_of_arn,
    letters,
    part,
    state_key,
)

_OVER = (
    "resolved",
    "recovered",
    "recovery",
    "ok",
    "clear",
    "cleared",
    "closed",
    "healthy",
    "normal",
    "green",
    "up",
    "notstalled",
)
# `[OK] disk`, `RESOLVED: disk`, `[FIRING:2] disk`, Zabbix' `Resolved in 5m 0s: disk`; "ok" within a sentence says
# nothing.
_BEGINS_WITH_STATE = re.compile(
    r"\W{0,8}(?:(resolved|recovered|recovery|restored|closed|ok|up|cleared)|problem|firing|triggered|alert|alarm|down"
    r"|updated problem)(?: in \d[\dhmsdwMy ]{0,30}|:\d{1,4})?\b[ \t]{0,4}"
    # `Up | Down ratio` names both.
    r"(?:[]:)]|[|\u2013-](?![ \t]{0,4}(?:up|down|ok|open|closed|critical|failed|resolved|not)\b))\W{0,8}",
    re.IGNORECASE,
)


_CHANGES = re.compile(r"[ -](?:State|Status)[ -]?Change\b.*|[ -]Notification$", re.IGNORECASE)
_RUN = re.compile(r"[:/](?:execution|run|job-run|build)s?[:/][^:/]+$")
_NAMES = re.compile(
    r"(?!.*(?:user|event|request|session|account)).*(?:name|arn)|(?:server|cluster|instance|queue|bucket)id"
)


def of_unknown(message: Any, subject: str | None, topic: str | None) -> Notice:
    """Read any other message: its identity is its headline and its body, without state, times and ids of its own.

    It ends if its state is a word for it, or its headline begins with one. One whose state is a word of success is no
    problem.
    """
    fields = message if type(message) is dict else {}
    name = _headline(message, subject, topic)
    resource = _resource(fields)
    instance = resource if resource and INSTANCE_ID.fullmatch(resource) else None
    labels = values.labels(part(fields, "detail") or fields)
    key = state_key(labels)
    word = labels[key] if key else None
    over = letters(word) in _OVER if key else begins_with_end(name)
    # AWS grades its own events; what is only for information is no problem.
    told_only = str(fields.get("source")).startswith("aws.") and letters(_stated(labels)) in ("info", "informational")
    state: State = "resolved" if over else None if is_good_news(word) or told_only else "firing"
    return Notice(
        name=_headline_of_event(fields, name, word, resource),
        state=state,
        why=f"{name}: {word}",
        identity=("message", topic, essence(stateless(name)), essence(_without(message, key))),
        about=labels.get("service") or (resource if instance is None else None),
        host=instance or meanings.find(labels, "host"),
        environment=meanings.find(labels, "environment"),
        severity=_stated(labels),
        text=(
            message if type(message) is str else None,
            labels.get("title"),
            labels.get("description"),
            ", ".join(f"{key}={value}" for key, value in labels.items()),
        ),
        account=fields.get("account") or fields.get("accountId"),
        region=fields.get("region"),
        at=fields.get("time"),
    )


def _headline(message: Any, subject: str | None, topic: str | None) -> str:
    """Return what the message calls itself: an event's type, a mail's subject, a text's first line."""
    if type(message) is dict:
        own = values.name(message.get("detail-type")) or subject
    else:
        own = subject or values.name(message.strip().partition("\n")[0] if type(message) is str else None)
    topic_name = (topic or "").rsplit(":", 1)[-1]
    return own or (f"message on {topic_name}" if topic_name else "message without a topic")


def _headline_of_event(event: dict[str, Any], kind: str, word: Any, resource: str | None) -> str:
    """Return the service, what happened, and to which resource: an event's type alone says neither."""
    source = values.name(event.get("source"))
    if source is None or values.name(event.get("detail-type")) is None:
        return kind
    service, said = source.removeprefix("aws."), values.name(word)
    what = _CHANGES.sub("", kind)
    happened = values.name(part(event, "detail", "event"), 80)
    what = f"{what} {happened}" if happened and what != kind else what
    what = what if letters(service) in letters(what) else f"{service} {what}"
    what = what if said is None or letters(said) in letters(what) else f"{what} {said}"
    return f"{what}: {resource}" if resource else what


def _resource(event: dict[str, Any]) -> str | None:
    """Return the name of the resource that an event is about, or None. Of a run it is the thing that runs."""
    arn = values.scalar(first(event.get("resources")))
    if arn is None:
        detail = part(event, "detail")
        detail = detail if type(detail) is dict and "detail-type" in event else {}
        arn = next(
            (said for key in detail if _NAMES.fullmatch(letters(key)) and (said := values.name(detail[key]))), None
        )
    return values.name(last_of_arn(_RUN.sub("", arn))) if arn else None


def begins_with_end(text: str) -> bool:
    """Return True if a text begins with a word for an end: `[OK] disk`, `RESOLVED: disk`."""
    said = _BEGINS_WITH_STATE.match(text)
    return said is not None and said[1] is not None


def stateless(text: str) -> str:
    """Return a text without the state that it begins with."""
    found = _BEGINS_WITH_STATE.match(text)
    return text[found.end() :] if found else text


def _without(message: Any, key: str | None) -> Any:
    """Return a message without its state: a text's first word, or a key of the object or of its `detail`."""
    if type(message) is not dict:
        return stateless(message) if type(message) is str else message
    kept = {name: value for name, value in message.items() if name != key}
    detail = kept.get("detail")
    return {**kept, "detail": {name: detail[name] for name in detail if name != key}} if type(detail) is dict else kept


def _stated(labels: dict[str, str]) -> str | None:
    """Return the severity that a field of the message states. A number is on a scale that nobody knows."""
    said = (labels[key] for key in labels if letters(key) in ("severity", "priority"))
    return next((word for word in said if not word.replace(".", "").isdecimal()), None)
