"""Every failure reaches a human: by a page, by SNS without our own code, or by the alarm on a failed execution.

What breaks for a moment changes nothing, and what is done twice has no effect twice.
"""

from typing import Any

import pytest

from tests.statemachine.functions import (
    NAMES_NO_STATE,
    Event,
    Handler,
    Trouble,
    answers_no_next,
    answers_nonsense,
    busy,
    crashes,
    dies,
    from_a_later_version,
    meanwhile,
    misunderstands,
    reply_lost,
)
from tests.statemachine.incident import Incident
from tests.statemachine.run_command import NEVER, Run
from tests.statemachine.world import OVER, World
from tests.support.depth import some

DISK = {"severity": "medium", "host": "web-1", "labels": {"mountpoint": "/scratch"}}


def summary(incident: Incident) -> str:
    """Return the first words of the verdict."""
    verdict = incident.record.classification
    assert verdict is not None
    assert verdict.summary
    return verdict.summary


FOR_GOOD: dict[str, Trouble] = {
    "crashes": crashes,
    "misunderstands": misunderstands,
    "answers nonsense": answers_nonsense,
    "dies again and again": dies,
    "stays busy": busy,
}
TRIES = 4
"""The number of times that the machine invokes a function that fails for a reason that may pass."""

BY_ITSELF = ["Page On-Call", "Page Without Escalate", "Record Page", "Await Acknowledgement"]
for_good = pytest.mark.parametrize("trouble", FOR_GOOD.values(), ids=FOR_GOOD.keys())


def why(world: World) -> str:
    """Return the reason in the only page."""
    (page,) = world.woken()
    return page.text


def closing_records(world: World, incident: Incident, count: int) -> None:
    """Count the ends in the group's history."""
    earlier = world.history.earlier_incidents(incident.record.incident.group_key)
    assert [incident.incident_id for incident in earlier] == [incident.id] * count


# --- for good -----------------------------------------------------------------------------------------------------


@for_good
def test_classify_fails_and_a_human_decides(world: World, trouble: Trouble) -> None:
    world.functions.plan("classify", trouble, for_good=True)
    incident = world.fires("TestAlert", severity="low")
    incident.stands_in("Await Acknowledgement")

    assert incident.path == ["Classify", "Page On-Call", "Await Acknowledgement"]
    assert "nobody knows yet how bad this is" in why(world)
    incident.is_acknowledged()
    incident.stands_in("Await Resolution").is_resolved()
    incident.ends()
    assert incident.record.outcome == "resolved"


@for_good
def test_planning_fails_and_somebody_is_paged(world: World, trouble: Trouble) -> None:
    world.functions.plan("remediate", trouble, for_good=True, state=NAMES_NO_STATE)
    incident = world.fires("ScratchFull", **DISK)
    incident.stands_in("Await Acknowledgement")

    assert incident.path[-3:] == ["Plan Remediation", "Page On-Call", "Await Acknowledgement"]
    assert "Plan Remediation failed (" in why(world)
    assert world.commands.attempts == []


def test_a_suppression_that_cannot_be_recorded_is_paged(world: World) -> None:
    world.functions.plan("notify", crashes, for_good=True, state="Record Suppression")
    incident = world.fires("TestAlert", severity="low")
    incident.stands_in("Await Acknowledgement")

    assert incident.path[-3:] == ["Record Suppression", "Page On-Call", "Await Acknowledgement"]
    assert "Record Suppression failed (ZeroDivisionError)." in why(world)


def test_an_announcement_that_fails_does_not_stop_the_cure(world: World) -> None:
    world.functions.plan("notify", crashes, for_good=True, state="Announce Remediation")
    incident = world.fires("ScratchFull", **DISK)
    incident.stands_in("Await Recovery")

    assert world.commands.steps() == ["find-biggest", "free-space"]
    assert world.woken() == []


def test_a_question_that_cannot_be_asked_goes_out_with_a_page(world: World) -> None:
    world.functions.plan("notify", crashes, for_good=True, state="Notify Ops")
    incident = world.fires("CacheCold", severity="medium", host="web-1")
    incident.stands_in("Await Acknowledgement")

    assert incident.path[-3:] == ["Notify Ops", "Page On-Call", "Await Acknowledgement"]
    assert "Notify Ops failed (ZeroDivisionError)." in why(world)
    assert "Warm a cache" in why(world)
    assert world.commands.attempts == []


