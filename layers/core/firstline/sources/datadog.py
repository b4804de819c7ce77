"""Datadog webhooks: our recommended template, the default payload, and the templates that others use.

The body is whatever the user's template says, so a field is found under any of the names that are in use, whatever its
spelling (`alert_transition`, `alertTransition`, `ALERT_TRANSITION`, `{"alert": {"transition": …}}`).

https://docs.datadoghq.com/integrations/webhooks/
"""

import re
from functools import lru_cache
from typing import Any, Literal

from firstline.errors import UnreadablePayload
from firstline.models import SourceSeverity
from firstline.sources import meanings, values
from firstline.sources.authentication import Request, require_token
from firstline.sources.identity import digest, group_key, host_hint
from firstline.sources.reading import Reading

_WRAPPERS = ("metadata", "data", "payload", "details")
_UNSET = re.compile(r"\$[A-Z][A-Z0-9_]*(\[[^\]]*\])?")
_NAMED_PRIORITY = re.compile(r"[Pp]?([1-5])")

_TRANSITIONS: dict[str, tuple[Literal["firing", "resolved"], SourceSeverity]] = {
    "triggered": ("firing", "high"),
    "retriggered": ("firing", "high"),
    "nodata": ("firing", "high"),
    "renodata": ("firing", "high"),
    "warn": ("firing", "medium"),
    "rewarn": ("firing", "medium"),
    "renotify": ("firing", "high"),
    "recovered": ("resolved", "high"),
    "nodatarecovered": ("resolved", "high"),
    "warnrecovered": ("resolved", "medium"),
}
_ALERT_TYPES: dict[str, SourceSeverity] = {"error": "high", "warning": "medium", "info": "info"}

_MESSAGE = ("textonlymsg", "message", "eventmsg", "body", "text", "alertstatus")


def authenticate(request: Request) -> None:
    """A token: a custom header of the webhook, or Basic authentication in its URL. Datadog does not sign."""
    require_token(request)


def read(payload: Any, reading: Reading) -> None:
    """Read the one event of a webhook.

    Raises
    ------
    UnreadablePayload
        It has no title, so there is nothing to call the alert.
    """
    if type(payload) is not dict:
        raise UnreadablePayload("datadog: expected the object (or the form) that the webhook's template describes")
    fields = _fields(payload)
    title = _get(fields, "title", "eventtitle", "alerttitle", "monitorname", "alertname", "name")
    if title is None:
        raise UnreadablePayload(
            "datadog: no title: is `title` missing in the webhook's template, or its variable unset? "
            "docs/sources/datadog.md has a template that works"
        )
    alert_name, in_title = _split_title(title)
    scope = _get(fields, "alertscope", "scope", "scopes") or in_title.get("scope", "")
    tags, ambiguous = _tags(fields.get("tags", ""), scope)
    alert_type = (_get(fields, "alerttype") or "").lower()
    said = _get(fields, "alerttransition", "transition") or in_title.get("transition", "")
    transition = _letters(said[:64])
    status, usual = _TRANSITIONS.get(transition, (_status(transition, alert_type), None))
    monitor = _get(fields, "monitorid", "alertid")
    org = _get(fields, "orgid", "orgname")
    hostname = _get(fields, "hostname", "host")
    service = meanings.find(tags, "service")
    environment = meanings.find(tags, "environment")
    at = values.moment(_get(fields, "lastupdated", "lastupdatedposix")) or values.moment(
        _get(fields, "date", "dateposix", "timestamp")
    )
    cycle = _get(fields, "alertcyclekey")
    identity = (cycle,) if cycle else (monitor or alert_name, ",".join(sorted(_split(scope))) or hostname)
    reading.add(
        alert_name=alert_name,
        severity=_severity(fields, in_title, usual, alert_type, reading),
        message=values.prose(
            _message(_get(fields, "textonlymsg", "message", "eventmsg", "body", "text", "alertstatus"))
        ),
        labels=tags,
        at=at,
        ends_at=at if status == "resolved" else None,
        status=status,
        fingerprint=digest("datadog", org, *identity),
        # A monitor's name may hold the host ("{{host.name}} is down"); its id is the same for all of them.
        group_key=group_key(
            "datadog",
            monitor or alert_name,
            account=org,
            region=tags.get("region"),
            scope=tags.get("kube_cluster_name"),
            service=service,
            environment=environment,
        ),
        host=host_hint(
            {key: tag for key, tag in tags.items() if key not in ambiguous} | ({"host": hostname} if hostname else {})
        ),
        url=values.url(_get(fields, "link", "url", "alerturl", "eventurl", "monitorurl")),
        region=values.name(tags.get("region")),
        environment=environment,
        service=service,
        raw_payload=payload,
    )


