"""Tests of the messages for the quarantine and the backlog: nothing is lost, and each fits into the queue."""

import json
from datetime import timedelta

from firstline.ingest.quarantine import (
    ALERTS_A_MESSAGE,
    BACKLOG_MESSAGE_BYTES,
    Backlog,
    Quarantined,
    pack,
    pack_backlog,
    unpack,
    unpack_backlog,
)
from tests.support.builders import NOON, alert


def noise(number: int, size: int) -> str:
    """Return a text of `size` characters that cannot be compressed to less than half."""
    import random

    return random.Random(number).randbytes(size // 2).hex()


def test_alerts_are_unchanged_after_packing_and_unpacking_for_the_backlog() -> None:
    alerts = [alert(fingerprint=f"fp-{number}", began_at=NOON, raw_payload={"n": number}) for number in range(1_200)]
    messages = [json.loads(json.dumps(message)) for message in pack_backlog(Backlog(NOON, alerts))]
    kept = [backlog for message in messages if (backlog := unpack_backlog(message))]

    assert [each for backlog in kept for each in backlog.alerts] == alerts
    assert all(backlog.received_at == NOON for backlog in kept)
    assert max(len(backlog.alerts) for backlog in kept) <= ALERTS_A_MESSAGE


def test_messages_of_the_backlog_stay_within_their_size_and_hold_whole_alerts() -> None:
    alerts = [alert(fingerprint=f"fp-{n}", raw_payload=noise(n, 60_000)) for n in range(20)]
    messages = list(pack_backlog(Backlog(NOON, alerts)))

    assert len(messages) > 1
    assert max(len(message["alerts_gzip_base64"]) for message in messages) <= BACKLOG_MESSAGE_BYTES
    kept = [each for message in messages if (backlog := unpack_backlog(message)) for each in backlog.alerts]
    assert kept == alerts


def test_an_alert_whose_body_is_too_big_goes_to_the_backlog_without_the_body() -> None:
    (message,) = pack_backlog(Backlog(NOON, [alert(raw_payload=noise(1, 3_000_000))]))
    backlog = unpack_backlog(message)

    assert backlog is not None
    assert backlog.alerts == [alert(raw_payload=None)]


def test_unpack_joins_the_parts_of_deliveries_and_returns_other_messages_apart() -> None:
    small = Quarantined("generic", "why", b"[1]", "application/json", NOON)
    big = Quarantined("generic", "why", noise(2, 3_000_000).encode(), "text/plain")
    backlog = next(pack_backlog(Backlog(NOON - timedelta(hours=1), [alert()])))
    event = {"detail-type": "CloudWatch Alarm State Change"}

    deliveries, others = unpack([*pack(big)[::-1], event, *pack(small), backlog])

    assert deliveries == [small, big]
    assert others == [event, backlog]
