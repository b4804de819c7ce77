"""Some runbooks ask first. Nothing runs before somebody who may has said yes, and silence is no yes."""

from datetime import timedelta

from firstline.models import Deployment
from tests.statemachine.functions import meanwhile
from tests.statemachine.incident import Incident
from tests.statemachine.world import OVER, World

TO_THE_QUESTION = ["Classify", "Plan Remediation", "Notify Ops", "Await Resolution"]
TO_THE_PAGE = ["Classify", "Plan Remediation", "Page On-Call", "Await Acknowledgement"]
A_STEP = ["Run Step", "Await Step", "Read Step", "Next Move"]


def cold_cache(world: World, severity: str = "medium", host: str = "web-1") -> Incident:
    """Fire an alert about a cold cache; its runbook asks for approval."""
    return world.fires("CacheCold", severity=severity, host=host)


def test_an_approved_plan_runs_and_its_cure_counts_for_the_runbook(world: World) -> None:
    incident = cold_cache(world)
    incident.stands_in("Await Resolution")
    assert world.commands.attempts == []
    (message,) = world.told("slack")
    assert message.to == "#ops-alerts"
    assert "It waits for an approval of “Warm a cache”." in message.text
    assert "[Approve]" in message.text
    incident.is_approved("ada")
    incident.stands_in("Await Recovery")
    world.resolves("CacheCold", severity="medium", host="web-1")

    assert incident.ends() == [
        *TO_THE_QUESTION,
        *("Await Quiet", "Announce Remediation", "Claim Step", "Read Switch", "Switched Off?"),
        *A_STEP,
        *("Await Recovery", *OVER),
    ]
    assert world.commands.steps() == ["warm"]
    record = incident.record
    assert (record.decision, record.outcome) == ("approved", "resolved"), "it is the approver's"
    (over,) = [entry.facts for entry in world.trail(incident.id) if entry.what == "over"]
    assert (over["outcome"], over["demoted"]) == ("verified", False), "and the cure is the runbook's"
    assert "ada" in (record.decided_by or "")


def test_a_deployment_after_the_question_stops_an_approved_plan_and_its_approver_reads_why(world: World) -> None:
    incident = world.fires("CacheCold", severity="medium", host="web-1", service="shop")
    incident.stands_in("Await Resolution")
    after = world.now() + timedelta(seconds=30)
    world.history.save_deployment(Deployment(service="shop", version="7", deployed_at=after, state="in_progress"))
    incident.is_approved("ada")
    incident.stands_in("Await Resolution")

    assert "Announce Remediation" not in incident.path
    assert world.commands.attempts == []
    assert "Warm a cache was not run: shop 7 is being deployed since" in world.told("slack")[0].text


def test_a_refused_plan_goes_to_a_human_with_who_refused(world: World) -> None:
    incident = cold_cache(world)
    incident.stands_in("Await Resolution").is_refused("grace")
    incident.stands_in("Await Resolution")

    assert incident.path == [*TO_THE_QUESTION, "Await Quiet", "Await Resolution"]
    (message,) = world.told("slack")
    assert "refused by grace (Slack)" in message.text
    assert "[Approve]" not in message.text
    assert world.commands.attempts == []
    assert world.woken() == []
    assert incident.record.decision == "refused"


def test_somebody_is_woken_before_anybody_is_asked_and_reads_the_plan_on_the_page(world: World) -> None:
    incident = cold_cache(world, severity="critical")
    incident.stands_in("Await Acknowledgement")

    assert incident.path == TO_THE_PAGE
    (page,) = world.told("pagerduty")
    assert "Warm a cache" in f"{page.text} {page.raw}"
    assert "[Approve]" in world.told("slack")[0].text
    assert world.commands.attempts == []


def test_a_plan_that_waits_locks_nothing_of_its_service(world: World) -> None:
    first = world.fires("CacheCold", severity="medium", host="web-1", service="shop").stands_in("Await Resolution")
    assert first.record.waits_for_approval

    second = world.fires("QueueStuck", severity="high", host="web-2", service="shop")

    second.stands_in("Await Recovery")
    assert world.commands.steps() == ["look", "drain", "restart"]


def test_who_approves_has_taken_the_page(world: World) -> None:
    incident = cold_cache(world, severity="critical")
    incident.stands_in("Await Acknowledgement").is_approved("ada")
    incident.stands_in("Await Recovery").times_out()
    incident.stands_in("Await Resolution")

    assert incident.path[: len(TO_THE_PAGE) + 1] == [*TO_THE_PAGE, "Announce Remediation"]
    assert incident.path[-2:] == ["Notify Ops", "Await Resolution"], "and reads what came of it without a second page"
    assert incident.record.acknowledged_by == "ada (Slack)"
    assert len(world.woken()) == 1


def test_a_refused_plan_for_something_critical_still_waits_for_somebody_to_take_it(world: World) -> None:
    incident = cold_cache(world, severity="critical")
    incident.stands_in("Await Acknowledgement").is_refused("ada")
    incident.stands_in("Await Acknowledgement").times_out()
    incident.stands_in("Await Acknowledgement")

    assert len(world.woken()) > 1
    assert incident.record.acknowledged_at is None
    assert "refused by ada (Slack)" in world.told("slack")[0].text
    assert world.commands.attempts == []


