"""The port to the store of remediations: plans that wait, remediations in progress, and runs that are over.

Every method raises `HistoryUnavailable` when the store cannot be reached.
"""

from datetime import datetime
from typing import Protocol

from firstline.models import Frozen, RemediationPlan, RunbookRun, RunOutcome
from firstline.remediation.locks import Lease


class Standing(Frozen):
    """The record of a runbook: whether it may run by itself although its mode is `approve`, or may not although `auto`.

    Who settles a remediation writes it, and a person's command; who plans only reads it.

    Parameters
    ----------
    in_a_row
        The verified runs since the last one that did not help: an act changed something, and the verification held.
    demoted
        Why it may not run by itself; None if nothing speaks against it.
    demoted_by_person
        True if a person demoted it: then only a person lifts it.
    promoted_by
        The person who lets it run by itself; lost by one run that does not help.
    """

    in_a_row: int = 0
    demoted: str | None = None
    demoted_by_person: bool = False
    promoted_by: str | None = None

    def why_demoted(self, auto_after: int | None) -> str | None:
        """Return why the runbook may not run by itself, or None. Enough verified runs lift what a failed one set."""
        again = auto_after is not None and self.in_a_row >= auto_after and not self.demoted_by_person
        return None if again else self.demoted

    def runs_by_itself(self, auto_after: int | None) -> bool:
        """Return True if the runbook has earned auto, after so many verified runs in a row, or a person gave it."""
        earned = auto_after is not None and self.in_a_row >= auto_after
        return self.why_demoted(auto_after) is None and (earned or self.promoted_by is not None)


class RemediationState(Frozen):
    """The remediations in progress, and one runbook's runs. `version` changes whenever one begins or ends."""

    version: int
    held: list[Lease]
    runs: list[RunbookRun]


NOTHING_RUNS = RemediationState(version=0, held=[], runs=[])
"""The state before the first remediation of a stack."""


class Beginning(Frozen):
    """The locks and the run that a remediation takes when it begins, if the state is still as it was read."""

    plan: RemediationPlan
    run: RunbookRun
    state: RemediationState

    def leases(self, now: datetime) -> list[Lease]:
        """Return the leases that are held once this remediation has begun, its own among them."""
        run = self.run
        mine = Lease(incident_id=run.incident_id, runbook_id=run.runbook_id, locks=self.plan.locks, until=run.until)
        others = [held for held in self.state.held if held.until > now and held.incident_id != run.incident_id]
        return [*others, mine]


class Remediations(Protocol):
    """The remediations of the whole stack: reserved, locked, settled. Every method raises `HistoryUnavailable`."""

    def plan_of(self, incident_id: str) -> RemediationPlan | None:
        """Return the plan that the incident has already, or None."""

    def state(self, runbook_id: str, since: datetime) -> RemediationState:
        """Read the remediations in progress, with one runbook's runs that began since a time."""

    def keep(self, plan: RemediationPlan, incident_id: str) -> None:
        """Store a plan that waits for a yes: it holds no lock and counts against no limit.

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
        """Return True if the incident's remediation has taken its locks and its lease is not over."""

    def keep_shadow(self, run: RunbookRun) -> None:
        """Count a run in shadow; of one incident, only the first."""

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
        """Write how the remediation ended and release its locks; return True the first time only.

        Parameters
        ----------
        began
            When it took its locks; None if it never did, because nobody approved it.
        demote
            The reason why the runbook may not run by itself any more; None when it may.
        proven
            An act changed something and the verification held: one more verified run in a row.

        Raises
        ------
        RemediationContended
            Too many remediations begin and end at this moment.
        """

    def standing(self, runbook_id: str) -> Standing:
        """Return the record of a runbook."""

    def promote(self, runbook_id: str, by: str, at: datetime) -> None:
        """Let a runbook run by itself, as a person decided."""

    def demote(self, runbook_id: str, by: str, at: datetime) -> None:
        """Let a runbook ask again, as a person decided."""
