"""Posts for channels that cannot edit them: which notifications are worth a post, and a digest to find repetitions.

Slack's bot edits one message per incident. An incoming webhook, a Teams workflow and a signed webhook can only post, so
they post once for each change that matters to people.
"""

import json
from hashlib import sha256
from typing import Any

from firstline.incidents.message_facts import message_kind, severity
from firstline.models import Notification, NotificationKind

_NEWS: tuple[NotificationKind, ...] = ("needs_human", "approval", "paged", "acknowledged", "closed")


def is_news(notification: Notification) -> bool:
    """Return True if the notification is worth a new post, and False if it would only bring a message up to date.

    Worth one are the kinds `needs_human`, `approval`, `paged`, `acknowledged`, `closed`, and `changed` with a reason.
    """
    return notification.kind in _NEWS or (notification.kind == "changed" and notification.reason != "")


def digest_of_news(notification: Notification) -> str:
    """Return a digest of what matters to people in a notification; two with the same digest need only one post.

    It covers the kind, the severity, the newest page, the acknowledgement, the plan with its approvals and decision,
    and the end of the incident. The notification's reason counts only for the kind `changed`: a notification of another
    kind that is sent again may have a reason in other words.
    """
    record, kind = notification.record, notification.kind
    return digest(
        {
            # No words of a message: some name times, which differ each time that the message is rendered.
            "kind": message_kind(record) if kind == "changed" else kind,
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
    """Return the first 32 hex digits of the SHA-256 of content, as JSON with sorted keys."""
    return sha256(json.dumps(content, sort_keys=True, default=str).encode()).hexdigest()[:32]
