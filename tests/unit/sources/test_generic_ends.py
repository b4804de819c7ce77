"""An end finds the alert that it is of, and never another: what senders repeat of an alert, and what they leave out."""

from collections.abc import Callable, Mapping
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from firstline.sources import normalize_batch
from firstline.sources.notices.unknown import says_end

type Payload = Mapping[str, Any] | str


def fired(payload: Payload) -> tuple[str, str]:
    (alert,) = normalize_batch("generic", payload).alerts
    assert alert.status == "firing", payload
    return alert.group_key, alert.fingerprint


def ended(payload: Payload) -> set[tuple[str, str]]:
    batch = normalize_batch("generic", payload)
    return {
        (end.group_key, end.fingerprint) for end in (*batch.alerts, *batch.ends_elsewhere) if end.status == "resolved"
    }


DISK = {"alert_name": "Disk full", "host": "db-1", "service": "shop", "severity": "high", "fingerprint": "disk-7"}
NAGIOS = {
    "NAGIOS_HOSTNAME": "db-1",
    "NAGIOS_HOSTALIAS": "The database",
    "NAGIOS_HOSTADDRESS": "10.0.0.7",
    "NAGIOS_HOSTSTATE": "UP",
    "NAGIOS_HOSTGROUPNAMES": "databases,linux",
    "NAGIOS_SERVICEDESC": "Disk",
    "NAGIOS_SERVICEDISPLAYNAME": "Disk",
    "NAGIOS_SERVICESTATE": "CRITICAL",
    "NAGIOS_SERVICESTATETYPE": "HARD",
    "NAGIOS_SERVICEATTEMPT": "3",
    "NAGIOS_SERVICEDURATION": "0d 0h 3m 0s",
    "NAGIOS_SERVICEOUTPUT": "DISK CRITICAL - /var 97%",
    "NAGIOS_LASTSERVICESTATE": "OK",
    "NAGIOS_NOTIFICATIONTYPE": "PROBLEM",
    "NAGIOS_NOTIFICATIONNUMBER": "1",
    "NAGIOS_CONTACTNAME": "ops",
    "NAGIOS_SHORTDATETIME": "11-30-2026 11:00:00",
    "NAGIOS_TIMET": "1796036400",
    "PATH": "/usr/bin",
}
DISK_IS_OK = {
    "NAGIOS_SERVICESTATE": "OK",
    "NAGIOS_SERVICEATTEMPT": "1",
    "NAGIOS_SERVICEDURATION": "0d 0h 0m 0s",
    "NAGIOS_SERVICEOUTPUT": "DISK OK - /var 41%",
    "NAGIOS_LASTSERVICESTATE": "CRITICAL",
    "NAGIOS_NOTIFICATIONTYPE": "RECOVERY",
    "NAGIOS_NOTIFICATIONNUMBER": "2",
    "NAGIOS_TIMET": "1796040000",
}
NAGIOS_HOST = NAGIOS | {"NAGIOS_SERVICEDESC": "", "NAGIOS_SERVICEDISPLAYNAME": "", "NAGIOS_SERVICESTATE": ""}
NAGIOS_HOST |= {"NAGIOS_HOSTSTATE": "DOWN", "NAGIOS_HOSTOUTPUT": "no answer", "NAGIOS_SERVICEOUTPUT": ""}


