"""A real Alertmanager in front, configured by following the guide."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.e2e.alertmanager import alertmanager
from tests.e2e.running import LocalStack, until

ENDING = ["Await Quiet", "Close Incident"]


@pytest.mark.needs("alertmanager")
def test_alertmanager_delivers_firing_and_resolved_and_the_incident_closes(stack: LocalStack, tmp_path: Path) -> None:
    labels = {
        "alertname": "E2eReplicationLag",
        "instance": "db-9:9187",
        "service": "ledger",
        "severity": "critical",
        "env": "prod",
    }
    began = datetime.now(UTC)
    stepfunctions = stack.client("stepfunctions")

    def opened() -> list[str]:
        running = stepfunctions.list_executions(stateMachineArn=stack.line["state_machine"])["executions"]
        return [execution["name"] for execution in running if execution["name"].startswith("E2eReplicationLag")]

    with alertmanager(tmp_path, stack.line["api"], stack.line["secrets"]["prometheus"]) as sender:
        # Given an alert that Prometheus sends to Alertmanager
        sender.alert(labels, "The replica is 9 minutes behind.", began)

        # Then an incident opens, and somebody is woken.
        (incident,) = until("Alertmanager delivers it", opened)
        stack.wait_for(incident, "acknowledgement")
        page = stack.wait_told(incident, "pagerduty", "trigger")
        assert "The replica is 9 minutes behind." in page["text"]
        assert "E2eReplicationLag" in stack.wait_told(incident, "slack")["text"]

        # When Prometheus says that it is over
        sender.alert(labels, "The replica is 9 minutes behind.", began, ends_at=datetime.now(UTC))

        # Then the incident closes by itself, and everybody who was told hears of it.
        record = stack.wait_closed(incident)

    alert = record.incident.alert
    assert (alert.source, alert.severity, alert.host, alert.service) == ("prometheus", "critical", "db-9", "ledger")
    assert (record.outcome, record.resolved_by, record.alert_count) == ("resolved", None, 1)
    assert record.outcome_reason == "The alert resolved."
    ended = [visit.state for visit in stack.visits(incident) if visit.state in ENDING]
    assert ended == ENDING
    stack.wait_told(incident, "pagerduty", "resolve")
    assert stack.execution(incident)["status"] == "SUCCEEDED"
    assert opened() == [incident]
