"""The planning of a remediation: which documents run, on which hosts, with which values, and whether they may run.

Each check can end in "no plan" with a reason for people. That is a normal outcome: a human is called.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple, Protocol

from pydantic import AwareDatetime, Field

from firstline.contracts import PlanRemediationOutput
from firstline.errors import AlreadyPlanned, HistoryUnavailable, LockHeld, NoPlan, RemediationContended
from firstline.incidents.audit_trail import Fact, Trail, append_or_log, planned, unplanned
from firstline.models import (
    Classification,
    Deployment,
    Frozen,
    Incident,
    Location,
    NormalizedAlert,
    PlanLimits,
    PlannedRelease,
    RemediationPlan,
    RunbookRun,
    Target,
)
from firstline.policy.remediation import RemediationPolicy
from firstline.remediation import decide
from firstline.remediation.limits import beginning_of, hosts_at_once, limits_of, look_back
from firstline.remediation.locks import lock_names, longest, waves
from firstline.remediation.releases import Releases, plan_release
from firstline.remediation.steps import Documents, pin_steps
from firstline.remediation.store import Remediations, RemediationState
from firstline.remediation.targets import OwnAccount, why_elsewhere
from firstline.runbooks.catalogue import Catalogue
from firstline.runbooks.match import offered
from firstline.runbooks.model import Runbook
from firstline.text import in_words

WITHOUT_VERIFY = timedelta(minutes=1)
"""The time for the alert to resolve after a runbook without verification, before a human is called."""

ATTEMPTS = 8
"""The most tries to decide and reserve while other remediations begin or end at the same moment."""


class Resolution(Frozen):
    """The managed instances that alerts are about, or the reason (`problem`) why there are none.

    `windows` are the names of the instances that run Windows; the others run Linux. `started` is the last start, by
    instance id, of the instances that no alert names by their id.
    """

    targets: list[Target]
    problem: str | None
    windows: list[str] = Field(default=[])
    started: dict[str, AwareDatetime] = Field(default={})


class Targets(Protocol):
    """The reader of the managed instances that carry the stack's tag."""

    def resolve(self, locations: Sequence[Location], here: OwnAccount) -> Resolution:
        """Return the managed instance of each location, or the reason why a location has none."""

    def fleet_size(self) -> int:
        """Count the managed instances with the stack's tag."""


class Scope(Frozen):
    """The hosts that a plan acts on, or the releases that it takes back."""

    targets: list[Target]
    releases: list[PlannedRelease]


class Chosen(NamedTuple):
    """The chosen runbook, the values of its parameters, and the hosts or releases that it acts on."""

    runbook: Runbook
    values: dict[str, str]
    scope: Scope

    @property
    def waves(self) -> int:
        """The number of rounds in which Run Command reaches all hosts, at least one."""
        return waves(self.runbook.limits.max_concurrency, len(self.scope.targets)) or 1

    @property
    def lease(self) -> timedelta:
        """The longest time that the remediation may take, for which it holds its locks."""
        return longest(self.runbook, self.waves)


class RemediationRules(Frozen):
    """The settings of a stack that hold for all its runbooks.

    `shared_approvers` are the approvers that are a whole IAM role. `release_arns` lists the places where releases may
    be taken back.
    """

    remediation_mode: decide.RemediationMode
    environment: str
    document_prefix: str
    policy: RemediationPolicy
    approvers: tuple[str, ...]
    shared_approvers: tuple[str, ...] = ()
    release_arns: tuple[str, ...] = ()


@dataclass(frozen=True)
class Planning:
    """The input of planning: an incident with its classification, and the parts that planning reads from or writes to.

    `deployments` returns the last deployments of a service by its name.
    """

    incident: Incident
    classification: Classification
    catalogue: Catalogue
    targets: Targets
    documents: Documents
    releases: Releases
    remediations: Remediations
    deployments: Callable[[str], list[Deployment]]
    switch: Callable[[], decide.Switch]
    rules: RemediationRules
    here: OwnAccount
    now: datetime


