"""From an incident and a chosen runbook to a plan: which documents, where, with which values, and whether they may run.

Each step of the way can end in "no plan" with a reason in words. That is a normal outcome: a human is called.
"""

import re
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Literal, Protocol

from firstline.contracts import PlanRemediationOutput
from firstline.models import (
    Classification,
    Frozen,
    Incident,
    NormalizedAlert,
    PlannedStep,
    RemediationPlan,
    RunbookRun,
    StepKind,
    Target,
)
from firstline.runbooks import policy
from firstline.runbooks.catalogue import Catalogue
from firstline.runbooks.match import offered
from firstline.runbooks.model import VERIFY, Command, Runbook, Step

WITHOUT_VERIFY = timedelta(minutes=1)
"""How long a runbook that only looks leaves the alert to resolve by itself, before a human is called."""

_INSTANCE_ID = re.compile(r"m?i-[0-9a-f]{8,17}")


class Resolution(Frozen):
    """The managed instances that a list of host names stands for, or why it stands for none."""

    targets: list[Target]
    problem: str | None


class TargetResolver(Protocol):
    """Finds the instance behind the name that an alert gives it."""

    def resolve(self, hints: Sequence[str]) -> Resolution:
        """Every hint must stand for exactly one instance that may be touched; otherwise there is a problem."""


class RunHistory(Protocol):
    """What planning needs of the table."""

    def runs_since(self, runbook_id: str, since: datetime) -> list[RunbookRun]:
        """The runbook's runs, one for each host, since then."""

    def record_runs(self, runbook_id: str, incident_id: str, instance_ids: Sequence[str], at: datetime) -> None:
        """Count a run on each of these hosts."""

    def save_plan(self, incident_id: str, plan: RemediationPlan) -> None:
        """Keep the plan with its incident."""


class Rules(Frozen):
    """What the stack's owner set for all runbooks."""

    remediation_mode: policy.RemediationMode
    environment: str
    document_prefix: str
    approval_timeout_seconds: int


def plan(
    incident: Incident,
    classification: Classification,
    *,
    catalogue: Catalogue,
    targets: TargetResolver,
    history: RunHistory,
    rules: Rules,
    now: datetime,
) -> PlanRemediationOutput:
    """Plan the runbook that the classification chose, or say why there is nothing to be run.

    Pure checks come first, so that an alert nobody can act on costs no call. A plan that may run, at once or after
    approval, is recorded against the runbook's limits right here: that reserves it.
    """
    chosen = classification.runbook_id
    if chosen is None:
        return _no_plan("no runbook chosen")
    runbook = next((runbook for runbook in offered(catalogue, incident.alert) if runbook.id == chosen), None)
    if runbook is None:
        return _no_plan(f"runbook {chosen!r} is not one that fits this alert")
    values, problem = parameter_values(runbook, incident.alert)
    if problem:
        return _no_plan(f"runbook {runbook.id}: {problem}")
    hosts = affected_hosts(incident)
    if not hosts:
        return _no_plan("the alert names no host")
    if runbook.target == "host" and len(hosts) > 1:
        return _no_plan(f"{len(hosts)} hosts are affected ({', '.join(hosts[:5])}) and {runbook.id} is for one")
    resolution = targets.resolve(hosts)
    if resolution.problem or not resolution.targets:
        return _no_plan(f"no target: {resolution.problem or 'no host found'}")
    verdict = policy.decide(
        policy.Situation(
            runbook=runbook,
            incident=incident,
            classification=classification,
            targets=resolution.targets,
            runs=history.runs_since(runbook.id, now - policy.look_back(runbook)),
            remediation_mode=rules.remediation_mode,
            environment=rules.environment,
            now=now,
        )
    )
    if verdict.decision == "deny":
        return _no_plan(verdict.reason)
    made = _plan_of(runbook, values, resolution.targets, verdict.decision, verdict.reason, rules)
    instance_ids = [target.instance_id for target in made.targets]
    history.record_runs(runbook.id, incident.incident_id, instance_ids, now)
    history.save_plan(incident.incident_id, made)
    return PlanRemediationOutput(plan=made, reason=verdict.reason)


def document_name(prefix: str, runbook_id: str, step_id: str) -> str:
    """The SSM document of a step. The generated template and the plan must agree on it."""
    return f"{prefix}-{runbook_id}-{step_id}"


def affected_hosts(incident: Incident) -> list[str]:
    """The hosts that the incident names, each once. A label that is an instance id outright beats a missing host."""
    named = [*incident.hosts, *([incident.alert.host] if incident.alert.host else [])]
    if not named:
        named = [value for value in incident.alert.labels.values() if _INSTANCE_ID.fullmatch(value)]
    return list(dict.fromkeys(name.strip() for name in named if name.strip()))


def parameter_values(runbook: Runbook, alert: NormalizedAlert) -> tuple[dict[str, str], str | None]:
    """The runbook's parameters from the alert's fields, or the first thing that is wrong with them, in words."""
    values: dict[str, str] = {}
    for name, parameter in runbook.parameters.items():
        found = next(((field, value) for field in parameter.from_ if (value := _field(alert, field))), None)
        if found is None:
            if parameter.default is None:
                return {}, f"the alert has no {' or '.join(parameter.from_)} for its parameter {name}"
            values[name] = parameter.default
            continue
        field, value = found
        problem = parameter.problem(value)
        if problem:
            return {}, f"the alert's {field} {problem}"
        values[name] = value
    return values, None


def _field(alert: NormalizedAlert, field: str) -> str | None:
    if field.startswith("labels."):
        return alert.labels.get(field.removeprefix("labels."))
    value: str | None = getattr(alert, field)
    return value


def _plan_of(
    runbook: Runbook,
    values: dict[str, str],
    targets: list[Target],
    decision: Literal["auto", "approve"],
    reason: str,
    rules: Rules,
) -> RemediationPlan:
    def planned(step_id: str, kind: StepKind, command: Command) -> PlannedStep:
        return PlannedStep(
            step_id=step_id,
            kind=kind,
            document=document_name(rules.document_prefix, runbook.id, step_id),
            parameters={name: [values[name]] for name in runbook.parameters_of(command)},
            timeout_seconds=int(runbook.timeout_of(command).total_seconds()),
            on_failure=command.on_failure if isinstance(command, Step) else "stop",
        )

    verify = runbook.verify
    return RemediationPlan(
        runbook_id=runbook.id,
        title=runbook.title,
        risk=runbook.risk,
        decision=decision,
        decision_reason=reason,
        targets=targets,
        steps=[planned(step.id, step.kind, step) for step in runbook.steps],
        verify=planned(VERIFY, "verify", verify) if verify else None,
        verify_attempts=verify.attempts if verify else 1,
        recovery_wait_seconds=int((verify.every if verify else WITHOUT_VERIFY).total_seconds()),
        rollback=[planned(step.id, "rollback", step) for step in runbook.rollback],
        approval_timeout_seconds=rules.approval_timeout_seconds,
    )


def _no_plan(reason: str) -> PlanRemediationOutput:
    return PlanRemediationOutput(plan=None, reason=reason)
