"""Acknowledgements answer what they knew of, and each page goes out once, whoever sends it and whatever fails."""

import pytest

from tests.simulation.faults import Kind
from tests.simulation.people import ADA, TIMER
from tests.simulation.senders import pagerduty_event
from tests.simulation.timeline import Alert, Timeline, press_now

HOURS = 3600.0
CRITICAL = Alert("DbDown", "db-1", "critical")
SECOND_LEVEL = "sns"
"""The channel that only the second level of the shipped policy has."""


def test_an_acknowledgement_of_hours_ago_does_not_answer_a_page_for_something_worse() -> None:
    with Timeline().running() as line:
        line.at(1).push(Alert("DbDown", "db-1", "low"))
        line.at(60).press("acknowledge")
        line.at(3 * HOURS).push(Alert("DbDown", "db-2", "critical"))
        line.run_until(3 * HOURS + 480)

        assert line.answers == [202, 200, 202]
        line.between(0, 3 * HOURS).expect_no_page()
        line.between(3 * HOURS, 3 * HOURS + 60).expect_page("db-2", channel="pagerduty")
        line.between(3 * HOURS + 300, 3 * HOURS + 480).expect_page(channel=SECOND_LEVEL)


def test_a_critical_that_joins_an_acknowledged_high_is_paged_by_name() -> None:
    with Timeline().running() as line:
        line.at(1).push(Alert("DbDown", "db-1", "high"))
        line.at(60).press("acknowledge")
        line.at(600).push(Alert("DbDown", "db-2", "critical"))
        line.run_until(700)

        line.between(60, 600).expect_no_page()
        line.between(600, 660).expect_page("db-2")


def test_one_more_of_the_same_severity_is_told_and_wakes_nobody() -> None:
    with Timeline().running() as line:
        line.at(1).push(CRITICAL)
        line.at(60).press("acknowledge")
        line.at(600).push(Alert("DbDown", "db-2", "critical"))
        line.run_until(800)

        line.between(60, 800).expect_no_page()
        assert line.between(600, 790).messages(), "the message shows what joined"


def test_an_acknowledgement_while_a_further_page_goes_out_answers_it_too() -> None:
    with Timeline().running() as line:

        def acknowledge() -> None:
            line.answers.append(press_now(line, "acknowledge"))
            line.world.clock.run_for(2)

        line.at(1).push(CRITICAL)
        line.at(200).before("escalate", "sns", "publish", acknowledge)  # the second level is claimed, and not yet sent
        line.run_until(2400)

        assert line.answers == [202, 200]
        line.between(200, 400).expect_page(channel=SECOND_LEVEL)
        line.between(400, 2400).expect_no_page()


def test_a_critical_that_nobody_acknowledges_is_paged_round_after_round_and_never_expires() -> None:
    hours = 5
    with Timeline(resolve_within=3600).running() as line:
        line.at(1).push(CRITICAL)
        line.run_until(hours * HOURS)

        incident = line.incidents()[0]
        assert line.is_open(incident)
        for hour in range(hours):
            assert len(line.between(hour * HOURS, (hour + 1) * HOURS).pages()) >= 2
        assert line.world.pagerduty.incidents[f"firstline:{incident}"] == "triggered"


def test_a_page_goes_out_once_though_the_machine_asks_for_it_again_and_again() -> None:
    with Timeline().running() as line:
        line.at(0).fault("machine/Page On-Call", "lambda", "escalate", "lost", times=3)
        line.at(1).push(CRITICAL)
        line.at(200).press("acknowledge")
        line.run_until(1200)

        assert line.faults.happened
        line.between(0, 1200).expect_page(channel="pagerduty", times=1)
        # The machine itself pages once, through the page topic, as the function never answered.
        assert len(line.between(0, 1200).pages()) <= 2


def test_a_page_whose_function_is_killed_right_after_it_goes_out_once_more_at_most() -> None:
    with Timeline().running() as line:
        line.at(0).fault("escalate", "pagerduty", "trigger", "kill after", times=1)
        line.at(1).push(CRITICAL)
        line.at(200).press("acknowledge")
        line.run_until(1200)

        assert line.faults.happened
        # Nobody knows that it went out: it is sent again when its lease is over.
        assert len(line.between(0, 1200).pages()) <= 2


@pytest.mark.parametrize("nth", [1, 2, 3])
@pytest.mark.parametrize("kind", ["refuse", "lost", "conflict"])
def test_a_page_whose_record_failed_is_not_sent_once_more_after_its_answer(kind: Kind, nth: int) -> None:
    with Timeline().running() as line:
        line.at(0).fault("escalate", "dynamodb", "", kind, nth)
        line.at(1).push(CRITICAL)
        line.at(100).press("acknowledge")
        line.run_until(2 * HOURS)

        assert line.faults.happened
        line.between(0, 100).expect_page(channel="pagerduty", times=1)
        line.between(100, 2 * HOURS).expect_no_page()


