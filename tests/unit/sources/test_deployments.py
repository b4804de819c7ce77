"""Tests of deployments from each sender's webhook and from EventBridge: fields, states, errors and authentication."""

import hmac
import json
from base64 import b64encode
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firstline.errors import Unauthenticated, UnreadablePayload
from firstline.models import Deployment
from firstline.sources.authentication import Request
from firstline.sources.deployments import (
    authenticate,
    deployment_from_event,
    deployment_from_request,
    is_deployment_event,
    read_deployments,
)
from firstline.sources.deployments.states import NOTHING, STATES, state_of
from tests.unit.sources.events import RECEIVED_AT, event, raw

AT = datetime(2026, 2, 11, 7, 0, tzinfo=UTC)
SECRET, OTHER = "s3cret-of-deployments", "an-older-one"
GITHUB = {"x-github-event": "deployment_status"}
RUN = {"x-github-event": "workflow_run"}


def _one(payload: Any, headers: dict[str, str] | None = None) -> Deployment:
    """Return the only deployment in a body of `POST /deployments`."""
    report = read_deployments(payload, headers=headers or {}, received_at=RECEIVED_AT)
    assert not report.ignored
    (found,) = report.deployments
    return found


def _of_event(payload: Any) -> Deployment | None:
    return deployment_from_event(payload, received_at=RECEIVED_AT)


def _ignored(payload: Any, headers: dict[str, str] | None = None) -> str:
    """Return the reason why a body of `POST /deployments` holds no deployment."""
    report = read_deployments(payload, headers=headers or {}, received_at=RECEIVED_AT)
    assert not report.deployments
    (reason,) = report.ignored
    return reason


def _with(name: str, *path: str, value: Any) -> Any:
    """Return an example payload with another value at a path."""
    payload = event(f"deployments/{name}")
    place = payload
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = value
    return payload


# --- the senders ------------------------------------------------------------------------------------------------------


def test_a_deployment_status_of_github_is_read_in_full() -> None:
    assert _one(event("deployments/github-deployment-status"), GITHUB) == Deployment(
        service="checkout",
        version="main@3f2a1b9c0d1e",
        environment="production",
        deployed_at=AT,
        url="https://github.com/example/checkout/actions/runs/8123/job/1",
        state="succeeded",
    )


def test_github_is_recognized_in_a_form_and_without_its_header() -> None:
    payload = event("deployments/github-deployment-status")
    assert _one({"payload": json.dumps(payload)}, GITHUB) == _one(payload, GITHUB) == _one(payload)
    run = event("deployments/github-workflow-run")
    assert _one(run, RUN) == _one(run)


def test_a_github_workflow_that_is_named_like_a_deployment_is_read_in_full() -> None:
    assert _one(event("deployments/github-workflow-run"), RUN) == Deployment(
        service="checkout",
        version="v2.31.0@3f2a1b9c0d1e",
        deployed_at=AT,
        url="https://github.com/example/checkout/actions/runs/8124",
        state="failed",
    )


@pytest.mark.parametrize("payload", [{"service": "mail"}, '{"service": "mail"}'])
def test_the_service_in_the_payload_of_a_github_deployment_is_preferred_to_the_repository(payload: Any) -> None:
    assert _one(_with("github-deployment-status", "deployment", "payload", value=payload), GITHUB).service == "mail"


def test_a_deployment_event_of_gitlab_is_read_in_full() -> None:
    assert _one(event("deployments/gitlab-deployment")) == Deployment(
        service="checkout",
        version="main@279484c0",
        environment="production",
        deployed_at=AT,
        url="https://gitlab.example.com/shop/checkout/-/jobs/796",
        state="in_progress",
    )


def test_only_the_job_of_a_gitlab_pipeline_that_deploys_to_an_environment_is_a_deployment() -> None:
    assert _one(event("deployments/gitlab-pipeline")) == Deployment(
        service="checkout",
        version="v2.31.0@bcbb5ec396a2",
        environment="production",
        deployed_at=AT,
        url="https://gitlab.example.com/shop/checkout/-/pipelines/31",
        state="failed",
    )


def test_an_application_of_argo_cd_is_read_inside_app_and_by_itself() -> None:
    payload = event("deployments/argocd")
    expected = Deployment(
        service="checkout",
        version="main@bcbb5ec396a2",
        environment="production",
        deployed_at=AT,
        state="succeeded",
    )
    assert _one(payload) == expected
    assert _one(payload["app"]) == expected.model_copy(update={"environment": None})


