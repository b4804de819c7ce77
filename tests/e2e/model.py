"""A scripted model behind the API that OpenAI and others speak."""

import json
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

KEY = "sk-local"


class Model:
    """Answers only while `answering`, `babbling` or `hanging`; otherwise it refuses connections."""

    def __init__(self) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self._address = probe.getsockname()
        self.asked: list[dict[str, Any]] = []

    @property
    def url(self) -> str:
        """Its base URL."""
        return f"http://127.0.0.1:{self._address[1]}/v1"

    @contextmanager
    def answering(self, verdict: dict[str, Any]) -> Iterator[None]:
        """It gives this verdict."""
        message = {"role": "assistant", "content": json.dumps(verdict)}
        choice = {"index": 0, "finish_reason": "stop", "message": message}
        with self._serving(json.dumps({"id": "1", "choices": [choice], "usage": {"total_tokens": 321}}).encode()):
            yield

    @contextmanager
    def babbling(self) -> Iterator[None]:
        """It answers with what is no verdict at all."""
        with self._serving(b"<html>Bad gateway</html>"):
            yield

    @contextmanager
    def hanging(self) -> Iterator[None]:
        """It takes questions and says nothing."""
        with self._serving(None):
            yield

    @contextmanager
    def _serving(self, body: bytes | None) -> Iterator[None]:
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

        with ThreadingHTTPServer(self._address, Handler) as server:
            server.daemon_threads = True
            thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
            thread.start()
            try:
                yield
            finally:
                over.set()
                server.shutdown()
                thread.join()
