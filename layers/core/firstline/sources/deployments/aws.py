"""Deployments that AWS reports with EventBridge events, by the event's `detail-type`.

| event | service | version | state |
|---|---|---|---|
| CodeDeploy Deployment State-change Notification | application | deployment id | `state` |
| CodePipeline Pipeline Execution State Change | pipeline, less `-pipeline` | execution id | `state`, trigger |
| CodePipeline Action Execution State Change, of category Deploy | the same | the same | `state` |
| ECS Deployment State Change | the service in the ARN | deployment id | `eventName`, reason |
| CloudFormation Stack Status Change | stack | the request's token | its status |

If an event has no version, its id is used, so that two changes stay apart. A trigger or reason that mentions a rollback
makes the state a rollback. The ECS cluster is not used as the environment, because its name seldom equals the
environment in alerts, and the deployment would then not be matched with them.
"""

import re
from collections.abc import Callable
from datetime import datetime
from typing import Any

from firstline.errors import UnreadablePayload
from firstline.models import Deployment
from firstline.sources import values
from firstline.sources.deployments.report import deployment, moment, part
from firstline.sources.deployments.states import NOTHING, state_of

_CONSOLE = "https://{region}.console.aws.amazon.com/{path}?region={region}"


def is_deployment_event(event: Any) -> bool:
    """Return True if an EventBridge event has a `detail-type` that reports deployments."""
    kind = event.get("detail-type") if type(event) is dict else None
    return isinstance(kind, str) and kind in _READERS


def deployment_from_event(event: Any, *, received_at: datetime) -> Deployment | None:
    """Return the deployment that an EventBridge event reports, or None if it reports no change.

    Both the start and the end of a deployment count, because alerts may begin at any time between them. The
    deployment's time is the event's, or `received_at` if the event has no readable time.

    Raises
    ------
    UnreadablePayload
        The event is about a deployment but does not say what was deployed.
    """
    if not is_deployment_event(event):
        return None
    kind, detail = event["detail-type"], event.get("detail")
    if type(detail) is not dict:
        raise UnreadablePayload(f"{kind}: the event has no `detail` object: forward the event as AWS sends it")
    return _READERS[kind](event, detail, moment(event.get("time"), received_at))


def _of_code_deploy(event: dict[str, Any], detail: dict[str, Any], at: datetime) -> Deployment | None:
    state = state_of(detail.get("state"))
    if state is None or state == NOTHING:
        return None
    name = values.name(detail.get("deploymentId"))
    return deployment(
        service=detail.get("application"),
        version=name or event.get("id"),
        environment=detail.get("deploymentGroup"),
        state=state,
        at=at,
        url=_console(event, detail, f"codesuite/codedeploy/deployments/{name}") if name else None,
    )


def _of_code_pipeline(event: dict[str, Any], detail: dict[str, Any], at: datetime) -> Deployment | None:
    if "action" in detail and part(detail, "type").get("category") != "Deploy":
        return None
    state = state_of(detail.get("state"), part(detail, "execution-trigger").get("trigger-type"))
    if state is None or state == NOTHING:
        return None
    pipeline, execution = values.name(detail.get("pipeline")), values.name(detail.get("execution-id"))
    return deployment(
        service=re.sub(r"(?i)(?<=.)[-_.]?pipeline$", "", pipeline) if pipeline else None,
        version=execution or event.get("id"),
        state=state,
        at=at,
        url=_console(event, detail, f"codesuite/codepipeline/pipelines/{pipeline}/executions/{execution}/timeline"),
    )


def _of_ecs(event: dict[str, Any], detail: dict[str, Any], at: datetime) -> Deployment | None:
    state = state_of(str(detail.get("eventName")).removeprefix("SERVICE_DEPLOYMENT_"), detail.get("reason"))
    if state is None or state == NOTHING:
        return None
    resources = event.get("resources")
    arn = str(resources[0]) if isinstance(resources, list) and resources else ""
    # arn:aws:ecs:<region>:<account>:service/<cluster>/<service>; the oldest ones without the cluster.
    *cluster, service = arn.partition(":service/")[2].split("/")
    name = (values.name(detail.get("deploymentId")) or "").rpartition("/")[2] or event.get("id")
    path = f"ecs/v2/clusters/{cluster[0]}/services/{service}/deployments" if cluster else "ecs/v2"
    return deployment(service=service, version=name, state=state, at=at, url=_console(event, detail, path))


def _of_stack(event: dict[str, Any], detail: dict[str, Any], at: datetime) -> Deployment | None:
    state = state_of(part(detail, "status-details").get("status"))
    if state is None or state == NOTHING:
        return None
    parts = str(detail.get("stack-id") or "").split("/")
    version = values.name(detail.get("client-request-token")) or event.get("id")
    return deployment(service=parts[1] if len(parts) > 1 else None, version=version, state=state, at=at)


def _console(event: dict[str, Any], detail: dict[str, Any], path: str) -> str | None:
    """Return the address of the page `path` in the AWS console, or None if the event names no region.

    The region in the event's `detail`, if there is one, counts before that at the event's top.
    """
    region = str(detail.get("region") or event.get("region") or "")
    return _CONSOLE.format(region=region, path=path) if re.fullmatch(r"[a-z0-9-]{1,32}", region) else None


_READERS: dict[str, Callable[[dict[str, Any], dict[str, Any], datetime], Deployment | None]] = {
    "CodeDeploy Deployment State-change Notification": _of_code_deploy,
    "CodePipeline Pipeline Execution State Change": _of_code_pipeline,
    "CodePipeline Action Execution State Change": _of_code_pipeline,
    "ECS Deployment State Change": _of_ecs,
    "CloudFormation Stack Status Change": _of_stack,
}
