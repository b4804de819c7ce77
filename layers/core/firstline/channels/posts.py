"""Posts that cannot be edited: what is worth one, and what says that it was made already.

Slack's bot edits one message per incident. An incoming webhook, a Teams workflow and a signed webhook can only post, so
they post when something that matters changed, and once.
"""

import json
from hashlib import sha256
from typing import Any

from firstline.incidents.standing import severity, standing
from firstline.models import Notification, NotificationKind

_NEWS: tuple[NotificationKind, ...] = ("needs_human", "approval", "paged", "acknowledged", "closed")


def is_news(notification: Notification) -> bool:
    """Return True if people should read a new post about this moment; the others only bring a message up to date."""
    return notification.kind in _NEWS or (notification.kind == "changed" and notification.reason != "")


def digest_of_news(notification: Notification) -> str:
    """Return a digest of what matters to people in a notification: equal ones need no second post.

    The reason counts only where it is the news, because reconcile tells the same moment again with another one.
    """
    record, kind = notification.record, notification.kind
    return digest(
        {
            # Not the words of a message: some name times, which change with each telling.
            "kind": standing(record) if kind == "changed" else kind,
            "severity": severity(record),
            "page": record.pages[-1].seq if record.pages else 0,
            "acknowledged_at": str(record.acknowledged_at),
            "plan": record.plan_digest,
            "decision": record.decision,
            "approvals": len(record.approvals),
            "ended": [record.outcome, record.resolved_by],
            "news": notification.reason if kind == "changed" else "",
        }
    )


def digest(content: Any) -> str:
    """Return a short digest of content that JSON can hold."""
    return sha256(json.dumps(content, sort_keys=True, default=str).encode()).hexdigest()[:32]
