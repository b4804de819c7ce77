"""PagerDuty and SNS: what wakes people.

PagerDuty is called with the standard library. The `pagerduty` package refuses any address that is not https, which the
local stand-in is not, retries a 429 for as long as it lasts and costs five times the import; what is needed here is
one POST and one GET.
"""

import json
import urllib.error
import urllib.request
from http.client import HTTPException
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from botocore.exceptions import BotoCoreError, ClientError

from firstline.channels import pagerduty, sns
from firstline.channels.delivery import Wakes
from firstline.errors import ChannelFailed
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
    """Events API v2 for one routing key. A page is retried safely: the dedup key makes it the same incident."""

    wakes: Wakes = "once"

    def __init__(self, routing_key: str, *, events_url: str, console_url: str, timeout_seconds: float = 4) -> None:
        self._routing_key = routing_key
        self._url = events_url.rstrip("/") + "/v2/enqueue"
        self._console_url = console_url
        self._timeout_seconds = timeout_seconds

    def tell(self, notification: Notification) -> bool:
        """Trigger, acknowledge or resolve; other moments are none of PagerDuty's."""
        event = pagerduty.render(notification, console_url=self._console_url)
        if event is None:
            return False
        body = json.dumps({"routing_key": self._routing_key, **event}, ensure_ascii=False).encode()
        request = _request(self._url, body=body, headers={"Content-Type": "application/json"})
        try:
            _answer(request, self._timeout_seconds)
        except urllib.error.HTTPError as error:
            with error:
                said = one_line(error.read(500).decode(errors="replace"), 300)
            fix = "; check the secret pagerduty/routing-key" if error.code in (400, 401, 403) else ""
            raise ChannelFailed(
                f"PagerDuty answered {error.code} {said}{fix}", retryable=error.code == 429 or error.code >= 500
            ) from None
        except (OSError, HTTPException) as error:
            raise ChannelFailed(f"PagerDuty: {error or type(error).__name__}", retryable=True) from error
        return True


class PageTopic:
    """The stack's SNS topic: mail and text messages to whoever subscribed."""

    wakes: Wakes = "again"

    def __init__(self, topic_arn: str, *, client: "SNSClient", console_url: str) -> None:
        self._topic_arn = topic_arn
        self._client = client
        self._console_url = console_url

    def tell(self, notification: Notification) -> bool:
        """Publish a page. SNS takes it gladly for a topic that nobody reads, so its subscribers are looked at too."""
        message = sns.render(notification, console_url=self._console_url)
        if message is None:
            return False
        try:
            self._client.publish(TopicArn=self._topic_arn, **message)
        except ClientError as error:
            code = error.response["Error"]["Code"]
            raise ChannelFailed(f"SNS: {error}", retryable=code not in _OUR_MISTAKES) from error
        except BotoCoreError as error:
            raise ChannelFailed(f"SNS: {error}", retryable=True) from error
        if not self.has_subscriber():
            raise ChannelFailed(
                f"SNS: nobody has a confirmed subscription to {self._topic_arn}; subscribe a mail address or a phone",
                retryable=False,
            )
        return True

    def has_subscriber(self) -> bool:
        """Whether somebody has a confirmed subscription, or nobody knows."""
        try:
            page = self._client.list_subscriptions_by_topic(TopicArn=self._topic_arn)
        except (ClientError, BotoCoreError) as error:
            # The page is out; not to know who reads it is no reason to call it lost.
            logger.warning("Could not see the page topic's subscribers", extra={"why": str(error)})
            return True
        confirmed = [each for each in page["Subscriptions"] if each["SubscriptionArn"].startswith("arn:")]
        return bool(confirmed or page.get("NextToken"))


def on_call_name(escalation_policy: str, *, api_url: str, api_token: str, timeout_seconds: float = 2) -> str | None:
    """Who is on call now on the first level of a PagerDuty escalation policy; None when that can't be told quickly.

    https://developer.pagerduty.com/api-reference/ (List all of the on-calls). Never raises: a name is a courtesy.
    """
    query = urlencode({"escalation_policy_ids[]": escalation_policy, "earliest": "true", "limit": 25})
    headers = {"Authorization": f"Token token={api_token}", "Accept": "application/vnd.pagerduty+json;version=2"}
    try:
        answer = _answer(_request(f"{api_url.rstrip('/')}/oncalls?{query}", headers=headers), timeout_seconds)
        on_calls = sorted(json.loads(answer)["oncalls"], key=lambda entry: entry["escalation_level"])
        names = [
            one_line(entry["user"]["summary"], 80)
            for entry in on_calls
            if entry["escalation_level"] == on_calls[0]["escalation_level"]
        ]
    except (OSError, HTTPException, ChannelFailed, ValueError, TypeError, KeyError) as error:
        logger.warning("PagerDuty did not say who is on call", extra={"why": str(error)})
        return None
    return ", ".join(dict.fromkeys(names))[:200] or None


def _request(url: str, *, body: bytes | None = None, headers: dict[str, str]) -> urllib.request.Request:
    if not url.startswith(("https://", "http://")):
        raise ChannelFailed(f"PagerDuty's address must start with https://, not {url[:40]!r}", retryable=False)
    return urllib.request.Request(url, data=body, headers=headers)  # noqa: S310 (the scheme was just checked)


def _answer(request: urllib.request.Request, timeout_seconds: float) -> Any:
    with urllib.request.urlopen(request, timeout=timeout_seconds) as response:  # noqa: S310 (as above)
        return response.read(ANSWER_LIMIT_BYTES)
