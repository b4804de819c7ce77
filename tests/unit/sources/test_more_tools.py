"""Tools whose messages say the state apart from the name, and formats of alert services that many tools can post."""

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
    """The body that the guide gives."""
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
def test_a_problem_fires_and_ends_under_one_identity(tool: str) -> None:
    begins, said, ends = TOOLS[tool]

    began, ended = one(begins), one(ends)

    assert began.model_dump(include=set(said)) == said
    assert (began.status, ended.status) == ("firing", "resolved")
    assert (ended.fingerprint, ended.group_key) == (began.fingerprint, began.group_key)


@pytest.mark.parametrize(
    "body",
    [
        jenkins("STARTED"),
        jenkins("FINALIZED", "ABORTED"),
        honeybadger("assigned", "to Ada"),
        events_api("acknowledge"),
        victor_ops("ACKNOWLEDGEMENT", "Ada has it"),
        victor_ops("INFO", "a new runner"),
        {"event_name": "deploy", "data": {"deploy": {"environment": "production"}}},
    ],
)
def test_news_that_are_no_problem_are_ignored(body: dict[str, Any]) -> None:
    batch = normalize_batch("generic", body)

    assert (batch.alerts, len(batch.ignored)) == ([], 1)


def test_a_field_of_the_sender_called_group_joins_no_two_problems() -> None:
    disk, lag = (one({"alert_name": name, "group": "platform"}) for name in ("Disk", "Lag"))

    assert disk.group_key != lag.group_key


def test_a_message_is_a_name_if_there_is_no_other() -> None:
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
def test_what_librenms_and_checkly_say_besides(body: dict[str, Any], status: str | None, severity: str | None) -> None:
    alerts = normalize_batch("generic", body).alerts

    assert [(alert.status, alert.severity) for alert in alerts] == ([] if status is None else [(status, severity)])
