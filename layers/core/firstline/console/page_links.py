"""Links in pages, mails and text messages: each for one person and one incident, to read it and to say "I have it".

Unlike a ticket it may be opened more than once, because its owner comes back to it, and it is not in the table, because
whoever pages may write no ticket. It is an HMAC over its content, with a key and a purpose of its own: no signature
that was made for the approval page is one of these.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

from pydantic import ValidationError

from firstline.console.sessions import Pass
from firstline.errors import NotEntitled
from firstline.people import links
from firstline.policy.people import Person

SECRET = "console/link-key"  # noqa: S105 (its name)
URL = "console/url"
"""The parameter with the stack's address, which the template writes: to give it to a function would close a cycle."""

LASTS = timedelta(hours=12)

_PURPOSE = b"firstline-page-link-1\n"


def address(person: Person, incident_id: str, api_url: str, keys: Sequence[str], now: datetime) -> str:
    """Return a person's link to an incident.

    Parameters
    ----------
    api_url
        The stack's API, without a slash at the end.
    keys
        The first one signs.

    Raises
    ------
    NotEntitled, ConfigurationError
        There is no key, or one is too short.
    """
    given = Pass(key=person.key, name=person.name, role=person.role, incident_id=incident_id, expires_at=now + LASTS)
    token = links.seal(given.model_dump_json().encode(), _PURPOSE, links.checked(keys, SECRET))
    return f"{api_url}/console/enter/{incident_id}?link={token}"


def read(token: str, incident_id: str, keys: Sequence[str], now: datetime) -> Pass:
    """Verify a link and return what it is good for.

    Raises
    ------
    NotEntitled
        Firstline did not sign it, it was altered, it is for another incident, or it is over.
    ConfigurationError
        A key is too short.
    """
    content = links.unseal(token, _PURPOSE, links.checked(keys, SECRET))
    if content is None:
        raise NotEntitled("This link was not made by Firstline, or it is not complete. Open the console instead.")
    try:
        given = Pass.model_validate_json(content)
    except ValidationError:
        raise NotEntitled("This link was made by another version of Firstline. Open the console instead.") from None
    if given.incident_id != incident_id:
        raise NotEntitled("This link is for another incident.")
    if now >= given.expires_at:
        raise NotEntitled("This link is over. Open the console instead.")
    return given
