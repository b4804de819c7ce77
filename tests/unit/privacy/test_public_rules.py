"""Tests of the public rules for secrets: the table that is made of them, and the search by shapes and names."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evals.redaction import issuers, measure
from firstline.privacy import redact_secrets
from firstline.privacy.shapes import _by_near, _compiled, _near_in, found


def test_the_table_of_issuers_is_made_from_the_pinned_rules() -> None:
    """Run `make issuers` after a change of the rules or of their selection."""
    assert json.loads(issuers.TABLE.read_text()) == [list(issuer) for issuer in issuers.issuers(issuers.rules())]


def test_the_required_share_of_the_public_examples_is_found() -> None:
    measured = measure.public_examples()
    assert measured.tried > 1_500
    assert measured.recall >= measure.LEAST_PUBLIC, [name for name, _, _ in measured.missed]


def test_a_public_rule_that_could_take_more_than_linear_time_is_left_out() -> None:
    def taken(pattern: str) -> bool:
        return bool(issuers.issuers([{"name": "A", "pattern": pattern, "visible": True, "examples": []}]))

    assert taken(r"\b(abc_[a-z]{20,40})\b")
    assert not taken(r"\b(abc_(?:[a-z]+)*[0-9]{20})\b"), "a repetition in a repetition"
    assert not taken(r"\b(abc_[a-z]{0,200}[a-z0-9]{0,200}[0-9]{20})\b"), "two long ones after each other"


def test_no_pattern_is_compiled_for_a_text_without_a_word_of_any_shape() -> None:
    _compiled.cache_clear()

    assert not list(found("memory on web 1 is full"))

    assert _compiled.cache_info().misses == 0


@given(st.lists(st.sampled_from(list(_by_near())) | st.text(max_size=4)).map("".join))
def test_the_search_for_near_words_finds_all_of_them_in_their_order(text: str) -> None:
    assert _near_in(text) == [word for word in _by_near() if word in text]


GITHUB = "ghp_" + "a1B2" * 9
AWS = "AKIA" + "IOSFODNN7EXAMPLE"


@pytest.mark.parametrize(
    "text",
    [
        f"TOKEN_{GITHUB}",
        f"token{GITHUB}",
        f"aws{AWS}prod",
        f"\x9b31m{GITHUB}",
        "xx" + "xoxb-123456789012-a1B2a1B2a1B2",
        f"aws_{AWS}_prod",
        rf"first\n{GITHUB}",
        rf"key\t{AWS}",
        f"\x1b[31m{GITHUB}\x1b[0m",
        f"\x1b[1;31m{GITHUB}\x1b[0m refused",
        rf"\u001b[31m{GITHUB}\u001b[0m",
        "ghp_" + "a1B2" * 4 + "\x1b[0m\x1b[32m" + "a1B2" * 5,
    ],
)
def test_a_secret_is_found_directly_after_a_word_or_an_escape_sequence(text: str) -> None:
    assert "a1B2" not in redact_secrets(text)
    assert AWS not in redact_secrets(text)


@pytest.mark.parametrize(
    "text",
    [
        "DB_PASS=hunter22",
        "pass=hunter22",
        'SMTP_PASS="hunter22"',
        "db.pass: hunter22",
        "Passwort: hunter22",
        "Kennwort=hunter22",
        "contraseña: hunter22",
        "mot de passe : hunter22",
        "senha=hunter22",
        "wachtwoord: hunter22",
        "hasło: hunter22",
        "пароль: hunter22",
        "密码：hunter22",
        "REDISCLI_AUTH=hunter22",
        "mysql -phunter22 -u root",
        "redis-cli -a hunter22 ping",
        "cmdkey /add:srv /user:admin /pass:hunter22",
        "STRIPE_KEY=9f4b2d7e1a3c8056",
        '"gitterToken": "a1b2c3d4e5f6g7h8i9j0"',
        "the API key 0fff5f614cbcafefb9c1ba319b9905d2 was refused",
        "TWITTER_BEARER=AAAAbbbb1111AAAAbbbb",
        "secret_id: 1a85e8c0-3fed-4f06-8f1b-f52bd3de4617",
        "Authorization: sso-key Abc123XYZ789Def456:pQ7rS2tUvW5x",
    ],
)
def test_a_value_whose_name_says_that_it_is_a_secret_is_redacted(text: str) -> None:
    left = redact_secrets(text)
    assert "[redacted" in left
    assert not any(
        secret in left for secret in ("hunter22", "9f4b2d7e", "a1b2c3d4", "0fff5f61", "1111AAAA", "1a85e8c0", "Abc123")
    )


@pytest.mark.parametrize(
    "text",
    [
        "bypass=on",
        "first pass: completed",
        "the pass rate is 92 %",
        "group_key: 8f14e45fceea167a5a36dedd4bea2543",
        "incident_key=srv-2026-11-0042a1b2c3d4",
        "monkey: 8f14e45fceea",
        "partition key a1b2",
        "token bucket refilled",
        "compass=north",
    ],
)
def test_a_text_that_only_resembles_a_named_secret_stays(text: str) -> None:
    assert redact_secrets(text) == text
