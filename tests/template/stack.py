"""The nouns of the template's functions, its resources by type, and the findings of cfn-lint in a template."""

from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from cfnlint.api import lint_file
from cfnlint.config import ManualArgs
from cfnlint.match import Match

ROOT = Path(__file__).parents[2]

type Resources = dict[str, dict[str, Any]]

FUNCTIONS = [
    *("Ingest", "Classify", "Remediate", "Escalate", "Notify", "Respond", "Console", "Reconcile", "Canary", "Publish"),
]
every_function = pytest.mark.parametrize("noun", FUNCTIONS)


def of_type(resources: Resources, kind: str) -> Resources:
    """Return the properties of all resources of a type, by logical id."""
    return {name: resource["Properties"] for name, resource in resources.items() if resource["Type"] == kind}


@cache
def linted(template: str) -> Sequence[Match]:
    """Return what cfn-lint finds in a template, by its information rules too. Two tests ask, and it takes seconds."""
    return lint_file(ROOT / template, config=ManualArgs(include_checks=["I"]))
