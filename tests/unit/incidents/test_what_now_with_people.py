"""The decision `What Now?` once people are called: each situation, the state that follows, its wait and its reason."""

from typing import Any

import pytest

from firstline.contracts import Go, Observed, WhatNowInput
from firstline.incidents.what_now import UNWRITTEN_PAGE, UNWRITTEN_VERDICT, what_now
from firstline.models import SEVERITY_RANK, Loud
from tests.support.builders import at, incident
from tests.support.changes import counts_for
from tests.unit.incidents.looks import (
    ACKED,
    ACTED,
    ANSWERED,
    CRITICAL,
    CRITICAL_ONE,
    DUE,
    FATAL,
    GIVEN_BACK,
    HELD_UNTIL,
    HIGH,
    LOW,
    LOW_ACKED,
    NOISE,
    PAGED,
    PLAN,
    QUIET,
    TIMES,
    failed,
    hold,
    look,
    timed_out,
    verdict,
)


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
            id="evidence is due, and the execution waited already",
        ),
        pytest.param(
            "Await Acknowledgement",
            {
                "classification": DUE,
                "live": PAGED | {"own": CRITICAL + LOW, "judged": 1, "judged_loud": Loud(critical=1)},
                "came_from": "Page On-Call",
            },
            id="evidence is due, and an alert joined",
        ),
        pytest.param(
            "Notify Ops",
            {"classification": verdict("critical", evidence=["RDS"]), "live": PAGED, "came_from": "Classify"},
            id="evidence came, and the message does not show it",
        ),
        pytest.param(
            "Await Acknowledgement",
            {"classification": DUE, "live": PAGED, "came_from": failed("Classify")},
            id="the late evidence could not be read",
        ),
        pytest.param(
            "Await Acknowledgement",
            {"classification": FATAL, "live": PAGED, "came_from": "Classify"},
            id="late evidence was empty",
        ),
        pytest.param(
            "Await Acknowledgement",
            {"classification": verdict("critical", evidence=["RDS"]), "live": PAGED, "came_from": "Notify Ops"},
            id="the message shows the evidence",
        ),
        # --- people
        pytest.param("Page On-Call", {"classification": FATAL, "live": CRITICAL_ONE, "planned": True}, id="critical"),
        pytest.param(
            "Page On-Call",
            {"classification": FATAL, "live": {"judged": 1}, "planned": True},
            id="the verdict is worse than the alert",
        ),
        pytest.param(
            "Await Acknowledgement", {"classification": FATAL, "live": PAGED}, id="paged, and the time to answer runs"
        ),
        pytest.param(
            "Page On-Call",
            {"classification": FATAL, "live": PAGED, "minutes": 5},
            id="paged, and nobody answered in time",
        ),
        pytest.param("Await Resolution", {"classification": FATAL, "live": ACKED, "minutes": 99}, id="acknowledged"),
        pytest.param(
            "Await Resolution",
            {"classification": FATAL, "live": ACKED | {"own": CRITICAL + CRITICAL}, "minutes": 99},
            id="a critical joined a critical that somebody has",
        ),
        pytest.param(
            "Page On-Call",
            {"live": LOW_ACKED | {"own": LOW + CRITICAL}},
            id="a critical joined a low incident that somebody has",
        ),
        pytest.param(
            "Notify Ops",
            {"classification": FATAL, "live": ACKED, "came_from": timed_out("Await Resolution"), "minutes": 600},
            id="somebody has had it for hours",
        ),
        pytest.param(
            "Await Resolution",
            {"classification": FATAL, "live": ACKED, "came_from": "Notify Ops", "notified": True, "minutes": 600},
            id="ops were told again",
        ),
        pytest.param(
            "Close Incident",
            {"planned": True, "notified": True, "came_from": timed_out("Await Resolution"), "minutes": 480},
            id="a low incident expires",
        ),
        pytest.param(
            "Page On-Call",
            {"classification": FATAL, "live": PAGED, "minutes": 60 * 24 * 30},
            id="a critical never expires",
        ),
        pytest.param(
            "Await Acknowledgement",
            {"live": PAGED | {"own": LOW, "page_again_at": at(60 * 9)}, "minutes": 60 * 8.5},
            id="a paged incident never expires",
        ),
        # --- the end
        pytest.param("Announce Quiet", {"live": QUIET, "minutes": 10}, id="no alert fires any more"),
        pytest.param(
            "Await Quiet",
            {"live": QUIET, "minutes": 11, "came_from": "Announce Quiet"},
            id="the grouping window begins",
        ),
        pytest.param(
            "Await Quiet", {"live": QUIET, "minutes": 11, "came_from": "Await Quiet"}, id="the grouping window goes on"
        ),
        pytest.param(
            "Close Incident",
            {"live": QUIET, "minutes": 15, "came_from": "Await Quiet"},
            id="the grouping window is over",
        ),
        pytest.param(
            "Await Quiet",
            {"live": QUIET | {"flapping": True}, "minutes": 29, "came_from": "Await Quiet"},
            id="the window of a flapping incident",
        ),
        pytest.param(
            "Announce Quiet",
            {"classification": verdict(hold=hold()), "live": QUIET | {"held_until": HELD_UNTIL}, "minutes": 10},
            id="resolved during a hold",
        ),
        pytest.param(
            "Announce Quiet", {"classification": None, "live": QUIET, "minutes": 10}, id="resolved before its verdict"
        ),
        pytest.param(
            "Announce Quiet",
            {"live": QUIET | ACTED, "record": {"plan": PLAN}, "remediation": "resolved", "minutes": 10},
            id="resolved by a runbook",
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
            id="a low incident is back within the window",
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
            id="a person resolved it without having seen the critical",
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
            id="Classify failed, and no alert fires any more",
        ),
        pytest.param(
            "Await Resolution",
            {"classification": FATAL, "live": ACKED, "came_from": failed("Notify Ops")},
            id="Notify Ops failed, and somebody has the incident",
        ),
        pytest.param(
            "Await Resolution",
            {"planned": True, "notified": True, "came_from": Observed(state="Page On-Call", result={"sent": None})},
            id="Slack is down, and its one page was sent before",
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
            id="a page was not stored",
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
            id="nobody answered a page that was not stored",
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
        pytest.param(
            "Await Acknowledgement",
            {
                "classification": FATAL,
                "live": ACKED
                | {"own": HIGH + CRITICAL, "paged_rank": 3, "acked_rank": 3, "paged_loud": Loud(high=1), "judged": 2},
                "came_from": Observed(state="Page On-Call", result={"sent": None}),
            },
            id="a page for what joined after the answer was refused",
        ),
        # --- what changed and people do not see yet
        *(
            pytest.param(
                go, {"classification": FATAL, "came_from": came_from, "live": live | {"shown": shown}}, id=name
            )
            for name, go, came_from, live, shown in (
                ("acknowledged outside of Slack", "Notify Ops", ANSWERED, ACKED, 0),
                ("given back outside of Slack", "Notify Ops", GIVEN_BACK, PAGED, 0),
                ("acknowledged in Slack", "Await Resolution", ANSWERED, ACKED, 2),
                ("the message was just updated", "Await Resolution", "Notify Ops", ACKED, 0),
                ("acknowledged while the page went out", "Notify Ops", "Page On-Call", ACKED, 0),
                ("an alert joined while its page went out", "Await Acknowledgement", "Page On-Call", PAGED, 0),
            )
        ),
        pytest.param(
            "Notify Ops",
            {"came_from": ANSWERED, "live": LOW_ACKED, "notified": True},
            id="a low incident was acknowledged",
        ),
    ],
)
def test_with_people_each_situation_leads_to_its_state(expected: Go, given: dict[str, Any]) -> None:
    assert look(**given).go == expected


