"""Tests of what ingest and classify import at a cold start, which costs time for each module."""

from types import ModuleType

import pytest

import firstline.contracts
import firstline.models
import firstline.settings
from tests.bench import imports

NEVER_FOR_AN_ALERT = {
    "firstline.classification",
    "firstline.contracts",
    "firstline.models.classification",
    "firstline.models.evidence",
    "firstline.models.plan",
    "firstline.models.record",
    "firstline.models.word",
    "firstline.people",
    "firstline.remediation",
    "firstline.settings.incidents",
    "firstline.settings.people",
    "openai",
    "slack_sdk",
    "yaml",
}

ONLY_FOR_A_MODEL = {
    "firstline.adapters.llm",
    "firstline.classification.model",
    "firstline.classification.prompt",
    "aws_lambda_powertools.utilities.parameters",
    "firstline.adapters.aws.secrets",
    "firstline.adapters.dynamodb.disagreements",
    "openai",
}

ONLY_FOR_OTHER_FUNCTIONS = {
    "firstline.contracts.people",
    "firstline.contracts.remediation",
    "firstline.people",
    "firstline.remediation",
    "firstline.settings.alerts",
    "firstline.settings.people",
    "slack_sdk",
}


def test_ingest_starts_without_what_only_other_functions_need() -> None:
    modules = set(imports._modules(imports.INGEST))

    assert "firstline.models.live" in modules
    assert modules & NEVER_FOR_AN_ALERT == set()


def test_classify_starts_without_what_only_a_model_or_another_function_needs() -> None:
    modules = set(imports._modules(imports.CLASSIFY, "classify"))

    assert "firstline.classification.classify" in modules
    assert modules & (ONLY_FOR_A_MODEL | ONLY_FOR_OTHER_FUNCTIONS) == set()


@pytest.mark.parametrize("package", [firstline.contracts, firstline.models, firstline.settings])
def test_every_name_of_a_package_can_be_imported_lazily(package: ModuleType) -> None:
    named = [name for names in package._NAMES.values() for name in names.split()]

    assert sorted(named) == sorted(package.__all__)
    assert all(getattr(package, name) is not None for name in named)
    assert all(vars(package)[name] is getattr(package, name) for name in named), "each is looked up once"
    with pytest.raises(AttributeError, match="has no attribute 'Nonsense'"):
        _ = package.Nonsense
