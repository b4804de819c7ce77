"""Readers of on-call schedules that are kept elsewhere: in PagerDuty (REST API), or in a calendar's feed over HTTPS.

Addresses and tokens are the owner's secrets. What comes back is untrusted: its size is bounded, its times are checked,
and of a name only a short line is kept.
"""

import json
import threading
import urllib.error
import urllib.request
from collections.abc import Callable, Iterable
from datetime import datetime
from http.client import HTTPException
from typing import Any
from urllib.parse import urlencode, urlsplit
from zoneinfo import ZoneInfo

from aws_lambda_powertools.utilities.parameters.exceptions import GetParameterError

from firstline.adapters import ical
from firstline.adapters.no_redirect import OPENER
from firstline.errors import FeedUnavailable
from firstline.policy.followed_schedules import AHEAD, BEHIND, Span
from firstline.policy.oncall import Followed
from firstline.text import one_line

MAX_BYTES = 2_000_000
TIMEOUT_SECONDS = 5.0
TOKEN = "pagerduty/api-token"  # noqa: S105 (its name)


class OnCallFeeds:
    """The on-call schedules that are kept in PagerDuty or in a calendar.

    Parameters
    ----------
    secret
        Returns the value of a parameter below the stack's prefix, or None. Raises `GetParameterError`.
    schemes
        The schemes that an address may have; a test adds http, because its server has no certificate.
    """

    def __init__(
        self,
        secret: Callable[[str], str | None],
        *,
        pagerduty_api_url: str,
        schemes: Iterable[str] = ("https",),
        timeout_seconds: float = TIMEOUT_SECONDS,
    ) -> None:
        self._secret = secret
        self._api_url = pagerduty_api_url.rstrip("/")
        self._schemes = tuple(schemes)
        self._timeout_seconds = timeout_seconds

    def read(self, followed: Followed, now: datetime) -> list[Span]:
        """Return the shifts of a schedule that the team keeps in PagerDuty or in a calendar (`followed`).

        Shifts are read from 14 days before `now` to 60 days after it; a calendar's shifts that do not repeat are
        returned whenever they are.

        Raises
        ------
        FeedUnavailable
            The schedule cannot be read or makes no sense. The message says why, without the address.
        """
        if followed.pagerduty_schedule is not None:
            return self._of_pagerduty(followed.pagerduty_schedule, now)
        name = (followed.ical or "").removeprefix("ssm:")
        address = self._value(name).strip()
        if address.startswith("webcal://"):
            address = "https" + address.removeprefix("webcal")
        if urlsplit(address).scheme not in self._schemes:
            raise FeedUnavailable(f"the address in the parameter {name} must begin with https:// or webcal://")
        text = self._fetch(address, {"Accept": "text/calendar"}).decode("utf-8-sig", "replace")
        return ical.read(text, ZoneInfo(followed.time_zone), now)

    def _of_pagerduty(self, schedule: str, now: datetime) -> list[Span]:
        """Return the shifts in PagerDuty's final schedule, which has its overrides, in UTC.

        `schedule` is the schedule's id in PagerDuty.
        https://developer.pagerduty.com/api-reference/ (Get a schedule).
        """
        span = {"since": (now - BEHIND).isoformat(), "until": (now + AHEAD).isoformat(), "time_zone": "UTC"}
        body = self._fetch(
            f"{self._api_url}/schedules/{schedule}?{urlencode(span)}",
            {
                "Authorization": f"Token token={self._value(TOKEN)}",
                "Accept": "application/vnd.pagerduty+json;version=2",
            },
        )
        return spans_of(body)

    def _value(self, name: str) -> str:
        try:
            value = self._secret(name)
        except GetParameterError:
            raise FeedUnavailable(
                f"the SSM parameter {name} below the stack's path cannot be read: SSM failed or refused"
            ) from None
        if value is None:
            raise FeedUnavailable(f"the SSM parameter {name} below the stack's path does not exist; store it")
        return value

    def _fetch(self, url: str, headers: dict[str, str]) -> bytes:
        answers: list[bytes | FeedUnavailable] = []

        def ask() -> None:
            try:
                answers.append(self._ask(url, headers))
            except FeedUnavailable as error:
                answers.append(error)

        # A socket's time-out is for each of its reads: a server that drips would hold reconcile as long as it likes.
        asking = threading.Thread(target=ask, daemon=True)
        asking.start()
        asking.join(self._timeout_seconds)
        answer = answers[0] if answers else _too_late(self._timeout_seconds)
        if isinstance(answer, FeedUnavailable):
            raise answer
        return answer

    def _ask(self, url: str, headers: dict[str, str]) -> bytes:
        request = urllib.request.Request(url, headers=headers)  # noqa: S310 (the scheme is checked, or the stack's own)
        try:
            with OPENER.open(request, timeout=self._timeout_seconds) as response:
                body: bytes = response.read(MAX_BYTES + 1)
        except urllib.error.HTTPError as error:
            error.close()
            fix = "; check the schedule's id or address, and its token" if error.code in (401, 403, 404) else ""
            raise FeedUnavailable(f"the schedule's server answered {error.code}{fix}") from None
        except (OSError, HTTPException, ValueError) as error:
            # Some of these errors quote the address, which is a secret.
            raise FeedUnavailable(f"the schedule's server does not answer ({type(error).__name__})") from None
        if len(body) > MAX_BYTES:
            raise FeedUnavailable(f"the schedule has more than {MAX_BYTES:,} bytes")
        return body


def _too_late(seconds: float) -> FeedUnavailable:
    return FeedUnavailable(f"the schedule's server does not answer within {seconds:g} seconds")


def spans_of(body: bytes) -> list[Span]:
    """Return the shifts in PagerDuty's answer (its final schedule). Raises `FeedUnavailable`."""
    try:
        entries: list[Any] = json.loads(body)["schedule"]["final_schedule"]["rendered_schedule_entries"]
        return [
            Span(who=one_line(entry["user"]["summary"], 120), begins_at=entry["start"], ends_at=entry["end"])
            for entry in entries
        ]
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise FeedUnavailable(
            f"PagerDuty's answer has no list schedule.final_schedule.rendered_schedule_entries as its API describes it "
            f"({type(error).__name__}); check the address of PagerDuty's API, then try again"
        ) from None
