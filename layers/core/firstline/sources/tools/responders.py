"""The shapes (`ToolShape`: where each field stands) of messages from tools for incidents, errors and the like."""

from firstline.sources.tools.shape import ToolShape, words

SHAPES = (
    # https://docs.sentry.io/integrations/integration-platform/webhooks/
    ToolShape(
        "Sentry",
        "data.event.title action",
        {
            "name": "data.event.title",
            "message": "data.triggered_rule data.event.culprit",
            "severity": "data.event.level",
            "host": "data.event.server_name",
            "environment": "data.event.environment",
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
            "service": "data.issue.project.slug",
            "url": "data.issue.web_url data.issue.permalink",
            "fingerprint": "data.issue.id",
            "group": "data.issue.id",
        },
        words(firing="created unresolved triggered", resolved="archived ignored"),
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
        words(firing="create escalate updatepriority", resolved="delete"),
        other="muted",
    ),
    # https://grafana.com/docs/oncall/latest/configure/outgoing-webhooks/: its `alert_payload` fires to the end
    ToolShape(
        "Grafana OnCall",
        "alert_group.state alert_payload",
        {
            "name": "alert_payload.labels.alertname alert_payload.title alert_group.title",
            "status": "alert_group.state",
            "severity": "alert_payload.labels.severity alert_payload.severity",
            "message": "alert_payload.annotations.description alert_payload.annotations.summary alert_payload.message",
            "labels": "alert_payload.labels",
            "time": "event.time",
            "url": "alert_group.permalinks.web",
            "fingerprint": "alert_group.id alert_group_id",
            "group": "alert_group.id alert_group_id",
        },
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
        severities=words(critical="major_outage", high="partial_outage", medium="degraded_performance operational"),
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
        words(firing="investigating identified", muted="monitoring scheduled in_progress verifying completed"),
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
            words(
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
    # https://developer.pagerduty.com/docs/send-alert-event: many tools can post it to an address of one's choice.
    ToolShape(
        "PagerDuty Events API",
        "event_action routing_key",
        {
            "name": "payload.summary dedup_key",
            "status": "event_action",
            "severity": "payload.severity",
            "message": "payload.summary",
            "host": "payload.source",
            "service": "payload.component",
            "labels": "payload.custom_details",
            "time": "payload.timestamp",
            "url": "links.href client_url",
            "fingerprint": "dedup_key",
            "group": "dedup_key",
        },
        words(firing="trigger"),
    ),
    # https://help.victorops.com/knowledge-base/rest-endpoint-integration-guide/ (Splunk On-Call): many tools post it
    ToolShape(
        "VictorOps",
        "message_type entity_id",
        {
            "name": "entity_display_name entity_id",
            "status": "message_type",
            "severity": "message_type",
            "message": "state_message",
            "host": "host_name",
            "starts_at": "state_start_time",
            "fingerprint": "entity_id",
            "group": "entity_id",
        },
        {"info": "muted"},
        severities=dict.fromkeys(("recovery", "acknowledgement", "ok"), ""),
    ),
    # https://fluxcd.io/flux/components/notification/events/: an error may have the reason of the state before it
    ToolShape(
        "Flux",
        "involvedObject.kind involvedObject.name reason severity",  # an event of Kubernetes itself has no severity
        {
            "name": "involvedObject.kind+involvedObject.name",
            "status": "reason+severity",
            "severity": "severity",
            "message": "message",
            "service": "involvedObject.name",
            "namespace": "involvedObject.namespace",
            "time": "timestamp",
            "fingerprint": "involvedObject.kind+involvedObject.namespace+involvedObject.name",
            "group": "involvedObject.kind+involvedObject.namespace+involvedObject.name",
        },
        {
            f"{word} info": meaning
            for word, meaning in words(
                resolved="reconciliationsucceeded installsucceeded upgradesucceeded succeeded",
                muted="progressing progressingwithretry artifactuptodate newartifact dependencynotready testsucceeded"
                " rollbacksucceeded uninstallsucceeded garbagecollectionsucceeded driftdetected driftcorrected",
            ).items()
        },
    ),
    # https://docs.rollbar.com/docs/webhooks
    ToolShape(
        "Rollbar",
        "event_name data.item",
        {
            "name": "data.item.title",
            "status": "event_name",
            "severity": "data.item.level",
            "message": "data.item.last_occurrence.body.message.body",
            "environment": "data.item.environment",
            "url": "data.url",
            "fingerprint": "data.item.id",
            "group": "data.item.id",
        },
        words(
            firing="new_item occurrence exp_repeat_item item_velocity reactivated_item reopened_item",
            resolved="resolved_item",
        ),
        other="muted",
        scale="Rollbar",
    ),
    ToolShape("Rollbar", "event_name data.deploy", {"name": "event_name", "status": "event_name"}, other="muted"),
    # https://docs.honeybadger.io/guides/integrations/payloads/v2/; its sites and check-ins need no shape
    ToolShape(
        "Honeybadger",
        "event fault.klass",
        {
            "name": "fault.klass",
            "status": "event",
            "message": "fault.message message",
            "service": "project.name",
            "environment": "fault.environment",
            "url": "fault.url",
            "fingerprint": "fault.id",
            "group": "fault.id",
        },
        words(firing="occurred unresolved rate_exceeded volume_spike"),
        other="muted",
    ),
)
