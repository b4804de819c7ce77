"""Some runbooks ask first. Nothing runs before somebody who may has said yes, and silence is no yes."""

from tests.statemachine.functions import meanwhile
from tests.statemachine.world import Incident, World

TO_THE_QUESTION = [
    *("Classify", "Plan Remediation"),
    *("Request Approval", "Ask For Approval"),
]
A_STEP = ["Run Step", "Wait", "What Next?", "Read Step", "Next Move", "What Next?"]


def cold_cache(world: World, severity: str = "medium", host: str = "web-1") -> Incident:
    """Fire an alert about a cold cache; its runbook asks for approval."""
    return world.fires("CacheCold", severity=severity, host=host)


def test_an_approved_plan_runs(world: World) -> None:
    incident = cold_cache(world)
    incident.stands_in("Ask For Approval")
    assert incident.time_out_seconds == 1_800
    assert world.commands.attempts == []
    (message,) = world.told("slack")
    assert message.to == "#ops-alerts"
    assert "Approval needed" in message.text
    assert "Warm a cache" in message.text
    assert "[Approve]" in message.text
    incident.is_approved("ada")
    incident.stands_in("Await Recovery")
    world.resolves("CacheCold", severity="medium", host="web-1")

    assert incident.ends() == [
        *TO_THE_QUESTION,
        *("Announce Remediation", "Read Switch", "Switched Off?"),
        *A_STEP,
        *("Await Recovery", "Next Move", "What Next?", "Close Incident"),
    ]
    assert world.commands.steps() == ["warm"]
    record = incident.record
    assert (record.decision, record.outcome) == ("approved", "auto_resolved")
    assert "ada" in (record.decided_by or "")


def test_a_refused_plan_goes_to_a_human_with_who_refused(world: World) -> None:
    incident = cold_cache(world)
    incident.stands_in("Ask For Approval").is_refused("grace")
    incident.stands_in("Await Resolution")

    assert incident.path == [*TO_THE_QUESTION, "Notify Ops", "Await Resolution"]
    assert "Warm a cache: refused by grace (Slack)." in world.told("slack")[-1].text
    assert world.commands.attempts == []
    assert world.woken() == []
    assert incident.record.decision == "refused"


def test_a_refused_plan_for_something_critical_is_paged(world: World) -> None:
    incident = cold_cache(world, severity="critical")
    incident.stands_in("Ask For Approval").is_refused("ada")
    incident.stands_in("Await Acknowledgement")

    assert "Warm a cache: refused by ada (Slack)." in world.told("pagerduty")[0].text


def test_nobody_but_an_approver_can_say_yes(world: World) -> None:
    incident = cold_cache(world)
    incident.stands_in("Ask For Approval").is_approved("mallory")

    assert incident.path[-1] == "Ask For Approval"
    assert incident.record.decision is None
    assert world.commands.attempts == []


def test_silence_is_no_yes(world: World) -> None:
    incident = cold_cache(world, severity="high")
    incident.stands_in("Ask For Approval").times_out()
    incident.stands_in("Await Acknowledgement")

    assert incident.path == [*TO_THE_QUESTION, "Page On-Call", "Await Acknowledgement"]
    assert "Nobody decided on Warm a cache in time." in world.told("pagerduty")[0].text
    assert world.commands.attempts == []


def test_what_resolves_meanwhile_needs_no_decision(world: World) -> None:
    incident = cold_cache(world)
    incident.stands_in("Ask For Approval")
    world.resolves("CacheCold", severity="medium", host="web-1")

    assert incident.ends() == [*TO_THE_QUESTION, "Close Incident"]
    assert incident.record.outcome == "self_cleared"
    assert world.commands.attempts == []


def test_an_approval_after_the_alert_resolved_runs_nothing(world: World) -> None:
    incident = cold_cache(world)
    incident.stands_in("Ask For Approval")
    world.resolves("CacheCold", severity="medium", host="web-1")
    world.presses("approve", incident.id)

    assert incident.ends() == [*TO_THE_QUESTION, "Close Incident"]
    assert incident.record.decision is None
    assert world.commands.attempts == []


def test_what_resolved_before_the_question_needs_no_decision(world: World) -> None:
    resolve = meanwhile(lambda: world.resolves("CacheCold", severity="medium", host="web-1"))
    world.functions.plan("notify", resolve, state="Request Approval")

    incident = cold_cache(world)

    assert incident.ends() == [*TO_THE_QUESTION, "Read Incident", "Close Incident"]
    record = incident.record
    assert record.outcome == "self_cleared"
    assert record.outcome_reason == "The alert resolved."
    assert world.commands.attempts == []


def test_what_gets_worse_meanwhile_waits_no_longer(world: World) -> None:
    incident = cold_cache(world)
    incident.stands_in("Ask For Approval")
    assert cold_cache(world, severity="critical", host="web-2").id == incident.id
    incident.stands_in("Await Acknowledgement")

    assert incident.path == [*TO_THE_QUESTION, "Page On-Call", "Await Acknowledgement"]
    assert "It got worse: an alert of severity critical joined." in world.told("pagerduty")[0].text
    assert world.commands.attempts == []


def test_what_got_worse_before_the_question_is_not_asked(world: World) -> None:
    world.functions.plan(
        "notify", meanwhile(lambda: cold_cache(world, severity="critical", host="web-2")), state="Request Approval"
    )
    incident = cold_cache(world)
    incident.stands_in("Await Acknowledgement")

    assert incident.path == [
        *TO_THE_QUESTION,
        *("Read Incident", "Page On-Call", "Await Acknowledgement"),
    ]
    assert "It got worse: an alert of severity critical joined." in world.told("pagerduty")[0].text


def test_a_decision_after_the_time_is_over_changes_nothing(world: World) -> None:
    incident = cold_cache(world)
    incident.stands_in("Ask For Approval").times_out()
    incident.stands_in("Await Resolution").is_approved("ada")

    assert incident.path[-1] == "Await Resolution"
    assert world.commands.attempts == []


def test_when_nobody_can_be_asked_a_human_is_told_why(world: World) -> None:
    world.remove_secret("slack/bot-token")

    incident = cold_cache(world, severity="high")
    incident.stands_in("Await Acknowledgement")

    assert incident.path == [*TO_THE_QUESTION[:-1], "Page On-Call", "Await Acknowledgement"]
    assert "Nobody could be asked to approve Warm a cache (ChannelFailed)." in world.told("pagerduty")[0].text
    assert world.commands.attempts == []


def test_what_is_disruptive_asks_first_in_production(world: World) -> None:
    incident = world.fires("HostOutOfMemory", host="web-1")
    incident.stands_in("Ask For Approval")

    assert "high-memory is disruptive, and this is prod" in world.told("slack")[0].text
