"""Tests of the alert about an unreadable message: its text, its severity and its identity."""

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
    """Accept the alert about an unreadable message some time after noon, as the front door does; return the alert."""
    told = unreadable(kept(body), NOON + after, door.store.incidents.live(KEY))
    door.accept(NOON + after, told)
    return told


def test_the_alert_names_the_source_the_reason_and_the_beginning_of_the_text() -> None:
    told = alert('{"title": "Ledger is down", ', source="datadog", reason="the body is not JSON")

    assert told.alert_name == "Unreadable message from datadog"
    assert (told.source, told.status, told.host, told.raw_payload) == ("datadog", "firing", None, None)
    assert "the body is not JSON" in told.message
    assert "Ledger is down" in told.message
    assert NormalizedAlert.model_validate(told.model_dump()) == told


@pytest.mark.parametrize("secret", ["AKIAIOSFODNN7EXAMPLE", "ghp_" + "a1B2" * 9])
@pytest.mark.parametrize("before", [0, 1_480, 1_499, 16_380])
def test_the_alert_shows_no_secret_and_no_part_of_one_wherever_it_stands(secret: str, before: int) -> None:
    # Of the text 16,384 characters are searched for secrets and 1,500 shown: the secret stands across either end.
    told = alert("x " * (before // 2) + secret + " and more " * 500, reason=f"no key {secret}")

    assert secret[:12] not in told.message
    assert len(told.message) <= 4_000


def test_the_alert_says_if_the_message_was_empty() -> None:
    assert "(empty)" in alert(" ").message


def test_the_alert_hides_a_password_in_the_text() -> None:
    assert "hunter22" not in alert('{"password": "hunter22", "title": ').message


def test_the_alert_shows_bytes_that_are_no_text_without_control_characters() -> None:
    told = alert(b"\xff\xfe\x00\x1b[31m\x07" + "\u202e".encode() + b"red")

    assert "\ufffd\ufffdred\n" in told.message
    assert "\x1b" not in told.message


def test_messages_of_a_source_that_differ_only_in_words_with_digits_are_one_alert() -> None:
    first, again = alert('{"title": "Lag 7 s", id: 4f3a91}'), alert('{"title": "Lag 12 s", id: 77aa01}')

    assert first.fingerprint == again.fingerprint
    assert alert('{"title": "Disk 7 s", id: 4f3a91}').fingerprint != first.fingerprint
    assert alert('{"title": "Lag 7 s", id: 4f3a91}', source="generic").fingerprint != first.fingerprint


def test_a_body_that_is_one_word_takes_about_as_long_as_a_body_of_many_words() -> None:
    def seconds(body: str) -> float:
        began = time.process_time()
        alert(body)
        return time.process_time() - began

    seconds("x")  # what the first alert compiles is no part of the comparison
    many, one = seconds("x " * 2_500_000), seconds("x" * 5_000_000)

    # A pattern that looks at each rest of the word takes a thousand times as long.
    assert one < 50 * max(many, 0.001)


def test_the_first_unreadable_message_of_a_source_for_a_day_is_high_and_further_ones_are_medium() -> None:
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


def test_the_first_unreadable_message_of_another_source_is_high_in_an_incident_of_its_own() -> None:
    door = Door()
    take(door, "first", 0 * HOUR)

    other = unreadable(kept("x", source="grafana"), NOON + HOUR, door.store.incidents.live(group_of("grafana")))

    assert other.severity == "high"
    assert other.group_key != KEY


def test_a_repeated_unreadable_message_takes_one_request_to_the_table() -> None:
    door = Door()
    take(door, "first", 0 * HOUR)

    again = unreadable(kept("first"), NOON + HOUR, door.live(KEY))

    assert door.requests_of(NOON + HOUR, again) == 1
