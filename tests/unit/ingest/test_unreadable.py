"""Unreadable messages: what people are told of them."""

import time
from datetime import timedelta

import pytest

from firstline.ingest.quarantine import Quarantined
from firstline.ingest.unreadable import LOUD_AGAIN_AFTER, group_of, unreadable
from firstline.models import NormalizedAlert
from tests.support.builders import NOON
from tests.unit.ingest.door import Door

HOUR = timedelta(hours=1)
KEY = group_of("datadog")


def kept(body: bytes | str, source: str = "datadog", reason: str = "the body is not JSON") -> Quarantined:
    raw = body if isinstance(body, bytes) else body.encode()
    return Quarantined(source, reason, raw, "application/json", NOON)


def alert(body: bytes | str, **more: str) -> NormalizedAlert:
    return unreadable(kept(body, **more), NOON, None)


def take(door: Door, body: str, after: timedelta) -> NormalizedAlert:
    """Let the message come in a while after noon, as the front door does."""
    told = unreadable(kept(body), NOON + after, door.store.incidents.live(KEY))
    door.accept(NOON + after, told)
    return told


def test_it_tells_of_the_source_the_reason_and_the_beginning_of_the_text() -> None:
    told = alert('{"title": "Ledger is down", ')

    assert told.alert_name == "Unreadable message from datadog"
    assert (told.source, told.status, told.host, told.raw_payload) == ("datadog", "firing", None, None)
    assert "the body is not JSON" in told.message
    assert "Ledger is down" in told.message
    assert NormalizedAlert.model_validate(told.model_dump()) == told


@pytest.mark.parametrize("secret", ["AKIAIOSFODNN7EXAMPLE", "ghp_" + "a1B2" * 9])
@pytest.mark.parametrize("before", [0, 1_480, 1_499, 16_380])
def test_no_secret_is_shown_not_even_half_of_one(secret: str, before: int) -> None:
    told = alert("x " * (before // 2) + secret + " and more " * 500, reason=f"no key {secret}")

    assert secret[:12] not in told.message
    assert len(told.message) <= 4_000


def test_an_empty_message_says_so() -> None:
    assert "(empty)" in alert(" ").message


def test_a_password_in_the_text_is_hidden() -> None:
    assert "hunter22" not in alert('{"password": "hunter22", "title": ').message


def test_what_is_no_text_is_shown_safely() -> None:
    told = alert(b"\xff\xfe\x00\x1b[31m\x07" + "\u202e".encode() + b"red")

    assert "\ufffd\ufffdred\n" in told.message
    assert "\x1b" not in told.message


def test_the_same_message_with_other_numbers_is_the_same_alert() -> None:
    first, again = alert('{"title": "Lag 7 s", id: 4f3a91}'), alert('{"title": "Lag 12 s", id: 77aa01}')

    assert first.fingerprint == again.fingerprint
    assert alert('{"title": "Disk 7 s", id: 4f3a91}').fingerprint != first.fingerprint
    assert alert('{"title": "Lag 7 s", id: 4f3a91}', source="generic").fingerprint != first.fingerprint


def test_a_body_that_is_one_word_does_not_hold_the_door() -> None:
    """PagerDuty waits five seconds. With the square of the word's length it would take more than two."""
    began = time.process_time()
    alert("x" * 5_000_000)

    assert time.process_time() - began < 1


def test_the_first_for_a_day_is_high_and_the_further_ones_are_medium() -> None:
    door = Door()

    assert take(door, "first", 0 * HOUR).severity == "high"
    first = door.live(KEY).incident_id
    # Another one joins the incident, and one after its end opens another.
    assert take(door, "second", HOUR).severity == "medium"
    assert (door.live(KEY).incident_id, door.live(KEY).joined) == (first, 2)
    door.close(KEY, NOON + 2 * HOUR)
    assert take(door, "third", 3 * HOUR).severity == "medium"
    assert door.live(KEY).incident_id != first
    door.close(KEY, NOON + 4 * HOUR)
    assert take(door, "fourth", 3 * HOUR + LOUD_AGAIN_AFTER).severity == "high"


def test_the_sources_are_told_apart() -> None:
    door = Door()
    take(door, "first", 0 * HOUR)

    other = unreadable(kept("x", source="grafana"), NOON + HOUR, door.store.incidents.live(group_of("grafana")))

    assert other.severity == "high"
    assert other.group_key != KEY


def test_a_repetition_costs_what_a_duplicate_costs() -> None:
    door = Door()
    take(door, "first", 0 * HOUR)

    again = unreadable(kept("first"), NOON + HOUR, door.live(KEY))

    assert door.requests_of(NOON + HOUR, again) == 1
