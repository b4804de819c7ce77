"""A remediation: its plan (commands on hosts, or releases to take back), its steps' results, and its run's history."""

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
"""The status that SSM Run Command gives a command which exited with 0."""

SHARE = r"^([0-9]{1,2}|[1-9][0-9]?%|100%)$"
"""The pattern of a number of hosts or a share of them, as in `1` or `25%`."""

type StepKind = Literal["diagnose", "act", "verify", "rollback"]

type RunOutcome = Literal["verified", "failed", "undone", "looked", "not_run"]
"""The end of a planned run. `verified`: it acted and the host recovered. `failed`: it acted and did not help. `undone`:
it did not help and was rolled back. `looked`: it only read. `not_run`: no command ran on any host."""


class PlannedStep(Frozen):
    """One SendCommand: a document of this stack, with parameters that passed the runbook's patterns.

    `parameters` has the shape that SSM wants: a list of strings for each name. `document_version` is the version whose
    content was checked against the runbook; SSM never changes a version. `document_hash` is SSM's SHA-256 of that
    version, which SSM compares when the command is sent.
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
        """The document and its version, as `document:version`, for the audit trail."""
        return f"{self.document}:{self.document_version}"

    @property
    def said(self) -> str:
        """The document that the step sends, and the values of its parameters, for people."""
        values = ", ".join(f"{name} = {' '.join(given)}" for name, given in sorted(self.parameters.items()))
        return f"{self.sends}, with {values}" if values else self.sends

    def covered_before(self, plan: "RemediationPlan") -> str:
        """Return the step as the text that an approval holds for state machines of Firstline's previous version.

        An execution that began with that version compares the step it is about to send with this text. `plan` is the
        plan that the step belongs to, because the text also names its targets.
        """
        values = ";".join(f"{name}={'|'.join(self.parameters[name])}" for name in sorted(self.parameters))
        return f"{self.sends} {values} {','.join(target.instance_id for target in plan.targets)}"


class Released(Frozen):
    """One release in CodeDeploy or AppConfig: its deployment's id or number, its content, and its time."""

    deployment: Name
    what: Text
    at: AwareDatetime


