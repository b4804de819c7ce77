"""The source of Firstline's own canary: a signed test alert whose incident is hidden from people and wakes nobody.

Only this source, with its own secret, opens such incidents. So no other sender can mark an alert as one that wakes
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
    """Raise Unauthenticated unless the request has a Standard Webhooks signature, at most five minutes old."""
    if not is_signed_webhook(request):
        raise Unauthenticated(
            "canary: webhook-signature is missing, wrong or older than five minutes: "
            "run `firstline secret set sources/canary --make` to renew the secret"
        )


def read(payload: Any, reading: Reading) -> None:
    """Read the alert that begins or ends a flight of the canary (one test of the whole path), and add it to `reading`.

    Raises
    ------
    UnreadablePayload
        The payload has no `flight`, or its `status` is neither firing nor resolved.
    """
    flight = values.name(payload.get("flight"), 64) if isinstance(payload, dict) else None
    status = payload.get("status") if flight else None
    if not flight or status not in ("firing", "resolved"):
        raise UnreadablePayload("canary: send an object with a `flight` and a `status` of firing or resolved")
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
