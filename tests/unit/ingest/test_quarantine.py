"""The messages that keep what a delivery left."""

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
    """Text that cannot be compressed to less than half."""
    import random

    return random.Random(number).randbytes(size // 2).hex()


def test_alerts_come_out_of_the_backlog_as_they_went_in() -> None:
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


def test_an_alert_whose_body_is_too_big_is_kept_without_it() -> None:
    (message,) = pack_backlog(Backlog(NOON, [alert(raw_payload=noise(1, 3_000_000))]))
    backlog = unpack_backlog(message)

    assert backlog is not None
    assert backlog.alerts == [alert(raw_payload=None)]


def test_deliveries_parts_and_other_messages_are_told_apart() -> None:
    small = Quarantined("generic", "why", b"[1]", "application/json", NOON)
    big = Quarantined("generic", "why", noise(2, 3_000_000).encode(), "text/plain")
    backlog = next(pack_backlog(Backlog(NOON - timedelta(hours=1), [alert()])))
    event = {"detail-type": "CloudWatch Alarm State Change"}

    deliveries, others = unpack([*pack(big)[::-1], event, *pack(small), backlog])

    assert deliveries == [small, big]
    assert others == [event, backlog]
