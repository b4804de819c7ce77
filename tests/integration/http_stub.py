"""A web server on this machine that answers as it is told and remembers what it was asked."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass(frozen=True)
class Answer:
    """One answer. `hang` waits until the test is over before it says anything, `drip` before it ends."""

    status: int = 200
    body: Any = field(default_factory=lambda: {"ok": True})
    headers: dict[str, str] = field(default_factory=dict)
    hang: bool = False
    drip: bool = False


@dataclass(frozen=True)
class Asked:
    """One request."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """The body as JSON."""
        return json.loads(self.body)


class Stub(ThreadingHTTPServer):
    """Answers in the order given; the last answer is given from then on."""

    daemon_threads = True

    def __init__(self, answers: list[Answer]) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.answers = answers
        self.asked: list[Asked] = []
        self.over = threading.Event()

    @property
    def url(self) -> str:
        """Return the address at which it listens."""
        return f"http://127.0.0.1:{self.server_address[1]}"

    def next_answer(self) -> Answer:
        """Return the answer to the request that was just remembered."""
        return self.answers[min(len(self.asked), len(self.answers)) - 1]


class _Handler(BaseHTTPRequestHandler):
    server: Stub

    def do_POST(self) -> None:
        self._answer()

    def do_GET(self) -> None:
        self._answer()

    def _answer(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.server.asked.append(Asked(self.command, self.path, dict(self.headers), body))
        answer = self.server.next_answer()
        if answer.hang:
            self.server.over.wait(30)
            return
        content = answer.body if isinstance(answer.body, bytes) else json.dumps(answer.body).encode()
        self.send_response(answer.status)
        for name, value in {"Content-Type": "application/json", **answer.headers}.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if answer.drip:
            self._drip(content)
        else:
            self.wfile.write(content)

    def _drip(self, content: bytes) -> None:
        with suppress(ConnectionError):
            for byte in content:
                self.wfile.write(bytes([byte]))
                if self.server.over.wait(0.1):
                    return

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing on the terminal."""


@contextmanager
def answering(*answers: Answer) -> Iterator[Stub]:
    """Serve these answers while the block runs."""
    stub = Stub(list(answers))
    thread = threading.Thread(target=stub.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield stub
    finally:
        stub.over.set()
        stub.shutdown()
        thread.join()
        stub.server_close()
