"""Builders for tests of `next_move`: a plan with three steps, observations of states, and the move that follows."""

from datetime import UTC, datetime
from typing import Any

from firstline.contracts import Cursor, ErrorOutput, NextMoveInput, NextMoveOutput, Observed, Origin
from firstline.models import (
    PlanLimits,
    PlannedRelease,
    PlannedStep,
    Released,
    RemediationPlan,
    StepKind,
    StepResult,
    Target,
)
from firstline.remediation.next_move import next_move
from firstline.remediation.targets import OwnAccount

HERE = OwnAccount("123456789012", "eu-central-1")
NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)
HOSTS = ["i-00000001", "i-00000002"]


def step(step_id: str, kind: StepKind, **changes: Any) -> PlannedStep:
    fields: dict[str, Any] = {
        "step_id": step_id,
        "kind": kind,
        "document": f"ops_runbook-{step_id}",
        "document_version": "1",
        "document_hash": "0" * 64,
        "parameters": {},
        "timeout_seconds": 60,
    }
    return PlannedStep(**(fields | changes))


LOOK, DRAIN, RESTART = step("look", "diagnose"), step("drain", "act"), step("restart", "act")
VERIFY, REFILL, START = step("verify", "verify"), step("refill", "rollback"), step("start", "rollback")
RELEASE = PlannedRelease(
    step_id="put-back",
    through="codedeploy",
    place="shop/live",
    taken_back=Released(deployment="d-2", what="v2", at=NOW),
    put_back=Released(deployment="d-1", what="v1", at=NOW),
    latest="d-2",
    request={},
    marker="Firstline: one",
    timeout_seconds=600,
)


def plan(**changes: Any) -> RemediationPlan:
    fields: dict[str, Any] = {
        "runbook_id": "stuck-queue",
        "title": "Unstick a queue",
        "risk": "safe",
        "decision": "auto",
        "decision_reason": "it may",
        "targets": [Target(instance_id=HOSTS[0], name="web-1")],
        "steps": [LOOK, DRAIN, RESTART],
        "verify": VERIFY,
        "verify_attempts": 2,
        "recovery_wait_seconds": 10,
        "rollback": [REFILL, START],
        "limits": PlanLimits(cooldown_seconds=60, per_hour=9, per_day=9, max_hosts=9, max_percent=100),
        "longest_seconds": 86_400,
        "max_concurrency": "1",
        "max_errors": "0",
        "waves": 1,
        "locks": [],
        "planned_at": NOW,
        "policy_version": "0123456789ab",
    }
    return RemediationPlan(**(fields | changes))


def decide(observed: Observed, given: RemediationPlan | None = None, **fields: Any) -> NextMoveOutput:
    """Return the move after an observation; `fields` set the cursor (`queue`, `index`, …) and the request."""
    cursor = Cursor(**{name: fields.pop(name) for name in list(fields) if name in Cursor.model_fields})
    request = {
        "state": "Next Move",
        "incident_id": "one",
        "origin": Origin(source="generic", account=None, region=None),
        "plan": given or plan(),
        "cursor": cursor,
        "observed": observed,
        "results": [],
        "reason": "Step drain failed.",
    }
    return next_move(NextMoveInput(**(request | fields)), HERE)


def failed(state: str, error: str, cause: str = "") -> Observed:
    return Observed(state=state, error=ErrorOutput(Error=error, Cause=cause))


def read(*statuses: str, output: str = "", overdue: bool = False) -> Observed:
    invocations = [
        {"InstanceId": host, "Status": status, "Output": output} for host, status in zip(HOSTS, statuses, strict=False)
    ]
    return Observed(state="Read Step", result={"command_id": "c-1", "overdue": overdue, "invocations": invocations})


def where(decided: NextMoveOutput) -> str:
    """Return the name of the next state, or `ended: ` and how the remediation ended."""
    assert (decided.move == "What Now?") == (decided.ended is not None)
    return decided.move if decided.ended is None else f"ended: {decided.ended}"


def seen(decided: NextMoveOutput) -> tuple[Any, ...]:
    """Return the next state, the seconds before it, and the queue and index of the cursor."""
    return where(decided), decided.seconds, decided.cursor.queue, decided.cursor.index


def result(**what: Any) -> StepResult:
    fields = {"step_id": "drain", "kind": "act", "instance_id": HOSTS[0], "command_id": "c-1", "status": "Success"}
    return StepResult(**(fields | {"output": "drained", "changed": True} | what))


SILENCE = failed("Await Recovery", "States.Timeout")
"""The observation that the alert did not resolve as long as the machine waited for it."""
