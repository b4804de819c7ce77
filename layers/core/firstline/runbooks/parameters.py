"""Parameters of a runbook: the values of an alert that may go into a command, and their patterns."""

from functools import cached_property
from typing import Annotated, Self

from pydantic import BeforeValidator, Field, StringConstraints, model_validator

from firstline.models import Frozen
from firstline.runbooks import patterns
from firstline.runbooks.linear_matcher import LinearPattern


def _as_list(value: object) -> object:
    return [value] if isinstance(value, str) else value


type AlertField = Annotated[
    str, StringConstraints(pattern=r"^(host|service|environment|account|region|labels\.[A-Za-z0-9_.\-/]{1,128})$")
]
"""The name of an alert's field, such as `host`, `service` or `labels.mountpoint`."""


class Parameter(Frozen):
    """A value of a command that comes from the alert, never from a model.

    `from` lists fields of the alert; the first that has a value counts, and `default` counts if none has. A value that
    does not fit `pattern` stops the plan even if there is a default: with the default, the command would act on
    something that the alert is not about.
    """

    from_: Annotated[
        list[AlertField], BeforeValidator(_as_list, json_schema_input_type=AlertField | list[AlertField])
    ] = Field(default=[], alias="from")
    pattern: Annotated[str, StringConstraints(max_length=300)]
    default: str | None = None

    @model_validator(mode="after")
    def _sound(self) -> Self:
        patterns.inner(self.pattern)
        if self.default is None and not self.from_:
            raise ValueError(
                "the parameter could never have a value; add `from` with a field of the alert, or `default`"
            )
        if self.default is not None and (problem := self.problem(self.default)):
            raise ValueError(f"the default {problem}")
        return self

    @cached_property
    def _compiled(self) -> LinearPattern:
        return patterns.compiled(self.pattern)

    def problem(self, value: str) -> str | None:
        """Return the reason why a value may not be used, or None if it may.

        A leading dash, which a command would read as an option, and `..` as a part of a path, which leads out of the
        intended folder, are refused even if the pattern allows them.
        """
        if len(value) > patterns.MAX_VALUE_LENGTH:
            return f"is {len(value)} characters long; {patterns.MAX_VALUE_LENGTH} is the limit"
        if not self._compiled.fullmatch(value):
            return f"{value[:80]!r} does not fit {self.pattern}"
        if value.startswith("-"):
            return f"{value[:80]!r} starts with a dash, which commands read as an option"
        if ".." in value.split("/"):
            return f"{value[:80]!r} contains '..', which leads out of the folder"
        return None
