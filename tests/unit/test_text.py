"""Tests of `firstline.text`: untrusted text made safe, and durations and times for people."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from firstline.text import (
    bullets,
    in_words,
    local_time,
    numbered,
    one_line,
    short_duration,
    shorten,
    strip_invisible,
)


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ("plain", "plain"),
        ("two\nlines\tand a tab", "two\nlines\tand a tab"),
        ("Windows\r\nline, old Mac\rline", "Windows\nline, old Mac\nline"),
        ("null\x00 bell\x07 escape\x1b[31m delete\x7f", "null bell escape delete"),
        ("next\x85line\u2028and\u2029more", "next\nline\nand\nmore"),
        ("safe\u202egpj.exe\u2066\u200f", "safegpj.exe"),
        ("zero\u200bwidth\ufeff\u2060\u00ad", "zerowidth"),
        ("tag\U000e0041", "tag"),
        ("title\x1b]0;owned\x07 set", "title set"),
        ("variation\ufe0f selectors\U000e0101", "variation selectors"),
        ("Größe — 日本語 🔥", "Größe — 日本語 🔥"),
        ("half \ud83da pair", "half a pair"),
        ("می\u200cخواهم", "می\u200cخواهم"),
        ("pass\u200cwo\u200drd", "password"),
        ("pass\u200b\u200d\u200bword", "password"),
        ("é\u200d\u200c\u200dé", "é\u200dé"),
        ("family 👨\u200d👩\u200d👧", "family 👨\u200d👩\u200d👧"),
        ("", ""),
    ],
)
def test_strip_invisible_drops_only_invisible_characters(given: str, shown: str) -> None:
    assert strip_invisible(given) == shown


def test_a_character_is_kept_alone_as_beside_one_that_is_dropped() -> None:
    for character in map(chr, range(0x3000)):
        assert strip_invisible(character) == strip_invisible(f"\x00{character}\x00"), ascii(character)


def test_every_stripped_text_can_be_encoded() -> None:
    everything = "".join(map(chr, range(0x10000)))  # beyond it are no surrogates, which alone cannot be encoded
    assert strip_invisible(everything).encode()


@pytest.mark.parametrize(
    ("given", "limit", "shown"),
    [
        ("  many \n\n lines\tand   spaces ", 40, "many lines and spaces"),
        ("0123456789", 10, "0123456789"),
        ("0123456789x", 10, "012345678…"),
        ("word and more", 6, "word…"),
        ("\x00\x00", 5, ""),
    ],
)
def test_one_line_joins_lines_and_spaces_and_keeps_to_the_limit(given: str, limit: int, shown: str) -> None:
    assert one_line(given, limit) == shown
    assert len(shown) <= limit


def test_shorten_cuts_only_a_text_over_the_limit() -> None:
    assert shorten("abc", 3) == "abc"
    assert shorten("abcd", 3) == "ab…"


def test_lists_have_a_bullet_or_a_number_before_each_line() -> None:
    assert bullets(["a", "b"]) == "• a\n• b"
    assert numbered(["a", "b"]) == "1. a\n2. b"


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0, "0 seconds"),
        (1, "1 second"),
        (59.6, "1 minute"),
        (150, "2 min 30 s"),
        (300, "5 minutes"),
        (659, "10 minutes"),
        (7_140, "119 minutes"),
        (9_000, "2 h 30 min"),
        (7_200, "2 hours"),
        (172_799, "47 h 59 min"),
        (259_200, "3 days"),
    ],
)
def test_in_words_writes_a_duration_in_the_unit_that_fits_its_length(seconds: float, words: str) -> None:
    assert in_words(timedelta(seconds=seconds)) == words


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (-5, "0 s"),
        (59.9, "59 s"),
        (60, "1 min"),
        (3_599, "59 min"),
        (3_600, "1 h"),
        (12_000, "3 h 20 min"),
        (172_799, "47 h 59 min"),
        (172_800, "2 days"),
    ],
)
def test_short_duration_abbreviates_the_units_and_shows_no_negative_duration(seconds: float, words: str) -> None:
    assert short_duration(timedelta(seconds=seconds)) == words


@pytest.mark.parametrize(
    ("hours_ago", "words"),
    [(0, "00:30"), (1, "Fri 1 Jan 23:30"), (48, "31 Dec 2026 00:30"), (-24, "Sun 3 Jan 00:30")],
)
def test_a_local_time_says_its_day_unless_it_is_today(hours_ago: int, words: str) -> None:
    now = datetime(2027, 1, 1, 23, 30, tzinfo=UTC)
    assert local_time(now - timedelta(hours=hours_ago), ZoneInfo("Europe/Berlin"), now) == words
