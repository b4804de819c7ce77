"""Slack, through `slack_sdk`: a bot that keeps one message per incident, or an incoming webhook that can only post."""

from collections.abc import Callable, Mapping
from http.client import HTTPException
from typing import Any, cast

from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError, SlackClientError
from slack_sdk.http_retry.builtin_handlers import RateLimitErrorRetryHandler, ServerErrorRetryHandler
from slack_sdk.http_retry.handler import RetryHandler
from slack_sdk.http_retry.response import HttpResponse
from slack_sdk.webhook import WebhookClient

from firstline.adapters.channels.posting import PostsOnce, SavePost
from firstline.channels import slack
from firstline.channels.delivery import Wakes
from firstline.channels.posts import digest_of_news, is_news
from firstline.channels.slack_errors import refusal
from firstline.channels.summary import StackInfo
from firstline.errors import ChannelFailed, HistoryUnavailable
from firstline.models import IncidentRecord, Notification
from firstline.observability import logger
from firstline.text import one_line

TIMEOUT_SECONDS = 4
LONGEST_WAIT_SECONDS = 3
"""The longest wait that Slack may ask for; a function that slept longer would time out without an error to report."""

type Remember = Callable[[str, str, str], object]
"""A function that stores where an incident's message is: takes incident id, `<feed>:<channel id>` and timestamp."""

type Place = tuple[slack.Feed, str, str]
"""The place of an incident's message: feed, channel id, timestamp."""


