"""The decision whether a remediation may run. Pure: no clock, no network, no model.

Reasons against a remediation deny it; reasons for caution make it need a human's approval.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Literal

from pydantic import Field

from firstline.models import (
    Classification,
    Deployment,
    Frozen,
    Incident,
    NormalizedAlert,
    PlanLimits,
    PlannedRelease,
    RunbookRun,
    Target,
)
from firstline.policy.people import FILE
from firstline.policy.remediation import RemediationPolicy
from firstline.remediation.limits import Footprint, limits_of, too_wide_alone, why_not_now
from firstline.remediation.locks import Lease, lock_names
from firstline.remediation.store import Standing
from firstline.runbooks.match import named
from firstline.runbooks.model import Mode, Runbook
from firstline.text import in_words

type RemediationMode = Literal["off", "approve", "auto"]

type Switch = Literal["on", "off", "unreadable"]
"""The state of the kill switch, which is an SSM parameter; `unreadable` counts as off."""

SURE_ENOUGH = 0.6
"""The confidence below which a runbook that a model chose needs approval."""

JUST_DEPLOYED = timedelta(minutes=30)
"""The time after a deployment of the service in which a remediation needs approval."""

LONGEST_DEPLOYMENT = timedelta(hours=12)
"""The time for which a deployment counts as in progress if its end is never reported."""


class Situation(Frozen):
    """The facts that a decision rests on.

    Attributes
    ----------
    runs
        The runbook's runs on any host, as far back as `look_back` says; some may be in shadow (only planned).
    held
        The locks that remediations of any runbook hold.
    fleet
        The number of managed instances with the stack's tag; None if not counted, as for a plan of one host.
    targets, releases
        The hosts to act on, or the releases to take back. One of the two lists is empty.
    standing
        The runbook's record of earlier runs in this stack.
    services
        The names of the services that the plan touches, from `services_touched`.
    deployments
        The last deployments of the services in `services`, one for each environment.
    approvers, shared
        The number of approvers, and how many of them are a whole IAM role. A role may stand for a person who has
        approved already, so roles do not count where two people must approve.
    """

    runbook: Runbook
    incident: Incident
    classification: Classification
    targets: list[Target]
    runs: list[RunbookRun]
    held: list[Lease]
    fleet: int | None
    standing: Standing
    switch: Switch
    policy: RemediationPolicy
    remediation_mode: RemediationMode
    environment: str
    approvers: int
    shared: int = 0
    now: datetime
    releases: list[PlannedRelease] = Field(default=[])
    services: list[str] = Field(default=[])
    deployments: list[Deployment] = Field(default=[])

    @property
    def places(self) -> dict[str, str]:
        """The names of the hosts to act on, by instance id, and of the places whose releases are taken back.

        The name of such a place, for example a deployment group, is its key as well.
        """
        return self.footprint.places

    @property
    def environments(self) -> tuple[str, str]:
        """The stack's environment, and the alert's, which is empty if the alert names none."""
        return self.environment, self.incident.alert.environment or ""

    @property
    def mode(self) -> Mode:
        """The runbook's mode: the more careful of those for the stack's and the alert's environment.

        `approve` becomes `auto` if the runbook earned it or a person promoted the runbook.
        """
        mode = self.runbook.mode_in(*self.environments)
        return "auto" if mode == "approve" and self.runs_by_itself else mode

    @property
    def runs_by_itself(self) -> bool:
        """True if the runbook earned auto, or a person promoted it.

        Never for a destructive runbook, or if the alert is about another environment than the stack's.
        """
        own, named = (name.strip().casefold() for name in self.environments)
        here = not named or own == named
        return here and self.runbook.risk != "destructive" and self.standing.runs_by_itself(self.runbook.auto_after)

    @property
    def approvals(self) -> int:
        """The number of different people who must approve: the runbook's or the policy's, whichever is larger."""
        return max(self.runbook.approvals, self.policy.approvals.get(self.runbook.risk, 1))

    @property
    def limits(self) -> PlanLimits:
        """The runbook's and the fleet's limits, in the form that a plan stores."""
        return limits_of(self.runbook.limits, self.policy, self.fleet)

    @property
    def footprint(self) -> Footprint:
        """The hosts or releases to act on, with their locks and limits."""
        return Footprint(
            incident_id=self.incident.incident_id,
            runbook_id=self.runbook.id,
            targets=self.targets,
            releases=self.releases,
            locks=lock_names(self.targets, self.incident.alert.service, self.releases),
            limits=self.limits,
        )


class Ruling(Frozen):
    """The policy's decision on a remediation, with its reason for people."""

    decision: Literal["auto", "approve", "shadow", "deny"]
    reason: str


