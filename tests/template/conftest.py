"""The template as it is written, as SAM expands it, and the state machine inside it."""

from pathlib import Path
from typing import Any

import pytest
from samtranslator.yaml_helper import yaml_parse

from local.emulator.template import expand
from tests.template.machine import Machine
from tests.template.stack import Resources

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="session")
def written() -> dict[str, Any]:
    """template.yaml, with `!Ref` as `{"Ref": …}`."""
    parsed: dict[str, Any] = yaml_parse((ROOT / "template.yaml").read_text())
    return parsed


@pytest.fixture(scope="session")
def resources() -> Resources:
    """Return the resources of the template as SAM expands it, by logical id."""
    expanded: Resources = expand(ROOT / "template.yaml", {"EnvironmentName": "dev"}, "eu-central-1")["Resources"]
    return expanded


@pytest.fixture(scope="session")
def observability() -> Resources:
    """Return the resources of the nested stack that watches Firstline itself."""
    parsed: Resources = yaml_parse((ROOT / "observability.yaml").read_text())["Resources"]
    return parsed


@pytest.fixture(scope="session")
def functions(resources: Resources) -> Resources:
    """Return the functions' properties by logical id."""
    return {name: r["Properties"] for name, r in resources.items() if r["Type"] == "AWS::Lambda::Function"}


@pytest.fixture(scope="session")
def statements(resources: Resources) -> dict[str, list[dict[str, Any]]]:
    """Return the statements of each role by default: of its own policies, and of those that it shares with others."""
    found: dict[str, list[dict[str, Any]]] = {}
    for name, resource in resources.items():
        if resource["Type"] == "AWS::IAM::Role":
            found[name] = []
            for policy in resource["Properties"].get("Policies", []):
                found[name].extend(policy["PolicyDocument"]["Statement"])
    for resource in resources.values():
        if resource["Type"] == "AWS::IAM::Policy" and "Condition" not in resource:
            for role in resource["Properties"]["Roles"]:
                found[role["Ref"]].extend(resource["Properties"]["PolicyDocument"]["Statement"])
    return found


@pytest.fixture(scope="session")
def machine() -> Machine:
    """Return the state machine of an incident."""
    return Machine.load(ROOT / "statemachine" / "incident.asl.yaml")
