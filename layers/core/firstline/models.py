"""The nouns of Firstline, in the order in which data flows through it.

raw event -> `NormalizedAlert` -> `Incident` -> `Classification` -> `RemediationPlan` -> `StepResult` -> `Notification`.
A later type may refer to an earlier one, never the reverse. All are immutable and refuse unknown fields; all of them
survive `model_dump(mode="json")` and back, because that is how Step Functions carries them.
"""

import json
from datetime import datetime
from hashlib import sha256
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints, model_validator

type SourceSeverity = Literal["critical", "high", "medium", "low", "info"]
"""What a source said, in our words."""

type Severity = Literal["critical", "high", "medium", "low", "noise"]
"""What Firstline decided."""

SEVERITY_RANK: dict[str, int] = {"noise": 0, "info": 0, "low": 1, "medium": 2, "high": 3, "critical": 4}
"""Both scales on one ruler: `info` is the lowest a source can say, `noise` the lowest that Firstline can decide."""

PAGING_RANK = SEVERITY_RANK["high"]
"""From this rank on an incident wakes somebody."""

type Text = Annotated[str, StringConstraints(max_length=4_000)]
"""Free text that people read: an alert's message, a summary."""

type Name = Annotated[str, StringConstraints(min_length=1, max_length=256)]
"""A name that is matched on: an alert's, a host's, a service's."""


type RouteName = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9-]{0,63}$")]
"""A name by which the paging policy's routes ask for what a rule has sorted."""


class Frozen(BaseModel):
    """Base of every model: immutable, and a field nobody declared is an error."""

    # What does not fit is not quoted: an error's text ends in logs and in the execution's history.
    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


class NormalizedAlert(Frozen):
    """One alert, whoever sent it. Everything in it is untrusted text, within bounds.

    `timestamp` is when this state began (fired, or was resolved) by the sender's clock. `fingerprint` names the alert
    and is the same for its firing and its resolved; `group_key` names the incident that it belongs to.
    `severity_stated` is false when the sender said nothing about how bad it is: then `severity` is only a default.
    """

    source: Name
    alert_name: Name
    severity: SourceSeverity
    message: Text
    labels: dict[str, str]
    timestamp: AwareDatetime
    raw_payload: Any
    status: Literal["firing", "resolved"]
    fingerprint: Name
    group_key: Name
    host: Name | None = None
    ends_at: AwareDatetime | None = None
    url: Annotated[str, StringConstraints(max_length=2_000)] | None = None
    account: Name | None = None
    region: Name | None = None
    environment: Name | None = None
    service: Name | None = None
    severity_stated: bool = True

    def without_raw(self) -> "NormalizedAlert":
        """The same alert without the sender's body, small enough to travel through a state machine."""
        return self.model_copy(update={"raw_payload": None})


class Hold(Frozen):
    """Why an incident waits before anything is done about it, and for how long.

    It is over at `until`, which is `seconds` after the decision, or before: when the alert resolves, when it gets worse
    or when somebody ends it. `id` names the rule, silence or window.
    """

    by: Literal["rule", "silence", "window"]
    id: Name
    reason: Text
    until: AwareDatetime
    seconds: int = Field(ge=1)
    until_resolved: bool = False
    """The silence ends with the first of its incidents that resolves."""


class Incident(Frozen):
    """What a Step Functions execution is about, as it stood when the incident was opened.

    It is the execution's input and must never change after the first write: StartExecution is idempotent only for the
    same name and the same bytes. What happens later (acknowledged, resolved) is state in the table.
    """

    incident_id: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{1,80}$")]
    group_key: Name
    opened_at: AwareDatetime
    alert: NormalizedAlert
    alert_count: int = Field(ge=1)
    hosts: list[Name]
    storm: bool = False
    flapping: bool = False
    opened_last_hour: int = Field(default=1, ge=1)
    """How many incidents its group has opened within the hour, this one among them: how often it flapped."""
    hold: Hold | None = None
    """A silence or maintenance window that kept back every alert of it when it was opened."""


type DecidedBy = Literal["rules", "history", "cache", "llm"]
"""Who had the last word on a severity. `cache` is a verdict that a person, or the outcome itself, has confirmed."""


class Usage(Frozen):
    """What questions to a model took: tokens in (`prompt_tokens`) and out (`completion_tokens`), and what they cost.

    `cost` is in the currency of the prices in the settings; None when a price is not known.
    """

    prompt_tokens: int = Field(default=0, ge=0)
    completion_tokens: int = Field(default=0, ge=0)
    cost: float | None = Field(default=0.0, ge=0, allow_inf_nan=False)

    @property
    def tokens(self) -> int:
        """In and out together."""
        return self.prompt_tokens + self.completion_tokens

    def __add__(self, other: "Usage") -> "Usage":
        return Usage(
            prompt_tokens=self.prompt_tokens + other.prompt_tokens,
            completion_tokens=self.completion_tokens + other.completion_tokens,
            cost=None if self.cost is None or other.cost is None else self.cost + other.cost,
        )


