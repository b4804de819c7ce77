"""The end of every remediation: whatever the states observe, it ends, and no act is sent twice."""

from collections.abc import Callable
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from firstline.contracts import Cursor, NextMoveOutput, Observed
from firstline.models import (
    PlannedStep,
    RemediationPlan,
    StepKind,
    StepResult,
    Target,
)
from tests.support.depth import tries
from tests.unit.remediation.moves import (
    HOSTS,
    SILENCE,
    VERIFY,
    decide,
    failed,
    plan,
    read,
    step,
)

STATUSES = st.sampled_from(["Success", "Failed", "InProgress", "Undeliverable", "ExecutionTimedOut", "Terminated"])
LOST = [("Ssm.SdkClientException", "reset"), ("States.Timeout", ""), ("Ssm.SsmException", "(Status Code: 503)")]
REFUSALS = [*LOST, ("Ssm.SsmException", "Rate exceeded"), ("Ssm.SsmException", "AccessDenied (Status Code: 400)")]
ON_FAILURE = st.sampled_from(["stop", "continue"])


@st.composite
def plans(draw: st.DrawFn) -> RemediationPlan:
    def steps(prefix: str, kinds: list[StepKind], least: int) -> list[PlannedStep]:
        drawn = draw(st.lists(st.tuples(st.sampled_from(kinds), ON_FAILURE), min_size=least, max_size=4))
        return [step(f"{prefix}-{i}", kind, on_failure=fails) for i, (kind, fails) in enumerate(drawn)]

    hosts = HOSTS[: draw(st.integers(1, 2))]
    return plan(
        targets=[Target(instance_id=host, name=host) for host in hosts],
        steps=steps("do", ["diagnose", "act"], 1),
        rollback=steps("undo", ["rollback"], 0),
        verify=draw(st.sampled_from([None, VERIFY])),
        verify_attempts=draw(st.integers(1, 3)),
        max_errors=draw(st.sampled_from(["0", "100%"])),
    )


class Machine:
    """The state machine around `next_move`, whose states observe what hypothesis draws.

    `taken` are the acts that may have run, `lost` the cursors of acts whose answer was lost.
    """

    def __init__(self, draw: Callable[[st.SearchStrategy[Any]], Any], given: RemediationPlan) -> None:
        self.draw, self.plan = draw, given
        self.cursor, self.reason = Cursor(), "Planned."
        self.results: list[StepResult] = []
        self.taken: list[str] = []
        self.lost: list[tuple[str, int]] = []
        self.moves = 0

    @property
    def step(self) -> PlannedStep:
        queue: Any = {"steps": self.plan.steps, "rollback": self.plan.rollback, "verify": [self.plan.verify]}
        found: PlannedStep = queue[self.cursor.queue][self.cursor.index]
        return found

    def run(self) -> NextMoveOutput:
        """Run until the remediation ends, and return the last move."""
        state = "Read Switch"
        while True:
            decided = decide(
                self.observe(state), self.plan, **self.cursor.model_dump(), results=self.results, reason=self.reason
            )
            self.moves += 1
            assert self.moves < 500, "the remediation does not end"
            self.check(decided)
            self.cursor, self.results, self.reason = decided.cursor, decided.results, decided.reason
            if decided.ended is not None:
                return decided
            state = decided.move

    def check(self, decided: NextMoveOutput) -> None:
        if self.lost and decided.cursor.queue == "steps" and self.lost[-1][0] == "steps":
            assert decided.cursor.index == self.lost[-1][1], "a step followed an act whose answer was lost"
            assert decided.move not in ("Read Switch", "Run Step", "Await Recovery"), decided.move
            assert decided.ended != "verified"

    def observe(self, state: str) -> Observed:
        if state == "Read Switch" and self.draw(st.integers(0, 20)) == 20:
            return Observed(state=state)
        if state in ("Read Switch", "Run Step"):
            refusal = self.draw(st.sampled_from([None, None, *REFUSALS]))
            if refusal and "Rate exceeded" in refusal[1]:
                return failed("Run Step", *refusal)
            if self.step.kind in ("act", "rollback") and (refusal is None or refusal in LOST):
                self.taken.append(self.step.step_id)
            if refusal:
                if refusal in LOST and self.step.kind == "act":
                    self.lost.append((self.cursor.queue, self.cursor.index))
                return failed("Run Step", *refusal)
            state = "Read Step"
        if state == "Read Step":
            return read(*self.draw(st.lists(STATUSES, max_size=len(self.plan.targets))))
        if state == "Await Recovery":
            return self.draw(st.sampled_from([SILENCE, SILENCE, Observed(state=state)]))
        return Observed(state=state)


@settings(max_examples=tries(300))
@given(st.data(), plans())
def test_a_remediation_ends_acts_once_and_never_goes_on_after_a_lost_answer(
    data: st.DataObject, given: RemediationPlan
) -> None:
    machine = Machine(data.draw, given)

    end = machine.run()

    assert len(machine.taken) == len(set(machine.taken)), "a request that may have been taken was sent again"
    acted = [step_id for step_id in machine.taken if step_id.startswith("do-")]
    if acted and end.ended not in ("resolved", "verified"):
        assert end.ended == "page", "a person must be paged if a host was touched and not cured"
    if end.ended == "verified":
        assert acted, "a remediation that did not act cannot be verified"