@pytest.mark.parametrize(
    ("name", "service", "version", "state"),
    [
        ("codedeploy-start", "checkout", "d-123456789", "in_progress"),
        ("codedeploy-failure", "checkout", "d-123456789", "failed"),
        ("codepipeline", "checkout", "0f1e2d3c-0000-4000-8000-000000000005", "succeeded"),
        ("ecs", "checkout", "4417", "succeeded"),
        ("cloudformation-update", "checkout-prod", "release-2026-02-11", "succeeded"),
    ],
)
def test_an_event_of_aws_gives_the_same_deployment_through_eventbridge_and_webhook(
    name: str, service: str, version: str, state: str
) -> None:
    payload = event(f"deployments/{name}")
    found = _of_event(payload)
    assert found is not None
    assert (found.service, found.version, found.state) == (service, version, state)
    assert found.deployed_at.isoformat().replace("+00:00", "Z") == payload["time"]
    assert _one(payload) == found


def test_an_event_of_codedeploy_is_read_in_full() -> None:
    assert _of_event(event("deployments/codedeploy-start")) == Deployment(
        service="checkout",
        version="d-123456789",
        environment="production",
        deployed_at=datetime(2026, 2, 11, 8, 0, 5, tzinfo=UTC),
        url="https://eu-west-1.console.aws.amazon.com/codesuite/codedeploy/deployments/d-123456789?region=eu-west-1",
        state="in_progress",
    )


def test_the_service_is_read_from_an_old_ecs_arn_without_the_cluster() -> None:
    arn = "arn:aws:ecs:eu-west-1:210987654321:service/checkout"
    found = _of_event(_with("ecs", "resources", value=[arn]))
    assert found is not None
    assert found.service == "checkout"


def test_the_version_of_a_stack_event_without_a_request_token_is_the_events_id() -> None:
    payload = event("deployments/cloudformation-update")
    del payload["detail"]["client-request-token"]
    found = _of_event(payload)
    assert found is not None
    assert found.version == payload["id"]


def test_an_action_of_codepipeline_is_a_deployment_only_in_the_category_deploy() -> None:
    payload = event("deployments/codepipeline") | {"detail-type": "CodePipeline Action Execution State Change"}
    payload["detail"] |= {"stage": "Prod", "action": "Deploy", "type": {"category": "Build", "provider": "CodeBuild"}}
    assert _of_event(payload) is None
    payload["detail"]["type"] = {"category": "Deploy", "provider": "ECS"}
    assert _of_event(payload) is not None


# --- states -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("payload", "headers", "state"),
    [
        (_with("github-deployment-status", "deployment_status", "state", value="in_progress"), GITHUB, "in_progress"),
        (_with("github-deployment-status", "deployment_status", "state", value="failure"), GITHUB, "failed"),
        (_with("github-deployment-status", "deployment_status", "state", value="error"), GITHUB, "failed"),
        (_with("github-deployment-status", "deployment", "task", value="deploy:rollback"), GITHUB, "rolled_back"),
        (
            _with("github-deployment-status", "deployment_status", "description", value="Reverted"),
            GITHUB,
            "rolled_back",
        ),
        (_with("github-workflow-run", "workflow_run", "conclusion", value="success"), RUN, "succeeded"),
        (_with("github-workflow-run", "workflow_run", "conclusion", value="timed_out"), RUN, "failed"),
        (_with("gitlab-deployment", "status", value="success"), {}, "succeeded"),
        (_with("gitlab-deployment", "status", value="failed"), {}, "failed"),
        (_with("gitlab-deployment", "status", value="canceled"), {}, "failed"),
        (_with("argocd", "app", "status", "operationState", "phase", value="Running"), {}, "in_progress"),
        (_with("argocd", "app", "status", "operationState", "phase", value="Error"), {}, "failed"),
        (_with("codedeploy-start", "detail", "state", value="STOP"), {}, "failed"),
        (_with("codepipeline", "detail", "state", value="STARTED"), {}, "in_progress"),
        (_with("codepipeline", "detail", "state", value="FAILED"), {}, "failed"),
        (
            _with("codepipeline", "detail", "execution-trigger", value={"trigger-type": "AutomatedRollback"}),
            {},
            "rolled_back",
        ),
        (_with("ecs", "detail", "eventName", value="SERVICE_DEPLOYMENT_FAILED"), {}, "failed"),
        (_with("ecs", "detail", "reason", value="circuit breaker: rolling back to ecs-svc/1"), {}, "rolled_back"),
        *(
            (_with("cloudformation-update", "detail", "status-details", "status", value=status), {}, state)
            for status, state in {
                "CREATE_IN_PROGRESS": "in_progress",
                "UPDATE_IN_PROGRESS": "in_progress",
                "UPDATE_FAILED": "failed",
                "UPDATE_ROLLBACK_IN_PROGRESS": "failed",
                "UPDATE_ROLLBACK_FAILED": "failed",
                "UPDATE_ROLLBACK_COMPLETE": "rolled_back",
                "ROLLBACK_COMPLETE": "rolled_back",
            }.items()
        ),
        ({"service": "a", "version": "1", "status": "Rolled Back"}, {}, "rolled_back"),
        ({"service": "a", "version": "1", "state": "OK"}, {}, "succeeded"),
        ({"service": "a", "version": "1", "result": "ABORTED"}, {}, "failed"),
        ({"service": "a", "version": "1"}, {}, None),
        ({"service": "a", "version": "1", "status": "a word of next year"}, {}, None),
    ],
)
def test_each_senders_word_gives_the_state_of_the_deployment(
    payload: Any, headers: dict[str, str], state: str | None
) -> None:
    assert _one(payload, headers).state == state


