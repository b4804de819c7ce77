"""Slack, through `slack_sdk`: a bot that keeps one message per incident, or an incoming webhook that can only post."""

from collections.abc import Callable
from http.client import HTTPException
from typing import Any, NoReturn, cast

from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError, SlackClientError
from slack_sdk.http_retry.builtin_handlers import RateLimitErrorRetryHandler, ServerErrorRetryHandler
from slack_sdk.http_retry.handler import RetryHandler
from slack_sdk.http_retry.response import HttpResponse
from slack_sdk.webhook import WebhookClient

from firstline.channels import slack
from firstline.channels.delivery import Wakes
from firstline.errors import ChannelFailed, HistoryUnavailable
from firstline.models import IncidentRecord, Notification
from firstline.observability import logger

TIMEOUT_SECONDS = 4
LONGEST_WAIT_SECONDS = 3
"""Slack asks for longer waits under load; a function that sleeps through them would time out instead of saying so."""

_PASSING = frozenset({"ratelimited", "rate_limited", "internal_error", "fatal_error", "service_unavailable"})
_MESSAGE_GONE = frozenset({"message_not_found", "cant_update_message", "edit_window_closed", "channel_not_found"})
_FIXES = {
    "invalid_auth": "the secret slack/bot-token is not a valid bot token",
    "not_authed": "the secret slack/bot-token is empty",
    "token_revoked": "the secret slack/bot-token was revoked; install the app again",
    "account_inactive": "the secret slack/bot-token belongs to a removed app; install it again",
    "expired_trigger_id": "it took more than three seconds; press the button again",
    "missing_scope": "the app lacks a scope; docs/channels/slack.md lists them",
    "not_in_channel": "invite the bot to the channel, or give the app chat:write.public",
    "channel_not_found": "no such channel, or the bot is not in it; check SlackAutomatedChannel and SlackAlertsChannel",
    "is_archived": "the channel is archived; choose another in SlackAutomatedChannel or SlackAlertsChannel",
}

type Remember = Callable[[str, str, str], object]
"""Stores where an incident's message is: incident id, place, timestamp."""


