"""The contracts of the functions that tell and page people: escalate and notify."""

from typing import Annotated, Literal

from pydantic import Field

from firstline.contracts.choice import DoneSoFar, Observed, WhatNowOutput
from firstline.models import (
    Classification,
    ExecutionInput,
    Lenient,
    Outcome,
    Page,
    RemediationPlan,
    StepResult,
)


class ReasonedInput(ExecutionInput):
    """Input of a state that tells people why they get a message (`reason`), such as `Page On-Call`.

    `happened` is how the last state ended, if that is the reason.
    """

    plan: RemediationPlan | None = None
    results: list[StepResult]
    reason: str
    happened: Observed | None = None


class PageOnCallInput(ReasonedInput, DoneSoFar):
    """Input of the state `Page On-Call`, which pages a person. `classification` is null if classification failed."""

    classification: Classification | None
    notified: bool = False


class PageOnCallOutput(Lenient):
    """Output of the state `Page On-Call`.

    `page` is null if nobody is left to page, or if a person has acknowledged the incident. `next` is the answer that
    `What Now?` would give now; if it is None, the machine asks `What Now?`.
    """

    page: Page | None
    next: WhatNowOutput | None = None


class EndInput(ExecutionInput):
    """Input of a state that ends the incident.

    `joined` is the number of alerts that had joined when the end was decided; if another has joined since, the incident
    stays open. If `ends` is true, the function then raises `StaysOpen`, which the machine catches. Executions of an
    older release leave `ends` out, and read from the output's `closed` that the incident stays open.
    """

    joined: int
    ends: bool = False


class RecordSuppressionInput(EndInput):
    """Input of the state `Record Suppression`, which closes an incident of which nobody is told, and stores why."""

    state: Literal["Record Suppression"]
    classification: Classification


class AnnounceRemediationInput(ExecutionInput):
    """Input of the state `Announce Remediation`, which tells people about a plan before it changes a host."""

    state: Literal["Announce Remediation"]
    plan: RemediationPlan


class NotifyOpsInput(ReasonedInput, DoneSoFar):
    """Input of the state `Notify Ops`, which tells the ops channel and asks for approval if the plan needs one."""

    state: Literal["Notify Ops"]


class AnnounceQuietInput(ExecutionInput):
    """Input of the state `Announce Quiet`: no alert fires any more, and a wait begins before the incident is closed.

    The function raises `StaysOpen` if the record says that an alert fires.
    """

    # Machines of checkouts before 0.1.0 have this state, with a wait of their own behind it. It may go in 0.2.0,
    # together with the value `Announce Quiet` of `Go`.

    state: Literal["Announce Quiet"]


class AwaitQuietInput(ExecutionInput):
    """Input of the state `Await Quiet`: no alert fires any more, and the grouping window begins.

    The function tells people, unless they were told (`announced`), and then begins the state's wait: it stores the
    state's task token. It raises `StaysOpen` if the record says that an alert fires, and `WaitRefused` if something
    happened between its look and that write. The state ends when somebody returns the token, or after its time-out.
    """

    state: Literal["Await Quiet"]
    token: str = Field(repr=False)
    announced: bool = False


class CloseIncidentInput(EndInput, ReasonedInput):
    """Input of the state `Close Incident`.

    `ended_by` says whether the alerts resolved, the verification succeeded, the incident expired, or a person resolved
    it.
    """

    state: Literal["Close Incident"]
    ended_by: Literal["resolved", "verified", "expired", "person"]


type NotifyInput = Annotated[
    RecordSuppressionInput
    | AnnounceRemediationInput
    | NotifyOpsInput
    | AnnounceQuietInput
    | AwaitQuietInput
    | CloseIncidentInput,
    Field(discriminator="state"),
]
"""The input of the notify function; its `state` tells which state of the machine sent it."""


class NotifyOutput(Lenient):
    """Output of every state of the notify function.

    `told` is false when no channel took the message. `closed` is false when the incident stays open because an alert
    joined after its end was decided. `next` is the answer that `What Now?` would give now; if it is None, the machine
    asks `What Now?`.
    """

    told: bool
    outcome: Outcome | None = None
    closed: bool = True
    next: WhatNowOutput | None = None
