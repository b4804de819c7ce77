"""A remediation: its plan (commands on hosts, or releases taken back), the steps' results, and the planned runs."""

import json
from hashlib import sha256
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, AwareDatetime, Field, StringConstraints, model_validator

from firstline.models.frozen import Frozen, Name, Text


class Target(Frozen):
    """A managed instance that a command may be sent to."""

    instance_id: Annotated[str, StringConstraints(pattern=r"^m?i-[0-9a-f]{8,17}$")]
    name: Name


MOST_OUTPUT = 500
"""The number of characters of a command's output that are kept."""

RUN_SUCCEEDED = "Success"
"""Run Command's status of a command that exited with 0."""

SHARE = r"^([0-9]{1,2}|[1-9][0-9]?%|100%)$"
"""A number of hosts, or a share of them: `1`, `25%`."""

type StepKind = Literal["diagnose", "act", "verify", "rollback"]

type RunOutcome = Literal["verified", "failed", "undone", "looked", "not_run"]
"""The end of a planned run: it acted and the host recovered; it acted and did not help; the same, but it was rolled
back; it only looked; nothing was ever sent."""


class PlannedStep(Frozen):
    """One SendCommand: a document of this stack, with parameters that passed the runbook's patterns.

    `parameters` has the shape that SSM wants: a list of strings for each name. `document_version` is the version whose
    content was read and found to be the runbook's; SSM never changes a version. `document_hash` is SSM's own SHA-256 of
    it, which SSM compares when the command is sent.
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
        """The document and version that are sent, for the trail."""
        return f"{self.document}:{self.document_version}"

    def covered(self, targets: "list[Target]") -> str:
        """Return what a yes to this step covers: the document, its version, the parameters and the hosts.

        The state machine writes the same text before it sends the step, and compares.
        """
        values = ";".join(f"{name}={'|'.join(self.parameters[name])}" for name in sorted(self.parameters))
        return f"{self.sends} {values} {','.join(target.instance_id for target in targets)}"


class Released(Frozen):
    """One release as CodeDeploy or AppConfig knows it: the deployment's id or number, its content, and its time."""

    deployment: Name
    what: Text
    at: AwareDatetime


class PlannedRelease(Frozen):
    """One release that is taken back: the one before it is deployed again.

    `place` names the application and deployment group, or the application and environment. `request` is the whole
    request for the deployment, as the state machine sends it. It is sent only while `latest` is still the newest
    deployment there. `marker` is the description of the new one, by which it is found again when the answer is lost.
    With `stop` the deployment was still in progress: it is stopped first, and AppConfig then needs nothing more.
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
        """The change of releases that is requested, for the trail and for people."""
        return f"from {self.taken_back.what} back to {self.put_back.what}"

    def covered(self, _: list[Target]) -> str:
        """Return what a yes to this step covers: the place, the release that is taken back, and the new one's mark."""
        return f"{self.through} {self.place} {self.latest} {self.marker}"

    @property
    def lock(self) -> str:
        """The lock key of the release."""
        return f"{self.through}:{self.place}"


type AnyPlannedStep = PlannedStep | PlannedRelease


class PlanLimits(Frozen):
    """The limits that a plan keeps when it begins: its runbook's, and the fleet's as it was counted at planning.

    `fleet` is the number of managed instances, and `fleet_hosts` how many of them all remediations together may touch
    at a time; both None if the fleet was not counted, which one host at a time allows.
    """

    cooldown_seconds: int = Field(ge=1)
    per_hour: int = Field(ge=1)
    per_day: int = Field(ge=1)
    max_hosts: int = Field(ge=1)
    max_percent: int = Field(ge=1, le=100)
    fleet: int | None = None
    fleet_hosts: int | None = None