@pytest.mark.parametrize(
    ("seconds", "given"),
    [
        pytest.param(
            60 * 60 - 120, {"classification": verdict(hold=hold()), "live": {"held_until": HELD_UNTIL}}, id="a hold"
        ),
        pytest.param(5 * 60 - 120, {"classification": FATAL, "live": PAGED}, id="a page"),
        pytest.param(
            UNWRITTEN_PAGE.seconds,
            {
                "classification": FATAL,
                "live": CRITICAL_ONE,
                "planned": True,
                "came_from": Observed(state="Page On-Call", result={"sent": "unwritten"}),
            },
            id="a page that was not stored",
        ),
        pytest.param(8 * 3_600 - 120, {"planned": True, "notified": True}, id="a low incident"),
        pytest.param(
            8 * 3_600 - 60,
            {"planned": True, "notified": True, "live": {"last_alert_at": at(1)}},
            id="a low incident that another alert joined",
        ),
        pytest.param(
            UNWRITTEN_VERDICT.seconds,
            {"planned": True, "notified": True, "live": {"decided": None, "judged": 0}, "came_from": "Classify"},
            id="a low incident whose verdict was not stored",
        ),
        pytest.param(8 * 3_600, {"classification": FATAL, "live": ACKED}, id="an incident that somebody has"),
        pytest.param(
            5 * 60 - 120,
            {"classification": FATAL, "live": ACKED | {"group_key": "storm:generic", "own": CRITICAL + CRITICAL}},
            id="a storm that a critical joined",
        ),
        pytest.param(
            60 + 5 * 60 - 120,
            {
                "classification": FATAL,
                "live": CRITICAL_ONE | ACTED | {"verified_at": at(1)},
                "remediation": "verified",
                "record": {"plan": PLAN},
            },
            id="a cured critical",
        ),
        pytest.param(
            # The last alert ended after 10 minutes; the window has 5, that of a flapping incident 20.
            (10 + 5 - 11) * 60,
            {"live": QUIET, "minutes": 11, "came_from": "Announce Quiet"},
            id="the grouping window begins",
        ),
        pytest.param(
            (10 + 20 - 11) * 60,
            {"live": QUIET | {"flapping": True}, "minutes": 11, "came_from": "Announce Quiet"},
            id="the window of a flapping incident",
        ),
    ],
)
def test_a_wait_lasts_until_the_next_action_is_due(seconds: int, given: dict[str, Any]) -> None:
    # Without `minutes` the wait begins 2 minutes after the opening.
    assert look(**given).seconds == seconds


