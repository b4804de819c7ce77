"""The evidence for classifying an incident: its past, its service, its resource's metrics, declared maintenance."""

from datetime import tzinfo
from typing import Annotated, Literal, Self, get_args

from pydantic import AwareDatetime, BeforeValidator, Field, StringConstraints

from firstline.models.alert import NormalizedAlert, OwnerTags
from firstline.models.classification import DecidedBy
from firstline.models.frozen import Frozen, Name, Text, Url
from firstline.models.metric import MetricSeries
from firstline.models.record import Feedback, Outcome
from firstline.models.severity import Severity
from firstline.models.word import NearWord, Word, short_environment

type DeploymentState = Literal["in_progress", "succeeded", "failed", "rolled_back"]
"""The state that a deployment has reached; `firstline.sources.deployments.states` explains each."""


def _known_state(state: object) -> object:
    """Return a deployment's state unchanged, or None for a state that only another release of Firstline knows."""
    return state if state in get_args(DeploymentState.__value__) else None


class Deployment(Frozen):
    """A deployment of a service: the first suspect when an alert follows it. `state` is None if no sender states it."""

    service: Name
    version: Name
    environment: Name | None = None
    deployed_at: AwareDatetime
    url: Url | None = None
    state: Annotated[DeploymentState | None, BeforeValidator(_known_state)] = None

    def concerns(self, alert: NormalizedAlert) -> bool:
        """Return True if this is a deployment of the alert's service, and not known to be in another environment."""
        if alert.service is None or self.service.casefold() != alert.service.casefold():
            return False
        there, here = self.environment, alert.environment
        return there is None or here is None or short_environment(there) == short_environment(here)


class EarlierIncident(Frozen):
    """An incident that is over: Firstline's decisions, its outcome, and people's feedback.

    runbook_id, chosen_runbook_id
        The runbook that was planned, and the runbook that the verdict chose, planned or not.
    template
        The alert's words without numbers, hosts and names (`classification.templates`).
    evidence_class
        The circumstances under which the verdict was given (`classification.memory`).
    taken_by
        The person who acknowledged it.
    feedback, note
        The last feedback of each person, and the last note on what fixed the incident: untrusted text.
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
    """An incident of another group whose alert resembles the alert at hand.

    `score` says how alike the texts and services of both alerts are, from 0 (no word in common) to 1 (the same).
    """

    incident: EarlierIncident
    score: float = Field(ge=0, le=1)


class AlertCount(Frozen):
    """The numbers of new alerts of one name, or of one service, in the last hour and in the last day.

    The day includes the hour.
    """

    last_hour: int = Field(ge=0)
    last_day: int = Field(ge=0)


class ServiceActivity(Frozen):
    """The recent past of a service: its new alerts of every name, and its last deployment in each environment."""

    alerts: AlertCount
    deployments: list[Deployment]


class MetricReading(Frozen):
    """One metric of the affected resource: now, an hour ago and a week ago; None if not known.

    `now` is the newest value, and `age_seconds` the time since the end of its period. `name` and `statistic` are
    CloudWatch's, and so are the units of the values. `lowest` and `highest` are of the last hour.
    """

    name: Name
    statistic: Name = "Average"
    now: float = Field(allow_inf_nan=False)
    age_seconds: int = Field(default=0, ge=0)
    hour_ago: float | None = Field(default=None, allow_inf_nan=False)
    week_ago: float | None = Field(default=None, allow_inf_nan=False)
    lowest: float | None = Field(default=None, allow_inf_nan=False)
    highest: float | None = Field(default=None, allow_inf_nan=False)


type Short = Annotated[str, StringConstraints(max_length=200)]
"""A word or a short sentence of evidence. Readers redact and cut it (`privacy.safe`)."""


class ResourceFact(Frozen):
    """A named fact about a resource, such as `max_allocated_storage_gib` with the value `100`."""

    name: Short
    value: Short

    @property
    def number(self) -> float | None:
        """The fact's value as a number, or None if the value is not a number."""
        try:
            return float(self.value)
        except ValueError:
            return None


