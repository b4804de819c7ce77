"""What an execution does next: each branch as plain values."""

from datetime import timedelta
from typing import Any

import pytest

from firstline.contracts import ErrorOutput, Go, Observed, WhatNowInput, WhatNowOutput
from firstline.incidents.what_now import MOST_ROUNDS, Times, decide, stale_resolve, what_now
from firstline.models import Classification, Counts, Hold, IncidentRecord, Live, Loud
from tests.support.builders import NOON, a_classification, a_plan, at, incident
from tests.support.changes import counts_for
from tests.support.memory import MemoryStore

TIMES = Times(timedelta(minutes=5), timedelta(minutes=20), timedelta(hours=8))
LOW, MEDIUM, HIGH, CRITICAL = (counts_for(rank) for rank in (1, 2, 3, 4))
OVER = Counts(firing=-1)
HELD_UNTIL = at(60)
PLAN = a_plan(planned_at=at(0))
ASKS = a_plan(planned_at=at(0), decision="approve")
ACTED: dict[str, Any] = {"acted_at": at(1)}


def hold(by: Any = "silence") -> Hold:
    return Hold(by=by, id="s-1", reason="Silenced.", until=HELD_UNTIL, seconds=3_600)


def verdict(severity: str = "low", **what: Any) -> Classification:
    return a_classification(severity=severity, **what)


def failed(state: str, error: str = "Lambda.Unknown") -> Observed:
    return Observed(state=state, error=ErrorOutput(Error=error))


def timed_out(state: str) -> Observed:
    return failed(state, "States.Timeout")


def look(
    live: dict[str, Any] | None = None,
    record: dict[str, Any] | None = None,
    minutes: float = 2,
    came_from: str | Observed | None = None,
    **request: Any,
) -> WhatNowOutput:
    """Ask about an incident with one low alert that fires and was judged so; what is given replaces that."""
    classification = request.pop("classification", verdict("low"))
    rank = (
        {"noise": 0, "low": 1, "medium": 2, "high": 3, "critical": 4}[classification.severity] if classification else 0
    )
    fields: dict[str, Any] = {
        "group_key": "group-1",
        "incident_id": incident().incident_id,
        "opened_at": NOON,
        "last_alert_at": NOON,
        "own": LOW,
        "judged": 1,
        "decided": None if classification is None else rank,
    }
    fields |= live or {}
    if "judged_loud" not in fields and fields["judged"] == fields["own"].joined:
        fields["judged_loud"] = Loud(high=fields["own"].loud_high, critical=fields["own"].loud_critical)
    stored: dict[str, Any] = {"status": "OPEN", "alert_count": 1, "last_alert_at": NOON, "live": Live(**fields)}
    stored |= {"plan_digest": record["plan"].digest()} if record and record.get("plan") else {}
    asked: dict[str, Any] = {"state": "What Now?", "incident": incident(), "classification": classification}
    if came_from is not None:
        asked["happened"] = came_from if isinstance(came_from, Observed) else Observed(state=came_from)
    whole = IncidentRecord(incident=incident(), **(stored | (record or {})))
    return what_now(WhatNowInput(**(asked | request)), whole, at(minutes), TIMES)


CRITICAL_ONE: dict[str, Any] = {"own": CRITICAL, "loud_since": NOON}
PAGED: dict[str, Any] = CRITICAL_ONE | {
    "paged_seq": 1,
    "page_done": 1,
    "paged_at": at(0),
    "last_paged_at": at(0),
    "page_again_at": at(5),
    "paged_rank": 4,
    "paged_loud": Loud(critical=1),
    "loud_since": None,
}
ACKED: dict[str, Any] = PAGED | {"acked_seq": 1, "acked_at": at(1), "acked_by": "Ana", "acked_rank": 4}
LOW_ACKED: dict[str, Any] = {"acked_at": at(1), "acked_by": "Ana", "acked_rank": 1}
ANSWERED = Observed(state="Await Acknowledgement", result={"signal": "acknowledged", "by": "Ana"})
GIVEN_BACK = Observed(state="Await Resolution", result={"signal": "taken back", "by": "Ana"})
FATAL = verdict("critical")
NOISE = verdict("noise")
DUE = verdict("critical", evidence_due=True)
QUIET: dict[str, Any] = {"own": LOW + OVER, "last_end_at": at(10)}


