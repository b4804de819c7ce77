"""The input and the output of the function behind each Task state: `<State>Input` and `<State>Output`.

The state machine stores each output in variables and gives a Task only the variables that it needs. Every key is
written, even if its value is null, because a JSONata expression fails on a missing field.

An execution may outlive a deployment, so a new function reads old messages and the reverse: unknown keys are ignored
(at any depth with `extra="ignore"`), and a new key keeps its default for one release. The messages of each release are
recorded in `tests/events/contracts/<version>`.
"""

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from firstline.models import (
    Classification,
    ExecutionInput,
    Incident,
    Lenient,
    Outcome,
    Page,
    RemediationPlan,
    StepResult,
)


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
    before `go` applies.
    """

    go: Go | Literal["What Now?"] = "What Now?"
    seconds: int = Field(default=0, ge=0)
    changes: int = 0
    acked: int = 0


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
    """

    go: Go
    seconds: int = Field(default=0, ge=0)
    changes: int = 0
    acked: int = 0
    then: AfterWait = AfterWait()
    joined: int = 0
    ended_by: Literal["resolved", "verified", "expired", "person"] = "resolved"
    plan: RemediationPlan | None = None
    rank: int = Field(default=4, ge=0, le=4)
    reason: str | None = None
    remediation: RemediationEnd | None = None


class ClassifyInput(DoneSoFar):
    """Input of the states `Classify` and `Classify Again`, which judge how bad the incident is."""

    notified: bool = False


class ClassifyOutput(Lenient):
    """Output of the states `Classify` and `Classify Again`: how bad the incident is, and why.

    `next` is the answer that `What Now?` would give now; if it is None, the machine asks `What Now?`.
    """

    classification: Classification
    next: WhatNowOutput | None = None


class PlanRemediationInput(ExecutionInput):
    """Input of the state `Plan Remediation`, which plans the runbook that the verdict chose.

    `paged` is true once the execution sent a page, `notified` once the ops channel was told. `rounds` counts how often
    the execution has asked `What Now?`.
    """

    classification: Classification
    paged: bool = False
    notified: bool = False
    rounds: int = 0


class PlanRemediationOutput(Lenient):
    """Output of the state `Plan Remediation`. Without a plan, `reason` says why Firstline does not act.

    `next` is the answer that `What Now?` would give now; if it is None, the machine asks `What Now?`.
    """

    plan: RemediationPlan | None
    reason: str
    next: WhatNowOutput | None = None


class Cursor(Lenient):
    """The progress of a remediation. `touched` is true when a host or a release may have been changed.

    `queue` and `index` name the current step of the plan. `polls` counts how often the step's command was read,
    `throttles` how often AWS refused the request for it, `attempt` how often the plan was verified. `alarming` is true
    if the alarm was in ALARM when CloudWatch was last asked.
    """

    queue: Literal["steps", "verify", "rollback"] = "steps"
    index: int = Field(default=0, ge=0)
    polls: int = Field(default=0, ge=0)
    throttles: int = Field(default=0, ge=0)
    attempt: int = Field(default=0, ge=0)
    touched: bool = False
    alarming: bool = False


class Origin(Lenient):
    """The source that sent an incident's alert, and the AWS account and region that the alert is about."""

    source: str
    account: str | None
    region: str | None


class NextMoveInput(Lenient):
    """Input of the state `Next Move`, which chooses what a remediation does next.

    `observed` is how the remediation's last state ended, `reason` the text for people so far. The fields `incident`,
    `generation`, `classification`, `paged` and `rounds` serve to answer `What Now?` at the end of the remediation;
    executions of an older release do not send them.
    """

    state: Literal["Next Move"]
    incident_id: str
    origin: Origin
    incident: Incident | None = None
    generation: int = Field(default=1, ge=1)
    classification: Classification | None = None
    paged: bool = False
    rounds: int = 0
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
    "What Now?",
]
"""The next state of a remediation.

`Read Switch` leads to a step that changes something: the machine reads the switch for remediation and claims the step
before it sends the command. `What Now?` ends the remediation.
"""


class NextMoveOutput(Lenient):
    """Output of the state `Next Move`: the next state of a remediation (`move`), and how it ended, if it did.

    The machine waits for `seconds` before it enters that state. It takes the command to send from the plan that it
    holds, never from this output.

    At the end of the remediation `next` is the answer that `What Now?` would give now; None if the machine has to ask.
    """

    move: Move
    seconds: int = Field(default=0, ge=0)
    cursor: Cursor
    results: list[StepResult]
    reason: str
    ended: RemediationEnd | None = None
    next: WhatNowOutput | None = None

    @property
    def acts(self) -> bool:
        """True if the next move sends a step that changes something, other than a rollback."""
        return self.move == "Read Switch" and self.cursor.queue == "steps"


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

    state: Literal["Announce Quiet"]


class CloseIncidentInput(EndInput, ReasonedInput):
    """Input of the state `Close Incident`.

    `ended_by` says whether the alerts resolved, the verification succeeded, the incident expired, or a person resolved
    it.
    """

    state: Literal["Close Incident"]
    ended_by: Literal["resolved", "verified", "expired", "person"]


type NotifyInput = Annotated[
    RecordSuppressionInput | AnnounceRemediationInput | NotifyOpsInput | AnnounceQuietInput | CloseIncidentInput,
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
