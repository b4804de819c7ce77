"""Deployments that CI/CD reports with `POST /deployments`, in the form and with the authentication of each sender.

| sender | recognized by | authenticated by | deployments in |
|---|---|---|---|
| GitHub | `X-GitHub-Event` | `X-Hub-Signature-256` | `deployment_status`; a `workflow_run` named like a deployment |
| GitLab | `object_kind` | signature, or `X-Gitlab-Token` | deployment events; a pipeline's jobs with an environment |
| Argo CD | `app`, with the application | token | the operation's phase |
| AWS | `detail-type` | token | as from EventBridge (`aws.py`) |
| anybody | `service` and `version` | token | each request |

Sources: https://docs.github.com/webhooks/webhook-events-and-payloads,
https://docs.github.com/webhooks/using-webhooks/validating-webhook-deliveries,
https://docs.gitlab.com/user/project/integrations/webhook_events,
https://argo-cd.readthedocs.io/en/stable/operator-manual/notifications/services/webhook.
"""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any, NamedTuple

from firstline.errors import Unauthenticated, UnreadablePayload
from firstline.models import Deployment
from firstline.sources import values
from firstline.sources.authentication import (
    GITHUB_SIGNATURE,
    TOKEN_HEADER,
    Request,
    github_signature,
    has_token,
    is_signed_webhook,
    require_token,
    signed,
)
from firstline.sources.body import parse_json
from firstline.sources.deployments.aws import deployment_from_event, is_deployment_event
from firstline.sources.deployments.report import Deployments, deployment, moment, nothing, part, version_of
from firstline.sources.deployments.states import NOTHING, state_of

GITHUB_EVENT = "x-github-event"
GITLAB_TOKEN = "x-gitlab-token"  # noqa: S105 - a header's name

_IS_A_DEPLOYMENT = re.compile(r"deploy|release|rollout|roll[ _-]?back|promot|publish|\bship\b|\bcd\b", re.IGNORECASE)
"""Words in the name or path of a GitHub workflow that deploys. Other workflows (tests, linters) are ignored."""

_DEPLOYS_NOTHING = ("prepare", "stop", "verify", "access")
"""The values of GitLab's `environment:action` that deploy nothing: https://docs.gitlab.com/ci/yaml/#environmentaction"""

_STATE_FIELDS = ("status", "state", "phase", "result", "conclusion")


def authenticate(request: Request) -> None:
    """Raise unless the request has GitHub's signature, GitLab's signature or token, or Firstline's token in a header.

    GitLab signs as Standard Webhooks do if a signing token is set, in addition to the secret token or instead of it:
    https://docs.gitlab.com/user/project/integrations/webhooks/

    Raises
    ------
    Unauthenticated
        The request has no signature or token, or one that does not match.
    """
    if GITHUB_SIGNATURE in request.headers:
        if not signed([github_signature(request)], request.body, request.secrets):
            raise Unauthenticated(
                f"{request.source}: the signature in {GITHUB_SIGNATURE} does not match the body: "
                f"set the webhook's secret in GitHub to the secret sources/{request.source}"
            )
    elif is_signed_webhook(request):
        return
    elif token := request.headers.get(GITLAB_TOKEN):
        if not has_token(replace(request, headers={TOKEN_HEADER: token}), request.secrets):
            raise Unauthenticated(
                f"{request.source}: the token in {GITLAB_TOKEN} is not valid: "
                f"set the webhook's secret token in GitLab to the secret sources/{request.source}"
            )
    else:
        require_token(request)


def read_deployments(payload: Any, *, headers: Mapping[str, str], received_at: datetime) -> Deployments:
    """Read the body of `POST /deployments` from GitHub, GitLab, Argo CD, AWS, or any sender that uses Firstline's form.

    Parameters
    ----------
    payload
        Parsed JSON, or the fields of a form: GitHub can send its JSON in the field `payload`.
    headers
        The request's headers; names in any case.
    received_at
        The time of a deployment whose sender states no readable time, with a time zone.

    Raises
    ------
    UnreadablePayload
        A required field is missing; the message names the field.
    """
    if type(payload) is dict and set(payload) == {"payload"} and isinstance(payload["payload"], str):
        payload = parse_json(payload["payload"])
    if type(payload) is not dict:
        raise UnreadablePayload("a deployment is no object: send an object with `service` and `version`")
    message = _Message(payload, {name.lower(): value for name, value in headers.items()}, received_at)
    read = next(reader for fits, reader in _READERS if fits(message))
    return read(message)


