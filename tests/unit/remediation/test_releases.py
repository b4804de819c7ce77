"""Releases: which one is taken back, which one is put back, and when there is no plan."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
import yaml
from pydantic import ValidationError

from firstline.models import Classification, Incident, NormalizedAlert, PlannedRelease, RemediationPlan
from firstline.remediation.releases import Deployed, ReleaseHistory
from firstline.runbooks import catalogue
from firstline.runbooks.model import Runbook
from tests.support.memory import MemoryReleases
from tests.unit.remediation.desk import Desk

type Make[T] = Callable[..., T]

GROUP = "arn:aws:codedeploy:eu-west-1:123456789012:deploymentgroup:shop/live"
ENVIRONMENT = "arn:aws:appconfig:eu-west-1:123456789012:application/app1234/environment/env1234"
PROFILE = "arn:aws:appconfig:eu-west-1:123456789012:application/app1234/configurationprofile/flags12"
ROLL_BACK = {
    "id": "roll-back",
    "kind": "codedeploy_rollback",
    "application": {"parameter": "app"},
    "deployment_group": "live",
}
FLAGS_BACK = {
    "id": "flags-back",
    "kind": "appconfig_rollback",
    "application": "app1234",
    "environment": "env1234",
    "configuration_profile": "flags12",
}


@pytest.fixture
def release_fields(runbook_fields: Make[dict[str, Any]]) -> Make[dict[str, Any]]:
    """Make the fields of a small, valid runbook that takes a release back."""

    def make(**changes: Any) -> dict[str, Any]:
        sound: dict[str, Any] = {
            "id": "drain-spool",
            "risk": "disruptive",
            "parameters": {"app": {"from": "service", "pattern": "^[a-z]{1,20}$"}},
            "limits": {"cooldown": "1h", "per_hour": 2},
            "steps": [ROLL_BACK],
            "verify": None,
            "resolves_within": "10m",
        }
        return runbook_fields(**{**sound, **changes})

    return make


@pytest.fixture
def deployed(now: datetime) -> Make[Deployed]:
    """Make a deployment that began `ago` before the alert and took a minute."""

    def make(number: int, what: str, ago: timedelta, state: str = "good", **changes: Any) -> Deployed:
        fields: dict[str, Any] = {
            "deployment": f"d-{number}",
            "what": what,
            "state": state,
            "at": now - ago,
            "ended_at": now - ago + timedelta(minutes=1),
            "request": {"Revision": {"RevisionType": "S3", "S3Location": {"Key": what, "Version": "1"}}},
        }
        return Deployed(**(fields | changes))

    return make


MINUTES, HOURS, DAYS = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)


@pytest.fixture
def shop(
    desk: Desk,
    release_fields: Make[dict[str, Any]],
    make_incident: Make[Incident],
    make_alert: Make[NormalizedAlert],
    make_classification: Make[Classification],
    deployed: Make[Deployed],
) -> Desk:
    """Return a desk for a shop whose release v2 came half an hour before its alert, and v1 days before."""
    desk.runbooks = [Runbook.model_validate(release_fields())]
    desk.remediations.promote("drain-spool", "ada", desk.now)
    desk.incident = make_incident(make_alert(host=None, service="shop", labels={}))
    desk.classification = make_classification(is_deployment_related=True)
    desk.release_arns = (GROUP, ENVIRONMENT, PROFILE)
    released(desk, deployed(2, "v2", 30 * MINUTES), deployed(1, "v1", 3 * DAYS))
    return desk


def released(desk: Desk, *newest_first: Deployed, **changes: Any) -> None:
    latest = newest_first[0].deployment if newest_first else ""
    history = ReleaseHistory(**{"deployed": list(newest_first), "latest": latest, **changes})
    desk.releases = MemoryReleases({"shop/live": history, "app1234/env1234/flags12": history})


def planned(desk: Desk) -> tuple[RemediationPlan, PlannedRelease]:
    made = desk.plan().plan
    assert made is not None
    (step,) = made.steps
    assert isinstance(step, PlannedRelease)
    return made, step


def test_no_release_is_taken_back_for_an_alert_about_another_region(
    shop: Desk, make_incident: Make[Incident], make_alert: Make[NormalizedAlert]
) -> None:
    shop.incident = make_incident(make_alert(host=None, service="shop", labels={}, region="us-east-1"))

    assert "no target: the alert is about region us-east-1" in shop.refusal()


def test_the_plan_names_exactly_the_release_to_take_back_and_the_one_to_put_back(
    shop: Desk, deployed: Make[Deployed]
) -> None:
    released(shop, deployed(2, "v2", 30 * MINUTES), deployed(1, "v1", 3 * DAYS))

    _, step = planned(shop)

    assert (step.kind, step.through, step.place) == ("act", "codedeploy", "shop/live")
    assert (step.taken_back.deployment, step.put_back.deployment, step.latest) == ("d-2", "d-1", "d-2")
    assert step.request == {
        "ApplicationName": "shop",
        "DeploymentGroupName": "live",
        "Description": step.marker,
        "AutoRollbackConfiguration": {"Enabled": False},
        "Revision": {"RevisionType": "S3", "S3Location": {"Key": "v1", "Version": "1"}},
    }
    assert len(step.marker) <= 100
    assert shop.incident.incident_id in step.marker


def test_the_plan_for_a_release_has_no_host_and_locks_the_place_and_the_service(shop: Desk) -> None:
    made, _ = planned(shop)

    assert (made.targets, made.verify, made.rollback) == ([], None, [])
    assert made.recovery_wait_seconds == 600
    assert made.locks == ["release:codedeploy:shop/live", "service:shop"]
    assert RemediationPlan.model_validate(made.model_dump(mode="json")) == made


def test_another_request_gives_the_plan_for_a_release_another_digest(shop: Desk) -> None:
    made, step = planned(shop)

    other = step.model_copy(update={"request": {**step.request, "Revision": {}}})
    assert made.model_copy(update={"steps": [other]}).digest() != made.digest()


def test_a_configuration_is_put_back_by_its_version(
    shop: Desk, release_fields: Make[dict[str, Any]], deployed: Make[Deployed]
) -> None:
    shop.runbooks = [Runbook.model_validate(release_fields(steps=[FLAGS_BACK], parameters={}))]
    before = deployed(13, "flags version 6", 2 * DAYS, request={"ConfigurationVersion": "6"})
    released(shop, deployed(14, "flags version 7", 5 * MINUTES), before, latest="15")

    _, step = planned(shop)

    assert (step.through, step.place, step.latest) == ("appconfig", "app1234/env1234", "15")
    assert step.request == {
        "ApplicationId": "app1234",
        "EnvironmentId": "env1234",
        "ConfigurationProfileId": "flags12",
        "DeploymentStrategyId": "AppConfig.AllAtOnce",
        "Description": step.marker,
        "ConfigurationVersion": "6",
    }


def test_after_failed_releases_the_last_good_one_is_put_back(shop: Desk, deployed: Make[Deployed]) -> None:
    released(
        shop,
        deployed(4, "v3", 20 * MINUTES, "failed"),
        deployed(3, "v3", 40 * MINUTES, "failed"),
        deployed(2, "v2", 1 * DAYS),
        deployed(1, "v1", 3 * DAYS),
    )

    _, step = planned(shop)

    assert (step.taken_back.deployment, step.put_back.what) == ("d-4", "v2")


def test_a_release_that_was_replaced_within_minutes_is_not_put_back(shop: Desk, deployed: Make[Deployed]) -> None:
    released(shop, deployed(3, "v3", 30 * MINUTES), deployed(2, "v2", 50 * MINUTES), deployed(1, "v1", 3 * DAYS))

    assert planned(shop)[1].put_back.what == "v1"


def test_a_release_that_was_deployed_twice_counts_from_its_first_deployment(
    shop: Desk, deployed: Make[Deployed]
) -> None:
    released(shop, deployed(3, "v2", 30 * MINUTES), deployed(2, "v1", 40 * MINUTES), deployed(1, "v1", 3 * DAYS))

    assert planned(shop)[1].put_back.deployment == "d-1"


def test_a_release_that_a_rollback_put_back_long_ago_may_be_put_back_again(
    shop: Desk, deployed: Make[Deployed]
) -> None:
    released(
        shop,
        deployed(4, "v3", 30 * MINUTES),
        deployed(3, "v1", 1 * DAYS, rollback=True),
        deployed(2, "v2", 1 * DAYS + HOURS),
        deployed(1, "v1", 3 * DAYS),
    )

    assert planned(shop)[1].put_back.deployment == "d-3"


def doubtful_histories(deployed: Make[Deployed]) -> dict[str, tuple[list[Deployed], str]]:
    good = deployed(1, "v1", 3 * DAYS)
    recent = deployed(2, "v2", 30 * MINUTES)
    return {
        "nothing": ([], "nothing was ever released to shop/live"),
        "the first": ([recent], "shop/live has no earlier release that was in place for 60 minutes"),
        "long ago": (
            [deployed(2, "v2", 5 * HOURS), good],
            "the last release to shop/live was 4 h 59 min before the alert; 2 hours is the limit",
        ),
        "too late": (
            [deployed(2, "v2", -5 * MINUTES), good],
            "deployment d-2 to shop/live began after the alert: it is not the cause",
        ),
        "taken back by AppConfig": (
            [deployed(2, "v2", 30 * MINUTES, "taken back"), good],
            "the last release to shop/live was taken back already, by deployment d-2",
        ),
        "taken back by CodeDeploy": (
            [deployed(3, "v1", 10 * MINUTES, rollback=True), recent, good],
            "the last release to shop/live was taken back already, by deployment d-3",
        ),
        "taken back by a person": (
            [deployed(3, "v1", 10 * MINUTES), recent, good],
            "an earlier release was put back on shop/live already, by deployment d-3",
        ),
        "the same again": (
            [deployed(2, "v1", 30 * MINUTES), good],
            "the last deployment to shop/live brought nothing new: v1",
        ),
        "only failures before": (
            [recent, deployed(1, "v1", 3 * DAYS, "failed")],
            "shop/live has no earlier release that was in place for 60 minutes",
        ),
        "inexact": (
            [recent, deployed(1, "v1", 3 * DAYS, request=None)],
            "cannot determine exactly what d-1 released to shop/live: v1",
        ),
    }


@pytest.mark.parametrize(
    "history",
    [
        "nothing",
        "the first",
        "long ago",
        "too late",
        "taken back by AppConfig",
        "taken back by CodeDeploy",
        "taken back by a person",
        "the same again",
        "only failures before",
        "inexact",
    ],
)
def test_a_doubtful_history_of_releases_gives_no_plan_with_its_reason(
    shop: Desk, deployed: Make[Deployed], history: str
) -> None:
    releases, reason = doubtful_histories(deployed)[history]
    released(shop, *releases)

    assert shop.refusal() == reason


def test_a_release_still_in_progress_is_stopped_before_the_earlier_one_is_put_back(
    shop: Desk, deployed: Make[Deployed]
) -> None:
    released(shop, deployed(2, "v2", 30 * MINUTES, "in progress", ended_at=None), deployed(1, "v1", 3 * DAYS))

    _, step = planned(shop)

    assert (step.stop, step.latest, step.put_back.what) == (True, "d-2", "v1")
    assert step.request["Revision"], "the request also deploys the earlier release"


def test_a_configuration_still_in_progress_is_only_stopped(
    shop: Desk, release_fields: Make[dict[str, Any]], deployed: Make[Deployed]
) -> None:
    shop.runbooks = [Runbook.model_validate(release_fields(steps=[FLAGS_BACK], parameters={}))]
    going = deployed(14, "flags version 7", 5 * MINUTES, "in progress", deployment="14", ended_at=None)
    released(shop, going, deployed(13, "flags version 6", 2 * DAYS))

    _, step = planned(shop)

    assert step.stop
    assert step.request == {
        "ApplicationId": "app1234",
        "EnvironmentId": "env1234",
        "DeploymentNumber": 14,
        "AllowRevert": True,
    }
    assert step.put_back.what == "flags version 6"


def test_a_configuration_is_not_stopped_if_the_version_after_that_is_unclear(
    shop: Desk, release_fields: Make[dict[str, Any]], deployed: Make[Deployed]
) -> None:
    shop.runbooks = [Runbook.model_validate(release_fields(steps=[FLAGS_BACK], parameters={}))]
    going = deployed(15, "flags version 8", 5 * MINUTES, "in progress", deployment="15", ended_at=None)
    released(
        shop, going, deployed(14, "flags version 7", 1 * DAYS, "taken back"), deployed(13, "flags version 6", 2 * DAYS)
    )

    assert shop.refusal() == "cannot determine which version app1234/env1234 runs after deployment 15 is stopped"


def test_a_place_with_another_deployment_in_progress_gives_no_plan(shop: Desk, deployed: Make[Deployed]) -> None:
    released(shop, deployed(2, "v2", 30 * MINUTES), deployed(1, "v1", 3 * DAYS), busy_with="7")

    assert shop.refusal() == "deployment 7 to shop/live is in progress, and deploys something else"


def test_an_alarm_that_would_stop_the_deployment_gives_no_plan(shop: Desk, deployed: Make[Deployed]) -> None:
    released(shop, deployed(2, "v2", 30 * MINUTES), deployed(1, "v1", 3 * DAYS), alarms=["SpoolFull"])

    assert shop.refusal() == "the alarm SpoolFull fires, and it stops every deployment to shop/live until it ends"


def test_a_place_that_the_stack_does_not_list_is_not_read(shop: Desk) -> None:
    shop.release_arns = (GROUP + "-too", "arn:aws:codedeploy:eu-west-1:123456789012:application:shop")

    assert shop.refusal() == (
        "deploymentgroup:shop/live is not among the stack's ReleaseArns: add its ARN to allow this"
    )
    assert shop.releases.asked == []


@pytest.mark.parametrize("missing", [ENVIRONMENT, PROFILE])
def test_a_configuration_needs_its_environment_and_its_profile_listed(
    shop: Desk, release_fields: Make[dict[str, Any]], missing: str
) -> None:
    shop.runbooks = [Runbook.model_validate(release_fields(steps=[FLAGS_BACK], parameters={}))]
    shop.release_arns = tuple(arn for arn in (ENVIRONMENT, PROFILE) if arn != missing)

    assert "is not among the stack's ReleaseArns" in shop.refusal()
    assert shop.releases.asked == []


def test_releases_that_cannot_be_read_give_no_plan_with_the_reason(shop: Desk) -> None:
    shop.releases = MemoryReleases()

    assert shop.refusal() == "AccessDenied on shop/live"


@pytest.mark.parametrize("value", ["shop/live", "Shop", "shop; reboot", "*", "shop\n"])
def test_an_unfit_parameter_gives_no_plan_and_reads_no_release(
    shop: Desk, make_incident: Make[Incident], make_alert: Make[NormalizedAlert], value: str
) -> None:
    shop.incident = make_incident(make_alert(host=None, service=value, labels={}))

    assert "does not fit" in shop.refusal()
    assert shop.releases.asked == []


def test_a_release_is_taken_back_by_one_remediation_at_a_time(
    shop: Desk, make_incident: Make[Incident], make_alert: Make[NormalizedAlert]
) -> None:
    planned(shop)
    shop.incident = make_incident(make_alert(host=None, service="shop", labels={}), incident_id="the-next-one")

    assert shop.plan().reason.startswith("shop/live is locked by drain-spool of incident")


def test_a_release_that_was_taken_back_cools_down(
    shop: Desk, make_incident: Make[Incident], make_alert: Make[NormalizedAlert]
) -> None:
    made, _ = planned(shop)
    shop.remediations.settle(
        made,
        shop.incident.incident_id,
        "failed",
        began=shop.now,
        accepted=None,
        demote=None,
        at=shop.now + 5 * MINUTES,
    )
    shop.incident = make_incident(make_alert(host=None, service="shop", labels={}), incident_id="the-next-one")
    shop.now += 10 * MINUTES

    assert "drain-spool ran on shop/live 5 minutes ago and cools down" in shop.plan().reason


def test_more_releases_than_the_limit_an_hour_give_no_plan(shop: Desk, release_fields: Make[dict[str, Any]]) -> None:
    shop.runbooks = [
        Runbook.model_validate(release_fields(steps=[ROLL_BACK, FLAGS_BACK], limits={"cooldown": "1h", "per_hour": 1}))
    ]

    assert shop.plan().reason == "drain-spool took 0 releases back in the last hour and may take back 1"


def test_a_runbook_in_shadow_names_both_releases_and_takes_no_lock(
    shop: Desk, release_fields: Make[dict[str, Any]]
) -> None:
    shop.runbooks = [Runbook.model_validate(release_fields(mode="shadow"))]

    assert shop.plan().reason == "shadow: would have run drain-spool on shop/live (from v2 back to v1)"
    assert shop.remediations.locks == {}


@pytest.mark.parametrize(("blamed", "decision"), [(True, "auto"), (False, "approve")])
def test_a_release_is_taken_back_without_approval_only_if_the_classification_blames_one(
    shop: Desk, make_classification: Make[Classification], blamed: bool, decision: str
) -> None:
    shop.classification = make_classification(is_deployment_related=blamed)

    assert planned(shop)[0].decision == decision


def test_the_trail_names_the_place_and_both_releases(shop: Desk) -> None:
    planned(shop)

    ((_, facts),) = shop.store.told(shop.incident.incident_id)

    assert facts["targets"] == ["shop/live"]
    assert facts["documents"] == ["from v2 back to v1"]


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"risk": "safe"}, "write disruptive or destructive"),
        ({"risk": "read_only"}, "write disruptive or destructive"),
        ({"resolves_within": None}, "add the time in which the alert must resolve"),
        ({"verify": {"run": "true", "within": "1m"}}, "`verify` is about hosts"),
        ({"target": "hosts"}, "`target` is about hosts"),
        ({"guard_alarm": "x"}, "`guard_alarm` is about hosts"),
        ({"rollback": [{"id": "undo", "run": "undo"}]}, "`rollback` is about hosts"),
        ({"steps": [ROLL_BACK, {"id": "look", "kind": "diagnose", "run": "ls"}]}, "write two runbooks"),
        ({"parameters": {}}, "uses the parameter 'app', but `parameters` does not declare"),
        ({"steps": [{**ROLL_BACK, "application": "shop"}]}, "is read by no step"),
        ({"steps": [{**ROLL_BACK, "deployment_group": "live/other"}]}, "should match pattern"),
        ({"steps": [{**ROLL_BACK, "deployment_group": "*"}]}, "should match pattern"),
        ({"steps": [{**ROLL_BACK, "released_within": "4d"}]}, "out of range"),
        ({"steps": [{**ROLL_BACK, "revision": "v1"}]}, "Extra inputs are not permitted"),
        ({"steps": [{**FLAGS_BACK, "application": "My App"}]}, "should match pattern"),
        ({"steps": [{**FLAGS_BACK, "strategy": "fast!"}]}, "should match pattern"),
    ],
    ids=str,
)
def test_a_wrong_step_that_takes_a_release_back_is_refused_when_the_runbook_is_read(
    release_fields: Make[dict[str, Any]], changes: dict[str, Any], problem: str
) -> None:
    with pytest.raises(ValidationError, match=problem):
        Runbook.model_validate(release_fields(**changes))


def test_a_runbook_for_hosts_that_acts_needs_a_verify_and_takes_no_resolves_within(
    runbook_fields: Make[dict[str, Any]],
) -> None:
    with pytest.raises(ValidationError, match="add `verify` with `run` and `within`"):
        Runbook.model_validate(runbook_fields(verify=None, resolves_within="10m"))
    with pytest.raises(ValidationError, match="remove `resolves_within`"):
        Runbook.model_validate(runbook_fields(resolves_within="10m"))


def test_an_unknown_key_of_the_step_is_named_by_line_and_key(release_fields: Make[dict[str, Any]]) -> None:
    text = yaml.safe_dump(release_fields(steps=[{**ROLL_BACK, "deploymentgroup": "live"}]), sort_keys=False)

    _, (problem,) = catalogue.parse(text, "drain-spool.yaml")

    assert problem.key == "steps.0.deploymentgroup"
    assert text.splitlines()[problem.line - 1].strip() == "deploymentgroup: live"
    assert problem.message == "unknown key; did you mean 'deployment_group'?"
