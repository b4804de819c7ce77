"""Tests of the front door for deployments, from CI/CD with each sender's authentication and from EventBridge."""

import hmac
import json
from pathlib import Path
from typing import Any

import pytest

from firstline.sources.deployments import aws
from firstline.sources.notices.events import DEPLOYMENTS
from tests.unit.ingest.behind_the_door import TOKEN, TOPIC, World, handle, post

EVENTS = Path(__file__).parents[2] / "events"


@pytest.fixture
def world() -> World:
    return World()


def test_a_deployment_of_github_is_recorded_only_with_a_valid_signature(world: World) -> None:
    body = (EVENTS / "deployments" / "github-deployment-status.json").read_bytes()
    signature = "sha256=" + hmac.digest(TOKEN.encode(), body, "sha256").hex()
    headers = {"X-GitHub-Event": "deployment_status", "X-Hub-Signature-256": signature}

    assert post(world, "/deployments", body + b" ", token=None, **headers)[0] == 401
    assert post(world, "/deployments", body, token=None, **headers) == (
        202,
        {"status": "recorded", "service": "checkout", "version": "main@3f2a1b9c0d1e", "state": "succeeded"},
    )


def test_a_ping_of_github_is_ignored(world: World) -> None:
    signature = "sha256=" + hmac.digest(TOKEN.encode(), b"{}", "sha256").hex()
    headers = {"X-GitHub-Event": "ping", "X-Hub-Signature-256": signature}

    status, answer = post(world, "/deployments", b"{}", token=None, **headers)

    assert (status, answer["status"]) == (202, "ignored")


def test_every_deployment_in_a_pipeline_of_gitlab_is_recorded(world: World) -> None:
    body = json.loads((EVENTS / "deployments" / "gitlab-pipeline.json").read_text())
    _build, _production, staging, _end_of_review = body["builds"]
    staging["status"] = "running"  # in the file it waits for a person, so that it is no deployment yet

    assert post(world, "/deployments", body, token=None, **{"X-Gitlab-Token": TOKEN})[0] == 202
    assert {deployment.environment for deployment in world.saved} == {"production", "staging"}


def test_every_deployment_gets_401_if_no_secret_is_set(world: World) -> None:
    world.secrets["sources/deployments"] = ()

    assert post(world, "/deployments", {"service": "a", "version": "1"})[0] == 401


def deployed(name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((EVENTS / "deployments" / f"{name}.json").read_text())
    return found


@pytest.mark.parametrize("name", ["codepipeline", "codedeploy-start"])
def test_a_running_or_successful_deployment_from_eventbridge_is_recorded_and_no_alert(name: str, world: World) -> None:
    handle(world, deployed(name))

    assert [deployment.service for deployment in world.saved] == ["checkout"]
    assert not world.alerts


@pytest.mark.parametrize(
    ("name", "detail", "state", "alert_name"),
    [
        ("codedeploy-failure", {}, "failed", "Deployment of checkout FAILURE"),
        ("codepipeline", {"state": "FAILED"}, "failed", "Pipeline of checkout-pipeline FAILED"),
        (
            "ecs",
            {"eventName": "SERVICE_DEPLOYMENT_FAILED", "eventType": "ERROR"},
            "failed",
            "ECS: SERVICE_DEPLOYMENT_FAILED",
        ),
        (
            "cloudformation-update",
            {"status-details": {"status": "UPDATE_ROLLBACK_COMPLETE"}},
            "rolled_back",
            "CloudFormation: checkout-prod is UPDATE_ROLLBACK_COMPLETE",
        ),
    ],
)
def test_a_failed_deployment_from_eventbridge_is_recorded_and_an_alert(
    name: str, detail: dict[str, Any], state: str, alert_name: str, world: World
) -> None:
    event = deployed(name)
    event["detail"] |= detail

    handle(world, event)

    assert [deployment.state for deployment in world.saved] == [state]
    (alert,) = world.alerts
    assert (alert.alert_name, alert.status, alert.labels["recorded_as"]) == (alert_name, "firing", "deployment")


def test_a_failed_deployment_from_a_topic_has_no_label_that_suppresses_it(world: World) -> None:
    notification = {"Type": "Notification", "TopicArn": TOPIC, "Message": json.dumps(deployed("codedeploy-failure"))}

    handle(world, {"Records": [{"EventSource": "aws:sns", "Sns": notification}]})

    assert "recorded_as" not in world.alerts[0].labels


def test_an_event_of_a_deployment_that_cannot_be_recorded_is_still_an_alert(world: World) -> None:
    handle(world, deployed("codedeploy-failure") | {"detail": None})

    assert not world.saved
    assert [alert.status for alert in world.alerts] == ["firing"]


def test_the_events_that_are_recorded_as_deployments_are_those_that_alerts_mark_as_deployments() -> None:
    assert set(aws._READERS) == DEPLOYMENTS
