"""A signal may come at any moment, also just before the machine begins to wait for it. None is lost."""

from typing import Any

from tests.statemachine.functions import meanwhile
from tests.statemachine.run_command import Run
from tests.statemachine.world import OVER, World

TO_A_PAGE = ["Classify", "Page On-Call"]
DISK = {"severity": "high", "host": "web-1", "labels": {"mountpoint": "/scratch"}}


def refused(wait: str) -> list[str]:
    """Return the states after an answer that something overtook: the wait is refused, and the record is read again."""
    return [wait, "Pause"]


def test_an_alert_that_resolves_before_recovery_is_awaited_closes_the_incident_as_cured(world: World) -> None:
    world.commands.script("free-space", Run(on_read=lambda: world.resolves("ScratchFull", **DISK)))

    incident = world.fires("ScratchFull", **DISK)

    assert incident.ends()[-4:] == ["Await Recovery", "Next Move", *OVER]
    assert world.commands.steps() == ["find-biggest", "free-space"]
    assert incident.record.outcome == "auto_resolved"


def test_an_alert_that_resolves_during_a_failing_verification_closes_the_incident_as_cured(world: World) -> None:
    resolve = Run("Failed", on_read=lambda: world.resolves("ScratchFull", **DISK))
    world.commands.script("verify", resolve)
    incident = world.fires("ScratchFull", **DISK)
    incident.stands_in("Await Recovery").times_out()

    assert incident.ends()[-4:] == ["Await Recovery", "Next Move", *OVER]
    assert world.commands.steps().count("verify") == 1
    assert incident.record.outcome == "auto_resolved"


def test_an_alert_that_resolves_before_the_acknowledgement_is_awaited_closes_the_incident(world: World) -> None:
    world.functions.plan("escalate", meanwhile(lambda: world.resolves("SearchDown")))

    incident = world.fires("SearchDown")

    assert incident.ends() == [*TO_A_PAGE, *refused("Await Acknowledgement"), *OVER]
    record = incident.record
    assert (record.outcome, record.outcome_reason) == ("resolved", "The alert resolved.")


def test_an_alert_that_resolves_while_the_acknowledgement_is_awaited_closes_the_incident(world: World) -> None:
    incident = world.fires("SearchDown")
    incident.stands_in("Await Acknowledgement")
    world.resolves("SearchDown")

    path = incident.ends()
    assert path[len(TO_A_PAGE) :] == ["Await Acknowledgement", *OVER]
    assert incident.record.outcome_reason == "The alert resolved."


def test_an_alert_that_resolves_before_resolution_is_awaited_closes_the_incident(world: World) -> None:
    resolve = meanwhile(lambda: world.resolves("DiskSlow", severity="medium"))
    world.functions.plan("notify", resolve, state="Notify Ops")

    incident = world.fires("DiskSlow", severity="medium")

    assert incident.ends()[-5:] == ["Notify Ops", *refused("Await Resolution"), *OVER]
    assert incident.record.outcome == "self_cleared"


def test_an_acknowledgement_before_it_is_awaited_counts(world: World) -> None:
    incident_ids: list[str] = []

    def classify(handler: Any, event: Any) -> Any:
        incident_ids.append(event["incident"]["incident_id"])
        return handler(event)

    world.functions.plan("classify", classify)

    def acknowledge() -> None:
        (incident_id,) = incident_ids
        world.presses("acknowledge", incident_id)

    world.functions.plan("escalate", meanwhile(acknowledge))
    incident = world.fires("SearchDown")
    incident.stands_in("Await Resolution")

    assert incident.path == [*TO_A_PAGE, *refused("Await Acknowledgement"), "Await Resolution"]
    assert incident.record.acknowledged_by == "ada (Slack)"
    incident.is_resolved()
    assert incident.ends()[-1] == "Close Incident"


def test_a_worse_alert_before_resolution_is_awaited_is_paged_once(world: World) -> None:
    worsen = meanwhile(lambda: world.fires("DiskSlow", severity="critical", host="db-2"))
    world.functions.plan("notify", worsen, state="Notify Ops")
    incident = world.fires("DiskSlow", severity="medium", host="db-1")
    incident.stands_in("Await Acknowledgement")

    after = ["Classify Again", "Page On-Call", "Await Acknowledgement"]
    assert incident.path[-6:] == ["Notify Ops", *refused("Await Resolution"), *after]
    assert "It got worse: critical DiskSlow on db-2 joined." in world.told("pagerduty")[0].text
    incident.is_acknowledged()
    incident.stands_in("Await Resolution").is_resolved()
    assert incident.ends().count("Page On-Call") == 1


def test_of_two_people_who_resolve_an_incident_the_first_counts(world: World) -> None:
    incident = world.fires("DiskSlow", severity="medium")
    incident.stands_in("Await Resolution")

    assert incident.is_resolved("ada") is not None
    assert incident.is_resolved("grace") is None

    incident.ends()
    assert incident.record.resolved_by == "ada"


def test_of_two_acknowledgements_the_first_counts(world: World) -> None:
    incident = world.fires("SearchDown")
    incident.stands_in("Await Acknowledgement")

    assert incident.is_acknowledged("ada") is not None
    assert incident.is_acknowledged("grace") is None

    incident.stands_in("Await Resolution")
    assert incident.record.acknowledged_by == "ada"
