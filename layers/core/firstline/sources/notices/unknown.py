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
    items,
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

# `[RESOLVED] disk` anywhere, `Alert (firing)`; of Uptime Kuma `[shop] [✅ Up] 200`: what follows is only for people.
_IN_BRACKETS = re.compile(
    r"\[(?P<sign>[^\w\s\[\]]{0,4} )?(?:(resolved|recovered|recovery|restored|closed|ok|up|cleared)|problem|firing"
    r"|alerting|triggered|down)(?::\d{1,4})?\]|\((?:(resolved|recovered|closed|cleared)|firing|alerting|triggered)\)",
    re.IGNORECASE,
)
# `shop is down`, `Monitor is UP: shop`; `CPU is up to 90` counts something.
_IN_SENTENCE = re.compile(
    r"\b(?:(?:is|are|went|came|has|have|gone|now|back) ){1,3}"
    r"(?:(?P<down>(up|online|available|operational|reachable)|down|offline|unavailable|unreachable)"
    r"|(?P<ill>(healthy)|unhealthy)|((?:been )?(?:recovered|resolved|cleared)))\b(?! (?:to|for|by|from)\b| ?\d)",
    re.IGNORECASE,
)
_WAS = re.compile(r"\b(?:was|were|been) (?:down|offline|unavailable|unreachable)\b.*", re.IGNORECASE | re.DOTALL)
_NOT_OVER = re.compile(r"\b(?:but|not|no|still|un\w+|fail\w*|error\w*|down|offline|degraded|critical)\b", re.IGNORECASE)
_BACK = re.compile(r"\bUP\b|\b[Bb]ack\b|[\u2705\u2714\U0001f7e2\U0001f44d!]")
"""Signs that `is up` is good news: a queue that is up is long."""
_MOST = 500
_CHANGES = re.compile(r"[ -](?:State|Status)[ -]?Change\b.*|[ -]Notification$", re.IGNORECASE)
_IS_RUN = re.compile(r":[\w-]+-execution/[^/]+$")
"""The end of the ARN of a run of Systems Manager's. Beside it stands what runs."""
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
    over = letters(word) in _OVER if key else says_end(name)
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
    named = [arn for arn in map(values.scalar, items(event.get("resources"))) if arn]
    arn = next((arn for arn in named if not _IS_RUN.search(arn)), first(named))
    if arn is None:
        detail = part(event, "detail")
        detail = detail if type(detail) is dict and "detail-type" in event else {}
        arn = next(
            (said for key in detail if _NAMES.fullmatch(letters(key)) and (said := values.name(detail[key]))), None
        )
    return values.name(last_of_arn(_RUN.sub("", arn))) if arn else None


def says_end(text: str) -> bool:
    """Return True if a text says that something is over: `[OK] disk`, `RESOLVED: disk`, `shop is up`.

    A sentence with any word of trouble says no end.
    """
    begins = _BEGINS_WITH_STATE.match(text)
    if begins is not None:
        return begins[1] is not None
    if (brackets := _IN_BRACKETS.search(text[:_MOST])) is not None:
        return brackets[2] is not None or brackets[3] is not None
    said = _IN_SENTENCE.search(text[:_MOST])
    if said is None or not (said[2] or said[4] or said[5]):
        return False
    if (said[2] or "").lower() == "up" and _BACK.search(text[:_MOST]) is None:
        return False
    return _NOT_OVER.search(_WAS.sub("", text[: said.start()] + text[said.end() : _MOST])) is None


def stateless(text: str) -> str:
    """Return a text without the state that it tells, so that a problem and its end are one alert."""
    if (begins := _BEGINS_WITH_STATE.match(text)) is not None:
        return text[begins.end() :]
    if (brackets := _IN_BRACKETS.search(text[:_MOST])) is not None:
        before, after = text[: brackets.start()].strip(), text[brackets.end() :].strip()
        return before if brackets["sign"] and before else f"{before} {after}".strip()
    if (said := _IN_SENTENCE.search(text[:_MOST])) is None:
        return text
    # Of what follows, the first sentence may name the thing. The others tell how long or why.
    after = re.split(r"[.!]\s|\n", text[said.end() :], maxsplit=1)[0]
    kind = "ill" if said["ill"] else "down"
    return " ".join(re.findall(r"[\w./:@-]*\w", f"{text[: said.start()]} {after}")) + f" ({kind})"


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
