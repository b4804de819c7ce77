"""The shapes of known tools that post to the generic source, as a table of the places where their fields stand.

Each shape becomes the fields of the documented one. A place is a path such as `data.issue.title`; of several the first
with a value counts.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Literal

from firstline.sources import values
from firstline.sources.meanings import letters
from firstline.sources.severity import from_number

_FIRING = (
    "firing fired alerting alert problem triggered open opened active activated created down failed failing error "
    "offline critical warning"
)
_RESOLVED = (
    "resolved resolve ok up recovered recovery closed close cleared clear normal healthy inactive deactivated success "
    "successful operational online"
)
_NEITHER = "pending paused acknowledged ack muted silenced suppressed snoozed maintenance"
STATUSES: dict[str, Literal["firing", "resolved"] | None] = {
    **dict.fromkeys(_FIRING.split(), "firing"),
    **dict.fromkeys(_RESOLVED.split(), "resolved"),
    **dict.fromkeys(_NEITHER.split(), None),
}
"""The state of an alert by its sender's word; None if that says neither that it fires nor that it is over."""

_NO_WORDS: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class ToolShape:
    """One kind of message of a tool.

    Parameters
    ----------
    marks
        The places that must be there.
    fields
        Where each field stands. `fingerprint` names the alert and `group` its incident among those of the tool.
    statuses
        The tool's own words for a status, beyond `STATUSES`.
    other
        What any other word stands for: some tools tell of much that is no alert.
    scale
        The numeric scale of its severities, by its name in `firstline.sources.severity.SCALES`.
    """

    tool: str
    marks: str
    fields: Mapping[str, str]
    statuses: Mapping[str, str] = field(default=_NO_WORDS)
    other: str = "firing"
    scale: str | None = None