class Classification(Frozen):
    """How bad it is, why, and whether a runbook could fix it, with the reasons for each in words.

    `evidence_class` names the circumstances that it holds for: in others it is not used again.
    `tokens` is what `usage` says in all. Both count questions whose answer was of no use, too.
    """

    severity: Severity
    cause: Text
    is_deployment_related: bool
    can_be_remediated: bool
    runbook_id: Name | None
    confidence: float = Field(ge=0, le=1)
    summary: Text
    first_steps: list[Text]
    decided_by: DecidedBy
    reasons: list[Text]
    model: Name | None = None
    tokens: int = Field(default=0, ge=0)
    evidence_class: Text | None = None
    cached_from: Name | None = None
    """The earlier incident whose confirmed verdict this is."""

    prompt_version: Name | None = None
    raw_confidence: float | None = Field(default=None, ge=0, le=1)
    """What the decider claimed; `confidence` is what outcomes made of it (`classification.calibration`)."""

    unsure: list[Text] = []
    """Why a human should judge this, and the evidence for it, a line each; empty when Firstline is sure enough."""
    usage: Usage = Usage()
    route: RouteName | None = None
    hold: Hold | None = None


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


def _without_secrets(text: str) -> str:
    # Imported when there is something to read: whoever takes alerts in has no outputs.
    from firstline.privacy import redact_secrets

    return redact_secrets(text)


class StepResult(Frozen):
    """How one command ended on one host.

    `output` is the trimmed tail, without secrets; all of it is in CloudWatch Logs.
    Of a release that was taken back, `instance_id` is its place and `command_id` the deployment.
    """

    step_id: Name
    kind: StepKind
    instance_id: str
    command_id: str
    status: str
    output: Annotated[str, AfterValidator(_without_secrets)]


class Page(Frozen):
    """A page that went out: at which level, through which channels, and how long to wait for somebody to say 'mine'."""

    level: int = Field(ge=0)
    on_call: Text
    delivered_to: list[Name]
    acknowledge_within_seconds: int = Field(ge=1)
    has_next_level: bool
    resolve_within_seconds: int = Field(ge=1)


type Outcome = Literal["suppressed", "self_cleared", "auto_resolved", "resolved", "expired"]
"""How an incident ended: noise; resolved before anybody acted; cured by a runbook; resolved after a human was called;
closed because nobody resolved it in time."""


type Decision = Literal["approved", "refused"]
"""What people made of a plan."""


class Approval(Frozen):
    """One person said yes to a plan. `approver` is the entry of the stack's Approvers, `by` how messages name them."""

    approver: Name
    by: Text
    at: AwareDatetime


class Feedback(Frozen):
    """One person's word on a verdict: "was this right?" `severity` is what it should have been, if that was wrong.

    `person` tells people apart (`slack:<user id>`, `shell:<login>`), `by` is how messages name them.
    """

    person: Name
    by: Name
    said: Literal["real", "noise", "wrong_severity", "wrong_cause"]
    severity: Severity | None = None
    at: AwareDatetime

    @model_validator(mode="after")
    def _says_which(self) -> Self:
        if (self.said == "wrong_severity") != (self.severity is not None):
            raise ValueError("`severity` belongs to wrong_severity: it says which one would have been right")
        return self


class Note(Frozen):
    """What a person says fixed it, for the next one who meets it. Redacted before it is kept."""

    by: Name
    text: Annotated[str, StringConstraints(min_length=1, max_length=2_000)]
    at: AwareDatetime


class IncidentRecord(Frozen):
    """One incident as the table knows it: what has happened so far. The truth for people, reports and evidence."""

    incident: Incident
    status: Literal["PENDING", "STARTED", "CLOSED"]
    alert_count: int
    last_alert_at: AwareDatetime
    classification: Classification | None = None
    plan: RemediationPlan | None = None
    plan_digest: str | None = None
    results: list[StepResult] = []
    pages: list[Page] = []
    paged_at: AwareDatetime | None = None
    acknowledged_at: AwareDatetime | None = None
    acknowledged_by: str | None = None
    decide_by: AwareDatetime | None = None
    approvals: list[Approval] = []
    decision: Decision | None = None
    decided_by: str | None = None
    decided_at: AwareDatetime | None = None
    worsened_to: SourceSeverity | None = None
    held_back: SourceSeverity | None = None
    quiet_since: AwareDatetime | None = None
    resolved_at: AwareDatetime | None = None
    resolved_by: str | None = None
    closed_at: AwareDatetime | None = None
    outcome: Outcome | None = None
    outcome_reason: str | None = None
    slack_channel: str | None = None
    slack_ts: str | None = None
    feedback: list[Feedback] = []
    notes: list[Note] = []
    hold_ended_at: AwareDatetime | None = None
    hold_ended_because: str | None = None
    awaiting: Literal["hold", "approval", "recovery", "acknowledgement", "resolution"] | None = None
    task_token: str | None = Field(default=None, repr=False)


