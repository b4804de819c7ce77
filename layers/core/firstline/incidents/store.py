"""The ports to the store of incidents: evidence for verdicts, and the incidents themselves.

Every method raises `HistoryUnavailable` when the store cannot be reached. A method that changes an incident does so in
one conditional write: of several conflicting writes at the same moment exactly one succeeds. A record that it returns
is as it stands after the change.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from firstline.classification.earned_say import Disagreement
    from firstline.models import (
        AlertCount,
        AlertKind,
        Approval,
        Classification,
        Decision,
        Deployment,
        EarlierIncident,
        Feedback,
        Hold,
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
    """The reader of evidence for verdicts: earlier alerts, incidents and deployments, and severities people set."""

    def alerts_named(self, alert_name: str, now: datetime) -> AlertCount:
        """Count the new alerts of this name in the last hour and the last day."""

    def service_activity(self, service: str, now: datetime) -> ServiceActivity:
        """Count a service's new alerts of the last hour and day, and read its last deployment in each environment."""

    def earlier_incidents(self, group_key: str, limit: int = 20) -> list[EarlierIncident]:
        """Return the group's last closed incidents, at most `limit`, newest first.

        If the group has more, suppressed incidents that a person called real (not noise) are kept before all others.
        """

    def incidents_like(self, alert: NormalizedAlert) -> list[EarlierIncident]:
        """Return the newest incidents with the alert's name or service, at most one per group and day.

        Suppressed incidents of which no person spoke are left out.
        """

    def deployments_since(self, since: datetime) -> list[Deployment]:
        """Return the deployments since a time, newest first."""

    def word_on(self, subject: AlertKind) -> Word | None:
        """Return the newest lasting severity (`Word`) that a person set for alerts of this kind, or None.

        If there is none for the environment of `subject`, the one for every environment counts.
        """

    def words(self) -> list[Word]:
        """Return the newest lasting severity (`Word`) that a person set for each kind of alert, in no fixed order."""


