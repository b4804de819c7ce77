"""Tests of what ingest imports at a cold start, which costs time for each module."""

import pytest

import firstline.models
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
    "openai",
    "slack_sdk",
    "yaml",
}

ONLY_FOR_A_MODEL = {
    "firstline.adapters.llm",
    "firstline.classification.model",
    "firstline.classification.prompt",
    "openai",
}


def test_ingest_starts_without_what_only_other_functions_need() -> None:
    modules = set(imports._modules(imports.INGEST))

    assert "firstline.models.live" in modules
    assert modules & NEVER_FOR_AN_ALERT == set()


def test_classify_starts_without_what_only_a_model_needs() -> None:
    modules = set(imports._modules(imports.CLASSIFY, "classify"))

    assert "firstline.classification.classify" in modules
    assert modules & ONLY_FOR_A_MODEL == set()


def test_every_name_in_firstline_models_can_be_imported_lazily() -> None:
    homes = {name: getattr(firstline.models, name) for name in firstline.models.__all__}

    assert set(homes) == set(firstline.models._HOMES)
    assert all(value is not None for value in homes.values())
    with pytest.raises(AttributeError, match="has no attribute 'Nonsense'"):
        _ = firstline.models.Nonsense