class PlannedRelease(Frozen):
    """One release to take back, by deploying the release before it again.

    `place` names the application and deployment group, or the application and environment. `request` is the whole
    request for the new deployment; the state machine sends it only while `latest` is still the newest deployment at
    that place. `marker` is the new deployment's description, which finds it again if the answer to the request is lost.
    `stop` is true if the bad deployment was still in progress: it is stopped first, which in AppConfig is enough.
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
        """The change of releases in words, `from … back to …`, for the audit trail and for people."""
        return f"from {self.taken_back.what} back to {self.put_back.what}"

    @property
    def said(self) -> str:
        """The change of releases in words, and whether the bad deployment is stopped first, for people."""
        return f"{self.sends}; the release that goes out now is stopped first" if self.stop else self.sends

    @property
    def requests(self) -> str:
        """The request as one line, with the names of its fields in the order of the alphabet."""
        return _in_one_line(self.request)

    def covered_before(self, _: "RemediationPlan") -> str:
        """Return the step as the text that an approval holds for state machines of Firstline's previous version.

        An execution that began with that version compares the step it is about to send with this text. The plan is
        passed only because a command's text needs it (`PlannedStep.covered_before`).
        """
        return f"{self.through} {self.place} {self.latest} {self.marker}"

    @property
    def lock(self) -> str:
        """The key of the lock that keeps other remediations away from the same place."""
        return f"{self.through}:{self.place}"


type AnyPlannedStep = PlannedStep | PlannedRelease


class PlanLimits(Frozen):
    """The limits that are checked when a plan begins: its runbook's, and the fleet's as counted at planning.

    `fleet` is the number of managed instances, and `fleet_hosts` how many of them all remediations together may touch
    at a time; both None if the fleet was not counted.
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

    A step that acts goes to `max_concurrency` hosts at a time (a number or a share, as SSM takes them) and to no
    further host after `max_errors` failures; the first target is the canary. `waves` is the number of rounds for all
    hosts. `locks` keep other remediations away from the same hosts and releases, from the beginning of this remediation
    on, for `longest_seconds` at the most. `policy_version` names the policy, settings and runbook behind the decision.
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
    """The number of verified runs in a row after which the runbook runs without approval; None if it never does."""
    scripts: Name | None = None
    """The digest of all that the runbook may run, for its record; None in a plan of the release before."""
    max_concurrency: Annotated[str, StringConstraints(pattern=SHARE)]
    max_errors: Annotated[str, StringConstraints(pattern=SHARE)]
    waves: int = Field(ge=1, le=50)
    locks: list[Name]
    planned_at: AwareDatetime
    policy_version: Name
    guard_alarm: Name | None = None
    """The CloudWatch alarm that makes Systems Manager cancel the running act when it fires. Never the incident's own
    alarm, which fires already and would cancel every command at once."""

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
        """The number of characters of output to keep for each host.

        It is `MOST_OUTPUT` for one or two hosts; three or more share twice `MOST_OUTPUT` equally.
        """
        return min(MOST_OUTPUT, 2 * MOST_OUTPUT // max(1, len(self.targets)))

    @property
    def parts(self) -> list[str]:
        """A line for each part of what may run, for whoever decides: steps, verification, rollback, how many at a time.

        The lines are not shortened. Who shows them must show them whole, or let nobody approve there.
        """
        lines = []
        for step in self.steps:
            lines.append(f"{step.step_id} ({step.kind}): {step.said}")
            lines += [f"{step.step_id} requests: {step.requests}"] if isinstance(step, PlannedRelease) else []
        lines += [f"to see whether it helped: {self.verify.said}"] if self.verify else []
        lines += [f"if it does not help, {step.step_id} (rollback): {step.said}" for step in self.rollback]
        if len(self.targets) > 1:
            lines.append(f"acts on {self.max_concurrency} hosts at a time, and ends after {self.max_errors} failures")
        return [*lines, *([f"cancelled if the alarm {self.guard_alarm} fires"] if self.guard_alarm else [])]

    @property
    def covers(self) -> list[str]:
        """The texts that an approval of the plan covers: those of each step, the verification and each rollback step.

        A text has all of the step and how it is sent. Before it sends the step, the state machine builds the same text
        and compares the two. An execution keeps the state machine with which it began, so an approval also covers the
        texts of Firstline's previous version.
        """
        on = [target.model_dump() for target in self.targets]
        how = {"on": on, "pace": self.max_concurrency, "errors": self.max_errors, "guard": self.guard_alarm}
        verify = [self.verify] if self.verify else []
        steps = (*self.steps, *verify, *self.rollback)
        lines = [_in_one_line(step.model_dump(mode="json")) + _in_one_line(how) for step in steps]
        return [*lines, *(step.covered_before(self) for step in steps)]

    def digest(self) -> str:
        """Return the SHA-256 of the whole plan, in hexadecimal. An approval names it, so it holds for no other plan."""
        canonical = json.dumps(self.model_dump(mode="json"), sort_keys=True, separators=(",", ":"))
        return sha256(canonical.encode()).hexdigest()


def _in_one_line(value: Any) -> str:
    """Return a value of JSON as a line that the state machine can build, too: `{a=1;b={c=x|y}}`."""
    if isinstance(value, dict):
        return "{" + ";".join(f"{name}={_in_one_line(value[name])}" for name in sorted(value)) + "}"
    if isinstance(value, list):
        return "|".join(map(_in_one_line, value))
    return value if isinstance(value, str) else json.dumps(value)


def _without_secrets(text: str) -> str:
    from firstline.privacy import redact_secrets  # imported late: ingest reads no outputs

    return redact_secrets(text)


class StepResult(Frozen):
    """The result of one command on one host.

    `output` is the end of the command's output, without secrets; CloudWatch Logs has all of it.
    For a release that was taken back, `instance_id` is where it was deployed (such as the deployment group of
    CodeDeploy), and `command_id` is the deployment that puts the earlier release back.
    `changed` is false if the command reported that there was nothing to do.
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
    """A runbook's run, or planned run, for an incident. It counts for limits, cool-downs and the runbook's record.

    `instance_ids` are the hosts, or the places of the releases to take back.
    `at` is when the run took its locks, or, for a plan that nobody approved, when it was planned; `until` is when the
    run counts as over even if no result is ever reported.
    `accepted` is a person's decision; None if nobody was asked or nobody answered. `outcome` and `ended_at` are None
    until the run ends.
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