class Incidents(EvidenceSource, Protocol):
    """The store of incidents: it reads and changes them, and keeps the evidence learned from them."""

    # --- read -------------------------------------------------------------------------------------------------------

    def record(self, incident_id: str) -> IncidentRecord | None:
        """Return the whole incident as it stands now, or None if it is unknown."""

    def live(self, group_key: str) -> Live | None:
        """Return the `Live` item of the group's newest incident, open or closed; None if the group has none."""

    def members(self, incident_id: str, limit: int = 50) -> list[StoredAlert]:
        """Return the incident's alerts, worst first, at most `limit`. Alerts of the last second may be missing."""

    def open_records(self) -> Iterable[IncidentRecord]:
        """Return the incidents that are open, oldest first."""

    def closed_since(self, since: datetime) -> Iterable[IncidentRecord]:
        """Return the incidents that closed since a time, oldest first."""

    def with_pages(self, records: Iterable[IncidentRecord]) -> Iterable[IncidentRecord]:
        """Return these incidents with their newest pages, which the lists of incidents leave out."""

    def runs_since(self, runbook_id: str, since: datetime) -> list[RunbookRun]:
        """Return a runbook's runs that were planned since a time, also those in shadow (only planned), oldest first."""

    def disagreements(self) -> list[Disagreement]:
        """Return on which closed incidents a model's verdict differed from that of rules and history, oldest first."""

    def incident_paged_as(self, pagerduty_id: str) -> str | None:
        """Return the id of Firstline's incident for a PagerDuty incident id, or None if it is unknown."""

    # --- write ------------------------------------------------------------------------------------------------------

    def judge(
        self, incident: Incident, generation: int, verdict: Classification, now: datetime, *, seen: Live | None
    ) -> None:
        """Store the verdict of the execution number `generation`, and that it covers the alerts counted in `seen`.

        `seen` is the `Live` item that the verdict was based on; None if it could not be read, and then an earlier
        verdict stays. If the verdict's severity pages nobody, the page that is due is cancelled, unless an alert joined
        after `seen`.
        """

    def claim_page(self, incident: Incident, page: Page, lease_until: datetime, now: datetime, *, seen: Live) -> bool:
        """Claim the page with the number `page.seq`, before it goes out, until `lease_until`.

        Return False if, since the `Live` item was read (`seen`), there was another claim or an acknowledgement, or if
        the incident is over.
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
        """Store that a page went out, and that the next one (next level, or the first again) is due at `again_at`.

        `seen` is the `Live` item that the page showed: a page that could not be claimed covers the alerts in it; with
        None, it covers the severity of the alert that the incident was opened with. If `shown` is true, `seen` is also
        stored as the state that people's newest message shows.
        """

    def release_page(self, incident: Incident, page: Page, now: datetime) -> None:
        """Give back the claim of a page that no channel took, so that it may be claimed again at once."""

    def claim_once(self, key: str, holder: str, now: datetime, *, until: datetime) -> bool:
        """Claim the action that `key` names for `holder`: until a time, no other holder in the stack may take it.

        Return False while another holder has the claim. The same holder may claim it again.
        """

    def claimed(self, keys: Collection[str], now: datetime) -> set[str]:
        """Return those of these keys of actions that somebody holds a claim of."""

    def claim_all(self, keys: Collection[str], holder: str, *, until: datetime) -> None:
        """Claim the actions that these keys name for `holder` until a time, whoever holds them."""

    def mark_shown(self, incident: Incident, version: int) -> None:
        """Store which state of the incident (`Live.version`) the newest message to people shows."""

    def begin_quiet(self, incident: Incident, now: datetime) -> bool:
        """Void the incident's pages, so that they no longer ring, as all its alerts ended.

        Return False, and do nothing, if one fires or joins at the same moment.
        """

    def await_quiet(
        self, incident: Incident, generation: int, token: str, now: datetime, *, seen: Live, void: bool
    ) -> bool:
        """Begin the execution's wait through the grouping window: store its task token.

        Return False, and store nothing, if the incident changed since `seen`, if the execution of that generation is
        no longer in charge of it, or if another wait began.

        Parameters
        ----------
        void
            Also void the incident's pages, as `begin_quiet` does.
        """

    def name_hold(self, incident_id: str, hold: Hold) -> None:
        """Store in the incident's verdict the hold that holds it now, if the verdict names another.

        Do nothing if the incident has no verdict with a hold, or if the verdict changes meanwhile. A rule's hold stays,
        and so does a silence until the incident resolves. The stored hold ends when the old one did, if sooner.
        """

    def mark_verified(self, incident: Incident, now: datetime) -> None:
        """Store when a runbook's verification held; a later call keeps the first time."""

    def save_slack_message(self, incident_id: str, channel: str, ts: str) -> None:
        """Store the channel and the timestamp of the incident's Slack message, by which it can be edited."""

    def save_post(self, incident_id: str, channel: str, digest: str) -> None:
        """Store the digest of a channel's newest post about the incident, so that it is not posted again."""

    def save_deployment(self, deployment: Deployment) -> None:
        """Store a deployment; storing it again changes nothing."""

    def remember_page(self, pagerduty_id: str, incident_id: str, at: datetime) -> bool:
        """Store which incident a PagerDuty incident belongs to, because PagerDuty's events carry only its own id.

        Return False, and store nothing, if the incident has another PagerDuty incident that is not over. `at` is the
        present time.
        """

    def take_in_order(self, pagerduty_id: str, event: str, said_at: datetime, now: datetime) -> bool:
        """Store the time of PagerDuty's newest event about one of its incidents, to detect events out of order.

        `event` tells it from others about that incident. Return False, and store nothing, if a later event is known, or
        if this one took effect (`mark_taken`).
        """

    def mark_taken(self, pagerduty_id: str, event: str, said_at: datetime) -> None:
        """Store that PagerDuty's event about one of its incidents took effect, unless a later event is known.

        `event` and `said_at` are as they were given to `take_in_order`.
        """

    def forget_page(self, pagerduty_id: str, incident_id: str, at: datetime) -> None:
        """Store that a PagerDuty incident is over, so that the next page may open another one in PagerDuty.

        `at` is the present time.
        """

    # --- lifecycle --------------------------------------------------------------------------------------------------

    def acknowledge(self, incident_id: str, by: str, now: datetime) -> IncidentRecord | None:
        """Store an acknowledgement of every page so far.

        Return None if the newest page is acknowledged already, or the incident is over or unknown.
        """

    def take_back(self, incident_id: str, now: datetime) -> IncidentRecord | None:
        """Take the acknowledgement of the newest page back; the next page is due as if that page went out now.

        Return None if there is no acknowledgement, or the incident is over or unknown.
        """

    def escalate(self, incident_id: str, by: str, now: datetime, *, seen: int | None = None) -> IncidentRecord | None:
        """Make a page due now: of the next level, or of the first level if nobody was paged yet.

        An acknowledgement is taken back, and a severity that pages nobody becomes high. Return None if the incident is
        over or unknown, if its execution does not wait for people, if a page is just going out, if somebody escalated
        it already (`pages.escalated_already`), or if people were paged since the person looked.

        Parameters
        ----------
        seen
            The number of the newest page (`Live.paged_seq`) that the person had seen; None if unknown.
        """

    def resolve(self, incident_id: str, by: str, now: datetime, *, seen: int | None = None) -> IncidentRecord | None:
        """Store that a person resolved the incident; return None if it is over or unknown.

        Parameters
        ----------
        seen
            The value of `Live.joined` (how many alerts joined) that the person had seen. None counts all as seen, for
            people in PagerDuty, who cannot see the value.

        Raises
        ------
        JoinedSince
            Alerts joined that the person had not seen. The incident stays open.
        """

    def withdraw_resolve(self, incident: Incident, *, seen: Live) -> None:
        """Take a person's Resolve back, because alerts joined before the incident was closed.

        If one of these is high or critical, not held, and on no page, paging begins again with the first level.
        `seen` is the `Live` item with that Resolve; a Resolve that is newer than `seen` stays.
        """

    def end_hold(self, incident_id: str, because: str, now: datetime) -> IncidentRecord | None:
        """Store that the incident's hold ended, and why (`because`).

        Return None if the hold ended before, or if the incident is over or unknown.
        """

    def save_answer(
        self,
        incident_id: str,
        word: Approval,
        decision: Decision | None,
        *,
        seen: IncidentRecord,
        begins: Beginning | None = None,
    ) -> IncidentRecord | None:
        """Store one person's answer to the plan, if the incident is still as it was `seen` and the plan is undecided.

        Parameters
        ----------
        word
            The person's answer, a yes or a no.
        decision
            The decision that this answer completes; None for a yes if another person must agree, too.
        begins
            The locks and the run to store in the same write, if this answer lets the plan run.

        Returns
        -------
        IncidentRecord | None
            None if the plan no longer waits, another answer came in between, or a remediation began or ended.
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
    ) -> IncidentRecord | None:
        """Close the incident, and store it as evidence. If it is closed already, return the stored record.

        Parameters
        ----------
        outcome, reason, results
            How the incident ended, why it ended so, and the results of its commands.
        generation
            The number of the execution that decided; None for a decision outside of executions.
        joined
            The value of `Live.joined` that the decision covers: the incident stays open if more alerts joined. None to
            close only if no alert fires.
        seen
            The record as it was just read, which saves reading it again. If it changed since, it is read again.

        Returns
        -------
        IncidentRecord | None
            None if the incident stays open: an alert joined or fires, or a later execution has the incident.
        """

    # --- reconcile --------------------------------------------------------------------------------------------------

    def due(self, now: datetime, limit: int, *, resting: Mapping[str, datetime] | None = None) -> list[Live]:
        """Return the `Live` items of up to `limit` open incidents at which reconcile, the periodic repair, has to look.

        Those that have been due for longest come first. `resting` maps group keys to due times: an incident that is
        still due at exactly this time is left out.
        """

    def postpone(self, live: Live, until: datetime) -> None:
        """Let reconcile, the periodic repair, look at an incident next at `until`, unless `live` has changed."""

    def begin_generation(self, live: Live, now: datetime) -> Live | None:
        """Count a new execution (`Live.generation`), which succeeds one that ended, and return the new `Live` item.

        Return None if another writer has done so, or the incident is over.
        """

    def repair_index(self, incident_id: str) -> None:
        """Take an incident that is closed, or whose `Live` item is gone, out of the index of open incidents."""

    # --- people's answers -------------------------------------------------------------------------------------------

    def append_feedback(self, incident_id: str, word: Feedback, *, seen: IncidentRecord) -> IncidentRecord | None:
        """Add one person's feedback; return None if the record's feedback changed since it was `seen`."""

    def save_word(self, word: Word) -> bool:
        """Store a person's lasting severity for a kind of alert in place of an older one.

        Return False if a newer one is stored.
        """

    def append_note(self, incident_id: str, note: Note, *, seen: IncidentRecord) -> IncidentRecord | None:
        """Add a person's note; return None if the record's notes changed since it was `seen`."""

    def save_disagreement(self, record: IncidentRecord, found: Disagreement) -> None:
        """Store a model's disagreement on a closed incident; it replaces this model's earlier one on the incident."""

    def remember_the_end(self, record: IncidentRecord) -> None:
        """Store a closed incident's outcome and feedback as evidence for later ones; do nothing for an open one."""
