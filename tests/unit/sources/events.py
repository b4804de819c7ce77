"""Access to the example payloads under tests/events by name, such as `prometheus/firing`."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from firstline.models import NormalizedAlert
from firstline.sources import Batch, normalize_batch

EVENTS = Path(__file__).parents[2] / "events"
RECEIVED_AT = datetime(2026, 3, 1, tzinfo=UTC)


def raw(name: str) -> bytes:
    """Return the bytes of an example payload."""
    return (EVENTS / f"{name}.json").read_bytes()


def event(name: str) -> Any:
    """Return an example payload as parsed JSON."""
    return json.loads(raw(name))


def read(name: str, **options: Any) -> Batch:
    """Return the batch that the source reads from an example payload; the folder is named like the source."""
    return normalize_batch(name.split("/")[0], event(name), received_at=RECEIVED_AT, **options)


def alert(name: str) -> NormalizedAlert:
    """Return the only alert in an example payload."""
    batch = read(name)
    assert len(batch.alerts) == 1, batch
    return batch.alerts[0]
