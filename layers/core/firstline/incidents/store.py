"""The ports to the store of incidents: evidence, the incidents themselves, and the groups of alerts that open them.

Every method raises `HistoryUnavailable` when the store cannot be reached. A method that changes an incident does so
under a condition, in one write: of several writers at the same moment exactly one succeeds.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, NamedTuple, Protocol

if TYPE_CHECKING:
    from firstline.classification.earned import Disagreement
    from firstline.models import (
        AlertCount,
        AlertKind,
        Approval,
        Change,
        Classification,
        Decision,
        Deployment,
        EarlierIncident,
        Feedback,
        Incident,
        IncidentRecord,
        Live,
        NormalizedAlert,
        Note,
        Outcome,
        Page,
        RunbookRun,
        ServiceActivity,
        StepResult,
        StoredAlert,
        Word,
    )
    from firstline.remediation.store import Beginning


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

    def word_on(self, subject: AlertKind) -> Word | None:
        """Return the last word that a person said on this subject; else the one for every environment; else None."""

    def words(self) -> list[Word]:
        """Return people's words on all alerts: the last one on each, in no order."""


class Incidents(EvidenceSource, Protocol):
    """Incidents, and the evidence learned from them."""

    # --- read -------------------------------------------------------------------------------------------------------

    def record(self, incident_id: str) -> IncidentRecord | None:
        """Return an incident as it stands now, or None if it is unknown."""

    def live(self, group_key: str) -> Live | None:
        """Return a group's live half as it stands now: that of its newest incident, open or closed."""

    def members(self, incident_id: str, limit: int = 50) -> list[StoredAlert]:
        """Return the incident's alerts, worst first. An index answers: an alert of the last second may be missing."""

    def open_records(self) -> Iterable[IncidentRecord]:
        """Return the incidents that are not closed, oldest first."""

    def closed_since(self, since: datetime) -> Iterable[IncidentRecord]:
        """Return the incidents that closed since a time, oldest first."""

    def with_pages(self, records: Iterable[IncidentRecord]) -> Iterable[IncidentRecord]:
        """Return these incidents with their newest pages, which the lists of incidents leave out."""

    def runs_since(self, runbook_id: str, since: datetime) -> list[RunbookRun]:
        """Return a runbook's runs that were planned since a time, in shadow or not, oldest first."""

    def disagreements(self) -> list[Disagreement]:
        """Return where models disagreed with the verdict without them, and who was right; oldest first."""

    def incident_paged_as(self, pagerduty_id: str) -> str | None:
        """Return our incident id for a PagerDuty incident id, or None."""

    # --- write ------------------------------------------------------------------------------------------------------

    def judge(
        self,
        incident: Incident,
        generation: int,
        verdict: Classification,
        now: datetime,
        *,
        seen: Live | None,
        ends: bool = False,
    ) -> None:
        """Store a verdict, and which alerts it knew of. `seen` is the live half as it was when the verdict was formed.

        A verdict below paging severity ends the wait for a page, unless something joined since. `ends` says that the
        incident is to be closed at once: then `close` stores the verdict, in the same write as the end.
        """

    def save_verdict(self, incident: Incident, verdict: Classification) -> None:
        """Store a verdict after all, because the incident does not end at once."""

    def claim_page(self, incident: Incident, page: Page, lease_until: datetime, now: datetime, *, seen: Live) -> bool:
        """Claim the page with the number `page.seq`, which is to go out now.

        Return False if somebody else claimed or acknowledged since the live half was `seen`, or the incident is over.
        """

    def finish_page(
        self,
        incident: Incident,
        page: Page,
        again_at: datetime,
        now: datetime,
        *,
        seen: Live | None = None,
        shown: bool = False,
    ) -> None:
        """Store a page that went out, and when the next level or round is due.

        `seen` is the live half that the page told of, as far as it is known; it counts if the page was not claimed.
        `shown` says that people were shown it, too.
        """

    def release_page(self, incident: Incident, page: Page, now: datetime) -> None:
        """Give back the claim of a page that no channel took: it may be claimed again at once."""

    def claim_once(self, key: str, holder: str, now: datetime, *, until: datetime) -> bool:
        """Claim something that only one incident may do for the whole stack until a time.

        Return False while another holder has it. The holder itself may claim it again, which changes nothing.
        """

    def mark_shown(self, incident: Incident, version: int) -> None:
        """Store which version of the live half (`Live.version`) people were shown."""

    def begin_quiet(self, incident: Incident, now: datetime) -> None:
        """Store that nothing fires any more: pages that went out before do not ring any more."""

    def mark_verified(self, incident: Incident, now: datetime) -> None:
        """Store that a runbook's verification held; the first time counts."""

    def save_slack_message(self, incident_id: str, channel: str, ts: str) -> None:
        """Store where the incident's Slack message is, so that it can be edited."""

    def save_post(self, incident_id: str, channel: str, digest: str) -> None:
        """Store the digest of a channel's newest post about the incident, so that it is not posted again."""

    def save_deployment(self, deployment: Deployment) -> None:
        """Store a deployment; storing it again changes nothing."""

    def remember_page(self, pagerduty_id: str, incident_id: str, at: datetime) -> bool:
        """Store which of our incidents a PagerDuty incident belongs to; its note events carry only PagerDuty's id.

        Return False, and store nothing, if ours is known there under another id that is not over.
        """

    def take_in_order(self, pagerduty_id: str, said_at: datetime, now: datetime) -> bool:
        """Store when PagerDuty said what became of one of its incidents.

        Return False, and store nothing, if a later word about that incident is known.
        """

    def forget_page(self, pagerduty_id: str, incident_id: str, at: datetime) -> None:
        """Store that a PagerDuty incident is over: the next page for ours may open another one there."""

    # --- lifecycle --------------------------------------------------------------------------------------------------

    def acknowledge(self, incident_id: str, by: str, now: datetime) -> IncidentRecord | None:
        """Write an acknowledgement of every page so far.

        Return None if there is one already since the newest page, or the incident is over or unknown.
        """

    def take_back(self, incident_id: str, now: datetime) -> IncidentRecord | None:
        """Take the acknowledgement of the newest page back, and put its next page off by the page's own patience.

        Return None if there is no acknowledgement, or the incident is over or unknown.
        """

    def escalate(self, incident_id: str, now: datetime) -> IncidentRecord | None:
        """Make the next page due now: the next level, or the first one of an incident that paged nobody yet.

        An acknowledgement is taken back. Return None if the incident is over or unknown, or not with people, or if a
        page goes out at this moment.
        """

    def resolve(self, incident_id: str, by: str, now: datetime, *, seen: int | None = None) -> IncidentRecord | None:
        """Write that a person resolved the incident; return None if it is over or unknown.

        Parameters
        ----------
        seen
            `Live.joined` as the person had seen it; None for a person who cannot know it (PagerDuty): as it is now.

        Raises
        ------
        JoinedSince
            Alerts joined that the person had not seen. The incident stays open.
        """

    def withdraw_resolve(self, incident: Incident, *, seen: Live) -> None:
        """Take a person's Resolve back, because alerts joined before the incident was closed.

        One of paging severity that no page told of is paged from the first level on: PagerDuty may be resolved by now.
        """

    def end_hold(self, incident_id: str, because: str, now: datetime) -> IncidentRecord | None:
        """Write that the incident's hold ended; return None if it had already, or the incident is over or unknown."""

    def decide(
        self,
        incident_id: str,
        word: Approval,
        decision: Decision | None,
        *,
        seen: IncidentRecord,
        begins: Beginning | None = None,
    ) -> IncidentRecord | None:
        """Write one person's answer to the plan if the incident is still as it was `seen` and the plan is undecided.

        Parameters
        ----------
        decision
            The decision that this word makes; None for a yes that needs another.
        begins
            The locks and the run that the deciding yes takes with it.

        Returns
        -------
        IncidentRecord | None
            None when the wait is over, someone else's word came in between, or a remediation began or ended.
        """

    def close(
        self,
        incident: Incident,
        generation: int | None,
        outcome: Outcome,
        reason: str,
        results: Sequence[StepResult],
        now: datetime,
        *,
        joined: int | None,
        seen: IncidentRecord | None = None,
        verdict: Classification | None = None,
    ) -> IncidentRecord | None:
        """Close the incident, and store it as evidence. If it is closed already, return the stored record.

        Parameters
        ----------
        generation
            The execution that decided; None for a decision outside of executions.
        joined
            What the decision knew of. None if it rests on silence: then nothing may fire.
        seen
            The incident as it was just read, which saves reading it again. If it changed since, it is read again.
        verdict
            The verdict that ends the incident.

        Returns
        -------
        IncidentRecord | None
            None if the incident stays open: something joined, something fires, or a later execution has it.
        """

    # --- reconcile --------------------------------------------------------------------------------------------------

    def due(self, now: datetime, limit: int, *, resting: Mapping[str, datetime] | None = None) -> list[Live]:
        """Return the live halves that are due to be looked at, oldest first, at most `limit`.

        Leave out those that are `resting`: by group key, while they are due at the time given there.
        """

    def postpone(self, live: Live, until: datetime) -> None:
        """Make a live half due at a later time, unless it changed and is due earlier."""

    def begin_generation(self, live: Live, now: datetime) -> Live | None:
        """Let a new execution succeed a dead one; return None if that happened already or the incident is over."""

    def repair_index(self, incident_id: str) -> None:
        """Take an incident that is closed, or whose live half is gone, out of the list of open ones."""

    # --- what people say --------------------------------------------------------------------------------------------

    def append_feedback(self, incident_id: str, word: Feedback, *, seen: IncidentRecord) -> IncidentRecord | None:
        """Add one person's feedback, or return None if someone else gave theirs since the record was `seen`."""

    def save_word(self, word: Word) -> bool:
        """Store a person's word on a subject in place of the one before. Return False if a later one stands."""

    def append_note(self, incident_id: str, note: Note, *, seen: IncidentRecord) -> IncidentRecord | None:
        """Add a note, or return None if someone else wrote one since the record was `seen`."""

    def save_disagreement(self, record: IncidentRecord, found: Disagreement) -> None:
        """Store a model's disagreement on a closed incident in place of the same model's earlier one."""

    def remember_the_end(self, record: IncidentRecord) -> None:
        """Bring the evidence from a closed incident up to date; an open incident is no evidence yet."""