class SlackBot:
    """A Slack bot: it posts an incident's message once, edits it from then on, and puts the details in its thread.

    There are two channels, called feeds: `automated` (what Firstline did by itself), `alerts` (what needs a person).
    The incident's record says where the message is, as `<feed>:<channel id>`: an edit needs the channel's id. Once an
    incident in `automated` needs a person, its message moves to `alerts`.

    If a person waits for the answer (`interactive`), one quick attempt is made, without details in the thread.
    """

    wakes: Wakes = "never"

    def __init__(
        self,
        token: str,
        *,
        api_url: str,
        automated_channel: str,
        alerts_channel: str,
        stack: StackInfo,
        remember: Remember,
        interactive: bool = False,
    ) -> None:
        self._client = WebClient(
            token=token,
            base_url=api_url.rstrip("/") + "/",
            timeout=1 if interactive else TIMEOUT_SECONDS,
            retry_handlers=[] if interactive else _retry_handlers(),
        )
        self._interactive = interactive
        self._channels: dict[slack.Feed, str] = {"automated": automated_channel, "alerts": alerts_channel}
        self._stack = stack
        self._remember = remember

    def tell(self, notification: Notification) -> bool:
        """Post or edit the incident's message; return False for a suppressed incident, which has no message."""
        if notification.kind == "suppressed":
            return False
        channel, timestamp = self._show(notification)
        if not self._interactive and (details := slack.render_details(notification, self._stack)):
            reply = {"channel": channel, "thread_ts": timestamp, **_QUIET, **details}
            self._try("chat.postMessage", reply, "Could not add details to the Slack thread")
        return True

    def whisper(self, channel: str, user: str, text: str, link: str | None = None) -> None:
        """Send one person a message that only they see, with a link that only they get (None: without one).

        `user` is the person's id in Slack, and `channel` the id of the channel in which they see the message.

        Raises
        ------
        ChannelFailed
            Slack refused or could not be reached.
        """
        self._call("chat.postEphemeral", {"channel": channel, "user": user, **slack.render_whisper(text, link)})

    def say(self, text: str) -> None:
        """Post a message that is about no incident.

        It goes to the channel `alerts` or, if that takes no messages, to the channel `automated`.

        Raises
        ------
        ChannelFailed
            No channel took it.
        """
        message = {**_QUIET, **slack.render_whisper(text, None)}
        try:
            self._call("chat.postMessage", {"channel": self._channels["alerts"], **message})
        except _Refused as refused:
            if refused.refusal.meaning != "elsewhere" or len(set(self._channels.values())) == 1:
                raise
            logger.error("A Slack channel takes no messages; another got this one", extra={"why": str(refused)})
            self._call("chat.postMessage", {"channel": self._channels["automated"], **message})

    def open_form(self, trigger_id: str, view: dict[str, Any]) -> None:
        """Show a form (`view`, as Slack's API takes it) to the person who pressed a button.

        The press's `trigger_id` permits that for three seconds.

        Raises
        ------
        ChannelFailed
            Slack could not be reached or refused, most likely because the three seconds were over.
        """
        self._call("views.open", {"trigger_id": trigger_id, "view": view})

    def _show(self, notification: Notification) -> tuple[str, str]:
        """Edit or post the incident's message; return the id of the channel that it is in, and its timestamp."""
        record = notification.record
        message = slack.render(notification, self._stack)
        wanted = slack.feed(notification)
        barred: _Refused | None = None
        for to in self._ways(_place(record), wanted):
            try:
                if isinstance(to, tuple):
                    _, channel, timestamp = to
                    self._send("chat.update", {"channel": channel, "ts": timestamp}, message)
                else:
                    answer = self._send("chat.postMessage", {"channel": self._channels[to], **_QUIET}, message)
                    channel, timestamp = str(answer["channel"]), str(answer["ts"])
            except _Refused as refused:
                if refused.refusal.meaning not in ("anew", "elsewhere"):
                    raise
                logger.warning("Slack refused the incident's message in one place", extra={"why": str(refused)})
                barred = refused if to == wanted else barred
                continue
            if barred or not isinstance(to, tuple):
                place = (wanted, channel, timestamp)
                self._store(record, place)
                self._point_to(place, notification, barred)
            return channel, timestamp
        raise barred or AssertionError("the channel that is wanted was not tried")

    def _ways(self, place: Place | None, wanted: slack.Feed) -> list[Place | slack.Feed]:
        """Return the ways to show a message, best first: a `Place` means an edit there, a `Feed` a new post in it.

        `place` is where the incident's message is now (None: nowhere), and `wanted` is the feed in which it belongs.
        """
        other: slack.Feed = "alerts" if wanted == "automated" else "automated"
        ways: list[Place | slack.Feed] = [wanted]
        if place:
            stays = wanted == "automated" or self._channels[place[0]] == self._channels[wanted]
            ways.insert(0 if stays else 1, place)
        return ways if self._channels[other] == self._channels[wanted] else [*ways, other]

    def _store(self, record: IncidentRecord, place: Place) -> None:
        """Store on the incident's record where its message is now; if that fails, only log it."""
        feed, channel, timestamp = place
        try:
            self._remember(record.incident.incident_id, f"{feed}:{channel}", timestamp)
        except HistoryUnavailable:
            # People can read the message; the next moment gets a message of its own instead of an edit.
            logger.exception("Could not store where the incident's Slack message is")

    def _point_to(self, place: Place, notification: Notification, barred: ChannelFailed | None) -> None:
        """Tell people why the incident's message is at a new place (feed, channel and timestamp).

        With `barred`, the error with which the feed's own channel refused the message, it is in the other channel: a
        reply in its thread gives the error. Without, if the incident's earlier message is in the other feed, that
        earlier message is replaced by a text that points to the new one.
        """
        feed, channel, timestamp = place
        before = _place(notification.record)
        if barred:
            logger.error("A Slack channel takes no messages; another got this one", extra={"why": str(barred)})
            note = {"thread_ts": timestamp, **slack.render_detour(self._channels[feed], str(barred))}
            unsaid = "Could not say in the thread why the message is in this channel"
            self._try("chat.postMessage", {"channel": channel, **_QUIET, **note}, unsaid)
        elif before and before[0] != feed:
            pointer = {"channel": before[1], "ts": before[2], **slack.render_pointer(notification)}
            self._try("chat.update", pointer, "Could not mark the old Slack message as moved")

    def _send(self, method: str, where: dict[str, Any], message: dict[str, Any]) -> dict[str, Any]:
        return _less_if_too_long(lambda text: self._call(method, where | text), message)

    def _try(self, method: str, body: dict[str, Any], warning: str) -> None:
        """Call a Slack method, and log `warning` if it fails: an error would make the caller post its message again."""
        try:
            self._call(method, body)
        except ChannelFailed as failure:
            logger.warning(warning, extra={"why": str(failure)})

    def _call(self, method: str, body: dict[str, Any]) -> dict[str, Any]:
        try:
            return cast("dict[str, Any]", self._client.api_call(method, json=body).data)
        except SlackApiError as error:
            said = error.response
            code = str(said.get("error") or "unknown error")
            raise _Refused(method, code, said.status_code, said.headers) from error
        except (SlackClientError, OSError, HTTPException) as error:
            why = f"Slack did not answer {method}: {error or type(error).__name__}"
            raise ChannelFailed(why, retryable=True) from error


