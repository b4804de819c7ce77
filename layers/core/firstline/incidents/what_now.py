"""What an incident's execution does next: a pure function of the record and of what the execution has done so far.

Every state of the machine that has an effect, and every wait, is followed by `What Now?`, which asks this function. So
an execution that missed a signal, was restarted in the middle, or succeeds one that died finds its way by the record.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from math import ceil
from typing import Literal

from firstline.contracts import Go, WhatNowInput, WhatNowOutput
from firstline.incidents.pages import on_hold, page_due, seconds_until_due
from firstline.models import PAGING_RANK, Classification, IncidentRecord, Live
from firstline.models.live import loudest_since

GROUPING_WINDOW = timedelta(minutes=5)
"""How long an incident in which nothing fires any more stays open: an alert that comes back comes back to it."""

MOST_ROUNDS = 300
"""After so many rounds an execution hands over to a successor, long before Step Functions' limit of 25,000 events."""

LONGEST_WAIT = timedelta(days=7)

_WAITS = ("Hold", "Await Acknowledgement", "Await Resolution", "Await Quiet")

type _EndedBy = Literal["resolved", "verified", "expired", "person"]


@dataclass(frozen=True)
class Times:
    """The times that the stack's owner sets.

    Parameters
    ----------
    page_after
        A verified cure buys the alert's own resolve this much time before a person is paged.
    flap_quiet
        The grouping window of a flapping incident.
    resolve_within
        After this long an incident of low severity is closed as expired; one of paging severity is paged again.
    """

    page_after: timedelta
    flap_quiet: timedelta
    resolve_within: timedelta


def what_now(request: WhatNowInput, record: IncidentRecord | None, now: datetime, times: Times) -> WhatNowOutput:
    """Choose the next state of the execution.

    Parameters
    ----------
    record
        The incident as it stands now; None if the table does not know it, which leaves it to a person.
    """
    if record is None or record.live is None:
        return WhatNowOutput(go="Stop" if request.paged else "Page On-Call")
    look = _Look(request, record, record.live, now, times)
    if look.live.incident_id != request.incident.incident_id or not look.live.open:
        return look.go("Stop")
    if look.live.generation != request.generation:
        return look.go("Stop")
    if request.rounds >= MOST_ROUNDS:
        return look.go("Hand Over")
    return look.over() or look.before_people() or look.with_people()


