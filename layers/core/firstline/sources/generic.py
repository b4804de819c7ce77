"""Anything else that can post JSON: the documented shape, and the names that other tools use for the same things.

`docs/sources/generic.md` documents it. One alert is an object, several are `{"alerts": [ … ]}`.
"""

from typing import Any, Literal

from firstline.errors import UnreadablePayload
from firstline.sources import meanings, values
from firstline.sources.authentication import Request, require_token
from firstline.sources.identity import bare_host, digest, group_key, host_hint
from firstline.sources.reading import Reading

_NAME = (
    "alert_name",
    "alertname",
    "name",
    "title",
    "rule",
    "check_name",  # Pingdom
    "monitor_friendly_name",  # UptimeRobot
    "search_name",  # Splunk
    "trigger",  # Zabbix
    "subject",
    "summary",
)
_STATUS = ("status", "state", "current_state", "new_status", "alert_type_friendly_name")
_SEVERITY = ("severity", "priority", "level")
_MESSAGE = ("message", "description", "long_description", "text", "details", "alert_details", "body", "summary", "item")
_HOST = ("host", "hostname", "instance", "instance_id", "node", "server", "monitor_url")
_TIME = ("timestamp", "time", "starts_at", "startsAt", "occurred_at", "state_changed_timestamp", "ts", "date")
_URL = ("url", "link", "dashboard_link", "results_link", "html_url")

_FIRING = "firing alerting alert problem triggered open opened active down failed failing error critical warning"
_RESOLVED = "resolved resolve ok up recovered recovery closed cleared clear normal healthy inactive success operational"
_NEITHER = "pending paused acknowledged ack muted silenced suppressed snoozed maintenance"
_STATUSES: dict[str, Literal["firing", "resolved"] | None] = {
    **dict.fromkeys(_FIRING.split(), "firing"),
    **dict.fromkeys(_RESOLVED.split(), "resolved"),
    **dict.fromkeys(_NEITHER.split(), None),
}


def authenticate(request: Request) -> None:
    """A token: bearer, the password of Basic, or `X-Firstline-Token`."""
    require_token(request)


def read(payload: Any, reading: Reading) -> None:
    """Read one alert or a list of them.

    Raises
    ------
    UnreadablePayload
        It is no object, or the one alert in it has no name.
    """
    if type(payload) is not dict:
        raise UnreadablePayload('generic: expected an object; send several alerts as {"alerts": [ … ]}')
    alerts = payload.get("alerts")
    if type(alerts) is not list:
        _read_alert(payload, reading)
        return
    if not alerts:
        reading.ignore("the list of alerts is empty")
    for alert in alerts:
        try:
            _read_alert(alert, reading)
        except UnreadablePayload as error:
            reading.reject(str(error), alert)


def _read_alert(alert: Any, reading: Reading) -> None:
    if type(alert) is not dict:
        raise UnreadablePayload("generic: an alert is an object with at least `alert_name`")
    full_name = _first(alert, _NAME)
    alert_name = values.name(full_name)
    if full_name is None or alert_name is None:
        raise UnreadablePayload("generic: an alert without `alert_name`")
    word = (_first(alert, _STATUS) or "firing").strip().lower()
    # A word that we don't know counts as firing: better one incident too many.
    status = _STATUSES.get(word, "firing")
    if status is None:
        reading.ignore(f"{alert_name} is {word}: neither firing nor resolved")
        return
    labels = values.labels(alert.get("labels") or alert.get("tags"))
    said_host = _first(alert, _HOST)
    host = (bare_host(said_host) if said_host else None) or host_hint(labels)
    account, region, service, environment = (
        values.name(alert.get(meaning)) or meanings.find(labels, meaning) for meaning in meanings.MEANINGS
    )
    given = _first(alert, ("fingerprint", "dedup_key", "check_id", "monitor_id"))
    ends_at = values.moment(alert.get("ends_at")) if status == "resolved" else None
    reading.add(
        alert_name=alert_name,
        severity=reading.severity(_first(alert, _SEVERITY) or labels.get("severity")),
        message=values.prose(_first(alert, _MESSAGE)),
        labels=labels,
        at=ends_at or values.moment(_first(alert, _TIME)),
        ends_at=ends_at,
        status=status,
        fingerprint=digest("generic", given)
        if given
        else digest("generic", full_name, host, account, region, service, environment, *_pairs(labels)),
        group_key=group_key(
            "generic", full_name, account=account, region=region, service=service, environment=environment
        ),
        host=host,
        url=values.url(*(alert.get(key) for key in _URL)),
        account=account,
        region=region,
        environment=environment,
        service=service,
        raw_payload=alert,
    )


def _first(alert: dict[str, Any], keys: tuple[str, ...]) -> str | None:
    for key in keys:
        if key in alert and (said := values.scalar(alert[key])):
            return said
    return None


def _pairs(labels: dict[str, str]) -> list[str]:
    """The labels that name the alert; how bad it is may change while it burns."""
    return [f"{key}={labels[key]}" for key in sorted(labels) if key != "severity"]
