"""The decision `What Now?` before people are called: each situation, and the state that follows."""

from typing import Any

import pytest

from firstline.contracts import Go, Observed, WhatNowInput
from firstline.incidents.choice import serve_what_now
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
        pytest.param("Classify", {"classification": None, "live": {"judged": 0}}, id="no verdict yet"),
        pytest.param("Notify Ops", {"classification": None, "came_from": "Classify"}, id="no verdict was given"),
        pytest.param(
            "Page On-Call",
            {"classification": None, "came_from": "Classify", "live": CRITICAL_ONE | {"judged": 0}},
            id="the verdict on a critical was not stored",
        ),
        pytest.param(
            "Await Acknowledgement",
            {
                "classification": None,
                "came_from": Observed(state="Page On-Call", result={"sent": None}),
                "live": CRITICAL_ONE | {"judged": 0},
            },
            id="neither verdict nor page was stored",
        ),
        pytest.param(
            "Notify Ops",
            {"classification": NOISE, "came_from": "Classify", "live": {"decided": None, "judged": 0}},
            id="a verdict that could not be written suppresses nothing",
        ),
        pytest.param("Record Suppression", {"classification": NOISE}, id="noise"),
        pytest.param("Classify", {"classification": NOISE, "live": {"own": LOW + MEDIUM}}, id="an alert joined noise"),
        pytest.param(
            "Record Suppression",
            {"classification": NOISE, "live": {"own": LOW + MEDIUM}, "came_from": "Classify"},
            id="an alert joined noise during its classification: the suppression is refused",
        ),
        pytest.param(
            "Classify", {"classification": NOISE, "live": {"own": LOW + CRITICAL}}, id="a critical joined noise"
        ),
        pytest.param(
            "Page On-Call",
            {"classification": NOISE, "live": {"own": LOW + CRITICAL}, "came_from": "Classify"},
            id="a critical joined noise during its classification",
        ),
        pytest.param("Plan Remediation", {}, id="a low incident"),
        pytest.param("Notify Ops", {"planned": True}, id="planned without a plan"),
        pytest.param("Await Resolution", {"planned": True, "notified": True}, id="ops were told"),
        pytest.param(
            "Await Resolution", {"planned": True, "live": {"shown": 3}}, id="ops were told by an earlier execution"
        ),
        pytest.param("Plan Remediation", {"live": {"own": LOW + MEDIUM}, "planned": False}, id="a medium alert joined"),
        pytest.param(
            "Classify", {"live": {"own": LOW + HIGH}, "planned": True}, id="a high alert joined a low incident"
        ),
        pytest.param(
            "Page On-Call",
            {"live": {"own": LOW + HIGH}, "planned": True, "came_from": "Classify"},
            id="a high alert joined during the classification",
        ),
        pytest.param(
            "Notify Ops",
            {"live": {"own": LOW + HIGH, "judged": 2}, "planned": True},
            id="a high alert joined and was judged low",
        ),
        # --- holds
        pytest.param(
            "Hold", {"classification": verdict(hold=hold()), "live": {"held_until": HELD_UNTIL}}, id="silenced"
        ),
        pytest.param(
            "Hold",
            {"classification": verdict("high", hold=hold("rule")), "live": {"held_until": HELD_UNTIL}},
            id="held by a rule",
        ),
        pytest.param(
            "Record Suppression",
            {"classification": verdict("noise", hold=hold()), "live": {"held_until": HELD_UNTIL}},
            id="silenced noise",
        ),
        pytest.param(
            "Classify",
            {"classification": verdict(hold=hold()), "live": {"held_until": HELD_UNTIL}, "minutes": 60},
            id="the silence is over",
        ),
        pytest.param(
            "Plan Remediation",
            {"classification": verdict(hold=hold("rule")), "live": {"held_until": HELD_UNTIL}, "minutes": 60},
            id="the rule's hold is over",
        ),
        pytest.param(
            "Classify",
            {"classification": verdict(hold=hold()), "live": {"hold_ended_at": at(1)}},
            id="somebody ended the hold of a silence",
        ),
        pytest.param(
            "Plan Remediation",
            {"classification": verdict(hold=hold("rule")), "live": {"hold_ended_at": at(1)}},
            id="somebody ended the hold of a rule",
        ),
        pytest.param(
            "Plan Remediation",
            {"classification": verdict(hold=hold()), "live": {"decided": 1}, "came_from": "Classify"},
            id="the hold was not stored",
        ),
        pytest.param(
            "Classify",
            {"classification": verdict(hold=hold()), "live": {"held_until": HELD_UNTIL, "own": LOW + MEDIUM}},
            id="an alert joined a silenced incident",
        ),
        pytest.param(
            "Hold",
            {
                "classification": verdict(hold=hold()),
                "live": {"held_until": HELD_UNTIL, "own": LOW + MEDIUM},
                "came_from": "Classify",
            },
            id="an alert joined a silenced incident, and the new verdict holds it",
        ),
        pytest.param(
            "Classify",
            {"classification": verdict("critical", hold=hold()), "live": {"held_until": HELD_UNTIL, "own": LOW + HIGH}},
            id="a high alert joined a held critical",
        ),
        pytest.param(
            "Page On-Call",
            {
                "classification": verdict("critical", hold=hold()),
                "live": {"held_until": HELD_UNTIL, "own": LOW + HIGH},
                "came_from": "Classify",
            },
            id="a high alert joined a held critical during its classification",
        ),
        # --- plans
        pytest.param("Announce Remediation", {"record": {"plan": PLAN}, "planned": True}, id="a plan without approval"),
        pytest.param(
            "Announce Remediation",
            {"classification": FATAL, "live": CRITICAL_ONE, "record": {"plan": PLAN}},
            id="a successor finds a plan that nobody began",
        ),
        pytest.param(
            "Notify Ops", {"record": {"plan": ASKS}, "planned": True}, id="a low incident's plan needs approval"
        ),
        pytest.param(
            "Page On-Call",
            {"classification": FATAL, "live": CRITICAL_ONE, "record": {"plan": ASKS}, "planned": True},
            id="a critical's plan needs approval: the page first",
        ),
        pytest.param(
            "Announce Remediation",
            {"live": LOW_ACKED, "record": {"plan": ASKS, "decision": "approved"}, "planned": True},
            id="a low incident's plan is approved",
        ),
        pytest.param(
            "Announce Remediation",
            {"classification": FATAL, "live": ACKED, "record": {"plan": ASKS, "decision": "approved"}},
            id="a paged incident's plan is approved",
        ),
        pytest.param(
            "Announce Remediation",
            {"classification": FATAL, "live": ACKED, "record": {"plan": ASKS, "decision": "approved"}, "minutes": 999},
            id="a paged incident's plan is approved after hours",
        ),
        pytest.param(
            "Announce Remediation",
            {
                "live": LOW_ACKED,
                "record": {"plan": ASKS, "decision": "approved"},
                "came_from": failed("Notify Ops"),
            },
            id="a plan is approved although Slack is down",
        ),
        pytest.param(
            "Notify Ops",
            {"record": {"plan": PLAN}, "planned": True, "remediation": "human"},
            id="the plan's first step was not claimed",
        ),
        pytest.param(
            "Notify Ops",
            {"live": LOW_ACKED, "record": {"plan": ASKS, "decision": "approved"}, "remediation": "human"},
            id="an approved plan's first step was not claimed",
        ),
        pytest.param(
            "Await Resolution",
            {"live": LOW_ACKED, "record": {"plan": ASKS, "decision": "approved", "plan_digest": "x"}, "notified": True},
            id="another plan was approved",
        ),
        pytest.param(
            "Await Resolution",
            {"record": {"plan": ASKS, "decision": "refused"}, "planned": True, "notified": True},
            id="a low incident's plan is refused",
        ),
        pytest.param(
            "Await Acknowledgement",
            {"classification": FATAL, "live": PAGED, "record": {"plan": ASKS, "decision": "refused"}},
            id="a paged incident's plan is refused",
        ),
        # --- the ends of a remediation
        *[
            pytest.param(
                go,
                {"record": {"plan": PLAN}, "planned": True, "live": ACTED, "remediation": end},
                id=f"the remediation of a low incident: {end}",
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
                id=f"the remediation of a critical: {end}",
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
                id=f"the remediation of an incident that somebody has: {end}",
            )
            for end in ("verified", "human", "page")
        ],
        pytest.param(
            "Await Resolution",
            {"record": {"plan": PLAN}, "planned": True, "live": ACTED, "remediation": "human", "notified": True},
            id="ops were told how the remediation ended",
        ),
        pytest.param(
            "Close Incident",
            {"record": {"plan": ASKS}, "live": LOW_ACKED | ACTED, "remediation": "verified"},
            id="an approved plan cured a low incident",
        ),
        pytest.param(
            "Notify Ops",
            {"record": {"plan": PLAN}, "live": ACTED | {"own": LOW + LOW, "judged": 2}, "remediation": "verified"},
            id="another alert joined: its host is not cured",
        ),
        pytest.param(
            "Notify Ops",
            {"record": {"plan": PLAN}, "live": ACTED | {"last_alert_at": at(1)}, "remediation": "verified"},
            id="another alert came after the plan",
        ),
        pytest.param(
            "Page On-Call",
            {
                "classification": FATAL,
                "record": {"plan": PLAN},
                "live": CRITICAL_ONE | ACTED | {"verified_at": at(1), "own": CRITICAL + CRITICAL, "judged": 2},
                "remediation": "verified",
            },
            id="another critical joined a cured incident",
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
            id="a cured critical still fires after page_after",
        ),
        # --- successors
        pytest.param(
            "Notify Ops",
            {"record": {"plan": PLAN}, "live": ACTED | {"shown": 2}},
            id="the earlier execution ended in the middle of a remediation",
        ),
        pytest.param(
            "Page On-Call",
            {"classification": FATAL, "record": {"plan": PLAN}, "live": CRITICAL_ONE | ACTED},
            id="the same for a critical",
        ),
        pytest.param(
            "Close Incident",
            {"record": {"plan": PLAN}, "live": ACTED | {"verified_at": at(1)}},
            id="the earlier execution ended after a verified cure",
        ),
        pytest.param(
            "Await Resolution",
            {"classification": FATAL, "record": {"plan": PLAN}, "live": CRITICAL_ONE | ACTED | {"verified_at": at(1)}},
            id="the same for a critical cure",
        ),
        pytest.param("Stop", {"generation": 1, "live": {"generation": 2}}, id="a later execution has the incident"),
        pytest.param("Hand Over", {"rounds": MOST_ROUNDS}, id="too many rounds"),
        pytest.param("Stop", {"live": {"open": False}, "rounds": MOST_ROUNDS}, id="closed"),
        pytest.param("Stop", {"live": {"incident_id": "a-later-one"}}, id="the group has another incident"),
    ],
)
def test_before_people_are_called_each_situation_leads_to_its_state(expected: Go, given: dict[str, Any]) -> None:
    assert look(**given).go == expected