class RemediationPlan(Frozen):
    """The steps to run, their targets and the permission to run them. `decision` is the policy's, never the model's.

    `verify` runs at most `verify_attempts` times, `recovery_wait_seconds` apart, until the command succeeds or the
    alert resolves. `rollback` is in the order in which it runs. A plan that only takes releases back has no targets.

    An act goes to `max_concurrency` hosts at a time (a number or a share, as SSM takes them) and to no further host
    after `max_errors` failures; the first target is the canary. `waves` is how many rounds that takes. `locks` keep
    other remediations away from the same hosts and releases, from the remediation's beginning on, for `longest_seconds`
    at the most. `policy_version` names the policy, settings and runbook that the decision rests on.
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
    approvals: int = Field(default=1, ge=1, le=2)
    """The number of different people who must approve, if the plan asks."""
    limits: PlanLimits
    longest_seconds: int = Field(ge=1)
    auto_after: int | None = None
    """The verified runs in a row after which the runbook runs by itself, for the message about that."""
    max_concurrency: Annotated[str, StringConstraints(pattern=SHARE)]
    max_errors: Annotated[str, StringConstraints(pattern=SHARE)]
    waves: int = Field(ge=1, le=50)
    locks: list[Name]
    planned_at: AwareDatetime
    policy_version: Name
    guard_alarm: Name | None = None
    """A CloudWatch alarm: when it fires, Systems Manager cancels the running act. Never the incident's own, which
    already fires and would cancel every command at once."""

    @model_validator(mode="after")
    def _commands_have_targets(self) -> Self:
        if not self.targets and any(isinstance(step, PlannedStep) for step in self.steps):
            raise ValueError("a plan that sends commands needs a target")
        return self

    @property
    def releases(self) -> list[PlannedRelease]:
        """The releases that the plan takes back."""
        return [step for step in self.steps if isinstance(step, PlannedRelease)]

    @property
    def commands(self) -> list[PlannedStep]:
        """The steps of the plan that are commands."""
        return [step for step in self.steps if isinstance(step, PlannedStep)]

    @property
    def places(self) -> dict[str, str]:
        """The hosts (by instance id) and releases (by place) that the plan acts on, with the names that people know."""
        hosts = {target.instance_id: target.name for target in self.targets}
        return hosts | {release.place: release.place for release in self.releases}

    @property
    def most_output(self) -> int:
        """The number of characters of a command's output that are kept for each host: all share twice as many."""
        return min(MOST_OUTPUT, 2 * MOST_OUTPUT // max(1, len(self.targets)))

    @property
    def covers(self) -> list[str]:
        """The commands and releases that a yes to the plan covers: its steps, its verification and its rollback."""
        verify = [self.verify] if self.verify else []
        return [step.covered(self.targets) for step in (*self.steps, *verify, *self.rollback)]

    def digest(self) -> str:
        """Return the plan's name for approvals: SHA-256 over all of it, in hexadecimal.

        An approval covers exactly this: the documents, their parameters and targets, the risk and the reason.
        """
        canonical = json.dumps(self.model_dump(mode="json"), sort_keys=True, separators=(",", ":"))
        return sha256(canonical.encode()).hexdigest()


def _without_secrets(text: str) -> str:
    from firstline.privacy import redact_secrets  # imported late: ingest reads no outputs

    return redact_secrets(text)


class StepResult(Frozen):
    """The result of one command on one host.

    `output` is the trimmed tail, without secrets; all of it is in CloudWatch Logs.
    Of a release that was taken back, `instance_id` is its place and `command_id` the deployment.
    `changed` is true if the command may have changed something; one that found nothing to do has not.
    `at` is when Firstline learned of the result; None in records of older releases.
    """

    step_id: Name
    kind: StepKind
    instance_id: str
    command_id: str
    status: str
    output: Annotated[str, AfterValidator(_without_secrets)]
    changed: bool = False
    at: AwareDatetime | None = None


class RunbookRun(Frozen):
    """A runbook that was planned for an incident. Limits and cool-downs count it, and autonomy is earned with it.

    `instance_ids` are the hosts, or the places of the releases that it takes back.
    `at` is when it took its locks (of a plan that nobody approved: when it was planned), and `until` when it ends even
    if no result is ever reported.
    `accepted` is a person's decision, None where nobody was asked or nobody answered. `outcome` and `ended_at` come
    last.
    """

    runbook_id: Name
    incident_id: Name
    instance_ids: list[Name]
    decision: Literal["auto", "approve", "shadow"]
    at: AwareDatetime
    until: AwareDatetime
    accepted: bool | None = None
    outcome: RunOutcome | None = None
    ended_at: AwareDatetime | None = None