def test_when_ops_cannot_be_told_somebody_is_paged(world: World) -> None:
    world.functions.plan("notify", misunderstands, for_good=True, state="Notify Ops")
    incident = world.fires("DiskSlow", severity="medium")
    incident.stands_in("Await Acknowledgement")

    assert incident.path[-3:] == ["Notify Ops", "Page On-Call", "Await Acknowledgement"]
    assert "Notify Ops failed (" in why(world)


@for_good
def test_when_escalate_is_broken_the_machine_pages_by_itself_and_goes_on_to_the_end(
    world: World, trouble: Trouble
) -> None:
    machines_wait = 900  # seconds; Escalate alone knows the levels' own times
    world.functions.plan("escalate", trouble, for_good=True)
    incident = world.fires("SearchDown")
    incident.stands_in("Await Acknowledgement")

    assert incident.path[-4:] == BY_ITSELF
    assert machines_wait - 100 < incident.time_out_seconds <= machines_wait
    (mail,) = world.told("sns")
    assert mail.text.startswith("Firstline could not page as it should\n")
    assert f"Incident {incident.id}: SearchDown is critical. {summary(incident)}" in mail.text
    assert "Firstline's own paging failed (" in mail.text
    assert incident.record.paged_at is not None
    incident.is_acknowledged()
    incident.stands_in("Await Resolution")
    world.resolves("SearchDown")
    incident.ends()
    assert incident.record.outcome == "resolved"


@pytest.mark.parametrize("trouble", [crashes, misunderstands], ids=["crashes", "misunderstands"])
def test_a_page_of_the_machine_names_the_error_without_its_cause(world: World, trouble: Trouble) -> None:
    world.functions.plan("remediate", trouble, for_good=True, state=NAMES_NO_STATE)
    world.functions.plan("escalate", crashes, for_good=True)
    incident = world.fires("ScratchFull", **DISK)
    incident.stands_in("Await Acknowledgement")

    assert "Plan Remediation ended: " in why(world)
    assert "Error. Firstline's own paging failed (ZeroDivisionError)" in why(world)
    assert not set('{}"') & set(why(world)), "a cause is for the execution's history, not for a text message"


def test_without_escalate_a_page_that_nobody_acknowledges_is_repeated(world: World) -> None:
    world.functions.plan("escalate", crashes, for_good=True)
    incident = world.fires("SearchDown")
    incident.stands_in("Await Acknowledgement").times_out()
    incident.stands_in("Await Acknowledgement").is_resolved()

    assert incident.ends()[-5:] == [*BY_ITSELF, "Close Incident"]
    assert len(world.told("sns")) == 2


def test_without_escalate_a_critical_that_joins_after_the_page_is_paged_once_more(world: World) -> None:
    """Count the page that the machine sends itself, so that an incident is not paged in a circle."""
    world.functions.plan("escalate", crashes, for_good=True)
    incident = world.fires("SearchDown", severity="high", host="db-1")
    incident.stands_in("Await Acknowledgement")
    world.fires("SearchDown", severity="critical", host="db-2")
    incident.stands_in("Await Acknowledgement").is_acknowledged()
    incident.stands_in("Await Resolution").is_resolved()

    incident.ends()
    assert len(world.told("sns")) == 2


def test_a_page_that_no_channel_takes_fails_the_execution_which_raises_an_alarm(world: World) -> None:
    world.remove_secret("pagerduty/routing-key")
    world.aws.down.add("sns")

    incident = world.fires("SearchDown")

    assert incident.ends("FAILED")[-3:] == ["Page On-Call", "Page Without Escalate", "Undelivered"]
    error, cause = incident.failure
    assert error == "Undelivered"
    assert cause is not None
    assert cause.startswith("Page Without Escalate failed (")
    assert summary(incident) in cause


