"""Two releases of one place at once: the bad one still goes out, or somebody releases another one meanwhile.

| fault                                    | shown in                                                           |
|------------------------------------------|--------------------------------------------------------------------|
| the release still goes out               | stopped first; done meanwhile; never stops; the stop refused       |
| somebody releases something meanwhile    | while the plan waits for approval; while the answer is lost        |
"""

from datetime import timedelta
from typing import Any

import pytest

from local.emulator.releases import NEVER, Course, Deployment
from local.emulator.server import ServiceError
from tests.statemachine.releasing import Service, flags, revision, shop, what_the_approver_reads
from tests.statemachine.world import World


def still_going_out(service: Service) -> Deployment:
    """Let the alert fire while the bad release is still rolling out."""
    bad = service.place.deployments[-1]
    bad.state, bad.course = None, Course(looks=NEVER)
    return bad


def test_a_release_that_still_goes_out_is_stopped_and_the_good_one_put_back(world: World) -> None:
    service = shop(world)
    bad = still_going_out(service)
    world.releases.stops_needed = 3

    incident = service.approved().stands_in("Await Recovery")

    assert bad.state == "Stopped"
    assert service.brought == ["v1"]
    path = incident.release_path
    assert path.count("Stop Release") == 3
    assert path.index("Stop Release") < path.index("Roll Back Release")


def test_flags_that_still_go_out_are_stopped_and_nothing_is_deployed(world: World) -> None:
    service = flags(world)
    bad = still_going_out(service)

    incident = service.approved().stands_in("Await Recovery")

    assert bad.state == "ROLLED_BACK"
    assert service.sent == []
    assert "Roll Back Configuration" not in incident.release_path
    service.resolves()
    incident.ends()
    (result,) = incident.record.results
    assert (result.status, result.command_id) == ("Success", bad.id)


def test_a_release_that_finished_before_the_approval_is_taken_back(world: World, service: Service) -> None:
    bad = still_going_out(service)
    incident = service.fires()
    bad.course = Course(looks=-1)  # it has finished
    incident.is_approved()

    incident.stands_in("Await Recovery")

    assert service.brought == (["v1"] if service.name == "codedeploy" else [])
    # AppConfig reverts a finished deployment; with CodeDeploy, the earlier revision is deployed.
    assert bad.state == (None if service.name == "codedeploy" else "REVERTED")


def test_a_release_that_does_not_stop_is_told_to_its_approver_and_nothing_is_deployed(world: World) -> None:
    service = shop(world)
    still_going_out(service)
    world.releases.stops_needed = NEVER

    read = what_the_approver_reads(world, service.approved(severity="low"))

    assert service.sent == []
    assert "Not sent: still in progress" in read
    assert world.releases.stops < 100


def test_a_stop_that_is_refused_is_told_to_the_approver_and_nothing_is_deployed(
    world: World, service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    still_going_out(service)

    def refuse(*_: Any) -> Any:
        raise ServiceError("AccessDeniedException", "not authorized to perform: StopDeployment")

    world.releases.operations["StopDeployment"] = refuse
    monkeypatch.setattr(world.releases, "_revert", refuse)

    read = what_the_approver_reads(world, service.approved(severity="low"))

    assert service.sent == []
    assert "Not stopped:" in read
    assert "not authorized to perform: StopDeployment" in read


def test_a_lost_answer_is_told_as_unknown_if_the_newest_deployment_is_somebody_elses(
    world: World, service: Service
) -> None:
    """Lose the answer while a person begins the newest deployment at the same moment."""
    world.releases._begin = lambda *_: _somebody(world, service)  # type: ignore[method-assign, assignment]
    world.releases.script(Course(lost=True))

    read = what_the_approver_reads(world, service.approved(severity="low"))

    assert "Unknown: not ours" in read


def _somebody(world: World, service: Service) -> None:
    what = revision("v3") if service.name == "codedeploy" else ("flags12", "v3")
    world.releases.released(service.place.name, what, ago=timedelta())


def test_a_newer_release_before_the_approval_is_left_alone(world: World, service: Service) -> None:
    incident = service.fires(severity="high")
    _somebody(world, service)
    incident.is_approved()

    read = what_the_approver_reads(world, incident)

    assert service.sent == []
    assert "Not sent: newer release" in read
    entries = world.trail(incident.id)
    assert [entry.facts["outcome"] for entry in entries if entry.what == "over"] == ["not_run"]
