"""Types of the fields in runbooks: ids, shares of hosts, names of parameters, time-outs."""

from datetime import timedelta
from typing import Annotated

from pydantic import BeforeValidator, StringConstraints

from firstline.models import SHARE
from firstline.policy.durations import Duration, between


def at_least_one(value: str) -> str:
    """Return a number or share of hosts (`2`, `25%`) unchanged; raise ValueError for `0`: nothing would run."""
    if value.strip("0") == "":
        raise ValueError("with 0 hosts at a time no command would ever run; write 1 or more")
    return value


def number_as_text(value: object) -> object:
    """Return a whole number as text, for YAML such as `version: 3`; return any other value unchanged."""
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


def not_of_aws(name: str) -> str:
    """Return the name of an SSM document; raise ValueError if AWS provides the document."""
    if name.casefold().startswith(("aws", "amazon", "amzn")):
        raise ValueError(
            f"{name} is a document of AWS, and many of those run any command that a parameter holds; write your own"
        )
    return name


type Id = Annotated[str, StringConstraints(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$", max_length=40)]
"""The id of a runbook or a step, in lower case with dashes; it becomes a part of SSM documents' names."""

type ParameterName = Annotated[str, StringConstraints(pattern=r"^[a-z][A-Za-z0-9]{0,39}$")]
"""The name of a parameter, such as `maxAgeDays`: letters and digits, which SSM documents and shell variables allow."""

type Share = Annotated[
    str, BeforeValidator(number_as_text, json_schema_input_type=int | str), StringConstraints(pattern=SHARE)
]
"""A number of hosts such as `2`, or a share of the plan's hosts such as `25%`, in the notation of Run Command."""

type StepTimeout = Annotated[Duration, between(timedelta(seconds=5), timedelta(hours=1))]