def test_a_page_on_a_topic_without_subscribers_counts_as_none_and_fails_the_execution(world: World) -> None:
    world.remove_secret("pagerduty/routing-key")
    world.unsubscribe()
    incident = world.fires("SearchDown")

    assert incident.ends("FAILED")[-2:] == ["Page On-Call", "Undelivered"]
    assert (incident.failure[1] or "").startswith("Page On-Call failed (PageUnheard).")
    assert [page.at for page in incident.record.pages] == [None], "it was tried, and went out to nobody"
    assert incident.record.live is not None
    assert incident.record.live.paged_at is None


def test_a_closing_that_fails_fails_the_execution_which_raises_an_alarm(world: World) -> None:
    world.functions.plan("notify", dies, for_good=True, state="Close Incident")
    incident = world.fires("DiskSlow", severity="medium")
    incident.stands_in("Await Resolution").is_resolved("ada")

    assert incident.ends("FAILED")[-2:] == ["Close Incident", "Undelivered"]
    cause = incident.failure[1] or ""
    assert cause.startswith("Close Incident failed (Runtime.ExitError).")


def test_while_the_table_is_down_people_are_paged_once_and_the_incident_goes_on_when_it_is_back(world: World) -> None:
    world.functions.plan("classify", meanwhile(lambda: world.aws.down.add("dynamodb")))
    looks = []

    def back_after_the_page(handler: Handler, event: Event) -> Any:
        looks.append(event)
        if len(looks) == TRIES + 1:  # the first look has failed with its retries, and a page is out
            assert "SearchDown" in why(world)  # which also says that there is only one page
            world.aws.down.clear()
        return handler(event)

    world.functions.plan("remediate", back_after_the_page, for_good=True, state="What Now?")
    incident = world.fires("SearchDown")
    incident.stands_in("Await Acknowledgement").is_acknowledged()
    incident.stands_in("Await Resolution")
    world.resolves("SearchDown")
    incident.ends()

    assert incident.path[:3] == ["Classify", "Page On-Call", "Was Anyone Paged?"]
    # No table took that page, so it is sent again once there is a table; PagerDuty takes both for one.
    assert {page.raw["dedup_key"] for page in world.woken()} == {f"firstline:{incident.id}"}
    assert incident.record.outcome == "resolved"


@pytest.mark.parametrize("trouble", list(some(FOR_GOOD.values())), ids=list(some(FOR_GOOD)))
def test_an_execution_that_cannot_learn_what_is_next_pages_once_and_hands_over(world: World, trouble: Trouble) -> None:
    """End before the execution's history is full; reconcile starts the successor.

    Classify and Escalate do not say what is next, so that the machine must ask, and the answer fails.
    """
    for function in ("classify", "escalate"):
        world.functions.plan(function, answers_no_next, for_good=True)
    world.functions.plan("remediate", trouble, for_good=True, state="What Now?")
    incident = world.fires("SearchDown")

    assert incident.ends()[-1] == "Hand Over"
    assert "The incident's record could not be read (" in why(world)
    assert "Wait For Record" in incident.path
    assert len(incident.history) < 10_000
    assert incident.record.status == "OPEN"


@for_good
def test_a_next_move_that_fails_is_paged_with_the_results_so_far(world: World, trouble: Trouble) -> None:
    def next_move_fails() -> None:
        world.functions.plan("remediate", trouble, for_good=True, state="Next Move")

    world.commands.script("free-space", Run(on_read=next_move_fails))
    incident = world.fires("ScratchFull", **DISK)
    incident.stands_in("Await Acknowledgement")

    assert incident.path[-4:] == ["Read Step", "Next Move", "Page On-Call", "Await Acknowledgement"]
    assert "Next Move failed (" in why(world)
    assert "find-biggest (diagnose) on web-1: Success" in why(world)
    assert world.commands.attempts == ["find-biggest", "free-space"]


def test_commands_that_cannot_be_read_are_paged(world: World) -> None:
    world.commands.script("free-space", Run(unreadable=True))
    incident = world.fires("ScratchFull", **DISK)
    incident.stands_in("Await Acknowledgement")

    assert incident.path[-4:] == ["Read Step", "Next Move", "Page On-Call", "Await Acknowledgement"]
    assert "Read Step failed (Ssm." in why(world)
    assert "find-biggest (diagnose) on web-1: Success" in why(world)


