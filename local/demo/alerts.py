"""Alerts in the shapes that their senders really use, for the demo and for trying things out."""

import json
import uuid
from datetime import UTC, datetime
from typing import Any, Literal

from local.emulator.resources import ACCOUNT

type Status = Literal["firing", "resolved"]

_NEVER = "0001-01-01T00:00:00Z"


def alertmanager(
    *alerts: dict[str, Any], receiver: str = "firstline", external_url: str = "http://alertmanager.example:9093"
) -> dict[str, Any]:
    """Alertmanager's webhook, version 4."""
    firing = any(alert["status"] == "firing" for alert in alerts)
    return {
        "version": "4",
        "groupKey": f'{{}}:{{alertname="{alerts[0]["labels"]["alertname"]}"}}',
        "truncatedAlerts": 0,
        "status": "firing" if firing else "resolved",
        "receiver": receiver,
        "groupLabels": {"alertname": alerts[0]["labels"]["alertname"]},
        "commonLabels": {},
        "commonAnnotations": {},
        "externalURL": external_url,
        "alerts": list(alerts),
    }


def prometheus_alert(
    labels: dict[str, str], summary: str, *, status: Status = "firing", starts_at: datetime | None = None
) -> dict[str, Any]:
    """One alert of a notification. The fingerprint is left to the receiver, which reckons it from the labels."""
    return {
        "status": status,
        "labels": labels,
        "annotations": {"summary": summary},
        "startsAt": (starts_at or datetime.now(UTC)).isoformat(),
        "endsAt": _NEVER if status == "firing" else datetime.now(UTC).isoformat(),
        "generatorURL": "http://prometheus.example:9090/graph",
        "fingerprint": "",
    }


def grafana_test() -> dict[str, Any]:
    """Return the body that Grafana's "Test" button of a contact point sends."""
    alert = prometheus_alert({"alertname": "TestAlert", "instance": "Grafana"}, "Notification test: everything is fine")
    body = alertmanager(alert, receiver="firstline", external_url="http://grafana.example:3000/")
    return body | {
        "version": "1",
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
    namespace: str = "AWS/ApplicationELB",
    metric: str = "HTTPCode_Target_5XX_Count",
    dimensions: dict[str, str] | None = None,
) -> dict[str, Any]:
    """Return a CloudWatch alarm as SNS delivers it over HTTPS: a JSON string inside the envelope."""
    now = datetime.now(UTC)
    topic = f"arn:aws:sns:{region}:{ACCOUNT}:alarms"
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
            "MetricName": metric,
            "Namespace": namespace,
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
        "TopicArn": topic,
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
    """Datadog's webhook with the template that docs/ recommends. Every value is a string."""
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


def pagerduty(
    incident: str,
    event_type: Literal["incident.triggered", "incident.resolved"],
    *,
    title: str,
    service: str,
    urgency: Literal["high", "low"] = "high",
) -> dict[str, Any]:
    """PagerDuty's V3 webhook about an incident that somebody else's monitoring opened there."""
    now = datetime.now(UTC).isoformat()
    return {
        "event": {
            "id": uuid.uuid4().hex[:26].upper(),
            "event_type": event_type,
            "resource_type": "incident",
            "occurred_at": now,
            "agent": {"id": "PSVC1", "type": "service_reference", "summary": service},
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
                "service": {"id": "PSVC1", "type": "service_reference", "summary": service},
                "assignees": [],
                "escalation_policy": {"id": "PESC1", "summary": "Default"},
                "teams": [],
                "priority": None,
                "urgency": urgency,
            },
        }
    }
