"""What strangers wrote, made safe to show."""

import pytest

from firstline.channels.text import bullets, clean, numbered, one_line, shorten


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ("plain", "plain"),
        ("two\nlines\tand a tab", "two\nlines\tand a tab"),
        ("Windows\r\nline, old Mac\rline", "Windows\nline, old Mac\nline"),
        ("null\x00 bell\x07 escape\x1b[31m delete\x7f", "null bell escape[31m delete"),
        ("next\x85line\u2028and\u2029more", "next\nline\nand\nmore"),
        ("safe\u202egpj.exe\u2066\u200f", "safegpj.exe"),
        ("zero\u200bwidth\ufeff\u2060\u00ad", "zerowidth"),
        ("tag\U000e0041", "tag"),
        ("half \ud83d a pair", "half \N{REPLACEMENT CHARACTER} a pair"),
        ("می\u200cخواهم", "می\u200cخواهم"),
        ("family 👨\u200d👩\u200d👧", "family 👨\u200d👩\u200d👧"),
        ("", ""),
    ],
)
def test_clean_drops_what_is_not_seen(given: str, shown: str) -> None:
    assert clean(given) == shown


def test_everything_cleaned_can_be_encoded() -> None:
    everything = "".join(map(chr, range(0x110000)))
    assert clean(everything).encode()


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
def test_one_line_fits(given: str, limit: int, shown: str) -> None:
    assert one_line(given, limit) == shown
    assert len(shown) <= limit


def test_shorten_leaves_short_text_alone() -> None:
    assert shorten("abc", 3) == "abc"
    assert shorten("abcd", 3) == "ab…"


def test_lists() -> None:
    assert bullets(["a", "b"]) == "• a\n• b"
    assert numbered(["a", "b"]) == "1. a\n2. b"
