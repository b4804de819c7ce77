"""The shapes (`ToolShape`: where each field stands) of messages from tools that monitor hosts, services and sites."""

from firstline.sources.tools.shape import ToolShape, words

_LIBRENMS = {
    "name": "name rule title",  # the title of an end is another one
    "status": "raw_state state",
    "severity": "severity",
    "message": "msg message",
    "host": "hostname sysName",
    "fingerprint": "alert_id",
    "group": "alert_id",
}
# https://github.com/librenms/librenms/blob/master/LibreNMS/Alert/RunAlerts.php
_LIBRENMS_TITLE = (
    r"(?:Alert for device .{1,200}? - |Device .{1,200}? recovered from )(.{1,200}?)"
    r"(?: got (?:acknowledged|worse|better|changed))?"
)
_LIBRENMS_STATES = {"0": "resolved", "1": "firing", "2": "acknowledged", "3": "firing", "4": "firing", "5": "firing"}
"""LibreNMS' numbers for states; 3 is worse, 4 better, 5 changed, and all three still fire.

https://github.com/librenms/librenms/blob/master/LibreNMS/Enum/AlertState.php
"""

SHAPES = (
    ToolShape(
        "Cloudflare",
        "alert_type data.status",
        {"name": "name", "status": "data.status", "message": "text"},
    ),
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
    # https://www.zabbix.com/documentation/current/en/manual/config/notifications/media/webhook
    ToolShape(
        "Zabbix",
        "event_name event_value",
        {
            "name": "event_name",
            "status": "event_value",
            "severity": "event_nseverity event_severity",  # people rename them
            "message": "event_opdata trigger_description alert_message",
            "host": "host_name host_host host_ip",
            "fingerprint": "trigger_id event_id",
            "event_update_status": "event_update_status",
        },
        {"1": "firing", "0": "resolved"},
        scale="Zabbix",
    ),
    # https://docs.influxdata.com/kapacitor/v1/reference/event_handlers/post/
    ToolShape(
        "Kapacitor",
        "previousLevel level id",
        {
            "name": "id",
            "status": "level",
            "severity": "level",
            "message": "message details",
            "time": "time",
            "labels": "data.series.tags",
            "fingerprint": "id",
        },
        severities={"ok": ""},
    ),
    # https://docs.influxdata.com/influxdb/v2/monitor-alert/notification-endpoints/: one check judges every series
    ToolShape(
        "InfluxDB",
        "_check_id _source_measurement _level",
        {
            "name": "_check_name _check_id",
            "status": "_level",
            "severity": "_level",
            "message": "_message",
            "host": "host",
            "fingerprint": "_check_id+host+path+device+interface+container_name+pod_name",
        },
        severities={"ok": "", "crit": "critical"},
    ),
    # https://learn.netdata.cloud/docs/alerts-&-notifications/notifications/centralized-cloud-notifications/webhook
    ToolShape(
        "Netdata",
        "alert chart severity",
        {
            "name": "alert",
            "status": "severity",
            "severity": "severity",
            "message": "info message",
            "host": "host",
            "time": "date",
            "url": "alert_url",
            "labels": "labels",
            "fingerprint": "alert+chart+host",
        },
        {"removed": "resolved", "undefined": "pending", "uninitialized": "pending"},
        severities=dict.fromkeys(("clear", "removed"), ""),
    ),
    # The same page: a node that sends nothing any more
    ToolShape(
        "Netdata",
        "host status.text status.reachable",
        {
            "name": "message",
            "status": "status.text",
            "severity": "severity",
            "host": "host",
            "url": "url",
            "fingerprint": "host",
            "group": "host",
        },
    ),
    # https://docs.sensu.io/sensu-go/latest/observability-pipeline/observe-events/events/
    ToolShape(
        "Sensu",
        "entity.metadata.name check.metadata.name",
        {
            "name": "check.metadata.name",
            "status": "check.state check.status",
            "severity": "check.status",
            "message": "check.output",
            "host": "entity.metadata.name",
            "time": "timestamp",
            "labels": "check.metadata.labels",
        },
        {"0": "resolved"},
        severities={"0": "", "1": "warning", "2": "critical"},
    ),
    # https://www.mongodb.com/docs/atlas/reference/api-resources-spec/v2/ (alerts)
    ToolShape(
        "MongoDB Atlas",
        "groupId eventTypeName status",
        {
            "name": "eventTypeName",
            "status": "status",
            "message": "humanReadable metricName",
            "host": "hostnameAndPort",
            "service": "clusterName",
            "time": "updated created",
            "fingerprint": "id",
        },
        {"tracking": "pending"},
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
    # https://www.pingdom.com/resources/webhooks/
    ToolShape(
        "Pingdom",
        "check_id check_name current_state",
        {
            "name": "check_name",
            "status": "current_state",
            "severity": "importance_level",
            "message": "long_description description",
            "host": "check_params.hostname check_params.full_url",
            "labels": "tags",
            "time": "state_changed_timestamp",
            "fingerprint": "check_id",
            "group": "check_id",
        },
    ),
    # https://zulip.com/integrations/uptimerobot has its variables. Its alert of a certificate never ends.
    ToolShape(
        "UptimeRobot",
        "monitorID alertType",
        {
            "name": "monitorFriendlyName monitorURL",
            "status": "alertType",
            "message": "alertDetails alertTypeFriendlyName",
            "host": "monitorURL",
            "time": "alertDateTime",
            "url": "monitorURL",
            "fingerprint": "monitorID",
            "group": "monitorID",
        },
        {"1": "firing", "2": "resolved", "3": "firing"},
        apart=frozenset("3"),
    ),
    # https://plugins.jenkins.io/notification/
    ToolShape(
        "Jenkins",
        "build.phase build.number name",
        {
            "name": "name",
            "status": "build.status build.phase",
            "message": "build.log build.full_url",
            "url": "build.full_url",
            "fingerprint": "name",
            "group": "name",
        },
        words(firing="failure unstable", resolved="success"),
        other="muted",
    ),
    # https://docs.librenms.org/Alerting/Templates/ and /Alerting/Transports/API/: the body is a template of one's own
    *(
        ToolShape(
            "LibreNMS",
            marks,
            _LIBRENMS,
            _LIBRENMS_STATES,
            severities={"ok": "info"},
            title=_LIBRENMS_TITLE,
            by_title=marks == "title state",
        )
        for marks in ("sysName state", "device_id state", "raw_state title", "title state")
    ),
    # https://www.checklyhq.com/docs/alerting-and-retries/webhooks: the same, with the names of its variables
    ToolShape(
        "Checkly",
        "alert_type check_name",
        {
            "name": "check_name",
            "status": "alert_type",
            "severity": "alert_type",
            "message": "check_error_message alert_title title message",
            "time": "started_at",
            "url": "result_link link url",
            "labels": "tags",
            "fingerprint": "check_id",
            "group": "check_id",
        },
        words(resolved="alert_recovery alert_degraded_recovery"),
        # It never ends by a message, and a check that is up again renews no certificate.
        apart=frozenset({"alert_ssl"}),
        severities=words(
            high="alert_failure alert_failure_remain alert_degraded_failure",
            medium="alert_degraded alert_degraded_remain alert_failure_degraded alert_ssl",
        )
        | dict.fromkeys(("alert_recovery", "alert_degraded_recovery"), ""),
        usual="high",
    ),
)
