"""The table of the shapes in which known tools post to the generic source.

A place is a path such as `data.issue.title`; of several the first with a value counts. Its first name is compared by
letters and digits alone.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field


def _words(**meanings: str) -> dict[str, str]:
    """Return the meaning of each word."""
    return {word: meaning for meaning, words in meanings.items() for word in words.split()}


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
        The tool's own words for a status, beyond those of `firstline.sources.statuses`.
    other
        What any other word stands for: some tools tell of much that is no alert.
    severities
        The tool's own words for a severity, beyond those of `firstline.sources.severity`; an empty one states none.
    scale
        The numeric scale of its severities, by its name in `firstline.sources.severity.SCALES`.
    usual
        The severity of a message that states none.
    """

    tool: str
    marks: str
    fields: Mapping[str, str]
    statuses: Mapping[str, str] = field(default_factory=dict)
    other: str = "firing"
    severities: Mapping[str, str] = field(default_factory=dict)
    scale: str | None = None
    usual: str | None = None


SHAPES = (
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
        _words(firing="created unresolved triggered", resolved="archived ignored"),
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
        _words(firing="create escalate updatepriority", resolved="delete"),
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
            "event_update_status": "event_update_status",
        },
        {"1": "firing", "0": "resolved"},
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
    # https://support.atlassian.com/statuspage/docs/enable-webhook-notifications/
    # Its severities: https://support.atlassian.com/statuspage/docs/top-level-status-and-incident-impact-calculations/
    ToolShape(
        "Statuspage",
        "component_update.new_status component.name",
        {
            "name": "component.name",
            "status": "component_update.new_status",
            "severity": "component_update.new_status",
            "message": "component.description page.status_description",
            "time": "component_update.created_at",
            "fingerprint": "component.id component_update.component_id",
        },
        severities=_words(critical="major_outage", high="partial_outage", medium="degraded_performance operational"),
    ),
    ToolShape(
        "Statuspage",
        "page.id incident.incident_updates",
        {
            "name": "incident.name",
            "status": "incident.status",
            "severity": "incident.impact",
            "message": "incident.incident_updates.body",
            "time": "incident.updated_at",
            "url": "incident.shortlink",
            "fingerprint": "incident.id",
        },
        _words(firing="investigating identified", muted="monitoring scheduled in_progress verifying completed"),
        severities={"none": ""},
    ),
    # https://docs.incident.io/api-reference/webhooks: alerts, incidents, and their changes of status
    ToolShape(
        "incident.io",
        "event_type resource.alert_source_id",
        {
            "name": "resource.title",
            "status": "resource.status",
            "message": "resource.description",
            "severity": "resource.metadata.severity resource.metadata.priority",
            "labels": "resource.metadata",
            "time": "resource.updated_at",
            "url": "resource.source_url",
            "fingerprint": "resource.deduplication_key resource.id",
        },
    ),
    *(
        ToolShape(
            "incident.io",
            f"event_type {place}.incident_status",
            {
                "name": f"{place}.name",
                "status": f"{place}.incident_status.category",
                "message": f"{place}.summary",
                "severity": f"{place}.severity.name",
                "time": f"{place}.updated_at",
                "url": f"{place}.permalink",
                "fingerprint": f"{place}.id",
                "event_type": "event_type",
            },
            _words(
                firing="triage active live", resolved="post-incident learning closed declined canceled", muted="merged"
            ),
        )
        for place in ("resource", "resource.incident")
    ),
    ToolShape("incident.io", "event_type resource.id", {"name": "event_type", "status": "resource.id"}, other="muted"),
    # https://docs.canary.tools/webhooks/generic.html, https://docs.canarytokens.org/guide: nobody may touch a canary.
    ToolShape(
        "Thinkst Canary",
        "alert_type intro description",
        {
            "name": "description",
            "message": "intro",
            "host": "canary_name canary_ip",
            "time": "timestamp",
            "fingerprint": "incident_hash canary_id",
        },
        usual="high",
    ),
    ToolShape(
        "Thinkst Canary",
        "memo manage_url",
        {"name": "memo", "message": "channel", "time": "time", "url": "manage_url"},
        usual="high",
    ),
    # https://www.ibm.com/docs/en/instana-observability?topic=alerting-webhooks
    ToolShape(
        "Instana",
        "issue.text issue.state",
        {
            "name": "issue.text",
            "status": "issue.state",
            "severity": "issue.severity",
            "message": "issue.suggestion",
            "host": "issue.fqdn",
            "starts_at": "issue.start",
            "ends_at": "issue.end",
            "url": "issue.link",
            "fingerprint": "issue.id",
        },
        scale="Instana",
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
