"""The functions of the template, and its resources by their type."""

from typing import Any

import pytest

type Resources = dict[str, dict[str, Any]]

FUNCTIONS = [
    *("Ingest", "Classify", "Remediate", "Escalate", "Notify", "Respond", "Console", "Reconcile", "Canary", "Publish"),
]
every_function = pytest.mark.parametrize("noun", FUNCTIONS)


def of_type(resources: Resources, kind: str) -> Resources:
    """Return the properties of all resources of a type, by logical id."""
    return {name: resource["Properties"] for name, resource in resources.items() if resource["Type"] == kind}
