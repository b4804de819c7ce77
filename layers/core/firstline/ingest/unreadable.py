"""The alert about a message that could not be read: its content may be the worst alert of the day. Pure."""

import re
from datetime import datetime, timedelta

from firstline.ingest.quarantine import Quarantined
from firstline.models import Live, NormalizedAlert
from firstline.privacy import redact
from firstline.sources.identity import digest
from firstline.text import shorten, strip_invisible

LOUD_AGAIN_AFTER = timedelta(hours=24)
"""The time without an unreadable message of a source after which the next one is `high` again."""

_SEARCHED, _SHOWN = 16_384, 1_500
"""The bytes of a body that are searched for secrets, and the characters that are shown: far enough apart that no secret
is cut in two before it is found."""

_CHANGES = re.compile(r"\b[^\W\d]*+\d\w*")
"""Times, ids and numbers: the same message with others is the same alert. Each word is looked at
once, as a sender may choose a body that is one word of 16 KB."""


def group_of(source: str) -> str:
    """Return the group key of a source's unreadable messages: they are one incident."""
    return f"unreadable:{source}"


def unreadable(delivery: Quarantined, now: datetime, last: Live | None) -> NormalizedAlert:
    """Return the alert about a quarantined delivery. A person ends its incident, or the time for resolving does.

    Parameters
    ----------
    last
        The live half of the source's newest incident of this kind. The record of its last alert says whether this is
        the first for 24 hours, which is `high`; the further ones are `medium`.
    """
    text = strip_invisible(delivery.body[:_SEARCHED].decode(errors="replace")).strip()
    loud = last is None or now - last.last_alert_at >= LOUD_AGAIN_AFTER
    return NormalizedAlert(
        source=delivery.source,
        alert_name=f"Unreadable message from {delivery.source}",
        severity="high" if loud else "medium",
        # The text comes first: channels cut what is long.
        message=(
            f"Nobody knows how bad it is. It begins:\n{shorten(redact(text), _SHOWN) or '(empty)'}\n"
            f"Why it could not be read: {shorten(redact(delivery.reason), 500)}. The quarantine keeps it whole."
        ),
        labels={},
        timestamp=delivery.received_at or now,
        raw_payload=None,
        status="firing",
        fingerprint=f"unreadable:{digest(delivery.source, _CHANGES.sub('', text))}",
        group_key=group_of(delivery.source),
    )
