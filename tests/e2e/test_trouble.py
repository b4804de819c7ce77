"""Parts of Firstline break in the middle of an incident; the incident goes on."""

import os
import signal

import pytest
from botocore.exceptions import ClientError

from tests.e2e.running import LocalStack, until

MET = {
    "classify": "Classify",
    "remediate": "Plan Remediation",
    "escalate": "Page On-Call",
    "notify": "Close Incident",
}
"""The functions that an incident without a runbook meets, and the states in which it meets them."""


def test_an_incident_survives_that_every_function_is_killed_at_work(stack: LocalStack) -> None:
    # Given functions that get no further with whatever they are asked next
    for function in MET:
        for pid in stack.processes(function):
            os.kill(pid, signal.SIGSTOP)
    incident = stack.open("generic", {"alert_name": "E2eKilled", "severity": "critical", "service": "ledger"})

    # When each one's process is killed while it works on the incident
    def kill_at_work(function: str) -> None:
        state = MET[function]
        until(f"{incident} enters {state}", lambda: state in [visit.state for visit in stack.visits(incident)])
        for pid in until(f"{function} runs", lambda: stack.processes(function)):
            os.kill(pid, signal.SIGKILL)

    kill_at_work("classify")
    kill_at_work("remediate")
    kill_at_work("escalate")

    # Then somebody is paged all the same,
    stack.wait_told(incident, "pagerduty", "trigger")
    stack.wait_for(incident, "acknowledgement")
    stack.press(incident, "resolve")
    kill_at_work("notify")

    # and the incident is closed.
    record = stack.wait_closed(incident)
    assert (record.outcome, record.classification is not None) == ("resolved", True)
    assert stack.execution(incident)["status"] == "SUCCEEDED"
    killed = [_error(event) for event in stack.events(incident) if _error(event)]
    assert killed.count("Runtime.ExitError") >= len(MET), killed


def test_what_could_not_be_started_is_started_by_the_audit(asking: LocalStack) -> None:
    alert = {"alert_name": "E2ePending", "severity": "low", "service": "ledger"}
    with asking.failing("AWSStepFunctions.StartExecution"):
        # The sender is not to blame and need not send again: the incident is written down.
        incident = asking.open("generic", alert)
        assert asking.record(incident).status == "PENDING"
        with pytest.raises(ClientError, match="Execution"):
            asking.execution(incident)

    asking.wait_for(incident, "resolution")
    assert asking.record(incident).status == "STARTED"
    asking.press(incident, "resolve")
    asking.wait_closed(incident)


def _error(event: dict[str, object]) -> str:
    details = event.get("taskFailedEventDetails") or event.get("lambdaFunctionFailedEventDetails")
    return str(details.get("error", "")) if isinstance(details, dict) else ""