OWN: dict[str, tuple[Payload, Payload]] = {
    "what fired, again": (DISK, DISK | {"status": "resolved"}),
    "the id with name and service": (
        DISK,
        {key: DISK[key] for key in ("alert_name", "service", "fingerprint")} | {"status": "ok"},
    ),
    "another text under the same id": (
        DISK | {"message": "97 %"},
        DISK | {"status": "resolved", "message": "41 %", "host": "db-2"},
    ),
    "an error, and the host without it": (
        {"error": "timeout", "host": "db-1", "status": "down"},
        {"host": "db-1", "status": "up"},
    ),
    "an error, and the host with no error": (
        {"error": "timeout", "host": "db-1", "status": "firing"},
        {"error": "none", "host": "db-1", "status": "resolved"},
    ),
    "an error with a service, and both": (
        {"error": "timeout", "host": "db-1", "service": "shop", "status": "failed"},
        {"host": "db-1", "service": "shop", "status": "ok"},
    ),
    "a grade, and the severity": (
        {"alert_name": "[CRITICAL] disk", "severity": "critical", "status": "firing"},
        {"alert_name": "[RESOLVED] disk", "severity": "critical", "status": "resolved"},
    ),
    "a short grade, and the severity as a label": (
        {"title": "CRIT: disk", "labels": {"severity": "critical"}, "status": "firing"},
        {"title": "OK: disk", "labels": {"severity": "critical"}, "status": "ok"},
    ),
    "a grade at the end": (
        {"title": "disk is WARNING", "severity": "warning", "state": "alerting"},
        {"title": "disk is OK", "severity": "warning", "state": "resolved"},
    ),
    "a grade that only the text states": ("[CRITICAL] disk of db-1", "[RESOLVED] disk of db-1"),
    "a grade and `firing` in the text": ("[CRITICAL] disk of db-1 firing", "[RESOLVED] disk of db-1"),
    "a grade that is the status, and the same name": (
        {"title": "[CRITICAL] disk", "status": "critical"},
        {"title": "[CRITICAL] disk", "status": "ok"},
    ),
    "a state in capitals": ({"title": "shop DOWN"}, {"title": "shop UP"}),
    "a state in capitals, as a text": ("Host web-1 DOWN", "Host web-1 UP"),
    "a state that the status repeats": ({"title": "shop Down", "status": "down"}, {"title": "shop Up", "status": "up"}),
    "Nagios' service": (NAGIOS, NAGIOS | DISK_IS_OK),
    "Nagios' host": (NAGIOS_HOST, NAGIOS_HOST | {"NAGIOS_HOSTSTATE": "UP", "NAGIOS_NOTIFICATIONTYPE": "RECOVERY"}),
}


@pytest.mark.parametrize(("begins", "ends"), OWN.values(), ids=OWN)
def test_an_end_ends_its_own_alert(begins: Payload, ends: Payload) -> None:
    assert fired(begins) in ended(ends)


ANOTHER: dict[str, tuple[Payload, Payload]] = {
    "another id": (DISK, DISK | {"status": "resolved", "fingerprint": "disk-8"}),
    "the same id of another service": (DISK, DISK | {"status": "resolved", "service": "mail"}),
    "one error of two that have no state": (
        {"error": "timeout", "host": "db-1", "severity": "high"},
        {"host": "db-1", "status": "up"},
    ),
    "the error of a service on the host": (
        {"error": "timeout", "host": "db-1", "service": "shop", "status": "down"},
        {"host": "db-1", "status": "up"},
    ),
    "the error of another host": (
        {"error": "timeout", "host": "db-1", "status": "down"},
        {"host": "db-2", "status": "up"},
    ),
    "a grade, and no severity": (
        {"alert_name": "[CRITICAL] disk", "status": "firing"},
        {"alert_name": "[RESOLVED] disk", "status": "resolved"},
    ),
    "a grade that is the status": (
        {"title": "[CRITICAL] disk", "status": "critical"},
        {"title": "[OK] disk", "status": "ok"},
    ),
    "another grade": (
        {"alert_name": "[CRITICAL] disk", "severity": "critical", "status": "firing"},
        {"alert_name": "[RESOLVED] disk", "severity": "warning", "status": "resolved"},
    ),
    "the name without a grade": (
        {"alert_name": "disk", "severity": "critical", "status": "firing"},
        {"alert_name": "[CRITICAL] disk", "severity": "critical", "status": "resolved"},
    ),
    "a rule on a link that is up": (
        {"alert_name": "Link DOWN", "status": "firing"},
        {"alert_name": "Link UP", "status": "resolved"},
    ),
    "another thing that is up": ({"title": "shop DOWN"}, {"title": "mail UP"}),
    "a part of the thing that is up": ("shop DOWN", "shop api UP"),
    "Nagios' other service": (NAGIOS, NAGIOS | DISK_IS_OK | {"NAGIOS_SERVICEDESC": "Load"}),
    "Nagios' service on a host that is up": (
        NAGIOS,
        NAGIOS_HOST | {"NAGIOS_HOSTSTATE": "UP", "NAGIOS_NOTIFICATIONTYPE": "RECOVERY"},
    ),
    "Nagios' service that somebody has": (NAGIOS, NAGIOS | {"NAGIOS_NOTIFICATIONTYPE": "ACKNOWLEDGEMENT"}),
}


