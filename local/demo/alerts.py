"""Alerts in the formats of their senders, for the demo and the tests."""

import json
import uuid
from datetime import UTC, datetime
from typing import Any, Literal

from local.emulator.iam import ACCOUNT

type Status = Literal["firing", "resolved"]

_NEVER = "0001-01-01T00:00:00Z"


def alertmanager(*alerts: dict[str, Any]) -> dict[str, Any]:
    """Return these alerts as the body of Alertmanager's webhook, version 4."""
    name = alerts[0]["labels"]["alertname"]
    return {
        "version": "4",
        "groupKey": f'{{}}:{{alertname="{name}"}}',
        "truncatedAlerts": 0,
        "status": "firing" if any(alert["status"] == "firing" for alert in alerts) else "resolved",
        "receiver": "firstline",
        "groupLabels": {"alertname": name},
        "commonLabels": {},
        "commonAnnotations": {},
        "externalURL": "http://alertmanager.example:9093",
        "alerts": list(alerts),
    }


def prometheus_alert(labels: dict[str, str], summary: str, *, status: Status = "firing") -> dict[str, Any]:
    """Return one alert for `alertmanager`, without a fingerprint, which Firstline computes from the labels."""
    now = datetime.now(UTC).isoformat()
    return {
        "status": status,
        "labels": labels,
        "annotations": {"summary": summary},
        "startsAt": now,
        "endsAt": _NEVER if status == "firing" else now,
        "generatorURL": "http://prometheus.example:9090/graph",
        "fingerprint": "",
    }


def grafana_test() -> dict[str, Any]:
    """Return the body that Grafana's "Test" button of a contact point sends."""
    alert = prometheus_alert({"alertname": "TestAlert", "instance": "Grafana"}, "Notification test: everything is fine")
    return alertmanager(alert) | {
        "version": "1",
        "externalURL": "http://grafana.example:3000/",
        "orgId": 1,
        "title": "[FIRING:1] TestAlert Grafana",
        "state": "alerting",
        "message": "**Firing**",
    }


def cloudwatch(
    alarm: str,
    *,
    region: str,
    description: str,
    reason: str,
    state: Literal["ALARM", "OK"] = "ALARM",
    dimensions: dict[str, str] | None = None,
) -> dict[str, Any]:
    """Return a CloudWatch alarm as SNS delivers it over HTTPS: a JSON string inside the envelope."""
    now = datetime.now(UTC)
    message = {
        "AlarmName": alarm,
        "AlarmDescription": description,
        "AWSAccountId": ACCOUNT,
        "NewStateValue": state,
        "OldStateValue": "OK" if state == "ALARM" else "ALARM",
        "NewStateReason": reason,
        "StateChangeTime": now.strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "+0000",
        "Region": "EU (Ireland)",
        "AlarmArn": f"arn:aws:cloudwatch:{region}:{ACCOUNT}:alarm:{alarm}",
        "Trigger": {
            "MetricName": "HTTPCode_Target_5XX_Count",
            "Namespace": "AWS/ApplicationELB",
            "StatisticType": "Statistic",
            "Statistic": "SUM",
            "Dimensions": [{"name": name, "value": value} for name, value in (dimensions or {}).items()],
            "Period": 60,
            "EvaluationPeriods": 1,
            "ComparisonOperator": "GreaterThanThreshold",
            "Threshold": 50.0,
        },
    }
    return {
        "Type": "Notification",
        "MessageId": str(uuid.uuid4()),
        "TopicArn": f"arn:aws:sns:{region}:{ACCOUNT}:alarms",
        "Subject": f'{state}: "{alarm}" in EU (Ireland)',
        "Message": json.dumps(message),
        "Timestamp": now.strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z",
        "SignatureVersion": "2",
        "Signature": "",
        "SigningCertURL": "",
        "UnsubscribeURL": "",
    }


def datadog(
    title: str,
    transition: Literal["Triggered", "Recovered", "Warn"],
    *,
    monitor_id: str,
    priority: str,
    host: str,
    tags: str,
    text: str,
    cycle: str,
) -> dict[str, str]:
    """Return the body of Datadog's webhook with the template that docs/ recommends. Every value is a string.

    `tags` are written as Datadog does, `name:value` with commas between them. `cycle` is the key that an alert and its
    recovery share.
    """
    now = str(int(datetime.now(UTC).timestamp() * 1000))
    return {
        "id": str(uuid.uuid4().int)[:19],
        "alert_id": monitor_id,
        "alert_cycle_key": cycle,
        "alert_title": title,
        "alert_transition": transition,
        "alert_type": "success" if transition == "Recovered" else "warning",
        "alert_priority": priority,
        "alert_scope": tags,
        "hostname": host,
        "tags": tags,
        "body": f"%%%\n{text}\n%%%",
        "date": now,
        "last_updated": now,
        "link": f"https://app.datadoghq.com/monitors/{monitor_id}",
        "org_id": "1",
    }


def pagerduty(incident: str, event_type: str, *, title: str, service: str) -> dict[str, Any]:
    """Return PagerDuty's V3 webhook: an event, such as `incident.triggered`, of the PagerDuty incident `incident`."""
    now = datetime.now(UTC).isoformat()
    service_reference = {"id": "PSVC1", "type": "service_reference", "summary": service}
    return {
        "event": {
            "id": uuid.uuid4().hex[:26].upper(),
            "event_type": event_type,
            "resource_type": "incident",
            "occurred_at": now,
            "agent": service_reference,
            "client": None,
            "data": {
                "id": incident,
                "type": "incident",
                "self": f"https://api.pagerduty.com/incidents/{incident}",
                "html_url": f"https://example.pagerduty.com/incidents/{incident}",
                "number": 1207,
                "status": event_type.removeprefix("incident."),
                "incident_key": f"{service}-{incident}",
                "created_at": now,
                "title": title,
                "service": service_reference,
                "assignees": [],
                "escalation_policy": {"id": "PESC1", "summary": "Default"},
                "teams": [],
                "priority": None,
                "urgency": "high",
            },
        }
    }


def failing_shop() -> dict[str, Any]:
    """Return a generic alert about a release that makes requests fail."""
    return {
        "alert_name": "HighRequestErrorRate",
        "severity": "high",
        "service": "shop",
        "message": "12 % of the requests fail since the last release.",
        "labels": {"codedeploy_application": "shop", "codedeploy_deployment_group": "production"},
    }