def decide(situation: Situation) -> Ruling:
    """Decide whether a remediation runs by itself, needs approval, is only logged (shadow), or is denied.

    Locks, cool-downs and hourly limits can deny only a plan that runs at once. For a plan that needs approval, they are
    checked at the approval.
    """
    runbook = situation.runbook
    if denial := _first_reason(situation, _DENIALS):
        return Ruling(decision="deny", reason=denial)
    if situation.mode == "shadow":
        if denial := _limited(situation):
            return Ruling(decision="deny", reason=denial)
        places = ", ".join(situation.places.values())
        sent = [release.sends for release in situation.releases] or [step.id for step in runbook.steps]
        reason = f"shadow: would have run {runbook.id} on {places} ({', '.join(sent)})"
        return Ruling(decision="shadow", reason=reason)
    if caution := _first_reason(situation, _CAUTIONS):
        if nobody := _too_few_approvers(situation):
            return Ruling(decision="deny", reason=f"{caution}, and {nobody}")
        return Ruling(decision="approve", reason=caution)
    if denial := _limited(situation):
        return Ruling(decision="deny", reason=denial)
    return Ruling(decision="auto", reason=f"{runbook.id} is {runbook.risk} and may run by itself here")


def _too_few_approvers(situation: Situation) -> str | None:
    """Return the reason if fewer people may approve than must approve, so that waiting for them is useless."""
    able = situation.approvers - (situation.shared if situation.approvals > 1 else 0)
    if able >= situation.approvals:
        return None
    who = able or "nobody"
    return f"{FILE} lets {who} approve, and {situation.approvals} must approve {situation.runbook.id}: add approvers"


def why_withdrawn(situation: Situation, approved_at: datetime | None) -> str | None:
    """Return why a plan may no longer act, or None if it still may.

    Locks, cool-downs and limits are not checked again, as they were taken when the plan began.

    Parameters
    ----------
    approved_at
        When a person approved the plan, knowing all deployments until then; None if the plan needed no approval.
    """
    if denial := _first_reason(situation, (_switched_off, _frozen)):
        return denial
    if situation.mode == "shadow":
        return f"runbook {situation.runbook.id} is in shadow"
    if approved_at is None:
        return _first_reason(situation, (_being_deployed, _told_to_ask))
    news = [deployment for deployment in situation.deployments if deployment.deployed_at > approved_at]
    return _being_deployed(situation.model_copy(update={"deployments": news}))


def services_touched(runbook: Runbook, alert: NormalizedAlert, values: Mapping[str, str]) -> list[str]:
    """Return the services that a plan touches: the alert's, and the systemd units that parameters take from the alert.

    `values` holds the values of the runbook's parameters by their names. The service of an alert is often the exporter
    that measured, while a label names the unit that failed.
    """
    named = [
        value.removesuffix(".service").partition("@")[0]
        for name, value in values.items()
        if (parameter := runbook.parameters.get(name)) and parameter.from_ and "/" not in value
    ]
    return [name for name in dict.fromkeys([alert.service or "", *named]) if name]


def version(runbook: Runbook, policy: RemediationPolicy, remediation_mode: str, environment: str) -> str:
    """Return twelve hexadecimal digits of a hash over what a decision rests on: runbook, policy, mode, environment.

    `remediation_mode` and `environment` are the stack's.
    """
    rests_on = [policy.model_dump(mode="json"), runbook.model_dump(mode="json"), remediation_mode, environment]
    return sha256(json.dumps(rests_on, sort_keys=True).encode()).hexdigest()[:12]


def _limited(situation: Situation) -> str | None:
    return why_not_now(situation.footprint, situation.held, situation.runs, situation.now)


