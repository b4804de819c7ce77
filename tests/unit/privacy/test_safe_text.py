"""Tests of redaction and of text for models and people: secrets and invisible characters go, the rest stays."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firstline.privacy import redact
from firstline.privacy.redact import MOST_SHORT_TEXTS, SHORT, _searched_once, redact_secrets
from firstline.privacy.safe_text import safe_label, safe_line, safe_text
from firstline.text import strip_invisible

# Put together here, so that no scanner takes this file for a leak.
JWT = ".".join(("eyJ" + "hbGciOiJIUzI1NiJ9", "eyJzdWIiOiIxMjM0NTY3ODkwIn0", "c2lnbmF0dXJlLW9mLWl0"))
PEM = "-----BEGIN RSA PRIVATE " + "KEY-----\nMIIEow\nabc\n-----END RSA PRIVATE " + "KEY-----"


def test_a_short_text_that_many_alerts_share_is_searched_only_once() -> None:
    text = "shared by all: ada@example.com, password=hunter22"
    searched = _searched_once.cache_info().misses

    for _ in range(100):
        assert redact_secrets(text) == "shared by all: ada@example.com, password=[redacted secret]"
        assert "ada@" not in redact(text)

    assert _searched_once.cache_info().misses == searched + 2, "once for secrets, and once with personal data"


def test_the_cache_of_searched_texts_is_limited_in_number_and_length() -> None:
    kept = _searched_once.cache_info()
    redact_secrets("x" * (SHORT + 1))

    assert kept.maxsize == MOST_SHORT_TEXTS
    assert _searched_once.cache_info().misses == kept.misses


@pytest.mark.parametrize(
    ("text", "secret"),
    [
        ("key AKIA" + "IOSFODNN7EXAMPLE used", "IOSFODNN7EXAMPLE"),
        ("wJalrXUtnFEMI/K7MDENG/" + "bPxRfiCYEXAMPLEKEY was rejected", "wJalrXUtnFEMI"),
        ("Authorization: Bearer abc123def456ghi789", "abc123def456ghi789"),
        ("curl -H 'authorization: Basic dXNlcjpwYXNz'", "dXNlcjpwYXNz"),
        (f"token {JWT} expired", JWT),
        (f"found {PEM} in the log", "MIIEow"),
        (PEM[:50], "MIIEow"),  # cut off by the sender
        ("postgres://app:hunter22@db:5432/x", "hunter22"),
        ("redis://:hunter22@cache", "hunter22"),
        ("ghp_" + "a1B2" * 9, "a1B2a1B2"),
        ("xoxb-" + "123456789012-abcdefghij", "abcdefghij"),
        ("https://hooks.slack.com/" + "services/T000/B000/abcdefgh", "abcdefgh"),
        ("sk-proj-" + "abcd1234" * 5, "abcd1234abcd"),
        ("AIza" + "SyA1234567890abcdefghijklmnopqrstuv", "1234567890abc"),
        ("password=hunter22", "hunter22"),
        ('{"password": "correct horse battery"}', "horse"),
        ("DB_PASSWORD: 'two words'", "two words"),
        ("?api_key=0123456789abcdef&x=1", "0123456789abcdef"),
        ("client_secret=abcdefgh12345", "abcdefgh12345"),
        ("AccountKey=" + "Zm9vYmFyYmF6cXV4", "Zm9vYmFy"),
    ],
)
def test_a_secret_is_removed_by_its_shape_or_its_name(text: str, secret: str) -> None:
    assert secret not in redact(text)
    assert "[redacted" in redact(text)


@pytest.mark.parametrize(
    "text",
    [
        "Memory is at 97 % on web-1 (10.0.3.17:9100)",
        "Disk /var/lib/postgresql/data is 91% full, 3.2 GiB left",
        "basic authentication failed for 12 users",
        "commit 3f786850e387550fdab836ed7e6dc881de23001b was deployed",
        "i-0abcd1234ef567890 failed its status checks",
        "arn:aws:cloudwatch:eu-west-1:123456789012:alarm:High CPU",
        "https://grafana.example.com/d/abc/overview?orgId=1&from=now-1h",
        "KubePodCrashLooping: payments/api-7d9f8b6c5-x2x9z (container api)",
        "secrets-manager and token-service are down; passwords can't be reset",
        "KubernetesVolumeOutOfDiskSpaceOnEc2Nodes is firing",
        "rate(http_requests_total{code=~'5..'}[5m]) > 0.05",
    ],
)
def test_an_alert_without_secrets_stays_unchanged(text: str) -> None:
    assert redact(strip_invisible(text)) == text


def test_invisible_characters_are_dropped_before_the_search_for_secrets() -> None:
    assert "hunter22" not in safe_line("pass\u200bword=hun\u2060ter22", 200)


def test_a_secret_at_the_cut_is_redacted_before_the_text_is_cut() -> None:
    text = "x" * 90 + " password=hunter2hunter2"
    within_the_secret = len(text) - len("hunter2")

    assert "hunter" not in safe_text(text, within_the_secret)


def test_the_value_of_a_label_named_like_a_secret_is_hidden() -> None:
    assert safe_label("db_password", "abc", 100) == "[redacted secret]"
    assert safe_label("team", "payments", 100) == "payments"


@given(st.text(max_size=300), st.integers(min_value=1, max_value=50))
def test_safe_line_returns_one_encodable_line_within_the_limit_for_any_text(text: str, limit: int) -> None:
    line = safe_line(text, limit)
    assert len(line) <= limit
    assert "\n" not in line
    assert line.encode("utf-8").decode("utf-8") == line
