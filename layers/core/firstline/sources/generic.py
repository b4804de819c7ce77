"""Other senders of JSON: the documented shape, and the names that other tools use for the same fields.

`docs/sources/generic.md` documents it. One alert is an object, several are `{"alerts": [ … ]}`.
"""

from datetime import datetime
from typing import Any, Literal

from firstline.errors import UnreadablePayload
from firstline.sources import meanings, values
from firstline.sources.authentication import require_token
from firstline.sources.identity import bare_host, digest, group_key, host_hint
from firstline.sources.meanings import Subject
from firstline.sources.reading import Reading

_NAME = (
    *("alert_name", "alertname", "name", "title", "rule"),
    # Pingdom's, UptimeRobot's, Splunk's and Zabbix's
    *("check_name", "monitor_friendly_name", "search_name", "trigger"),
    *("subject", "summary"),
)
_STATUS = ("status", "state", "current_state", "new_status", "alert_type_friendly_name")
_SEVERITY = ("severity", "priority", "level")
_MESSAGE = ("message", "description", "long_description", "text", "details", "alert_details", "body", "summary", "item")
_HOST = ("host", "hostname", "instance", "instance_id", "node", "server", "monitor_url")
_TIME = ("timestamp", "time", "starts_at", "startsAt", "occurred_at", "state_changed_timestamp", "ts", "date")
_BEGAN = ("starts_at", "startsAt")
_URL = ("url", "link", "dashboard_link", "results_link", "html_url")

_FIRING = "firing alerting alert problem triggered open opened active down failed failing error critical warning"
_RESOLVED = "resolved resolve ok up recovered recovery closed cleared clear normal healthy inactive success operational"
_NEITHER = "pending paused acknowledged ack muted silenced suppressed snoozed maintenance"
_STATUSES: dict[str, Literal["firing", "resolved"] | None] = {
    **dict.fromkeys(_FIRING.split(), "firing"),
    **dict.fromkeys(_RESOLVED.split(), "resolved"),
    **dict.fromkeys(_NEITHER.split(), None),
}


authenticate = require_token


def read(payload: Any, reading: Reading) -> None:
    """Read one alert or a list of them.

    Raises
    ------
    UnreadablePayload
        The payload is no object, or its only alert has no name.
    """
    if type(payload) is not dict:
        raise UnreadablePayload('generic: expected an object; send several alerts as {"alerts": [ … ]}')
    alerts = payload.get("alerts")
    if type(alerts) is not list:
        _read_alert(payload, reading)
        return
    if not alerts:
        reading.ignore("the list of alerts is empty")
    for alert in reading.split(payload, "alerts"):
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
    # An unknown word counts as firing: better one incident too many.
    status = _STATUSES.get(word, "firing")
    if status is None:
        reading.ignore(f"{alert_name} is {word}: neither firing nor resolved")
        return
    labels = values.labels(alert.get("labels") or alert.get("tags"))
    host = bare_host(_first(alert, _HOST) or "") or host_hint(labels)
    subject = Subject(*[values.name(alert.get(key)) or meanings.find(labels, key) for key in Subject._fields])
    given = _first(alert, ("fingerprint", "dedup_key", "check_id", "monitor_id"))
    ends_at = _ended_at(alert, status)
    reading.add(
        alert_name=alert_name,
        severity=reading.severity(_first(alert, _SEVERITY) or labels.get("severity")),
        message=values.prose(_first(alert, _MESSAGE)),
        labels=labels,
        at=ends_at or values.moment(_first(alert, _TIME)),
        began_at=values.moment(_first(alert, _BEGAN)),
        ends_at=ends_at,
        status=status,
        fingerprint=digest("generic", *((given,) if given else (full_name, host, *subject, *_pairs(labels)))),
        group_key=group_key("generic", full_name, subject),
        host=host,
        url=values.url(*(alert.get(key) for key in _URL)),
        subject=subject,
        raw_payload=alert,
    )


def _ended_at(alert: dict[str, Any], status: str) -> datetime | None:
    return values.moment(alert.get("ends_at")) if status == "resolved" else None


def _first(alert: dict[str, Any], keys: tuple[str, ...]) -> str | None:
    for key in keys:
        if key in alert and (said := values.scalar(alert[key])):
            return said
    return None


def _pairs(labels: dict[str, str]) -> list[str]:
    """Return the labels that identify the alert: all but the severity, which may change while it fires."""
    return [f"{key}={labels[key]}" for key in sorted(labels) if key != "severity"]
