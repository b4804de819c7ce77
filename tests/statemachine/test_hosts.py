"""Several hosts: one after the other, and no further after the first that fails. And an alarm that guards them."""

from local.emulator.iam import ACCOUNT
from tests.statemachine.incident import Incident
from tests.statemachine.run_command import Run
from tests.statemachine.test_remediation import stuck_queue
from tests.statemachine.world import World


def test_alerts_of_several_hosts_become_one_plan_that_acts_on_one_after_the_other(world: World) -> None:
    incident = stuck_queue(world, "web-1", "web-2")
    incident.stands_in("Await Recovery")

    look, drain, restart = world.commands.sent
    ids = sorted(world.instance_ids[host] for host in ("web-1", "web-2"))
    for sent in (look, drain, restart):
        assert sorted(sent.instance_ids) == ids
    # Looking disturbs nobody, so all of them look at once, whatever the others found.
    assert (look.request["MaxConcurrency"], look.request["MaxErrors"]) == ("100%", "100%")
    for act in (drain, restart):
        assert (act.request["MaxConcurrency"], act.request["MaxErrors"]) == ("1", "0")


def test_hosts_that_take_turns_have_the_time_of_a_turn_more_to_answer(world: World) -> None:
    incident = stuck_queue(world, "web-1", "web-2")
    incident.stands_in("Await Recovery")

    look, drain, _ = world.commands.sent
    timeout = incident.record.plan.steps[1].timeout_seconds if incident.record.plan else 0
    assert drain.request["TimeoutSeconds"] == 60 + timeout
    assert look.request["TimeoutSeconds"] == 60


def test_a_critical_about_another_account_is_paged_with_the_reason_and_no_host_is_touched(world: World) -> None:
    incident = world.fires("QueueStuck", severity="critical", host="web-1", account="999988887777")
    incident.stands_in("Await Acknowledgement")

    why = f"no target: the alert is about account 999988887777, and this stack acts in account {ACCOUNT} only"
    assert world.commands.sent == []
    assert why in world.told("pagerduty")[0].text
    assert why in world.told("slack")[0].text
    assert [entry.facts["reason"] for entry in world.trail(incident.id) if entry.what == "planned"] == [why]


def test_one_host_of_another_region_keeps_all_of_them_from_being_touched(world: World) -> None:
    queue = {"alert_name": "QueueStuck", "severity": "high", "status": "firing", "group": "queues"}
    labels = {"availability_zone": "us-east-1b"}
    (incident_id,) = world.send({**queue, "host": "web-1"}, {**queue, "host": "web-2", "labels": labels})
    Incident(world, incident_id).stands_in("Await Acknowledgement")

    assert world.commands.sent == []
    assert "no target: the alert is about region us-east-1b" in world.told("pagerduty")[0].text


def test_a_command_to_one_host_gives_it_a_minute_to_answer(world: World) -> None:
    stuck_queue(world).stands_in("Await Recovery")

    assert {sent.request["TimeoutSeconds"] for sent in world.commands.sent} == {60}


def test_when_the_first_host_fails_the_others_are_left_alone(world: World) -> None:
    canary = world.instance_ids["web-1"]
    world.commands.script("drain", Run("Terminated", on_host={canary: "Failed"}))
    incident = stuck_queue(world, "web-1", "web-2")
    incident.stands_in("Await Acknowledgement")

    assert world.commands.steps() == ["look", "drain", "refill", "start-again"]
    assert {sent.request["MaxErrors"] for sent in world.commands.sent[2:]} == {"100%"}, "undone on every host"
    text = world.told("pagerduty")[0].text
    assert "drain (act) on web-1: Failed" in text
    assert "drain (act) on web-2: Terminated" in text


def test_hosts_that_systems_manager_never_lists_are_not_waited_for_after_a_failure(world: World) -> None:
    world.commands.script("drain", Run("Failed", listed=1))
    incident = stuck_queue(world, "web-1", "web-2")
    incident.stands_in("Await Acknowledgement")

    assert world.commands.sent[1].reads == 1
    assert world.commands.steps() == ["look", "drain", "refill", "start-again"]


def test_hosts_that_are_not_listed_yet_are_waited_for(world: World) -> None:
    world.commands.script("drain", Run(listed=1))
    incident = stuck_queue(world, "web-1", "web-2")
    incident.stands_in("Await Acknowledgement")

    assert world.commands.sent[1].reads > 5
    assert "drain (act) on web-2: Cancelled: never seen on the host" in world.told("pagerduty")[0].text


def test_hosts_that_take_turns_are_read_every_minute_at_last_and_for_the_time_of_both_turns(
    world: World, skipped: list[float]
) -> None:
    world.commands.script("drain", Run(unfinished_reads=1_000))
    incident = stuck_queue(world, "web-1", "web-2")
    incident.stands_in("Await Acknowledgement")

    plan = incident.record.plan
    assert plan is not None
    waited = skipped[1 : 1 + world.commands.sent[1].reads]
    assert max(waited) == 60, "seconds between two reads"
    assert sum(waited) >= 2 * plan.steps[1].timeout_seconds


def test_only_the_act_of_a_guarded_runbook_names_its_alarm(world: World) -> None:
    incident = world.fires("SearchSlow", severity="medium", host="web-1")
    incident.stands_in("Await Recovery").times_out()
    incident.ends()

    guarded = {"IgnorePollAlarmFailure": False, "Alarms": [{"Name": "checkout-errors"}]}
    assert {sent.step: sent.request.get("AlarmConfiguration") for sent in world.commands.sent} == {
        "peek": None,
        "reindex": guarded,
        "verify": None,
    }


def test_without_a_guarding_alarm_none_is_named(world: World) -> None:
    stuck_queue(world).stands_in("Await Recovery")

    assert not any("AlarmConfiguration" in sent.request for sent in world.commands.sent)


def test_a_step_that_its_guarding_alarm_cancelled_is_paged(world: World) -> None:
    world.commands.script("reindex", Run("Cancelled"))
    incident = world.fires("SearchSlow", severity="low", host="web-1")
    incident.stands_in("Await Acknowledgement")

    assert "reindex (act) on web-1: Cancelled" in world.told("pagerduty")[0].text