def test_a_command_that_cannot_even_be_cancelled_is_paged(world: World) -> None:
    world.commands.script("free-space", Run(unfinished_reads=NEVER, uncancellable=True))
    incident = world.fires("ScratchFull", **DISK)
    incident.stands_in("Await Acknowledgement")

    assert incident.path[-4:-1] == ["Cancel Step", "Next Move", "Page On-Call"]
    assert "free-space (act) on web-1: Cancelled: did not end in time" in why(world)


# --- for a moment ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("trouble", [dies, busy, reply_lost], ids=["dies", "is busy", "is heard too late"])
@pytest.mark.parametrize(
    ("function", "state"),
    [
        ("classify", NAMES_NO_STATE),
        ("remediate", NAMES_NO_STATE),
        ("remediate", "What Now?"),
        ("escalate", NAMES_NO_STATE),
        ("notify", "Close Incident"),
    ],
    ids=lambda value: str(value),
)
def test_a_failure_that_passes_costs_one_retry_and_changes_nothing(
    world: World, function: str, state: str, trouble: Trouble, skipped: list[float]
) -> None:
    world.functions.plan(function, trouble, state=state)
    incident = world.fires("CacheCold", host="web-1")
    incident.stands_in("Await Acknowledgement").is_acknowledged()
    incident.stands_in("Await Resolution")
    world.resolves("CacheCold", host="web-1")

    assert incident.ends() == [
        *("Classify", "Plan Remediation"),
        *("Page On-Call", "Await Acknowledgement", "Notify Ops", "Await Resolution", *OVER),
    ]
    visits = incident.transitions.count("What Now?") if state == "What Now?" else 1
    assert world.functions.invoked.count((function, state)) == visits + 1, "tried once more"
    (pause,) = skipped
    assert 0 <= pause <= 1, "a second at most, by chance, before the retry"
    keys = {event.raw["dedup_key"] for event in world.told("pagerduty")}
    assert keys == {f"firstline:{incident.id}"}
    assert len(world.told("slack")) == 1
    closing_records(world, incident, 1)


def test_functions_that_do_not_say_what_is_next_cost_four_questions_and_lead_to_the_same_end(world: World) -> None:
    for function in ("classify", "remediate", "notify", "escalate"):
        world.functions.plan(function, answers_no_next, for_good=True)
    incident = world.fires("SearchDown")
    incident.stands_in("Await Acknowledgement").is_acknowledged()
    incident.stands_in("Await Resolution")
    world.resolves("SearchDown")

    assert incident.ends() == [
        *("Classify", "Page On-Call", "Await Acknowledgement", "Notify Ops", "Await Resolution"),
        *OVER,
    ]
    assert incident.transitions.count("What Now?") == 4


def test_a_field_that_only_a_later_machine_sends_changes_nothing(world: World) -> None:
    for function in ("classify", "remediate", "notify", "escalate"):
        world.functions.plan(function, from_a_later_version, for_good=True)
    incident = world.fires("ScratchFull", **DISK)
    incident.stands_in("Await Recovery")
    world.resolves("ScratchFull", **DISK)
    incident.ends()
    world.fires("SearchDown").stands_in("Await Acknowledgement")  # which asks Escalate, too

    assert incident.record.outcome == "auto_resolved"
    assert "Page Without Escalate" not in incident.path


def test_planning_again_after_a_lost_reply_does_not_reserve_a_second_run(world: World) -> None:
    world.functions.plan("remediate", reply_lost, state=NAMES_NO_STATE)
    incident = world.fires("ScratchFull", **DISK)
    incident.stands_in("Await Recovery")

    assert world.commands.steps() == ["find-biggest", "free-space"]
    # A second run would be refused, because the runbook cools down after the first.
    assert "cools down" not in str(incident.record.plan)


def test_a_reply_lost_while_closing_tells_people_once_and_keeps_one_record(world: World) -> None:
    world.functions.plan("notify", reply_lost, reply_lost, state="Close Incident")
    incident = world.fires("DiskSlow", severity="medium")
    incident.stands_in("Await Resolution").is_resolved("ada")

    incident.ends()

    assert len(world.told("slack")) == 1
    closing_records(world, incident, 1)
