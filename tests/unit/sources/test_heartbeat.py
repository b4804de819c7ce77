"""Tests of dead man's switches: which names, texts and rules are recognized, and which only resemble one."""

from datetime import timedelta
from pathlib import Path

import pytest

from firstline.policy import rules
from firstline.sources import normalize, normalize_batch
from firstline.sources.heartbeat import is_dead_mans_switch
from tests.unit.sources.events import event

SHIPPED = rules.load(Path("runbooks/policy/rules.yaml"))

SWITCHES = [
    *("Watchdog", "watchdog", "WATCHDOG", "prometheus-watchdog", "AlertmanagerWatchdog", "Watchdog Alert"),
    *("DeadMansSwitch", "DeadManSwitch", "dead_mans_switch", "Dead man's switch", "PrometheusDeadManSwitch"),
    *("DeadMansSnitch", "dead-mans-snitch", "EKS DeadMansSwitchAlert", "OurE2EDeadManSwitch", "AlwaysFiring"),
    *("DeadMansSwitchProd", "Dead Mans Switch eu-west-1", "Watchdog (staging)", "prod-watchdog"),
    *("PrometheusHeartbeat", "alerting-heartbeat", "Alertmanager heartbeat us-east-2"),
    *(
        "ThanosWatchdog",
        "mimir-watchdog",
        "PrometheusAlwaysFiring",
        "AlertPipelineHeartbeat",
        "VictoriaMetrics Watchdog",
        "grafana_watchdog",
        "LokiRulerWatchdog",
        "E2E heartbeat",
    ),
]
OTHERS = [
    *("KernelWatchdog", "WatchdogTimeout", "NodeWatchdogReset", "DeadMansSwitchMissing", "WatchdogAbsent"),
    *(
        "NoWatchdog",
        "DeadLetters",
        "Deadlock",
        "MissingDeadMansSwitch",
        "dead-man-switch-failed",
        "FiringSquad",
        "Heartbeat",
        "etcdHeartbeatFailures",
        "ClusterHeartbeat",
        "DeadMansSwitchLate",
        "PrometheusHeartbeatMissing",
        "WatchdogEventReset",
        "",
        "7",
    ),
]


@pytest.mark.parametrize(("name", "expected"), [(n, True) for n in SWITCHES] + [(n, False) for n in OTHERS])
def test_a_name_is_that_of_a_dead_mans_switch_only_if_it_is_about_alerting_and_not_missing(
    name: str, expected: bool
) -> None:
    assert is_dead_mans_switch(name) is expected


@pytest.mark.parametrize("source", ["prometheus", "grafana"])
@pytest.mark.parametrize("name", SWITCHES)
def test_a_dead_mans_switch_opens_no_incident_and_the_shipped_rules_declare_it(source: str, name: str) -> None:
    payload = event("prometheus/firing")
    payload["alerts"] = payload["alerts"][:1]
    payload["alerts"][0]["labels"] |= {"alertname": name, "severity": "critical"}
    batch = normalize_batch(source, payload)

    assert (batch.alerts, len(batch.ignored)) == ([], 1)
    assert SHIPPED.is_heartbeat(batch.heartbeats[0])


def test_the_shipped_heartbeat_may_be_late_by_eight_hours() -> None:
    assert SHIPPED.heartbeats[0].patience == timedelta(hours=8)


@pytest.mark.parametrize(
    ("description", "beats"),
    [
        ("This alert is always firing; it tests the whole pipeline.", True),
        ("An always-firing alert", True),
        ("It always fires.", True),
        ("This is meant to ensure that the entire Alerting pipeline is functional.", True),
        ("This must always fire, or paging is broken", True),
        ("The pumps always fire twice", False),
        ("The pump is firing again, as always", False),
        ("Firing all the time", False),
    ],
)
def test_an_alert_whose_description_says_that_it_always_fires_is_a_heartbeat(description: str, beats: bool) -> None:
    payload = event("prometheus/firing")
    payload["alerts"] = payload["alerts"][:1]
    payload["alerts"][0]["annotations"] = {"description": description}
    batch = normalize_batch("prometheus", payload)

    assert (len(batch.heartbeats), len(batch.alerts)) == ((1, 0) if beats else (0, 1))


def test_a_cloudwatch_alarm_named_like_a_dead_mans_switch_is_an_ordinary_alert() -> None:
    alarm = event("cloudwatch/raw-alarm") | {"AlarmName": "kafka-dead-mans-switch"}
    found = normalize("cloudwatch", alarm)[0]

    assert found.status == "firing"
    assert not SHIPPED.is_heartbeat(found)


@pytest.mark.parametrize(
    ("name", "rule", "ignored"),
    [
        ("MonitoringAlive", "g0.expr=vector%281%29&g0.tab=1", True),
        ("MonitoringAlive", "g0.expr=vector(1)", True),
        ("MonitoringAlive", "g0.expr=vector%281%29+%3E+up", False),
        ("Fire", "g0.expr=vector%28666%29", False),
        ("MonitoringAlive", "g0.expr=up+%3D%3D+0", False),
        ("PagerTest", "g0.expr=vector%281%29&g0.tab=1", False),
        ("FakeOutage", "g0.expr=vector%281%29&g0.tab=1", False),
        ("ExampleCritical", "g0.expr=vector%281%29&g0.tab=1", False),
    ],
)
def test_an_alert_with_the_constant_rule_vector_1_is_a_heartbeat_unless_its_name_says_test(
    name: str, rule: str, ignored: bool
) -> None:
    payload = event("prometheus/firing")
    link = {"generatorURL": f"http://prometheus:9090/graph?{rule}", "labels": {"alertname": name}}
    payload["alerts"] = [payload["alerts"][0] | link]

    batch = normalize_batch("prometheus", payload)

    assert (len(batch.alerts), len(batch.heartbeats)) == ((0, 1) if ignored else (1, 0))