@pytest.mark.parametrize(
    ("expected", "given"),
    [
        # --- evidence after a page that did not wait for it
        pytest.param(
            "Classify", {"classification": DUE, "live": PAGED, "came_from": "Page On-Call"}, id="evidence is due"
        ),
        pytest.param(
            "Await Acknowledgement",
            {"classification": DUE, "live": PAGED, "came_from": failed("Page On-Call")},
            id="evidence is due, and the page failed",
        ),
        pytest.param(
            "Await Acknowledgement",
            {"classification": DUE, "live": PAGED, "came_from": timed_out("Await Acknowledgement"), "minutes": 1},
            id="evidence is due, and somebody waits already",
        ),
        pytest.param(
            "Await Acknowledgement",
            {
                "classification": DUE,
                "live": PAGED | {"own": CRITICAL + LOW, "judged": 1, "judged_loud": Loud(critical=1)},
                "came_from": "Page On-Call",
            },
            id="evidence is due, and something joined",
        ),
        pytest.param(
            "Notify Ops",
            {"classification": verdict("critical", evidence=["RDS"]), "live": PAGED, "came_from": "Classify"},
            id="evidence came, and the message does not show it",
        ),
        pytest.param(
            "Await Acknowledgement",
            {"classification": DUE, "live": PAGED, "came_from": failed("Classify")},
            id="no evidence came",
        ),
        pytest.param(
            "Await Acknowledgement",
            {"classification": FATAL, "live": PAGED, "came_from": "Classify"},
            id="there was no evidence",
        ),
        pytest.param(
            "Await Acknowledgement",
            {"classification": verdict("critical", evidence=["RDS"]), "live": PAGED, "came_from": "Notify Ops"},
            id="evidence is shown",
        ),
        # --- before anybody is called
        pytest.param("Classify", {"classification": None, "live": {"judged": 0}}, id="the first time"),
        pytest.param("Notify Ops", {"classification": None, "came_from": "Classify"}, id="no verdict was given"),
        pytest.param(
            "Page On-Call",
            {"classification": None, "came_from": "Classify", "live": CRITICAL_ONE | {"judged": 0}},
            id="no verdict on a critical was written",
        ),
        pytest.param(
            "Await Acknowledgement",
            {
                "classification": None,
                "came_from": Observed(state="Page On-Call", result={"sent": None}),
                "live": CRITICAL_ONE | {"judged": 0},
            },
            id="neither its verdict nor its page was written",
        ),
        pytest.param(
            "Notify Ops",
            {"classification": NOISE, "came_from": "Classify", "live": {"decided": None, "judged": 0}},
            id="a verdict that could not be written suppresses nothing",
        ),
        pytest.param("Record Suppression", {"classification": NOISE}, id="noise"),
        pytest.param("Classify", {"classification": NOISE, "live": {"own": LOW + MEDIUM}}, id="noise got company"),
        pytest.param(
            "Record Suppression",
            {"classification": NOISE, "live": {"own": LOW + MEDIUM}, "came_from": "Classify"},
            id="noise got company again, so the suppression is refused",
        ),
        pytest.param(
            "Classify", {"classification": NOISE, "live": {"own": LOW + CRITICAL}}, id="noise got bad company"
        ),
        pytest.param(
            "Page On-Call",
            {"classification": NOISE, "live": {"own": LOW + CRITICAL}, "came_from": "Classify"},
            id="bad company came after the verdict again",
        ),
        pytest.param("Plan Remediation", {}, id="a low one"),
        pytest.param("Notify Ops", {"planned": True}, id="no plan"),
        pytest.param("Await Resolution", {"planned": True, "notified": True}, id="ops know"),
        pytest.param("Await Resolution", {"planned": True, "live": {"shown": 3}}, id="ops know from before"),
        pytest.param(
            "Plan Remediation", {"live": {"own": LOW + MEDIUM}, "planned": False}, id="what is not loud is company"
        ),
        pytest.param("Classify", {"live": {"own": LOW + HIGH}, "planned": True}, id="something loud joined a low one"),
        pytest.param(
            "Page On-Call",
            {"live": {"own": LOW + HIGH}, "planned": True, "came_from": "Classify"},
            id="something loud joined while it was judged",
        ),
        pytest.param(
            "Notify Ops",
            {"live": {"own": LOW + HIGH, "judged": 2}, "planned": True},
            id="something loud joined and was judged low",
        ),
        # --- holds
        pytest.param(
            "Hold", {"classification": verdict(hold=hold()), "live": {"held_until": HELD_UNTIL}}, id="silenced"
        ),
        pytest.param(
            "Hold",
            {"classification": verdict("high", hold=hold("rule")), "live": {"held_until": HELD_UNTIL}},
            id="ruled",
        ),
        pytest.param(
            "Record Suppression",
            {"classification": verdict("noise", hold=hold()), "live": {"held_until": HELD_UNTIL}},
            id="noise need not wait",
        ),
        pytest.param(
            "Classify",
            {"classification": verdict(hold=hold()), "live": {"held_until": HELD_UNTIL}, "minutes": 60},
            id="the silence is over",
        ),
        pytest.param(
            "Plan Remediation",
            {"classification": verdict(hold=hold("rule")), "live": {"held_until": HELD_UNTIL}, "minutes": 60},
            id="the rule's time is over",
        ),
        pytest.param(
            "Classify",
            {"classification": verdict(hold=hold()), "live": {"hold_ended_at": at(1)}},
            id="somebody ended the silence",
        ),
        pytest.param(
            "Plan Remediation",
            {"classification": verdict(hold=hold("rule")), "live": {"hold_ended_at": at(1)}},
            id="somebody ended the rule's wait",
        ),
        pytest.param(
            "Plan Remediation",
            {"classification": verdict(hold=hold()), "live": {"decided": 1}, "came_from": "Classify"},
            id="the hold could not be written",
        ),
        pytest.param(
            "Classify",
            {"classification": verdict(hold=hold()), "live": {"held_until": HELD_UNTIL, "own": LOW + MEDIUM}},
            id="something joined the silenced",
        ),
        pytest.param(
            "Hold",
            {
                "classification": verdict(hold=hold()),
                "live": {"held_until": HELD_UNTIL, "own": LOW + MEDIUM},
                "came_from": "Classify",
            },
            id="what joined is silenced too",
        ),
        pytest.param(
            "Classify",
            {"classification": verdict("critical", hold=hold()), "live": {"held_until": HELD_UNTIL, "own": LOW + HIGH}},
            id="something loud joined a worse one that waits",
        ),
        pytest.param(
            "Page On-Call",
            {
                "classification": verdict("critical", hold=hold()),
                "live": {"held_until": HELD_UNTIL, "own": LOW + HIGH},
                "came_from": "Classify",
            },
            id="something loud joined what waits after its verdict",
        ),
        # --- plans
        pytest.param("Announce Remediation", {"record": {"plan": PLAN}, "planned": True}, id="may run by itself"),
        pytest.param(
            "Announce Remediation",
            {"classification": FATAL, "live": CRITICAL_ONE, "record": {"plan": PLAN}},
            id="a successor finds a plan that nobody began",
        ),
        pytest.param("Notify Ops", {"record": {"plan": ASKS}, "planned": True}, id="a low one's plan asks"),
        pytest.param(
            "Page On-Call",
            {"classification": FATAL, "live": CRITICAL_ONE, "record": {"plan": ASKS}, "planned": True},
            id="a critical one's plan asks: the page first",
        ),
        pytest.param(
            "Announce Remediation",
            {"live": LOW_ACKED, "record": {"plan": ASKS, "decision": "approved"}, "planned": True},
            id="approved",
        ),
        pytest.param(
            "Announce Remediation",
            {"classification": FATAL, "live": ACKED, "record": {"plan": ASKS, "decision": "approved"}},
            id="a paged one is approved",
        ),
        pytest.param(
            "Announce Remediation",
            {"classification": FATAL, "live": ACKED, "record": {"plan": ASKS, "decision": "approved"}, "minutes": 999},
            id="approved after long",
        ),
        pytest.param(
            "Announce Remediation",
            {
                "live": LOW_ACKED,
                "record": {"plan": ASKS, "decision": "approved"},
                "came_from": failed("Notify Ops"),
            },
            id="approved by somebody although Slack is down",
        ),
        pytest.param(
            "Notify Ops",
            {"record": {"plan": PLAN}, "planned": True, "remediation": "human"},
            id="its first step could not be claimed",
        ),
        pytest.param(
            "Notify Ops",
            {"live": LOW_ACKED, "record": {"plan": ASKS, "decision": "approved"}, "remediation": "human"},
            id="an approved one's first step could not be claimed",
        ),
        pytest.param(
            "Await Resolution",
            {"live": LOW_ACKED, "record": {"plan": ASKS, "decision": "approved", "plan_digest": "x"}, "notified": True},
            id="another plan was approved",
        ),
        pytest.param(
            "Await Resolution",
            {"record": {"plan": ASKS, "decision": "refused"}, "planned": True, "notified": True},
            id="refused",
        ),
        pytest.param(
            "Await Acknowledgement",
            {"classification": FATAL, "live": PAGED, "record": {"plan": ASKS, "decision": "refused"}},
            id="a paged one is refused",
        ),
        # --- the ends of a remediation
        *[
            pytest.param(
                go, {"record": {"plan": PLAN}, "planned": True, "live": ACTED, "remediation": end}, id=f"low {end}"
            )
            for end, go in (
                ("resolved", "Notify Ops"),  # it fires again
                ("verified", "Close Incident"),
                ("human", "Notify Ops"),
                ("page", "Page On-Call"),
            )
        ],
        *[
            pytest.param(
                go,
                {
                    "classification": FATAL,
                    "record": {"plan": PLAN},
                    "planned": True,
                    "live": CRITICAL_ONE | ACTED | {"verified_at": at(1) if end == "verified" else None},
                    "remediation": end,
                },
                id=f"critical {end}",
            )
            for end, go in (
                ("resolved", "Page On-Call"),
                ("verified", "Await Resolution"),
                ("human", "Page On-Call"),
                ("page", "Page On-Call"),
            )
        ],
        *[
            pytest.param(
                "Notify Ops",
                {"classification": FATAL, "record": {"plan": ASKS}, "live": ACKED | ACTED, "remediation": end},
                id=f"what somebody has ended {end}",
            )
            for end in ("verified", "human", "page")
        ],
        pytest.param(
            "Await Resolution",
            {"record": {"plan": PLAN}, "planned": True, "live": ACTED, "remediation": "human", "notified": True},
            id="ops know how it ended",
        ),
        pytest.param(
            "Close Incident",
            {"record": {"plan": ASKS}, "live": LOW_ACKED | ACTED, "remediation": "verified"},
            id="an approved plan cured a low one",
        ),
        pytest.param(
            "Notify Ops",
            {"record": {"plan": PLAN}, "live": ACTED | {"own": LOW + LOW, "judged": 2}, "remediation": "verified"},
            id="another joined: its host is not cured",
        ),
        pytest.param(
            "Notify Ops",
            {"record": {"plan": PLAN}, "live": ACTED | {"last_alert_at": at(1)}, "remediation": "verified"},
            id="another came after the plan",
        ),
        pytest.param(
            "Page On-Call",
            {
                "classification": FATAL,
                "record": {"plan": PLAN},
                "live": CRITICAL_ONE | ACTED | {"verified_at": at(1), "own": CRITICAL + CRITICAL, "judged": 2},
                "remediation": "verified",
            },
            id="another critical joined what was cured",
        ),
        pytest.param(
            "Page On-Call",
            {
                "classification": FATAL,
                "record": {"plan": PLAN},
                "live": CRITICAL_ONE | ACTED | {"verified_at": at(1)},
                "remediation": "verified",
                "minutes": 6,
            },
            id="a cured critical fires on",
        ),
        # --- successors
        pytest.param("Notify Ops", {"record": {"plan": PLAN}, "live": ACTED | {"shown": 2}}, id="died in the middle"),
        pytest.param(
            "Page On-Call",
            {"classification": FATAL, "record": {"plan": PLAN}, "live": CRITICAL_ONE | ACTED},
            id="a critical one's execution died in the middle",
        ),
        pytest.param(
            "Close Incident",
            {"record": {"plan": PLAN}, "live": ACTED | {"verified_at": at(1)}},
            id="died when it was cured",
        ),
        pytest.param(
            "Await Resolution",
            {"classification": FATAL, "record": {"plan": PLAN}, "live": CRITICAL_ONE | ACTED | {"verified_at": at(1)}},
            id="died when a critical was cured",
        ),
        pytest.param("Stop", {"generation": 1, "live": {"generation": 2}}, id="a later execution has it"),
        pytest.param("Hand Over", {"rounds": MOST_ROUNDS}, id="it went round too often"),
        pytest.param("Stop", {"live": {"open": False}, "rounds": MOST_ROUNDS}, id="closed"),
        pytest.param("Stop", {"live": {"incident_id": "a-later-one"}}, id="the group has another incident"),
        # --- people
        pytest.param("Page On-Call", {"classification": FATAL, "live": CRITICAL_ONE, "planned": True}, id="critical"),
        pytest.param(
            "Page On-Call",
            {"classification": FATAL, "live": {"judged": 1}, "planned": True},
            id="the verdict is worse than the alert",
        ),
        pytest.param("Await Acknowledgement", {"classification": FATAL, "live": PAGED}, id="it rings"),
        pytest.param("Page On-Call", {"classification": FATAL, "live": PAGED, "minutes": 5}, id="nobody answers"),
        pytest.param("Await Resolution", {"classification": FATAL, "live": ACKED, "minutes": 99}, id="somebody has it"),
        pytest.param(
            "Await Resolution",
            {"classification": FATAL, "live": ACKED | {"own": CRITICAL + CRITICAL}, "minutes": 99},
            id="a critical joined a critical that somebody has",
        ),
        pytest.param(
            "Page On-Call",
            {"live": LOW_ACKED | {"own": LOW + CRITICAL}},
            id="a critical joined a low one that somebody has",
        ),
        pytest.param(
            "Notify Ops",
            {"classification": FATAL, "live": ACKED, "came_from": timed_out("Await Resolution"), "minutes": 600},
            id="somebody has it for long",
        ),
        pytest.param(
            "Await Resolution",
            {"classification": FATAL, "live": ACKED, "came_from": "Notify Ops", "notified": True, "minutes": 600},
            id="ops were told again",
        ),
        pytest.param(
            "Close Incident",
            {"planned": True, "notified": True, "came_from": timed_out("Await Resolution"), "minutes": 480},
            id="a low one expires",
        ),
        pytest.param(
            "Page On-Call",
            {"classification": FATAL, "live": PAGED, "minutes": 60 * 24 * 30},
            id="a critical one never expires",
        ),
        pytest.param(
            "Await Acknowledgement",
            {"live": PAGED | {"own": LOW, "page_again_at": at(60 * 9)}, "minutes": 60 * 8.5},
            id="what was paged never expires",
        ),
        # --- the end
        pytest.param("Announce Quiet", {"live": QUIET, "minutes": 10}, id="quiet"),
        pytest.param("Await Quiet", {"live": QUIET, "minutes": 11, "came_from": "Announce Quiet"}, id="the window"),
        pytest.param("Await Quiet", {"live": QUIET, "minutes": 11, "came_from": "Await Quiet"}, id="still the window"),
        pytest.param(
            "Close Incident", {"live": QUIET, "minutes": 15, "came_from": "Await Quiet"}, id="the window is over"
        ),
        pytest.param(
            "Await Quiet",
            {"live": QUIET | {"flapping": True}, "minutes": 29, "came_from": "Await Quiet"},
            id="a flapping one's window",
        ),
        pytest.param(
            "Announce Quiet",
            {"classification": verdict(hold=hold()), "live": QUIET | {"held_until": HELD_UNTIL}, "minutes": 10},
            id="it resolved while it waited",
        ),
        pytest.param("Announce Quiet", {"classification": None, "live": QUIET, "minutes": 10}, id="before its verdict"),
        pytest.param(
            "Announce Quiet",
            {"live": QUIET | ACTED, "record": {"plan": PLAN}, "remediation": "resolved", "minutes": 10},
            id="a runbook resolved it",
        ),
        pytest.param(
            "Await Resolution",
            {"classification": FATAL, "live": ACKED | {"voided_seq": 1}, "came_from": "Await Quiet"},
            id="back within the window, and somebody has it",
        ),
        pytest.param(
            "Page On-Call",
            {"classification": FATAL, "live": PAGED | {"voided_seq": 1}, "came_from": "Await Quiet"},
            id="back within the window, and nobody has it",
        ),
        pytest.param(
            "Await Resolution",
            {"live": {"shown": 4}, "planned": True, "came_from": "Await Quiet"},
            id="a low one is back",
        ),
        pytest.param(
            "Close Incident",
            {"classification": FATAL, "live": PAGED | {"resolved_by": "Ana", "resolved_seen": 1}},
            id="a person resolved it",
        ),
        pytest.param(
            "Page On-Call",
            {
                "live": {"own": LOW + CRITICAL, "judged": 2, "decided": 4, "resolved_by": "Ana", "resolved_seen": 1},
                "planned": True,
            },
            id="a person resolved it and had not seen what joined",
        ),
        # --- failures
        *[
            pytest.param("Page On-Call", {"came_from": failed(state)}, id=f"{state} failed")
            for state in ("Classify", "Record Suppression", "Plan Remediation", "Notify Ops")
        ],
        pytest.param(
            "Page On-Call",
            {"came_from": failed("Next Move"), "remediation": "page", "live": ACTED},
            id="Next Move failed",
        ),
        pytest.param("Plan Remediation", {"came_from": failed("What Now?")}, id="the record can be read again"),
        pytest.param(
            "Announce Quiet",
            {"came_from": failed("Classify"), "live": QUIET, "minutes": 10},
            id="it failed and is over",
        ),
        pytest.param(
            "Await Resolution",
            {"classification": FATAL, "live": ACKED, "came_from": failed("Notify Ops")},
            id="somebody has what could not be told",
        ),
        pytest.param(
            "Await Resolution",
            {"planned": True, "notified": True, "came_from": Observed(state="Page On-Call", result={"sent": None})},
            id="one page stands for all that Slack misses",
        ),
        # --- pages that did not go as they should
        pytest.param(
            "Await Acknowledgement",
            {
                "classification": FATAL,
                "live": CRITICAL_ONE,
                "planned": True,
                "came_from": Observed(state="Page On-Call", result={"sent": 1}),
                "paged": True,
            },
            id="a page could not be written",
        ),
        pytest.param(
            "Page On-Call",
            {
                "classification": FATAL,
                "live": CRITICAL_ONE,
                "planned": True,
                "came_from": timed_out("Await Acknowledgement"),
                "paged": True,
            },
            id="nobody answered a page that could not be written",
        ),
        pytest.param(
            "Await Acknowledgement",
            {
                "classification": FATAL,
                "live": CRITICAL_ONE,
                "planned": True,
                "came_from": Observed(state="Page On-Call", result={"sent": None}),
            },
            id="a page was refused",
        ),
        pytest.param(
            "Page On-Call",
            {
                "classification": FATAL,
                "live": PAGED | {"own": HIGH + CRITICAL, "paged_rank": 3, "paged_loud": Loud(high=1), "judged": 2},
                "minutes": 0.2,
                "came_from": Observed(state="Page On-Call", result={"sent": 1}),
            },
            id="a critical joined while the page was sent",
        ),
        # --- what changed and people do not see yet
        *(
            pytest.param(
                go, {"classification": FATAL, "came_from": came_from, "live": live | {"shown": shown}}, id=name
            )
            for name, go, came_from, live, shown in (
                ("it was taken elsewhere", "Notify Ops", ANSWERED, ACKED, 0),
                ("it was given back elsewhere", "Notify Ops", GIVEN_BACK, PAGED, 0),
                ("it was taken in Slack", "Await Resolution", ANSWERED, ACKED, 2),
                ("it was just shown", "Await Resolution", "Notify Ops", ACKED, 0),
                ("it was taken while its page went out", "Notify Ops", "Page On-Call", ACKED, 0),
                ("an alert joined while its page went out", "Await Acknowledgement", "Page On-Call", PAGED, 0),
            )
        ),
        pytest.param(
            "Notify Ops", {"came_from": ANSWERED, "live": LOW_ACKED, "notified": True}, id="a low one was taken"
        ),
    ],
)
def test_what_is_next(expected: Go, given: dict[str, Any]) -> None:
    assert look(**given).go == expected