# --- with a store -----------------------------------------------------------------------------------------------------


def test_the_time_of_the_first_verification_is_stored_and_not_replaced_by_a_later_one() -> None:
    store = MemoryStore()
    store.admit(incident(), plan=PLAN, classification=FATAL)
    request = WhatNowInput(state="What Now?", incident=incident(), classification=FATAL, remediation="verified")

    serve_what_now(request, incidents=store.incidents, now=at(3), times=TIMES)
    serve_what_now(request, incidents=store.incidents, now=at(4), times=TIMES)

    assert store.only.live is not None
    assert store.only.live.verified_at == at(3)


@pytest.mark.parametrize(("joined", "withdrawn"), [(1, False), (2, True)])
def test_a_resolve_is_taken_back_if_alerts_joined_that_the_person_had_not_seen(joined: int, withdrawn: bool) -> None:
    store = MemoryStore()
    store.admit(incident(), classification=verdict())
    store.change(
        incident().incident_id, own=counts_for(*[1] * joined), resolved_at=at(1), resolved_by="Ana", resolved_seen=1
    )
    request = WhatNowInput(state="What Now?", incident=incident(), classification=verdict())

    decided = serve_what_now(request, incidents=store.incidents, now=at(2), times=TIMES)

    assert store.only.live is not None
    assert (store.only.live.resolved_by is None) is withdrawn
    assert not stale_resolve(store.only.live)
    assert (decided.go == "Close Incident") is not withdrawn


