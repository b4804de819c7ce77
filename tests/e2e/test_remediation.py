"""A runbook really runs on a host: by itself where it may, else when somebody says yes."""

import pytest

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
