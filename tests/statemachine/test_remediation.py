"""A runbook runs: it cures, or it does not and is undone, and a human hears of everything that was tried.

The runbooks are these tests' own (runbooks/). `full-scratch`: find-biggest (may fail), free-space, and a verification
of three tries. `stuck-queue`: several hosts, and a rollback.
"""

import json

import pytest

from tests.statemachine.incident import Incident
from tests.statemachine.run_command import NEVER, THROTTLED, THROTTLED_NAMELESS, Run
from tests.statemachine.world import OVER, World

TO_A_PLAN = ["Classify", "Plan Remediation"]
A_MOVE = ["Next Move"]
A_POLL = ["Wait", "Read Step", *A_MOVE]
A_STEP = ["Run Step", "Await Step", "Read Step", *A_MOVE]
NO_RECOVERY = ["Await Recovery", *A_MOVE]
SWITCH = ["Claim Step", "Read Switch", "Switched Off?"]
AN_ACT = [*SWITCH, *A_STEP]
BEGIN = ["Announce Remediation"]
A_PAGE = ["Page On-Call", "Await Acknowledgement"]
FAILED = Run("Failed", output="exit status 1")


def full_disk(world: World, severity: str = "high") -> Incident:
    """Fire an alert about a full disk on web-1."""
    return world.fires("ScratchFull", severity=severity, host="web-1", labels={"mountpoint": "/scratch"})


RETRIES_OF_A_THROTTLED_SEND = 4
"""Number of times, in the state machine, for a command."""


def stuck_queue(world: World, *hosts: str, severity: str = "medium") -> Incident:
    """Fire an alert about a stuck queue on these hosts."""
    alerts = [
        {"alert_name": "QueueStuck", "severity": severity, "status": "firing", "host": host}
        for host in hosts or ("web-1",)
    ]
    (incident_id,) = world.send(*alerts)
    return Incident(world, incident_id)


def tried(incident: Incident) -> list[tuple[str, str]]:
    """Return every step with its end, as escalate got it."""
    calls = [
        json.loads(event["taskScheduledEventDetails"]["parameters"])
        for event in incident.history
        if event["type"] == "TaskScheduled"
    ]
    pages = [call["Payload"] for call in calls if "EscalateFunction" in call.get("FunctionName", "")]
    return [(result["step_id"], result["status"]) for result in pages[-1]["results"]]


def test_two_steps_succeed_and_the_alert_resolves(world: World) -> None:
    incident = full_disk(world)
    incident.stands_in("Await Recovery")
    assert incident.time_out_seconds == 10, "the time until the runbook's first verification"
    (message,) = world.told("slack")
    assert message.to == "#ops-automated"
    assert "Firstline runs the runbook “Free space on a scratch disk” on web-1." in message.text
    world.resolves("ScratchFull", severity="high", host="web-1", labels={"mountpoint": "/scratch"})

    path = incident.ends()

    assert path == [
        *TO_A_PLAN,
        *BEGIN,
        *A_STEP,
        *AN_ACT,
        "Await Recovery",
        *OVER,
    ]
    assert len(incident.transitions) <= 40
    assert world.commands.steps() == ["find-biggest", "free-space"]
    for sent in world.commands.sent:
        assert sent.instance_ids == [world.instance_ids["web-1"]]
        assert sent.parameters["mountpoint"] == ["/scratch"]
        assert sent.comment == incident.id
    record = incident.record
    assert record.outcome == "auto_resolved"
    assert record.outcome_reason == "Free space on a scratch disk ran, and the alert resolved."
    assert [(result.step_id, result.status) for result in record.results] == [
        ("find-biggest", "Success"),
        ("free-space", "Success"),
    ]
    assert "Fixed by the runbook “Free space on a scratch disk” at" in world.told("slack")[0].text
    assert world.woken() == []


def test_a_shipped_runbook_that_its_owner_promoted_runs(world: World) -> None:
    incident = world.fires("MaxConntrack", severity="high", host="web-1")
    incident.stands_in("Await Recovery")

    plan = incident.record.plan
    assert plan is not None
    assert plan.runbook_id == "conntrack-full"
    assert world.commands.steps() == [step.step_id for step in plan.steps]