_SHAPES = (
    # https://github.com/louislam/uptime-kuma, server/notification-providers/webhook.js and src/util.ts
    ToolShape(
        "Uptime Kuma",
        "heartbeat.status monitor.name",
        {
            "name": "monitor.name",
            "status": "heartbeat.status",
            "message": "msg heartbeat.msg",
            "host": "monitor.hostname monitor.url",
            "time": "heartbeat.time",
            "url": "monitor.url",
            "fingerprint": "monitor.id heartbeat.monitorID",
            "group": "monitor.id heartbeat.monitorID",
        },
        {"0": "firing", "1": "resolved", "2": "pending", "3": "maintenance"},
    ),
    # https://docs.sentry.io/integrations/integration-platform/webhooks/
    ToolShape(
        "Sentry",
        "data.event.title action",
        {
            "name": "data.event.title",
            "message": "data.triggered_rule data.event.culprit",
            "severity": "data.event.level",
            "host": "data.event.server_name",
            "time": "data.event.datetime",
            "url": "data.event.web_url",
            "fingerprint": "data.event.issue_id data.event.event_id",
            "group": "data.event.issue_id data.event.event_id",
        },
    ),
    ToolShape(
        "Sentry",
        "data.issue.title action",
        {
            "name": "data.issue.title",
            "status": "action",
            "message": "data.issue.culprit",
            "severity": "data.issue.level",
            "url": "data.issue.web_url data.issue.permalink",
            "fingerprint": "data.issue.id",
            "group": "data.issue.id",
        },
        {
            "created": "firing",
            "unresolved": "firing",
            "triggered": "firing",
            "archived": "resolved",
            "ignored": "resolved",
        },
        other="muted",
    ),
    ToolShape(
        "Sentry",
        "data.metric_alert action",
        {
            "name": "data.metric_alert.alert_rule.name data.metric_alert.title data.description_title",
            "status": "action",
            "message": "data.description_text",
            "severity": "action",
            "environment": "data.metric_alert.alert_rule.environment",
            "url": "data.web_url",
            "fingerprint": "data.metric_alert.alert_rule.id data.metric_alert.id",
            "group": "data.metric_alert.alert_rule.id data.metric_alert.id",
        },
    ),
    # Whatever else it tells: that it was installed, a comment, every single error.
    ToolShape("Sentry", "installation.uuid action", {"name": "action", "status": "installation.uuid"}, other="muted"),
    # https://docs.newrelic.com/docs/alerts/get-notified/notification-integrations/#webhook
    ToolShape(
        "New Relic",
        "issueUrl state",
        {
            "name": "title issueTitle alertConditionNames alertPolicyNames",
            "status": "state",
            "severity": "priority",
            "message": "alertConditionNames impactedEntities",
            "time": "updatedAt createdAt",
            "url": "issueUrl",
            "fingerprint": "id issueId issueUrl",
            "group": "id issueId issueUrl",
        },
    ),
    # https://learn.microsoft.com/azure/azure-monitor/alerts/alerts-common-schema
    ToolShape(
        "Azure Monitor",
        "data.essentials.alertRule",
        {
            "name": "data.essentials.alertRule",
            "status": "data.essentials.monitorCondition",
            "severity": "data.essentials.severity",
            "message": "data.essentials.description data.essentials.monitoringService",
            "host": "data.essentials.configurationItems",
            "cloud_resource_id": "data.essentials.alertTargetIDs",
            "starts_at": "data.essentials.firedDateTime",
            "ends_at": "data.essentials.resolvedDateTime",
            "labels": "data.customProperties",
            "url": "data.essentials.investigationLink",
            "fingerprint": "data.essentials.alertId data.essentials.originAlertId",
        },
        scale="Azure Monitor",
    ),
    # https://cloud.google.com/monitoring/support/notification-options#webhooks
    ToolShape(
        "Google Cloud Monitoring",
        "incident.incident_id incident.state",
        {
            "name": "incident.policy_name incident.condition_name",
            "status": "incident.state",
            "severity": "incident.severity",
            "message": "incident.summary incident.documentation.content",
            "host": "incident.resource_display_name",
            "account": "incident.scoping_project_id incident.resource.labels.project_id",
            "starts_at": "incident.started_at",
            "ends_at": "incident.ended_at",
            "labels": "incident.policy_user_labels incident.resource.labels",
            "url": "incident.url",
            "fingerprint": "incident.incident_id",
        },
    ),
    # https://support.atlassian.com/opsgenie/docs/opsgenie-edge-connector-alert-action-data/
    ToolShape(
        "Opsgenie",
        "action alert.alertId",
        {
            "name": "alert.message alert.alias",
            "status": "action",
            "severity": "alert.priority",
            "message": "alert.description alert.message",
            "host": "alert.entity",
            "labels": "alert.details",
            "time": "alert.updatedAt alert.createdAt",
            "fingerprint": "alert.alertId",
            "group": "alert.alertId",
        },
        {"create": "firing", "escalate": "firing", "updatepriority": "firing", "delete": "resolved"},
        other="muted",
    ),
    # https://www.zabbix.com/documentation/current/en/manual/config/notifications/media/webhook
    ToolShape(
        "Zabbix",
        "event_name event_value",
        {
            "name": "event_name",
            "status": "event_value",
            "severity": "event_severity event_nseverity",
            "message": "event_opdata trigger_description alert_message",
            "host": "host_name host_host host_ip",
            "fingerprint": "trigger_id event_id",
        },
        {"1": "firing", "0": "resolved", "problem": "firing"},
        scale="Zabbix",
    ),
    # https://learn.microsoft.com/azure/azure-monitor/alerts/activity-log-alerts-webhook
    ToolShape(
        "Azure Monitor",
        "schemaId data.context.activityLog",
        {
            "name": "data.context.activityLog.properties.title data.context.activityLog.operationName",
            "status": "data.context.activityLog.status",
            "severity": "data.context.activityLog.level",
            "message": "data.context.activityLog.properties.communication data.context.activityLog.description",
            "time": "data.context.activityLog.eventTimestamp",
            "fingerprint": "data.context.activityLog.properties.trackingId data.context.activityLog.correlationId",
        },
    ),
    # https://learn.microsoft.com/azure/azure-monitor/alerts/alerts-non-common-schema-definitions
    ToolShape(
        "Azure Monitor",
        "schemaId data.context.conditionType",
        {
            "name": "data.context.name",
            "status": "data.status",
            "severity": "data.context.severity",
            "message": "data.context.description data.context.conditionType",
            "host": "data.context.resourceName",
            "account": "data.context.subscriptionId",
            "time": "data.context.timestamp",
            "labels": "data.properties",
            "url": "data.context.portalLink",
        },
        scale="Azure Monitor",
    ),
    # https://docs.dynatrace.com/docs/analyze-explore-automate/notifications-and-alerting/problem-notifications/webhook-integration
    # `ProblemSeverity` is a category (AVAILABILITY, ERROR …). What is merged goes on under another problem.
    ToolShape(
        "Dynatrace",
        "problemid problemtitle",
        {
            "name": "problemtitle",
            "status": "state",
            "message": "problemdetailstext problemdetails problemtitle",
            "url": "problemurl",
            "fingerprint": "problemid",
        },
        {"merged": "muted"},
    ),
    # https://betterstack.com/docs/uptime/api/incidents-api-response-params
    ToolShape(
        "Better Stack",
        "data.attributes.cause data.attributes.started_at",
        {
            "name": "data.attributes.name",
            "status": "data.attributes.status",
            "message": "data.attributes.cause",
            "host": "data.attributes.url",
            "starts_at": "data.attributes.started_at",
            "ends_at": "data.attributes.resolved_at",
            "url": "data.attributes.url",
            "fingerprint": "data.id",
        },
        {"unconfirmed": "pending", "validating": "pending"},
    ),
    # https://go2docs.graylog.org/current/interacting_with_your_log_data/notifications.html
    ToolShape(
        "Graylog",
        "event_definition_title event.message",
        {
            "name": "event_definition_title",
            "severity": "event.priority",
            "message": "event.message event_definition_description",
            "time": "event.timestamp",
            "labels": "event.fields",
        },
        scale="Graylog",
    ),
    # https://dev.splunk.com/observability/docs/integrations/webhook_integration_overview/
    ToolShape(
        "Splunk Observability",
        "detector incidentId",
        {
            "name": "rule detector",
            "status": "statusExtended status",
            "severity": "severity",
            "message": "messageBody messageTitle description",
            "labels": "dimensions",
            "url": "detectorUrl",
            "fingerprint": "incidentId",
        },
        {"manually resolved": "resolved", "manually_resolved": "resolved", "stopped": "resolved"},
    ),
    # https://docs.splunk.com/Documentation/Splunk/latest/Alert/Webhooks
    # Its `app` is the part of Splunk that holds the search, not the service that it is about.
    ToolShape(
        "Splunk",
        "search_name app",
        {"name": "search_name", "message": "result._raw", "host": "result.host", "url": "results_link"},
    ),
    # https://onlineornot.com/docs/reference/webhook-payload: its status pages; the checks need no shape
    ToolShape(
        "OnlineOrNot",
        "type data.object.incident",
        {"name": "data.object.incident.title", "status": "type"},
        other="muted",
    ),
)
"""The first that fits counts."""
_FIRST_KEYS = frozenset(letters(shape.marks.partition(" ")[0].partition(".")[0]) for shape in _SHAPES)
"""A message that has none of these keys has no known shape; most have none."""

