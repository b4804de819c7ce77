"""Tests of the share of host alerts that find a runbook by their metric, whatever their name is.

The tables of rules have our own expressions for the alerts about hosts, processes and systemd in node-exporter's mixin
and in awesome-prometheus-alerts, and for the metrics of CloudWatch's agent. A `-` stands for an alert that must find no
runbook.
"""

import csv
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from firstline.models import NormalizedAlert
from firstline.runbooks.catalogue import Catalogue
from firstline.runbooks.match import named, offered
from firstline.sources import normalize
from tests.support import needs

RULES = Path(__file__).parents[2] / "events" / "rules"
NAME = "rule-17"
NOW = datetime(2026, 5, 4, tzinfo=UTC)
COMPARISONS = {"above": "GreaterThanThreshold", "below": "LessThanThreshold", "absent": "GreaterThanThreshold"}
MISSING = (
    "Threshold Crossed: no datapoints were received for 1 period and 1 missing datapoint was treated as [Breaching]."
)
SETS = {
    "prometheus/node_exporter": ("Node",),
    "samber/awesome-prometheus-alerts": ("Host", "ProcessExporter", "Systemd"),
}


def rows(file: str) -> Iterator[dict[str, str]]:
    with (RULES / file).open(newline="") as lines:
        yield from csv.DictReader(lines, delimiter="\t", quoting=csv.QUOTE_NONE)


PROMETHEUS = list(rows("hosts.tsv"))
AGENT = list(rows("cloudwatch_agent.tsv"))


def from_prometheus(rule: dict[str, str]) -> NormalizedAlert:
    link = f"http://prometheus.example.com/graph?g0.expr={quote(rule['expression'])}&g0.tab=1"
    labels = {"alertname": NAME, "severity": "warning", "instance": "web-1:9100"}
    return one("prometheus", {"alerts": [{"status": "firing", "labels": labels, "generatorURL": link}]})


def from_cloudwatch(rule: dict[str, str]) -> NormalizedAlert:
    trigger = {"MetricName": rule["metric"], "Namespace": "CWAgent", "Statistic": "AVERAGE", "Dimensions": []}
    reason = MISSING if rule["direction"] == "absent" else "Threshold Crossed"
    alarm = {"AlarmName": NAME, "NewStateValue": "ALARM", "NewStateReason": reason}
    return one("cloudwatch", {**alarm, "Trigger": {**trigger, "ComparisonOperator": COMPARISONS[rule["direction"]]}})


def one(source: str, payload: Any) -> NormalizedAlert:
    (alert,) = normalize(source, payload, received_at=NOW)
    return alert


def first(shipped: Catalogue, alert: NormalizedAlert) -> str:
    found = [runbook.id for runbook in offered(shipped, alert)]
    return found[0] if found else "-"


@pytest.mark.parametrize("rule", PROMETHEUS, ids=lambda rule: f"{rule['set']}-{rule['name']}")
def test_a_prometheus_rule_finds_its_runbook_by_its_expression(shipped: Catalogue, rule: dict[str, str]) -> None:
    assert first(shipped, from_prometheus(rule)) == rule["runbook"]


@pytest.mark.parametrize("rule", AGENT, ids=lambda rule: f"{rule['metric']}-{rule['direction']}")
def test_a_metric_of_the_cloudwatch_agent_finds_its_runbook(shipped: Catalogue, rule: dict[str, str]) -> None:
    assert first(shipped, from_cloudwatch(rule)) == rule["runbook"]


def test_nine_of_ten_rules_of_each_set_find_a_runbook_by_metric(shipped: Catalogue) -> None:
    met = {
        name: [first(shipped, alert) != "-" for alert in alerts]
        for name, alerts in {
            **{
                name: [from_prometheus(rule) for rule in PROMETHEUS if rule["set"] == name]
                for name in ("mixin", "host", "process", "systemd")
            },
            "agent": map(from_cloudwatch, AGENT),
        }.items()
    }

    assert {name: sum(found) / len(found) for name, found in met.items() if sum(found) < 0.9 * len(found)} == {}


def test_an_alert_names_every_runbook_that_it_finds_by_metric(shipped: Catalogue) -> None:
    for alert in [*map(from_prometheus, PROMETHEUS), *map(from_cloudwatch, AGENT)]:
        for runbook in offered(shipped, alert):
            assert named(runbook, alert), (runbook.id, alert.measured)


@pytest.mark.parametrize("metric", ["AWS/EC2 CPUUtilization above", "CWAgent mem_used_percent above", "X queue above"])
@pytest.mark.parametrize("name", ["disk", "DiskSpaceLow", "disk_used_percent-web-1", "disk is full"])
def test_no_name_makes_another_metric_a_full_disk(shipped: Catalogue, name: str, metric: str) -> None:
    namespace, metric_name, direction = metric.split()
    trigger = {"MetricName": metric_name, "Namespace": namespace, "ComparisonOperator": COMPARISONS[direction]}
    alarm = {"AlarmName": name, "NewStateValue": "ALARM", "NewStateReason": "disk is full", "Trigger": trigger}

    assert "low-disk" not in [runbook.id for runbook in offered(shipped, one("cloudwatch", alarm))]


def test_every_published_rule_about_hosts_is_in_the_table_of_rules() -> None:
    needs.require("published")
    with (needs.PUBLISHED / "alert_rules.tsv").open(newline="") as file:
        published = {
            row["name"]
            for row in csv.DictReader(file, delimiter="\t")
            if row["source_repo"] in SETS and row["name"].startswith(SETS[row["source_repo"]])
        }

    assert len(published) >= 40
    assert published - {rule["name"] for rule in PROMETHEUS} == set()