def deployment_from_request(payload: Any, *, received_at: datetime) -> Deployment:
    """Read a deployment in Firstline's own form.

    `service` and `version` are required. `environment`, `status`, `url` and `time` (ISO 8601 or since 1970) are
    optional. Without a readable `time` the time is `received_at`; other unreadable fields are left out.

    Raises
    ------
    UnreadablePayload
        A required field is missing; the message names the field.
    """
    if type(payload) is not dict:
        raise UnreadablePayload("a deployment is no object: send an object with `service` and `version`")
    said = next((payload[name] for name in _STATE_FIELDS if isinstance(payload.get(name), str)), None)
    state = state_of(said)
    return deployment(
        service=payload.get("service"),
        version=payload.get("version"),
        environment=payload.get("environment"),
        state=None if state == NOTHING else state,
        at=moment(payload.get("time"), received_at),
        url=payload.get("url"),
    )


class _Message(NamedTuple):
    payload: dict[str, Any]
    headers: Mapping[str, str]
    received_at: datetime


# --- GitHub -----------------------------------------------------------------------------------------------------------


def _github(message: _Message) -> Deployments:
    event = message.headers.get(GITHUB_EVENT, "")
    if event == "deployment_status" or (not event and "deployment_status" in message.payload):
        return _github_deployment(message)
    if event == "workflow_run" or (not event and "workflow_run" in message.payload):
        return _github_workflow(message)
    return nothing(f"GitHub's event {event[:64]!r} is no deployment; send deployment_status or workflow_run")


def _github_deployment(message: _Message) -> Deployments:
    status, subject = part(message.payload, "deployment_status"), part(message.payload, "deployment")
    state = state_of(status.get("state"), subject.get("task"), status.get("description"))
    if state is None or state == NOTHING:
        return nothing(f"a deployment that is {values.quoted(status.get('state'))} changes nothing")
    return Deployments(
        [
            deployment(
                service=values.name(_attached(subject.get("payload")).get("service")) or _repository_name(message),
                version=version_of(subject.get("ref"), subject.get("sha")),
                environment=values.name(status.get("environment")) or subject.get("environment"),
                state=state,
                at=moment(status.get("created_at"), message.received_at),
                url=values.url(status.get("log_url"), status.get("target_url"), _repository(message).get("html_url")),
            )
        ]
    )


def _github_workflow(message: _Message) -> Deployments:
    run = part(message.payload, "workflow_run")
    names = [name for name in (run.get("name"), run.get("path")) if isinstance(name, str)]
    if not any(map(_IS_A_DEPLOYMENT.search, names)):
        return nothing(f"the workflow {values.quoted(run.get('name'))} is not named like a deployment")
    # A run that is completed has a conclusion; its status alone does not say how it ended.
    said = run.get("conclusion") or (run.get("status") if run.get("status") != "completed" else None)
    state = state_of(said, *names)
    if state is None or state == NOTHING:
        return nothing(f"a run that is {values.quoted(said)} changes nothing")
    return Deployments(
        [
            deployment(
                service=_repository_name(message),
                version=version_of(run.get("head_branch"), run.get("head_sha")),
                state=state,
                at=moment(run.get("updated_at") or run.get("run_started_at"), message.received_at),
                url=run.get("html_url"),
            )
        ]
    )


def _repository(message: _Message) -> dict[str, Any]:
    return part(message.payload, "repository")


def _repository_name(message: _Message) -> str | None:
    repository = _repository(message)
    return values.name(repository.get("name")) or str(repository.get("full_name") or "").rpartition("/")[2] or None


def _attached(payload: Any) -> dict[str, Any]:
    """Return the object that the creator of a GitHub deployment attached to it; an empty one without a readable object.

    `payload` is the object itself or its JSON text.
    """
    if isinstance(payload, str):
        try:
            payload = json.loads(payload)
        except (ValueError, RecursionError):
            return {}
    return payload if isinstance(payload, dict) else {}


# --- GitLab -----------------------------------------------------------------------------------------------------------


