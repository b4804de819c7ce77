"""Tests of tools at the generic source, part two: each fires and resolves under one identity, or is ignored."""

from typing import Any

import pytest

from firstline.models import NormalizedAlert
from firstline.sources import normalize, normalize_batch


def pingdom(state: str, importance: str = "HIGH") -> dict[str, Any]:
    return {
        "check_id": 90210,
        "check_name": "Ticket shop",
        "check_params": {"hostname": "tickets.example.com", "port": 443},
        "current_state": state,
        "importance_level": importance,
        "state_changed_timestamp": 1775110028,
        "long_description": "HTTP error 503",
    }


def jenkins(phase: str, status: str | None = None) -> dict[str, Any]:
    build = {"number": 812, "phase": phase, "full_url": "https://ci.example.com/job/nightly-import/812/"}
    return {
        "name": "nightly-import",
        "url": "job/nightly-import/",
        "build": build | ({"status": status} if status else {}),
    }


def rollbar(event: str, level: int = 50) -> dict[str, Any]:
    item = {"id": 5150, "title": "Timeout: seat map", "level": level, "environment": "production", "counter": 9}
    return {"event_name": event, "data": {"item": item}}


def uptime_robot(kind: str) -> dict[str, Any]:
    return {"monitorID": "77", "monitorFriendlyName": "Ticket shop", "alertType": kind, "alertDetails": "as it is"}


def on_call(state: str) -> dict[str, Any]:
    fired = {"status": "firing", "labels": {"alertname": "SeatLag", "severity": "critical", "service": "seats"}}
    group = {
        "id": "IX7",
        "state": state,
        "title": "[firing:1] SeatLag",
        "permalinks": {"web": "https://oncall.example"},
    }
    return {"event": {"type": "x"}, "alert_group": group, "alert_group_id": "IX7", "alert_payload": fired}


def flux(reason: str, severity: str) -> dict[str, Any]:
    about = {"kind": "Kustomization", "namespace": "flux-system", "name": "tickets"}
    return {"involvedObject": about, "severity": severity, "reason": reason, "message": f"{reason} in 1s"}


def azure_of_the_log(alert_id: str, **properties: str) -> dict[str, Any]:
    """Return an activity log alert of Azure, which always comes as `Fired`."""
    essentials = {"alertId": alert_id, "alertRule": "Tickets", "severity": "Sev4", "monitorCondition": "Fired"}
    about = {"alertTargetIDs": ["/subscriptions/7/vm-1"], "configurationItems": ["vm-1"]}
    data = {"essentials": essentials | about, "alertContext": {"properties": properties}}
    return {"schemaId": "azureMonitorCommonAlertSchema", "data": data}


def honeybadger(event: str, message: str) -> dict[str, Any]:
    fault = {"id": 44, "klass": "SeatTaken", "message": "row 7", "environment": "production", "resolved": False}
    return {"event": event, "message": message, "project": {"id": 3, "name": "seats"}, "fault": fault}


def events_api(action: str, **payload: str) -> dict[str, Any]:
    sent = {"routing_key": "r", "event_action": action, "dedup_key": "queue/lag"}
    return sent | ({"payload": payload} if payload else {})


def victor_ops(kind: str, said: str) -> dict[str, Any]:
    return {
        "message_type": kind,
        "entity_id": "queue/lag",
        "entity_display_name": "Lag of the queue",
        "state_message": said,
    }


def librenms(state: int | str, title: str, **what: Any) -> dict[str, Any]:
    """Return a message of LibreNMS as docs/sources/generic.md configures it."""
    return {
        "name": "Port down",
        "title": title,
        "state": state,
        "severity": "critical",
        "hostname": "sw-core-3.example.com",
        "sysName": "sw-core-3",
        "alert_id": 99,
        "msg": "Gi1/0/3",
    } | what


def kapacitor(level: str, previous: str) -> dict[str, Any]:
    tags = {"series": [{"name": "lag", "tags": {"host": "mq-1"}, "values": [["2026-03-02T12:00:00Z", 40]]}]}
    return {
        "id": "lag:host=mq-1",
        "level": level,
        "previousLevel": previous,
        "message": f"lag is {level}",
        "data": tags,
    }