@pytest.mark.parametrize(
    ("seconds", "given"),
    [
        pytest.param(
            58 * 60, {"classification": verdict(hold=hold()), "live": {"held_until": HELD_UNTIL}}, id="a hold"
        ),
        pytest.param(180, {"classification": FATAL, "live": PAGED}, id="a page"),
        pytest.param(
            900,
            {
                "classification": FATAL,
                "live": CRITICAL_ONE,
                "planned": True,
                "came_from": Observed(state="Page On-Call", result={"sent": "unwritten"}),
            },
            id="a page that could not be written",
        ),
        pytest.param(8 * 3_600 - 120, {"planned": True, "notified": True}, id="a low one"),
        pytest.param(
            8 * 3_600 - 60,
            {"planned": True, "notified": True, "live": {"last_alert_at": at(1)}},
            id="a low one that another joined",
        ),
        pytest.param(
            300,
            {"planned": True, "notified": True, "live": {"decided": None, "judged": 0}, "came_from": "Classify"},
            id="a low one whose verdict could not be written",
        ),
        pytest.param(8 * 3_600, {"classification": FATAL, "live": ACKED}, id="what somebody has"),
        pytest.param(
            180,
            {"classification": FATAL, "live": ACKED | {"group_key": "storm:generic", "own": CRITICAL + CRITICAL}},
            id="a storm that a critical joined",
        ),
        pytest.param(
            240,
            {
                "classification": FATAL,
                "live": CRITICAL_ONE | ACTED | {"verified_at": at(1)},
                "remediation": "verified",
                "record": {"plan": PLAN},
            },
            id="a cured critical",
        ),
        pytest.param(240, {"live": QUIET, "minutes": 11, "came_from": "Announce Quiet"}, id="the window"),
        pytest.param(
            1_140,
            {"live": QUIET | {"flapping": True}, "minutes": 11, "came_from": "Announce Quiet"},
            id="the window of a flapping one",
        ),
    ],
)
def test_a_wait_ends_when_something_is_to_be_done(seconds: int, given: dict[str, Any]) -> None:
    assert look(**given).seconds == seconds


