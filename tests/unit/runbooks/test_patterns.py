"""Tests of patterns: they let only safe characters through, mean the same to Python and SSM, and are never slow."""

import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firstline.runbooks import linear_matcher, patterns


@pytest.mark.parametrize(
    ("pattern", "fits", "does_not_fit"),
    [
        ("^/[A-Za-z0-9._/-]*$", "/var/log", "var"),
        ("^(?:web|api)-[0-9]{1,3}$", "web-17", "db-1"),
        ("^a|b$", "b", "ab"),
        ("^[a-z]+(-[a-z]{1,8}){0,3}$", "one-two", "one--two"),
        (r"^v[0-9]+\.[0-9]+$", "v1.20", "v1x20"),
        ("^[%+=,@:-]+$", "@", " "),
    ],
)
def test_a_pattern_fits_a_whole_value_in_python_and_in_the_ssm_document(
    pattern: str, fits: str, does_not_fit: str
) -> None:
    assert patterns.compiled(pattern).fullmatch(fits)
    assert not patterns.compiled(pattern).fullmatch(does_not_fit)
    assert re.match(patterns.portable(pattern), fits)
    assert not re.match(patterns.portable(pattern), does_not_fit)


@pytest.mark.parametrize(
    ("pattern", "reason"),
    [
        ("[a-z]+", "not anchored"),
        ("^[a-z]+", "not anchored"),
        ("[a-z]+$", "not anchored"),
        ("^$", "not anchored"),
        ("^.*$", "bare '.'"),
        ("^.+$", "bare '.'"),
        ("^[^;]+$", "negated class"),
        (r"^\S+$", r"uses \S"),
        (r"^\w+$", r"uses \w"),
        (r"^[\s]+$", r"uses \s"),
        (r"^(a)\1$", r"uses \1"),
        ("^[a-z ]+$", "lets ' ' through"),
        ("^[a-z\n]+$", "through"),
        ("^[ -~]+$", "lets ' ' through"),
        ("^[a-z;]+$", "lets ';' through"),
        (r"^[a-z\$]+$", "lets '$' through"),
        ("^[a-zé]+$", "lets 'é' through"),
        ("^rm -rf$", "lets ' ' through"),
        ("^(?=a)b$", "only (?:...)"),
        ("^(?i:a)$", "only (?:...)"),
        ("^([a-z]+)+$", "already repeats"),
        ("^(?:(?:a*)b)*$", "already repeats"),
        ("^a++$", "two quantifiers"),
        ("^a{1,2}{3}$", "misplaced"),
        ("^(a$", "without its )"),
        ("^a)$", "without its ("),
        ("^[a-z$", "without its ]"),
        ("^[]$", "empty class"),
        ("^[z-a]$", "empty class"),
        ("^a^b$", "misplaced"),
    ],
)
def test_a_pattern_outside_the_subset_is_refused_with_the_reason(pattern: str, reason: str) -> None:
    with pytest.raises(ValueError, match=re.escape(reason)):
        patterns.inner(pattern)


PIECES = ["a", "[a-z]", "[A-Z0-9._/-]", "[ -~]", "[+-9]", "[^a]", ".", r"\w", r"\.", r"\;", ";", " ", "\n", "$", "|"]
PIECES += ["(", "(?:", ")", "*", "+", "?", "{1,3}", "{2,}", "-", "/"]
ALLOWED_PIECES = ["a", "[a-z]{1,3}", "[A-Z0-9._/-]+", "[+-9]", "(?:web|api)?", r"\.", "-", "/"]
"""Pieces that are allowed alone and mostly together, so that many of the drawn patterns are accepted."""

written = st.one_of(
    *(st.lists(st.sampled_from(pieces), max_size=6) for pieces in (PIECES, ALLOWED_PIECES, PIECES + ALLOWED_PIECES))
)


@given(written.map(lambda pieces: f"^{''.join(pieces)}$"), st.data())
def test_every_accepted_pattern_lets_only_safe_characters_through(pattern: str, data: st.DataObject) -> None:
    try:
        compiled = patterns.compiled(pattern)
    except ValueError:
        return
    value = data.draw(st.from_regex(re.compile(patterns.portable(pattern), re.ASCII), fullmatch=True))
    assert set(value) <= patterns.SAFE_CHARACTERS
    assert compiled.fullmatch(value)


ATOMS = st.sampled_from(["a", "b", "[ab]", "[a-c]", r"\.", "c"])
QUANTIFIERS = st.sampled_from(["", "", "?", "*", "+", "{2}", "{1,2}", "{0,3}", "{1,}"])
BODIES = st.recursive(
    st.builds("{}{}".format, ATOMS, QUANTIFIERS),
    lambda parts: (
        st.lists(parts, min_size=1, max_size=3).map("".join)
        | st.builds("({}|{}){}".format, parts, parts, QUANTIFIERS)
        | st.builds("(?:{}){}".format, parts, QUANTIFIERS)
    ),
    max_leaves=6,
)


@given(BODIES, st.text("abc.", max_size=7))
def test_the_linear_matcher_agrees_with_the_re_module(body: str, value: str) -> None:
    assert linear_matcher.compile_linear(body).fullmatch(value) is (re.fullmatch(body, value) is not None)


@pytest.mark.parametrize(
    "pattern",
    [
        "^(a|a)*B$",
        "^(a?a?)*B$",
        "^([a-z]{1,20}){1,20}B$",
        "^([a-z]?){999}B$",
        "^(([a-z]{0,999}){0,999}){0,999}B$",
        "^[a-z]*[a-z]*[a-z]*[a-z]*[a-z]*[a-z]*[a-z]*[a-z]*B$",
    ],
)
def test_no_pattern_takes_long_on_a_hostile_value(pattern: str) -> None:
    longest_value = "a" * patterns.MAX_VALUE_LENGTH
    began = time.process_time()

    assert not patterns.compiled(pattern).fullmatch(longest_value)

    assert time.process_time() - began < 2
