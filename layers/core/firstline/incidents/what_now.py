"""The next state of an incident's execution: a pure function of the record and of what the execution has done so far.

A wait is followed by `What Now?`, which asks this function (`choice.py`); functions whose states have an effect ask it
themselves (`following.py`). So an execution that missed a signal, was restarted in the middle, or succeeds one that
died finds its way by the record.

No answer repeats itself without a wait: an effect that the record does not show was refused, or could not be written,
and is tried again only after a wait.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from math import ceil
from typing import Literal

from firstline.contracts import Go, RemediationEnd, WhatNowInput, WhatNowOutput
from firstline.incidents.pages import (
    GROUPING_WINDOW,
    WITHOUT_DATA,
    is_over,
    next_due,
    on_hold,
    page_due,
    seconds_until_due,
)
from firstline.models import PAGING_RANK, Classification, IncidentRecord, Live, Loud
from firstline.models.live import loudest_since

MOST_ROUNDS = 300
"""The rounds after which an execution hands over to a successor, long before Step Functions' limit of 25,000 events."""

LONGEST_WAIT = timedelta(days=7)

UNWRITTEN_PAGE = timedelta(minutes=15)
"""A page that went out and could not be written is repeated after this time if nobody answers."""

REFUSED_PAGE = timedelta(seconds=30)
"""A page that is due and was not sent, because somebody else writes at the same moment, is tried again after this."""

UNWRITTEN_VERDICT = timedelta(minutes=5)
"""An incident whose verdict could not be written is judged again after this time."""

WITH_PEOPLE = ("Await Acknowledgement", "Await Resolution")
"""The waits of an incident that is with people."""

_WAITS = ("Hold", *WITH_PEOPLE, "Await Quiet")

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
        After this long an incident of low severity is closed as expired; of one that somebody has, ops are told again.
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
        asked = request.paged or (request.happened is not None and request.happened.state == "Page On-Call")
        return WhatNowOutput(go="Stop" if asked else "Page On-Call")
    look = _Look(request, record, record.live, now, times)
    if look.live.incident_id != request.incident.incident_id or not look.live.open:
        return look.go("Stop")
    if look.live.generation != request.generation:
        return look.go("Stop")
    if request.rounds >= MOST_ROUNDS:
        return look.go("Hand Over")
    return look.over() or look.before_people() or look.with_people()


def stale_resolve(live: Live) -> bool:
    """Return True if a person resolved the incident, and something joined since that the person had not seen."""
    return live.resolved_by is not None and live.resolved_seen is not None and live.joined > live.resolved_seen


