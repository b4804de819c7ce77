"""The base classes and text types of all models: immutable, with bounded text."""

import os
from collections.abc import Mapping
from threading import RLock
from typing import Annotated, Any, Self

from pydantic import BaseModel, ConfigDict, StringConstraints

type Text = Annotated[str, StringConstraints(max_length=4_000)]
"""Free text that people read, at most 4,000 characters: an alert's message, a summary."""

type Name = Annotated[str, StringConstraints(min_length=1, max_length=256)]
"""A name that rules and runbooks compare: an alert's, a host's, a service's. 1 to 256 characters."""

type RouteName = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9-]{0,63}$")]
"""The name of a route of the paging policy: a rule gives it to an incident, which then pages that route's people."""

type Url = Annotated[str, StringConstraints(max_length=2_000)]
"""A whole http(s) address, shown to people."""

# None is used; to look for them, pydantic reads the metadata of every installed package.
os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "1")

_BUILDING = RLock()


class Frozen(BaseModel):
    """Base of every model: immutable, and an undeclared field is an error."""

    # An error must not quote its input: its text ends in logs and in the execution's history.
    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True, defer_build=True)

    @classmethod
    def model_rebuild(
        cls,
        *,
        force: bool = False,
        raise_errors: bool = True,
        _parent_namespace_depth: int = 2,
        _types_namespace: Mapping[str, Any] | None = None,
    ) -> bool | None:
        """Build the schema at the model's first use, in one thread at a time.

        Pydantic takes no lock itself: if two threads first used a model at the same moment, one of them could validate
        with the schema of its base class, which refuses every field.
        """
        with _BUILDING:
            return super().model_rebuild(
                force=force,
                raise_errors=raise_errors,
                _parent_namespace_depth=_parent_namespace_depth and _parent_namespace_depth + 1,
                _types_namespace=_types_namespace,
            )

    @classmethod
    def from_stored(cls, content: str | Mapping[str, Any]) -> Self:
        """Read a model that the table has stored, as JSON or as values.

        Ignore fields that only a newer version knows: during a deployment or a rollback, an older function reads what a
        newer one has written.
        """
        if isinstance(content, str):
            return cls.model_validate_json(content, extra="ignore")
        return cls.model_validate(content, extra="ignore")

    def to_stored(self, *, exclude: set[str] | None = None) -> str:
        """Return the model as JSON for the table, without the fields in `exclude` and those that have their default.

        That keeps items small, because DynamoDB bills each write by the whole item's size. So the default of a stored
        field must never change.
        """
        return self.model_dump_json(exclude=exclude, exclude_defaults=True)


class Lenient(Frozen):
    """Base of models that two releases exchange: an undeclared field, which a newer release may send, is ignored."""

    model_config = ConfigDict(extra="ignore")