def netdata(severity: str, message: str) -> dict[str, Any]:
    return {
        "message": message,
        "alert": "disk_fill",
        "chart": "disk._",
        "severity": severity,
        "alert_url": "https://net.example.com/a/1",
        "host": "mq-1",
    }


def sensu(state: str, status: int) -> dict[str, Any]:
    check = {"metadata": {"name": "disk"}, "state": state, "status": status, "output": f"status {status}"}
    return {"entity": {"metadata": {"name": "mq-1"}}, "check": check}


def atlas(status: str) -> dict[str, Any]:
    return {
        "id": "5d1",
        "groupId": "g",
        "eventTypeName": "NO_PRIMARY",
        "status": status,
        "clusterName": "tickets",
        "hostnameAndPort": "t-0.mongodb.example.net:27017",
    }


def checkly(kind: str, title: str) -> dict[str, Any]:
    return {
        "ALERT_TITLE": title,
        "ALERT_TYPE": kind,
        "CHECK_NAME": "Ticket shop",
        "CHECK_ID": "c0ffee",
        "RESULT_LINK": "https://app.example.com/c0ffee",
        "STARTED_AT": "2026-03-02T12:00:00Z",
    }


type Row = tuple[dict[str, Any], dict[str, Any], dict[str, Any]]
TOOLS: dict[str, Row] = {
    "Pingdom": (
        pingdom("DOWN"),
        {"alert_name": "Ticket shop", "severity": "high", "host": "tickets.example.com"},
        pingdom("UP", "LOW"),
    ),
    "LibreNMS": (
        librenms(1, "Alert for device sw-core-3 - Port down"),
        {"alert_name": "Port down", "severity": "critical", "host": "sw-core-3.example.com", "message": "Gi1/0/3"},
        librenms(0, "Device sw-core-3 recovered from Port down"),
    ),
    "Checkly": (
        checkly("ALERT_FAILURE", "Ticket shop has failed"),
        {"alert_name": "Ticket shop", "severity": "high", "url": "https://app.example.com/c0ffee"},
        checkly("ALERT_RECOVERY", "Ticket shop has recovered"),
    ),
    "Jenkins": (
        jenkins("FINALIZED", "FAILURE"),
        {"alert_name": "nightly-import", "severity": "medium"},
        jenkins("FINALIZED", "SUCCESS"),
    ),
    "Rollbar": (
        rollbar("new_item"),
        {"alert_name": "Timeout: seat map", "severity": "critical", "environment": "production"},
        rollbar("resolved_item", 40),
    ),
    "Honeybadger": (
        honeybadger("occurred", "[seats] SeatTaken: row 7"),
        {"alert_name": "SeatTaken", "service": "seats", "environment": "production", "message": "row 7"},
        honeybadger("resolved", "[seats] SeatTaken was resolved by Ada"),
    ),
    "PagerDuty Events API": (
        events_api("trigger", summary="Queue lags", source="mq-1", severity="critical", component="queue"),
        {"alert_name": "Queue lags", "severity": "critical", "host": "mq-1", "service": "queue"},
        events_api("resolve"),
    ),
    "VictorOps": (
        victor_ops("CRITICAL", "40 minutes"),
        {"alert_name": "Lag of the queue", "severity": "critical", "message": "40 minutes"},
        victor_ops("RECOVERY", "all read"),
    ),
    "Freshping, which names the check one level down": (
        {"text": "Shop is DOWN.", "webhook_event_data": {"check_name": "Shop", "check_state_name": "Not Responding"}},
        {"alert_name": "Shop", "severity": "medium"},
        {"text": "Shop is UP.", "webhook_event_data": {"check_name": "Shop", "check_state_name": "Available"}},
    ),
    "updown.io, whose checks have an alias": (
        {"event": "check.down", "check": {"token": "t1", "alias": "Shop", "url": "https://shop.example.com"}},
        {"alert_name": "Shop"},
        {"event": "check.up", "check": {"token": "t1", "alias": "Shop", "url": "https://shop.example.com"}},
    ),
    "Cloudflare, whose name stands at the top and whose state does not": (
        {"name": "Health check", "alert_type": "health_check", "text": "origin", "data": {"status": "Unhealthy"}},
        {"alert_name": "Health check"},
        {"name": "Health check", "alert_type": "health_check", "text": "origin", "data": {"status": "Healthy"}},
    ),
    "Checkmk, about a host": (
        {"NOTIFICATIONTYPE": "PROBLEM", "HOSTNAME": "mq-1", "HOSTSTATE": "DOWN", "HOSTOUTPUT": "no answer"},
        {"alert_name": "Host mq-1", "host": "mq-1"},
        {"NOTIFICATIONTYPE": "RECOVERY", "HOSTNAME": "mq-1", "HOSTSTATE": "UP"},
    ),
    "Netdata": (
        {"alarm": "disk_fill", "node": "mq-1", "severity": "critical", "status": "CRITICAL"},
        {"alert_name": "disk_fill", "host": "mq-1", "severity": "critical"},
        {"alarm": "disk_fill", "node": "mq-1", "severity": "clear", "status": "CLEAR"},
    ),
    "PRTG": (
        {"sensor": "Ping", "device": "sw-3", "status": "Down"},
        {"alert_name": "Ping", "host": "sw-3"},
        {"sensor": "Ping", "device": "sw-3", "status": "Up"},
    ),
    "LibreNMS, with titles alone": (
        {"title": "Alert for device sw-3 - Port down", "state": 1, "hostname": "sw-3", "severity": "critical"},
        {"alert_name": "Port down", "host": "sw-3", "severity": "critical"},
        {"title": "Device sw-3 recovered from Port down", "state": 0, "hostname": "sw-3", "severity": "ok"},
    ),
    "Kapacitor": (
        kapacitor("CRITICAL", "OK"),
        {"alert_name": "lag:host=mq-1", "severity": "critical", "message": "lag is CRITICAL"},
        kapacitor("OK", "CRITICAL"),
    ),
    "InfluxDB": (
        {"_check_id": "0a1", "_check_name": "Lag", "_level": "crit", "_message": "Lag is crit", "host": "mq-1"},
        {"alert_name": "Lag", "severity": "critical", "host": "mq-1"},
        {"_check_id": "0a1", "_check_name": "Lag", "_level": "ok", "_message": "Lag is ok", "host": "mq-1"},
    ),
    "Netdata, in its cloud": (
        netdata("critical", "disk_fill of mq-1"),
        {"alert_name": "disk_fill", "severity": "critical", "host": "mq-1", "url": "https://net.example.com/a/1"},
        netdata("clear", "disk_fill of mq-1 recovered"),
    ),
    "Sensu": (
        sensu("failing", 2),
        {"alert_name": "disk", "severity": "critical", "host": "mq-1", "message": "status 2"},
        sensu("passing", 0),
    ),
    "Sensu, an old one whose number says less than its action": (
        {"client": {"name": "mq-1"}, "check": {"name": "disk", "status": 2}, "action": "create"},
        {"alert_name": "disk"},
        {"client": {"name": "mq-1"}, "check": {"name": "disk", "status": 0}, "action": "resolve"},
    ),
    "MongoDB Atlas": (
        atlas("OPEN"),
        {"alert_name": "NO_PRIMARY", "service": "tickets", "host": "t-0.mongodb.example.net"},
        atlas("CLOSED"),
    ),
    "Zabbix, its own subjects": (
        {"subject": "Problem: Lag of mq-1", "message": "Problem name: Lag of mq-1\nSeverity: Disaster\nHost: mq-1"},
        {"alert_name": "Problem: Lag of mq-1", "severity": "critical"},
        {"subject": "Resolved in 1h 5m 3s: Lag of mq-1", "message": "Host: mq-1"},
    ),
    "Zabbix, under names of one's own": (
        {"trigger": {"name": "Lag", "status": "PROBLEM", "severity": "High"}, "host": "mq-1"},
        {"alert_name": "Lag", "severity": "high", "host": "mq-1"},
        {"trigger": {"name": "Lag", "status": "OK", "severity": "High"}, "host": "mq-1"},
    ),
    "Kibana": (
        {"rule": {"id": "r", "name": "Lag"}, "alert": {"id": "mq-1", "actionGroup": "threshold met"}},
        {"alert_name": "Lag"},
        {"rule": {"id": "r", "name": "Lag"}, "alert": {"id": "mq-1", "actionGroup": "recovered"}},
    ),
    "Sumo Logic": (
        {"Name": "Lag", "TriggerType": "Critical"},
        {"alert_name": "Lag", "severity": "critical"},
        {"Name": "Lag", "TriggerType": "ResolvedCritical"},
    ),
    "AppDynamics": (
        {"alert_name": "Lag", "event_type": "POLICY_OPEN_WARNING", "severity": "WARN"},
        {"severity": "medium"},
        {"alert_name": "Lag", "event_type": "POLICY_CLOSE_WARNING", "severity": "WARN"},
    ),
    "Dead Man's Snitch": (
        {"type": "snitch.missing", "data": {"snitch": {"token": "s1", "name": "Import", "status": "missing"}}},
        {"alert_name": "Import"},
        {"type": "snitch.reporting", "data": {"snitch": {"token": "s1", "name": "Import", "status": "healthy"}}},
    ),
    "a check by its Nagios fields in short": (
        {"host": "mq-1", "service": "Disk /", "state": "CRITICAL", "output": "3 % free"},
        {"alert_name": "Disk /", "host": "mq-1", "severity": "critical"},
        {"host": "mq-1", "service": "Disk /", "state": "OK", "output": "60 % free"},
    ),
    "Healthchecks, and a sign before the word": (
        {"check": "Import", "status": "\U0001f534 Down"},
        {"alert_name": "Import"},
        {"check": "Import", "status": "\u2705 Up"},
    ),
    "attachments of a chat": (
        {"text": "", "attachments": [{"title": "[FIRING:2] Lag"}]},
        {"alert_name": "[FIRING:2] Lag"},
        {"text": "", "attachments": [{"title": "[RESOLVED:1] Lag"}]},
    ),
    "what is wrong, and no name": (
        {"error": "no space left on /", "host": "mq-1", "severity": "critical"},
        {"alert_name": "no space left on /", "severity": "critical"},
        {"error": "no space left on /", "host": "mq-1", "severity": "critical", "status": "resolved"},
    ),
    "UptimeRobot": (uptime_robot("1"), {"alert_name": "Ticket shop", "message": "as it is"}, uptime_robot("2")),
    "Grafana OnCall": (
        on_call("firing"),
        {"alert_name": "SeatLag", "severity": "critical", "service": "seats"},
        on_call("resolved"),
    ),
    "Flux": (
        flux("ReconciliationFailed", "error"),
        {"alert_name": "Kustomization tickets", "severity": "high", "service": "tickets"},
        flux("ReconciliationSucceeded", "info"),
    ),
    "Netdata, a node": (
        {"message": "mq-1 was unreachable", "host": "mq-1", "status": {"reachable": False, "text": "unreachable"}},
        {"host": "mq-1"},
        {"message": "mq-1 was reachable", "host": "mq-1", "status": {"reachable": True, "text": "reachable"}},
    ),
    "a job and what it says": (
        {"job": "VM backup", "status": "Warning", "message": "3 of 4 disks"},
        {"alert_name": "VM backup", "severity": "medium", "message": "3 of 4 disks"},
        {"job": "VM backup", "status": "Success"},
    ),
    "a thing and what it says": (
        {"rollout": "tickets", "status": "Degraded", "message": "deadline exceeded"},
        {"alert_name": "deadline exceeded", "service": "tickets"},
        {"rollout": "tickets", "status": "Healthy"},
    ),
    "Azure Service Health": (
        azure_of_the_log("a1", trackingId="VT-1", title="VMs in West Europe", stage="Active"),
        {"alert_name": "VMs in West Europe", "severity": "medium"},
        azure_of_the_log("a2", trackingId="VT-1", title="VMs in West Europe", stage="Resolved"),
    ),
    "Azure Resource Health": (
        azure_of_the_log("a1", currentHealthStatus="Unavailable"),
        {"alert_name": "Tickets", "severity": "medium", "host": "vm-1"},
        azure_of_the_log("a2", currentHealthStatus="Available"),
    ),
    "a text for a chat": (
        {"text": "DOWN: ticket shop, critical"},
        {"severity": "critical"},
        {"text": "UP: ticket shop, critical"},
    ),
}


