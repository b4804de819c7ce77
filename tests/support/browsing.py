"""Requests of a browser to the console, as API Gateway passes them on, and the pages that answer them, for tests."""

import re
from collections.abc import Mapping
from html import unescape
from typing import Any, Protocol
from urllib.parse import parse_qsl, urlencode, urlsplit
from zoneinfo import ZoneInfo

from firstline.adapters.dynamodb.overrides import TableOverrides
from firstline.adapters.dynamodb.short_ids import ids_ending
from firstline.adapters.dynamodb.silences import TableSilences
from firstline.console import web
from firstline.console.sessions import Sessions
from firstline.console.site import Site
from firstline.incidents.audit_trail import Trail
from firstline.incidents.store import Incidents
from firstline.remediation.steps import Documents
from tests.support.builders import CONSOLE
from tests.support.memory import MemoryDocuments, MemoryStore
from tests.support.terminal import PEOPLE, SCHEDULES

BERLIN = ZoneInfo("Europe/Berlin")


class Shelf(Protocol):
    """All that the console reads."""

    @property
    def incidents(self) -> Incidents: ...
    @property
    def store(self) -> MemoryStore: ...
    @property
    def trail(self) -> Trail: ...
    @property
    def silences(self) -> TableSilences: ...
    @property
    def sessions(self) -> Sessions: ...
    @property
    def overrides(self) -> TableOverrides: ...


def site_of(shelf: Shelf, documents: Documents | None = None) -> Site:
    """Return the console's pages over all that it reads."""
    return Site(
        stack="firstline-prod",
        zone=BERLIN,
        execution_url=CONSOLE,
        incidents=shelf.incidents,
        ids_ending=lambda end, now: ids_ending(shelf.store.table, end, now),
        trail=shelf.trail,
        silences=shelf.silences.since,
        documents=documents or MemoryDocuments(),
        session=shelf.sessions.find,
        schedules=lambda: SCHEDULES,
        overrides_of=shelf.overrides.of,
        people=lambda: PEOPLE,
    )


def get(address: str, session: str = "") -> dict[str, Any]:
    """Return a GET as API Gateway passes it on."""
    return _event("GET", address, session)


def post(address: str, form: Mapping[str, str], session: str = "", **headers: str) -> dict[str, Any]:
    """Return the sending of a form as API Gateway passes it on."""
    event = _event("POST", address, session)
    return event | {"body": urlencode(form), "isBase64Encoded": False, "headers": headers}


def signed(address: str, caller: str) -> dict[str, Any]:
    """Return a POST of a caller whose signature API Gateway has checked."""
    event = _event("POST", address, "")
    event["requestContext"]["authorizer"] = {"iam": {"userArn": caller}}
    return event


def _event(method: str, address: str, session: str) -> dict[str, Any]:
    parts = urlsplit(address)
    event: dict[str, Any] = {
        "rawPath": parts.path,
        "requestContext": {"domainName": "api.example", "http": {"method": method}},
        "headers": {},
    }
    if parts.query:
        event["queryStringParameters"] = dict(parse_qsl(parts.query))
    if session:
        event["cookies"] = ["other=1", f"{web.COOKIE}={session}"]
    return event


def cookie_in(response: Mapping[str, Any]) -> str:
    """Return the session that an answer's cookie gives the browser; empty if it sets none."""
    cookies = [cookie.partition(";")[0].partition("=")[2] for cookie in response.get("cookies", [])]
    return cookies[0] if cookies else ""


def form_in(page: str, action: str) -> dict[str, str]:
    """Return the hidden fields of a page's form, found by the address that it is sent to."""
    (form,) = re.findall(rf'<form method="post" action="{re.escape(action)}"[^>]*>(.*?)</form>', page, re.DOTALL)
    return {name: unescape(value) for name, value in re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', form)}