def test_a_wait_knows_what_it_may_not_miss() -> None:
    shards = (counts_for(1), counts_for(1))
    waits = look(live={"own": LOW.model_copy(update={"changes": 7}), "shards": shards, "judged": 3}, notified=True)

    assert (waits.changes, waits.joined) == (7, 3), "the condition of a wait is on LIVE's own count of changes"


def test_a_suppression_is_about_what_its_verdict_knew() -> None:
    suppressed = look(classification=NOISE, live={"own": LOW + LOW}, came_from="Classify")

    assert (suppressed.go, suppressed.joined) == ("Record Suppression", 1)


@pytest.mark.parametrize(
    ("ended_by", "given"),
    [
        ("resolved", {"live": QUIET, "minutes": 15}),
        ("verified", {"live": ACTED, "record": {"plan": PLAN}, "remediation": "verified"}),
        ("expired", {"planned": True, "notified": True, "minutes": 480}),
        ("person", {"live": {"resolved_by": "Ana", "resolved_seen": 1}}),
    ],
)
def test_the_end_says_how_it_came(ended_by: str, given: dict[str, Any]) -> None:
    ended = look(**given)

    assert (ended.go, ended.ended_by) == ("Close Incident", ended_by)


@pytest.mark.parametrize(
    ("reason", "given"),
    [
        (None, {}),
        (
            "Free disk space was begun by an execution that has ended. If nobody was told how the remediation ended, "
            "look at its hosts.",
            {"record": {"plan": PLAN}, "live": ACTED},
        ),
        (
            "Free disk space ran, and its verification holds, but the alert still fires.",
            {
                "classification": FATAL,
                "live": CRITICAL_ONE | ACTED | {"verified_at": at(1)},
                "record": {"plan": PLAN},
                "minutes": 9,
            },
        ),
        (
            "Free disk space ran, and its verification holds, but other alerts of the incident fire.",
            {"live": ACTED | {"last_alert_at": at(1)}, "record": {"plan": PLAN}, "remediation": "verified"},
        ),
    ],
)
def test_people_read_what_only_the_record_shows(reason: str | None, given: dict[str, Any]) -> None:
    assert look(**given).reason == reason


