"""Evidence around an incident when it is classified: its past, its service, its metric, declared maintenance."""

from datetime import tzinfo
from typing import Annotated, Literal, Self, get_args

from pydantic import AwareDatetime, BeforeValidator, Field, StringConstraints

from firstline.models.alert import NormalizedAlert
from firstline.models.classification import DecidedBy
from firstline.models.frozen import Frozen, Name, Text, Url
from firstline.models.metric import MetricSeries
from firstline.models.record import Feedback, Outcome
from firstline.models.severity import Severity, SourceSeverity
from firstline.models.word import NearWord, Word, short_environment

type DeploymentState = Literal["in_progress", "succeeded", "failed", "rolled_back"]
"""The state that a deployment has reached; `firstline.sources.deployments.states` explains each."""


def _known_state(word: object) -> object:
    """Read a state that only another version knows as one that is not known."""
    return word if word in get_args(DeploymentState.__value__) else None


class Deployment(Frozen):
    """A change that went out: the first suspect when an alert follows it. Not every sender says its state."""

    service: Name
    version: Name
    environment: Name | None = None
    deployed_at: AwareDatetime
    url: Url | None = None
    state: Annotated[DeploymentState | None, BeforeValidator(_known_state)] = None

    def concerns(self, alert: NormalizedAlert) -> bool:
        """Return True if it is of the alert's service, and not known to be of another environment."""
        if alert.service is None or self.service.casefold() != alert.service.casefold():
            return False
        there, here = self.environment, alert.environment
        return there is None or here is None or short_environment(there) == short_environment(here)


class EarlierIncident(Frozen):
    """An incident that is over: Firstline's decisions, its outcome, and people's feedback.

    runbook_id
        The runbook that was planned. `chosen_runbook_id` is the verdict's, whether or not it was planned.
    template
        The alert's words without numbers, hosts and names (`classification.templates`).
    evidence_class
        The circumstances that the verdict held for (`classification.memory`).
    taken_by
        The person who acknowledged it.
    feedback, note
        The last feedback of each person, and the last note on what fixed it: text, never an instruction.
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
    """An incident of another group that reads like this one, scored from 0 (no common word) to 1 (the same words)."""

    incident: EarlierIncident
    score: float = Field(ge=0, le=1)


class AlertCount(Frozen):
    """Numbers of new alerts within the last hour and within the last day, that hour included."""

    last_hour: int = Field(ge=0)
    last_day: int = Field(ge=0)


class ServiceActivity(Frozen):
    """Activity of a service: its new alerts, whatever their name, and its last deployment in each environment."""

    alerts: AlertCount
    deployments: list[Deployment]


class MetricReading(Frozen):
    """One metric of the affected resource: now, an hour ago and a week ago.

    `name` and `statistic` are CloudWatch's, and the values are in its units. `lowest` and `highest` are of the last
    hour. `of` is the resource's id, where it is another one than the alarm's (a replica).
    """

    name: Name
    statistic: Name = "Average"
    now: float = Field(allow_inf_nan=False)
    hour_ago: float | None = Field(default=None, allow_inf_nan=False)
    week_ago: float | None = Field(default=None, allow_inf_nan=False)
    lowest: float | None = Field(default=None, allow_inf_nan=False)
    highest: float | None = Field(default=None, allow_inf_nan=False)
    of: Name | None = None


type Short = Annotated[str, StringConstraints(max_length=200)]
"""A word or a short sentence of evidence. Readers redact and cut it (`privacy.safe`)."""


class ResourceFact(Frozen):
    """A fact about a resource: `max_allocated_storage_gib`, `100`."""

    name: Short
    value: Short

    @property
    def number(self) -> float | None:
        """Return the value as a number, or None if it is none."""
        try:
            return float(self.value)
        except ValueError:
            return None


class Resource(Frozen):
    """The resource that an alarm watches, as AWS describes it now.

    `kind` is the field's word for it ("RDS", "EC2", …), and `namespace` CloudWatch's for its metrics. `state` is AWS's
    own word; None if it has none or could not be read.
    """

    kind: Short
    namespace: Short
    id: Short
    state: Short | None = None
    facts: list[ResourceFact] = Field(default=[], max_length=30)

    def fact(self, name: str) -> str | None:
        """Return the value of a fact, or None if it is not known."""
        return next((fact.value for fact in self.facts if fact.name == name), None)

    def number(self, name: str) -> float | None:
        """Return a fact as a number, or None if it is not known or is none."""
        return next((fact.number for fact in self.facts if fact.name == name), None)


class ResourceChange(Frozen):
    """Something that happened to a resource: a write (CloudTrail), an event of AWS, a scaling activity.

    `what` names it. `categories` are AWS's own words for the kind of an event; `who` is the caller of a write.
    """

    at: AwareDatetime
    what: Short
    who: Short | None = None
    categories: list[Short] = Field(default=[], max_length=10)


class ErrorLine(Frozen):
    """Error lines of one shape in a log: redacted, numbers, ids and values masked. `times` is how many there are."""

    shape: Short
    times: int = Field(ge=1)
    first_at: AwareDatetime


class ErrorLog(Frozen):
    """The most frequent error lines in the affected resource's log around the time when its alarm fired.

    `complete` is false if the log has more of them than were read: the counts are then the least there is. `unread`
    says why the log could not be searched; that is no gap in what a verdict rests on.
    """

    group: Short
    lines: list[ErrorLine] = Field(default=[], max_length=10)
    complete: bool = True
    unread: Text | None = None


class OwnerTags(Frozen):
    """The meaning of the tags that the owner gave to an alarm and to the resource that it watches.

    The alarm's own tags count before its resource's. `severity` is the alarm's alone: a tag of a resource says how
    important that is, and not how bad an alarm is.
    """

    service: Name | None = None
    environment: Name | None = None
    team: Name | None = None
    severity: SourceSeverity | None = None


class AlarmEvidence(Frozen):
    """Evidence that was read around an alarm, outside of the table: its metric, its resource, and what changed there.

    `missing` says in words what could not be read. `log` is None if no log may be read or belongs to the resource.
    """

    metric: MetricSeries | None = None
    readings: list[MetricReading] = Field(default=[], max_length=30)
    resource: Resource | None = None
    changes: list[ResourceChange] = Field(default=[], max_length=20)
    log: ErrorLog | None = None
    tags: OwnerTags = OwnerTags()
    missing: list[Text] = []

    def in_zone(self, zone: tzinfo) -> Self:
        """Return the same with its times in a zone: the stack's, in which people read them."""
        changes = [change.model_copy(update={"at": change.at.astimezone(zone)}) for change in self.changes]
        if self.log is None:
            return self.model_copy(update={"changes": changes})
        lines = [line.model_copy(update={"first_at": line.first_at.astimezone(zone)}) for line in self.log.lines]
        return self.model_copy(update={"changes": changes, "log": self.log.model_copy(update={"lines": lines})})


