"""From an incident and a chosen runbook to a plan: which documents, where, with which values, and whether they may run.

Each step of the way can end in "no plan" with a reason in words. That is a normal outcome: a human is called.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal, Protocol

from pydantic import Field

from firstline.contracts import PlanRemediationOutput
from firstline.errors import AlreadyPlanned, HistoryUnavailable, LockHeld, NoPlan, RemediationContended
from firstline.incidents.audit_trail import Fact, Trail, append_or_log, planned, unplanned
from firstline.models import (
    Classification,
    Frozen,
    Incident,
    NormalizedAlert,
    PlannedRelease,
    PlannedStep,
    RemediationPlan,
    RunbookRun,
    RunOutcome,
    Target,
)
from firstline.policy.remediation import RemediationPolicy
from firstline.remediation import decide
from firstline.remediation.locks import Lease, lock_names, longest, waves
from firstline.remediation.releases import Releases, plan_release
from firstline.remediation.steps import Documents, Pins
from firstline.runbooks.catalogue import Catalogue
from firstline.runbooks.match import offered
from firstline.runbooks.model import VERIFY, DocumentStep, Runbook, Step
from firstline.runbooks.release_steps import ReleaseStep

WITHOUT_VERIFY = timedelta(minutes=1)
"""How long a runbook that only looks leaves the alert to resolve by itself, before a human is called."""

ATTEMPTS = 8
"""How often to decide again when other remediations are planned or end at the same moment."""

_INSTANCE_ID = re.compile(r"m?i-[0-9a-f]{8,17}")


class Resolution(Frozen):
    """The managed instances that a list of host names stands for, or why it stands for none.

    `windows` are the names of those that run Windows; the others run Linux.
    """

    targets: list[Target]
    problem: str | None
    windows: list[str] = Field(default=[])


class Targets(Protocol):
    """The managed instances that carry the stack's tag."""

    def resolve(self, hints: Sequence[str]) -> Resolution:
        """Find the one instance that each host name stands for, or say why one of them stands for none."""

    def fleet_size(self) -> int:
        """Count the instances."""


class Places(Frozen):
    """Where a plan acts: on hosts, or on what was released."""

    targets: list[Target]
    releases: list[PlannedRelease]


class Board(Frozen):
    """The remediations in progress, as planning reads them. `version` changes whenever one begins or ends."""

    version: int
    held: list[Lease]
    runs: list[RunbookRun]
    demoted: str | None


class Remediations(Protocol):
    """The remediations of the whole stack: reserved, locked, settled. Every method raises `HistoryUnavailable`."""

    def plan_of(self, incident_id: str) -> RemediationPlan | None:
        """Return the plan that the incident has already, or None."""

    def board(self, runbook_id: str, since: datetime) -> Board:
        """Read the remediations in progress, with one runbook's runs that were planned since a time."""

    def reserve(self, plan: RemediationPlan, run: RunbookRun, *, board: Board, now: datetime) -> None:
        """Store the plan, count its run and take its locks, all or nothing, if the board is still as it was read.

        Raises
        ------
        AlreadyPlanned
            The incident has a plan, or is unknown.
        RemediationContended
            A remediation began or ended since the board was read.
        LockHeld
            Another incident holds one of the locks.
        """

    def keep_shadow(self, run: RunbookRun) -> None:
        """Count a plan that was made in shadow; of one incident, only the first."""

    def settle(
        self,
        plan: RemediationPlan,
        incident_id: str,
        outcome: RunOutcome,
        *,
        accepted: bool | None,
        demote: str | None,
        at: datetime,
    ) -> bool:
        """Write how the remediation ended and release its locks; return True the first time only.

        Parameters
        ----------
        demote
            Why the runbook may not run by itself any more; None when it may.

        Raises
        ------
        RemediationContended
            Too many remediations begin and end at this moment.
        """

    def demoted(self, runbook_id: str) -> str | None:
        """Return why a runbook may not run by itself, or None if it may."""

    def reset(self, runbook_id: str, by: str, at: datetime) -> bool:
        """Let a demoted runbook run by itself again. Return False if it may already."""


class RemediationRules(Frozen):
    """What the stack's owner set for all runbooks. Releases that `release_arns` does not list are not taken back."""

    remediation_mode: decide.RemediationMode
    environment: str
    document_prefix: str
    approval_timeout_seconds: int
    policy: RemediationPolicy
    release_arns: tuple[str, ...] = ()


