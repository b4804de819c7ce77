"""Local senders: Firstline's own authentication accepts what they send, and only with the right secret."""

import json
from typing import Any

import pytest

from firstline.errors import Unauthenticated
from firstline.sources import SOURCES, authenticate, normalize
from local.demo import alerts, senders

PAYLOADS: dict[str, dict[str, Any]] = {
    "prometheus": alerts.alertmanager(alerts.prometheus_alert({"alertname": "Down", "instance": "web-1:9100"}, "x")),
    "grafana": alerts.grafana_test(),
    "cloudwatch": alerts.cloudwatch("cpu-CRITICAL", region="eu-west-1", description="", reason="high"),
    "datadog": alerts.datadog(
        "Queue", "Warn", monitor_id="1", priority="P3", host="w", tags="env:prod", text="x", cycle="1"
    ),
    "pagerduty": alerts.pagerduty("Q1", "incident.triggered", title="Lag", service="ledger"),
}


@pytest.mark.parametrize("source", SOURCES)
def test_each_source_takes_the_proof_of_the_right_secret_only(source: str) -> None:
    body = json.dumps(PAYLOADS.get(source, {})).encode()
    headers = senders.proof(source, body, "right")

    authenticate(source, headers=headers, body=body, secrets=["right"])
    with pytest.raises(Unauthenticated):
        authenticate(source, headers=headers, body=body, secrets=["wrong"])


@pytest.mark.parametrize("source", PAYLOADS)
def test_each_made_up_alert_is_read_as_one_firing_alert(source: str) -> None:
    (alert,) = normalize(source, PAYLOADS[source])
    assert alert.status == "firing"
    assert alert.source == source


@pytest.mark.parametrize(
    ("source", "firing", "resolved"),
    [
        (
            "prometheus",
            alerts.alertmanager(alerts.prometheus_alert({"alertname": "Down"}, "x", status="firing")),
            alerts.alertmanager(alerts.prometheus_alert({"alertname": "Down"}, "x", status="resolved")),
        ),
        (
            "cloudwatch",
            alerts.cloudwatch("a", region="eu-west-1", description="", reason="", state="ALARM"),
            alerts.cloudwatch("a", region="eu-west-1", description="", reason="", state="OK"),
        ),
        (
            "pagerduty",
            alerts.pagerduty("Q1", "incident.triggered", title="Lag", service="ledger"),
            alerts.pagerduty("Q1", "incident.resolved", title="Lag", service="ledger"),
        ),
    ],
    ids=["prometheus", "cloudwatch", "pagerduty"],
)
def test_a_firing_and_its_resolved_have_the_same_identity(source: str, firing: Any, resolved: Any) -> None:
    (first,) = normalize(source, firing)
    (last,) = normalize(source, resolved)

    assert (first.status, last.status) == ("firing", "resolved")
    assert (first.fingerprint, first.group_key) == (last.fingerprint, last.group_key)