def test_a_medium_that_does_not_resolve_is_closed_by_a_verification_that_holds(world: World) -> None:
    incident = full_disk(world, severity="medium")
    incident.stands_in("Await Recovery").times_out()

    assert incident.ends() == [
        *TO_A_PLAN,
        *BEGIN,
        *A_STEP,
        *AN_ACT,
        *NO_RECOVERY,
        *A_STEP,
        "Close Incident",
    ]
    assert world.commands.steps() == ["find-biggest", "free-space", "verify"]
    record = incident.record
    assert record.outcome == "auto_resolved"
    assert record.outcome_reason == "Free space on a scratch disk ran, and its verification holds."


def test_a_high_is_not_closed_by_a_verification_and_pages_once_it_has_not_resolved_in_time(world: World) -> None:
    incident = full_disk(world, severity="high")
    incident.stands_in("Await Recovery").times_out()
    incident.stands_in("Await Resolution")
    assert world.woken() == []
    incident.times_out()
    incident.stands_in("Await Acknowledgement")

    assert incident.path[-3:] == ["Await Resolution", *A_PAGE]
    (page,) = world.told("pagerduty")
    assert "ran, and its verification holds, but the alert still fires." in page.text


def test_a_verification_that_failed_once_is_tried_again_and_may_hold(world: World) -> None:
    world.commands.script("verify", FAILED, Run())
    incident = full_disk(world, severity="medium")
    for _ in range(2):
        incident.stands_in("Await Recovery").times_out()

    incident.ends()

    assert world.commands.steps() == ["find-biggest", "free-space", "verify", "verify"]
    assert incident.record.outcome == "auto_resolved"


def test_a_verification_that_never_holds_wakes_a_human_who_reads_what_was_tried(world: World) -> None:
    world.commands.script("verify", Run("Failed", output="/scratch: 97 % used"))
    incident = full_disk(world, severity="medium")
    for _ in range(3):
        incident.stands_in("Await Recovery").times_out()
    incident.stands_in("Await Acknowledgement")

    assert incident.path == [
        *TO_A_PLAN,
        *BEGIN,
        *A_STEP,
        *AN_ACT,
        *([*NO_RECOVERY, *A_STEP] * 3),
        *A_PAGE,
    ]
    (page,) = world.told("pagerduty")
    assert "Free space on a scratch disk ran, but its verification does not hold." in page.text
    assert "free-space (act) on web-1: Success" in page.text
    assert "verify (verify) on web-1: Failed" in page.text
    assert "/scratch: 97 % used" in str(page.raw)
    incident.is_acknowledged()
    incident.stands_in("Await Resolution").is_resolved()
    incident.ends()
    assert incident.record.outcome == "resolved"


def test_a_runbook_that_does_not_cure_is_rolled_back_and_paged(world: World) -> None:
    world.commands.script("verify", FAILED)
    incident = stuck_queue(world)
    for _ in range(3):
        incident.stands_in("Await Recovery").times_out()
    incident.stands_in("Await Acknowledgement")

    assert world.commands.steps() == [
        *("look", "drain", "restart"),
        *("verify", "verify", "verify"),
        *("refill", "start-again"),
    ]
    assert incident.path[-len(A_PAGE) - 2 * len(AN_ACT) :] == [*AN_ACT, *AN_ACT, *A_PAGE]
    (page,) = world.told("pagerduty")
    assert "Unstick a queue ran, but its verification does not hold. It was rolled back." in page.text
    assert "refill (rollback) on web-1: Success" in page.text
    assert tried(incident)[-2:] == [("refill", "Success"), ("start-again", "Success")]


def test_a_step_of_the_rollback_that_fails_does_not_keep_the_others_from_being_undone(world: World) -> None:
    world.commands.script("drain", FAILED)
    world.commands.script("refill", FAILED)
    incident = stuck_queue(world)
    incident.stands_in("Await Acknowledgement")

    assert world.commands.steps() == ["look", "drain", "refill", "start-again"]
    (page,) = world.told("pagerduty")
    assert "It was not all rolled back. Failed: refill; undone: start-again." in page.text
    assert "refill (rollback) on web-1: Failed" in page.text
    assert "start-again (rollback) on web-1: Success" in page.text


def test_a_rollback_whose_last_step_fails_says_what_was_undone(world: World) -> None:
    world.commands.script("drain", FAILED)
    world.commands.script("start-again", FAILED)
    incident = stuck_queue(world)
    incident.stands_in("Await Acknowledgement")

    assert "It was not all rolled back. Failed: start-again; undone: refill." in world.told("pagerduty")[0].text