type _Check = Callable[[Situation], str | None]


def _first_reason(situation: Situation, checks: Sequence[_Check]) -> str | None:
    return next((reason for check in checks if (reason := check(situation))), None)


def _switched_off(situation: Situation) -> str | None:
    if situation.remediation_mode == "off":
        return "remediation is switched off for this stack (its parameter RemediationMode)"
    if situation.switch == "off":
        return "remediation has been switched off (the parameter `remediation` of this stack)"
    if situation.switch == "unreadable":
        return "the switch for remediation (the parameter `remediation` of this stack) could not be read"
    if not situation.environment.strip():
        return "the stack does not say which environment it is in: set its parameter EnvironmentName"
    if situation.mode == "off":
        return f"runbook {situation.runbook.id} is switched off (its `mode`)"
    return None


def _nothing_to_do(situation: Situation) -> str | None:
    if situation.classification.severity == "noise":
        return "the incident was classified as noise"
    if not situation.classification.can_be_remediated:
        return "the classification says that a runbook cannot fix this"
    if not situation.places:
        return "there is no host to run on and no release to take back"
    return None


def _frozen(situation: Situation) -> str | None:
    if situation.runbook.risk == "read_only":
        return None
    freeze = situation.policy.freeze_at(situation.now, *situation.environments)
    return f"changes are frozen: {freeze.reason}" if freeze else None


def _too_wide(situation: Situation) -> str | None:
    return too_wide_alone(situation.runbook.id, situation.targets, situation.limits)


def _too_risky(situation: Situation) -> str | None:
    runbook = situation.runbook
    if runbook.risk == "destructive":
        return f"{runbook.id} is destructive and never runs without approval"
    if not named(runbook, situation.incident.alert):
        return f"{runbook.id} matches only text in the alert's message, which its sender controls: it needs approval"
    if situation.incident.storm:
        return "many alerts are firing at once; in a storm nothing runs by itself"
    if situation.incident.flapping:
        return "the alert is flapping; a human should look before a host is touched again"
    return None


def _being_deployed(situation: Situation) -> str | None:
    """Return the reason if a service that the plan touches is being deployed, or was deployed a short while ago.

    Plans that only look, and plans that take a release back, are not affected.
    """
    if situation.releases or situation.runbook.risk == "read_only":
        return None
    alert = situation.incident.alert
    alerts = [alert, *(alert.model_copy(update={"service": service}) for service in situation.services)]
    for deployment in situation.deployments:
        ago = max(situation.now - deployment.deployed_at, timedelta())
        if not any(deployment.concerns(alert) for alert in alerts):
            continue
        what = f"{deployment.service} {deployment.version}"
        if deployment.state == "in_progress" and ago < LONGEST_DEPLOYMENT:
            return f"{what} is being deployed since {in_words(ago)}; a human should know before a host is touched"
        if ago < JUST_DEPLOYED:
            return f"{what} was deployed {in_words(ago)} ago; a human should know before a host is touched"
    return None


def _told_to_ask(situation: Situation) -> str | None:
    if situation.mode == "approve":
        return f"runbook {situation.runbook.id} asks for approval"
    if situation.remediation_mode == "approve":
        return "this stack asks for approval before every remediation"
    if why := situation.standing.why_demoted(situation.runbook.auto_after):
        return f"{situation.runbook.id} no longer runs by itself: {why}"
    if situation.runbook.needs_record and not situation.runs_by_itself:
        return (
            f"{situation.runbook.id} may interrupt a service: it asks until it has earned auto, or a person gave it "
            f"(firstline runbooks promote {situation.runbook.id})"
        )
    return None


def _doubtful(situation: Situation) -> str | None:
    runbook, classification = situation.runbook, situation.classification
    if situation.releases and not classification.is_deployment_related:
        return f"{runbook.id} takes a release back, and the classification does not blame one"
    if classification.decided_by == "llm" and classification.confidence < SURE_ENOUGH:
        return f"the model is only {classification.confidence:.0%} sure that {runbook.id} is right"
    return None


_DENIALS = (_switched_off, _nothing_to_do, _frozen, _too_wide)
_CAUTIONS = (_too_risky, _being_deployed, _told_to_ask, _doubtful)