@dataclass(frozen=True)
class _Look:
    """One look at the record. Each method returns the next state, or None if another question decides."""

    request: WhatNowInput
    record: IncidentRecord
    live: Live
    now: datetime
    times: Times

    @property
    def verdict(self) -> Classification | None:
        return self.request.classification or self.record.classification

    @property
    def came_from(self) -> str | None:
        return self.request.happened.state if self.request.happened else None

    @property
    def failed(self) -> bool:
        """Whether the last state failed, which a person has to hear of."""
        happened = self.request.happened
        return happened is not None and happened.error is not None and happened.state not in _WAITS

    @property
    def called(self) -> bool:
        """Whether a person was called for this incident, or has taken it."""
        return self.live.paged_seq > 0 or self.request.paged or self.live.acked_at is not None

    @property
    def pages(self) -> bool:
        """Whether the incident needs a person at once."""
        asked = self.live.rank >= PAGING_RANK or self.live.paged_seq > 0
        return asked or self.failed or self.request.remediation == "page"

    def go(self, state: Go, wait: timedelta | None = None, ended_by: "_EndedBy" = "resolved") -> WhatNowOutput:
        seconds = 0 if wait is None else max(1, ceil(min(wait, LONGEST_WAIT).total_seconds()))
        return WhatNowOutput(
            go=state,
            seconds=seconds,
            changes=self.live.own.changes,
            joined=self.live.joined,
            ended_by=ended_by,
            plan=self.record.plan,
        )

    # --- is it over? ------------------------------------------------------------------------------------------------

    def over(self) -> WhatNowOutput | None:
        """Close what a person resolved; wait through the grouping window when nothing fires any more."""
        if self.live.resolved_by is not None and self.live.resolved_seen == self.live.joined:
            return self.go("Close Incident", ended_by="person")
        if self.live.firing > 0:
            return None
        left = self._quiet_left()
        if left <= timedelta(0):
            return self.go("Close Incident")
        announced = self.came_from in ("Announce Quiet", "Await Quiet")
        return self.go("Await Quiet", left) if announced else self.go("Announce Quiet")

    def _quiet_left(self) -> timedelta:
        window = max(GROUPING_WINDOW, self.times.flap_quiet) if self.live.flapping else GROUPING_WINDOW
        since = max(self.live.last_end_at or self.live.last_alert_at, self.live.last_alert_at)
        return since + window - self.now

    # --- may it end without people? -----------------------------------------------------------------------------------

    def before_people(self) -> WhatNowOutput | None:
        """Judge, hold, suppress, plan and remediate, as long as nobody was called."""
        if self.failed:
            return None
        if self.verdict is None or self.live.decided is None:
            return None if self.called or self.came_from == "Classify" else self.go("Classify")
        if self.called:
            return None
        if self.verdict.hold is not None and on_hold(self.live, self.now) and not self._louder():
            return self.go("Hold", self._hold_left())
        if self._to_be_judged_again():
            return self.go("Classify")
        if self.verdict.severity == "noise" and not self._louder():
            return self.go("Record Suppression")
        if self._louder():
            return None
        if not self.request.planned and self.record.plan is None:
            return self.go("Plan Remediation")
        return self._may_run() or self._verified()

    def _louder(self) -> bool:
        """Return True if an alert of paging severity joined that is worse than the verdict, or that may not wait."""
        newcomer = loudest_since(self.live, self.live.judged_loud)
        covered = 0 if on_hold(self.live, self.now) else self.live.decided or 0
        return newcomer >= PAGING_RANK and newcomer > covered

    def _hold_left(self) -> timedelta:
        return (self.live.held_until or self.now) - self.now

    def _to_be_judged_again(self) -> bool:
        """Return True if a hold is over, unless it was a rule's (then its verdict stands), or if noise got company."""
        verdict = self.verdict
        if verdict is None:
            return True
        held = verdict.hold is not None and verdict.hold.by != "rule" and self.live.held_until is not None
        if held and not on_hold(self.live, self.now):
            return True
        return verdict.severity == "noise" and self.live.joined > self.live.judged

    def _may_run(self) -> WhatNowOutput | None:
        """Run the plan if it may run by itself and has not."""
        plan = self.record.plan
        fresh = plan is not None and self.request.remediation is None and self.live.acted_at is None
        return self.go("Announce Remediation") if fresh and plan is not None and plan.decision == "auto" else None

    def _approved(self) -> WhatNowOutput | None:
        """Run the plan if a person approved it and it has not run."""
        plan = self.record.plan
        waits = plan is not None and self.request.remediation is None and self.live.acted_at is None
        approved = self.record.decision == "approved" and plan is not None and self.record.plan_digest == plan.digest()
        return self.go("Announce Remediation") if waits and approved else None

    def _verified(self) -> WhatNowOutput | None:
        """Close a cured incident below paging severity; above, give the alert's own resolve some more time."""
        if self.request.remediation != "verified":
            return None
        if self.live.rank < PAGING_RANK:
            joined_since = self.record.plan is not None and self.live.joined > self.live.judged
            return None if joined_since else self.go("Close Incident", ended_by="verified")
        left = (self.live.verified_at or self.now) + self.times.page_after - self.now
        return self.go("Await Resolution", left) if left > timedelta(0) else None

    # --- people -------------------------------------------------------------------------------------------------------

    def with_people(self) -> WhatNowOutput:
        """Page, wait for an answer, tell ops, or wait for the end."""
        approved = self._approved()
        if approved is not None:
            return approved
        if not self.pages:
            return self._without_a_page()
        due = page_due(self.live, self.now)
        if due is not None:
            return self.go("Page On-Call")
        if not self.live.answered:
            return self.go("Await Acknowledgement", timedelta(seconds=seconds_until_due(self.live, self.now)))
        ended = self.request.remediation in ("human", "page") and not self.request.notified
        happened = self.request.happened
        still_open = self.came_from == "Await Resolution" and happened is not None and happened.error is not None
        if ended or still_open:
            return self.go("Notify Ops")  # somebody has it, and reads there what came of it
        return self.go("Await Resolution", self.times.resolve_within)

    def _without_a_page(self) -> WhatNowOutput:
        news = self.live.shown == 0 or self.request.remediation is not None
        if news and not self.request.notified:
            return self.go("Notify Ops")
        left = self.live.last_alert_at + self.times.resolve_within - self.now
        if left <= timedelta(0):
            return self.go("Close Incident", ended_by="expired")
        return self.go("Await Resolution", left)
