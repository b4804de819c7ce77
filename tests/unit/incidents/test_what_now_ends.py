"""The end of every execution: from any record, with any failures, it takes few steps before it waits or ends.

These tests play the machine around `What Now?`: each state changes the record as its function does, or fails to.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from firstline.contracts import ErrorOutput, Observed, WhatNowInput, WhatNowOutput
from firstline.incidents.pages import next_page, page_due
from firstline.incidents.what_now import MOST_ROUNDS, Times, what_now
from firstline.models import SEVERITY_RANK, Classification, Counts, Hold, IncidentRecord, Live, Loud, RemediationPlan
from tests.support.builders import NOON, a_classification, a_plan, at, incident
from tests.support.depth import tries

TIMES = Times(timedelta(minutes=5), timedelta(minutes=20), timedelta(hours=8))
WAITS = {"Hold", "Await Acknowledgement", "Await Resolution", "Await Quiet"}
ENDS = {"Stop", "Hand Over"}
MOST_STEPS = 12
SEVERITIES = ["noise", "low", "medium", "high", "critical"]

type Draw = Callable[[st.SearchStrategy[Any]], Any]


def verdicts(draw: Draw, now: datetime) -> Classification:
    until = draw(st.sampled_from([now - timedelta(minutes=1), now, now + timedelta(hours=1)]))
    by = draw(st.sampled_from(["rule", "silence", "window"]))
    hold = draw(st.sampled_from([None, Hold(by=by, id="s-1", reason="Silenced.", until=until, seconds=60)]))
    return a_classification(severity=draw(st.sampled_from(SEVERITIES)), hold=hold)


def plans(draw: Draw) -> RemediationPlan | None:
    decision = draw(st.sampled_from([None, "auto", "approve"]))
    return None if decision is None else a_plan(decision=decision, planned_at=at(0))


@dataclass
class Execution:
    """A played execution: what it has done (`known`), the record that it writes, and a clock that hardly moves."""

    draw: Draw
    now: datetime
    live: Live
    record: dict[str, Any]
    known: dict[str, Any] = field(default_factory=dict)
    steps: list[str] = field(default_factory=list)
    closed: bool = False

    def run(self) -> WhatNowOutput:
        """Serve one state after the other until the next wait or the end, and return that choice."""
        while True:
            chosen = what_now(self.request(), self.written(), self.now, TIMES)
            self.known["rounds"] = self.known.get("rounds", 0) + 1
            self.steps.append(chosen.go)
            assert len(self.steps) <= MOST_STEPS, f"it goes round without a wait: {self.steps}"
            if chosen.go in WAITS | ENDS:
                return chosen
            if self.serve(chosen):
                return chosen
            self.now += timedelta(milliseconds=500)

    def request(self) -> WhatNowInput:
        return WhatNowInput(state="What Now?", incident=incident(), **self.known)

    def written(self) -> IncidentRecord:
        fields: dict[str, Any] = {"status": "OPEN", "alert_count": 1, "last_alert_at": NOON}
        return IncidentRecord(incident=incident(), live=self.live, **(fields | self.record))

    def write(self, **changes: Any) -> bool:
        """Write to the live half, or let the table refuse; return True if it was written."""
        if self.draw(st.booleans()):
            return False
        self.live = self.live.model_copy(update=changes)
        return True

    def fails(self, state: str, error: str = "Lambda.Unknown") -> bool:
        """Let a state fail in one of four cases; return True if it failed."""
        if self.draw(st.integers(0, 3)) < 3:
            return False
        self.known["happened"] = Observed(state=state, error=ErrorOutput(Error=error))
        return True

    def serve(self, chosen: WhatNowOutput) -> bool:
        """Do what the chosen state does. Return True if the machine waits or ends after it."""
        match chosen.go:
            case "Classify":
                self.classify()
            case "Plan Remediation":
                self.known["planned"] = True
                if not self.fails("Plan Remediation"):
                    self.known["happened"] = Observed(state="Plan Remediation")
                    self.record["plan"] = plans(self.draw)
            case "Announce Remediation":
                self.remediate()
            case "Page On-Call":
                self.page()
            case "Notify Ops":
                self.known["notified"] = True
                if not self.fails("Notify Ops", "ChannelFailed"):
                    self.known["happened"] = Observed(state="Notify Ops")
                    self.write(shown=self.live.version)
            case "Announce Quiet":
                self.known["happened"] = Observed(state="Announce Quiet")
                self.write(voided_seq=self.live.paged_seq, page_again_at=None)
            case "Record Suppression":
                if not self.fails("Record Suppression"):
                    return True  # closed, or refused, which leads to a pause
            case "Close Incident":
                return True
        return False

    def classify(self) -> None:
        if self.fails("Classify"):
            return
        seen = self.live
        if self.draw(st.integers(0, 3)) == 3:  # a critical joins during the classification
            loud = Counts(joined=1, firing=1, changes=1, ranks=(0, 0, 0, 0, 1), loud_critical=1)
            self.live = seen.model_copy(update={"own": seen.own + loud})
        verdict = verdicts(self.draw, self.now)
        self.known |= {"classification": verdict, "happened": Observed(state="Classify")}
        self.write(
            decided=SEVERITY_RANK[verdict.severity],
            judged=seen.joined,
            judged_loud=seen.loud,
            held_until=verdict.hold.until if verdict.hold else None,
        )

    def remediate(self) -> None:
        self.live = self.live.model_copy(update={"acted_at": self.draw(st.sampled_from([None, self.now]))})
        self.known |= {
            "remediation": self.draw(st.sampled_from(["resolved", "verified", "human", "page"])),
            "happened": Observed(state="Next Move"),
            "notified": False,
        }
        if self.known["remediation"] == "verified":
            self.write(verified_at=self.now)

    def page(self) -> None:
        due, sent = page_due(self.live, self.now), None
        claimed = self.draw(st.booleans())
        if due is not None and claimed:
            seq, level, number = next_page(self.live, due, 2)
            sent = seq
            went_out: dict[str, Any] = {"paged_seq": seq, "page_done": seq, "page_level": level, "page_round": number}
            went_out |= {"last_paged_at": self.now, "page_again_at": self.now + timedelta(minutes=5)}
            self.write(**went_out, paged_rank=max(self.live.rank, self.live.worst), paged_loud=self.live.loud)
            self.known["paged"] = True
        elif self.live.paged_seq:
            sent = self.live.paged_seq
        self.known["happened"] = Observed(state="Page On-Call", result={"sent": sent})


NUMBERS = st.integers(0, 2)
MOMENTS = st.none() | st.integers(-600, 20).map(at)


@st.composite
def executions(draw: st.DrawFn) -> Execution:
    now = at(10)
    ranks = draw(st.tuples(*[NUMBERS] * 5))
    joined = max(1, sum(ranks))
    counts = Counts(
        joined=joined,
        firing=draw(st.integers(0, joined)),
        changes=joined,
        ranks=ranks,
        loud_high=draw(st.integers(0, ranks[3])),
        loud_critical=draw(st.integers(0, ranks[4])),
    )
    paged = draw(NUMBERS)
    live = Live(
        group_key=draw(st.sampled_from(["group-1", "storm:generic"])),
        incident_id=incident().incident_id,
        opened_at=NOON,
        last_alert_at=at(draw(st.integers(-600, 10))),
        last_end_at=draw(MOMENTS),
        own=counts,
        judged=draw(st.integers(0, joined)),
        decided=draw(st.none() | st.integers(0, 4)),
        judged_loud=Loud(high=draw(NUMBERS), critical=draw(NUMBERS)),
        held_until=draw(MOMENTS),
        hold_ended_at=draw(MOMENTS),
        paged_seq=paged,
        page_done=draw(st.integers(0, paged)),
        page_lease=draw(MOMENTS),
        page_level=draw(st.integers(0, 1)),
        last_paged_at=draw(MOMENTS),
        page_again_at=draw(MOMENTS),
        paged_rank=draw(st.integers(0, 4)),
        paged_loud=Loud(high=draw(NUMBERS), critical=draw(NUMBERS)),
        voided_seq=draw(st.integers(0, paged)),
        acked_seq=draw(st.integers(0, paged)),
        acked_at=draw(MOMENTS),
        acked_rank=draw(st.integers(0, 4)),
        resolved_by=draw(st.sampled_from([None, None, "Ana"])),
        resolved_seen=draw(st.none() | NUMBERS),
        verified_at=draw(MOMENTS),
        acted_at=draw(MOMENTS),
        shown=draw(NUMBERS),
        flapping=draw(st.booleans()),
    )
    plan = plans(draw)
    record = {
        "plan": plan,
        "plan_digest": plan.digest() if plan else None,
        "decision": draw(st.sampled_from([None, "approved", "refused"])),
        "classification": draw(st.sampled_from([None, verdicts(draw, now)])),
    }
    states = [None, "Classify", "Plan Remediation", "Notify Ops", "Page On-Call", "Close Incident", "What Now?", *WAITS]
    came_from = draw(st.sampled_from(states))
    error = ErrorOutput(Error="States.Timeout") if draw(st.booleans()) else None
    known = {
        "classification": draw(st.sampled_from([None, verdicts(draw, now)])),
        "happened": None if came_from is None else Observed(state=came_from, error=error),
        "remediation": draw(st.sampled_from([None, None, "resolved", "verified", "human", "page"])),
        "planned": draw(st.booleans()),
        "paged": draw(st.booleans()),
        "notified": draw(st.booleans()),
    }
    return Execution(draw, now, live, record, known)


@settings(max_examples=tries(400))
@given(executions())
def test_an_execution_always_waits_or_ends_after_a_few_steps(execution: Execution) -> None:
    before = execution.live

    chosen = execution.run()

    assert execution.known["rounds"] < MOST_ROUNDS
    assert (chosen.seconds > 0) == (chosen.go in WAITS)
    if before.paged_seq and before.firing > 0 and chosen.go == "Close Incident":
        assert chosen.ended_by == "person", "only a person may close a paged incident that still fires"


@settings(max_examples=tries(200))
@given(executions())
def test_an_incident_of_paging_severity_never_waits_long_without_a_person_called_or_a_cure(
    execution: Execution,
) -> None:

    chosen = execution.run()

    live = execution.live
    asks = live.open and live.firing > 0 and live.rank >= SEVERITY_RANK["high"]
    if asks and chosen.go == "Await Resolution":
        cured = live.verified_at is not None or execution.known.get("remediation") == "verified"
        assert live.answered or cured or execution.known.get("paged"), execution.steps
