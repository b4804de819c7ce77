"""The input and output of each Task state's function: `<State>Input` and `<State>Output`.

The state machine stores each output as an Assign variable and gives a Task only what it needs. Every key is emitted,
nulls included: an undefined field fails a JSONata expression.

An execution outlives a deployment, so a contract is read leniently: an unknown key is ignored, at any depth if the
reader says `extra="ignore"`, and a key that is new in a release has a default until the next one. The messages of each
release are recorded in `tests/events/contracts/<version>`.
"""

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from firstline.models import Classification, Incident, Lenient, Outcome, Page, RemediationPlan, StepResult


class ExecutionInput(Lenient):
    """Input of an execution. Its bytes are the same for the same incident and generation."""

    incident: Incident
    generation: int = Field(default=1, ge=1)


class ErrorOutput(Lenient):
    """An error as Step Functions hands it to a Catch: its name, and its cause where there is one."""

    name: str = Field(alias="Error")
    # A time-out has no cause. Step Functions may leave the key out or say null, and neither may cost a page.
    cause: Annotated[str, BeforeValidator(lambda cause: cause or "")] = Field(default="", alias="Cause")


class Observed(Lenient):
    """The end of a state: a result, which is read according to the state's name, or an error."""

    state: str
    result: Any = None
    error: ErrorOutput | None = None


type RemediationEnd = Literal["resolved", "verified", "human", "page"]
"""The end of a remediation: the alert resolved; the verification holds; a human has to look; one has to be paged,
because a host was changed and not cured."""

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
"""The state that `What Now?` chooses."""


class DoneSoFar(ExecutionInput):
    """The deeds of an execution so far, for the choice of its next state.

    `planned` is true once a plan was asked for, `paged` once this execution sent a page.
    """

    remediation: RemediationEnd | None = None
    planned: bool = False
    paged: bool = False


class WhatNowInput(DoneSoFar):
    """Input of the state `What Now?`. The rest is read from the record.

    `notified` is true once ops were told. `happened` is the end of the last state, if it matters; `rounds` counts how
    often the execution went round.
    """

    state: Literal["What Now?"]
    classification: Classification | None = None
    notified: bool = False
    rounds: int = 0
    happened: Observed | None = None


class AfterSignal(Lenient):
    """The state after a wait that a signal ended, if nothing else happened; the fields are those of `WhatNowOutput`."""

    go: Go | Literal["What Now?"] = "What Now?"
    seconds: int = Field(default=0, ge=0)
    changes: int = 0
    acked: int = 0


class AfterWait(Lenient):
    """The states after a wait by the signal that ended it: `answered` is an acknowledgement that people see already."""

    answered: AfterSignal = AfterSignal()


class WhatNowOutput(Lenient):
    """Output of the state `What Now?`.

    `seconds` is how long the chosen state waits; `changes` what its wait may not miss; `joined` what the decision knew
    of. `plan` is the incident's plan, if it has one; `rank` is the worst rank that a page tells of now. `reason` is the
    text for people if only the record shows it. `remediation` ends the remediation if its plan may not run any more.
    `then` says by its signal what follows a wait; the record is asked after any other. `acked` is the page that must be
    acknowledged for it.
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
    """Input of the states `Classify` and `Classify Again`."""

    notified: bool = False


class ClassifyOutput(Lenient):
    """Output of the states `Classify` and `Classify Again`.

    `next` is what `What Now?` would answer; None sends the machine there.
    """

    classification: Classification
    next: WhatNowOutput | None = None


class PlanRemediationInput(ExecutionInput):
    """Input of the state `Plan Remediation`. `paged`, `notified` and `rounds` are those of `What Now?`."""

    classification: Classification
    paged: bool = False
    notified: bool = False
    rounds: int = 0


class PlanRemediationOutput(Lenient):
    """Output of the state `Plan Remediation`. Without a plan, `reason` says why Firstline does not act.

    `next` is what `What Now?` would answer; None sends the machine there.
    """

    plan: RemediationPlan | None
    reason: str
    next: WhatNowOutput | None = None


class Cursor(Lenient):
    """The progress of a remediation. `touched` is true when a host or a release may have been changed.

    `queue` and `index` name the step in the plan. `polls` counts the reads of its command, `throttles` the refusals of
    its request, `attempt` the verifications. `alarming` is true if CloudWatch's last word was ALARM.
    """

    queue: Literal["steps", "verify", "rollback"] = "steps"
    index: int = Field(default=0, ge=0)
    polls: int = Field(default=0, ge=0)
    throttles: int = Field(default=0, ge=0)
    attempt: int = Field(default=0, ge=0)
    touched: bool = False
    alarming: bool = False


class Origin(Lenient):
    """The sender of an incident's alert, and the account and region that the alert is about."""

    source: str
    account: str | None
    region: str | None


