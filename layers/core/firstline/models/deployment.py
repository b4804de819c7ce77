"""A change that went out."""

from typing import Annotated

from pydantic import AwareDatetime, StringConstraints

from firstline.models.frozen import Frozen, Name


class Deployment(Frozen):
    """A change that went out: the first suspect when an alert follows it."""

    service: Name
    version: Name
    environment: Name | None = None
    deployed_at: AwareDatetime
    url: Annotated[str, StringConstraints(max_length=2_000)] | None = None
