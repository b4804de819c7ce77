"""The progress of a remediation: its plan, the position in it, and its results so far."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Self

from firstline.contracts import Cursor, Move, NextMoveOutput, RemediationEnd
from firstline.models import AnyPlannedStep, PlannedRelease, RemediationPlan, StepResult

LONGEST_WAIT = 30
"""The longest time between two reads of a command, in seconds; an act to several waves of hosts has it per wave."""


@dataclass(frozen=True)
class Progress:
    """The progress of a remediation, from which its next move (the state that the machine enters next) is chosen.

    Each method returns a changed copy, or the next move. `reason` tells people in words why the remediation is where it
    is, for example which step failed.
    """

    plan: RemediationPlan
    cursor: Cursor
    results: tuple[StepResult, ...]
    reason: str

    @property
    def queue(self) -> Sequence[AnyPlannedStep]:
        if self.cursor.queue == "verify":
            return [self.plan.verify] if self.plan.verify else []
        return self.plan.steps if self.cursor.queue == "steps" else self.plan.rollback

    @property
    def step(self) -> AnyPlannedStep:
        return self.queue[self.cursor.index]

    @property
    def following(self) -> AnyPlannedStep | None:
        return self.queue[self.cursor.index + 1] if self.cursor.index + 1 < len(self.queue) else None

    @property
    def place(self) -> str:
        if isinstance(self.step, PlannedRelease):
            return self.step.place
        return ", ".join(target.instance_id for target in self.plan.targets)

    @property
    def places(self) -> int:
        return 1 if isinstance(self.step, PlannedRelease) else len(self.plan.targets)

    @property
    def longest_wait(self) -> int:
        """The longest time between two reads of the step's command, in seconds; longer for an act in several waves."""
        return LONGEST_WAIT * (self.plan.waves if self.step.kind == "act" else 1)

    def with_cursor(self, **cursor: Any) -> Self:
        return replace(self, cursor=self.cursor.model_copy(update=cursor))

    def touch(self, touched: bool) -> Self:
        return self.with_cursor(touched=self.cursor.touched or touched)

    def alarming(self, alarming: bool) -> Self:
        return self.with_cursor(alarming=alarming)

    def because(self, reason: str) -> Self:
        return replace(self, reason=reason)

    def keep(self, rows: Sequence[StepResult]) -> Self:
        return replace(self, results=(*self.results, *rows))

    def forget_verifications(self) -> Self:
        """Drop the results of earlier verifications while verifying, so that only those of the newest one are kept."""
        kept = tuple(row for row in self.results if self.cursor.queue != "verify" or row.kind != "verify")
        return replace(self, results=kept)

    def row(
        self,
        status: str,
        output: str = "",
        *,
        place: str | None = None,
        command_id: str = "none",
        changed: bool = False,
    ) -> StepResult:
        return StepResult(
            step_id=self.step.step_id,
            kind=self.step.kind,
            instance_id=self.place if place is None else place,
            command_id=command_id,
            status=status,
            output=output,
            changed=changed and self.step.kind != "diagnose",
        )

    def move(self, move: Move, seconds: int = 0) -> NextMoveOutput:
        return NextMoveOutput(
            move=move, seconds=seconds, cursor=self.cursor, results=list(self.results), reason=self.reason
        )

    def send(self, *, through_the_switch: bool, seconds: int = 0) -> NextMoveOutput:
        return self.move("Read Switch" if through_the_switch else "Run Step", seconds)

    def end(self, ended: RemediationEnd, reason: str) -> NextMoveOutput:
        """Return the move that ends the remediation, with the reason for people.

        The move leads to the state `What Now?`, which chooses by `ended` how the incident goes on.
        """
        return self.because(reason).move("What Now?").model_copy(update={"ended": ended})

    def human(self, reason: str) -> NextMoveOutput:
        """Return the move that ends the remediation because a human has to go on, with the reason for people.

        If the remediation may have changed something on a host, the human is paged; otherwise people are told as the
        incident's severity asks.
        """
        return self.end("page" if self.cursor.touched else "human", reason)
