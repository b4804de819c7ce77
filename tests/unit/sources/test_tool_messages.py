"""The payloads of known tools, each as the tool sends it when trouble begins and when it is over."""

import hmac
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

import pytest

from firstline.errors import Unauthenticated, UnreadablePayload
from firstline.models import NormalizedAlert
from firstline.sources import authenticate, normalize, normalize_batch
from firstline.sources.tools import SHAPES
from tests.unit.sources.events import RECEIVED_AT
from tests.unit.sources.test_any_payload import paths, replaced
from tests.unit.sources.test_more_tools import TOOLS as MORE_TOOLS


def kuma(status: int, text: str) -> dict[str, Any]:
    heartbeat = {"monitorID": 31, "status": status, "time": "2026-04-02 06:07:08.900", "msg": text, "important": True}
    monitor = {"id": 31, "name": "Ledger API", "url": "https://ledger.example.com/health", "hostname": None}
    return {"heartbeat": heartbeat, "monitor": monitor, "msg": f"[Ledger API] {text}"}


def sentry(action: str, resource: str, **about: Any) -> dict[str, Any]:
    return {
        "action": action,
        "installation": {"uuid": "u"},
        "actor": {"type": "application"},
        "data": about | {resource: about[resource]},
    }


EVENT = {
    "title": "KeyError: 'iban'",
    "level": "error",
    "issue_id": "8812",
    "culprit": "ledger.transfer",
    "environment": "production",
    "datetime": "2026-04-02T06:07:08Z",
    "web_url": "https://example.sentry.io/issues/8812/events/1/",
}
ISSUE = {"id": "8812", "title": "KeyError: 'iban'", "level": "error", "culprit": "ledger.transfer", "status": "x"}
METRIC = {
    "id": "5",
    "title": "Ledger errors",
    "alert_rule": {"id": "77", "name": "Ledger errors", "environment": "prod"},
}


def metric_alert(action: str) -> dict[str, Any]:
    return sentry(
        action, "metric_alert", metric_alert=METRIC, description_text="900 events", web_url="https://s.example/5"
    )


def new_relic(state: str, priority: str = "CRITICAL") -> dict[str, Any]:
    return {
        "id": "3f0c",
        "issueUrl": "https://radar-api.service.newrelic.com/accounts/1/issues/3f0c",
        "title": "Ledger p95 > 2 s",
        "priority": priority,
        "impactedEntities": ["ledger"],
        "totalIncidents": 1,
        "state": state,
        "trigger": "STATE_CHANGE",
        "createdAt": 1775110028000,
        "updatedAt": 1775110028000,
        "alertConditionNames": ["Ledger p95"],
        "workflowName": "firstline",
    }


def azure(condition: str, severity: str = "Sev1", **more: Any) -> dict[str, Any]:
    essentials = {
        "alertId": "/subscriptions/11111111-2222-3333-4444-555555555555/providers/Microsoft.AlertsManagement/alerts/b9",
        "alertRule": "Ledger CPU",
        "severity": severity,
        "signalType": "Metric",
        "monitorCondition": condition,
        "configurationItems": ["ledger-vm-1"],
        "firedDateTime": "2026-04-02T06:07:08.9Z",
        "description": "Above 90 %",
        **more,
    }
    return {"schemaId": "azureMonitorCommonAlertSchema", "data": {"essentials": essentials, "alertContext": {}}}


def google(state: str, severity: str = "Critical", **more: Any) -> dict[str, Any]:
    incident = {
        "incident_id": "0.mzz8",
        "scoping_project_id": "ledger-prod",
        "resource": {"type": "gce_instance", "labels": {"zone": "europe-west1-b", "region": "europe-west1"}},
        "policy_name": "Ledger disk",
        "condition_name": "disk > 90 %",
        "state": state,
        "severity": severity,
        "started_at": 1775110028,
        "ended_at": None,
        "summary": "Disk of ledger-vm-1 is above 90 %",
        "url": "https://console.cloud.google.com/monitoring/alerting/incidents/0.mzz8",
        **more,
    }
    return {"incident": incident, "version": "1.2"}