def test_a_page_of_the_machine_covers_what_was_known() -> None:
    assert look(classification=FATAL, live=CRITICAL_ONE).rank == 4
    assert look(live={"own": LOW + HIGH}).rank == 3
    assert look().rank == 1


@pytest.mark.parametrize(
    ("happened", "paged", "go"),
    [
        (None, False, "Page On-Call"),
        (None, True, "Stop"),
        (Observed(state="Page On-Call", result={"sent": None}), False, "Stop"),
    ],
)
def test_an_incident_that_the_table_does_not_know_is_a_persons(happened: Observed | None, paged: bool, go: Go) -> None:
    request = WhatNowInput(state="What Now?", incident=incident(), paged=paged, happened=happened)

    assert what_now(request, None, at(1), TIMES).go == go


# --- with a store -----------------------------------------------------------------------------------------------------


def test_a_verification_is_written_down_before_the_record_is_read() -> None:
    store = MemoryStore()
    store.admit(incident(), plan=PLAN, classification=FATAL)
    request = WhatNowInput(state="What Now?", incident=incident(), classification=FATAL, remediation="verified")

    decide(request, incidents=store.incidents, now=at(3), times=TIMES)
    decide(request, incidents=store.incidents, now=at(4), times=TIMES)

    assert store.only.live is not None
    assert store.only.live.verified_at == at(3), "the first time counts"