class SlackWebhook(PostsOnce):
    """An incoming webhook: it posts to its one channel, without edits, threads or buttons."""

    name = "slack"

    def __init__(self, url: str, save: SavePost, *, stack: StackInfo) -> None:
        super().__init__(save)
        self._client = WebhookClient(url, timeout=TIMEOUT_SECONDS, retry_handlers=_retry_handlers())
        self._stack = stack

    def digest(self, notification: Notification) -> str | None:
        """Return a hash of what is new to people in the notification, or None if nothing is, which needs no post."""
        return digest_of_news(notification) if is_news(notification) else None

    def post(self, notification: Notification) -> None:
        """Post the incident's message, or a shorter one if Slack finds it too long. Raises ChannelFailed."""
        message = slack.render(notification, self._stack, interactive=False)
        _less_if_too_long(self._send, message)

    def say(self, text: str) -> None:
        """Post a message that is about no incident; raises ChannelFailed."""
        self._send(slack.render_whisper(text, None))

    def _send(self, message: dict[str, Any]) -> None:
        try:
            answer = self._client.send_dict({**_QUIET, **message})
        except (SlackClientError, OSError, HTTPException) as error:
            why = f"Slack's webhook did not answer: {error or type(error).__name__}"
            raise ChannelFailed(why, retryable=True) from error
        if answer.status_code != 200:
            raise _Refused(
                "webhook", answer.body, answer.status_code, answer.headers, "check the secret slack/webhook-url"
            )


class _Refused(ChannelFailed):
    """A refusal by Slack; `refusal` holds the meaning of Slack's error code, and how a person mends its cause."""

    def __init__(self, method: str, code: str, status: int, headers: Mapping[str, str], fix: str = "") -> None:
        self.refusal = refusal(code, status)
        later = self.refusal.meaning == "later"
        fix = "" if later else fix or self.refusal.fix
        super().__init__(
            f"Slack {method}: {one_line(code, 200)} (status {status}){'; ' if fix else ''}{fix}",
            retryable=later,
            retry_after=_seconds(headers) if status == 429 or code in ("ratelimited", "rate_limited") else None,
        )


def _less_if_too_long[Answered](send: Callable[[dict[str, Any]], Answered], message: dict[str, Any]) -> Answered:
    """Send a message, shortened step by step as long as Slack finds it too long; return what `send` returns."""
    for less in slack.shorter(message):
        try:
            return send(message)
        except _Refused as refused:
            if refused.refusal.meaning != "shorter":
                raise
            logger.warning("Slack refused a message's text; sending less of it", extra={"why": str(refused)})
            message = less
    return send(message)


def _seconds(headers: Mapping[str, str]) -> float:
    """Return the seconds in Slack's `Retry-After` header, or 60 if it has no whole number."""
    asked = next((value for name, value in headers.items() if name.lower() == "retry-after"), "")
    return float(asked) if asked.isdecimal() else 60.0


class _PatientWithinReason(RateLimitErrorRetryHandler):
    """A handler of Slack's rate limit: it waits as long as Slack asks and retries, unless that is over 3 seconds."""

    def _can_retry(self, *, response: HttpResponse | None = None, **asked: Any) -> bool:
        if response is None or not super()._can_retry(response=response, **asked):
            return False
        wait = next((values for name, values in response.headers.items() if name.lower() == "retry-after"), ["1"])
        return str(wait[0]).isdecimal() and int(wait[0]) <= LONGEST_WAIT_SECONDS


_QUIET = {"unfurl_links": False, "unfurl_media": False, "mrkdwn": False}


def _retry_handlers() -> list[RetryHandler]:
    return [_PatientWithinReason(max_retry_count=1), ServerErrorRetryHandler(max_retry_count=1)]


def _place(record: IncidentRecord) -> Place | None:
    if not record.slack_channel or not record.slack_ts:
        return None
    feed, _, channel = record.slack_channel.partition(":")
    return cast("slack.Feed", feed), channel, record.slack_ts