class NextMoveInput(Lenient):
    """Input of the state `Next Move`.

    `observed` is the end of the remediation's last state, `reason` the text for people so far. The fields from
    `incident` to `rounds` are those of `What Now?`; older executions do not send them.
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
"""The next state. `Read Switch` stands for an act, which runs only if it is claimed and while the switch is on.
`What Now?` is the end of the remediation."""


class NextMoveOutput(Lenient):
    """Output of the state `Next Move`.

    The machine first waits for `seconds`, and takes the command to send from its own plan. At the end of the
    remediation `next` is what `What Now?` would answer; None sends the machine there.
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
        """True if a step that changes something is to be sent, and not to undo what was done."""
        return self.move == "Read Switch" and self.cursor.queue == "steps"


class ReasonedInput(ExecutionInput):
    """Input of a state that tells people a reason. `happened` is the end of the last state, if that is the reason."""

    plan: RemediationPlan | None = None
    results: list[StepResult]
    reason: str
    happened: Observed | None = None


class PageOnCallInput(ReasonedInput, DoneSoFar):
    """Input of the state `Page On-Call`. `classification` is null when the classification failed."""

    classification: Classification | None
    notified: bool = False


class PageOnCallOutput(Lenient):
    """Output of the state `Page On-Call`. `page` is null if there is nobody to page any more, or somebody has it.

    `next` is what `What Now?` would answer; None sends the machine there.
    """

    page: Page | None
    next: WhatNowOutput | None = None


class EndInput(ExecutionInput):
    """Input of a state that ends the incident. `joined` is what the decision to end it knew of.

    If `ends`, the execution ends with this state: an incident that stays open is then an error, `StaysOpen`, for the
    machine to catch. Older executions read `closed` of the output instead.
    """

    joined: int
    ends: bool = False


class RecordSuppressionInput(EndInput):
    """Input of the state `Record Suppression`."""

    state: Literal["Record Suppression"]
    classification: Classification


class AnnounceRemediationInput(ExecutionInput):
    """Input of the state `Announce Remediation`, which tells people before a host is touched."""

    state: Literal["Announce Remediation"]
    plan: RemediationPlan


class NotifyOpsInput(ReasonedInput, DoneSoFar):
    """Input of the state `Notify Ops`. A plan that needs an approval goes with it."""

    state: Literal["Notify Ops"]


class AnnounceQuietInput(ExecutionInput):
    """Input of the state `Announce Quiet`: nothing fires any more, and the grouping window begins."""

    state: Literal["Announce Quiet"]


class CloseIncidentInput(EndInput, ReasonedInput):
    """Input of the state `Close Incident`.

    `ended_by`: the alerts resolved, the verification succeeded, the time expired, or a person resolved it.
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

    `told` is false when no channel took the message; `closed` is false when the incident stays open, because an alert
    joined that the decision did not know of. `next` is what `What Now?` would answer after `Notify Ops`; None sends the
    machine there.
    """

    told: bool
    outcome: Outcome | None = None
    closed: bool = True
    next: WhatNowOutput | None = None
