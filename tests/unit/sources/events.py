"""The fixtures under tests/events, by name."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from firstline.models import NormalizedAlert
from firstline.sources import Batch, normalize_batch

EVENTS = Path(__file__).parents[2] / "events"
RECEIVED_AT = datetime(2026, 3, 1, tzinfo=UTC)


def raw(name: str) -> bytes:
    """The bytes of a fixture, such as `prometheus/firing`."""
    return (EVENTS / f"{name}.json").read_bytes()


def event(name: str) -> Any:
    """A fixture as data."""
    return json.loads(raw(name))


def read(name: str, **options: Any) -> Batch:
    """Return what the source reads from a fixture; the folder's name is the source's."""
    return normalize_batch(name.split("/")[0], event(name), received_at=RECEIVED_AT, **options)


def alert(name: str) -> NormalizedAlert:
    """The one alert in a fixture."""
    batch = read(name)
    assert len(batch.alerts) == 1, batch
    return batch.alerts[0]
