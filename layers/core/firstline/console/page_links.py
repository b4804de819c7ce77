"""Links in text messages: each for one person and one incident, to read the incident and to say "I have it".

A link may be opened more than once, because its owner comes back to it, and it is not in the table: the functions that
page have no right to write sign-in tickets (`sessions.py`), which are good for one sign-in. Each character of a text
message is paid for, so a link is short: `/console/enter/<incident>?link=<person>.<seal>`. The seal is a person's role,
the time at which the link ends, and 128 bits of an HMAC over all of it. The HMAC has its own key and purpose, so that a
link to the approval page cannot be used here.
"""

import hmac
import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from struct import Struct
from typing import get_args

from firstline.console.sessions import Pass
from firstline.errors import NotEntitled
from firstline.people import links
from firstline.policy.people import PERSON_NAME, Person, Role

SECRET = "console/link-key"  # noqa: S105 (its name)
URL = "console/url"
"""The name of the SSM parameter with the stack's address. In a function's environment it would make the template's
resources depend on each other in a circle."""

LASTS = timedelta(hours=12)

_PURPOSE = b"firstline-page-link-2\n"
_TOKEN = re.compile(rf"(?P<person>{PERSON_NAME})\.(?P<seal>[A-Za-z0-9_-]{{28}})")
_ROLES: tuple[Role, ...] = get_args(Role.__value__)
_RIGHT = Struct(">BI")
"""The layout of a right: the place of the role in `_ROLES`, and the second at which the link ends."""
_MAC_BYTES = 16


def address(person: Person, incident_id: str, api_url: str, keys: Sequence[str], now: datetime) -> str:
    """Return a person's link to an incident.

    Parameters
    ----------
    person
        A person on the list of people, whose key is their name there.
    api_url
        The stack's API, without a slash at the end.
    keys
        The signing keys, of which the first one signs.

    Raises
    ------
    NotEntitled
        There is no key.
    ConfigurationError
        A key is too short.
    """
    right = _RIGHT.pack(_ROLES.index(person.role), int((now + LASTS).timestamp()))
    mac = _mac(right, person.key, incident_id, links.checked(keys, SECRET)[0])
    return f"{api_url}/console/enter/{incident_id}?link={person.key}.{urlsafe_b64encode(right + mac).decode()}"


def read(token: str, incident_id: str, keys: Sequence[str], now: datetime) -> Pass:
    """Verify a link and return the pass that it stands for.

    `token` is what follows `?link=` in the address. Any of the keys may have signed it, whatever their order.

    Raises
    ------
    NotEntitled
        Firstline did not sign the link for this incident, it was altered, it has ended, or there is no key.
    ConfigurationError
        A key is too short.
    """
    known = links.checked(keys, SECRET)
    if (token_parts := _TOKEN.fullmatch(token)) is None:
        raise NotEntitled("This link is not complete, or Firstline did not make it. Open the console instead.")
    name, sealed = token_parts["person"], urlsafe_b64decode(token_parts["seal"])
    right, mac = sealed[: _RIGHT.size], sealed[_RIGHT.size :]
    genuine = [hmac.compare_digest(mac, _mac(right, name, incident_id, key)) for key in known]
    if not any(genuine):
        raise NotEntitled("Firstline did not make this link for this incident. Open the console instead.")
    role, ends = _RIGHT.unpack(right)
    expires_at = datetime.fromtimestamp(ends, UTC)
    if now >= expires_at:
        raise NotEntitled("This link has expired. Open the console instead.")
    return Pass(key=name, name=name, role=_ROLES[role], incident_id=incident_id, expires_at=expires_at)


def _mac(right: bytes, name: str, incident_id: str, key: str) -> bytes:
    """Return the signature over a link's role and end (`right`), its person and its incident.

    Neither a name nor an id has a line break, so no two links sign the same text.
    """
    signed = _PURPOSE + right + f"{name}\n{incident_id}".encode("utf-8", "replace")
    return hmac.digest(key.encode(), signed, "sha256")[:_MAC_BYTES]
