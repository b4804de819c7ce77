"""The alerts of an incident at the time of its classification: the alert to judge it by, and alerts not listed yet.

An incident is judged again when alerts joined that its verdict does not cover. Then the worst firing alert is judged
instead of the first. The list of alerts comes from an index that may be a moment late; the counts are exact. An alert
that is counted but not listed is judged by the severity under which it is counted.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import Self

from firstline.classification.guardrails import Changes
from firstline.errors import HistoryUnavailable
from firstline.incidents.store import Incidents
from firstline.models import (
    PAGING_RANK,
    SEVERITY_RANK,
    AlertKind,
    Classification,
    Incident,
    IncidentRecord,
    Live,
    NormalizedAlert,
    Severity,
    StoredAlert,
    Word,
    kind_of,
)
from firstline.models.live import loudest_since
from firstline.observability import logger

MOST_ALERTS = 50
MOST_HOSTS = 20
MOST_KINDS = 10
"""The most kinds of alerts in one incident for which people's words are read; each costs a request."""


@dataclass(frozen=True, slots=True)
class Joined:
    """An incident's state when it is classified: its LIVE item, its record, and its alerts, worst first.

    `record` is None before the first verdict. `alerts` is empty if only one alert joined or they cannot be read.
    """

    live: Live
    record: IncidentRecord | None
    alerts: Sequence[StoredAlert]

    @classmethod
    def read(cls, incident: Incident, incidents: Incidents) -> Self | None:
        """Read the incident's state; None if the table cannot be read, or the group's LIVE item isn't this incident's.

        The LIVE item is read first, so that the verdict counts no alert as covered that joins during the reads.
        """
        try:
            live = incidents.live(incident.group_key)
            if live is None or live.incident_id != incident.incident_id:
                return None
            record = incidents.record(incident.incident_id) if live.judged else None
        except HistoryUnavailable as error:
            logger.warning(
                "incident not read: judged by its first alert", incident_id=incident.incident_id, error=str(error)
            )
            return None
        return cls(live, record, _alerts(incident, incidents) if live.joined > 1 else [])

    @property
    def stored(self) -> Classification | None:
        """The verdict that is stored in the incident's record, or None."""
        return self.record.classification if self.record else None

    @property
    def paged(self) -> bool:
        """True if an execution has claimed a page for the incident, even if the page has not gone out yet."""
        return self.live.paged_seq > 0

    @property
    def ended_hold(self) -> bool:
        """True if the hold was ended, or a loud alert (high or critical, not held) joined since the last verdict."""
        return self.live.hold_ended_at is not None or loudest_since(self.live, self.live.judged_loud) > 0

    @property
    def all_held(self) -> bool:
        """True if every alert that fires is held back, by a silence, a window or an inhibition."""
        return all(alert.held for alert in self.alerts if alert.firing)

    @property
    def may_wait(self) -> bool:
        """True if a rule may hold the incident: no hold on it was ended, and its verdict is noise or still to come."""
        first = self.live.judged == 0 or (self.stored is not None and self.stored.severity == "noise")
        return first and self.live.hold_ended_at is None

    def standing(self, now: datetime) -> Classification | None:
        """Return the stored verdict if it still holds, else None: if an alert joined since, or if its hold is over.

        A hold that a rule declares counts as lasting; if it was ended, the verdict is returned without it.
        """
        verdict = self.stored
        if verdict is None or self.live.joined != self.live.judged:
            return None
        if verdict.hold is None:
            return verdict
        if self.live.hold_ended_at is not None:
            return verdict.model_copy(update={"hold": None}) if verdict.hold.by == "rule" else None
        return verdict if verdict.hold.by == "rule" or now < verdict.hold.until else None

    def firing_alerts(self, incident: Incident) -> list[NormalizedAlert]:
        """Return the alerts that fire, or the incident's first alert if the table's index, which lags, lists none."""
        return [alert.alert for alert in self.alerts if alert.firing] or [incident.alert]

    def leads(self, incident: Incident, word_on: Callable[[AlertKind], Word | None], now: datetime) -> Incident:
        """Return the incident with its worst firing alert in place of its first, if alerts joined since it was opened.

        If an alert's source states no severity, what a person said on how bad such alerts are counts; `word_on` returns
        that, or None. Of equally bad alerts, those that the last verdict did not know of come first, then the earliest.
        A storm is returned unchanged.
        """
        firing = [alert for alert in self.alerts if alert.firing]
        if incident.storm or not firing or self.live.joined <= incident.alert_count:
            return incident
        said = _ranks_said(firing, word_on, now)
        lead = min(
            firing,
            key=lambda each: (-said.get(kind_of(each.alert), each.rank), each.number < self.live.judged, each.number),
        )
        hosts = dict.fromkeys(alert.alert.host for alert in [lead, *firing] if alert.alert.host)
        changes = {"alert": lead.alert, "hosts": list(hosts)[:MOST_HOSTS], "alert_count": self.live.alerts}
        return incident.model_copy(update=changes)

    def raised(self, verdict: Classification, incident: Incident) -> Classification:
        """Return the verdict, raised to the severity of high and critical alerts that joined but cannot be read yet."""
        changes = Changes(verdict.severity, list(verdict.reasons))
        for severity, number in self._unjudged(incident).items():
            if number > 0:
                changes.at_least(severity, "an alert of that severity joined that Classify could not read yet")
        return verdict.model_copy(update={"severity": changes.severity, "reasons": changes.reasons})

    def _unjudged(self, incident: Incident) -> dict[Severity, int]:
        """Count, by severity, the loud alerts that joined since the last verdict and cannot be read yet.

        An alert is loud if it is high or critical and not held. In a storm, those that can be read are counted, too.
        """
        loud, known = self.live.loud, self.live.judged_loud
        if self.live.joined <= incident.alert_count and not incident.storm:
            return {}
        if not incident.storm and self.live.worst >= PAGING_RANK and self._worst_listed(incident) < self.live.worst:
            # Alerts that were held back are not among the loud ones.
            return {"critical" if self.live.worst > PAGING_RANK else "high": 1}
        since = [alert.rank for alert in self.alerts if alert.number >= self.live.judged and not alert.held]
        if incident.storm:
            since = []
        elif not self.alerts and self.live.judged == 0:
            since = [SEVERITY_RANK[incident.alert.severity]]
        high = loud.high - known.high - since.count(PAGING_RANK)
        critical = loud.critical - known.critical - since.count(SEVERITY_RANK["critical"])
        return {"high": high, "critical": critical}

    def _worst_listed(self, incident: Incident) -> int:
        """Return the highest severity rank (4 is critical) of the alerts that were read; if none was, of the first."""
        return max((alert.rank for alert in self.alerts), default=SEVERITY_RANK[incident.alert.severity])


