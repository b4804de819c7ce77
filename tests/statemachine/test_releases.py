"""A release is taken back, or a flag: the alert resolves, or a human hears what was done and what is not known.

| fault                                    | shown in                                                           |
|------------------------------------------|--------------------------------------------------------------------|
| the answer to the request is lost        | followed where it began, told where it did not                     |
| throttled                                | by name, nameless; for a moment, for good                          |
| access denied                            | told, nothing was sent                                             |
| a deployment that fails, or never ends   | told with its id and CodeDeploy's words                            |
| remediation is switched off meanwhile    | nothing is sent                                                    |
| the alert resolves while it is deployed  | cured                                                              |
| nothing good to go back to               | planned in unit/remediation/test_releases; here, one of them       |
"""

from collections.abc import Callable, Iterator
from contextlib import suppress

import pytest

from local.emulator.releases import NEVER, Course
from tests.statemachine.releasing import HOUR, Service, flags, revision, shop, what_the_approver_reads
from tests.statemachine.test_planted_plans import Plan, lies
from tests.statemachine.world import STACK_NAME, World

RETRIES_OF_A_THROTTLED_REQUEST = 4
"""Number of times, in the machine of releases, for a deployment."""


@pytest.fixture
def switch_off(world: World) -> Iterator[Callable[[], object]]:
    name = f"/firstline/{STACK_NAME}/remediation"
    ssm = world.client("ssm")
    yield lambda: ssm.put_parameter(Name=name, Value="off", Type="String", Overwrite=True)
    with suppress(ssm.exceptions.ParameterNotFound):
        ssm.delete_parameter(Name=name)


def test_a_release_is_taken_back_and_the_alert_resolves(world: World, service: Service) -> None:
    incident = service.approved().stands_in("Await Recovery")
    assert incident.time_out_seconds == 600, "the runbook's own time for the recovery"
    service.resolves()

    path = incident.ends()

    assert service.brought == ["v1"]
    steps = path[path.index("Switched Off?") : path.index("Await Recovery")]
    noun = "Release" if service.name == "codedeploy" else "Configuration"
    looks = ["Wait", "Where To Look?", f"Read {noun}", "Release Finished?"]
    assert steps == ["Switched Off?", "Take Release Back", "Next Move"]
    assert incident.release_path == [
        *("Begin", "Where To Look?", f"Check {noun}", "Release Unchanged?", f"Roll Back {noun}"),
        *(looks * 3),  # the third look sees the end: `Course.looks`
        "Report",
    ]
    record = incident.record
    assert (record.outcome, record.acknowledged_by) == ("resolved", "ada (Slack)")
    (result,) = record.results
    place = "shop/live" if service.name == "codedeploy" else "app1234/env1234"
    assert (result.kind, result.status, result.instance_id, result.command_id) == (
        "act",
        "Success",
        place,
        service.sent[0].id,
    )
    assert len(world.woken()) == 1, "before anybody was asked"
    assert world.remediations.state("bad-release", record.incident.opened_at).held == [], "the locks are given back"


def test_the_question_names_the_present_and_the_earlier_version_and_sends_nothing(
    world: World, service: Service
) -> None:
    service.fires()

    asked = str(world.told("slack")[0].raw)

    assert "v2" in asked
    assert "back to" in asked
    assert "v1" in asked
    assert service.sent == []


@pytest.mark.parametrize("changed", ["request", "stop"])
def test_an_approved_release_is_not_put_back_if_its_request_or_its_stop_was_changed(
    world: World, service: Service, changed: str
) -> None:
    def lie(plan: Plan) -> None:
        step = plan["steps"][0]
        step["stop"] = changed == "stop"
        if changed == "request" and service.name == "codedeploy":
            step["request"]["Revision"]["S3Location"]["Version"] = "v0"
        elif changed == "request":
            step["request"]["ConfigurationVersion"] = "v0"

    incident = service.fires()
    lies(world, lie)
    incident.is_approved()
    incident.stands_in("Await Resolution")

    assert "Claim Step" in incident.path
    assert "Take Release Back" not in incident.path
    assert service.sent == []


