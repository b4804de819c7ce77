"""A signed webhook to a receiver of the owner's."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime

from firstline.adapters.channels.posting import TIMEOUT_SECONDS, PostsOnce, SavePost, post
from firstline.channels import webhook
from firstline.errors import ChannelFailed, ConfigurationError
from firstline.models import Notification
from firstline.models.event import WebhookMessage

_FIX = "check the receiver, and the secrets webhook/url and webhook/signing-key"


class SignedWebhook(PostsOnce):
    """A webhook's address, and the keys that sign the messages to it."""

    name = "webhook"

    def __init__(
        self,
        url: str,
        secrets: Sequence[str],
        save: SavePost,
        *,
        stack: str,
        execution_url: str,
        timeout_seconds: float = TIMEOUT_SECONDS,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        super().__init__(save)
        self._url = url
        self._secrets = secrets
        self._stack = stack
        self._execution_url = execution_url
        self._timeout_seconds = timeout_seconds
        self._clock = clock

    def digest(self, notification: Notification) -> str | None:
        """Return a hash of the message, or None for a suppressed incident, about which nothing is sent."""
        return None if notification.kind == "suppressed" else webhook.digest_of(self._message(notification))

    def post(self, notification: Notification) -> None:
        """Post the signed message; its id stays the same if it is posted again. Raises ChannelFailed."""
        try:
            keys = webhook.keys_of(self._secrets)
        except ConfigurationError as error:
            raise ChannelFailed(str(error), retryable=False) from error
        message = self._message(notification)
        body = message.model_dump_json().encode()
        message_id = f"msg_{webhook.digest_of(message)}"
        signed = webhook.headers(message_id, body, keys, self._clock())
        post("The webhook", self._url, body, signed, fix=_FIX, seconds=self._timeout_seconds)

    def _message(self, notification: Notification) -> WebhookMessage:
        return webhook.render(notification, stack=self._stack, execution_url=self._execution_url)
