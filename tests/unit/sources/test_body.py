"""Tests of the reader of raw bodies: what is read, what is refused and why, and how long hostile bodies take."""

import json
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firstline.errors import UnreadablePayload
from firstline.sources.body import MAX_DEPTH, parse_body

FORM = "application/x-www-form-urlencoded"


def nested(depth: int) -> bytes:
    return b"[" * depth + b"]" * depth


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"", "empty"),
        (b" \r\n\t ", "empty"),
        (b"\xef\xbb\xbf", "empty"),
        (b"\xff\xfe{\x00}", "not UTF-16"),
        (b'{"a": "\xff"}', "not UTF-8"),
        (b"<!DOCTYPE html><p>Bad gateway", "not JSON"),
        (b'"\xed\xa0\x80"', "not UTF-8"),
        (b"{", "not JSON"),
        (b"{} {}", "Extra data"),
        (b'{"a": \x00}', "not JSON"),
        (b"{'a': 1}", "not JSON"),
        (b'{"a": 1}\n{"b": ', "Extra data"),
        (b'{"a": 1}\n{b: 2}', "line 1 column 2"),
        (b"[null,", "not JSON"),
        (b'{"a": NaN}', "NaN"),
        (b'{"a": Infinity}', "Infinity"),
        (b'{"a": -Infinity}', "-Infinity"),
        (b'{"a": 1e999}', "out of range"),
        (b'{"a": -1e999}', "out of range"),
        (b'{"a": ' + b"9" * 401 + b"}", "401 digits"),
        (b'{"a": ' + b"9" * 10_000 + b"}", "10000 digits"),
        (b'{"a": -' + b"9" * 10_000 + b"}", "digits"),
        (b'{"a": 0.' + b"9" * 10_000 + b"}", "out of range"),
        (b'{"a": "\\ud800"}', "surrogate"),
        (b'{"\\uDfff": 1}', "surrogate"),
        (b'["\\udc00\\ud800"]', "surrogate"),
        (nested(MAX_DEPTH + 1), "deeper than 64"),
        (b'{"a":' * 65 + b"1" + b"}" * 65, "deeper than 64"),
        (nested(100_000), "deeper than 64"),
        (b"[" * 100_000, "deeper than 64"),
        (b'{"a":' * 100_000, "deeper than 64"),
        (b'["' + b"}" * 200 + b'",' + nested(70) + b"]", "deeper than 64"),
    ],
)
def test_an_empty_broken_or_excessive_body_is_refused_with_the_reason(body: bytes, reason: str) -> None:
    with pytest.raises(UnreadablePayload, match=reason):
        parse_body(body)


@pytest.mark.parametrize(
    ("body", "data"),
    [
        (b"{}", {}),
        (b"\xef\xbb\xbf {} \n", {}),
        (b"null", None),
        (b'{"a": 1, "a": 2}', {"a": 2}),
        (b'{"a": "\\ud83d\\ude00 \\\\ud800"}', {"a": "\U0001f600 \\ud800"}),
        ('{"a": "데이터"}'.encode(), {"a": "데이터"}),
        (b"[1.5, -2, 1e3]", [1.5, -2, 1000.0]),
        (b'{"a": "two\nlines\r\n\tand a bell\x07"}', {"a": "two\nlines\r\n\tand a bell\x07"}),
        (b'{"a\nb": "\x00"}', {"a\nb": "\x00"}),
        (b"9" * 400, int("9" * 400)),
        (b'{"a": [1, 2,], }', {"a": [1, 2]}),
        (rb'{"a": "C:\data, \\ \" \u00e9 \u12", "b": ",}"}', {"a": 'C:\\data, \\ " \u00e9 \\u12', "b": ",}"}),
        (rb'"{\"a\": \"b\"}"', {"a": "b"}),
        (b'"' + b"[{" * 500 + b'"', "[{" * 500),
        (b'["' + b"{" * 500 + b'", {"a": ["' + b"[" * 500 + b'"]}]', ["{" * 500, {"a": ["[" * 500]}]),
    ],
)
def test_json_is_read_with_any_depth_of_text_and_with_harmless_slips(body: bytes, data: Any) -> None:
    assert parse_body(body) == data


