"""A stack that asks people: nothing runs without a yes, and its reconcile starts what could not be started."""

import json

import pytest
from botocore.exceptions import ClientError
from typer.testing import CliRunner

from firstline.models import IncidentRecord
from firstline_cli.main import app
from tests.e2e.hosts import LOGS, files, fill_disk, full_disk_alert
from tests.e2e.running import LocalStack


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


def test_what_could_not_be_started_is_started_by_the_audit(asking: LocalStack) -> None:
    alert = {"alert_name": "E2ePending", "severity": "low", "service": "ledger"}
    with asking.failing("AWSStepFunctions.StartExecution"):
        # The sender is not to blame and need not send again: the incident is written down.
        incident = asking.open("generic", alert)
        assert _started(asking.record(incident)) == 0
        with pytest.raises(ClientError, match="Execution"):
            asking.execution(incident)

    # Reconcile gives whoever opened it half a minute, and comes back a minute later.
    asking.wait(incident, "has begun", lambda record: _started(record) == 1, seconds=120)
    asking.wait_for(incident, "resolution")
    asking.press(incident, "resolve")
    asking.wait_closed(incident)


def _started(record: IncidentRecord) -> int | None:
    """Return the newest generation of the incident whose execution has begun."""
    return record.live.started if record.live is not None else None