def opsgenie(action: str, priority: str = "P1") -> dict[str, Any]:
    alert = {
        "alertId": "70413a06-38d6",
        "message": "Ledger replica is behind",
        "tags": ["db"],
        "entity": "ledger-db-1",
        "alias": "ledger-replica",
        "createdAt": 1775110028000,
        "updatedAt": 1775110028000,
        "description": "by 40 minutes",
        "details": {"service": "ledger", "env": "production"},
        "priority": priority,
    }
    return {"action": action, "alert": alert, "source": {"name": "", "type": "API"}, "integrationName": "Firstline"}


def zabbix(value: str, **more: str) -> dict[str, Any]:
    return {
        "event_id": "190",
        "event_name": "Ledger: free disk space is low",
        "event_value": value,
        "event_nseverity": "5",
        "event_severity": "Disaster",
        "host_name": "ledger-db-1",
        "trigger_id": "4711",
        "event_opdata": "free: 1 %",
        **more,
    }


def online_or_not(event: str) -> dict[str, Any]:
    return {
        "event": event,
        "trigger": event.partition(".")[2],
        "name": "Ledger page",
        "url": "https://ledger.example.com",
    }


def activity(status: str, **about: Any) -> dict[str, Any]:
    log = {
        "eventSource": "ServiceHealth",
        "eventTimestamp": "2026-04-02T06:07:08Z",
        "level": "Warning",
        "operationName": "Microsoft.ServiceHealth/incident/action",
        "correlationId": "c-1",
        "status": status,
        "properties": {"title": "Storage is slow", "trackingId": "VN_1", "communication": "We look into it"},
        **about,
    }
    return {
        "schemaId": "Microsoft.Insights/activityLogs",
        "data": {"status": "Activated", "context": {"activityLog": log}},
    }


def azure_metric(status: str) -> dict[str, Any]:
    context = {
        "timestamp": "2026-04-02T06:07:08Z",
        "name": "Ledger CPU",
        "severity": "1",
        "description": "Above 90 %",
        "conditionType": "SingleResourceMultipleMetricCriteria",
        "resourceName": "ledger-vm-1",
        "portalLink": "https://portal.azure.com/#resource/ledger-vm-1",
    }
    return {"schemaId": "AzureMonitorMetricAlert", "data": {"version": "2.0", "status": status, "context": context}}


def dynatrace(state: str) -> dict[str, Any]:
    return {
        "State": state,
        "ProblemID": "P-2604",
        "ProblemTitle": "Failure rate of ledger",
        "ProblemSeverity": "ERROR",
        "ProblemURL": "https://abc.live.dynatrace.com/#problems/P-2604",
    }


def better_stack(status: str, resolved_at: str | None = None) -> dict[str, Any]:
    incident = {
        "name": "Ledger page",
        "url": "https://ledger.example.com",
        "cause": "Status 502",
        "started_at": "2026-04-02T06:07:08.000Z",
        "resolved_at": resolved_at,
        "status": status,
    }
    return {"data": {"id": "5512", "type": "incident", "attributes": incident}}


def graylog(priority: int, **fields: str) -> dict[str, Any]:
    event = {"id": "01", "message": "Logins: 400", "timestamp": "2026-04-02T06:07:08Z", "priority": priority}
    return {"event_definition_title": "Many logins", "event": {**event, "fields": fields}, "backlog": []}


def splunk_observability(status: str, severity: str = "Minor") -> dict[str, Any]:
    return {
        "detector": "Ledger",
        "rule": "Ledger lags",
        "severity": severity,
        "incidentId": "Gx1",
        "status": "ok" if status == "stopped" else status,
        "statusExtended": status,
        "messageBody": "by 40 minutes",
        "dimensions": {"sf_service": "ledger", "host": "ledger-7"},
    }