def _gitlab(message: _Message) -> Deployments:
    payload, kind = message.payload, message.payload.get("object_kind")
    if kind == "deployment":
        state = state_of(payload.get("status"))
        if state is None or state == NOTHING:
            return nothing(f"a deployment that is {values.quoted(payload.get('status'))} changes nothing")
        made = deployment(
            service=_project(payload),
            version=version_of(payload.get("ref"), payload.get("short_sha")),
            environment=payload.get("environment"),
            state=state,
            at=moment(payload.get("status_changed_at"), message.received_at),
            url=values.url(payload.get("deployable_url"), payload.get("commit_url")),
        )
        return Deployments([made])
    if kind == "pipeline":
        return _gitlab_pipeline(message)
    return nothing(f"GitLab's {values.quoted(kind)} is no deployment; send deployment events")


def _gitlab_pipeline(message: _Message) -> Deployments:
    pipeline, jobs = part(message.payload, "object_attributes"), message.payload.get("builds")
    found = []
    for job in jobs if isinstance(jobs, list) else []:
        environment = part(job, "environment")
        if not environment or environment.get("action") in _DEPLOYS_NOTHING:
            continue
        state = state_of(job.get("status"), job.get("name"))
        if state is None or state == NOTHING:
            continue
        made = deployment(
            service=_project(message.payload),
            version=version_of(pipeline.get("ref"), pipeline.get("sha")),
            environment=environment.get("name"),
            state=state,
            at=moment(job.get("finished_at") or job.get("started_at"), message.received_at),
            url=pipeline.get("url"),
        )
        found.append(made)
    return Deployments(found) if found else nothing("no job of the pipeline deploys to an environment now")


def _project(payload: dict[str, Any]) -> str | None:
    """Return the last part of a GitLab project's path (`shop` of `team/shop`), or else the project's title."""
    project = part(payload, "project")
    return str(project.get("path_with_namespace") or "").rpartition("/")[2] or values.name(project.get("name"))


# --- others -----------------------------------------------------------------------------------------------------------


def _argo(message: _Message) -> Deployments:
    app = part(message.payload, "app") or message.payload
    operation = part(app, "status", "operationState")
    state = state_of(operation.get("phase"))
    if state is None or state == NOTHING:
        return nothing(f"an operation that is {values.quoted(operation.get('phase'))} changes nothing")
    return Deployments(
        [
            deployment(
                service=part(app, "metadata").get("name"),
                version=_revision(app, operation),
                environment=message.payload.get("environment"),
                state=state,
                at=moment(operation.get("finishedAt") or operation.get("startedAt"), message.received_at),
                url=message.payload.get("url"),
            )
        ]
    )


def _revision(app: dict[str, Any], operation: dict[str, Any]) -> str | None:
    """Return the version that Argo CD synced, as `branch@commit`; without a commit, only the branch.

    `app` is the application, and `operation` the object `operationState` of its status. Of an application with several
    sources, the commits are joined by `+`.
    """
    branch = part(app, "spec", "source").get("targetRevision")
    for synced in (part(operation, "syncResult"), part(app, "status", "sync")):
        if values.name(synced.get("revision")):
            return version_of(branch, synced["revision"])
        revisions = synced.get("revisions")
        if isinstance(revisions, list) and (
            found := [short for each in revisions if (short := version_of(None, each))]
        ):
            return "+".join(found)
    return version_of(branch, None)


def _aws(message: _Message) -> Deployments:
    found = deployment_from_event(message.payload, received_at=message.received_at)
    return Deployments([found]) if found else nothing("the event reports no change")


def _anybody(message: _Message) -> Deployments:
    said = next((message.payload[name] for name in _STATE_FIELDS if name in message.payload), None)
    if state_of(said) == NOTHING:
        return nothing(f"a deployment that is {values.quoted(said)} changes nothing")
    return Deployments([deployment_from_request(message.payload, received_at=message.received_at)])


_READERS: tuple[tuple[Callable[[_Message], bool], Callable[[_Message], Deployments]], ...] = (
    (lambda message: GITHUB_EVENT in message.headers or "deployment_status" in message.payload, _github),
    (lambda message: "workflow_run" in message.payload and "repository" in message.payload, _github),
    (lambda message: isinstance(message.payload.get("object_kind"), str), _gitlab),
    (lambda message: is_deployment_event(message.payload), _aws),
    (lambda message: bool(part(message.payload, "app", "metadata")), _argo),
    (lambda message: message.payload.get("kind") == "Application" and "metadata" in message.payload, _argo),
    (lambda _: True, _anybody),
)
"""A test for each sender's messages and the function that reads them; the first test that holds decides."""
