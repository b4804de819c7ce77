"""PagerDuty: its words come late, twice and in any order, and it does not always ring by itself."""

from typing import Any

import pytest

from tests.simulation.people import ADA, TIMER
from tests.simulation.senders import pagerduty_event
from tests.simulation.timeline import Alert, Timeline, time_of

CRITICAL = Alert("DbDown", "db-1", "critical")
SECOND_LEVEL = "sns"
"""The channel that only the second level of the shipped policy has."""


def say(
    line: Timeline, at: float, kind: str, *, said_at: float | None = None, id: str = "Q1", agent: Any = ADA, **data: Any
) -> None:
    """Deliver an event about the page of the first incident at a time, which may be long after it was said."""

    def post() -> None:
        key = f"firstline:{line.incidents()[0]}"
        event = pagerduty_event(kind, time_of(at if said_at is None else said_at), id=id, key=key, agent=agent)
        if kind in ("unacknowledged", "reopened"):
            event["event"]["data"]["status"] = "triggered"
        event["event"]["data"] |= data
        line.answers.append(line.world.door.post("pagerduty", event))

    line.at(at).do(post)


def test_an_acknowledgement_that_was_taken_back_already_answers_nothing() -> None:
    with Timeline().running() as line:
        line.at(1).push(CRITICAL)
        say(line, 110, "unacknowledged", agent=TIMER)
        say(line, 111, "acknowledged", said_at=60)
        line.run_until(1200)

        line.between(110, 1200).expect_page(channel=SECOND_LEVEL)


def test_what_is_taken_back_once_and_told_twice_takes_no_later_acknowledgement_back() -> None:
    with Timeline().running() as line:
        line.at(1).push(CRITICAL)
        say(line, 60, "acknowledged")
        say(line, 110, "unacknowledged", agent=TIMER)
        say(line, 120, "acknowledged")
        say(line, 150, "unacknowledged", said_at=110, agent=TIMER)
        line.run_until(1200)

        line.between(60, 1200).expect_no_page()


def test_an_acknowledgement_that_is_told_twice_does_not_answer_a_later_page() -> None:
    with Timeline().running() as line:
        line.at(1).push(Alert("DbDown", "db-2", "high"))
        say(line, 60, "acknowledged")
        line.at(70).push(CRITICAL)
        say(line, 100, "acknowledged", said_at=60)
        line.run_until(1200)

        line.between(60, 100).expect_page("db-1")
        line.between(100, 1200).expect_page(channel=SECOND_LEVEL)


def test_a_resolve_that_is_told_twice_does_not_end_what_joined_before_the_second() -> None:
    with Timeline().running() as line:
        line.at(1).push(Alert("DbDown", "db-2", "critical"))
        line.at(59).before("machine/Close Incident", "lambda", "", line.pushes(CRITICAL))
        say(line, 60, "resolved")
        say(line, 120, "resolved", said_at=60)
        line.run_until(1200)

        assert line.alert(CRITICAL) is not None, "the race did not happen"
        assert line.is_open(line.incidents()[0])
        line.between(120, 1200).expect_page(channel=SECOND_LEVEL)


def test_a_resolve_before_a_reopening_does_not_end_what_was_reopened() -> None:
    with Timeline().running() as line:
        line.at(1).push(CRITICAL)
        say(line, 110, "reopened")
        say(line, 111, "resolved", said_at=60)
        line.run_until(1200)

        assert line.is_open(line.incidents()[0])
        line.between(110, 1200).expect_page(channel=SECOND_LEVEL)


def test_a_late_event_about_an_incident_that_is_over_in_pagerduty_does_not_hide_the_next_page() -> None:
    with Timeline().running() as line:
        line.at(1).push(CRITICAL)
        line.at(60).push(CRITICAL.resolved())
        say(line, 70, "resolved", agent=TIMER)
        say(line, 80, "priority_updated", said_at=50)
        line.at(120).push(CRITICAL)
        say(line, 180, "acknowledged", id="Q2")  # PagerDuty's next incident, of the page after it
        line.run_until(1200)

        line.between(120, 180).expect_page(channel="pagerduty", times=1)
        line.between(180, 1200).expect_no_page()


@pytest.mark.parametrize("urgency", ["high", "low"])
def test_pagerdutys_own_incident_is_paged_for_where_its_urgency_rings_nobody(urgency: str) -> None:
    with Timeline().running() as line:
        event = pagerduty_event("triggered", time_of(1), id="QOWN", title="Ledger is wrong", urgency="critical")
        event["event"]["data"]["urgency"] = urgency
        line.at(1).do(lambda: line.answers.append(line.world.door.post("pagerduty", event)))
        line.run_until(290)

        assert line.answers == [202]
        line.between(1, 290).expect_page(channel="pagerduty", times=1 if urgency == "low" else 0)
