"""Tests of Grafana's alerts about its data sources, and of alerts that end without having been seen to recover."""

from itertools import combinations
from typing import Any

import pytest

from firstline.models import NormalizedAlert
from firstline.sources import normalize
from tests.unit.sources.events import event


def one(status: str = "firing", annotations: dict[str, Any] | None = None, **labels: str) -> NormalizedAlert:
    """Return an alert of Grafana, called `DatasourceNoData` unless a label `alertname` is given."""
    payload = event("grafana/firing")
    payload["alerts"] = payload["alerts"][:1]
    payload["commonLabels"] = {}
    alert = payload["alerts"][0]
    alert |= {"status": status, "annotations": annotations or {}}
    alert["labels"] = {"alertname": "DatasourceNoData", "severity": "critical"} | labels
    del alert["fingerprint"]
    return normalize("grafana", payload)[0]


def test_each_rule_without_data_is_an_incident_of_its_own() -> None:
    # Each of these is called `DatasourceNoData`.
    alerts = [
        one(rulename="Stock", datasource_uid="p1", grafana_folder="Shop"),
        one(rulename="Turbine", datasource_uid="p2", grafana_folder="Plant"),
        one(rulename="Turbine", datasource_uid="p1"),
        one(rulename="Stock"),
        one(rulename="Turbine"),
    ]

    assert all(a.group_key != b.group_key and a.fingerprint != b.fingerprint for a, b in combinations(alerts, 2))


@pytest.mark.parametrize(("name", "told"), [("DatasourceNoData", True), ("DatasourceError", True), ("Other", False)])
def test_only_the_message_of_an_alert_about_a_data_source_names_the_rule(name: str, told: bool) -> None:
    assert ("Rule: Stock" in one(alertname=name, rulename="Stock", datasource_uid="p1").message) == told


def test_all_rules_of_a_data_source_that_is_down_belong_to_one_incident() -> None:
    stock = one(alertname="DatasourceError", rulename="Stock", datasource_uid="p1")
    turbine = one(alertname="DatasourceError", rulename="Turbine", datasource_uid="p1")
    elsewhere = one(alertname="DatasourceError", rulename="Stock", datasource_uid="p2")

    assert stock.group_key == turbine.group_key != elsewhere.group_key
    assert stock.fingerprint != turbine.fingerprint


@pytest.mark.parametrize(
    "reason",
    [
        "MissingSeries",
        "NoData",
        "Error",
        "Paused",
        "Updated",
        "RuleDeleted",
        "Error, KeepLast",
        "NoData, KeepLast",
        "New",
    ],
)
def test_an_end_with_a_reason_of_grafana_is_no_recovery_and_the_message_says_so(reason: str) -> None:
    ended = one("resolved", {"summary": "Pumps are off", "grafana_state_reason": reason}, alertname="PumpsOff")

    assert (ended.status, ended.nothing_known) == ("resolved", reason)
    assert f"nothing is known of it any more: {reason}" in ended.message


@pytest.mark.parametrize("reason", [None, "", " ", 7, ["Paused"]])
def test_an_end_without_a_reason_is_a_recovery(reason: Any) -> None:
    assert one("resolved", {"grafana_state_reason": reason}, alertname="PumpsOff").nothing_known is None


@pytest.mark.parametrize("name", ["DatasourceNoData", "DatasourceError"])
def test_a_data_source_that_answers_again_has_recovered(name: str) -> None:
    gone, deleted = ({"grafana_state_reason": reason} for reason in ("MissingSeries", "RuleDeleted"))

    assert one("resolved", gone, alertname=name).nothing_known is None
    assert one("resolved", deleted, alertname=name).nothing_known == "RuleDeleted"


def test_a_firing_alert_with_a_reason_of_grafana_counts_as_known() -> None:
    assert one("firing", {"grafana_state_reason": "Paused"}, alertname="PumpsOff").nothing_known is None
