"""Examples of the contracts of the state machine's functions: a full input and a full output of each state.

`python -m tests.support.contract_examples` writes them to tests/events/contracts/<version>. Nobody changes the folder
of a version that was released, because executions of that release still say what it holds: raise the version before
you change a contract.
"""

import json
from pathlib import Path

from pydantic import BaseModel

from firstline import __version__, contracts
from firstline.contracts import Cursor, ErrorOutput, Observed, Origin
from firstline.models import Location
from tests.support.builders import (
    NOW,
    a_classification,
    a_page,
    a_plan,
    a_release_plan,
    a_result,
    an_alert,
    an_incident,
)

FOLDER = Path(__file__).parents[1] / "events" / "contracts"
RELEASES = sorted(folder.name for folder in FOLDER.iterdir() if folder.is_dir())

LOCATION = Location(
    hosts=["web-1", "10.0.3.17"], accounts=["123456789012"], regions=["eu-west-1"], networks=["vpc-1"], pod="shop-7f9"
)
INCIDENT = an_incident(an_alert(location=LOCATION).without_raw(), locations=[LOCATION])
VERDICT = a_classification(route="platform-team")
PLAN = a_plan(decision="approve")
TIMED_OUT = Observed(state="Await Resolution", error=ErrorOutput(Error="States.Timeout", Cause=""))
FAILED = Observed(state="Next Move", error=ErrorOutput(Error="Lambda.Unknown", Cause="It was killed."))
RUNNING = {"InstanceId": "i-0123456789abcdef0", "Status": "InProgress", "StatusDetails": "InProgress", "Output": ""}
READ = Observed(state="Read Step", result={"command_id": "c-1", "overdue": True, "invocations": [RUNNING]})
THEN = contracts.AfterWait(
    answered=contracts.AfterSignal(go="Await Resolution", seconds=60, changes=4, acked=1, quiet_seconds=300),
    ended=contracts.AfterSignal(go="Announce Quiet", quiet_seconds=300),
)
FOLLOWING = contracts.WhatNowOutput(
    go="Await Acknowledgement", changes=3, joined=2, rank=3, then=THEN, quiet_seconds=300
)

EXAMPLES: dict[str, tuple[BaseModel, BaseModel]] = {
    "Classify": (
        contracts.ClassifyInput(
            incident=INCIDENT, generation=2, remediation="human", planned=True, paged=True, notified=True
        ),
        contracts.ClassifyOutput(classification=VERDICT, next=FOLLOWING),
    ),
    "What Now?": (
        contracts.WhatNowInput(
            state="What Now?",
            incident=INCIDENT,
            generation=2,
            classification=VERDICT,
            remediation="human",
            planned=True,
            paged=True,
            notified=True,
            rounds=7,
            happened=TIMED_OUT,
        ),
        contracts.WhatNowOutput(
            go="Notify Ops", seconds=1, changes=3, joined=2, ended_by="person", plan=PLAN, rank=3, reason="It ran."
        ),
    ),
    "Record Suppression": (
        contracts.RecordSuppressionInput(
            state="Record Suppression", incident=INCIDENT, generation=2, classification=VERDICT, joined=2, ends=True
        ),
        contracts.NotifyOutput(told=False, outcome="suppressed", closed=True),
    ),
    "Plan Remediation": (
        contracts.PlanRemediationInput(
            incident=INCIDENT, generation=2, classification=VERDICT, paged=True, notified=True, rounds=7
        ),
        contracts.PlanRemediationOutput(plan=a_release_plan(), reason="It may run.", next=FOLLOWING),
    ),
    "Announce Remediation": (
        contracts.AnnounceRemediationInput(state="Announce Remediation", incident=INCIDENT, generation=2, plan=PLAN),
        contracts.NotifyOutput(told=True),
    ),
    "Next Move": (
        contracts.NextMoveInput(
            state="Next Move",
            incident_id=INCIDENT.incident_id,
            origin=Origin(source="cloudwatch", account="123456789012", region="eu-central-1"),
            incident=INCIDENT,
            generation=2,
            classification=VERDICT,
            paged=True,
            rounds=7,
            plan=PLAN,
            cursor=Cursor(queue="steps", index=0, polls=3, throttles=1, attempt=1, touched=True),
            observed=READ,
            results=[a_result(at=NOW)],
            reason="It may run.",
        ),
        contracts.NextMoveOutput(
            move="What Now?",
            seconds=4,
            cursor=Cursor(queue="rollback", index=0, polls=3, throttles=1, attempt=1, touched=True),
            results=[a_result(at=NOW)],
            reason="It ran.",
            ended="page",
            next=FOLLOWING,
        ),
    ),
    "Page On-Call": (
        contracts.PageOnCallInput(
            incident=INCIDENT,
            generation=2,
            classification=VERDICT,
            plan=PLAN,
            results=[a_result(at=NOW)],
            reason="It ran.",
            happened=FAILED,
            remediation="page",
            planned=True,
            paged=True,
            notified=True,
        ),
        contracts.PageOnCallOutput(page=a_page(seq=2, level=1, round=1, at=NOW), next=FOLLOWING),
    ),
    "Notify Ops": (
        contracts.NotifyOpsInput(
            state="Notify Ops",
            incident=INCIDENT,
            generation=2,
            plan=PLAN,
            results=[a_result(at=NOW)],
            reason="It ran.",
            happened=TIMED_OUT,
            planned=True,
            paged=True,
        ),
        contracts.NotifyOutput(told=True, next=FOLLOWING),
    ),
    "Announce Quiet": (
        contracts.AnnounceQuietInput(state="Announce Quiet", incident=INCIDENT, generation=2),
        contracts.NotifyOutput(told=True),
    ),
    "Await Quiet": (
        contracts.AwaitQuietInput(
            state="Await Quiet", incident=INCIDENT, generation=2, token="AQC8AAAAKgAAAAMAAAAAAAAAAQ", announced=True
        ),
        contracts.NotifyOutput(told=True),
    ),
    "Close Incident": (
        contracts.CloseIncidentInput(
            state="Close Incident",
            incident=INCIDENT,
            generation=2,
            plan=PLAN,
            results=[a_result(at=NOW)],
            reason="It ran.",
            happened=TIMED_OUT,
            ended_by="verified",
            joined=2,
            ends=True,
        ),
        contracts.NotifyOutput(told=True, outcome="auto_resolved", closed=False),
    ),
}


def path_of(state: str, release: str = __version__) -> Path:
    """Return the path of a state's examples in a release."""
    return FOLDER / release / f"{state.lower().replace(' ', '-').rstrip('?')}.json"


def record() -> None:
    """Write the examples of this release."""
    (FOLDER / __version__).mkdir(parents=True, exist_ok=True)
    for state, (asked, answered) in EXAMPLES.items():
        both = {
            "state": state,
            "input": asked.model_dump(mode="json", by_alias=True),
            "output": answered.model_dump(mode="json", by_alias=True),
        }
        path_of(state).write_text(json.dumps(both, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    record()