class Maintenance(Frozen):
    """A declared maintenance window that is active and covers the alert. `at_most` is None where it holds alerts."""

    window: Name
    reason: Text
    owner: Name
    at_most: Severity | None


class Evidence(Frozen):
    """Everything known around an incident when it is classified. Built once, read by rules, history, prompt and page.

    `missing` says in words what could not be read: an empty list of deployments is then no proof that there were none.

    same_service
        Alerts of the incident's service, whatever their name; None when the service is not known.
    earlier
        Of the same group, newest first. `similar` are incidents of other groups that read like this one, best first.
    service_deployed_at
        When the incident's service was last deployed, however long ago.
    topology
        The incident's place according to its labels: cluster, namespace, node, zone, team.
    readings, resource, changes
        Metrics of the affected resource, its state, and what changed on it, newest first.
    log, tags
        The error lines in the resource's log, and the meaning of the owner's tags.
    maintenance
        The declared maintenance windows that are active and cover this alert.
    word, near
        For an alert without a stated severity: what a person said of it, or else the nearest thing that people judged.
    """

    same_name_last_hour: int = Field(ge=0)
    same_name_last_day: int = Field(default=0, ge=0)
    same_service: AlertCount | None = None
    earlier: list[EarlierIncident]
    similar: list[SimilarIncident] = []
    deployments: list[Deployment]
    service_deployed_at: AwareDatetime | None = None
    topology: dict[str, str] = {}
    metric: MetricSeries | None = None
    readings: list[MetricReading] = []
    resource: Resource | None = None
    changes: list[ResourceChange] = []
    log: ErrorLog | None = None
    tags: OwnerTags = OwnerTags()
    local_time: AwareDatetime
    business_hours: bool
    missing: list[Text] = []
    maintenance: list[Maintenance] = []
    word: Word | None = None
    near: NearWord | None = None
