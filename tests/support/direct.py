"""Requests to an application in the same process, without a socket and a thread between them."""

from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPMessage
from io import BytesIO
from typing import Any
from unittest.mock import patch
from urllib.request import HTTPHandler, Request
from urllib.response import addinfourl

from botocore.awsrequest import AWSResponse
from botocore.exceptions import ConnectionClosedError
from botocore.httpsession import URLLib3Session
from urllib3.response import HTTPResponse
from werkzeug.test import EnvironBuilder

from local.emulator.server import Application


@contextmanager
def direct(url: str, application: Application) -> Iterator[None]:
    """Let the application answer every request of boto3 to this URL, in the thread that asks."""
    elsewhere = URLLib3Session.send

    def send(session: Any, request: Any) -> Any:
        if not request.url.startswith(url):
            return elsewhere(session, request)
        headers = {name: value if isinstance(value, str) else value.decode() for name, value in request.headers.items()}
        path, asked = request.url.removeprefix(url), {"method": request.method, "data": request.body}
        try:
            answer = application(EnvironBuilder(path, url, headers=headers, **asked).get_request())
        except ConnectionError as error:
            raise ConnectionClosedError(endpoint_url=request.url, request=request, error=error) from error
        body = BytesIO(answer.get_data())
        raw: Any = HTTPResponse(body, dict(answer.headers), answer.status_code, preload_content=False)
        return AWSResponse(request.url, raw.status, raw.headers, raw)

    with patch.object(URLLib3Session, "send", send):
        yield


@contextmanager
def opened_directly(url: str, application: Application) -> Iterator[None]:
    """Let the application answer every request of urllib to this URL, in the thread that asks."""
    elsewhere = HTTPHandler.http_open

    def http_open(handler: HTTPHandler, request: Request) -> Any:
        if not request.full_url.startswith(url):
            return elsewhere(handler, request)
        path, headers = request.full_url.removeprefix(url), dict(request.header_items())
        asked: Any = {"method": request.get_method(), "data": request.data, "headers": headers}
        answer = application(EnvironBuilder(path, url, **asked).get_request())
        message = HTTPMessage()
        for name, value in answer.headers:
            message[name] = value
        answered: Any = addinfourl(BytesIO(answer.get_data()), message, request.full_url, answer.status_code)
        answered.msg = answer.status.partition(" ")[2]
        return answered

    with patch.object(HTTPHandler, "http_open", http_open):
        yield
