"""The right to look at the console and to act: tickets that are used once, sessions, and three roles. Pure.

A ticket is a link for one person, good for one use within a minute. It begins a session: a cookie for eight hours. Both
are 256 random bits, of which the table stores only the hash, so that nobody who reads the table can use them. A link in
a text message is no ticket (`page_links.py`): it is good for one incident, to read it and to say "I have it".
"""

import hmac
import secrets
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Protocol

from pydantic import AwareDatetime

from firstline.errors import NotEntitled
from firstline.models import Frozen, Name
from firstline.policy.people import Person, Role

TICKET_LASTS = timedelta(seconds=60)
SESSION_LASTS = timedelta(hours=8)

NOT_IN = "You are not signed in, or your session is over. Open the console with `firstline console`, or from Slack."


class Pass(Frozen):
    """The right of one person to look and to act until a time, for which a session or a ticket (one sign-in) stands.

    `key` identifies the person to Firstline; `name` is shown to other people. A pass with an `incident_id` is good for
    that incident alone, to read it and to acknowledge it.
    """

    key: Name
    name: Name
    role: Role
    incident_id: Name | None = None
    expires_at: AwareDatetime

    def may_see(self, incident_id: str) -> bool:
        """Return True if the holder may look at this incident."""
        return self.incident_id in (None, incident_id)

    def may(self, action: str, incident_id: str) -> bool:
        """Return True if the holder may take this action, such as `acknowledge`, on this incident."""
        if not self.may_see(incident_id):
            return False
        if self.incident_id is not None:
            return action == "acknowledge" and self.person.may("operator")
        return self.person.may("approver" if action == "approve" else "operator")

    @property
    def person(self) -> Person:
        """The holder as they were when the pass was made."""
        return Person(key=self.key, name=self.name, role=self.role)


class Sessions(Protocol):
    """The tickets and sessions of one stack. Every method raises `HistoryUnavailable` if the table does not answer."""

    def mint(self, given: Pass, now: datetime) -> str:
        """Store a ticket (a link for one log-in) with the rights in this pass, and return the ticket's token."""

    def redeem(self, token: str, now: datetime) -> Pass | None:
        """Use a ticket (a link for one log-in) up and return its pass, the person's rights.

        None if it is unknown, too old, or was used before.
        """

    def begin(self, given: Pass, now: datetime) -> str:
        """Store a session for this pass, and return the session's token."""

    def find(self, token: str, now: datetime) -> Pass | None:
        """Return the pass of a session by its token, or None if the session is unknown or over."""

    def end(self, token: str, now: datetime) -> None:
        """End a session."""


def new_token() -> str:
    """Return 256 random bits as text."""
    return secrets.token_urlsafe(32)


def hash_of(token: str) -> str:
    """Return the hash under which the table stores a token."""
    return sha256(token.encode("utf-8", "replace")).hexdigest()


def session_for(given: Pass, now: datetime) -> Pass:
    """Return the pass of a session of eight hours, with the rights of the pass `given`.

    `given` is the pass of what begins the session: a ticket (an address for one sign-in) or the link in a text message.
    """
    return given.model_copy(update={"expires_at": now + SESSION_LASTS})


def form_token(token: str) -> str:
    """Return the token that each form of a session carries, made from the session's own `token`.

    Another site may send the cookie, but not this token.
    """
    return sha256(f"firstline-form-1\n{token}".encode()).hexdigest()


def check_form(token: str, given: str) -> None:
    """Raise NotEntitled unless `given` is the form token of the session with this token."""
    if not hmac.compare_digest(form_token(token).encode(), given.encode("utf-8", "replace")):
        raise NotEntitled("This form is not from your session. Open the page again, and press the button there.")