def _ranks_said(
    firing: Sequence[StoredAlert], word_on: Callable[[AlertKind], Word | None], now: datetime
) -> dict[AlertKind, int]:
    """Return the severity rank (4 is critical) that people set for each kind of alert whose source states no severity.

    `word_on` reads from the table what a person said on a kind of alert. The result is empty if all alerts are of one
    kind, as they need no order then, or if the table cannot be read.
    """
    kinds = dict.fromkeys(kind_of(stored.alert) for stored in firing)
    unstated = dict.fromkeys(kind_of(stored.alert) for stored in firing if not stored.alert.severity_stated)
    if len(kinds) == 1:
        return {}
    try:
        words = {kind: word_on(kind) for kind in islice(unstated, MOST_KINDS)}
    except HistoryUnavailable as error:
        logger.warning("people's words on the incident's alerts not read: alerts keep their ranks", error=str(error))
        return {}
    return {kind: SEVERITY_RANK[word.severity] for kind, word in words.items() if word and word.holds(now)}


def _alerts(incident: Incident, incidents: Incidents) -> list[StoredAlert]:
    try:
        return incidents.members(incident.incident_id, MOST_ALERTS)
    except HistoryUnavailable as error:
        logger.warning("alerts not read: judged by counts", incident_id=incident.incident_id, error=str(error))
        return []
