"""A scripted model behind the API that OpenAI and others speak."""

import json
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

KEY = "sk-local"
NONSENSE = b"<html>Bad gateway</html>"


class Model:
    """Babbles from `begin` to `end`, which opens no circuit, unless a test lets it talk sense, hang or be gone."""

    def __init__(self) -> None:
        # It stays bound, so that nobody else gets the port while the model is gone.
        self._reserved = socket.socket()
        self._reserved.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._reserved.bind(("127.0.0.1", 0))
        self._address = self._reserved.getsockname()
        self.asked: list[dict[str, Any]] = []
        self._over = threading.Event()
        self._server: ThreadingHTTPServer | None = None

    @property
    def url(self) -> str:
        """Its base URL."""
        return f"http://127.0.0.1:{self._address[1]}/v1"

    @contextmanager
    def answering(self, verdict: dict[str, Any]) -> Iterator[None]:
        """It gives this verdict."""
        message = {"role": "assistant", "content": json.dumps(verdict)}
        choice = {"index": 0, "finish_reason": "stop", "message": message}
        answer = json.dumps({"id": "1", "choices": [choice], "usage": {"total_tokens": 321}}).encode()
        with self._instead(answer):
            yield

    @contextmanager
    def babbling(self) -> Iterator[None]:
        """It answers with what is no verdict at all."""
        yield

    @contextmanager
    def hanging(self) -> Iterator[None]:
        """It takes questions and says nothing."""
        with self._instead(None):
            yield

    @contextmanager
    def gone(self) -> Iterator[None]:
        """It refuses connections."""
        babbled = self._server is not None
        self.end()
        try:
            yield
        finally:
            if babbled:
                self.begin()

    def begin(self, body: bytes | None = NONSENSE) -> None:
        """Answer every question with this body; with None, never."""
        over, asked = threading.Event(), self.asked

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                question = self.rfile.read(int(self.headers["Content-Length"]))
                asked.append({"key": self.headers["Authorization"], "path": self.path, **json.loads(question)})
                if body is None:
                    over.wait()
                    return
                self.send_response(200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: Any) -> None:
                """Say nothing on the terminal."""

        self._over = over
        self._server = ThreadingHTTPServer(self._address, Handler)
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()

    def end(self) -> None:
        """Refuse connections from now on."""
        self._over.set()
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
            self._server = None

    def close(self) -> None:
        """Refuse connections, and give the port back."""
        self.end()
        self._reserved.close()

    @contextmanager
    def _instead(self, body: bytes | None) -> Iterator[None]:
        with self.gone():
            self.begin(body)
            try:
                yield
            finally:
                self.end()
