"""The alert about a message that could not be read, because that message may be a critical alert. Pure."""

import re
from datetime import datetime, timedelta

from firstline.ingest.quarantine import Quarantined
from firstline.models import Live, NormalizedAlert
from firstline.privacy import redact
from firstline.sources.identity import digest
from firstline.text import shorten, strip_invisible

LOUD_AGAIN_AFTER = timedelta(hours=24)
"""The time without unreadable messages of a source after which the next one is `high` again instead of `medium`."""

_SEARCHED, _SHOWN = 16_384, 1_500
"""The bytes of a body that are searched for secrets, and the characters that are shown. Far more are searched than
shown, so that the shown part holds no half of a secret."""

_CHANGES = re.compile(r"\b[^\W\d]*+\d\w*")
"""Words with a digit (times, ids, numbers), which are left out of the fingerprint, because they change each time.

A pattern that begins with `\\w*` would take two seconds for a body that is one word of 16 KB."""


def group_of(source: str) -> str:
    """Return the group key that all unreadable messages of a source share, so that they are one incident."""
    return f"unreadable:{source}"


def unreadable(delivery: Quarantined, now: datetime, last: Live | None) -> NormalizedAlert:
    """Return the alert about a quarantined delivery: high if it is the source's first for 24 hours, medium otherwise.

    The alert never resolves by itself: a person ends its incident, or the incident expires.

    Parameters
    ----------
    last
        The `Live` item of the source's newest incident about unreadable messages, or None.
    """
    text = strip_invisible(delivery.body[:_SEARCHED].decode(errors="replace")).strip()
    loud = last is None or now - last.last_alert_at >= LOUD_AGAIN_AFTER
    return NormalizedAlert(
        source=delivery.source,
        alert_name=f"Unreadable message from {delivery.source}",
        severity="high" if loud else "medium",
        # The text comes first: channels cut what is long.
        message=(
            "Firstline could not read this message, so look how bad it is. It begins:\n"
            f"{shorten(redact(text), _SHOWN) or '(empty)'}\n"
            f"Reason: {shorten(redact(delivery.reason), 500)}. The quarantine queue keeps the whole message."
        ),
        labels={},
        timestamp=delivery.received_at or now,
        raw_payload=None,
        status="firing",
        fingerprint=f"unreadable:{digest(delivery.source, _CHANGES.sub('', text))}",
        group_key=group_of(delivery.source),
    )
