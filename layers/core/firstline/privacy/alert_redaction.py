"""Redaction of an alert: secrets are removed once, when ingest stores the alert, and personal data in each message.

Ingest works in a fixed order. It authenticates the sender on the raw bytes, makes fingerprint and group key of the raw
values (so that an alert and its resolve still match), and then removes the secrets. So everything that is made of an
alert later, such as the incident's id and the execution's name, holds no secrets.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit, urlunsplit

from firstline.privacy.redact import redact, redact_label, redact_payload, redact_secrets

if TYPE_CHECKING:
    from firstline.models import AlertLink, IncidentRecord, Location, Measured, NormalizedAlert, Notification

_NAMES = ("host", "account", "region", "environment", "service")
_NAME_LIMIT, _TEXT_LIMIT = 256, 4_000


def without_secrets(alert: NormalizedAlert) -> NormalizedAlert:
    """Return the alert as Firstline stores it: secrets are removed from all its fields and from the sender's body."""
    changes: dict[str, object] = {
        name: redact_secrets(value)[:_NAME_LIMIT] for name in _NAMES if (value := getattr(alert, name)) is not None
    }
    changes |= {
        # The name becomes part of the incident's id, which is shown to people.
        "alert_name": redact(alert.alert_name)[:_NAME_LIMIT],
        "message": redact_secrets(alert.message)[:_TEXT_LIMIT],
        "labels": {redact_secrets(name): redact_label(name, value) for name, value in alert.labels.items()},
        "url": link_without_secrets(alert.url),
        "raw_payload": redact_payload(alert.raw_payload),
        "location": alert.location and _location_without_secrets(alert.location),
        "measured": [_measured_without_secrets(measured) for measured in alert.measured],
        "links": _links_without_secrets(alert.links),
        "annotations": {redact_secrets(name): redact_label(name, text) for name, text in alert.annotations.items()},
    }
    return alert.model_copy(update=changes)


def _location_without_secrets(location: Location) -> Location:
    names = ("hosts", "accounts", "regions", "networks")
    hidden = {name: [redact_secrets(said)[:_NAME_LIMIT] for said in getattr(location, name)] for name in names}
    return location.model_copy(update={**hidden, "pod": location.pod and redact_secrets(location.pod)[:_NAME_LIMIT]})


def _measured_without_secrets(measured: Measured) -> Measured:
    where = {redact_secrets(label): redact_label(label, value) for label, value in measured.where.items()}
    said = {"metric": measured.metric, "namespace": measured.namespace, "statistic": measured.statistic}
    hidden = {name: redact_secrets(value)[:_NAME_LIMIT] for name, value in said.items() if value}
    return measured.model_copy(update={**hidden, "where": where})


def _links_without_secrets(links: list[AlertLink], hide: Callable[[str], str] = redact_secrets) -> list[AlertLink]:
    shown = ((link, link_without_secrets(link.url, hide)) for link in links)
    return [link.model_copy(update={"url": url}) for link, url in shown if url is not None]


def link_without_secrets(url: str | None, hide: Callable[[str], str] = redact_secrets) -> str | None:
    """Return an address without query, fragment and user if `hide` finds a secret in it; otherwise unchanged.

    `hide` returns a text with its secrets replaced, so it has found one if it changes the address or a part of it.
    Return None if there is no address, if one with a secret cannot be parsed, or if its other parts still hold a secret
    or personal data.
    """
    if url is None or not _needs_hiding(url, hide):
        return url
    try:
        parts = urlsplit(url)
    except ValueError:
        return None
    bare = urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))
    return None if _needs_hiding(bare, redact) else bare


def _needs_hiding(url: str, hide: Callable[[str], str]) -> bool:
    """Return True if `hide`, which removes secrets, changes the address or one of its parts by itself.

    The parts are tried by themselves because a key after a slash is not found in the whole address.
    """
    pieces = [url, *map(unquote, re.split("[/?#&=]", url))]
    return any(hide(piece) != piece for piece in pieces)


def for_outsiders(notification: Notification) -> Notification:
    """Return the notification for the channels, without secrets and personal data in its texts.

    The names of people who dealt with the incident stay.
    """
    changes: dict[str, object] = {
        "record": as_people_see_it(notification.record),
        "reason": _but_for_names(notification.reason, _people(notification.record)),
        "recovery": notification.recovery and redact(notification.recovery),
    }
    return notification.model_copy(update=changes)


_WHO_ACTED = re.compile(r"[A-Z][a-z]+ by \S{1,200}\.")
"""A whole sentence that Firstline wrote about a person: `Escalated by ada@example.com.`"""


def _people(record: IncidentRecord) -> set[str]:
    """Return the names of all who acknowledged, resolved, decided, judged or wrote notes, as messages write them."""
    verdict = record.classification
    word = verdict.word.by if verdict is not None and verdict.word is not None else None
    said = {each.by for each in record.approvals} | {each.by for each in record.feedback}
    said |= {each.by for each in record.notes}
    said |= {name for name in (record.acknowledged_by, record.resolved_by, record.decided_by, word) if name}
    return said


def _but_for_names(text: str, people: set[str]) -> str:
    """Remove secrets and personal data from a text, but keep the names in `people`, even if they are mail addresses."""
    if _WHO_ACTED.fullmatch(text):
        return redact_secrets(text)
    named = [name for name in people if "@" in name and name in text]
    if not named:
        return redact(text)
    pieces = re.split(f"({'|'.join(map(re.escape, sorted(named, key=len, reverse=True)))})", text)
    return "".join(piece if piece in people else redact(piece) for piece in pieces)


def without_personal_data(alert: NormalizedAlert) -> NormalizedAlert:
    """Return the alert for people: without personal data in its name, message, labels, links and annotations."""
    shown = {
        "alert_name": redact(alert.alert_name)[:_NAME_LIMIT],
        "message": redact(alert.message)[:_TEXT_LIMIT],
        "labels": {name: redact(value) for name, value in alert.labels.items()},
        "url": link_without_secrets(alert.url, redact),
        "links": _links_without_secrets(alert.links, redact),
        "annotations": {name: redact(text) for name, text in alert.annotations.items()},
    }
    return alert.model_copy(update=shown)


def as_people_see_it(record: IncidentRecord) -> IncidentRecord:
    """Return the incident for people: without the personal data that alerts and commands' outputs quote from logs.

    The names of people who acknowledged, approved or wrote notes stay, because people have to know of each other.
    """
    alert, verdict, people = record.incident.alert, record.classification, _people(record)
    if verdict is not None:
        shown_verdict = {
            "cause": redact(verdict.cause),
            "summary": redact(verdict.summary),
            "first_steps": [redact(step) for step in verdict.first_steps],
            "evidence": [redact(line) for line in verdict.evidence],
            "reasons": [_but_for_names(line, people) for line in verdict.reasons],
            "unsure": [_but_for_names(line, people) for line in verdict.unsure],
        }
        verdict = verdict.model_copy(update=shown_verdict)
    shown_record = {
        "incident": record.incident.model_copy(update={"alert": without_personal_data(alert)}),
        "classification": verdict,
        "members": [
            member.model_copy(
                update={"alert_name": redact(member.alert_name)[:_NAME_LIMIT], "message": redact(member.message)}
            )
            for member in record.members
        ],
        "results": [result.model_copy(update={"output": redact(result.output)}) for result in record.results],
    }
    return record.model_copy(update=shown_record)