def test_a_failed_step_of_the_rollback_with_on_failure_stop_ends_it(world: World) -> None:
    """Let `unload` fail, whose owner wrote on_failure: stop."""
    world.commands.script("fill", FAILED)
    world.commands.script("unload", FAILED)
    world.fires("TankEmpty", severity="high", host="web-1").stands_in("Await Acknowledgement")

    assert world.commands.steps() == ["fill", "shut-valve", "unload"]
    expected = "It was not all rolled back. Failed: unload; undone: shut-valve; not tried: drive-home."
    assert expected in world.told("pagerduty")[0].text


def test_a_step_that_fails_stops_the_runbook_which_is_rolled_back(world: World) -> None:
    world.commands.script("drain", Run("Failed", output="no such queue"))
    incident = stuck_queue(world)
    incident.stands_in("Await Acknowledgement")

    assert incident.path == [
        *TO_A_PLAN,
        *BEGIN,
        *A_STEP,
        *(AN_ACT * 3),
        *A_PAGE,
    ]
    assert world.commands.steps() == ["look", "drain", "refill", "start-again"]
    assert tried(incident) == [
        ("look", "Success"),
        ("drain", "Failed"),
        ("refill", "Success"),
        ("start-again", "Success"),
    ]
    (page,) = world.told("pagerduty")
    assert "Unstick a queue failed at step drain. It was rolled back." in page.text
    assert "no such queue" in str(page.raw)


def test_a_step_that_fails_without_a_rollback_goes_straight_to_a_human(world: World) -> None:
    world.commands.script("free-space", FAILED)
    incident = full_disk(world, severity="low")
    incident.stands_in("Await Acknowledgement")

    assert incident.path == [*TO_A_PLAN, *BEGIN, *A_STEP, *AN_ACT, *A_PAGE]
    assert "Free space on a scratch disk failed at step free-space." in world.told("pagerduty")[0].text


def test_a_step_that_may_fail_does_not_stop_the_next(world: World) -> None:
    world.commands.script("find-biggest", FAILED)
    incident = full_disk(world)
    incident.stands_in("Await Recovery")

    assert world.commands.steps() == ["find-biggest", "free-space"]


def test_a_runbook_that_only_looked_leaves_what_can_wait_waiting(world: World) -> None:
    incident = world.fires("OddNoise", severity="medium", host="web-1")
    incident.stands_in("Await Recovery").times_out()
    incident.stands_in("Await Resolution")

    assert incident.path[-2:] == ["Notify Ops", "Await Resolution"]
    assert world.told("pagerduty") == []
    assert "Look where the noise comes from ran, but the alert did not resolve." in world.told("slack")[-1].text


def test_a_step_whose_end_was_told_early_is_read_again_at_growing_intervals(world: World, skipped: list[float]) -> None:
    world.commands.script("free-space", Run(unseen_reads=1, unfinished_reads=6))
    incident = full_disk(world)
    incident.stands_in("Await Recovery")

    assert incident.path[-1 - 7 * len(A_POLL) : -1] == A_POLL * 7
    assert skipped == [2, 4, 8, 16, 30, 30, 30]


def test_a_step_that_never_ends_is_cancelled_and_paged(world: World) -> None:
    world.commands.script("free-space", Run(unfinished_reads=NEVER, end="lost"))
    incident = full_disk(world, severity="low")
    incident.stands_in("Await Step").times_out()
    incident.stands_in("Await Acknowledgement")

    assert incident.path[-7:] == ["Await Step", "Read Step", *A_MOVE, "Cancel Step", *A_MOVE, *A_PAGE]
    assert [sent.cancelled for sent in world.commands.sent] == [False, True]
    assert tried(incident)[-1] == ("free-space", "Cancelled: did not end in time")
    assert "free-space (act) on web-1: Cancelled: did not end in time" in world.told("pagerduty")[0].text
    assert world.commands.sent[-1].reads == 1


def test_one_host_that_hangs_does_not_hide_what_the_other_did(world: World) -> None:
    world.commands.script("drain", Run(unfinished_reads=NEVER, on_host={world.instance_ids["web-1"]: "Success"}))
    incident = stuck_queue(world, "web-1", "web-2")
    incident.stands_in("Await Acknowledgement")

    text = world.told("pagerduty")[0].text
    assert "drain (act) on web-1: Success" in text
    assert "drain (act) on web-2: Cancelled: did not end in time" in text