def _fields(payload: dict[str, Any]) -> dict[str, str]:
    """All scalars by the letters of their names, those of nested objects with the outer name in front."""
    fields: dict[str, str] = {}
    for key, value in payload.items():
        name = _letters(key[:128])
        if type(value) is dict:
            prefix = "" if name in _WRAPPERS else name
            for inner, item in value.items():
                _put(fields, prefix + _letters(inner[:128]), item)
        elif type(value) is list:
            _put(fields, name, ",".join(t for t in (values.scalar(item) for item in value) if t))
        else:
            _put(fields, name, value)
    return fields


def _put(fields: dict[str, str], name: str, value: Any) -> None:
    """A variable that Datadog did not know arrives as its own name, one without a value as the empty text."""
    said = value.strip() if type(value) is str else (values.scalar(value) or "").strip()
    if said and said != "null" and not (said[0] == "$" and _UNSET.fullmatch(said)):
        fields.setdefault(name, said)


def _get(fields: dict[str, str], *names: str) -> str | None:
    for name in names:
        if name in fields:
            return fields[name]
    return None


@lru_cache(maxsize=512)
def _letters(word: str) -> str:
    """Only the letters and digits, in lower case. Remembered, as a template's names come again with every event."""
    return "".join([c for c in word.lower() if c.isalnum()])


def _split_title(title: str) -> tuple[str, dict[str, str]]:
    """`[P2] [Triggered on {service:shop}] Errors` is the name `Errors`, with a priority, a transition and a scope."""
    found: dict[str, str] = {}
    rest = title.strip()
    while rest.startswith("["):
        word, closed, after = rest[1:].partition("]")
        scope = None
        if " on {" in word:
            word, _, scope_start = rest[1:].partition(" on {")
            scope, closed, after = scope_start.partition("}]")
        if not closed:
            break
        if _letters(word[:64]) in _TRANSITIONS:
            found["transition"] = word
            if scope:
                found["scope"] = scope
        elif _NAMED_PRIORITY.fullmatch(word) and word[0] in "Pp":
            found["priority"] = word
        else:
            break
        rest = after.strip()
    return values.name(rest) or values.name(title) or "Datadog alert", found


def _tags(tags: str, scope: str) -> tuple[dict[str, str], set[str]]:
    """The tags as labels, and the names of those that came with several values: of those the first stays."""
    found: dict[str, str] = {}
    ambiguous: set[str] = set()
    for tag in _split(f"{tags},{scope}"):
        key, _, value = tag.partition(":")
        if key and value and found.setdefault(key, value) != value:
            ambiguous.add(key)
    return values.labels(found), ambiguous


def _split(tags: str) -> list[str]:
    return [tag.strip() for tag in tags.split(",") if tag.strip() not in ("", "*")]


def _status(transition: str, alert_type: str) -> Literal["firing", "resolved"]:
    """For a transition that we don't know, or none: it fires unless it says that all is well."""
    if not transition:
        return "resolved" if alert_type == "success" else "firing"
    return "resolved" if "recover" in transition or transition in ("ok", "resolved") else "firing"


def _severity(
    fields: dict[str, str], in_title: dict[str, str], usual: SourceSeverity | None, alert_type: str, reading: Reading
) -> SourceSeverity | None:
    """`$ALERT_PRIORITY`, else what the transition usually means, else the alert type.

    `$PRIORITY` (normal, low) is how loud the event is in Datadog's stream, no severity.
    """
    said = _get(fields, "alertpriority", "severity")
    priority = said or _get(fields, "priority", "monitorpriority") or in_title.get("priority", "")
    if number := _NAMED_PRIORITY.fullmatch(priority):
        return reading.severity(f"P{number[1]}")
    if said:
        return reading.severity(said)
    if in_title.get("priority"):
        return reading.severity(in_title["priority"])
    if alert_type in _ALERT_TYPES and usual != "medium":
        return _ALERT_TYPES[alert_type]
    return usual or reading.severity(None)


def _message(body: str | None) -> str | None:
    """Datadog fences a markdown body with `%%%`."""
    return body.replace("%%%", "") if body else None