@dataclass(frozen=True)
class Planning:
    """An incident with the runbook chosen for it, and all that planning reads or reserves."""

    incident: Incident
    classification: Classification
    catalogue: Catalogue
    targets: Targets
    documents: Documents
    releases: Releases
    remediations: Remediations
    switch: Callable[[], decide.Switch]
    rules: RemediationRules
    now: datetime


def plan(planning: Planning, trail: Trail) -> PlanRemediationOutput:
    """Plan the runbook that the classification chose, or say why there is nothing to be run.

    Pure checks come first, so that an alert nobody can act on costs no call. A plan that may run, at once or after
    approval, is reserved in the same request that keeps it: its run counts against the limits from then on, and its
    hosts are nobody else's. Asked again for the same incident, the answer is the same plan.

    Nothing runs that is not on the incident's trail: a trail that cannot be written is a failure.

    Raises
    ------
    HistoryUnavailable
        The table could not be read or written, or too much is going on at once to decide.
    """
    incident_id, now = planning.incident.incident_id, planning.now
    try:
        made = _plan(planning)
    except NoPlan as refusal:
        # A human is on the way then: no trail is worth keeping them waiting.
        append_or_log(trail, incident_id, [_refused(planning, refusal)], now)
        return PlanRemediationOutput(plan=None, reason=str(refusal))
    trail.append(incident_id, [planned(made)], now)
    return PlanRemediationOutput(plan=made, reason=made.decision_reason)


def _plan(planning: Planning) -> RemediationPlan:
    chosen = planning.classification.runbook_id
    if chosen is None:
        raise NoPlan("no runbook chosen")
    known = _known(planning)
    if known:
        return known
    offers = offered(planning.catalogue, planning.incident.alert)
    runbook = next((runbook for runbook in offers if runbook.id == chosen), None)
    if runbook is None:
        raise NoPlan(f"runbook {chosen!r} is not one that fits this alert")
    values, problem = parameter_values(runbook, planning.incident.alert)
    if problem:
        raise NoPlan(f"runbook {runbook.id}: {problem}")
    places = _places(planning, runbook, values)
    switch = planning.switch()
    for _ in range(ATTEMPTS):
        try:
            return _decided(planning, runbook, values, places, switch)
        except RemediationContended:
            continue
        except LockHeld as held:
            raise NoPlan(str(held), decision="deny") from None
        except AlreadyPlanned:
            known = _known(planning)
            if known:
                return known
    raise HistoryUnavailable("too many remediations begin and end at this moment to decide on one more")


def _refused(planning: Planning, refusal: NoPlan) -> Fact:
    """Record for the trail that there is no plan, and why."""
    runbook = planning.catalogue.get(planning.classification.runbook_id or "")
    version = _version(planning, runbook) if runbook else ""
    return unplanned(refusal.decision, str(refusal), runbook.id if runbook else "", version)


def _known(planning: Planning) -> RemediationPlan | None:
    known = planning.remediations.plan_of(planning.incident.incident_id)
    if known and known.lease_until <= planning.now:
        raise NoPlan(f"its plan for {known.runbook_id} has run out of time")
    return known


def _places(planning: Planning, runbook: Runbook, values: dict[str, str]) -> Places:
    if not runbook.releases:
        return Places(targets=_resolved(planning, runbook), releases=[])
    listed = planning.rules.release_arns
    released = [
        plan_release(step, values, planning.incident, releases=planning.releases, listed=listed)
        for step in runbook.releases
    ]
    return Places(targets=[], releases=released)


def _resolved(planning: Planning, runbook: Runbook) -> list[Target]:
    hosts = affected_hosts(planning.incident)
    if not hosts:
        raise NoPlan("the alert names no host")
    if runbook.target == "host" and len(hosts) > 1:
        raise NoPlan(f"{len(hosts)} hosts are affected ({', '.join(hosts[:5])}) and {runbook.id} is for one")
    resolution = planning.targets.resolve(hosts)
    if resolution.problem or not resolution.targets:
        raise NoPlan(f"no target: {resolution.problem or 'no host found'}")
    if runbook.guard_alarm == planning.incident.alert.alert_name:
        raise NoPlan(f"runbook {runbook.id} is guarded by {runbook.guard_alarm}, which fires already")
    foreign = _not_for(runbook, resolution)
    if foreign:
        raise NoPlan(foreign)
    return resolution.targets


