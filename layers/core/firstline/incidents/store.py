"""The ports to the store of incidents: evidence, the incidents themselves, and the groups of alerts that open them.

Every method raises `HistoryUnavailable` when the store cannot be reached. A method that changes an incident does so
under a condition, in one write: of several writers at the same moment exactly one succeeds.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Protocol

from firstline.models import (
    AlertCount,
    Approval,
    Classification,
    Decision,
    Deployment,
    EarlierIncident,
    Feedback,
    Incident,
    IncidentRecord,
    NormalizedAlert,
    Note,
    Outcome,
    Page,
    RunbookRun,
    ServiceActivity,
    SourceSeverity,
    StepResult,
)

if TYPE_CHECKING:
    from firstline.classification.calibration import Calibration
    from firstline.ingest.fold import GroupState, Limits


class EvidenceSource(Protocol):
    """The reader of what happened before: to an alert, to its service and to its group."""

    def alerts_named(self, alert_name: str, now: datetime) -> AlertCount:
        """Count the new alerts of this name in the last hour and the last day."""

    def service_activity(self, service: str, now: datetime) -> ServiceActivity:
        """Count the new alerts of a service, and return its last deployment in each environment."""

    def earlier_incidents(self, group_key: str, limit: int = 20) -> list[EarlierIncident]:
        """Return the group's last incidents that are over, newest first.

        Suppressed incidents that a person called real are among them, however many came since.
        """

    def incidents_like(self, alert: NormalizedAlert) -> list[EarlierIncident]:
        """Return the newest incidents with the alert's name or service, at most one per group and day."""

    def deployments_since(self, since: datetime) -> list[Deployment]:
        """Return the deployments since a time, newest first."""


class Incidents(EvidenceSource, Protocol):
    """Incidents, and the evidence learned from them."""

    # --- read -------------------------------------------------------------------------------------------------------

    def record(self, incident_id: str) -> IncidentRecord | None:
        """Return an incident as it stands now, or None if it is unknown."""

    def open_records(self) -> Iterable[IncidentRecord]:
        """Return the incidents that are not closed, oldest first."""

    def closed_since(self, since: datetime) -> Iterable[IncidentRecord]:
        """Return the incidents that closed since a time, oldest first."""

    def runs_since(self, runbook_id: str, since: datetime) -> list[RunbookRun]:
        """Return a runbook's runs that were planned since a time, in shadow or not, oldest first."""

    def calibration(self, now: datetime) -> "Calibration":
        """Return how often each decider was right, in this month and the one before."""

    def incident_paged_as(self, pagerduty_id: str) -> str | None:
        """Return our incident id for a PagerDuty incident id, or None."""

    # --- write ------------------------------------------------------------------------------------------------------

    def save_classification(self, incident_id: str, classification: Classification) -> None:
        """Store the classification."""

    def save_page(self, incident_id: str, page: Page, at: datetime) -> None:
        """Add a page; `paged_at` stays the time of the first."""

    def mark_paged(self, incident_id: str, at: datetime) -> None:
        """Record a page that was sent without the paging policy, as reconcile does."""

    def save_slack_message(self, incident_id: str, channel: str, ts: str) -> None:
        """Store where the incident's Slack message is, so that it can be edited."""

    def save_deployment(self, deployment: Deployment) -> None:
        """Store a deployment; storing it again changes nothing."""

    def remember_page(self, pagerduty_id: str, incident_id: str, at: datetime) -> None:
        """Store which of our incidents a PagerDuty incident belongs to; its note events carry only PagerDuty's id."""

    # --- lifecycle --------------------------------------------------------------------------------------------------

    def acknowledge(self, incident_id: str, by: str, now: datetime) -> IncidentRecord | None:
        """Write the acknowledgement; return None if there is one already, or the incident is over or unknown."""

    def resolve(self, incident_id: str, by: str, now: datetime) -> IncidentRecord | None:
        """Write the resolution; return None if the incident is over or unknown."""

    def end_hold(self, incident_id: str, because: str, now: datetime) -> IncidentRecord | None:
        """Write that the incident's hold ended; return None if it had already, or the incident is over or unknown."""

    def hold_back(self, incident_id: str, severity: SourceSeverity) -> None:
        """Store the severity of a held alert that joined the incident, if no worse one is stored."""

    def decide(
        self, incident_id: str, word: Approval, decision: Decision | None, *, seen: IncidentRecord
    ) -> IncidentRecord | None:
        """Write one person's answer to the plan if the incident is still as it was `seen` and waits for approval.

        Parameters
        ----------
        decision
            The decision that this word makes; None for a yes that needs another.

        Returns
        -------
        IncidentRecord | None
            None when the wait is over, or someone else's word came in between.
        """

    def close(
        self, incident_id: str, outcome: Outcome, reason: str, results: Sequence[StepResult], at: datetime
    ) -> IncidentRecord:
        """Close the incident and store it as evidence. If it is closed already, return the stored record.

        Raises
        ------
        HistoryUnavailable
            Also when the incident is unknown.
        """

    # --- what people say --------------------------------------------------------------------------------------------

    def append_feedback(self, incident_id: str, word: Feedback, *, seen: IncidentRecord) -> IncidentRecord | None:
        """Add one person's feedback, or return None if someone else gave theirs since the record was `seen`."""

    def append_note(self, incident_id: str, note: Note, *, seen: IncidentRecord) -> IncidentRecord | None:
        """Add a note, or return None if someone else wrote one since the record was `seen`."""

    def remember_the_end(self, record: IncidentRecord) -> None:
        """Bring the evidence from a closed incident up to date; an open incident is no evidence yet."""


class Groups(Protocol):
    """Groups of alerts, and the writes that open, join and leave their incidents."""

    def read(self, group_key: str) -> "GroupState":
        """Return the group as it stands now, or a new one."""

    def write(
        self,
        before: "GroupState",
        after: "GroupState",
        new: Sequence[NormalizedAlert],
        now: datetime,
        *,
        counted: bool = False,
    ) -> None:
        """Write the folded group, and count the new alerts on its open incident unless they are `counted` already.

        Raises
        ------
        GroupChanged
            The group is no longer as it was read.
        """

    def open_incident(
        self,
        before: "GroupState",
        after: "GroupState",
        incident: Incident,
        new: Sequence[NormalizedAlert],
        now: datetime,
        *,
        limits: "Limits | None",
        member: str,
    ) -> str:
        """Write a new incident, PENDING, and return its execution's input.

        Raises
        ------
        GroupChanged
            The group is no longer as it was read.
        RateLimited
            Too many incidents began within this minute, or a storm lasts.
        """

    def execution_input(self, incident_id: str) -> str | None:
        """Return the stored input of the incident's execution: a second start must send the same bytes."""

    def mark_started(self, incident_id: str, group_key: str) -> None:
        """Mark the incident as started, unless its group changes at the same moment."""

    def remember_storm(self, alert_name: str | None, now: datetime) -> None:
        """Let new incidents with this alert name join the storm incident for a while; None means any name."""

    def join_storm(self, incident_id: str, group_key: str, count: int, now: datetime) -> bool:
        """Make a group part of an open storm incident; return False if that incident is over."""

    def leave(self, incident_id: str, group_key: str, by: str, now: datetime) -> IncidentRecord | None:
        """Remove a group that no longer fires from the incident; return the incident if that resolved it."""

    def mark_quiet_since(self, incident_id: str, now: datetime) -> None:
        """Store when a flapping incident became quiet."""

    def worsen(self, incident_id: str, severity: SourceSeverity) -> IncidentRecord | None:
        """Store that an alert of paging severity joined an incident of lower severity."""