AT = datetime(2026, 4, 2, 6, 7, 8, tzinfo=UTC)
BEGINS: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "Uptime Kuma": (
        kuma(0, "timeout"),
        {"alert_name": "Ledger API", "host": "ledger.example.com", "severity": "medium"},
    ),
    "Sentry, an issue alert": (
        sentry("triggered", "event", event=EVENT, triggered_rule="page us"),
        {"alert_name": "KeyError: 'iban'", "severity": "high", "message": "page us", "timestamp": AT},
    ),
    "Sentry, an issue": (
        sentry("created", "issue", issue=ISSUE),
        {"alert_name": "KeyError: 'iban'", "severity": "high"},
    ),
    "Sentry, a metric alert": (
        metric_alert("critical"),
        {"alert_name": "Ledger errors", "severity": "critical", "environment": "prod"},
    ),
    "New Relic": (new_relic("ACTIVATED"), {"alert_name": "Ledger p95 > 2 s", "severity": "critical", "timestamp": AT}),
    "Azure Monitor": (
        azure("Fired"),
        {"alert_name": "Ledger CPU", "severity": "high", "host": "ledger-vm-1", "message": "Above 90 %"},
    ),
    "Google Cloud Monitoring": (
        google("open"),
        {"alert_name": "Ledger disk", "severity": "critical", "account": "ledger-prod", "region": "europe-west1"},
    ),
    "Opsgenie": (
        opsgenie("Create"),
        {"alert_name": "Ledger replica is behind", "severity": "critical", "service": "ledger", "host": "ledger-db-1"},
    ),
    "Zabbix": (
        zabbix("1"),
        {"alert_name": "Ledger: free disk space is low", "severity": "critical", "host": "ledger-db-1"},
    ),
    "Splunk": (
        {
            "search_name": "Sudo",
            "app": "search",
            "sid": "1",
            "result": {"host": "ledger-1", "_raw": "sudo: x", "_time": "9"},
        },
        {"alert_name": "Sudo", "host": "ledger-1", "message": "sudo: x", "service": None},
    ),
    "Azure Monitor, the activity log": (
        activity("Active"),
        {"alert_name": "Storage is slow", "severity": "medium", "message": "We look into it", "timestamp": AT},
    ),
    "Azure Monitor, a metric without the common schema": (
        azure_metric("Activated"),
        {"alert_name": "Ledger CPU", "severity": "high", "host": "ledger-vm-1", "timestamp": AT},
    ),
    "Dynatrace": (dynatrace("OPEN"), {"alert_name": "Failure rate of ledger", "severity": "medium"}),
    "Better Stack": (
        better_stack("Started"),
        {"alert_name": "Ledger page", "message": "Status 502", "host": "ledger.example.com", "began_at": AT},
    ),
    "Graylog": (graylog(3), {"alert_name": "Many logins", "severity": "high", "message": "Logins: 400"}),
    "Splunk Observability": (
        splunk_observability("anomalous"),
        {"alert_name": "Ledger lags", "severity": "medium", "host": "ledger-7", "message": "by 40 minutes"},
    ),
    "OnlineOrNot": (online_or_not("uptime.down"), {"alert_name": "Ledger page", "url": "https://ledger.example.com"}),
}
ENDS: dict[str, dict[str, Any]] = {
    "Uptime Kuma": kuma(1, "200 - OK"),
    "Sentry, an issue alert": sentry("resolved", "issue", issue=ISSUE),
    "Sentry, an issue": sentry("archived", "issue", issue=ISSUE),
    "Sentry, a metric alert": metric_alert("resolved"),
    "New Relic": new_relic("CLOSED"),
    "Azure Monitor": azure("Resolved", resolvedDateTime="2026-04-02T07:00:00Z"),
    "Google Cloud Monitoring": google("closed", ended_at=1775113200),
    "Opsgenie": opsgenie("Close"),
    "Zabbix": zabbix("0", event_recovery_id="191"),
    "OnlineOrNot": online_or_not("uptime.up"),
    "Azure Monitor, the activity log": activity("Resolved", correlationId="c-2"),
    "Azure Monitor, a metric without the common schema": azure_metric("Deactivated"),
    "Dynatrace": dynatrace("RESOLVED"),
    "Better Stack": better_stack("Resolved", "2026-04-02T07:00:00.000Z"),
    "Splunk Observability": splunk_observability("stopped"),
}