def _decided(
    planning: Planning, runbook: Runbook, values: dict[str, str], places: Places, switch: decide.Switch
) -> RemediationPlan:
    """Let the policy decide on things as they are now, and reserve a plan that may run."""
    targets = places.targets
    rounds = waves(runbook.limits.max_concurrency, len(targets)) or 1
    lease = longest(runbook, rounds, timedelta(seconds=planning.rules.approval_timeout_seconds))
    board = planning.remediations.board(runbook.id, planning.now - decide.look_back(runbook, lease))
    several = decide.hosts_at_once(targets, [held for held in board.held if held.until > planning.now]) > 1
    verdict = decide.decide(
        decide.Situation(
            runbook=runbook,
            incident=planning.incident,
            classification=planning.classification,
            targets=targets,
            releases=places.releases,
            runs=board.runs,
            held=board.held,
            fleet=planning.targets.fleet_size() if several else None,
            demoted=board.demoted,
            switch=switch,
            policy=planning.rules.policy,
            remediation_mode=planning.rules.remediation_mode,
            environment=planning.rules.environment,
            now=planning.now,
        )
    )
    if verdict.decision == "deny":
        raise NoPlan(verdict.reason, decision="deny")
    run = RunbookRun(
        runbook_id=runbook.id,
        incident_id=planning.incident.incident_id,
        instance_ids=[target.instance_id for target in targets] + [one.place for one in places.releases],
        decision=verdict.decision,
        # A shadow reserves nothing and has no plan to be found again: its incident's time makes a retry the same.
        at=planning.incident.opened_at if verdict.decision == "shadow" else planning.now,
        until=planning.now + lease,
    )
    if verdict.decision == "shadow":
        planning.remediations.keep_shadow(run)
        raise NoPlan(verdict.reason, decision="shadow")
    made = _plan_of(planning, runbook, values, places, verdict.decision, verdict.reason, rounds, run.until)
    planning.remediations.reserve(made, run, board=board, now=planning.now)
    return made


def _plan_of(
    planning: Planning,
    runbook: Runbook,
    values: dict[str, str],
    places: Places,
    decision: Literal["auto", "approve"],
    reason: str,
    rounds: int,
    until: datetime,
) -> RemediationPlan:
    pins = Pins(runbook, values, planning.documents, planning.rules.document_prefix)
    verify = runbook.verify
    return RemediationPlan(
        runbook_id=runbook.id,
        title=runbook.title,
        risk=runbook.risk,
        decision=decision,
        decision_reason=reason,
        targets=places.targets,
        steps=[
            *(_pinned(pins, one) for one in runbook.steps if not isinstance(one, ReleaseStep)),
            *places.releases,
        ],
        verify=pins.of_command(VERIFY, "verify", verify) if verify else None,
        verify_attempts=verify.attempts if verify else 1,
        recovery_wait_seconds=int(
            (verify.every if verify else runbook.resolves_within or WITHOUT_VERIFY).total_seconds()
        ),
        rollback=[pins.of_command(one.id, "rollback", one) for one in runbook.rollback],
        approval_timeout_seconds=planning.rules.approval_timeout_seconds,
        max_concurrency=runbook.limits.max_concurrency,
        max_errors=runbook.limits.max_errors,
        waves=rounds,
        locks=lock_names(places.targets, planning.incident.alert.service, places.releases),
        planned_at=planning.now,
        lease_until=until,
        policy_version=_version(planning, runbook),
        guard_alarm=runbook.guard_alarm,
    )


def _version(planning: Planning, runbook: Runbook) -> str:
    rules = planning.rules
    return decide.version(runbook, rules.policy, rules.remediation_mode, rules.environment)


def _pinned(pins: Pins, step: Step | DocumentStep) -> PlannedStep:
    return pins.of_command(step.id, step.kind, step) if isinstance(step, Step) else pins.of_document(step)


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


def _not_for(runbook: Runbook, resolution: Resolution) -> str | None:
    """Why a runbook has no steps for one of the targets."""
    targets = resolution.targets
    hybrid = [target.name for target in targets if target.instance_id.startswith("mi-")]
    if resolution.windows and not runbook.on_windows:
        return f"{resolution.windows[0]} runs Windows, and {runbook.id} has no steps for that; platforms would say so"
    if runbook.on_windows and len(resolution.windows) < len(targets):
        return f"{runbook.id} is written for Windows only"
    if hybrid and "hybrid" not in runbook.nodes:
        return (
            f"{hybrid[0]} is a hybrid node, and {runbook.id} is not written for those; platforms would have to say so"
        )
    if "ec2" not in runbook.nodes and len(hybrid) < len(targets):
        return f"{runbook.id} is written for hybrid nodes only"
    return None


def _field(alert: NormalizedAlert, field: str) -> str | None:
    if field.startswith("labels."):
        return alert.labels.get(field.removeprefix("labels."))
    value: str | None = getattr(alert, field)
    return value