@pytest.mark.parametrize(
    ("payload", "headers"),
    [
        *(
            (_with("github-deployment-status", "deployment_status", "state", value=state), GITHUB)
            for state in ("queued", "pending", "waiting", "inactive", "a word of next year", None)
        ),
        *(
            (_with("github-workflow-run", "workflow_run", "conclusion", value=conclusion), RUN)
            for conclusion in ("skipped", "neutral", "action_required", "stale")
        ),
        (event("deployments/github-workflow-run") | {"workflow_run": {"name": "CI", "conclusion": "success"}}, RUN),
        ({"zen": "Keep it logically awesome.", "hook_id": 1}, {"x-github-event": "ping"}),
        ({"action": "created", "deployment": {"id": 1}}, {"x-github-event": "deployment"}),
        (_with("gitlab-deployment", "status", value="created"), {}),
        (_with("gitlab-pipeline", "builds", value=[]), {}),
        ({"object_kind": "push", "ref": "refs/heads/main"}, {}),
        (_with("argocd", "app", "status", "operationState", "phase", value="a phase of next year"), {}),
        (_with("codedeploy-start", "detail", "state", value="READY"), {}),
        (_with("codepipeline", "detail", "state", value="SUPERSEDED"), {}),
        (_with("ecs", "detail", "eventName", value="SERVICE_STEADY_STATE"), {}),
        (_with("cloudformation-update", "detail", "status-details", value=None), {}),
        (_with("cloudformation-update", "detail", "status-details", value={"status": "DELETE_COMPLETE"}), {}),
        ({"service": "a", "version": "1", "status": "pending"}, {}),
    ],
)
def test_a_message_about_no_change_is_ignored_with_a_reason(payload: Any, headers: dict[str, str]) -> None:
    assert _ignored(payload, headers)


def test_only_the_letters_of_a_states_word_count() -> None:
    assert {state_of(word) for word in ("in_progress", "In-Progress", "IN PROGRESS", "inProgress")} == {"in_progress"}
    assert state_of(None) is state_of(7) is state_of("") is None


def test_a_rollback_that_waits_or_failed_has_rolled_nothing_back() -> None:
    assert state_of("pending", "rollback") == NOTHING
    assert state_of("failed", "rollback") == "failed"


def test_every_word_for_a_state_means_one_of_the_five_states() -> None:
    assert set(STATES.values()) == {"in_progress", "succeeded", "failed", "rolled_back", NOTHING}


# --- odd fields -------------------------------------------------------------------------------------------------------


def test_a_deployment_in_firstlines_own_form_is_read_in_full() -> None:
    assert deployment_from_request(event("deployments/request"), received_at=RECEIVED_AT) == Deployment(
        service="checkout",
        version="v2.31.0",
        environment="production",
        deployed_at=AT,
        url="https://github.com/example/checkout/actions/runs/42",
    )


def test_service_and_version_are_enough_and_the_time_is_then_that_of_receipt() -> None:
    assert _one({"service": "checkout", "version": 42}) == Deployment(
        service="checkout", version="42", deployed_at=RECEIVED_AT
    )


def test_a_deployment_in_the_future_gets_the_time_of_receipt() -> None:
    later = (RECEIVED_AT + timedelta(hours=1)).isoformat()
    assert _one({"service": "checkout", "version": 42, "time": later}).deployed_at == RECEIVED_AT


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ([], "an object"),
        (None, "an object"),
        ({}, "has no `service`"),
        ({"service": "checkout"}, "has no `version`"),
        ({"service": "checkout", "version": ""}, "has no `version`"),
        ({"service": {}, "version": "1"}, "has no `service`"),
        (_with("github-deployment-status", "repository", value=None), "has no `service`"),
        (_with("gitlab-deployment", "project", value={}), "has no `service`"),
        (_with("ecs", "resources", value=[]), "has no `service`"),
        (_with("ecs", "resources", value=None), "has no `service`"),
        ({"service": "checkout", "version": "<no value>"}, "has no `version`"),
        (_with("ecs", "detail", value=None), "the event has no `detail` object"),
        ({"payload": "{"}, "not JSON"),
    ],
)
def test_the_error_for_a_missing_field_names_the_field(body: Any, reason: str) -> None:
    with pytest.raises(UnreadablePayload, match=reason):
        read_deployments(body, headers={}, received_at=RECEIVED_AT)