def one(body: dict[str, Any]) -> NormalizedAlert:
    (alert,) = normalize("generic", body)
    return alert


@pytest.mark.parametrize("tool", TOOLS)
def test_the_messages_of_a_tool_fire_and_resolve_one_alert_with_these_fields(tool: str) -> None:
    begins, said, ends = TOOLS[tool]

    began, ended = one(begins), one(ends)

    assert began.model_dump(include=set(said)) == said
    assert (began.status, ended.status) == ("firing", "resolved")
    assert (ended.fingerprint, ended.group_key) == (began.fingerprint, began.group_key)


@pytest.mark.parametrize(
    "body",
    [
        jenkins("STARTED"),
        on_call("acknowledged"),
        flux("Progressing", "info"),
        azure_of_the_log("a3", trackingId="VT-1", title="VMs", stage="RCA"),
        azure_of_the_log("a3", trackingId="VT-2", title="VMs", stage="Planned"),
        azure_of_the_log("a3", currentHealthStatus="Unknown"),
        jenkins("FINALIZED", "ABORTED"),
        honeybadger("assigned", "to Ada"),
        events_api("acknowledge"),
        victor_ops("ACKNOWLEDGEMENT", "Ada has it"),
        victor_ops("INFO", "a new runner"),
        {"event_name": "deploy", "data": {"deploy": {"environment": "production"}}},
    ],
)
def test_a_message_about_no_problem_is_ignored_with_a_reason(body: dict[str, Any]) -> None:
    batch = normalize_batch("generic", body)

    assert (batch.alerts, len(batch.ignored)) == ([], 1)


