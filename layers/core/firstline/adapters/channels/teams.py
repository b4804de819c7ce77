"""Microsoft Teams, through a workflow that begins with a webhook request and posts the card that it is sent.

https://support.microsoft.com/office/create-incoming-webhooks-with-workflows-for-microsoft-teams. The workflow answers
202 before it posts, so an answer says that Teams has the card, not that somebody sees it.
"""

import json
from typing import Any

from firstline.adapters.channels.posting import TIMEOUT_SECONDS, PostRefused, PostsOnce, SavePost, post
from firstline.channels import teams
from firstline.channels.posts import digest_of_news, is_news
from firstline.channels.summary import StackInfo
from firstline.models import Notification
from firstline.observability import logger

_FIX = "check the secret teams/workflow-url, and that the workflow is switched on"


class TeamsWorkflow(PostsOnce):
    """A workflow of Teams. Its address is a secret, because whoever knows it can post."""

    name = "teams"

    def __init__(self, url: str, save: SavePost, *, stack: StackInfo, timeout_seconds: float = TIMEOUT_SECONDS) -> None:
        super().__init__(save)
        self._url = url
        self._stack = stack
        self._timeout_seconds = timeout_seconds

    def digest(self, notification: Notification) -> str | None:
        """Return a hash of what is new to people in the notification, or None if nothing is, which needs no post."""
        return digest_of_news(notification) if is_news(notification) else None

    def post(self, notification: Notification) -> None:
        """Post the card, or a shorter one if it is too large for the workflow. Raises ChannelFailed."""
        message = teams.render(notification, self._stack)
        try:
            self._send(message)
        except PostRefused as refused:
            if not refused.too_large:
                raise
            logger.warning("Teams refused a card's size; sending less of it", extra={"why": str(refused)})
            self._send(teams.shortest(message))

    def _send(self, message: dict[str, Any]) -> None:
        body = json.dumps(message, ensure_ascii=False).encode()
        post("Teams", self._url, body, {}, fix=_FIX, seconds=self._timeout_seconds)
