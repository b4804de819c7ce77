"""The nouns of the template's functions, its resources by type, and the findings of cfn-lint in a template."""

import json
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from cfnlint.api import lint
from cfnlint.config import ConfigMixIn
from cfnlint.match import Match
from cfnlint.runner import Runner

ROOT = Path(__file__).parents[2]

TEMPLATES = ["template.yaml", "observability.yaml", "runbooks/documents/template.yaml"]

type Resources = dict[str, dict[str, Any]]

FUNCTIONS = [
    *("Ingest", "Classify", "Remediate", "Escalate", "Notify", "Respond", "Console", "Reconcile", "Canary", "Publish"),
]
every_function = pytest.mark.parametrize("noun", FUNCTIONS)


def of_type(resources: Resources, kind: str) -> Resources:
    """Return the properties of all resources of a type, by logical id."""
    return {name: resource["Properties"] for name, resource in resources.items() if resource["Type"] == kind}


@cache
def _linter() -> Runner:
    """Return cfn-lint for all templates, with its information rules too. It takes a third of a second to load."""
    templates = [str(ROOT / name) for name in TEMPLATES]
    return Runner(ConfigMixIn(templates=templates, include_checks=["I"]))


@cache
def _findings() -> Sequence[Match]:
    return list(_linter().run())


def linted(template: str) -> Sequence[Match]:
    """Return what cfn-lint finds in one of `TEMPLATES`, by its information rules too."""
    return [match for match in _findings() if match.filename == str(ROOT / template)]


def lint_text(template: Mapping[str, Any]) -> list[str]:
    """Return what cfn-lint finds in a template that is not in a file, without its information rules."""
    return [str(match) for match in lint(json.dumps(template), rules=_linter().rules)]