class Deployment(Frozen):
    """A change that went out: the first suspect when an alert follows it."""

    service: Name
    version: Name
    environment: Name | None = None
    deployed_at: AwareDatetime
    url: Annotated[str, StringConstraints(max_length=2_000)] | None = None


type RunOutcome = Literal["verified", "failed", "undone", "looked", "not_run"]
"""How a planned run ended: it acted and the host recovered; it acted and did not help; the same, but it was rolled
back; it only looked; nothing was ever sent."""


class RunbookRun(Frozen):
    """A runbook that was planned for an incident: what limits and cool-downs count, and what autonomy is earned with.

    `instance_ids` are the hosts, or the places of the releases that it takes back.
    `at` is when it was planned, which reserves it, and `until` when it is over even if nobody ever says so. `accepted`
    is a person's decision, None where nobody was asked or nobody answered. `outcome` and `ended_at` come last.
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


class AlertCount(Frozen):
    """How many new alerts came in the last hour and in the last day, that hour included."""

    last_hour: int = Field(ge=0)
    last_day: int = Field(ge=0)


class ServiceActivity(Frozen):
    """What goes on with a service: its new alerts, whatever their name, and its last deployment in each environment."""

    alerts: AlertCount
    deployments: list[Deployment]


class MetricSeries(Frozen):
    """A metric around the moment when its alarm fired: one value for each period, oldest first, the last one newest.

    `ends_at` is the end of the last period. `label` says in words which metric and statistic it is.
    """

    label: Text
    period_seconds: int = Field(ge=1)
    values: list[float] = Field(min_length=1, max_length=60)
    ends_at: AwareDatetime


class Maintenance(Frozen):
    """A declared maintenance window that is on and about the alert. `at_most` is None where it makes alerts wait."""

    window: Name
    reason: Text
    owner: Name
    at_most: Severity | None


class Evidence(Frozen):
    """What is known around an incident when it is classified. Built once, read by rules, history, prompt and page.

    `missing` says in words what could not be read: an empty list of deployments is then no proof that there were none.

    same_service
        Alerts of the incident's service, whatever their name; None when it is not known which service that is.
    earlier
        Of the same group, newest first. `similar` are incidents of other groups that read like this one, best first.
    service_deployed_at
        When the incident's service was last deployed, however long ago.
    topology
        Where the incident stands, as its labels say: cluster, namespace, node, zone, team.
    maintenance
        The declared maintenance windows that are on and about this alert.
    """

    same_name_last_hour: int = Field(ge=0)
    same_name_last_day: int = Field(default=0, ge=0)
    same_service: AlertCount | None = None
    earlier: list["EarlierIncident"]
    similar: list["SimilarIncident"] = []
    deployments: list[Deployment]
    service_deployed_at: AwareDatetime | None = None
    topology: dict[str, str] = {}
    metric: MetricSeries | None = None
    local_time: AwareDatetime
    business_hours: bool
    missing: list[Text] = []
    maintenance: list[Maintenance] = []


class EarlierIncident(Frozen):
    """An incident that is over, what Firstline had decided about it, how it ended, and what people say of it.

    runbook_id
        The runbook that was planned. `chosen_runbook_id` is the verdict's, whether or not it was planned.
    template
        The alert's words without numbers, hosts and names (`classification.templates`).
    evidence_class
        The circumstances that the verdict held for (`classification.cache`).
    taken_by
        Who said "mine".
    feedback, note
        The last word of each person, and what they wrote last of what fixed it: text, and no instruction.
    """

    incident_id: Name
    opened_at: AwareDatetime
    closed_at: AwareDatetime
    severity: Severity
    outcome: Outcome
    runbook_id: Name | None = None
    outcome_reason: str | None = None
    feedback: list[Feedback] = []
    note: str | None = None
    group_key: Name | None = None
    alert_name: Name | None = None
    service: Name | None = None
    environment: Name | None = None
    template: Annotated[str, StringConstraints(max_length=1_000)] = ""
    cause: Text | None = None
    blamed_deployment: bool = False
    chosen_runbook_id: Name | None = None
    decided_by: DecidedBy | None = None
    evidence_class: Text | None = None
    taken_by: Text | None = None


class SimilarIncident(Frozen):
    """An incident of another group that reads like this one: 0 is nothing in common, 1 the same words."""

    incident: EarlierIncident
    score: float = Field(ge=0, le=1)


type NotificationKind = Literal[
    "suppressed", "remediating", "approval", "needs_human", "paged", "acknowledged", "closed"
]
"""A moment in an incident's life that people may want to hear of."""


class Notification(Frozen):
    """Something people should read: what a channel renders. `kind` is the moment in the incident's life."""

    kind: NotificationKind
    record: IncidentRecord
    reason: Text
    at: datetime


Evidence.model_rebuild()