def test_a_senders_field_called_group_does_not_put_two_problems_into_one_incident() -> None:
    disk, lag = (one({"alert_name": name, "group": "platform"}) for name in ("Disk", "Lag"))

    assert disk.group_key != lag.group_key


def test_two_charts_of_a_host_are_two_alerts_of_netdata() -> None:
    root, var = (netdata("critical", "disk_fill of mq-1") | {"chart": chart} for chart in ("disk._", "disk._var"))

    assert one(root).group_key == one(var).group_key
    assert one(root).fingerprint == one(root | {"severity": "clear"}).fingerprint != one(var).fingerprint
    assert one(root).fingerprint != one(root | {"host": "mq-2"}).fingerprint


def test_a_check_of_influxdb_has_an_alert_for_each_host_and_disk() -> None:
    said = {"_check_id": "0a1", "_check_name": "Disk", "_message": "m", "_source_measurement": "disk", "path": "/"}

    began = one(said | {"_level": "crit", "host": "mq-1"})
    elsewhere = [
        one(said | {"_level": "ok", "host": "mq-2"}),
        one(said | {"_level": "ok", "host": "mq-1", "path": "/var"}),
    ]
    ended = one(said | {"_level": "ok", "host": "mq-1"})

    assert (began.status, began.severity, began.host, ended.status) == ("firing", "critical", "mq-1", "resolved")
    assert began.fingerprint == ended.fingerprint
    assert began.fingerprint not in {alert.fingerprint for alert in elsewhere}
    assert {alert.group_key for alert in (began, ended, *elsewhere)} == {began.group_key}


