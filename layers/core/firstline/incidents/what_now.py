"""The next state of an incident's execution: a pure function of the record and of what the execution has done so far.

The function `what_now` serves the state `What Now?`, which follows an error or an unusual end of a wait (`choice.py`).
The functions of other states call it at their end, so that the execution skips `What Now?` (`following.py`). An
execution that missed a signal, or that succeeds one that died, finds the next state by the record.

If the record does not show what a state should have done, its effect was refused or could not be written. Such a state
is not chosen again at once, but only after a wait.
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
"""The number of rounds after which an execution hands over to a successor, well below Step Functions' 25,000 events."""

LONGEST_WAIT = timedelta(days=7)

UNWRITTEN_PAGE = timedelta(minutes=15)
"""The time after which a page that went out, but could not be stored, is repeated if nobody answers."""

REFUSED_PAGE = timedelta(seconds=30)
"""The time after which a due page is tried again that was not sent because another writer was faster."""

UNWRITTEN_VERDICT = timedelta(minutes=5)
"""The time after which an incident is judged again whose verdict could not be stored."""

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
        The time that an alert gets after a verified cure to resolve by itself, before a person is paged.
    flap_quiet
        How long an incident that comes and goes (`flapping`) must be quiet before it is closed.
    resolve_within
        The time after which an incident that never paged is closed as expired; if it paged, people are told again.
    """

    page_after: timedelta
    flap_quiet: timedelta
    resolve_within: timedelta


def what_now(request: WhatNowInput, record: IncidentRecord | None, now: datetime, times: Times) -> WhatNowOutput:
    """Choose the next state of the execution.

    Parameters
    ----------
    request
        What the execution has done so far, and how its last state ended.
    record
        The incident as it stands now; None if the table does not have it: then a person is paged once.
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
    """Return True if a person resolved the incident, and alerts joined that the person had not seen."""
    return live.resolved_by is not None and live.resolved_seen is not None and live.joined > live.resolved_seen


def quiet_left(live: Live, now: datetime, times: Times) -> timedelta:
    """Return the time left until an incident whose alerts all ended may be closed; negative if that time is over."""
    since = max(live.last_end_at or live.last_alert_at, live.last_alert_at)
    return since + quiet_window(live, times) - now


def quiet_window(live: Live, times: Times) -> timedelta:
    """Return the time for which the incident stays open after its last alert ended (the grouping window)."""
    return max(GROUPING_WINDOW, times.flap_quiet) if live.flapping else GROUPING_WINDOW


def quiet_seconds(live: Live, now: datetime, times: Times) -> int:
    """Return what is left of the grouping window, or all of it while an alert fires, in whole seconds."""
    left = quiet_left(live, now, times) if is_over(live) else quiet_window(live, times)
    return max(1, ceil(min(left, LONGEST_WAIT).total_seconds()))


