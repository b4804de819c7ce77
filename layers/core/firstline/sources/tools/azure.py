"""The shapes (`ToolShape`: where each field stands) of the messages that Azure posts to the generic source."""

from firstline.sources.tools.shape import ToolShape, words

SHAPES = (
    # https://learn.microsoft.com/azure/service-health/service-health-alert-webhook-guide: each stage comes as `Fired`
    ToolShape(
        "Azure Service Health",
        "data.essentials.alertRule data.alertContext.properties.trackingId",
        {
            "name": "data.alertContext.properties.title data.essentials.alertRule",
            "status": "data.alertContext.properties.stage data.alertContext.status",
            "message": "data.alertContext.properties.communication data.essentials.description",
            "service": "data.alertContext.properties.service",
            "region": "data.alertContext.properties.region",
            "time": "data.essentials.firedDateTime",
            "fingerprint": "data.alertContext.properties.trackingId",
            "group": "data.alertContext.properties.trackingId",
        },
        words(muted="planned inprogress rca"),
    ),
    # https://learn.microsoft.com/azure/service-health/resource-health-alert-arm-template-guide: the same
    ToolShape(
        "Azure Resource Health",
        "data.essentials.alertRule data.alertContext.properties.currentHealthStatus",
        {
            "name": "data.essentials.alertRule",
            "status": "data.alertContext.properties.currentHealthStatus",
            "message": "data.alertContext.properties.title data.essentials.description",
            "host": "data.essentials.configurationItems",
            "cloud_resource_id": "data.essentials.alertTargetIDs",
            "time": "data.essentials.firedDateTime",
            "fingerprint": "data.essentials.alertRule+data.essentials.alertTargetIDs",
        },
        words(muted="unknown"),
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
    # The same page: the log alerts before the common schema, and budgets
    ToolShape(
        "Azure Monitor",
        "schemaId data.AlertRuleName",
        {
            "name": "data.AlertRuleName",
            "severity": "data.Severity",
            "message": "data.Description data.SearchQuery",
            "account": "data.SubscriptionId",
            "url": "data.LinkToSearchResults",
        },
        scale="Azure Monitor",
    ),
    ToolShape(
        "Azure Monitor",
        "schemaId data.BudgetName",
        {
            "name": "data.BudgetName",
            "message": "data.SpendingAmount",
            "account": "data.SubscriptionId",
            "fingerprint": "data.BudgetName",
        },
    ),
)
