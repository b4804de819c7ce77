"""The source for Datadog webhooks: the recommended template, the default payload, and other templates in use.

The user's template decides the body, so each field is looked up under several names, in any spelling
(`alert_transition`, `alertTransition`, `ALERT_TRANSITION`, `{"alert": {"transition": …}}`).

https://docs.datadoghq.com/integrations/webhooks/
"""

import re
from datetime import datetime
from typing import Any, Literal

from firstline.errors import UnreadablePayload
from firstline.models import NO_DATA, SourceSeverity
from firstline.sources import meanings, values
from firstline.sources.authentication import require_token
from firstline.sources.identity import digest, group_key, host_hint
from firstline.sources.links import links_in_fields
from firstline.sources.location import locate
from firstline.sources.meanings import Meant
from firstline.sources.measurement import of_datadog
from firstline.sources.reading import Reading
from firstline.sources.severity import Presumed
from firstline.sources.statuses import STATUSES
from firstline.sources.values import letters

_WRAPPERS = ("metadata", "data", "payload", "details")
_UNSET = re.compile(r"\$[A-Z][A-Z0-9_]*(\[[^\]]*\])?")
_NAMED_PRIORITY = re.compile(r"[Pp]?([1-5])")

_TRIGGERED, _NO_DATA = Presumed("high", "triggered"), Presumed("high", NO_DATA)

_TRANSITIONS: dict[str, tuple[Literal["firing", "resolved"], SourceSeverity | Presumed]] = {
    **dict.fromkeys(("triggered", "retriggered", "renotify"), ("firing", _TRIGGERED)),
    **dict.fromkeys(("nodata", "renodata"), ("firing", _NO_DATA)),
    **dict.fromkeys(("warn", "rewarn"), ("firing", "medium")),
    "recovered": ("resolved", _TRIGGERED),
    "nodatarecovered": ("resolved", _NO_DATA),
    "warnrecovered": ("resolved", "medium"),
}
"""The status and severity by transition. The owner of a monitor sets a threshold for warnings, so `Warn` states
medium; the others say only that the monitor fires or has no data."""

_BEGINS = ("triggered", "warn", "nodata")
"""The transitions that begin an episode. `Re-Triggered` and the like repeat it later, with a date of their own."""

_ALERT_TYPES: dict[str, SourceSeverity | Presumed] = {"error": _TRIGGERED, "warning": "medium", "info": "info"}
"""The severity by `$ALERT_TYPE`. Datadog sends `error` with whatever is triggered."""

_MESSAGE = ("textonlymsg", "message", "eventmsg", "body", "text", "alertstatus")

authenticate = require_token
"""The check of Datadog's token, in a custom header of the webhook or in its URL; Datadog signs nothing."""


def read(payload: Any, reading: Reading) -> None:
    """Read the one alert of a webhook, and add it to `reading`.

    Raises
    ------
    UnreadablePayload
        The payload is no object, or has no title, so the alert would have no name.
    """
    if type(payload) is not dict:
        raise UnreadablePayload(
            "datadog: the body is no JSON object or form: use the webhook's template in docs/sources/datadog.md"
        )
    fields = _fields(payload)
    title = _get(fields, "title", "eventtitle", "alerttitle", "monitorname", "alertname", "name", "incidenttitle")
    if title is None:
        raise UnreadablePayload(
            "datadog: the message has no title: add `title` to the webhook's template, as in docs/sources/datadog.md"
        )
    alert_name, in_title = _split_title(title)
    scope = _get(fields, "alertscope", "scope", "scopes") or in_title.get("scope", "")
    tags, further = _tags(fields.get("tags", ""), scope)
    alert_type = (_get(fields, "alerttype") or "").lower()
    said = _get(fields, "alerttransition", "transition", "incidentstatus") or in_title.get("transition", "")
    transition = letters(said[:64])
    if transition not in _TRANSITIONS and STATUSES.get(transition, "firing") is None:
        reading.ignore(f"{alert_name} is {transition}: neither firing nor resolved")
        return
    status, usual = _TRANSITIONS.get(transition, (_status(transition, alert_type), None))
    monitor = _get(fields, "monitorid", "alertid", "incidentpublicid")
    org = _get(fields, "orgid", "orgname")
    hostname = _get(fields, "hostname", "host")
    meant = meanings.of(tags)
    subject = meant.subject
    at = _updated_at(fields)
    ambiguous = dict(further)
    hints = {key: tag for key, tag in tags.items() if key not in ambiguous}
    if hostname:
        hints["host"] = hostname
    cycle = _get(fields, "alertcyclekey")
    identity = (cycle,) if cycle else (monitor or alert_name, ",".join(sorted(_split(scope))) or hostname)
    reading.add(
        alert_name=alert_name,
        severity=_severity(fields, in_title, meant, usual, alert_type, reading),
        # Datadog fences a markdown body with `%%%`.
        message=values.prose((_get(fields, *_MESSAGE) or "").replace("%%%", "")),
        labels=meanings.kept(tags),
        at=at,
        ends_at=at if status == "resolved" else None,
        began_at=at if transition in _BEGINS else None,
        timestamp_orders=True,
        status=status,
        fingerprint=digest("datadog", org, *identity),
        # A monitor's name may hold the host ("{{host.name}} is down"); its id is the same for all of them.
        group_key=group_key(
            "datadog",
            monitor or alert_name,
            subject._replace(account=org),
            meant.first("cluster"),
        ),
        host=host_hint(hints),
        url=values.url(_get(fields, "link", "url", "alerturl", "eventurl", "monitorurl")),
        subject=subject,
        location=locate(meant.and_also(*(meanings.of(dict([tag])) for tag in further)), subject, host=hostname),
        links=links_in_fields(fields),
        measured=of_datadog(_get(fields, "query", "alertquery")),
        raw_payload=payload,
    )


