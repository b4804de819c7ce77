"""The contract of the state `What Now?`, which chooses the next state, and its parts in other contracts."""

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from firstline.models import Classification, ExecutionInput, Lenient, RemediationPlan


class ErrorOutput(Lenient):
    """An error as Step Functions hands it to a Catch: its name and its cause, which is empty if there is none."""

    name: str = Field(alias="Error")
    # A time-out has no cause. Step Functions may leave the key out or say null, and neither may cost a page.
    cause: Annotated[str, BeforeValidator(lambda cause: cause or "")] = Field(default="", alias="Cause")


class Observed(Lenient):
    """The end of one state of the machine: its result, whose form depends on the state's name, or its error."""

    state: str
    result: Any = None
    error: ErrorOutput | None = None


type RemediationEnd = Literal["resolved", "verified", "human", "page"]
"""The end of a remediation.

`resolved`: the alert resolved. `verified`: the runbook's verification holds. `human`: a person has to look at the
incident. `page`: a person has to be paged, because the runbook changed a host and did not cure it.
"""

type Go = Literal[
    "Classify",
    "Record Suppression",
    "Hold",
    "Plan Remediation",
    "Announce Remediation",
    "Page On-Call",
    "Await Acknowledgement",
    "Notify Ops",
    "Await Resolution",
    "Announce Quiet",
    "Await Quiet",
    "Close Incident",
    "Hand Over",
    "Stop",
]
"""The next state of the machine, as `What Now?` chooses it."""


class DoneSoFar(ExecutionInput):
    """The steps that an execution has taken, which the choice of its next state depends on.

    `remediation` is how its remediation ended, None before that. `planned` is true once the execution asked for a plan,
    `paged` once it sent a page.
    """

    remediation: RemediationEnd | None = None
    planned: bool = False
    paged: bool = False


class WhatNowInput(DoneSoFar):
    """Input of the state `What Now?`, which chooses the next state; the rest that it needs is in the incident's record.

    `notified` is true once the ops channel was told. `happened` is how the last state ended, or None if that does not
    matter. `rounds` counts how often this execution has asked `What Now?`.
    """

    state: Literal["What Now?"]
    classification: Classification | None = None
    notified: bool = False
    rounds: int = 0
    happened: Observed | None = None


class AfterSignal(Lenient):
    """The state (`go`) that follows a wait when a signal, such as an acknowledgement, ends it, and what it needs.

    `seconds` is how long that state waits, and `changes` the number of changes to the group that the choice knew of:
    the state is refused its wait if there are more. `acked` is the number of the page that has to be acknowledged
    before `go` applies. `quiet_seconds` is as in `WhatNowOutput`.
    """

    go: Go | Literal["What Now?"] = "What Now?"
    seconds: int = Field(default=0, ge=0)
    changes: int = 0
    acked: int = 0
    quiet_seconds: int = Field(default=0, ge=0)


class AfterWait(Lenient):
    """The next state after a wait, for each of two signals that may end the wait.

    `answered`: a person acknowledged, and the messages show it already. `ended`: no alert of the incident fires any
    more.
    """

    answered: AfterSignal = AfterSignal()
    ended: AfterSignal = AfterSignal()


class WhatNowOutput(Lenient):
    """Output of the state `What Now?`: the next state, `go`, and what that state needs.

    Attributes
    ----------
    seconds
        How long the next state waits.
    changes
        The group's count of changes at the decision. The wait does not begin if the group has changed since.
    joined
        The number of alerts that had joined the incident at the decision.
    plan
        The incident's plan, or None.
    rank
        The rank, from 0 to 4 (critical), of the worst alert that a page would tell of now.
    reason
        A text for people that only the record holds, or None.
    remediation
        How the remediation ended, if its plan may not run any more.
    then
        The state that follows a wait, by the signal that ends it. After any other signal the machine asks again.
    acked
        The number of the page that has to be acknowledged before `then` applies.
    quiet_seconds
        How long `Await Quiet` waits, also if it follows a later wait: what is left of the grouping window if no alert
        fires, or else the whole window.
    """

    go: Go
    seconds: int = Field(default=0, ge=0)
    changes: int = 0
    acked: int = 0
    then: AfterWait = AfterWait()
    quiet_seconds: int = Field(default=0, ge=0)
    joined: int = 0
    ended_by: Literal["resolved", "verified", "expired", "person"] = "resolved"
    plan: RemediationPlan | None = None
    rank: int = Field(default=4, ge=0, le=4)
    reason: str | None = None
    remediation: RemediationEnd | None = None
