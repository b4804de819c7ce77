"""Parts of Firstline break in the middle of an incident; the incident goes on."""

import os
import signal
from contextlib import suppress

from botocore.exceptions import ClientError

from tests.e2e.running import LocalStack, until

MET = {
    "classify": "Classify",
    "escalate": "Page On-Call",
    "remediate": "What Now?",
    "notify": "Close Incident",
}
"""The functions that an incident without a runbook meets, and the states in which it first meets them."""


def test_an_incident_survives_that_every_function_is_killed_at_work(stack: LocalStack) -> None:
    # Given functions that get no further with whatever they are asked next
    for function in MET:
        _signal(stack, function, signal.SIGSTOP)
    incident = stack.open("generic", {"alert_name": "E2eKilled", "severity": "critical", "service": "ledger"})

    # When each one's process is killed while it works on the incident
    def kill_at_work(function: str) -> None:
        def entered() -> bool:
            # Another test's incident may have met the process that was stopped: the next one is stopped as well.
            _signal(stack, function, signal.SIGSTOP)
            return MET[function] in [visit.state for visit in stack.visits(incident)]

        # At once, or it runs out of its time first.
        until(f"{incident} enters {MET[function]}", entered, every=0.05)
        until(f"{function} is killed", lambda: _signal(stack, function, signal.SIGKILL), every=0.05)

    kill_at_work("classify")
    kill_at_work("escalate")

    # Then somebody is paged all the same,
    stack.wait_told(incident, "pagerduty", "trigger")
    stack.wait_for(incident, "acknowledgement")
    for function in ("remediate", "notify"):
        _signal(stack, function, signal.SIGSTOP)
    stack.press(incident, "resolve")
    kill_at_work("remediate")
    kill_at_work("notify")

    # and the incident is closed.
    record = stack.wait_closed(incident)
    assert (record.outcome, record.classification is not None) == ("resolved", True)
    assert stack.execution(incident)["status"] == "SUCCEEDED"
    killed = [_error(event) for event in stack.events(incident) if _error(event)]
    assert killed.count("Runtime.ExitError") >= len(MET), killed


def test_an_execution_that_somebody_stops_is_succeeded_at_once(stack: LocalStack) -> None:
    # Given an incident that somebody was paged for
    incident = stack.open("generic", {"alert_name": "E2eStopped", "severity": "critical", "service": "ledger"})
    stack.wait_for(incident, "acknowledgement")

    # When somebody stops its execution in the console
    stack.client("stepfunctions").stop_execution(executionArn=stack.execution(incident)["executionArn"])

    # Then the next one goes on where it was, without another page.
    successor = f"{incident}-2"

    def entered() -> list[str]:
        try:
            return [visit.state for visit in stack.visits(successor)]
        except ClientError:
            return []  # not begun yet

    until("the successor waits", lambda: "Await Acknowledgement" in entered())
    record = stack.record(incident)
    assert record.live is not None
    assert (record.status, record.live.generation, len(record.pages)) == ("OPEN", 2, 1)
    assert stack.execution(incident)["status"] == "ABORTED"
    until("operators are told", lambda: [told for told in stack.news() if f"({incident}): open, its" in told])
    stack.press(incident, "acknowledge")
    stack.wait_for(incident, "resolution")
    stack.press(incident, "resolve")
    stack.wait_closed(incident)
    until("the successor ends", lambda: stack.execution(successor)["status"] == "SUCCEEDED")
    assert len(stack.messages(incident, "pagerduty", "trigger")) == 1


def _signal(stack: LocalStack, function: str, number: signal.Signals) -> int:
    """Send a signal to each process of a function, and return how many there were."""
    reached = 0
    for pid in stack.processes(function):
        with suppress(ProcessLookupError):
            os.kill(pid, number)
            reached += 1
    return reached


def _error(event: dict[str, object]) -> str:
    details = event.get("taskFailedEventDetails") or event.get("lambdaFunctionFailedEventDetails")
    return str(details.get("error", "")) if isinstance(details, dict) else ""