@dataclass(frozen=True)
class _Look:
    """The choice of the next state. Its methods return a state, or None to leave the choice to the next method.

    Its properties are facts that the choice rests on.
    """

    request: WhatNowInput
    record: IncidentRecord
    live: Live
    now: datetime
    times: Times

    @property
    def verdict(self) -> Classification | None:
        return self.record.verdict(self.request.classification)

    @property
    def came_from(self) -> str | None:
        return self.request.happened.state if self.request.happened else None

    @property
    def failed(self) -> bool:
        """True if the last state failed and people must hear of it; a failed wait or `What Now?` is just repeated."""
        happened = self.request.happened
        if happened is None or happened.error is None:
            return False
        return happened.state not in (*_WAITS, "What Now?")

    @property
    def called(self) -> bool:
        """True if a person was paged for the incident, or has acknowledged it."""
        return self.live.paged_seq > 0 or self.request.paged or self.live.acked_at is not None

    @property
    def pages(self) -> bool:
        """True if the incident calls for a page: for its severity, an earlier page, a failed state or a failed cure."""
        asked = self.live.rank >= PAGING_RANK or self.live.paged_seq > 0
        return asked or self.failed or self.request.remediation == "page"

    @property
    def interrupted(self) -> bool:
        """True if an earlier execution began the plan, and this execution does not know how the remediation ended."""
        known = self.request.remediation is not None or self.live.verified_at is not None
        return self.live.acted_at is not None and not known

    @property
    def remediation(self) -> RemediationEnd | None:
        """The end of the remediation, in this or an earlier execution: `human` if unknown, None if no step acted."""
        if self.request.remediation is not None or self.live.acted_at is None:
            return self.request.remediation
        return "verified" if self.live.verified_at is not None else "human"

    @property
    def reason(self) -> str | None:
        """The sentence for the next message that says why people get it; None if the record shows no special reason.

        An example is `Clean up ran, and its verification holds, but the alert still fires.`
        """
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
            quiet_seconds=quiet_seconds(self.live, self.now, self.times),
            joined=self.live.joined if joined is None else joined,
            ended_by=ended_by,
            plan=self.record.plan,
            rank=max(self.live.rank, loudest_since(self.live, Loud())),
            reason=reason,
        )

    # --- is the incident over? --------------------------------------------------------------------------------------

    def over(self) -> WhatNowOutput | None:
        """Choose to close the incident if a person resolved it, or if it is over and has been quiet for long enough.

        Until then, choose to announce the quiet or to wait for its end (`quiet_left`). Return None while an alert
        fires, or while a person must look at an alert that ended without data.
        """
        if self.live.resolved_by is not None and not stale_resolve(self.live):
            return self.go("Close Incident", ended_by="person")
        if not is_over(self.live):
            return None
        left = quiet_left(self.live, self.now, self.times)
        if left <= timedelta(0):
            return self.go("Close Incident")
        # Both lead to the state `Await Quiet`, which announces the quiet itself after the first. Machines of checkouts
        # before 0.1.0 have two states.
        announced = self.came_from in ("Announce Quiet", "Await Quiet")
        return self.go("Await Quiet" if announced else "Announce Quiet", left)

    # --- may the incident end without people? -------------------------------------------------------------------------

    def before_people(self) -> WhatNowOutput | None:
        """Choose to judge, hold, suppress, plan or remediate, while an alert fires and nobody was called."""
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
        """Choose the state that the verdict asks for: suppress, hold, plan, or run the plan."""
        if verdict.severity == "noise":
            # Refused if something joined since the verdict; then it is judged again.
            return self.go("Record Suppression", joined=self.live.judged)
        if verdict.hold is not None and on_hold(self.live, self.now):
            return self.go("Hold", (self.live.held_until or self.now) - self.now)
        if not self.request.planned and self.record.plan is None and verdict.runbook_id is not None:
            return self.go("Plan Remediation")
        return self._may_run() or self._verified()

    def _louder(self) -> bool:
        """Return True if a high or critical alert, not held, joined after the verdict and is worse than the verdict.

        While the incident is on hold, the alert need not be worse.
        """
        newcomer = loudest_since(self.live, self.live.judged_loud)
        covered = 0 if on_hold(self.live, self.now) else self.live.decided or 0
        return newcomer >= PAGING_RANK and newcomer > covered

    def _to_be_judged_again(self, verdict: Classification) -> bool:
        """Return True if the incident needs a new verdict.

        After a verdict with a hold by a silence, a window or an inhibition, it needs one once any alert joined or the
        hold is over. After any other verdict, it needs one if a worse alert joined (`_louder`), or if the verdict was
        `noise` and any alert joined.
        """
        joined = self.live.joined > self.live.judged
        if verdict.hold is None or verdict.hold.by == "rule":
            return joined and (self._louder() or verdict.severity == "noise")
        return joined or not on_hold(self.live, self.now)

    def _fresh_plan(self) -> bool:
        """Return True if there is a plan that no execution has begun."""
        return self.record.plan is not None and self.request.remediation is None and self.live.acted_at is None

    def _may_run(self) -> WhatNowOutput | None:
        """Choose to run the plan if it needs no approval and has not been run."""
        by_itself = self.record.plan is not None and self.record.plan.decision == "auto"
        return self.go("Announce Remediation") if by_itself and self._fresh_plan() else None

    def _approved(self) -> WhatNowOutput | None:
        """Choose to run the plan if a person approved exactly this plan and it has not been run."""
        plan = self.record.plan
        approved = self.record.decision == "approved" and plan is not None and self.record.plan_digest == plan.digest()
        return self.go("Announce Remediation") if approved and self._fresh_plan() else None

    def _joined_since_the_plan(self) -> bool:
        """Return True if an alert joined after the incident was opened or its plan was made.

        The plan may then lack the host of that alert.
        """
        plan = self.record.plan
        late = plan is not None and self.live.last_alert_at > plan.planned_at
        return late or self.live.joined > self.request.incident.alert_count

    def _cured(self) -> WhatNowOutput | None:
        """Choose to close an incident with a verified cure, if it is below paging severity and nobody was paged."""
        verified = self.remediation == "verified" and not self._joined_since_the_plan()
        if not verified or self.live.rank >= PAGING_RANK or self.live.paged_seq > 0:
            return None
        return self.go("Close Incident", ended_by="verified")

    def _verified(self) -> WhatNowOutput | None:
        """Choose to wait, after a verified cure, for alerts of paging severity to resolve before a person is paged.

        Return None once they had the time for that.
        """
        if self.remediation != "verified" or self.live.rank < PAGING_RANK or self._joined_since_the_plan():
            return None
        left = (self.live.verified_at or self.now) + self.times.page_after - self.now
        return self.go("Await Resolution", left) if left > timedelta(0) else None

    # --- people -------------------------------------------------------------------------------------------------------

    def with_people(self) -> WhatNowOutput:
        """Choose the state of an incident that people deal with, such as `Page On-Call` or `Await Resolution`.

        Before a wait, choose `Notify Ops` instead if the message that people see is out of date.
        """
        found = self._with_people()
        # After a page that was just refused, wait first: after a message the page would be tried again at once.
        show = found.go in WITH_PEOPLE and self._unseen() and not (self.pages and page_due(self.live, self.now))
        return self.go("Notify Ops") if show else found

    def _evidence_due(self) -> bool:
        """Return True if evidence around the alarm is to be read now, because the page went out before it was read."""
        if self.came_from != "Page On-Call" or self.failed or self.live.joined > self.live.judged:
            return False
        return self.verdict is not None and self.verdict.evidence_due

    def _unseen(self) -> bool:
        """Return True if this execution has to bring the message that people see up to date.

        That is so after a wait that ended, after evidence that came after a page, or if people answered while a page
        went out.
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
        """Choose to page; right after an attempt to page, choose a wait, unless a worse alert joined meanwhile."""
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
