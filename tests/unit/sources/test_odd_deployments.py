"""Deployments with odd fields: an odd optional field loses nothing else."""

from typing import Any

import pytest

from firstline.models import Deployment
from firstline.sources.deployments import read_deployments
from tests.unit.sources.events import RECEIVED_AT, event
from tests.unit.sources.test_any_payload import paths, replaced

ODD: list[Any] = [None, "", "noon", 7.5, -1, 10**30, True, [], {}, ["a"], {"a": 1}, "x" * 5_000, "\u202e", "0001-01-01"]
NEEDED = {
    "argocd": "app app.metadata app.metadata.name app.status app.status.operationState app.status.operationState.phase",
    "cloudformation-update": "detail detail.stack-id detail.status-details detail.status-details.status",
    "codedeploy-failure": "detail detail.application detail.state",
    "codedeploy-start": "detail detail.application detail.state",
    "codepipeline": "detail detail.pipeline detail.state",
    "ecs": "resources resources.0 detail detail.eventName",
    "github-deployment-status": "deployment_status deployment_status.state deployment repository repository.name",
    "github-workflow-run": "workflow_run workflow_run.conclusion repository repository.name",
    "gitlab-deployment": "status project project.path_with_namespace",
    "gitlab-pipeline": (
        "object_attributes project project.path_with_namespace builds builds.1 builds.1.status builds.1.environment"
    ),
    "request": "service version",
}
"""The fields of each example that name the sender, the service and the state: they are never replaced."""
MARKS = {"", "detail-type", "object_kind"}
"""The fields of any example by which its sender is recognised."""


def read(payload: Any) -> list[Deployment]:
    return read_deployments(payload, headers={}, received_at=RECEIVED_AT).deployments


@pytest.mark.parametrize("name", NEEDED)
def test_a_deployment_with_an_odd_optional_field_keeps_service_and_state_and_is_not_in_the_future(name: str) -> None:
    payload = event(f"deployments/{name}")
    (expected,) = read(payload)
    needed = MARKS | set(NEEDED[name].split())
    for path in paths(payload):
        if ".".join(map(str, path)) in needed:
            continue
        for odd in ODD:
            found = next((each for each in read(replaced(payload, path, odd)) if each.state == expected.state), None)
            assert found is not None, (path, odd)
            assert found.service == expected.service, (path, odd)
            assert found.deployed_at <= RECEIVED_AT, (path, odd)


def test_a_completed_workflow_run_without_a_conclusion_is_no_deployment() -> None:
    run = event("deployments/github-workflow-run")
    run["workflow_run"] |= {"status": "completed", "conclusion": None}

    assert read(run) == []
    run["workflow_run"]["status"] = "in_progress"
    assert [found.state for found in read(run)] == ["in_progress"]


def test_a_repository_without_a_short_name_gives_the_end_of_its_full_name() -> None:
    payload = event("deployments/github-deployment-status")
    payload["repository"] = {"full_name": "example/checkout"}

    assert read(payload)[0].service == "checkout"


@pytest.mark.parametrize("action", ["prepare", "stop", "verify", "access"])
def test_a_gitlab_job_that_does_not_start_its_environment_is_no_deployment(action: str) -> None:
    payload = event("deployments/gitlab-pipeline")
    for job in payload["builds"]:
        job["environment"] = {"name": "production", "action": action}

    assert read(payload) == []


def test_the_version_of_an_argo_application_of_several_sources_joins_their_revisions() -> None:
    payload = event("deployments/argocd")
    payload["app"]["spec"] = {"sources": [{"targetRevision": "main"}, {"targetRevision": "1.2.0"}]}
    revisions = ["bcbb5ec396a2aaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "1.2.0"]
    payload["app"]["status"]["operationState"]["syncResult"] = {"revision": "", "revisions": revisions}

    assert read(payload)[0].version == "bcbb5ec396a2+1.2.0"