@pytest.mark.parametrize(
    ("seconds", "given"),
    [
        pytest.param(300, {"notified": True}, id="all of the window while an alert fires"),
        pytest.param(300, {"classification": FATAL, "live": PAGED}, id="also before the wait for an acknowledgement"),
        pytest.param(1_200, {"live": {"flapping": True}, "notified": True}, id="all of a flapping incident's window"),
        pytest.param(240, {"live": QUIET, "minutes": 11}, id="what is left of it once nothing fires"),
        pytest.param(1_140, {"live": QUIET | {"flapping": True}, "minutes": 11}, id="and of a flapping incident's"),
    ],
)
def test_every_answer_says_how_long_the_grouping_window_lasts(seconds: int, given: dict[str, Any]) -> None:
    assert look(**given).quiet_seconds == seconds


def test_a_wait_carries_the_changes_of_the_live_item_alone_and_the_alerts_of_its_shards_too() -> None:
    shards = (counts_for(1), counts_for(1))  # LOW has one alert, and each shard another
    waits = look(live={"own": LOW.model_copy(update={"changes": 7}), "shards": shards, "judged": 3}, notified=True)

    assert (waits.changes, waits.joined) == (7, 3), "the wait's condition compares the live item's own changes"


def test_a_suppression_covers_only_the_alerts_that_its_verdict_covered() -> None:
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
def test_a_close_says_by_what_the_incident_ended(ended_by: str, given: dict[str, Any]) -> None:
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
def test_the_reason_says_how_a_remediation_of_an_earlier_execution_stands(
    reason: str | None, given: dict[str, Any]
) -> None:
    assert look(**given).reason == reason


def test_the_chosen_state_carries_the_worst_rank_that_the_record_shows() -> None:
    assert look(classification=FATAL, live=CRITICAL_ONE).rank == SEVERITY_RANK["critical"]
    assert look(live={"own": LOW + HIGH}).rank == SEVERITY_RANK["high"]
    assert look().rank == SEVERITY_RANK["low"]


@pytest.mark.parametrize(
    ("happened", "paged", "go"),
    [
        (None, False, "Page On-Call"),
        (None, True, "Stop"),
        (Observed(state="Page On-Call", result={"sent": None}), False, "Stop"),
    ],
    ids=[
        "not paged yet",
        "paged",
        "its page was refused",
    ],
)
def test_an_incident_that_the_table_does_not_know_is_paged_once(happened: Observed | None, paged: bool, go: Go) -> None:
    request = WhatNowInput(state="What Now?", incident=incident(), paged=paged, happened=happened)

    assert what_now(request, None, at(1), TIMES).go == go
