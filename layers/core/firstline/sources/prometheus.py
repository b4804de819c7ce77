"""Prometheus Alertmanager, webhook version 4. Grafana's unified alerting sends the same shape and more.

https://prometheus.io/docs/alerting/latest/configuration/#webhook_config
"""

from typing import Any

from firstline.errors import UnreadablePayload
from firstline.sources import text
from firstline.sources.authentication import Request, require_token
from firstline.sources.identity import alertmanager_fingerprint, group_key, host_hint
from firstline.sources.reading import Reading

_DEAD_MANS_SWITCHES = ("watchdog", "deadmansswitch")
_SERVICE = ("service", "service_name", "app", "application", "app_kubernetes_io_name", "job")
_ENVIRONMENT = ("environment", "env", "stage")
_ACCOUNT = ("account", "account_id", "aws_account")
_REGION = ("region", "aws_region")


def authenticate(request: Request) -> None:
    """A token: `authorization` or `basic_auth` in the receiver's `http_config`."""
    require_token(request)


def read(payload: Any, reading: Reading) -> None:
    """Read every alert of a notification; each one's own status counts, as one notification mixes both.

    Raises
    ------
    UnreadablePayload
        This is no Alertmanager notification.
    """
    alerts = payload.get("alerts") if type(payload) is dict else None
    if type(alerts) is not list:
        raise UnreadablePayload(
            f"{reading.source}: no list `alerts`; expected the object that Alertmanager's webhook (version 4) sends"
        )
    if not alerts:
        reading.ignore("the notification holds no alert")
    truncated = payload.get("truncatedAlerts")
    if type(truncated) is int and truncated > 0:
        reading.batch.truncated = truncated
    common = payload.get("commonLabels")
    common = common if type(common) is dict else {}
    for alert in alerts:
        try:
            _read_alert(alert, common, payload.get("status"), reading)
        except UnreadablePayload as error:
            reading.reject(str(error), alert)


def _read_alert(alert: Any, common: dict[str, Any], group_status: Any, reading: Reading) -> None:
    if type(alert) is not dict:
        raise UnreadablePayload(f"{reading.source}: an entry of `alerts` is not an object")
    own = alert.get("labels")
    if type(own) is not dict:
        raise UnreadablePayload(f"{reading.source}: an alert without `labels`")
    status = alert.get("status") or group_status
    if status != "firing" and status != "resolved":
        raise UnreadablePayload(f"{reading.source}: an alert's status is neither firing nor resolved: {status!r:.80}")
    labels = text.labels({**common, **own} if common else own)
    annotations = alert.get("annotations")
    annotations = annotations if type(annotations) is dict else {}

    alert_name = labels.get("alertname")
    word = labels.get("severity")
    if alert_name and alert_name.lower() in _DEAD_MANS_SWITCHES:
        reading.ignore(f"{alert_name} is a dead man's switch: its absence would be the signal")
        return
    if word and word.lower() == "none":
        reading.ignore(f"severity none: {alert_name or 'an alert'} is not meant for people")
        return

    fingerprint = alertmanager_fingerprint(own, alert.get("fingerprint"))
    account = text.first(labels, *_ACCOUNT)
    region = text.first(labels, *_REGION)
    service = text.first(labels, *_SERVICE)
    environment = text.first(labels, *_ENVIRONMENT)
    ended = text.moment(alert.get("endsAt")) if status == "resolved" else None
    reading.add(
        alert_name=text.name(alert_name) or text.name(annotations.get("summary")) or "alert without a name",
        severity=reading.severity(word),
        message=text.prose(annotations.get("summary"), annotations.get("description"), annotations.get("message")),
        labels=labels,
        at=ended if status == "resolved" else text.moment(alert.get("startsAt")),
        ends_at=ended,
        status=status,
        fingerprint=fingerprint,
        # Annotations hold values that change, so a nameless alert is an incident of its own.
        group_key=group_key(
            reading.source,
            alert_name or fingerprint,
            account=account,
            region=region,
            scope=f"{labels.get('cluster', '')}/{labels.get('namespace', '')}",
            service=service,
            environment=environment,
        ),
        host=host_hint(labels),
        url=text.url(alert.get("panelURL"), alert.get("dashboardURL"), alert.get("generatorURL")),
        account=account,
        region=region,
        environment=environment,
        service=service,
        raw_payload=alert,
    )
