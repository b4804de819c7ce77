"""The front door: deployments of each sender, with its own proof, and events of AWS."""

import hmac
import json
from pathlib import Path

import pytest

from tests.unit.ingest.behind_the_door import TOKEN, World, handle, post

EVENTS = Path(__file__).parents[2] / "events"


@pytest.fixture
def world() -> World:
    return World()


def test_a_deployment_of_github_is_recorded_with_its_signature(world: World) -> None:
    body = (EVENTS / "deployments" / "github-deployment-status.json").read_bytes()
    signature = "sha256=" + hmac.digest(TOKEN.encode(), body, "sha256").hex()
    headers = {"X-GitHub-Event": "deployment_status", "X-Hub-Signature-256": signature}

    assert post(world, "/deployments", body + b" ", token=None, **headers)[0] == 401
    assert post(world, "/deployments", body, token=None, **headers) == (
        202,
        {"status": "recorded", "service": "checkout", "version": "main@3f2a1b9c0d1e", "state": "succeeded"},
    )
    ping = hmac.digest(TOKEN.encode(), b"{}", "sha256").hex()
    status, answer = post(
        world, "/deployments", b"{}", token=None, **{"X-GitHub-Event": "ping", "X-Hub-Signature-256": f"sha256={ping}"}
    )
    assert (status, answer["status"]) == (202, "ignored")


def test_each_deployment_of_a_pipeline_is_recorded(world: World) -> None:
    body = json.loads((EVENTS / "deployments" / "gitlab-pipeline.json").read_text())
    body["builds"][2]["status"] = "running"

    assert post(world, "/deployments", body, token=None, **{"X-Gitlab-Token": TOKEN})[0] == 202
    assert {deployment.environment for deployment in world.saved} == {"production", "staging"}


def test_deployments_without_a_secret_are_closed(world: World) -> None:
    world.secrets["sources/deployments"] = ()

    assert post(world, "/deployments", {"service": "a", "version": "1"})[0] == 401


@pytest.mark.parametrize(
    ("name", "state"), [("codepipeline", "succeeded"), ("ecs", "succeeded"), ("codedeploy-failure", "failed")]
)
def test_events_of_aws_are_recorded(name: str, state: str, world: World) -> None:
    handle(world, json.loads((EVENTS / "deployments" / f"{name}.json").read_text()))

    assert [(deployment.service, deployment.state) for deployment in world.saved] == [("checkout", state)]
    assert not world.alerts