def test_the_trail_of_a_release_that_was_taken_back_tells_each_step(world: World, service: Service) -> None:
    incident = service.approved().stands_in("Await Recovery")
    service.resolves()
    incident.ends()

    entries = world.trail(incident.id)

    told = {entry.what: entry.facts for entry in entries}
    assert [entry.what for entry in entries if entry.what != "ended"] == [
        *("classified", "planned", "paged", "acted", "acknowledged", "decided"),
        *("ran", "over", "closed"),
    ]
    assert "v2" in str(told["planned"]["documents"])
    assert told["ran"]["command_id"] == service.sent[0].id
    assert told["ran"]["ran_at"]
    assert told["ended"]["ended_at"]
    assert (told["over"]["outcome"], told["over"]["demoted"]) == ("verified", False)


def test_a_release_that_did_not_help_is_told_to_its_approver_and_not_put_forth_again(
    world: World, service: Service
) -> None:
    incident = service.approved(severity="medium").stands_in("Await Recovery")
    incident.times_out()

    read = what_the_approver_reads(world, incident)

    assert service.brought == ["v1"], "nothing is deployed a second time, in either direction"
    assert "ran, but the alert did not resolve" in read
    assert "(act) on" in read
    entries = world.trail(incident.id)
    assert entries[-1].facts["outcome"] == "failed"
    assert entries[-1].facts["demoted"] is True


@pytest.mark.parametrize("status", ["Failed", "Stopped"])
def test_a_deployment_that_fails_is_told_to_its_approver_in_its_words(world: World, status: str) -> None:
    service = shop(world)
    world.releases.script(Course(status=status, message="too few hosts are healthy"))

    read = what_the_approver_reads(world, service.approved(severity="low"))

    assert "Put the last good shop back failed at step roll-back." in read
    assert f"roll-back (act) on shop/live: {status}" in read
    assert "too few hosts are healthy" in read
    assert len(service.sent) == 1


def test_a_deployment_of_flags_that_appconfig_rolls_back_is_told_to_its_approver(world: World) -> None:
    service = flags(world)
    world.releases.script(Course(status="ROLLED_BACK"))

    read = what_the_approver_reads(world, service.approved(severity="low"))

    assert "flags-back (act) on app1234/env1234: ROLLED_BACK" in read


def test_flags_that_bake_count_as_deployed(world: World) -> None:
    service = flags(world)
    world.releases.script(Course(status="BAKING"))

    incident = service.approved().stands_in("Await Recovery")

    until_it_bakes = 3  # looks: `Course.looks`, and one more
    assert incident.release_path.count("Read Configuration") == until_it_bakes, "and not until the bake is over"


def test_a_deployment_that_does_not_end_goes_on_and_is_told_to_its_approver(world: World, service: Service) -> None:
    world.releases.script(Course(looks=NEVER))

    incident = service.approved(severity="low")
    read = what_the_approver_reads(world, incident)

    assert "Goes on: did not end in time" in read
    assert len(service.sent) == 1
    ran = [entry.facts for entry in world.trail(incident.id) if entry.what == "ran"]
    assert [facts["command_id"] for facts in ran] == [service.sent[0].id]


@pytest.mark.parametrize("course", [Course(lost=True), Course(hangs=True)], ids=["dropped", "timed out"])
def test_a_deployment_whose_answer_is_lost_is_found_and_not_sent_again(
    world: World, service: Service, course: Course, impatient: set[str]
) -> None:
    world.releases.script(course)
    if course.hangs:
        impatient.add(service.lost)

    incident = service.approved().stands_in("Await Recovery")

    assert len(service.sent) == 1, "not sent again"
    service.resolves()
    incident.ends()
    assert incident.record.results[0].status == "Success"