class Limits(NamedTuple):
    """The most incidents of one source that may begin in a minute: in all, and of one alert name.

    Those of paging severity are counted apart.
    """

    per_minute: int
    per_minute_and_alert: int


@dataclass(frozen=True, slots=True)
class GroupView:
    """A group as one read saw it: its live half, and those of its alerts that were asked for, by fingerprint."""

    live: Live | None = None
    alerts: Mapping[str, StoredAlert] = field(default_factory=dict)


class Groups(Protocol):
    """Groups of alerts as ingest reads and writes them."""

    def read(
        self, wanted: Mapping[str, Iterable[str]], inhibitions: Iterable[str] = ()
    ) -> tuple[dict[str, GroupView], dict[str, int]]:
        """Read groups and some of their alerts, consistently: one request for every hundred items.

        Parameters
        ----------
        wanted
            The fingerprints of interest by group key.
        inhibitions
            Keys of inhibitions.

        Returns
        -------
        tuple
            The groups by key, and by key how many alerts fire that inhibit others.
        """

    def take_token(
        self, source: str, alert_name: str, limits: Limits, now: datetime, *, paging: bool, opening: str | None = None
    ) -> str | None:
        """Take one of this minute's tokens for a new incident. Return None, or the limit that is reached in words.

        Parameters
        ----------
        opening
            A text that is the same for all that open this very incident at once: together they take one token.
        """

    def claim_name(self, source: str, name: str, storm: Live, opening: str) -> bool:
        """Claim the one incident of its own that a name may begin while a storm lasts.

        Return False if another opening of that name has it. The name is an alert's, and says whom it pages if that is
        not the storm's own route.
        """

    def open(self, change: Change, incident: Incident, before: Live | None, opened: Sequence[datetime]) -> Live:
        """Write a new incident with its first alerts.

        Parameters
        ----------
        before
            The live half that the group had; the new one takes its place.
        opened
            When the group opened incidents within the last hour, this one included.

        Raises
        ------
        GroupChanged
            The group or one of the alerts is no longer as it was read.
        """

    def apply(self, change: Change) -> Live:
        """Write alerts that join or end, and return the live half as it stands after that.

        Conflicts with other writers are tried again here; what conflicts often is spread over shards.

        Raises
        ------
        GroupChanged
            An alert is no longer as it was read, the incident is closed, or its hold is over.
        """

    def put_alone(
        self,
        alert: StoredAlert,
        group_key: str,
        *,
        before: StoredAlert | None = None,
        inhibits: Mapping[str, int] | None = None,
    ) -> None:
        """Store the last word of an alert that no open incident counts: one that is over may be ahead of its firing.

        Parameters
        ----------
        before
            The alert as it was read.
        inhibits
            By key, how many fewer alerts fire that inhibit others.

        Raises
        ------
        GroupChanged
            The alert is no longer as it was read.
        """