_WRAPPERS = (
    "alert",
    "alert_group",
    "incident",
    "problem",
    "issue",
    "monitor",
    "check",
    "heartbeat",
    "event",
    "data",
    "payload",
    "detail",
)
"""Names under which tools put one level down what the documented shape has at the top."""


def unfolded(payload: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return the fields of a known tool's message, or None if no shape fits; names at the top by their letters."""
    if _FIRST_KEYS.isdisjoint(payload):
        return None
    for shape in _SHAPES:
        if all(_at(payload, mark) is not None for mark in shape.marks.split()):
            return _fields(shape, payload)
    return None


def flattened(payload: Mapping[str, Any]) -> dict[str, Any]:
    """Return a message with what stands one level down beside what stands at the top, which goes before."""
    flat = dict(payload)
    for wrapper in _WRAPPERS:
        inner = payload.get(wrapper)
        if type(inner) is dict:
            flat = {**({f"{wrapper}_id": inner["id"]} if "id" in inner else {}), **inner, **flat}
    return flat


def _fields(shape: ToolShape, payload: Mapping[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, places in shape.fields.items():
        told = (_at(payload, place) for place in places.split())
        value = next((value for value in told if value not in (None, "", [], {})), None)
        if value is not None:
            found[name.replace("_", "")] = value
    for name in ("fingerprint", "group"):
        if name in found:
            found[name] = f"{shape.tool} {values.scalar(found[name])}"
    if (said := values.scalar(found.get("status"))) is not None:
        word = said.strip().lower()
        found["said"] = word
        found["status"] = shape.statuses.get(word, word if word in STATUSES else shape.other)
    severity = values.scalar(found.pop("severity", None))
    if severity is not None and severity.lower() != "resolved":  # Sentry's word for both
        number = severity.lower().removeprefix("sev")
        found["severity"] = (from_number(shape.scale, number) if shape.scale else None) or severity
    return found


def _at(payload: Any, place: str) -> Any:
    """Return what stands at a place, the first of a list, or None."""
    top, *keys = place.split(".")
    payload = payload.get(letters(top))
    for key in keys:
        payload = payload.get(key) if type(payload) is dict else None
    if type(payload) is list:
        return payload[0] if payload else None
    return payload
