"""Firstline's own canary: one marked alert, signed, of a fixed shape. It opens incidents that nobody sees.

Only this source makes such incidents, and only with its own secret: no other sender can mark an alert as one that wakes
nobody.
"""

from typing import Any

from firstline.errors import Unauthenticated, UnreadablePayload
from firstline.sources import values
from firstline.sources.authentication import Request, is_signed_webhook
from firstline.sources.identity import digest, group_key
from firstline.sources.meanings import Subject
from firstline.sources.reading import Reading

NAME = "FirstlineCanary"


def authenticate(request: Request) -> None:
    """Accept a Standard Webhook of the last five minutes; see `firstline.sources.authentication`."""
    if not is_signed_webhook(request):
        raise Unauthenticated("canary: no valid signature in webhook-signature of the last five minutes")


def read(payload: Any, reading: Reading) -> None:
    """Read a flight's beginning or its end."""
    flight = values.name(payload.get("flight"), 64) if isinstance(payload, dict) else None
    status = payload.get("status") if flight else None
    if not flight or status not in ("firing", "resolved"):
        raise UnreadablePayload("canary: it has no flight, or no status of firing and resolved")
    at = values.moment(payload.get("at"))
    reading.add(
        alert_name=NAME,
        severity="critical",
        message="A canary of Firstline's own. It wakes nobody.",
        labels={"flight": flight},
        subject=Subject(),
        at=at,
        began_at=values.moment(payload.get("began_at")),
        ends_at=at if status == "resolved" else None,
        timestamp_orders=True,
        status=status,
        fingerprint=digest(NAME, flight),
        group_key=group_key("canary", NAME, Subject(), flight),
        raw_payload=payload,
    )
