"""The evidence in the table as it stood at an earlier moment, for verdicts on old incidents."""

from collections.abc import Sequence
from datetime import datetime

from firstline.adapters.dynamodb.evidence import TableEvidence
from firstline.adapters.dynamodb.table import Table
from firstline.models import AlertKind, Deployment, EarlierIncident, NormalizedAlert, ServiceActivity, Word


class AsOf(TableEvidence):
    """The evidence in the table as it stood at `moment`, without what came later.

    Left out are later deployments, incidents that closed later, and later answers of people, on one incident (feedback)
    or on all alerts of a name (words). With `later_answers`, later feedback on incidents that had closed by then counts
    all the same, so that an eval case has all that is known of its past.
    """

    def __init__(self, table: Table, moment: datetime, *, later_answers: bool = False) -> None:
        super().__init__(table)
        self._moment = moment
        self._later_answers = later_answers

    def service_activity(self, service: str, now: datetime) -> ServiceActivity:
        activity = super().service_activity(service, now)
        return activity.model_copy(update={"deployments": self._before(activity.deployments)})

    def earlier_incidents(self, group_key: str, limit: int = 20) -> list[EarlierIncident]:
        return self._ended_before(super().earlier_incidents(group_key, limit=100))[:limit]

    def incidents_like(self, alert: NormalizedAlert) -> list[EarlierIncident]:
        return self._ended_before(super().incidents_like(alert))

    def deployments_since(self, since: datetime) -> list[Deployment]:
        return self._before(super().deployments_since(since))

    def word_on(self, subject: AlertKind) -> Word | None:
        word = super().word_on(subject)
        return word if word is not None and word.at <= self._moment else None

    def words(self) -> list[Word]:
        return [word for word in super().words() if word.at <= self._moment]

    def _before(self, deployments: Sequence[Deployment]) -> list[Deployment]:
        return [deployment for deployment in deployments if deployment.deployed_at <= self._moment]

    def _ended_before(self, found: Sequence[EarlierIncident]) -> list[EarlierIncident]:
        return [self._unsaid(incident) for incident in found if incident.closed_at <= self._moment]

    def _unsaid(self, incident: EarlierIncident) -> EarlierIncident:
        if self._later_answers:
            return incident
        said = [answer for answer in incident.feedback if answer.at <= self._moment]
        return incident.model_copy(update={"feedback": said})
