"""Grafana's alerts about its data sources, and the ends of alerts that nobody saw recover."""

from itertools import combinations
from typing import Any

import pytest

from firstline.models import NormalizedAlert
from firstline.sources import normalize
from tests.unit.sources.events import event


def one(status: str = "firing", annotations: dict[str, Any] | None = None, **labels: str) -> NormalizedAlert:
    payload = event("grafana/firing")
    payload["alerts"] = payload["alerts"][:1]
    payload["commonLabels"] = {}
    alert = payload["alerts"][0]
    alert |= {"status": status, "annotations": annotations or {}}
    alert["labels"] = {"alertname": "DatasourceNoData", "severity": "critical"} | labels
    del alert["fingerprint"]
    return normalize("grafana", payload)[0]


def test_rules_without_data_are_two_problems() -> None:
    alerts = [
        one(rulename="Stock", datasource_uid="p1", grafana_folder="Shop"),
        one(rulename="Turbine", datasource_uid="p2", grafana_folder="Plant"),
        one(rulename="Turbine", datasource_uid="p1"),
        one(rulename="Stock"),
        one(rulename="Turbine"),
    ]

    assert all(a.group_key != b.group_key and a.fingerprint != b.fingerprint for a, b in combinations(alerts, 2))


def test_a_source_that_is_down_is_one_problem() -> None:
    stock = one(alertname="DatasourceError", rulename="Stock", datasource_uid="p1")
    turbine = one(alertname="DatasourceError", rulename="Turbine", datasource_uid="p1")
    elsewhere = one(alertname="DatasourceError", rulename="Stock", datasource_uid="p2")

    assert stock.group_key == turbine.group_key != elsewhere.group_key
    assert stock.fingerprint != turbine.fingerprint


@pytest.mark.parametrize("reason", ["MissingSeries", "Paused", "Updated", "RuleDeleted", "Error, MissingSeries"])
def test_an_end_of_which_nothing_is_known(reason: str) -> None:
    ended = one("resolved", {"summary": "Pumps are off", "grafana_state_reason": reason}, alertname="PumpsOff")

    assert (ended.status, ended.nothing_known) == ("resolved", reason.split(", ")[-1])
    assert f"nothing is known of it any more: {ended.nothing_known}" in ended.message


@pytest.mark.parametrize("reason", [None, "", "NoData", "Error", "KeepLast", 7, ["Paused"], "Repaused"])
def test_other_ends_are_recoveries(reason: Any) -> None:
    assert one("resolved", {"grafana_state_reason": reason}, alertname="PumpsOff").nothing_known is None


def test_a_firing_alert_is_known() -> None:
    assert one("firing", {"grafana_state_reason": "Paused"}, alertname="PumpsOff").nothing_known is None
