"""The source for Grafana: unified alerting, whose webhooks extend Alertmanager's shape, and the older legacy alerts.

https://grafana.com/docs/grafana/latest/alerting/configure-notifications/manage-contact-points/integrations/webhook-notifier/
"""

from typing import Any, Literal

from firstline.errors import Unauthenticated, UnreadablePayload
from firstline.sources import meanings, prometheus, values
from firstline.sources.authentication import SIGNATURE_WINDOW_SECONDS, Request, has_token, is_recent, signed
from firstline.sources.identity import digest, group_key, host_hint
from firstline.sources.links import links_in_fields
from firstline.sources.location import locate
from firstline.sources.reading import Reading

SIGNATURE_HEADER = "x-grafana-alerting-signature"
TIMESTAMP_HEADER = "x-grafana-alerting-timestamp"
"""The header of the time stamp. Users choose its name in Grafana; docs/sources/grafana.md tells them this name."""

_LEGACY_STATUS: dict[str, Literal["firing", "resolved"] | None] = {
    **dict.fromkeys(("alerting", "alert", "no_data", "nodata"), "firing"),
    "ok": "resolved",
    **dict.fromkeys(("pending", "paused", "unknown")),
}


def authenticate(request: Request) -> None:
    """Raise Unauthenticated unless the request has a token, or an HMAC signature of the body.

    If a time stamp is sent, the signature covers it too, and it must be at most five minutes old.
    """
    if has_token(request, request.secrets):
        return
    signature = request.headers.get(SIGNATURE_HEADER)
    if not signature:
        raise Unauthenticated(
            f"{request.source}: neither a valid token nor {SIGNATURE_HEADER}: set one of them in the contact point"
        )
    stamp = request.headers.get(TIMESTAMP_HEADER, "").strip()
    message = request.body
    if stamp:
        if not is_recent(stamp, request.now):
            raise Unauthenticated(
                f"{request.source}: {TIMESTAMP_HEADER} is older than {SIGNATURE_WINDOW_SECONDS} seconds or not in "
                "seconds since 1970: check Grafana's clock"
            )
        message = stamp.encode() + b":" + message
    if not signed([signature], message, request.secrets):
        raise Unauthenticated(
            f"{request.source}: {SIGNATURE_HEADER} does not match the body: "
            f"the contact point's HMAC secret must be the secret sources/{request.source}"
        )


def read(payload: Any, reading: Reading) -> None:
    """Read a notification of unified alerting, or a legacy alert, and add its alerts to `reading`.

    Raises
    ------
    UnreadablePayload
        The payload is neither of them.
    """
    if type(payload) is dict and "alerts" not in payload and ("ruleName" in payload or "evalMatches" in payload):
        _read_legacy(payload, reading)
    else:
        prometheus.read(payload, reading)


def _read_legacy(payload: dict[str, Any], reading: Reading) -> None:
    alert_name = values.name(payload.get("ruleName"))
    if alert_name is None:
        raise UnreadablePayload("grafana: the legacy alert has no `ruleName`: send the webhook as Grafana writes it")
    state = values.name(payload.get("state")) or _state_in_title(payload.get("title"))
    if state is None or state.lower() not in _LEGACY_STATUS:
        raise UnreadablePayload(
            f"grafana: the legacy alert {alert_name} has the state {values.quoted(state)}: "
            f"send one of {', '.join(_LEGACY_STATUS)}"
        )
    status = _LEGACY_STATUS[state.lower()]
    if status is None:
        reading.ignore(f"the rule is {state.lower()}: neither firing nor resolved")
        return
    tags = payload.get("tags")
    tags = tags if type(tags) is dict else {}
    meant, matched = meanings.of(tags), _match_tags(payload.get("evalMatches"))
    org = values.scalar(payload.get("orgId"))
    ids = (values.scalar(payload.get(key)) for key in ("dashboardId", "panelId", "ruleId"))
    reading.add(
        alert_name=alert_name,
        severity=reading.severity(meant.first("severity")),
        message=values.prose(payload.get("message"), _values(payload.get("evalMatches"))),
        labels=meanings.kept(tags),
        at=None,
        status=status,
        fingerprint=digest(org, *ids, alert_name),
        group_key=group_key("grafana", alert_name, meant.subject, org),
        host=host_hint({**matched, **tags}),
        url=values.url(payload.get("ruleUrl")),
        subject=meant.subject,
        location=locate(meant.and_also(meanings.of(matched)), meant.subject),
        links=links_in_fields(payload),
        raw_payload=payload,
    )


def _state_in_title(title: Any) -> str | None:
    """Return the state in front of a title (`[Alerting] Disk is full`), where older versions of Grafana put it."""
    if type(title) is str and title.startswith("[") and "]" in title:
        return values.name(title[1:].split("]", 1)[0].replace(" ", "_"))
    return None


def _match_tags(matches: Any) -> dict[str, str]:
    """Return the tags of the series that fired; nothing if several fired, because they may be on several hosts.

    `matches` is the list `evalMatches` of a legacy alert.
    """
    if type(matches) is list and len(matches) == 1 and type(matches[0]) is dict:
        return values.labels(matches[0].get("tags"))
    return {}


def _values(matches: Any) -> str:
    """Write the values in `evalMatches` of a legacy alert, as `CPU = 97.5, Memory = 81`; an empty text without any."""
    if type(matches) is not list:
        return ""
    found = [(values.name(m.get("metric")), values.scalar(m.get("value"))) for m in matches[:20] if type(m) is dict]
    return ", ".join(f"{metric} = {value}" for metric, value in found if metric and value)
