"""Every shipped runbook that takes a release back is really run, through the machine: cured, and not cured and told.

What the others show on throw-away hosts (tests/runbooks/test_rehearsals.py), these show with the stand-ins for
CodeDeploy and AppConfig: there is no host to break.
"""

from datetime import timedelta
from typing import Any

import pytest

from firstline.remediation.plan import parameter_values
from firstline.runbooks import catalogue
from firstline.runbooks.model import Runbook
from firstline.runbooks.release_steps import AppConfigRollback, CodeDeployRollback
from local.emulator.releases import Course
from tests.statemachine.incident import Incident
from tests.statemachine.releasing import revision
from tests.statemachine.world import ROOT, World

SHIPPED = [runbook for runbook in catalogue.load(ROOT / "runbooks").values() if runbook.releases]
HOUR = timedelta(hours=1)

every = pytest.mark.parametrize("runbook", SHIPPED, ids=lambda runbook: runbook.id)


def plant(world: World, runbook: Runbook) -> dict[str, str]:
    """Create a good release and a later bad one for the runbook's example; return the parameters' values."""
    values, problem = parameter_values(runbook, runbook.examples.match[0].as_alert())
    assert problem is None
    good: Any
    bad: Any
    for step in runbook.releases:
        match step:
            case CodeDeployRollback():
                place = f"{step.value('application', values)}/{step.value('deployment_group', values)}"
                world.releases.group(place)
                good, bad = revision("good"), revision("bad")
            case AppConfigRollback():
                place = f"{step.value('application', values)}/{step.value('environment', values)}"
                profile = step.value("configuration_profile", values)
                world.releases.environment(place)
                world.releases.profiles[profile] = "flags"
                good, bad = (profile, "good"), (profile, "bad")
            case _:
                raise AssertionError(f"{step.id} is of a kind that nobody rehearses")
        world.releases.released(place, good, ago=30 * HOUR)
        world.releases.released(place, bad, ago=HOUR / 2)
    return values


def listed(world: World, runbook: Runbook, values: dict[str, str]) -> None:
    """List the runbook's releases in the stack's ReleaseArns."""
    arns = []
    for step in runbook.releases:
        if isinstance(step, CodeDeployRollback):
            group = f"{step.value('application', values)}/{step.value('deployment_group', values)}"
            arns.append(f"arn:aws:codedeploy:eu-central-1:123456789012:deploymentgroup:{group}")
        else:
            application = f"arn:aws:appconfig:eu-central-1:123456789012:application/{step.value('application', values)}"
            arns.append(f"{application}/environment/{step.value('environment', values)}")
            arns.append(f"{application}/configurationprofile/{step.value('configuration_profile', values)}")
    world.restart_functions(RELEASE_ARNS=",".join(arns))


def begun(world: World, runbook: Runbook) -> Incident:
    """Fire the runbook's first example and approve the plan."""
    listed(world, runbook, plant(world, runbook))
    example = runbook.examples.match[0]
    incident = world.fires(
        example.alert, severity="high", message=example.message, labels=example.labels, service=example.service
    )
    incident.stands_in("Await Acknowledgement").is_approved()
    plan = incident.record.plan
    assert plan is not None
    assert plan.runbook_id == runbook.id
    return incident


def brought(world: World) -> list[str]:
    """Return what was deployed, by the words of its version."""
    return ["good" if "good" in str(release.what) else "bad" for release in world.releases.sent]


@every
def test_a_runbook_that_cures_its_example_deploys_the_good_release_once_and_stays_trusted(
    world: World, runbook: Runbook
) -> None:
    incident = begun(world, runbook).stands_in("Await Recovery")
    assert runbook.resolves_within is not None
    assert incident.time_out_seconds == runbook.resolves_within.total_seconds()
    example = runbook.examples.match[0]
    world.resolves(
        example.alert, severity="high", message=example.message, labels=example.labels, service=example.service
    )

    incident.ends()

    assert brought(world) == ["good"]
    over = [entry.facts for entry in world.trail(incident.id) if entry.what == "over"]
    assert [(facts["outcome"], facts["demoted"]) for facts in over] == [("verified", False)]
    assert len(world.woken()) == 1, "before anybody was asked"


@every
@pytest.mark.parametrize("course", [Course(), Course(status="Failed")], ids=["deployed", "failed"])
def test_a_runbook_that_does_not_cure_tries_nothing_else_is_told_to_its_approver_and_demoted(
    world: World, runbook: Runbook, course: Course
) -> None:
    world.releases.script(course)
    incident = begun(world, runbook)
    if course.status is None:
        incident.stands_in("Await Recovery").times_out()
    incident.stands_in("Await Resolution")

    assert brought(world) == ["good"], "and nothing else is tried"
    (message,) = world.told("slack")
    assert runbook.title in message.text
    words = "failed at step" if course.status == "Failed" else "ran, but the alert did not resolve"
    assert words in message.text
    assert len(world.woken()) == 1
    over = [entry.facts for entry in world.trail(incident.id) if entry.what == "over"]
    assert [(facts["outcome"], facts["demoted"]) for facts in over] == [("failed", True)]
