"""The source for Prometheus Alertmanager, webhook version 4. Grafana's unified alerting extends the same shape.

https://prometheus.io/docs/alerting/latest/configuration/#webhook_config
"""

from dataclasses import dataclass
from typing import Any

from firstline.errors import UnreadablePayload
from firstline.models import Location
from firstline.sources import meanings, values
from firstline.sources.authentication import require_token
from firstline.sources.heartbeat import has_constant_rule, is_dead_mans_switch, says_that_it_always_fires
from firstline.sources.identity import alertmanager_fingerprint, group_key, host_hint
from firstline.sources.links import further_texts, link_to, links_in_fields
from firstline.sources.location import locate
from firstline.sources.meanings import Meant, Subject
from firstline.sources.measurement import of_rule
from firstline.sources.reading import Reading

_remembered: dict[tuple[str, str] | None, tuple[dict[str, Any], "_Identity"]] = {}


_LINKS = (
    ("dashboardURL", "dashboard"),
    ("panelURL", "panel"),
    ("generatorURL", "rule"),
    ("silenceURL", "silence"),
    ("imageURL", "graph"),
)
"""The fields of an alert that hold addresses, with the kind of link, best first. Only Grafana sends most of them."""

_OF_A_SOURCE = ("DatasourceNoData", "DatasourceError")
"""The names of the alerts that Grafana raises about its data sources."""

authenticate = require_token
"""The check of Alertmanager's token, from `authorization` or `basic_auth` in the receiver's `http_config`."""


def read(payload: Any, reading: Reading) -> None:
    """Read every alert of a notification, firing and resolved ones mixed, and add them to `reading`.

    Raises
    ------
    UnreadablePayload
        The payload is no Alertmanager notification.
    """
    alerts = payload.get("alerts") if type(payload) is dict else None
    if type(alerts) is not list:
        raise UnreadablePayload(
            f"{reading.source}: the body has no list `alerts`: send the body of Alertmanager's webhook (version 4)"
        )
    if not alerts:
        reading.ignore("the notification holds no alert")
    truncated = payload.get("truncatedAlerts")
    if type(truncated) is int and truncated > 0:
        reading.batch.truncated = truncated
    common = payload.get("commonLabels")
    common = common if type(common) is dict else {}
    for alert in reading.split(payload, "alerts"):
        try:
            _read_alert(alert, common, payload.get("status"), reading)
        except UnreadablePayload as error:
            reading.reject(str(error), alert)


def _read_alert(alert: Any, common: dict[str, Any], group_status: Any, reading: Reading) -> None:
    if type(alert) is not dict:
        raise UnreadablePayload(f"{reading.source}: an entry of `alerts` is no object: send alerts with `labels`")
    own = alert.get("labels")
    if type(own) is not dict:
        raise UnreadablePayload(f"{reading.source}: an alert has no `labels`: send them as an object")
    status = alert.get("status") or group_status
    if status != "firing" and status != "resolved":
        raise UnreadablePayload(
            f"{reading.source}: an alert has the status {values.quoted(status)}: send firing or resolved"
        )
    annotations = alert.get("annotations")
    annotations = annotations if type(annotations) is dict else {}

    identity = _identity(reading.source, alert.get("fingerprint"), own, common)
    told = (annotations.get("summary"), annotations.get("description"), annotations.get("message"))
    message = values.prose(*told, _rule_of_source(identity.alert_name, own))
    always = says_that_it_always_fires(message) or has_constant_rule(identity.alert_name, alert.get("generatorURL"))
    absence = f"{identity.alert_name or 'an alert'} always fires: its absence would be the signal" if always else None
    not_for_people = identity.not_for_people or absence
    if not_for_people:
        reading.ignore(not_for_people)
    nothing_known = _why_nothing_is_known(identity.alert_name, annotations) if status == "resolved" else None
    if nothing_known:
        message = values.prose(message, f"It ended, and nothing is known of it any more: {nothing_known}.")
    began = values.moment(alert.get("startsAt"))
    ended = values.moment(alert.get("endsAt")) if status == "resolved" else None
    reading.add(
        alert_name=identity.alert_name or values.name(annotations.get("summary")) or "alert without a name",
        severity=reading.severity(identity.severity or meanings.find(annotations, "severity")),
        message=message,
        labels=identity.labels.copy(),
        at=ended if status == "resolved" else began,
        began_at=began,
        ends_at=ended,
        status=status,
        fingerprint=identity.fingerprint,
        group_key=identity.group_key,
        host=identity.host,
        url=values.url(alert.get("panelURL"), alert.get("dashboardURL"), alert.get("generatorURL")),
        subject=identity.subject,
        location=identity.location,
        measured=of_rule(alert.get("generatorURL"), own),
        links=(*links_in_fields(annotations), *filter(None, (link_to(kind, alert.get(name)) for name, kind in _LINKS))),
        annotations=further_texts(annotations, message),
        raw_payload=alert,
        heartbeat=not_for_people is not None,
        nothing_known=nothing_known,
    )