def test_an_expiring_certificate_is_another_incident_than_the_failure_of_its_check() -> None:
    failure, expires, renewed = (checkly(kind, "x") for kind in ("ALERT_FAILURE", "ALERT_SSL", "ALERT_RECOVERY"))

    assert len({one(body).group_key for body in (failure, expires, renewed)}) == 2
    assert one(failure).fingerprint == one(renewed).fingerprint != one(expires).fingerprint
    assert one(expires).fingerprint == one(expires | {"ALERT_TITLE": "7 days left"}).fingerprint


def test_one_name_in_two_clusters_is_two_incidents() -> None:
    first, second = (one({"alert_name": "Lag", "labels": {"cluster": name}}) for name in ("a", "b"))

    assert first.group_key != second.group_key


def test_texts_about_alerts_in_two_regions_belong_to_two_incidents() -> None:
    west, east = (one({"text": f"Alert in eu-{side}-1: disk is full"}) for side in ("west", "east"))

    assert west.group_key != east.group_key


@pytest.mark.parametrize(
    "body",
    [
        {"schemaId": "x", "data": {"AlertRuleName": "Lag", "Severity": "2 - Warning", "SubscriptionId": "s-1"}},
        {"schemaId": "AIP Budget Notification", "data": {"BudgetName": "Lag", "SubscriptionId": "s-1"}},
    ],
)
def test_alerts_of_azure_outside_the_common_schema_are_read(body: dict[str, Any]) -> None:
    read = one(body)

    assert (read.alert_name, read.severity, read.account) == ("Lag", "medium", "s-1")


