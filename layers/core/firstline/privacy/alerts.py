"""Where redaction happens to an alert: secrets once, as it comes in; personal data each time that somebody is told.

The order at the door is fixed: the sender is authenticated on the raw bytes, then fingerprint and group key are made of
the raw values (so an alert and its resolve still meet), then the secrets go. What is made of an alert afterwards, the
incident's id and the execution's name among it, can hold none.
"""

import re
from collections.abc import Callable
from urllib.parse import unquote, urlsplit, urlunsplit

from firstline.models import Classification, Incident, IncidentRecord, NormalizedAlert, Notification
from firstline.privacy.redact import redact, redact_label, redact_payload, redact_secrets

_NAMES = ("host", "account", "region", "environment", "service")
_NAME_LIMIT, _TEXT_LIMIT = 256, 4_000


def without_secrets(alert: NormalizedAlert) -> NormalizedAlert:
    """The alert as Firstline keeps it, the sender's body included."""
    changes: dict[str, object] = {
        name: redact_secrets(value)[:_NAME_LIMIT] for name in _NAMES if (value := getattr(alert, name)) is not None
    }
    changes |= {
        # A name becomes the incident's id, which is shown to everybody.
        "alert_name": redact(alert.alert_name)[:_NAME_LIMIT],
        "message": redact_secrets(alert.message)[:_TEXT_LIMIT],
        "labels": {redact_secrets(name): redact_label(name, value) for name, value in alert.labels.items()},
        "url": link_without_secrets(alert.url),
        "raw_payload": redact_payload(alert.raw_payload),
    }
    return alert.model_copy(update=changes)


def link_without_secrets(url: str | None, hide: Callable[[str], str] = redact_secrets) -> str | None:
    """An address that still leads somewhere, or none: what is secret in a link is in its query, or before its host."""
    if url is None or not _tells(url, hide):
        return url
    try:
        parts = urlsplit(url)
    except ValueError:
        return None
    bare = urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))
    return None if _tells(bare, redact) else bare


def _tells(url: str, hide: Callable[[str], str]) -> bool:
    """Whether something is to be hidden in the address, or in a part of it: the slash before a key is none of it."""
    pieces = [url, *map(unquote, re.split("[/?#&=]", url))]
    return any(hide(piece) != piece for piece in pieces)


def for_outsiders(notification: Notification) -> Notification:
    """What channels get: without personal data, which alerts quote from logs and which nobody needs at night.

    The names of those who acknowledged, approved or are on call stay: people have to know of each other.
    """
    record = notification.record
    verdict = record.classification
    changes: dict[str, object] = {
        "incident": _incident_for_outsiders(record.incident),
        "classification": verdict and _verdict_for_outsiders(verdict),
        "results": [one.model_copy(update={"output": redact(one.output)}) for one in record.results],
    }
    shown: IncidentRecord = record.model_copy(update=changes)
    return notification.model_copy(update={"record": shown, "reason": redact_secrets(notification.reason)})


def _incident_for_outsiders(incident: Incident) -> Incident:
    alert = incident.alert
    changes = {
        "alert_name": redact(alert.alert_name)[:_NAME_LIMIT],
        "message": redact(alert.message)[:_TEXT_LIMIT],
        "labels": {name: redact(value) for name, value in alert.labels.items()},
        "url": link_without_secrets(alert.url, redact),
    }
    return incident.model_copy(update={"alert": alert.model_copy(update=changes)})


def _verdict_for_outsiders(verdict: Classification) -> Classification:
    return verdict.model_copy(
        update={
            "cause": redact(verdict.cause),
            "summary": redact(verdict.summary),
            "first_steps": [redact(step) for step in verdict.first_steps],
        }
    )