def one(body: dict[str, Any]) -> NormalizedAlert:
    batch = normalize_batch("generic", body, received_at=RECEIVED_AT)
    assert (len(batch.alerts), batch.unknown_severities) == (1, [])
    return batch.alerts[0]


@pytest.mark.parametrize("tool", BEGINS)
def test_the_message_that_a_tool_sends_at_the_beginning_fires_with_its_fields(tool: str) -> None:
    body, said = BEGINS[tool]

    alert = one(body)

    assert alert.status == "firing"
    assert alert.model_dump(include=set(said)) == said


@pytest.mark.parametrize("tool", ENDS)
def test_the_message_that_a_tool_sends_at_the_end_resolves_the_same_alert(tool: str) -> None:
    began, ended = one(BEGINS[tool][0]), one(ENDS[tool])

    assert ended.status == "resolved"
    assert (ended.fingerprint, ended.group_key) == (began.fingerprint, began.group_key)


@pytest.mark.parametrize(
    "body",
    [
        kuma(2, "pending"),
        kuma(3, "maintenance"),
        sentry("assigned", "issue", issue=ISSUE),
        new_relic("ACKNOWLEDGED"),
        opsgenie("Acknowledge"),
        opsgenie("AddNote"),
        opsgenie("AssignOwnership"),
        dynatrace("MERGED"),
        sentry("created", "comment", comment="mine", issue_id="8812"),
        sentry("created", "error", error={"title": "KeyError: 'iban'", "issue_id": "8812"}),
        sentry("created", "installation", installation={"status": "installed"}),
        better_stack("Validating"),
        {"type": "status_page.incident.started", "data": {"object": {"name": "us", "incident": {"title": "Slow"}}}},
    ],
)
def test_a_message_of_a_tool_about_neither_beginning_nor_end_is_ignored(body: dict[str, Any]) -> None:
    batch = normalize_batch("generic", body)

    assert (batch.alerts, len(batch.ignored)) == ([], 1)


@pytest.mark.parametrize(
    ("body", "severity"),
    [
        (azure("Fired", "Sev0"), "critical"),
        (azure("Fired", "Sev2"), "medium"),
        (azure("Fired", "Sev3"), "info"),
        (azure("Fired", "Sev4"), "info"),
        (google("open", "Warning"), "medium"),
        (google("open", "No severity"), "medium"),
        (opsgenie("Create", "P4"), "low"),
        (new_relic("CREATED", "LOW"), "low"),
        (zabbix("1", event_severity="", event_nseverity="4"), "high"),
        (zabbix("1", event_severity="Not classified", event_nseverity="0"), "medium"),
        (zabbix("1", event_severity="Kritisch"), "critical"),  # people rename them
        ({"EventName": "Lag", "EventValue": "1", "EventNSeverity": "5", "EventID": "8"}, "critical"),
        (metric_alert("warning"), "medium"),
        (activity("Active", level="Informational"), "info"),
        (graylog(1), "low"),
        (graylog(4), "critical"),
        (splunk_observability("anomalous", "Major"), "high"),
    ],
)
def test_a_severity_is_read_on_the_scale_of_its_tool(body: dict[str, Any], severity: str) -> None:
    assert one(body).severity == severity