def test_a_request_whose_answer_is_lost_and_that_began_nothing_is_told_as_unknown(
    world: World, service: Service
) -> None:
    world.releases._begin = lambda *_: None  # type: ignore[method-assign, assignment]
    world.releases.script(Course(lost=True))

    read = what_the_approver_reads(world, service.approved(severity="low"))

    assert "Unknown: no answer" in read
    assert "No new deployment was seen after it" in read
    assert world.releases.attempts == 1


THROTTLED = Course(refusal=("ThrottlingException", "Rate exceeded"))
NAMELESS = Course(refusal=("Throttling", "Rate exceeded"))


@pytest.mark.parametrize("course", [THROTTLED, NAMELESS], ids=["by name", "nameless"])
def test_a_deployment_that_is_throttled_twice_is_sent_once(world: World, service: Service, course: Course) -> None:
    world.releases.script(course, course, Course())

    service.approved().stands_in("Await Recovery")

    assert world.releases.attempts == 3
    assert service.brought == ["v1"]


@pytest.mark.parametrize("course", [THROTTLED, NAMELESS], ids=["by name", "nameless"])
def test_a_deployment_that_stays_throttled_is_given_up_and_told(world: World, service: Service, course: Course) -> None:
    world.releases.script(course)

    read = what_the_approver_reads(world, service.approved())

    assert service.sent == []
    assert world.releases.attempts == 1 + RETRIES_OF_A_THROTTLED_REQUEST
    assert "Rate exceeded" in read


def test_a_deployment_that_is_denied_is_told_and_not_tried_again(world: World, service: Service) -> None:
    world.releases.script(Course(refusal=("AccessDeniedException", "not authorized to perform: codedeploy")))

    incident = service.approved(severity="high")
    read = what_the_approver_reads(world, incident)

    assert world.releases.attempts == 1
    assert "Not sent" in read
    assert "not authorized to perform" in read


def test_a_deployment_that_cannot_be_read_is_told_to_its_approver_as_unknown(world: World, service: Service) -> None:
    world.releases.script(Course(unreadable=True))

    read = what_the_approver_reads(world, service.approved(severity="low"))

    assert "failed (" in read
    assert "Unknown: unread" in read
    assert len(service.sent) == 1


def test_nothing_is_sent_if_remediation_was_switched_off_before_the_approval(
    world: World, service: Service, switch_off: Callable[[], object]
) -> None:
    incident = service.fires()
    switch_off()
    incident.is_approved()

    read = what_the_approver_reads(world, incident)

    assert world.releases.attempts == 0
    assert "remediation has been switched off" in read


def test_an_alert_that_resolves_during_the_deployment_counts_as_cured(world: World, service: Service) -> None:
    world.releases.script(Course(on_look=service.resolves))

    incident = service.approved()

    assert incident.ends()[-1] == "Close Incident"
    (over,) = [entry.facts for entry in world.trail(incident.id) if entry.what == "over"]
    assert over["outcome"] == "verified"
    assert len(service.sent) == 1


def test_nothing_is_sent_if_the_alert_resolves_before_the_approval(world: World, service: Service) -> None:
    incident = service.fires()
    service.resolves()

    incident.ends()

    assert service.sent == []


def test_nothing_is_sent_after_a_refusal(world: World, service: Service) -> None:
    incident = service.fires()
    incident.is_refused()
    incident.stands_in("Await Acknowledgement").is_acknowledged()
    incident.stands_in("Await Resolution")

    assert service.sent == []


def test_without_an_earlier_release_nothing_is_taken_back_and_the_page_says_why(world: World) -> None:
    world.releases.group("shop/live")
    world.releases.released("shop/live", revision("v1"), ago=HOUR / 2)

    incident = world.fires("ShopFails", severity="high").stands_in("Await Acknowledgement")

    assert "Take Release Back" not in incident.path
    (page,) = world.told("pagerduty")
    assert "shop/live has no earlier release that was in place for 60 minutes" in page.text