def test_a_step_has_to_succeed_on_every_host(world: World) -> None:
    world.commands.script("drain", Run(on_host={world.instance_ids["web-2"]: "Failed"}))
    incident = stuck_queue(world, "web-1", "web-2")
    incident.stands_in("Await Acknowledgement")

    assert world.commands.steps() == ["look", "drain", "refill", "start-again"]
    assert tried(incident)[2:4] == [("drain", "Success"), ("drain", "Failed")]


@pytest.mark.parametrize("throttled", [THROTTLED, THROTTLED_NAMELESS], ids=["by name", "nameless"])
def test_a_throttled_send_is_sent_again(world: World, throttled: Run) -> None:
    world.commands.script("free-space", throttled, throttled, Run())
    incident = full_disk(world)
    incident.stands_in("Await Recovery")

    assert world.commands.attempts == ["find-biggest", *(["free-space"] * 3)]
    assert world.commands.steps() == ["find-biggest", "free-space"]
    world.resolves("ScratchFull", severity="high", host="web-1", labels={"mountpoint": "/scratch"})
    incident.ends()
    assert [result.status for result in incident.record.results] == ["Success", "Success"]


@pytest.mark.parametrize("throttled", [THROTTLED, THROTTLED_NAMELESS], ids=["by name", "nameless"])
def test_a_send_that_stays_throttled_ends_with_a_human(world: World, throttled: Run) -> None:
    world.commands.script("find-biggest", throttled)
    world.commands.script("free-space", throttled)
    incident = full_disk(world)
    incident.stands_in("Await Acknowledgement")

    tries = 1 + RETRIES_OF_A_THROTTLED_SEND
    assert world.commands.attempts == [*(["find-biggest"] * tries), *(["free-space"] * tries)]
    assert world.commands.sent == []
    assert "Rate exceeded" in str(world.told("pagerduty")[0].raw)


@pytest.mark.parametrize("throttled", [THROTTLED, THROTTLED_NAMELESS], ids=["by name", "nameless"])
def test_commands_that_were_never_sent_page_nobody_about_a_low(world: World, throttled: Run) -> None:
    world.commands.script("find-biggest", throttled)
    world.commands.script("free-space", throttled)
    incident = full_disk(world, severity="low")
    incident.stands_in("Await Resolution")

    assert incident.path[-2:] == ["Notify Ops", "Await Resolution"]
    assert world.woken() == []
    assert "free-space (act) on" in world.told("slack")[-1].text


@pytest.mark.parametrize(
    "refusal",
    [
        ("InvalidInstanceId", "Instances not in a valid state for account."),
        ("AccessDeniedException", "not authorized to perform: ssm:SendCommand"),
        ("InternalServerError", "internal"),
        ("ServiceUnavailable", "try later"),
    ],
    ids=lambda refusal: refusal[0],
)
def test_a_send_that_is_refused_for_another_reason_is_not_repeated(world: World, refusal: tuple[str, str]) -> None:
    world.commands.script("free-space", Run(refusal=refusal))
    incident = full_disk(world, severity="low")
    incident.stands_in("Await Acknowledgement")

    assert world.commands.attempts == ["find-biggest", "free-space"]
    step, status = tried(incident)[-1]
    assert step == "free-space"
    assert status.startswith("Not sent: Ssm.")
    assert refusal[1] in str(world.told("pagerduty")[0].raw)


@pytest.mark.parametrize("run", [Run(lost=True), Run(hangs=True)], ids=["dropped", "timed out"])
def test_a_command_whose_answer_is_lost_may_have_acted_and_is_not_sent_again(
    world: World, run: Run, impatient: set[str]
) -> None:
    world.commands.script("free-space", run)
    if run.hangs:
        impatient.add("Run Step")
    incident = full_disk(world, severity="low")
    incident.stands_in("Await Acknowledgement")

    assert world.commands.steps() == ["find-biggest", "free-space"]
    assert world.commands.attempts == ["find-biggest", "free-space"]
    assert "Free space on a scratch disk failed at step free-space." in world.told("pagerduty")[0].text
    assert tried(incident)[-1][1] in ("Not sent: States.Timeout", "Not sent: Ssm.SdkClientException")
