"""Deployments, from CI/CD's request and from AWS's own events."""

from datetime import UTC, datetime
from typing import Any

import pytest

from firstline.errors import UnreadablePayload
from firstline.models import Deployment
from firstline.sources.deployments import deployment_from_event, deployment_from_request
from tests.unit.sources.events import RECEIVED_AT, event


def test_codedeploy() -> None:
    assert deployment_from_event(event("deployments/codedeploy-start")) == Deployment(
        service="checkout",
        version="d-123456789",
        environment="production",
        deployed_at=datetime(2026, 2, 11, 8, 0, 5, tzinfo=UTC),
        url="https://eu-west-1.console.aws.amazon.com/codesuite/codedeploy/deployments/d-123456789?region=eu-west-1",
    )


def test_cloudformation() -> None:
    assert deployment_from_event(event("deployments/cloudformation-update")) == Deployment(
        service="checkout-prod",
        version="release-2026-02-11",
        deployed_at=datetime(2026, 2, 11, 8, 5, tzinfo=UTC),
    )


@pytest.mark.parametrize(
    ("status", "counts"),
    [
        ("CREATE_IN_PROGRESS", True),
        ("UPDATE_IN_PROGRESS", True),
        ("UPDATE_ROLLBACK_COMPLETE", True),
        ("UPDATE_COMPLETE_CLEANUP_IN_PROGRESS", False),
        ("DELETE_COMPLETE", False),
        (None, False),
    ],
)
def test_which_statuses_of_a_stack_count(status: str | None, counts: bool) -> None:
    payload = event("deployments/cloudformation-update")
    payload["detail"]["status-details"]["status"] = status

    assert (deployment_from_event(payload) is not None) is counts


def test_a_stack_without_a_token_is_known_by_the_event() -> None:
    payload = event("deployments/cloudformation-update")
    del payload["detail"]["client-request-token"]

    deployment = deployment_from_event(payload)

    assert deployment is not None
    assert deployment.version == payload["id"]


@pytest.mark.parametrize("name", ["deployments/codedeploy-failure", "cloudwatch/eventbridge-alarm", "generic/firing"])
def test_what_is_no_deployment(name: str) -> None:
    assert deployment_from_event(event(name)) is None


@pytest.mark.parametrize("change", [{"time": None}, {"detail": None}, {"detail": {"state": "START"}}])
def test_an_event_with_something_missing(change: dict[str, Any]) -> None:
    with pytest.raises(UnreadablePayload):
        deployment_from_event(event("deployments/codedeploy-start") | change)


def test_a_request() -> None:
    assert deployment_from_request(event("deployments/request"), received_at=RECEIVED_AT) == Deployment(
        service="checkout",
        version="v2.31.0",
        environment="production",
        deployed_at=datetime(2026, 2, 11, 7, 0, tzinfo=UTC),
        url="https://github.com/example/checkout/actions/runs/42",
    )


def test_the_least_that_a_request_needs() -> None:
    request = {"service": "checkout", "version": 42}

    assert deployment_from_request(request, received_at=RECEIVED_AT) == Deployment(
        service="checkout", version="42", deployed_at=RECEIVED_AT
    )


@pytest.mark.parametrize(
    ("request_body", "reason"),
    [
        ([], "an object"),
        (None, "an object"),
        ({}, "without `service`"),
        ({"service": "checkout"}, "without `version`"),
        ({"service": "checkout", "version": ""}, "without `version`"),
        ({"service": {}, "version": "1"}, "without `service`"),
        ({"service": "checkout", "version": "1", "time": "noon"}, "`time` is no time: 'noon'"),
        ({"service": "checkout", "version": "1", "time": ""}, "`time`"),
        ({"service": "checkout", "version": "1", "url": "ftp://x"}, "`url`"),
    ],
)
def test_a_request_that_makes_no_sense(request_body: Any, reason: str) -> None:
    with pytest.raises(UnreadablePayload, match=reason):
        deployment_from_request(request_body, received_at=RECEIVED_AT)