@pytest.mark.parametrize(
    ("body", "name", "status"),
    [
        (
            {"monitor": {"id": 3, "name": "Ledger", "url": "https://l.example"}, "status": "recovered"},
            "Ledger",
            "resolved",
        ),
        (
            {"status": "firing", "alert": {"id": 0, "name": "GPU", "severity": "Warning"}, "project": {}},
            "GPU",
            "firing",
        ),
        ({"event": "alert.resolved", "alert": {"name": "GPU"}, "timestamp": "2026-04-02T06:07:08Z"}, "GPU", "resolved"),
        ({"event": "alert.fired", "data": {"title": "GPU"}}, "GPU", "firing"),
        ({"AlertName": "Ledger", "State": "OK"}, "Ledger", "resolved"),
        ({"condition_name": "Lag", "current_state": "closed", "incident_id": 7, "targets": []}, "Lag", "resolved"),
        ({"event_name": "Lag", "event_status": "RESOLVED", "trigger_id": "7"}, "Lag", "resolved"),
        ({"trigger_name": "Lag", "trigger_status": "PROBLEM"}, "Lag", "firing"),
        ({"monitor_name": "Ledger", "monitor_status": "online"}, "Ledger", "resolved"),
        ({"host": "db-1", "service_description": "Lag", "state": "OK", "output": "fine"}, "Lag", "resolved"),
        (
            {"heartbeat": None, "monitor": None, "msg": "The certificate of ledger.example.com expires"},
            "The cert",
            "firing",
        ),
        ({"text": "Disk of ledger-db-1 is full"}, "Disk of ledger", "firing"),
        # Grafana OnCall's
        (
            {
                "event": {"type": "resolve"},
                "alert_group": {"id": "I1", "title": "Lag", "state": "resolved"},
                "user": {},
            },
            "Lag",
            "resolved",
        ),
    ],
)
def test_fields_one_level_down_or_in_another_spelling_are_read(body: dict[str, Any], name: str, status: str) -> None:
    alert = one(body)

    assert alert.alert_name.startswith(name)
    assert alert.status == status


@pytest.mark.parametrize(("state", "severity"), [("CRITICAL", "critical"), ("Warning", "medium"), ("DOWN", "medium")])
def test_a_status_that_is_a_severity_word_counts_unless_a_severity_is_stated(state: str, severity: str) -> None:
    assert one({"host": "db-1", "service_description": "Lag", "state": state}).severity == severity
    assert one({"service_description": "Lag", "state": state, "severity": "P4"}).severity == "low"


def test_a_field_at_the_top_goes_before_the_same_field_one_level_down() -> None:
    alert = one(
        {"severity": "low", "message": "at the top", "alert": {"name": "Lag", "severity": "high", "message": "in it"}}
    )

    assert (alert.severity, alert.message) == ("low", "at the top")


def test_the_same_id_from_two_tools_names_two_alerts() -> None:
    other = {"alert_name": "Ledger API", "fingerprint": "31"}

    assert one(other).fingerprint != one(kuma(0, "timeout")).fingerprint


def test_graylog_events_with_different_fields_are_two_alerts_in_one_group() -> None:
    ada, bob = one(graylog(3, user="ada")), one(graylog(3, user="bob"))

    assert ada.group_key == bob.group_key
    assert ada.fingerprint != bob.fingerprint


def test_every_shape_has_an_example_in_these_tests() -> None:
    elsewhere = {"Statuspage", "incident.io", "Thinkst Canary", "Instana", "GitHub"}  # test_status_pages, test_github

    tried = {tool.partition(",")[0] for tool in (*BEGINS, *MORE_TOOLS)}
    assert {shape.tool for shape in SHAPES} <= tried | elsewhere


@pytest.mark.parametrize(("header", "before"), [("Sentry-Hook-Signature", ""), ("X-Hub-Signature-256", "sha256=")])
def test_the_signature_of_sentry_or_github_is_accepted_and_a_wrong_or_missing_one_refused(
    header: str, before: str
) -> None:
    body, secret = b'{"action": "triggered"}', "the client secret"
    signature = before + hmac.digest(secret.encode(), body, "sha256").hex()

    authenticate("generic", headers={header: signature}, body=body, secrets=[secret])
    for headers in ({}, {header: ""}, {header: before}, {header: signature[:-1] + "g"}):
        with pytest.raises(Unauthenticated):
            authenticate("generic", headers=headers, body=body, secrets=[secret])


@pytest.mark.parametrize("wrong", [None, 7, "x", [], {}, [None], {"title": None}])
def test_an_example_of_a_tool_with_any_value_replaced_is_read_or_refused(wrong: Any) -> None:
    for body, _ in BEGINS.values():
        for path in paths(body)[1:]:
            with suppress(UnreadablePayload):
                alerts = normalize("generic", replaced(body, path, wrong), received_at=RECEIVED_AT)
                assert [NormalizedAlert.model_validate(alert.model_dump()) for alert in alerts] == alerts