def test_a_critical_whose_plan_waits_for_a_yes_is_paged_at_once_with_the_plan_and_only_once() -> None:
    with Timeline().running() as line:
        line.cure("web-1")
        line.at(1).push(Alert("CacheCold", "web-1", "critical", began=1))
        line.at(120).press("acknowledge")
        line.run_until(1200)

        line.between(0, 60).expect_page("CacheCold", channel="pagerduty")
        incident = line.incidents()[0]
        assert line.world.slack.button(incident, "approve") is not None
        # Who has it may still say yes; until then neither the machine nor reconcile pages again.
        line.between(0, 1200).expect_page(channel="pagerduty", times=1)
        line.between(0, 1200).expect_page(channel=SECOND_LEVEL, times=0)
        assert line.commands() == []


def test_a_yes_on_a_page_stops_the_pager_and_runs_the_plan() -> None:
    with Timeline().running() as line:
        line.cure("web-1")
        line.at(1).push(Alert("CacheCold", "web-1", "critical", began=1))
        line.at(120).press("approve")
        line.at(240).push(Alert("CacheCold", "web-1", "critical", began=1).resolved())
        line.run_until(900)

        incident = line.incidents()[0]
        assert ("warm", "web-1") in line.commands()
        assert [text for text in line.between(120, 200).messages() if "runs the runbook" in str(text.content)]
        line.between(0, 60).expect_page("CacheCold", channel="pagerduty", times=1)
        line.between(60, 900).expect_no_page()
        assert not line.is_open(incident)


def test_the_page_carries_the_plan_and_its_buttons() -> None:
    with Timeline().running() as line:
        line.at(1).push(Alert("CacheCold", "web-1", "critical"))
        line.run_until(60)

        asked = [message for message in line.between(0, 60).messages() if "approve" in message.content["buttons"]]
        page = line.between(0, 60).pages(channel="pagerduty")
        assert page
        assert asked
        assert abs((asked[0].at - page[0].at).total_seconds()) < 5
        assert "Warm a cache" in str(page[0].content), "the page names the plan"


def test_a_critical_whose_runbook_works_for_long_is_paged_once_per_round() -> None:
    with Timeline().running() as line:
        line.cure()  # the verification never holds
        line.at(1).push(Alert("QueueStuck", "web-1", "critical"))
        line.run_until(420)

        assert line.commands(), "its runbook works"
        paged_through = [page.channel for page in line.between(0, 420).pages()]
        assert paged_through
        assert len(paged_through) == len(set(paged_through)), "a round pages once through each channel"


@pytest.mark.parametrize("kind", ["acknowledged", "resolved"])
@pytest.mark.parametrize("agent", [None, TIMER, ADA], ids=["nobody", "a timer", "a person"])
def test_only_people_answer_in_pagerduty(kind: str, agent: object) -> None:
    with Timeline().running() as line:
        line.at(1).push(CRITICAL)
        line.run_until(60)
        incident = line.incidents()[0]
        key = f"firstline:{incident}"
        event = pagerduty_event(kind, line.world.clock.now(), id="Q1", key=key, agent=agent)
        line.at(100).do(lambda: line.answers.append(line.world.door.post("pagerduty", event)))
        line.run_until(480)

        assert line.answers[-1] is not None
        assert line.answers[-1] < 300
        if agent == ADA:
            line.between(100, 480).expect_no_page()
        else:
            line.between(300, 480).expect_page(channel=SECOND_LEVEL)
            assert line.is_open(incident)


@pytest.mark.parametrize("acknowledged", [True, False], ids=["acknowledged", "unanswered"])
def test_what_joins_a_resolve_wakes_somebody_although_pagerduty_does_not_ring_anew(acknowledged: bool) -> None:
    joins = Alert("DbDown", "db-2", "critical", began=120)
    with Timeline().running() as line:
        line.at(1).push(CRITICAL)
        if acknowledged:
            line.at(60).press("acknowledge")
        line.at(119).before("machine/Close Incident", "lambda", "", line.pushes(joins))
        line.at(120).press("resolve")
        line.run_until(290)

        assert line.is_open(line.incidents()[0])
        state_before = line.between(120, 290).pages("db-2", channel="pagerduty")[0].content["was"]
        assert state_before != "resolved", "to trigger what is open there rings nobody"
        line.between(120, 290).expect_page("db-2", channel=SECOND_LEVEL, times=1)
        line.between(120, 290).expect_page("It was resolved, but critical DbDown on db-2 joined", times=2)


@pytest.mark.parametrize("first", ["low", "high"])
def test_an_answer_at_the_moment_when_something_worse_joins_does_not_answer_for_it(first: str) -> None:
    with Timeline().running() as line:
        line.at(1).push(Alert("DbDown", "db-1", first))
        line.at(60).push(Alert("DbDown", "db-2", "critical"))
        line.at(60.1).press("acknowledge")
        line.run_until(290)

        assert line.answers == [202, 202, 200]
        line.between(60, 290).expect_page("db-2")
