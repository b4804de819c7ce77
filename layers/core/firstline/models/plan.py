"""What would be run, where, and whether it may: commands on hosts, or releases taken back."""

import json
from hashlib import sha256
from typing import Annotated, Any, Literal, Self

from pydantic import AwareDatetime, Field, StringConstraints, model_validator

from firstline.models.frozen import Frozen, Name, Text


class Target(Frozen):
    """A managed instance that a command may be sent to."""

    instance_id: Annotated[str, StringConstraints(pattern=r"^m?i-[0-9a-f]{8,17}$")]
    name: Name


SHARE = r"^([0-9]{1,2}|[1-9][0-9]?%|100%)$"
"""A number of hosts, or a share of them: `1`, `25%`."""

type StepKind = Literal["diagnose", "act", "verify", "rollback"]


class PlannedStep(Frozen):
    """One SendCommand: a document of this stack, with parameters that passed the runbook's patterns.

    `parameters` has the shape that SSM wants: a list of strings for each name. `document_version` is the version whose
    content was read and found to be the runbook's; SSM never changes a version. `document_hash` is that content's
    SHA-256, as `runbooks.documents.content_hash` takes it.
    """

    step_id: Name
    kind: StepKind
    document: Name
    document_version: Annotated[str, StringConstraints(pattern=r"^[1-9][0-9]{0,9}$")]
    document_hash: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
    parameters: dict[str, list[str]]
    timeout_seconds: int = Field(ge=5, le=7_205)
    on_failure: Literal["stop", "continue"] = "stop"
    through: Literal["ssm"] = "ssm"

    @property
    def sends(self) -> str:
        """What exactly is sent, for the trail."""
        return f"{self.document}:{self.document_version}"


class Released(Frozen):
    """One release as CodeDeploy or AppConfig has it: the deployment's id or number, what it brought, and since when."""

    deployment: Name
    what: Text
    at: AwareDatetime


class PlannedRelease(Frozen):
    """One release that is taken back: what was there before is deployed again.

    `place` is where: application and deployment group, or application and environment. `request` is the whole request
    for the deployment, as the state machine sends it. It is sent only while `latest` is still the newest deployment
    there. `marker` is the description of the new one, by which it is known again when the answer is lost. With `stop`
    that deployment was still going on: it is stopped first, and AppConfig then needs nothing more.
    """

    step_id: Name
    kind: Literal["act"] = "act"
    through: Literal["codedeploy", "appconfig"]
    place: Name
    taken_back: Released
    put_back: Released
    latest: Name
    stop: bool = False
    request: dict[str, Any]
    marker: Name
    timeout_seconds: int = Field(ge=5, le=7_205)
    on_failure: Literal["stop"] = "stop"

    @property
    def sends(self) -> str:
        """What exactly is sent, for the trail and for people."""
        return f"from {self.taken_back.what} back to {self.put_back.what}"

    @property
    def lock(self) -> str:
        """What nobody else may have in hand meanwhile."""
        return f"{self.through}:{self.place}"


type AnyPlannedStep = PlannedStep | PlannedRelease


class RemediationPlan(Frozen):
    """What would be run, where, and whether it may. `decision` is the policy's, never the model's.

    `verify` runs `verify_attempts` times at the most, `recovery_wait_seconds` apart, until the command holds or the
    alert resolves. `rollback` is in the order in which it runs. A plan that takes a release back has no targets: what
    was released is everywhere.

    An act goes to `max_concurrency` hosts at a time (a number or a share, as SSM takes them) and to no further host
    after `max_errors` failures; the first target is the canary. `waves` is how many rounds that takes. `locks` are the
    names of what nobody else may touch meanwhile, until `lease_until` at the latest. `policy_version` names the policy,
    settings and runbook that the decision rests on.
    """

    runbook_id: Name
    title: Text
    risk: Literal["read_only", "safe", "disruptive", "destructive"]
    decision: Literal["auto", "approve"]
    decision_reason: Text
    targets: list[Target] = Field(max_length=50)
    steps: list[AnyPlannedStep] = Field(min_length=1)
    verify: PlannedStep | None
    verify_attempts: int = Field(ge=1, le=20)
    recovery_wait_seconds: int = Field(ge=1, le=86_400)
    rollback: list[PlannedStep]
    approval_timeout_seconds: int = Field(ge=1, le=86_400)
    max_concurrency: Annotated[str, StringConstraints(pattern=SHARE)]
    max_errors: Annotated[str, StringConstraints(pattern=SHARE)]
    waves: int = Field(ge=1, le=50)
    locks: list[Name]
    planned_at: AwareDatetime
    lease_until: AwareDatetime
    policy_version: Name
    guard_alarm: Name | None = None
    """A CloudWatch alarm at whose firing Systems Manager cancels what acts. Not the incident's own: that one fires
    already, and would cancel every command at once."""

    @model_validator(mode="after")
    def _somewhere(self) -> Self:
        if not self.targets and any(isinstance(step, PlannedStep) for step in self.steps):
            raise ValueError("a plan that sends commands needs a target")
        return self

    @property
    def releases(self) -> list[PlannedRelease]:
        """The releases that it takes back."""
        return [step for step in self.steps if isinstance(step, PlannedRelease)]

    @property
    def places(self) -> dict[str, str]:
        """Where it acts: hosts by their instance ids, releases by their place, each with the name that people know."""
        hosts = {target.instance_id: target.name for target in self.targets}
        return hosts | {release.place: release.place for release in self.releases}

    def digest(self) -> str:
        """The plan's name for approvals: SHA-256 over all of it, in hexadecimal.

        Who approves, approves exactly this: the documents, their parameters and targets, the risk and the reason.
        """
        canonical = json.dumps(self.model_dump(mode="json"), sort_keys=True, separators=(",", ":"))
        return sha256(canonical.encode()).hexdigest()