def test_json_of_the_greatest_allowed_depth_is_read() -> None:
    assert json.dumps(parse_body(nested(MAX_DEPTH))).count("[") == MAX_DEPTH


def test_a_body_with_many_shallow_objects_does_not_count_as_deep() -> None:
    body = json.dumps([{"a": [{"b": []}]}] * 10_000).encode()

    assert len(parse_body(body)) == 10_000


@pytest.mark.parametrize(
    ("body", "content_type", "data"),
    [
        (b"a=1&b=&a=2&c=%C3%A9", FORM, {"a": "2", "b": "", "c": "é"}),
        (b"a=1", FORM.upper() + "; charset=utf-8", {"a": "1"}),
        (b'{"a": "1=1"}', FORM, {"a": "1=1"}),  # what `curl -d` says of everything
        (b'{"Type": "Notification"}', "text/plain; charset=UTF-8", {"Type": "Notification"}),
        (b"FIRING: disk of db-1 = full", FORM, "FIRING: disk of db-1 = full"),
        (b"[FIRING:1] disk", "text/plain", "[FIRING:1] disk"),
        (b"3 disks failed", "", "3 disks failed"),
        (b"a=1&b=2", "", "a=1&b=2"),
        ("\ufeff{}".encode("utf-16"), "", {}),
        ('{"a": "grüße"}'.encode("utf-16-le"), "", {"a": "grüße"}),
        ('{"a": "grüße"}'.encode("utf-16-be"), "application/json; charset=utf-16", {"a": "grüße"}),
        ('{"a": "grüße"}'.encode("utf-32"), "", {"a": "grüße"}),
        (b'{"a": 1}\r\n\n {"a": 2} \n', "application/x-ndjson", [{"a": 1}, {"a": 2}]),
        (b'{"a":\n{}\n}', "", {"a": {}}),
        (b'{"a": "gr\xfc\xdfe"}', "application/json; charset=ISO-8859-1", {"a": "grüße"}),
        (b'{"a": "\x80 5"}', 'application/json; charset="windows-1252"', {"a": "€ 5"}),
        ('{"a": "grüße"}'.encode(), "application/json; charset=iso-8859-1", {"a": "grüße"}),
    ],
)
def test_a_body_is_read_as_json_form_or_text_in_the_encoding_that_it_has(
    body: bytes, content_type: str, data: Any
) -> None:
    assert parse_body(body, content_type) == data


def test_a_form_of_more_than_1000_fields_is_refused() -> None:
    with pytest.raises(UnreadablePayload, match="more than 1000 fields"):
        parse_body(b"&".join(b"a%d=1" % n for n in range(1_001)), FORM)


@pytest.mark.parametrize(
    "body", [nested(250_000), b"[" * 500_000, b"[[]," * 100_000, b'"\\u' * 100_000, b"9" * 500_000]
)
def test_a_hostile_body_is_refused_within_a_second_of_cpu(body: bytes) -> None:
    began = time.process_time()

    with pytest.raises(UnreadablePayload):
        parse_body(body)

    assert time.process_time() - began < 1


@given(st.binary(max_size=200), st.sampled_from(["", "application/json", FORM]))
def test_any_bytes_are_refused_or_give_data_that_is_valid_json(body: bytes, content_type: str) -> None:
    try:
        data = parse_body(body, content_type)
    except UnreadablePayload:
        return
    assert json.loads(json.dumps(data, allow_nan=False).encode()) == data


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
        max_leaves=80,
    )
)
def test_valid_json_is_read_as_pythons_json_reads_it(data: Any) -> None:
    assert parse_body(json.dumps(data).encode()) == data
    assert parse_body(json.dumps(data, ensure_ascii=False).encode()) == data


def test_json_in_the_only_field_of_a_form_called_payload_is_read_as_json() -> None:
    assert parse_body(b"payload=%7B%22text%22%3A+%22disk%22%7D", FORM) == {"text": "disk"}
    assert parse_body(b"payload=disk", FORM) == {"payload": "disk"}
    assert parse_body(b"payload=%7B%7D&host=db-1", FORM) == {"payload": "{}", "host": "db-1"}


def test_a_zero_byte_after_the_json_is_ignored() -> None:
    assert parse_body(b'{"text": "disk"}\0') == {"text": "disk"}
