"""A runbook really runs on a host: by itself where it may, else when somebody says yes."""

import json

import pytest
from typer.testing import CliRunner

from firstline_cli.main import app
from tests.e2e.hosts import LOGS, files, fill_disk, full_disk_alert, used_percent
from tests.e2e.running import LocalStack


@pytest.mark.needs("host")
def test_a_full_disk_is_cleaned_and_the_recovery_verified(stack: LocalStack) -> None:
    fill_disk(stack, "web-1")

    incident = stack.open("prometheus", full_disk_alert("web-1"))

    # A verification that holds gives the alert some time to resolve before anybody is woken.
    stack.wait_for(incident, "resolution")
    stack.send("prometheus", full_disk_alert("web-1", "resolved"))
    record = stack.wait_closed(incident)
    assert record.outcome == "auto_resolved", record.outcome_reason
    assert files(stack, "web-1") == [], "the old logs are really gone"
    assert used_percent(stack, "web-1") < 90
    kinds = [(result.kind, result.status) for result in record.results]
    assert kinds[-1] == ("verify", "Success")
    assert ("act", "Success") in kinds
    deleted = next(result.output for result in record.results if result.kind == "act")
    assert LOGS[0] in deleted
    told = stack.wait_told(incident, "slack", says="verification holds")
    assert told["to"] == "#ops-automated"
    assert stack.messages(incident, "pagerduty", "trigger") == [], "nobody was woken"
    assert any("free-space" in message["text"] for message in stack.messages(incident, "slack"))


@pytest.mark.needs("host")
def test_nothing_runs_before_somebody_who_may_says_yes(asking: LocalStack) -> None:
    fill_disk(asking, "web-1")

    # Given a plan that waits for an approval, and the page that carries it
    incident = asking.open("prometheus", full_disk_alert("web-1"))
    asking.wait_asked(incident)
    assert "[Approve]" in asking.wait_told(incident, "slack", says="Approve")["text"]

    # When somebody presses who is no approver
    asking.press(incident, "approve", user="eve")

    # Then nothing happens.
    assert asking.record(incident).decision is None
    assert files(asking, "web-1") == LOGS

    # When an approver presses
    asking.press(incident, "approve")

    # Then it is done, and whoever approved has the incident.
    record = asking.wait_for(incident, "resolution")
    assert record.acknowledged_by == record.decided_by
    asking.send("prometheus", full_disk_alert("web-1", "resolved"))
    record = asking.wait_closed(incident)
    assert (record.decision, record.outcome) == ("approved", "resolved")
    assert [(result.kind, result.status) for result in record.results][-1] == ("verify", "Success")
    assert len(asking.messages(incident, "pagerduty", "trigger")) == 1
    assert files(asking, "web-1") == []

    # And the trail agrees with Step Functions' history, which no function can write.
    said = CliRunner().invoke(app, ["audit", incident, "--verify", "--stack", json.dumps(asking.line)])
    assert "The trail agrees with" in said.output, said.output


@pytest.mark.needs("host")
def test_a_refusal_brings_a_human_and_touches_nothing(asking: LocalStack) -> None:
    fill_disk(asking, "web-2")
    incident = asking.open("prometheus", full_disk_alert("web-2"))
    asking.wait_asked(incident)

    asking.press(incident, "refuse", user="eve")

    asking.wait(incident, "is refused", lambda record: record.decision == "refused")
    asking.wait_for(incident, "acknowledgement")
    assert files(asking, "web-2") == LOGS
    assert "Run Step" not in [visit.state for visit in asking.visits(incident)]
    asking.press(incident, "resolve")
    assert asking.wait_closed(incident).outcome == "resolved"


def test_a_release_is_put_back_once_somebody_says_yes(stack: LocalStack) -> None:
    """The shop was released half an hour before this machine's stack began."""
    labels = {"codedeploy_application": "shop", "codedeploy_deployment_group": "production"}
    alert = {
        "alert_name": "HighRequestErrorRate",
        "severity": "high",
        "service": "e2e-shop",
        "message": "12 % of the requests fail.",
        "labels": labels,
    }
    incident = stack.open("generic", alert)
    record = stack.wait_asked(incident)
    assert record.plan is not None
    assert record.plan.runbook_id == "release-rollback"
    asked = stack.wait_told(incident, "slack", says="Approve")["text"]
    assert "from s3://releases/shop.zip (42) back to s3://releases/shop.zip (41)" in asked

    stack.press(incident, "approve")
    stack.wait_for(incident, "recovery")
    stack.send("generic", alert | {"status": "resolved"})

    record = stack.wait_closed(incident)
    assert record.outcome == "resolved", record.outcome_reason
    assert [(result.instance_id, result.status) for result in record.results] == [("shop/production", "Success")]
    assert len(stack.messages(incident, "pagerduty", "trigger")) == 1, "whoever approved has acknowledged"