def plan(planning: Planning, trail: Trail) -> PlanRemediationOutput:
    """Plan the runbook that the classification chose, or say why nothing can be run.

    Pure checks come first, so that an alert without a remedy costs no request. A plan that runs at once is stored and
    reserved in one request: its run counts against the limits from then on, and no other incident can act on its
    hosts. A plan that needs approval is only stored; the approval reserves. A second call returns the same plan.

    A plan is returned only if it is on the incident's audit trail; if that cannot be written, planning fails.

    Raises
    ------
    HistoryUnavailable
        The table could not be read or written, or too many remediations begin and end at once.
    """
    incident_id, now = planning.incident.incident_id, planning.now
    try:
        made = _plan(planning)
    except NoPlan as refusal:
        # A human is called next: a trail that cannot be written must not delay that.
        append_or_log(trail, incident_id, [_refused(planning, refusal)], now)
        return PlanRemediationOutput(plan=None, reason=str(refusal))
    trail.append(incident_id, [planned(made)], now)
    return PlanRemediationOutput(plan=made, reason=made.decision_reason)


def _plan(planning: Planning) -> RemediationPlan:
    runbook_id = planning.classification.runbook_id
    if runbook_id is None:
        raise NoPlan("no runbook chosen")
    if stored := _stored(planning):
        return stored
    offers = offered(planning.catalogue, planning.incident.alert)
    runbook = next((runbook for runbook in offers if runbook.id == runbook_id), None)
    if runbook is None:
        raise NoPlan(f"runbook {runbook_id!r} does not fit this alert: see its `match`")
    values, problem = parameter_values(runbook, planning.incident.alert)
    if problem:
        raise NoPlan(f"runbook {runbook.id}: {problem}")
    chosen = Chosen(runbook, values, _scope(planning, runbook, values))
    switch = planning.switch()
    for _ in range(ATTEMPTS):
        try:
            return _decide_and_reserve(planning, chosen, switch)
        except RemediationContended:
            continue
        except LockHeld as held:
            raise NoPlan(str(held), decision="deny") from None
        except AlreadyPlanned:
            if stored := _stored(planning):
                return stored
    raise HistoryUnavailable("too many remediations begin and end at this moment to decide on another: try again")


def _refused(planning: Planning, refusal: NoPlan) -> Fact:
    """Return a trail fact that says why there is no plan."""
    runbook = planning.catalogue.get(planning.classification.runbook_id or "")
    version = _version(planning, runbook) if runbook else ""
    return unplanned(refusal.decision, str(refusal), runbook.id if runbook else "", version)


def _stored(planning: Planning) -> RemediationPlan | None:
    stored = planning.remediations.plan_of(planning.incident.incident_id)
    over = stored and planning.now >= stored.planned_at + timedelta(seconds=stored.longest_seconds)
    if stored and stored.decision == "auto" and over:
        raise NoPlan(f"the incident's plan for {stored.runbook_id} has run out of time")
    return stored


def _scope(planning: Planning, runbook: Runbook, values: dict[str, str]) -> Scope:
    locations = affected(planning.incident)
    # Releases are taken back in one account and region, too, even if the alert names no host.
    said = [*locations, planning.incident.alert.whereabouts]
    if reason := next(filter(None, (why_elsewhere(location, planning.here) for location in said)), None):
        raise NoPlan(f"no target: {reason}")
    if not runbook.releases:
        return Scope(targets=_targets(planning, runbook, locations), releases=[])
    incident, releases, listed = planning.incident, planning.releases, planning.rules.release_arns
    planned = [plan_release(step, values, incident, releases=releases, listed=listed) for step in runbook.releases]
    return Scope(targets=[], releases=planned)


