"""POST requests to addresses that the owner sets, and channels that post once what they cannot edit.

The address is a secret of the owner's; nothing that an alert or a model says reaches it. So a private address is
allowed: it may be meant. A redirect is not followed, because it would lead to an address that the owner did not set.
"""

import threading
import urllib.error
import urllib.request
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from http.client import HTTPException
from typing import Any
from urllib.parse import urlsplit

from firstline.channels.delivery import Wakes
from firstline.errors import ChannelFailed, HistoryUnavailable
from firstline.models import Notification
from firstline.observability import logger
from firstline.text import one_line

TIMEOUT_SECONDS = 3.0
LEAVE_ALONE_SECONDS = 60.0
"""The time for which a receiver that hangs is left alone: another try at once would hold those who are told next."""

LONGEST_ANSWER = 500
_PASSING = frozenset({408, 425, 429})
_TOO_LARGE = 413
_THIS_MACHINE = frozenset({"127.0.0.1", "localhost"})

type SavePost = Callable[[str, str, str], object]
"""Stores the digest of a channel's newest post: incident id, channel, digest."""


class PostsOnce(ABC):
    """A channel that cannot edit: it posts when what it would say has changed since its newest post on the incident.

    `name` is the channel's name in the paging policy.
    """

    wakes: Wakes = "never"
    name: str

    def __init__(self, save: SavePost) -> None:
        self._save = save

    @abstractmethod
    def digest(self, notification: Notification) -> str | None:
        """Return a digest of what a post would say, or None if this moment is worth none."""

    @abstractmethod
    def post(self, notification: Notification) -> None:
        """Post it. Raises ChannelFailed."""

    def tell(self, notification: Notification) -> bool:
        """Post, or return False if this moment is worth no post. What was posted already counts as told."""
        digest = self.digest(notification)
        if digest is None:
            return False
        record = notification.record
        if record.posted.get(self.name) == digest:
            return True
        self.post(notification)
        try:
            self._save(record.incident.incident_id, self.name, digest)
        except HistoryUnavailable:
            # People can read the post. If the same is told again, they read it twice.
            logger.exception("Could not store what was posted", extra={"channel": self.name})
        return True


class PostRefused(ChannelFailed):
    """A receiver's refusal. `too_large` is true if it asks for less."""

    def __init__(self, message: str, *, retryable: bool, retry_after: float | None, too_large: bool) -> None:
        super().__init__(message, retryable=retryable, retry_after=retry_after)
        self.too_large = too_large


def post(what: str, url: str, body: bytes, headers: Mapping[str, str], *, fix: str, seconds: float) -> None:
    """POST JSON, and return if the receiver took it (2xx) within the time.

    Parameters
    ----------
    what
        The receiver in words, for messages.
    fix
        What to do if the receiver does not want such a request.

    Raises
    ------
    ChannelFailed
        The address is not https, the receiver did not take it, or it took too long. The message does not quote the
        address, which is a secret.
    """
    if not is_allowed(url):
        raise ChannelFailed(f"{what}: the address must be https://…; {fix}", retryable=False)
    request = urllib.request.Request(url, data=body, headers={"Content-Type": "application/json", **headers})  # noqa: S310 (the scheme was just checked)
    failures: list[ChannelFailed | None] = []

    def ask() -> None:
        failures.append(_failure(what, request, fix, seconds))

    # A socket's time-out is for each of its reads: a receiver that drips would hold a page for as long as it likes.
    asking = threading.Thread(target=ask, daemon=True)
    asking.start()
    asking.join(seconds)
    if not failures:
        raise _timed_out(what, seconds)
    if failures[0] is not None:
        raise failures[0]


def _failure(what: str, request: urllib.request.Request, fix: str, seconds: float) -> ChannelFailed | None:
    """Make the request, and return why it failed, or None."""
    try:
        with _OPENER.open(request, timeout=seconds):
            return None
    except urllib.error.HTTPError as error:
        with error:
            said = one_line(error.read(LONGEST_ANSWER).decode(errors="replace"), 300)
        passing = error.code in _PASSING or error.code >= 500
        too_large = error.code == _TOO_LARGE
        mend = "" if passing or too_large else f"; {fix}"
        return PostRefused(
            f"{what} answered {error.code} {said}{mend}",
            retryable=passing,
            retry_after=_seconds(error.headers.get("Retry-After")) if error.code == 429 else None,
            too_large=too_large,
        )
    except TimeoutError:
        return _timed_out(what, seconds)
    except (OSError, HTTPException, ValueError) as error:
        if isinstance(getattr(error, "reason", None), TimeoutError):
            return _timed_out(what, seconds)
        return ChannelFailed(f"{what}: {_without_address(error)}", retryable=not isinstance(error, ValueError))


def _timed_out(what: str, seconds: float) -> ChannelFailed:
    said = f"{what}: timed out after {seconds:g} seconds"
    return ChannelFailed(said, retryable=True, retry_after=LEAVE_ALONE_SECONDS)


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """A handler that takes a redirect as the answer."""

    def redirect_request(self, *_: Any, **__: Any) -> None:
        return None


_OPENER = urllib.request.build_opener(_NoRedirect)


def is_allowed(url: str) -> bool:
    """Return True for https, and for http on this machine, where the emulator and tests listen."""
    try:
        parts = urlsplit(url)
        return bool(parts.hostname) and (
            parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in _THIS_MACHINE)
        )
    except ValueError:
        return False


def _without_address(error: Exception) -> str:
    """Return an error in words. A URLError's reason names no address; of others, only the kind is told."""
    return str(error.reason) if isinstance(error, urllib.error.URLError) else type(error).__name__


def _seconds(asked: str | None) -> float:
    """Return for how many seconds a receiver asks to be left alone; a minute if it does not say it in whole seconds."""
    return float(asked) if asked and asked.isdecimal() else LEAVE_ALONE_SECONDS