@pytest.mark.parametrize(
    ("ranks", "saw", "pages"),
    [((4, 4), 1, True), ((4, 4, 1), 2, False), ((4, 4, 4), 2, True)],
    ids=[
        "of two criticals the person saw one",
        "the person saw both criticals, and not the low",
        "of three criticals the person saw two",
    ],
)
def test_after_a_resolve_is_taken_back_an_unseen_critical_is_paged(
    ranks: tuple[int, ...], saw: int, pages: bool
) -> None:
    store = MemoryStore()
    store.admit(incident(), classification=FATAL)
    joined: dict[str, Any] = {"own": counts_for(*ranks), "judged": 2, "decided": 4}
    resolved = {"resolved_at": at(1), "resolved_by": "Ana", "resolved_seen": saw, "resolved_loud": Loud(critical=saw)}
    store.change(incident().incident_id, **(PAGED | ACKED | joined | resolved))
    request = WhatNowInput(state="What Now?", incident=incident(), classification=FATAL)

    assert (serve_what_now(request, incidents=store.incidents, now=at(2), times=TIMES).go == "Page On-Call") is pages


def test_an_execution_that_hands_over_makes_its_incident_due_at_once() -> None:
    store = MemoryStore()
    store.admit(incident(), classification=verdict())
    store.change(incident().incident_id, due_at=at(30))
    request = WhatNowInput(state="What Now?", incident=incident(), classification=verdict(), rounds=MOST_ROUNDS)

    assert serve_what_now(request, incidents=store.incidents, now=at(2), times=TIMES).go == "Hand Over"

    assert [live.incident_id for live in store.incidents.due(at(2), 10)] == [incident().incident_id]
