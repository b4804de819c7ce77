"""HTTP for the console's two functions: requests of API Gateway (HTTP API, format 2.0), answers, cookies."""

import base64
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qs

from firstline.errors import UnreadablePayload

type Response = dict[str, Any]

MAX_FORM_BYTES = 24_576
"""The most bytes of a form: room for a note of 2,000 characters, each of up to nine bytes, and more."""

MAX_FIELDS = 12

COOKIE = "__Host-firstline"
"""The name of the session's cookie. For its prefix, a browser takes the cookie only with Secure, without a Domain, and
for the path `/`."""

UNREADABLE = "Your browser did not send a form of the console. Open the page again."


@dataclass(frozen=True)
class HttpAnswer:
    """The answer to a browser."""

    status: HTTPStatus = HTTPStatus.OK
    body: str = ""
    content_type: str = "text/html; charset=utf-8"
    headers: Mapping[str, str] = field(default_factory=dict)
    cookie: str | None = None

    def response(self) -> Response:
        """Return the answer in the form that API Gateway takes."""
        headers = {"Content-Type": self.content_type, **security_headers(), **self.headers}
        response: Response = {"statusCode": int(self.status), "headers": headers, "body": self.body}
        return response if self.cookie is None else response | {"cookies": [self.cookie]}


def see_other(location: str, cookie: str | None = None) -> HttpAnswer:
    """Return an answer that sends the browser to another page, so that a reload does not send the form again.

    `cookie` is the value of a `Set-Cookie` header (`session_cookie`), or None to set no cookie.
    """
    return HttpAnswer(HTTPStatus.SEE_OTHER, headers={"Location": location}, cookie=cookie)


@cache
def security_headers() -> dict[str, str]:
    """Return the headers of every answer, which forbid inline scripts, other sites' content, frames, referrers, caches.

    The style sheet is a part of each page, which saves a request. The policy allows that sheet alone, by its hash.
    """
    from firstline.console.render import style_hash

    policy = (
        "default-src 'none'",
        f"style-src '{style_hash()}'",
        "script-src 'self'",
        "connect-src 'self'",
        "img-src data:",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    )
    return {
        "Cache-Control": "no-store",
        "Content-Security-Policy": "; ".join(policy),
        "Referrer-Policy": "no-referrer",
        "X-Content-Type-Options": "nosniff",
        "X-Frame-Options": "DENY",
        "X-Robots-Tag": "noindex",
    }


def method_and_path(event: Mapping[str, Any]) -> tuple[str, list[str]]:
    """Return the method and the path's parts below `/console`."""
    return event["requestContext"]["http"]["method"], event["rawPath"].strip("/").split("/")[1:]


def query(event: Mapping[str, Any], name: str) -> str | None:
    """Return a parameter of the query in the request's address, or None if it is not there."""
    value = (event.get("queryStringParameters") or {}).get(name)
    return None if value is None else str(value)


def cookie_of(event: Mapping[str, Any]) -> str:
    """Return the session's token from the request's cookies; empty without one."""
    pairs = (cookie.partition("=") for cookie in event.get("cookies") or [])
    return next((value for name, _, value in pairs if name == COOKIE), "")


def session_cookie(token: str, seconds: int) -> str:
    """Return the `Set-Cookie` header that keeps the session's token for a number of seconds; 0 deletes the cookie."""
    return f"{COOKIE}={token}; Path=/; Max-Age={seconds}; HttpOnly; Secure; SameSite=Lax"


def body_of(event: Mapping[str, Any]) -> bytes:
    """Return the request's body as bytes, decoded if API Gateway sent it in base64."""
    text = event.get("body") or ""
    return base64.b64decode(text) if event.get("isBase64Encoded") else text.encode("utf-8", "replace")


def form_of(event: Mapping[str, Any]) -> dict[str, str]:
    """Return the fields of a form by their names.

    Raises
    ------
    UnreadablePayload
        The body is no form, is too long, or has a field twice; the message tells the visitor.
    """
    try:
        body = body_of(event)
        if len(body) > MAX_FORM_BYTES:
            raise UnreadablePayload("What you wrote is too long. Go back, shorten it, and send it again.")
        fields = parse_qs(
            body.decode("ascii"), keep_blank_values=True, strict_parsing=bool(body), max_num_fields=MAX_FIELDS
        )
        return {name: value for name, (value,) in fields.items()}
    except ValueError:
        raise UnreadablePayload(UNREADABLE) from None


def api_url(event: Mapping[str, Any]) -> str:
    """Return the API's address from the request, because the template cannot give a function its own API's address."""
    domain = event["requestContext"]["domainName"]
    on_this_machine = domain.partition(":")[0] in ("127.0.0.1", "localhost")
    return f"{'http' if on_this_machine else 'https'}://{domain}"
