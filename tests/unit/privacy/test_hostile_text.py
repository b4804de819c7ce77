"""Tests that redaction takes linear time even for texts that are made to keep its patterns busy."""

import base64
import time

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


def seconds(unit: str, chars: int) -> float:
    """Return the CPU seconds of this thread to redact a text of this length; the least of three runs."""
    text = (unit * (chars // len(unit) + 1))[:chars]

    def once() -> float:
        begin = time.thread_time()
        redact(text)
        return time.thread_time() - begin

    return min(once() for _ in range(3))


@pytest.mark.parametrize("unit", UNITS)
def test_a_text_of_eight_times_the_length_takes_less_than_32_times_as_long(unit: str) -> None:
    """Linear time would be 8 times as long, quadratic time 64 times."""
    redact(unit)  # compiles the patterns, which is not to be measured
    assert seconds(unit, 16_000) < 32 * max(seconds(unit, 2_000), 0.000_2)


def test_a_long_line_of_base64_without_a_secret_is_left_unchanged() -> None:
    text = base64.b64encode(b"\xfe" * 30_000).decode()
    assert redact(text) == text
