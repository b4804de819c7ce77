"""The stack's names, parameters and environment, from the shipped template."""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

from samtranslator.yaml_helper import yaml_parse

from local.emulator.template import Template
from tests.simulation import hosts

ROOT = Path(__file__).parents[2]
ACCOUNT, REGION = "123456789012", "eu-central-1"
PARAMETERS = {"EnvironmentName": "prod", "RemediationMode": "auto"}


def attribute(logical_id: str, name: str | None) -> str:
    """Return a resource's `Ref` or attribute, as AWS would name it."""
    plain = {"Table": hosts.STACK, "PageTopic": f"arn:aws:sns:{REGION}:{ACCOUNT}:{hosts.STACK}-page"}
    if logical_id.endswith("StateMachine"):
        kind = logical_id.removesuffix("StateMachine").lower()
        arn = f"arn:aws:states:{REGION}:{ACCOUNT}:stateMachine:{hosts.STACK}-{kind}"
        return f"{hosts.STACK}-{kind}" if name == "Name" else arn
    if logical_id.endswith("Function"):
        function = f"{hosts.STACK}-{logical_id.removesuffix('Function').lower()}"
        return f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:{function}" if name == "Arn" else function
    return plain.get(logical_id, f"{hosts.STACK}-{logical_id}")


@cache
def template() -> tuple[Template, Mapping[str, Any]]:
    """Return the template with its parameters given, and its text as data."""
    body: dict[str, Any] = yaml_parse((ROOT / "template.yaml").read_text())
    pseudo = {
        "AWS::Region": REGION,
        "AWS::AccountId": ACCOUNT,
        "AWS::Partition": "aws",
        "AWS::StackName": hosts.STACK,
        "AWS::URLSuffix": "amazonaws.com",
    }
    return Template(body, PARAMETERS, pseudo=pseudo, attribute=attribute), body


@cache
def environment() -> Mapping[str, str]:
    """Return the variables of all functions together: one name has one value in all of them."""
    resolver, body = template()
    found = dict(body["Globals"]["Function"]["Environment"]["Variables"])
    for resource in body["Resources"].values():
        found |= resource.get("Properties", {}).get("Environment", {}).get("Variables", {})
    found.setdefault("BACKLOG_QUEUE_URL", f"{hosts.STACK}-BacklogQueue")
    resolved = {name: str(value) for name, value in resolver.resolve(found).items()}
    return resolved | {
        "RUNBOOKS_DIR": str(hosts.runbooks_folder()),
        "POWERTOOLS_LOG_LEVEL": "CRITICAL",
        "POWERTOOLS_METRICS_DISABLED": "true",
        "POWERTOOLS_TRACE_DISABLED": "true",
        "AWS_DEFAULT_REGION": REGION,
        "AWS_ACCESS_KEY_ID": "none",
        "AWS_SECRET_ACCESS_KEY": "none",
    }


@contextmanager
def surroundings(variables: Mapping[str, str]) -> Iterator[None]:
    """Set environment variables for a block."""
    before = {name: os.environ.get(name) for name in variables}
    os.environ.update(variables)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