def test_a_secret_in_the_url_of_a_deployment_is_removed() -> None:
    found = _one({"service": "checkout", "version": "1", "url": "https://ci.example.com/1?token=hunter22hunter22"})
    assert "hunter22" not in str(found.url)


@pytest.mark.parametrize("name", ["cloudwatch/eventbridge-alarm", "generic/firing"])
def test_an_alarm_or_an_alert_is_no_deployment_event(name: str) -> None:
    assert not is_deployment_event(event(name))
    assert _of_event(event(name)) is None


def test_a_stored_deployment_with_an_unknown_or_missing_state_has_no_state() -> None:
    stored = Deployment(service="a", version="1", deployed_at=AT, state="failed").model_dump() | {"state": "paused"}
    assert Deployment.from_stored(stored).state is None
    del stored["state"]
    assert Deployment.from_stored(stored).state is None


# --- authentication ---------------------------------------------------------------------------------------------------


def _request(headers: dict[str, str], body: bytes = b"{}") -> Request:
    return Request("deployments", headers, body, [OTHER, SECRET], RECEIVED_AT)


def _signature(body: bytes, secret: str = SECRET) -> str:
    return "sha256=" + hmac.digest(secret.encode(), body, "sha256").hex()


@pytest.mark.parametrize(
    "headers",
    [
        {"x-hub-signature-256": _signature(b"{}")},
        {"x-hub-signature-256": _signature(b"{}", OTHER)},
        {"x-gitlab-token": SECRET},
        {"authorization": f"Bearer {SECRET}"},
        {"authorization": "Basic " + b64encode(f"argo:{SECRET}".encode()).decode()},
        {"x-firstline-token": SECRET},
    ],
)
def test_each_senders_signature_or_token_is_accepted(headers: dict[str, str]) -> None:
    authenticate(_request(headers))


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"x-hub-signature-256": ""},
        {"x-hub-signature-256": _signature(b"{} ")},
        {"x-hub-signature-256": _signature(b"{}", "wrong")},
        {"x-hub-signature-256": _signature(b"{}").removesuffix("0") + "x"},
        {"x-hub-signature-256": SECRET},
        {"x-hub-signature": "sha1=" + hmac.digest(SECRET.encode(), b"{}", "sha1").hex()},
        {"x-gitlab-token": "wrong"},
        {"x-gitlab-token": ""},
        {"x-gitlab-token": "é"},
        {"authorization": "Bearer wrong"},
        {"authorization": SECRET},
        {"x-github-event": "deployment_status"},
    ],
)
def test_a_missing_or_wrong_signature_or_token_is_refused(headers: dict[str, str]) -> None:
    with pytest.raises(Unauthenticated) as refused:
        authenticate(_request(headers))
    assert SECRET not in str(refused.value)


def test_githubs_signature_is_refused_for_a_changed_body() -> None:
    body = raw("deployments/github-deployment-status")
    headers = {"x-hub-signature-256": _signature(body)}
    authenticate(_request(headers, body))
    with pytest.raises(Unauthenticated):
        authenticate(_request(headers, body.replace(b"checkout", b"payments")))


# --- any payload ------------------------------------------------------------------------------------------------------

NAMES = ("github-deployment-status", "github-workflow-run", "gitlab-deployment", "gitlab-pipeline", "argocd", "ecs")
ANYTHING = (
    st.none() | st.booleans() | st.integers() | st.text() | st.lists(st.none()) | st.dictionaries(st.text(), st.none())
)


@given(name=st.sampled_from(NAMES), data=st.data())
def test_an_example_with_any_value_replaced_is_a_deployment_ignored_or_refused(name: str, data: st.DataObject) -> None:
    payload = event(f"deployments/{name}")
    place = payload
    while True:
        key = data.draw(st.sampled_from(sorted(place)))
        if not isinstance(place[key], dict) or not place[key] or data.draw(st.booleans()):
            break
        place = place[key]
    place[key] = data.draw(ANYTHING)
    try:
        report = read_deployments(payload, headers={}, received_at=RECEIVED_AT)
    except UnreadablePayload:
        return
    assert report.deployments or report.ignored