def test_the_message_is_the_alerts_name_only_if_there_is_no_other() -> None:
    assert one({"message": "The queue lags", "priority": "P2"}).alert_name == "The queue lags"
    assert one({"message": "by 40 minutes", "title": "The queue lags"}).alert_name == "The queue lags"


@pytest.mark.parametrize(
    "alert",
    [
        {"title": "Payment failed", "data": {"status": "success"}},
        {"title": "Payment failed", "severity": "critical", "order": {"status": "ok"}},
        {"alert_name": "Pay", "event": {"state": "UP"}},
    ],
)
def test_the_state_of_what_an_alert_is_about_does_not_end_it(alert: dict[str, Any]) -> None:
    (read,) = normalize("generic", alert)

    assert read.status == "firing"


@pytest.mark.parametrize(
    ("body", "status", "severity"),
    [
        (librenms("0", "over"), "resolved", "critical"),
        (librenms(2, "taken"), None, None),
        (librenms(3, "got worse"), "firing", "critical"),
        (librenms(4, "got better"), "firing", "critical"),
        (librenms(5, "changed"), "firing", "critical"),
        ({"title": "Port down", "raw_state": 0, "state": "ok", "message": "up"}, "resolved", "medium"),
        ({"title": "Port down", "device_id": 7, "state": 0}, "resolved", "medium"),
        (checkly("ALERT_DEGRADED", "slow"), "firing", "medium"),
        (checkly("ALERT_DEGRADED_RECOVERY", "fast"), "resolved", "medium"),
        (checkly("ALERT_DEGRADED_FAILURE", "worse"), "firing", "high"),
        (checkly("ALERT_FAILURE_DEGRADED", "better"), "firing", "medium"),
        (checkly("ALERT_SSL", "expires"), "firing", "medium"),
        (checkly("ALERT_NEW_KIND", "who knows"), "firing", "high"),
    ],
)
def test_every_other_state_of_librenms_and_checkly_gives_its_status_and_severity(
    body: dict[str, Any], status: str | None, severity: str | None
) -> None:
    alerts = normalize_batch("generic", body).alerts

    assert [(alert.status, alert.severity) for alert in alerts] == ([] if status is None else [(status, severity)])


@pytest.mark.parametrize("reason", ["Progressing", "ReconciliationSucceeded", "DependencyNotReady"])
def test_an_error_of_flux_fires_whatever_its_reason(reason: str) -> None:
    (alert,) = normalize("generic", flux(reason, "error"))

    assert (alert.status, alert.severity) == ("firing", "high")


def test_an_event_of_kubernetes_without_a_severity_is_not_read_as_one_of_flux() -> None:
    event = flux("Pulled", "") | {"type": "Normal", "severity": None}

    # Only the reader of unknown tools knows `type`, and takes `Normal` for an end.
    assert [alert.status for alert in normalize("generic", event)] == ["resolved"]
