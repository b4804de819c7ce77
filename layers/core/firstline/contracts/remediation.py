"""The contracts of the function remediate, without those of `What Now?`."""

from typing import Literal

from pydantic import Field

from firstline.contracts.choice import Observed, RemediationEnd, WhatNowOutput
from firstline.models import Classification, ExecutionInput, Incident, Lenient, RemediationPlan, StepResult


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

    `queue` names a part of the plan (steps, verification or rollback), and `index`, from 0 on, the current step of it.
    `polls` counts how often the step's command was read, `throttles` how often AWS refused the request for it,
    `attempt` how often the plan was verified. `alarming` is true if the alarm was in ALARM when CloudWatch was last
    asked.
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
