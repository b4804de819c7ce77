"""Messages from SNS topics and EventBridge that are no CloudWatch alarms: events of AWS services, and other texts."""

from typing import Any

from firstline.sources import meanings, prometheus, values
from firstline.sources.cloudwatch_alarm import severity_word, topic_severity_word
from firstline.sources.identity import bare_host, digest
from firstline.sources.location import locate
from firstline.sources.meanings import Subject
from firstline.sources.notices.events import DEPLOYMENTS
from firstline.sources.notices.messages import of_message
from firstline.sources.notices.notice import Notice, essence, part
from firstline.sources.notices.texts import alertmanager_notification, of_text
from firstline.sources.notices.unknown import of_unknown
from firstline.sources.reading import Reading


def is_known(message: Any) -> bool:
    """Return True if a message is an Alertmanager notification or a message of an AWS service that can be read."""
    return type(message) is dict and (_is_alertmanagers(message) or of_message(message) is not None)


def add_message(message: Any, topic: str | None, envelope: dict[str, Any], raw: Any, reading: Reading) -> None:
    """Add a message's alerts, or the reason why it is no alert, to `reading`, which collects what one payload holds.

    Parameters
    ----------
    message
        An object, or a text that is no JSON.
    topic
        The ARN of the SNS topic; None without one.
    envelope
        The SNS message that holds `message`; empty if there is none.
    raw
        The payload as it was received, to be stored with the alert.
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
        notices = [of_unknown(message, subject, topic)]
    if not notices:
        reading.ignore("the message holds no event")
    for notice in notices:
        if notice.state is None:
            reading.ignore(notice.why or f"{notice.name} is no problem")
        else:
            _add(notice, topic, subject, envelope, raw, reading)


def _is_alertmanagers(message: Any) -> bool:
    """Return True for an Alertmanager notification, also as Amazon Managed Service for Prometheus sends it.

    https://docs.aws.amazon.com/prometheus/latest/userguide/AMP-alertmanager-receiver-JSON.html
    """
    alerts = part(message, "alerts")
    return type(alerts) is list and any(type(part(alert, "labels")) is dict for alert in alerts)


def _add(
    notice: Notice, topic: str | None, subject: str | None, envelope: dict[str, Any], raw: Any, reading: Reading
) -> None:
    arn = (topic or "").split(":")
    # A topic is chosen for what should be told; the account's own bus tells of every deployment.
    recorded = (
        {"recorded_as": "deployment"}
        if topic is None and values.scalar(part(raw, "detail-type")) in DEPLOYMENTS
        else {}
    )
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
        labels=values.labels({"topic": arn[-1] or None, **recorded, **notice.labels}),
        at=at,
        ends_at=at if notice.state == "resolved" else None,
        status=notice.state or "firing",
        fingerprint=named(notice.identity),
        group_key=f"{reading.source}:{named(notice.problem or notice.identity)}",
        host=bare_host(values.scalar(notice.host) or ""),
        url=values.url(notice.url),
        subject=about,
        location=locate(meanings.of(notice.labels), about, host=bare_host(values.scalar(notice.host) or "")),
        raw_payload=raw,
    )