@pytest.mark.parametrize(("begins", "ends"), ANOTHER.values(), ids=ANOTHER)
def test_an_end_ends_no_other_alert(begins: Payload, ends: Payload) -> None:
    assert fired(begins) not in ended(ends)


@pytest.mark.parametrize(
    "text",
    [
        *("errors UP", "CPU UP", "web-1 CPU UP", "Rack temperature UP", "SET UP", "Warm UP", "Queue UP", "shop up"),
        *("0 nodes UP", "2/3 UP", "Price of oil UP", "not UP", "p99 latency UP", "5xx rate UP"),
        *("Queue length UP", "p99 UP", "5xx UP", "GC pause UP", "HTTP 500 UP", "CPU steal UP", "Fraud score UP"),
        *("SLO burn UP", "Spam UP", "Queue wait UP", "Wait UP", "Heap used UP", "Replication gap UP", "CPU% UP"),
        *(
            "queue_length UP",
            "queueLength UP",
            "queue.wait UP",
            "bytes-in UP",
            "errors/min UP",
            "shop api UP",
            "web-1 UP",
        ),
        *("Service latency UP", "Node p99 UP", "Site 500 UP", "Host CPU% UP", "Service errors UP"),
        *("Queue length: UP", "p99 - UP", "HTTP 500 is UP", "Queue length is back UP", "Refunds are UP"),
    ],
)
def test_up_after_what_may_be_a_quantity_or_an_unsure_name_is_no_end(text: str) -> None:
    assert not says_end(text)


@pytest.mark.parametrize(
    "text",
    [
        *("shop UP", "Checkout UP!", "shop-api UP", "shop_api UP", "shop.example.com UP", "https://shop.example/ UP"),
        *("Host web-1 UP", "service shop2 UP", "Node 10.1.2.7 UP", "endpoint /health UP", "Site shop.example UP"),
        *("web-1 - UP", "Port 443: UP", "web-500 - UP", "Payments - UP", "CPU: healthy", "Disk - online"),
    ],
)
def test_a_text_that_something_is_up_is_an_end(text: str) -> None:
    assert says_end(text)


def test_a_quantity_that_rises_is_an_alert_of_its_own() -> None:
    rises = {"title": "Queue length UP"}
    assert fired(rises) != fired({"title": "[CRITICAL] Queue length"})
    assert fired(rises) in ended(rises | {"status": "resolved"})


@pytest.mark.parametrize("more", [{}, {"host": "web-1"}, {"severity": "warning"}, {"message": "900 jobs wait"}])
def test_a_quantity_that_rises_fires_beside_any_other_field(more: dict[str, str]) -> None:
    assert fired({"alert_name": "Queue length UP"} | more)


def alert_of(payload: dict[str, Any]) -> tuple[str, str, str, str | None]:
    (alert,) = normalize_batch("generic", payload).alerts
    return alert.alert_name, alert.status, alert.severity, alert.host


FULL = {"alert_name": "DiskFull", "severity": "critical"}


@pytest.mark.parametrize(
    ("payload", "host"),
    [
        (FULL | {"nagios_hostname": "web-1"}, "web-1"),
        ({"alert_name": "DiskFull", "priority": "P1", "nagiosHostName": "web-1"}, "web-1"),
        (FULL | {"nagios_host_name": "nagios", "host": "web-1"}, "web-1"),
        (FULL | {"nagios_hostname": "nagios", "host_name": "web-1"}, "web-1"),
        (FULL | {"nagios_hostname": "web-1", "nagios_hoststate": "UP"}, "web-1"),
        ({"nagios_hostname": "web-1", "title": "DiskFull", "severity": "critical"}, "web-1"),
        ({"nagios_hostname": "web-1", "nagios_hoststate": "UP", "title": "DiskFull", "severity": "critical"}, "web-1"),
        ({"nagios_hostname": "web-1", "nagios_servicedesc": "x", "name": "DiskFull", "severity": "critical"}, "web-1"),
    ],
)
def test_macros_of_nagios_take_no_field_from_a_message_with_a_name(payload: dict[str, Any], host: str) -> None:
    assert alert_of(payload) == ("DiskFull", "firing", "critical", host)


