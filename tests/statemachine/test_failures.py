"""Every failure reaches a human: by a page, by SNS without our own code, or by the alarm on a failed execution.

What breaks for a moment changes nothing, and what is done twice has no effect twice.
"""

import pytest

from tests.statemachine.functions import (
    Trouble,
    answers_nonsense,
    busy,
    crashes,
    dies,
    meanwhile,
    misunderstands,
    reply_lost,
)
from tests.statemachine.run_command import NEVER, Run
from tests.statemachine.world import OVER, Incident, World

DISK = {"severity": "medium", "host": "web-1", "labels": {"mountpoint": "/scratch"}}
FOR_GOOD: dict[str, Trouble] = {
    "crashes": crashes,
    "answers nonsense": answers_nonsense,
    "dies again and again": dies,
    "stays busy": busy,
}
for_good = pytest.mark.parametrize("trouble", FOR_GOOD.values(), ids=FOR_GOOD.keys())


def why(world: World) -> str:
    """Return the reason in the only page."""
    (page,) = world.woken()
    return page.text


def closing_records(world: World, incident: Incident, count: int) -> None:
    """Count the ends in the group's history."""
    earlier = world.history.earlier_incidents(incident.record.incident.group_key)
    assert [one.incident_id for one in earlier] == [incident.id] * count


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
    world.functions.plan("remediate", trouble, for_good=True, state="Plan Remediation")
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


def test_when_ops_cannot_be_told_somebody_is_paged(world: World) -> None:
    world.functions.plan("notify", crashes, for_good=True, state="Notify Ops")
    incident = world.fires("DiskSlow", severity="medium")
    incident.stands_in("Await Acknowledgement")

    assert incident.path[-3:] == ["Notify Ops", "Page On-Call", "Await Acknowledgement"]
    assert "Notify Ops failed (" in why(world)


@for_good
def test_when_escalate_is_broken_the_machine_pages_by_itself(world: World, trouble: Trouble) -> None:
    world.functions.plan("escalate", trouble, for_good=True)
    incident = world.fires("SearchDown")
    incident.stands_in("Await Acknowledgement")

    assert incident.path[-4:] == ["Page On-Call", "Page Without Escalate", "Record Page", "Await Acknowledgement"]
    assert 800 < incident.time_out_seconds <= 900
    (mail,) = world.told("sns")
    assert mail.text.startswith("Firstline could not page as it should\n")
    assert f"Incident {incident.id}: SearchDown is critical. no runbook chosen" in mail.text
    assert "Firstline's own paging failed (" in mail.text
    assert incident.record.paged_at is not None
    incident.is_acknowledged()
    incident.stands_in("Await Resolution")
    world.resolves("SearchDown")
    incident.ends()
    assert incident.record.outcome == "resolved"


def test_a_page_of_the_machine_names_the_error_without_its_cause(world: World) -> None:
    world.functions.plan("remediate", crashes, for_good=True, state="Plan Remediation")
    world.functions.plan("escalate", crashes, for_good=True)
    incident = world.fires("ScratchFull", **DISK)
    incident.stands_in("Await Acknowledgement")

    assert "Plan Remediation ended: " in why(world)
    assert "Error. Firstline's own paging failed (ZeroDivisionError)" in why(world)
    assert not set('{}"') & set(why(world)), "a cause is for the execution's history, not for a text message"


def test_without_escalate_a_page_that_nobody_acknowledges_is_sent_again(world: World) -> None:
    world.functions.plan("escalate", crashes, for_good=True)
    incident = world.fires("SearchDown")
    incident.stands_in("Await Acknowledgement").times_out()
    incident.stands_in("Await Acknowledgement").is_resolved()

    assert incident.ends()[-2:] == ["Await Acknowledgement", "Close Incident"]
    assert len(world.told("sns")) == 2


def test_without_escalate_what_gets_worse_is_paged_once_more_and_not_in_a_circle(world: World) -> None:
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
    world.down.add("sns")

    incident = world.fires("SearchDown")

    assert incident.ends("FAILED")[-3:] == ["Page On-Call", "Page Without Escalate", "Undelivered"]
    error, cause = incident.failure
    assert error == "Undelivered"
    assert cause is not None
    assert cause.startswith("Page Without Escalate failed (")
    assert "no runbook chosen" in cause


def test_a_closing_that_fails_raises_an_alarm(world: World) -> None:
    world.functions.plan("notify", dies, for_good=True, state="Close Incident")
    incident = world.fires("DiskSlow", severity="medium")
    incident.stands_in("Await Resolution").is_resolved("ada")

    assert incident.ends("FAILED")[-2:] == ["Close Incident", "Undelivered"]
    cause = incident.failure[1] or ""
    assert cause.startswith("Close Incident failed (Runtime.ExitError).")


