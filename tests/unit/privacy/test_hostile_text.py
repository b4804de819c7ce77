"""Tests that redaction takes linear time even for texts that are made to keep its patterns busy."""

import base64
import time
from collections.abc import Iterator

import pytest

from firstline.privacy import redact

UNITS = (
    "a:",
    "://",
    "://a:",
    "@",
    "a@b.",
    "a:aaa@",
    "eyJaaaaaaaa.",
    "password",
    "password=",
    'password\\":\\"',
    "password is ",
    "--password ",
    "basic ",
    "Cookie: a=",
    "A1a",
    "A1a/",
    "-----BEGIN PRIVATE KEY-----",
    "-----END PRIVATE KEY-----",
    '"token": "',
    "sk-",
    "ghp_",
    "ya29.",
    "curl -u ",
    "mysql -p",
    "identified by ",
    "login x password ",
    "%41",
    "%2525",
    "a\n",
    "\\n",
    " \n",
    "+1 11 11 ",
    "4111-",
    "1",
    "DE89 3704 ",
    "tel 0",
    "$6$",
    "s.",
    "M.",
    "\u200b",
    "<password>",
    base64.b64encode(b"\xff" * 300).decode(),
    base64.b64encode(base64.b64encode(b"password=hunter22x ") * 9).decode() + " ",
)


def seconds(unit: str, chars: int) -> Iterator[float]:
    """Yield the CPU seconds of this thread to redact a text of this length, in each of five runs."""
    text = (unit * (chars // len(unit) + 1))[:chars]
    for _ in range(5):
        begin = time.thread_time()
        redact(text)
        yield time.thread_time() - begin


@pytest.mark.parametrize("unit", UNITS)
def test_a_text_of_eight_times_the_length_takes_less_than_32_times_as_long(unit: str) -> None:
    """Linear time would be 8 times as long, quadratic time 64 times."""
    redact(unit)  # compiles the patterns, which is not to be measured
    limit = 32 * max(min(seconds(unit, 2_000)), 0.000_2)
    assert any(run < limit for run in seconds(unit, 16_000)), "in none of five runs, if others disturbed one"


def test_a_long_line_of_base64_without_a_secret_is_left_unchanged() -> None:
    text = base64.b64encode(b"\xfe" * 30_000).decode()
    assert redact(text) == text