@pytest.mark.parametrize("variables", [{}, {"HOSTNAME": "nagios", "HOST": "nagios", "NAME": "monitoring"}])
def test_the_environment_of_nagios_is_read_by_its_macros(variables: dict[str, str]) -> None:
    assert alert_of(NAGIOS | variables) == ("Disk", "firing", "critical", "db-1")
    assert alert_of(NAGIOS_HOST | variables)[::3] == ("Host db-1", "db-1")
    assert fired(NAGIOS | variables) in ended(NAGIOS | DISK_IS_OK | variables)


def test_a_field_beside_the_macros_of_nagios_is_read() -> None:
    (alert,) = normalize_batch("generic", NAGIOS | {"severity": "low", "environment": "prod"}).alerts
    assert (alert.severity, alert.environment) == ("low", "prod")


def test_an_end_without_a_name_says_what_is_missing() -> None:
    batch = normalize_batch("generic", [{"alert_name": "Lag"}, {"fingerprint": "disk-7", "status": "resolved"}])
    (rejected,) = batch.rejected
    assert rejected.reason == "generic: an alert has no name: send it as `alert_name`, with the end of an alert too"


NAMES = st.sampled_from(
    ["disk", "shop", "Primary DB", "load of web-1", "[CRITICAL] x", "x", "Link UP", "up", "ok shop"]
)
PLACES = st.sampled_from([None, "db-1", "db-2"])
GRADES = st.sampled_from(["critical", "warning", "high"])
ALERTS = st.tuples(NAMES, PLACES, PLACES, GRADES)
"""Name, host, service and severity of an alert."""

type Alert = tuple[str, str | None, str | None, str]


def fields(alert: Alert, **more: Any) -> dict[str, Any]:
    _, host, service, _ = alert
    return {"host": host, "service": service} | more


FORMS: dict[str, Callable[[Alert, bool], Payload]] = {
    "name": lambda a, over: fields(a, alert_name=a[0], status="resolved" if over else "firing"),
    "id": lambda a, over: fields(a, alert_name=a[0], fingerprint="|".join(map(str, a)), status="ok" if over else "bad"),
    "grade": lambda a, over: fields(
        a,
        alert_name=f"[{'RESOLVED' if over else a[3].upper()}] {a[0]}",
        severity=a[3],
        status="ok" if over else "firing",
    ),
    "state": lambda a, over: fields(a, title=f"{a[0]} {'Up' if over else 'Down'}", status="up" if over else "down"),
    "error": lambda a, over: fields(a, status="up") if over else fields(a, error=f"{a[0]} {a[3]}", status="down"),
    "nagios": lambda a, over: {
        "NAGIOS_HOSTNAME": f"{a[1]}-{a[2]}",
        "NAGIOS_SERVICEDESC": a[0],
        "NAGIOS_SERVICESTATE": "OK" if over else "CRITICAL",
        "NAGIOS_NOTIFICATIONTYPE": "RECOVERY" if over else "PROBLEM",
    },
}
TOLD_APART_BY: dict[str, Callable[[Alert], Any]] = {
    "name": lambda a: a[:3],
    "id": lambda a: a,
    "grade": lambda a: a,
    "state": lambda a: a[:3],
    "error": lambda a: a[1:3],
    "nagios": lambda a: a[:3],
}
"""The part of an alert that a form says at its end too: alerts that differ in it are two."""


@given(form=st.sampled_from(sorted(FORMS)), one=ALERTS, other=ALERTS)
def test_of_two_alerts_in_any_form_each_end_ends_its_own_alone(form: str, one: Alert, other: Alert) -> None:
    told, of = FORMS[form], TOLD_APART_BY[form]
    assume(form != "error" or any(one[1:3]))
    assume(form != "error" or any(other[1:3]))
    assert fired(told(one, False)) in ended(told(one, True))
    if of(one) != of(other):
        assert fired(told(other, False)) not in ended(told(one, True))
