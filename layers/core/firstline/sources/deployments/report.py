"""The building of a deployment from a sender's untrusted values; an unreadable optional field is left out."""

import logging
import re
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from pydantic import ValidationError

from firstline.errors import UnreadablePayload
from firstline.models import Deployment, DeploymentState
from firstline.privacy import redact_secrets
from firstline.privacy.alert_redaction import link_without_secrets
from firstline.sources import values

SHORT_HASH = 12

_NOT_TOLD = (None, "<no value>")
"""The values for a missing field; templates of Go, such as Argo CD's, write `<no value>`."""

_log = logging.getLogger("firstline.sources")


@dataclass(frozen=True, slots=True)
class Deployments:
    """The deployments in one message, and the reasons why parts of the message are no deployments."""

    deployments: list[Deployment] = field(default_factory=list)
    ignored: list[str] = field(default_factory=list)


def nothing(reason: str) -> Deployments:
    """Return the result for a message without a deployment; `reason` says why there is none."""
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
    """Return a deployment with secrets removed from its texts; only service and version are required.

    `state` is None if the sender states no state that is known. A `url` that is no http(s) address is left out.

    Raises
    ------
    UnreadablePayload
        A required field is missing, or a field is invalid; the message names the field.
    """
    service, version = values.name(service), values.name(version)
    if service in _NOT_TOLD or version in _NOT_TOLD:
        missing = "service" if service in _NOT_TOLD else "version"
        raise UnreadablePayload(f"a deployment has no `{missing}`: send `service` and `version`")
    if url is not None and values.url(url) is None:
        _log.warning("a deployment's `url` is left out: send an http(s) address instead of %s", values.quoted(url))
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
        raise UnreadablePayload(f"a deployment has an invalid field: correct {wrong}") from None


def version_of(ref: Any, commit: Any) -> str | None:
    """Return a version as `branch@commit` or `tag@commit`, with the commit cut to 12 characters.

    If the ref (`refs/heads/main`, `refs/tags/v1`) or the commit is missing, only the other is returned; None without
    either.
    """
    branch, commit = values.name(ref), values.name(commit)
    short = commit[:SHORT_HASH] if commit else None
    if branch is None or branch == commit:
        return short
    branch = branch.removeprefix("refs/heads/").removeprefix("refs/tags/")
    return f"{branch}@{short}" if short else branch


def moment(value: Any, received_at: datetime) -> datetime:
    """Read a sender's time; return `received_at` for an unreadable or missing time, or one in the future.

    Besides ISO 8601, GitLab's `2026-02-11 08:00:00 +0100` and `2026-02-11 08:00:00 UTC` can be read.
    """
    text = re.sub(r" (?=[+-]\d\d:?\d\d$)", "", value.removesuffix(" UTC")) if isinstance(value, str) else value
    at = values.moment(text)
    if at is None and value is not None:
        _log.warning(
            "a deployment's time %s cannot be read, so the time of receipt is used: send ISO 8601", values.quoted(value)
        )
    return received_at if at is None else min(at, received_at)


def part(payload: Any, *names: str) -> dict[str, Any]:
    """Return the object at a path of keys through nested objects, or an empty object if there is none."""
    for name in names:
        payload = payload.get(name) if isinstance(payload, dict) else None
    return payload if isinstance(payload, dict) else {}