def quiet_left(live: Live, now: datetime, times: Times) -> timedelta:
    """Return how much of the grouping window is left of an incident in which nothing fires any more."""
    window = max(GROUPING_WINDOW, times.flap_quiet) if live.flapping else GROUPING_WINDOW
    since = max(live.last_end_at or live.last_alert_at, live.last_alert_at)
    return since + window - now


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
        """True if the last state failed, which a person has to hear of. The record itself can be read again."""
        happened = self.request.happened
        if happened is None or happened.error is None:
            return False
        return happened.state not in (*_WAITS, "What Now?")

    @property
    def called(self) -> bool:
        """True if a person was called for this incident, or has taken it."""
        return self.live.paged_seq > 0 or self.request.paged or self.live.acked_at is not None

    @property
    def pages(self) -> bool:
        """True if the incident needs a person at once."""
        asked = self.live.rank >= PAGING_RANK or self.live.paged_seq > 0
        return asked or self.failed or self.request.remediation == "page"

    @property
    def interrupted(self) -> bool:
        """True if an earlier execution began the plan, and this one does not know how that ended."""
        known = self.request.remediation is not None or self.live.verified_at is not None
        return self.live.acted_at is not None and not known

    @property
    def remediation(self) -> RemediationEnd | None:
        """The end of the remediation, also if an earlier execution ran it."""
        if self.request.remediation is not None or self.live.acted_at is None:
            return self.request.remediation
        return "verified" if self.live.verified_at is not None else "human"

    @property
    def reason(self) -> str | None:
        """A reason that only the record shows."""
        if self.live.firing <= 0:
            return WITHOUT_DATA
        title = self.record.plan.title if self.record.plan else "A remediation"
        if self.interrupted:
            return (
                f"{title} was begun by an execution that has ended. If nobody was told how the remediation ended, "
                "look at its hosts."
            )
        if self.remediation == "verified":
            still = "other alerts of the incident fire" if self._joined_since_the_plan() else "the alert still fires"
            return f"{title} ran, and its verification holds, but {still}."
        return None

    def go(
        self,
        state: Go,
        wait: timedelta | None = None,
        *,
        ended_by: "_EndedBy" = "resolved",
        joined: int | None = None,
        reason: str | None = None,
    ) -> WhatNowOutput:
        seconds = 0 if wait is None else max(1, ceil(min(wait, LONGEST_WAIT).total_seconds()))
        return WhatNowOutput(
            go=state,
            seconds=seconds,
            changes=self.live.own.changes,
            joined=self.live.joined if joined is None else joined,
            ended_by=ended_by,
            plan=self.record.plan,
            rank=max(self.live.rank, loudest_since(self.live, Loud())),
            reason=reason,
        )

    # --- is it over? ------------------------------------------------------------------------------------------------

    def over(self) -> WhatNowOutput | None:
        """Close what a person resolved; wait through the grouping window when nothing fires any more."""
        if self.live.resolved_by is not None and not stale_resolve(self.live):
            return self.go("Close Incident", ended_by="person")
        if not is_over(self.live):
            return None
        left = quiet_left(self.live, self.now, self.times)
        if left <= timedelta(0):
            return self.go("Close Incident")
        announced = self.came_from in ("Announce Quiet", "Await Quiet")
        return self.go("Await Quiet" if announced else "Announce Quiet", left)

    # --- may it end without people? -----------------------------------------------------------------------------------

    def before_people(self) -> WhatNowOutput | None:
        """Judge, hold, suppress, plan and remediate, as long as something fires and nobody was called."""
        if self.failed or self.live.firing <= 0:
            return None
        if cured := self._cured():
            return cured
        if self.called:
            return None
        if self.verdict is None or self.live.decided is None or self._to_be_judged_again(self.verdict):
            if self.came_from not in ("Classify", "Page On-Call"):
                return self.go("Classify")
            if self.verdict is None or self.live.decided is None:
                return None
        return None if self._louder() else self._as_judged(self.verdict)

    def _as_judged(self, verdict: Classification) -> WhatNowOutput | None:
        """Do what the verdict says: suppress, hold, plan, or run what was planned."""
        if verdict.severity == "noise":
            # Refused if something joined since the verdict; then it is judged again.
            return self.go("Record Suppression", joined=self.live.judged)
        if verdict.hold is not None and on_hold(self.live, self.now):
            return self.go("Hold", (self.live.held_until or self.now) - self.now)
        if not self.request.planned and self.record.plan is None and verdict.runbook_id is not None:
            return self.go("Plan Remediation")
        return self._may_run() or self._verified()

    def _louder(self) -> bool:
        """Return True if an alert of paging severity joined that is worse than the verdict, or that may not wait."""
        newcomer = loudest_since(self.live, self.live.judged_loud)
        covered = 0 if on_hold(self.live, self.now) else self.live.decided or 0
        return newcomer >= PAGING_RANK and newcomer > covered

    def _to_be_judged_again(self, verdict: Classification) -> bool:
        """Return True if something joined that the verdict may not cover, or if a hold is over.

        The verdict of a rule that holds stands when its time is over.
        """
        joined = self.live.joined > self.live.judged
        if verdict.hold is None or verdict.hold.by == "rule":
            return joined and (self._louder() or verdict.severity == "noise")
        return joined or not on_hold(self.live, self.now)

    def _fresh_plan(self) -> bool:
        """Return True if there is a plan that no execution has begun."""
        return self.record.plan is not None and self.request.remediation is None and self.live.acted_at is None

    def _may_run(self) -> WhatNowOutput | None:
        """Run the plan if it may run by itself and has not."""
        by_itself = self.record.plan is not None and self.record.plan.decision == "auto"
        return self.go("Announce Remediation") if by_itself and self._fresh_plan() else None

    def _approved(self) -> WhatNowOutput | None:
        """Run the plan if a person approved it and it has not run."""
        plan = self.record.plan
        approved = self.record.decision == "approved" and plan is not None and self.record.plan_digest == plan.digest()
        return self.go("Announce Remediation") if approved and self._fresh_plan() else None

    def _joined_since_the_plan(self) -> bool:
        """Return True if an alert joined that the plan was not made for: it covers the hosts of the opening."""
        plan = self.record.plan
        late = plan is not None and self.live.last_alert_at > plan.planned_at
        return late or self.live.joined > self.request.incident.alert_count

    def _cured(self) -> WhatNowOutput | None:
        """Close a cured incident below paging severity for which nobody was paged, even if somebody approved it."""
        verified = self.remediation == "verified" and not self._joined_since_the_plan()
        if not verified or self.live.rank >= PAGING_RANK or self.live.paged_seq > 0:
            return None
        return self.go("Close Incident", ended_by="verified")

    def _verified(self) -> WhatNowOutput | None:
        """Give the alert's own resolve some more time before a person is paged, once, if nothing else fires."""
        if self.remediation != "verified" or self.live.rank < PAGING_RANK or self._joined_since_the_plan():
            return None
        left = (self.live.verified_at or self.now) + self.times.page_after - self.now
        return self.go("Await Resolution", left) if left > timedelta(0) else None

    # --- people -------------------------------------------------------------------------------------------------------

    def with_people(self) -> WhatNowOutput:
        """Page, wait for an answer, tell ops, or wait for the end; before a wait, show people what they do not see."""
        found = self._with_people()
        # A page that is due and was just refused is waited for first: after a message it would be tried at once.
        show = found.go in WITH_PEOPLE and self._unseen() and not (self.pages and page_due(self.live, self.now))
        return self.go("Notify Ops") if show else found

    def _evidence_due(self) -> bool:
        """Return True right after a page that did not wait for the evidence around its alarm."""
        if self.came_from != "Page On-Call" or self.failed or self.live.joined > self.live.judged:
            return False
        return self.verdict is not None and self.verdict.evidence_due

    def _unseen(self) -> bool:
        """Return True if a wait ended, evidence came after a page, or a page was answered as it went out.

        And the message does not show it yet.
        """
        if self.came_from == "Classify" and self.live.paged_seq > 0 and not self.failed:
            return self.verdict is not None and bool(self.verdict.evidence)
        if self.live.version <= self.live.shown:
            return False
        happened = self.request.happened
        woken = happened is not None and happened.error is None and happened.state in WITH_PEOPLE
        return woken or (self.came_from == "Page On-Call" and self.live.answered)

    def _with_people(self) -> WhatNowOutput:
        if self.live.firing > 0 and (approved := self._approved()):
            return approved
        if not self.pages:
            return self._without_a_page()
        if page_due(self.live, self.now) is not None:
            return self._page()
        if self._evidence_due():
            return self.go("Classify")
        if not self.live.answered:
            return self.go("Await Acknowledgement", timedelta(seconds=seconds_until_due(self.live, self.now)))
        ended = self.remediation in ("human", "page", "verified") and not self.request.notified
        happened = self.request.happened
        still_open = self.came_from == "Await Resolution" and happened is not None and happened.error is not None
        if ended or still_open:
            # Somebody has it, and reads there what came of it.
            return self.go("Notify Ops", reason=self.reason if ended else None)
        following = next_due(self.live)
        wait = self.times.resolve_within
        if following is not None and following.at is not None:
            wait = min(wait, following.at - self.now)
        return self.go("Await Resolution", wait)

    def _page(self) -> WhatNowOutput:
        """Page, unless that was just tried: then wait for an answer before it is tried again."""
        if self.came_from != "Page On-Call":
            return self.go("Page On-Call", reason=self.reason)
        result = self.request.happened.result if self.request.happened else None
        newest = result.get("sent") if isinstance(result, dict) else None
        if newest is not None and (not isinstance(newest, int) or newest > self.live.page_done):
            return self.go("Await Acknowledgement", UNWRITTEN_PAGE)
        went_out = self.live.last_paged_at is not None and self.now - self.live.last_paged_at < REFUSED_PAGE
        if newest is None or not went_out:
            return self.go("Await Acknowledgement", REFUSED_PAGE)
        return self.go("Page On-Call", reason=self.reason)  # something worse joined meanwhile

    def _without_a_page(self) -> WhatNowOutput:
        news = self.live.shown == 0 or self.remediation is not None
        if news and not self.request.notified:
            return self.go("Notify Ops", reason=self.reason)
        left = self.live.last_alert_at + self.times.resolve_within - self.now
        if left <= timedelta(0):
            return self.go("Close Incident", ended_by="expired")
        unwritten = self.live.decided is None and not self.called
        return self.go("Await Resolution", min(left, UNWRITTEN_VERDICT) if unwritten else left)