def _targets(planning: Planning, runbook: Runbook, locations: list[Location]) -> list[Target]:
    if not locations:
        raise NoPlan("the alert names no host")
    if not planning.incident.alert.whereabouts.named:
        # Parameters have this alert's values, which say nothing of the machines that the incident's other alerts name.
        raise NoPlan("the alert that the incident is about names no host")
    resolution = planning.targets.resolve(locations, planning.here)
    if resolution.problem or not resolution.targets:
        raise NoPlan(f"no target: {resolution.problem or 'no host found'}")
    _ensure_same_machines(resolution, planning.incident)
    hosts = [target.name for target in resolution.targets]
    if runbook.target == "host" and len(hosts) > 1:
        raise NoPlan(f"{len(hosts)} hosts are affected ({', '.join(hosts[:5])}) and {runbook.id} is for one")
    if runbook.guard_alarm == planning.incident.alert.alert_name:
        raise NoPlan(f"runbook {runbook.id} has the guard alarm {runbook.guard_alarm}, which fires already")
    _ensure_platforms(runbook, resolution)
    return resolution.targets


def _decide_and_reserve(planning: Planning, chosen: Chosen, switch: decide.Switch) -> RemediationPlan:
    """Let the policy decide on the runbook now, and store the plan; if it may run by itself, take its locks, too.

    `switch` is the state of the kill switch. Raises NoPlan if the policy denies the remediation, or if the runbook's
    mode is `shadow` (only plan).
    """
    runbook, policy, now = chosen.runbook, planning.rules.policy, planning.now
    back = look_back(limits_of(runbook.limits, policy, None), chosen.lease)
    state = planning.remediations.state(runbook.id, now - back)
    situation = _situation(planning, chosen, switch, state)
    ruling = decide.decide(situation)
    incident_id = planning.incident.incident_id
    if ruling.decision == "deny":
        raise NoPlan(ruling.reason, decision="deny")
    if ruling.decision == "shadow":
        planning.remediations.keep_shadow(_shadow(planning, chosen, list(situation.places)))
        raise NoPlan(ruling.reason, decision="shadow")
    limits = situation.limits
    if ruling.decision == "approve" and chosen.scope.targets and limits.fleet is None:
        # At the approval other remediations may run, and then the limits need the fleet's size.
        limits = limits_of(runbook.limits, policy, planning.targets.fleet_size())
    made = _make(planning, chosen, ruling, limits).model_copy(update={"approvals": situation.approvals})
    if made.decision == "approve":
        planning.remediations.keep(made, incident_id)
    else:
        planning.remediations.reserve(beginning_of(made, incident_id, state, now), now)
    return made


def _shadow(planning: Planning, chosen: Chosen, places: list[str]) -> RunbookRun:
    """Return the run that a runbook in the mode `shadow` (only plan) would have made.

    `places` are the ids of the hosts, or the keys of the places whose releases would be taken back. The time of the run
    is that of the incident's opening, so that a retry writes the same run again.
    """
    return RunbookRun(
        runbook_id=chosen.runbook.id,
        incident_id=planning.incident.incident_id,
        instance_ids=places,
        decision="shadow",
        at=planning.incident.opened_at,
        until=planning.now + chosen.lease,
    )


def _make(planning: Planning, chosen: Chosen, ruling: decide.Ruling, limits: PlanLimits) -> RemediationPlan:
    """Build the plan, with its steps pinned to the versions of the deployed documents."""
    runbook, scope, verify = chosen.runbook, chosen.scope, chosen.runbook.verify
    pinned = pin_steps(runbook, chosen.values, planning.documents, planning.rules.document_prefix)
    wait = verify.every if verify else runbook.resolves_within or WITHOUT_VERIFY
    return RemediationPlan(
        runbook_id=runbook.id,
        title=runbook.title,
        risk=runbook.risk,
        decision="approve" if ruling.decision == "approve" else "auto",
        decision_reason=ruling.reason,
        targets=scope.targets,
        steps=[*pinned.steps, *scope.releases],
        verify=pinned.verify,
        verify_attempts=verify.attempts if verify else 1,
        recovery_wait_seconds=int(wait.total_seconds()),
        rollback=pinned.rollback,
        limits=limits,
        longest_seconds=int(chosen.lease.total_seconds()),
        auto_after=runbook.auto_after,
        scripts=runbook.scripts,
        max_concurrency=runbook.limits.max_concurrency,
        max_errors=runbook.limits.max_errors,
        waves=chosen.waves,
        locks=lock_names(scope.targets, planning.incident.alert.service, scope.releases),
        planned_at=planning.now,
        policy_version=_version(planning, runbook),
        guard_alarm=runbook.guard_alarm,
    )


