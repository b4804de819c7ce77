"""What is known around an incident when it is classified: its past, its service, its metric, what is declared."""

from pydantic import AwareDatetime, Field

from firstline.models.deployment import Deployment
from firstline.models.earlier import EarlierIncident, SimilarIncident
from firstline.models.frozen import Frozen, Name, Text
from firstline.models.severity import Severity


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
    earlier: list[EarlierIncident]
    similar: list[SimilarIncident] = []
    deployments: list[Deployment]
    service_deployed_at: AwareDatetime | None = None
    topology: dict[str, str] = {}
    metric: MetricSeries | None = None
    local_time: AwareDatetime
    business_hours: bool
    missing: list[Text] = []
    maintenance: list[Maintenance] = []