def test_without_the_table_people_are_paged_at_once_and_again_when_it_can_be_written(world: World) -> None:
    world.functions.plan("classify", meanwhile(lambda: world.down.add("dynamodb")))
    incident = world.fires("SearchDown")

    incident.passes_through("Wait For Record")
    world.down.clear()
    incident.stands_in("Await Acknowledgement").is_resolved()

    assert incident.ends()[:3] == ["Classify", "Was Anyone Paged?", "Page On-Call"]
    assert ["SearchDown" in page.text for page in world.woken()] == [True, True]


@for_good
def test_when_nobody_knows_the_next_move_somebody_is_paged_with_what_is_known(world: World, trouble: Trouble) -> None:
    world.commands.script("free-space", Run(on_read=lambda: _plan_for(world, trouble)))
    incident = world.fires("ScratchFull", **DISK)
    incident.stands_in("Await Acknowledgement")

    assert incident.path[-4:] == ["Read Step", "Next Move", "Page On-Call", "Await Acknowledgement"]
    assert "Next Move failed (" in why(world)
    assert "find-biggest (diagnose) on web-1: Success" in why(world)
    assert world.commands.attempts == ["find-biggest", "free-space"]


def _plan_for(world: World, trouble: Trouble) -> None:
    world.functions.plan("remediate", trouble, for_good=True, state="Next Move")


def test_commands_that_cannot_be_read_are_paged(world: World) -> None:
    world.commands.script("free-space", Run(unreadable=True))
    incident = world.fires("ScratchFull", **DISK)
    incident.stands_in("Await Acknowledgement")

    assert incident.path[-5:] == ["Read Step", "Next Move", "What Next?", "Page On-Call", "Await Acknowledgement"]
    assert "Read Step failed (Ssm." in why(world)
    assert "find-biggest (diagnose) on web-1: Success" in why(world)


def test_a_command_that_cannot_even_be_cancelled_is_paged(world: World) -> None:
    world.commands.script("free-space", Run(unfinished_reads=NEVER, uncancellable=True))
    incident = world.fires("ScratchFull", **DISK)
    incident.stands_in("Await Acknowledgement")

    assert incident.path[-5:-1] == ["Cancel Step", "Next Move", "What Next?", "Page On-Call"]
    assert "free-space (act) on web-1: Cancelled: did not end in time" in why(world)


@pytest.mark.parametrize(
    ("function", "state"),
    [("classify", None), ("remediate", "What Now?"), ("escalate", None), ("notify", "Close Incident")],
    ids=lambda value: str(value),
)
def test_a_field_that_another_version_sends_changes_nothing(world: World, function: str, state: str | None) -> None:
    world.functions.plan(function, misunderstands, for_good=True, state=state)
    incident = world.fires("SearchDown")
    incident.stands_in("Await Acknowledgement").is_acknowledged()
    incident.stands_in("Await Resolution")
    world.resolves("SearchDown")

    assert "Undelivered" not in incident.ends()
    assert len(world.woken()) == 1


# --- for a moment ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("trouble", [dies, busy, reply_lost], ids=["dies", "is busy", "is heard too late"])
@pytest.mark.parametrize(
    ("function", "state"),
    [("classify", None), ("remediate", "Plan Remediation"), ("escalate", None), ("notify", "Close Incident")],
    ids=lambda value: str(value),
)
def test_a_failure_that_passes_changes_nothing(
    world: World, function: str, state: str | None, trouble: Trouble, skipped: list[float]
) -> None:
    world.functions.plan(function, trouble, state=state)
    incident = world.fires("SearchDown")
    incident.stands_in("Await Acknowledgement").is_acknowledged()
    incident.stands_in("Await Resolution")
    world.resolves("SearchDown")

    assert incident.ends() == [
        *("Classify", "Plan Remediation"),
        *("Page On-Call", "Await Acknowledgement", "Await Resolution", *OVER),
    ]
    assert world.functions.invoked.count((function, state)) == 2
    assert len(skipped) == 1
    assert 0 <= skipped[0] <= 1
    keys = {event.raw["dedup_key"] for event in world.told("pagerduty")}
    assert keys == {f"firstline:{incident.id}"}
    assert len(world.told("slack")) == 1
    closing_records(world, incident, 1)


def test_a_reply_lost_while_planning_reserves_one_run(world: World) -> None:
    world.functions.plan("remediate", reply_lost, state="Plan Remediation")
    incident = world.fires("ScratchFull", **DISK)
    incident.stands_in("Await Recovery")

    assert world.commands.steps() == ["find-biggest", "free-space"]
    assert "cools down" not in str(incident.record.plan)


def test_a_reply_lost_while_closing_tells_people_once_and_keeps_one_record(world: World) -> None:
    world.functions.plan("notify", reply_lost, reply_lost, state="Close Incident")
    incident = world.fires("DiskSlow", severity="medium")
    incident.stands_in("Await Resolution").is_resolved("ada")

    incident.ends()

    assert len(world.told("slack")) == 1
    closing_records(world, incident, 1)
