"""HTTP servers on loopback ports, and answers and errors in the form of AWS's services."""

import json
import socket
import threading
import uuid
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from werkzeug.serving import BaseWSGIServer, WSGIRequestHandler, make_server
from werkzeug.wrappers import Request, Response

type Application = Callable[[Request], Response]

_LOOK_SECONDS = 2.0
"""The interval at which an idle server looks whether it was closed. A stack has a dozen servers: a look costs CPU."""


class ServiceError(Exception):
    """An error of an AWS service; `code` is its name in the answer, such as `InvalidDocument`."""

    def __init__(self, code: str, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.code, self.status = code, status


class QuietHandler(WSGIRequestHandler):
    """A request handler without a log of requests."""

    def log_request(self, *_: Any) -> None:
        """Log nothing."""


class Server:
    """A threaded HTTP server for an application, on a loopback port.

    Parameters
    ----------
    port
        The port; 0 means any free port.
    """

    def __init__(self, application: Application, port: int = 0) -> None:
        self._server: BaseWSGIServer = make_server(
            "127.0.0.1", port, Request.application(application), threaded=True, request_handler=QuietHandler
        )
        self._server.daemon_threads = True  # type: ignore[attr-defined]
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": _LOOK_SECONDS}, daemon=True
        )

    @property
    def url(self) -> str:
        """The server's URL, without a slash at the end."""
        return f"http://127.0.0.1:{self._server.server_port}"

    def start(self) -> None:
        """Start to answer requests in other threads."""
        self._thread.start()

    def close(self) -> None:
        """Stop answering requests and free the port."""
        if self._thread.is_alive():
            closing = threading.Thread(target=self._server.shutdown)
            closing.start()
            with suppress(OSError):  # a connection wakes the server, which then sees that it was closed
                socket.create_connection(("127.0.0.1", self._server.server_port), timeout=1).close()
            closing.join()
        self._server.server_close()


def aws_response(body: Any, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    """Return an answer of an AWS service; a body that is not bytes is written as JSON."""
    data = body if isinstance(body, bytes) else json.dumps(body)
    response = Response(data, status, headers, content_type="application/x-amz-json-1.1")
    response.headers["x-amzn-RequestId"] = str(uuid.uuid4())  # moto's Step Functions puts it into an error's cause
    return response


def aws_error(error: ServiceError) -> Response:
    """Return the answer for an error, in a form that clients of AWS's JSON and REST protocols read."""
    body = {"__type": error.code, "message": str(error), "Message": str(error)}
    return aws_response(body, error.status, {"x-amzn-errortype": error.code})
