"""Tests of the metrics that are read from rules: names, the direction in which they alarm, label matchers."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from firstline.models import Measured, NormalizedAlert
from firstline.privacy.alert_redaction import without_secrets
from firstline.sources import normalize
from firstline.sources.expression import LONGEST, terms_of

EVENTS = Path(__file__).parents[2] / "events"
NOW = datetime(2026, 5, 4, tzinfo=UTC)


def alert_of(source: str, payload: Any) -> NormalizedAlert:
    return normalize(source, payload, received_at=NOW)[0]


def said(alert: NormalizedAlert) -> list[tuple[str | None, str, str | None]]:
    """Return namespace, metric and direction of each metric of the alert."""
    return [(measured.namespace, measured.metric, measured.direction) for measured in alert.measured]


def directions(expression: str) -> list[tuple[str, str | None]]:
    """Return the metrics in an expression, each with the direction in which it alarms."""
    return [(term.metric, term.direction) for term in terms_of(expression)]


@pytest.mark.parametrize(
    ("expression", "wanted"),
    [
        ("queue_length > 5", [("queue_length", "above")]),
        ("5 > queue_length", [("queue_length", "below")]),
        ("up == 0", [("up", "below")]),
        ("raid_failed == 1", [("raid_failed", "above")]),
        ("up != 1", [("up", "below")]),
        ("unit_failed != 0", [("unit_failed", "above")]),
        ("expected != actual", [("expected", None), ("actual", None)]),
        ("free_bytes / size_bytes < 0.1", [("free_bytes", "below"), ("size_bytes", "above")]),
        ("1 - free_bytes / size_bytes > 0.9", [("free_bytes", "below"), ("size_bytes", "above")]),
        ("(total - free) / total > 0.9", [("total", "above"), ("free", "below"), ("total", "below")]),
        ("-headroom > -5", [("headroom", "below")]),
        ("absent(heartbeat{job='a'})", [("heartbeat", "absent")]),
        ("absent(up{job='a'} == 1)", [("up", "absent")]),
        ("100 * count(up == 0) by (job) / count(up) by (job) > 10", [("up", "below")]),
        ("load1 / count without (cpu) (cpu_seconds_total) > 2", [("load1", "above")]),
        ("(busy > 3) * on (instance) group_left (nodename) node_uname_info", [("busy", "above")]),
        ("errors > 3 unless on (instance) maintenance == 1", [("errors", "above")]),
        ("sum by (instance) (rate(busy_total[5m] offset 1h)) > bool 0.8", [("busy_total", "above")]),
        ("predict_linear(free_bytes[1h:5m] @ start(), 4 * 3600) < 0", [("free_bytes", "below")]),
        ("free < 5 and on (device) readonly == 0", [("free", "below"), ("readonly", "below")]),
        ('{__name__="app.latency", le="1"} > 3', [("app.latency", "above")]),
        ('{"app.latency", le="1"} > 3', [("app.latency", "above")]),
        ("job:errors:rate5m > 0.1  # per job", [("job:errors:rate5m", "above")]),
        ("histogram_quantile(0.9, sum(rate(latency_bucket[5m])) by (le)) > 2", [("latency_bucket", "above")]),
        ("vector(1)", []),
        ("time() - last_backup_timestamp > 86400", [("last_backup_timestamp", "below")]),
        ("queue_length", [("queue_length", None)]),
    ],
)
def test_an_expression_gives_its_metrics_with_the_direction_in_which_each_alarms(
    expression: str, wanted: list[tuple[str, str | None]]
) -> None:
    assert directions(expression) == wanted


def test_label_matchers_are_kept_and_those_that_exclude_begin_with_an_exclamation_mark() -> None:
    term = terms_of('rate(cpu_seconds_total{mode!~"idle|iowait", cpu="0"}[5m]) > 1')[0]

    assert dict(term.where) == {"mode": "!idle|iowait", "cpu": "0"}


@pytest.mark.parametrize(
    "text",
    [
        "",
        "rate(",
        "a >",
        "a b",
        "sum by (x",
        "a{b}",
        "a{b=}",
        "a[5m",
        ")",
        "§",
        "(" * 3_000,
        "-" * 3_000,
        "a" * (LONGEST + 1),
    ],
)
def test_a_text_that_is_no_expression_gives_no_metric_with_a_direction(text: str) -> None:
    assert not [term for term in terms_of(text) if term.direction]


def test_the_metrics_of_a_rule_are_read_from_the_link_that_prometheus_sends() -> None:
    rule = 'node_filesystem_avail_bytes{fstype!="tmpfs"} / node_filesystem_size_bytes < 0.1'
    link = f"http://prometheus.example.com:9090/graph?g0.expr={quote(rule)}&g0.tab=1"
    labels = {"alertname": "rule-17", "severity": "warning", "instance": "web-1:9100"}

    alert = alert_of("prometheus", {"alerts": [{"status": "firing", "labels": labels, "generatorURL": link}]})

    assert said(alert) == [
        (None, "node_filesystem_avail_bytes", "below"),
        (None, "node_filesystem_size_bytes", "above"),
    ]
    assert alert.measured[0].where == {"fstype": "!tmpfs"}


@pytest.mark.parametrize(
    "link", [None, 7, "http://[", "https://grafana.example.com/alerting/grafana/x/view", "x" * 20_000]
)
def test_without_a_rule_in_the_link_only_the_label_name_of_the_metric_counts(link: object) -> None:
    labels = {"alertname": "rule-17", "severity": "warning", "metric": "disk", "query": "up == 0"}
    firing = {"status": "firing", "generatorURL": link}

    bare = alert_of("grafana", {"alerts": [{**firing, "labels": labels}]})
    told = alert_of("grafana", {"alerts": [{**firing, "labels": {**labels, "__name__": "node_load5"}}]})

    assert said(bare) == []
    assert said(told) == [(None, "node_load5", None)]


@pytest.mark.parametrize(
    ("query", "wanted"),
    [
        ("avg(last_5m):avg:system.disk.in_use{host:web-1} by {host} > 0.9", [(None, "system.disk.in_use", "above")]),
        ("avg(last_15m):100 - avg:system.cpu.idle{*} > 90", [(None, "system.cpu.idle", "below")]),
        ("sum(last_1h):sum:shop.orders{*}.as_count() < 1", [(None, "shop.orders", "below")]),
        ('logs("status:error").index("*").rollup("count").last("5m") > 5', []),
    ],
)
def test_a_datadog_query_gives_its_metrics_with_their_direction(
    query: str, wanted: list[tuple[str | None, str, str | None]]
) -> None:
    payload = json.loads((EVENTS / "datadog" / "recommended-triggered.json").read_text()) | {"query": query}

    assert said(alert_of("datadog", payload)) == wanted


def sns(trigger: dict[str, Any], reason: str = "it is so") -> dict[str, Any]:
    return {"AlarmName": "rule-17", "NewStateValue": "ALARM", "NewStateReason": reason, "Trigger": trigger}


def stat(id_: str, metric: str, namespace: str = "CWAgent", *, returns: bool = False) -> dict[str, Any]:
    metric_stat = {"Metric": {"MetricName": metric, "Namespace": namespace, "Dimensions": []}, "Stat": "Average"}
    return {"Id": id_, "MetricStat": metric_stat, "ReturnData": returns}


@pytest.mark.parametrize(
    ("comparison", "wanted"),
    [
        ("GreaterThanThreshold", "above"),
        ("GreaterThanUpperThreshold", "above"),
        ("LessThanOrEqualToThreshold", "below"),
        ("LessThanLowerOrGreaterThanUpperThreshold", None),
    ],
)
def test_a_cloudwatch_alarm_gives_its_metric_with_statistic_and_direction(comparison: str, wanted: str | None) -> None:
    trigger = {"MetricName": "CPUUtilization", "Namespace": "AWS/EC2", "Statistic": "AVERAGE"}

    alert = alert_of("cloudwatch", sns({**trigger, "ComparisonOperator": comparison}))

    assert alert.measured == [
        Measured(metric="CPUUtilization", namespace="AWS/EC2", statistic="AVERAGE", direction=wanted)
    ]


INSIGHTS = 'SELECT MAX(mem_used_percent) FROM SCHEMA("CWAgent", InstanceId) GROUP BY InstanceId'
SEARCH = "MAX(SEARCH('{CWAgent,InstanceId} MetricName=\"swap_used_percent\"', 'Average'))"


@pytest.mark.parametrize(
    ("entries", "wanted"),
    [
        ([{"Id": "e1", "Expression": "m1 / m2 * 100", "ReturnData": True}, stat("m1", "used"), stat("m2", "total")],
         [("CWAgent", "used", "above"), ("CWAgent", "total", "below")]),
        ([{"Id": "e1", "Expression": "100 - m1"}, stat("m1", "free")], [("CWAgent", "free", "below")]),
        ([{"Id": "e1", "Expression": "IF(m1 < 5, 1, 0)"}, stat("m1", "free")], [("CWAgent", "free", "below")]),
        ([{"Id": "e2", "Expression": "e1 * 2"}, {"Id": "e1", "Expression": "FILL(m1, 0)", "ReturnData": False},
          stat("m1", "used")], [("CWAgent", "used", "above")]),
        ([{"Id": "e1", "Expression": "MAX(METRICS())"}, stat("m1", "a"), stat("m2", "b")],
         [("CWAgent", "a", "above"), ("CWAgent", "b", "above")]),
        ([{"Id": "e1", "Expression": "e1"}], []),
        ([{"Id": "q1", "Expression": INSIGHTS}],
         [("CWAgent", "mem_used_percent", "above")]),
        ([{"Id": "q1", "Expression": "SELECT AVG(CPUUtilization) FROM \"AWS/EC2\""}],
         [("AWS/EC2", "CPUUtilization", "above")]),
        ([{"Id": "s1", "Expression": SEARCH}],
         [("CWAgent", "swap_used_percent", "above")]),
        ([stat("m1", "used", returns=True), {"Id": "ad1", "Expression": "ANOMALY_DETECTION_BAND(m1, 2)"}],
         [("CWAgent", "used", "above")]),
    ],
)  # fmt: skip
def test_metric_math_and_queries_of_an_alarm_give_the_metrics_that_they_use(
    entries: list[dict[str, Any]], wanted: list[tuple[str, str, str]]
) -> None:
    alert = alert_of("cloudwatch", sns({"Metrics": entries, "ComparisonOperator": "GreaterThanThreshold"}))

    assert said(alert) == wanted


@pytest.mark.parametrize(
    "expression",
    [
        "SELECT MAX(" + " " * 200_000,
        'SELECT MAX("' + "a " * 100_000,
        "SEARCH('{" + " " * 200_000,
        "SEARCH(" * 30_000,
        "a>" * 100_000,
        "+".join(f"e{n}" for n in range(50)),
    ],
)
def test_hostile_expressions_and_expressions_that_name_each_other_give_no_metrics(expression: str) -> None:
    entries = [{"Id": f"e{n}", "Expression": expression} for n in range(300)]

    assert said(alert_of("cloudwatch", sns({"Metrics": entries, "ComparisonOperator": "GreaterThanThreshold"}))) == []


def test_a_hostile_rule_or_datadog_query_gives_no_metrics() -> None:
    assert directions("a>" * 1_900 + "a") == []
    payload = json.loads((EVENTS / "datadog" / "recommended-triggered.json").read_text())
    assert said(alert_of("datadog", payload | {"query": "a" * 200_000})) == []


CROSSED = "Threshold Crossed: 1 out of the last 1 datapoints [{}] was {} the threshold (80.0)."
MISSING = (
    "Threshold Crossed: no datapoints were received for 2 periods and 2 missing datapoints were treated as [Breaching]."
)


@pytest.mark.parametrize(
    ("reason", "wanted"),
    [
        (CROSSED.format("99.5 (04/05/26 03:00:00)", "greater than"), "above"),
        (CROSSED.format("3.0 (04/05/26 03:00:00)", "less than or equal to"), "below"),
        (MISSING, "absent"),
        ("tried by hand", None),
    ],
)
def test_the_direction_of_an_event_without_a_comparison_is_read_from_its_reason(
    reason: str, wanted: str | None
) -> None:
    event = json.loads((EVENTS / "cloudwatch" / "eventbridge-alarm.json").read_text())
    event["detail"]["state"] |= {"value": "ALARM", "reason": reason}

    measured = alert_of("cloudwatch", event).measured

    assert measured
    assert {metric.direction for metric in measured} == {wanted}


def test_an_alarm_about_missing_data_has_the_direction_absent_whatever_its_comparison() -> None:
    trigger = {"MetricName": "mem_used_percent", "Namespace": "CWAgent", "ComparisonOperator": "GreaterThanThreshold"}

    assert said(alert_of("cloudwatch", sns(trigger, MISSING))) == [("CWAgent", "mem_used_percent", "absent")]


def test_a_low_sample_count_means_absent_and_a_high_one_has_no_direction() -> None:
    trigger = {"MetricName": "mem_used_percent", "Namespace": "CWAgent", "Statistic": "SampleCount"}

    few = alert_of("cloudwatch", sns({**trigger, "ComparisonOperator": "LessThanThreshold"}))
    many = alert_of("cloudwatch", sns({**trigger, "ComparisonOperator": "GreaterThanThreshold"}))

    assert said(few) == [("CWAgent", "mem_used_percent", "absent")]
    assert said(many) == [("CWAgent", "mem_used_percent", None)]


def test_the_metrics_and_matchers_of_a_long_rule_are_limited_in_number_and_size() -> None:
    matchers = ",".join(f'label_{n}{"x" * 90}="{"v" * 90}"' for n in range(9))
    rule = " + ".join(f"metric_{n}{{{matchers}}}" for n in range(2)) + "".join(f" + m{n}" for n in range(90)) + " > 1"
    labels = {"alertname": "rule-17", "severity": "warning"}
    firing = {"status": "firing", "labels": labels, "generatorURL": f"http://p/graph?g0.expr={quote(rule)}"}

    measured = alert_of("prometheus", {"alerts": [firing]}).measured

    assert len(measured) == 8
    assert sum(len(metric.model_dump_json()) for metric in measured) < 5_000


def test_a_secret_in_a_label_matcher_of_a_rule_is_removed() -> None:
    secret = "ghp_" + "a1B2c3D4e5F6g7H8i9J0" + "k1L2m3N4o5P6q7R8"
    link = "http://p/graph?g0.expr=" + quote(f'up{{token="{secret}"}} == 0')
    labels = {"alertname": "rule-17", "severity": "warning"}

    alert = alert_of("prometheus", {"alerts": [{"status": "firing", "labels": labels, "generatorURL": link}]})

    assert secret not in without_secrets(alert).model_dump_json()
