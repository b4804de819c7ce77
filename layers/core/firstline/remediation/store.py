"""The port to the store of remediations: plans that wait, remediations in progress, and runs that are over.

Every method raises `HistoryUnavailable` when the store cannot be reached.
"""

from datetime import datetime
from typing import Protocol

from firstline.models import Frozen, RemediationPlan, RunbookRun, RunOutcome
from firstline.remediation.locks import Lease


class Standing(Frozen):
    """The record of a runbook, which decides with its mode whether the runbook may run without approval.

    Only the end of a remediation and a person's command change the record; planning only reads it.

    Parameters
    ----------
    in_a_row
        The number of verified runs since the last run that did not help, or since the scripts changed. Verified: an act
        changed something, and the verification held.
    demoted
        Why the runbook may not run without approval; None if it was not demoted.
    demoted_by_person
        True if a person demoted the runbook: then only a person can promote it again.
    promoted_by
        The person who let the runbook run without approval; None after a run that did not help.
    scripts
        The digest of the scripts that the runs of `in_a_row` ran; None without such runs, or if an older release of
        Firstline stored them.
    """

    in_a_row: int = 0
    demoted: str | None = None
    demoted_by_person: bool = False
    promoted_by: str | None = None
    scripts: str | None = None

    def of(self, scripts: str | None) -> "Standing":
        """Return the record, with `in_a_row` set to 0 if its verified runs were runs of other scripts.

        `scripts` is the digest of the runbook's present scripts; None returns the record unchanged.
        """
        other = scripts is not None and self.scripts is not None and scripts != self.scripts
        return self.model_copy(update={"in_a_row": 0}) if other else self

    def why_demoted(self, auto_after: int | None) -> str | None:
        """Return why the runbook may not run without approval, or None if it was not demoted.

        `auto_after` verified runs in a row end a demotion that a failed run caused, but not one by a person. With
        None, no number of runs ends a demotion.
        """
        again = auto_after is not None and self.in_a_row >= auto_after and not self.demoted_by_person
        return None if again else self.demoted

    def runs_by_itself(self, auto_after: int | None) -> bool:
        """Return True if the runbook is not demoted, and a person promoted it or it earned its autonomy.

        It earns its autonomy by `auto_after` verified runs in a row; `auto_after` is None if it never can.
        """
        earned = auto_after is not None and self.in_a_row >= auto_after
        return self.why_demoted(auto_after) is None and (earned or self.promoted_by is not None)


class RemediationState(Frozen):
    """The locks of all remediations in progress, and one runbook's runs.

    `version` changes whenever a remediation begins or ends.
    """

    version: int
    held: list[Lease]
    runs: list[RunbookRun]


NOTHING_RUNS = RemediationState(version=0, held=[], runs=[])
"""The state before the first remediation of a stack."""


class Beginning(Frozen):
    """The locks and the run to store when a plan's remediation begins, valid only while `state` is unchanged."""

    plan: RemediationPlan
    run: RunbookRun
    state: RemediationState

    def leases(self, now: datetime) -> list[Lease]:
        """Return all leases that are held once this remediation has begun, including its own."""
        run = self.run
        mine = Lease(incident_id=run.incident_id, runbook_id=run.runbook_id, locks=self.plan.locks, until=run.until)
        others = [held for held in self.state.held if held.until > now and held.incident_id != run.incident_id]
        return [*others, mine]


class Remediations(Protocol):
    """The store of all plans, locks and runs of a stack. Every method raises `HistoryUnavailable`."""

    def plan_of(self, incident_id: str) -> RemediationPlan | None:
        """Return the plan that is stored for an incident, or None."""

    def state(self, runbook_id: str, since: datetime) -> RemediationState:
        """Read the remediations in progress, and the runs of one runbook that began since a time."""

    def keep(self, plan: RemediationPlan, incident_id: str) -> None:
        """Store a plan that waits for approval: it holds no lock and counts against no limit.

        Raises
        ------
        AlreadyPlanned
            The incident has a plan.
        """

    def reserve(self, reservation: Beginning, now: datetime) -> None:
        """Store the plan, count its run and take its locks, all or nothing, if the state is still as it was read.

        Raises
        ------
        AlreadyPlanned
            The incident has a plan, or is unknown.
        RemediationContended
            A remediation began or ended since the state was read.
        LockHeld
            Another incident holds one of the locks.
        """

    def holds_locks(self, incident_id: str, now: datetime) -> bool:
        """Return True if the incident's remediation has taken its locks and their lease is not over at `now`."""

    def keep_shadow(self, run: RunbookRun) -> None:
        """Store a run that was only planned, because its runbook is in the mode `shadow`.

        A second run for the same incident changes nothing.
        """

    def settle(
        self,
        plan: RemediationPlan,
        incident_id: str,
        outcome: RunOutcome,
        *,
        began: datetime | None,
        accepted: bool | None,
        demote: str | None,
        proven: bool = False,
        at: datetime,
    ) -> bool:
        """Store how the remediation ended and release its locks; return True only for the first call.

        Parameters
        ----------
        began
            When the remediation took its locks; None if it never did, because nobody approved it.
        accepted
            A person's decision on the plan; None if nobody decided.
        demote
            The reason to demote the runbook; None to leave it as it is.
        proven
            True if this counts as one more verified run in a row.
        at
            When the remediation ended.

        Raises
        ------
        RemediationContended
            Too many remediations begin and end at this moment.
        """

    def standing(self, runbook_id: str) -> Standing:
        """Return the record of a runbook: its verified runs in a row, and whether it was promoted or demoted."""

    def promote(self, runbook_id: str, by: str, at: datetime) -> None:
        """Store that the person `by` lets a runbook run without approval."""

    def demote(self, runbook_id: str, by: str, at: datetime) -> None:
        """Store that the person `by` makes a runbook ask for approval again."""