@pytest.mark.parametrize(("joined", "withdrawn"), [(1, False), (2, True)])
def test_a_resolve_that_did_not_know_all_is_taken_back(joined: int, withdrawn: bool) -> None:
    store = MemoryStore()
    store.admit(incident(), classification=verdict())
    store.change(
        incident().incident_id, own=counts_for(*[1] * joined), resolved_at=at(1), resolved_by="Ana", resolved_seen=1
    )
    request = WhatNowInput(state="What Now?", incident=incident(), classification=verdict())

    decided = decide(request, incidents=store.incidents, now=at(2), times=TIMES)

    assert store.only.live is not None
    assert (store.only.live.resolved_by is None) is withdrawn
    assert not stale_resolve(store.only.live)
    assert (decided.go == "Close Incident") is not withdrawn


@pytest.mark.parametrize(
    ("ranks", "saw", "pages"),
    [
        ((4, 4), 1, True),
        # The second critical joined after the page, and the person who resolved saw it.
        ((4, 4, 1), 2, False),
        ((4, 4, 4), 2, True),
    ],
)
def test_a_resolve_that_is_taken_back_takes_the_answer_with_it_if_what_joined_pages(
    ranks: tuple[int, ...], saw: int, pages: bool
) -> None:
    store = MemoryStore()
    store.admit(incident(), classification=FATAL)
    joined: dict[str, Any] = {"own": counts_for(*ranks), "judged": 2, "decided": 4}
    resolved = {"resolved_at": at(1), "resolved_by": "Ana", "resolved_seen": saw, "resolved_loud": Loud(critical=saw)}
    store.change(incident().incident_id, **(PAGED | ACKED | joined | resolved))
    request = WhatNowInput(state="What Now?", incident=incident(), classification=FATAL)

    assert (decide(request, incidents=store.incidents, now=at(2), times=TIMES).go == "Page On-Call") is pages


def test_an_execution_that_hands_over_makes_its_incident_due_at_once() -> None:
    store = MemoryStore()
    store.admit(incident(), classification=verdict())
    store.change(incident().incident_id, due_at=at(30))
    request = WhatNowInput(state="What Now?", incident=incident(), classification=verdict(), rounds=MOST_ROUNDS)

    assert decide(request, incidents=store.incidents, now=at(2), times=TIMES).go == "Hand Over"

    assert [live.incident_id for live in store.incidents.due(at(2), 10)] == [incident().incident_id]