def _fields(payload: dict[str, Any]) -> dict[str, str]:
    """Return the scalars of a payload as text, keyed by the letters and digits of their names.

    `{"alert": {"cycle_key": 1}}` gives `{"alertcyclekey": "1"}`: an object's name is put before the names in it, except
    for a mere wrapper such as `data` or `payload`. The scalars of a list are joined by commas.
    """
    fields: dict[str, str] = {}
    for key, value in payload.items():
        name = letters(key)
        if type(value) is dict:
            prefix = "" if name in _WRAPPERS else name
            for inner, item in value.items():
                _put(fields, prefix + letters(inner), item)
        elif type(value) is list:
            _put(fields, name, ",".join(t for t in (values.scalar(item) for item in value) if t))
        else:
            _put(fields, name, value)
    return fields


def _updated_at(fields: dict[str, str]) -> datetime | None:
    updated = values.moment(_get(fields, "lastupdated", "lastupdatedposix"))
    return updated or values.moment(_get(fields, "date", "dateposix", "timestamp"))


def _put(fields: dict[str, str], name: str, value: Any) -> None:
    """Add a field unless it has no value: Datadog leaves the name of an unknown variable in place (`$HOSTNAME`)."""
    said = value.strip() if type(value) is str else (values.scalar(value) or "").strip()
    unset = said[:1] == "$" and _UNSET.fullmatch(said)
    if said and said != "null" and not unset and not values.is_template(said):
        fields.setdefault(name, said)


def _get(fields: dict[str, str], *names: str) -> str | None:
    for name in names:
        if name in fields:
            return fields[name]
    return None


def _split_title(title: str) -> tuple[str, dict[str, str]]:
    """Split a title into the alert's name and the priority, transition and scope in the brackets before it.

    `[P2] [Triggered on {service:shop}] Errors` gives `Errors` and `{"priority": "P2", "transition": "Triggered",
    "scope": "service:shop"}`. Other brackets stay in the name: `[prod] [Recovered] Errors` gives `[prod] Errors`.
    """
    found: dict[str, str] = {}
    rest = name = title.strip()
    others = ""
    while rest.startswith("["):
        word, closed, after = rest[1:].partition("]")
        scope = None
        if " on {" in word:
            word, _, scope_start = rest[1:].partition(" on {")
            scope, closed, after = scope_start.partition("}]")
        if not closed:
            break
        bracketed, rest = rest[: len(rest) - len(after)], after.strip()
        if letters(word[:64]) in _TRANSITIONS:
            found.setdefault("transition", word)
            if scope:
                found.setdefault("scope", scope)
        elif _NAMED_PRIORITY.fullmatch(word) and word[0] in "Pp":
            found.setdefault("priority", word)
        else:
            # People put words of their own before the title, such as `[prod] $EVENT_TITLE`.
            others += f"{bracketed} "
            continue
        name = others + rest
    return values.name(name) or values.name(title) or "Datadog alert", found


def _tags(tags: str, scope: str) -> tuple[dict[str, str], list[tuple[str, str]]]:
    """Return the first value of each tag by the tag's name, and all other values as pairs (name, value).

    `tags` and `scope` are texts such as `env:prod,team:shop`; entries without a value are left out.
    """
    found: dict[str, str] = {}
    further: list[tuple[str, str]] = []
    for tag in _split(f"{tags},{scope}"):
        key, _, value = tag.partition(":")
        if key and value and found.setdefault(key, value) != value:
            further.append((key, value))
    return found, further


def _split(tags: str) -> list[str]:
    return [tag.strip() for tag in tags.split(",") if tag.strip() not in ("", "*")]


def _status(transition: str, alert_type: str) -> Literal["firing", "resolved"]:
    """Return the status for a transition that this module does not list: resolved for `ok`, `recovered` and the like.

    Any other transition is firing. Without a transition, the alert type `success` is resolved, and any other is firing.
    """
    if not transition:
        return "resolved" if alert_type == "success" else "firing"
    return "resolved" if "recover" in transition or transition in ("ok", "resolved") else "firing"


def _severity(
    fields: dict[str, str],
    in_title: dict[str, str],
    tags: Meant,
    usual: SourceSeverity | Presumed | None,
    alert_type: str,
    reading: Reading,
) -> SourceSeverity | Presumed | None:
    """Return the severity by `$ALERT_PRIORITY`, else by the title, the tags, the alert type or the transition.

    `in_title` has the parts of the title's prefixes, such as its priority; `tags` has the tags' values by meaning;
    `usual` is the severity that the transition suggests, None if it suggests none; `alert_type` is `$ALERT_TYPE` in
    lower case. Datadog's `$PRIORITY` (normal, low) only says how an event is shown in its stream, so it is no severity.
    """
    said = _get(fields, "alertpriority", "severity", "incidentseverity")
    priority = said or _get(fields, "priority", "monitorpriority") or in_title.get("priority", "")
    if number := _NAMED_PRIORITY.fullmatch(priority):
        return reading.severity(f"P{number[1]}")
    if said:
        return reading.severity(said)
    if in_title.get("priority"):
        return reading.severity(in_title["priority"])
    if "severity" in tags:
        return reading.severity(tags.first("severity"))
    by_type = _ALERT_TYPES.get(alert_type)
    if by_type is None or usual == "medium" or (isinstance(by_type, Presumed) and usual):
        return usual or reading.severity(None)
    return by_type
