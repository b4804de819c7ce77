"""Deployments, as CI/CD reports them with `POST /deployments`, and CodeDeploy and CloudFormation with events.

A change that went out is the first suspect when an alert follows it.
"""

from datetime import datetime
from typing import Any

from pydantic import ValidationError

from firstline.errors import UnreadablePayload
from firstline.models import Deployment
from firstline.privacy import redact_secrets
from firstline.privacy.alerts import link_without_secrets
from firstline.sources import values

_CODE_DEPLOY = "CodeDeploy Deployment State-change Notification"
_CLOUD_FORMATION = "CloudFormation Stack Status Change"

# Both ends of a change count: alerts may come while it goes out, or hours after a slow one began.
_CODE_DEPLOY_STATES = ("START", "SUCCESS")
_STACK_STATUSES = (
    *("CREATE_IN_PROGRESS", "CREATE_COMPLETE", "UPDATE_IN_PROGRESS", "UPDATE_COMPLETE", "UPDATE_ROLLBACK_COMPLETE"),
)


def is_deployment_event(event: Any) -> bool:
    """Return True if an EventBridge event is of a kind that reports deployments."""
    return type(event) is dict and event.get("detail-type") in (_CODE_DEPLOY, _CLOUD_FORMATION)


def deployment_from_event(event: Any) -> Deployment | None:
    """Return the deployment that an EventBridge event reports, or None if it reports no change.

    CodeDeploy's start and success count, and a CloudFormation stack that is created, updated or rolled back.

    Raises
    ------
    UnreadablePayload
        The event is of the right kind, and something is missing in it.
    """
    if not is_deployment_event(event):
        return None
    detail = event.get("detail")
    if type(detail) is not dict:
        raise UnreadablePayload(f"{event['detail-type']}: no `detail`")
    at = values.moment(event.get("time"))
    if at is None:
        raise UnreadablePayload(f"{event['detail-type']}: no `time`")
    return _of_code_deploy(event, detail, at) if event["detail-type"] == _CODE_DEPLOY else _of_stack(event, detail, at)


def deployment_from_request(payload: Any, *, received_at: datetime) -> Deployment:
    """Read the deployment in the body of `POST /deployments`.

    `service` and `version` must be there; `environment`, `time` (ISO 8601 or since 1970; by default now) and `url`
    may be. `received_at` is aware.

    Raises
    ------
    UnreadablePayload
        The message names the field.
    """
    if type(payload) is not dict:
        raise UnreadablePayload("a deployment is an object with `service` and `version`")
    time = payload.get("time")
    at = received_at if time is None else values.moment(time)
    if at is None:
        raise UnreadablePayload(f"a deployment's `time` is no time: {values.quoted(time)}; write 2026-01-31T12:00:00Z")
    url = payload.get("url")
    if url is not None and values.url(url) is None:
        raise UnreadablePayload(f"a deployment's `url` is no http(s) address: {values.quoted(url)}")
    return _deployment(payload.get("service"), payload.get("version"), payload.get("environment"), at, url)


def _of_code_deploy(event: dict[str, Any], detail: dict[str, Any], at: datetime) -> Deployment | None:
    if detail.get("state") not in _CODE_DEPLOY_STATES:
        return None
    region, deployment_id = detail.get("region") or event.get("region"), detail.get("deploymentId")
    url = f"https://{region}.console.aws.amazon.com/codesuite/codedeploy/deployments/{deployment_id}?region={region}"
    return _deployment(detail.get("application"), deployment_id, detail.get("deploymentGroup"), at, url)


def _of_stack(event: dict[str, Any], detail: dict[str, Any], at: datetime) -> Deployment | None:
    status_details = detail.get("status-details")
    if type(status_details) is not dict or status_details.get("status") not in _STACK_STATUSES:
        return None
    parts = str(detail.get("stack-id") or "").split("/")
    # One change has one token; without one, the event's id still tells two changes apart.
    version = detail.get("client-request-token") or event.get("id")
    return _deployment(parts[1] if len(parts) > 1 else None, version, None, at, None)


def _deployment(service: Any, version: Any, environment: Any, at: datetime, url: str | None) -> Deployment:
    service, version = values.name(service), values.name(version)
    if service is None or version is None:
        missing = "service" if service is None else "version"
        raise UnreadablePayload(f"a deployment without `{missing}`; it needs `service` and `version`")
    try:
        return Deployment(
            service=redact_secrets(service),
            version=redact_secrets(version),
            environment=redact_secrets(values.name(environment) or "") or None,
            deployed_at=at,
            url=link_without_secrets(values.url(url)),
        )
    except ValidationError as error:
        wrong = "; ".join(f"{e['loc'][0]}: {e['msg']}" for e in error.errors(include_input=False))
        raise UnreadablePayload(f"a deployment: {wrong}") from None