class Resource(Frozen):
    """The resource that an alarm watches, as AWS describes it now.

    `kind` is the short name of the AWS service ("RDS", "EC2", …), `namespace` the CloudWatch namespace of its metrics.
    `state` is AWS's own word; None if the resource has no state or the state could not be read. `described` is false if
    AWS did not answer, or does not know the resource.
    """

    kind: Short
    namespace: Short
    id: Short
    state: Short | None = None
    facts: list[ResourceFact] = Field(default=[], max_length=30)
    described: bool = True

    def fact(self, name: str) -> str | None:
        """Return the value of the fact with this name, or None if it is not known."""
        return next((fact.value for fact in self.facts if fact.name == name), None)

    def number(self, name: str) -> float | None:
        """Return the fact with this name as a number, or None if it is not known or not a number."""
        return next((fact.number for fact in self.facts if fact.name == name), None)


class ResourceChange(Frozen):
    """A change or an event of a resource: an API write (from CloudTrail), an AWS event or a scaling activity.

    `what` is its name. `categories` are AWS's own words for the kind of an event; `who` is the caller of an API write.
    """

    at: AwareDatetime
    what: Short
    who: Short | None = None
    categories: list[Short] = Field(default=[], max_length=10)


class ErrorLine(Frozen):
    """The error lines of a log that differ only in numbers, ids and values.

    `shape` is their common text, redacted, with the numbers, ids and values masked. `times` counts the lines.
    """

    shape: Short
    times: int = Field(ge=1)
    first_at: AwareDatetime


class ErrorLog(Frozen):
    """The most frequent error lines in the affected resource's log around the time when its alarm fired.

    `complete` is false if not all error lines were read: the counts are then lower bounds. `unread` says why the log
    could not be searched; None if it could.
    """

    group: Short
    lines: list[ErrorLine] = Field(default=[], max_length=10)
    complete: bool = True
    unread: Text | None = None


class AlarmEvidence(Frozen):
    """Evidence around an alarm that was read from AWS: the alarm's metric, its resource, and the resource's changes.

    `missing` says in words what could not be read. `log` is None if the resource has no log or none may be read.
    """

    metric: MetricSeries | None = None
    readings: list[MetricReading] = Field(default=[], max_length=30)
    resource: Resource | None = None
    changes: list[ResourceChange] = Field(default=[], max_length=20)
    log: ErrorLog | None = None
    tags: OwnerTags = OwnerTags()
    missing: list[Text] = []

    def in_zone(self, zone: tzinfo) -> Self:
        """Return a copy with the times of changes and error lines in a time zone, for people to read."""
        changes = [change.model_copy(update={"at": change.at.astimezone(zone)}) for change in self.changes]
        if self.log is None:
            return self.model_copy(update={"changes": changes})
        lines = [line.model_copy(update={"first_at": line.first_at.astimezone(zone)}) for line in self.log.lines]
        return self.model_copy(update={"changes": changes, "log": self.log.model_copy(update={"lines": lines})})


class Maintenance(Frozen):
    """A declared maintenance window that is active and covers the alert.

    `at_most` is the highest severity that it leaves an alert; None if it holds alerts instead.
    """

    window: Name
    reason: Text
    owner: Name
    at_most: Severity | None


class Evidence(Frozen):
    """Everything known around an incident when it is classified, for rules, history, the model's prompt and people.

    `missing` says in words what could not be read: then an empty list of deployments does not prove that none happened.

    same_service
        Alerts of the incident's service, whatever their name; None when the service is not known.
    earlier, similar
        Closed incidents of the same group, newest first; those of other groups that read like this one, best first.
    service_deployed_at
        When the incident's service was last deployed, however long ago.
    topology
        The incident's place according to its labels: cluster, namespace, node, zone, team.
    readings, resource, changes
        Metrics of the affected resource, its state, and its changes, newest first.
    log, tags
        The error lines in the resource's log, and the facts that the owner's tags state.
    maintenance
        The declared maintenance windows that are active and cover this alert.
    word
        The severity that a person set for this kind of alert; None if nobody did, or if the sender states one.
    near
        The severity that a person set for a similar alert; None if nobody did, or if there is `word` or a stated one.
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
