"""The registry of local stacks: a command finds only the stacks of its own folder."""

from pathlib import Path

import pytest

from local.emulator import registry


def test_a_stack_is_found_in_its_own_folder_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert registry.running() is None, "a test finds no stack that it did not start"

    monkeypatch.setenv(registry.FOLDER_VARIABLE, str(tmp_path / "mine"))
    registry.remember({"api": "http://127.0.0.1:1"})
    found = registry.running()
    assert found is not None
    assert found["api"] == "http://127.0.0.1:1"

    monkeypatch.setenv(registry.FOLDER_VARIABLE, str(tmp_path / "anothers"))
    assert registry.running() is None


def test_without_the_variable_the_registry_is_in_the_checkout(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(registry.FOLDER_VARIABLE)

    assert registry.stacks_folder() == Path(registry.__file__).parents[2] / ".cache" / "local"
