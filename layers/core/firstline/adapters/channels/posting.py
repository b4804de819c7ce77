"""POST requests to addresses that the owner sets, and the base of channels that cannot edit what they posted.

The address is a secret of the owner's; nothing that an alert or a model says reaches it. So a private address is
allowed: the owner may want it. A redirect is not followed, because it would lead to an address that the owner did not
set.
"""

import threading
import urllib.error
import urllib.request
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from http.client import HTTPException
from urllib.parse import urlsplit

from firstline.adapters.no_redirect import OPENER
from firstline.channels.delivery import Wakes
from firstline.errors import ChannelFailed, HistoryUnavailable
from firstline.models import Notification
from firstline.observability import logger
from firstline.text import one_line

TIMEOUT_SECONDS = 3.0
LEAVE_ALONE_SECONDS = 60.0
"""The time for which a receiver that timed out is not tried again: a try at once would delay the next channels."""

LONGEST_ANSWER = 500
_PASSING = frozenset({408, 425, 429})
_TOO_LARGE = 413
_THIS_MACHINE = frozenset({"127.0.0.1", "localhost"})

type SavePost = Callable[[str, str, str], object]
"""A function that stores the digest of a channel's newest post: takes incident id, channel and digest."""


class PostsOnce(ABC):
    """A channel that cannot edit: it posts only if its message has changed since its last post on the incident.

    `name` is the channel's name in the paging policy.
    """

    wakes: Wakes = "never"
    name: str

    def __init__(self, save: SavePost) -> None:
        self._save = save

    @abstractmethod
    def digest(self, notification: Notification) -> str | None:
        """Return a hash of the content of the post, or None if the notification needs no post."""

    @abstractmethod
    def post(self, notification: Notification) -> None:
        """Post the notification. Raises ChannelFailed."""

    def tell(self, notification: Notification) -> bool:
        """Post the notification unless the last post had the same digest; return False if it needs no post at all."""
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
            logger.exception("Could not store what was posted; it may be posted twice", extra={"channel": self.name})
        return True


class PostRefused(ChannelFailed):
    """A receiver's refusal. `too_large` is true if a shorter message may be accepted (status 413)."""

    def __init__(self, message: str, *, retryable: bool, retry_after: float | None, too_large: bool) -> None:
        super().__init__(message, retryable=retryable, retry_after=retry_after)
        self.too_large = too_large


def post(what: str, url: str, body: bytes, headers: Mapping[str, str], *, fix: str, seconds: float) -> None:
    """POST JSON, and return when the receiver has accepted it with a status of 2xx.

    Parameters
    ----------
    what
        The receiver in words, for messages.
    fix
        The advice that an error ends with if the receiver refuses the request for good.

    Raises
    ------
    ChannelFailed
        The address is not https, or the receiver refused or did not answer in `seconds`. The message does not quote the
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
    """Make the request; return None if the receiver accepted it, else the failure as an error.

    The error names the receiver as `what`, and ends with the advice `fix` if the receiver refused for good.
    """
    try:
        with OPENER.open(request, timeout=seconds):
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
    said = f"{what} did not answer within {seconds:g} seconds"
    return ChannelFailed(said, retryable=True, retry_after=LEAVE_ALONE_SECONDS)


def is_allowed(url: str) -> bool:
    """Return True for an https address, and for http to this machine, where the emulator and tests listen."""
    try:
        parts = urlsplit(url)
        return bool(parts.hostname) and (
            parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in _THIS_MACHINE)
        )
    except ValueError:
        return False


def _without_address(error: Exception) -> str:
    """Return an error's text without the secret address: a URLError's reason, or the class of any other error."""
    return str(error.reason) if isinstance(error, urllib.error.URLError) else type(error).__name__


def _seconds(asked: str | None) -> float:
    """Return the seconds in a receiver's `Retry-After` header (`asked`), or 60 if it has none or no whole number."""
    return float(asked) if asked and asked.isdecimal() else LEAVE_ALONE_SECONDS