class SlackBot:
    """A bot token: it posts an incident's message once, edits it from then on, and puts the details in its thread.

    The incident's record says where the message is, as `<feed>:<channel id>`: editing takes the id, which only the
    answer to the first post tells, and moving from one feed to the other takes the feed.

    If a person waits for the answer (`interactive`), one quick attempt is made, without details.
    """

    wakes: Wakes = "never"

    def __init__(
        self,
        token: str,
        *,
        api_url: str,
        automated_channel: str,
        alerts_channel: str,
        console_url: str,
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
        self._console_url = console_url
        self._remember = remember

    def tell(self, notification: Notification) -> bool:
        """Bring the incident's message up to date, in the channel where it belongs now."""
        if notification.kind == "suppressed":
            return False
        channel, timestamp = self._show(notification)
        if not self._interactive and (details := slack.render_details(notification)):
            reply = {"channel": channel, "thread_ts": timestamp, **_QUIET, **details}
            self._try("chat.postMessage", reply, "Could not add details to the Slack thread")
        return True

    def whisper(self, channel: str, user: str, text: str, link: str | None = None) -> None:
        """Send one person a message that only they see, with a link that only they get.

        Raises
        ------
        ChannelFailed
            Slack refused or could not be reached.
        """
        self._call("chat.postEphemeral", {"channel": channel, "user": user, **slack.render_whisper(text, link)})

    def open_form(self, trigger_id: str, view: dict[str, Any]) -> None:
        """Show a form to the person whose press gave the trigger, which is valid for three seconds.

        Raises
        ------
        ChannelFailed
            Slack refused, most likely because it was too late, or could not be reached.
        """
        self._call("views.open", {"trigger_id": trigger_id, "view": view})

    def _show(self, notification: Notification) -> tuple[str, str]:
        record = notification.record
        message = slack.render(notification, console_url=self._console_url)
        wanted = slack.feed(notification)
        place = _place(record)
        if place and (wanted == "automated" or self._channels[place[0]] == self._channels[wanted]):
            try:
                self._call("chat.update", {"channel": place[1], "ts": place[2], **message})
                return place[1:]
            except _MessageGone:
                logger.warning("The incident's Slack message is gone; posting a new one")
        answer = self._call("chat.postMessage", {"channel": self._channels[wanted], **_QUIET, **message})
        channel, timestamp = str(answer["channel"]), str(answer["ts"])
        try:
            self._remember(record.incident.incident_id, f"{wanted}:{channel}", timestamp)
        except HistoryUnavailable:
            # People can read the message; the next moment gets a message of its own instead of an edit.
            logger.exception("Could not store where the incident's Slack message is")
        if place and place[0] != wanted:
            pointer = {"channel": place[1], "ts": place[2], **slack.render_pointer(notification)}
            self._try("chat.update", pointer, "Could not mark the old Slack message")
        return channel, timestamp

    def _try(self, method: str, body: dict[str, Any], warning: str) -> None:
        """Log a failure instead of raising it: the message itself is there, and a retry would post it again."""
        try:
            self._call(method, body)
        except ChannelFailed as failure:
            logger.warning(warning, extra={"why": str(failure)})

    def _call(self, method: str, body: dict[str, Any]) -> dict[str, Any]:
        try:
            return cast("dict[str, Any]", self._client.api_call(method, json=body).data)
        except SlackApiError as error:
            _refused(method, error)
        except (SlackClientError, OSError, HTTPException) as error:
            raise ChannelFailed(f"Slack {method}: {error or type(error).__name__}", retryable=True) from error


class SlackWebhook:
    """An incoming webhook: it posts to its one channel, without edits, threads or buttons."""

    wakes: Wakes = "never"

    def __init__(self, url: str, *, console_url: str) -> None:
        self._client = WebhookClient(url, timeout=TIMEOUT_SECONDS, retry_handlers=_retry_handlers())
        self._console_url = console_url

    def tell(self, notification: Notification) -> bool:
        """Post a notification that says something new; what only brings a message up to date needs an edit."""
        news = notification.kind == "changed" and notification.reason != ""
        if notification.kind not in ("needs_human", "approval", "paged", "closed") and not news:
            return False
        message = slack.render(notification, console_url=self._console_url, interactive=False)
        try:
            answer = self._client.send_dict({**_QUIET, **message})
        except (SlackClientError, OSError, HTTPException) as error:
            raise ChannelFailed(f"Slack webhook: {error or type(error).__name__}", retryable=True) from error
        if answer.status_code != 200:
            raise ChannelFailed(
                f"Slack webhook: {answer.status_code} {answer.body[:100]}; check the secret slack/webhook-url",
                retryable=answer.status_code == 429 or answer.status_code >= 500,
            )
        return True


class _MessageGone(ChannelFailed):
    """The message to edit no longer exists."""


class _PatientWithinReason(RateLimitErrorRetryHandler):
    """A retry handler that waits as long as Slack asks, unless that is too long for a function."""

    def _can_retry(self, *, response: HttpResponse | None = None, **asked: Any) -> bool:
        if response is None or not super()._can_retry(response=response, **asked):
            return False
        wait = next((values for name, values in response.headers.items() if name.lower() == "retry-after"), ["1"])
        return str(wait[0]).isdecimal() and int(wait[0]) <= LONGEST_WAIT_SECONDS


_QUIET = {"unfurl_links": False, "unfurl_media": False, "mrkdwn": False}


def _retry_handlers() -> list[RetryHandler]:
    return [_PatientWithinReason(max_retry_count=1), ServerErrorRetryHandler(max_retry_count=1)]


def _place(record: IncidentRecord) -> tuple[slack.Feed, str, str] | None:
    if not record.slack_channel or not record.slack_ts:
        return None
    feed, _, channel = record.slack_channel.partition(":")
    return cast("slack.Feed", feed), channel, record.slack_ts


def _refused(method: str, error: SlackApiError) -> NoReturn:
    code = str(error.response.get("error") or "unknown error")
    status = error.response.status_code
    kind = _MessageGone if method == "chat.update" and code in _MESSAGE_GONE else ChannelFailed
    fix = f"; {_FIXES[code]}" if code in _FIXES else ""
    retryable = code in _PASSING or status == 429 or status >= 500
    raise kind(f"Slack {method}: {code[:200]} (status {status}){fix}", retryable=retryable) from error
