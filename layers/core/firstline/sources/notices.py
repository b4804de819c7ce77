"""Messages of an SNS topic and of EventBridge that are no alarms: each is read by its mark, and the rest as text."""

import re
from typing import Any

from firstline.sources import prometheus, values
from firstline.sources.cloudwatch_alarm import severity_word, topic_severity_word
from firstline.sources.identity import bare_host, digest
from firstline.sources.meanings import Subject
from firstline.sources.notice import Notice, State, essence, is_good_news, letters, part
from firstline.sources.notice_messages import of_message
from firstline.sources.notice_texts import alertmanager_notification, of_text
from firstline.sources.reading import Reading

_OVER = ("resolved", "recovered", "recovery", "ok", "cleared", "closed", "healthy", "normal")
# `[OK] disk`, `RESOLVED: disk`; "ok" within a sentence says nothing.
_BEGINS_WITH_STATE = re.compile(
    r"\W{0,8}(?:(resolved|recovered|recovery|ok|cleared)|problem|firing|triggered|alert|alarm)\b"
    r"[ \t]{0,4}[]:|)\u2013-]\W{0,8}",
    re.IGNORECASE,
)


def is_known(message: Any) -> bool:
    """Return True if a body without an envelope is one of these messages."""
    return type(message) is dict and (_is_alertmanagers(message) or of_message(message) is not None)


def add_message(message: Any, topic: str | None, envelope: dict[str, Any], raw: Any, reading: Reading) -> None:
    """Add what the message tells, or say why it is no alert.

    Parameters
    ----------
    message
        An object, or a text that is no JSON.
    envelope
        The SNS message around it; empty if it came without one.
    """
    subject = values.name(envelope.get("Subject"))
    text = message if type(message) is str else ""
    notification = message if _is_alertmanagers(message) else alertmanager_notification(text)
    if notification is not None:
        # Amazon Managed Service for Prometheus: it can send to SNS only.
        prometheus.read(notification, reading)
        return
    if type(message) is dict:
        notices = of_message(message)
    else:
        notices = of_text(subject, text, envelope.get("MessageAttributes"))
    if notices is None:
        notices = [_unknown(message, subject, topic)]
    if not notices:
        reading.ignore("the message tells of nothing")
    for notice in notices:
        if notice.state is None:
            reading.ignore(notice.why or f"{notice.name} is no problem")
        else:
            _add(notice, topic, subject, envelope, raw, reading)


def _is_alertmanagers(message: Any) -> bool:
    """Return True for an Alertmanager notification, also one that the documented template of AMP wrote.

    https://docs.aws.amazon.com/prometheus/latest/userguide/AMP-alertmanager-receiver-JSON.html
    """
    alerts = part(message, "alerts")
    return type(alerts) is list and any(type(part(alert, "labels")) is dict for alert in alerts)


def _add(
    notice: Notice, topic: str | None, subject: str | None, envelope: dict[str, Any], raw: Any, reading: Reading
) -> None:
    arn = (topic or "").split(":")
    topic_account, topic_region = (arn[4], arn[3]) if len(arn) > 5 else (None, None)
    about = Subject(
        values.name(notice.account) or values.name(topic_account),
        values.name(notice.region) or values.name(topic_region),
        values.name(notice.about),
        values.name(notice.environment),
    )
    name = values.name(notice.name) or "message"
    at = values.moment(notice.at) or values.moment(envelope.get("Timestamp"))
    stated = notice.severity or severity_word(subject) or severity_word(name) or topic_severity_word(topic)

    def named(parts: tuple[Any, ...]) -> str:
        said = [values.scalar(item) for item in parts]
        # Without any name of its own, a thing is known by what is said of it.
        said += [essence(name), essence(list(notice.text))] if not any(said[1:]) else []
        return digest("notice", about.account, about.region, *said)

    reading.add(
        alert_name=name,
        severity=reading.severity(stated),
        message=values.prose(subject, *(values.scalar(item) for item in notice.text)),
        labels=values.labels({"topic": arn[-1] or None, **notice.labels}),
        at=at,
        ends_at=at if notice.state == "resolved" else None,
        status=notice.state or "firing",
        fingerprint=named(notice.identity),
        group_key=f"{reading.source}:{named(notice.problem or notice.identity)}",
        host=bare_host(values.scalar(notice.host) or ""),
        url=values.url(notice.url),
        subject=about,
        raw_payload=raw,
    )


def _unknown(message: Any, subject: str | None, topic: str | None) -> Notice:
    """Read any other message: its identity is its headline and its body, without state, times and ids of its own.

    It ends if its state is a word for it, or its headline begins with one. One whose state is a word of success is no
    problem.
    """
    fields = message if type(message) is dict else {}
    lines = message.strip().splitlines() if type(message) is str else []
    topic_name = (topic or "").rsplit(":", 1)[-1]
    unnamed = f"message on {topic_name}" if topic_name else "message without a topic"
    first_line = values.name(lines[0]) if lines else None
    name = values.name(fields.get("detail-type")) or subject or first_line or unnamed
    detail = part(fields, "detail") or fields
    labels = values.labels(detail)
    key = next((key for key in ("status", "state", "result") if key in labels), None)
    word = labels[key] if key else None
    said = _BEGINS_WITH_STATE.match(name)
    over = letters(word) in _OVER if key else said is not None and said[1] is not None
    state: State = "resolved" if over else None if is_good_news(word) else "firing"
    return Notice(
        name=name,
        state=state,
        why=f"{name}: {word}",
        identity=("message", topic, essence(_stateless(name)), essence(_without(message, key))),
        about=labels.get("service"),
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


def _stateless(text: str) -> str:
    """Return a text without the state that it begins with."""
    found = _BEGINS_WITH_STATE.match(text)
    return text[found.end() :] if found else text


def _without(message: Any, key: str | None) -> Any:
    """Return a message without its state: a text's first word, or a key of the object or of its `detail`."""
    if type(message) is not dict:
        return _stateless(message) if type(message) is str else message
    kept = {name: value for name, value in message.items() if name != key}
    detail = kept.get("detail")
    return {**kept, "detail": {name: detail[name] for name in detail if name != key}} if type(detail) is dict else kept


def _stated(labels: dict[str, str]) -> str | None:
    """Return the severity that a field of the message states. A number is on a scale that nobody knows."""
    said = (labels[key] for key in labels if letters(key) in ("severity", "priority"))
    return next((word for word in said if not word.replace(".", "").isdecimal()), None)
