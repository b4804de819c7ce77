"""The decision `What Now?`: each branch as plain values."""

from typing import Any

import pytest

from firstline.contracts import Go, Observed, WhatNowInput
from firstline.incidents.choice import decide
from firstline.incidents.what_now import MOST_ROUNDS, stale_resolve
from firstline.models import Loud
from tests.support.builders import at, incident
from tests.support.changes import counts_for
from tests.support.memory import MemoryStore
from tests.unit.incidents.looks import (
    ACKED,
    ACTED,
    ASKS,
    CRITICAL,
    CRITICAL_ONE,
    FATAL,
    HELD_UNTIL,
    HIGH,
    LOW,
    LOW_ACKED,
    MEDIUM,
    NOISE,
    PAGED,
    PLAN,
    TIMES,
    failed,
    hold,
    look,
    verdict,
)


@pytest.mark.parametrize(
    ("expected", "given"),
    [
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
    ],
)
def test_what_is_next(expected: Go, given: dict[str, Any]) -> None:
    assert look(**given).go == expected


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
