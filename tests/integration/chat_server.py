"""A scripted OpenAI-compatible server, over real HTTP: it answers as a test says, or does not.

A script gets the request's handler and the server, and does with the connection what it likes.
"""

import json
import os
import socket
import struct
import sys
import threading
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

type Script = Callable[[BaseHTTPRequestHandler, "Server"], None]

VERDICT = {
    "severity": "critical",
    "cause": "The disk is full of logs.",
    "is_deployment_related": False,
    "can_be_remediated": True,
    "runbook_id": "low-disk",
    "confidence": 0.9,
    "summary": "The disk of web-1 is full.",
    "first_steps": ["Look at /var/log."],
    "cites": ["alert"],
}


class Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, script: Script) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.script = script
        self.requests: list[dict[str, Any]] = []
        self.headers: list[dict[str, str]] = []
        self.over = threading.Event()
        """Set at the test's end: what hangs lets go."""
        self.hung_up = threading.Event()
        """Set when the client closed a connection that the script was still writing to."""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/v1"

    def handle_error(self, request: Any, client_address: Any) -> None:
        if isinstance(sys.exception(), ConnectionError):
            self.hung_up.set()
            return
        super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    server: Server
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        self.server.requests.append({"path": self.path, "body": json.loads(body)})
        self.server.headers.append({name.lower(): value for name, value in self.headers.items()})
        self.server.script(self, self.server)

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""


def answer(status: int, body: bytes, content_type: str = "application/json", **headers: str) -> Script:
    def script(http: BaseHTTPRequestHandler, server: Server) -> None:
        http.send_response(status)
        http.send_header("Content-Type", content_type)
        http.send_header("Content-Length", str(len(body)))
        for name, value in headers.items():
            http.send_header(name.replace("_", "-"), value)
        http.end_headers()
        http.wfile.write(body)

    return script


def completion(message: dict[str, Any] | None = None, finish_reason: str = "stop", **changes: Any) -> Script:
    """Answer with a chat completion; `changes` apply to its verdict."""
    message = message or {"role": "assistant", "content": json.dumps(VERDICT | changes)}
    choices = [{"index": 0, "finish_reason": finish_reason, "message": message}]
    return answer(200, json.dumps({"id": "1", "choices": choices, "usage": usage(300, 21)}).encode())


def says_nothing(http: BaseHTTPRequestHandler, server: Server) -> None:
    server.over.wait(30)


def stops_in_the_middle(http: BaseHTTPRequestHandler, server: Server) -> None:
    answer_head(http, 1_000)
    http.wfile.write(b'{"choices": [')
    server.over.wait(30)


def trickles(http: BaseHTTPRequestHandler, server: Server) -> None:
    """Send a byte at a time, each well within any read time-out."""
    answer_head(http, 100_000)
    while not server.over.wait(0.05):
        http.wfile.write(b" ")


def trickles_headers(http: BaseHTTPRequestHandler, server: Server) -> None:
    http.wfile.write(b"HTTP/1.1 200 OK\r\n")
    while not server.over.wait(0.05):
        http.wfile.write(b"X-More: and more\r\n")


def closes_in_the_middle(http: BaseHTTPRequestHandler, server: Server) -> None:
    answer_head(http, 1_000)
    http.wfile.write(b'{"choices": [')
    http.close_connection = True


def is_endless(http: BaseHTTPRequestHandler, server: Server) -> None:
    answer_head(http, 50_000_000)
    for _ in range(50):
        http.wfile.write(b" " * 1_000_000)


def fails_endlessly(http: BaseHTTPRequestHandler, server: Server) -> None:
    http.send_response(500)
    http.send_header("Content-Length", "50000000")
    http.end_headers()
    for _ in range(50):
        http.wfile.write(b"x" * 1_000_000)


def answer_head(http: BaseHTTPRequestHandler, length: int) -> None:
    http.send_response(200)
    http.send_header("Content-Type", "application/json")
    http.send_header("Content-Length", str(length))
    http.end_headers()


def error(message: str) -> bytes:
    return json.dumps({"error": {"message": message, "type": "invalid_request_error"}}).encode()


def in_turn(*scripts: Script) -> Script:
    """Run one script for each request, and the last one for all that follow."""
    left = list(scripts)

    def script(http: BaseHTTPRequestHandler, server: Server) -> None:
        (left.pop(0) if len(left) > 1 else left[0])(http, server)

    return script


def continues_for_ever(http: BaseHTTPRequestHandler, server: Server) -> None:
    while not server.over.wait(0.05):
        http.wfile.write(b"HTTP/1.1 100 Continue\r\n\r\n")


def resets(http: BaseHTTPRequestHandler, server: Server) -> None:
    """RST instead of FIN, in the middle of the body."""
    answer_head(http, 1_000)
    http.wfile.write(b'{"choices": [')
    http.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    http.close_connection = True
    os.close(http.connection.detach())


def garbage(http: BaseHTTPRequestHandler, server: Server) -> None:
    http.wfile.write(bytes(range(256)) * 20)
    http.close_connection = True


@cache
def bomb() -> bytes:
    """20 MB of nothing, as 20 KB of gzip."""
    squeezed = zlib.compressobj(9, zlib.DEFLATED, 31)
    return squeezed.compress(b" " * 20_000_000) + squeezed.flush()


def usage(prompt_tokens: int, completion_tokens: int) -> dict[str, int]:
    """Return the usage as servers report it."""
    return {
        "prompt_tokens": prompt_tokens,
        "completion_tokens": completion_tokens,
        "total_tokens": prompt_tokens + completion_tokens,
    }


@contextmanager
def serving(script: Script) -> Iterator[Server]:
    """Serve by this script while the block runs."""
    server = Server(script)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    try:
        yield server
    finally:
        server.over.set()
        server.shutdown()
        server.server_close()