def _rule_of_source(alert_name: str | None, labels: dict[str, Any]) -> str | None:
    """Return the text `Rule: <name>` for Grafana's alerts about a data source, such as DatasourceError; else None.

    The names of these alerts do not say which rule failed.
    """
    rule = values.name(labels.get("rulename")) if alert_name in _OF_A_SOURCE else None
    return f"Rule: {rule}" if rule else None


def _why_nothing_is_known(alert_name: str | None, annotations: dict[str, Any]) -> str | None:
    """Return Grafana's reason for ending an alert without having seen a recovery; None if the alert recovered.

    Grafana gives a reason only if the state does not come from the rule's query: `MissingSeries`, `NoData`, `Error`,
    `Paused`, `Updated`, `RuleDeleted`, or `KeepLast` together with one of these
    (`pkg/services/ngalert/models/alert_rule.go`). Only an alert about a data source, such as DatasourceError, recovers
    with `MissingSeries`: it ends so when the data source answers again (`deleteStaleStatesFromCache` in
    `pkg/services/ngalert/state/manager.go`).
    https://grafana.com/docs/grafana/latest/alerting/fundamentals/alert-rule-evaluation/stale-alert-instances/
    """
    given = annotations.get("grafana_state_reason")
    reason = values.name(given) if type(given) is str else None
    answers_again = alert_name in _OF_A_SOURCE and reason == "MissingSeries"
    return None if answers_again else reason


def _scope(meant: Meant, labels: dict[str, Any]) -> str:
    """Return where an alert fires, `cluster/namespace`, so that alerts of one name in two places are kept apart.

    `labels` are the alert's labels, `meant` their values by meaning, such as `host`. Grafana's alert DatasourceError
    also gets its data source (or else its rule), DatasourceNoData its data source and its rule.
    """
    source, rule = values.name(labels.get("datasource_uid")), values.name(labels.get("rulename"))
    match meant.first("alert_name"):
        case "DatasourceError":  # the source is down: one problem, whatever rules ask it
            return f"{meant.scope}/{source or rule or ''}"
        case "DatasourceNoData":  # the source answers, and has nothing for this rule
            return f"{meant.scope}/{source or ''}/{rule or ''}"
    return meant.scope


@dataclass(frozen=True, slots=True)
class _Identity:
    """The facts that an alert's labels state, such as its fingerprint and host.

    They never change: an alert with other labels is another alert.
    """

    labels: dict[str, str]
    alert_name: str | None
    severity: str | None
    fingerprint: str
    group_key: str
    host: str | None
    subject: Subject
    location: Location | None
    not_for_people: str | None


def _identity(source: str, given: Any, own: dict[str, Any], common: dict[str, Any]) -> _Identity:
    """Return the facts that an alert's labels state, from a cache if the same labels and fingerprint came before.

    `source` is the name of the source, `given` the sender's fingerprint, `own` the alert's labels, `common` the labels
    that the sender states once for all alerts of the notification. The cache helps because Alertmanager sends the whole
    group again whenever one alert changes; it stays small, because large label sets are not kept.
    """
    if "alertname" not in own or "severity" not in own:
        # Not Alertmanager's own work, which repeats the common labels in each alert.
        return _read_identity(source, given, own, {**common, **own})
    key = (source, given) if type(given) is str else None
    known = _remembered.get(key)
    if known is not None and known[0] == own:
        return known[1]
    identity = _read_identity(source, given, own, own)
    if key is not None and len(given) == 16 and sum(len(str(item)) for pair in own.items() for item in pair) < 4_096:
        if len(_remembered) == 1_024:
            _remembered.clear()
        _remembered[key] = own, identity
    return identity


def _read_identity(source: str, given: Any, own: dict[str, Any], merged: dict[str, Any]) -> _Identity:
    meant = meanings.of(merged)
    alert_name = meant.first("alert_name")
    severity = meant.first("severity")
    not_for_people = None
    if alert_name and is_dead_mans_switch(alert_name):
        not_for_people = f"{alert_name} is a dead man's switch: its absence would be the signal"
    elif severity and severity.lower() == "none":
        not_for_people = f"severity none: {alert_name or 'an alert'} is not meant for people"
    fingerprint = alertmanager_fingerprint(own, given)
    full_name = meant["alert_name"][0] if alert_name else fingerprint
    return _Identity(
        labels=meanings.kept(merged),
        alert_name=alert_name,
        severity=severity,
        fingerprint=fingerprint,
        # Annotations hold values that change, so a nameless alert is an incident of its own.
        group_key=group_key(source, full_name, meant.subject, _scope(meant, merged)),
        host=host_hint(merged, meant),
        subject=meant.subject,
        location=locate(meant, meant.subject),
        not_for_people=not_for_people,
    )
