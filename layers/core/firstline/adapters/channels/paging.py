"""PagerDuty and SNS: the channels that wake people.

PagerDuty is called with the standard library. The `pagerduty` package refuses any address that is not https, which the
local stand-in is not, retries a 429 for as long as it lasts and takes five times as long to import; only one POST and
one GET are needed here.
"""

import json
import urllib.error
import urllib.request
from http.client import HTTPException
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from botocore.exceptions import ClientError

from firstline.adapters.aws.clients import AWS_FAILURES
from firstline.channels import pagerduty, sns
from firstline.channels.delivery import Wakes
from firstline.channels.summary import StackInfo
from firstline.errors import ChannelFailed, NobodySubscribed
from firstline.models import Notification
from firstline.observability import logger
from firstline.text import one_line

if TYPE_CHECKING:
    from mypy_boto3_sns import SNSClient

ANSWER_LIMIT_BYTES = 1_000_000
_OUR_MISTAKES = frozenset(
    {"AuthorizationError", "AuthorizationErrorException", "NotFound", "NotFoundException", "InvalidParameter"}
)


class PagerDuty:
    """PagerDuty's Events API v2 for one routing key.

    All messages about one of Firstline's incidents have the same dedup key, by which PagerDuty keeps them in one
    incident of its own. So it is safe to send a message again.
    """

    wakes: Wakes = "once"

    def __init__(self, routing_key: str, *, events_url: str, stack: StackInfo, timeout_seconds: float = 4) -> None:
        self._routing_key = routing_key
        self._url = events_url.rstrip("/") + "/v2/enqueue"
        self._stack = stack
        self._timeout_seconds = timeout_seconds

    def tell(self, notification: Notification) -> bool:
        """Trigger, acknowledge or resolve PagerDuty's incident; return False if the notification does none of these."""
        event = pagerduty.render(notification, self._stack)
        if event is None:
            return False
        body = json.dumps({"routing_key": self._routing_key, **event}, ensure_ascii=False).encode()
        try:
            _fetch(self._url, {"Content-Type": "application/json"}, self._timeout_seconds, body)
        except urllib.error.HTTPError as error:
            with error:
                said = one_line(error.read(500).decode(errors="replace"), 300)
            fix = "; check the secret pagerduty/routing-key" if error.code in (400, 401, 403) else ""
            passing = error.code == 429 or error.code >= 500
            raise ChannelFailed(f"PagerDuty answered {error.code} {said}{fix}", retryable=passing) from None
        except (OSError, HTTPException) as error:
            raise ChannelFailed(f"PagerDuty did not answer: {error or type(error).__name__}", retryable=True) from error
        return True


class PageTopic:
    """The stack's SNS topic: mail and text messages to its subscribers."""

    wakes: Wakes = "again"

    def __init__(self, topic_arn: str, *, client: "SNSClient", stack: StackInfo) -> None:
        self._topic_arn = topic_arn
        self._client = client
        self._stack = stack

    def tell(self, notification: Notification) -> bool:
        """Publish a page; return False if the notification is no page, which this channel does not send.

        Raises
        ------
        NobodySubscribed
            The topic has no confirmed subscription: SNS accepts a page that nobody reads.
        ChannelFailed
            SNS did not take the page.
        """
        message = sns.render(notification, self._stack)
        if message is None:
            return False
        self._publish(message)
        if not self.has_subscriber():
            unheard = f"SNS: nobody has a confirmed subscription to {self._topic_arn}"
            raise NobodySubscribed(f"{unheard}; subscribe a mail address or a phone", retryable=False)
        return True

    def say(self, subject: str, text: str) -> None:
        """Send the subscribers a message about Firstline itself, not about an incident.

        Raises
        ------
        ChannelFailed
            SNS did not take the message.
        """
        self._publish(sns.news(subject, text))

    def _publish(self, message: dict[str, Any]) -> None:
        try:
            self._client.publish(TopicArn=self._topic_arn, **message)
        except AWS_FAILURES as error:
            ours = isinstance(error, ClientError) and error.response["Error"]["Code"] in _OUR_MISTAKES
            raise ChannelFailed(
                f"SNS did not take a message for {self._topic_arn}: {error}", retryable=not ours
            ) from error

    def has_subscriber(self) -> bool:
        """Return False only if SNS says that nobody has a confirmed subscription."""
        try:
            page = self._client.list_subscriptions_by_topic(TopicArn=self._topic_arn)
        except AWS_FAILURES as error:
            # The page is out; unknown readers are no reason to call it lost.
            logger.warning("Could not list the page topic's subscribers", extra={"why": str(error)})
            return True
        confirmed = [each for each in page["Subscriptions"] if each["SubscriptionArn"].startswith("arn:")]
        return bool(confirmed or page.get("NextToken"))


def on_call_name(escalation_policy: str, *, api_url: str, api_token: str, timeout_seconds: float = 2) -> str | None:
    """Return who is on call on the first level of a PagerDuty escalation policy, which is given by its id.

    Return None if nobody is, or if PagerDuty fails. Never raises: a name is a courtesy.
    https://developer.pagerduty.com/api-reference/ (List all of the on-calls).
    """
    query = urlencode({"escalation_policy_ids[]": escalation_policy, "earliest": "true", "limit": 25})
    headers = {"Authorization": f"Token token={api_token}", "Accept": "application/vnd.pagerduty+json;version=2"}
    try:
        on_calls = json.loads(_fetch(f"{api_url.rstrip('/')}/oncalls?{query}", headers, timeout_seconds))["oncalls"]
        first = min((entry["escalation_level"] for entry in on_calls), default=None)
        names = [one_line(entry["user"]["summary"], 80) for entry in on_calls if entry["escalation_level"] == first]
    except (OSError, HTTPException, ChannelFailed, ValueError, TypeError, KeyError) as error:
        logger.warning("PagerDuty did not say who is on call", extra={"why": str(error)})
        return None
    return ", ".join(dict.fromkeys(names))[:200] or None


def _fetch(url: str, headers: dict[str, str], timeout_seconds: float, body: bytes | None = None) -> bytes:
    if not url.startswith(("https://", "http://")):
        raise ChannelFailed(f"PagerDuty's address must start with https://, not {url[:40]!r}", retryable=False)
    request = urllib.request.Request(url, data=body, headers=headers)  # noqa: S310 (the scheme was just checked)
    with urllib.request.urlopen(request, timeout=timeout_seconds) as response:  # noqa: S310 (as above)
        return bytes(response.read(ANSWER_LIMIT_BYTES))
