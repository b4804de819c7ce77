"""A deployment, made of what its sender says. Each optional field that makes no sense costs only itself."""

import logging
import re
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from pydantic import ValidationError

from firstline.errors import UnreadablePayload
from firstline.models import Deployment, DeploymentState
from firstline.privacy import redact_secrets
from firstline.privacy.alerts import link_without_secrets
from firstline.sources import values

SHORT_HASH = 12

_NOT_TOLD = (None, "<no value>")
"""Go's templates, such as Argo CD's, write the second for a field that is not there."""

_log = logging.getLogger("firstline.sources")


@dataclass(frozen=True, slots=True)
class Deployments:
    """The deployments in one message, and the reasons why other parts of it are none."""

    deployments: list[Deployment] = field(default_factory=list)
    ignored: list[str] = field(default_factory=list)


def nothing(reason: str) -> Deployments:
    """Return the report of a message that was understood and reports no deployment."""
    return Deployments(ignored=[reason])


def deployment(
    *,
    service: Any,
    version: Any,
    state: DeploymentState | None,
    at: datetime,
    environment: Any = None,
    url: Any = None,
) -> Deployment:
    """Return a deployment, without secrets. Its service and version must be there.

    Raises
    ------
    UnreadablePayload
        The message names the field.
    """
    service, version = values.name(service), values.name(version)
    if service in _NOT_TOLD or version in _NOT_TOLD:
        missing = "service" if service in _NOT_TOLD else "version"
        raise UnreadablePayload(f"a deployment without `{missing}`; it needs `service` and `version`")
    if url is not None and values.url(url) is None:
        _log.warning("a deployment's `url` is no http(s) address, and is left out: %s", values.quoted(url))
    try:
        return Deployment(
            service=redact_secrets(service),
            version=redact_secrets(version),
            environment=redact_secrets(values.name(environment) or "") or None,
            deployed_at=at,
            url=link_without_secrets(values.url(url)),
            state=state,
        )
    except ValidationError as error:
        wrong = "; ".join(f"{e['loc'][0]}: {e['msg']}" for e in error.errors(include_input=False))
        raise UnreadablePayload(f"a deployment: {wrong}") from None


def version_of(ref: Any, commit: Any) -> str | None:
    """Return what went out as people and machines can tell it: the branch or tag, and the commit."""
    branch, commit = values.name(ref), values.name(commit)
    short = commit[:SHORT_HASH] if commit else None
    if branch is None or branch == commit:
        return short
    branch = branch.removeprefix("refs/heads/").removeprefix("refs/tags/")
    return f"{branch}@{short}" if short else branch


def moment(value: Any, received_at: datetime) -> datetime:
    """Return the time that a sender names, or of the receipt if it names none that can be read.

    GitLab writes `2026-02-11 08:00:00 +0100` and `2026-02-11 08:00:00 UTC`.
    """
    text = re.sub(r" (?=[+-]\d\d:?\d\d$)", "", value.removesuffix(" UTC")) if isinstance(value, str) else value
    at = values.moment(text)
    if at is None and value is not None:
        _log.warning("a deployment's time cannot be read, and the receipt's counts: %s", values.quoted(value))
    return received_at if at is None else min(at, received_at)


def part(payload: Any, *names: str) -> dict[str, Any]:
    """Return the object at this path, or an empty one."""
    for name in names:
        payload = payload.get(name) if isinstance(payload, dict) else None
    return payload if isinstance(payload, dict) else {}
