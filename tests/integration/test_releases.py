"""Releases of CodeDeploy and AppConfig, read over HTTP from the stand-ins, and the stand-ins themselves."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from firstline.adapters.aws.releases import ReleaseRecords
from firstline.errors import ReleasesUnreadable
from local.emulator.cloud import Cloud
from local.emulator.releases import Course, Releases
from local.emulator.server import Server

HOUR = timedelta(hours=1)


@pytest.fixture
def served() -> Iterator[tuple[Releases, Any, Any]]:
    """Serve the stand-ins, with a client for each service."""
    cloud = Cloud()
    cloud.releases = Releases()
    server = Server(cloud)
    server.start()

    def client(service: str) -> Any:
        return boto3.session.Session().client(
            service,  # type: ignore[call-overload]
            region_name="eu-west-1",
            endpoint_url=server.url,
            aws_access_key_id="local",
            aws_secret_access_key="local",
            config=Config(retries={"total_max_attempts": 1}),
        )

    yield cloud.releases, client("codedeploy"), client("appconfig")
    server.close()


@pytest.fixture
def releases(served: tuple[Releases, Any, Any]) -> Releases:
    return served[0]


@pytest.fixture
def records(served: tuple[Releases, Any, Any]) -> ReleaseRecords:
    return ReleaseRecords(lambda: served[1], lambda: served[2])


def s3(**changes: str) -> dict[str, Any]:
    location = {"bucket": "releases", "key": "shop.zip", "bundleType": "zip", "eTag": '"abc"', **changes}
    return {"revisionType": "S3", "s3Location": location}


def test_a_group_tells_what_was_deployed_the_newest_first(releases: Releases, records: ReleaseRecords) -> None:
    releases.group("shop/live", alarms=["checkout-errors"])
    releases.released("shop/live", s3(version="1"), ago=9 * HOUR)
    releases.released("shop/live", s3(version="2"), ago=2 * HOUR, state="Failed")
    last = releases.released("shop/live", s3(version="1"), ago=HOUR, creator="codeDeployRollback")

    history = records.of_group("shop", "live")

    assert history.latest == last.id
    assert history.alarms == ["checkout-errors"]
    assert [(deployment.state, deployment.rollback) for deployment in history.deployed] == [
        ("good", True),
        ("failed", False),
        ("good", False),
    ]
    assert history.deployed[1].what == "s3://releases/shop.zip (2)"
    assert history.deployed[0].what == history.deployed[2].what != history.deployed[1].what
    assert history.deployed[0].ended_at is not None


def test_a_release_comes_with_the_request_that_deploys_it_again(releases: Releases, records: ReleaseRecords) -> None:
    releases.group("shop/live")
    releases.released("shop/live", s3(version="1"), ago=HOUR)

    (deployed,) = records.of_group("shop", "live").deployed

    assert deployed.request == {
        "DeploymentConfigName": "CodeDeployDefault.OneAtATime",
        "Revision": {
            "RevisionType": "S3",
            "S3Location": {
                "Bucket": "releases",
                "Key": "shop.zip",
                "BundleType": "zip",
                "ETag": '"abc"',
                "Version": "1",
            },
        },
    }


@pytest.mark.parametrize(
    ("revision", "what", "exact"),
    [
        (s3(), "s3://releases/shop.zip (abc)", True),
        (s3(eTag=""), "s3://releases/shop.zip", False),
        (
            {"revisionType": "GitHub", "gitHubLocation": {"repository": "team/shop", "commitId": "0f1e"}},
            "team/shop at 0f1e",
            True,
        ),
        ({"revisionType": "AppSpecContent", "appSpecContent": {}}, "a revision of the kind AppSpecContent", False),
    ],
)
def test_only_an_exact_revision_can_be_deployed_again(
    releases: Releases, records: ReleaseRecords, revision: dict[str, Any], what: str, exact: bool
) -> None:
    releases.group("shop/live")
    releases.released("shop/live", revision, ago=HOUR)

    (deployed,) = records.of_group("shop", "live").deployed

    assert deployed.what == what
    assert (deployed.request is not None) == exact


def test_a_deployment_in_the_state_ready_is_in_progress(releases: Releases, records: ReleaseRecords) -> None:
    releases.group("shop/live")
    releases.released("shop/live", s3(), ago=HOUR, state="Ready")

    assert records.of_group("shop", "live").deployed[0].state == "in progress"


def test_hosts_that_were_added_were_released_nothing_new(releases: Releases, records: ReleaseRecords) -> None:
    """Leave out scalings: each scaling of an Auto Scaling group deploys what is there already."""
    releases.group("shop/live")
    releases.released("shop/live", s3(version="1"), ago=9 * HOUR)
    bad = releases.released("shop/live", s3(version="2"), ago=HOUR)
    for minutes in range(40, 0, -1):
        last = releases.released("shop/live", s3(version="2"), ago=timedelta(minutes=minutes), creator="autoscaling")

    history = records.of_group("shop", "live")

    assert history.deployed[0].deployment == bad.id
    assert len(history.deployed) == 2
    assert history.latest == last.id, "what is looked for again before anything is sent"


@pytest.mark.parametrize("platform", ["ECS", "Lambda"])
def test_only_hosts_can_be_put_back(releases: Releases, records: ReleaseRecords, platform: str) -> None:
    releases.group("shop/live", platform=platform)

    with pytest.raises(
        ReleasesUnreadable, match=f"shop/live is for {platform}; only releases on hosts can be put back"
    ):
        records.of_group("shop", "live")


def test_an_empty_group_was_never_released_to(releases: Releases, records: ReleaseRecords) -> None:
    releases.group("shop/live")

    assert records.of_group("shop", "live").deployed == []


def test_a_group_that_nobody_knows_cannot_be_read(records: ReleaseRecords) -> None:
    with pytest.raises(ReleasesUnreadable, match=r"CodeDeploy does not say what was released to shop/live: .*NotExist"):
        records.of_group("shop", "live")


def test_a_list_that_does_not_begin_with_the_groups_last_deployment_is_not_believed(
    releases: Releases, records: ReleaseRecords
) -> None:
    place = releases.group("shop/live")
    for number in range(120):
        releases.released("shop/live", s3(version=str(number)), ago=(200 - number) * HOUR)
    assert len(records.of_group("shop", "live").deployed) == 100, "as many as are read"
    oldest_first = [deployment.id for deployment in place.deployments]
    releases.operations["ListDeployments"] = lambda _: {"deployments": oldest_first}

    with pytest.raises(ReleasesUnreadable, match="contradict each other"):
        records.of_group("shop", "live")


def test_an_environment_tells_what_was_deployed_of_a_profile(releases: Releases, records: ReleaseRecords) -> None:
    releases.profiles |= {"flags12": "checkout-flags", "other12": "other"}
    releases.environment("app1234/env1234", alarms=["checkout-errors"])
    releases.released("app1234/env1234", ("flags12", "6"), ago=9 * HOUR)
    releases.released("app1234/env1234", ("other12", "1"), ago=8 * HOUR)
    releases.released("app1234/env1234", ("flags12", "7"), ago=HOUR, state="ROLLED_BACK")
    running = releases.released("app1234/env1234", ("other12", "2"), ago=HOUR, state="DEPLOYING")

    history = records.of_configuration("app1234", "env1234", "flags12")

    assert history.latest == history.busy_with == running.id, "of another profile, and in the way all the same"
    assert history.alarms == ["checkout-errors"]
    assert [(deployment.deployment, deployment.what, deployment.state) for deployment in history.deployed] == [
        ("3", "checkout-flags version 7", "taken back"),
        ("1", "checkout-flags version 6", "good"),
    ]
    assert history.deployed[1].request == {"ConfigurationVersion": "6"}


def test_a_profile_that_nobody_knows_cannot_be_read(releases: Releases, records: ReleaseRecords) -> None:
    releases.environment("app1234/env1234")

    with pytest.raises(ReleasesUnreadable, match="AppConfig does not say what was released to app1234/env1234"):
        records.of_configuration("app1234", "env1234", "flags12")


def test_the_stand_ins_take_one_deployment_at_a_time(served: tuple[Releases, Any, Any]) -> None:
    releases, codedeploy, appconfig = served
    releases.profiles["flags12"] = "flags"
    releases.group("shop/live")
    releases.environment("app1234/env1234")
    request = {
        "ApplicationId": "app1234",
        "EnvironmentId": "env1234",
        "ConfigurationProfileId": "flags12",
        "ConfigurationVersion": "6",
        "DeploymentStrategyId": "AppConfig.AllAtOnce",
    }
    codedeploy.create_deployment(applicationName="shop", deploymentGroupName="live", revision=s3())
    appconfig.start_deployment(**request)

    with pytest.raises(codedeploy.exceptions.DeploymentLimitExceededException):
        codedeploy.create_deployment(applicationName="shop", deploymentGroupName="live", revision=s3())
    with pytest.raises(appconfig.exceptions.ConflictException):
        appconfig.start_deployment(**request)
    assert len(releases.sent) == 2


def test_deployments_of_the_emulated_codedeploy_follow_their_scripted_courses(
    served: tuple[Releases, Any, Any],
) -> None:
    releases, codedeploy, _ = served
    releases.group("shop/live")
    releases.script(Course(status="Failed", message="too few hosts", looks=1), Course(refusal=("Throttling", "no")))
    begun = codedeploy.create_deployment(applicationName="shop", deploymentGroupName="live", revision=s3())

    seen = [codedeploy.get_deployment(deploymentId=begun["deploymentId"])["deploymentInfo"] for _ in range(2)]

    assert [deployment["status"] for deployment in seen] == ["InProgress", "Failed"]
    assert seen[1]["errorInformation"]["message"] == "too few hosts"
    with pytest.raises(ClientError, match="Throttling"):
        codedeploy.create_deployment(applicationName="shop", deploymentGroupName="live", revision=s3())