def test_nobody_but_an_approver_can_say_yes(world: World) -> None:
    incident = cold_cache(world)
    incident.stands_in("Await Resolution").is_approved("mallory")

    assert incident.path == TO_THE_QUESTION
    assert incident.record.decision is None
    assert world.commands.attempts == []


def test_a_question_that_nobody_answers_runs_nothing(world: World) -> None:
    incident = cold_cache(world, severity="high")
    incident.stands_in("Await Acknowledgement").times_out()
    incident.stands_in("Await Acknowledgement")

    assert incident.path == [*TO_THE_PAGE, "Page On-Call", "Await Acknowledgement"]
    assert incident.record.decision is None
    assert world.commands.attempts == []


def test_an_alert_that_resolves_while_its_plan_waits_closes_the_incident_without_a_command(world: World) -> None:
    incident = cold_cache(world)
    incident.stands_in("Await Resolution")
    world.resolves("CacheCold", severity="medium", host="web-1")

    assert incident.ends() == [*TO_THE_QUESTION, *OVER]
    assert incident.record.outcome == "self_cleared"
    assert world.commands.attempts == []


def approved_too_late(world: World) -> Incident:
    """Approve a plan, in a message that still has the button, after its alert resolved."""
    incident = cold_cache(world)
    incident.stands_in("Await Resolution")
    approve = world.inbox.value(incident.id, "approve")
    world.resolves("CacheCold", severity="medium", host="web-1")
    incident.stands_in("Await Quiet")
    world.presses("approve", incident.id, value=approve)
    assert incident.record.decision == "approved"
    assert "nothing runs unless one fires again" in world.told("slack")[0].text
    return incident


def test_an_approval_after_the_alert_resolved_runs_nothing(world: World) -> None:
    incident = approved_too_late(world)

    incident.times_out()

    assert incident.ends() == [*TO_THE_QUESTION, *OVER]
    assert world.commands.attempts == []


def test_a_plan_approved_after_the_alert_resolved_runs_once_the_alert_fires_again(world: World) -> None:
    incident = approved_too_late(world)

    assert cold_cache(world).id == incident.id
    incident.stands_in("Await Recovery")

    assert world.commands.steps() == ["warm"]


def test_an_alert_that_resolves_while_the_question_is_sent_closes_the_incident_without_a_command(world: World) -> None:
    resolve = meanwhile(lambda: world.resolves("CacheCold", severity="medium", host="web-1"))
    world.functions.plan("notify", resolve, state="Notify Ops")

    incident = cold_cache(world)

    assert incident.ends() == [*TO_THE_QUESTION, "Pause", *OVER]
    record = incident.record
    assert record.outcome == "self_cleared"
    assert record.outcome_reason == "The alert resolved."
    assert world.commands.attempts == []


def test_a_critical_that_joins_while_a_plan_waits_is_paged(world: World) -> None:
    incident = cold_cache(world)
    incident.stands_in("Await Resolution")
    assert cold_cache(world, severity="critical", host="web-2").id == incident.id
    incident.stands_in("Await Acknowledgement")

    again = ("Await Quiet", "Classify Again", "Page On-Call", "Await Acknowledgement")
    assert incident.path == [*TO_THE_QUESTION, *again]
    assert "It got worse: critical CacheCold on web-2 joined." in world.told("pagerduty")[0].text
    assert world.commands.attempts == []


def test_a_critical_that_joins_while_the_question_is_sent_is_paged(world: World) -> None:
    world.functions.plan(
        "notify", meanwhile(lambda: cold_cache(world, severity="critical", host="web-2")), state="Notify Ops"
    )
    incident = cold_cache(world)
    incident.stands_in("Await Acknowledgement")

    assert incident.path == [*TO_THE_QUESTION, "Pause", "Classify Again", "Page On-Call", "Await Acknowledgement"]
    assert "It got worse: critical CacheCold on web-2 joined." in world.told("pagerduty")[0].text


def test_a_plan_stays_approvable_until_its_incident_closes(world: World) -> None:
    incident = cold_cache(world, severity="high")
    incident.stands_in("Await Acknowledgement").is_acknowledged("grace")
    incident.stands_in("Await Resolution")
    world.passes(1_800)
    incident.is_approved("ada")
    incident.stands_in("Await Recovery")

    assert world.commands.steps() == ["warm"]


def test_a_decision_after_the_incident_closed_changes_nothing(world: World) -> None:
    incident = cold_cache(world)
    incident.stands_in("Await Resolution").is_resolved("grace")
    incident.ends()
    incident.is_approved("ada")

    assert incident.record.decision is None
    assert world.commands.attempts == []


def test_a_plan_that_cannot_be_asked_about_in_slack_stands_on_the_page(world: World) -> None:
    world.remove_secret("slack/bot-token")

    incident = cold_cache(world, severity="high")
    incident.stands_in("Await Acknowledgement")

    assert incident.path == TO_THE_PAGE
    assert "Warm a cache" in str(world.told("pagerduty")[0].raw)
    assert world.commands.attempts == []


def test_a_runbook_that_a_person_demoted_asks_for_approval(world: World) -> None:
    world.remediations.demote("high-memory", "ada", world.now())
    incident = world.fires("HostOutOfMemory", host="web-1")
    incident.stands_in("Await Acknowledgement")

    assert "high-memory asks for approval" in world.told("slack")[0].text
