"""The input and output of each Task state's function: `<State>Input` and `<State>Output`.

The state machine stores each output as an Assign variable and gives a Task only what it needs. Every key is emitted,
nulls included: an undefined field fails a JSONata expression.
"""

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from firstline.models import Classification, Frozen, Incident, Outcome, Page, RemediationPlan, StepResult


class ClassifyInput(Frozen):
    """Input of the state `Classify`."""

    incident: Incident


class ClassifyOutput(Frozen):
    """Output of the state `Classify`."""

    classification: Classification


class PlanRemediationInput(Frozen):
    """Input of the state `Plan Remediation`."""

    incident: Incident
    classification: Classification


class PlanRemediationOutput(Frozen):
    """Output of the state `Plan Remediation`. Without a plan, `reason` says why Firstline does not act."""

    plan: RemediationPlan | None
    reason: str


class ErrorOutput(Frozen):
    """An error as Step Functions hands it to a Catch: its name, and its cause where there is one."""

    name: str = Field(alias="Error")
    # A time-out has no cause. Step Functions may leave the key out or say null, and neither may cost a page.
    cause: Annotated[str, BeforeValidator(lambda cause: cause or "")] = Field(default="", alias="Cause")


class Observed(Frozen):
    """The end of a state: a result, which is read according to the state's name, or an error."""

    state: str
    result: Any = None
    error: ErrorOutput | None = None


class Cursor(Frozen):
    """The progress of a remediation. `touched` is true when a host or a release may have been changed.

    `queue` and `index` name the step in the plan. `polls` counts the reads of its command, `throttles` the refusals of
    its request, `attempt` the verifications.
    """

    queue: Literal["steps", "verify", "rollback"] = "steps"
    index: int = Field(default=0, ge=0)
    polls: int = Field(default=0, ge=0)
    throttles: int = Field(default=0, ge=0)
    attempt: int = Field(default=0, ge=0)
    touched: bool = False


class Origin(Frozen):
    """The sender of an incident's alert, and the account and region that the alert is about."""

    source: str
    account: str | None
    region: str | None


class NextMoveInput(Frozen):
    """Input of the state `Next Move`.

    `observed` is the end of the remediation's last state, `reason` the text for people so far.
    """

    state: Literal["Next Move"]
    incident_id: str
    origin: Origin
    plan: RemediationPlan
    cursor: Cursor
    observed: Observed
    results: list[StepResult]
    reason: str


type Move = Literal[
    "Read Switch",
    "Run Step",
    "Read Step",
    "Cancel Step",
    "Await Recovery",
    "Ask CloudWatch",
    "Close Incident",
    "Page On-Call",
    "Needs A Human?",
]
"""The next state. `Read Switch` stands for an act, which runs only while the switch is on."""


class NextMoveOutput(Frozen):
    """Output of the state `Next Move`.

    The machine first waits for `seconds`, and takes the command to send from its own plan.
    """

    move: Move
    seconds: int = Field(default=0, ge=0)
    cursor: Cursor
    results: list[StepResult]
    reason: str
    ended_by: Literal["resolved", "verified"] = "resolved"


class ReasonedInput(Frozen):
    """Input of a state that tells people a reason. `happened` is the end of the last state, if that is the reason."""

    incident: Incident
    plan: RemediationPlan | None = None
    results: list[StepResult]
    reason: str
    happened: Observed | None = None


class PageOnCallInput(ReasonedInput):
    """Input of the state `Page On-Call`. `classification` is null when the classification failed."""

    classification: Classification | None
    level: int = Field(ge=0)


class PageOnCallOutput(Frozen):
    """Output of the state `Page On-Call`."""

    page: Page


class RecordSuppressionInput(Frozen):
    """Input of the state `Record Suppression`."""

    state: Literal["Record Suppression"]
    incident: Incident
    classification: Classification


class AnnounceRemediationInput(Frozen):
    """Input of the state `Announce Remediation`, which tells people before a host is touched."""

    state: Literal["Announce Remediation"]
    incident: Incident
    plan: RemediationPlan


class RequestApprovalInput(Frozen):
    """Input of the state `Request Approval`, which shows the plan to the people who may approve it."""

    state: Literal["Request Approval"]
    incident: Incident
    plan: RemediationPlan


class NotifyOpsInput(ReasonedInput):
    """Input of the state `Notify Ops`."""

    state: Literal["Notify Ops"]


class CloseIncidentInput(ReasonedInput):
    """Input of the state `Close Incident`.

    `ended_by`: the alert resolved, the verification succeeded, or the time expired.
    """

    state: Literal["Close Incident"]
    ended_by: Literal["resolved", "verified", "expired"]


class NotifyOutput(Frozen):
    """Output of every state of the notify function. `told` is false when no channel is configured."""

    told: bool
    outcome: Outcome | None
    resolve_within_seconds: int = Field(ge=1)