def _situation(planning: Planning, chosen: Chosen, switch: decide.Switch, state: RemediationState) -> decide.Situation:
    runbook, scope, rules = chosen.runbook, chosen.scope, planning.rules
    services = decide.services_touched(runbook, planning.incident.alert, chosen.values)
    held = [lease for lease in state.held if lease.until > planning.now]
    several = hosts_at_once(scope.targets, held) > 1
    return decide.Situation(
        runbook=runbook,
        incident=planning.incident,
        classification=planning.classification,
        targets=scope.targets,
        releases=scope.releases,
        runs=state.runs,
        held=held,
        fleet=planning.targets.fleet_size() if several else None,
        standing=planning.remediations.standing(runbook.id).of(runbook.scripts),
        services=services,
        deployments=[deployment for service in services for deployment in planning.deployments(service)],
        switch=switch,
        policy=rules.policy,
        remediation_mode=rules.remediation_mode,
        environment=rules.environment,
        approvers=len(rules.approvers),
        shared=len(rules.shared_approvers),
        now=planning.now,
    )


def _version(planning: Planning, runbook: Runbook) -> str:
    rules = planning.rules
    return decide.version(runbook, rules.policy, rules.remediation_mode, rules.environment)


def affected(incident: Incident) -> list[Location]:
    """Return the machines that an incident's alerts name; incidents of an older release store only host names."""
    own = incident.alert.whereabouts
    if incident.locations:
        return incident.locations
    others = [own.model_copy(update={"hosts": [host]}) for host in incident.hosts if host != incident.alert.host]
    return [*([own] if own.named else []), *others]


def parameter_values(runbook: Runbook, alert: NormalizedAlert) -> tuple[dict[str, str], str | None]:
    """Return the parameters' values by name, taken from the alert, and None; or no values and the first problem."""
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


def _ensure_same_machines(resolution: Resolution, incident: Incident) -> None:
    """Raise NoPlan if a machine was started after the incident began: the alert may be about an earlier machine."""
    for target in resolution.targets:
        started = resolution.started.get(target.instance_id)
        if started is not None and started > incident.opened_at:
            after = in_words(started - incident.opened_at)
            raise NoPlan(
                f"no target: {target.name} ({target.instance_id}) was started {after} after the alert, which may be "
                "about the machine before it"
            )


def _ensure_platforms(runbook: Runbook, resolution: Resolution) -> None:
    """Raise NoPlan if the runbook has no steps for the platform of one of the targets."""
    hybrid = [target.name for target in resolution.targets if target.instance_id.startswith("mi-")]
    count, missing = len(resolution.targets), "; if its steps fit, name the platform under `platforms`"
    if resolution.windows and not runbook.on_windows:
        raise NoPlan(f"{resolution.windows[0]} runs Windows, and {runbook.id} has no steps for that{missing}")
    if runbook.on_windows and len(resolution.windows) < count:
        raise NoPlan(f"not every target runs Windows, and {runbook.id} is written for Windows only{missing}")
    if hybrid and "hybrid" not in runbook.nodes:
        raise NoPlan(f"{hybrid[0]} is a hybrid node, and {runbook.id} is not written for those{missing}")
    if "ec2" not in runbook.nodes and len(hybrid) < count:
        raise NoPlan(f"not every target is a hybrid node, and {runbook.id} is written for hybrid nodes only{missing}")


def _field(alert: NormalizedAlert, field: str) -> str | None:
    if field.startswith("labels."):
        return alert.labels.get(field.removeprefix("labels."))
    value: str | None = getattr(alert, field)
    return value
