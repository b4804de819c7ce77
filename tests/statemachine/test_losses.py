"""The ways in which an alert could be lost without anybody hearing of it, on the real machine."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from firstline.adapters.dynamodb.silences import TableSilences
from firstline.adapters.dynamodb.table import ATTEMPTS, Table
from firstline.policy.holds import Silence
from firstline.policy.match import AlertMatch
from tests.statemachine.functions import (
    Trouble,
    dies,
    from_an_earlier_version,
    just_before,
    reply_lost,
)
from tests.statemachine.incident import Incident
from tests.statemachine.run_command import Run
from tests.statemachine.world import OVER, World

DISK = {"severity": "medium", "host": "web-1", "labels": {"mountpoint": "/scratch"}}
TEST_HOSTS_ARE_LOW = {
    "id": "test-hosts",
    "match": {"host": "test-*"},
    "severity": "low",
    "reason": "Nobody is woken for a test host.",
}


def a_critical_joins(world: World, alert_name: str, host: str) -> Callable[[], object]:
    """Return an action: a critical alert of this name and host fires."""
    return lambda: world.fires(alert_name, severity="critical", host=host)


def told_pages(world: World) -> list[str]:
    """Return the texts of the pages that PagerDuty got."""
    return [message.text for message in world.told("pagerduty") if message.kind == "trigger"]


# --- decisions about what they did not see ----------------------------------------------------------------------------


@pytest.mark.parametrize("before", ["the verification", "the close"])
def test_a_critical_that_joins_while_a_runbook_works_is_not_closed_with_it(world: World, before: str) -> None:
    critical = a_critical_joins(world, "ScratchFull", "db-2")
    if before == "the close":
        world.functions.plan("notify", just_before(critical), state="Close Incident")
    else:
        world.commands.script("verify", Run(on_read=critical))
    incident = world.fires("ScratchFull", **DISK)
    incident.stands_in("Await Recovery").times_out()
    incident.stands_in("Await Acknowledgement")

    assert incident.record.status == "OPEN"
    (page,) = told_pages(world)
    assert "db-2" in page


def test_a_critical_accepted_before_a_pressed_resolve_has_closed_keeps_the_incident_open(world: World) -> None:
    incident = world.fires("SearchDown", severity="high", host="db-1")
    incident.stands_in("Await Acknowledgement").is_acknowledged()
    incident.stands_in("Await Resolution")
    world.functions.plan("notify", just_before(a_critical_joins(world, "SearchDown", "db-2")), state="Close Incident")
    world.presses("resolve", incident.id)
    incident.stands_in("Await Acknowledgement")

    assert incident.record.status == "OPEN"
    assert incident.path[-3:] == ["Pause", "Page On-Call", "Await Acknowledgement"]
    assert "db-2" in told_pages(world)[-1]


def test_a_critical_that_joins_noise_is_not_suppressed_with_it(world: World) -> None:
    world.functions.plan(
        "notify", just_before(a_critical_joins(world, "TestAlert", "db-2")), state="Record Suppression"
    )
    incident = world.fires("TestAlert", severity="low", host="db-1")
    incident.stands_in("Await Acknowledgement")

    assert incident.path[:4] == ["Classify", "Record Suppression", "Pause", "Classify Again"]
    assert incident.record.outcome is None
    assert "db-2" in told_pages(world)[0]


@pytest.mark.parametrize("severity", ["critical", "medium"])
def test_an_alert_that_resolves_before_it_is_classified_wakes_nobody_and_changes_no_host(
    world: World, severity: str
) -> None:
    alert = {**DISK, "severity": severity}
    world.functions.plan("classify", just_before(lambda: world.resolves("ScratchFull", **alert)))
    incident = world.fires("ScratchFull", **alert)

    assert incident.ends() == ["Classify", *OVER]
    assert world.woken() == []
    assert world.commands.attempts == []
    assert incident.record.outcome != "auto_resolved"


def test_a_critical_that_joins_one_that_a_rule_lowered_is_paged(world: World, tmp_path: Path) -> None:
    """The rule makes a critical low; the next critical is of a host that the rule does not match."""
    world.restart_with_policy("rules.yaml", {"rules": [TEST_HOSTS_ARE_LOW]}, tmp_path / "opt")
    incident = world.fires("SearchDown", severity="critical", host="test-1")
    incident.stands_in("Await Resolution")
    assert world.woken() == []

    world.fires("SearchDown", severity="critical", host="db-1")
    incident.stands_in("Await Acknowledgement")
    assert "db-1" in told_pages(world)[0]


# --- pages and their answers ------------------------------------------------------------------------------------------


def test_a_page_for_a_critical_that_joined_escalates_although_the_incident_was_acknowledged_before(
    world: World,
) -> None:
    incident = world.fires("SearchDown", severity="low", host="db-1")
    incident.stands_in("Await Resolution").is_acknowledged()
    world.passes(4 * 3_600)  # so that who acknowledged may be gone
    a_critical_joins(world, "SearchDown", "db-2")()
    incident.stands_in("Await Acknowledgement").times_out()
    incident.stands_in("Await Acknowledgement")

    first_level, second_level = 0, 1
    assert [page.level for page in incident.record.pages] == [first_level, second_level]


def test_a_page_that_cannot_be_recorded_is_sent_again_only_after_its_time_out(world: World) -> None:
    incident = world.fires("SearchDown", severity="low", host="db-1")
    incident.stands_in("Await Resolution").is_acknowledged()
    world.aws.conflicts("page_lease", 1_000)  # each write that records a page
    a_critical_joins(world, "SearchDown", "db-2")()
    incident.stands_in("Await Acknowledgement")
    assert len(world.woken()) == 1
    incident.times_out()
    incident.stands_in("Await Acknowledgement")

    assert incident.path[-4:] == ["Page On-Call", "Await Acknowledgement"] * 2
    assert len(world.woken()) == 2


# --- executions that end, or could not write --------------------------------------------------------------------------


@pytest.mark.parametrize("trouble", [dies, reply_lost], ids=["before its write", "after its write"])
def test_a_close_that_fails_for_all_retries_hides_no_later_critical(world: World, trouble: Trouble) -> None:
    world.functions.plan("notify", *[trouble] * 4, state="Close Incident")
    incident = world.fires("SearchDown", severity="low", host="db-1")
    incident.stands_in("Await Resolution")
    world.resolves("SearchDown", severity="low", host="db-1")
    incident.ends("FAILED")
    later = world.fires("SearchDown", severity="critical", host="db-2")

    if trouble is dies:  # the incident is still open, and reconcile starts a successor
        assert later.id == incident.id
        later = incident.is_succeeded()
    else:
        assert later.id != incident.id
    later.stands_in("Await Acknowledgement")
    assert "db-2" in told_pages(world)[0]


def test_a_stopped_execution_is_succeeded_and_what_joined_it_is_paged(world: World) -> None:
    incident = world.fires("SearchDown", severity="low", host="db-1")
    incident.stands_in("Await Resolution").is_stopped()
    a_critical_joins(world, "SearchDown", "db-2")()
    successor = incident.is_succeeded()
    successor.stands_in("Await Acknowledgement").is_acknowledged()
    successor.stands_in("Await Resolution")
    world.resolves("SearchDown", severity="low", host="db-1")
    world.resolves("SearchDown", severity="critical", host="db-2")

    assert successor.ends()[-1] == "Close Incident"
    assert len(told_pages(world)) == 1
    assert incident.record.outcome == "resolved"


def test_an_execution_that_acted_is_succeeded_and_nothing_is_sent_twice(world: World) -> None:
    incident = world.fires("ScratchFull", **DISK)
    incident.stands_in("Await Recovery").is_stopped()
    sent = list(world.commands.attempts)
    incident.is_succeeded().stands_in("Await Resolution")

    assert world.commands.attempts == sent
    assert "was begun by an execution that has ended" in world.told("slack")[-1].text


def waits_for_acknowledgement(world: World) -> Incident:
    return world.fires("SearchDown")


def waits_for_resolution(world: World) -> Incident:
    return world.fires("DiskSlow", severity="medium")


def waits_for_recovery(world: World) -> Incident:
    return world.fires("ScratchFull", **DISK)


def waits_for_quiet(world: World) -> Incident:
    incident = world.fires("DiskSlow", severity="medium")
    incident.stands_in("Await Resolution")
    world.resolves("DiskSlow", severity="medium")
    return incident


def waits_on_hold(world: World) -> Incident:
    now = datetime.now(UTC)
    silence = Silence(
        id="s-1",
        match=AlertMatch(alert_name=["DiskSlow"]),
        owner="ada",
        reason="We change its disk.",
        created_at=now - timedelta(seconds=5),
        expires_at=now + timedelta(hours=4),
    )
    TableSilences(Table(world.client("dynamodb"), world.created.table_name)).save(silence)
    world.restart_functions()
    return world.fires("DiskSlow", severity="high")


WITHIN_THE_RETRIES, MORE_THAN_THE_RETRIES = 2, 6
"""Numbers of conflicts that a write to the table meets, one after the other."""

MORE_THAN_A_FUNCTION_TRIES = ATTEMPTS * (1 + 3)
"""The number of conflicts after which a function has failed that the machine retries three times."""

WAITS: dict[str, tuple[str, Callable[[World], Incident]]] = {
    "Hold": ("hold", waits_on_hold),
    "Await Recovery": ("recovery", waits_for_recovery),
    "Await Acknowledgement": ("acknowledgement", waits_for_acknowledgement),
    "Await Resolution": ("resolution", waits_for_resolution),
    "Await Quiet": ("quiet", waits_for_quiet),
}


@pytest.mark.parametrize(
    ("state", "times"),
    [
        (state, times)
        for state in WAITS
        for times in (WITHIN_THE_RETRIES, MORE_THAN_THE_RETRIES)
        if (state, times) != ("Await Recovery", MORE_THAN_THE_RETRIES)  # which pages: see the next test
    ],
)
def test_a_wait_that_the_table_refuses_for_a_conflict_is_begun_again_and_pages_nobody_twice(
    world: World, state: str, times: int
) -> None:
    """Meet the conflict that an alert causes when it joins at the same moment."""
    awaiting, fires = WAITS[state]
    by_function = state == "Await Quiet" and times == MORE_THAN_THE_RETRIES
    world.aws.conflicts(f'awaiting": {{"S": "{awaiting}"}}', MORE_THAN_A_FUNCTION_TRIES if by_function else times)
    incident = fires(world).stands_in(state)

    assert incident.path.count("Pause") == (1 if times == MORE_THAN_THE_RETRIES else 0)
    assert len(world.woken()) == (1 if state == "Await Acknowledgement" else 0)


def test_a_recovery_that_cannot_be_awaited_is_paged(world: World) -> None:
    world.aws.conflicts('":awaiting": {"S": "recovery"}', MORE_THAN_THE_RETRIES)
    incident = world.fires("ScratchFull", **DISK)
    incident.stands_in("Await Acknowledgement")

    assert "Await Recovery failed (" in told_pages(world)[0]


def test_a_step_whose_claim_is_in_conflict_with_an_alert_that_joins_runs_once(world: World) -> None:
    world.aws.conflicts("if_not_exists(acted_at, :now)", WITHIN_THE_RETRIES)  # the write of the claim
    world.fires("ScratchFull", **DISK).stands_in("Await Recovery")

    assert world.commands.attempts == ["find-biggest", "free-space"]


def test_a_page_that_the_machine_sends_itself_is_recorded_after_a_conflict(world: World) -> None:
    world.functions.plan("escalate", dies, for_good=True)
    world.aws.conflicts("page_again_at = :again, paged_rank", 3)  # the write that records the page
    incident = world.fires("SearchDown")
    incident.stands_in("Await Acknowledgement")

    assert incident.record.paged_at is not None
    assert len(world.told("sns")) == 1


def test_an_execution_of_an_earlier_version_runs_from_the_first_alert_to_the_close(world: World) -> None:
    for function in ("classify", "remediate", "notify", "escalate"):
        world.functions.plan(function, from_an_earlier_version, for_good=True)
    incident = world.fires("SearchDown")
    incident.stands_in("Await Acknowledgement").is_acknowledged()
    incident.stands_in("Await Resolution")
    world.resolves("SearchDown")

    assert incident.ends()[-1] == "Close Incident"
    assert "Page Without Escalate" not in incident.path
    assert incident.record.outcome == "resolved"
