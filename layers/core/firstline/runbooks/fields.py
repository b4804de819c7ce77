"""Types of the fields in runbooks: ids, shares of hosts, names of parameters, time-outs."""

from datetime import timedelta
from typing import Annotated

from pydantic import BeforeValidator, StringConstraints

from firstline.models import SHARE
from firstline.policy.durations import Duration, between


def not_none(value: str) -> str:
    """Return a share of hosts; raise ValueError if it is zero, because no host would ever get the command."""
    if value.strip("0") == "":
        raise ValueError("with 0 hosts at a time nothing would ever run; 1 is the least")
    return value


def number(value: object) -> object:
    """Turn a number of the YAML file into text."""
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


def not_of_aws(name: str) -> str:
    """Refuse a document that AWS provides."""
    if name.casefold().startswith(("aws", "amazon", "amzn")):
        raise ValueError(
            f"{name} is a document of AWS; many of those run whatever their parameters say. Make a document of your own"
        )
    return name


type Id = Annotated[str, StringConstraints(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$", max_length=40)]
"""Lower case with dashes: it becomes a part of the SSM documents' names."""

type ParameterName = Annotated[str, StringConstraints(pattern=r"^[a-z][A-Za-z0-9]{0,39}$")]
"""`mountpoint`, `maxAgeDays`: letters and digits, as SSM documents and shell variables both take them."""

type Share = Annotated[str, BeforeValidator(number, json_schema_input_type=int | str), StringConstraints(pattern=SHARE)]
"""Hosts as Run Command counts them: a number, or a share of the plan's hosts such as `25%`."""

type StepTimeout = Annotated[Duration, between(timedelta(seconds=5), timedelta(hours=1))]
